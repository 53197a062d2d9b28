"""What tells runs apart, beside what they reach, as TensorBoard's HParams has it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tensorboard.compat.proto import summary_pb2
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams import summary_v2 as hp

from keras_wa.models import model_options
from keras_wa.training.config import TrainConfig
from keras_wa.training.fingerprint import PLACES

MAIN_FIELDS = ("model", "dataset", "epochs", "batch_size", "learning_rate", "seed")
"""Shown where nothing tells the runs apart."""

NO_OPTION = "-"
"""Of an option that a run's model does not have."""

Value = str | float | bool


@dataclasses.dataclass(frozen=True)
class Metric:
    """A number of each run.

    Attributes:
        tag: of its summary.
        title: heads its column.
    """

    tag: str
    title: str


def what_differs(configs: Sequence[TrainConfig]) -> list[dict[str, Value]]:
    """The settings in which runs differ.

    Options of the model that any run sets count as settings; where the data lie does
    not.

    Args:
        configs: one a run.

    Returns:
        Setting -> value, of each run; all have the same settings, and a setting has
        values of one kind. Where no setting differs, the main ones.
    """
    options = {name for config in configs for name in config.model_options}
    flat = [_flat(config, sorted(options)) for config in configs]
    differing = [
        name for name in flat[0] if any(o[name] != flat[0][name] for o in flat)
    ]
    columns = {
        name: _of_one_kind([one[name] for one in flat])
        for name in differing or MAIN_FIELDS
    }
    return [{name: c[i] for name, c in columns.items()} for i in range(len(flat))]


def experiment(table: Sequence[Mapping[str, Value]], metrics: Sequence[Metric]) -> Any:
    """The columns, as a summary.

    Args:
        table: of `what_differs`.
        metrics: what the runs reach.
    """
    columns = []
    for name in table[0]:
        values = list(dict.fromkeys(row[name] for row in table))
        columns.append(hp.HParam(name, hp.Discrete(values)))
    shown = [hp.Metric(each.tag, display_name=each.title) for each in metrics]
    return hp.hparams_config_pb(columns, shown, time_created_secs=0.0)


def session(name: str, row: Mapping[str, Value], start: float) -> Any:
    """The settings of one run, as a summary.

    Args:
        name: of the run; runs of the same settings stay apart by it.
        row: its row of `what_differs`.
        start: seconds since 1970.
    """
    return hp.hparams_pb(dict(row), trial_id=name, start_time_secs=start)


def session_end(time: float) -> Any:
    """That a run came to its end, as a summary."""
    end = plugin_data_pb2.SessionEndInfo(
        status=api_pb2.STATUS_SUCCESS, end_time_secs=time
    )
    data = plugin_data_pb2.HParamsPluginData(session_end_info=end)
    value = summary_pb2.Summary.Value(
        tag=hparams_metadata.SESSION_END_INFO_TAG,
        metadata=hparams_metadata.create_summary_metadata(data),
        tensor=hparams_metadata.NULL_TENSOR,
    )
    return summary_pb2.Summary(value=[value])


def _flat(config: TrainConfig, options: Sequence[str]) -> dict[str, Any]:
    fields = config.to_mapping()
    for name in ("model_options", *PLACES):
        del fields[name]
    fields["custom"] = ", ".join(fields["custom"]) or None
    own = {**model_options(config.model), **config.model_options}
    return {**fields, **{name: own.get(name, NO_OPTION) for name in options}}


def _of_one_kind(values: Sequence[Any]) -> list[Value]:
    if all(isinstance(value, bool) for value in values):
        return list(values)
    if all(type(value) in (int, float) for value in values):
        return [float(value) for value in values]  # TensorBoard's only number.
    return ["none" if value is None else str(value) for value in values]
