"""How an exercise is checked.

A check is written once, in `course_lib/checks/PART/TOPIC.py`, one variable per exercise:

    exact_shapley = Exercise(
        "attribution/shapley/exact_shapley",          # PART/TOPIC/NAME; NAME is the function that the student writes
        hints={"banzhaf": "your scores do not add up to v(N) - v(empty): does each size of coalition weigh the same?"},
    )

    @exact_shapley.property(points=2)
    def matches_definition(answer, random):           # random: `Instances`, fresh for each property and seed
        dividends = random.table(random.integer(2, 5))
        values, truth = ..., ...                      # a truth that does not copy the solution
        scores = as_tensor(answer(values), truth.shape)
        if not close(scores, truth):
            raise Wrong("banzhaf" if close(scores, ...) else "value")

Rules that the tests hold every exercise to:

* The first property is the value property: later points count only if it holds. So nobody earns a point by returning
  zeros, and later properties may be easy ones.
* A property tests a truth on random instances (an axiom, an identity, a closed form), never one stored number. Before
  it gives up with a general hint it may try likely mistakes and name the one that fits. Hints say what to look at, in
  words, and never what the number should be.
* `answer(...)` takes and returns what `codec` can carry. `as_tensor`, `as_number` and `as_dict` turn a return of the
  wrong kind, shape or content into a clear hint. An answer that raises, changes its arguments, or differs when it is
  called through the codec is dealt with here, and a property need not think of it.
* Draw from `random` only. Keep the median check under 50 ms: every answer of a class meets the same instances, so build
  them by `random.once`, and keep truths and what likely mistakes give by `random.recall`.
"""

import contextlib
import difflib
import importlib
import io
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field

from course_lib.checks.answers import AnswerError, Mutated, NotCarried, call, call_carried
from course_lib.checks.instances import Instances
from course_lib.checks.returns import Wrong

GENERAL_HINTS = {
    "unwritten": "not written yet",
    "callable": "give `check` the function itself: its name, without brackets",
    "error": "your function stopped with an error",
    "none": "your function returns None: is there a `return` at the end?",
    "type": "your function returns something of another kind than asked for",
    "shape": "your function returns a tensor of another shape than asked for",
    "nan": "your function returns values that are not finite numbers (nan or inf)",
    "unusable": "what your function returns could not be compared: look at its kind and shape",
    "mutates": "your function changes its arguments: work on a copy (`.clone()`), the caller still needs the original",
    "transport": "gives another result when its arguments and return value are carried as plain data: "
    "use only what is passed in, and return plain numbers, strings, containers, arrays or tensors",
}
_EXERCISES: dict[str, "Exercise"] = {}


@dataclass(frozen=True)
class Property:
    """One tested truth and what it is worth."""

    name: str
    points: int
    test: Callable


@dataclass
class Exercise:
    """An exercise: address, hints by id, and properties in the order in which they count."""

    id: str
    hints: dict[str, str] = field(default_factory=dict)
    properties: list[Property] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.id.split("/")) != 3 or not self.name.isidentifier():
            raise ValueError(f"id must be PART/TOPIC/NAME with NAME a function's name, got {self.id!r}")
        _EXERCISES[self.id] = self

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]

    @property
    def maximum(self) -> int:
        return sum(part.points for part in self.properties)

    def property(self, points: int) -> Callable:
        """Decorator: add the function as the next property, worth `points`."""

        def add(test: Callable) -> Callable:
            self.properties.append(Property(test.__name__, points, test))
            return test

        return add

    def message(self, wrong: Wrong) -> str:
        """The sentence a student reads: one printable line."""
        if wrong.hint not in self.hints and wrong.hint not in GENERAL_HINTS:
            raise LookupError(f"{self.id} has no hint {wrong.hint!r}")
        text = wrong.text or self.hints.get(wrong.hint) or GENERAL_HINTS[wrong.hint]
        line = " ".join((text + (f" (seen with {wrong.seen})" if wrong.seen else "")).split())
        return "".join(sign if sign.isprintable() else "?" for sign in line)[:400]


@dataclass(frozen=True)
class Verdict:
    """What a check found: the record that grading trusts, and that `check` prints.

    `hints` are ids in the order found, `messages` the sentences that go with them.
    """

    exercise: str
    points: int
    maximum: int
    hints: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    note: str = ""

    @property
    def full(self) -> bool:
        return self.points == self.maximum

    def __str__(self) -> str:
        name = self.exercise.rpartition("/")[2]
        lines = [f"{name}: {self.points}/{self.maximum} points", *(f"  hint: {text}" for text in self.messages)]
        return "\n".join(lines + ([f"  note: {self.note}"] if self.note else []))


