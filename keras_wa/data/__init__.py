"""Data sets: a case table with its split, and the pixels of each ROI."""

from keras_wa.data.case_table import new_case_table
from keras_wa.data.dataset import Dataset, Roi
from keras_wa.data.options import ReadOptions
from keras_wa.data.registry import load_cases, register_dataset
from keras_wa.data.splits import split_cases, split_hash

__all__ = [
    "Dataset",
    "ReadOptions",
    "Roi",
    "load_cases",
    "new_case_table",
    "register_dataset",
    "split_cases",
    "split_hash",
]
