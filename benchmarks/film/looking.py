"""What a network that was trained on the phantom alone looks at in real patches.

    python -m benchmarks.film.looking --model FILE.keras --patches DIR --figure PNG

`--model` is `phantom.keras` or `films.keras` of `python -m benchmarks.transfer`. Prints
how often the hottest pixel of Grad-CAM and of occlusion lies within two pixels of a
bright spot, beside uniform heat; and draws the surest answers, right and wrong.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np

from benchmarks.film.fields import PATCH_MM
from benchmarks.film.particles import particle_mask
from benchmarks.film.presence import real_patches, scores
from keras_wa.explain.figures import gallery, panels
from keras_wa.explain.gradcam import grad_cam
from keras_wa.explain.occlusion import occlusion_maps
from keras_wa.explain.scores import as_heat, mask_share, pointing_game

_TOLERANCE, _ROWS = 2.0, 3


def main() -> None:
    """Prints the shares, and draws the figure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.film.looking",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for flag in ("--model", "--patches", "--figure"):
        parser.add_argument(flag, type=Path, metavar="PATH", required=True)
    args = parser.parse_args()
    model = keras.models.load_model(args.model)
    patches = real_patches(args.patches)
    x = patches.inputs()
    p = scores(model, x)
    rois = np.rint(255 * x[..., 0]).astype(np.uint8)
    order = np.argsort(-p)
    kinds = {
        "found": order[patches.y[order] == 1],
        "false alarm": order[patches.y[order] == 0],
        "missed": order[::-1][patches.y[order[::-1]] == 1],
    }
    shown = np.concatenate([found[:_ROWS] for found in kinds.values()])
    positive = np.flatnonzero(patches.y == 1)
    masks = np.array([particle_mask(roi, PATCH_MM) for roi in rois])
    seen = positive[masks[positive].any((1, 2))]
    wanted = np.concatenate([shown, seen])
    heats = {
        "Grad-CAM": grad_cam(model, x[wanted]),
        "Occlusion": as_heat(
            occlusion_maps(
                lambda part: scores(model, part[..., None]), x[wanted, ..., 0]
            )
        ),
    }
    n = len(shown)
    print(f"{len(seen)} of {len(positive)} positive patches have a bright spot")
    for name, heat in heats.items():
        hits = pointing_game(heat[n:], masks[seen], _TOLERANCE)
        print(f"{name}: {hits.mean():.2f}")
    print(f"uniform heat: {mask_share(masks[seen], _TOLERANCE).mean():.2f}")
    rows = []
    for k, (kind, row) in enumerate(
        zip(np.repeat(list(kinds), _ROWS), shown, strict=True)
    ):
        pictures = {"patch": _stretched(rois[row])}
        for name, heat in heats.items():
            pictures |= panels(pictures["patch"], heat=heat[k], method=name)
        rows.append((f"{kind}\n{patches.groups[row]}, p = {p[row]:.2f}", pictures))
    gallery(rows).savefig(args.figure)


def _stretched(roi: np.ndarray) -> np.ndarray:
    low, high = int(roi.min()), int(roi.max())
    return ((roi - low) * (255 / max(high - low, 1))).astype(np.uint8)


if __name__ == "__main__":
    main()
