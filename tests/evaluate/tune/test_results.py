"""The page of a search, of a study with many trials."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from keras_wa.evaluate.tune.results import write_search
from keras_wa.evaluate.tune.space import Parameter
from tests.evaluate.pages.html import cells_of, parse_page

BASE = {"dataset": "phantom", "model": "alexnet"}
SPACE = [
    Parameter("learning_rate", low=1e-4, high=1e-2, log=True),
    Parameter("batch_size", choices=(16, 32)),
    Parameter("augment", choices=(True,)),
]


@pytest.fixture(scope="module")
def study() -> optuna.Study:
    """Forty trials, in which the learning rate alone decides."""
    study = optuna.create_study(direction="maximize")
    rng = np.random.default_rng(0)
    for number in range(40):
        rate = 10 ** rng.uniform(-4, -2)
        study.add_trial(
            optuna.trial.create_trial(
                params={
                    "learning_rate": rate,
                    "batch_size": int(rng.choice([16, 32])),
                    "augment": True,
                },
                distributions={
                    "learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
                    "batch_size": CategoricalDistribution((16, 32)),
                    "augment": CategoricalDistribution((True,)),
                },
                value=0.9 - 0.05 * (np.log10(rate) + 3) ** 2,
                user_attrs={"folder": f"{number:05d}"},
            )
        )
    return study


def test_the_page_ranks_trials_and_settings(
    study: optuna.Study, tmp_path: Path
) -> None:
    toml, page = write_search(study, SPACE, BASE, tmp_path, "keras-wa tune <space>")
    text = page.read_text(encoding="utf-8")
    cells = cells_of(parse_page(text))
    values = sorted((each.value for each in study.trials), reverse=True)
    assert {f"{value:.4f}" for value in values[:20]} <= set(cells)
    assert "<code>keras-wa tune &lt;space&gt;</code>" in text
    shares = re.findall(
        r"(learning_rate|batch_size)</th><td class=\"n\">(\d\.\d\d)", text
    )
    assert [name for name, _ in shares] == ["learning_rate", "batch_size"]
    assert float(shares[0][1]) > 0.9
    titles = re.findall(r"<title[^>]*>([^<]+)</title>", text)
    assert {"Importance of the settings", "Parallel coordinates"} <= set(titles)
    assert f"{study.best_value:.4f}" in toml.read_text()
