from __future__ import annotations

import math

from keras_wa.metrics.bootstrap import cluster_bootstrap
from keras_wa.metrics.delong import auc
from keras_wa.metrics.units import score_units
from tests.evaluate.tables import predictions


def test_bootstrap_and_delong_are_both_by_patient():
    table = predictions()
    found = score_units(table, 0.4, 50, 7, 0.9)
    columns = (table["label"], table["probability"], table["patient_id"])
    for name, interval in cluster_bootstrap(*columns, 0.4, 50, 7, 0.9).items():
        assert found["metrics"][name] == interval.to_record()
        assert found["n_dropped"][name] == interval.n_dropped
    delong = auc(*columns, 0.9)
    assert found["auc_delong"] == {
        "value": delong.value,
        "low": delong.low,
        "high": delong.high,
        "standard_error": delong.standard_error,
    }


def test_the_counts_add_up():
    table = predictions()
    found = score_units(table, 0.4, 5, 0, 0.95)
    assert found["n"] == sum(found["counts"].values()) == 60
    assert found["n_positive"] == table["label"].sum()
    assert found["counts"]["fp"] == sum(
        (table["probability"] >= 0.4) & (table["label"] == 0)
    )


def test_one_class_is_undefined_in_both():
    found = score_units(predictions().assign(label=0), 0.4, 5, 0, 0.95)
    assert found["n_positive"] == 0
    assert math.isnan(found["metrics"]["auc"]["value"])
    assert math.isnan(found["auc_delong"]["value"])
    assert found["n_dropped"]["auc"] == 5
