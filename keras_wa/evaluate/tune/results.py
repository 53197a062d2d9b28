"""Writes the results of a search: `best.toml` and a page."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import optuna
from markupsafe import Markup
from optuna.trial import FrozenTrial, TrialState
from optuna.visualization import matplotlib as plots

from keras_wa.evaluate.pages import (
    LinePlot,
    Points,
    render,
    style,
    to_svg,
    write_page,
)
from keras_wa.evaluate.text import TextTable
from keras_wa.evaluate.tune.search import ended_trials
from keras_wa.evaluate.tune.space import Parameter, configured
from keras_wa.files import replacing
from keras_wa.training.config import TrainConfig

_SHOWN = 20
# With fewer trials neither importance nor a pattern can be seen.
_FEWEST = 4


def write_search(
    study: optuna.Study,
    space: Sequence[Parameter],
    base: Mapping[str, Any],
    out: Path,
    command: str,
) -> list[Path]:
    """Writes `best.toml`, a config for `train`, and `tuning.html`.

    Args:
        study: a study with a completed trial.
        space: the settings that it varied.
        base: the settings of all trials.
        out: the folder.
        command: the command line, for the page.

    Returns:
        The files.
    """
    best = study.best_trial
    config = configured(base, best.params)
    toml, page = out / "best.toml", out / "tuning.html"
    with replacing(toml) as partial:
        partial.write_text(
            f"# The best of {len(ended_trials(study))} trials: validation AUC "
            f"{best.value:.4f}.\n# {command}\n\n{to_toml(config)}",
            encoding="utf-8",
        )
    write_page(_page(study, space, config, command), page)
    return [toml, page]


def to_toml(config: TrainConfig) -> str:
    """Returns the settings that are not the default, as TOML."""
    usual = TrainConfig().to_mapping()
    lines = []
    for name, value in config.to_mapping().items():
        if value is None or value == usual[name]:
            continue
        if isinstance(value, dict):
            pairs = (f"{key} = {_toml(each)}" for key, each in value.items())
            lines.append(f"{name} = {{{', '.join(pairs)}}}")
        else:
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    # TOML has no surrogates, to which JSON escapes some characters.
    return json.dumps(value, ensure_ascii=False)


def _page(
    study: optuna.Study,
    space: Sequence[Parameter],
    config: TrainConfig,
    command: str,
) -> str:
    trials = study.get_trials(deepcopy=False)
    complete = [each for each in trials if each.state == TrialState.COMPLETE]
    varied = {
        each.name
        for each in space
        if len({repr(trial.params[each.name]) for trial in complete}) > 1
    }
    names = [each.name for each in space if each.name in varied]
    parallel, importance, shares = None, None, None
    if len(complete) >= _FEWEST and names:
        importance = _drawn(
            plots.plot_param_importances,
            study,
            names,
            "Importance of the settings",
            "A bar for each setting. The table below has the numbers.",
        )
        shares = _importance(study, names)
        parallel = _drawn(
            plots.plot_parallel_coordinate,
            study,
            names,
            "Parallel coordinates",
            "A line for each trial through its settings, coloured by its validation "
            "AUC. The table of the best trials has the numbers.",
        )
    return render(
        "keras_wa.evaluate.tune",
        "tuning.html.j2",
        best=study.best_trial,
        counts={
            state.name.lower(): sum(each.state == state for each in trials)
            for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
        },
        table=_table(complete, [each.name for each in space]),
        history=_history(complete),
        importance=importance,
        shares=shares,
        parallel=parallel,
        settings=config.to_mapping(),
        command=command,
    )


def _table(complete: Sequence[FrozenTrial], names: Sequence[str]) -> TextTable:
    ranked = sorted(complete, key=_auc, reverse=True)[:_SHOWN]
    rows = [
        [
            str(trial.number),
            f"{_auc(trial):.4f}",
            *(_value(trial.params[name]) for name in names),
        ]
        for trial in ranked
    ]
    return TextTable(["trial", "validation AUC", *names], rows)


def _history(complete: Sequence[FrozenTrial]) -> LinePlot:
    aucs = [_auc(each) for each in complete]
    numbers = [each.number for each in complete]
    return LinePlot(
        title="Validation AUC of the trials",
        x_label="trial",
        y_label="validation AUC",
        series=[
            Points("trial", numbers, aucs, joined=False),
            Points("best so far", numbers, np.maximum.accumulate(aucs)),
        ],
        description=f"The best has {max(aucs):.4f}. Trials that were stopped early are "
        "left out.",
        x_range=(0, max(1, *numbers)),
        y_range=(min(0.95, np.floor(20 * min(aucs)) / 20), 1.0),
    )


def _importance(study: optuna.Study, names: Sequence[str]) -> TextTable:
    found = optuna.importance.get_param_importances(study, params=list(names))
    rows = [[name, f"{share:.2f}"] for name, share in found.items()]
    return TextTable(["setting", "importance"], rows)


def _drawn(
    plot: Callable[..., Any],
    study: optuna.Study,
    names: Sequence[str],
    title: str,
    description: str,
) -> Markup:
    """Draws one of Optuna's plots."""
    # Ticks of a log scale are written as math.
    with style(**{"text.parse_math": True}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna's plots are marked as experimental.
        axes = plot(study, params=list(names), target_name="validation AUC")
        figure = axes.get_figure(root=True)
        assert figure is not None
        figure.set_size_inches(9, 4.5)
        for side in ("left", "center"):  # The page has headings.
            axes.set_title("", loc=side)
        figure.tight_layout()
        plt.close(figure)
    return to_svg(figure, title, description)


def _auc(trial: FrozenTrial) -> float:
    assert trial.value is not None
    return trial.value


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
