"""The form of the committed exercise notebooks."""

import ast
import re
from pathlib import Path

import pytest

from course_lib.checks.core import find
from tests.exercises import notebooks
from tests.exercises.refresh import Refused, refreshed

TOPICS = notebooks.topics()
LEVELS = {"core", "stretch"}


@pytest.fixture(params=TOPICS)
def topic(request: pytest.FixtureRequest) -> str:
    return request.param


# ---------------------------------------------------------------------------------------------------------- the form


def unguarded(notebook: dict) -> list[str]:
    """Check cells that nbval would let pass unread: it compares only what is stored and was run."""
    return [
        exercise
        for exercise, cell in notebooks.checks(notebook).items()
        if not cell.outputs or cell.execution_count is None or not cell.source.startswith("# NBVAL_CHECK_OUTPUT\n")
    ]


def test_every_check_cell_is_compared(topic: str) -> None:
    notebook = notebooks.read(topic)
    assert unguarded(notebook) == []
    for exercise, cell in notebooks.checks(notebook).items():
        stored = "".join(output.get("text", "") for output in cell.outputs)
        assert stored == notebooks.full_marks(exercise, find(exercise).maximum)


@pytest.mark.parametrize("field, nothing", [("outputs", []), ("execution_count", None), ("source", 'check("{}", {})')])
def test_a_check_cell_that_would_pass_unread_is_noticed(field: str, nothing: object) -> None:
    notebook = notebooks.read(TOPICS[0])
    exercise, cell = next(iter(notebooks.checks(notebook).items()))
    cell[field] = nothing.format(exercise, exercise.rpartition("/")[2]) if isinstance(nothing, str) else nothing
    assert unguarded(notebook) == [exercise]


def test_task_stub_and_check_follow_each_other(topic: str) -> None:
    cells = notebooks.read(topic).cells
    for index, cell in enumerate(cells):
        if exercise := notebooks.exercise_of(cell):
            assert cells[index - 1].cell_type == "markdown", f"{exercise}: a task comes before its stub"
            assert "<details>" in cells[index - 1].source, f"{exercise}: a task offers a hint"
            assert notebooks.check_of(cells[index + 1]) == exercise, f"{exercise}: its check comes next"
    assert set(notebooks.checks(notebooks.read(topic))) == set(notebooks.stubs(notebooks.read(topic)))


def test_a_stub_says_what_it_is_and_what_it_is_worth(topic: str) -> None:
    for exercise, cell in notebooks.stubs(notebooks.read(topic)).items():
        about, name = cell.metadata.course, exercise.rpartition("/")[2]
        assert exercise == f"{topic}/{name}"
        assert about.points == find(exercise).maximum
        assert about.level in LEVELS
        low, high = about.minutes
        assert 0 < low <= high
        assert cell.source.splitlines()[0] == f"# exercise: {exercise}"
        assert cell.outputs == [] and cell.execution_count is None
        function = ast.parse(cell.source).body[-1]
        assert isinstance(function, ast.FunctionDef) and function.name == name
        assert ast.get_docstring(function), f"{exercise}: say what goes in and what comes out"
        assert ast.unparse(function.body[1:]) == "raise NotImplementedError"


def test_the_solution_keeps_the_signature_of_its_stub(topic: str) -> None:
    for exercise, source in notebooks.solutions(topic).items():
        stub = ast.parse(notebooks.stubs(notebooks.read(topic))[exercise].source).body[-1]
        made = next(node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == stub.name)
        assert signature(made) == signature(stub)


def signature(function: ast.FunctionDef) -> tuple[list[str], list[str]]:
    """Names of the parameters, and their defaults."""
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return names, [ast.unparse(value) for value in (*arguments.defaults, *arguments.kw_defaults) if value]


def test_no_line_of_a_solution_is_in_the_notebook(topic: str) -> None:
    notebook = notebooks.read(topic)
    shown = {" ".join(line.split()) for cell in notebook.cells for line in cell.source.splitlines()}
    for exercise, source in notebooks.solutions(topic).items():
        given = {" ".join(line.split()) for line in notebooks.stubs(notebook)[exercise].source.splitlines()}
        lines = {" ".join(line.split()) for line in source.splitlines()} - given
        lines = {line for line in lines if not line.startswith(("import ", "from "))}
        telling = {line for line in lines if len(re.findall(r"\w+", line)) >= 3}
        assert not telling & shown, f"{exercise}: {telling & shown}"


def test_the_setup_cell_comes_first(topic: str) -> None:
    cells = [cell for cell in notebooks.read(topic).cells if cell.cell_type == "code"]
    assert cells[0] == notebooks.setup(notebooks.read(topic))
    assert cells[0].outputs == []


def test_a_notebook_is_in_normal_form(topic: str, tmp_path: Path) -> None:
    notebook = notebooks.read(topic)
    notebooks.normalise(notebook)
    notebooks.write(notebook, tmp_path / "again.ipynb")
    assert (tmp_path / "again.ipynb").read_text("utf8") == notebooks.path_of(topic).read_text("utf8"), "make exercises"


def test_refreshing_refuses_a_solution_without_full_marks() -> None:
    topic = TOPICS[0]
    wrong = notebooks.mistakes(topic)[0]
    answers = notebooks.solutions(topic) | {wrong.exercise: notebooks.mistake_source(topic, wrong)}
    with pytest.raises(Refused, match="does not get full marks"):
        refreshed(notebooks.read(topic), answers)
