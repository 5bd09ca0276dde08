"""Grading on a cluster, without Dask: a stand-in for it runs each task at once, after a trip as plain data.

With Dask itself it was tried by hand: the same points from a `LocalCluster` of two processes.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from course_lib.grading import batches, cli, cluster, sandbox
from course_lib.grading.course import notebook
from course_lib.grading.finding import Answers
from tests.exercises import notebooks
from tests.grading.made import LIMITS, TARGET, TOPIC

PUBLISHED = notebook(TOPIC).only([TARGET])


class Client:
    """Does at once what it is asked; an address is anything but "nowhere"."""

    def __init__(self, address: str, **options: object) -> None:
        if address == "nowhere":
            raise OSError("timed out")

    def submit(self, task: Callable, *arguments: object, pure: bool) -> "_Future":
        made = json.loads(json.dumps(arguments, default=list))  # sets become lists on the way
        return _Future(task(*made))

    def close(self) -> None:
        """Nothing to close."""

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to close."""


class _Future:
    def __init__(self, outcome: object) -> None:
        self.result = lambda: outcome


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    made = ModuleType("distributed")
    made.Client, made.as_completed = Client, list
    monkeypatch.setitem(sys.modules, "distributed", made)


def test_points_are_the_same_from_a_cluster(stand_in: None, box: sandbox.Sandbox) -> None:
    mistake = next(mistake for mistake in notebooks.mistakes(TOPIC) if mistake.exercise == TARGET)
    answers = [Answers(dict(PUBLISHED.solutions)), Answers({TARGET: notebooks.mistake_source(TOPIC, mistake)})]
    setting = batches.Setting(TOPIC, box.way, "", 5, LIMITS)
    part = [(f"student {k}", one) for k, one in enumerate(answers)]
    found = list(cluster.judged("anywhere", PUBLISHED, setting, "auto", [part]))
    assert [(each, index) for each, index, _ in found] == [(part, 0), (part, 1)]
    right, wrong = (outcome[TARGET] for _, _, outcome in found)
    assert right.points == right.maximum and (wrong.points, wrong.hints[0]) == (mistake.points, mistake.hint)


def test_another_version_of_the_course_is_refused(stand_in: None) -> None:
    setting = batches.asdict(batches.Setting(TOPIC, "bwrap", "", 5, LIMITS))
    with pytest.raises(ValueError, match="is not the one that is to be graded"):
        cluster.judge(TOPIC, [TARGET], "another", setting, "auto", [])


def test_an_address_where_nobody_answers(stand_in: None, tmp_path: Path, capsys) -> None:
    (tmp_path / "a.ipynb").write_bytes(PUBLISHED.path.read_bytes())
    assert _grade(tmp_path, "nowhere") == 2
    assert "no scheduler answers at 'nowhere'" in capsys.readouterr().err


def test_without_dask_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    (tmp_path / "a.ipynb").write_bytes(PUBLISHED.path.read_bytes())
    assert _grade(tmp_path, "tcp://127.0.0.1:1") == 2
    assert 'pip install ".[dask]"' in capsys.readouterr().err


def _grade(folder: Path, address: str) -> int:
    words = ["grade", str(folder), "--notebook", TOPIC, "--out", str(folder / "out"), "--quiet", "--dask", address]
    return cli.main(words)
