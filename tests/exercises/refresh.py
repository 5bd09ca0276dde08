"""Refresh the stored outputs of the exercise notebooks: `make exercises`, or with `ARGS=PART/TOPIC` only one of them.

Each notebook is solved in a copy and run; verdicts and target figures go back into the committed notebook, the
solutions do not. A notebook whose solved copy does not get full marks everywhere is left as it is.
"""

import argparse
import sys
import tempfile

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from course_lib.checks.core import find
from tests.exercises import notebooks


class Refused(Exception):
    """The solved notebook is not what success looks like."""


def refreshed(notebook: nbformat.NotebookNode, solutions: dict[str, str]) -> nbformat.NotebookNode:
    """The notebook in normal form, with the outputs of its solved copy."""
    missing = set(notebooks.stubs(notebook)) ^ set(solutions)
    if missing:
        raise Refused(f"stub and solution must come in pairs, look at {', '.join(sorted(missing))}")
    executed = notebooks.inject(notebook, solutions)
    with tempfile.TemporaryDirectory() as folder:
        try:
            NotebookClient(executed, timeout=300, resources={"metadata": {"path": folder}}).execute()
        except CellExecutionError as error:
            raise Refused(f"the solved notebook stops: {error.ename}: {error.evalue}") from None
    for exercise, cell in notebooks.checks(executed).items():
        got = "".join(output.get("text", "") for output in cell.outputs)
        if got != notebooks.full_marks(exercise, find(exercise).maximum):
            raise Refused(f"the solution does not get full marks:\n{got}")
    notebooks.normalise(notebook)
    notebooks.keep_outputs(notebook, executed)
    nbformat.validate(notebook)
    return notebook


def refresh(topic: str) -> bool:
    """Refresh one committed notebook; says whether it changed."""
    path = notebooks.path_of(topic)
    before = path.read_text(encoding="utf8")
    notebooks.write(refreshed(notebooks.read(topic), notebooks.solutions(topic)), path)
    return path.read_text(encoding="utf8") != before


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="PART/TOPIC, for example attribution/shapley")
    failed = 0
    for topic in parser.parse_args().topics or notebooks.topics():
        try:
            print(f"{topic}: {'refreshed' if refresh(topic) else 'unchanged'}")
        except Refused as reason:
            failed += 1
            print(f"{topic}: left as it is: {reason}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
