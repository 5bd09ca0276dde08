"""Reading exercise notebooks, and putting answers into copies of them.

An exercise notebook is committed with its stubs, and with the outputs of the solved notebook. Everything else is made
from it: the solved copy, copies with a mistake in them, and batches in which one kernel judges many answers.
"""

import ast
import copy
import hashlib
import importlib.util
import inspect
import linecache
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import nbformat

from course_lib.checks.core import Mistake

ROOT = Path(__file__).parents[2]
MARKER = re.compile(r"# exercise: (\S+)")
CHECK = re.compile(r'^check\("([^"]+)", (\w+)\)$', re.MULTILINE)
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
WIDGET = "application/vnd.jupyter.widget-view+json"


def topics() -> list[str]:
    """Addresses PART/TOPIC of all exercise notebooks."""
    folder = ROOT / "exercises"
    found = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.ipynb"))
    return sorted(path.as_posix() for path in found if ".ipynb_checkpoints" not in path.parts)


def path_of(topic: str) -> Path:
    return ROOT / "exercises" / f"{topic}.ipynb"


def read(topic: str) -> nbformat.NotebookNode:
    return nbformat.read(path_of(topic), as_version=4)


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf8")


def exercise_of(cell: dict) -> str | None:
    """The exercise whose stub this cell is."""
    return cell["metadata"].get("course", {}).get("exercise")


def check_of(cell: dict) -> str | None:
    """The exercise that this cell checks."""
    found = CHECK.search(cell["source"]) if cell["cell_type"] == "code" else None
    return found.group(1) if found else None


def stubs(notebook: nbformat.NotebookNode) -> dict[str, nbformat.NotebookNode]:
    return {exercise_of(cell): cell for cell in notebook.cells if exercise_of(cell)}


def checks(notebook: nbformat.NotebookNode) -> dict[str, nbformat.NotebookNode]:
    return {check_of(cell): cell for cell in notebook.cells if check_of(cell)}


def setup(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return next(cell for cell in notebook.cells if "setup" in cell["metadata"].get("tags", []))


def full_marks(exercise: str, points: int) -> str:
    """What the check cell prints for a right answer."""
    return f"{exercise.rpartition('/')[2]}: {points}/{points} points\n"


# ------------------------------------------------------------------------------------------- solutions and mistakes


def solutions(topic: str) -> dict[str, str]:
    """Source of each solution in `solutions/PART/TOPIC.py`: from its line `# exercise: id` to the next one."""
    sections: dict[str, list[str]] = {}
    current = None
    for line in (ROOT / "solutions" / f"{topic}.py").read_text(encoding="utf8").splitlines():
        if found := MARKER.fullmatch(line):
            current = sections.setdefault(found.group(1), [])
        if current is not None:
            current.append(line)
    return {exercise: "\n".join(lines).strip() for exercise, lines in sections.items()}


def mistakes_module(topic: str) -> ModuleType:
    """`mistakes/PART/TOPIC.py`, imported from its path: the folder is no package."""
    name = f"mistakes.{topic.replace('/', '.')}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "mistakes" / f"{topic}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]


def mistakes(topic: str) -> list[Mistake]:
    """The catalogued mistakes of a topic, in the order of the file."""
    found = (value.mistake for value in vars(mistakes_module(topic)).values() if hasattr(value, "mistake"))
    return list(found)


def mistake_source(topic: str, mistake: Mistake) -> str:
    """The mistake as a cell: the file's imports, constants and helpers, then the function under its exercise's name."""
    tree = ast.parse(inspect.getsource(mistakes_module(topic)))
    kept = []
    for node in tree.body[1:] if ast.get_docstring(tree) else tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == mistake.function.__name__:
            node.name, node.decorator_list = mistake.exercise.rpartition("/")[2], []
        elif isinstance(node, ast.FunctionDef) and any("mistake" in ast.unparse(mark) for mark in node.decorator_list):
            continue
        elif isinstance(node, ast.ImportFrom) and node.module == "course_lib.checks":
            continue
        elif isinstance(node, ast.Assign | ast.AnnAssign) and "EQUIVALENT" in ast.unparse(node)[:20]:
            continue
        kept.append(ast.unparse(node))
    return "\n".join([f"# exercise: {mistake.exercise}", *kept])


def load(source: str, name: str, label: str = "answer") -> Callable:
    """The function `name` that the cell `source` defines; tracebacks can show its lines."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    filename = f"<{label} {name} {digest}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace = {"__name__": "__main__"}
    exec(compile(source, filename, "exec"), namespace)
    return namespace[name]


# --------------------------------------------------------------------------------------------------- making copies


def inject(notebook: nbformat.NotebookNode, answers: dict[str, str]) -> nbformat.NotebookNode:
    """A copy in which the stubs of these exercises are replaced."""
    made = copy.deepcopy(notebook)
    for exercise, source in answers.items():
        stubs(made)[exercise].source = source
    return made


def batch(answers: Iterable[tuple[str, str]]) -> nbformat.NotebookNode:
    """One notebook, so one kernel, for many answers: the setup cell, then an answer and its check cell for each."""
    committed = {topic: read(topic) for topic in topics()}
    made = nbformat.v4.new_notebook(metadata=METADATA, cells=[copy.deepcopy(setup(committed[topics()[0]]))])
    for index, (exercise, source) in enumerate(answers):
        check = copy.deepcopy(checks(committed[exercise.rpartition("/")[0]])[exercise])
        check.id = f"check-{index}"
        made.cells += [nbformat.v4.new_code_cell(source, id=f"answer-{index}"), check]
    return made


# ------------------------------------------------------------------------------------------ the form of a notebook


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Give cells ids that follow from their role or text, and drop metadata that editors leave: diffs stay small."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    taken: set[str] = set()
    for index, cell in enumerate(notebook.cells):
        cell.metadata = nbformat.from_dict(
            {key: value for key, value in cell.metadata.items() if key in ("course", "tags", "mystnb")}
        )
        following = notebook.cells[index + 1] if index + 1 < len(notebook.cells) else None
        name, copies = _cell_id(cell, following), 1
        while name in taken:
            copies += 1
            name = f"{_cell_id(cell, following)}-{copies}"
        taken.add(name)
        cell.id = name


def _cell_id(cell: dict, following: dict | None) -> str:
    if "setup" in cell["metadata"].get("tags", []):
        return "setup"
    for role, exercise in (
        ("answer", exercise_of(cell)),
        ("check", check_of(cell)),
        ("task", following and cell["cell_type"] == "markdown" and exercise_of(following)),
    ):
        if exercise:
            return f"{role}-{exercise.rpartition('/')[2]}".replace("_", "-")[:60]
    return f"{cell['cell_type']}-{hashlib.sha256(cell['source'].encode()).hexdigest()[:8]}"


def keep_outputs(notebook: nbformat.NotebookNode, executed: nbformat.NotebookNode) -> None:
    """Take over the outputs of the solved copy, but for stubs, the setup cell and live widgets."""
    count = 0
    for cell, solved in zip(notebook.cells, executed.cells, strict=True):
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        if exercise_of(cell) or "setup" in cell.metadata.get("tags", []):
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = [_plain(output, count) for output in solved.outputs if WIDGET not in output.get("data", {})]


def _plain(output: nbformat.NotebookNode, count: int) -> nbformat.NotebookNode:
    output = copy.deepcopy(output)
    if "execution_count" in output:
        output.execution_count = count
    if "metadata" in output:
        output.metadata = nbformat.from_dict({})
    return output
