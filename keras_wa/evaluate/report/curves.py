"""Plots of an evaluation's curves.

`results` is the content of `metrics.json`; `predictions` has one row per ROI, with
`label` and `probability`. Curves are thinned to 200 points.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve

from keras_wa.evaluate.pages import LinePlot, Points, thin
from keras_wa.evaluate.text import estimate
from keras_wa.metrics import risk_coverage

_UNIT = (0.0, 1.0)


def plots(results: Mapping[str, Any], predictions: pd.DataFrame) -> list[LinePlot]:
    """Returns all plots; without the first two if there is only one class."""
    always = [reliability_plot(results), decision_plot(results)]
    if predictions["label"].nunique() < 2:
        return always
    two_classes = [
        roc_plot(results, predictions),
        precision_recall_plot(results, predictions),
    ]
    return two_classes + always


def roc_plot(results: Mapping[str, Any], predictions: pd.DataFrame) -> LinePlot:
    """Plots sensitivity against the false positive rate, with the operating point."""
    x, y, _ = roc_curve(predictions["label"], predictions["probability"])
    kept = thin(x, y)
    metrics = results["metrics"]
    return LinePlot(
        title="ROC curve",
        x_label="1 - specificity",
        y_label="sensitivity",
        series=[
            Points(f"model, AUC {estimate(metrics['auc'])}", x[kept], y[kept]),
            _operating_point(
                results,
                1 - metrics["specificity"]["value"],
                metrics["sensitivity"]["value"],
            ),
        ],
        description=f"The area under the curve is {estimate(metrics['auc'])}.",
        x_range=_UNIT,
        y_range=_UNIT,
        diagonal="guessing, AUC 0.5",
    )


def precision_recall_plot(
    results: Mapping[str, Any], predictions: pd.DataFrame
) -> LinePlot:
    """Plots precision against sensitivity, with the operating point."""
    precision, recall, _ = precision_recall_curve(
        predictions["label"], predictions["probability"]
    )
    kept = thin(recall, precision)
    metrics, prevalence = results["metrics"], results["prevalence"]
    series = [
        Points(
            f"model, average precision {estimate(metrics['auprc'])}",
            recall[kept],
            precision[kept],
        ),
        Points(
            f"guessing, {prevalence:.3f}, the share of malignant ROIs",
            _UNIT,
            [prevalence] * 2,
        ),
    ]
    # Precision is undefined if no ROI is positive.
    if metrics["precision"]["value"] is not None:
        series.append(
            _operating_point(
                results,
                metrics["sensitivity"]["value"],
                metrics["precision"]["value"],
            )
        )
    return LinePlot(
        title="Precision and sensitivity",
        x_label="sensitivity (recall)",
        y_label="precision",
        series=series,
        description=f"The average precision is {estimate(metrics['auprc'])}; the share "
        f"of malignant ROIs is {prevalence:.3f}.",
        x_range=_UNIT,
        y_range=_UNIT,
    )


def reliability_plot(results: Mapping[str, Any]) -> LinePlot:
    """Plots observed share against predicted probability, a point per bin.

    Without and with temperature, each share with its Wilson interval.
    """
    calibration = results["calibration"]
    names = {"as_predicted": "as predicted"}
    if calibration["temperature"] is not None:
        names["temperature_scaled"] = (
            f"at the temperature {calibration['temperature']:.3g} of validation"
        )
    series = []
    for key, name in names.items():
        table = pd.DataFrame(calibration[key]["reliability"])
        series.append(
            Points(
                f"{name}, ECE {calibration[key]['ece_equal_mass']:.3f}",
                table["mean_probability"],
                table["observed"],
                table["observed_low"],
                table["observed_high"],
                joined=False,
            )
        )
    return LinePlot(
        title="Reliability",
        x_label="mean predicted probability",
        y_label="observed share of malignant ROIs",
        series=series,
        description=f"Up to {calibration['n_bins']} bins of equally many ROIs; the "
        "diagonal is perfect calibration.",
        x_range=_UNIT,
        y_range=_UNIT,
        diagonal="perfect calibration",
    )


def decision_plot(results: Mapping[str, Any]) -> LinePlot:
    """Plots net benefit against the threshold probability (Vickers & Elkin 2006)."""
    curve = results["decision_curve"]
    names = {
        "as_predicted": "model as predicted",
        "temperature_scaled": "model at the temperature of validation",
        "treat_all": "act on every ROI",
        "treat_none": "act on none",
    }
    series = [
        Points(name, curve["threshold"], curve[key])
        for key, name in names.items()
        if curve[key] is not None
    ]
    highest = max(float(np.max(curve[key])) for key in ("as_predicted", "treat_all"))
    return LinePlot(
        title="Decision curve",
        x_label="threshold probability",
        y_label="net benefit",
        series=series,
        description="A model is useful where it is above acting on every ROI and on "
        "none.",
        x_range=_UNIT,
        # The benefit of treating all falls without limit; only that near 0 matters.
        y_range=(-0.1, np.ceil(10 * max(highest, 0.1)) / 10),
    )


def risk_coverage_plot(
    results: Mapping[str, Any], predictions: pd.DataFrame
) -> LinePlot | None:
    """Plots the error rate against the share of ROIs that are classified.

    None at a threshold of 0 or 1, from which no probability has a distance.
    """
    threshold = results["threshold"]["value"]
    if not 0 < threshold < 1:
        return None
    curve = risk_coverage(predictions["label"], predictions["probability"], threshold)
    x, y = curve["coverage"].to_numpy(), curve["risk"].to_numpy()
    kept = thin(x, y)
    return LinePlot(
        title="Selective classification",
        x_label="share of the ROIs that are classified, the most certain first",
        y_label="error rate among them",
        series=[Points(f"at the threshold {threshold:.4g}", x[kept], y[kept])],
        description="The distance from the threshold is the certainty. If it is "
        "informative, the curve rises to the right.",
        x_range=_UNIT,
        y_range=(0.0, np.ceil(10 * max(float(y.max()), 0.1)) / 10),
    )


def _operating_point(results: Mapping[str, Any], x: float, y: float) -> Points:
    threshold = results["threshold"]["value"]
    return Points(f"at the threshold {threshold:.4g}", [x], [y], joined=False)
