"""Which ROIs are views of one lesion."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def lesion_numbers(cases: pd.DataFrame) -> pd.Series:
    """Returns the number of each ROI's lesion in its breast; NA if it is unknown.

    Where the data set has no numbers, the ROIs of a breast are of one lesion, number 1,
    if each is of a different view. With more ROIs in a view they cannot be matched. In
    a table with masses and calcifications, which are numbered separately, the type is
    part of the number.

    Args:
        cases: a case table, or its columns `patient_id, breast, view, lesion`, and
            `lesion_type` if known. A part of a table may match what the whole cannot.
    """
    text = pd.StringDtype("python")
    # Lists have written the same number as 1, 01 and 1.0.
    numbers = (
        cases["lesion"].astype(text).str.replace(r"^0*(\d+)(\.0+)?$", r"\1", regex=True)
    )
    types = cases.get("lesion_type", pd.Series(pd.NA, cases.index)).astype(text)
    several = types.nunique() > 1
    kinds = types.fillna("") if several else pd.Series("", cases.index)
    place = [cases["patient_id"], cases["breast"], kinds]
    together = cases["patient_id"].groupby(place, dropna=False)
    views = pd.concat([*place, cases["view"]], axis=1)
    unclear = views.duplicated(keep=False)
    unclear |= cases["view"].isna() & together.transform("size").gt(1)
    unclear |= cases["breast"].isna() | numbers.notna()
    matched = ~unclear.groupby(place, dropna=False).transform("any")
    numbers = numbers.mask(matched, "1")
    return (kinds + " " + numbers).str.strip() if several else numbers


def lesion_indices(cases: pd.DataFrame) -> NDArray[np.int64]:
    """Returns the index of each ROI's lesion, `(N,)`; see `lesion_numbers`.

    An ROI whose lesion is unknown has a unique index.
    """
    numbers = lesion_numbers(cases)
    keys = [cases["patient_id"], cases["breast"], numbers]
    indices = np.array(numbers.groupby(keys, dropna=False).ngroup(), np.int64)
    unknown = (numbers.isna() | cases["breast"].isna()).to_numpy()
    indices[unknown] = len(cases) + np.arange(unknown.sum())
    return indices


def name_unknown_lesions(numbers: pd.Series, roi_ids: pd.Series) -> pd.Series:
    """Returns the numbers with a unique name for each unknown one."""
    return numbers.where(numbers.notna(), "ROI " + roi_ids.astype(str))


def views_note(cases: pd.DataFrame) -> str:
    """Returns the note for results of `views="two"`.

    It has the numbers of ROIs whose lesion is unknown, and of lesions whose ROIs have
    different labels.
    """
    unknown = int((lesion_numbers(cases).isna() | cases["breast"].isna()).sum())
    note = (
        "Two views: the probability of an ROI is that of its lesion, computed from all "
        "of the lesion's ROIs."
    )
    if unknown:
        note += (
            f" For {unknown} of {len(cases)} ROIs the lesion is unknown (no number, "
            "and several ROIs in a view or no breast): each of them is a separate "
            "lesion."
        )
    mixed = int(cases["label"].groupby(lesion_indices(cases)).nunique().gt(1).sum())
    if mixed:
        note += f" The ROIs of {mixed} lesions have different labels."
    return note


@dataclasses.dataclass(frozen=True)
class OtherViews:
    """The other ROIs of each ROI's lesion.

    Attributes:
        positions: for each ROI the others of its lesion in another view; without any,
            those in the same view; without any, itself. One after the other.
        first, count: where those of each ROI are in `positions`, `(N,)`.
    """

    positions: NDArray[np.int64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]

    @classmethod
    def of(
        cls, cases: pd.DataFrame, lesions: NDArray[np.int64] | None = None
    ) -> OtherViews:
        """Finds them in a table, by `lesion_indices` of it unless others are given."""
        lesions = lesion_indices(cases) if lesions is None else lesions
        views = pd.factorize(cases["view"])[0]
        choices = [np.array([i]) for i in range(len(cases))]
        order = np.argsort(lesions, kind="stable")
        ends = np.flatnonzero(np.diff(lesions[order])) + 1
        for own in np.split(order, ends):
            for i in own if len(own) > 1 else ():
                others = own[own != i]
                elsewhere = others[views[others] != views[i]]
                choices[i] = elsewhere if len(elsewhere) else others
        count = np.array([len(each) for each in choices])
        return cls(np.concatenate(choices), np.cumsum(count) - count, count)

    def draw(
        self, at: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Draws one for each of the ROIs at these positions."""
        which = (rng.uniform(size=len(at)) * self.count[at]).astype(np.int64)
        return self.positions[self.first[at] + which]
