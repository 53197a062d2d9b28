"""A SavedModel, in a process without this package, refuses what is no raw grey ROI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.processes import python

_SERVE = """
import json
import sys

sys.modules["keras_wa"] = sys.modules["keras"] = None  # Importing them fails.
import numpy as np
import tensorflow as tf

model = tf.saved_model.load(sys.argv[1])
levels = np.random.default_rng(0).integers(0, 256, (3, 40, 50, 1), "uint8")
batches = {"uint8": levels, "beside black": np.stack([levels[0], 0 * levels[1]])}
batches |= {f"[0, 1] {kind}": (levels / 255).astype(kind) for kind in ("f4", "f8")}
batches |= {f"tensor {kind}": tf.constant(levels.astype(kind)) for kind in
            ("float32", "int32", "uint16")}
batches |= {f"array {kind}": levels.astype(kind) for kind in
            ("float32", "float64", "uint16", "int64")}
batches |= {"black": 0 * levels, "narrow": levels[:, :, :31], "low": levels[:, :31]}
batches |= {f"none of {size}": np.zeros((0, *size, 1), "uint8")
            for size in ((40, 50), (8, 8), (0, 0))}
functions = {"serve": model.serve, "serve_explain": model.serve_explain}
for key in ("serving_default", "serve_explain"):
    functions[f"signature {key}"] = lambda roi, key=key: model.signatures[key](roi=roi)
found = {}
for name, function in functions.items():
    for kind, batch in batches.items():
        try:
            outputs = function(batch)
            outputs = outputs if isinstance(outputs, dict) else {"": outputs}
            said = {key: list(each.shape) for key, each in outputs.items()}
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        found[f"{kind}, {name}"] = said
json.dump(found, sys.stdout)
"""

_SHAPES = {
    "serve": {"": [2]},
    "signature serving_default": {"output_0": [2]},
    "serve_explain": {"probabilities": [2], "heat": [32, 32], "gates": [8]},
}
_SHAPES["signature serve_explain"] = _SHAPES["serve_explain"]


@pytest.fixture(scope="module")
def found(exported: Path) -> dict[str, object]:
    """Kind of batch and function -> shapes of the results, or what was raised."""
    return dict(json.loads(python("-c", _SERVE, exported).stdout))


@pytest.mark.parametrize("name", _SHAPES)
@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("uint8", 3),
        ("beside black", 2),
        ("none of (40, 50)", 0),
        ("none of (8, 8)", 0),
        ("none of (0, 0)", 0),
    ],
)
def test_each_roi_has_its_results_and_no_roi_has_none(
    found: dict[str, object], name: str, kind: str, count: int
) -> None:
    wanted = {key: [count, *shape] for key, shape in _SHAPES[name].items()}
    assert found[f"{kind}, {name}"] == wanted


@pytest.mark.parametrize("name", _SHAPES)
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("[0, 1] f4", "Multiply an image of [0, 1] by 255"),
        ("[0, 1] f8", "Multiply an image of [0, 1] by 255"),
        ("black", "no grey level above] [0] [in the batch"),
        ("narrow", "height and width] [40 31] [px; expected at least 32 px each"),
        ("low", "height and width] [31 50] [px; expected at least 32 px each"),
        ("tensor float32", "float"),
        ("tensor int32", "int32"),
        ("tensor uint16", "uint16"),
    ],
)
def test_what_is_no_batch_of_grey_levels_is_refused(
    found: dict[str, object], name: str, kind: str, expected: str
) -> None:
    said = found[f"{kind}, {name}"]
    assert isinstance(said, str)
    assert expected in said
    if kind.startswith("tensor"):
        assert "uint8" in said


@pytest.mark.parametrize("kind", ["float32", "float64", "uint16", "int64"])
@pytest.mark.parametrize("name", ["serve", "serve_explain"])
def test_an_array_of_another_dtype_is_not_cast(
    found: dict[str, object], name: str, kind: str
) -> None:
    said = found[f"array {kind}, {name}"]
    assert isinstance(said, str)
    assert f"roi. Received: {kind}; expected uint8." in said
