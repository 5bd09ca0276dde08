"""Execute chapters once, several at a time, and keep the outputs in jupyter-cache under `keys.Library.key`."""

import datetime
import os
import platform
import re
import resource
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import nbformat
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.main import JupyterCacheBase
from jupyter_cache.executors.utils import single_nb_execution
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from sphinx.util import logging

from .keys import Library, code_cells

LOGGER = logging.getLogger(__name__)
TIMEOUT = 300  # seconds a cell; a busy machine may take ten times what a quiet one takes
KEPT = 200  # executed chapters in the cache, older ones are dropped
CLAIM = "application/vnd.course.claim+json"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Chapter:
    """A chapter as its author wrote it, with the key of its outputs."""

    name: str  # chapters/PART/TOPIC
    path: Path
    notebook: nbformat.NotebookNode
    key: str

    @classmethod
    def read(cls, root: Path, name: str, library: Library) -> "Chapter":
        path = root / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        return cls(name, path, notebook, library.key(code_cells(notebook), name))


@dataclass(frozen=True)
class Executed:
    """A chapter's outputs (one list a code cell) and what is known about its execution."""

    title: str
    outputs: list[list[dict]]
    metadata: dict
    facts: dict  # seconds, peak_mb, date, python, torch

    @property
    def claims(self) -> list[dict]:
        """The records of the claims that the chapter tested."""
        bundles = (output.get("data", {}) for cell in self.outputs for output in cell)
        return [dict(bundle[CLAIM]) for bundle in bundles if CLAIM in bundle]


class OwnKernel(AsyncKernelManager):
    """A kernel of the interpreter that runs the build, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class KeyedCache(JupyterCacheBase):
    """jupyter-cache, with our key in place of its own (which knows the code cells but not the library)."""

    def create_hashed_notebook(self, nb, nb_metadata=None, cell_metadata=None):
        nb = nbformat.from_dict(nb)
        nb.cells = [cell for cell in nb.cells if cell.cell_type == "code"]
        return nb, nb.metadata["course_key"]


def open_cache(folder: Path) -> KeyedCache:
    """The cache in `folder`, made if it does not exist."""
    cache = KeyedCache(folder)
    cache.change_cache_limit(KEPT)
    return cache


def problems_of(notebook: nbformat.NotebookNode) -> list[str]:
    """The errors, and the text on the error stream, of an executed notebook: one text a cell."""
    found = []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                text = "\n".join(output.traceback)
            elif output.output_type == "stream" and output.name == "stderr":
                text = "It wrote to the error stream (a warning, or a progress bar left on):\n" + output.text
            else:
                continue
            found.append(f"cell {number}:\n{cell.source}\n\n{ANSI.sub('', text)}")
    return found


def run_notebook(path: str) -> tuple[str, float, float, list[str]]:
    """Execute a notebook in an empty folder; returns it as text, the seconds, the peak MB of its kernel, the problems.

    Runs in a process of its own, so that the peak is that of its kernel alone.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JUPYTER_RUNTIME_DIR"] = folder
        try:
            result = single_nb_execution(
                notebook, folder, TIMEOUT, False, meta_override=False, kernel_manager_class=OwnKernel
            )
        except Exception as error:  # the kernel died, or never started
            return "", 0.0, 0.0, [f"{type(error).__name__}: {error}"]
    problems = problems_of(notebook)
    if result.err is not None and not problems:
        problems = [ANSI.sub("", str(result.err))]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1024 if sys.platform != "darwin" else 2**20)
    return nbformat.writes(notebook), result.time, peak, problems


def store(chapter: Chapter, text: str, seconds: float, peak: float, cache: KeyedCache) -> None:
    """Put an executed chapter into the cache."""
    notebook = nbformat.reads(text, as_version=4)
    notebook.metadata["course_key"] = chapter.key
    facts = {
        "execution_seconds": round(seconds, 1),
        "peak_mb": round(peak),
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "torch": version("torch"),
    }
    bundle = CacheBundleIn(notebook, str(chapter.path), data=facts)
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def is_cached(chapter: Chapter, cache: KeyedCache) -> bool:
    """Whether the cache has the outputs of exactly this code with exactly this library."""
    keys = {record.hashkey for record in cache.list_cache_records()}
    return chapter.key in keys and cache._get_notebook_path_cache(chapter.key).exists()


def execute_missing(chapters: Iterable[Chapter], cache: KeyedCache) -> list[str]:
    """Execute the chapters that the cache lacks, one a core, and store those without problems; returns the problems."""
    missing = [chapter for chapter in chapters if not is_cached(chapter, cache)]
    LOGGER.info("chapters to execute: %s", ", ".join(chapter.name for chapter in missing) or "none")
    if not missing:
        return []
    problems = []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(len(missing), cores)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        running = {pool.submit(run_notebook, str(chapter.path)): chapter for chapter in missing}
        for future in as_completed(running):
            chapter = running[future]
            text, seconds, peak, found = future.result()
            problems += [f"{chapter.path}, {problem}" for problem in found]
            if not found:
                store(chapter, text, seconds, peak, cache)
                LOGGER.info("executed %s: %.1f s, at most %.0f MB", chapter.name, seconds, peak)
    return problems


def title_of(notebook: dict) -> str:
    """The first heading of a notebook."""
    text = "\n".join(cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    found = re.search(r"^# +(.+)$", text, flags=re.MULTILINE)
    return found.group(1).strip() if found else "(without a title)"


def load(chapter: Chapter, cache: KeyedCache) -> Executed:
    """The stored outputs of a chapter."""
    notebook = nbformat.from_dict(chapter.notebook)
    notebook.metadata["course_key"] = chapter.key
    bundle = cache.get_cache_bundle(cache.match_cache_notebook(notebook).pk)
    outputs = [cell.outputs for cell in bundle.nb.cells]
    return Executed(title_of(chapter.notebook), outputs, dict(bundle.nb.metadata), dict(bundle.record.data))


def shown(output: dict) -> dict | None:
    """An output as the page shows it: without the record of a claim; None if nothing else is in it."""
    if CLAIM not in output.get("data", {}):
        return output
    output = nbformat.from_dict(output)
    del output.data[CLAIM]
    return output if output.data else None


def mark_cells(notebook: nbformat.NotebookNode) -> None:
    """Tag the cells that the stylesheet knows: stubs of exercises, and checks, whose output is a verdict."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            first = cell.source.partition("\n")[0]
            kinds = {"exercise": first.startswith("# exercise:"), "check": first == "# NBVAL_CHECK_OUTPUT"}
            cell.metadata["tags"] = cell.metadata.get("tags", []) + [kind for kind, found in kinds.items() if found]


def marked(text: str) -> str:
    """The text of an exercise notebook with its cells marked."""
    notebook = nbformat.reads(text, as_version=4)
    mark_cells(notebook)
    return nbformat.writes(notebook)


def with_outputs(text: str, executed: Executed) -> str:
    """The text of a notebook with the outputs put in; prose and the cells' metadata stay the author's."""
    notebook = nbformat.reads(text, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, (cell, outputs) in enumerate(zip(cells, executed.outputs, strict=True), start=1):
        cell.outputs = [output for output in map(shown, outputs) if output is not None]
        cell.execution_count = number
    notebook.metadata["language_info"] = executed.metadata.get("language_info", {})
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.writes(notebook)
