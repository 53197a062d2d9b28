"""Datasets: from a root folder, or a phantom's seed, to a case table with its split."""

from __future__ import annotations

from keras_wa.data.case_table import (
    COLUMNS,
    PARTS,
    new_case_table,
    read_case_table,
    validate,
    write_case_table,
)
from keras_wa.data.classes import (
    CLASS_NAMES,
    class_indices,
    require_every_class,
)
from keras_wa.data.dataset import Dataset, Roi
from keras_wa.data.finding import find_dataset, name_of_dataset
from keras_wa.data.leaky_splits import (
    AUGMENTED_FIRST_NOTICE,
    LEAKY_SPLITS,
    RANDOM_ROI_NOTICE,
)
from keras_wa.data.options import ReadOptions
from keras_wa.data.readers.folder import read_folder
from keras_wa.data.registry import DATASETS, load_cases, register_dataset
from keras_wa.data.splits import (
    SPLITS,
    check_split,
    patient_kfold,
    split_cases,
    split_faults,
    split_hash,
    split_origin,
    split_validation,
)

__all__ = [
    "AUGMENTED_FIRST_NOTICE",
    "CLASS_NAMES",
    "COLUMNS",
    "DATASETS",
    "LEAKY_SPLITS",
    "PARTS",
    "RANDOM_ROI_NOTICE",
    "SPLITS",
    "Dataset",
    "ReadOptions",
    "Roi",
    "check_split",
    "class_indices",
    "find_dataset",
    "load_cases",
    "name_of_dataset",
    "new_case_table",
    "patient_kfold",
    "read_case_table",
    "read_folder",
    "register_dataset",
    "require_every_class",
    "split_cases",
    "split_faults",
    "split_hash",
    "split_origin",
    "split_validation",
    "validate",
    "write_case_table",
]
