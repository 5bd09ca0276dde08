"""A class over the machines of a Dask cluster: `grade ... --dask ADDRESS`. Optional: `pip install ".[dask]"`.

Each batch runs whole on one machine, in a sandbox that works there. Workers need this clone on their path; only answers and
results travel, as plain data. Dask asks nobody who they are: keep its addresses to yourself, or use its TLS.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from course_lib.grading import batches, course, grade, sandbox, staging
from course_lib.grading.channel import Limits
from course_lib.grading.finding import Answers
from course_lib.grading.judging import Result


def client(address: str) -> object:
    """A connection to the cluster's scheduler; raises `ValueError` if there is no Dask here, or no scheduler there."""
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise ValueError("--dask needs Dask, which is not installed here: pip install \".[dask]\"") from None
    try:
        return Client(address, timeout=20)
    except (OSError, ValueError) as error:
        raise ValueError(f"--dask: no scheduler answers at {address!r} ({error})") from None


def judged(
    address: str, notebook: course.Notebook, setting: batches.Setting, kind: str, parts: list[list]
) -> Iterator[tuple[list, int, dict | str]]:
    """Batches in the order in which they are done: for each submission its batch, its place there and the outcome."""
    with client(address) as cluster:
        from distributed import as_completed

        about = (notebook.topic, notebook.exercises, notebook.digest, asdict(setting), kind)
        futures = {
            cluster.submit(judge, *about, [asdict(answers) for _, answers in part], pure=False): part for part in parts
        }
        for future in as_completed(futures):
            for index, outcome in future.result():
                yield futures[future], index, outcome if isinstance(outcome, str) else _results(outcome)


def judge(topic: str, exercises: list[str], digest: str, setting: dict, kind: str, answers: list[dict]) -> list[tuple]:
    """On a worker: a batch, with a sandbox of this machine; `ValueError` if another version of the course is here."""
    notebook = course.notebook(topic)
    if notebook.digest != digest:
        raise ValueError(f"the notebook {topic} of the clone in {course.ROOT} is not the one that is to be graded")
    known = batches.Setting(**setting | {"limits": Limits(**setting["limits"]), "modules": tuple(setting["modules"])})
    with staging.staged() as stage:
        way = sandbox.choose(Path(stage), known.limits, kind, known.image).way
        here = replace(known, stage=stage, way=way)
        outcomes = grade.judge_part(notebook.only(exercises), here, [Answers(**one) for one in answers])
        return [(index, outcome if isinstance(outcome, str) else _plain(outcome)) for index, outcome in outcomes]


def _plain(results: dict[str, Result]) -> dict[str, dict]:
    return {exercise: result.as_dict() for exercise, result in results.items()}


def _results(plain: dict[str, dict]) -> dict[str, Result]:
    return {
        exercise: Result(**one | {"hints": tuple(one["hints"]), "messages": tuple(one["messages"])})
        for exercise, one in plain.items()
    }
