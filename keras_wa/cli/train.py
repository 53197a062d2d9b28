"""`keras-wa train`, that is `python train.py`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from keras_wa.cli.messages import say, warn
from keras_wa.cli.shared import (
    DATASET_FLAGS,
    add_config_flags,
    choose_dataset,
    collect_config,
    with_present_store,
)
from keras_wa.cli.starting import quiet_start, start_anew, start_keras
from keras_wa.data import split_hash
from keras_wa.errors import UserError

EXAMPLE = (
    "python train.py --dataset folder --data-dir DIR --group-pattern '^(\\d+)' "
    "--epochs 100"
)

TRAIN_FLAGS: dict[str, dict[str, Any]] = {
    "split": {
        "help": "official (default: the data set's own; drawn by patient where it has "
        "none) or patient-kfold; random-roi and augmented-first leak, to show by how "
        "much"
    },
    "folds": {"type": int, "metavar": "K", "help": "of patient-kfold (default: 5)"},
    "fold": {"type": int, "metavar": "I", "help": "which fold is the test part"},
    "validation": {"type": float, "metavar": "X", "help": "part kept for validation"},
    "fresh_rois": {"action": "bool", "help": "draw new phantom ROIs every epoch"},
    "enhance": {"help": "clahe (default) or none"},
    "classes": {
        "type": int,
        "metavar": "K",
        "help": "2 (default): benign, malignant; 3: benign without callback, benign, "
        "malignant",
    },
    "model": {"metavar": "NAME", "help": "wa_resnet50 (default); see keras-wa models"},
    "dwt": {"help": "model (default): the first layer; or pipeline"},
    "weights": {
        "metavar": "SOURCE",
        "help": "imagenet, a file, or none (default: imagenet where the model takes it "
        "and it can be had)",
    },
    "epochs": {"type": int, "metavar": "N", "help": "default: 100"},
    "batch_size": {"type": int, "metavar": "N", "help": "default: 16"},
    "optimizer": {"help": "adam (default), adamw, or sgd with Nesterov momentum 0.9"},
    "weight_decay": {
        "type": float,
        "metavar": "X",
        "help": "of adamw (default: 0.004) and sgd (default: 0); not of biases, scales "
        "and gates",
    },
    "ema": {
        "type": float,
        "metavar": "X",
        "help": "momentum of a moving average of the weights, which is validated and "
        "kept in their place (default: 0, none)",
    },
    "label_smoothing": {"type": float, "metavar": "X", "help": "default: 0"},
    "learning_rate": {
        "type": float,
        "metavar": "X",
        "help": "default: 1e-4 with pretrained weights, 1e-3 from scratch",
    },
    "trunk_rate": {
        "type": float,
        "metavar": "X",
        "help": "factor of it in the layers that --weights fills (default: 1)",
    },
    "schedule": {
        "help": "constant (default with pretrained weights) or cosine (from scratch)"
    },
    "warmup_steps": {
        "type": int,
        "metavar": "N",
        "help": "default: 0 with pretrained weights, 100 from scratch",
    },
    "class_weights": {"action": "bool", "help": "weigh both classes equally"},
    "augment": {"action": "bool", "help": "flips, rotations, scale, grey values"},
    "gamma": {
        "type": float,
        "metavar": "X",
        "help": "augmentation: largest relative change of the exponent of the grey "
        "values (default: 0)",
    },
    "random_clahe": {
        "type": float,
        "metavar": "P",
        "help": "augmentation: part of the ROIs that get no CLAHE, or another "
        "clip limit (default: 0)",
    },
    "seed": {"type": int, "metavar": "N", "help": "weights, order, augmentation"},
    "strategy": {
        "help": "auto (default), one-device, mirrored, tpu, or multi-worker: the "
        "processes that TF_CONFIG names train together"
    },
    "precision": {"help": "float32 (default), mixed_float16 or mixed_bfloat16"},
    "deterministic": {"action": "bool", "help": "the same numbers run after run"},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    add_config_flags(parser, {**DATASET_FLAGS, **TRAIN_FLAGS})
    parser.add_argument(
        "--model-option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="option of the model, for example wavelet=db2; may be repeated",
    )
    parser.add_argument(
        "--run-dir", metavar="DIR", help="default: runs/<model>-<dataset>-<time>"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="carry on with --run-dir, by default the newest run",
    )


def run(args: argparse.Namespace) -> int:
    """Trains, then exports. Returns the exit code."""
    start_keras(find_devices=False)
    from keras_wa.backend import on_tensorflow
    from keras_wa.training.data import load_data, load_data_of
    from keras_wa.training.defaults import settled
    from keras_wa.training.hardware import describe_devices, require_backend
    from keras_wa.training.run import Run
    from keras_wa.training.workers import WorkerLostError

    run = _resumed(args) if args.resume else None
    config = run.config if run else _new_config(args)
    workers = _join(args, config)
    config = settled(config)  # Not before: it starts TensorFlow's devices.
    require_backend(config)  # Before there is a directory, and minutes of preparing.
    data = load_data_of(run) if run else load_data(config)
    if workers.is_chief:
        if run is None:
            run = Run.create(args.run_dir, config)
        else:
            run.keep_places()
    run = run or Run(Path(args.run_dir), config)
    warn(data.notes)
    counts = data.cases["split"].value_counts()
    say(
        f"{config.model} on {config.dataset}: {counts.get('train', 0)} ROIs to train, "
        f"{counts.get('val', 0)} to validate, {counts.get('test', 0)} to test "
        f"(split {split_hash(data.cases)}, {data.split_origin}). "
        f"{describe_devices()}."
    )
    board = f"   TensorBoard: tensorboard --logdir {run.path.parent}"
    say(f"Run: {run.path}{board if on_tensorflow() else ''}")
    try:
        return _train(run, data, args.resume, workers)
    except WorkerLostError as error:
        say(f"Another worker has ended ({error}). Start it again; this one waits.")
        start_anew(resume=workers.is_chief and (run.path / "config.json").is_file())


def _train(run: Any, data: Any, resume: bool, workers: Any) -> int:
    """Trains, exports the best epoch and says so. Returns the exit code."""
    from keras_wa.backend import on_tensorflow
    from keras_wa.training.decision import make_decision
    from keras_wa.training.fit import train

    outcome = train(run, data, resume, workers=workers)
    if outcome.best_epoch is not None:
        say(
            f"Best of {outcome.epochs} epochs: epoch {outcome.best_epoch}, "
            f"validation AUC {outcome.best_auc:.3f}."
        )
    if outcome.interrupted:
        say(f"Stopped. Carry on: python train.py --run-dir {run.path} --resume")
        return 130
    if workers.is_chief:
        make_decision(run, data)
        if on_tensorflow():
            from keras_wa.export.saved_model import export_saved_model

            say(f"SavedModel: {export_saved_model(run)}")
        else:
            say(
                "No SavedModel and no TensorBoard logs, which need TensorFlow. Where "
                f"it is installed: keras-wa export {run.path}"
            )
        warn(data.notes)
        say(f"Evaluate it: python evaluate.py {run.path}")
    # Until worker 0 has ended well, it may need the others again.
    workers.require_same({"the end": 1})
    workers.wait_to_leave()
    return 0


def _join(args: argparse.Namespace, config: Any) -> Any:
    """The processes that train together: this one, or those of TF_CONFIG."""
    from keras_wa.training.workers import ALONE

    if config.strategy != "multi-worker":
        if "TF_CONFIG" in os.environ:
            warn(["TF_CONFIG is set, but without --strategy multi-worker not used."])
        start_keras()
        return ALONE
    from keras_wa.backend import require_tensorflow

    require_tensorflow("--strategy multi-worker")
    from keras_wa.training.cluster import Cluster

    cluster = Cluster.from_environment()
    if args.run_dir is None:
        raise UserError(
            "--strategy multi-worker needs --run-dir, a folder that all workers see."
        )
    count = len(cluster.addresses)
    if count > 1:
        say(f"Worker {cluster.index} of {count} (from 0) waits for the others.")
    with quiet_start():
        workers = cluster.join()
    start_keras()
    return workers


def _resumed(args: argparse.Namespace) -> Any:
    """The run to carry on; settings that are given again must be its own.

    Its data may lie elsewhere by now.
    """
    from keras_wa.training.config import TrainConfig
    from keras_wa.training.fingerprint import (
        PLACES,
        absolute,
        options_of,
        with_absolute_paths,
    )
    from keras_wa.training.run import Run

    run = Run.open(args.run_dir or Run.newest())
    given = {field: absolute(field, value) for field, value in _given(args).items()}
    moved = {field: given.pop(field) for field in PLACES if field in given}
    values = {**run.config.to_mapping(), **moved}
    config = TrainConfig.from_mapping(values, args.config or "command line")
    config = with_absolute_paths(config)
    if "store_dir" not in moved:
        config = with_present_store(config)
    run = dataclasses.replace(run, config=config)
    stored = run.config.to_mapping()
    if "model_options" in given:
        asked = dataclasses.replace(config, model_options=given["model_options"])
        given["model_options"] = options_of(asked)
    for field, value in given.items():
        if stored.get(field) != value:
            raise UserError(
                f"--resume carries on with the settings of {run.path}, where `{field}` "
                f"is {stored.get(field)!r}. Received: {value!r}. Leave it out, or "
                "start a new run."
            )
    return run


def _new_config(args: argparse.Namespace) -> Any:
    from keras_wa.training.config import TrainConfig
    from keras_wa.training.fingerprint import with_absolute_paths

    origin = args.config or "command line"
    config = TrainConfig.from_mapping(choose_dataset(_given(args)), origin)
    return with_absolute_paths(config)


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """The config fields that the config file and the flags set."""
    values = collect_config(args)
    if args.model_option:
        options = dict(_parse_option(text) for text in args.model_option)
        values["model_options"] = {**values.get("model_options", {}), **options}
    return values


def _parse_option(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise UserError(f"--model-option must be KEY=VALUE. Received: {text!r}")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
