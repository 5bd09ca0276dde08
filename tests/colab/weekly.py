"""Upkeep of a published course: `python -m tests.colab.weekly notebooks|links`, for a scheduled workflow, never for tests.

`notebooks` executes every chapter, and every exercise notebook with its solutions, with the packages that are installed;
`links` asks every outside address of the course whether it is still there. Both print what failed and end with status 1 if
anything did.
"""

import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"https?://[^\s<>\"'`\])}]+(?:\([^\s<>\"'`)]*\)[^\s<>\"'`\])}]*)?")
REFUSES_ROBOTS = (401, 403, 405, 418, 429, 503)  # there, but not for a script
LOCAL = ("http://127.0.0.1", "http://localhost")


def outside_links(text: str) -> list[str]:
    """Addresses in a text, without the punctuation that ends a sentence.

    >>> outside_links("See [a](https://doi.org/10.1/x(3)y), https://b.org/c.")
    ['https://doi.org/10.1/x(3)y', 'https://b.org/c']
    """
    found = (link.rstrip(".,;:") for link in LINK.findall(text))
    return sorted({link for link in found if not link.startswith(LOCAL)})


def texts(root: Path) -> Iterable[tuple[str, str]]:
    """Prose of the notebooks and pages: pairs of a file's name and its text."""
    for folder in ("chapters", "exercises"):
        for path in sorted((root / folder).rglob("*.ipynb")):
            cells = json.loads(path.read_text(encoding="utf8"))["cells"]
            prose = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
            yield path.relative_to(root).as_posix(), "\n".join(prose)
    for path in [*root.glob("*.md"), *root.glob("workshop/*.md"), root / "references.bib"]:
        yield path.relative_to(root).as_posix(), path.read_text(encoding="utf8")


def answer(link: str) -> str:
    """What is wrong with an address; empty if it answers, or refuses scripts only."""
    request = urllib.request.Request(link, headers={"User-Agent": "Mozilla/5.0 (link check of a course)"})
    try:
        with urllib.request.urlopen(request, timeout=30):
            return ""
    except urllib.error.HTTPError as error:
        return "" if error.code in REFUSES_ROBOTS else f"status {error.code}"
    except OSError as error:
        return str(error)


def broken_links(root: Path, ask: Callable[[str], str] = answer) -> list[str]:
    """Lines "file: address: what is wrong"; every address is asked once."""
    where: dict[str, str] = {}
    for name, text in texts(root):
        for link in outside_links(text):
            where.setdefault(link, name)
    return [f"{name}: {link}: {wrong}" for link, name in where.items() if (wrong := ask(link))]


def failing_notebooks(root: Path) -> list[str]:
    """Lines "notebook: last line of the error", for all chapters and all solved exercises."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    from tests.exercises import notebooks

    failed = []
    for path in sorted([*(root / "chapters").rglob("*.ipynb"), *(root / "exercises").rglob("*.ipynb")]):
        notebook = notebooks.nbformat.read(path, as_version=4)
        if path.is_relative_to(root / "exercises"):
            topic = path.relative_to(root / "exercises").with_suffix("").as_posix()
            notebook = notebooks.inject(notebook, notebooks.solutions(topic))
        try:
            NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
        except CellExecutionError as error:
            failed.append(f"{path.relative_to(root)}: {error.ename}: {error.evalue}")
        print("ran", path.relative_to(root), flush=True)
    return failed


def main(argv: list[str]) -> int:
    jobs = {"notebooks": failing_notebooks, "links": broken_links}
    if len(argv) != 1 or argv[0] not in jobs:
        print(f"say one of {', '.join(jobs)}, got {argv}", file=sys.stderr)
        return 2
    failed = jobs[argv[0]](ROOT)
    print("\n".join(failed) or "all is well")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
