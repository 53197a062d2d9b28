"""Model-parameter randomisation test: the same network with random weights."""

from __future__ import annotations

import random

import keras


def reinitialised(model: keras.Model, seed: int) -> keras.Model:
    """Copies a model with new random weights.

    All layers are re-initialised, moving averages included. The scores of its heat maps
    come from the architecture and the ROIs, not from training.

    Args:
        model: a functional model; it is not changed.
        seed: seed of the weights.

    Returns:
        The copy.

    Source:
        Adebayo et al. 2018, "Sanity checks for saliency maps", section 3.
    """
    # An initializer without a seed draws one from Python's generator.
    state = random.getstate()
    random.seed(seed)
    try:
        return keras.models.clone_model(model)
    finally:
        random.setstate(state)
