"""`keras-wa evaluate`, that is `python evaluate.py`."""

from __future__ import annotations

import argparse

from keras_wa.cli.shared import say, start_tensorflow, warn
from keras_wa.errors import UserError

DESCRIPTION = "Evaluate a run's best model, with patient-cluster bootstrap intervals."
EXAMPLE = "python evaluate.py runs/NAME"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument("run", metavar="RUN", help="run directory of train.py")
    parser.add_argument("--split", default="test", help="val or test (default: test)")
    parser.add_argument(
        "--threshold",
        default="youden",
        metavar="RULE",
        help="how the threshold is chosen on validation: youden (default), f1, "
        "sensitivity:0.95, specificity:0.9, or a number that is used as it is",
    )
    parser.add_argument(
        "--resamples",
        type=int,
        default=2000,
        metavar="N",
        help="bootstrap resamples (default: 2000)",
    )


def run(args: argparse.Namespace) -> int:
    """Predicts, evaluates and writes. Returns the exit code."""
    start_tensorflow()
    from keras_wa.datasets import split_hash
    from keras_wa.evaluation import (
        choose_threshold,
        evaluate_predictions,
        format_metrics,
        one_number_aucs_held_out,
        write_results,
    )
    from keras_wa.phantom import best_possible_auc
    from keras_wa.serving.export import load_best
    from keras_wa.training.data import load_data, phantom_spec
    from keras_wa.training.run import Run
    from keras_wa.training.scoring import score

    if args.resamples < 1:
        raise UserError(f"--resamples must be at least 1. Received: {args.resamples}")
    run = Run.open(args.run)
    model = load_best(run)
    data = load_data(run.config)
    run.require_same_split(data.cases)
    val = score(model, data, "val")
    predictions = score(model, data, args.split, verbose=1)
    rule = _rule(args.threshold)
    threshold = choose_threshold(val["label"], val["probability"], rule)
    origin = "given" if isinstance(rule, float) else f"{rule} on validation"
    # Not the evaluated part, and never the test part.
    learning = ~data.cases["split"].isin([args.split, "test"])
    results = evaluate_predictions(
        predictions,
        threshold,
        origin,
        n_resamples=args.resamples,
        val_predictions=val,
        learning_cases=data.cases[learning],
        best_possible_auc=(
            best_possible_auc(phantom_spec(run.config), predictions)
            if run.config.dataset == "phantom"
            else None
        ),
    )
    train, part = (data.cases["split"].eq(s).to_numpy() for s in ("train", args.split))
    labels = data.cases["label"].to_numpy(int)
    shortcuts = one_number_aucs_held_out(
        data.raw[train],
        labels[train],
        data.raw[part],
        labels[part],
        data.cases["patient_id"][part],
        n_resamples=args.resamples,
    )
    results |= {
        "split": args.split,
        "split_hash": split_hash(data.cases),
        "dataset": run.config.dataset,
        "model": run.config.model,
        "notes": data.notes,
        "one_number_auc": {
            name: {"value": auc.value, "low": auc.low, "high": auc.high}
            for name, auc in shortcuts.items()
        },
    }
    write_results(run.evaluation(args.split), results, predictions)
    say(format_metrics(results))
    say(f"Split: {run.config.split}, hash {results['split_hash']}")
    best = max(shortcuts, key=lambda name: shortcuts[name].value)
    auc = shortcuts[best]
    say(
        f"For comparison, one number of the pixels ({best}) alone: AUC {auc.value:.3f} "
        f"[{auc.low:.3f}, {auc.high:.3f}]"
    )
    warn([*results["warnings"], *data.notes])
    say(f"Written: {run.evaluation(args.split)}")
    return 0


def _rule(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text
