"""A network without its DWT gives what it gave with it, borders included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_wa.export.folding import fold, fold_dwt
from keras_wa.export.saving import save_functions
from keras_wa.layers import DWT2D, SubbandNormalization
from keras_wa.models import create_model
from keras_wa.models.exact_stem import EXACT_STEMS
from keras_wa.models.stem import standardised_subbands, subbands_of_standardised
from tests.export.test_batch_normalization import kinds, trained

SIDE = 34  # Of subbands 17: the last place of a stride of 2 lies at the border.
BAND_MEANS = (0.9, 0.02, -0.03, 0.01)
BAND_VARIANCES = (0.2, 4e-3, 2e-3, 1e-3)


def images(channels: int = 1) -> np.ndarray:
    """Smooth, with the grain that fills the detail bands."""
    rng = np.random.default_rng(0)
    smooth = rng.normal(size=(3, SIDE, SIDE, channels)).cumsum(1).cumsum(2) / 40
    grain = rng.normal(scale=0.05, size=smooth.shape)
    return np.clip(0.4 + smooth + grain, 0, 1).astype("float32")


def stemmed(bands: keras.KerasTensor, kernel: int = 7, stride: int = 2) -> keras.Model:
    """A stem as ResNet-50 has it, on bands, up to probabilities; random weights."""
    keras.utils.set_random_seed(0)
    margin = kernel // 2
    x = layers.ZeroPadding2D(margin)(bands)
    stem = layers.Conv2D(6, kernel, strides=stride, name="stem")
    stem.bias_initializer = keras.initializers.RandomNormal(stddev=0.5)
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(stem(x)))
    outputs = layers.Dense(2, activation="softmax")(x)
    (inputs,) = keras.utils.get_source_inputs(bands)
    return with_statistics(keras.Model(inputs, outputs))


def with_statistics(model: keras.Model) -> keras.Model:
    for layer in model.layers:
        if isinstance(layer, SubbandNormalization):
            count = layer.moving_mean.shape[0]
            layer.moving_mean.assign(np.resize(BAND_MEANS, count))
            layer.moving_variance.assign(np.resize(BAND_VARIANCES, count))
    return model


def largest_errors(model: keras.Model, other: keras.Model, x: np.ndarray) -> list:
    """Of the stem's map, relative to its largest value; of the probabilities."""
    maps = [
        np.array(keras.Model(each.input, each.get_layer("stem").output)(x))
        for each in (model, other)
    ]
    probabilities = [np.array(each(x)) for each in (model, other)]
    assert maps[0].shape == maps[1].shape
    return [
        np.abs(maps[0] - maps[1]).max() / np.abs(maps[0]).max(),
        np.abs(probabilities[0] - probabilities[1]).max(),
    ]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("norm", ["each", "shared", "none", "of the image"])
def test_every_stem_keeps_its_map_and_the_probabilities(
    norm: str, kernel: int, stride: int
) -> None:
    if norm == "of the image":  # As with a graft.
        bands = subbands_of_standardised(SIDE, "model", "haar")
    else:
        bands = standardised_subbands(SIDE, "model", "haar", 1, norm)
    model = stemmed(bands, kernel, stride)
    before = [np.array(weight) for weight in model.weights]
    folded = fold_dwt(model)
    assert kinds(folded)[:3] == ["InputLayer", "ZeroPadding2D", "Conv2D"]
    assert max(largest_errors(model, folded, images())) <= 1e-5
    for old, weight in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, weight)


@pytest.mark.parametrize("graft", EXACT_STEMS)
def test_a_graft_folds_back_into_the_kernel_that_it_was_made_of(graft: str) -> None:
    stem, margin = EXACT_STEMS[graft], {"field": (1, 2), "detail": (0, 0)}[graft]
    bands = DWT2D()(keras.Input((SIDE, SIDE, 1)))
    model = stemmed(bands, stem.stem_kernel, stem.stem_stride)
    kernel = np.random.default_rng(0).normal(size=(7, 7, 1, 6))
    conv = model.get_layer("stem")
    conv.kernel.assign(stem.convert(kernel, "haar")[0])
    if graft == "detail":  # Each weight for the average of 2x2 pixels.
        expected = kernel.repeat(2, axis=0).repeat(2, axis=1) / 4
    else:
        expected = np.pad(kernel, (margin, margin, (0, 0), (0, 0)))
    found = fold_dwt(model).get_layer("stem")
    np.testing.assert_allclose(found.kernel, expected, atol=1e-6)
    np.testing.assert_array_equal(found.bias, conv.bias)


def test_wa_resnet50_keeps_its_probabilities() -> None:
    keras.utils.set_random_seed(0)
    model = create_model("wa_resnet50", image_size=64, graft="detail")
    folded = fold(with_statistics(trained(model)))
    assert kinds(folded)[:4] == ["InputLayer", "ZeroPadding2D", "Conv2D", "Activation"]
    assert not {"BatchNormalization", "SubbandNormalization"} & {*kinds(folded)}
    x = np.random.default_rng(0).random((3, 64, 64, 1), "float32")
    np.testing.assert_allclose(folded(x), model(x), rtol=0, atol=1e-5)


def _scaled_and_of_three_channels() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    norm = SubbandNormalization(center=True, scale=True)
    model = stemmed(norm(DWT2D("db1")(inputs)))
    for weight in (norm.gamma, norm.beta):
        weight.assign(np.random.default_rng(0).normal(size=weight.shape))
    return model


def test_channels_and_a_learnt_scale_and_offset_are_folded_too() -> None:
    model = _scaled_and_of_three_channels()
    folded = fold_dwt(model)
    assert kinds(folded)[:3] == ["InputLayer", "ZeroPadding2D", "Conv2D"]
    assert max(largest_errors(model, folded, images(channels=3))) <= 1e-5


