"""Timetables: which sections and exercises, in which order, for how long, and one notebook that holds just those.

A plan stands in `workshop/agendas/NAME.yml`: a title, the whole time in minutes, and items, each one of

    section: PART/TOPIC#anchor     exercise: PART/TOPIC/name     talk: what about     pause: what for

with `minutes` where the estimate is to be overruled (a talk and a pause always have them), and `cut: 1` for what goes first
when time runs short. Estimates come from the notebooks: a section's share of its chapter's reading time, an exercise's upper
bound.
"""

import json
from dataclasses import dataclass, field

import yaml

from course_lib.catch_up import definitions
from workshop.lessons import ROOT, Card, Lesson, Section

FOLDER = ROOT / "workshop" / "agendas"
KINDS = ("section", "exercise", "talk", "pause")
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@dataclass(frozen=True)
class Item:
    """One line of a timetable."""

    kind: str
    what: str
    minutes: int
    planned: bool  # minutes given by hand, not estimated
    cut: int = 0
    lesson: Lesson | None = None
    part: Section | Card | None = field(default=None, repr=False)

    @property
    def title(self) -> str:
        return self.what if self.part is None else self.part.title

    @property
    def tag(self) -> str:
        if self.kind == "section":
            return f"read together: {self.lesson.title.partition(':')[0]}"
        return f"exercise, {self.part.level}" if self.kind == "exercise" else self.kind


@dataclass(frozen=True)
class Agenda:
    """A timetable. Raises ValueError for a plan that does not fit its time."""

    name: str
    title: str
    minutes: int
    aim: str
    items: list[Item] = field(repr=False)

    def __post_init__(self) -> None:
        if self.planned > self.minutes:
            raise ValueError(f"items of {self.name} must fit into {self.minutes} minutes, got {self.planned}")

    @property
    def planned(self) -> int:
        return sum(item.minutes for item in self.items)

    @property
    def reserve(self) -> int:
        """Minutes for questions, that no item uses."""
        return self.minutes - self.planned

    @property
    def starts(self) -> list[int]:
        """The minute at which each item begins."""
        return [sum(item.minutes for item in self.items[:i]) for i in range(len(self.items))]


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yml"))


def load(name: str) -> Agenda:
    """The plan `workshop/agendas/<name>.yml`. Raises ValueError for an unknown name, kind, section or exercise."""
    if name not in names():
        raise ValueError(f"name must be one of {', '.join(names())}, got {name!r}")
    plan = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf8"))
    return Agenda(name, plan["title"], plan["minutes"], plan["aim"], [read_item(entry) for entry in plan["items"]])


def read_item(entry: dict) -> Item:
    """An entry of a plan with what it stands for."""
    kind = next((kind for kind in KINDS if kind in entry), None)
    unknown = set(entry) - {kind, "minutes", "cut"}
    if kind is None or unknown:
        raise ValueError(f"an item must have one of {KINDS}, and minutes and cut at most, got {entry}")
    what, cut, minutes = entry[kind], entry.get("cut", 0), entry.get("minutes")
    if kind == "section":
        lesson, part = find_section(what)
        return Item(kind, what, minutes or lesson.estimate(part), bool(minutes), cut, lesson, part)
    if kind == "exercise":
        lesson, card = find_exercise(what)
        return Item(kind, what, minutes or card.minutes[1], bool(minutes), cut, lesson, card)
    if not minutes:
        raise ValueError(f"a {kind} must say its minutes, got {entry}")
    return Item(kind, what, minutes, True, cut)


def find_section(address: str) -> tuple[Lesson, Section]:
    topic, _, name = address.partition("#")
    lesson = Lesson(topic)
    return lesson, lesson.section(name)


def find_exercise(id: str) -> tuple[Lesson, Card]:
    lesson = Lesson(id.rpartition("/")[0])
    known = {card.id: card for card in lesson.exercises}
    if id not in known:
        raise ValueError(f"exercise must be one of {', '.join(known)}, got {id!r}")
    return lesson, known[id]


# ------------------------------------------------------------------------------------------------------------ for teachers


