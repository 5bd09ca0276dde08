"""The zip for a room without a network: it opens as files in a browser, and its notebooks run without a connection."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from course_lib.checks.core import find
from tests.book.served import new_page, wait_for_maths
from tests.exercises import notebooks
from workshop import bundle
from workshop.__main__ import main

TOPIC = "attribution/shapley"
OFFLINE = """
import socket, sys
try:
    socket.create_connection(("192.0.2.1", 80), timeout=2)
except OSError as error:
    print("network:", type(error).__name__)
exec(open(sys.argv[1], encoding="utf8").read())
print("library:", course_lib.__file__)
"""


@pytest.fixture(scope="module")
def unpacked(site, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    path = bundle.make(folder / "course.zip", site=site, solutions=True)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "course")
    return folder / "course"


def test_it_says_how_to_start_and_holds_all_notebooks(unpacked):
    start = (unpacked / "START.txt").read_text(encoding="utf8")
    (wheel,) = (unpacked / "site/wheels").glob("*.whl")
    assert "site/index.html" in start and wheel.name in start
    for topic in notebooks.topics():
        for folder in ("chapters", "exercises"):
            assert (unpacked / f"notebooks/{folder}/{topic}.ipynb").exists()
    assert not (unpacked / "site/.buildinfo").exists()


@pytest.mark.parametrize("name", ["intro", f"chapters/{TOPIC}", f"exercises/{TOPIC}"])
def test_pages_open_as_files_and_ask_nobody(unpacked, browser, name):
    base = (unpacked / "site").as_uri()
    context, page, log = new_page(browser, base)
    try:
        page.goto(f"{base}/{name}.html")
        wait_for_maths(page)
        assert page.locator("h1").first.inner_text()
        assert (log.external, log.failed) == ([], [])
        assert [line for line in log.console if "file:///" not in line and "origin 'null'" not in line] == []
        if name.startswith("chapters/"):
            image = page.locator(".course-demo img").first
            before = image.get_attribute("src")
            page.locator(".course-demo input[type=range]").first.press("ArrowRight")
            assert image.get_attribute("src") != before
    finally:
        context.close()


def test_a_solved_exercise_runs_from_it_without_a_network(unpacked, tmp_path):
    """In a network namespace of its own, with the library from the zip and nothing else of the course."""
    bwrap = shutil.which("bwrap")
    assert bwrap, "bubblewrap is needed to take the network away: install the package bubblewrap"
    library, script, program = tmp_path / "library", tmp_path / "solved.py", tmp_path / "offline.py"
    (wheel,) = (unpacked / "site/wheels").glob("*.whl")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", str(library), str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    notebook = notebooks.nbformat.read(unpacked / f"notebooks/exercises/{TOPIC}.ipynb", as_version=4)
    solved = notebooks.inject(notebook, notebooks.solutions(TOPIC))
    script.write_text("\n".join(cell.source for cell in solved.cells if cell.cell_type == "code"), encoding="utf8")
    program.write_text(OFFLINE, encoding="utf8")
    box = [bwrap, "--dev-bind", "/", "/", "--unshare-net", "--setenv", "PYTHONPATH", str(library), "--chdir", str(tmp_path)]
    done = subprocess.run([*box, sys.executable, str(program), str(script)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "network: " in done.stdout and f"library: {library}" in done.stdout
    for exercise in notebooks.solutions(TOPIC):
        assert notebooks.full_marks(exercise, find(exercise).maximum) in done.stdout


def test_what_cannot_be_bundled_is_refused(site, tmp_path, monkeypatch, capsys):
    with pytest.raises(ValueError, match="site must be a built book with its wheel, got .*nothing: run `make book` first"):
        bundle.make(tmp_path / "a.zip", site=tmp_path / "nothing")
    with pytest.raises(ValueError, match="the site shows solutions: build it with `COURSE_SOLUTIONS=0 make book`"):
        bundle.make(tmp_path / "a.zip", site=site)
    (tmp_path / "a.zip").write_text("mine", encoding="utf8")
    with pytest.raises(ValueError, match="target must not exist yet"):
        bundle.make(tmp_path / "a.zip", site=site, solutions=True)
    assert (tmp_path / "a.zip").read_text(encoding="utf8") == "mine"
    monkeypatch.setattr(bundle, "SITE", tmp_path)
    assert main(["--out", str(tmp_path), "bundle"]) == 2 and "solutions" in capsys.readouterr().err


def test_a_site_without_solutions_needs_no_word(tmp_path):
    """Pages that a build with COURSE_SOLUTIONS=0 makes: no code on them."""
    site = tmp_path / "html"
    for name, text in {"index.html": "", "wheels/course_lib-1-py3-none-any.whl": "", "solutions/a/b.html": "Left out."}.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text, encoding="utf8")
    assert not bundle.has_solutions(site)
    with zipfile.ZipFile(bundle.make(tmp_path / "out/course.zip", site=site)) as archive:
        assert {"START.txt", "site/index.html", "site/solutions/a/b.html"} <= set(archive.namelist())
