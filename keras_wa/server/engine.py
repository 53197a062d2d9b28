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
from keras_wa.export.cards import DISCLAIMER
from keras_wa.inference.classifier import Classifier
from keras_wa.inference.predicting import (
    ReadRoi,
    Target,
    copies_of,
    postprocess,
    read_roi,
)
from keras_wa.inference.prediction_files import as_record
from keras_wa.server.batching import Batcher
from keras_wa.server.explainer import Explainer
from keras_wa.server.images import UPLOAD
from keras_wa.server.limits import ServerSettings
from keras_wa.server.metrics import Metrics
from keras_wa.server.questions import Question, as_fields, box_of

T = TypeVar("T")


class Engine:
    """Decodes and classifies the ROIs of requests in separate threads.

    The model is run once, so that no request waits until TensorFlow is initialised.
    """

    def __init__(
        self, classifier: Classifier, settings: ServerSettings, metrics: Metrics
    ) -> None:
        self.classifier = classifier
        self._settings = settings
        self._metrics = metrics
        side = classifier.image_size
        for size in {1, settings.batch}:
            classifier(np.zeros((size, side, side), np.uint8))
        self._batcher = Batcher(
            classifier.of_members,
            settings.batch,
            settings.wait_ms / 1000,
            settings.most_waiting,
            metrics.batches.observe,
        )
        metrics.watch_queue(lambda: self._batcher.waiting)
        # A decoding thread holds an image and its file: their number limits the memory.
        self._pool = ThreadPoolExecutor(min(4, usable_cores()), "decode")
        self.explainer = Explainer(classifier)
        self._decoding: set[Future[Any]] = set()

    async def decoded(self, work: Callable[[], T]) -> T:
        """Runs a decoding function in a thread of the pool."""
        future = self._pool.submit(work)
        # Kept until the work is done, even if the request is cancelled before.
        self._decoding.add(future)
        future.add_done_callback(self._decoding.discard)
        try:
            return await asyncio.wrap_future(future)
        except MemoryError as error:
            raise UserError(f"{UPLOAD}: not enough memory to read it.") from error

    def read(self, image: GreyImage, question: Question, name: str = UPLOAD) -> ReadRoi:
        """Crops the ROI from a named image; run it in a thread of the pool."""
        target = Target(Path(name), box=box_of(question.box))
        options = self.classifier.read_options(
            question.crop,
            pixel_spacing=question.pixel_spacing,
            for_processing=question.for_processing,
        )
        try:
            return read_roi(self.classifier, options, target, image)
        except UserError as error:
            raise UserError(as_fields(str(error))) from error

    def check_count(self, count: int) -> None:
        """Refuses a request that has more ROIs than fit into the queue."""
        most = self._settings.most_waiting
        if count > most:
            raise UserError(
                f"instances. Received: {count}; expected at most {most} per request."
            )

    async def outputs(self, read: list[ReadRoi], tta: int) -> NDArray:
        """Returns the network's outputs for ROIs, `(n * tta, members, classes)`."""
        future = self._batcher.submit(copies_of(read, tta))
        return await asyncio.wrap_future(future)

    async def record(self, read: ReadRoi, tta: int) -> dict[str, Any]:
        """Returns the fields of `answers.Record` for one ROI."""
        outputs = await self.outputs([read], tta)
        (prediction,) = postprocess(self.classifier, [read], outputs)
        self._metrics.count(prediction)
        return {**as_record(prediction), **self._model()}

    def about(self) -> dict[str, Any]:
        """Returns the fields of `answers.About`."""
        classifier, decision = self.classifier, self.classifier.decision
        return {
            **self._model(),
            "max_bytes": self._settings.max_bytes,
            "image_size": classifier.image_size,
            "crop": "roi" if classifier.crop == "roi" else "fixed",
            "field_mm": classifier.field_mm,
            "bits_stored": classifier.bits_stored,
            "threshold": None if decision is None else decision.threshold,
            "threshold_rule": None if decision is None else decision.rule,
            "prediction_set_coverage": classifier.prediction_set_coverage,
        }

    def close(self, timeout_s: float) -> bool:
        """Stops the threads, each kind in `timeout_s`; returns whether all are idle."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        idle = not wait(list(self._decoding), timeout_s).not_done
        idle = self.explainer.close(timeout_s) and idle
        return self._batcher.close(timeout_s) and idle

    def _model(self) -> dict[str, Any]:
        """Returns the fields that records and `about` share."""
        classifier, source = self.classifier, self.classifier.source
        # Clients must not see where the model is stored on the server.
        notes = [note.replace(str(source), source.name) for note in classifier.notes]
        return {
            "keras_wa": __version__,
            "model": source.name,
            "labels": list(classifier.labels),
            "trained_on": classifier.trained_on,
            "calibrated": classifier.decision is not None,
            "notes": [*notes, DISCLAIMER],
        }
