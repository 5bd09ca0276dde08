"""How many submissions a minute: `python -m benchmarks grading`, beside otter and nbgrader where they are installed.

Two hundred solved copies of a notebook with five exercises, on as many cores as there are (or `--jobs`), with nbval as
judge and a sandbox for each: forked from a nursery, then as many as `--fresh` says with a fresh bubblewrap for each. Every
fifty submissions (`course_lib.grading.grade.BATCH`) share a trusted kernel and a nursery, so a small number looks dear.
otter (`otter run`) and nbgrader (`autograde`) are looked for on the PATH, or where `--otter` and `--nbgrader` say: neither
has to share our environment, but theirs needs torch and this clone on its path. Wall clock says what a teacher waits, and
on a busy machine little else; so each line also says how many seconds of the processor a submission takes, all processes
counted, those in sandboxes too.
"""

import argparse
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path

from course_lib.grading.collecting import Submission
from course_lib.grading.course import Notebook, function_of, notebook
from course_lib.grading.grade import Options, grade
from course_lib.grading.processes import descendants
from course_lib.grading.sandbox import NoSandbox

TOPIC, EXERCISES, TARGET = "start/warmup", 5, 40.0
TICK = 1 / os.sysconf("SC_CLK_TCK")


class Meter:
    """Seconds by the clock, and of the processor in this process and all below it.

    A sandbox is killed with all its processes, and nobody is told what they used. So ten times a second we look at each
    process, and at what it has heard from children that have ended; what is killed keeps what it used after the last look.
    """

    def __enter__(self) -> "Meter":
        self._seen: dict[int, tuple[int, float, float]] = {}  # parent, seconds of its own, and of children that ended
        self._look()
        self._before, self._cost, self._done = sum(self._seen[os.getpid()][1:]), 0.0, threading.Event()
        self._seen.clear()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        self._begin = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.perf_counter() - self._begin
        self._done.set()
        self._thread.join()
        self.processor = self._used(self._look()) - self._before - self._cost

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            self._look()
        self._cost = time.thread_time()  # looking is no grading

    def _look(self) -> set[int]:
        """Keep what each process has used so far; those that are there."""
        there = {pid for pid, _ in descendants(os.getpid())}
        for pid in there:
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
                own, ended = (TICK * (int(fields[k]) + int(fields[k + 1])) for k in (11, 13))
                self._seen[pid] = (int(fields[1]), own, ended)
        return there

    def _used(self, there: set[int]) -> float:
        """Of all processes that were seen, and of those that were too short to be seen but not for their parents."""
        known: dict[int, float] = {}
        for pid, (parent, own, ended) in self._seen.items():
            known[parent] = known.get(parent, 0.0) + (0.0 if pid in there else own + ended)
        return sum(own + max(0.0, ended - known.get(pid, 0.0)) for pid, (_, own, ended) in self._seen.items())


def five(topic: str = TOPIC) -> Notebook:
    """The first five exercises of a notebook, as a notebook of its own; none for which torch loads half of itself."""
    whole = notebook(topic)
    return whole.only([name for name in whole.exercises if "torch.func" not in whole.solutions[name]][:EXERCISES])


def solved(published: Notebook) -> bytes:
    """The notebook with the solutions in it; each copy gets a line of its own."""
    made = json.loads(json.dumps(published.raw))
    for cell in made["cells"]:
        exercise = cell["metadata"].get("course", {}).get("exercise")
        if exercise:
            cell["source"] = published.solutions[exercise]
    return json.dumps(made).encode()


def ours(published: Notebook, number: int, options: Options) -> Meter:
    """Grade so many submissions. The self-test is left out: it takes as long as some five of them, whatever the number."""
    data = solved(published)
    submissions = [Submission(f"{k:04}.ipynb", f"{k:04}", 0.0, lambda: data) for k in range(number)]
    with Meter() as meter, tempfile.TemporaryDirectory() as out:
        rows = grade(submissions, published, Path(out), options).sorted()
    wrong = [row.file for row in rows if row.status != "graded" or row.points != row.maximum]
    if wrong:
        raise RuntimeError(f"not every solved notebook got full points: {wrong[:5]}")
    return meter


# ------------------------------------------------------------------------------------------------------ beside others


def equivalent(published: Notebook) -> tuple[list[tuple[str, str]], str]:
    """For the other graders: solutions, and a test of each that asks our own check for full points."""
    answers = [(name, published.solutions[name]) for name in published.exercises]
    test = "from course_lib.checks import judge\nassert judge({!r}, {}).full"
    return answers, test


def otter(published: Notebook, number: int, command: str) -> Meter | None:
    """`otter run` over so many submissions, one after the other; None if otter is not installed."""
    if not shutil.which(command):
        return None
    answers, test = equivalent(published)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tests").mkdir()
        for exercise, _ in answers:
            function = function_of(exercise)
            body = test.format(exercise, function).replace("\n", "\n    ")
            text = "from otter.test_files import test_case\nOK_FORMAT = False\nname = {0!r}\npoints = 1\n\n"
            text += "@test_case(points=1)\ndef test_it(env):\n    {0} = env[{0!r}]\n    " + body.replace("{", "{{").replace(
                "}", "}}"
            )
            (folder / "tests" / f"{function}.py").write_text(text.format(function) + "\n")
        _write(folder / "work.ipynb", [source for _, source in answers])
        with zipfile.ZipFile(folder / "autograder.zip", "w") as archive:
            archive.writestr("otter_config.json", "{}")
            for file in (folder / "tests").iterdir():
                archive.write(file, f"tests/{file.name}")
        with Meter() as meter:
            for _ in range(number):
                _run([command, "run", "-a", "autograder.zip", "work.ipynb"], folder)
        points = [one["score"] for one in json.loads((folder / "results.json").read_text())["tests"] if "score" in one]
        return _full(meter, sum(points), len(answers), "otter")


