"""A class from the command line: broken files get a row with a sentence, the rest is graded, and the reports are right."""

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_lib.checks.core import find
from course_lib.grading import batches, cli, grade, sandbox, selftest, stats
from course_lib.grading.course import ROOT, notebook
from tests.exercises import notebooks
from tests.grading import broken
from tests.grading.made import LIMITS, TARGET, TOPIC, solved

PUBLISHED = notebook(TOPIC)
MAXIMUM = sum(find(exercise).maximum for exercise in PUBLISHED.exercises)
WRONG = next(mistake for mistake in notebooks.mistakes(TOPIC) if mistake.exercise == TARGET)
ALL = [*broken.UNREADABLE, *broken.GRADED, "wrong.ipynb", "hostile.ipynb", "=1+1.ipynb", "<b>bold.ipynb"]
FEW = ["--memory", str(LIMITS.memory_mb), "--quiet", "--jobs", "2"]


@pytest.fixture(scope="module")
def graded(box, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """One run over everything, with a roster."""
    folder, out = tmp_path_factory.mktemp("submissions"), tmp_path_factory.mktemp("out") / "run"
    broken.write(folder)
    (folder / "wrong.ipynb").write_text(json.dumps(solved(left_moves=notebooks.mistake_source(TOPIC, WRONG))))
    hostile = f"# exercise: {TARGET}\nimport os\ndef left_moves(*args):\n    os._exit(3)\n"
    (folder / "hostile.ipynb").write_text(json.dumps(solved(left_moves=hostile)))
    for name in ("=1+1.ipynb", "<b>bold.ipynb"):
        (folder / name).write_bytes(b"")
    (folder / "notes.txt").write_text("not a notebook")
    roster = folder / "book.csv"
    roster.write_text("Student,ID,Groups\nPoints possible,,18\nHonest,1,\nWrong,2,\nNobody,3,\n", encoding="utf8")
    status = cli.main(
        ["grade", str(folder), "--notebook", TOPIC, "--out", str(out), "--seed", "abc", "--roster", str(roster)]
        + ["--column", "Groups", *FEW]
    )
    data = json.loads((out / "grades.json").read_text("utf8"))
    return SimpleNamespace(folder=folder, out=out, status=status, data=data, rows={row["file"]: row for row in data["rows"]})


@pytest.fixture
def chosen(box: sandbox.Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox is the one that was found already, and it was tested: the first run did both by itself."""
    monkeypatch.setattr(selftest, "hold", lambda start: {})
    monkeypatch.setattr(selftest, "passes", lambda *arguments: None)
    monkeypatch.setattr(sandbox, "choose", lambda stage, limits, kind, image: replace(box, stage=stage, limits=limits))


def test_every_file_has_a_row(graded: SimpleNamespace) -> None:
    assert sorted(graded.rows) == sorted(ALL)
    assert graded.status == 1, "some rows ask for a look"


@pytest.mark.parametrize("name, words", broken.UNREADABLE.items())
def test_a_file_that_cannot_be_graded_has_a_sentence(graded: SimpleNamespace, name: str, words: str) -> None:
    row = graded.rows[name]
    assert (row["status"], row["points"]) == ("unreadable", 0)
    assert words in row["note"] and "\n" not in row["note"]


@pytest.mark.parametrize("name, full", broken.GRADED.items())
def test_a_strange_file_is_graded_all_the_same(graded: SimpleNamespace, name: str, full: bool) -> None:
    row = graded.rows[name]
    lost = 0 if full else find(TARGET).maximum
    assert (row["status"], row["points"]) == ("graded", MAXIMUM - lost), row
    if not full:
        assert row["exercises"][TARGET]["note"]


def test_a_wrong_answer_gets_its_hint_and_a_hostile_one_its_reason(graded: SimpleNamespace) -> None:
    wrong, hostile = (graded.rows[f"{name}.ipynb"]["exercises"][TARGET] for name in ("wrong", "hostile"))
    assert (wrong["points"], wrong["hints"][0], wrong["nbval"]) == (WRONG.points, WRONG.hint, "failed")
    assert hostile["points"] == 0 and "exit 3" in hostile["messages"][0]
    assert graded.rows["wrong.ipynb"]["points"] == MAXIMUM - find(TARGET).maximum + WRONG.points


def test_published_solutions_are_flagged_and_not_judged(graded: SimpleNamespace) -> None:
    honest = graded.rows["honest.ipynb"]
    assert honest["points"] == MAXIMUM
    assert all(result["copied"] for result in honest["exercises"].values())
    assert not graded.rows["wrong.ipynb"]["exercises"][TARGET]["copied"]


def test_the_table_for_spreadsheets(graded: SimpleNamespace) -> None:
    with (graded.out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert len(rows) == len(ALL) and "'=1+1.ipynb" in rows
    assert rows["honest.ipynb"]["points"] == str(MAXIMUM)
    assert rows["honest.ipynb"]["left_moves"] == str(find(TARGET).maximum)
    assert rows["empty.ipynb"]["status"] == "unreadable" and rows["empty.ipynb"]["left_moves"] == ""


def test_the_pages_escape_what_they_show(graded: SimpleNamespace) -> None:
    page = (graded.out / "index.html").read_text("utf8")
    assert "<b>bold" not in page and "&lt;b&gt;bold" in page
    feedback = list((graded.out / "feedback").glob("*.html"))
    assert len(feedback) == len(ALL)
    (wrong,) = (graded.out / "feedback").glob("wrong-*.html")
    text = wrong.read_text("utf8")
    assert "hint" in text and "honest" not in text
    for path in feedback:
        assert f"feedback/{path.name}" in page


def test_the_grade_book_is_filled(graded: SimpleNamespace) -> None:
    with (graded.out / "book.filled.csv").open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["Groups"] for row in rows] == ["18", str(MAXIMUM), str(graded.rows["wrong.ipynb"]["points"]), ""]
    assert [row["ID"] for row in rows] == ["", "1", "2", "3"]


def test_statistics_name_what_to_teach_again(graded: SimpleNamespace, capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["stats", str(graded.out)]) == 0
    text = capsys.readouterr().out
    first = text.split("\n\n")[1]
    assert first.startswith(TARGET) and f"1 x {WRONG.hint}" in first and "1 x stopped" in first
    with pytest.raises(ValueError, match="no grades"):
        stats.read(graded.folder)


def test_resume_grades_only_what_is_new_with_the_same_seed(graded: SimpleNamespace, chosen, monkeypatch) -> None:
    folder, out = graded.folder.parent / "again", graded.out.parent / "again"
    shutil.copytree(graded.out, out)
    folder.mkdir()
    for name in ("honest.ipynb", "wrong.ipynb", "empty.ipynb"):
        shutil.copy(graded.folder / name, folder / name)
    (folder / "new.ipynb").write_text(json.dumps(solved(left_moves=notebooks.mistake_source(TOPIC, WRONG))))
    text = (out / "rows.jsonl").read_text("utf8")
    (out / "rows.jsonl").write_text(text + '{"file": "half a li', "utf8")
    seen = []
    monkeypatch.setattr(cli, "_tell", lambda row, quiet: seen.append(row.file))
    assert cli.main(["grade", str(folder), "--notebook", TOPIC, "--out", str(out), "--resume", *FEW]) == 1
    assert seen == ["new.ipynb"]
    data = json.loads((out / "grades.json").read_text("utf8"))
    rows = {row["file"]: row for row in data["rows"]}
    assert data["seed"] == graded.data["seed"] == "abc"
    assert sorted(rows) == ["empty.ipynb", "honest.ipynb", "new.ipynb", "wrong.ipynb"]
    assert rows["wrong.ipynb"] == graded.rows["wrong.ipynb"]
    assert rows["new.ipynb"]["exercises"][TARGET]["messages"] == rows["wrong.ipynb"]["exercises"][TARGET]["messages"]


def test_a_run_of_another_notebook_is_not_resumed(graded: SimpleNamespace, chosen, capsys) -> None:
    arguments = ["grade", str(graded.folder), "--notebook", "symmetries/invariance", "--out", str(graded.out), "--resume"]
    assert cli.main([*arguments, *FEW]) == 2
    assert "another run" in capsys.readouterr().err


def test_after_a_failure_the_rest_of_a_batch_is_judged_together(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    def run(published: object, setting: object, answers: list[str]):
        started.append(answers)
        for index, one in enumerate(answers):
            if one == "bad":
                raise batches.GraderError("the kernel died")
            yield index, {"of": one}

    monkeypatch.setattr(batches, "run", run)
    found = list(grade.judge_part(PUBLISHED, None, ["a", "bad", "b", "c", "bad"]))
    assert found == [(0, {"of": "a"}), (1, "the kernel died"), (2, {"of": "b"}), (3, {"of": "c"}), (4, "the kernel died")]
    assert [len(part) for part in started] == [5, 3]


def test_solve_and_check_one_notebook(graded: SimpleNamespace, chosen, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "groups.ipynb"
    assert cli.main(["solve", TOPIC, "--out", str(out)]) == 0
    assert cli.main(["check", str(out)]) == 0
    text = capsys.readouterr().out
    assert text.count(" points") == len(PUBLISHED.exercises) and "hint" not in text
    assert cli.main(["solve", TOPIC, "--out", str(out)]) == 2 and "exists already" in capsys.readouterr().err
    assert cli.main(["check", str(graded.folder / "wrong.ipynb"), "--notebook", TOPIC]) == 1
    assert "hint: " in capsys.readouterr().out


def test_outside_a_clone_there_is_a_sentence(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "course_lib", tmp_path / "course_lib", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"]
    command[-1] += "from course_lib.grading.cli import main; sys.exit(main(['solve', 'symmetries/groups']))"
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2 and "clone the course's repository" in done.stderr
