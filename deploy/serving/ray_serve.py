"""A SavedModel on Ray Serve, with TensorFlow alone; docs/serving.md starts it.

Requests and answers are those of TensorFlow Serving: `{"instances": [ROI, …]}`, ROIs
as rows of grey levels, 0 to 255, gives `{"predictions": [[benign, malignant], …]}`.
"""

from __future__ import annotations

import asyncio
import os

import numpy as np
import tensorflow as tf
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse


@serve.deployment(num_replicas=2, max_ongoing_requests=64)
class Classifier:
    """One replica."""

    def __init__(self, model: str) -> None:
        self._model = tf.saved_model.load(model)

    async def __call__(self, request: Request) -> JSONResponse:
        try:
            rois = [_pixels(rows) for rows in (await request.json())["instances"]]
        except (ValueError, KeyError, TypeError) as error:
            return JSONResponse({"error": f"`instances`: {error}"}, 400)
        answers = await asyncio.gather(*map(self._classify, rois))
        return JSONResponse({"predictions": answers})

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0.005)
    async def _classify(self, rois: list[np.ndarray]) -> list[list[float]]:
        return await asyncio.to_thread(self._classify_batch, rois)

    def _classify_batch(self, rois: list[np.ndarray]) -> list[list[float]]:
        """Classifies ROIs of many requests, those of one size at once."""
        answers: dict[int, list[float]] = {}
        for shape in {roi.shape for roi in rois}:
            same = [i for i, roi in enumerate(rois) if roi.shape == shape]
            batch = tf.constant(np.stack([rois[i] for i in same]))
            outputs = self._model.signatures["serving_default"](roi=batch)["output_0"]
            answers.update(zip(same, outputs.numpy().tolist(), strict=True))
        return [answers[i] for i in range(len(rois))]


def _pixels(rows: list) -> np.ndarray:
    """Returns an ROI as the SavedModel takes it, uint8 `(height, width, 1)`."""
    roi = np.asarray(rows)
    roi = roi.reshape(*roi.shape[:2], 1)
    whole = (roi == roi.astype("uint8")).all()  # Not in [0, 1].
    if min(roi.shape[:2]) < 32 or not whole:
        raise ValueError("expected whole numbers 0 to 255, 32 px a side or more.")
    return roi.astype("uint8")


def app(arguments: dict[str, str]) -> serve.Application:
    """Returns the application; `model` is the folder of the SavedModel."""
    return Classifier.bind(os.path.abspath(arguments["model"]))
