"""The map of the notes: a row for every line, and every function that it names exists. (All links have a test of their own.)"""

import importlib
import re

import pytest

from tests.book.served import ROOT

LINES = {"A": 20, "E": 10, "G": 19, "R": 12}  # features, data and components; explainable models; geometry; the reading list
TABLE = (ROOT / "chapters/notes_map.md").read_text(encoding="utf8").splitlines()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE if re.match(r"\| \*\*[AEGR]\d+\*\*", line)]
COLUMNS = ("line of the notes", "explained in", "computed by", "tried on", "moved in", "practised in")


def code_names(row: list[str]) -> list[str]:
    return re.findall(r"`([\w.]+)`", row[COLUMNS.index("computed by")])


def test_every_line_of_the_notes_has_its_row():
    found = {name for row in ROWS for name in re.findall(r"\*\*([AEGR]\d+)\*\*", row[0])}
    wanted = {f"{part}{number}" for part, count in LINES.items() for number in range(1, count + 1)}
    assert wanted - found == set(), "lines without a row"
    assert found - wanted == set(), "rows of no line"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].split("**")[1])
def test_row_is_whole_and_names_what_exists(row):
    """Each line is explained in a chapter, computed by functions of the library, tried on something, and practised."""
    assert len(row) == len(COLUMNS)
    cells = dict(zip(COLUMNS, row, strict=True))
    assert re.search(r"\]\([\w/#.-]+\.(?:ipynb|md)[\w#.-]*\)", cells["explained in"])
    assert "](" in cells["tried on"] or "](" in cells["moved in"]
    assert code_names(row)
    for name in code_names(row):
        assert exists(f"course_lib.{name}"), name


def exists(name: str) -> bool:
    """Whether `name` is a module, or something in one."""
    try:
        importlib.import_module(name)
        return True
    except ModuleNotFoundError:
        home, _, last = name.rpartition(".")
        return hasattr(importlib.import_module(home), last)


def test_a_name_that_does_not_exist_is_seen():
    assert exists("course_lib.games.shapley") and exists("course_lib.groups")
    assert not exists("course_lib.games.shapely")
