"""Slides of a chapter, from its built page: what is shown stays, what is said becomes the speaker's notes.

Each section opens with its heading and first sentence. Definitions, formulas, tables, figures, demos and claims are slides of
their own, with the paragraphs around them as notes (key S). Demos move. The deck is part of the site and shares its files, so
that it needs no network; reveal.js comes from the package sphinx-revealjs. A cell whose slide type is "skip" (the notebook's
usual metadata) is left out.
"""

import copy
import html
import importlib.util
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from workshop.lessons import ROOT, Lesson, is_setup, read

SITE = ROOT / "_build" / "html"
LEFT_OUT = ("further reading", "exercises")
LINES = 14  # of code on a slide
WIDE = {"math", "table-wrapper", "pst-scrollable-table-container"}  # classes of formulas and tables
SHARED = ("pygments.css", "mystnb.", "course.css")  # stylesheets of the page that its figures, code and demos need
DECK = """<!doctype html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{up}slides/reveal/reset.css">
<link rel="stylesheet" href="{up}slides/reveal/reveal.css">
{styles}
<link rel="stylesheet" href="{up}slides/slides.css">
</head>
<body>
<div class="reveal"><div class="slides">
{slides}
</div></div>
{maths}
<script src="{up}slides/reveal/reveal.js"></script>
<script src="{up}slides/reveal/notes.js"></script>
<script>
const size = {{width: 1280, height: 720, margin: 0.04, center: false}};
const fit = () => {{  // a slide that is too tall gets smaller type
  const shown = Reveal.getCurrentSlide().querySelector(".shown");
  shown.style.zoom = 1;
  shown.style.zoom = Math.min(1, 700 / shown.getBoundingClientRect().height * Reveal.getScale());
}};
Reveal.on("slidechanged", fit);
Reveal.initialize({{...size, hash: true, transition: "none", plugins: [RevealNotes]}}).then(fit);
</script>
</body>
</html>
"""


@dataclass
class Slide:
    """What is shown, as HTML, and what is said."""

    shown: list[str]
    said: list[str] = field(default_factory=list)

    def html(self) -> str:
        notes = f'<aside class="notes">{"".join(self.said)}</aside>' if self.said else ""
        return f'<section><div class="shown">{"".join(self.shown)}</div>{notes}</section>'


def make(lesson: Lesson, site: Path = SITE) -> Path:
    """Write the deck of a chapter into the site, at slides/PART/TOPIC.html, and return its path.

    Raises ValueError if the chapter's page has not been built, or if reveal.js is not installed.
    """
    page = site / "chapters" / f"{lesson.topic}.html"
    if not page.exists():
        raise ValueError(f"site must hold the chapter's page, got none at {page}: run `make book` first")
    put_reveal(site / "slides")
    soup = BeautifulSoup(page.read_text(encoding="utf8"), "html.parser")
    stacks = deck(soup, skipped(lesson))
    sheets = (tag for tag in soup.find_all("link", rel="stylesheet") if any(name in tag["href"] for name in SHARED))
    maths = [tag for tag in soup.find_all("script") if "MathJax" in tag.text or "mathjax" in tag.get("src", "")]
    target = site / "slides" / f"{lesson.topic}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    slides = "\n".join(f"<section>{''.join(slide.html() for slide in stack)}</section>" for stack in stacks)
    parts = {"styles": "\n".join(map(str, sheets)), "maths": "\n".join(map(str, maths)), "slides": slides}
    target.write_text(DECK.format(title=html.escape(lesson.title), up="../../", **parts), encoding="utf8")
    return target


def put_reveal(folder: Path) -> None:
    """reveal.js and the stylesheet of the slides, beside the decks."""
    found = importlib.util.find_spec("sphinx_revealjs")
    if found is None:
        raise ValueError('reveal.js must be installed, got no package sphinx_revealjs: run `pip install "sphinx-revealjs"`')
    source = Path(found.origin).parent / "_static" / "revealjs"
    (folder / "reveal").mkdir(parents=True, exist_ok=True)
    for name in ("dist/reset.css", "dist/reveal.css", "dist/reveal.js", "plugin/notes/notes.js"):
        shutil.copy(source / name, folder / "reveal" / Path(name).name)
    shutil.copy(Path(__file__).parent / "slides.css", folder / "slides.css")


