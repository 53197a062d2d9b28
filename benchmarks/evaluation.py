"""Compares all metrics with cluster-bootstrap intervals with a loop over scikit-learn.

    python -m benchmarks.evaluation

10,000 ROIs of 3,334 patients, 2,000 resamples. The loop is timed on 40 resamples and
its time multiplied by 50.
"""

from __future__ import annotations

import numpy as np

from benchmarks.compare import Times, compare, print_table, timed

_ROIS, _RESAMPLES, _LOOPED = 10_000, 2_000, 40
_RNG = np.random.default_rng(0)
_LABELS = _RNG.integers(0, 2, _ROIS)
_SCORES = 0.2 * _LABELS + 0.8 * _RNG.uniform(size=_ROIS)
_PATIENTS = np.arange(_ROIS) // 3
_CASE = "2,000 resamples of 10,000 ROIs"


def keras_wa() -> Times:
    from keras_wa.metrics import cluster_bootstrap

    def work() -> object:
        return cluster_bootstrap(_LABELS, _SCORES, _PATIENTS, 0.5, _RESAMPLES)

    return {_CASE: timed(work, 5, warm_up=1)}


def scikit_learn() -> Times:
    from sklearn import metrics

    rows = [np.flatnonzero(patient == _PATIENTS) for patient in np.unique(_PATIENTS)]

    def work() -> None:
        for _ in range(_LOOPED):
            drawn = _RNG.integers(0, len(rows), len(rows))
            picked = np.concatenate([rows[patient] for patient in drawn])
            labels, scores = _LABELS[picked], _SCORES[picked]
            positive = scores >= 0.5
            metrics.roc_auc_score(labels, scores)
            metrics.accuracy_score(labels, positive)
            metrics.recall_score(labels, positive)
            metrics.recall_score(labels, positive, pos_label=0)
            metrics.precision_score(labels, positive)
            metrics.f1_score(labels, positive)
            metrics.average_precision_score(labels, scores)
            metrics.balanced_accuracy_score(labels, positive)
            metrics.matthews_corrcoef(labels, positive)
            metrics.roc_curve(labels, scores, drop_intermediate=False)
            metrics.brier_score_loss(labels, scores)

    return {_CASE: [_RESAMPLES / _LOOPED * each for each in timed(work, 3, warm_up=1)]}


if __name__ == "__main__":
    workers = {"keras_wa": keras_wa, "scikit-learn in a loop": scikit_learn}
    found = compare("benchmarks.evaluation", workers)
    if found is not None:
        print_table("Evaluation", found, "keras_wa")
