"""Enhanced ROIs ready to be batched: from a store, or drawn anew every epoch."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from keras_wa.data.classes import class_indices
from keras_wa.data.io.clahe import clahe
from keras_wa.phantom import PhantomSpec, phantom_cases, render_rois
from keras_wa.settings import Settings, real, setting, whole

Pixels = NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Rois:
    """ROIs with their labels.

    Attributes:
        read: positions `(n,)` -> uint8 pixels `(n, height, width)`.
        labels: int `(N,)`, the class of each; the last class is malignant.
        read_raw: as `read`, before enhancement, which random CLAHE begins with.
    """

    read: Callable[[NDArray[np.int64]], Pixels]
    labels: NDArray[np.int64]
    read_raw: Callable[[NDArray[np.int64]], Pixels] | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclasses.dataclass(frozen=True)
class Enhancement(Settings):
    """CLAHE as it is applied to every ROI, or none.

    Attributes:
        kind: `"clahe"` or `"none"`.
        clip_limit: see `keras_wa.data.io.clahe.clahe`.
        tiles: tiles along each side.

    Raises:
        UserError: `kind` is another one, or a number is out of its range.
    """

    kind: str = setting("clahe", choices=("clahe", "none"))
    clip_limit: float = real(2.0, 0, 1000)
    tiles: int = whole(8, 1, 1024)

    def __call__(self, image: Pixels) -> Pixels:
        """Returns one uint8 ROI `(height, width)` enhanced."""
        if self.kind == "none":
            return image
        return clahe(image, self.clip_limit, (self.tiles, self.tiles))


class FreshPhantom:
    """A source of training ROIs that are different ones every epoch.

    Each epoch's ROIs follow from the spec and the epoch's number alone. None of them is
    in the fixed set, so none can be in its validation or test part.

    Args:
        spec: what the phantom is like.
        n: ROIs an epoch.
        enhancement: applied to each ROI as it is drawn.
        classes: 2 or 3, see `keras_wa.data.classes`.
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
            # One worker: the batches are already read side by side.
            return render_rois(self.spec, cases.iloc[positions], workers=1)

        def read(positions: NDArray[np.int64]) -> Pixels:
            return np.stack([self.enhancement(image) for image in read_raw(positions)])

        return Rois(read, class_indices(cases, self.classes), read_raw)
