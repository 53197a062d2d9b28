"""A config is checked field by field, and each complaint names the field."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from keras_wa.data import ReadOptions
from keras_wa.errors import UserError
from keras_wa.models import registry
from keras_wa.phantom import PhantomSpec
from keras_wa.settings import read_toml
from keras_wa.training.config import TrainConfig
from tests.tiny_model import tiny

FIELDS = [field.name for field in dataclasses.fields(TrainConfig)]
TYPES = get_type_hints(TrainConfig)


def _wrong(field: str) -> list[Any]:
    """Values of every TOML type that the field does not take."""
    kinds = set(get_args(TYPES[field]) or (TYPES[field],))
    samples: list[Any] = ["text", 1, 1.5, True, [1], {"key": 1}]
    if field in ("model_options", "custom"):
        return [value for value in samples if not isinstance(value, dict)]
    taken = kinds | ({int} if float in kinds else set())
    return [value for value in samples if type(value) not in taken]


def test_the_default_is_the_papers_run() -> None:
    config = TrainConfig()
    assert (config.model, config.image_size) == ("wa_resnet50", 224)
    assert (config.epochs, config.batch_size) == (100, 16)
    # `keras_wa.training.defaults` decides on the rate.
    assert (config.weights, config.schedule) == ("auto", "auto")
    assert (config.enhance, config.clip_limit, config.tiles) == ("clahe", 2.0, 8)


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_refuses_every_other_type(field: str) -> None:
    wrong = _wrong(field)
    assert len(wrong) >= 4
    for value in wrong:
        with pytest.raises(UserError, match=rf"my\.toml: '{field}' must be .*Received"):
            TrainConfig.from_mapping({field: value}, "my.toml")


def test_a_whole_number_is_taken_for_a_float() -> None:
    config = TrainConfig.from_mapping({"learning_rate": 1}, "my.toml")
    assert config.learning_rate == 1.0
    assert isinstance(config.learning_rate, float)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("rois", -1),
        ("tiles", 0),
        ("limit", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("warmup_steps", -1),
        ("weight_decay", -0.1),
        ("ema", 1.0),
        ("label_smoothing", 1.0),
        ("trunk_rate", 1.5),
        ("validation", 0.0),
        ("validation", 1.0),
        ("seed", -1),
        ("seed", 2**32),
        ("data_seed", -1),
        ("field_mm", 0.5),
        ("pixel_spacing", 2.0),
        ("classes", 1),
        ("classes", 4),
    ],
)
def test_a_value_out_of_range_is_named(field: str, value: Any) -> None:
    with pytest.raises(UserError, match=rf"`{field}` must be .*Received: {value}"):
        TrainConfig.from_mapping({field: value}, "my.toml")


@pytest.mark.parametrize(
    ("field", "typo", "nearest"),
    [
        ("split", "oficial", "official"),
        ("enhance", "clahee", "clahe"),
        ("dwt", "modell", "model"),
        ("labelling", "descriptors", "descriptor"),
        ("optimizer", "adam_w", "adamw"),
        ("schedule", "cosin", "cosine"),
        ("strategy", "miror", "mirrored"),
        ("precision", "mixed_flot16", "mixed_float16"),
        ("model", "wa_resnet", "wa_resnet50"),
        ("lesion", "calcifications", "calcification"),
        ("crop", "fix", "fixed"),
    ],
)
def test_a_misspelt_choice_is_answered_with_the_nearest(
    field: str, typo: str, nearest: str
) -> None:
    with pytest.raises(UserError, match=rf"{field}.*{typo}.*did you mean '{nearest}'"):
        TrainConfig.from_mapping({field: typo}, "my.toml")


def test_an_unknown_field_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        UserError, match=r"my\.toml: Unknown field.*'learning_rat'.*'learning_rate'"
    ):
        TrainConfig.from_mapping({"learning_rat": 1e-3}, "my.toml")


def test_an_unknown_option_of_the_model_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"wa_resnet50.*'stem_strid'.*'stem_stride'"):
        TrainConfig(model_options={"stem_strid": 1})


@pytest.mark.parametrize("option", ["image_size", "dwt", "weights", "classes"])
def test_an_option_with_a_flag_of_its_own_must_use_it(option: str) -> None:
    # As a model's option it would not reach the pipeline, and the two would disagree.
    with pytest.raises(UserError, match=rf"'{option}': set `{option}` instead"):
        TrainConfig(model_options={option: 64})


def test_subbands_from_the_pipeline_need_a_model_that_takes_them() -> None:
    with pytest.raises(UserError, match=r"'resnet50' has no subbands"):
        TrainConfig(model="resnet50", dwt="pipeline")


def test_a_pipeline_without_an_option_takes_the_models_own_wavelet(
    tiny_model: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*, image_size: int = 32, dwt: str = "model", wavelet: str = "db2") -> Any:
        return tiny(image_size=image_size, dwt=dwt, wavelet=wavelet)

    monkeypatch.setitem(registry._BUILDERS, "tiny", build)
    assert TrainConfig(model="tiny").input_wavelet is None
    assert TrainConfig(model="tiny", dwt="pipeline").input_wavelet == "db2"
    chosen = TrainConfig(model="tiny", dwt="pipeline", model_options={"wavelet": "db3"})
    assert chosen.input_wavelet == "db3"
    assert TrainConfig(model="wa_resnet50", dwt="pipeline").input_wavelet == "haar"


def test_three_classes_need_a_model_that_tells_them_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def narrow(*, image_size: int = 32) -> None: ...
    def wide(*, image_size: int = 32, classes: int = 2) -> None: ...

    monkeypatch.setitem(registry._BUILDERS, "narrow", narrow)  # type: ignore[arg-type]
    monkeypatch.setitem(registry._BUILDERS, "wide", wide)  # type: ignore[arg-type]
    assert TrainConfig(model="wide", classes=3).classes == 3
    assert TrainConfig(model="narrow").classes == 2
    with pytest.raises(UserError, match=r"'narrow' .*Received: classes=3; expected 2"):
        TrainConfig(model="narrow", classes=3)


def test_no_class_of_three_can_be_left_out(tiny_model: None) -> None:
    with pytest.raises(UserError, match=r"`drop_without_callback` .*classes=3"):
        TrainConfig(model="tiny", classes=3, drop_without_callback=True)


def test_the_config_of_an_older_run_has_what_there_was_then() -> None:
    record = TrainConfig().to_mapping()
    for field in (
        "classes",
        "optimizer",
        "weight_decay",
        "ema",
        "label_smoothing",
        "trunk_rate",
    ):
        del record[field]
    assert TrainConfig.from_mapping(record, "config.json") == TrainConfig()


def test_the_record_has_the_weight_decay_that_acts() -> None:
    found = {
        name: TrainConfig(optimizer=name).to_mapping()["weight_decay"]
        for name in ("adam", "adamw", "sgd")
    }
    assert found == {"adam": 0.0, "adamw": 0.004, "sgd": 0.0}
    assert TrainConfig(optimizer="sgd", weight_decay=0.1).weight_decay == 0.1
    assert TrainConfig(optimizer="adamw", weight_decay=0.0).weight_decay == 0.0


def test_adam_with_weight_decay_has_a_name_of_its_own() -> None:
    with pytest.raises(UserError, match=r"`weight_decay` .*'adam'.*0\.1; .*'adamw'"):
        TrainConfig(weight_decay=0.1)
    assert TrainConfig(weight_decay=0.0) == TrainConfig()


def test_only_a_pretrained_trunk_is_slowed() -> None:
    with pytest.raises(UserError, match=r"`trunk_rate` .*0\.1, weights='none'"):
        TrainConfig(trunk_rate=0.1, weights="none")
    assert TrainConfig(trunk_rate=0.1, weights="imagenet").trunk_rate == 0.1


def test_tones_are_a_part_of_augmentation() -> None:
    for tone in ({"gamma": 0.5}, {"random_clahe": 0.5}):
        with pytest.raises(UserError, match=r"`gamma` and `random_clahe` .*=0\.5"):
            TrainConfig(augment=False, **tone)  # type: ignore[arg-type]
        assert TrainConfig(**tone).augment  # type: ignore[arg-type]


def test_the_reader_of_the_dataset_is_told_everything() -> None:
    fields = {
        "lesion": "mass",
        "crop": "roi",
        "field_mm": 20.0,
        "drop_without_callback": True,
        "for_processing": True,
        "bits_stored": 12,
        "case_lists": "lists",
    }
    options = TrainConfig(pixel_spacing=0.05, **fields).read_options()  # type: ignore[arg-type]
    assert options == ReadOptions(pixel_spacing=0.05, **fields)  # type: ignore[arg-type]


def test_fresh_rois_need_the_phantom() -> None:
    with pytest.raises(UserError, match=r"fresh_rois.*dataset='folder'"):
        TrainConfig(dataset="folder", fresh_rois=True)
    assert TrainConfig(dataset="phantom", fresh_rois=True).fresh_rois


@pytest.mark.parametrize("split", ["random-roi", "augmented-first"])
def test_fresh_rois_have_no_leak_to_show(split: str) -> None:
    with pytest.raises(UserError, match=f"`fresh_rois` .*Received: split='{split}'"):
        TrainConfig(dataset="phantom", fresh_rois=True, split=split)


def test_a_config_comes_back_from_json_unchanged() -> None:
    config = TrainConfig(
        dataset="folder", limit=7, model_options={"se_ratio": 8}, learning_rate=3e-4
    )
    record = json.loads(json.dumps(config.to_mapping()))
    assert set(record) == set(FIELDS)
    assert TrainConfig.from_mapping(record, "config.json") == config


def test_a_toml_file_sets_the_fields_that_it_names(tmp_path: Path) -> None:
    path = tmp_path / "quick.toml"
    path.write_text("epochs = 3\nlearning_rate = 1e-3\n[model_options]\nse_ratio = 8\n")
    values = read_toml(path)
    assert values == {
        "epochs": 3,
        "learning_rate": 1e-3,
        "model_options": {"se_ratio": 8},
    }
    assert TrainConfig.from_mapping(values, str(path)).batch_size == 16


@pytest.mark.parametrize("content", [b"epochs = \n", b"\xff\xfe not text"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.toml: not valid TOML"):
        read_toml(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.toml: cannot be read \(No such file"):
        read_toml(tmp_path / "none.toml")


def test_the_phantom_is_that_of_the_settings() -> None:
    same: dict[str, Any] = {
        "field_mm": 8.0,
        "labelling": "clinical",
        "conspicuity": 2.0,
        "blur_mm": 0.1,
        "projected_views": True,
    }
    config = TrainConfig(dataset="phantom", data_seed=5, image_size=64, **same)
    assert config.phantom_spec() == PhantomSpec(seed=5, size=64, **same)
