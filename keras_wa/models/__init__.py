"""Models by name: flat functional graphs on `keras.applications` trunks."""

# Each module registers its models.
from keras_wa.models import (  # noqa: F401
    alexnet,
    attention_cnn,
    fhdf,
    resnet34,
    resnet50,
    vgg16,
    vit,
    wa_block,
)
from keras_wa.models.applications import WAResNet50
from keras_wa.models.registry import (
    create_model,
    list_models,
    model_options,
    register_model,
)
from keras_wa.models.weights import load_pretrained

__all__ = [
    "WAResNet50",
    "create_model",
    "list_models",
    "load_pretrained",
    "model_options",
    "register_model",
]
