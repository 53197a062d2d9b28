"""Which ROIs are views of one lesion."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_BREAST = ["patient_id", "breast"]


def lesion_numbers(cases: pd.DataFrame) -> pd.Series:
    """Returns the number of each ROI's lesion in its breast; NA if it is unknown.

    Where the data set has no numbers, the ROIs of a breast are of one lesion, number 1,
    if each is of another view. With more ROIs in a view they cannot be matched.

    Args:
        cases: a case table, or its columns `patient_id, breast, view, lesion`.
    """
    numbers = cases["lesion"].astype(pd.StringDtype("python"))
    of_breast = cases.groupby(_BREAST, dropna=False)["patient_id"]
    unclear = cases.duplicated([*_BREAST, "view"], keep=False)
    unclear |= cases["view"].isna() & of_breast.transform("size").gt(1)
    unclear |= cases["breast"].isna() | numbers.notna()
    keys = [cases[name] for name in _BREAST]
    alone = ~unclear.groupby(keys, dropna=False).transform("any")
    return numbers.mask(alone, "1")


def lesion_indices(cases: pd.DataFrame) -> NDArray[np.int64]:
    """Returns the index of each ROI's lesion, `(N,)`.

    An ROI whose lesion is unknown has an index of its own.
    """
    numbers = lesion_numbers(cases)
    keys = [*(cases[name] for name in _BREAST), numbers]
    indices = np.array(numbers.groupby(keys, dropna=False).ngroup(), np.int64)
    unknown = (numbers.isna() | cases["breast"].isna()).to_numpy()
    indices[unknown] = len(cases) + np.arange(unknown.sum())
    return indices


def views_note(cases: pd.DataFrame) -> str:
    """Returns the note beside results of `views="two"`, with the number of ROIs whose
    lesion is unknown."""
    unknown = int((lesion_numbers(cases).isna() | cases["breast"].isna()).sum())
    note = (
        "Two views: the probability of an ROI is that of its lesion, computed from all "
        "of the lesion's ROIs."
    )
    if not unknown:
        return note
    return (
        f"{note} For {unknown} of {len(cases)} ROIs the lesion is unknown (no number, "
        "and several ROIs in a view or no breast): each of them is taken alone."
    )


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
    def of(cls, cases: pd.DataFrame) -> OtherViews:
        """Finds them in a table, see `lesion_numbers`."""
        lesions, views = lesion_indices(cases), pd.factorize(cases["view"])[0]
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
