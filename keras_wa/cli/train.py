"""`keras-wa train`, also `python train.py`."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from keras_wa.cli.flags import add_config, add_settings, given_settings
from keras_wa.cli.messages import say, warn
from keras_wa.cli.ray_flag import add_ray, on_ray
from keras_wa.cli.shared import choose_dataset, with_present_store
from keras_wa.cli.starting import start_keras
from keras_wa.data import split_hash
from keras_wa.errors import UserError
from keras_wa.ranges import MOST, Range
from keras_wa.training.config import TrainConfig

EXAMPLE = (
    "python train.py --dataset folder --data-dir DIR --group-pattern '^(\\d+)' "
    "--epochs 100"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument(
        "--run-dir", metavar="DIR", help="default: runs/<model>-<dataset>-<time>"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="resume --run-dir, by default the newest run",
    )
    add_ray(parser, "with --ray-workers and --run-dir, on JAX: train on workers of Ray")
    parser.add_argument(
        "--ray-workers",
        metavar="N",
        type=Range(1, MOST, whole=True),
        help="with --ray: processes that train together, each on a GPU or core",
    )
    add_config(parser)
    add_settings(parser, TrainConfig)


def run(args: argparse.Namespace) -> int:
    """Trains a model and exports it. Returns the exit code."""
    start_keras()
    if args.ray is not None or args.ray_workers is not None:
        _require_for_ray(args)
    with on_ray(args):
        return _run(args)


def _require_for_ray(args: argparse.Namespace) -> None:
    """Raises an error if something is missing that workers of Ray need."""
    import keras

    for flag in ("ray", "ray_workers", "run_dir"):
        if getattr(args, flag) is None:
            raise UserError(
                f"Training on Ray needs `ray`, `ray_workers` and a `run_dir` that all "
                f"machines see. Received: no `{flag}`."
            )
    if keras.backend.backend() != "jax":
        raise UserError(
            "`ray_workers` train together on JAX. Received: Keras on "
            f"{keras.backend.backend()}; expected KERAS_BACKEND=jax."
        )
    import jax

    # This process only waits: the accelerators are the workers'.
    jax.config.update("jax_platforms", "cpu")


def _run(args: argparse.Namespace) -> int:
    from keras_wa.backend import on_tensorflow
    from keras_wa.training.data import load_data, load_data_of
    from keras_wa.training.defaults import settled
    from keras_wa.training.hardware import describe_devices, require_backend
    from keras_wa.training.run import Run

    run = _resumed(args) if args.resume else None
    config = settled(run.config if run else _new_config(args))
    require_backend(config)  # Before the data are prepared, which takes minutes.
    data = load_data_of(run) if run else load_data(config)
    if run is None:
        run = Run.create(args.run_dir, config)
    else:
        run.update_paths()
    warn(data.notes)
    workers = args.ray_workers
    devices = f"{workers} workers of Ray" if workers else describe_devices()
    counts = data.cases["split"].value_counts()
    say(
        f"{config.model} on {config.dataset}: {counts.get('train', 0)} ROIs to train, "
        f"{counts.get('val', 0)} to validate, {counts.get('test', 0)} to test "
        f"(split {split_hash(data.cases)}, {data.split_origin}). {devices}."
    )
    board = f"   TensorBoard: tensorboard --logdir {run.path.parent}"
    say(f"Run: {run.path}{board if on_tensorflow() else ''}")
    return _train(run, data, args)


def _train(run: Any, data: Any, args: argparse.Namespace) -> int:
    """Trains, and exports the best epoch. Returns the exit code."""
    from keras_wa.backend import on_tensorflow
    from keras_wa.training.decision import make_decision
    from keras_wa.training.fit import train

    if args.ray is None:
        outcome = train(run, data, args.resume)
    else:
        from keras_wa.cluster.training import train_on_workers

        outcome = train_on_workers(run, data, args.ray_workers, args.resume, say)
    if outcome.best_epoch is not None:
        say(
            f"Best of {outcome.epochs} epochs: epoch {outcome.best_epoch}, "
            f"validation AUC {outcome.best_auc:.3f}."
        )
    if outcome.interrupted:
        say(f"Stopped. Resume: python train.py --run-dir {run.path} --resume")
        return 130
    if args.ray is None:
        make_decision(run, data)
    if on_tensorflow():
        from keras_wa.export.saved_model import export_saved_model

        say(f"SavedModel: {export_saved_model(run)}")
    else:
        say(
            "No SavedModel and no TensorBoard logs, which need TensorFlow. Where it is "
            f"installed: keras-wa export {run.path}"
        )
    warn(data.notes)
    say(f"Evaluate it: python evaluate.py {run.path}")
    return 0


def _resumed(args: argparse.Namespace) -> Any:
    """Opens the run to resume; given settings must be equal to the run's.

    The paths of its data may change.
    """
    from keras_wa.training.fingerprint import (
        PLACES,
        absolute,
        options_of,
        with_absolute_paths,
    )
    from keras_wa.training.run import Run

    run = Run.open(args.run_dir or Run.newest())
    given = {
        field: absolute(field, value)
        for field, value in given_settings(args, TrainConfig, args.config).items()
    }
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
                f"--resume continues with the settings of {run.path}, where `{field}` "
                f"is {stored.get(field)!r}. Received: {value!r}. Leave it out, or "
                "start a new run."
            )
    return run


def _new_config(args: argparse.Namespace) -> Any:
    from keras_wa.training.fingerprint import with_absolute_paths

    origin = args.config or "command line"
    config = TrainConfig.from_mapping(
        choose_dataset(given_settings(args, TrainConfig, args.config)), origin
    )
    return with_absolute_paths(config)
