"""From image files to probabilities, however bad one of the files may be."""

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
from keras_wa.data.cutting import cut_roi
from keras_wa.data.io import Box, GreyImage
from keras_wa.data.io.resize import LEAST_SIDE, resize
from keras_wa.data.io.symmetries import SYMMETRIES, apply_symmetry
from keras_wa.errors import UserError
from keras_wa.inference.out_of_distribution import unfamiliar
from keras_wa.metrics import apply_temperature

if TYPE_CHECKING:
    # It imports TensorFlow, which a mammogram is not kept waiting for.
    from keras_wa.inference.classifier import Classifier

Pixels = NDArray[np.uint8]

AT_ONCE = 2
"""Batches in the network: where one leaves a core idle, another has work for it."""

_RESIZED = "mask: of another size than the image, and taken to cover the same field"
_READERS, _BATCH = 2, 32


@dataclasses.dataclass(frozen=True)
class Target:
    """What is to be classified.

    Attributes:
        file: the image.
        box: of the lesion in it, pixels; `None`: the mask's, else the whole image is
            the ROI.
        mask: file of a mask of the lesion instead.
        score: of the detector that found the box; `None` if somebody drew it.
        error: why there is nothing to classify in the file; `""` if there is.
        image: the file's image, if whoever made the target has decoded it. It is let go
            once the ROI is cut out.
    """

    file: Path
    box: Box | None = None
    mask: Path | None = None
    score: float | None = None
    error: str = ""
    image: GreyImage | None = dataclasses.field(default=None, repr=False, compare=False)


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a model says of one ROI, or why it says nothing.

    Attributes:
        target: the ROI.
        probability: of malignancy, calibrated on validation where the model's
            temperature is known.
        low, high: the least and greatest probability over the ROI's turned and mirrored
            copies, which show the same lesion; equal without them.
        malignant: the decision at the threshold; `None` where none is known.
        threshold: of the calibrated probability.
        probabilities: of each class, as the network gives them.
        warnings: why the ROI may be outside of what the model knows.
        window: part of the image that is the ROI: left, top, width, height, pixels.
        spacing_mm, spacing_from: pixel spacing between rows and what states it, as of
            `keras_wa.data.cutting.cut_roi`; `None` and `""` where it is unknown.
        roi: uint8 `(size, size)`, as the model gets it before enhancement.
        error: why there is no probability; `""` if there is one.
    """

    target: Target
    probability: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    malignant: bool | None = None
    threshold: float | None = None
    probabilities: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()
    window: tuple[int, int, int, int] | None = None
    spacing_mm: float | None = None
    spacing_from: str = ""
    roi: Pixels | None = None
    error: str = ""


@dataclasses.dataclass(frozen=True)
class ReadRoi:
    """A ROI that is ready for the network.

    Attributes:
        target: what it was asked for as.
        roi: uint8 `(size, size)`.
        warnings, window, spacing_mm, spacing_from: see `Prediction`.
    """

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
    symmetries: int = SYMMETRIES,
    batch_size: int = _BATCH,
) -> Iterator[Prediction]:
    """Classifies ROIs in order, a batch at a time, while the next ones are read.

    Args:
        classifier: the model.
        targets: what is to be classified; they are asked for a few batches ahead.
        options: how a box's ROI is cut.
        symmetries: turned and mirrored copies of each ROI, 1 (itself) to 8.
        batch_size: images at once, copies counted.

    Yields:
        A prediction for each target. A file that cannot be read has an error, and the
        others go on.
    """
    read = functools.partial(_read, classifier, options)
    chunk = max(1, batch_size // symmetries)

    def results(part: list[ReadRoi | Prediction]) -> list[Prediction]:
        good = [each for each in part if isinstance(each, ReadRoi)]
        own = iter(_classify(classifier, good, symmetries))
        return [next(own) if isinstance(each, ReadRoi) else each for each in part]

    pool, network = ThreadPoolExecutor(_READERS), ThreadPoolExecutor(AT_ONCE)
    try:
        # To get the next targets an image may have to be decoded in this thread: the
        # network goes on in its own.
        running: deque[Future[list[Prediction]]] = deque()
        for part in _ahead(pool, read, targets, chunk):
            running.append(network.submit(results, part))
            if len(running) > AT_ONCE:
                yield from running.popleft().result()
        while running:
            yield from running.popleft().result()
    finally:
        # Whoever asks for no more does not wait for more.
        for threads in (network, pool):
            threads.shutdown(cancel_futures=True)


def _ahead(
    pool: ThreadPoolExecutor, read: Any, targets: Iterable[Target], size: int
) -> Iterator[list[ReadRoi | Prediction]]:
    """Chunks of what was read; two are under way while one is handed on."""
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
    """Reads and cuts a ROI, and resizes it to what the network sees.

    Args:
        classifier: the model.
        options: how a box's ROI is cut.
        target: what is to be classified.
        image: the target's image if it is decoded already; its file is a name then.

    Raises:
        UserError: it cannot be read or cut, or is an image of less than 32 px a side.
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
    # A window about a lesion is cut as it was in training, however few pixels it has.
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
            *unfamiliar(classifier, roi.pixels, resized, roi.facts),
        ),
        (left, top, width, height),
        roi.facts.get("pixel_spacing_mm"),
        roi.facts.get("spacing_from", ""),
    )


def views_of(read: Sequence[ReadRoi], symmetries: int) -> Pixels:
    """Turned and mirrored copies of each ROI, uint8 `(n * symmetries, H, W)`."""
    return np.stack(
        [apply_symmetry(each.roi, i) for each in read for i in range(symmetries)]
    )


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
    classifier: Classifier, read: Sequence[ReadRoi], symmetries: int
) -> list[Prediction]:
    if not read:
        return []
    return conclude(classifier, read, classifier(views_of(read, symmetries)))


def conclude(
    classifier: Classifier, read: Sequence[ReadRoi], outputs: NDArray[np.float64]
) -> list[Prediction]:
    """From what the network says to calibrated probabilities and decisions.

    Args:
        classifier: the model.
        read: the ROIs.
        outputs: probabilities `(n * symmetries, classes)` of `views_of` these ROIs.
    """
    outputs = outputs.reshape(len(read), -1, outputs.shape[-1])
    raw = outputs[..., -1]
    decision = classifier.decision
    calibrated, threshold = raw, None
    if decision is not None:
        calibrated = apply_temperature(raw.ravel(), decision.temperature)
        calibrated = calibrated.reshape(raw.shape)
        limit = np.array([decision.threshold])
        threshold = float(apply_temperature(limit, decision.temperature)[0])
    return [
        Prediction(
            target=each.target,
            probability=float(own[0]),
            low=float(own.min()),
            high=float(own.max()),
            # By the raw one, which is what the threshold was chosen for: rounding in
            # the calibration moves no decision.
            malignant=None if decision is None else bool(first >= decision.threshold),
            threshold=threshold,
            probabilities=tuple(float(p) for p in classes),
            warnings=each.warnings,
            window=each.window,
            spacing_mm=each.spacing_mm,
            spacing_from=each.spacing_from,
            roi=each.roi,
        )
        for each, own, first, classes in zip(
            read, calibrated, raw[:, 0], outputs[:, 0], strict=True
        )
    ]
