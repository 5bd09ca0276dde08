"""Past one machine: batches spread over a Dask cluster. Needs the extra `dask`; nothing else of the course does.

Every worker needs the same clone and a sandbox of its own; it stages the files and chooses the sandbox itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from course_lib.grading import grade, sandbox, staging
from course_lib.grading.batches import GraderError, Setting
from course_lib.grading.course import Notebook, notebook
from course_lib.grading.finding import Answers

SMALL = 8  # submissions in a task: what a lost worker costs


def runner(address: str) -> Callable:
    """What `Options.runner` takes: judges parts on the cluster at `address`."""
    try:
        from dask.distributed import Client, as_completed
    except ImportError:
        raise ValueError('--dask needs the packages dask and distributed: pip install "course_lib[dask]"') from None

    def run(published: Notebook, setting: Setting, parts: list[list], jobs: int) -> Iterator[tuple[list, int, dict | str]]:
        small = [part[start : start + SMALL] for part in parts for start in range(0, len(part), SMALL)]
        with Client(address, timeout=30) as client:
            tasks = [
                client.submit(task, published.digest, setting, [answers for _, answers in part], pure=False) for part in small
            ]
            where = {future.key: part for future, part in zip(tasks, small, strict=True)}
            for future in as_completed(tasks):
                part = where[future.key]
                outcomes = (
                    future.result() if future.status == "finished" else [(k, str(future.exception())) for k in range(len(part))]
                )
                for index, outcome in outcomes:
                    yield part, index, outcome

    return run


def task(digest: str, setting: Setting, answers: list[Answers]) -> list[tuple[int, dict | str]]:
    """Judge a batch on a worker, with what that machine has."""
    published = notebook(setting.topic)
    if published.digest != digest:
        raise GraderError("a worker of the cluster has another version of the notebook")
    with staging.staged() as stage:
        chosen = sandbox.choose(Path(stage), setting.limits, image=setting.image)
        return list(grade.judge_part(published, replace(setting, way=chosen.way, stage=stage), answers))
