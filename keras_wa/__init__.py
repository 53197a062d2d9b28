"""WA-ResNet-50: wavelets and squeeze-and-excitation for breast microcalcifications."""

import sys

__version__ = "0.1.0"

if "keras" in sys.modules:
    # For `keras.saving.load_model`, which finds a layer that is registered. Without
    # Keras the import stays fast: many commands do not need it.
    import keras_wa.layers  # noqa: F401