def check(exercise: str, answer: Callable, seed: int = 0) -> None:
    """Print the verdict on an answer. A wrong answer never raises, so that "Run all" goes on.

    What the answer prints meanwhile is held back, and its first lines are shown if points were lost.
    """
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        verdict = judge(exercise, answer, seed)
    print(verdict)
    if not verdict.full:
        for line in printed.getvalue().splitlines()[:5]:
            print(f"  printed: {line[:200]}")


def judge(exercise: str, answer: Callable, seed: int = 0) -> Verdict:
    """Test an answer twice, called directly and called through the codec; the lower verdict counts.

    Raises `ValueError` for an unknown exercise, never for a wrong answer. A property that stops with an error of its
    own costs its points and leaves the hint "unusable"; the tests see to it that no ordinary answer gets there.
    """
    known = find(exercise)
    if not callable(answer):
        return _verdict(known, 0, [Wrong("callable")])
    direct = _run(known, lambda *args, **kwargs: call(answer, args, kwargs), seed)
    if direct.points == 0:
        return direct
    carried = _run(known, lambda *args, **kwargs: call_carried(answer, args, kwargs), seed)
    if carried.points >= direct.points:
        return direct
    return _verdict(known, carried.points, [Wrong("transport")])


def _run(exercise: Exercise, answer: Callable, seed: int) -> Verdict:
    points, lost = 0, []
    for index, part in enumerate(exercise.properties):
        try:
            part.test(answer, Instances(seed, exercise.id, part.name))
        except Wrong as wrong:
            lost.append(wrong)
        except AnswerError as error:
            lost.append(_own_error(error))
        except Mutated:
            lost.append(Wrong("mutates"))
        except NotCarried:
            lost.append(Wrong("transport"))
        except TimeoutError:
            raise
        except Exception as error:  # a return value that the property did not expect must not stop a class
            lost.append(Wrong("unusable", f"{GENERAL_HINTS['unusable']} ({type(error).__name__}: {error})"))
        else:
            points += part.points
        if lost and index == 0:
            break
    return _verdict(exercise, points, lost)


def _own_error(error: AnswerError) -> Wrong:
    if "NotImplementedError" in error.kinds:
        return Wrong("unwritten")
    place = f", at {error.place}" if error.place else ""
    return Wrong("error", f"your function stopped with {error}{place}")


def _verdict(exercise: Exercise, points: int, lost: list[Wrong]) -> Verdict:
    first = {wrong.hint: exercise.message(wrong) for wrong in reversed(lost)}
    hints = tuple(dict.fromkeys(wrong.hint for wrong in lost))
    return Verdict(exercise.id, points, exercise.maximum, hints, tuple(first[hint] for hint in hints))


# ---------------------------------------------------------------------------------------------- finding exercises


def find(exercise: str) -> Exercise:
    """The exercise of that address; an unknown one raises `ValueError` with the nearest addresses."""
    package, _, _ = exercise.rpartition("/")
    name = f"course_lib.checks.{package.replace('/', '.')}"
    if exercise not in _EXERCISES and name in _topics():
        importlib.import_module(name)
    if exercise not in _EXERCISES:
        known = exercises()
        near = difflib.get_close_matches(exercise, known, n=3, cutoff=0.4) or known[:3]
        raise ValueError(f"there is no exercise {exercise!r}; the nearest are {', '.join(near)}")
    return _EXERCISES[exercise]


def exercises() -> list[str]:
    """The addresses of all exercises, sorted."""
    for name in _topics():
        importlib.import_module(name)
    return sorted(_EXERCISES)


def _topics() -> list[str]:
    """Modules `course_lib.checks.PART.TOPIC`, sorted."""
    package = importlib.import_module("course_lib.checks")
    found = pkgutil.walk_packages(package.__path__, "course_lib.checks.")
    return sorted(module.name for module in found if module.name.count(".") == 3)


# ------------------------------------------------------------------------------------------- catalogue of mistakes


@dataclass(frozen=True)
class Mistake:
    """A plausible wrong answer, and what the check should make of it."""

    function: Callable
    exercise: str
    hint: str
    points: int


def mistake(exercise: str, *, hint: str, points: int = 0) -> Callable:
    """Decorator for `mistakes/PART/TOPIC.py`: the check must give exactly `points`, and `hint` as its first hint."""

    def mark(function: Callable) -> Callable:
        function.mistake = Mistake(function, exercise, hint, points)
        return function

    return mark
