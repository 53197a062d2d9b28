"""WA-ResNet-50: wavelets and squeeze-and-excitation for breast microcalcifications."""

import sys

__version__ = "0.1.0"

if "keras" in sys.modules:
    # For `keras.saving.load_model`, which finds a layer that is registered. Whoever has
    # not imported Keras may not need it, and it takes seconds.
    import keras_wa.layers  # noqa: F401
