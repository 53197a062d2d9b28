"""Models are found by name, and their options are checked before they are built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest

from keras_wa.errors import UserError
from keras_wa.models import (
    create_model,
    list_models,
    model_options,
    register_model,
    registry,
)
from keras_wa.models.registry import check_options, model_source


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a registered model that is quick to build."""
    monkeypatch.setattr(registry, "_BUILDERS", {})
    monkeypatch.setattr(registry, "_SOURCES", {})

    @register_model(source="A paper 2020")
    def toy_model(
        *,
        units: int = 2,
        rate: float = 0.5,
        bias: bool = True,
        weights: str | Path | None = None,
    ) -> keras.Model:
        x = keras.Input((3,))
        return keras.Model(x, keras.layers.Dense(units, use_bias=bias)(x))

    return "toy_model"


def test_the_paper_s_model_and_its_baseline_are_registered() -> None:
    assert {"resnet50", "wa_resnet50"} <= set(list_models())
    assert list_models() == sorted(list_models())


def test_the_default_options() -> None:
    assert model_options("wa_resnet50") == {
        "image_size": 224,
        "classes": 2,
        "dwt": "model",
        "wavelet": "haar",
        "levels": 1,
        "graft": "detail",
        "subband_norm": None,
        "stem_stride": None,
        "stem_kernel": None,
        "stride_on": "1x1",
        "se_position": "after_block",
        "se_ratio": 16,
        "gate_bias": None,
        "bn_momentum": 0.9,
        "zero_init_residual": True,
        "weights": None,
    }


def test_a_registered_model_is_built_with_its_options(toy: str) -> None:
    assert list_models() == [toy]
    assert create_model(toy).count_params() == 3 * 2 + 2
    assert create_model(toy, units=5, bias=False).count_params() == 3 * 5


def test_two_models_cannot_share_a_name(toy: str) -> None:
    def toy_model() -> keras.Model:
        raise AssertionError("never built")

    with pytest.raises(ValueError, match="Two models are named 'toy_model'"):
        register_model(source="another")(toy_model)


def test_a_model_says_where_it_comes_from(toy: str) -> None:
    assert model_source(toy) == "A paper 2020"


@pytest.mark.parametrize("ask", [create_model, model_options, model_source])
def test_an_unknown_model_suggests_the_nearest(ask: Any) -> None:
    with pytest.raises(UserError, match=r"'wa_resnet5'; did you mean 'wa_resnet50'\?"):
        ask("wa_resnet5")


def test_an_unknown_option_suggests_the_nearest() -> None:
    with pytest.raises(UserError, match=r"'stemstride'; did you mean 'stem_stride'\?"):
        create_model("wa_resnet50", stemstride=1)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("units", "two", "int"),
        ("units", 2.0, "int"),
        ("units", True, "int"),
        ("rate", "high", "float"),
        ("rate", False, "float"),
        ("bias", 1, "bool"),
        ("bias", "yes", "bool"),
        ("weights", 3, "str or Path or None"),
    ],
)
def test_a_value_of_the_wrong_type_names_the_option(
    toy: str, option: str, value: object, expected: str
) -> None:
    with pytest.raises(UserError) as caught:
        create_model(toy, **{option: value})
    assert str(caught.value) == f"`{option}` must be {expected}. Received: {value!r}"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"units": 1, "rate": 0.1, "bias": False, "weights": "file.h5"},
        {"rate": 1, "weights": Path("file.h5")},
        {"weights": None},
    ],
)
def test_fitting_options_pass_without_a_build(
    toy: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras, "Input", None)
    check_options(toy, options)
    with pytest.raises(TypeError, match="not callable"):  # What a build would do.
        create_model(toy)
