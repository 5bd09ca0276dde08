"""Judging one submission: its answers run in a sandbox, the checks run here, and nothing but plain data comes across."""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

from course_lib.checks import core
from course_lib.grading import fingerprints, staging
from course_lib.grading.channel import Channel, Limits, Stopped
from course_lib.grading.course import Notebook, function_of
from course_lib.grading.finding import Answers

COPIED = "the same as the published solution"


@dataclass(frozen=True)
class Result:
    """What an exercise of a submission earned, and why not more."""

    exercise: str
    points: int
    maximum: int
    hints: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    note: str = ""
    copied: str = ""
    seconds: float = 0.0
    nbval: str = ""

    def __str__(self) -> str:
        """What the check cell of the notebook prints."""
        return str(core.Verdict(self.exercise, self.points, self.maximum, self.hints, self.messages))

    def as_dict(self) -> dict:
        return asdict(self) | {"hints": list(self.hints), "messages": list(self.messages)}


class Judge:
    """Judges submissions of one notebook. `start` gives a fresh sandbox; `ahead` of them wait, already started."""

    def __init__(self, notebook: Notebook, start: Callable[[], Channel], limits: Limits, seed: int, ahead: int = 0) -> None:
        self.notebook, self.limits, self.seed = notebook, limits, seed
        self._start, self._ahead, self._waiting = start, ahead, []
        self._sources = json.dumps(staging.check_sources(notebook.topic)).encode()

    def judge(self, answers: Answers) -> dict[str, Result]:
        """A result for each exercise; an answer that misbehaves costs its own exercise."""
        sitting = _Sitting(self, answers)
        try:
            results = {exercise: sitting.exercise(exercise) for exercise in self.notebook.exercises}
            return sitting.second_opinion(results)
        finally:
            sitting.close()

    def channel(self) -> Channel:
        """A sandbox that nobody has used."""
        try:
            channel = self._waiting.pop(0) if self._waiting else self._start()
            self.prepare()
            channel.ready()
        except RuntimeError:  # once more, alone: the machine may have been out of breath
            channel = self._start()
            channel.ready()
        return channel

    def prepare(self) -> None:
        """Start the sandboxes that are to wait for their turn."""
        while len(self._waiting) < self._ahead:
            self._waiting.append(self._start())

    def close(self) -> None:
        while self._waiting:
            self._waiting.pop().close()


