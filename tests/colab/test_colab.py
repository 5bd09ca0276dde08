"""A student clicks *Open in Colab* and runs the first cell.

Real here: a fresh virtual environment with Colab's versions of NumPy, SciPy, Matplotlib, scikit-learn, ipywidgets
(7.7.1), ipykernel, networkx and tqdm (`constraints.txt`), an empty working folder, the site as built, served over HTTP,
the setup cell as committed but for the address, pip, and the notebooks.

Simulated, or not here at all: Colab itself and its page in the browser (widgets are driven from Python, not by a
mouse); its Python 3.13 (this interpreter is used); its torch (this environment's, linked into the other, with what torch
requires and Colab's list does not bring); the other packages of Colab that the course never imports; the public
addresses (the site is served on the loopback address, the repository is a temporary clone).
"""

import functools
import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import nbformat
import pytest

from tests.colab import machine as colab
from tests.exercises import notebooks

ROOT = notebooks.ROOT
SETUP_SECONDS = 15
NOWHERE = "http://127.0.0.1:9/"  # the discard port: nothing answers there


def addresses() -> dict[str, str]:
    spec = spec_from_file_location("setup_cell", ROOT / "_ext" / "setup_cell.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.addresses(ROOT)


def readdressed(notebook: nbformat.NotebookNode, site: str, repository: str = "file:///nowhere") -> nbformat.NotebookNode:
    """A copy whose setup cell looks for the course elsewhere."""
    copy, known = nbformat.from_dict(notebook), addresses()
    cell = notebooks.setup(copy)
    assert known["site"] in cell.source and known["repository"] in cell.source
    cell.source = cell.source.replace(known["site"], site).replace(known["repository"], repository)
    return copy


def setup_only(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The setup cell, and a cell that says where the library came from."""
    where = nbformat.v4.new_code_cell("print(course_lib.__file__, course_lib.__version__)")
    return nbformat.v4.new_notebook(metadata=notebooks.METADATA, cells=[notebooks.setup(notebook), where])


def printed(notebook: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The built site on the loopback address."""
    folder, version = ROOT / "_build" / "html", addresses()["version"]
    if not (folder / "wheels" / f"course_lib-{version}-py3-none-any.whl").exists():
        pytest.fail("the site has no wheel of this version: build the book first (`make book`)")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> colab.Machine:
    return colab.make(tmp_path_factory.mktemp("colab"))


@pytest.fixture(scope="module")
def ready(machine: colab.Machine, site: str) -> colab.Machine:
    """The machine after its student has run the setup cell."""
    machine.run(readdressed(setup_only(notebooks.read(notebooks.topics()[0])), site))
    return machine


def test_the_machine_has_colabs_versions_and_not_the_course(machine: colab.Machine) -> None:
    wanted = dict(line.split("==") for line in colab.CONSTRAINTS.read_text().split("\n") if "==" in line)
    installed = {colab.canonical(name): version for name, version in machine.installed().items()}
    assert {name: installed.get(colab.canonical(name)) for name in wanted} == wanted
    assert "course-lib" not in installed


def test_setup_from_the_repository_at_its_tag(machine: colab.Machine, tmp_path: Path, record_property: Callable) -> None:
    clone = tmp_path / "course.git"
    subprocess.run(["git", "clone", "-q", "--bare", ROOT.as_uri(), str(clone)], check=True)
    subprocess.run(["git", "-C", str(clone), "tag", "-f", f"v{addresses()['version']}"], check=True, capture_output=True)
    before, start = machine.installed(), time.perf_counter()
    done = machine.run(readdressed(setup_only(notebooks.read(notebooks.topics()[0])), NOWHERE, clone.as_uri()))
    record_property("setup from the repository, seconds", round(time.perf_counter() - start, 1))
    assert f"Could not install from {NOWHERE}" in printed(done)
    assert str(machine.folder) in printed(done) and addresses()["version"] in printed(done)
    assert changes(before, machine.installed()) == {"course_lib": addresses()["version"]}
    machine.pip("uninstall", "-y", "course_lib")


def test_setup_from_the_site_is_quick_and_changes_nothing(machine: colab.Machine, site: str, record_property: Callable) -> None:
    before = machine.installed()
    done = machine.run(readdressed(setup_only(notebooks.read(notebooks.topics()[0])), site))
    seconds = seconds_of(notebooks.setup(done))
    record_property("setup from the site, seconds", round(seconds, 1))
    assert str(machine.folder) in printed(done) and "Could not" not in printed(done)
    assert changes(before, machine.installed()) == {"course_lib": addresses()["version"]}
    assert seconds < SETUP_SECONDS


def seconds_of(cell: nbformat.NotebookNode) -> float:
    """How long the kernel was busy with an executed cell."""
    times = cell.metadata.execution
    start, end = (datetime.fromisoformat(times[key]) for key in ("iopub.status.busy", "iopub.status.idle"))
    return (end - start).total_seconds()


def changes(before: dict[str, str], after: dict[str, str]) -> dict[str, str | None]:
    """Packages whose version is another one than before; None for those that are gone."""
    return {name: after.get(name) for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@pytest.mark.parametrize("topic", notebooks.topics())
def test_the_solved_exercises_run(ready: colab.Machine, topic: str, record_property: Callable) -> None:
    notebook = notebooks.read(topic)
    start = time.perf_counter()
    done = ready.run(readdressed(notebooks.inject(notebook, notebooks.solutions(topic)), NOWHERE))
    record_property(f"{topic} solved, seconds", round(time.perf_counter() - start, 1))
    for exercise, cell in notebooks.checks(done).items():
        stored = notebooks.checks(notebook)[exercise].outputs
        assert "".join(output.text for output in cell.outputs) == "".join(output.text for output in stored)


def test_an_untouched_and_a_wrong_answer_get_their_hints(ready: colab.Machine) -> None:
    topic = notebooks.topics()[-1]
    notebook, wrong = notebooks.read(topic), notebooks.mistakes(topic)[0]
    answers = [(wrong.exercise, notebooks.mistake_source(topic, wrong))]
    answers += [(exercise, cell.source) for exercise, cell in notebooks.stubs(notebook).items()]
    done = ready.run(readdressed(notebooks.batch(answers), NOWHERE))
    first, *rest = (cell.outputs[0].text for cell in done.cells[2::2])
    assert f"{wrong.points}/" in first and "hint: " in first
    assert all("0/" in text and "not written yet" in text for text in rest)


def test_a_chapter_runs(ready: colab.Machine, record_property: Callable) -> None:
    chapter = sorted((ROOT / "chapters").rglob("*.ipynb"))[-1]
    start = time.perf_counter()
    done = ready.run(readdressed(nbformat.read(chapter, as_version=4), NOWHERE), timeout=300)
    record_property(f"chapter {chapter.stem}, seconds", round(time.perf_counter() - start, 1))
    assert "ipywidgets" not in printed(done).lower()  # nothing complains that it is too old


DEMO = """
import ipywidgets, matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
from course_lib.demos import explore

def draw(slope, shift):
    figure, axes = plt.subplots(figsize=(2, 1))
    axes.plot([0, 1], [shift, shift + slope])
    return figure

demo = explore(draw, lambda slope, shift: f"slope {slope}, shift {shift}", alt="A line.", slope=[1, 2], shift=[0, 1])
box = demo.widget()
slope, shift, picture, caption = box.children
seen = {(picture.value, caption.value)}
slope.value = 2
seen.add((picture.value, caption.value))
shift.value = 1
seen.add((picture.value, caption.value))
print(ipywidgets.__version__, len(seen), caption.value)
"""


@pytest.mark.parametrize("major", [7, 8])
def test_a_demo_moves_in_the_live_form(major: int, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Under Colab's ipywidgets 7.7.1, and under the 8 of this environment."""
    notebook = nbformat.v4.new_notebook(
        metadata=notebooks.METADATA,
        cells=[nbformat.v4.new_code_cell(DEMO), nbformat.v4.new_code_cell("demo")],
    )
    if major == 7:
        done = request.getfixturevalue("ready").run(notebook)
    else:
        done = colab.execute(notebook, tmp_path, sys.executable)
    version, pictures, caption = printed(done).split(maxsplit=2)
    assert version.split(".")[0] == str(major)
    assert (pictures, caption.strip()) == ("3", "slope 2, shift 1")
    (shown,) = done.cells[1].outputs
    assert "application/vnd.jupyter.widget-view+json" in shown.data
