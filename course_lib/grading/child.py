"""Inside the sandbox: run cells, call answers, and at the very end a second opinion. Nothing said here is trusted.

Everything that leaves is plain data (`course_lib.checks.codec`), and the checks draw their own conclusions.
"""

import importlib
import json
import linecache
import os
import pathlib
import re
import signal
import sys

import torch

try:
    from worker import receive, send
except ModuleNotFoundError:  # not in a sandbox: nothing is run, only looked at
    from course_lib.grading.worker import receive, send

from course_lib.checks.answers import serve as serve_call
from course_lib.checks.codec import encode

TORCH = torch.__version__
MAGIC = re.compile(r"^[ \t]*[%!].*$|^.*[^?\s]\?\??[ \t]*$", re.MULTILINE)
BODY_MAGIC = re.compile(r"\A\s*%%(?:time|timeit|capture)\b.*\n")
FIRST = "import importlib, math, os, subprocess, sys\nimport course_lib\nimport torch"


def prepare(modules: list[str]) -> None:
    """What all children share: one thread, what torch loads when it is first used, and modules of the course."""
    torch.set_num_threads(1)
    encode([torch.zeros(1)])
    for name in ("numpy.random", *modules):
        importlib.import_module(name)


class ProcessorTime(Exception):
    """The answer used more of the processor than the check allows."""


def serve(fd: int, closed: tuple[int, ...], most: int) -> None:
    """Answer the frames that come in over `fd`."""
    for other in closed:
        os.close(other)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGVTALRM, _used_up)
    torch.manual_seed(int.from_bytes(os.urandom(4), "little"))
    sys.modules["numpy.random"].seed(int.from_bytes(os.urandom(4), "little"))  # `random` does this by itself
    namespace = {"__name__": "__main__", "display": lambda *things, **options: None, "get_ipython": lambda: None}
    exec(FIRST, namespace)
    answers: dict[str, object] = {}
    while True:
        try:
            head, body = receive(fd, most)
        except EOFError:
            return
        if head["do"] == "run":
            send(fd, run(head, body.decode(), namespace, answers))
        elif head["do"] == "call":
            send(fd, {}, call(answers[head["exercise"]], body, head.get("cpu", 0.0), most))
        elif head["do"] == "judge":
            send(fd, judge(head, body, answers))


def run(head: dict, source: str, namespace: dict, answers: dict) -> dict:
    """Run a cell; an error is reported as text, and the function counts if it is there all the same."""
    error, name = "", head.get("exercise", "").rpartition("/")[2]
    before = namespace.pop(name, None)
    try:
        exec(_compiled(source, head["label"]), namespace)
    except (Exception, SystemExit) as wrong:
        line = next((frame[1] for frame in _lines(wrong) if frame[0] == head["label"]), 0)
        text = wrong.msg if isinstance(wrong, SyntaxError) else wrong
        error = f"{type(wrong).__name__}: {text}"[:300] + (f", at line {line}" if line else "")
    if name:
        answer = namespace.get(name)
        if answer is None and before is not None:
            namespace[name] = before
        answers[head["exercise"]] = answer
    return {"error": error, "callable": callable(namespace.get(name))}


def _lines(error: BaseException) -> list[tuple[str, int]]:
    if isinstance(error, SyntaxError):
        return [(error.filename or "", error.lineno or 0)]
    found, trace = [], error.__traceback__
    while trace:
        found.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return found[::-1]


def _compiled(source: str, label: str) -> object:
    """The cell's code; what only IPython understands is left out if Python alone does not understand the cell."""
    try:
        code = compile(source, label, "exec")
    except (SyntaxError, ValueError):
        source = BODY_MAGIC.sub("\n", source)
        if re.match(r"\s*%%", source):
            source = ""
        else:
            source = MAGIC.sub(lambda found: re.match(r"[ \t]*", found.group()).group() + "pass", source)
        code = compile(source, label, "exec")
    linecache.cache[label] = (len(source), None, source.splitlines(keepends=True), label)
    return code


def call(answer: object, request: bytes, processor: float, most: int) -> bytes:
    """Call an answer with the arguments in `request`; a reply that is too long is one that cannot be carried."""
    if processor:
        signal.setitimer(signal.ITIMER_VIRTUAL, processor, 0.05)
    try:
        reply = serve_call(answer, request)
    except ProcessorTime:
        reply = encode({"error": ["ProcessorTime", "", "", ["ProcessorTime"]]})
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    if len(reply) > most - 1000:
        return encode({"not carried": "the return value is too large"})
    return reply


def _used_up(signum: int, frame: object) -> None:
    raise ProcessorTime


def judge(head: dict, body: bytes, answers: dict) -> dict:
    """What the checks say when they call the answers in the same process, as a student's own notebook does."""
    import course_lib.checks as stub

    folder = pathlib.Path("/tmp" if os.path.isdir("/tmp") else ".") / f"checks-{os.getpid()}"
    for name, text in json.loads(body).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf8")
    sys.dont_write_bytecode = True
    stub.__path__.append(str(folder))
    core, returns = (importlib.import_module(f"course_lib.checks.{name}") for name in ("core", "returns"))
    for module in (core, returns):
        for name, value in vars(module).items():  # what `course_lib.checks` offers elsewhere
            if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__:
                setattr(stub, name, value)
    opinions = {}
    for exercise in head["exercises"]:
        verdict = core.judge(exercise, answers.get(exercise), head["seed"])
        opinions[exercise] = [verdict.points, list(verdict.hints), list(verdict.messages)]
    return {"opinions": opinions}
