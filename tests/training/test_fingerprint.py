"""What a run is does not depend on its seed, nor on where things lie."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from keras_wa.training.config import TrainConfig
from keras_wa.training.fingerprint import (
    COMPUTING,
    PLACES,
    fingerprint,
    fingerprint_hash,
    with_absolute_paths,
)

OTHERS: dict[str, Any] = {
    "seed": 7,
    "data_dir": "/elsewhere",
    "store_dir": "/elsewhere",
    "case_lists": "/elsewhere",
    "mlflow": "http://elsewhere:5000",
    "strategy": "mirrored",
    "deterministic": True,
}


def test_every_other_field_is_in_the_fingerprint() -> None:
    assert set(OTHERS) == {"seed", *PLACES, *COMPUTING}
    fields = {field.name for field in dataclasses.fields(TrainConfig)}
    assert set(fingerprint(TrainConfig())) == fields - set(OTHERS)


def test_seed_places_and_devices_make_no_other_system() -> None:
    config = TrainConfig()
    assert fingerprint(dataclasses.replace(config, **OTHERS)) == fingerprint(config)


@pytest.mark.parametrize(
    "changes",
    [
        {"augment": False},
        {"crop": "roi"},
        {"class_weights": False},
        {"tiles": 4},
        {"field_mm": 12.8},
        {"precision": "mixed_bfloat16"},
        {"model_options": {"stem_stride": 1}},
    ],
)
def test_any_other_setting_makes_another_system(changes: dict[str, Any]) -> None:
    assert fingerprint_hash(TrainConfig(**changes)) != fingerprint_hash(TrainConfig())


def test_an_option_as_by_default_is_the_same_as_none() -> None:
    given = TrainConfig(model_options={"wavelet": "haar"})
    assert fingerprint(given) == fingerprint(TrainConfig())


def test_paths_are_made_absolute_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    config = TrainConfig(data_dir="set", case_lists="~/lists", weights="../w.h5")
    found = with_absolute_paths(config)
    assert (found.data_dir, found.case_lists) == (f"{tmp_path}/set", "/home/me/lists")
    assert found.weights == str(tmp_path.parent / "w.h5")
    assert found.store_dir == f"{tmp_path}/data/prepared"
    for source in ("none", "imagenet", "hf://user/name"):
        assert with_absolute_paths(TrainConfig(weights=source)).weights == source
    assert with_absolute_paths(TrainConfig()).data_dir is None
