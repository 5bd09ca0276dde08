"""What students get holds no solution and no catalogued wrong answer: notebooks, agendas' notebooks, and the wheel."""

import io
import json
import re
import zipfile
from pathlib import Path

import pytest

from tests.exercises.notebooks import topics
from workshop import agendas
from workshop.lessons import ROOT

RUN = 3  # consecutive lines of a solution's body that no other text has by chance
MARKS = re.compile(r"@mistake|course_lib\.checks import mistake|(?:^|[\"' ])(?:mistakes|solutions)/\w+/\w+\.py", re.MULTILINE)


def lines(text: str) -> list[str]:
    """Code lines without indentation, comments and blank lines."""
    kept = (re.sub(r"\s+#.*", "", line).strip() for line in text.splitlines())
    return [line for line in kept if line and not line.startswith(("#", '"""'))]


def bodies(topic: str) -> list[str]:
    """Runs of three consecutive lines within the functions of a solution file, imports and signatures left out."""
    text = (ROOT / "solutions" / f"{topic}.py").read_text(encoding="utf8")
    code = [line for line in lines(text) if not re.match(r"import |from |def |class |@|return$|\)|\]", line)]
    return ["\n".join(code[i : i + RUN]) for i in range(len(code) - RUN + 1)]


def leaks(topic: str, text: str) -> list[str]:
    """Runs of the topic's solution that occur in `text`."""
    found = "\n".join(lines(text))
    return [run for run in bodies(topic) if run in found]


def sources(path: Path) -> str:
    return "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf8"))["cells"])


@pytest.fixture(scope="module")
def wheel(site) -> dict[str, str]:
    """The Python files of the wheel that students install."""
    (path,) = (site / "wheels").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".py")]
        return {name: io.TextIOWrapper(archive.open(name), "utf8").read() for name in names}


@pytest.mark.parametrize("topic", topics())
def test_notebooks_hold_no_solution(topic):
    for folder in ("exercises", "chapters"):
        path = ROOT / folder / f"{topic}.ipynb"
        raw = path.read_text(encoding="utf8")
        assert leaks(topic, sources(path)) == [] and not MARKS.search(sources(path))
        assert "NotImplementedError" in raw or folder == "chapters"


@pytest.mark.parametrize("name", agendas.names())
def test_agendas_hold_no_solution(name):
    text = "\n".join(cell["source"] for cell in agendas.notebook(agendas.load(name))["cells"])
    assert [run for topic in topics() for run in leaks(topic, text)] == [] and not MARKS.search(text)


def test_the_wheel_holds_no_folder_of_solutions_and_checks_do_not_spell_them_out(wheel):
    assert not [name for name in wheel if name.startswith(("solutions", "mistakes", "tests"))]
    found = {}
    for topic in topics():
        check = wheel[f"course_lib/checks/{topic}.py"]
        if leaks(topic, check) or MARKS.search(check):
            found[topic] = leaks(topic, check)
    assert found == {}


def test_a_leak_is_seen():
    """A solved notebook leaks, and so does a marker."""
    solution = (ROOT / "solutions/attribution/shapley.py").read_text(encoding="utf8")
    assert len(leaks("attribution/shapley", f"# some\n{solution}\nx = 1")) > 20
    assert MARKS.search('@mistake("a/b/c", hint="x")') and MARKS.search("see solutions/attribution/shapley.py")
