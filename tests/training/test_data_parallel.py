"""On JAX, several devices train as one does with the whole batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_wa.training.best import load_best
from keras_wa.training.run import Run
from tests.processes import python
from tests.tiny_model import flags, weights_of

_SCRIPT = """
import sys

sys.modules["tensorflow"] = None  # Importing it fails.
from keras_wa.cli import main
from tests.tiny_model import SOURCE, register_model, tiny

register_model(source=SOURCE)(tiny)
words = sys.argv[2:]
for name in ("one-device", "mirrored"):
    run = f"{sys.argv[1]}/{name}"
    assert main([*words, "--strategy", name, "--run-dir", run]) == 0
assert main([*words, "--strategy", name, "--run-dir", run, "--resume"]) == 0
assert main([*words, "--strategy", name, "--run-dir", "x", "--batch-size", "15"]) == 2
"""


@pytest.mark.slow
def test_two_devices_end_where_one_does(
    tmp_path: Path, store_dir: Path, tiny_model: None
) -> None:
    # Pairs of ROIs, whose classifier is another model than the one that trains.
    own = {"ema": 0.8, "optimizer": "adamw", "learning_rate": 0.003, "views": "two"}
    words = ["train", *flags(store_dir=store_dir, **own)]
    devices = "--xla_force_host_platform_device_count=2"
    chosen = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": devices}
    done = python("-c", _SCRIPT, tmp_path, *words, **chosen)
    assert "--batch-size 15 is not divisible by 2 devices" in done.stderr

    alone, both = (tmp_path / name for name in ("one-device", "mirrored"))
    (last,) = (path.name for path in (alone / "checkpoints").iterdir())
    with (
        np.load(alone / "checkpoints" / last / "variables.npz") as wanted,
        np.load(both / "checkpoints" / last / "variables.npz") as found,
    ):
        assert wanted.files == found.files
        for each in wanted.files:
            np.testing.assert_allclose(found[each], wanted[each], rtol=0, atol=1e-5)
    histories = [pd.read_csv(run / "history.csv") for run in (alone, both)]
    pd.testing.assert_frame_equal(*histories, rtol=0, atol=1e-5)
    best = [weights_of(load_best(Run.open(run))) for run in (alone, both)]
    for wanted, found in zip(*best, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
