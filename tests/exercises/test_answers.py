"""Every exercise, whichever they are: right answers, trivial answers, catalogued mistakes and mutants get their due."""

import inspect
import statistics
import time
from collections.abc import Callable

import pytest
import torch

from course_lib.checks.core import GENERAL_HINTS, Mistake, exercises, find, judge
from tests.exercises import mutants, notebooks

REFERENCE_SEEDS, MISTAKE_SEEDS, MUTANT_SEEDS, TRIVIAL_SEEDS = 100, 20, 5, 3
KILL_RATE = 0.95
EXERCISES = exercises()
MISTAKES = [mistake for topic in notebooks.topics() for mistake in notebooks.mistakes(topic)]


def topic_of(exercise: str) -> str:
    return exercise.rpartition("/")[0]


def name_of(exercise: str) -> str:
    return exercise.rpartition("/")[2]


def solution(exercise: str) -> Callable:
    return notebooks.load(notebooks.solutions(topic_of(exercise))[exercise], name_of(exercise), "solution of")


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_solution_gets_full_points_whatever_the_seed(exercise: str, record_property: Callable) -> None:
    answer, texts, times = solution(exercise), set(), []
    for seed in range(REFERENCE_SEEDS):
        start = time.perf_counter()
        verdict = judge(exercise, answer, seed)
        times.append(time.perf_counter() - start)
        assert verdict.full, f"seed {seed}: {verdict}"
        texts.add(str(verdict) + "\n")
    assert texts == {notebooks.full_marks(exercise, find(exercise).maximum)}
    record_property(f"exercise:{exercise}", {"milliseconds": 1000 * statistics.median(times)})


def like(value: object, fill: Callable[[torch.Tensor], torch.Tensor]) -> object:
    """A value of the same kind and shape, filled otherwise: what a student might return to see what happens."""
    if isinstance(value, torch.Tensor):
        return fill(value.detach().double()).to(value.dtype)
    if isinstance(value, bool | int | float):
        return type(value)(fill(torch.tensor(float(value), dtype=torch.float64)).item())
    if isinstance(value, list | tuple):
        return type(value)(like(item, fill) for item in value)
    if isinstance(value, dict):
        return {key: like(item, fill) for key, item in value.items()}
    return None


def trivial_answers(right: Callable) -> dict[str, Callable]:
    """Answers that know nothing, some of them of exactly the right kind and shape."""
    generator = torch.Generator().manual_seed(0)

    def noise(value: torch.Tensor) -> torch.Tensor:
        return torch.rand(value.shape, generator=generator, dtype=torch.float64)

    def stub(*args: object, **kwargs: object) -> object:
        raise NotImplementedError

    return {
        "stub": stub,
        "None": lambda *args, **kwargs: None,
        "zeros": lambda *args, **kwargs: like(right(*args, **kwargs), torch.zeros_like),
        "ones": lambda *args, **kwargs: like(right(*args, **kwargs), torch.ones_like),
        "random": lambda *args, **kwargs: like(right(*args, **kwargs), noise),
        "nan": lambda *args, **kwargs: (
            like(right(*args, **kwargs), lambda v: torch.full_like(v, torch.nan))
            if isinstance(right(*args, **kwargs), torch.Tensor | float)
            else float("nan")
        ),
        "first argument": lambda *args, **kwargs: [*args, *kwargs.values()][0],
        "last argument": lambda *args, **kwargs: [*args, *kwargs.values()][-1],
        "empty tensor": lambda *args, **kwargs: torch.empty(0),
        "empty list": lambda *args, **kwargs: [],
        "string": lambda *args, **kwargs: "the answer",
        "number": lambda *args, **kwargs: 0,
        "true": lambda *args, **kwargs: True,
        "an object": lambda *args, **kwargs: object(),
        "itself": lambda *args, **kwargs: right,
        "no arguments": lambda: 0,
        "raises": lambda *args, **kwargs: 1 / 0,
        "exits": lambda *args, **kwargs: exit(),
    }


@pytest.mark.parametrize("exercise", EXERCISES)
def test_stubs_and_trivial_answers_get_nothing_and_a_clear_hint(exercise: str) -> None:
    trivial = trivial_answers(solution(exercise))
    trivial["the committed stub"] = notebooks.load(
        notebooks.stubs(notebooks.read(topic_of(exercise)))[exercise].source, name_of(exercise), "stub of"
    )
    for name, answer in trivial.items():
        for seed in range(TRIVIAL_SEEDS):
            verdict = judge(exercise, answer, seed)
            assert verdict.points == 0, f"{name}, seed {seed}: {verdict}"
            assert verdict.hints and "unusable" not in verdict.hints, f"{name}, seed {seed}: {verdict}"
            if "stub" in name:
                assert verdict.hints == ("unwritten",), verdict
    for value in (None, 3, "the answer"):
        assert judge(exercise, value).hints == ("callable",)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.exercise}-{mistake.function.__name__}")
