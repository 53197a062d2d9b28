"""`data/` holds one dataset, none, or several between which the user must choose."""

from __future__ import annotations

from pathlib import Path

import pytest

from keras_wa.data.finding import find_dataset
from keras_wa.errors import UserError


def test_files_hidden_folders_and_prepared_stores_are_no_dataset(tmp_path):
    assert find_dataset(tmp_path / "absent") is None
    (tmp_path / "README.md").write_text("where downloads go")
    (tmp_path / ".cache" / "benign").mkdir(parents=True)
    (tmp_path / "prepared" / "phantom-0123").mkdir(parents=True)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("no class folders in here")
    assert find_dataset(tmp_path) is None


@pytest.mark.parametrize("inside", ["benign", "train/benign"])
def test_the_one_folder_with_folders_is_the_dataset(tmp_path, inside):
    (tmp_path / "README.md").write_text("where downloads go")
    (tmp_path / "prepared" / "phantom-0123").mkdir(parents=True)
    (tmp_path / "mine" / inside).mkdir(parents=True)
    assert find_dataset(str(tmp_path)) == tmp_path / "mine"


def test_several_are_named_and_the_flag_that_chooses(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name / "benign").mkdir(parents=True)
    with pytest.raises(UserError, match=r"first.*second.*`data_dir`"):
        find_dataset(tmp_path)


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    # Permissions do not stop the superuser, whom the tests may run as.
    (tmp_path / "locked").mkdir()
    listing = Path.iterdir

    def iterdir(self: Path):
        if self.name == "locked":
            raise PermissionError(13, "Permission denied", str(self))
        return listing(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(UserError, match=r"locked.*Permission denied.*`data_dir`"):
        find_dataset(tmp_path)
