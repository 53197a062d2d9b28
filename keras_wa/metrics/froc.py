"""Free-response ROC (FROC): lesion sensitivity against false positives per image.

Intervals resample whole patients, see `keras_wa.metrics.bootstrap`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_wa.metrics.arguments import FloatArray, IntArray, as_group_codes
from keras_wa.metrics.bootstrap import percentile_interval
from keras_wa.metrics.estimate import Estimate
from keras_wa.metrics.hits import MarkedImage
from keras_wa.metrics.resampling import resample

RATES = (0.25, 0.5, 1.0, 2.0)
"""False positives per image at which the sensitivity is reported."""

# rate * images may round to just below an integer.
_HAIR = 1e-9


@dataclasses.dataclass(frozen=True)
class FrocCurve:
    """The `n` operating points of a FROC curve, from the highest threshold down.

    `froc_curve` computes it.

    Attributes:
        false_per_image: false positives per image, float64 `(n,)`.
        sensitivity: share of lesions that are hit, float64 `(n,)`.
        threshold: smallest score that counts, float64 `(n,)`; the first is infinite.

    Example:
        >>> from keras_wa.metrics import MarkedImage, froc_curve
        >>> curve = froc_curve([MarkedImage("a", found=(0.9,), false=(0.5,))])
        >>> curve.threshold.tolist()
        [inf, 0.9, 0.5]
    """

    false_per_image: FloatArray
    sensitivity: FloatArray
    threshold: FloatArray


@dataclasses.dataclass(frozen=True)
class FrocEstimate:
    """Summary of a FROC curve, with intervals by patient.

    `froc_estimate` computes it.

    Attributes:
        sensitivity: rate of false positives per image -> `Estimate` of the sensitivity.
        area: `Estimate` of the partial area under the curve, divided by `most_false`:
            the mean sensitivity at rates from 0 to `most_false`, in [0, 1].
        most_false: upper limit of these rates, false positives per image.
        images: number of images.
        lesions: number of lesions.
        patients: number of patients.

    Example:
        >>> from keras_wa.metrics import MarkedImage, froc_estimate
        >>> images = [MarkedImage("a", (0.9,), ()), MarkedImage("b", (), (0.7,))]
        >>> estimate = froc_estimate(images, rates=[1.0])
        >>> estimate.images, estimate.lesions, estimate.patients
        (2, 1, 2)
    """

    sensitivity: dict[float, Estimate]
    area: Estimate
    most_false: float
    images: int
    lesions: int
    patients: int


def froc_curve(images: Sequence[MarkedImage]) -> FrocCurve:
    """Computes a FROC curve: one point for each distinct score.

    Args:
        images: images with their hits and false positives, see `mark_image`; at least
            one with a lesion.

    Returns:
        The curve, starting at (0, 0). It ends at the detector's lowest score.

    Raises:
        ValueError: no image has a lesion.

    Example:
        >>> from keras_wa.metrics import MarkedImage, froc_curve
        >>> images = [
        ...     MarkedImage("a", found=(0.9, 0.4), false=(0.5,)),
        ...     MarkedImage("b", found=(), false=(0.7, 0.2)),
        ... ]
        >>> curve = froc_curve(images)
        >>> curve.sensitivity.tolist()
        [0.0, 0.5, 0.5, 0.5, 1.0, 1.0]
        >>> curve.false_per_image.tolist()
        [0.0, 0.0, 0.5, 1.0, 1.0, 1.5]

    Source:
        Bunch et al. 1978, "A free-response approach to the measurement and
        characterization of radiographic observer performance".
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
    """Computes sensitivities and the partial area of a FROC curve, with intervals.

    The sensitivity at a rate is that of the last operating point with no more false
    positives, without interpolation; the area is that under these steps. A curve that
    ends before a rate keeps its last sensitivity.

    Args:
        images: images with their hits and false positives, see `mark_image`; at least
            one with a lesion.
        rates: false positives per image, each at least 0.
        most_false: upper limit of the partial area, false positives per image, above 0.
        n_resamples: number of resamples of the patients, at least 1.
        seed: seed of the resampling.
        confidence: nominal coverage of the intervals, in (0, 1).

    Returns:
        A `FrocEstimate`. With one patient there are no intervals (NaN). Resamples
        without a lesion are left out.

    Raises:
        ValueError: no image has a lesion, or an argument is out of range.

    Example:
        >>> from keras_wa.metrics import MarkedImage, froc_estimate
        >>> images = [
        ...     MarkedImage("a", found=(0.9, 0.4), false=(0.5,)),
        ...     MarkedImage("b", found=(), false=(0.7, 0.2)),
        ... ]
        >>> estimate = froc_estimate(images, rates=[0.5, 1.0], n_resamples=200)
        >>> estimate.sensitivity[0.5].value, estimate.sensitivity[1.0].value
        (0.5, 1.0)
        >>> estimate.area.value
        0.75

    Source:
        Bunch et al. 1978, "A free-response approach to the measurement and
        characterization of radiographic observer performance".
    """
    if most_false <= 0 or min(rates, default=0) < 0:
        raise ValueError(
            f"rates and most_false: Received: {tuple(rates)} and {most_false}; "
            "expected rates of at least 0 and most_false above 0."
        )
    marks = _Marks(images)
    values = _numbers(marks, np.ones((1, marks.n_groups), np.int64), rates, most_false)
    drawn = resample(
        lambda counts: _numbers(marks, counts, rates, most_false),
        marks.n_groups,
        len(marks.levels) + 1,
        n_resamples,
        seed,
    )
    found = {
        name: percentile_interval(each[0], drawn[name], marks.n_groups, confidence)
        for name, each in values.items()
    }
    return FrocEstimate(
        sensitivity={float(rate): found[f"{rate}"] for rate in rates},
        area=found["area"],
        most_false=float(most_false),
        images=int(marks.n_images.sum()),
        lesions=int(marks.n_lesions.sum()),
        patients=marks.n_groups,
    )


