"""nbval as judge: one notebook, so one trusted kernel, for many submissions.

The notebook holds, for each submission, a cell that opens it and the check cells of the course as they were committed,
with their stored outputs. nbval compares; the points are those of the record that the kernel leaves. Both must agree.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from course_lib.grading.channel import Limits
from course_lib.grading.course import ROOT, Notebook, function_of
from course_lib.grading.finding import Answers
from course_lib.grading.judging import Result

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class GraderError(RuntimeError):
    """The grader itself failed; no student is to blame."""


@dataclass(frozen=True)
class Setting:
    """How a batch is judged: with which sandbox, limits and seed. Plain values, so that it can travel."""

    topic: str
    way: str
    stage: str
    seed: int
    limits: Limits = Limits()
    image: str = ""
    ahead: int = 1
    modules: tuple[str, ...] = ()


def build(notebook: Notebook, count: int, job: str) -> dict:
    """The notebook of a batch. Cell 0 starts the session; then for each submission one cell and all check cells."""
    start = f"from course_lib.grading.kernel import Session\n\nsession = Session({job!r})"
    cells = [_code(start, "session")]
    names = ", ".join(function_of(exercise) for exercise in notebook.exercises)
    for index in range(count):
        cells.append(_code(f"[{names}] = session.open({index})", f"open-{index}"))
        for number, exercise in enumerate(notebook.exercises):
            raw = notebook.checks[exercise]
            cells.append({key: raw[key] for key in ("cell_type", "execution_count", "metadata", "outputs", "source")})
            cells[-1]["id"] = f"check-{index}-{number}"
    cells.append(_code("session.close()", "close"))
    return {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


def _code(source: str, name: str) -> dict:
    return {"cell_type": "code", "execution_count": None, "id": name, "metadata": {}, "outputs": [], "source": source}


def run(notebook: Notebook, setting: Setting, submissions: list[Answers]) -> Iterator[tuple[int, dict[str, Result]]]:
    """Judge a batch: the index and the results of each submission, as soon as nbval is through with it."""
    with tempfile.TemporaryDirectory(prefix="course-batch-") as name:
        folder = Path(name)
        record, outcomes, job = folder / "record.jsonl", folder / "outcomes.jsonl", folder / "job.json"
        work = asdict(setting) | {
            "exercises": notebook.exercises,
            "record": str(record),
            "submissions": [_plain(answers) for answers in submissions],
        }
        job.write_text(json.dumps(work), encoding="utf8")
        made = build(notebook, len(submissions), str(job))
        (folder / "batch.ipynb").write_text(json.dumps(made), encoding="utf8")
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                command(setting.limits, len(notebook.exercises)),
                cwd=folder,
                env=environment(outcomes),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        try:
            yield from _follow(notebook, process, record, outcomes, len(submissions))
        except GraderError as error:
            raise GraderError(f"{error}\n{_tail(folder / 'log.txt')}") from None
        finally:
            if process.poll() is None:
                process.terminate()  # pytest ends its kernel, and the kernel's sandboxes die with it
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def command(limits: Limits, exercises: int) -> list[str]:
    """How nbval is called. Its own time limit is only a backstop: after it, nbval skips all that follows."""
    longest = int(2 * limits.submission + exercises * limits.call + limits.start + 60)
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        os.devnull,
        "--rootdir=.",
        "-p",
        "nbval.plugin",
        "-p",
        "course_lib.grading.plugin",
    ]
    words += ["-p", "no:cacheprovider", "-q", "--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={longest}"]
    return [*words, "batch.ipynb"]


def environment(outcomes: Path) -> dict[str, str]:
    """The environment of nbval and its kernel: ours, with this clone first and no other plugins."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return kept | one | {"PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COURSE_GRADING_OUTCOMES": str(outcomes)}


def _plain(answers: Answers) -> dict:
    return {"cells": answers.cells, "untouched": sorted(answers.untouched), "others": answers.others, "notes": answers.notes}


def _follow(notebook: Notebook, process: subprocess.Popen, record: Path, outcomes: Path, count: int) -> Iterator:
    """Read both files while they grow; a submission is done when nbval has reported its last check cell."""
    each, results, said, next_one = len(notebook.exercises) + 1, {}, {}, 0
    readers = [_Lines(record), _Lines(outcomes)]
    while next_one < count:
        ended = process.poll() is not None
        results.update({line["index"]: line["results"] for line in readers[0].new()})
        said.update({line["cell"]: line for line in readers[1].new()})
        if said.get(0, {"passed": True})["passed"] is False:
            raise GraderError(f"the trusted kernel did not start: {said[0]['text']}")
        while next_one < count and next_one in results and (next_one + 1) * each in said:
            cells = [said.get(next_one * each + 2 + number) for number in range(each - 1)]
            yield next_one, _agreed(results[next_one], cells)
            next_one += 1
        if next_one < count and ((next_one * each + 1 in said and not said[next_one * each + 1]["passed"]) or ended):
            raise GraderError(f"judging stopped: {said.get(next_one * each + 1, {}).get('text', 'nbval ended')}")
        time.sleep(0.05)


def _agreed(results: list[dict], cells: list[dict | None]) -> dict[str, Result]:
    """Results with nbval's word on each; nbval passes exactly the answers with full points."""
    made = {}
    for plain, cell in zip(results, cells, strict=True):
        result = Result(**plain | {"hints": tuple(plain["hints"]), "messages": tuple(plain["messages"])})
        if cell is None or cell["passed"] != (result.points == result.maximum):
            raise GraderError(f"nbval and the record disagree about {result.exercise}: {cell}")
        made[result.exercise] = replace(result, nbval="passed" if cell["passed"] else "failed")
    return made


class _Lines:
    """New whole lines of a file that is still being written."""

    def __init__(self, path: Path) -> None:
        self.path, self.place = path, 0

    def new(self) -> list[dict]:
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self.place)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self.place += len(whole)
        return [json.loads(line) for line in whole.splitlines()]


def _tail(path: Path) -> str:
    return path.read_text(encoding="utf8", errors="replace")[-1500:]
