"""Whose file is whose, the grade book, fingerprints, and nbval's word beside the record: without a sandbox."""

import json
import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from course_lib.grading import batches, roster, rows
from course_lib.grading.channel import refuse_objects
from course_lib.grading.collecting import collect, latest, student_of
from course_lib.grading.course import notebook
from course_lib.grading.finding import MAXIMUM_BYTES, Unreadable
from course_lib.grading.fingerprints import same
from course_lib.grading.judging import Result
from course_lib.grading.rows import GRADED, Row
from tests.grading.made import TARGET, TOPIC, solved

PUBLISHED = notebook(TOPIC)


def test_a_file_has_one_row_however_often_it_is_added(tmp_path: Path) -> None:
    head = {"notebook": TOPIC, "notebook_digest": "d", "seed": "0"}
    table = rows.Table(tmp_path, head)
    first = Row("a.ipynb", "a", rows.REPLACED, 0, 15)
    for row in (first, replace(first, file="b.ipynb"), replace(first, status=GRADED, points=9)):
        table.add(row)
    lines = (tmp_path / "rows.jsonl").read_text("utf8").splitlines()
    assert len(lines) == 3
    assert rows.Table(tmp_path, head, resume=True).rows["a.ipynb"].points == 9


@pytest.mark.parametrize(
    "path, pattern, student",
    [
        ("doejane_12345_678_work.ipynb", "", "doejane"),
        ("doejane_LATE_12345_678_work-1.ipynb", "", "doejane"),
        ("Jane Doe_123_assignsubmission_file_/nb.ipynb", "", "Jane Doe"),
        ("week3/jane/nb.ipynb", "", "week3"),
        ("week3/jane/nb.ipynb", r"(\w+)/[^/]*$", "jane"),
        ("jane.ipynb", r"no(such)", "jane"),
        ("a-7-b.ipynb", r"(?P<x>a)-(?P<student>\d)", "7"),
    ],
)
def test_whose_file_it_is(path: str, pattern: str, student: str) -> None:
    assert student_of(PurePosixPath(path), pattern) == student


def test_folders_files_and_zips(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / ".ipynb_checkpoints").mkdir(parents=True)
    (folder / ".ipynb_checkpoints" / "x.ipynb").write_text("{}")
    (folder / "a.ipynb").write_text("{}")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("../../b.ipynb", "{}")
        archive.writestr("__MACOSX/c.ipynb", "{}")
        archive.writestr("readme.txt", "x")
        archive.writestr("big.ipynb", b" " * (MAXIMUM_BYTES + 1), zipfile.ZIP_DEFLATED)
    found = {one.file: one for one in collect([folder, folder / "a.ipynb", tmp_path / "all.zip"])}
    assert sorted(found) == ["../../b.ipynb", "a.ipynb", "a.ipynb (2)", "big.ipynb"]
    assert found["../../b.ipynb"].load() == b"{}"
    with pytest.raises(Unreadable, match="more than 16 MB"):
        found["big.ipynb"].load()
    with pytest.raises(ValueError, match="there is no"):
        collect([tmp_path / "nowhere"])
    (tmp_path / "bad.zip").write_bytes(b"PK but not quite")
    with pytest.raises(ValueError, match="no zip file"):
        collect([tmp_path / "bad.zip"])


def test_the_latest_submission_counts(tmp_path: Path) -> None:
    for name, when in (
        ("jane_1_1_a.ipynb", 1000),
        ("jane_1_2_a.ipynb", 3000),
        ("jane_1_3_a.ipynb", 2000),
        ("joe_2_1_a.ipynb", 5),
    ):
        (tmp_path / name).write_text("{}")
        os.utime(tmp_path / name, (when, when))
    current, replaced = latest(collect([tmp_path]))
    assert [one.file for one in current] == ["jane_1_2_a.ipynb", "joe_2_1_a.ipynb"]
    assert len(replaced) == 2


def row(student: str, points: int, status: str = GRADED) -> Row:
    return Row(f"{student}.ipynb", student, status, points, 18)