def test_a_convolution_without_padding_takes_the_pixels_at_once() -> None:
    inputs = keras.Input((SIDE, SIDE, 1))
    model = keras.Model(inputs, layers.Conv2D(4, 3, strides=(1, 2))(DWT2D()(inputs)))
    folded = fold_dwt(model)
    assert kinds(folded) == ["InputLayer", "Conv2D"]
    np.testing.assert_allclose(folded(images()), model(images()), atol=1e-6)


def _on(bands: Any, **options: Any) -> Any:
    return layers.Conv2D(4, 3, **options)(bands)


def _in_one_row(x: Any) -> Any:
    bands = DWT2D()(x)
    row = layers.BatchNormalization()(layers.Reshape((1, -1, 4))(bands))
    return _on(layers.Reshape(bands.shape[1:])(row))


def _constant_band(x: Any) -> Any:
    norm = SubbandNormalization(scale=True, gamma_initializer="zeros")
    return _on(norm(DWT2D()(x)))


def _seen_twice(x: Any) -> Any:
    bands = DWT2D()(x)
    return layers.Concatenate()(
        [layers.Flatten()(each) for each in (_on(bands), bands)]
    )


def _called_twice(x: Any) -> Any:
    conv = layers.Conv2D(4, 3)
    return layers.Add()([conv(DWT2D()(each)) for each in (x, layers.ReLU()(x))])


def _two_levels(x: Any) -> Any:
    coarse, _ = DWT2D(levels=2)(x)
    return _on(coarse)


STAY: dict[str, Callable[[Any], Any]] = {
    "a longer wavelet": lambda x: _on(DWT2D("db2")(x)),
    "two levels": _two_levels,
    "odd sides": lambda x: _on(DWT2D()(layers.Cropping2D(((1, 0), (1, 0)))(x))),
    "same": lambda x: _on(DWT2D()(x), padding="same"),
    "dilated": lambda x: _on(DWT2D()(x), dilation_rate=2),
    "groups": lambda x: _on(DWT2D()(x), groups=4),
    "half precision": lambda x: _on(DWT2D()(x), dtype="mixed_bfloat16"),
    "activated": lambda x: _on(layers.ReLU()(DWT2D()(x))),
    "other axis": lambda x: _on(layers.BatchNormalization(axis=1)(DWT2D()(x))),
    "reshaped": _in_one_row,
    "a constant band": _constant_band,
    "seen twice": _seen_twice,
    "called twice": _called_twice,
    "no convolution": lambda x: layers.Flatten()(DWT2D()(x)),
}


@pytest.mark.parametrize("tail", STAY.values(), ids=STAY)
def test_what_cannot_be_folded_stays(tail: Callable[[Any], Any]) -> None:
    inputs = keras.Input((SIDE, SIDE, 1))
    model = keras.Model(inputs, tail(inputs))
    assert fold_dwt(model) is model


def test_subbands_that_are_an_output_of_the_model_stay() -> None:
    inputs = keras.Input((SIDE, SIDE, 1))
    bands = DWT2D()(inputs)
    model = keras.Model(inputs, [_on(bands), bands])
    assert fold_dwt(model) is model


def test_a_normalised_image_that_others_see_too_stays_beside_the_folded_stem() -> None:
    inputs = keras.Input((SIDE, SIDE, 1))
    image = SubbandNormalization()(inputs)
    both = [layers.Flatten()(_on(DWT2D()(image))), layers.Flatten()(image)]
    model = with_statistics(keras.Model(inputs, layers.Concatenate()(both)))
    folded = fold_dwt(model)
    assert "SubbandNormalization" in kinds(folded)
    assert "DWT2D" not in kinds(folded)
    np.testing.assert_allclose(folded(images()), model(images()), atol=1e-5)


@pytest.fixture(scope="module")
def stems() -> tuple[keras.Model, keras.Model]:
    """A model with a DWT, and folded."""
    model = stemmed(standardised_subbands(SIDE, "model", "haar", 1, "each"))
    return model, fold_dwt(model)


SIGNATURE = tf.TensorSpec((None, SIDE, SIDE, 1), tf.float32, "roi")
OF_A_DWT = {"Unpack", "Split", "StridedSlice", "Slice", "ConcatV2", "Concat", "Mul"}


def test_the_savedmodel_has_no_operation_of_a_dwt(
    stems: tuple[keras.Model, keras.Model], tmp_path: Path
) -> None:
    found = []
    for model in stems:
        save_functions(model, tmp_path, SIGNATURE)
        loaded = tf.saved_model.load(tmp_path)
        np.testing.assert_allclose(
            loaded.serve(images()), stems[0](images()), atol=1e-5
        )
        graph = loaded.signatures["serving_default"].graph.as_graph_def()
        functions = graph.library.function
        found.append({node.op for each in functions for node in each.node_def})
    assert OF_A_DWT & found[0]
    assert not OF_A_DWT & found[1]


def test_the_onnx_file_has_no_operation_of_a_dwt(
    stems: tuple[keras.Model, keras.Model],
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    tf2onnx = pytest.importorskip("tf2onnx")
    found = []
    for model in stems:
        infer = tf.function(model, input_signature=[SIGNATURE], autograph=False)
        onnx, _ = tf2onnx.convert.from_function(infer, [SIGNATURE], opset=17)
        session = onnxruntime.InferenceSession(onnx.SerializeToString())
        (probabilities,) = session.run(None, {"roi": images()})
        np.testing.assert_allclose(probabilities, stems[0](images()), atol=1e-5)
        found.append({node.op_type for node in onnx.graph.node})
    assert OF_A_DWT & found[0]
    assert not OF_A_DWT & found[1]
