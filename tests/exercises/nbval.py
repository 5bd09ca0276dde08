"""Running nbval over notebooks in a temporary folder: one pytest process a folder, a result for each code cell."""

import os
import subprocess
import sys
import xml.etree.ElementTree as xml
from dataclasses import dataclass
from pathlib import Path

import nbformat

from tests.exercises import kernels
from tests.exercises.notebooks import ROOT, write


@dataclass(frozen=True)
class CellResult:
    """What nbval said about one code cell; `report` is empty when it passed."""

    cell: nbformat.NotebookNode
    passed: bool
    report: str
    seconds: float


def run(notebooks: dict[str, nbformat.NotebookNode], folder: Path) -> dict[str, list[CellResult]]:
    """Compare stored and fresh outputs of the cells marked `NBVAL_CHECK_OUTPUT`, and run all the others."""
    for name, notebook in notebooks.items():
        write(notebook, folder / f"{name}.ipynb")
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, f"--rootdir={folder}", "-p", "no:cacheprovider", "-q"]
    command += ["-p", "no:xdist", "--nbval-lax", "--nbval-cell-timeout=120", "--junitxml=r.xml"]
    files = [f"{name}.ipynb" for name in notebooks]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment["PYTHONPATH"] = str(ROOT)
    with kernels.nursery(environment) as (options, own):
        command += options
        done = subprocess.run([*command, *files], cwd=folder, env=own, capture_output=True, text=True, timeout=1200)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"nbval could not run:\n{done.stdout}\n{done.stderr}")
    found = {name: [] for name in notebooks}
    for case in xml.parse(folder / "r.xml").iter("testcase"):
        name = case.get("classname").removesuffix(".ipynb")
        cell = [cell for cell in notebooks[name].cells if cell.cell_type == "code"][len(found[name])]
        trouble = [part.text or "" for part in case if part.tag in ("failure", "error", "skipped")]
        found[name].append(CellResult(cell, not trouble, "\n".join(trouble), float(case.get("time"))))
    return found
