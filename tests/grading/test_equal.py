"""Honest work gets the same points in a notebook and from `grade`.

What a notebook gives is `judge`: `tests/exercises` runs it over 100 seeds for every solution, in the same process and
carried as plain data, and nbval over every solved notebook and every mistake. Here the same answers run in a sandbox:
every solution at one seed, or at five where the stored table of fifty (`python -m tests.grading.equal`) is not current.
Of the mistakes those that only the second opinion sees, and in one topic of each part one an exercise that earns
something; with COURSE_GRADING_MISTAKES set, in every topic. A mistake that earns nothing has nothing to lose.
"""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from course_lib.checks.core import Mistake, judge
from course_lib.grading import sandbox
from course_lib.grading.channel import Limits
from course_lib.grading.course import notebook
from course_lib.grading.finding import Answers
from course_lib.grading.judging import Judge, _Sitting
from tests.exercises import notebooks
from tests.grading import equal
from tests.grading.equal import Kept

LIMITS = Limits()
FIRST = set({topic.partition("/")[0]: topic for topic in sorted(notebooks.topics(), reverse=True)}.values())
EVERYWHERE = "COURSE_GRADING_MISTAKES" in os.environ
BIT_OF = {  # mistakes whose points depend on what can only be seen in the answer's own process
    "foreign", "failure", "graph", "leftover", "twice",
}  # fmt: skip


@pytest.fixture(scope="module")
def kept(box: sandbox.Sandbox) -> Iterator[Kept]:
    modules = {name for topic in notebooks.topics() for name in notebook(topic).modules}
    channel = replace(box, limits=LIMITS, modules=tuple(sorted(modules))).start()
    channel.ready()
    yield Kept(channel)
    channel.close()


@pytest.mark.parametrize("topic", notebooks.topics())
def test_solutions_get_full_points_from_the_grader(kept: Kept, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    published, opinions = notebook(topic), []
    give = _Sitting._opinions

    def heard(sitting: _Sitting, earning: list[str]) -> dict[str, tuple]:
        opinions.append(give(sitting, earning))
        return opinions[-1]

    monkeypatch.setattr(_Sitting, "_opinions", heard)
    seeds = 1 if all(equal.current(exercise, published) for exercise in published.exercises) else 5
    for seed in range(1000, 1000 + seeds):
        results = Judge(published, lambda: kept, LIMITS, seed).judge(Answers(dict(published.solutions)))
        assert all(result.points == result.maximum for result in results.values()), [str(result) for result in results.values()]
        # An opinion that is not given lowers no points: see that it was given.
        assert {exercise: opinions[-1][exercise][0] for exercise in opinions[-1]} == {
            exercise: result.maximum for exercise, result in results.items()
        }


def test_fifty_seeds_gave_the_same_points() -> None:
    """The stored table. A row that is not current says nothing any more, and the test above looks closer."""
    table = equal.stored()
    known = {exercise: notebook(topic) for topic in notebooks.topics() for exercise in notebook(topic).exercises}
    current = [table[exercise] for exercise, published in known.items() if equal.current(exercise, published)]
    print(f"{len(current)} of {len(known)} rows are current")
    for row in table.values():
        assert row["seeds"] == "50" and row["maximum"] == row["least graded"] == row["least second opinion"], row


def telling(topic: str) -> list[Mistake]:
    """For each exercise a mistake for each hint that only the second opinion gives, and perhaps one that earns something."""
    with_others = EVERYWHERE or topic in FIRST
    chosen: dict[str, list[Mistake]] = {}
    for mistake in notebooks.mistakes(topic):
        own = chosen.setdefault(mistake.exercise, [])
        if mistake.points and (mistake.hint in BIT_OF or (with_others and not own)):
            if EVERYWHERE or mistake.hint not in {other.hint for other in own}:
                own.append(mistake)
    return [mistake for own in chosen.values() for mistake in own]


@pytest.mark.parametrize("topic", [topic for topic in notebooks.topics() if telling(topic)])
def test_mistakes_get_the_same_points_from_both(kept: Kept, topic: str) -> None:
    published = notebook(topic)
    for mistake in telling(topic):
        source = notebooks.mistake_source(topic, mistake)
        wanted = judge(mistake.exercise, notebooks.load(source, mistake.exercise.rpartition("/")[2]), seed=5)
        result = Judge(published, lambda: kept, LIMITS, 5).judge(Answers({mistake.exercise: source}))[mistake.exercise]
        said = f"{mistake.function.__name__}: {result}"
        assert (result.points, result.maximum) == (wanted.points, wanted.maximum), said
        assert result.hints == wanted.hints or "transport" in wanted.hints, said
