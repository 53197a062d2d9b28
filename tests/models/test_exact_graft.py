"""WA-ResNet-50 with an exact graft starts as the ResNet-50 of the same weights."""

from __future__ import annotations

import logging
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.layers.squeeze_excite import OPEN_GATE_BIAS
from keras_wa.models import create_model
from tests.models.legacy_h5 import random_arrays, write_legacy_h5, write_npz

STAGES = (
    "conv1_conv",
    "conv2_block3_out",
    "conv3_block4_out",
    "conv4_block6_out",
)
PARTIAL = "imagenet-resnet50-partial/resnet50_conv1_to_conv4.npz"
SIDE = 64
ROI_MEAN, ROI_VARIANCE = 0.4, 0.03


@pytest.fixture(scope="module")
def arrays(rgb_arrays: dict) -> dict:
    """Random weights of stages conv1 to conv4, the stem in float16."""
    whole = {
        name: dict(found)
        for name, found in rgb_arrays.items()
        if found and name[:5] != "conv5"
    }
    stem = whole["conv1_conv"]
    stem["kernel"] = (stem["kernel"] / 50).astype("float16")
    return whole


@pytest.fixture(
    scope="module",
    params=["random", pytest.param("ImageNet", marks=pytest.mark.shared_data)],
)
def donor(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A file of conv1 to conv4."""
    if request.param == "random":
        folder = tmp_path_factory.mktemp("donor")
        return write_npz(folder / "random.npz", request.getfixturevalue("arrays"))
    path = request.getfixturevalue("shared_data") / PARTIAL
    if not path.is_file():
        pytest.skip(f"REAL DATA MISSING: {path} is not there")
    return path


def pretrained(name: str, donor: Path, **options: object) -> keras.Model:
    """A model with the donor's weights, for ROIs of one mean and variance."""
    model = create_model(name, weights=str(donor), **options)
    norm = model.get_layer("subband_norm")
    norm.moving_mean.assign([ROI_MEAN])
    norm.moving_variance.assign([ROI_VARIANCE])
    return model


@pytest.fixture(scope="module")
def plain(donor: Path) -> keras.Model:
    return pretrained("resnet50", donor, image_size=SIDE)


@pytest.fixture(scope="module")
def field(donor: Path) -> keras.Model:
    options = {"image_size": SIDE, "graft": "field", "gate_bias": OPEN_GATE_BIAS}
    return pretrained("wa_resnet50", donor, **options)


@pytest.fixture(scope="module")
def detail(donor: Path) -> keras.Model:
    options = {"image_size": 2 * SIDE, "graft": "detail", "gate_bias": OPEN_GATE_BIAS}
    return pretrained("wa_resnet50", donor, **options)


def rois(side: int) -> np.ndarray:
    """Smooth, with grain, and bright up to the border."""
    rng = np.random.default_rng(0)
    smooth = rng.normal(size=(3, side, side, 1)).cumsum(axis=1).cumsum(axis=2)
    smooth /= np.abs(smooth).max(axis=(1, 2, 3), keepdims=True)
    grain = 0.1 * rng.normal(size=smooth.shape)
    return np.clip(0.5 + 0.4 * smooth + grain, 0, 1).astype("float32")


def stage_maps(model: keras.Model, x: np.ndarray, gated: bool) -> list[np.ndarray]:
    """The feature maps of `STAGES`, behind the gates of a model that has them."""
    names = [name.replace("_out", "_se") if gated else name for name in STAGES]
    tensors = [model.get_layer(name).output for name in names]
    maps = keras.Model(model.input, tensors)(x, training=False)
    return [keras.ops.convert_to_numpy(each) for each in maps]


def differences(found: list[np.ndarray], wanted: list[np.ndarray]) -> list[float]:
    """The largest difference of each stage, of the largest value there."""
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        assert b.std() > 0
    return [
        float(np.abs(a - b).max() / np.abs(b).max())
        for a, b in zip(found, wanted, strict=True)
    ]


def test_field_gives_the_features_of_resnet50_on_the_same_roi(
    plain: keras.Model, field: keras.Model
) -> None:
    x = rois(SIDE)
    wanted = stage_maps(plain, x, gated=False)
    found = differences(stage_maps(field, x, gated=True), wanted)
    assert max(found) <= 1e-5


def test_detail_gives_the_features_of_resnet50_on_the_roi_s_average(
    plain: keras.Model, detail: keras.Model
) -> None:
    x = rois(2 * SIDE)
    average = x.reshape(3, SIDE, 2, SIDE, 2, 1).mean(axis=(2, 4))
    wanted = stage_maps(plain, average, gated=False)
    found = differences(stage_maps(detail, x, gated=True), wanted)
    assert max(found) <= 1e-5


def test_detail_gives_the_features_of_resnet50_that_averages_the_roi(
    donor: Path, detail: keras.Model
) -> None:
    plain = pretrained("resnet50", donor, image_size=2 * SIDE, average=2)
    x = rois(2 * SIDE)
    wanted = stage_maps(plain, x, gated=False)
    found = differences(stage_maps(detail, x, gated=True), wanted)
    assert max(found) <= 1e-5


def test_without_a_graft_the_features_are_others(
    plain: keras.Model, donor: Path
) -> None:
    options = {"image_size": SIDE, "graft": "none", "stem_stride": 1}
    options |= {"gate_bias": OPEN_GATE_BIAS}
    model = create_model("wa_resnet50", weights=str(donor), **options)
    # What the bands of these ROIs have.
    x = rois(SIDE)
    bands = keras.ops.convert_to_numpy(model.get_layer("dwt")(x))
    norm = model.get_layer("subband_norm")
    norm.moving_mean.assign(bands.mean(axis=(0, 1, 2)))
    norm.moving_variance.assign(bands.var(axis=(0, 1, 2)))
    wanted = stage_maps(plain, x, gated=False)
    assert min(differences(stage_maps(model, x, gated=True), wanted)) > 0.05


def test_a_saved_graft_is_loaded_as_it_was(field: keras.Model, tmp_path: Path) -> None:
    field.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(rois(SIDE)), field(rois(SIDE)))