class _Sitting:
    """One submission in its sandbox."""

    def __init__(self, judge: Judge, answers: Answers) -> None:
        self.judge, self.answers, self.limits = judge, answers, judge.limits
        self.channel: Channel | None = None
        self.bad: set[int] = set()  # cells of the student's own that did not let the others go on
        self.until = time.monotonic() + self.limits.submission

    def close(self) -> None:
        if self.channel:
            self.channel.close()
        self.channel = None

    # ------------------------------------------------------------------------------------------------- one exercise

    def exercise(self, exercise: str) -> Result:
        """Judge one answer."""
        begin, found = time.monotonic(), core.find(exercise)
        note, source = self.answers.notes.get(exercise, ""), self.answers.cells.get(exercise)
        blank = Result(exercise, 0, found.maximum, note=note)
        if source is None:
            return replace(blank, hints=("missing",), messages=(note or "no answer was found",))
        if exercise in self.answers.untouched:
            return replace(blank, hints=("unwritten",), messages=(core.GENERAL_HINTS["unwritten"],))
        if time.monotonic() >= self.until:
            return replace(blank, hints=("stopped",), messages=("not judged: the submission had used up its time",))
        result = self._judged(exercise, [exercise])
        if not result.points and any("NameError" in message for message in result.messages):  # needs a function of another cell
            result = self._judged(exercise, [other for other in self.answers.cells if other not in self.answers.untouched])
        published = self.judge.notebook.solutions.get(exercise, "")
        copied = COPIED if fingerprints.same(source, published) else ""
        return replace(result, note=note, copied=copied, seconds=round(time.monotonic() - begin, 3))

    def _judged(self, exercise: str, cells: list[str]) -> Result:
        found = core.find(exercise)
        nothing = Result(exercise, 0, found.maximum)
        until = min(time.monotonic() + self.limits.exercise, self.until)
        try:
            trouble = self._run_cells(exercise, cells, until)
        except Stopped as stopped:
            return replace(nothing, hints=("stopped",), messages=(stopped.why,))
        if trouble is not None:
            return replace(nothing, hints=("error",), messages=(_line(trouble),))
        stopped: list[Stopped] = []
        verdict = self._carried(exercise, until, stopped)
        if stopped:
            return replace(nothing, hints=("stopped",), messages=(stopped[0].why,))
        return Result(exercise, verdict.points, verdict.maximum, verdict.hints, verdict.messages)

    def _carried(self, exercise: str, until: float, stopped: list[Stopped]) -> core.Verdict:
        """The checks with an answer that lives elsewhere; whatever a check makes of it, the first stop is noted."""

        def answer(*args: object, **kwargs: object) -> object:
            if stopped:
                raise stopped[0]
            try:
                seconds = min(self.limits.call, until - time.monotonic())
                return self.channel.call(exercise, args, kwargs, max(seconds, 0.01))
            except Stopped as stop:
                stopped.append(stop)
                raise

        try:
            with _alarm(until - time.monotonic() + 1.0):
                return core._run(core.find(exercise), answer, self.judge.seed)
        except TimeoutError as late:
            stopped.append(late if isinstance(late, Stopped) else Stopped("your code took too long"))
            return core.Verdict(exercise, 0, 0)

    # -------------------------------------------------------------------------------------------------------- cells

    def _run_cells(self, exercise: str, cells: list[str], until: float) -> str | None:
        """Run the student's own cells and answers in a new child; the error if no function came of it, else None."""
        own = [(index, source) for index, source in enumerate(self.answers.others) if index not in self.bad]
        self._begin()
        failed = [(index, source) for index, source in own if self._run_own(index, source, until)]
        for index, source in failed:  # cells out of order: once more, now that the others have run
            self._run_own(index, source, until)
        reply: dict = {}
        for name in [*(other for other in cells if other != exercise), exercise]:
            reply = self._ask_run(self.answers.cells[name], f"<cell of {function_of(name)}>", until, exercise=name)
        if reply.get("callable") is True:
            return None
        error = str(reply.get("error", ""))
        return f"your cell stopped with {error}" if error else f"your cell defines no function {function_of(exercise)}"

    def _run_own(self, index: int, source: str, until: float) -> bool:
        """Run a cell that is no answer; True if it stopped with an error. One that kills or hangs is left out from now on."""
        try:
            return bool(self._ask_run(source, f"<cell {index + 1} of your own>", until).get("error"))
        except Stopped:
            self.bad.add(index)
            raise

    def _ask_run(self, source: str, label: str, until: float, **head: object) -> dict:
        seconds = max(0.01, min(self.limits.call, until - time.monotonic()))
        body = source.encode("utf8", "replace")
        return self.channel.ask({"do": "run", "label": label, **head}, body, seconds)[0]

    def _begin(self) -> None:
        """A new child, in a new sandbox if the last one did not survive."""
        if self.channel and self.channel.open:
            with contextlib.suppress(Stopped):
                self.channel.ask({"do": "begin"})
                return
        self.close()
        self.channel = self.judge.channel()
        self.channel.ask({"do": "begin"}, seconds=20.0)

    # ---------------------------------------------------------------------------------------------- second opinion

    def second_opinion(self, results: dict[str, Result]) -> dict[str, Result]:
        """Let the checks call the answers in their own process, where they see what does not travel: a hook left behind.

        Only now do checks come into the sandbox, when all is decided; their opinion can only lower the points.
        """
        earning = [exercise for exercise, result in results.items() if result.points]
        if not earning:
            return results
        opinions = self._opinions(earning)
        for exercise in earning:
            points, hints, messages = opinions.get(exercise, (results[exercise].points, (), ()))
            if points < results[exercise].points:
                results[exercise] = replace(results[exercise], points=points, hints=hints, messages=messages)
        return results

    def _opinions(self, earning: list[str]) -> dict[str, tuple]:
        until = time.monotonic() + min(self.limits.exercise, max(5.0, self.until - time.monotonic()))
        try:
            self._run_cells(earning[-1], earning, until)
            head = {"do": "judge", "exercises": earning, "seed": self.judge.seed}
            found = self.channel.ask(head, self.judge._sources, max(0.01, until - time.monotonic()))[0].get("opinions")
        except Stopped:
            return {}
        return {exercise: _opinion(value, exercise) for exercise, value in found.items()} if isinstance(found, dict) else {}


def _opinion(value: object, exercise: str) -> tuple:
    """Points, hints and messages of an opinion; hints that the exercise does not know are dropped."""
    found = core.find(exercise) if exercise in core._EXERCISES else None
    if not (found and isinstance(value, list) and len(value) == 3 and type(value[0]) is int and value[0] >= 0):
        return (10**9, (), ())
    known = found.hints.keys() | core.GENERAL_HINTS.keys()
    pairs = zip(value[1], value[2], strict=False) if isinstance(value[1], list) and isinstance(value[2], list) else ()
    kept = [(hint, _line(str(text))) for hint, text in pairs if isinstance(hint, str) and hint in known]
    return (value[0], tuple(hint for hint, _ in kept), tuple(text for _, text in kept))


def _line(text: str) -> str:
    """One printable line."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))[:400]


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` in a check that takes too long over what an answer gave it."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(signum: int, frame: object) -> None:
        raise TimeoutError("took too long")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.01), 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
