"""Fifty seeds in the sandbox: `python -m tests.grading.equal` grades every solution of the course over seeds 0 to 49.

In a notebook the same seeds give full points: `tests/exercises` runs them all on every change, and nbval runs the published
one. Here the answers run in a sandbox, called by the checks from outside, which decides; for the first five seeds also by
the second opinion inside, which does what a notebook does. That takes some minutes, so the result is kept in `equal.csv`,
with a digest of the check and the solution that it holds for; only rows that are not current are made again, and all with
`--all`. `test_equal` looks at more seeds where a row is not current.
"""

import argparse
import csv
import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from course_lib.checks.core import find
from course_lib.grading import sandbox, staging
from course_lib.grading.channel import Channel, Limits
from course_lib.grading.course import ROOT, Notebook, notebook, topics
from course_lib.grading.finding import Answers
from course_lib.grading.judging import Judge, _Sitting

TABLE, SEEDS, SECOND = Path(__file__).with_suffix(".csv"), range(50), range(5)
COLUMNS = ("exercise", "digest", "seeds", "maximum", "least graded", "least second opinion")
LIMITS = replace(Limits(), exercise=3000.0, submission=9000.0, processor=3000)


class Kept:
    """A sandbox that stays for the next submission: only for answers that are known to be honest."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def __getattr__(self, name: str) -> object:
        return getattr(self.channel, name)

    def close(self) -> None:
        """Stay."""


def digest(exercise: str, published: Notebook) -> str:
    """Changes with the check and with the solution."""
    check = (ROOT / "course_lib" / "checks" / f"{published.topic}.py").read_bytes()
    return hashlib.sha256(check + published.solutions[exercise].encode()).hexdigest()[:12]


def stored() -> dict[str, dict[str, str]]:
    """The rows of the table by exercise."""
    if not TABLE.exists():
        return {}
    with TABLE.open(encoding="utf8", newline="") as file:
        return {row["exercise"]: row for row in csv.DictReader(file)}


def current(exercise: str, published: Notebook) -> bool:
    return stored().get(exercise, {}).get("digest") == digest(exercise, published)


def row(kept: Kept, published: Notebook, exercise: str) -> dict[str, object]:
    """Points over all seeds, with one process in the sandbox for all of them."""
    judge = Judge(published.only([exercise]), lambda: kept, LIMITS, 0)
    sitting, until = _Sitting(judge, Answers({exercise: published.solutions[exercise]})), time.monotonic() + 3000.0
    trouble = sitting._run_cells(exercise, [exercise], until)
    if trouble:
        raise RuntimeError(f"{exercise}: {trouble}")
    graded, second = [], []
    for judge.seed in SEEDS:
        graded.append(sitting._carried(exercise, until, []).points)
    for seed in SECOND:
        asked = {"do": "judge", "exercises": [exercise], "seed": seed}
        second.append(kept.ask(asked, judge._sources, 300.0)[0]["opinions"][exercise][0])
    values = (exercise, digest(exercise, published), len(SEEDS), find(exercise).maximum, min(graded), min(second))
    return dict(zip(COLUMNS, values, strict=True))


def rows(start: Callable[[], Channel], wanted: list[str], old: dict) -> Iterator[dict[str, object]]:
    """New rows for what is wanted, and the old ones of everything else, in the order of the course."""
    kept = Kept(start())
    kept.ready()
    try:
        for topic in topics():
            published = notebook(topic)
            for exercise in published.exercises:
                yield row(kept, published, exercise) if exercise in wanted else old.get(exercise, {})
    finally:
        kept.channel.close()


def write(made: list[dict]) -> None:
    with TABLE.open("w", encoding="utf8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(made)


def main() -> int:
    """Make the rows that are not current; 1 if some exercise gets other points in the sandbox."""
    parser = argparse.ArgumentParser(prog="python -m tests.grading.equal", description=__doc__)
    parser.add_argument("topics", nargs="*", help="only these: PART/TOPIC")
    parser.add_argument("--all", action="store_true", help="the rows that are current, too")
    options, old = parser.parse_args(), stored()
    known = [(exercise, notebook(topic)) for topic in options.topics or topics() for exercise in notebook(topic).exercises]
    wanted = [exercise for exercise, published in known if options.all or not current(exercise, published)]
    modules = {name for _, published in known for name in published.modules}
    made: list[dict] = []
    with staging.staged() as stage:
        box = replace(sandbox.choose(Path(stage), LIMITS), modules=tuple(sorted(modules)))
        for one in rows(box.start, wanted, old):
            made += [one] if one else []
            if one and one["exercise"] in wanted:
                print(*one.values(), flush=True)
                rest = [old[name] for name in old if name not in {done["exercise"] for done in made}]
                write([*made, *rest])
    write(made)
    return int(any(str(one["maximum"]) != str(one[name]) for one in made for name in COLUMNS[-2:]))


if __name__ == "__main__":
    sys.exit(main())
