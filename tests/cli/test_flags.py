"""Every setting has a flag, made from its declaration."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from keras_wa.cli import main
from keras_wa.cli.flags import add_config, add_settings, given_settings
from keras_wa.data.loading import DataSettings
from keras_wa.server.limits import ServerSettings
from keras_wa.settings import fields_of
from keras_wa.training.config import TrainConfig


def _given(*words: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_config(parser)
    add_settings(parser, TrainConfig)
    args = parser.parse_args(words)
    return given_settings(args, TrainConfig, args.config)


@pytest.mark.parametrize("record", [TrainConfig, DataSettings, ServerSettings])
def test_every_setting_has_one_flag_with_a_help(record):
    parser = argparse.ArgumentParser(add_help=False)
    add_settings(parser, record)
    actions = parser._actions
    # What a program passes to a training has no flag.
    fields = [each for each in fields_of(record) if each[0].name != "custom"]
    assert sorted(each.dest for each in actions) == sorted(f.name for f, _ in fields)
    for field, _ in fields:
        assert field.metadata["help"], field.name


def test_help_groups_the_settings(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    out = capsys.readouterr().out
    titles = ["data set:", "phantom:", "enhancement:", "split:", "model:"]
    places = [out.index(f"\n{each}\n") for each in titles]
    assert places == sorted(places)
    assert "tiles along each side (default: 8)" in " ".join(out.split())


def test_a_flag_that_is_not_given_sets_nothing():
    assert _given() == {}


def test_flags_win_over_the_config_file(tmp_path):
    path = tmp_path / "quick.toml"
    path.write_text("epochs = 3\nbatch_size = 32\nfresh_rois = true\naugment = true\n")
    assert _given("--config", str(path), "--epochs", "5", "--no-fresh-rois") == {
        "epochs": 5,
        "batch_size": 32,
        "fresh_rois": False,
        "augment": True,
    }


def test_flags_have_the_types_of_their_fields():
    words = ["--learning-rate", "1e-3", "--seed", "7", "--deterministic"]
    values = _given(*words, "--model-option", "se_ratio=8", "--model-option", "dwt=x")
    assert values == {
        "learning_rate": 1e-3,
        "seed": 7,
        "deterministic": True,
        "model_options": {"se_ratio": 8, "dwt": "x"},
    }


def test_a_model_option_joins_those_of_the_config_file(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text("[model_options]\nse_ratio = 8\nwavelet = 'db2'\n")
    given = _given("--config", str(path), "--model-option", "wavelet=haar")
    assert given == {"model_options": {"se_ratio": 8, "wavelet": "haar"}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stem_stride=1", ("stem_stride", 1)),
        ("bn_momentum=0.9", ("bn_momentum", 0.9)),
        ("zero_init_residual=true", ("zero_init_residual", True)),
        ("wavelet=db2", ("wavelet", "db2")),
        ("weights=a=b", ("weights", "a=b")),
    ],
)
def test_a_model_option_has_the_type_that_it_looks_like(text, expected):
    given = _given("--model-option", text)
    assert given == {"model_options": dict([expected])}


@pytest.mark.parametrize("text", ["wavelet", "=db2", ""])
def test_a_model_option_without_key_or_value_is_refused(text, capsys):
    with pytest.raises(SystemExit):
        _given("--model-option", text)
    assert "must be KEY=VALUE. Received" in capsys.readouterr().err
