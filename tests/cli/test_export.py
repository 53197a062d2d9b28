"""`keras-wa export`."""

from __future__ import annotations

from keras_wa.cli import main


def test_the_saved_model_is_written_where_it_was_asked_for(finished, tmp_path, capsys):
    out = tmp_path / "new" / "served"
    assert main(["export", str(finished), "--out", str(out)]) == 0
    assert f"SavedModel: {out}" in capsys.readouterr().out
    assert (out / "saved_model.pb").is_file()


def test_another_folder_is_not_overwritten(finished, tmp_path, error_of):
    (tmp_path / "precious").write_text("kept")
    line = error_of(["export", finished, "--out", tmp_path])
    assert "exists and is not a SavedModel" in line
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
