"""Models by name: flat functional graphs on `keras.applications` trunks."""

from keras_wa.models.graft import graft
from keras_wa.models.registry import (
    check_options,
    create_model,
    list_models,
    model_options,
    register_model,
)
from keras_wa.models.resnet50 import resnet50, wa_resnet50
from keras_wa.models.weights import adapt_stem_kernel, load_pretrained

__all__ = [
    "adapt_stem_kernel",
    "check_options",
    "create_model",
    "graft",
    "list_models",
    "load_pretrained",
    "model_options",
    "register_model",
    "resnet50",
    "wa_resnet50",
]