def _run(command: list[str], folder: Path) -> None:
    path = os.pathsep.join([str(Path(shutil.which(command[0]) or "").parent), os.environ.get("PATH", "")])  # they call others
    done = subprocess.run(command, cwd=folder, env=os.environ | {"PATH": path}, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:2])} failed: {(done.stderr or done.stdout)[-600:]}")


def _full(meter: Meter, points: float, most: int, name: str) -> Meter:
    """The others, too, must have given full points: what stops at the first line is quick."""
    if points != most:
        raise RuntimeError(f"{name} gave {points} of {most} points to the solutions")
    return meter


def nbgrader(published: Notebook, number: int, command: str) -> Meter | None:
    """`nbgrader autograde` over so many submissions; None if nbgrader is not installed."""
    if not shutil.which(command):
        return None
    answers, test = equivalent(published)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cells = []
        for exercise, source in answers:
            function = function_of(exercise)
            cells += [
                _graded(function, source, True, 0),
                _graded(f"test-{function}", test.format(exercise, function), False, 1),
            ]
        made = {"cells": cells, "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}}, "nbformat": 4}
        text = json.dumps(made | {"nbformat_minor": 5})
        places = [folder / "source" / "ps1", *(folder / "submitted" / f"s{k:03}" / "ps1" for k in range(number))]
        for place in places:
            place.mkdir(parents=True)
            (place / "work.ipynb").write_text(text)
        (folder / "nbgrader_config.py").write_text(f"c = get_config()\nc.CourseDirectory.root = {str(folder)!r}\n")
        _run([command, "generate_assignment", "ps1"], folder)
        with Meter() as meter:
            _run([command, "autograde", "ps1"], folder)
        with contextlib.closing(sqlite3.connect(folder / "gradebook.db")) as book:
            ((points,),) = book.execute("select sum(auto_score) from grade").fetchall()
        return _full(meter, points, number * len(answers), "nbgrader")


def _graded(name: str, source: str, solution: bool, points: int) -> dict:
    about = {
        "schema_version": 3,
        "grade_id": name,
        "solution": solution,
        "grade": not solution,
        "locked": not solution,
        "task": False,
    }
    metadata = {"nbgrader": about | {"task": False} | ({} if solution else {"points": points})}
    return {
        "cell_type": "code",
        "id": name.replace("_", "-"),
        "metadata": metadata,
        "outputs": [],
        "execution_count": None,
        "source": source,
    }


def _write(path: Path, sources: list[str]) -> None:
    cells = [
        {"cell_type": "code", "id": f"c{k}", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for k, source in enumerate(sources)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    path.write_text(json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))


def said(meter: Meter, number: int) -> str:
    """What a line says of one run."""
    each = f"{meter.processor / number:.2f} s of the processor each"
    return f"{60 * number / meter.seconds:.0f} a minute, {each} ({number} in {meter.seconds:.0f} s)"


def _line(published: Notebook, number: int, options: Options) -> str:
    """How fast we are; marked if that is less than what we want."""
    if not number:
        return "left out"
    try:
        meter = ours(published, number, options)
    except NoSandbox as reason:
        return str(reason).splitlines()[-1].strip()
    return said(meter, number) + (" !" if 60 * number / meter.seconds < TARGET else "")


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks grading")
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--others", type=int, default=4, help="submissions for otter and nbgrader")
    parser.add_argument("--fresh", type=int, default=20, metavar="N", help="submissions with a fresh sandbox for each")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--otter", default="otter", metavar="COMMAND")
    parser.add_argument("--nbgrader", default="nbgrader", metavar="COMMAND")
    wanted = parser.parse_args(arguments)
    published, options = five(), Options(jobs=wanted.jobs, progress=False, selftest=False)
    size = f"{wanted.number} submissions of {len(published.exercises)} exercises"
    print(f"{size}, {wanted.jobs} jobs on {os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}")
    with Meter() as meter:
        subprocess.run([sys.executable, "-c", "import torch"], check=True)
    print(f"  for comparison, importing torch: {meter.processor:.1f} s of the processor", flush=True)
    for name, kind, ahead, number in (
        ("forked from a nursery", "nursery", 0, wanted.number),
        ("a fresh sandbox each", "bwrap", 0, wanted.fresh),
        ("a fresh sandbox each, the next one started ahead", "bwrap", 1, wanted.fresh),
    ):
        print(f"  ours, {name}: {_line(published, number, replace(options, kind=kind, ahead=ahead))}", flush=True)
    for name, run, command in (("otter run", otter, wanted.otter), ("nbgrader autograde", nbgrader, wanted.nbgrader)):
        meter = run(published, wanted.others, command)
        print(f"  {name}: {said(meter, wanted.others) if meter else 'not installed'}", flush=True)
