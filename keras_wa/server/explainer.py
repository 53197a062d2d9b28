"""The pictures of a ROI for the page, made by a thread of their own."""

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

# Each takes some tenths of a second: who comes later would wait too long.
_MOST_WAITING = 8


class Explainer:
    """Makes pictures one ROI at a time, apart from the batches of predictions.

    Args:
        classifier: the model.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._pictures: Pictures | None = None
        self._pool = ThreadPoolExecutor(1, "explain")
        self._waiting = threading.Semaphore(_MOST_WAITING)

    async def pictures(self, roi: Pixels) -> tuple[dict[str, str], str]:
        """The pictures of a ROI, uint8 `(size, size)`, before enhancement.

        Returns:
            Name -> PNG as `data:image/png;base64,…`: `roi`, `seen` (enhanced), of a
            network that sees subbands `LL`, `LH`, `HL` and `HH`, and `heat`, to be laid
            over the ROI: colour, the more opaque the hotter. And why no heat is seen,
            `""` if some is.

        Raises:
            QueueFullError: too many wait.
        """
        if not self._waiting.acquire(blocking=False):
            raise QueueFullError
        future = self._pool.submit(self._make, roi)
        future.add_done_callback(lambda _: self._waiting.release())
        return await asyncio.wrap_future(future)

    def close(self, timeout_s: float) -> bool:
        """Ends the thread. Returns whether it has ended."""
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
            # Hardly opaque where it is cold, so that the ROI is seen there.
            colour = matplotlib.colormaps["inferno"](np.clip(found.heat, 0, 1))
            colour[..., 3] = found.heat
            pictures["heat"] = np.rint(255 * colour).astype(np.uint8)
        why = self._pictures.why_no_heat
        if found.heat is not None and not found.heat.any():
            why = "Nothing in this ROI speaks for malignant."
        return {name: data_uri(each) for name, each in pictures.items()}, why
