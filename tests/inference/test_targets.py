"""Files, folders and patterns become ROIs; a mammogram becomes its candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from keras_wa.inference.targets import expand, find_targets
from tests.data.io.dicom_files import write_dicom

CLUSTERS = [(350, 300), (600, 700)]


def film_with_clusters() -> np.ndarray:
    """A bright breast on dark ground, with two clusters of five spots."""
    rng = np.random.default_rng(0)
    film = np.zeros((1000, 1000), np.float32)
    cv2.ellipse(film, (0, 500), (850, 450), 0, 0, 360, 120.0, -1)
    film += rng.normal(0, 2, film.shape).astype(np.float32) * (film > 0)
    for x, y in CLUSTERS:
        for dx, dy in ((0, 0), (20, 5), (-15, 18), (8, -22), (-20, -8)):
            cv2.circle(film, (x + dx, y + dy), 2, 200.0, -1)
    film = cv2.GaussianBlur(film, (0, 0), 1.0)
    return np.clip(film, 0, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, side in {"a.png": 40, "b.pgm": 40, "in/c.png": 1000}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.zeros((side, side), "uint8"))
    (tmp_path / "readme.txt").write_text("no image")
    return tmp_path


def test_files_folders_and_patterns(folder: Path) -> None:
    def found(*names: str) -> list[str]:
        targets = expand([str(folder / name) for name in names])
        assert not any(each.error for each in targets)
        return [each.file.relative_to(folder).as_posix() for each in targets]

    assert found("") == ["a.png", "b.pgm", "in/c.png"]
    assert found("*.p*") == ["a.png", "b.pgm"]
    assert found("b.pgm", "") == ["b.pgm", "a.png", "in/c.png"]
    # What is there is no pattern, nor is a folder before one.
    (folder / "in").rename(folder / "[in]")
    assert found("[in]/*.png") == ["[in]/c.png"]
    for name in ("[ab].png", "*.p*"):
        (folder / "a.png").rename(folder / name)
        assert found(name) == [name]
        (folder / name).rename(folder / "a.png")


def test_a_folder_gives_each_image_once_and_says_what_it_leaves_out(
    folder: Path,
) -> None:
    pixels = np.zeros((4, 4), np.uint8)
    write_dicom(folder / "MG.1.2.840.113619.2.66.1", pixels)
    write_dicom(folder / "a.dcm", pixels)
    notes: list[str] = []
    assert [each.file.name for each in expand([str(folder)], notes)] == [
        *("MG.1.2.840.113619.2.66.1", "a.dcm", "b.pgm", "c.png")
    ]
    assert notes == [
        f"{folder}: Images left out because a DICOM file has the same name: 1, such as "
        "a.png.",
        f"{folder}: Files left out because they are no images: 1, such as readme.txt.",
    ]


@pytest.mark.parametrize("word", ["absent.png", "*.dcm", "void", 300 * "x", "a.png/b"])
def test_what_names_nothing_is_an_error_of_its_own(folder: Path, word: str) -> None:
    (folder / "void").mkdir()
    words = [str(folder / each) for each in ("b.pgm", word, "a.png")]
    first, wrong, last = find_targets(expand(words))
    assert [str(each.file) for each in (first, wrong, last)] == words
    assert f"FILE {words[1]}. Received: nothing; expected " in wrong.error
    assert not first.error
    assert not last.error


def targets(folder: Path, **options: Any) -> list[Any]:
    return list(find_targets(expand([str(folder)]), **options))


def test_large_files_are_mammograms_unless_told_otherwise(folder: Path) -> None:
    path = folder / "in/c.png"
    cv2.imwrite(str(path), film_with_clusters())
    found = targets(folder, pixel_spacing=0.1)
    assert [each.box for each in found[:2]] == [None, None]
    middles = [
        (each.box.left + each.box.width / 2, each.box.top + each.box.height / 2)
        for each in found[2:]
    ]
    assert len(middles) == 2
    for x, y in CLUSTERS:
        distance = min(abs(x - a) + abs(y - b) for a, b in middles)
        assert distance < 30
    assert found[2].score >= found[3].score > 0
    assert len(targets(folder, pixel_spacing=0.1, most=1)) == 3
    assert [each.box for each in targets(folder, kind="roi")] == [None] * 3


def test_without_a_spacing_lesions_are_not_looked_for(folder: Path) -> None:
    *_, last = targets(folder)
    assert "Give `pixel_spacing`, or the `box`" in last.error


def test_a_mammogram_without_candidates_and_one_that_is_damaged_say_so(
    folder: Path,
) -> None:
    (folder / "z.png").write_bytes(b"no image")
    named = expand([str(folder / "in/c.png"), str(folder / "z.png")])
    empty, damaged = find_targets(named, kind="mammogram", pixel_spacing=0.1)
    assert "no cluster of calcifications was found" in empty.error
    assert "z.png: not a readable image" in damaged.error
