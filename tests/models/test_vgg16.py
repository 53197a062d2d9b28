"""VGG-16 is the published network on a grey ROI, with or without normalisation."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.models import create_model
from keras_wa.models.weights import adapt_stem_kernel
from tests.models import published
from tests.models.legacy_h5 import random_arrays, write_legacy_h5

BLOCKS = (2, 2, 3, 3, 3)
CONVOLUTIONS = [
    f"block{block}_conv{number}"
    for block, count in enumerate(BLOCKS, start=1)
    for number in range(1, count + 1)
]
FILTERS = 2 * 64 + 2 * 128 + 3 * 256 + 6 * 512
GREY = published.grey_instead_of_rgb(3, 64)


def small(**options: object) -> keras.Model:
    return create_model("vgg16", image_size=32, classifier="gap", **options)


def test_it_has_the_published_parameters() -> None:
    top = published.dense(4096, 1000)
    wanted = published.VGG16_TOP - top + published.dense(4096, 2) - GREY
    assert create_model("vgg16").count_params() == wanted + published.NORM
    assert round(wanted / 1e6, 1) == 134.3


def test_with_average_pooling_it_has_those_of_the_trunk() -> None:
    wanted = published.VGG16 - GREY + published.dense(512, 2) + published.NORM
    assert small().count_params() == wanted
    assert small(batch_norm=True).count_params() == wanted + 4 * FILTERS


def test_its_layers_are_those_of_keras_applications() -> None:
    theirs = keras.applications.VGG16(include_top=False, weights=None).layers
    names = [layer.name for layer in small().layers]
    own = {"roi", "subband_norm", "avg_pool", "predictions"}
    assert [name for name in names if name not in own] == [la.name for la in theirs][1:]


def test_normalisation_stands_between_each_convolution_and_its_relu() -> None:
    model = small(batch_norm=True, bn_momentum=0.9)
    names = [layer.name for layer in model.layers]
    for name in CONVOLUTIONS:
        place = names.index(name)
        assert names[place + 1 : place + 3] == [f"{name}_bn", f"{name}_relu"]
        assert model.get_layer(name).activation is keras.activations.linear
        assert model.get_layer(f"{name}_bn").momentum == 0.9


def test_untrained_normalisation_is_all_but_the_identity() -> None:
    plain, normalised = small(), small(batch_norm=True)
    for layer in plain.layers:
        normalised.get_layer(layer.name).set_weights(layer.get_weights())
    # Keras' epsilon makes each of the 13 a factor of 0.9995.
    x = np.random.default_rng(0).random((2, 32, 32, 1), "float32")
    found, wanted = (
        keras.ops.convert_to_numpy(
            keras.Model(model.input, model.get_layer("avg_pool").output)(x)
        )
        for model in (normalised, plain)
    )
    assert wanted.std() > 0
    np.testing.assert_allclose(found, wanted, rtol=0.02)


def test_the_original_classifier_has_dropout_after_both_dense_layers() -> None:
    model = create_model("vgg16", image_size=32, dropout=0.3)
    names = [layer.name for layer in model.layers]
    start = names.index("flatten")
    assert names[start:] == [
        "flatten",
        *("fc1", "fc1_dropout", "fc2", "fc2_dropout"),
        "predictions",
    ]
    assert {model.get_layer(f"fc{n}_dropout").rate for n in (1, 2)} == {0.3}


def test_a_file_of_keras_applications_fills_the_trunk(tmp_path: Path) -> None:
    theirs = keras.applications.VGG16(include_top=False, weights=None)
    arrays = random_arrays(theirs)
    path = write_legacy_h5(tmp_path / "vgg16.h5", arrays)
    model = small(weights=str(path))
    for name in CONVOLUTIONS:
        kernel, bias = arrays[name].values()
        if name == "block1_conv1":
            kernel = adapt_stem_kernel(kernel, 1)
        found = model.get_layer(name)
        np.testing.assert_array_equal(found.kernel, kernel, err_msg=name)
        np.testing.assert_array_equal(found.bias, bias, err_msg=name)
    with pytest.raises(UserError, match=r"'block1_conv1_bn'.*VGG16"):
        small(weights=str(path), batch_norm=True)


@pytest.mark.parametrize(
    ("option", "value"),
    [("image_size", 31), ("classifier", "svm"), ("dropout", 1.0), ("classes", 5)],
)
def test_a_value_out_of_range_names_the_option(option: str, value: object) -> None:
    with pytest.raises(UserError, match=rf"`{option}` must.*Received: {value!r}$"):
        create_model("vgg16", **{option: value})
