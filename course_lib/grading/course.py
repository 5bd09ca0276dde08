"""The course as it was published: notebooks with their exercises and check cells, and the solutions beside them."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARKER = re.compile(r"^[ \t]*#[ \t]*exercise:[ \t]*(\S+)[ \t]*$", re.MULTILINE)
CHECK = re.compile(r'^check\("([^"]+)", (\w+)\)', re.MULTILINE)


class NotAClone(Exception):
    """The solutions are not here, so there is nothing to test the grader with."""


@dataclass(frozen=True)
class Cell:
    """What grading needs of a notebook's cell, whoever saved it."""

    code: bool
    source: str
    id: str = ""
    exercise: str = ""  # from the metadata
    setup: bool = False


@dataclass(frozen=True)
class Notebook:
    """A published exercise notebook: its address PART/TOPIC, and its cells as committed."""

    topic: str
    path: Path
    raw: dict = field(repr=False)

    @cached_property
    def cells(self) -> list[Cell]:
        return [as_cell(cell) for cell in self.raw["cells"]]

    @cached_property
    def stubs(self) -> dict[str, Cell]:
        """The stub of each exercise, in the order of the notebook."""
        return {cell.exercise: cell for cell in self.cells if cell.exercise}

    @property
    def exercises(self) -> list[str]:
        return list(self.stubs)

    @cached_property
    def checks(self) -> dict[str, dict]:
        """The check cell of each exercise, whole: nbval compares its stored output."""
        found = ((CHECK.search(cell.source), raw) for cell, raw in zip(self.cells, self.raw["cells"], strict=True))
        return {match.group(1): raw for match, raw in found if match}

    def only(self, exercises: Sequence[str]) -> "Notebook":
        """The same notebook with some of its exercises."""
        dropped = set(self.exercises) - set(exercises)
        checks = [CHECK.search(cell.source) for cell in self.cells]
        kept = [
            raw
            for raw, cell, check in zip(self.raw["cells"], self.cells, checks, strict=True)
            if cell.exercise not in dropped and not (check and check.group(1) in dropped)
        ]
        return Notebook(self.topic, self.path, self.raw | {"cells": kept})

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """Modules of the library that the checks hand objects of, or that solutions import: a sandbox loads them once."""
        texts = [
            (ROOT / folder / f"{self.topic}.py").read_text(encoding="utf8") for folder in ("course_lib/checks", "solutions")
        ]
        found = re.findall(r"^\s*(?:from|import) (course_lib\.(?!checks)[\w.]+)", "\n".join(texts), re.MULTILINE)
        games = ["course_lib.games"] if re.search(r"\brandom\.game\(|_game\(", texts[0]) else []
        used = "\n".join(self.solutions[exercise] for exercise in self.exercises)  # what torch loads on first use, slowly
        functional = ["torch._dynamo"] if re.search(r"torch\.func\.(?:jvp|jacfwd|hessian|linearize)\b", used) else []
        return tuple(dict.fromkeys([*found, *games, *functional]))

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()[:16]

    @cached_property
    def solutions(self) -> dict[str, str]:
        """Source of each solution: from its line `# exercise: id` to the next one."""
        sections: dict[str, list[str]] = {}
        for line in (ROOT / "solutions" / f"{self.topic}.py").read_text(encoding="utf8").splitlines(keepends=True):
            if found := MARKER.match(line):
                sections[found.group(1)] = []
            if sections:
                sections[list(sections)[-1]].append(line)
        return {exercise: "".join(lines).strip() for exercise, lines in sections.items()}


def as_cell(raw: dict) -> Cell:
    """Read a cell of any notebook; what has the wrong kind is treated as missing."""
    raw = raw if isinstance(raw, dict) else {}
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = raw.get("metadata") if isinstance(raw.get("metadata"), dict) else {}
    course = metadata.get("course") if isinstance(metadata.get("course"), dict) else {}
    tags = metadata.get("tags") if isinstance(metadata.get("tags"), list) else []
    return Cell(
        code=raw.get("cell_type") == "code",
        source=source if isinstance(source, str) else "",
        id=str(raw.get("id", "")),
        exercise=course.get("exercise") if isinstance(course.get("exercise"), str) else "",
        setup="setup" in tags,
    )


def topics() -> list[str]:
    """Addresses PART/TOPIC of the exercise notebooks."""
    folder = ROOT / "exercises"
    if not folder.is_dir() or not (ROOT / "solutions").is_dir():
        raise NotAClone(
            "grading needs the solutions, and they are not part of the installed package: "
            "clone the course's repository and run `python -m course_lib.grading` in it"
        )
    found = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.ipynb"))
    return sorted(path.as_posix() for path in found if ".ipynb_checkpoints" not in path.parts)


def notebook(name: str) -> Notebook:
    """The notebook of that address: `attribution/shapley`, or as a path `exercises/attribution/shapley.ipynb`."""
    known = topics()
    wanted = re.sub(r"^.*?exercises/|\.ipynb$", "", Path(name).as_posix())
    matches = [topic for topic in known if topic == wanted or topic.rpartition("/")[2] == wanted]
    if len(matches) != 1:
        raise ValueError(f"there is no exercise notebook {name!r}; there are {', '.join(known)}")
    path = ROOT / "exercises" / f"{matches[0]}.ipynb"
    return Notebook(matches[0], path, json.loads(path.read_text(encoding="utf8")))


def function_of(exercise: str) -> str:
    """The name of the function that an exercise asks for."""
    return exercise.rpartition("/")[2]