def test_weights_of_a_graft_fill_another(field: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "model.weights.h5"
    field.save_weights(path)
    options = {"image_size": SIDE, "graft": "field", "weights": str(path)}
    filled = create_model("wa_resnet50", **options)
    np.testing.assert_array_equal(filled(rois(SIDE)), field(rois(SIDE)))


# The other formats, and grey donors -------------------------------------------------


@pytest.fixture(scope="module")
def grey_donor(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, keras.Model]:
    """A plain ResNet-50 of ours, saved whole."""
    model = create_model("resnet50", image_size=32)
    for name, found in random_arrays(model).items():
        if found:
            model.get_layer(name).set_weights(list(found.values()))
    path = tmp_path_factory.mktemp("grey") / "resnet50.keras"
    model.save(path)
    return path, model


@pytest.mark.parametrize("graft", ["field", "detail"])
def test_a_trained_resnet50_of_ours_becomes_the_same_classifier(
    graft: str, grey_donor: tuple[Path, keras.Model]
) -> None:
    path, plain = grey_donor
    side = 32 if graft == "field" else 64
    model = create_model(
        "dwt_resnet50", image_size=side, graft=graft, weights=str(path)
    )
    x = rois(side)
    seen = x if graft == "field" else x.reshape(3, 32, 2, 32, 2, 1).mean(axis=(2, 4))
    np.testing.assert_allclose(model(x), plain(seen), rtol=1e-4, atol=1e-6)


def test_a_legacy_h5_gives_what_the_npz_gives(arrays: dict, tmp_path: Path) -> None:
    stems = []
    for write, name in ((write_npz, "a.npz"), (write_legacy_h5, "a.h5")):
        path = write(tmp_path / name, arrays)
        options = {"image_size": 32, "graft": "field", "weights": str(path)}
        model = create_model("dwt_resnet50", **options)
        stems.append(model.get_layer("conv1_conv").get_weights())
    for one, other in zip(*stems, strict=True):
        np.testing.assert_array_equal(one, other)


# What is reported -------------------------------------------------------------------


@pytest.mark.parametrize(("wavelet", "error"), [("db2", None), ("db4", 0.1)])
def test_the_stages_and_the_error_of_least_squares_are_logged(
    wavelet: str,
    error: float | None,
    arrays: dict,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write_npz(tmp_path / "donor.npz", arrays)
    options = {"image_size": 32, "graft": "field", "weights": str(path)}
    create_model("dwt_resnet50", wavelet=wavelet, **options)
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    part, *least_squares = caplog.messages
    assert "Filled: conv1, conv2, conv3, conv4. Not in the source" in part
    assert part.endswith("at their initial weights: conv5 (20 layers).")
    assert len(least_squares) == (error is not None)
    for message in least_squares:
        assert "'conv1_conv' is converted to the subbands by least squares" in message
        assert 0.05 < float(message.rstrip(".").split()[-1]) < 0.5


@pytest.mark.parametrize("model", ["wa_resnet50", "dwt_resnet50"])
@pytest.mark.parametrize(
    ("graft", "option", "value"),
    [
        ("field", "stem_kernel", 3),
        ("field", "subband_norm", "shared"),
        ("field", "levels", 2),
        ("detail", "stem_kernel", 5),
        ("detail", "stem_stride", 1),
        ("detail", "subband_norm", "none"),
        ("detail", "levels", 2),
    ],
)
def test_an_option_that_contradicts_the_graft_is_named(
    model: str, graft: str, option: str, value: object
) -> None:
    pattern = rf"`{option}` contradicts graft='{graft}'. Received: {value!r}; leave it"
    with pytest.raises(UserError, match=pattern):
        create_model(model, image_size=32, graft=graft, **{option: value})


def test_another_graft_is_refused() -> None:
    with pytest.raises(UserError, match="`graft` must be one of 'none', 'field'"):
        create_model("wa_resnet50", graft="exact")


def test_what_a_graft_needs_may_be_said_too() -> None:
    options = {"stem_stride": 1, "stem_kernel": 5, "levels": 1, "dwt": "model"}
    model = create_model("dwt_resnet50", image_size=32, graft="field", **options)
    assert model.get_layer("conv1_conv").kernel.shape == (5, 5, 4, 64)
    names = [layer.name for layer in model.layers]
    assert names[:4] == ["roi", "subband_norm", "dwt", "conv1_pad"]


# Training ---------------------------------------------------------------------------


@pytest.mark.parametrize("graft", ["field", "detail"])
def test_a_step_of_training_moves_the_weights_on_every_band(graft: str) -> None:
    keras.utils.set_random_seed(0)
    model = create_model("wa_resnet50", image_size=32, graft=graft)
    # Eager: tracing costs more than one step.
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)
    stem = model.get_layer("conv1_conv")
    before = keras.ops.convert_to_numpy(stem.kernel)
    loss = model.train_on_batch(rois(32), np.array([0, 1, 1]))
    moved = np.abs(keras.ops.convert_to_numpy(stem.kernel) - before)
    assert np.isfinite(loss)
    assert (moved.max(axis=(0, 1, 3)) > 0).all()
