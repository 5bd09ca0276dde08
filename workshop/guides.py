"""A facilitator guide for a chapter, written from the chapter, its exercises and their catalogue of wrong answers.

For teachers: it tells what the wrong answers look like. Bets come from the ledger of the last build of the book.
"""

import importlib.util
import re
from dataclasses import dataclass
from types import ModuleType

from course_lib.checks.core import GENERAL_HINTS, Mistake, find
from workshop.lessons import ROOT, Card, Lesson, Section

LEDGER = ROOT / "chapters" / "claims.md"
ROW = re.compile(
    r"^\* - (.+) \(\[.+?\]\(/chapters/([\w/]+)\.ipynb\)\)\n  - \[(. .+?)\]\{.+?\} (\w+)\n  - (.+)\n  - (.+)$", re.MULTILINE
)
PAIR = 15  # a core exercise that takes at least so many minutes is better done by two


@dataclass(frozen=True)
class Bet:
    """A row of the ledger."""

    statement: str
    topic: str
    verdict: str
    kind: str
    measured: str
    threshold: str


def guide(lesson: Lesson) -> str:
    """The whole guide in Markdown."""
    parts = [
        f"# Teaching: {lesson.title}",
        f"*{lesson.question}*",
        f"{times(lesson)} Minutes are estimates until you have taught it once; note your own beside them.",
        "## Aims\n\nAfterwards participants can\n\n" + "\n".join(f"- {aim}" for aim in lesson.aims),
        f"**They need** {lesson.prerequisites}.",
        "## Plan\n\n" + plan(lesson),
        "## Bets before and after\n\n" + quiz(bets(lesson.topic)),
        "## Live demonstrations\n\n" + demonstrations(lesson),
        "## Exercises: who, how long, and what goes wrong\n\n" + "\n\n".join(exercise(card) for card in lesson.exercises),
        "## For discussion\n\n" + discussion(lesson),
    ]
    return without_relative_links("\n\n".join(parts)) + "\n"


def without_relative_links(text: str) -> str:
    """Links within the book become plain words: a guide is read outside of it.

    >>> without_relative_links("[a](b.ipynb#c), [d](https://e.org)")
    'a, [d](https://e.org)'
    """
    return re.sub(r"\[([^\]]+)\]\((?!https?://)[^)]+\)", r"\1", text)


def times(lesson: Lesson) -> str:
    """Minutes for the chapter and for its exercises, as one sentence."""
    core, stretch = (
        [sum(card.minutes[end] for card in lesson.exercises if (card.level == "core") == wanted) for end in (0, 1)]
        for wanted in (True, False)
    )
    text = f"Chapter {lesson.minutes} minutes, core exercises {core[0]} to {core[1]}"
    return text + (f", stretch {stretch[0]} to {stretch[1]}." if stretch[1] else ".")


def plan(lesson: Lesson) -> str:
    """A table of sections: minutes, and what there is to show."""
    rows = ["| section | minutes | to show |", "|---|---|---|"]
    open_sections = [part for part in lesson.sections if not part.is_closing]
    return "\n".join(rows + [f"| {part.title} | {lesson.estimate(part)} | {shows(part)} |" for part in open_sections])


def shows(section: Section) -> str:
    """What kinds of cells a section has."""
    demo, claim = (sum(calls(source, kind) for source in section.code) for kind in ("demos", "claims"))
    counted = (("demo", demo), ("claim", claim), ("cell", len(section.code) - demo - claim))
    return ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for name, count in counted if count)


def calls(source: str, module: str) -> bool:
    """Whether a cell calls a function of `demos` or `claims`."""
    return re.search(rf"\b{module}\.\w+\(", source) is not None


def bets(topic: str) -> list[Bet]:
    """The chapter's claims as they came out in the last build; none without a build."""
    text = LEDGER.read_text(encoding="utf8") if LEDGER.exists() else ""
    return [bet for row in ROW.findall(text) if (bet := Bet(*row)).topic == topic]


