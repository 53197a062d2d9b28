"""Explains a trained run on ROIs of its split and writes the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_wa.data.loading import load_dataset
from keras_wa.errors import UserError, unknown_name
from keras_wa.evaluate.roi_sample import Mask, RoiSample, draw_sample, read_masks
from keras_wa.explain import score_record
from keras_wa.explain.deletion import deletion_curves, random_heat
from keras_wa.explain.figures import gallery, panels
from keras_wa.explain.gates import gate_profiles, write_gate_figure
from keras_wa.explain.gradcam import explained_maps, grad_cam
from keras_wa.explain.model_inputs import model_inputs, roi_probability
from keras_wa.explain.occlusion import occlusion_maps, patch_and_stride
from keras_wa.explain.randomisation import reinitialised
from keras_wa.explain.scores import Heat, as_heat
from keras_wa.explain.subbands import (
    image_wavelet,
    subband_pictures,
    write_subband_figure,
)
from keras_wa.files import make_folder, replacing, write_json
from keras_wa.training.best import load_best
from keras_wa.training.data import RunData, load_data_of
from keras_wa.training.run import Run

METHODS = ("gradcam", "occlusion")
# Seed of the drawn ROIs, of the random networks and of all intervals.
_SEED = 0
# Number of ROIs of each class in the galleries.
_SHOWN = 4
# The cells of a Grad-CAM map have about this part of the ROI's side.
_CELL = 1 / 8


def explain_run(
    run: Run,
    split: str = "test",
    n: int = 200,
    method: str = "gradcam",
    *,
    layer: str | None = None,
    patch: int | None = None,
    stride: int | None = None,
    tolerance: float = 0.0,
    random: int = 3,
    out: str | Path | None = None,
    allow_changed_data: bool = False,
) -> tuple[Path, dict[str, Any]]:
    """Computes heat maps of a run's best model, scores them and writes the results.

    Writes `scores.json`, galleries, and the gates of a network that has some.

    Args:
        run: a run with a best model.
        split: `train`, `val` or `test`.
        n: number of ROIs, drawn at random.
        method: `"gradcam"` or `"occlusion"`.
        layer: for Grad-CAM: layer whose feature map is explained, see
            `find_feature_map`.
        patch: for occlusion: side of the patch, pixels; by default an eighth of the
            ROI.
        stride: for occlusion: step between patches, pixels; by default half a patch.
        tolerance: for the pointing game: distance from the mask that still counts as a
            hit, pixels.
        random: number of networks with random weights to compare with.
        out: the folder, by default `evaluation/<split>/explain` of the run, or
            `explain-occlusion`.
        allow_changed_data: continue, with a note in the results, if ROIs have other
            pixels than in training.

    Returns:
        The folder, and the content of `scores.json`.

    Raises:
        UserError: a setting is unknown, out of range or of the other method; no epoch
            was completed; the data have changed; the part is empty; or the folder
            cannot be made.
    """
    if method not in METHODS:
        raise unknown_name("`method`", method, METHODS)
    others = (
        {"patch": patch, "stride": stride} if method == "gradcam" else {"layer": layer}
    )
    for name, value in others.items():
        if value is not None:
            raise UserError(
                f"`{name}` belongs to the other method. Received: {name}={value!r}, "
                f"method={method!r}; leave it out, or give the other method."
            )
    model = load_best(run)
    data = load_data_of(run, allow_changed_data)
    sample = draw_sample(data, split, n, _SEED)
    if method == "gradcam":
        explain, settings = _grad_cam(model, data, sample, layer)
    else:
        explain, settings = _occlusion(data, sample, patch, stride)
    name = "explain" if method == "gradcam" else f"explain-{method}"
    folder = make_folder(out or run.evaluation(split) / name)

    heat = explain(model)
    random_heats = [explain(reinitialised(model, _SEED + i)) for i in range(random)]
    masks, mask_note = read_masks(load_dataset(run.config), sample)
    probability = roi_probability(model, data.wavelet)
    results: dict[str, Any] = {
        "dataset": run.config.dataset,
        "model": run.config.model_title,
        "split": split,
        "split_origin": data.split_origin,
        "method": method,
        **settings,
        "n_rois": len(sample.cases),
        "n_patients": int(sample.cases["patient_id"].nunique()),
        "seed": _SEED,
        "empty_maps": int((heat.max(axis=(1, 2)) == 0).sum()),
        "localisation": _localisation(heat, random_heats, masks, sample, tolerance),
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
        with replacing(folder / "gates.csv") as partial:
            profiles.to_csv(partial, index=False, lineterminator="\n")
        write_gate_figure(profiles, folder / "gates.png")
    p = probability(sample.rois)
    _galleries(model, data, sample, heat, masks, p, folder / f"{method}.png")
    write_json(folder / "scores.json", results)
    return folder, results


def _grad_cam(
    model: keras.Model, data: RunData, sample: RoiSample, layer: str | None
) -> tuple[Callable[[keras.Model], Heat], dict[str, Any]]:
    """Returns the function that explains a network, and its settings for the record."""
    inputs = model_inputs(sample.rois, data.wavelet)
    size = sample.pixels.shape[1:]
    (_, name, feature_map), *others = explained_maps(model, layer)
    names = ", ".join([name, *(other for _, other, _ in others)])
    settings = {"layer": names, "map_size": list(feature_map.shape[1:3])}
    return (
        lambda network: grad_cam(network, inputs, layer, size=size, progress=True),
        settings,
    )


def _occlusion(
    data: RunData, sample: RoiSample, patch: int | None, stride: int | None
) -> tuple[Callable[[keras.Model], Heat], dict[str, Any]]:
    """Returns the function that explains a network, and its settings for the record."""
    side, step = patch_and_stride(min(sample.pixels.shape[1:]), patch, stride)

    def occlude(network: keras.Model) -> Heat:
        probability = roi_probability(network, data.wavelet)
        drops = occlusion_maps(probability, sample.rois, side, step, progress=True)
        return as_heat(drops)

    return occlude, {"patch": side, "stride": step}


def _localisation(
    heat: Heat,
    random_heats: list[Heat],
    masks: list[Mask | None],
    sample: RoiSample,
    tolerance: float,
) -> dict[str, Any] | None:
    """Scores heat maps against the masks, over all ROIs and for each class."""
    has_mask = np.array([mask is not None for mask in masks])
    results = {}
    for name, part in (
        ("all", has_mask),
        ("benign", has_mask & (sample.labels == 0)),
        ("malignant", has_mask & (sample.labels == 1)),
    ):
        if part.any():
            results[name] = score_record.localisation(
                heat[part],
                [maps[part] for maps in random_heats],
                np.stack([masks[i] for i in np.flatnonzero(part)]),  # type: ignore[misc]
                sample.patients[part],
                tolerance,
            )
    return results or None


def _deletion(
    probability: Callable[..., NDArray[np.float64]], sample: RoiSample, heat: Heat
) -> dict[str, Any]:
    cell = max(1, round(_CELL * min(heat.shape[1:])))
    at_random = random_heat(heat.shape, cell, _SEED)
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
    title = f"{path.stem} · {data.config.model_title} · {data.config.dataset}"
    with replacing(path) as partial:
        gallery(rows, title).savefig(partial)
    if wavelet:
        write_subband_figure(
            sample.rois[shown], wavelet, captions, path.with_name("subbands.png")
        )
