"""Which chapters are executed again, and what a chapter that fails does to the build."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import course_book
import nbformat
import pytest
from course_book import execute, keys

from tests.book.served import ROOT

ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in ("COURSE_STATIC", "COURSE_SOLUTIONS")}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf8")
    return path


def write_notebook(path: Path, *cells: str, prose: str = "# Title") -> Path:
    markdown = nbformat.v4.new_markdown_cell(prose, id="prose")
    code = [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(cells)]
    notebook = nbformat.v4.new_notebook(cells=[markdown, *code])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return write(path, nbformat.writes(notebook))


@pytest.fixture
def book(tmp_path) -> Path:
    """A folder with a library of five modules and a data file, and two chapters that use different parts of it."""
    files = {
        "__init__.py": "",
        "games/__init__.py": "from .core import Game\n",
        "games/core.py": "Game = 1\n",
        "data/__init__.py": "",
        "datasets.py": "def digits():\n    from course_lib import data\n    return 'digits.npz'\n",
        "claims/part/topic.py": "run = 1\n",
        "data/digits.npz": "1",
    }
    for name, text in files.items():
        write(tmp_path / "course_lib" / name, text)
    write_notebook(tmp_path / "chapters/a/one.ipynb", "from course_lib.games import Game")
    write_notebook(tmp_path / "chapters/a/two.ipynb", "import course_lib.datasets", "load('part/topic')")
    return tmp_path


def both_keys(book: Path) -> tuple[str, str]:
    library = keys.Library(book)
    return tuple(execute.Chapter.read(book, f"chapters/a/{name}", library).key for name in ("one", "two"))


@pytest.mark.parametrize(
    ("changed", "one", "two"),
    [
        ("course_lib/games/core.py", True, False),  # through the package that imports it
        ("course_lib/games/__init__.py", True, False),
        ("course_lib/__init__.py", True, True),
        ("course_lib/datasets.py", False, True),
        ("course_lib/data/digits.npz", False, True),  # named in a string of a module
        ("course_lib/claims/part/topic.py", False, True),  # loaded by its address
        ("constraints.txt", True, True),
    ],
)
def test_a_change_reaches_the_chapters_that_use_it_and_no_others(book, changed, one, two):
    before = both_keys(book)
    assert before == both_keys(book)
    write(book / changed, "x = 2\n")
    after = both_keys(book)
    assert (before[0] != after[0], before[1] != after[1]) == (one, two)


def test_prose_changes_no_key_and_code_does(book):
    before = both_keys(book)
    write_notebook(book / "chapters/a/one.ipynb", "from course_lib.games import Game", prose="# Another title")
    assert both_keys(book) == before
    write_notebook(book / "chapters/a/one.ipynb", "from course_lib.games import Game as G")
    assert both_keys(book)[0] != before[0] and both_keys(book)[1] == before[1]


def test_every_import_of_the_real_library_is_found():
    library = keys.Library(ROOT)
    reached = {path.relative_to(ROOT).as_posix() for path in library.reached(["from course_lib.games import shapley"])}
    assert {"course_lib/__init__.py", "course_lib/games/__init__.py", "course_lib/games/core.py"} <= reached
    assert not any(path.startswith("course_lib/checks") for path in reached)


def test_chapters_run_once_and_failures_are_told_and_not_stored(tmp_path):
    cells = {
        "good": ["x = 1", "x + 1"],
        "error": ["x = 1", "x / 0"],
        "noisy": ["import sys\nprint('careful', file=sys.stderr)"],
        "gone": ["import os\nos._exit(3)"],
    }
    for name, sources in cells.items():
        write_notebook(tmp_path / f"chapters/a/{name}.ipynb", *sources)
    library, cache = keys.Library(tmp_path), execute.open_cache(tmp_path / "cache")
    chapters = [execute.Chapter.read(tmp_path, f"chapters/a/{name}", library) for name in cells]
    problems = "\n".join(sorted(execute.execute_missing(chapters, cache)))
    for piece in ("error.ipynb, cell 2", "x / 0", "ZeroDivisionError", "noisy.ipynb, cell 1", "careful", "gone.ipynb"):
        assert piece in problems
    assert [execute.is_cached(chapter, cache) for chapter in chapters] == [True, False, False, False]
    loaded = execute.load(chapters[0], cache)
    assert loaded.title == "Title" and loaded.outputs[1][0]["data"]["text/plain"] == "2"
    assert loaded.facts["peak_mb"] > 10
    page = nbformat.reads(execute.with_outputs(chapters[0].path.read_text("utf8"), loaded), as_version=4)
    assert page.cells[2].outputs[0].data["text/plain"] == "2"
    assert execute.execute_missing(chapters[:1], cache) == []


def test_the_records_of_claims_stay_out_of_the_page():
    output = nbformat.from_dict({"output_type": "display_data", "data": {execute.CLAIM: {}}, "metadata": {}})
    assert execute.shown(output) is None
    output.data["text/html"] = "<p>card</p>"
    assert list(execute.shown(output).data) == ["text/html"]


@pytest.fixture(scope="module")
def small_book(tmp_path_factory) -> Path:
    """A book of two pages with the real settings and the real extension."""
    root = tmp_path_factory.mktemp("book")
    for name in ("_config.yml", "pyproject.toml", "README.md", "references.bib"):
        shutil.copy(ROOT / name, root / name)
    for name in ("_ext", "_static"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    write(root / "course_lib/__init__.py", "")
    write(root / "course_lib/data/__init__.py", "")
    write(root / "intro.md", "# Front\n\nText.\n")
    write(root / "_toc.yml", "format: jb-book\nroot: intro\nchapters:\n  - file: chapters/a/one\n")
    return root


def build(root: Path) -> tuple[int, str]:
    command = [str(Path(sys.executable).parent / "jupyter-book"), "build", ".", "-W", "-n", "--keep-going"]
    result = subprocess.run(command, cwd=root, env=ENVIRONMENT, capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


def executed_in(output: str) -> str:
    return next(line for line in output.splitlines() if line.startswith("chapters to execute")).partition(": ")[2]


def test_a_build_that_failed_fails_until_it_is_mended(small_book):
    chapter = small_book / "chapters/a/one.ipynb"
    source = "import sys\nsys.path.insert(0, %s)\nfrom course_lib.value import VALUE\nprint('it is', VALUE)"
    source %= json.dumps(str(small_book))
    write(small_book / "course_lib/value.py", "VALUE = 42\n")
    write_notebook(chapter, source)
    code, output = build(small_book)
    assert (code, executed_in(output)) == (0, "chapters/a/one"), output[-3000:]
    page = (small_book / "_build/html/chapters/a/one.html").read_text(encoding="utf8")
    assert "it is 42" in page and "colab.research.google.com" in page

    # A warning of a page: the chapters are not executed again, and the second build fails like the first.
    write(small_book / "intro.md", "# Front\n\n[gone](nowhere.md)\n")
    for _ in range(2):
        code, output = build(small_book)
        assert code != 0 and executed_in(output) == "none", output[-3000:]

    # An error of a cell, named with its notebook, cell and traceback, twice.
    write(small_book / "intro.md", "# Front\n\nText.\n")
    write_notebook(chapter, "x = 6 * 7\nx / 0")
    for _ in range(2):
        code, output = build(small_book)
        assert code != 0 and "one.ipynb, cell 1" in output and "ZeroDivisionError" in output, output[-3000:]

    # Mended, and the library has changed: the chapter is executed again, and its page shows the new value.
    write(small_book / "course_lib/value.py", "VALUE = 43\n")
    write_notebook(chapter, source, prose="# Another title")
    code, output = build(small_book)
    assert (code, executed_in(output)) == (0, "chapters/a/one"), output[-3000:]
    page = (small_book / "_build/html/chapters/a/one.html").read_text(encoding="utf8")
    assert "it is 43" in page and "it is 42" not in page and "Another title" in page


def test_a_changed_module_renews_the_page_of_a_chapter_that_is_not_read_again():
    chapters = {name: SimpleNamespace(key=key) for name, key in {"same": "1", "changed": "3", "new": "4"}.items()}
    app = SimpleNamespace(course_chapters=chapters)
    env = SimpleNamespace(course_keys={"same": "1", "changed": "2"})
    assert course_book.outdated(app, env, set(), set(), set()) == ["changed"]
