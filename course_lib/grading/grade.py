"""Grading a class: submissions in, rows out, one as soon as it is done."""

import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from tqdm.auto import tqdm

from course_lib.checks.core import find
from course_lib.grading import batches, sandbox, selftest, staging
from course_lib.grading.channel import Limits
from course_lib.grading.collecting import Submission, latest
from course_lib.grading.course import Notebook
from course_lib.grading.finding import Answers, Unreadable
from course_lib.grading.finding import find as find_answers
from course_lib.grading.judging import Result
from course_lib.grading.rows import ERROR, GRADED, REPLACED, UNREADABLE, Row, Table, about, seed_of

BATCH = 50  # submissions to a trusted kernel and a nursery, which take as long to start as some ten of them


@dataclass(frozen=True)
class Options:
    """How to grade. `seed` None draws a new one; with `dask`, the address of a scheduler, batches run on its machines."""

    jobs: int = 1
    limits: Limits = field(default_factory=Limits)
    seed: int | None = None
    kind: str = "auto"
    image: str = sandbox.IMAGE
    resume: bool = False
    every: bool = False
    progress: bool = True
    ahead: int = 1
    selftest: bool = True
    dask: str = ""


def grade(
    submissions: list[Submission], notebook: Notebook, out: Path, options: Options, on_row: Callable = lambda row: None
) -> Table:
    """Grade submissions into the folder `out`. Rows are kept in it as they come; `on_row` is called with each."""
    seed = _seed(out, options)
    with staging.staged() as stage:
        chosen = sandbox.choose(Path(stage), options.limits, options.kind, options.image)
        setting = batches.Setting(
            notebook.topic, chosen.way, stage, seed, options.limits, options.image, options.ahead, notebook.modules
        )
        if options.selftest:
            _selftest(notebook, chosen, setting)
        table = Table(out, about(notebook.topic, notebook.digest, notebook.exercises, seed, chosen.way), options.resume)
        todo = _todo(submissions, table, notebook, options, on_row)
        bar = tqdm(total=len(submissions), initial=len(submissions) - len(todo), disable=not options.progress, unit="notebook")
        with bar:
            for row in _judged(todo, notebook, setting, options):
                table.add(row)
                bar.update()
                on_row(row)
    return table


def _seed(out: Path, options: Options) -> int:
    if options.seed is not None:
        return options.seed
    before = seed_of(out) if options.resume else None
    return secrets.randbits(62) if before is None else before


def _selftest(notebook: Notebook, chosen: sandbox.Sandbox, setting: batches.Setting) -> None:
    through = {name: said for name, said in selftest.hold(chosen.start).items() if said != "held"}
    if through:
        raise sandbox.NoSandbox(f"the sandbox ({chosen.way}) does not hold, nobody was graded: {through}")
    selftest.passes(notebook, setting)


def _todo(submissions: list[Submission], table: Table, notebook: Notebook, options: Options, on_row: Callable) -> list:
    """Submissions with their answers that are still to be judged; the others get their rows here."""
    current, replaced = (submissions, []) if options.every else latest(submissions)
    known = {name: row for name, row in table.rows.items() if row.status != ERROR}
    table.keep(one.file for one in submissions if one.file in known and known[one.file].digest == one.digest)
    maximum, todo = sum(find(exercise).maximum for exercise in notebook.exercises), []
    for one in replaced:
        table.add(Row(one.file, one.student, REPLACED, 0, maximum, "the student handed in a later one", one.digest))
    for one in current:
        if one.file in table.rows and table.rows[one.file].status != REPLACED:
            continue
        try:
            todo.append((one, find_answers(one.load(), notebook, one.file)))
        except Unreadable as reason:
            row = Row(one.file, one.student, UNREADABLE, 0, maximum, str(reason), one.digest)
            table.add(row)
            on_row(row)
    return todo


def _row(one: Submission, results: dict[str, Result]) -> Row:
    points, maximum = (sum(getattr(result, name) for result in results.values()) for name in ("points", "maximum"))
    seconds = round(sum(result.seconds for result in results.values()), 2)
    plain = {exercise: result.as_dict() for exercise, result in results.items()}
    return Row(one.file, one.student, GRADED, points, maximum, "", one.digest, seconds, plain)


# ---------------------------------------------------------------------------------------------------------------- jobs


def _judged(
    todo: list[tuple[Submission, Answers]], notebook: Notebook, setting: batches.Setting, options: Options
) -> Iterator[Row]:
    """Rows as they come from batches that run side by side. What a failed batch left over is tried once more, alone."""
    size = max(1, min(BATCH, -(-len(todo) // max(1, options.jobs))))
    parts = [todo[start : start + size] for start in range(0, len(todo), size)]
    for part, index, outcome in _outcomes(notebook, setting, parts, options):
        one = part[index][0]
        yield _row(one, outcome) if isinstance(outcome, dict) else _once_more(part[index], notebook, setting, outcome)


def _outcomes(notebook: Notebook, setting: batches.Setting, parts: list[list], options: Options) -> Iterator:
    """From this machine, or from a cluster."""
    if not options.dask:
        return _in_threads(notebook, setting, parts, options.jobs)
    from course_lib.grading import cluster  # which imports this module

    return cluster.judged(options.dask, notebook, setting, options.kind, parts)


def _once_more(item: tuple[Submission, Answers], notebook: Notebook, setting: batches.Setting, reason: str) -> Row:
    one, answers = item
    try:
        ((_, results),) = batches.run(notebook, replace(setting, ahead=0), [answers])
        return _row(one, results)
    except batches.GraderError as error:
        maximum = sum(find(exercise).maximum for exercise in notebook.exercises)
        return Row(one.file, one.student, ERROR, 0, maximum, f"please report this: {error}"[:2000], one.digest)


def judge_part(notebook: Notebook, setting: batches.Setting, answers: list[Answers]) -> Iterator[tuple[int, dict | str]]:
    """Each index of a batch with its results, or with what went wrong; what comes after that goes into a new batch."""
    done = 0
    while done < len(answers):
        try:
            for _, results in batches.run(notebook, setting, answers[done:]):
                yield done, results
                done += 1
        except batches.GraderError as error:
            if done < len(answers):
                yield done, str(error)
            done += 1


def _in_threads(
    notebook: Notebook, setting: batches.Setting, parts: list[list], jobs: int
) -> Iterator[tuple[list, int, dict | str]]:
    """Batches in processes of their own, each watched by a thread."""
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    results: queue.SimpleQueue = queue.SimpleQueue()
    for part in parts:
        waiting.put(part)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                part = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                for index, outcome in judge_part(notebook, setting, [answers for _, answers in part]):
                    results.put((part, index, outcome))
                    if stop.is_set():
                        return
            except BaseException as error:  # shown where rows are read
                results.put(error)
                return

    threads = [threading.Thread(target=work, daemon=True) for _ in range(max(1, min(jobs, len(parts))))]
    for thread in threads:
        thread.start()
    try:
        for _ in range(sum(map(len, parts))):
            done = results.get()
            if isinstance(done, BaseException):
                raise done
            yield done
    finally:
        stop.set()
        until = time.monotonic() + 30
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
