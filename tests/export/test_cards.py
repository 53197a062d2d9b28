"""What a model says of itself is read before TensorFlow is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keras_wa.export.cards import bits_of, card_file, trained_bits


@pytest.mark.parametrize("bits", [None, 1, 12, 16])
def test_the_bits_of_a_run_its_best_model_its_export_and_its_preset_are_found(
    tmp_path: Path, bits: int | None
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"bits_stored": bits}))
    exported = tmp_path / "elsewhere" / "exported"
    card_file(exported).parent.mkdir(parents=True)
    card_file(exported).write_text(json.dumps({"bits_stored": bits}))
    preset = tmp_path / "preset"
    preset.mkdir()
    (preset / "config.json").write_text("{}")
    (preset / "metadata.json").write_text(json.dumps({"bits_stored": bits}))
    for model in (tmp_path, tmp_path / "best.keras", exported, preset):
        assert trained_bits(model) == bits
    assert trained_bits(tmp_path / "other.keras") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"bits_stored": "many"}', "\xff"])
def test_a_model_that_does_not_say_has_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    assert trained_bits(tmp_path) is None
    assert trained_bits(tmp_path / "absent") is None


@pytest.mark.parametrize("bits", [0, 17, 10**9, "12", 2.5])
def test_bits_that_no_image_has_are_an_error(bits: object) -> None:
    with pytest.raises(ValueError, match="expected 1 to 16"):
        bits_of({"bits_stored": bits})
