"""Checks of labels, scores, probabilities and groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


def _as_vector(name: str, values: ArrayLike) -> FloatArray:
    try:
        vector = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers. Received: {values!r}") from error
    if vector.ndim != 1 or vector.size == 0:
        raise ValueError(
            f"{name} must be a non-empty vector, one value per ROI. "
            f"Received: an array of shape {vector.shape}"
        )
    return vector


def _first_bad(vector: FloatArray, good: NDArray[np.bool_]) -> str:
    index = int(np.flatnonzero(~good)[0])
    return f"Received: {vector[index]} at index {index}"


def as_labels(y_true: ArrayLike, n_classes: int = 2) -> IntArray:
    """Returns labels as an int64 vector of 0 and 1, or of more classes.

    Args:
        y_true: shape `(n,)`, 0 (benign) or 1 (malignant), or booleans.
        n_classes: number of classes; the labels are below it.

    Raises:
        ValueError: they are empty, not a vector, missing, or no such classes.
    """
    vector = _as_vector("y_true", y_true)
    good = np.isin(vector, range(n_classes))
    if not good.all():
        *first, last = map(str, range(n_classes))
        names = f"{', '.join(first)} or {last}"
        raise ValueError(f"y_true must be {names}. {_first_bad(vector, good)}")
    return vector.astype(np.int64)


def as_scores(y_score: ArrayLike) -> FloatArray:
    """Returns scores of any range as a float64 vector.

    Args:
        y_score: shape `(n,)`, finite; higher is more likely positive.

    Raises:
        ValueError: they are empty, not a vector, or not finite.
    """
    vector = _as_vector("y_score", y_score)
    good = np.isfinite(vector)
    if not good.all():
        raise ValueError(f"y_score must be finite. {_first_bad(vector, good)}")
    return vector


def as_probabilities(y_score: ArrayLike) -> FloatArray:
    """Returns probabilities of the positive class as a float64 vector.

    Args:
        y_score: shape `(n,)`, finite, in [0, 1].

    Raises:
        ValueError: they are empty, not a vector, or outside [0, 1].
    """
    vector = _as_vector("y_score", y_score)
    good = (vector >= 0) & (vector <= 1)
    if not good.all():
        raise ValueError(f"y_score must lie in [0, 1]. {_first_bad(vector, good)}")
    return vector


def as_group_codes(groups: Any) -> tuple[IntArray, int]:
    """Encodes groups (patients) as integers, in sorted order.

    Sorting makes later draws independent of the order of the rows.

    Args:
        groups: a vector of `n` sortable identifiers, one per ROI, none missing.

    Returns:
        The code of each ROI's group, int64 of shape `(n,)`, and the number of groups.

    Raises:
        ValueError: they are empty, not a vector, or one is missing.
    """
    series = pd.Series(groups)
    if series.empty:
        raise ValueError("groups must not be empty.")
    codes, names = pd.factorize(series, sort=True)
    if (codes < 0).any():
        index = int(np.flatnonzero(codes < 0)[0])
        raise ValueError(f"groups must not be missing. Received: NA at index {index}")
    return codes.astype(np.int64), len(names)


def as_labels_and_scores(
    y_true: ArrayLike,
    y_score: ArrayLike,
    check: Callable[[ArrayLike], FloatArray] = as_probabilities,
) -> tuple[IntArray, FloatArray]:
    """Returns labels and scores of the same ROIs, the scores checked by `check`."""
    y, s = as_labels(y_true), check(y_score)
    require_equal_lengths(y_true=y, y_score=s)
    return y, s


def require_equal_lengths(**vectors: NDArray[Any]) -> None:
    """Raises `ValueError` unless all vectors have the same length."""
    lengths = {name: len(vector) for name, vector in vectors.items()}
    if len(set(lengths.values())) > 1:
        received = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(f"the lengths must be equal. Received: {received}")
