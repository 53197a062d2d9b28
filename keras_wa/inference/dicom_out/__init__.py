"""Results as DICOM: a structured report, and a picture beside the mammogram."""

from __future__ import annotations

from keras_wa.inference.dicom_out.capture import secondary_capture
from keras_wa.inference.dicom_out.model_result import Algorithm, Finding
from keras_wa.inference.dicom_out.source import not_taken_over, size_of
from keras_wa.inference.dicom_out.structured_report import structured_report
from keras_wa.inference.dicom_out.writing import write_dicom

__all__ = [
    "Algorithm",
    "Finding",
    "not_taken_over",
    "secondary_capture",
    "size_of",
    "structured_report",
    "write_dicom",
]
