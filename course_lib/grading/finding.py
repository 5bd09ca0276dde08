"""Finding the answers in a notebook that some editor saved, perhaps badly.

The text of a submission is never compiled or parsed as Python here: that happens in the sandbox.
"""

import json
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.grading.course import CHECK, MARKER, Cell, Notebook, as_cell, function_of

MAXIMUM_BYTES = 16 * 2**20
UNWRITTEN = re.compile(r"^\s*raise NotImplementedError\b", re.MULTILINE)


class Unreadable(Exception):
    """There is nothing to grade; the text is a sentence for the teacher's table."""


@dataclass
class Answers:
    """What a submission holds: a cell for each exercise that was found, other code of the student's own, and remarks."""

    cells: dict[str, str] = field(default_factory=dict)
    untouched: set[str] = field(default_factory=set)
    others: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)


def read(path: Path) -> bytes:
    """The bytes of a regular file of a sensible size; anything else is `Unreadable`."""
    try:
        kind = path.lstat()
    except OSError as error:
        raise Unreadable(f"the file could not be opened ({error.strerror})") from None
    if stat.S_ISLNK(kind.st_mode):
        raise Unreadable("this is a link to another file: hand in the notebook itself")
    if stat.S_ISDIR(kind.st_mode):
        raise Unreadable("this is a folder with the name of a notebook")
    if not stat.S_ISREG(kind.st_mode):
        raise Unreadable("this is no ordinary file")
    if kind.st_size > MAXIMUM_BYTES:
        raise Unreadable(f"the file has {kind.st_size / 2**20:.0f} MB, the most is {MAXIMUM_BYTES // 2**20}: clear its outputs")
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"the file could not be read ({error.strerror})") from None


def find(data: bytes, notebook: Notebook, name: str = "x.ipynb") -> Answers:
    """The answers in a submission; raises `Unreadable` if it is no notebook, or one without any of the exercises."""
    cells = _script(_text(data)) if name.endswith(".py") else _cells(data)
    answers = Answers()
    code = [cell for cell in cells if cell.code and cell.source.strip()]
    candidates = {exercise: _candidates(exercise, code, notebook) for exercise in notebook.exercises}
    for exercise, found in candidates.items():
        if not found:
            answers.notes[exercise] = _why_missing(exercise, cells)
            continue
        written = [cell for cell in found if not _is_stub(cell, notebook.stubs[exercise])]
        if len(written) > 1:
            answers.notes[exercise] = f"{len(written)} cells answer this exercise: the last one was graded"
        answers.cells[exercise] = (written or found)[-1].source
        if not written:
            answers.untouched.add(exercise)
    if not answers.cells:
        raise Unreadable(f"no answer to an exercise of {notebook.topic} was found: is this the right notebook?")
    taken = [id(cell) for found in candidates.values() for cell in found]
    published = {_plain(cell.source) for cell in notebook.cells}
    answers.others = [cell.source for cell in code if id(cell) not in taken and _is_own(cell, published)]
    return answers


# ------------------------------------------------------------------------------------------------- which cell is which


def _candidates(exercise: str, code: list[Cell], notebook: Notebook) -> list[Cell]:
    """Cells that may be the answer: those that define its function, else those that claim to be its answer."""
    defines = re.compile(
        rf"^(?:async[ \t]+)?(?:def[ \t]+|class[ \t]+)?{function_of(exercise)}[ \t]*(?:\(|=[^=]|:)", re.MULTILINE
    )
    usable = [cell for cell in code if not CHECK.search(cell.source) or MARKER.search(cell.source)]
    claiming = [cell for cell in usable if _claimed(cell, notebook) == exercise]
    found = [cell for cell in claiming if defines.search(cell.source)]
    return found or [cell for cell in usable if defines.search(cell.source)] or claiming


def _claimed(cell: Cell, notebook: Notebook) -> str:
    """The exercise that a cell says it answers: by its marker line, else its metadata, else its id."""
    for name in MARKER.findall(cell.source):
        for exercise in notebook.exercises:
            if name in (exercise, function_of(exercise)):
                return exercise
    if cell.exercise in notebook.stubs:
        return cell.exercise
    return next((exercise for exercise, stub in notebook.stubs.items() if stub.id and stub.id == cell.id), "")


def _is_stub(cell: Cell, stub: Cell) -> bool:
    return _plain(cell.source) == _plain(stub.source)


def _is_own(cell: Cell, published: set[str]) -> bool:
    """Code of the student's own that is no answer: helpers, trials; not the setup cell, not a check."""
    setup = cell.setup or cell.source.startswith("# Setup: use the course's library")
    return not setup and not re.search(r"^check\(", cell.source, re.MULTILINE) and _plain(cell.source) not in published


def _plain(source: str) -> str:
    """The text without blank lines, blanks at the ends of lines, and the marker."""
    lines = (line.rstrip() for line in MARKER.sub("", source).splitlines())
    return "\n".join(line for line in lines if line)


def _why_missing(exercise: str, cells: list[Cell]) -> str:
    text = re.compile(rf"def[ \t]+{function_of(exercise)}[ \t]*\(")
    if any(not cell.code and (exercise in MARKER.findall(cell.source) or text.search(cell.source)) for cell in cells):
        return "the answer stands in a text cell: make it a code cell"
    return "no cell with an answer was found"


# ---------------------------------------------------------------------------------------------------- reading the file


def _text(data: bytes) -> str:
    if not data.strip():
        raise Unreadable("the file is empty")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable("the file is saved as UTF-16, a notebook is UTF-8: save it again in Jupyter or Colab")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("the file is not UTF-8 text: it was saved in another encoding, or it is no notebook") from None


def _cells(data: bytes) -> list[Cell]:
    text = _text(data)
    try:
        made = json.loads(text)
    except RecursionError:
        raise Unreadable("the file is no notebook: its data is nested too deeply") from None
    except ValueError as error:
        what = "a web page" if text.lstrip()[:1] == "<" else "no valid JSON"
        raise Unreadable(f"the file is no notebook but {what}{_where(error)}") from None
    if isinstance(made, dict) and isinstance(made.get("worksheets"), list):  # nbformat 3
        sheets = [sheet.get("cells") for sheet in made["worksheets"] if isinstance(sheet, dict)]
        made = {"cells": [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]}
    if not isinstance(made, dict) or not isinstance(made.get("cells"), list):
        raise Unreadable("the file is valid JSON but no notebook: it has no list of cells")
    return [as_cell(cell) for cell in made["cells"]]


def _where(error: ValueError) -> str:
    return f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""


def _script(text: str) -> list[Cell]:
    """A notebook saved as a script: cells begin with `# %%`."""
    cells = []
    for part in re.split(r"^(?=# ?%%)", text, flags=re.MULTILINE):
        head, _, rest = part.partition("\n") if re.match("# ?%%", part) else ("", "", part)
        cells.append(Cell(code="[markdown]" not in head, source=rest))
    return cells
