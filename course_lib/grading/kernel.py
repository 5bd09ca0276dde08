"""What runs in the trusted kernel that nbval drives: submissions are opened, check cells run as they were committed.

Student code never runs here. `Session.open` has it judged in a sandbox; a check cell then calls `check` with a proxy,
which prints the verdict for nbval to compare and leaves the record that the points are taken from.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import course_lib.checks
from course_lib.grading.channel import Limits
from course_lib.grading.course import notebook
from course_lib.grading.finding import Answers
from course_lib.grading.judging import Judge, Result
from course_lib.grading.sandbox import NURSERIES, Sandbox

KERNEL_MB = 12_000  # of address space: far more than checks need, and less than would hurt the machine


@dataclass(frozen=True)
class Proxy:
    """Stands for an answer in the trusted kernel. It cannot be called: the verdict on it is known already."""

    exercise: str
    result: Result


class Session:
    """The submissions of one batch, one after the other."""

    def __init__(self, job: str) -> None:
        work = json.loads(Path(job).read_text(encoding="utf8"))
        limits = Limits(**work["limits"])
        sandbox = Sandbox(work["way"], Path(work["stage"]), limits, work["image"], tuple(work["modules"]))
        self._submissions, self._record = work["submissions"], Path(work["record"])
        published, ahead = notebook(work["topic"]).only(work["exercises"]), 0 if work["way"] in NURSERIES else work["ahead"]
        self._source = sandbox.source()
        self._source.prepare()
        self._judge = Judge(published, self._source.start, limits, work["seed"], ahead)
        course_lib.checks.check = check
        _bound_memory()
        self._judge.prepare()

    def open(self, index: int) -> list[Proxy]:
        """Judge a submission; a proxy for each exercise, in the order of the notebook."""
        work = self._submissions[index]
        answers = Answers(work["cells"], set(work["untouched"]), work["others"], work["notes"])
        if index + 1 == len(self._submissions):
            self._judge._ahead = 0
        results = self._judge.judge(answers)
        line = json.dumps({"index": index, "results": [result.as_dict() for result in results.values()]})
        with self._record.open("a", encoding="utf8") as file:
            file.write(line + "\n")
        return [Proxy(exercise, result) for exercise, result in results.items()]

    def close(self) -> None:
        self._judge.close()
        self._source.close()


def check(exercise: str, answer: Proxy, seed: int = 0) -> None:
    """Print the verdict, as `course_lib.checks.check` does in a student's notebook."""
    if type(answer) is not Proxy or answer.exercise != exercise:
        raise TypeError(f"the check of {exercise} got the answer to something else")
    print(answer.result)


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = KERNEL_MB * 2**20
    if os.name == "posix" and (hard == resource.RLIM_INFINITY or hard > most):
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