def timetable(agenda: Agenda) -> str:
    """The timetable in Markdown, with the order in which to cut."""
    rows = ["| from | minutes | what | how |", "|---|---|---|---|"]
    for start, item in zip(agenda.starts, agenda.items, strict=True):
        mark = "" if item.planned else "~"
        rows.append(f"| {clock(start)} | {mark}{item.minutes} | {item.title} | {item.tag} |")
    rows.append(f"| {clock(agenda.planned)} | {agenda.reserve} | Reserve | for questions |")
    note = "`~` marks an estimate, from the chapter's reading time or an exercise's upper bound, until a pilot corrects it."
    cuts = sorted((item for item in agenda.items if item.cut), key=lambda item: item.cut)
    first = ["**Cut here first:**", *(f"{i}. {item.title} ({item.minutes} minutes)" for i, item in enumerate(cuts, 1))]
    return "\n".join([f"# {agenda.title}", "", agenda.aim, "", *rows, "", note, "", *first]) + "\n"


def clock(minute: int) -> str:
    """Hours and minutes since the start.

    >>> clock(95)
    '1:35'
    """
    return f"{minute // 60}:{minute % 60:02}"


def pilot_form(agenda: Agenda) -> str:
    """A form to fill in while teaching: planned and real minutes, and what happened."""
    rows = ["| planned | real | item | who was lost, and where |", "|---|---|---|---|"]
    rows += [f"| {item.minutes} | | {item.title} | |" for item in agenda.items]
    ask = (
        "Fill this in while you teach. Write the minute at which half of the room was done with an exercise, and the first "
        "question of each section. Afterwards put your minutes into the plan (`minutes:`), and tell the authors."
    )
    return "\n".join([f"# Pilot: {agenda.title}", "", ask, "", *rows]) + "\n"


# -------------------------------------------------------------------------------------------------------- for participants


def notebook(agenda: Agenda) -> dict:
    """One notebook with the agenda's sections and exercises, unsolved, in order; runs from top to bottom.

    Before a section that needs names from parts of its chapter left out, a folded cell defines them.
    """
    first = next(item.lesson for item in agenda.items if item.lesson)
    cells = [text(f"# {agenda.title}\n\n{agenda.aim}"), first.setup]
    done: dict[str, int] = {}  # how many sections of each chapter lie behind; the last key is the chapter at hand
    for start, item in zip(agenda.starts, agenda.items, strict=True):
        head = f"**{clock(start)}, {item.minutes} minutes.** "
        if item.kind == "section":
            cells += section_cells(item, head, done)
        elif item.kind == "exercise":
            cells += [text(head + "Exercise."), *item.part.cells]
        else:
            cells.append(text(f"{head}{item.title}."))
    numbered = [{**cell, "id": f"cell-{i}"} for i, cell in enumerate(cells)]
    return {"cells": numbered, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}


def section_cells(item: Item, head: str, done: dict[str, int]) -> list[dict]:
    """A section's cells, after what its chapter defines in the sections left out since the last one taken from it."""
    sections, topic = item.lesson.sections, item.lesson.topic
    place = sections.index(item.part)
    if place < done.get(topic, 0) or topic in done and topic != list(done)[-1]:
        raise ValueError(f"a chapter's sections must stand together and in its order, got {item.what} after {list(done)[-1]}")
    skipped = definitions(source for part in sections[done.get(topic, 0) : place] for source in part.code)
    done[topic] = place + 1
    where = text(f"{head}From *{item.lesson.title}*.")
    return [where, *([folded(skipped, item.lesson.title)] if skipped else []), *item.part.cells]


def text(source: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def folded(source: str, title: str) -> dict:
    """A code cell that stays closed in JupyterLab and Colab."""
    metadata = {"jupyter": {"source_hidden": True}, "cellView": "form", "tags": ["hide-input", "catch-up"]}
    body = f"%%capture\n# @title Run this first: what earlier sections of \"{title.partition(':')[0]}\" define\n{source}"
    return {"cell_type": "code", "metadata": metadata, "source": body, "outputs": [], "execution_count": None}


def as_text(made: dict) -> str:
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


