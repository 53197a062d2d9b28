"""Loading the ROIs of a run and of each part of its split."""

from __future__ import annotations

import dataclasses
import functools
import os
from pathlib import Path

import numpy as np
import pandas as pd

from keras_wa.data import split_cases
from keras_wa.data.classes import class_indices, require_every_class
from keras_wa.data.leaky_splits import LEAKY_SPLITS
from keras_wa.data.lesions import OtherViews, lesion_indices, views_note
from keras_wa.data.loading import enhanced_images, load_store
from keras_wa.data.pipeline.augmentation import NO_AUGMENTATION, Augmentation
from keras_wa.data.pipeline.copies import CopiedImages, copied_images
from keras_wa.data.pipeline.digests import pixel_digests
from keras_wa.data.pipeline.npy_file import read_images
from keras_wa.data.pipeline.plan import TrainingPlan, class_weights
from keras_wa.data.pipeline.rois import FreshPhantom, Pixels, Rois
from keras_wa.data.pipeline.store import PreparedStore
from keras_wa.data.splits import split_origin
from keras_wa.errors import UserError
from keras_wa.training.config import TrainConfig
from keras_wa.training.run import Run

PHANTOM_CLASSES_NOTICE = (
    "Three classes of a phantom: which benign ROI was without callback is drawn at "
    "random, so no model can tell these two classes apart."
)
"""The note with every result on three classes of the phantom."""


@dataclasses.dataclass(frozen=True)
class RunData:
    """The ROIs of a run.

    Attributes:
        config: settings that the ROIs were prepared with.
        cases: case table with the run's split; row i belongs to image i.
        images: enhanced ROIs, uint8 `(N, size, size)`, memory-mapped; copies of them
            for the split `augmented-first`.
        raw: the same ROIs before enhancement.
        store: folder of the prepared store.
        split_origin: origin of the split, see `keras_wa.data.splits.split_origin`.
        notes: sentences to show with every result.
    """

    config: TrainConfig
    cases: pd.DataFrame
    images: Pixels | CopiedImages
    raw: Pixels | CopiedImages
    store: Path
    split_origin: str
    notes: list[str]

    def part(self, split: str) -> Rois:
        """Returns the ROIs of `train`, `val` or `test`, in the order of the case table.

        Their labels are class indices, 0 to `config.classes - 1`.
        """
        rows = np.flatnonzero(self.cases["split"].to_numpy() == split)
        labels = class_indices(self.cases, self.config.classes)[rows]
        images, raw = self.images, self.raw_part(split)
        if isinstance(images, CopiedImages):
            return Rois(lambda at: images[rows[at]], labels, raw.__getitem__)
        return Rois(lambda at: read_images(images, rows[at]), labels, raw.__getitem__)

    def raw_part(self, split: str) -> CopiedImages:
        """Returns the ROIs of `part(split)` before enhancement, read when needed."""
        rows = np.flatnonzero(self.cases["split"].to_numpy() == split)
        if isinstance(self.raw, CopiedImages):
            return self.raw.view(rows)
        return CopiedImages.take(self.raw, rows)

    def cases_of(self, split: str) -> pd.DataFrame:
        """Returns the case table of one part; row i is ROI i of `part(split)`."""
        return self.cases[self.cases["split"] == split].reset_index(drop=True)

    def lesions_of(self, split: str) -> np.ndarray | None:
        """Returns the index of each ROI's lesion in one part; None for one view.

        See `keras_wa.data.lesions.lesion_indices`.
        """
        if self.config.views == "one":
            return None
        # Of the whole table: a leaking split may divide a lesion.
        return lesion_indices(self.cases)[self.cases["split"] == split]

    def require_cases_of(self, split: str) -> pd.DataFrame:
        """Returns the case table of one part, which must not be empty.

        Raises:
            UserError: the part is empty.
        """
        cases = self.cases_of(split)
        if cases.empty:
            present = ", ".join(sorted(self.cases["split"].unique()))
            raise UserError(f"No ROI is in the split {split!r}; there are: {present}.")
        return cases

    @functools.cached_property
    def pixels(self) -> list[str]:
        """A digest of the pixels of each ROI before enhancement.

        A copy has the digest of its source.
        """
        if not isinstance(self.raw, CopiedImages):
            return pixel_digests(self.raw)
        digests = pixel_digests(self.raw.source)
        return [digests[row] for row in self.raw.rows]

    @property
    def wavelet(self) -> str | None:
        """The wavelet that the pipeline applies; `None` if the model applies it."""
        return self.config.input_wavelet

    def training_plan(self, share: tuple[int, int] = (0, 1)) -> TrainingPlan:
        """Plans the ROIs of each training step; `share` as in `TrainingPlan`."""
        config, train, views = self.config, self.part("train"), 1
        if config.views == "two":
            views, cases = 2, self.cases_of("train")
            others = OtherViews.of(cases, self.lesions_of("train"))
            train = dataclasses.replace(train, other_views=others)
        source = (
            FreshPhantom(
                config.phantom_spec(), len(train), config.enhancement(), config.classes
            )
            if config.fresh_rois
            else lambda epoch: train
        )
        balanced = class_weights(train.labels, config.classes)
        return TrainingPlan(
            source=source,
            n=len(train),
            image_size=config.image_size,
            batch_size=config.batch_size,
            seed=config.seed,
            augmentation=_augmentation(config),
            enhancement=config.enhancement(),
            weights=balanced if config.class_weights else np.ones_like(balanced),
            wavelet=self.wavelet,
            views=views,
            share=share,
        )


