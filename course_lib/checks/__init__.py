"""Checks of the exercises: `check` prints a verdict, `judge` returns it as a record. How to write one: see `core`."""

from course_lib.checks.core import Exercise, Verdict, check, judge, mistake
from course_lib.checks.returns import Wrong, as_number, as_tensor, behind, called, close, nearest

__all__ = [
    "Exercise",
    "Verdict",
    "Wrong",
    "as_number",
    "as_tensor",
    "behind",
    "called",
    "check",
    "close",
    "judge",
    "mistake",
    "nearest",
]
