"""Classifying image files; an unreadable file gives an error for that file only."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_wa.data import ReadOptions
from keras_wa.data.cropping import cut_roi
from keras_wa.data.io import Box, GreyImage
from keras_wa.data.io.resize import LEAST_SIDE, resize
from keras_wa.data.io.symmetries import SYMMETRIES, apply_symmetry
from keras_wa.errors import UserError
from keras_wa.inference.out_of_distribution import out_of_distribution_warnings
from keras_wa.metrics import apply_temperature
from keras_wa.metrics.fusion import fuse_views

if TYPE_CHECKING:
    # This import loads TensorFlow, which decoding does not wait for.
    from keras_wa.inference.classifier import Classifier

Pixels = NDArray[np.uint8]

AT_ONCE = 2
"""Number of batches that are computed at once, to keep all cores busy."""

_RESIZED = "mask: of another size than the image, and taken to cover the same field"
BATCH = 32
"""Number of images per batch, copies included."""

_READERS = 2
_MOST_VIEWS = 16


@dataclasses.dataclass(frozen=True)
class Target:
    """An ROI to classify.

    Attributes:
        file: the image.
        box: the lesion's box, pixels; None: that of the mask, or the whole image.
        mask: file of a mask of the lesion.
        score: score of the detector that found the box; None for a given box.
        error: reason why there is nothing to classify in the file, or `""`.
        image: the decoded image, if available; released after cropping.
    """

    file: Path
    box: Box | None = None
    mask: Path | None = None
    score: float | None = None
    error: str = ""
    image: GreyImage | None = dataclasses.field(default=None, repr=False, compare=False)


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The prediction for one ROI, or an error.

    Attributes:
        target: the ROI.
        probability: probability of malignancy, calibrated if the model's temperature is
            known.
        low, high: smallest and largest probability under test-time augmentation
            (rotations and flips); equal without it.
        members_low, members_high: smallest and largest probability of an ensemble's
            members, at the ensemble's temperature; None for a single model.
        malignant: decision at the threshold; None if it is unknown.
        threshold: threshold of the calibrated probability.
        prediction_set: classes that the probability does not exclude, see
            `keras_wa.metrics.PredictionSets`: `benign`, `malignant`, `both` or `none`;
            `""` if unknown.
        probabilities: uncalibrated probability of each class.
        warnings: differences from the training ROIs.
        window: the ROI in the image: left, top, width, height, pixels.
        spacing_mm, spacing_from: pixel spacing of rows and its source, see
            `keras_wa.data.cropping.cut_roi`; None and `""` if unknown.
        roi: the ROI before enhancement, uint8 `(size, size)`.
        error: reason why there is no probability, or `""`.
    """

    target: Target
    probability: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    members_low: float | None = None
    members_high: float | None = None
    malignant: bool | None = None
    threshold: float | None = None
    prediction_set: str = ""
    probabilities: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()
    window: tuple[int, int, int, int] | None = None
    spacing_mm: float | None = None
    spacing_from: str = ""
    roi: Pixels | None = None
    error: str = ""


@dataclasses.dataclass(frozen=True)
class ReadRoi:
    """An ROI that is ready for the network, uint8 `(size, size)`; see `Prediction`."""

    target: Target
    roi: Pixels
    warnings: tuple[str, ...]
    window: tuple[int, int, int, int]
    spacing_mm: float | None = None
    spacing_from: str = ""


