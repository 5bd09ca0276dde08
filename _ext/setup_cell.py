"""The first code cell of every notebook: one text, kept here, the same in all of them.

The cell finds the library of the course or installs it. It must run where nothing of ours is installed, so it uses
the standard library only (and torch, which every place where the notebooks run has already).

`make addresses` writes it into every notebook of chapters/ and exercises/, with the two addresses of `_config.yml`
and the version of `pyproject.toml`; a test fails when a notebook differs. It also puts these addresses in the place of the
old ones in the few other files that have them, so that a copy of the course is retargeted by editing `_config.yml` alone.
"""

import json
import sys
import tomllib
from pathlib import Path

import yaml

TAG = "setup"
TAGS = [TAG, "remove-cell"]
FILES = ("README.md", "CITATION.cff", "pyproject.toml", "workshop/*.md")  # what else holds the addresses
COLAB = "https://colab.research.google.com/github/"

TEMPLATE = '''\
# Setup: use the course's library, or install the one this page was built with. It changes no other package.
import importlib
import os
import subprocess
import sys

try:
    import course_lib
except ModuleNotFoundError:
    if os.environ.get("COURSE_STATIC"):
        raise  # the book is being built: never test a published version in place of this one
    for source in (
        "{site}wheels/course_lib-{version}-py3-none-any.whl",
        "git+{repository}@v{version}",
    ):
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--disable-pip-version-check", source]
        result = subprocess.run(pip, capture_output=True, text=True)
        if result.returncode == 0:
            break
        print("Could not install from", source)
    else:
        raise RuntimeError("The course's library could not be installed. Is there a network?\\n" + result.stderr)
    importlib.invalidate_caches()
    import course_lib

import torch

torch.set_num_threads(1)'''


def addresses(root: Path | str) -> dict[str, str]:
    """The two addresses of `_config.yml` and the version of `pyproject.toml`: keys site, repository, version."""
    config = yaml.safe_load((Path(root) / "_config.yml").read_text(encoding="utf8"))
    project = tomllib.loads((Path(root) / "pyproject.toml").read_text(encoding="utf8"))
    return {
        "site": config["html"]["baseurl"].rstrip("/") + "/",
        "repository": config["repository"]["url"].rstrip("/"),
        "version": project["project"]["version"],
    }


def setup_cell_source(root: Path | str) -> str:
    """The canonical text of the setup cell for the book in the folder `root`."""
    return TEMPLATE.format(**addresses(root))


def notebooks(root: Path | str) -> list[Path]:
    """Every notebook of the course: those under chapters/ and exercises/."""
    root = Path(root)
    found = (path for folder in ("chapters", "exercises") for path in (root / folder).rglob("*.ipynb"))
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def find_setup_cell(notebook: dict) -> dict | None:
    """The code cell tagged `setup`, if there is one."""
    tagged = (cell for cell in notebook["cells"] if TAG in cell.get("metadata", {}).get("tags", []))
    return next(tagged, None)


def put_setup_cell(notebook: dict, source: str) -> None:
    """Give `notebook` (as read from JSON) the setup cell: in place, or before its first code cell."""
    cell = find_setup_cell(notebook)
    if cell is None:
        cell = {"cell_type": "code", "execution_count": None, "id": TAG, "metadata": {}, "outputs": []}
        kinds = [other["cell_type"] for other in notebook["cells"]]
        notebook["cells"].insert(kinds.index("code") if "code" in kinds else len(kinds), cell)
    cell["metadata"]["tags"] = TAGS + [tag for tag in cell["metadata"].get("tags", []) if tag not in TAGS]
    cell["source"] = source.splitlines(keepends=True)


def write_setup_cells(root: Path | str) -> list[Path]:
    """Write the setup cell into every notebook that lacks it or has another; returns the notebooks changed."""
    source, changed = setup_cell_source(root), []
    for path in notebooks(root):
        before = path.read_text(encoding="utf8")
        notebook = json.loads(before)
        put_setup_cell(notebook, source)
        after = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        if json.loads(before) != notebook:
            path.write_text(after, encoding="utf8")
            changed.append(path)
    return changed


def readdress_files(root: Path | str) -> list[Path]:
    """Put the addresses of `_config.yml` in place of those that `pyproject.toml` has, in every file of `FILES`.

    Returns the files that changed.
    """
    root = Path(root)
    urls = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf8"))["project"]["urls"]
    old, new = {"site": urls["Homepage"].rstrip("/"), "repository": urls["Repository"].rstrip("/")}, addresses(root)
    pairs = [
        (old["site"], new["site"].rstrip("/")),
        (old["repository"], new["repository"]),
        (f"{COLAB}{owner_and_name(old['repository'])}/", f"{COLAB}{owner_and_name(new['repository'])}/"),
    ]
    changed = []
    for path in sorted(path for pattern in FILES for path in root.glob(pattern)):
        before = after = path.read_text(encoding="utf8")
        for was, now in pairs:
            after = after.replace(was, now)
        if after != before:
            path.write_text(after, encoding="utf8")
            changed.append(path)
    return changed


def owner_and_name(repository: str) -> str:
    """OWNER/NAME of a repository's address.

    >>> owner_and_name("https://github.com/a/b")
    'a/b'
    """
    return "/".join(repository.rstrip("/").split("/")[-2:])


if __name__ == "__main__":
    book = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent)
    for name in write_setup_cells(book):
        print("wrote the setup cell of", name)
    for name in readdress_files(book):
        print("wrote the addresses in", name)
