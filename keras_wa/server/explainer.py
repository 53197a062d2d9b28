"""The pictures of an ROI for the page, made in a separate thread."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import matplotlib
import numpy as np
from numpy.typing import NDArray

from keras_wa.evaluate.pages.rendering import data_uri
from keras_wa.explain.subbands import BANDS
from keras_wa.inference.classifier import Classifier
from keras_wa.inference.pictures import Pictures
from keras_wa.server.batching import QueueFullError

Pixels = NDArray[np.uint8]

# Each takes some tenths of a second: with more of them a request waits too long.
_MOST_WAITING = 8


class Explainer:
    """Makes the pictures of one ROI at a time, separately from the predictions."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._pictures: Pictures | None = None
        self._pool = ThreadPoolExecutor(1, "explain")
        self._waiting = threading.Semaphore(_MOST_WAITING)

    async def pictures(self, roi: Pixels) -> tuple[dict[str, str], str]:
        """Makes the pictures of an ROI, uint8 `(size, size)`, before enhancement.

        Returns:
            Name -> PNG as `data:image/png;base64,…`: `roi`, `seen` (the enhanced ROI),
            `LL`, `LH`, `HL` and `HH` if the network's input are subbands, and `heat`, a
            colour overlay for the ROI that is more opaque where it is hotter. And the
            reason why there is no heat map, `""` if there is one.

        Raises:
            QueueFullError: too many requests wait for pictures.
        """
        if not self._waiting.acquire(blocking=False):
            raise QueueFullError
        future = self._pool.submit(self._make, roi)
        future.add_done_callback(lambda _: self._waiting.release())
        return await asyncio.wrap_future(future)

    def close(self, timeout_s: float) -> bool:
        """Stops the thread; returns whether it is idle within `timeout_s`."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        idle = [
            self._waiting.acquire(timeout=timeout_s / _MOST_WAITING)
            for _ in range(_MOST_WAITING)
        ]
        return all(idle)

    def _make(self, roi: Pixels) -> tuple[dict[str, str], str]:
        if self._pictures is None:
            self._pictures = Pictures(self._classifier)
        found = self._pictures.of(roi)
        pictures = {"roi": roi, "seen": found.seen}
        if found.bands is not None:
            pictures |= dict(zip(BANDS, found.bands, strict=True))
        if found.heat is not None:
            # Nearly transparent where it is cold, so that the ROI is visible there.
            colour = matplotlib.colormaps["inferno"](np.clip(found.heat, 0, 1))
            colour[..., 3] = found.heat
            pictures["heat"] = np.rint(255 * colour).astype(np.uint8)
        why = self._pictures.why_no_heat
        if found.heat is not None and not found.heat.any():
            why = "This ROI has no evidence for malignant."
        return {name: data_uri(each) for name, each in pictures.items()}, why
