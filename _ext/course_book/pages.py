"""The pages that are written from records and files before the sources are read: claims, execution, solutions."""

import ast
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path

from sphinx.errors import ExtensionError

from .execute import Executed

SYMBOLS = {"supported": "✓", "not supported": "✗", "cannot tell": "?"}
FIELDS = ("id", "statement", "kind", "verdict")
EXERCISE = re.compile(r"^# exercise: *(\S+) *$", flags=re.MULTILINE)


def write_if_changed(path: Path, text: str) -> bool:
    """Write a generated page, unless it says the same already (an untouched page is not read again)."""
    if path.exists() and path.read_text(encoding="utf8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf8")
    return True


def list_table(rows: list[list[str]], name: str, widths: str) -> str:
    """A MyST list-table with one heading row; a cell may hold any Markdown that stays in its paragraph."""
    lines = ["```{list-table}", ":header-rows: 1", f":widths: {widths}", f":class: {name}", ""]
    for row in rows:
        cells = [" ".join(cell.split()) for cell in row]
        lines += [f"* - {cells[0]}", *(f"  - {cell}" for cell in cells[1:])]
    return "\n".join([*lines, "```"])


def plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return re.sub(r"([\\`*_{}\[\]<>$|#])", r"\\\1", text)


def number(value: object) -> str:
    """A number with three significant digits, anything else as it is, nothing for None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    return f"{value:.3g}".replace("-", "−")


def measured(claim: Mapping) -> str:
    """The estimate with its interval and unit."""
    if claim.get("estimate") is None:
        return "–"
    interval = ""
    if claim.get("low") is not None and claim.get("high") is not None:
        interval = f" [{number(claim['low'])}, {number(claim['high'])}]"
    return f"{number(claim['estimate'])}{interval} {claim.get('unit') or ''}".strip()


def seeds(claim: Mapping) -> str:
    """What the interval is over, in words: so many test digits, patients, ..."""
    return f" over {claim['seeds']} {plain(claim.get('repeats', 'repeats'))}" if claim.get("seeds") else ""


def checked(claim: Mapping, chapter: str) -> Mapping:
    """The claim, if its record is complete."""
    missing = [field for field in FIELDS if not claim.get(field)]
    if missing or claim["verdict"] not in SYMBOLS:
        raise ExtensionError(f"{chapter}: a claim's record lacks {missing} or has an unknown verdict: {dict(claim)}")
    return claim


def claim_row(claim: Mapping, chapter: str, title: str) -> list[str]:
    """The cells of one claim in the ledger."""
    verdict = claim["verdict"]
    label = f"[{SYMBOLS[verdict]} {verdict}]{{.verdict .{verdict.replace(' ', '-')}}}"
    where = f"[{title}](/{chapter}.ipynb)"
    threshold = plain(number(claim.get("threshold"))) or "–"
    return [f"{plain(claim['statement'])} ({where})", f"{label} {claim['kind']}", measured(claim) + seeds(claim), threshold]


def score(executed: Mapping[str, Executed]) -> str:
    """How many claims came out how, as one sentence."""
    verdicts = [claim["verdict"] for chapter in executed.values() for claim in chapter.claims]
    counts = {verdict: verdicts.count(verdict) for verdict in SYMBOLS}
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    return f"{len(verdicts)} claims: {summary or 'none yet'}."


def claims_page(executed: Mapping[str, Executed]) -> str:
    """The ledger: every claim that the chapters of this build tested, in the order of the book."""
    records = [(checked(c, name), name, chapter.title) for name, chapter in executed.items() for c in chapter.claims]
    names = [claim["id"] for claim, _, _ in records]
    if len(set(names)) < len(names):
        raise ExtensionError(f"two claims have the same id: {sorted(names)}")
    head = ["Claim", "Verdict", "Measured", "Threshold"]
    rows = [claim_row(*record) for record in records]
    table = list_table([head, *rows], "ledger", "33 26 22 19") if rows else "No chapter tests a claim yet."
    return f"""# Claims ledger

What do we know, and how? Each chapter bets on a claim, then tests it while the book is built. (A few long runs are
stored, and their chapter says so.) This page collects the results of the build you are reading: nothing here was typed
by hand.

{score(executed)}

{table}

:::{{admonition}} How to read it
:class: note
**Kind.** *Proved*: the experiment only illustrates a theorem. *Counterexample*: one construction, repeated, settles it.
*Measured*: the verdict holds for the data and models that were tried.

**Measured** gives the estimate with its 95 % interval, and what the interval is over. It covers nothing else:
unless the row says otherwise, the network under test is trained once. Repeats with new splits share one data set, so for
new data the intervals would be wider.
**Threshold** was fixed before the experiment.

**Verdict.** ✓ *supported*: the whole interval lies on the claim's side of the threshold. ✗ *not supported*: it lies on
the other side. ? *cannot tell*: it contains the threshold; more data could decide.

