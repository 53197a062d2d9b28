"""Optimizer, loss, metrics and callbacks that are passed in place of settings."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import keras

from keras_wa.errors import UserError
from keras_wa.training.run import Run


@dataclasses.dataclass(frozen=True)
class Custom:
    """The optional arguments of `keras_wa.training.fit.train`; see there."""

    optimizer: Any = None
    loss: Any = None
    metrics: Sequence[Any] = ()
    callbacks: Sequence[keras.callbacks.Callback] = ()

    def record(self) -> dict[str, Any]:
        """Returns the parts as JSON types, for the run's fingerprint."""
        parts: dict[str, Any] = {}
        if self.optimizer is not None:
            optimizer = keras.optimizers.get(self.optimizer)
            parts["optimizer"] = keras.optimizers.serialize(optimizer)
            # Keras numbers the names: sgd, sgd_1.
            parts["optimizer"]["config"].pop("name", None)
        if self.loss is not None:
            parts["loss"] = (
                self.loss
                if isinstance(self.loss, str)
                else keras.losses.serialize(self.loss)
            )
        if self.metrics:
            parts["metrics"] = [
                each if isinstance(each, str) else keras.metrics.serialize(each)
                for each in self.metrics
            ]
        if self.callbacks:
            kinds = [type(each) for each in self.callbacks]
            parts["callbacks"] = [f"{k.__module__}.{k.__qualname__}" for k in kinds]
        return json.loads(json.dumps(parts, default=str))

    def add_to(self, run: Run, resume: bool) -> Run:
        """Returns the run with the parts in its config.

        Raises:
            UserError: a resumed run was started with other parts.
        """
        now, then = self.record(), run.config.custom
        if resume:  # The object may be older than the record of the parts.
            then = Run.open(run.path).config.custom
            if "members" in then:
                raise UserError(
                    f"{run.path} is an ensemble, which cannot be trained. Train its "
                    "members, and make a new one."
                )
        if now != then and (resume or then):
            names = sorted({*now, *then})
            differing = [name for name in names if now.get(name) != then.get(name)]
            raise UserError(
                f"{run.path} was trained with {differing[0]}={then.get(differing[0])}. "
                f"Received: {now.get(differing[0])}. Resume it from Python: "
                "`keras_wa.training.fit.train` with the same parts as before."
            )
        config = dataclasses.replace(run.config, custom=now)
        return dataclasses.replace(run, config=config)