def quiz(rows: list[Bet]) -> str:
    """Questions to vote on before and after, with the outcome for the teacher."""
    if not rows:
        return "Build the book first (`make book`): the bets are the chapter's claims, as the build found them."
    head = (
        "Read each sentence out before the chapter and let everyone vote: *holds*, *does not hold*, *cannot be told*. "
        "Vote again at the end; whoever changed sides says why. Outcomes are for you.\n"
    )
    lines = [
        f"{number}. {row.statement}\n"
        f"   - **Outcome: {row.verdict}** ({row.kind}). {row.measured}. Declared before: {row.threshold}."
        for number, row in enumerate(rows, 1)
    ]
    return "\n".join([head, *lines])


def demonstrations(lesson: Lesson) -> str:
    """For each demo: what to ask first, and what to say after."""
    found = []
    for section in lesson.sections:
        for i, cell in enumerate(section.cells):
            if cell["cell_type"] == "code" and calls(cell["source"], "demos"):
                before, after = (neighbour(section.cells, i + step) for step in (-1, 1))
                call = re.search(r"demos\.\w+", cell["source"])[0]
                found += [
                    f"**{section.title}** (`{call}`). Read out, and collect bets before anything moves:",
                    quoted(before, last=True),
                    "Move each control from end to end, slowly. Then:",
                    quoted(after, last=False),
                ]
    return "\n\n".join(found) or "This chapter has no demo."


def neighbour(cells: list[dict], index: int) -> str:
    near = cells[index] if 0 <= index < len(cells) else {"cell_type": "none"}
    return near["source"] if near["cell_type"] == "markdown" else ""


def quoted(text: str, *, last: bool) -> str:
    """The last or the first paragraph of a cell as a quotation."""
    paragraphs = [part for part in re.split(r"\n\s*\n", text.strip()) if part and not part.startswith("#")]
    if not paragraphs:
        return "> (The picture speaks for itself.)"
    return "\n".join(f"> {line}" for line in paragraphs[-1 if last else 0].splitlines())


def exercise(card: Card) -> str:
    """How to run one exercise, and its wrong answers with what to say."""
    low, high = card.minutes
    stars = "For whoever is done early, or at home." if card.level != "core" else company((low + high) / 2)
    lines = [
        f"### {card.title}",
        f"`{card.name}`, {card.level}, {low} to {high} minutes, {card.points} points. {stars}",
        "| what they wrote | points | what the check says, and so can you |\n|---|---|---|\n"
        + "\n".join(wrong_answers(card.id)),
    ]
    return "\n\n".join(lines)


def company(minutes: float) -> str:
    """Alone or in pairs: long exercises gain from talking, short ones are over before two agree."""
    return "In pairs: one writes, one says why, then change." if minutes >= PAIR else "Alone, then compare with a neighbour."


def wrong_answers(id: str) -> list[str]:
    """Rows of the table of an exercise's catalogued mistakes, worst first."""
    topic, hints = id.rpartition("/")[0], find(id).hints
    known = [mistake for mistake in mistakes(topic) if mistake.exercise == id]
    rows = []
    for one in sorted(known, key=lambda mistake: mistake.points):
        said = (hints.get(one.hint) or GENERAL_HINTS[one.hint]).replace("|", "\\|")
        rows.append(f"| {one.function.__name__.replace('_', ' ')} | {one.points} | {said} |")
    return rows


def mistakes(topic: str) -> list[Mistake]:
    """The catalogue `mistakes/PART/TOPIC.py`, in its order."""
    return [value.mistake for value in vars(loaded(topic)).values() if hasattr(value, "mistake")]


def loaded(topic: str) -> ModuleType:
    path = ROOT / "mistakes" / f"{topic}.py"
    spec = importlib.util.spec_from_file_location(f"mistakes_{topic.replace('/', '_')}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def discussion(lesson: Lesson) -> str:
    """The chapter's own questions, with answers."""
    return "\n".join(f"{i}. {question}\n   - *{answer}*" for i, (question, answer) in enumerate(lesson.questions, 1))
