"""Models by name: flat functional graphs on `keras.applications` trunks."""

from keras_wa.models.graft import graft
from keras_wa.models.registry import (
    check_options,
    create_model,
    list_models,
    model_options,
    model_source,
    register_model,
)
from keras_wa.models.resnet50 import (
    dwt_resnet50,
    resnet50,
    se_resnet50,
    wa_resnet50,
)
from keras_wa.models.weights import adapt_stem_kernel, load_pretrained

__all__ = [
    "adapt_stem_kernel",
    "check_options",
    "create_model",
    "dwt_resnet50",
    "graft",
    "list_models",
    "load_pretrained",
    "model_options",
    "model_source",
    "register_model",
    "resnet50",
    "se_resnet50",
    "wa_resnet50",
]
