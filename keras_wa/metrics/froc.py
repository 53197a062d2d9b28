"""Free-response ROC: sensitivity for lesions against false positives an image.

Source: Bunch et al. 1978, "A free-response approach to the measurement and
characterization of radiographic observer performance". Patients are resampled whole, as
in `keras_wa.metrics.bootstrap`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_wa.metrics.bootstrap import percentile_interval
from keras_wa.metrics.estimate import Estimate
from keras_wa.metrics.hits import MarkedImage
from keras_wa.metrics.inputs import FloatArray, IntArray, as_group_codes
from keras_wa.metrics.resampling import draw_groups, in_threads

RATES = (0.25, 0.5, 1.0, 2.0)
"""False positives an image at which the sensitivity is told."""

# rate * images may come out a hair below the whole number that it is.
_HAIR = 1e-9


@dataclasses.dataclass(frozen=True)
class FrocCurve:
    """A curve of `n` operating points, from the strictest on; float64 `(n,)` each.

    Attributes:
        false_per_image: false positives an image, all images counted.
        sensitivity: share of the lesions that are hit.
        threshold: a candidate counts if its score is at least this; infinity first.
    """

    false_per_image: FloatArray
    sensitivity: FloatArray
    threshold: FloatArray


@dataclasses.dataclass(frozen=True)
class FrocEstimate:
    """Numbers of a FROC curve with intervals by patient.

    Attributes:
        sensitivity: at most so many false positives an image -> the sensitivity.
        area: mean sensitivity over the rates from 0 to `most_false`: the partial area
            under the curve over its width, 0 to 1.
        most_false: end of that range, false positives an image.
        images: how many.
        lesions: how many.
        patients: how many.
    """

    sensitivity: dict[float, Estimate]
    area: Estimate
    most_false: float
    images: int
    lesions: int
    patients: int


def froc_curve(images: Sequence[MarkedImage]) -> FrocCurve:
    """Computes the curve: a point for each distinct score.

    Args:
        images: of which at least one has a lesion.

    Returns:
        The curve, from (0, 0) on. Beyond its last point nothing is known: the detector
        gave no more candidates.

    Raises:
        ValueError: if no image has a lesion.
    """
    marks = _Marks(images)
    one_each = np.ones((1, marks.n_groups), np.int64)
    hits, false = (each[0] for each in marks.cumulative(one_each))
    return FrocCurve(
        false_per_image=false / marks.n_images.sum(),
        sensitivity=hits / marks.n_lesions.sum(),
        threshold=np.concatenate([[np.inf], marks.levels]),
    )


def froc_estimate(
    images: Sequence[MarkedImage],
    rates: Sequence[float] = RATES,
    most_false: float = 2.0,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> FrocEstimate:
    """Sensitivities at given rates and the partial area, each with its interval.

    Between two operating points of a curve there is none, so that the sensitivity at a
    rate is that of the last point with no more false positives: no interpolation. The
    area is that under those steps. A curve that ends before a rate counts on with its
    last sensitivity: the detector gave fewer false positives than were allowed.

    Args:
        images: of which at least one has a lesion.
        rates: false positives an image, at least 0.
        most_false: end of the range of the area, above 0.
        n_resamples: number of resamples of the patients, at least 1.
        seed: of the resampling.
        confidence: coverage that the intervals aim at, in (0, 1).

    Returns:
        The numbers. With one patient the intervals have no ends (NaN). Resamples
        without a lesion are left out.

    Raises:
        ValueError: if no image has a lesion or an argument is out of its range.
    """
    if most_false <= 0 or min(rates, default=0) < 0:
        raise ValueError(
            f"rates and most_false: Received: {tuple(rates)} and {most_false}; "
            "expected rates of at least 0 and most_false above 0."
        )
    marks = _Marks(images)
    value = _numbers(marks, np.ones((1, marks.n_groups), np.int64), rates, most_false)
    chunks = in_threads(
        lambda counts: _numbers(marks, counts, rates, most_false),
        draw_groups(marks.n_groups, len(marks.levels) + 1, n_resamples, seed),
    )
    resampled = np.concatenate(chunks)
    *at_rates, area = (
        percentile_interval(value[0, i], resampled[:, i], marks.n_groups, confidence)
        for i in range(value.shape[1])
    )
    return FrocEstimate(
        sensitivity=dict(zip(map(float, rates), at_rates, strict=True)),
        area=area,
        most_false=float(most_false),
        images=int(marks.n_images.sum()),
        lesions=int(marks.n_lesions.sum()),
        patients=marks.n_groups,
    )


class _Marks:
    """Hits and false positives counted by patient and level of the score.

    Attributes:
        n_groups: number of patients, G.
        n_images: int64 (G,).
        n_lesions: int64 (G,).
        levels: the L distinct scores, the highest first.
    """

    def __init__(self, images: Sequence[MarkedImage]) -> None:
        codes, self.n_groups = as_group_codes([image.patient for image in images])
        found = [np.asarray(image.found, np.float64) for image in images]
        false = [np.asarray(image.false, np.float64) for image in images]
        self.n_images = np.bincount(codes, minlength=self.n_groups)
        self.n_lesions = self._count(codes, [len(each) for each in found])
        if not self.n_lesions.sum():
            raise ValueError(
                f"images: Received: {len(images)} images without a lesion; expected at "
                "least one lesion."
            )
        hits = [each[np.isfinite(each)] for each in found]
        scores = np.concatenate([*hits, *false])
        self.levels: FloatArray = np.unique(scores)[::-1]
        self._hits = self._table(codes, hits)
        self._false = self._table(codes, false)

    def cumulative(self, counts: IntArray) -> tuple[FloatArray, FloatArray]:
        """Hits and false positives down to each level, from none on.

        Args:
            counts: (R, G), how often each patient is drawn.

        Returns:
            Two arrays (R, L + 1) of whole numbers.
        """
        drawn = counts.astype(np.float64)
        none = np.zeros((len(counts), 1))
        hits, false = (
            np.concatenate([none, np.cumsum(drawn @ table, axis=1)], axis=1)
            for table in (self._hits, self._false)
        )
        return hits, false

    def _count(self, codes: IntArray, weights: Sequence[int]) -> IntArray:
        sums = np.bincount(codes, weights=weights, minlength=self.n_groups)
        return sums.astype(np.int64)

    def _table(self, codes: IntArray, scores: Sequence[FloatArray]) -> FloatArray:
        """How many of the scores each patient has at each level, (G, L)."""
        table = np.zeros((self.n_groups, len(self.levels)))
        rising = self.levels[::-1]
        for code, each in zip(codes, scores, strict=True):
            level = len(rising) - 1 - np.searchsorted(rising, each)
            np.add.at(table[code], level, 1)
        return table


def _numbers(
    marks: _Marks, counts: IntArray, rates: Sequence[float], most_false: float
) -> FloatArray:
    """Sensitivity at each rate, then the area; (R, rates + 1), NaN without lesions."""
    hits, false = marks.cumulative(counts)
    images = (counts @ marks.n_images)[:, None]
    lesions = (counts @ marks.n_lesions)[:, None]
    undefined: Any = np.full(hits.shape, np.nan)
    share = np.divide(hits, lesions, out=undefined, where=lesions > 0)
    columns = []
    for rate in rates:
        allowed = false <= rate * images + _HAIR
        # Hits only add up, so the last point allowed has the most of them.
        last = allowed.sum(axis=1) - 1
        columns.append(share[np.arange(len(share)), last])
    end = most_false * images
    ends = np.minimum(np.concatenate([false[:, 1:], end], axis=1), end)
    width = ends - np.minimum(false, end)
    # The last point holds on to the end.
    width[:, -1] = (end - np.minimum(false[:, -1:], end))[:, 0]
    columns.append((share * width).sum(axis=1) / end[:, 0])
    return np.stack(columns, axis=1)