def skipped(lesson: Lesson) -> set[str]:
    """Sources of the code cells that are marked to be left out of slides, or hidden."""
    cells = read(ROOT / "chapters" / f"{lesson.topic}.ipynb")
    marked = (cell for cell in cells if cell["metadata"].get("slideshow", {}).get("slide_type") == "skip" or is_setup(cell))
    return {cell["source"].strip() for cell in marked}


# ------------------------------------------------------------------------------------------------------ from page to slides


def deck(soup: BeautifulSoup, left_out: set[str]) -> list[list[Slide]]:
    """Stacks of slides: the title, then one stack for each section of the page."""
    top = soup.select_one("article section")
    for mark in top.select(".headerlink, .copybtn"):
        mark.decompose()
    for link in top.find_all("a"):
        link.replace_with_children()
    sections = [part for part in top.find_all("section", recursive=False) if not heading(part).lower().startswith(LEFT_OUT)]
    return [title(top)] + [stack(section, left_out) for section in sections]


def heading(section: Tag) -> str:
    return section.find(re.compile(r"^h[1-6]$")).get_text().strip()


def title(top: Tag) -> list[Slide]:
    """The chapter's name and question, and what one can do at its end."""
    question, *boxes = top.find_all(["p", "blockquote"], recursive=False)
    aims = next((box.find("ul") for box in boxes if box.find("ul")), None)
    first = Slide([f'<h1>{heading(top)}</h1><div class="lead">{question}</div>'])
    return [first] + ([Slide([f"<h2>Afterwards you can</h2>{aims}"])] if aims else [])


def stack(section: Tag, left_out: set[str]) -> list[Slide]:
    """The slides of a section."""
    name = heading(section)
    slides = [Slide([f"<h2>{html.escape(name)}</h2>"])]
    for element in flat(section):
        shown = show(element, left_out)
        if shown and len(slides) == len(slides[0].shown) == 1:
            slides[0].shown.append(shown)
        elif shown:
            slides.append(Slide([small(name), shown]))
        elif element.name == "p" and len(slides) == 1 and not slides[0].said:
            slides[0].shown.append(f'<p class="lead">{first_sentence(element)}</p>')
            slides[0].said.append(str(element))
        elif element.name in ("p", "details", "ul", "ol"):
            slides[-1].said.append(str(element))
    return slides


def flat(section: Tag) -> list[Tag]:
    """The elements of a section and its subsections, in order, headings of subsections included."""
    found = []
    for child in section.find_all(recursive=False):
        found += flat(child) if child.name == "section" else [child]
    return found[1:] if found and re.match(r"h[1-6]", found[0].name) and section.find(recursive=False) is found[0] else found


def show(element: Tag, left_out: set[str]) -> str:
    """What of an element goes on a slide of its own; empty if it is only said."""
    if element.name == "div" and "cell" in element.get("class", []):
        return show_cell(element, left_out)
    if element.name in ("blockquote", "table") or element.name in ("ul", "ol") and is_short(element):
        return str(element)
    return str(element) if WIDE & set(element.get("class", [])) else ""


def is_short(items: Tag) -> bool:
    return len(items.get_text()) <= 700


def show_cell(cell: Tag, left_out: set[str]) -> str:
    """A demo, a claim or a figure alone; otherwise short code with what it printed."""
    code, outputs = cell.select_one(".cell_input"), cell.select_one(".cell_output")
    source = code.get_text().strip() if code else ""
    if outputs is None or source in left_out:
        return ""
    special = outputs.select(".course-demo, .course-claim")
    if special:
        return "".join(map(str, outputs.find_all(class_="text_html")))
    pictures = outputs.find_all("img")
    if pictures:
        return "".join(f'<div class="figure">{picture}</div>' for picture in pictures)
    shown = str(code) if code and len(source.splitlines()) <= LINES else ""
    return f'<div class="code">{shown}{outputs}</div>'


def small(name: str) -> str:
    return f'<p class="where">{html.escape(name)}</p>'


def first_sentence(paragraph: Tag) -> str:
    """The first sentence of a paragraph, if it can be cut without cutting a formula or emphasis; else all of it."""
    whole = copy.copy(paragraph).decode_contents()
    for match in re.finditer(r"[.?!:](?=\s+[A-Z(])", whole):
        start = whole[: match.end()]
        if all(start.count(f"<{tag}") == start.count(f"</{tag}>") for tag in ("em", "strong", "span", "code", "cite")):
            return start
    return whole
