"""From the images of a request to what the model says of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from keras_wa import __version__
from keras_wa.cores import usable_cores
from keras_wa.data.io import GreyImage
from keras_wa.errors import UserError
from keras_wa.inference.classifier import Classifier
from keras_wa.inference.predicting import (
    ReadRoi,
    Target,
    conclude,
    read_roi,
    views_of,
)
from keras_wa.inference.prediction_files import as_record
from keras_wa.server.batching import Batcher, QueueFullError
from keras_wa.server.explainer import Explainer
from keras_wa.server.limits import ServerSettings
from keras_wa.server.metrics import Metrics
from keras_wa.server.requests import UPLOAD, Question, as_fields

T = TypeVar("T")

DISCLAIMER = "Research software. Not a medical device."


class Engine:
    """Threads that decode, threads that classify, and the way through both.

    Args:
        classifier: the model. It is run once, so that the first request does not wait
            for what TensorFlow does then.
        settings: how much at once.
        metrics: told of batches.
    """

    def __init__(
        self, classifier: Classifier, settings: ServerSettings, metrics: Metrics
    ) -> None:
        self.classifier = classifier
        self._settings = settings
        side = classifier.image_size
        for size in {1, settings.batch}:
            classifier(np.zeros((size, side, side), np.uint8))
        self._batcher = Batcher(
            classifier,
            settings.batch,
            settings.wait_ms / 1000,
            settings.most_waiting,
            metrics.batches.observe,
        )
        metrics.watch_queue(lambda: self._batcher.waiting)
        # What decodes holds the image and its file: their number bounds the memory.
        self._pool = ThreadPoolExecutor(min(4, usable_cores()), "decode")
        self._explainer = Explainer(classifier)
        self._decoding: set[Future[Any]] = set()

    async def decoded(self, work: Callable[[], T]) -> T:
        """Runs what decodes, in a thread of the pool.

        Raises:
            UserError: the input is at fault. All else is a defect of the service.
        """
        future = self._pool.submit(work)
        # Kept until it is done, and not only until nobody waits for it any more.
        self._decoding.add(future)
        future.add_done_callback(self._decoding.discard)
        try:
            return await asyncio.wrap_future(future)
        except MemoryError as error:
            raise UserError(f"{UPLOAD}: not enough memory to read it.") from error

    def read(self, image: GreyImage, question: Question, name: str = UPLOAD) -> ReadRoi:
        """Cuts the ROI out of an image; for a thread of the pool.

        Args:
            image: the image.
            question: what stands beside it.
            name: what it is called in messages.

        Raises:
            UserError: it cannot be cut.
        """
        options = question.options(self.classifier.crop, self.classifier.field_mm)
        target = Target(Path(name), box=question.lesion())
        try:
            return read_roi(self.classifier, options, target, image)
        except UserError as error:
            raise UserError(as_fields(str(error))) from error

    def check_count(self, count: int) -> None:
        """Refuses a request of more ROIs than the queue ever holds.

        Raises:
            UserError: it has more.
        """
        most = self._settings.most_waiting
        if count > most:
            raise UserError(
                f"instances. Received: {count}; expected at most {most} in a request."
            )

    async def outputs(self, read: list[ReadRoi], symmetries: int) -> NDArray:
        """What the network says of ROIs, `(n * symmetries, classes)`.

        Raises:
            QueueFullError: there is no room for them.
        """
        future = self._batcher.submit(views_of(read, symmetries))
        return await asyncio.wrap_future(future)

    async def record(self, read: ReadRoi, symmetries: int) -> dict[str, Any]:
        """The record of one ROI, as `inference.results` writes it, and notes."""
        outputs = await self.outputs([read], symmetries)
        (prediction,) = conclude(self.classifier, [read], outputs)
        return {
            **as_record(prediction),
            "keras_wa": __version__,
            "model": self.classifier.source.name,
            "labels": list(self.classifier.labels),
            "trained_on": self.classifier.trained_on,
            "calibrated": self.classifier.decision is not None,
            "notes": [*self._notes(), DISCLAIMER],
        }

    async def pictures(self, read: ReadRoi) -> tuple[dict[str, str], str]:
        """What the network saw of a ROI, see `Explainer.pictures`.

        Raises:
            QueueFullError: too many wait for theirs.
        """
        return await self._explainer.pictures(read.roi)

    def about(self) -> dict[str, Any]:
        """The fields of `answers.About`."""
        classifier, decision = self.classifier, self.classifier.decision
        crop = "roi" if classifier.crop == "roi" else "fixed"
        return {
            "keras_wa": __version__,
            "model": classifier.source.name,
            "max_bytes": self._settings.max_bytes,
            "trained_on": classifier.trained_on,
            "labels": list(classifier.labels),
            "image_size": classifier.image_size,
            "crop": crop,
            "field_mm": classifier.field_mm,
            "bits_stored": classifier.bits_stored,
            "calibrated": decision is not None,
            "threshold": None if decision is None else decision.threshold,
            "threshold_rule": None if decision is None else decision.rule,
            "notes": [*self._notes(), DISCLAIMER],
        }

    def close(self, timeout_s: float) -> bool:
        """Ends the threads, each kind in this time. Returns whether none is busy."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        idle = not wait(list(self._decoding), timeout_s).not_done
        idle = self._explainer.close(timeout_s) and idle
        return self._batcher.close(timeout_s) and idle

    def _notes(self) -> list[str]:
        # Where the model lies on the server is no business of a client's.
        source = self.classifier.source
        return [
            note.replace(str(source), source.name) for note in self.classifier.notes
        ]


__all__ = ["DISCLAIMER", "Engine", "QueueFullError"]
