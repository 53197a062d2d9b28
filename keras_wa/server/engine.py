"""The engine of the service: decodes images, classifies ROIs and builds responses."""

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
    postprocess,
    read_roi,
    views_of,
)
from keras_wa.inference.prediction_files import as_record
from keras_wa.server.batching import Batcher, QueueFullError
from keras_wa.server.explainer import Explainer
from keras_wa.server.images import UPLOAD
from keras_wa.server.limits import ServerSettings
from keras_wa.server.metrics import Metrics
from keras_wa.server.questions import Question, as_fields

T = TypeVar("T")

DISCLAIMER = "Research software. Not a medical device."


class Engine:
    """Decodes and classifies the ROIs of requests in separate threads.

    Args:
        classifier: the model. It is run once, so that the first request does not wait
            for TensorFlow to initialise.
        settings: settings and limits of the service.
        metrics: the counters to update.
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
        # A decoding thread holds an image and its file: their number limits the memory.
        self._pool = ThreadPoolExecutor(min(4, usable_cores()), "decode")
        self._explainer = Explainer(classifier)
        self._decoding: set[Future[Any]] = set()

    async def decoded(self, work: Callable[[], T]) -> T:
        """Runs a decoding function in a thread of the pool.

        Raises:
            UserError: the input is invalid. Any other exception is a bug.
        """
        future = self._pool.submit(work)
        # Kept until the work is done, even if the request is cancelled before.
        self._decoding.add(future)
        future.add_done_callback(self._decoding.discard)
        try:
            return await asyncio.wrap_future(future)
        except MemoryError as error:
            raise UserError(f"{UPLOAD}: not enough memory to read it.") from error

    def read(self, image: GreyImage, question: Question, name: str = UPLOAD) -> ReadRoi:
        """Crops the ROI from an image; run it in a thread of the pool.

        Args:
            image: the image.
            question: the other fields of the request.
            name: name of the image in messages.

        Raises:
            UserError: the ROI cannot be cropped.
        """
        options = question.options(self.classifier.crop, self.classifier.field_mm)
        target = Target(Path(name), box=question.lesion())
        try:
            return read_roi(self.classifier, options, target, image)
        except UserError as error:
            raise UserError(as_fields(str(error))) from error

    def check_count(self, count: int) -> None:
        """Checks that a request does not have more ROIs than fit into the queue.

        Raises:
            UserError: it has more.
        """
        most = self._settings.most_waiting
        if count > most:
            raise UserError(
                f"instances. Received: {count}; expected at most {most} in a request."
            )

    async def outputs(self, read: list[ReadRoi], tta: int) -> NDArray:
        """Returns the network's outputs for ROIs, `(n * tta, classes)`.

        Raises:
            QueueFullError: there is not enough room in the queue.
        """
        future = self._batcher.submit(views_of(read, tta))
        return await asyncio.wrap_future(future)

    async def record(self, read: ReadRoi, tta: int) -> dict[str, Any]:
        """Returns the fields of `answers.Record` for one ROI."""
        outputs = await self.outputs([read], tta)
        (prediction,) = postprocess(self.classifier, [read], outputs)
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
        """Returns the pictures of an ROI, see `Explainer.pictures`.

        Raises:
            QueueFullError: too many requests wait for pictures.
        """
        return await self._explainer.pictures(read.roi)

    def about(self) -> dict[str, Any]:
        """Returns the fields of `answers.About`."""
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
        """Stops the threads, within `timeout_s` for each kind.

        Returns:
            Whether all threads are idle.
        """
        self._pool.shutdown(wait=False, cancel_futures=True)
        idle = not wait(list(self._decoding), timeout_s).not_done
        idle = self._explainer.close(timeout_s) and idle
        return self._batcher.close(timeout_s) and idle

    def _notes(self) -> list[str]:
        # Clients must not see where the model is stored on the server.
        source = self.classifier.source
        return [
            note.replace(str(source), source.name) for note in self.classifier.notes
        ]


__all__ = ["DISCLAIMER", "Engine", "QueueFullError"]