def test_a_grade_book_keeps_its_form(tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    path.write_text('Student;ID;Week 1\n"Doe, Jane";1;3\n"Doe, Joe";2;\n"Doe, Joe";3;\n', encoding="utf-8-sig")
    filled = roster.fill(roster.read(path), [row("doejane", 9), row("Doe Joe", 4), row("eve", 1)], "Week 2", "Student")
    assert filled.remarks[:2] == ["roster: Doe Joe fits several rows", "roster: eve is not in it"]
    roster.write(filled, tmp_path / "filled.csv")
    lines = (tmp_path / "filled.csv").read_text("utf8").splitlines()
    assert lines[0] == "Student;ID;Week 1;Week 2" and lines[1] in ('"Doe, Jane";1;3;9', "Doe, Jane;1;3;9")
    with pytest.raises(ValueError, match="no column 'Name'"):
        roster.fill(roster.read(path), [], "Week 2", "Name")
    with pytest.raises(ValueError, match="no student was found"):
        roster.fill(roster.read(path), [row("nobody", 1)], "Week 2", "ID")
    (tmp_path / "none.csv").write_text("")
    with pytest.raises(ValueError, match="no rows"):
        roster.read(tmp_path / "none.csv")


def test_copies_are_known_by_their_form() -> None:
    solution = PUBLISHED.solutions[TARGET]
    renamed = re.sub(r"\bproduct\b(?!\")", "both", solution).replace("# exercise", "# mine") + "\n# a comment"
    assert same(solution, solution) and same(solution.replace('"""', "'''"), solution)
    assert not same("def f(x):\n    return x", "def g(y):\n    return y"), "too short to say anything"
    assert not same(solution + "\nx = 1", solution)
    assert renamed != solution and same(renamed, solution)


def test_spreadsheets_run_nothing() -> None:
    assert [rows.harmless(cell) for cell in ("=1", "+1", "-1", "@x", "a=1", -1)] == ["'=1", "'+1", "'-1", "'@x", "a=1", -1]


def result(points: int, maximum: int = 4) -> dict:
    return Result(TARGET, points, maximum).as_dict()


@pytest.mark.parametrize("points, passed, agreed", [(4, True, True), (3, False, True), (3, True, False), (4, False, False)])
def test_nbval_and_the_record_must_agree(points: int, passed: bool, agreed: bool) -> None:
    cells = [{"passed": passed, "text": ""}]
    if agreed:
        assert batches._agreed([result(points)], cells)[TARGET].nbval == ("passed" if passed else "failed")
    else:
        with pytest.raises(batches.GraderError, match="disagree"):
            batches._agreed([result(points)], cells)


def test_the_batch_holds_the_check_cells_as_committed() -> None:
    made = batches.build(PUBLISHED, 2, "job.json")
    checks = [cell for cell in made["cells"] if cell["id"].startswith("check-")]
    assert len(checks) == 2 * len(PUBLISHED.exercises)
    for cell, raw in zip(checks, list(PUBLISHED.checks.values()) * 2, strict=True):
        assert cell["outputs"] == raw["outputs"] and cell["source"] == raw["source"] and cell["execution_count"] is not None
    text = json.dumps(made)
    assert not any(json.dumps(solution)[1:60] in text for solution in PUBLISHED.solutions.values())


def test_only_some_exercises() -> None:
    two = PUBLISHED.only(PUBLISHED.exercises[:2])
    assert two.exercises == PUBLISHED.exercises[:2] == list(two.checks)
    assert len(solved()["cells"]) == len(two.cells) + 4


def test_models_come_back_only_as_they_were_given() -> None:
    from course_lib.checks.answers import NotCarried
    from course_lib.checks.codec import encode
    from course_lib.models import MLP

    given = encode([(MLP([3, 4, 1], "tanh", seed=0),), {}])
    refuse_objects(encode({"result": [MLP([3, 4, 1], "tanh", seed=0).train(), 1.5, {"module": [1]}]}), given)
    for reply in (encode({"result": MLP([3, 5, 1], "tanh", seed=0)}), b"COURSE1\n", b""):
        with pytest.raises(NotCarried):
            refuse_objects(reply, given)


def test_rows_are_plain_and_whole() -> None:
    one = replace(row("a", 3), exercises={TARGET: result(3) | {"note": "late", "copied": "the same"}}, note="see")
    assert rows.remarks(one) == "see; late: left_moves; the same: left_moves"
