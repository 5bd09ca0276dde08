"""Submissions made for tests: the published notebook with some answers in it, saved as some editor would."""

import copy
import json
from collections.abc import Callable

from course_lib.grading.channel import Limits
from course_lib.grading.course import Notebook, notebook
from course_lib.grading.finding import Answers

TOPIC = "symmetries/groups"
TARGET = "symmetries/groups/left_moves"  # what attacks are aimed at
LIMITS = Limits(call=10.0, exercise=60.0, submission=400.0, processor=3, memory_mb=1500, processes=20, disk_mb=32, file_mb=8)


def solved(topic: str = TOPIC, **other: str) -> dict:
    """The solved notebook as JSON; `other` replaces answers by the name of their function."""
    published = notebook(topic)
    made = copy.deepcopy(published.raw)
    for cell in made["cells"]:
        cell["source"] = "".join(cell["source"])
        exercise = cell["metadata"].get("course", {}).get("exercise")
        if exercise:
            cell["source"] = other.get(exercise.rpartition("/")[2], published.solutions[exercise])
    return made


def answers(published: Notebook, **other: str) -> Answers:
    """The solutions, some replaced."""
    return Answers({name: other.get(name.rpartition("/")[2], source) for name, source in published.solutions.items()})


def changed(made: dict, change: Callable[[dict], object]) -> bytes:
    """A notebook after a change of each of its cells."""
    made = copy.deepcopy(made)
    for cell in made["cells"]:
        change(cell)
    return json.dumps(made).encode()
