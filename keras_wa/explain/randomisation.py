"""The sanity check: the same network with new random weights must explain nothing."""

from __future__ import annotations

import random

import keras


def reinitialised(model: keras.Model, seed: int) -> keras.Model:
    """Copies a model's architecture with freshly drawn weights.

    All layers at once are drawn as before training, moving averages included. What its
    heat maps score comes from the architecture and the ROIs and not from anything
    learned.

    Args:
        model: a functional model; it is not changed.
        seed: seed of the weights; the same seed gives the same ones.

    Returns:
        The copy.

    Source: Adebayo et al. 2018, "Sanity checks for saliency maps", section 3.
    """
    # An initializer without a seed takes one from Python's generator.
    state = random.getstate()
    random.seed(seed)
    try:
        return keras.models.clone_model(model)
    finally:
        random.setstate(state)
