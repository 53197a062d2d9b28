"""`keras-wa models`, on small models: the large ones are counted in tests/models."""

from __future__ import annotations

import json

import pytest

from keras_wa.cli import main
from keras_wa.models import create_model, registry
from keras_wa.training.flops import gflops
from tests.imports import deep_learning_libraries_of
from tests.tiny_model import SOURCE

pytestmark = pytest.mark.usefixtures("two_models")


@pytest.fixture
def two_models(tiny_model: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves the tiny model and a small real one."""
    for registered in (registry._BUILDERS, registry._SOURCES):
        for name in set(registered) - {"tiny", "attention_cnn"}:
            monkeypatch.delitem(registered, name)


def test_the_table_is_sorted_and_has_size_work_and_source(capsys):
    assert main(["models", "--image-size", "64"]) == 0
    header, first, second, note = capsys.readouterr().out.splitlines()
    assert header.split() == ["model", "params,", "M", "GFLOPs", "source"]
    model = create_model("attention_cnn", image_size=64)
    wanted = f"{model.count_params() / 1e6:.2f} {gflops(model):.2f} Alshehri"
    assert " ".join(first.split()).startswith(f"attention_cnn {wanted}")
    assert second.startswith("tiny")
    assert second.endswith(SOURCE)
    assert "At 64x64" in note
    assert "counts two" in note


def test_json_holds_exact_numbers(capsys):
    assert main(["models", "--json", "--image-size", "64"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["image_size"] == 64
    assert [row["name"] for row in record["models"]] == ["attention_cnn", "tiny"]
    model = create_model("attention_cnn", image_size=64)
    row = record["models"][0]
    assert row["parameters"] == model.count_params()
    assert row["gflops"] == pytest.approx(gflops(model), abs=1e-6)


def test_the_usual_list_waits_for_no_library(capsys):
    code = "from keras_wa.cli import main; main(['models'])"
    assert deep_learning_libraries_of(code) == []
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    # Also those that the fixture has taken from the registry.
    (line,) = (line for line in lines if line.startswith("wa_resnet50 "))
    assert line.split()[1:3] == ["26.13", "2.08"]


def test_one_model_is_shown_with_its_options(capsys):
    assert main(["models", "--model", "attention_cnn", "--image-size", "64"]) == 0
    out = capsys.readouterr().out
    assert "tiny" not in out
    assert "  attention = soft\n" in out
    assert "  dropout = 0.5\n" in out


def test_a_size_that_one_model_refuses_leaves_the_others(monkeypatch, capsys):
    from keras_wa.models.alexnet import alexnet

    builder = alexnet.__wrapped__  # type: ignore[attr-defined]
    monkeypatch.setitem(registry._BUILDERS, "alexnet", builder)
    monkeypatch.setitem(registry._SOURCES, "alexnet", "a source")
    assert main(["models", "--image-size", "32"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:3] == ["alexnet", "-", "-"]
    assert "at least 63" in lines[1]
    assert lines[3].startswith("tiny")


def test_a_misspelt_name_is_told_in_one_line(error_of):
    assert "did you mean 'tiny'?" in error_of(["models", "--model", "tine"])
