"""What the class found hard: points for each exercise, and how often each hint was given."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Summary:
    """One exercise over the class."""

    exercise: str
    maximum: int
    points: list[int] = field(default_factory=list)
    hints: Counter = field(default_factory=Counter)
    words: dict[str, str] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        return sum(self.points) / len(self.points) if self.points else 0.0

    @property
    def full(self) -> int:
        return sum(points == self.maximum for points in self.points)


def summaries(rows: list[dict]) -> list[Summary]:
    """A summary of each exercise over the graded rows, in the order of the notebook."""
    found: dict[str, Summary] = {}
    for row in rows:
        if row["status"] != "graded":
            continue
        for exercise, result in row["exercises"].items():
            one = found.setdefault(exercise, Summary(exercise, result["maximum"]))
            one.points.append(result["points"])
            one.hints.update(result["hints"])
            for hint, text in zip(result["hints"], result["messages"], strict=False):
                one.words.setdefault(hint, text)
    return list(found.values())


def read(folder: Path) -> list[dict]:
    """Rows of a finished run, or of one that is still going on; raises `ValueError` if there are none."""
    table, lines = folder / "grades.json", folder / "rows.jsonl"
    if lines.exists():
        text = lines.read_text(encoding="utf8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()[1:]]
    if table.exists():
        return json.loads(table.read_text(encoding="utf8"))["rows"]
    raise ValueError(f"there are no grades in {folder}")


def report(folder: Path) -> str:
    """The table that `stats` prints: exercises from the hardest to the easiest, each with its hints."""
    rows = read(folder)
    graded = sum(row["status"] == "graded" for row in rows)
    lines = [f"{graded} graded submissions of {len(rows)}"]
    for one in sorted(summaries(rows), key=lambda one: one.mean / max(one.maximum, 1)):
        lines.append(f"\n{one.exercise}: mean {one.mean:.1f} of {one.maximum}, full points {one.full} of {len(one.points)}")
        for hint, count in one.hints.most_common():
            lines.append(f"  {count:4d} x {hint}: {one.words.get(hint, '')[:110]}")
    return "\n".join(lines)
