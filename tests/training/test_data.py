"""From a config to the ROIs of each part, and what each training step sees."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import xxhash

from keras_wa.data.io.clahe import clahe
from keras_wa.data.leaky_splits import LEAKY_SPLITS
from keras_wa.data.pipeline.rois import Enhancement
from keras_wa.errors import UserError
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import PHANTOM_CLASSES_NOTICE, load_data, load_data_of
from keras_wa.training.run import Run
from tests.data.readers.cbis_ddsm.copies import case_row, write_copy
from tests.data.readers.medimeta_tree import write_medimeta
from tests.tiny_model import SETTINGS


@pytest.fixture
def config(store_dir: Path, tiny_model: None) -> Any:
    """Makes a config like `SETTINGS`, with changes."""
    return lambda **changes: TrainConfig(
        **{**SETTINGS, "store_dir": str(store_dir), **changes}
    )


def test_every_roi_is_in_one_part_and_no_patient_in_two(config: Any) -> None:
    data = load_data(config())
    parts = {split: data.cases_of(split) for split in ("train", "val", "test")}
    assert sum(map(len, parts.values())) == SETTINGS["rois"] == len(data.images)
    patients = [set(part["patient_id"]) for part in parts.values()]
    assert not (patients[0] & patients[1] | patients[0] & patients[2])
    assert not patients[1] & patients[2]


def test_rois_and_labels_of_a_part_are_those_of_its_cases(config: Any) -> None:
    data = load_data(config())
    rois, cases = data.part("val"), data.cases_of("val")
    row_of = {roi: row for row, roi in enumerate(data.cases["roi_id"])}
    rows = [row_of[roi] for roi in cases["roi_id"]]
    assert len(rois) == len(cases)
    np.testing.assert_array_equal(rois.labels, cases["label"].to_numpy(int))
    for read, images in ((rois.read, data.images), (rois.read_raw, data.raw)):
        np.testing.assert_array_equal(read(np.array([3, 0])), images[rows][[3, 0]])


def test_the_images_are_the_raw_ones_after_clahe(config: Any) -> None:
    data = load_data(config(clip_limit=3.0, tiles=4))
    expected = clahe(data.raw[5], 3.0, (4, 4))
    np.testing.assert_array_equal(data.images[5], expected)
    assert not np.array_equal(data.images[5], data.raw[5])


def test_without_enhancement_the_images_are_the_raw_ones(config: Any) -> None:
    data = load_data(config(enhance="none"))
    np.testing.assert_array_equal(data.images, data.raw)


def test_what_becomes_of_a_validation_part_of_its_own_is_said(
    config: Any, tmp_path: Path
) -> None:
    write_medimeta(tmp_path, shape=(32, 32))
    place = {"dataset": "medimeta", "data_dir": str(tmp_path)}
    own = load_data(config(**place))
    assert list(own.cases_of("val")["roi_id"]) == ["000009", "000010"]
    assert own.split_origin == "MedIMeta's own"
    assert own.notes[-1] == (
        "Validation is the data set's own part, 2 ROIs; `validation` has no effect."
    )
    folds = load_data(config(**place, split="patient-kfold", folds=2))
    assert folds.split_origin.startswith("patient-kfold, test fold 0")
    assert folds.notes[-1] == (
        "The data set's own split, with its validation part of 2 ROIs, is not "
        "used: `split='patient-kfold'` draws a new one."
    )
    assert not any("validation" in note for note in load_data(config()).notes)


@pytest.mark.parametrize(("split", "notice"), LEAKY_SPLITS.items())
def test_the_notice_of_a_leaky_split_comes_with_the_data(
    config: Any, split: str, notice: str
) -> None:
    assert notice in load_data(config(split=split)).notes
    assert notice not in load_data(config()).notes


def test_copies_of_the_split_augmented_first_are_exact(config: Any) -> None:
    plain, data = load_data(config()), load_data(config(split="augmented-first"))
    assert len(data.cases) == len(data.images) == len(data.raw) == 6 * SETTINGS["rois"]
    assert data.store == plain.store
    row_of = {roi: row for row, roi in enumerate(plain.cases["roi_id"])}
    for split in ("train", "val", "test"):
        cases = data.cases_of(split)
        found = data.part(split).read(np.arange(len(cases)))
        raw = data.raw[(data.cases["split"] == split).to_numpy()]
        for i, (source, symmetry) in enumerate(
            zip(cases["source_roi_id"], cases["symmetry"], strict=True)
        ):
            row = row_of[source]
            for image, original in ((found[i], plain.images), (raw[i], plain.raw)):
                moved = original[row][:, ::-1] if symmetry >= 4 else original[row]
                np.testing.assert_array_equal(image, np.rot90(moved, symmetry % 4))
        np.testing.assert_array_equal(data.part(split).labels, cases["label"])


def test_a_run_on_copies_knows_its_split_again(config: Any, tmp_path: Path) -> None:
    copies = config(split="augmented-first")
    run = Run.create(tmp_path / "run", copies)
    data = load_data(copies)
    run.begin(data.cases, data.pixels)
    assert len(load_data_of(run).pixels) == len(data.cases)
    for other in (config(), config(split="augmented-first", validation=0.3)):
        changed = dataclasses.replace(run, config=other)
        with pytest.raises(UserError, match="no longer those of the run"):
            load_data_of(changed)


@pytest.mark.parametrize(
    "changes", [{}, {"classes": 3}, {"fresh_rois": True}, {"split": "random-roi"}]
)
def test_each_roi_has_the_digest_of_its_pixels(
    config: Any, changes: dict[str, Any]
) -> None:
    data = load_data(config(**changes))
    expected = [xxhash.xxh3_128_hexdigest(image.tobytes()) for image in data.raw]
    assert data.pixels == expected
    assert len(set(expected)) == len(data.cases)


def test_a_copy_has_the_digest_of_its_source(config: Any) -> None:
    plain, data = load_data(config()), load_data(config(split="augmented-first"))
    expected = dict(zip(plain.cases["roi_id"], plain.pixels, strict=True))
    assert data.pixels == [expected[name] for name in data.cases["source_roi_id"]]


@pytest.mark.parametrize("field", ["data_dir", "case_lists"])
def test_data_that_are_gone_are_named_with_the_flag_of_their_new_place(
    config: Any, tmp_path: Path, field: str
) -> None:
    places = {"data_dir": str(tmp_path), field: str(tmp_path / "gone")}
    run = Run(tmp_path / "run", dataclasses.replace(config(), dataset="cmmd", **places))
    with pytest.raises(UserError, match=rf"gone: the data of .*run.* `{field}`"):
        load_data_of(run)


def test_the_folds_test_every_patient_once(config: Any) -> None:
    tested = [
        set(
            load_data(config(split="patient-kfold", folds=3, fold=fold)).cases_of(
                "test"
            )["patient_id"]
        )
        for fold in range(3)
    ]
    everyone = set(load_data(config()).cases["patient_id"])
    assert sum(map(len, tested)) == len(everyone)
    assert set.union(*tested) == everyone


def test_the_seed_of_the_data_and_of_the_run_are_apart(config: Any) -> None:
    first, second = load_data(config(seed=1)), load_data(config(seed=2))
    assert first.store == second.store
    assert first.cases.equals(second.cases)
    assert load_data(config(data_seed=1)).store != first.store


@pytest.mark.parametrize("weighed", [True, False])
def test_the_plan_is_what_the_config_says(config: Any, weighed: bool) -> None:
    data = load_data(config(class_weights=weighed, augment=False, seed=5))
    plan = data.training_plan()
    labels = data.part("train").labels
    assert (plan.n, plan.batch_size, plan.seed) == (len(labels), 16, 5)
    totals = plan.weights * np.bincount(labels)
    if weighed:
        assert totals[0] == pytest.approx(totals[1])
        assert totals.sum() == pytest.approx(len(labels))
    else:
        np.testing.assert_array_equal(plan.weights, [1, 1])
    _, _, changes = plan.draw(0)
    np.testing.assert_array_equal(changes, np.tile([1, 0, 0, 1, 1, 0], (16, 1)))


def test_the_strength_of_the_augmentation_is_the_configs(config: Any) -> None:
    tones = {"gamma": 0.5, "random_clahe": 0.6, "clip_limit": 3.0, "tiles": 4}
    config = config(rotation=7.0, scale=0.2, brightness=0.3, contrast=0.4, **tones)
    plan = load_data(config).training_plan()
    assert plan.enhancement == Enhancement("clahe", 3.0, 4)
    augmentation = plan.augmentation
    assert augmentation.rotation == 7.0
    assert augmentation.scale == 0.2
    assert augmentation.brightness == 0.3
    assert augmentation.contrast == 0.4
    assert (augmentation.gamma, augmentation.random_clahe) == (0.5, 0.6)


def test_three_classes_are_those_of_the_pathology_in_every_part(config: Any) -> None:
    data = load_data(config(classes=3))
    names = ["BENIGN_WITHOUT_CALLBACK", "BENIGN", "MALIGNANT"]
    for split in ("train", "val", "test"):
        labels, cases = data.part(split).labels, data.cases_of(split)
        assert [names[label] for label in labels] == list(cases["pathology"])
        np.testing.assert_array_equal(labels == 2, cases["label"].to_numpy(int))
    plan = data.training_plan()
    counts = np.bincount(data.part("train").labels)
    np.testing.assert_allclose(plan.weights * counts, counts.sum() / 3)
    assert PHANTOM_CLASSES_NOTICE in data.notes
    assert PHANTOM_CLASSES_NOTICE not in load_data(config()).notes


def test_fresh_rois_of_three_classes_have_three(config: Any) -> None:
    plan = load_data(config(classes=3, fresh_rois=True)).training_plan()
    assert set(plan.source(0).labels) == {0, 1, 2}


def test_fresh_rois_are_others_every_epoch(config: Any) -> None:
    plan = load_data(config(fresh_rois=True)).training_plan()
    everything = np.arange(plan.n)
    first, second = (plan.source(epoch).read(everything[:4]) for epoch in (0, 1))
    assert first.shape == (4, 32, 32)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, plan.source(0).read(everything[:4]))


def test_the_pipeline_knows_its_wavelet_only_where_it_applies_it(config: Any) -> None:
    assert load_data(config()).wavelet is None
    assert load_data(config(dwt="pipeline")).wavelet == "haar"
    options = {"wavelet": "db2"}
    data = load_data(config(dwt="pipeline", model_options=options))
    assert data.wavelet == data.training_plan().wavelet == "db2"


def test_settings_of_the_phantom_mean_nothing_to_other_data(
    tmp_path: Path, config: Any
) -> None:
    # 25.6 mm in 32 px would be too coarse for a phantom.
    rng = np.random.default_rng(0)
    for name in ("benign", "malignant"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(8):
            image = rng.integers(0, 256, (40, 40), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / "data" / name / f"{name}{i}.png"), image)
    folder = {"dataset": "folder", "data_dir": str(tmp_path / "data")}
    data = load_data(config(**folder, field_mm=25.6, store_dir=str(tmp_path)))
    assert data.images.shape == (16, 32, 32)
    with pytest.raises(UserError, match="field_mm"):
        load_data(config(field_mm=25.6))


def test_without_a_training_part_the_list_that_is_not_there_is_named(
    config: Any, tmp_path: Path
) -> None:
    rows = [
        case_row(part="test", patient=f"P_{number}", pathology=pathology)
        for number, pathology in enumerate(["BENIGN", "MALIGNANT"])
    ]
    write_copy(tmp_path, rows)
    for path in tmp_path.rglob("*_train_set.csv"):
        path.unlink()
    with pytest.raises(UserError) as caught:
        load_data(config(dataset="cbis-ddsm", data_dir=str(tmp_path)), progress=False)
    assert str(caught.value).startswith(
        "The data set has no training part. Received: test only; expected ROIs to "
        "train on. The case list calc_case_description_train_set.csv is missing, "
    )
    assert "\n" not in str(caught.value)
