"""WA-ResNet-50: wavelets and squeeze-and-excitation for breast microcalcifications.

import keras_wa

model = keras_wa.models.create_model("wa_resnet50", image_size=224)
print(keras_wa.metrics.auc(y_true, y_score, groups=patients))
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "MammogramClassifier",
    "data",
    "layers",
    "metrics",
    "models",
    "phantom",
    "testing",
]

if "keras" in sys.modules:
    # Registers the layers for `keras.saving.load_model`. Without Keras the import stays
    # fast: many commands do not need it.
    import keras_wa.layers  # noqa: F401


if TYPE_CHECKING:
    from keras_wa import data, layers, metrics, models, phantom, testing
    from keras_wa.inference.mammogram_classifier import MammogramClassifier
else:  # A type checker would take any name for one of `__getattr__`.

    def __getattr__(name: str) -> Any:
        # Imported when first used: `metrics` and `phantom` need no Keras.
        if name == "MammogramClassifier":
            module = importlib.import_module("keras_wa.inference.mammogram_classifier")
            return module.MammogramClassifier
        if name in __all__:
            return importlib.import_module(f"keras_wa.{name}")
        raise AttributeError(f"module 'keras_wa' has no attribute {name!r}")
