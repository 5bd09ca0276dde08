"""The command line: grade, check, solve, doctor, stats."""

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from course_lib.grading import batches, cluster, course, pages, roster, sandbox, selftest, staging, stats
from course_lib.grading.channel import Limits
from course_lib.grading.collecting import collect
from course_lib.grading.finding import Unreadable, find, read
from course_lib.grading.grade import Options, grade
from course_lib.grading.rows import Row, write_csv, write_json


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    made = argparse.ArgumentParser(prog="python -m course_lib.grading", description=__doc__)
    commands = made.add_subparsers(dest="command", required=True)
    one = commands.add_parser("grade", help="grade a class: a folder, files or a zip of submissions")
    one.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    one.add_argument("--notebook", required=True, metavar="NB", help="the exercise notebook, for example attribution/shapley")
    one.add_argument("--out", required=True, type=Path, metavar="DIR", help="where the reports go")
    one.add_argument(
        "--resume", action="store_true", help="go on with an earlier run in DIR: graded files are not graded again"
    )
    one.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="submissions side by side (one a core)")
    one.add_argument("--dask", default="", metavar="ADDRESS", help="a Dask scheduler: grade on its machines (--jobs: batches)")
    one.add_argument("--seed", type=lambda text: int(text, 16), help="the seed of an earlier run (hexadecimal), to replay it")
    one.add_argument("--student", default="", metavar="REGEX", help="finds the student in a file's path (first group)")
    one.add_argument("--every", action="store_true", help="grade every file, not only the latest of each student")
    one.add_argument(
        "--roster", type=Path, metavar="CSV", help="an exported grade book: a copy with a filled column is written"
    )
    one.add_argument("--column", default="", help="the column to fill (default: the notebook's name)")
    one.add_argument("--match", default="", help="the column of the grade book that holds the students' names or ids")
    one.add_argument("--quiet", action="store_true", help="no progress bar")
    two = commands.add_parser("check", help="the points of one notebook, your own")
    two.add_argument("file", type=Path)
    two.add_argument("--notebook", default="", metavar="NB", help="the exercise notebook (default: the name of the file)")
    two.add_argument("--seed", type=lambda text: int(text, 16), default=0)
    three = commands.add_parser("solve", help="write the notebook with the solutions in it")
    three.add_argument("notebook", metavar="NB")
    three.add_argument("--out", type=Path, help="where to (default: NAME.solved.ipynb here)")
    four = commands.add_parser("doctor", help="which sandbox works here, with a few harmless attacks")
    five = commands.add_parser("stats", help="points and hints over the class: what to teach again")
    five.add_argument("folder", type=Path, metavar="DIR")
    for command in (one, two, four):
        _limits(command)
    return made


def _limits(command: argparse.ArgumentParser) -> None:
    known = Limits()
    command.add_argument("--sandbox", default="auto", choices=["auto", *sandbox.KINDS])
    command.add_argument("--image", default=sandbox.IMAGE, help="the container image for docker and podman")
    command.add_argument("--call-time", type=float, default=known.call, metavar="S", help="seconds for one call of an answer")
    command.add_argument("--exercise-time", type=float, default=known.exercise, metavar="S")
    command.add_argument("--submission-time", type=float, default=known.submission, metavar="S")
    command.add_argument("--processor-time", type=int, default=known.processor, metavar="S", help="of one exercise")
    command.add_argument("--memory", type=int, default=known.memory_mb, metavar="MB")
    command.add_argument(
        "--processes", type=int, default=known.processes, metavar="N", help="processes and threads of an answer"
    )


