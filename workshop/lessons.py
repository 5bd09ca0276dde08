"""A chapter and its exercises as a teacher sees them: aims, sections with minutes, questions, demos, exercises.

Everything is read from the notebooks, so that nothing here can disagree with them. Minutes of a section are an estimate: its
share of the chapter's stated reading time, by words of prose and lines of code.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORDS_A_LINE = 12  # reading a line of code takes as long as a dozen words
CLOSING = ("check yourself", "key points", "further reading", "exercises")
TITLE = re.compile(r"^#{1,3} (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """A heading of the second level and the cells below it, as they stand in the notebook."""

    title: str
    cells: list[dict] = field(repr=False)

    @property
    def anchor(self) -> str:
        """The heading's address within its page: lower case, words joined by dashes."""
        return anchor(self.title)

    @property
    def code(self) -> list[str]:
        return [cell["source"] for cell in self.cells if cell["cell_type"] == "code"]

    @property
    def prose(self) -> str:
        return "\n\n".join(cell["source"] for cell in self.cells if cell["cell_type"] == "markdown")

    @property
    def weight(self) -> int:
        return len(self.prose.split()) + WORDS_A_LINE * sum(len(source.splitlines()) for source in self.code)

    @property
    def is_closing(self) -> bool:
        return self.title.lower().startswith(CLOSING)


@dataclass(frozen=True)
class Card:
    """An exercise as its notebook announces it."""

    id: str
    title: str
    level: str
    minutes: tuple[int, int]
    points: int
    cells: list[dict] = field(repr=False)  # prompt, stub and check

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]


@dataclass(frozen=True)
class Lesson:
    """One chapter with its exercises. Raises ValueError for a topic without a chapter."""

    topic: str

    def __post_init__(self) -> None:
        if self.topic not in topics():
            raise ValueError(f"topic must be PART/TOPIC of a chapter, got {self.topic!r}; chapters: {', '.join(topics())}")

    @cached_property
    def cells(self) -> list[dict]:
        return [cell for cell in read(ROOT / "chapters" / f"{self.topic}.ipynb") if not is_setup(cell)]

    @cached_property
    def setup(self) -> dict:
        return next(cell for cell in read(ROOT / "chapters" / f"{self.topic}.ipynb") if is_setup(cell))

    @property
    def opening(self) -> str:
        return self.cells[0]["source"]

    @property
    def title(self) -> str:
        return TITLE.search(self.opening)[1]

    @property
    def question(self) -> str:
        return re.search(r"^\*\*(.+?)\*\*", self.opening, re.MULTILINE | re.DOTALL)[1]

    @property
    def aims(self) -> list[str]:
        return re.findall(r"^> - (.+?)[;.]?\s*$", self.opening, re.MULTILINE)

    @property
    def prerequisites(self) -> str:
        return re.search(r"\*\*Prerequisites\.?\*\*\.? (.+?)\.?$", self.opening, re.MULTILINE)[1]

    @property
    def minutes(self) -> int:
        return int(re.search(r"\*\*Time\.?\*\*\.? (\d+) minutes to read", self.opening)[1])

    @cached_property
    def sections(self) -> list[Section]:
        """The chapter cut at its headings of the second level; what comes before the first is called Opening."""
        found: list[tuple[str, list[dict]]] = [("Opening", [])]
        for cell in self.cells:
            for title, part in pieces(cell):
                if title:
                    found.append((title, []))
                found[-1][1].append(part)
        return [Section(title, cells) for title, cells in found]

    def section(self, name: str) -> Section:
        """The section with that title or anchor. Raises ValueError with the anchors that there are."""
        for part in self.sections:
            if name in (part.title, part.anchor):
                return part
        known = ", ".join(part.anchor for part in self.sections)
        raise ValueError(f"section must be one of {self.topic}'s ({known}), got {name!r}")

    def estimate(self, section: Section) -> int:
        """Whole minutes for a section: its share of the chapter's minutes, at least one."""
        whole = sum(part.weight for part in self.sections)
        return max(1, round(self.minutes * section.weight / whole))

    @property
    def questions(self) -> list[tuple[str, str]]:
        """The questions of "Check yourself", each with its answer."""
        text = next((part.prose for part in self.sections if part.title.lower().startswith("check yourself")), "")
        folded = re.findall(r"<summary>(\d+\. .+?)</summary>(.+?)</details>", text, re.DOTALL)
        if folded:  # each answer below its question
            return [(numbered(question)[0], " ".join(answer.split())) for question, answer in folded]
        asked, _, answered = text.partition("<details>")
        return list(zip(numbered(asked), numbered(answered.partition("</details>")[0]), strict=True))

    @cached_property
    def exercises(self) -> list[Card]:
        path = ROOT / "exercises" / f"{self.topic}.ipynb"
        return cards(read(path)) if path.exists() else []


def topics() -> list[str]:
    """Every chapter's PART/TOPIC, in the order of the book."""
    listed = re.findall(r"file: chapters/(\w+/\w+)$", (ROOT / "_toc.yml").read_text(encoding="utf8"), re.MULTILINE)
    return [topic for topic in listed if (ROOT / "chapters" / f"{topic}.ipynb").exists()]


def read(path: Path) -> list[dict]:
    """The cells of a notebook, sources as strings, without outputs."""
    cells = json.loads(path.read_text(encoding="utf8"))["cells"]
    empty = {"code": {"outputs": [], "execution_count": None}, "markdown": {}}
    return [cell | {"source": "".join(cell["source"])} | empty.get(cell["cell_type"], {}) for cell in cells]


def is_setup(cell: dict) -> bool:
    return "setup" in cell["metadata"].get("tags", [])


def anchor(title: str) -> str:
    """The address that a heading has in the book.

    >>> anchor("Three people, and some gloves?")
    'three-people-and-some-gloves'
    """
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def pieces(cell: dict) -> list[tuple[str, dict]]:
    """A cell cut at its headings of the second level: pairs of a heading, empty for what precedes the first, and a cell."""
    if cell["cell_type"] == "code":
        return [("", cell)]
    parts = re.split(r"^(?=## )", cell["source"], flags=re.MULTILINE)
    found = ((re.match(r"## (.+)", part), part.strip()) for part in parts)
    return [(head[1].strip() if head else "", cell | {"source": part}) for head, part in found if part]


def numbered(text: str) -> list[str]:
    """The items of a numbered list.

    >>> numbered("1. Why?\\n2. How\\n   much?")
    ['Why?', 'How much?']
    """
    items = re.split(r"^\d+\. ", text, flags=re.MULTILINE)[1:]
    return [" ".join(item.split()) for item in items]


def cards(cells: list[dict]) -> list[Card]:
    """The exercises of a notebook: each with its prompt, its stub and its check."""
    found = []
    for i, cell in enumerate(cells):
        about = cell["metadata"].get("course", {})
        if "exercise" in about:
            title = TITLE.search(cells[i - 1]["source"])[1]
            low, high = about["minutes"]
            found.append(Card(about["exercise"], title, about["level"], (low, high), about["points"], cells[i - 1 : i + 2]))
    return found