def predict_targets(
    classifier: Classifier,
    targets: Iterable[Target],
    options: ReadOptions,
    tta: int = SYMMETRIES,
    batch_size: int = BATCH,
    one_lesion: bool = False,
) -> Iterator[Prediction]:
    """Classifies ROIs in order, a batch at a time, while the next ones are read.

    Args:
        classifier: the model.
        targets: the targets; they are read a few batches ahead.
        options: how to crop the ROI of a box.
        tta: number of rotated and flipped copies of each ROI for test-time
            augmentation, 1 (none) to 8.
        batch_size: number of images per batch, copies included.
        one_lesion: whether the targets are views of one lesion. Each then has the
            probability of all together; unreadable ones are left out.
    """
    read = functools.partial(_read, classifier, options)
    chunk = max(1, batch_size // tta)
    if one_lesion:
        targets = list(targets)
        chunk = max(1, len(targets))
        if chunk > _MOST_VIEWS:
            raise UserError(
                f"`one_lesion`: a lesion has few ROIs. Received: {chunk}; expected at "
                f"most {_MOST_VIEWS}."
            )

    def results(part: list[ReadRoi | Prediction]) -> list[Prediction]:
        good = [each for each in part if isinstance(each, ReadRoi)]
        own = iter(_classify(classifier, good, tta, one_lesion))
        return [next(own) if isinstance(each, ReadRoi) else each for each in part]

    pool, network = ThreadPoolExecutor(_READERS), ThreadPoolExecutor(AT_ONCE)
    try:
        # The next targets may need an image to be decoded in this thread, so that the
        # network runs in another.
        running: deque[Future[list[Prediction]]] = deque()
        for part in _ahead(pool, read, targets, chunk):
            running.append(network.submit(results, part))
            if len(running) > AT_ONCE:
                yield from running.popleft().result()
        while running:
            yield from running.popleft().result()
    finally:
        # A caller that stops does not wait.
        for threads in (network, pool):
            threads.shutdown(cancel_futures=True)


def _ahead(
    pool: ThreadPoolExecutor, read: Any, targets: Iterable[Target], size: int
) -> Iterator[list[ReadRoi | Prediction]]:
    """Yields chunks of read ROIs, with two more being read."""
    waiting: list[Future[ReadRoi | Prediction]] = []
    source = iter(targets)
    while True:
        fresh = itertools.islice(source, 3 * size - len(waiting))
        waiting += [pool.submit(read, target) for target in fresh]
        if not waiting:
            return
        now, waiting = waiting[:size], waiting[size:]
        yield [future.result() for future in now]


def read_roi(
    classifier: Classifier,
    options: ReadOptions,
    target: Target,
    image: GreyImage | None = None,
) -> ReadRoi:
    """Reads, crops and resizes an ROI.

    Args:
        classifier: the model.
        options: how to crop the ROI of a box.
        target: the target; a whole image must have 32 px a side.
        image: the decoded image, if available.
    """
    file = target.file.absolute() if image is None else target.file
    roi = cut_roi(
        file.parent,
        file.name,
        options,
        box=target.box,
        mask=None if target.mask is None else str(target.mask.absolute()),
        image=image,
    )
    # A window around a lesion is cropped as in training, whatever its size in pixels.
    whole = target.box is None and target.mask is None
    height, width = roi.pixels.shape
    if whole and min(height, width) < LEAST_SIDE:
        raise UserError(
            f"{target.file}: size of the ROI. Received: {height} by {width} pixels; "
            f"expected at least {LEAST_SIDE} a side."
        )
    size = (classifier.image_size, classifier.image_size)
    resized = resize(roi.pixels, size)
    left, top, width, height = roi.facts["window"]
    return ReadRoi(
        target,
        resized,
        (
            *roi.facts.get("notes", ()),
            *([_RESIZED] if roi.facts.get("mask_resized") else []),
            *out_of_distribution_warnings(classifier, roi.pixels, resized, roi.facts),
        ),
        (left, top, width, height),
        roi.facts.get("pixel_spacing_mm"),
        roi.facts.get("spacing_from", ""),
    )


def copies_of(read: Sequence[ReadRoi], tta: int) -> Pixels:
    """Returns rotated and flipped copies of ROIs, uint8 `(n * tta, H, W)`."""
    return np.stack([apply_symmetry(each.roi, i) for each in read for i in range(tta)])


def _read(
    classifier: Classifier, options: ReadOptions, target: Target
) -> ReadRoi | Prediction:
    if target.error:
        return Prediction(target, error=target.error)
    image, target = target.image, dataclasses.replace(target, image=None)
    try:
        return read_roi(classifier, options, target, image)
    except UserError as error:
        return Prediction(target, error=str(error))
    except MemoryError:
        return Prediction(target, error=f"{target.file}: not enough memory to read it.")


def _classify(
    classifier: Classifier, read: Sequence[ReadRoi], tta: int, one_lesion: bool
) -> list[Prediction]:
    if not read:
        return []
    outputs = classifier.of_members(copies_of(read, tta))
    if one_lesion:  # Copy by copy.
        fused = fuse_views(outputs[:, 0], np.tile(np.arange(tta), len(read)))
        outputs = fused[:, np.newaxis]
    return postprocess(classifier, read, outputs, one_lesion and len(read) > 1)


def postprocess(
    classifier: Classifier,
    read: Sequence[ReadRoi],
    outputs: NDArray[np.float64],
    fused: bool = False,
) -> list[Prediction]:
    """Computes calibrated probabilities and decisions from outputs of the network.

    `outputs` are `Classifier.of_members` of `copies_of` the ROIs, `(n * tta, members,
    classes)`; `fused`: whether they are of several views of a lesion.
    """
    of_members = outputs.reshape(len(read), -1, *outputs.shape[1:])
    outputs = of_members.mean(axis=2)
    raw, members = outputs[..., -1], of_members[:, 0, :, -1]
    decision = classifier.decision
    calibrated, threshold = raw, None
    sets = [""] * len(read)
    if decision is not None:
        calibrated, members = (
            apply_temperature(each.ravel(), decision.temperature).reshape(each.shape)
            for each in (raw, members)
        )
        limit = np.array([decision.threshold])
        threshold = float(apply_temperature(limit, decision.temperature)[0])
        # Those of two views are of a lesion in both.
        if decision.prediction_sets is not None and (
            fused or classifier.views == "one"
        ):
            sets = decision.prediction_sets.names(raw[:, 0])
    return [
        Prediction(
            target=each.target,
            probability=float(own[0]),
            low=float(own.min()),
            high=float(own.max()),
            members_low=float(each_member.min()) if len(each_member) > 1 else None,
            members_high=float(each_member.max()) if len(each_member) > 1 else None,
            # By the raw probability, for which the threshold was chosen: rounding in
            # the calibration changes no decision.
            malignant=None if decision is None else bool(first >= decision.threshold),
            threshold=threshold,
            prediction_set=prediction_set,
            probabilities=tuple(float(p) for p in classes),
            warnings=each.warnings,
            window=each.window,
            spacing_mm=each.spacing_mm,
            spacing_from=each.spacing_from,
            roi=each.roi,
        )
        for each, own, each_member, first, classes, prediction_set in zip(
            read, calibrated, members, raw[:, 0], outputs[:, 0], sets, strict=True
        )
    ]
