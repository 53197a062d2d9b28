from __future__ import annotations

from keras_wa.evaluate.audit.path_tokens import name_tokens, names_of
from tests.evaluate.audit.tables import table


def tokens_of(name, classes=("benign", "malignant", "0", "1")):
    found = name_tokens([name], classes)
    assert (found["row"] == 0).all()
    return {part: set(theirs["token"]) for part, theirs in found.groupby("part")}


def test_a_name_is_taken_apart():
    assert tokens_of("siteA/0041u1_12_Ab.pgm_5.PGM") == {
        "letters": {"u", "ab", "pgm"},
        "digits": {"5 as number 1 from the right", "1 as number 3 from the right"},
        "form": {"####a#_##_a.a_#"},
        "folder": {"siteA"},
        "suffix": {".pgm"},
    }


def test_the_class_folder_and_the_part_are_left_out():
    tokens = tokens_of("Train/Malignant/1/scanner2/x.png")
    assert tokens["folder"] == {"scanner2"}
    tokens = tokens_of("test/benign/benign_7.png")
    assert "folder" not in tokens
    assert "benign" in tokens["letters"], "a class in the file name is no folder"


def test_each_token_once_and_rows_in_order():
    found = name_tokens(["a_a.png", "b.png"], [])
    assert found.duplicated().sum() == 0
    letters = found[found["part"] == "letters"]
    assert letters[["row", "token"]].to_numpy().tolist() == [[0, "a"], [1, "b"]]


def test_the_name_is_that_of_the_image_else_the_crop_else_the_roi():
    cases = table(3, 1, image_path=["i", None, None], crop_path=["c", "c", None])
    assert names_of(cases).tolist() == ["i", "c", "roi_2"]
