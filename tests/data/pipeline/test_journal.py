"""What was done is known after an interruption."""

from __future__ import annotations

from keras_wa.data.pipeline.journal import Journal


def test_a_journal_remembers_what_was_done(tmp_path):
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.add([(0, {}), (5, {"reason": "bad\nfile ü"})])
        journal.add(iter([(1, {})]))
        assert journal.done == {0: {}, 5: {"reason": "bad\nfile ü"}, 1: {}}
    with Journal(path) as journal:
        assert journal.done == {0: {}, 5: {"reason": "bad\nfile ü"}, 1: {}}


def test_a_line_that_was_cut_off_is_done_again(tmp_path):
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.add([(0, {}), (11, {})])
    text = path.read_text()
    path.write_text(text[: text.index("11") + 1])
    with Journal(path) as journal:
        assert journal.done == {0: {}}
        journal.add([(2, {})])
    with Journal(path) as journal:
        assert journal.done == {0: {}, 2: {}}
