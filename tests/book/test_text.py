"""A notebook that is written as text and back is the same notebook; an edit changes the edited cell alone."""

import nbformat
import pytest
import text

from tests.book.served import CHAPTERS, EXERCISES, ROOT


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A copy of one chapter and one exercise notebook in a folder of its own."""
    for name in (CHAPTERS[0], EXERCISES[0]):
        target = tmp_path / f"{name}.ipynb"
        target.parent.mkdir(parents=True)
        target.write_bytes((ROOT / f"{name}.ipynb").read_bytes())
    monkeypatch.setattr(text, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [CHAPTERS[0], EXERCISES[0]])
def test_there_and_back_changes_nothing(course, name):
    path = course / f"{name}.ipynb"
    before = path.read_text("utf8")
    assert text.to_notebook(text.to_text(path)) == path
    assert path.read_text("utf8") == before


def test_an_edit_changes_one_cell(course):
    path = course / f"{EXERCISES[0]}.ipynb"
    before = nbformat.read(path, as_version=4)
    written = text.to_text(path)
    written.write_text(written.read_text("utf8").replace("# # Exercises", "# # Edited exercises", 1), "utf8")
    after = nbformat.read(text.to_notebook(written), as_version=4)
    changed = [old.id for old, new in zip(before.cells, after.cells, strict=True) if old != new]
    assert changed == [before.cells[0].id]
    assert after.cells[0].source.startswith("# Edited exercises")
