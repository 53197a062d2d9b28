"""`keras-wa explain`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_wa.cli.messages import say, warn
from keras_wa.cli.paths import make_folder
from keras_wa.cli.shared import add_data_flags, open_run
from keras_wa.cli.starting import start_keras
from keras_wa.errors import UserError, unknown_name
from keras_wa.evaluate.roi_sample import Mask, RoiSample, draw_sample, read_masks
from keras_wa.ranges import Range

if TYPE_CHECKING:
    import keras

    from keras_wa.explain.scores import Heat
    from keras_wa.training.data import RunData

EXAMPLE = "keras-wa explain runs/NAME --split test --n 200"

METHODS = ("gradcam", "occlusion")
# Seed of the drawn ROIs, of the random networks and of all intervals.
SEED = 0
# Number of ROIs of each class in the galleries.
_SHOWN = 4
# The cells of a Grad-CAM map have about this part of the ROI's side.
_CELL = 1 / 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument("run", metavar="RUN", help="run directory of train.py")
    parser.add_argument(
        "--split", default="test", help="train, val or test (default: test)"
    )
    parser.add_argument(
        "--n",
        type=Range(1, whole=True),
        default=200,
        help="number of ROIs, drawn at random (default: 200)",
    )
    parser.add_argument(
        "--method", default="gradcam", help="gradcam (default) or occlusion"
    )
    parser.add_argument(
        "--layer",
        metavar="NAME",
        help="for gradcam: layer whose feature map is explained (default: the last one "
        "of at least 14x14)",
    )
    parser.add_argument(
        "--patch",
        type=Range(1, whole=True),
        metavar="PX",
        help="for occlusion: side of the patch (default: an eighth of the ROI)",
    )
    parser.add_argument(
        "--stride",
        type=Range(1, whole=True),
        metavar="PX",
        help="for occlusion: step between patches (default: half a patch)",
    )
    parser.add_argument(
        "--tolerance",
        type=Range(0),
        default=0.0,
        metavar="PX",
        help="for the pointing game: distance from the mask that still counts as a hit "
        "(default: 0)",
    )
    parser.add_argument(
        "--random",
        type=Range(0, 10_000, whole=True),
        default=3,
        metavar="N",
        help="number of networks with random weights to compare with (default: 3)",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="where to write (default: RUN/evaluation/SPLIT/explain, and "
        "explain-occlusion for occlusion)",
    )
    add_data_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Computes heat maps, scores them and writes the results. Returns the exit code."""
    _check(args)
    start_keras()
    from keras_wa.backend import require_tensorflow
    from keras_wa.data.loading import load_dataset
    from keras_wa.explain import score_record
    from keras_wa.explain.gates import gate_profiles, write_gate_figure
    from keras_wa.explain.model_inputs import model_inputs, roi_probability
    from keras_wa.explain.randomisation import reinitialised
    from keras_wa.files import replacing, write_json
    from keras_wa.training.best import load_best
    from keras_wa.training.data import load_data_of

    require_tensorflow("keras-wa explain")
    run = open_run(args)
    model = load_best(run)
    data = load_data_of(run, args.allow_changed_data)
    sample = draw_sample(data, args.split, args.n, SEED)
    explain, settings = _method(args, model, data, sample)
    name = "explain" if args.method == "gradcam" else f"explain-{args.method}"
    out = make_folder(args.out or run.evaluation(args.split) / name)

    heat = explain(model)
    random_heats = [explain(reinitialised(model, SEED + i)) for i in range(args.random)]
    masks, mask_note = read_masks(load_dataset(run.config), sample)
    probability = roi_probability(model, data.wavelet)
    p = probability(sample.rois)
    results: dict[str, Any] = {
        "dataset": run.config.dataset,
        "model": run.config.model,
        "split": args.split,
        "split_origin": data.split_origin,
        "method": args.method,
        **settings,
        "n_rois": len(sample.cases),
        "n_patients": int(sample.cases["patient_id"].nunique()),
        "seed": SEED,
        "empty_maps": int((heat.max(axis=(1, 2)) == 0).sum()),
        "localisation": _localisation(heat, random_heats, masks, sample, args),
        "localisation_note": mask_note,
        "deletion": _deletion(probability, sample, heat),
        "randomisation": (
            score_record.similarity(heat, random_heats, sample.patients)
            if random_heats
            else None
        ),
        "notes": data.notes,
    }

    profiles = gate_profiles(
        model, model_inputs(sample.rois, data.wavelet), sample.labels
    )
    if len(profiles):
        with replacing(out / "gates.csv") as partial:
            profiles.to_csv(partial, index=False, lineterminator="\n")
        write_gate_figure(profiles, out / "gates.png")
    _galleries(model, data, sample, heat, masks, p, out / f"{args.method}.png")
    write_json(out / "scores.json", results)

    say(score_record.format_scores(results))
    warn([*data.notes, *([mask_note] if mask_note else [])])
    say(f"Written: {out}")
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.method not in METHODS:
        raise unknown_name("--method", args.method, METHODS)
    others = ("patch", "stride") if args.method == "gradcam" else ("layer",)
    for flag in others:
        if getattr(args, flag) is not None:
            raise UserError(
                f"--{flag}. Received: {getattr(args, flag)} with --method "
                f"{args.method}; expected it with the other method only."
            )


