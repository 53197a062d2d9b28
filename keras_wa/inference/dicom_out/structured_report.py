"""Findings as a DICOM structured report: TID 1500, Measurement Report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from keras_wa.errors import UserError
from keras_wa.inference.dicom_out.model_result import Algorithm, Finding
from keras_wa.inference.dicom_out.source import (
    check_source,
    header,
    no_warnings,
    not_taken_over,
    side,
    size_of,
)

_SERIES_NUMBER = 9101

# Both from the templates of mammography CAD (PS3.16, TID 4005 and 4006), which give
# the number in percent.
PROBABILITY = Code("111047", "DCM", "Probability of cancer")
PERCENT = Code("%", "UCUM", "Percent")

# How two more probabilities were derived (PS3.16, CID 7464): over copies of the ROI,
# which is not the uncertainty of a measurement.
LEAST = codes.SCT.Minimum
GREATEST = codes.SCT.Maximum

# The standard has no code for the result of a threshold; Malignant and Benign would
# claim more.
DECISION = Code("decision", "99KERASWA", "Decision at the threshold")
POSITIVE = Code("10828004", "SCT", "Positive")
NEGATIVE = Code("260385009", "SCT", "Negative")

# The classes that a probability does not exclude: one, or both or none.
PREDICTION_SET = Code("prediction-set", "99KERASWA", "Prediction set")
INDETERMINATE = codes.SCT.Indeterminate
_SETS = {
    "malignant": POSITIVE,
    "benign": NEGATIVE,
    "both": INDETERMINATE,
    "none": INDETERMINATE,
}
NO_GUARANTEE = "The prediction set has no guaranteed coverage."

# Of the codes that the template suggests (PS3.16, CID 100) none is a mammography.
PROCEDURE = Code("363679005", "SCT", "Imaging procedure")

_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
_COMMENT = Code("121106", "DCM", "Comment")
_SIDES = {"L": codes.SCT.Left, "R": codes.SCT.Right}


@no_warnings()
def structured_report(
    source: Dataset,
    findings: Sequence[Finding],
    algorithm: Algorithm,
    when: datetime,
) -> Dataset:
    """Creates a structured report on the ROIs of one image.

    A Comprehensive SR with a measurement group (TID 1410) for each finding: the box as
    a closed polyline on the source, the probability in percent with the smallest and
    largest one, the decision, the prediction set, the warnings as comments, and the
    algorithm (TID 4019) with its threshold. It is in the source's study and a new
    series.

    Raises:
        UserError: the source lacks an identifier or is not a single image, there is no
            finding, a box extends outside the image, or `highdicom` is not installed.
    """
    name = check_source(source)
    _check_boxes(source, findings, name)
    sr = _highdicom_sr()
    head = header(source, algorithm, when)
    report = _document(sr, source, head, findings, algorithm)
    # Added last: highdicom refuses some values of sources.
    report.update(head)
    return report


def _highdicom_sr() -> Any:
    # An extra, which only reports need.
    try:
        from highdicom import sr
    except ImportError as error:
        raise UserError(
            f"A structured report needs the extra `dicom`. Received: {error}; install "
            "it: pip install 'keras_wa[dicom]'"
        ) from error
    return sr


def _check_boxes(source: Dataset, findings: Sequence[Finding], name: str) -> None:
    if not findings:
        raise UserError(f"{name}: findings. Received: none; expected one at least.")
    height, width = size_of(source)
    for number, finding in enumerate(findings, 1):
        if finding.box[2] > width or finding.box[3] > height:
            raise UserError(
                f"{name}: box of finding {number}. Received: {finding.box}; expected a "
                f"box within the image's {width} columns and {height} rows."
            )


def _document(
    sr: Any,
    source: Dataset,
    head: Dataset,
    findings: Sequence[Finding],
    algorithm: Algorithm,
) -> Dataset:
    from highdicom import ContributingEquipment
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    observer = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            # Equal for one algorithm, so that its reports can be found.
            uid=generate_uid(
                entropy_srcs=[algorithm.maker, algorithm.name, algorithm.version]
            ),
            name=algorithm.name,
            manufacturer_name=algorithm.maker,
            model_name=algorithm.name,
        ),
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=PROCEDURE,
        imaging_measurements=[
            _group(sr, source, finding, algorithm, number)
            for number, finding in enumerate(findings, 1)
        ],
    )
    _say(sr, content[0], [algorithm.description, *not_taken_over(source)])
    return sr.ComprehensiveSR(
        evidence=[_stand_in(source)],
        content=content,
        series_instance_uid=head.SeriesInstanceUID,
        series_number=_SERIES_NUMBER,
        series_description=f"{algorithm.name}: findings"[:64],
        sop_instance_uid=head.SOPInstanceUID,
        instance_number=head.InstanceNumber,
        manufacturer=algorithm.maker,
        is_complete=True,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        specific_character_set=head.SpecificCharacterSet,
        coding_schemes=[
            CodingSchemeIdentificationItem(
                designator=DECISION.scheme_designator,
                name="Codes of keras_wa",
                responsible_organization="keras_wa",
            )
        ],
        contributing_equipment=[
            ContributingEquipment(
                manufacturer=algorithm.maker,
                purpose_of_reference=codes.DCM.ProcessingEquipment,
                manufacturer_model_name=algorithm.name,
                software_versions=algorithm.version,
                contribution_description=algorithm.description,
            )
        ],
    )


def _stand_in(source: Dataset) -> Dataset:
    """Returns the identifiers of the source, without values that highdicom refuses."""
    dataset = Dataset()
    for field in ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID"):
        setattr(dataset, field, source[field].value)
    dataset.SOPInstanceUID = source.SOPInstanceUID
    for field in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"):
        setattr(dataset, field, "")
    for field in ("AccessionNumber", "StudyID", "StudyDate", "StudyTime"):
        setattr(dataset, field, "")
    return dataset


def _group(
    sr: Any, source: Dataset, finding: Finding, algorithm: Algorithm, number: int
) -> Any:
    """Returns the measurement group of one finding (TID 1410)."""
    left, top, right, bottom = finding.box
    # 0\0 is the upper left corner of the first pixel (PS3.3 C.18.6), so that right
    # and bottom, which are outside, are the edges of the last ones.
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    region = sr.ImageRegion(
        graphic_type=sr.GraphicTypeValues.POLYLINE,
        graphic_data=np.array(corners, float),
        source_image=sr.SourceImageForRegion(
            referenced_sop_class_uid=source.SOPClassUID,
            referenced_sop_instance_uid=source.SOPInstanceUID,
        ),
    )
    breast = sr.FindingSite(codes.SCT.Breast, _SIDES.get(side(source)))
    known = {"threshold": finding.threshold, "coverage of sets": finding.coverage}
    parameters = [f"{k}: {float(v)!r}" for k, v in known.items() if v is not None]
    group = sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=generate_uid(prefix=None), identifier=f"ROI {number}"
        ),
        referenced_region=region,
        # The box was given; the model does not detect lesions.
        finding_type=codes.SCT.Lesion,
        finding_sites=[breast],
        algorithm_id=sr.AlgorithmIdentification(
            name=algorithm.name,
            version=algorithm.version,
            manufacturer=algorithm.maker,
            parameters=parameters or None,
        ),
        measurements=_probabilities(sr, finding),
        qualitative_evaluations=_evaluations(sr, finding),
    )
    comments = list(finding.warnings)
    if finding.prediction_set and finding.coverage is None:
        comments.append(NO_GUARANTEE)
    for reason in comments:
        group[0].ContentSequence.append(_comment(sr, reason))
    return group


def _probabilities(sr: Any, finding: Finding) -> list[Any]:
    """Returns the probability, and the smallest and largest one if known."""
    values = [(finding.probability, None)]
    if finding.low is not None and finding.high is not None:
        values += [(finding.low, LEAST), (finding.high, GREATEST)]
    return [
        sr.Measurement(
            name=PROBABILITY,
            value=100 * float(value),
            unit=PERCENT,
            derivation=derivation,
        )
        for value, derivation in values
    ]


def _evaluations(sr: Any, finding: Finding) -> list[Any] | None:
    """Returns the decision and the prediction set, if known."""
    found = {}
    if finding.decision is not None:
        found[DECISION] = POSITIVE if finding.decision else NEGATIVE
    if finding.prediction_set:
        found[PREDICTION_SET] = _SETS[finding.prediction_set]
    return [
        sr.QualitativeEvaluation(name=name, value=value)
        for name, value in found.items()
    ] or None


def _say(sr: Any, root: Dataset, texts: Sequence[str]) -> None:
    """Adds texts about the whole report (TID 1500, row 14)."""
    container = sr.ContainerContentItem(
        name=_EVALUATIONS,
        is_content_continuous=False,
        relationship_type=sr.RelationshipTypeValues.CONTAINS,
    )
    container.ContentSequence = sr.ContentSequence(
        [_comment(sr, text) for text in texts]
    )
    root.ContentSequence.append(container)


def _comment(sr: Any, text: str) -> Any:
    # DICOM texts have no control characters, and line breaks need two.
    clean = "".join(c if c.isprintable() else " " for c in text).strip()
    return sr.TextContentItem(
        name=_COMMENT,
        value=clean or "-",
        relationship_type=sr.RelationshipTypeValues.CONTAINS,
    )
