"""A Keras model that classifies raw ROIs, with its preprocessing."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import xxhash
from numpy.typing import ArrayLike, NDArray

from keras_wa.data.classes import CLASS_NAMES
from keras_wa.errors import UserError
from keras_wa.explain.subbands import image_wavelet
from keras_wa.export.cards import CARD_FORMAT
from keras_wa.export.preparation import Preprocessing, preparing_model
from keras_wa.inference.raw_images import grey_batch
from keras_wa.metrics import apply_temperature
from keras_wa.training.decision import Decision

_log = logging.getLogger(__name__)

UNTRAINED = "last_layer_is_random"
"""Entry of the metadata of a pretrained trunk."""


class MammogramClassifier(keras.Model):
    """Classifier of raw grey ROIs of mammograms, with its preprocessing.

    Resizing, CLAHE and scaling are part of the model. `fit` and `evaluate` take batches
    of uint8, `(batch, height, width, 1)`; `predict` takes images of any size.

    Args:
        network: a functional model that maps grey images in [0, 1],
            `(batch, side, side, 1)`, or their subbands, to probabilities
            `(batch, classes)`; malignant is the last class.
        preprocessing: resizing and enhancement, a
            `keras_wa.export.preparation.Preprocessing`; by default CLAHE at the
            network's input size.
        labels: names of the classes; by default benign and malignant, or numbers.
        decision: threshold and calibration, a `keras_wa.training.decision.Decision`;
            None if unknown.
        metadata: JSON values for a preset's `metadata.json`: data, split, metrics.
        **kwargs: passed to `keras.Model`.

    Raises:
        ValueError: the number of labels differs from the number of outputs.

    Example:
        >>> import numpy as np
        >>> from keras_wa import MammogramClassifier
        >>> from keras_wa.models import create_model
        >>> network = create_model("attention_cnn", image_size=64)
        >>> classifier = MammogramClassifier(network)
        >>> image = np.random.default_rng(0).integers(0, 256, (300, 200), np.uint8)
        >>> classifier.predict([image]).shape
        (1, 2)
    """

    def __init__(
        self,
        network: keras.Model,
        preprocessing: Preprocessing | None = None,
        labels: Sequence[str] | None = None,
        decision: Decision | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        classes = network.output_shape[-1]
        if labels is None:
            labels = CLASS_NAMES.get(classes, [str(i) for i in range(classes)])
        if len(labels) != classes:
            raise ValueError(
                f"labels: received {len(labels)} ({', '.join(labels)}); expected "
                f"{classes}, one an output of the network."
            )
        self.network = network
        self.preprocessing = preprocessing or Preprocessing(network.input_shape[1])
        self.labels = list(labels)
        self.decision = decision
        self.metadata = dict(metadata or {})
        self.prepare = preparing_model(self.preprocessing)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns uncalibrated probabilities, `(batch, classes)`.

        Raises:
            ValueError: the ROIs are not uint8.
        """
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        if dtype != "uint8":
            # A cast would make an image of [0, 1] black.
            raise ValueError(
                f"ROIs: received dtype {dtype}; expected uint8, grey levels from 0 to "
                "255. Convert them first."
            )
        return self.network(self.prepare(inputs), training=training)

    def predict(
        self, x: Sequence[ArrayLike] | NDArray[Any], batch_size: int = 32, **kwargs: Any
    ) -> NDArray[np.float64]:
        """Returns calibrated probabilities, as `keras-wa predict` does.

        Args:
            x: a list of images of any sizes, uint8, uint16 or floats in [0, 1], or an
                array `(n, height, width)` or `(n, height, width, channels)`.
            batch_size: number of ROIs per batch.
            **kwargs: passed to `keras.Model.predict`.

        Returns:
            float64 `(n, classes)`. The last column is the calibrated probability of
            malignancy; the others share the rest in the network's proportions.

        Raises:
            ValueError: an image has another type, shape or range.
        """
        rois = grey_batch(x, self.preprocessing.image_size)[..., np.newaxis]
        kwargs.setdefault("verbose", 0)
        raw = super().predict(rois, batch_size=batch_size, **kwargs)
        raw = np.clip(np.asarray(raw, np.float64), 0.0, 1.0)
        if self.decision is None:
            return raw
        malignant = apply_temperature(raw[:, -1], self.decision.temperature)
        others = raw[:, :-1] / np.maximum(raw[:, :-1].sum(axis=1, keepdims=True), 1e-12)
        return np.column_stack([others * (1 - malignant[:, np.newaxis]), malignant])

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Trains the model on uint8 ROIs, see `keras.Model.fit`.

        Threshold and calibration belong to the previous weights, so they are dropped,
        and a warning is logged.
        """
        history = super().fit(*args, **kwargs)
        if self.decision is not None:
            _log.warning(
                "`fit` changed the weights: threshold and calibration were those of "
                "the weights before, and are dropped."
            )
        self.decision = None
        # "weights": the digest of the weights before.
        for name in ("weights", "results", UNTRAINED):
            self.metadata.pop(name, None)
        if "trained_on" in self.metadata:
            self.metadata["trained_on"] += ", then by `fit`"
        return history

    @classmethod
    def from_preset(cls, path: str | Path) -> MammogramClassifier:
        """Loads a classifier.

        Args:
            path: a preset (a folder from `save_to_preset`), a run directory, the
                folder of `keras-wa pretrain`, or `hf://user/name`, a preset or a
                pretraining on the Hugging Face Hub.

        Returns:
            The classifier. After a pretraining its last layer is random: a warning is
            logged, and it is saved only after `fit`.

        Raises:
            UserError: the path is none of these, or cannot be read.
        """
        from keras_wa.inference.preset import load_preset

        return load_preset(path, cls)

    def save_to_preset(self, path: str | Path) -> None:
        """Writes the classifier as a preset: a folder of weights and JSON.

        Args:
            path: the folder; an existing preset is replaced.

        Raises:
            UserError: the folder exists and is not a preset, or the last layer is that
                of a pretraining.
        """
        from keras_wa.inference.preset import save_preset

        self._require_trained()
        save_preset(self, Path(path))

    def export(self, path: str | Path) -> None:
        """Writes the classifier as a SavedModel that needs only TensorFlow.

        Its probabilities are not calibrated; threshold and temperature are in its card,
        where `open_classifier` finds them.

        Args:
            path: the directory; an existing SavedModel is replaced.

        Raises:
            UserError: the directory exists and is not a SavedModel, or the last layer
                is that of a pretraining.
        """
        from keras_wa.export.saved_model import write_saved_model

        self._require_trained()
        write_saved_model(self.serving_model(), self.card(), Path(path))

    def serving_model(self) -> keras.Model:
        """Returns the network, folded for inference, after its preprocessing.

        See `keras_wa.export.saved_model.serving_model`.
        """
        from keras_wa.export.convolutions import for_cpu
        from keras_wa.export.folding import fold
        from keras_wa.export.saved_model import serving_model

        return serving_model(for_cpu(fold(self.network)), self.preprocessing)

    def card(self) -> dict[str, Any]:
        """Returns the card of the exported classifier, as JSON values."""
        return {
            "format": CARD_FORMAT,
            "trained_on": "unknown",
            **self.metadata,
            "wavelet": self.preprocessing.wavelet or image_wavelet(self.network),
            "weights": self.metadata.get("weights") or self._digest(),
            "inside": self.preprocessing.to_card(),
            "labels": self.labels,
            "decision": self.decision and dataclasses.asdict(self.decision),
        }

    def _require_trained(self) -> None:
        if self.metadata.get(UNTRAINED):
            raise UserError(
                "The last layer of this classifier is random: it is that of a "
                "pretraining. Call `fit` first."
            )

    def _digest(self) -> str:
        digest = xxhash.xxh3_128()
        for weight in self.network.get_weights():
            digest.update(np.asarray(weight).tobytes())
        return digest.hexdigest()
