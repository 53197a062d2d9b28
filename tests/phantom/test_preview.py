from __future__ import annotations

import pytest
from PIL import Image

from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec
from keras_wa.phantom.preview import write_preview

SMALL = PhantomSpec(size=40, field_mm=5.0)
TYPES, PLACES = ("PLEOMORPHIC", "COARSE"), ("CLUSTERED", "LINEAR", "")


def test_sheet_has_a_cell_for_each_type_and_distribution(tmp_path):
    path = write_preview(SMALL, tmp_path / "sheet.png", TYPES, PLACES)

    with Image.open(path) as image:
        image.load()
        wide, high = image.size
    # Cells are 160 pixels, beside the names of the types and below the title.
    assert wide == pytest.approx(190 + 160 * len(PLACES), abs=2)
    assert high == pytest.approx(100 + 160 * len(TYPES), abs=2)
    assert [p.name for p in tmp_path.iterdir()] == ["sheet.png"]


def test_same_spec_gives_the_same_sheet_and_another_seed_another(tmp_path):
    def pixels(spec):
        path = write_preview(spec, tmp_path / "sheet.png", TYPES, PLACES)
        with Image.open(path) as image:
            return image.tobytes()

    first = pixels(SMALL)
    assert pixels(SMALL) == first
    assert pixels(PhantomSpec(seed=1, size=40, field_mm=5.0)) != first


def test_missing_folder_is_one_line_and_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match="cannot be written"):
        write_preview(SMALL, tmp_path / "none" / "sheet.png", TYPES, PLACES)

    assert not list(tmp_path.iterdir())


def test_unknown_type_is_refused(tmp_path):
    with pytest.raises(UserError, match="type of calcification"):
        write_preview(SMALL, tmp_path / "sheet.png", ["STARRY"], PLACES)