def load_data(config: TrainConfig, progress: bool = True) -> RunData:
    """Loads a config's dataset and its split; prepares the dataset if needed.

    Args:
        config: settings with `dataset` set.
        progress: whether to draw progress bars.

    Raises:
        UserError: the dataset, the store or the split is invalid.
    """
    store = load_store(config, progress)
    if config.split == "official":
        _require_training_part(store)
    cases = split_cases(
        store.cases,
        config.split,
        seed=config.data_seed,
        val_fraction=config.validation,
        k=config.folds,
        fold=config.fold,
    )
    require_every_class(cases, config.classes)
    notes = [*store.notes, *_validation_note(store.cases, config)]
    if config.classes == 3 and config.dataset == "phantom":
        notes.append(PHANTOM_CLASSES_NOTICE)
    if config.split in LEAKY_SPLITS:
        notes.append(LEAKY_SPLITS[config.split])
    if config.views == "two":
        notes.append(views_note(cases))
    images, raw = enhanced_images(store, config, progress), store.images
    origin = split_origin(
        config.split,
        store.manifest["split"],
        config.data_seed,
        config.folds,
        config.fold,
    )
    if config.split != "augmented-first":
        return RunData(config, cases, images, raw, store.path, origin, notes)
    copies = [copied_images(each, store.cases, cases) for each in (images, raw)]
    return RunData(config, cases, copies[0], copies[1], store.path, origin, notes)


def _validation_note(cases: pd.DataFrame, config: TrainConfig) -> list[str]:
    """Returns a sentence about how the dataset's own validation part is used."""
    rois = int((cases["split"] == "val").sum())
    if not rois:
        return []
    if config.split == "official":
        return [
            f"Validation is the data set's own part, {rois} ROIs; `validation` has no "
            "effect."
        ]
    return [
        f"The data set's own split, with its validation part of {rois} ROIs, is not "
        f"used: `split={config.split!r}` draws a new one."
    ]


def _require_training_part(store: PreparedStore) -> None:
    parts = sorted(set(store.cases["split"]))
    if "train" in parts:
        return
    # The dataset's notes name the lists that are missing.
    why = [note for note in store.notes if "training" in note]
    raise UserError(
        f"The data set has no training part. Received: {' and '.join(parts)} only; "
        f"expected ROIs to train on. {' '.join(why)}".strip()
    )


def load_data_of(
    run: Run, allow_changed_data: bool = False, progress: bool = True
) -> RunData:
    """Loads the data of an existing run, and checks that they have not changed.

    Args:
        run: the run.
        allow_changed_data: see `Run.require_same_data`, which gives further notes.
        progress: whether to draw progress bars.

    Raises:
        UserError: see `load_data`; or the data are missing or have changed.
    """
    for place, name in (
        (run.config.data_dir, "data_dir"),
        (run.config.case_lists, "case_lists"),
    ):
        if place is not None and not os.path.exists(place):
            raise UserError(
                f"{os.path.abspath(place)}: the data of {run.path} are missing. "
                "Expected: the folder or table that it was trained on. Restore it, or "
                f"give its new location as `{name}`."
            )
    data = load_data(run.config, progress)
    notes = run.require_same_data(data.cases, data.pixels, allow_changed_data)
    data.notes.extend(notes)
    return data


def _augmentation(config: TrainConfig) -> Augmentation:
    if not config.augment:
        return NO_AUGMENTATION
    return Augmentation(
        rotation=config.rotation,
        scale=config.scale,
        brightness=config.brightness,
        contrast=config.contrast,
        gamma=config.gamma,
        random_clahe=config.random_clahe,
    )
