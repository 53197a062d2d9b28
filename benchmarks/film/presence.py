"""Patches with and without microcalcifications, of film and of the phantom."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import keras
import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks.film.fields import (
    FIELD_MM,
    PATCH_MM,
    crops,
    drawn_patches,
    film_fields,
    shrunk,
)
from keras_wa.phantom import PhantomSpec, phantom_cases
from keras_wa.phantom.background import insert_lesion, noise_ratio

Array = np.ndarray

SIDE = 64
"""Of a network's input, pixels."""
FOLDS = 5
_PATCH = 60
_PATIENT = re.compile(r"\d+[a-z]")


@dataclasses.dataclass(frozen=True)
class Patches:
    """Patches of a source.

    Attributes:
        pixels: uint8 `(n, 60, 60)`.
        y: int `(n,)`, 1 with microcalcifications.
        groups: str `(n,)`, the patient of each.
    """

    pixels: Array
    y: Array
    groups: Array

    def __getitem__(self, rows: Array) -> Patches:
        return Patches(self.pixels[rows], self.y[rows], self.groups[rows])

    def inputs(self) -> Array:
        """Returns the inputs of a network, float32 `(n, 64, 64, 1)` in [0, 1]."""
        edge = (SIDE - self.pixels.shape[1]) // 2
        padded = np.pad(self.pixels, ((0, 0), (edge, edge), (edge, edge)), "reflect")
        return padded[..., None].astype(np.float32) / 255


def real_patches(folder: Path) -> Patches:
    """Reads the patches of film, each once: some lie there under two patients."""
    pixels, y, groups = [], [], []
    for label in (0, 1):
        names = [path.name for path in sorted((folder / str(label)).glob("*"))]
        pixels += crops(folder / str(label), "*")
        y += [label] * len(names)
        groups += [_PATIENT.match(name)[0] for name in names]
    _, first = np.unique([each.tobytes() for each in pixels], return_index=True)
    found = Patches(np.array(pixels), np.array(y), np.array(groups))
    return found[np.sort(first)]


def phantom_patches(n: int, seed: int) -> Patches:
    """Draws `n` pairs of phantom patches, one of a pair with its calcifications."""
    drawn = [drawn_patches(n, lesion, seed) for lesion in (False, True)]
    return _pairs(*drawn)


def inserted_in_films(n: int, seed: int) -> Patches:
    """Inserts phantom calcifications into fields of the eight films."""
    size = round(FIELD_MM / PATCH_MM)
    tissue = [shrunk(each, size) for of in film_fields().values() for each in of]
    spec = PhantomSpec(seed, size=size)
    rng = np.random.default_rng(seed)
    rows = phantom_cases(spec, n).to_dict("records")
    ratios = [noise_ratio(each, spec.pixel_mm) for each in tissue]
    without, with_lesion = [], []
    for row in rows:
        k = rng.integers(len(tissue))
        field = np.ascontiguousarray(np.rot90(tissue[k], rng.integers(4)))
        lesion = insert_lesion(spec, row, field, ratios[k])
        top, left = _corner(lesion != field, rng)
        box = np.s_[top : top + _PATCH, left : left + _PATCH]
        without.append(field[box])
        with_lesion.append(lesion[box])
    return _pairs(without, with_lesion)


def _corner(mineral: Array, rng: np.random.Generator) -> tuple[int, int]:
    """Returns the corner of a patch with mineral in it, 10 pixels from its edge."""
    places = np.argwhere(mineral)
    if not len(places):  # Fainter than half a grey level.
        places = np.array([[side // 2 for side in mineral.shape]])
    at = places[rng.integers(len(places))] - rng.integers(10, _PATCH - 10, 2)
    top, left = np.clip(at, 0, np.array(mineral.shape) - _PATCH)
    return int(top), int(left)


def _pairs(without: Sequence[Array], with_lesion: Sequence[Array]) -> Patches:
    n = len(without)
    groups = np.array([f"phantom {k}" for k in range(n)] * 2)
    return Patches(np.array([*without, *with_lesion]), np.repeat([0, 1], n), groups)


def folds(patches: Patches, seed: int) -> Iterator[tuple[Array, Array]]:
    """Yields rows for training and for test, by patient."""
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    yield from splitter.split(patches.pixels, patches.y, patches.groups)


def compiled(model: keras.Model, steps: int, rate: float = 1e-3) -> keras.Model:
    """Compiles a classifier for Adam, with a tenth of the steps to warm up."""
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 10, steps - steps // 10, warmup_target=rate, warmup_steps=steps // 10
    )
    model.compile(
        keras.optimizers.Adam(schedule),
        "sparse_categorical_crossentropy",
        jit_compile=False,  # XLA is slower on a processor.
    )
    return model


def fit(
    model: keras.Model, x: Array, y: Array, steps: int, seed: int, batch: int = 32
) -> None:
    """Trains on flipped and turned images; both classes weigh the same."""
    rng = np.random.default_rng(seed)
    share = np.bincount(y) / len(y)

    def batches() -> Iterator[tuple[Array, Array, Array]]:
        while True:
            rows = rng.integers(len(x), size=batch)
            turned = np.stack([np.rot90(x[k], rng.integers(4)) for k in rows])
            if rng.random() < 0.5:
                turned = turned[:, :, ::-1]
            yield turned, y[rows], (0.5 / share[y[rows]]).astype(np.float32)

    model.fit(batches(), steps_per_epoch=steps, epochs=1, verbose=0)


def scores(model: keras.Model, x: Array) -> Array:
    """Returns the probability of class 1, `(n,)`."""
    return np.asarray(model.predict(x, batch_size=64, verbose=0))[:, 1]


def kept(path: Path, compute: Callable[[], Array]) -> Array:
    """Returns what an earlier start has computed, or computes it."""
    if not path.exists():
        found = compute()
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, found)
        print(path.stem, flush=True)
    return np.load(path)


cv2.setNumThreads(1)
