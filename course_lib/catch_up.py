"""Come late, or jump ahead: run what a chapter defines before a section, without its pictures, demos and claims.

In a notebook, `catch_up("attribution/shapley", upto="Too many players")` leaves you with the names that this section needs.
The chapter is read from the clone that the library belongs to, or else from the course's site. Chapters: any.
"""

import ast
import contextlib
import importlib.metadata
import io
import json
import re
import sys
import urllib.request
from collections.abc import Iterable
from pathlib import Path

SHOWN = re.compile(r"^(?:display|print|demos\.\w+|claims\.\w+)\(")
ROOT = Path(__file__).parents[1]


def catch_up(topic: str, upto: int | str, names: dict | None = None) -> list[str]:
    """Run the definitions of `chapters/<topic>.ipynb` before a section; returns the new names, sorted.

    topic: PART/TOPIC. upto: a section's title, the start of one, or its number (1 is the first after the opening).
    names: where to define; None is the notebook or module that calls. Statements that only show something (a figure's cell
    runs, the figure is closed) are left out. Raises ValueError for an unknown chapter or section, with those that there are.

    >>> names = {}
    >>> "torch" in catch_up("attribution/shapley", "Too many", names), "demos" in names
    (True, True)
    """
    code = definitions(before(chapter(topic), upto))
    names = sys._getframe(1).f_globals if names is None else names
    known = set(names)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, f"{topic} up to {upto}", "exec"), names)
    close_figures()
    return sorted(set(names) - known - {"__builtins__"})


def definitions(sources: Iterable[str]) -> str:
    """The statements of these cells that may define something; those that only show a demo, a claim or a value are left out."""
    statements = [part for source in sources for part in ast.parse(source).body]
    return "\n".join(ast.unparse(part) for part in statements if not only_shows(part))


def only_shows(statement: ast.stmt) -> bool:
    """An expression that displays something, or a loop or condition over nothing else."""
    if isinstance(statement, ast.Expr):
        text = ast.unparse(statement)
        return SHOWN.match(text) is not None or not isinstance(statement.value, ast.Call)
    body = getattr(statement, "body", None) if isinstance(statement, ast.For | ast.If) else None
    return bool(body) and all(only_shows(part) for part in [*body, *statement.orelse])


def before(cells: list[dict], upto: int | str) -> list[str]:
    """Sources of the code cells, without the setup cell, that stand before the section `upto` of a chapter."""
    titles: list[str] = []
    sources: list[str] = []
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            titles += re.findall(r"^## (.+)$", source, re.MULTILINE)
            if titles and _reached(titles, upto):
                return sources
        elif "setup" not in cell["metadata"].get("tags", []):
            sources.append(source)
    raise ValueError(f"upto must be a section's number or the start of its title, got {upto!r}; sections: {'; '.join(titles)}")


def _reached(titles: list[str], upto: int | str) -> bool:
    if isinstance(upto, int):
        return 1 <= upto <= len(titles)
    return any(title.lower().startswith(upto.lower()) for title in titles)


def chapter(topic: str) -> list[dict]:
    """The cells of a chapter, from the clone or from the site. Raises ValueError if neither has it."""
    if not re.fullmatch(r"\w+/\w+", topic):
        raise ValueError(f"topic must be PART/TOPIC, got {topic!r}")
    path = ROOT / "chapters" / f"{topic}.ipynb"
    if path.exists():
        return json.loads(path.read_text(encoding="utf8"))["cells"]
    address = f"{site()}_sources/chapters/{topic}.ipynb"
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return json.load(answer)["cells"]
    except (OSError, ValueError) as error:
        raise ValueError(f"topic must be a chapter of the course; {address} could not be read: {error}") from error


def site() -> str:
    """The address of the course's site, as the installed library has it."""
    found = importlib.metadata.metadata("course_lib").get_all("Project-URL") or []
    return next(url.split(", ", 1)[1] for url in found if url.startswith("Homepage, "))


def close_figures() -> None:
    """Close figures that the definitions drew, if matplotlib was used at all."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
