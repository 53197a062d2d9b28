"""The page of an evaluation, `report.html`: one file that opens offline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from keras_wa.data.facts import facts_of
from keras_wa.evaluate import pages
from keras_wa.evaluate.report import curves, report_tables
from keras_wa.evaluate.report.limitations import limitations
from keras_wa.evaluate.report.mistakes import Mistakes
from keras_wa.evaluate.report.verdict import decision, verdict, warnings
from keras_wa.explain.figures import BANDS_TITLE, HEAT_TITLE


def render_report(
    results: Mapping[str, Any],
    predictions: pd.DataFrame,
    mistakes: Mistakes,
    cases: pd.DataFrame,
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
) -> str:
    """Renders the page as HTML, with escaped content and no external files.

    The same arguments give the same bytes.

    Args:
        results: content of `metrics.json`.
        predictions: one row per ROI, with `label` and `probability`.
        mistakes: mistakes to show.
        cases: all ROIs of the run, with their split.
        config: configuration of the run.
        environment: environment of its training.
    """
    *drawn, reliability, decision_curve = curves.plots(results, predictions)
    return pages.render(
        "keras_wa.evaluate.report",
        "report.html.j2",
        results=results,
        sentence=verdict(results),
        decision=decision(results),
        warnings=warnings(results),
        levels=report_tables.level_table(results),
        level_names=report_tables.level_names(results),
        left_out=report_tables.levels_left_out(results),
        references=report_tables.reference_table(results),
        confusion=report_tables.confusion_table(results),
        three_class=report_tables.three_class_table(results),
        curves=drawn,
        reliability=reliability,
        decision_curve=decision_curve,
        coverage=report_tables.coverage_table(results),
        risk_coverage=curves.risk_coverage_plot(results, predictions),
        subgroup_plots=report_tables.subgroup_plots(results),
        subgroups=report_tables.subgroup_table(results),
        without_auc=report_tables.without_auc(results),
        mistakes=mistakes,
        bands=BANDS_TITLE in mistakes.titles,
        heat=HEAT_TITLE in mistakes.titles,
        facts=facts_of(results["dataset"]),
        data=report_tables.data_table(cases),
        limitations=limitations(results, config),
        config=config,
        environment=environment,
        data_uri=pages.data_uri,
    )
