"""Models by name: flat functional graphs on `keras.applications` trunks."""

from keras_wa.models.alexnet import alexnet
from keras_wa.models.applications import WAResNet50
from keras_wa.models.attention_cnn import attention_cnn
from keras_wa.models.exact_stem import subband_stem
from keras_wa.models.fhdf import fhdf
from keras_wa.models.graft import graft
from keras_wa.models.head import last_layer
from keras_wa.models.registry import (
    check_options,
    create_model,
    list_models,
    model_imagenet,
    model_options,
    model_source,
    register_model,
)
from keras_wa.models.resnet34 import resnet34
from keras_wa.models.resnet50 import (
    dwt_resnet50,
    resnet50,
    se_resnet50,
    wa_resnet50,
    wa_resnet50_literal,
)
from keras_wa.models.vgg16 import vgg16
from keras_wa.models.vit import cnn_vit, resnet50_vit
from keras_wa.models.wa_block import wa_block_resnet50
from keras_wa.models.weights import adapt_stem_kernel, load_pretrained

__all__ = [
    "WAResNet50",
    "adapt_stem_kernel",
    "alexnet",
    "attention_cnn",
    "check_options",
    "cnn_vit",
    "create_model",
    "dwt_resnet50",
    "fhdf",
    "graft",
    "last_layer",
    "list_models",
    "load_pretrained",
    "model_imagenet",
    "model_options",
    "model_source",
    "register_model",
    "resnet34",
    "resnet50",
    "resnet50_vit",
    "se_resnet50",
    "subband_stem",
    "vgg16",
    "wa_block_resnet50",
    "wa_resnet50",
    "wa_resnet50_literal",
]