class _Marks:
    """Counts of hits and false positives by patient and score.

    Attributes:
        n_groups: number of patients, G.
        n_images: int64 (G,).
        n_lesions: int64 (G,).
        levels: the L distinct scores, in falling order.
    """

    def __init__(self, images: Sequence[MarkedImage]) -> None:
        codes, self.n_groups = as_group_codes([image.patient for image in images])
        found = [np.asarray(image.found, np.float64) for image in images]
        false = [np.asarray(image.false, np.float64) for image in images]
        self.n_images = np.bincount(codes, minlength=self.n_groups)
        lesions = [len(each) for each in found]
        self.n_lesions = np.bincount(codes, lesions, self.n_groups).astype(np.int64)
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
        """Counts hits and false positives from no level on, twice (R, L + 1).

        `counts` (R, G) is how often each patient is drawn.
        """
        drawn = counts.astype(np.float64)
        none = np.zeros((len(counts), 1))
        hits, false = (
            np.concatenate([none, np.cumsum(drawn @ table, axis=1)], axis=1)
            for table in (self._hits, self._false)
        )
        return hits, false

    def _table(self, codes: IntArray, scores: Sequence[FloatArray]) -> FloatArray:
        """How many of the scores each patient has at each level, (G, L)."""
        table = np.zeros((self.n_groups, len(self.levels)))
        patients = np.repeat(codes, [len(each) for each in scores])
        levels = np.searchsorted(-self.levels, -np.concatenate(scores))
        np.add.at(table, (patients, levels), 1)
        return table


def _numbers(
    marks: _Marks, counts: IntArray, rates: Sequence[float], most_false: float
) -> dict[str, FloatArray]:
    """Returns `area` and the sensitivity at each rate, `(R,)`; NaN without lesions."""
    hits, false = marks.cumulative(counts)
    images = (counts @ marks.n_images)[:, None]
    lesions = (counts @ marks.n_lesions)[:, None]
    undefined: Any = np.full(hits.shape, np.nan)
    share = np.divide(hits, lesions, out=undefined, where=lesions > 0)
    found = {}
    for rate in rates:
        allowed = false <= rate * images + _HAIR
        # Hits never decrease: the last point allowed has the most.
        last = allowed.sum(axis=1) - 1
        found[f"{rate}"] = share[np.arange(len(share)), last]
    end = most_false * images
    # The last point extends to the end.
    edges = np.minimum(np.concatenate([false, end], axis=1), end)
    found["area"] = (share * np.diff(edges, axis=1)).sum(axis=1) / end[:, 0]
    return found
