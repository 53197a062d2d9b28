"""The transformer encoder of ViT as layers of a flat graph."""

from __future__ import annotations

import keras
from keras import layers

from keras_wa.errors import UserError
from keras_wa.layers import Tokens


def encoded(
    features: keras.KerasTensor, depth: int, heads: int, dropout: float
) -> keras.KerasTensor:
    """Encodes a feature map by a transformer and returns its class token.

    Each of `depth` blocks is, with normalisation first: self-attention with a residual,
    then a dense layer of four times the width with GELU and one back, with a residual.
    Layers are named `vit_...`.

    Args:
        features: `(batch, height, width, channels)`, the embedded patches.
        depth: number of blocks.
        heads: number of attention heads; divides `channels`.
        dropout: dropout rate at the end of each residual branch and after the position
            embeddings.

    Returns:
        `(batch, channels)`, normalised.

    Raises:
        UserError: `heads` does not divide `channels`.

    Source:
        Dosovitskiy et al. 2021, "An image is worth 16x16 words", eq. 1-4.
    """
    width = features.shape[-1]
    if width % heads:
        raise UserError(
            f"`heads` must divide `width`. Received: {heads}; expected a divisor of "
            f"{width}"
        )

    def norm(name: str) -> keras.layers.Layer:
        # ViT's epsilon; Keras' default is 1e-3.
        return layers.LayerNormalization(epsilon=1e-6, name=name)

    x = Tokens(name="vit_tokens")(features)
    x = layers.Dropout(dropout, name="vit_tokens_dropout")(x)
    for number in range(1, depth + 1):
        name = f"vit_block{number}"
        y = norm(f"{name}_1_norm")(x)
        y = layers.MultiHeadAttention(heads, width // heads, name=f"{name}_attention")(
            y, y
        )
        y = layers.Dropout(dropout, name=f"{name}_1_dropout")(y)
        x = layers.Add(name=f"{name}_1_add")([x, y])
        y = norm(f"{name}_2_norm")(x)
        y = layers.Dense(4 * width, activation="gelu", name=f"{name}_mlp1")(y)
        y = layers.Dense(width, name=f"{name}_mlp2")(y)
        y = layers.Dropout(dropout, name=f"{name}_2_dropout")(y)
        x = layers.Add(name=f"{name}_2_add")([x, y])
    # A layer, since an index would add an unnamed operation to the graph.
    x = layers.Cropping1D((0, x.shape[1] - 1), name="vit_class_token")(x)
    x = layers.Flatten(name="vit_flatten")(x)
    return norm("vit_norm")(x)
