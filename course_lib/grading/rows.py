"""The table of a class: a row for each submission, kept while grading goes on, and written as CSV and JSON."""

import csv
import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

GRADED, UNREADABLE, ERROR, REPLACED = "graded", "unreadable", "grader error", "replaced by a later one"
SCHEMA = 1


@dataclass(frozen=True)
class Row:
    """What came of one submission. `exercises` holds the results by address, as plain data."""

    file: str
    student: str
    status: str
    points: int
    maximum: int
    note: str = ""
    digest: str = ""
    seconds: float = 0.0
    exercises: dict[str, dict] = field(default_factory=dict)


def about(topic: str, digest: str, exercises: list[str], seed: int, way: str) -> dict:
    """What has to be known to get the same rows again."""
    versions = {name: version(name) for name in ("torch", "numpy", "nbval", "pytest")}
    return {
        "schema": SCHEMA, "notebook": topic, "notebook_digest": digest, "exercises": exercises, "seed": f"{seed:x}",
        "sandbox": way, "python": platform.python_version(), "versions": versions,
    }  # fmt: skip


class Table:
    """Rows on disk: `rows.jsonl` grows line by line, so that what is graded stays graded whatever happens."""

    def __init__(self, folder: Path, head: dict, resume: bool = False) -> None:
        self.folder, self.head, self.path = folder, head, folder / "rows.jsonl"
        self.rows: dict[str, Row] = {}
        folder.mkdir(parents=True, exist_ok=True)
        if resume and self.path.exists():
            known = [json.loads(line) for line in _whole_lines(self.path)]
            same = ("notebook", "notebook_digest", "seed")
            if not known or any(known[0].get(key) != head[key] for key in same):
                raise ValueError(f"{self.path} is of another run (notebook or seed differ): choose another --out")
            self.rows = {plain["file"]: Row(**plain) for plain in known[1:]}
        self._rewrite()

    def add(self, row: Row) -> None:
        """Keep a row, at once; it replaces the one that the file has."""
        again = row.file in self.rows
        self.rows[row.file] = row
        if again:
            self._rewrite()
            return
        with self.path.open("a", encoding="utf8") as file:
            file.write(json.dumps(asdict(row)) + "\n")

    def keep(self, files: Iterable[str]) -> None:
        """Forget the rows of other files."""
        wanted = set(files)
        self.rows = {name: row for name, row in self.rows.items() if name in wanted}
        self._rewrite()

    def sorted(self) -> list[Row]:
        return [self.rows[name] for name in sorted(self.rows)]

    def _rewrite(self) -> None:
        lines = [json.dumps(self.head), *(json.dumps(asdict(row)) for row in self.rows.values())]
        self.path.write_text("".join(f"{line}\n" for line in lines), encoding="utf8")


def seed_of(folder: Path) -> int | None:
    """The seed of an earlier run in this folder."""
    lines = _whole_lines(folder / "rows.jsonl") if (folder / "rows.jsonl").exists() else []
    return int(json.loads(lines[0])["seed"], 16) if lines else None


def _whole_lines(path: Path) -> list[str]:
    """Lines that were written to their end: the last one may not be."""
    text = path.read_text(encoding="utf8")
    return text[: text.rfind("\n") + 1].splitlines()


# ------------------------------------------------------------------------------------------------------------ reports


def write_json(rows: list[Row], head: dict, path: Path) -> None:
    data = head | {"rows": [asdict(row) for row in rows]}
    _replace(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def write_csv(rows: list[Row], exercises: list[str], path: Path) -> None:
    """One row a submission, one column an exercise; cells that a spreadsheet would run are made text."""
    names = [exercise.rpartition("/")[2] for exercise in exercises]
    temporary = path.with_suffix(".part")
    with temporary.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(["student", "file", "status", "points", "maximum", *names, "note", "seconds"])
        for row in rows:
            points = [row.exercises.get(exercise, {}).get("points", "") for exercise in exercises]
            line = [row.student, row.file, row.status, row.points, row.maximum, *points, remarks(row), row.seconds]
            table.writerow([harmless(cell) for cell in line])
    os.replace(temporary, path)


def remarks(row: Row) -> str:
    """The note on a row and those on its exercises, with copied answers; exercises with the same remark together."""
    said: dict[str, list[str]] = {}
    for exercise, result in row.exercises.items():
        for text in filter(None, (result["note"], result["copied"])):
            said.setdefault(text, []).append(exercise.rpartition("/")[2])
    return "; ".join([row.note] * bool(row.note) + [f"{text}: {', '.join(names)}" for text, names in said.items()])


def harmless(cell: object) -> object:
    """Text that begins like a formula gets a quotation mark in front."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_suffix(".part")
    temporary.write_text(text, encoding="utf8")
    os.replace(temporary, path)