**Again, with other seeds.** In a clone of the course, `python -m course_lib.claims PART/TOPIC` lists the claims of a
chapter, and `python -m course_lib.claims PART/TOPIC/CLAIM --shift 0 1 2` runs one as in the book, then twice with all
seeds moved. Would you have reached the same verdict?
:::
"""


def executed_page(executed: Mapping[str, Executed]) -> str:
    """The table of chapters with the seconds and memory that they took."""
    rows = [["Chapter", "Seconds", "Peak memory (MB)", "Date", "Python", "PyTorch"]]
    for name, chapter in executed.items():
        facts = chapter.facts
        plain = [facts["execution_seconds"], facts["peak_mb"], facts["date"], facts["python"], facts["torch"]]
        rows.append([f"[{chapter.title}](/{name}.ipynb)", *map(str, plain)])
    total = sum(chapter.facts["execution_seconds"] for chapter in executed.values())
    return f"""# Executed chapters

Every output in the chapters was computed when this book was built, by the code you see. A chapter runs again when
its code, or a part of the library that it uses, has changed; the dates say when that was last.

{list_table(rows, "executed", "40 12 16 12 10 10")}

Together: {total:.0f} seconds, one thread a chapter. Peak memory is that of the chapter's own process.
"""


def split_solutions(source: str) -> tuple[str, str, dict[str, str]]:
    """A file of solutions as (prose of its docstring, shared imports, code of each exercise by its id)."""
    prose = ast.get_docstring(ast.parse(source)) or ""
    parts = EXERCISE.split(source)
    top = parts[0]
    if prose:
        docstring = ast.parse(source).body[0]
        lines = top.splitlines()
        top = "\n".join(lines[: docstring.lineno - 1] + lines[docstring.end_lineno :])
    return prose, top.strip(), dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def notebook_title(path: Path) -> str | None:
    """The first heading of a notebook's file, None if there is no such file."""
    if not path.exists():
        return None
    cells = json.loads(path.read_text(encoding="utf8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    found = re.search(r"^# +(.+)$", text, flags=re.MULTILINE)
    return found.group(1).strip() if found else path.stem


def question(path: Path) -> str:
    """The bold question below a chapter's title as plain text; empty for a notebook that has none."""
    cells = json.loads(path.read_text(encoding="utf8"))["cells"]
    found = re.search(r"^\*\*(.+?)\*\*$", "".join(cells[0]["source"]), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"[$`*\\]|\s+", lambda sign: " " if sign[0].isspace() else "", found[1]) if found else ""


def social_tags(title: str, description: str, address: str) -> str:
    """Meta tags with the page's title and description, as search engines and shared links show them."""
    named = {"og:type": "article", "og:site_name": "Attribution and Symmetry", "og:title": title, "og:description": description}
    pairs = (named | ({"og:url": address} if address else {})).items()
    tags = [f'<meta property="{name}" content="{html.escape(value)}" />' for name, value in pairs]
    return "\n".join([f'<meta name="description" content="{html.escape(description)}" />', *tags])


def exercise_titles(path: Path) -> dict[str, str]:
    """The heading above each exercise of a notebook's file, by the exercise's id."""
    titles, heading = {}, ""
    for cell in json.loads(path.read_text(encoding="utf8"))["cells"] if path.exists() else []:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            heading = (re.findall(r"^##+ +(.+)$", text, flags=re.MULTILINE) or [heading])[-1]
        elif found := EXERCISE.match(text):
            titles[found.group(1)] = heading
    return titles


def solutions_page(root: Path, path: Path, shown: bool) -> str:
    """The page of one topic's solutions; with `shown` false, a page that says where they are."""
    address = path.relative_to(root / "solutions").with_suffix("").as_posix()
    titles = {kind: notebook_title(root / kind / f"{address}.ipynb") for kind in ("chapters", "exercises")}
    links = {kind: f"[{title.removeprefix('Exercises: ')}](/{kind}/{address}.ipynb)" for kind, title in titles.items() if title}
    head = f"# Solutions: {titles['chapters'] or address}\n\n"
    if not shown:
        return head + "This copy of the book was built without its solutions. Ask your teacher.\n"
    where = "Chapter: {chapters}. " if "chapters" in links else ""
    where += "Exercises: {exercises}." if "exercises" in links else ""
    prose, top, solutions = split_solutions(path.read_text(encoding="utf8"))
    headings = exercise_titles(root / "exercises" / f"{address}.ipynb")
    parts = [
        head + where.format(**links),
        prose,
        "One right answer to each exercise; yours may look different. Try first, and let the check have its say.",
        f"All of them use\n\n```python\n{top}\n```" if top else "",
        *(f"## {headings.get(name) or name.rpartition('/')[2]}\n\n`{name}`\n\n```python\n{code}\n```"
          for name, code in solutions.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def write_pages(root: Path, executed: Mapping[str, Executed], solutions: bool) -> list[Path]:
    """Write every generated page; returns their files."""
    texts = {
        root / "chapters" / "claims.md": claims_page(executed),
        root / "executed.md": executed_page(executed),
        root / "_generated" / "score.md": score(executed) + "\n",
    }
    for path in sorted((root / "solutions").rglob("*.py")):
        if path.name != "__init__.py":
            texts[path.with_suffix(".md")] = solutions_page(root, path, solutions)
    for path, text in texts.items():
        write_if_changed(path, text)
    return list(texts)
