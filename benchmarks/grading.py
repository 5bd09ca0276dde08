"""How many submissions a minute: `python -m benchmarks grading`, beside otter and nbgrader where they are installed.

Two hundred solved copies of a notebook with five exercises, on as many cores as there are (or `--jobs`), with nbval as
judge and a fresh sandbox for each; once with sandboxes started ahead of need, and once without. `--number 20` is quicker.
otter (`otter run`) and nbgrader (`autograde`) are looked for on the PATH: neither has to share our environment.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from course_lib.grading.collecting import Submission
from course_lib.grading.course import Notebook, function_of, notebook
from course_lib.grading.grade import Options, grade

TOPIC, EXERCISES, TARGET = "start/warmup", 5, 40.0


def five(topic: str = TOPIC) -> Notebook:
    """The first five exercises of a notebook, as a notebook of its own."""
    whole = notebook(topic)
    return whole.only(whole.exercises[:EXERCISES])


def solved(published: Notebook) -> bytes:
    """The notebook with the solutions in it; each copy gets a line of its own."""
    made = json.loads(json.dumps(published.raw))
    for cell in made["cells"]:
        exercise = cell["metadata"].get("course", {}).get("exercise")
        if exercise:
            cell["source"] = published.solutions[exercise]
    return json.dumps(made).encode()


def ours(published: Notebook, number: int, options: Options) -> float:
    """Seconds for so many submissions. The self-test is part of it."""
    data = solved(published)
    submissions = [Submission(f"{k:04}.ipynb", f"{k:04}", 0.0, lambda: data) for k in range(number)]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        rows = grade(submissions, published, Path(out), options).sorted()
    wrong = [row.file for row in rows if row.status != "graded" or row.points != row.maximum]
    if wrong:
        raise RuntimeError(f"not every solved notebook got full points: {wrong[:5]}")
    return time.perf_counter() - start


# ------------------------------------------------------------------------------------------------------ beside others


def equivalent(published: Notebook) -> tuple[list[tuple[str, str]], str]:
    """For the other graders: solutions, and a test of each that asks our own check for full points."""
    answers = [(name, published.solutions[name]) for name in published.exercises]
    test = "from course_lib.checks import judge\nassert judge({!r}, {}).full"
    return answers, test


def otter(published: Notebook, number: int) -> float | None:
    """Seconds of `otter run` over so many submissions, one after the other; None if otter is not installed."""
    command = os.environ.get("OTTER", "otter")
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
        with zipfile_of(folder / "tests", folder / "autograder.zip"):
            start = time.perf_counter()
            for _ in range(number):
                subprocess.run(
                    [command, "run", "-a", "autograder.zip", "work.ipynb"], cwd=folder, check=True, capture_output=True
                )
            return time.perf_counter() - start


class zipfile_of:
    """A zip of a folder of tests, with the settings that otter looks for."""

    def __init__(self, tests: Path, path: Path) -> None:
        (tests.parent / "otter_config.json").write_text("{}")
        import zipfile

        with zipfile.ZipFile(path, "w") as archive:
            archive.write(tests.parent / "otter_config.json", "otter_config.json")
            for file in tests.iterdir():
                archive.write(file, f"tests/{file.name}")

    def __enter__(self) -> None:
        """Nothing to open."""

    def __exit__(self, *error: object) -> None:
        """Nothing to close."""


def nbgrader(published: Notebook, number: int) -> float | None:
    """Seconds of `nbgrader autograde` over so many submissions; None if nbgrader is not installed."""
    command = os.environ.get("NBGRADER", "nbgrader")
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
        subprocess.run([command, "generate_assignment", "ps1"], cwd=folder, check=True, capture_output=True)
        start = time.perf_counter()
        subprocess.run([command, "autograde", "ps1"], cwd=folder, check=True, capture_output=True)
        return time.perf_counter() - start


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


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks grading")
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--others", type=int, default=4, help="submissions for otter and nbgrader")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    wanted = parser.parse_args(arguments)
    published, options = five(), Options(jobs=wanted.jobs, progress=False)
    size = f"{wanted.number} submissions of {len(published.exercises)} exercises"
    print(f"{size}, {wanted.jobs} jobs; load {os.getloadavg()[0]:.1f}")
    for name, ahead in (("a fresh sandbox each", 0), ("the next sandbox started ahead", 1)):
        seconds = ours(published, wanted.number, replace(options, ahead=ahead))
        rate = 60 * wanted.number / seconds
        missed = " !" if rate < TARGET else ""
        print(f"  ours, {name}: {rate:.0f} a minute{missed} ({seconds:.0f} s, the self-test among them)", flush=True)
    for name, run in (("otter run", otter), ("nbgrader autograde", nbgrader)):
        seconds = run(published, wanted.others)
        said = "not installed"
        if seconds is not None:
            said = f"{60 * wanted.others / seconds:.0f} a minute ({seconds:.0f} s for {wanted.others})"
        print(f"  {name}: {said}", flush=True)
