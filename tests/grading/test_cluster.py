"""Batches over a Dask cluster of two processes on this machine: the same points as without one."""

import json
from pathlib import Path

import pytest
from dask.distributed import LocalCluster

from course_lib.grading import cluster, selftest
from course_lib.grading.collecting import collect
from course_lib.grading.course import notebook
from course_lib.grading.grade import Options, grade
from tests.exercises import notebooks
from tests.grading.conftest import LIMITS
from tests.grading.made import TARGET, TOPIC, solved

PUBLISHED = notebook(TOPIC)


@pytest.fixture
def submissions(tmp_path: Path) -> list:
    """Right, wrong, hostile and unwritten."""
    wrong = next(mistake for mistake in notebooks.mistakes(TOPIC) if mistake.exercise == TARGET)
    hostile = "import os\ndef left_moves(*args): os._exit(1)"
    folder = tmp_path / "submissions"
    folder.mkdir()
    (folder / "right.ipynb").write_text(json.dumps(solved()))
    (folder / "wrong.ipynb").write_text(json.dumps(solved(left_moves=notebooks.mistake_source(TOPIC, wrong))))
    (folder / "hostile.ipynb").write_text(json.dumps(solved(left_moves=f"# exercise: {TARGET}\n{hostile}")))
    (folder / "stubs.ipynb").write_bytes(PUBLISHED.path.read_bytes())
    return collect([folder])


def test_a_cluster_gives_the_same_points(box, submissions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "passes", lambda *arguments: None)
    monkeypatch.setattr(cluster, "SMALL", 2)
    plain = Options(limits=LIMITS, seed=11, progress=False, jobs=2)
    alone = grade(submissions, PUBLISHED, tmp_path / "alone", plain).rows
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as local:
        spread = Options(limits=LIMITS, seed=11, progress=False, runner=cluster.runner(local.scheduler_address))
        together = grade(submissions, PUBLISHED, tmp_path / "together", spread).rows
    assert points(alone) == points(together)
    assert {name: sum(row.values()) for name, row in points(together).items()}["right.ipynb"] == 18


def points(rows: dict) -> dict[str, dict[str, int]]:
    return {name: {key: value["points"] for key, value in row.exercises.items()} for name, row in sorted(rows.items())}
