"""Edit a notebook as text: `make text FILE=chapters/PART/TOPIC.ipynb`, edit `_text/...py`, `make text FILE=_text/...py`.

The first form writes the notebook as a Python file in the "percent" format (jupytext), with cell metadata beside the
cell markers. The second writes it back: cells that did not change keep their ids and outputs, the setup cell is left
to `make addresses`, and notebook metadata are kept to the minimum, so that a diff shows what was edited and no more.
"""

import hashlib
import sys
from pathlib import Path

import jupytext
import nbformat

ROOT = Path(__file__).parents[1]
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def to_text(path: Path) -> Path:
    """Write `_text/.../NAME.py` for a notebook below the repository's root and return its path."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata = {"jupytext": {"notebook_metadata_filter": "-all", "cell_metadata_filter": "all"}}
    target = ROOT / "_text" / path.resolve().relative_to(ROOT).with_suffix(".py")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(jupytext.writes(notebook, fmt="py:percent"), encoding="utf8")
    return target


def to_notebook(path: Path) -> Path:
    """Write the notebook of a text file below `_text` and return its path."""
    target = ROOT / path.resolve().relative_to(ROOT / "_text").with_suffix(".ipynb")
    old = {}
    if target.exists():
        old = {(cell.cell_type, cell.source): cell for cell in nbformat.read(target, as_version=4).cells}
    notebook = jupytext.reads(path.read_text(encoding="utf8"), fmt="py:percent")
    for index, cell in enumerate(notebook.cells):
        before = old.pop((cell.cell_type, cell.source), None)
        words = f"{target.name} {index} {cell.source}"
        cell.id = before.id if before else hashlib.sha256(words.encode()).hexdigest()[:8]
        if cell.cell_type == "code":
            cell.outputs = before.outputs if before else []
            cell.execution_count = before.execution_count if before else None
    notebook.metadata, notebook.nbformat, notebook.nbformat_minor = METADATA, 4, 5
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(nbformat.writes(notebook) + "\n", encoding="utf8")
    return target


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        sys.exit("usage: make text FILE=chapters/PART/TOPIC.ipynb, or FILE=_text/chapters/PART/TOPIC.py to write it back")
    given = Path(sys.argv[1])
    print((to_text if given.suffix == ".ipynb" else to_notebook)(given).relative_to(ROOT))
