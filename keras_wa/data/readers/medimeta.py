"""MedIMeta's crops of CBIS-DDSM: `mammo_calc` and `mammo_mass` (Woerner et al.)."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pandas as pd
import xxhash

from keras_wa.data.cropping import whole_roi
from keras_wa.data.dataset import Dataset, Pixels, Roi
from keras_wa.data.finalizing import Row, build_dataset
from keras_wa.data.options import ReadOptions
from keras_wa.data.readers.medimeta_annotations import read_annotations
from keras_wa.data.readers.medimeta_files import (
    CLASSES,
    HDF5,
    IMAGES,
    check_hdf5,
    find_folder,
    read_as,
    read_info,
    read_labels,
    read_splits,
)
from keras_wa.errors import UserError


def read_medimeta(
    data_dir: str | os.PathLike[str], options: ReadOptions, seed: int = 0
) -> Dataset:
    """Reads `mammo_calc` or `mammo_mass` of MedIMeta: one row per crop.

    `data_dir` is the folder with `info.yaml`, or has exactly one such folder. The split
    is that of MedIMeta, with validation. The crops are read from `images/`, or from
    `images.hdf5` without that folder; the paths are in `crop_path`. `lesion` must be
    that of the folder, or `all`; `crop`, `field_mm` and `pixel_spacing` have no effect.

    Raises:
        UserError: a file is missing or damaged, the parts of the split overlap or leave
            a crop out, labels do not match, or nothing is left.
    """
    if options.drop_without_callback:
        raise UserError(
            "`drop_without_callback`: MedIMeta's labels do not separate "
            "BENIGN_WITHOUT_CALLBACK from BENIGN. Read CBIS-DDSM itself, "
            "or leave it out."
        )
    root = find_folder(Path(data_dir))
    info = read_info(root)
    labels = read_labels(root, info)
    images = read_splits(root, len(labels))
    from_hdf5 = not (root / IMAGES).is_dir()
    if from_hdf5 and options.require_files:
        check_hdf5(root, info, len(labels))
    annotations, skipped, notes = read_annotations(root, images, labels, info)
    rows: list[Row] = []
    lost: list[Row] = []
    for index, label in enumerate(labels):
        path, part = images[index]
        row = {
            "roi_id": Path(path).stem,
            "lesion_type": info.lesion,
            "label": label,
            "pathology": CLASSES[label],
            "split": part,
            "crop_path": HDF5 if from_hdf5 else path,
            **annotations.get(path, {}),
        }
        absent = not from_hdf5 and not os.path.isfile(root / path)
        if path not in annotations:
            lost.append(row)
        elif absent and options.require_files:
            skipped.append((path, "the image is missing."))
            lost.append(row)
        else:
            rows.append(row)
    height, width = info.size

    def read(row: pd.Series) -> Roi:
        if from_hdf5:
            return _read_hdf5(root / HDF5, row["roi_id"])
        return whole_roi(root, row["crop_path"], options, info.size)

    dataset = build_dataset(
        "medimeta",
        root,
        rows,
        read,
        options,
        seed,
        skipped=skipped,
        lost=lost,
        notes=[
            f"MedIMeta: the ROI is the published crop of {height} by {width} pixels; "
            "`crop`, `field_mm` and `pixel_spacing` have no effect. Lesions of more "
            "than 224 pixels of the film were scaled down, so that the magnification "
            "reveals their size. BENIGN_WITHOUT_CALLBACK is among the benign.",
            *notes,
        ],
    )
    source = {
        name: dataset.source[name]
        for name in ("lesion", "for_processing", "bits_stored")
    }
    return dataclasses.replace(dataset, source=source, split="MedIMeta's own")


def _read_hdf5(path: Path, name: str) -> Roi:
    import h5py

    def read(path: Path) -> Pixels:
        with h5py.File(path, "r") as file:
            return file[IMAGES][int(name)]

    pixels = read_as(path, f"image {name}", read)
    # Of the pixels: all crops share the file.
    digest = xxhash.xxh3_128_hexdigest(pixels.tobytes())
    return Roi(pixels, {"sources": {f"{HDF5}/{name}": digest}})
