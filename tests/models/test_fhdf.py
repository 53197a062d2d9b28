"""Fused features of any of the four networks, each under its own name."""

from __future__ import annotations

import keras
import pytest

from keras_wa.errors import UserError
from keras_wa.models import create_model
from tests.models import published

# Of a grey ROI: what the networks have, and the length of their features.
SIZES = {
    "vgg16": (published.VGG16 - published.grey_instead_of_rgb(3, 64), 512),
    "vgg19": (published.VGG19 - published.grey_instead_of_rgb(3, 64), 512),
    "resnet50": (published.RESNET50 - published.grey_instead_of_rgb(7, 64), 2048),
    "densenet121": (published.DENSENET121 - published.grey_instead_of_rgb(7, 64), 1024),
}


def wanted_count(*trunks: str) -> int:
    counts, widths = zip(*(SIZES[name] for name in trunks), strict=True)
    # DenseNet and ResNet: convolutions of the first layer differ in having a bias,
    # which the published counts have in them.
    rest = published.dense(sum(widths), 512) + published.dense(512, 2)
    return sum(counts) + rest + published.NORM


def test_the_four_networks_have_the_published_parameters() -> None:
    model = create_model("fhdf", image_size=32)
    assert model.count_params() == wanted_count(*SIZES)
    assert round(model.count_params() / 1e6, 1) == 67.4
    widths = [tensor.shape[1] for tensor in model.get_layer("fusion").input]
    assert widths == [512, 512, 2048, 1024]
    own = {"roi", "subband_norm", "predictions"}
    for layer in model.layers:
        prefixes = (*(f"{name}_" for name in SIZES), "fusion")
        assert layer.name in own or layer.name.startswith(prefixes), layer.name
        for weight in layer.weights:
            assert weight.path.startswith(f"{layer.name}/")


def test_fewer_networks_can_be_named() -> None:
    model = create_model("fhdf", image_size=32, trunks="vgg19, vgg16")
    assert model.count_params() == wanted_count("vgg16", "vgg19")
    assert create_model(
        "fhdf", image_size=32, trunks="vgg16"
    ).count_params() == wanted_count("vgg16")


def test_normalisation_goes_into_the_vggs() -> None:
    options = {"image_size": 32, "trunks": "vgg16,vgg19", "bn_momentum": 0.9}
    model = create_model("fhdf", batch_norm=True, **options)
    for name in ("vgg16_block5_conv3", "vgg19_block5_conv4"):
        assert model.get_layer(name).activation is keras.activations.linear
        assert model.get_layer(f"{name}_bn").momentum == 0.9
    norms = [layer for layer in model.layers if layer.name.endswith("_bn")]
    assert len(norms) == 13 + 16


def test_the_momentum_of_the_subband_normalisation_stays_its_own() -> None:
    model = create_model("fhdf", image_size=32, trunks="densenet121", bn_momentum=0.8)
    norms = [
        layer
        for layer in model.layers
        if type(layer) is keras.layers.BatchNormalization
    ]
    assert len(norms) == 121
    assert {layer.momentum for layer in norms} == {0.8}
    assert model.get_layer("subband_norm").momentum == 0.9


@pytest.mark.parametrize(
    ("trunks", "message"),
    [
        ("vgg16,resnet5", r"'resnet5'; did you mean 'resnet50'\?"),
        ("vgg16,vgg16", r"twice. Received: 'vgg16,vgg16'"),
        ("", r"Unknown network of `trunks`. Received: ''"),
    ],
)
def test_a_wrong_list_of_networks_is_refused(trunks: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        create_model("fhdf", trunks=trunks)
