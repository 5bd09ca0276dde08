"""A machine like Colab's, as far as packages go: a fresh environment, its kernel, and an empty working folder."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient

CONSTRAINTS = Path(__file__).with_name("constraints.txt")
HIDDEN = (
    "COURSE_STATIC",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONDONTWRITEBYTECODE",
    "VIRTUAL_ENV",
    "PIP_CONSTRAINT",
    "PIP_REQUIRE_VIRTUALENV",
)


@dataclass(frozen=True)
class Machine:
    """The folder of a virtual environment, and the folder where notebooks run."""

    folder: Path
    work: Path

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def pip(self, *words: str) -> str:
        command = [self.python, "-m", "pip", "--disable-pip-version-check", *words]
        return subprocess.run(command, env=environment(), cwd=self.work, check=True, capture_output=True, text=True).stdout

    def installed(self) -> dict[str, str]:
        """Installed packages and their versions."""
        return {row["name"]: row["version"] for row in json.loads(self.pip("list", "--format=json"))}

    def run(self, notebook: nbformat.NotebookNode, timeout: int = 120) -> nbformat.NotebookNode:
        """Execute a notebook here; raises when a cell does."""
        return execute(notebook, self.work, self.python, timeout)


def environment() -> dict[str, str]:
    """What a notebook inherits: nothing of the course, nothing of the test run."""
    return {key: value for key, value in os.environ.items() if key not in HIDDEN and not key.startswith("PYTEST")}


def execute(notebook: nbformat.NotebookNode, work: Path, python: str, timeout: int = 120) -> nbformat.NotebookNode:
    """Execute a notebook in a kernel of `python`, in the folder `work`."""
    manager = AsyncKernelManager(kernel_name="python3")
    manager.kernel_spec.argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    resources = {"metadata": {"path": str(work)}}
    client = NotebookClient(notebook, km=manager, timeout=timeout, resources=resources)
    return client.execute(env=environment())


def make(folder: Path) -> Machine:
    """A fresh environment with Colab's versions, and this interpreter's torch linked into it."""
    machine = Machine(folder / "environment", folder / "content")
    machine.work.mkdir()
    subprocess.run([sys.executable, "-m", "venv", str(machine.folder)], check=True)
    machine.pip("install", "-q", "--no-compile", "--no-deps", "-r", str(CONSTRAINTS))
    target = subprocess.run(
        [machine.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    link("torch", Path(target), {canonical(name) for name in machine.installed()})
    return machine


def link(package: str, target: Path, present: set[str]) -> None:
    """Link a package of this environment, and what it requires and `target` lacks, into another environment."""
    if canonical(package) in present:
        return
    present.add(canonical(package))
    found = importlib.metadata.distribution(package)
    source = Path(sysconfig.get_path("purelib"))
    tops = {Path(file).parts[0] for file in found.files or [] if Path(file).parts[0] not in ("..", "__pycache__")}
    for top in tops:
        if not (target / top).exists():
            (target / top).symlink_to(source / top)
    for requirement in found.requires or []:
        if "extra ==" not in requirement:
            name = re.match(r"[\w.-]+", requirement).group()
            try:
                link(name, target, present)
            except importlib.metadata.PackageNotFoundError:  # required on other platforms only
                continue


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