def _method(
    args: argparse.Namespace, model: keras.Model, data: RunData, sample: RoiSample
) -> tuple[Callable[[keras.Model], Heat], dict[str, Any]]:
    """Returns the function that explains a network, and its settings for the record."""
    from keras_wa.explain.feature_map import find_feature_map
    from keras_wa.explain.gradcam import grad_cam
    from keras_wa.explain.model_inputs import model_inputs, roi_probability
    from keras_wa.explain.occlusion import occlusion_maps, patch_and_stride
    from keras_wa.explain.scores import as_heat

    height, width = sample.pixels.shape[1:]
    if args.method == "gradcam":
        inputs = model_inputs(sample.rois, data.wavelet)
        layer, feature_map = find_feature_map(model, args.layer)
        record = {"layer": layer, "map_size": list(feature_map.shape[1:3])}
        return (
            lambda network: grad_cam(
                network, inputs, layer, size=(height, width), progress=True
            ),
            record,
        )

    patch, stride = patch_and_stride(min(height, width), args.patch, args.stride)

    def occlude(network: keras.Model) -> Heat:
        drops = occlusion_maps(
            roi_probability(network, data.wavelet),
            sample.rois,
            patch,
            stride,
            progress=True,
        )
        return as_heat(drops)

    return occlude, {"patch": patch, "stride": stride}


def _localisation(
    heat: Heat,
    random_heats: list[Heat],
    masks: list[Mask | None],
    sample: RoiSample,
    args: argparse.Namespace,
) -> dict[str, Any] | None:
    """Scores heat maps against the masks, over all ROIs and for each class."""
    from keras_wa.explain.score_record import localisation

    has_mask = np.array([mask is not None for mask in masks])
    results = {}
    for name, part in (
        ("all", has_mask),
        ("benign", has_mask & (sample.labels == 0)),
        ("malignant", has_mask & (sample.labels == 1)),
    ):
        if part.any():
            results[name] = localisation(
                heat[part],
                [maps[part] for maps in random_heats],
                np.stack([masks[i] for i in np.flatnonzero(part)]),  # type: ignore[misc]
                sample.patients[part],
                args.tolerance,
            )
    return results or None


def _deletion(
    probability: Callable[..., NDArray[np.float64]], sample: RoiSample, heat: Heat
) -> dict[str, Any]:
    from keras_wa.explain import score_record
    from keras_wa.explain.deletion import deletion_curves, random_heat

    cell = max(1, round(_CELL * min(heat.shape[1:])))
    at_random = random_heat(heat.shape, cell, SEED)
    curves, random_curves = (
        deletion_curves(probability, sample.rois, order, progress=True)
        for order in (heat, at_random)
    )
    return score_record.deletion(curves, random_curves, sample.labels, sample.patients)


def _galleries(
    model: keras.Model,
    data: RunData,
    sample: RoiSample,
    heat: Heat,
    masks: list[Mask | None],
    p: NDArray[np.float64],
    path: Path,
) -> None:
    """Draws the first ROIs of each class, which are not selected by appearance."""
    from keras_wa.explain.figures import gallery, panels
    from keras_wa.explain.subbands import (
        image_wavelet,
        subband_pictures,
        write_subband_figure,
    )
    from keras_wa.files import replacing

    # Different patients first, since the ROIs of one patient look alike.
    varied = np.argsort(sample.cases["patient_id"].duplicated(), kind="stable")
    shown = [
        i for label in (1, 0) for i in varied[sample.labels[varied] == label][:_SHOWN]
    ]
    captions = [
        f"{sample.cases['roi_id'][i]}\n{('benign', 'malignant')[sample.labels[i]]}\n"
        f"p(malignant) = {p[i]:.3f}"
        for i in shown
    ]
    wavelet = data.wavelet or image_wavelet(model)
    bands = subband_pictures(sample.rois[shown], wavelet) if wavelet else None
    each_bands = [None] * len(shown) if bands is None else bands
    rows = [
        (caption, panels(sample.pixels[i], each, heat[i], masks[i], "heat"))
        for i, caption, each in zip(shown, captions, each_bands, strict=True)
    ]
    title = f"{path.stem} · {data.config.model} · {data.config.dataset}"
    with replacing(path) as partial:
        gallery(rows, title).savefig(partial)
    if wavelet:
        write_subband_figure(
            sample.rois[shown], wavelet, captions, path.with_name("subbands.png")
        )
