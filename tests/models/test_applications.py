from __future__ import annotations

import keras
import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.models import WAResNet50, create_model


def rois(side: int = 64) -> np.ndarray:
    return np.random.default_rng(0).random((2, side, side, 1)).astype("float32")


def test_it_is_the_registered_network_with_another_head() -> None:
    model = WAResNet50(input_shape=(64, 64, 1), classes=5)
    known = create_model("wa_resnet50", image_size=64)
    names = [layer.name for layer in known.layers]
    assert [layer.name for layer in model.layers] == names
    assert model.output_shape == (None, 5)
    for layer in known.layers[:-1]:
        model.get_layer(layer.name).set_weights(layer.get_weights())
    features = keras.Model(model.input, model.get_layer("avg_pool").output)
    expected = keras.Model(known.input, known.get_layer("avg_pool").output)
    np.testing.assert_array_equal(features(rois()), expected(rois()))


@pytest.mark.parametrize(
    ("pooling", "shape"), [(None, (2, 2, 2048)), ("avg", (2048,)), ("max", (2048,))]
)
def test_without_its_top_it_gives_features(pooling: str | None, shape: tuple) -> None:
    model = WAResNet50(False, input_shape=(96, 96, 1), pooling=pooling)
    assert model.output_shape == (None, *shape)


def test_on_a_tensor_it_is_flat_and_gives_the_same() -> None:
    image = keras.Input((64, 64, 1))
    inputs = keras.layers.Rescaling(1 / 255)(image)
    model = WAResNet50(input_tensor=inputs, classes=3, classifier_activation=None)
    assert not [layer for layer in model.layers if isinstance(layer, keras.Model)]
    whole = keras.Model(image, model(inputs))
    alone = WAResNet50(input_shape=(64, 64, 1), classes=3, classifier_activation=None)
    alone.set_weights(model.get_weights())
    found, wanted = whole(255 * rois()), np.asarray(alone(rois()))
    largest = np.abs(wanted).max()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * largest)


@pytest.mark.parametrize("shape", [(64, 64, 3), (64, 32, 1), (None, None, 1)])
def test_another_kind_of_image_is_refused(shape: tuple) -> None:
    with pytest.raises(ValueError, match=r"square grey image\. Received"):
        WAResNet50(input_shape=shape)


def test_a_wrong_option_is_refused() -> None:
    with pytest.raises(UserError, match="`pooling` must be one of None, 'avg', 'max'"):
        WAResNet50(False, pooling="mean")
