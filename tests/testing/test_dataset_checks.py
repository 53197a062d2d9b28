"""A reader that breaks one rule fails the check of that rule."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_wa.data import Dataset, ReadOptions, Roi, new_case_table
from keras_wa.errors import UserError
from keras_wa.testing import run_dataset_test

ROWS = [
    {
        "roi_id": f"r{i}",
        "patient_id": f"p{i // 2}",
        "label": i // 2 % 2,
        "split": "test" if i < 4 else "train",
        "image_path": f"{i}.png",
    }
    for i in range(12)
]


def roi(value: int = 0, **facts: Any) -> Roi:
    return Roi(np.full((4, 4), value, np.uint8), facts)


def dataset(**changes: Any) -> Dataset:
    plain = Dataset("mine", new_case_table(ROWS), lambda row: roi(int(row["label"])))
    return dataclasses.replace(plain, **changes)


def reader(**changes: Any) -> Callable[[Path, ReadOptions, int], Dataset]:
    return lambda root, options, seed: dataset(**changes)


def table(**columns: Any) -> Any:
    return new_case_table(dataset().cases.assign(**columns))


def test_a_reader_without_a_fault_passes(tmp_path: Path) -> None:
    def masked(row: Any) -> Any:
        if row["roi_id"] == "r1":
            raise UserError("r1 has no mask")
        return np.ones((4, 4), bool)

    found = run_dataset_test(reader(read_mask=masked), tmp_path)
    assert len(found.cases) == 12


COUNT = itertools.count()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"cases": dataset().cases.drop(columns="density")}, "columns and dtypes"),
        ({"cases": dataset().cases.astype({"label": int})}, "columns and dtypes"),
        ({"cases": dataset().cases[1:]}, "the index must be 0 to N-1"),
        ({"cases": table(label=[1] * 12)}, "both labels"),
        ({"cases": table(patient_id="p")}, "in more than one part"),
        ({"cases": table(mask_path="../mask.png")}, "not below the root"),
        ({"cases": table(image_path="/image.png")}, "not below the root"),
        ({"source": {"root": Path()}}, "not JSON serializable"),
        ({"notes": [" "]}, "notes"),
        ({"read": lambda row: roi(next(COUNT))}, "read again, differs"),
        ({"read": lambda row: roi(n=next(COUNT))}, "read again, has other facts"),
        ({"read": lambda row: Roi(np.zeros((4, 4)))}, "float64 of rank 2"),
        ({"read": lambda row: Roi(np.zeros((0, 4), "uint8"))}, "is empty"),
        ({"read_mask": lambda row: np.ones((5, 4), bool)}, r"mask of .*\(5, 4\)"),
        ({"read_block": lambda cases: np.ones((8, 4, 4), "uint8")}, "`read_block`"),
    ],
)
def test_a_fault_is_named(changes: dict, told: str, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, UserError, TypeError), match=told):
        run_dataset_test(reader(**changes), tmp_path)


def test_a_table_that_depends_on_the_place_is_named(tmp_path: Path) -> None:
    def read(root: Path, options: ReadOptions, seed: int) -> Dataset:
        return dataset(cases=table(pathology=str(root)))

    with pytest.raises(AssertionError, match="read again, the case table differs"):
        run_dataset_test(read, tmp_path)
