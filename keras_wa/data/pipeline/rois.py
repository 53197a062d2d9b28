"""Enhanced ROIs for batches: from a store, or drawn for every epoch."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from keras_wa.data.classes import class_indices
from keras_wa.data.io.clahe import clahe
from keras_wa.data.lesions import OtherViews
from keras_wa.phantom import PhantomSpec, phantom_cases, render_rois
from keras_wa.settings import Settings, real, setting, whole

Pixels = NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Rois:
    """ROIs with their labels.

    Attributes:
        read: function from positions `(n,)` to uint8 pixels `(n, height, width)`.
        labels: classes, int `(N,)`; the last class is malignant.
        read_raw: the same before enhancement, for random CLAHE.
        other_views: the other ROIs of each lesion, for training on two views.
    """

    read: Callable[[NDArray[np.int64]], Pixels]
    labels: NDArray[np.int64]
    read_raw: Callable[[NDArray[np.int64]], Pixels] | None = None
    other_views: OtherViews | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: NDArray[np.int64]) -> Rois:
        """Returns the ROIs at some positions, for evaluation."""
        return Rois(lambda at: self.read(positions[at]), self.labels[positions])


@dataclasses.dataclass(frozen=True)
class Enhancement(Settings):
    """The enhancement of every ROI: CLAHE or none.

    Attributes:
        kind: `"clahe"` or `"none"`.
        clip_limit: see `keras_wa.data.io.clahe.clahe`.
        tiles: number of tiles per side.

    Raises:
        UserError: `kind` is unknown, or a number is out of range.
    """

    kind: str = setting("clahe", choices=("clahe", "none"))
    clip_limit: float = real(2.0, 0, 1000)
    tiles: int = whole(8, 1, 1024)

    def __call__(self, image: Pixels) -> Pixels:
        """Enhances a uint8 ROI `(height, width)`."""
        if self.kind == "none":
            return image
        return clahe(image, self.clip_limit, (self.tiles, self.tiles))


class FreshPhantom:
    """Returns a source of training ROIs that draws new ones for every epoch.

    The ROIs are a function of the spec and the epoch. They are not in the fixed set,
    and so not in its validation or test part.

    Args:
        spec: the phantom set.
        n: number of ROIs per epoch.
        enhancement: enhancement of each ROI.
        classes: number of classes, 2 or 3, see `keras_wa.data.classes`.
    """

    def __init__(
        self, spec: PhantomSpec, n: int, enhancement: Enhancement, classes: int = 2
    ) -> None:
        self.spec = spec
        self.n = n
        self.enhancement = enhancement
        self.classes = classes
        self._epoch = functools.lru_cache(maxsize=2)(self._make_epoch)

    def __call__(self, epoch: int) -> Rois:
        return self._epoch(epoch)

    def _make_epoch(self, epoch: int) -> Rois:
        # Epoch 0 of the phantom is the fixed set.
        cases = phantom_cases(self.spec, n=self.n, epoch=epoch + 1)

        def read_raw(positions: NDArray[np.int64]) -> Pixels:
            # One worker: batches are already read in parallel.
            return render_rois(self.spec, cases.iloc[positions], workers=1)

        def read(positions: NDArray[np.int64]) -> Pixels:
            return np.stack([self.enhancement(image) for image in read_raw(positions)])

        labels = class_indices(cases, self.classes)
        return Rois(read, labels, read_raw, OtherViews.of(cases))