def limits_of(options: argparse.Namespace) -> Limits:
    return Limits(
        call=options.call_time, exercise=options.exercise_time, submission=options.submission_time,
        processor=options.processor_time, memory_mb=options.memory, processes=options.processes,
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run a command; an error that the user can mend is a sentence on stderr and status 2."""
    options = parser().parse_args(arguments)
    try:
        return COMMANDS[options.command](options)
    except (course.NotAClone, sandbox.NoSandbox, batches.GraderError, ValueError, Unreadable) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; `--resume` goes on from here", file=sys.stderr)
        return 130


def run() -> None:
    """The console script `course-grading`."""
    sys.exit(main())


def run_grade(options: argparse.Namespace) -> int:
    """Grade a class, then write the reports; with 0 everything has a grade, with 1 some rows ask for a look."""
    notebook = course.notebook(options.notebook)
    submissions = collect(options.paths, options.student)
    if not submissions:
        raise ValueError("no notebooks were found there (files that end in .ipynb or .py)")
    book = roster.read(options.roster) if options.roster else None
    if options.dask:  # rather now than after the self-test
        cluster.client(options.dask).close()
    how = Options(
        jobs=options.jobs, limits=limits_of(options), seed=options.seed, kind=options.sandbox, image=options.image,
        resume=options.resume, every=options.every, progress=not options.quiet, dask=options.dask,
    )  # fmt: skip
    table = grade(submissions, notebook, options.out, how, lambda row: _tell(row, options.quiet))
    rows = table.sorted()
    write_csv(rows, notebook.exercises, options.out / "grades.csv")
    write_json(rows, table.head, options.out / "grades.json")
    pages.write(rows, table.head, options.out)
    if book is not None:
        filled = roster.fill(book, rows, options.column or notebook.topic, options.match)
        roster.write(filled, options.out / f"{options.roster.stem}.filled.csv")
        print("\n".join(filled.remarks))
    print(f"{len(rows)} rows: {options.out / 'index.html'}, grades.csv, grades.json, feedback/; seed {table.head['seed']}")
    return 0 if all(row.status.startswith(("graded", "replaced")) for row in rows) else 1


def _tell(row: Row, quiet: bool) -> None:
    if not quiet:
        from tqdm.auto import tqdm

        tqdm.write(
            f"{row.student}: {row.points}/{row.maximum}"
            if row.status == "graded"
            else f"{row.student}: {row.status}: {row.note}"
        )


def run_check(options: argparse.Namespace) -> int:
    """Print the verdicts on one notebook."""
    from course_lib.grading.judging import Judge

    notebook = course.notebook(options.notebook or options.file.stem)
    answers = find(read(options.file), notebook, options.file.name)
    with staging.staged() as stage:
        limits = limits_of(options)
        chosen = sandbox.choose(Path(stage), limits, options.sandbox, options.image)
        judge = Judge(notebook, replace(chosen, modules=notebook.modules).start, limits, options.seed)
        results = judge.judge(answers)
    for result in results.values():
        print(result)
        for note in filter(None, (result.note,)):
            print(f"  note: {note}")
    return 0 if all(result.points == result.maximum for result in results.values()) else 1


def run_solve(options: argparse.Namespace) -> int:
    """Write a copy of the published notebook with the solutions in the stubs' places."""
    notebook = course.notebook(options.notebook)
    made = json.loads(json.dumps(notebook.raw))
    for cell in made["cells"]:
        exercise = cell["metadata"].get("course", {}).get("exercise")
        if exercise:
            cell["source"] = notebook.solutions[exercise]
    out = options.out or Path(f"{notebook.path.stem}.solved.ipynb")
    if out.exists():
        raise ValueError(f"{out} exists already: choose another --out")
    out.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    print(out)
    return 0


def run_doctor(options: argparse.Namespace) -> int:
    """Say what works here, and try it."""
    limits, good = limits_of(options), ""
    with staging.staged() as stage:
        for kind in sandbox.KINDS if options.sandbox == "auto" else (options.sandbox,):
            tried = sandbox.ways(kind)
            if not tried:
                print(f"{kind}: not installed")
            for way in tried:
                trouble = sandbox.works(way, Path(stage), limits, options.image)
                print(f"{way}: {trouble or 'works'}")
                good = good or ("" if trouble else way)
                if not trouble:
                    break
        if not good:
            print(sandbox.INSTRUCTIONS)
            return 2
        found = selftest.hold(sandbox.Sandbox(good, Path(stage), limits, options.image).start)
    for name, said in found.items():
        print(f"  {name}: {said}")
    print(f"grading would use: {good}")
    return 0 if set(found.values()) == {"held"} else 2


def run_stats(options: argparse.Namespace) -> int:
    """Print what the class found hard."""
    print(stats.report(options.folder))
    return 0


COMMANDS = {"grade": run_grade, "check": run_check, "solve": run_solve, "doctor": run_doctor, "stats": run_stats}
