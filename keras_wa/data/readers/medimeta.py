"""MedIMeta's crops of CBIS-DDSM: `mammo_calc` and `mammo_mass` (Woerner et al.)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import xxhash

from keras_wa.data.dataset import Dataset, Roi
from keras_wa.data.finalizing import choose_lesion, finish_cases
from keras_wa.data.io import open_image
from keras_wa.data.options import ReadOptions
from keras_wa.data.readers.medimeta_annotations import read_annotations
from keras_wa.data.readers.medimeta_files import (
    CLASSES,
    HDF5,
    IMAGES,
    Info,
    check_hdf5,
    find_folder,
    read_info,
    read_labels,
    read_splits,
)
from keras_wa.errors import UserError, in_one_line


def read_medimeta(
    data_dir: str | os.PathLike[str], options: ReadOptions, seed: int = 0
) -> Dataset:
    """Reads `mammo_calc` or `mammo_mass` of MedIMeta: one row per crop.

    The split is that of MedIMeta, with validation. The crops are read from `images/`,
    or from `images.hdf5` without that folder.

    Args:
        data_dir: the folder with `info.yaml`, or a folder with exactly one such folder.
        options: `lesion` must be that of the folder, or `all`. `crop`, `field_mm` and
            `pixel_spacing` have no effect.
        seed: not used.

    Returns:
        The dataset; its paths are in `crop_path`. Absent crops and invalid lines of
        `annotations.csv` are in `skipped`.

    Raises:
        UserError: a file is missing or damaged, the parts of the split overlap or leave
            a crop out, labels do not match, or nothing is left.
    """
    if options.drop_without_callback:
        raise UserError(
            "`drop_without_callback`: MedIMeta's labels do not tell "
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
    rows: list[dict[str, Any]] = []
    lost: list[dict[str, Any]] = []
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
            skipped.append((path, "the image is not there."))
            lost.append(row)
        else:
            rows.append(row)
    kept, chosen = choose_lesion(rows, options.lesion)
    cases, _, left_out = finish_cases(
        kept, str(root), skipped, seed, options.patients_apart, lost
    )
    height, width = info.size
    return Dataset(
        name="medimeta",
        cases=cases,
        read=_hdf5_reader(root) if from_hdf5 else _file_reader(root, info, options),
        source={
            "lesion": options.lesion,
            "for_processing": options.for_processing,
            "bits_stored": options.bits_stored,
        },
        root=root,
        split="MedIMeta's own",
        notes=[
            f"MedIMeta: the ROI is the published crop of {height} by {width} pixels; "
            "`crop`, `field_mm` and `pixel_spacing` have no effect. Lesions of more "
            "than 224 pixels of the film were scaled down, so that the magnification "
            "tells their size. BENIGN_WITHOUT_CALLBACK is among the benign.",
            *notes,
            *chosen,
            *left_out,
        ],
        skipped=skipped,
    )


def _file_reader(
    root: Path, info: Info, options: ReadOptions
) -> Callable[[pd.Series], Roi]:
    def read(row: pd.Series) -> Roi:
        name = row["crop_path"]
        image = open_image(root / name, options.for_processing, options.bits_stored)
        if image.shape != info.size:
            raise UserError(
                f"{root / name}: size of the image. Received: {image.shape[0]} by "
                f"{image.shape[1]} pixels; expected {info.size[0]} by {info.size[1]}, "
                "the input_size of info.yaml. Unpack the archive again."
            )
        facts: dict[str, Any] = {"sources": {name: image.digest}}
        if image.notes:
            facts["notes"] = list(image.notes)
        return Roi(image.grey(), facts)

    return read


def _hdf5_reader(root: Path) -> Callable[[pd.Series], Roi]:
    import h5py

    path = root / HDF5

    def read(row: pd.Series) -> Roi:
        name = row["roi_id"]
        try:
            with h5py.File(path, "r") as file:
                pixels = file[IMAGES][int(name)]
        except (OSError, KeyError) as error:
            raise UserError(
                f"{path}: image {name} cannot be read ({in_one_line(error)}). "
                "Expected: the file as published; unpack the archive again."
            ) from error
        # Of the pixels: all crops share the file.
        digest = xxhash.xxh3_128_hexdigest(pixels.tobytes())
        return Roi(pixels, {"sources": {f"{HDF5}/{name}": digest}})

    return read
