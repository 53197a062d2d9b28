"""What is compared, read from a line."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from keras_wa.errors import UserError
from keras_wa.evaluate.compare.systems import (
    COMMON,
    SETTINGS,
    System,
    _text,
    parse_systems,
    parse_value,
    systems_of,
)
from keras_wa.training.config import TrainConfig
from keras_wa.training.fingerprint import fingerprint


def test_a_line_becomes_systems_with_their_own_options_and_settings():
    first, second = parse_systems(
        "resnet50:stem_stride=2:learning_rate=1e-4, wa_resnet50:wavelet=db2"
    )
    assert first == System(
        "resnet50:stem_stride=2:learning_rate=1e-4",
        "resnet50",
        {"stem_stride": 2},
        {"learning_rate": 1e-4},
    )
    assert second == System(
        "wa_resnet50:wavelet=db2", "wa_resnet50", {"wavelet": "db2"}
    )


def test_shared_options_apply_where_the_model_knows_them():
    shared = {"model_options": {"stem_stride": 1, "wavelet": "db2"}, "epochs": 3}
    (hub,) = parse_systems("resnet50:weights=hf://user/name@main:average=2")
    assert hub.settings == {"weights": "hf://user/name@main"}
    assert hub.options == {"average": 2}
    plain, own = parse_systems("resnet50,wa_resnet50:stem_stride=2")
    assert plain.config(shared).model_options == {"stem_stride": 1}
    assert own.config(shared).model_options == {"stem_stride": 2, "wavelet": "db2"}
    assert own.config(shared).epochs == 3


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", "`models` names no model"),
        ("resnet5", "did you mean 'resnet50'?"),
        ("resnet50,resnet50", "names 'resnet50' more than once"),
        ("resnet50:stem_stride", "Received: 'stem_stride'; expected KEY=VALUE"),
        ("resnet50:wavelet=db2", "Received: 'wavelet'; expected an option of resnet50"),
        ("resnet50:epochs=3", "Received: 'epochs'; expected an option of resnet50"),
    ],
)
def test_a_mistake_is_named(line, expected):
    with pytest.raises(UserError, match=expected.replace("?", r"\?")):
        parse_systems(line)


def test_a_setting_of_the_wrong_type_names_the_system():
    (system,) = parse_systems("resnet50:learning_rate=fast")
    with pytest.raises(UserError, match="system resnet50:learning_rate=fast"):
        system.config({})


def test_every_field_is_common_or_of_one_system():
    assert not set(COMMON) & set(SETTINGS)
    own = {"model", "model_options", "fold", "custom"}
    assert {*COMMON, *SETTINGS, *own} == set(fingerprint(TrainConfig()))


CHANGED: dict[str, Any] = {
    "image_size": 64,
    "enhance": "none",
    "clip_limit": 3.0,
    "tiles": 4,
    "classes": 3,
    "views": "two",
    "dwt": "pipeline",
    "weights": "imagenet",
    "optimizer": "sgd",
    "weight_decay": 0.01,
    "ema": 0.99,
    "label_smoothing": 0.1,
    "learning_rate": 1e-3,
    "trunk_rate": 0.1,
    "schedule": "cosine",
    "warmup_steps": 5,
    "class_weights": False,
    "augment": False,
    "rotation": 90.0,
    "scale": 0.2,
    "brightness": 0.2,
    "contrast": 0.2,
    "gamma": 0.5,
    "random_clahe": 0.4,
    "precision": "mixed_bfloat16",
}
# What a setting cannot be without.
NEEDED: dict[str, dict[str, Any]] = {
    "weight_decay": {"optimizer": "sgd"},
    "trunk_rate": {"weights": "imagenet"},
}


@pytest.mark.parametrize("field", SETTINGS)
def test_runs_that_differ_in_a_setting_are_two_systems(field):
    needed = NEEDED.get(field, {})
    plain, again = (TrainConfig(seed=seed, **needed) for seed in (1, 3))
    other = TrainConfig(seed=2, **needed, **{field: CHANGED[field]})
    first, second, third = systems_of([plain, other, again])
    assert first == third
    assert first.name == "wa_resnet50"
    assert second.name.startswith(f"wa_resnet50:{field}=")
    # The name means the same behind --models.
    (asked,) = parse_systems(second.name)
    assert asked.config({"seed": 2, **needed}) == other


def test_options_are_named_where_they_are_not_as_by_default():
    given = TrainConfig(model_options={"levels": 1, "wavelet": "db2"})
    other = TrainConfig(model="resnet50", model_options={"stem_stride": 1})
    names = [each.name for each in systems_of([TrainConfig(), given, other])]
    assert names == ["wa_resnet50", "wa_resnet50:wavelet=db2", "resnet50:stem_stride=1"]


def test_runs_that_differ_in_seed_places_and_devices_are_of_one_system():
    plain = TrainConfig(augment=False)
    elsewhere = {"data_dir": "/b", "strategy": "mirrored", "deterministic": True}
    other = dataclasses.replace(plain, seed=1, **elsewhere)
    assert {each.name for each in systems_of([plain, other])} == {"wa_resnet50"}


def test_weights_are_the_same_file_however_their_path_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = [TrainConfig(weights=path) for path in ("w.h5", f"{tmp_path}/w.h5")]
    assert {each.name for each in systems_of(written)} == {"wa_resnet50"}
    *found, other = systems_of([*written, TrainConfig(weights="imagenet")])
    assert {each.name for each in found} == {f"wa_resnet50:weights={tmp_path}/w.h5"}
    assert other.name == "wa_resnet50:weights=imagenet"


def test_a_text_that_looks_like_a_number_stays_a_text():
    assert _text("12") == '"12"'
    for value in ("12", "true", "db2", 12, 1e-4, None, True):
        assert parse_value(_text(value)) == value