def test_a_mistake_gets_its_points_and_its_hint(mistake: Mistake) -> None:
    found = find(mistake.exercise)
    assert mistake.hint in found.hints or mistake.hint in GENERAL_HINTS
    for seed in range(MISTAKE_SEEDS):
        verdict = judge(mistake.exercise, mistake.function, seed)
        assert verdict.points == mistake.points < verdict.maximum, f"seed {seed}: {verdict}"
        assert verdict.hints[0] == mistake.hint, f"seed {seed}: {verdict}"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_there_are_mistakes_with_hints_of_the_exercise(exercise: str, record_property: Callable) -> None:
    own = [mistake for mistake in MISTAKES if mistake.exercise == exercise]
    assert len(own) >= 3, "at least three mistakes an exercise"
    assert len({mistake.hint for mistake in own} & set(find(exercise).hints)) >= 2, "their hints should differ"
    record_property(f"exercise:{exercise}", {"mistakes": len(own)})


@pytest.mark.parametrize("exercise", EXERCISES)
def test_an_exercise_is_worth_points_for_at_least_two_properties(exercise: str) -> None:
    found = find(exercise)
    assert len(found.properties) >= 2
    assert all(part.points >= 1 for part in found.properties)
    for hint, text in found.hints.items():
        assert hint not in GENERAL_HINTS, f"{hint} is one of the general hints already"
        assert "\n" not in text and len(text) <= 300 and text == text.strip(), f"{hint}: one line, at most 300 signs"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_mutants_of_the_solution_are_found(exercise: str, record_property: Callable) -> None:
    name, source = name_of(exercise), notebooks.solutions(topic_of(exercise))[exercise]
    catalogue = getattr(notebooks.mistakes_module(topic_of(exercise)), "EQUIVALENT", {})
    equivalent = {key: reason for key, reason in catalogue.items() if key.startswith(f"{name}: ")}
    made, limit = mutants.mutants(source, name), patience(exercise)
    alive = [mutant.key for mutant in made if survives(exercise, mutant, limit)]
    unexpected = [key for key in alive if key not in equivalent]
    killed = len(made) - len(alive)
    numbers = {"mutants": len(made), "killed": killed, "equivalent": len(alive) - len(unexpected)}
    record_property(f"exercise:{exercise}", numbers)
    assert not set(equivalent) - set(alive), "listed as equivalent, but not among the survivors"
    assert all(len(reason) > 10 for reason in equivalent.values()), "an equivalent mutant needs a reason"
    assert killed >= KILL_RATE * (killed + len(unexpected)), "\n".join(["these mutants live:", *unexpected])


def patience(exercise: str) -> float:
    """Seconds of processor time for a mutant on one seed: twenty times what the solution takes, and at least half a second."""
    answer, times = solution(exercise), []
    for seed in range(MUTANT_SEEDS):  # also builds the instances, which the mutants meet again
        start = time.process_time()
        judge(exercise, answer, seed)
        times.append(time.process_time() - start)
    return max(0.5, 20 * statistics.median(times))


def survives(exercise: str, mutant: mutants.Mutant, limit: float) -> bool:
    """Whether a mutant gets full points on all seeds; one that takes too long on one or cannot be loaded does not."""
    try:
        answer = None
        for seed in range(MUTANT_SEEDS):
            with mutants.time_limit(limit):
                answer = answer or notebooks.load(mutant.source, name_of(exercise), "mutant of")
                if not judge(exercise, answer, seed).full:
                    return False
        return True
    except Exception:  # TimeoutError inside the check itself, or a cell that no longer runs
        return False


def test_every_topic_has_its_four_files() -> None:
    for topic in notebooks.topics():
        stubs = set(notebooks.stubs(notebooks.read(topic)))
        assert stubs == {exercise for exercise in EXERCISES if topic_of(exercise) == topic}
        assert stubs == set(notebooks.solutions(topic))
        assert stubs == {mistake.exercise for mistake in notebooks.mistakes(topic)}
    assert {topic_of(exercise) for exercise in EXERCISES} == set(notebooks.topics())


@pytest.mark.parametrize("topic", notebooks.topics())
def test_a_mistake_runs_as_a_cell_of_its_own(topic: str) -> None:
    for mistake in notebooks.mistakes(topic):
        answer = notebooks.load(notebooks.mistake_source(topic, mistake), name_of(mistake.exercise), "mistake in")
        assert judge(mistake.exercise, answer).hints[0] == mistake.hint
        assert "@mistake" not in inspect.getsource(answer)
