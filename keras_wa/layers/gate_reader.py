"""The gates of a network together with its outputs."""

from __future__ import annotations

from typing import Any

import keras

from keras_wa.layers.squeeze_excite import SqueezeExcite


class GateReader:
    """Computes the outputs of a network and the gates of its `SqueezeExcite` layers.

    Args:
        model: a flat functional model.

    Attributes:
        layers: its gate layers, from input to output.
    """

    def __init__(self, model: keras.Model) -> None:
        self.layers = [la for la in model.layers if isinstance(la, SqueezeExcite)]
        # Not a model of the gates: their inner layers share names, which Keras refuses.
        outputs = [model.output, *(layer.input for layer in self.layers)]
        self._trunk = keras.Model(model.input, outputs)

    def __call__(self, inputs: Any) -> tuple[Any, dict[str, Any]]:
        """Returns the outputs at inference, and layer name -> gates, `(batch, C)`."""
        found = self._trunk(inputs, training=False)
        outputs, *maps = found if self.layers else [found]
        pairs = zip(self.layers, maps, strict=True)
        return outputs, {layer.name: layer.gates(each) for layer, each in pairs}
