"""The table has what tells runs apart, each column of one kind."""

from __future__ import annotations

from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from keras_wa.evaluate.dashboard.hparams import (
    MAIN_FIELDS,
    experiment,
    session,
    session_end,
    what_differs,
)
from keras_wa.training.config import TrainConfig


def content(summary) -> HParamsPluginData:
    (value,) = summary.value
    return HParamsPluginData.FromString(value.metadata.plugin_data.content)


def test_only_what_differs_is_shown_and_not_where_data_lie():
    first = TrainConfig(dataset="phantom", seed=1, store_dir="a")
    second = TrainConfig(dataset="phantom", seed=2, store_dir="b", augment=False)
    table = what_differs([first, second])
    assert table == [{"seed": 1.0, "augment": True}, {"seed": 2.0, "augment": False}]


def test_options_of_the_model_are_settings_and_have_its_defaults():
    own = {"wavelet": "db2", "se_ratio": 8}
    runs = TrainConfig(), TrainConfig(model_options=own), TrainConfig(model="vgg16")
    assert what_differs(runs) == [
        {"model": "wa_resnet50", "se_ratio": "16", "wavelet": "haar"},
        {"model": "wa_resnet50", "se_ratio": "8", "wavelet": "db2"},
        {"model": "vgg16", "se_ratio": "-", "wavelet": "-"},
    ]
    table = what_differs(runs[:2])
    assert [row["se_ratio"] for row in table] == [16.0, 8.0], "a number in all"


def test_a_setting_that_is_sometimes_missing_is_text():
    table = what_differs([TrainConfig(limit=5), TrainConfig()])
    assert table == [{"limit": "5"}, {"limit": "none"}]


def test_equal_runs_show_the_main_settings():
    for runs in ([TrainConfig()], [TrainConfig(), TrainConfig()]):
        table = what_differs(runs)
        assert all(tuple(row) == MAIN_FIELDS for row in table)


def test_the_columns_have_their_values_and_metrics():
    table = what_differs([TrainConfig(seed=3), TrainConfig(seed=1)])
    found = content(experiment(table, {"test/auc": "test AUC"})).experiment
    (seed,) = found.hparam_infos
    assert seed.name == "seed"
    assert [each.number_value for each in seed.domain_discrete.values] == [1, 3]
    (metric,) = found.metric_infos
    assert (metric.name.tag, metric.display_name) == ("test/auc", "test AUC")


def test_runs_of_equal_settings_stay_apart():
    row = what_differs([TrainConfig(learning_rate=1e-4)])[0]
    starts = [content(session(n, row, 7.0)).session_start_info for n in "ab"]
    assert [each.group_name for each in starts] == ["a", "b"]
    assert starts[0].hparams["learning_rate"].number_value == 1e-4
    assert starts[0].start_time_secs == 7.0


def test_the_end_is_a_success():
    from tensorboard.plugins.hparams.summary import session_end_pb

    own = session_end_pb(1, 9.0).SerializeToString()
    assert session_end(9.0).SerializeToString() == own
