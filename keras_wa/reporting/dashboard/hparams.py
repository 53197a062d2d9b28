"""What tells runs apart, beside what they reach, as TensorBoard's HParams has it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tensorboard.compat.proto import summary_pb2
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams import summary_v2 as hp

from keras_wa.training.config import TrainConfig
from keras_wa.training.fit import OWN_FIELDS

MAIN_FIELDS = ("model", "dataset", "epochs", "batch_size", "learning_rate", "seed")
"""Shown where nothing tells the runs apart."""

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

    Options of the model count as settings. Where the data lie does not.

    Args:
        configs: one a run.

    Returns:
        Setting -> value, of each run; all have the same settings, and a setting has
        values of one kind. Where no setting differs, the main ones.
    """
    flat = [_flat(config) for config in configs]
    names = list(dict.fromkeys(name for one in flat for name in one))
    differing = [
        name for name in names if any(o.get(name) != flat[0].get(name) for o in flat)
    ]
    columns = {
        name: _of_one_kind([one.get(name) for one in flat])
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


def _flat(config: TrainConfig) -> dict[str, Any]:
    fields = config.to_mapping()
    options = fields.pop("model_options")
    for name in OWN_FIELDS:
        del fields[name]
    return {**fields, **options}


def _of_one_kind(values: Sequence[Any]) -> list[Value]:
    for kinds in ((bool,), (int, float)):
        if all(type(value) in kinds for value in values):
            # TensorBoard's only number is float64.
            return [v if kinds == (bool,) else float(v) for v in values]
    # An option that a run does not set has its model's default.
    return ["default" if value is None else str(value) for value in values]
