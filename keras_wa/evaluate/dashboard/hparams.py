"""Settings that differ between runs, with results, for TensorBoard's HParams."""

from __future__ import annotations

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
"""Settings to show if the runs do not differ."""

NO_OPTION = "-"
"""Value of an option that a run's model does not have."""

Value = str | float | bool


def what_differs(configs: Sequence[TrainConfig]) -> list[dict[str, Value]]:
    """Finds the settings in which runs differ.

    Model options that any run sets are settings; the data's location is not.

    Returns:
        Setting -> value for each run. All runs have the same settings, and the values
        of a setting have one type. If no setting differs, `MAIN_FIELDS`.
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


def experiment(table: Sequence[Mapping[str, Value]], metrics: Mapping[str, str]) -> Any:
    """Returns the columns as a summary: settings and results, tag -> title."""
    columns = []
    for name in table[0]:
        values = list(dict.fromkeys(row[name] for row in table))
        columns.append(hp.HParam(name, hp.Discrete(values)))
    shown = [hp.Metric(tag, display_name=title) for tag, title in metrics.items()]
    return hp.hparams_config_pb(columns, shown, time_created_secs=0.0)


def session(name: str, row: Mapping[str, Value], start: float) -> Any:
    """Returns the settings of one run, identified by its name, as a summary."""
    return hp.hparams_pb(dict(row), trial_id=name, start_time_secs=start)


def session_end(time: float) -> Any:
    """Returns a summary that marks the end of a run."""
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
        return [float(value) for value in values]  # TensorBoard's only numeric type.
    return ["none" if value is None else str(value) for value in values]
