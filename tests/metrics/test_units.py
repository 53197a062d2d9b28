from __future__ import annotations

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
    error = {"standard_error": delong.standard_error}
    assert found["auc_delong"] == delong.to_record() | error
    assert found["n"] == sum(found["counts"].values()) == 60
    assert found["n_positive"] == table["label"].sum()
    false = (table["probability"] >= 0.4) & (table["label"] == 0)
    assert found["counts"]["fp"] == false.sum()
