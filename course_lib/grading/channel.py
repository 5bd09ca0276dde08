"""The grader's end of a sandbox: frames with deadlines, an eye on memory, and nothing left behind when it closes."""

import contextlib
import json
import os
import select
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from course_lib.checks.answers import NotCarried, receive
from course_lib.grading.processes import Forked, Started, is_ready, memory_left_mb, resident_mb

HEAD = struct.Struct("<II")
LEFT_MB = 200  # of the machine's memory; below that, whatever runs in a sandbox is stopped
PLAIN = {"float", "complex", "list", "tuple", "dict", "array", "scalar", "tensor"}  # what an answer may return


@dataclass(frozen=True)
class Limits:
    """What an answer may use. Seconds by the clock, and of the processor in one exercise; megabytes for one process, and
    for all of a sandbox together. The clock is generous, since a busy machine is not the student's fault.
    """

    call: float = 30.0
    exercise: float = 90.0
    submission: float = 360.0
    processor: int = 20
    memory_mb: int = 3000
    processes: int = 24
    disk_mb: int = 64
    file_mb: int = 16
    most_bytes: int = 4 * 2**20
    start: float = 120.0

    def for_worker(self) -> str:
        return json.dumps(asdict(self))


class Stopped(TimeoutError):
    """No reply will come any more: `why` in words for the student. The checks let a `TimeoutError` through."""

    def __init__(self, why: str, died: bool = False) -> None:
        super().__init__(why)
        self.why, self.died = why, died


class Channel:
    """A running sandbox: the pipes to its worker, and its end. `then` is called when it has ended."""

    def __init__(self, process: Started | Forked, limits: Limits, then: Callable[[], None] = lambda: None) -> None:
        self.limits, self._process, self._then, self._ready, self.open = limits, process, then, None, True
        for pipe in (self._process.stdin, self._process.stdout):
            os.set_blocking(pipe.fileno(), False)

    def ready(self) -> dict:
        """Wait until the worker has imported torch; says which user it is."""
        if not self._ready:
            try:
                self._ready = self._receive(time.monotonic() + self.limits.start, watch=False)[0]
            except Stopped as stopped:
                self.close()
                said = self._process.stderr.read(2000).decode("utf8", "replace").strip()
                raise RuntimeError(f"the sandbox did not start ({stopped.why}): {said}") from None
        return self._ready

    def ask(self, head: dict, body: bytes = b"", seconds: float = 5.0) -> tuple[dict, bytes]:
        """Send a frame and wait for the reply; raises `Stopped` if the code behind it did not survive."""
        until = time.monotonic() + seconds + 3.0  # the worker is the first to look at the clock
        try:
            self._send(head | {"seconds": seconds}, body, until)
            reply, data = self._receive(until)
        except Stopped:
            self.close()
            raise
        if "stopped" in reply:
            raise Stopped(in_words(str(reply["stopped"])), died=reply["stopped"] != "time")
        return reply, data

    def call(self, exercise: str, args: tuple, kwargs: dict, seconds: float) -> object:
        """Call the answer to an exercise: its result, or the exceptions of `course_lib.checks.answers`."""
        from course_lib.checks.codec import encode

        left = signal.getitimer(signal.ITIMER_VIRTUAL)[0]  # a check that counts seconds of the processor
        head = {"do": "call", "exercise": exercise, "cpu": left}
        request = encode([args, kwargs])
        _, reply = self.ask(head, request, seconds)
        refuse_objects(reply, request)
        try:
            return receive(reply)
        except Exception as error:
            if left and getattr(error, "kind", "") == "ProcessorTime":
                signal.getsignal(signal.SIGVTALRM)(signal.SIGVTALRM, None)
            raise

    def close(self) -> None:
        """Kill the sandbox, and wait until no process of it is left."""
        if not self.open:
            return
        self.open = False
        self._process.end()
        for pipe in (self._process.stdin, self._process.stdout):
            pipe.close()
        self._then()

    # -------------------------------------------------------------------------------------------------------- frames

    def _send(self, head: dict, body: bytes, until: float) -> None:
        text = json.dumps(head).encode()
        data = memoryview(HEAD.pack(len(text), len(body)) + text + body)
        fd = self._process.stdin.fileno()
        while data:
            self._wait(lambda left: is_ready(fd, select.POLLOUT, left), until)
            try:
                data = data[os.write(fd, data[: 2**16]) :]
            except OSError:
                raise self._gone() from None

    def _receive(self, until: float, watch: bool = True) -> tuple[dict, bytes]:
        sizes = HEAD.unpack(self._exactly(HEAD.size, until, watch))
        if sum(sizes) > self.limits.most_bytes:
            raise Stopped("the sandbox sent something that is no reply", died=True)
        try:
            head = json.loads(self._exactly(sizes[0], until, watch))
        except (ValueError, RecursionError):
            head = None
        if not isinstance(head, dict):
            raise Stopped("the sandbox sent something that is no reply", died=True)
        return head, self._exactly(sizes[1], until, watch)

    def _exactly(self, size: int, until: float, watch: bool) -> bytes:
        parts, fd = [], self._process.stdout.fileno()
        while size:
            self._wait(lambda left: is_ready(fd, select.POLLIN, left), until, watch)
            part = os.read(fd, min(size, 2**20))
            if not part:
                raise self._gone()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _wait(self, ready: Callable[[float], bool], until: float, watch: bool = True) -> None:
        """Wait for a pipe; ten times a second look how much memory the sandbox has taken."""
        while not ready(min(0.1, max(0.0, until - time.monotonic()))):
            if time.monotonic() >= until:
                raise Stopped(in_words("time"))
            if watch and (resident_mb(self._process.pid) > self.limits.memory_mb or memory_left_mb() < LEFT_MB):
                raise Stopped("your code used too much memory", died=True)

    def _gone(self) -> Stopped:
        with contextlib.suppress(TimeoutError, subprocess.TimeoutExpired):
            self._process.wait(2.0)
        return Stopped(in_words("sandbox"), died=True)


def in_words(why: str) -> str:
    """What stopped an answer, as a sentence for the student."""
    if why == "time":
        return "your code took too long"
    if why.startswith(("SIG", "exit")):
        return f"your code ended the Python process ({why})"
    return "your code sent something that is no return value" if why == "garbage" else "your code ended the Python process"


def refuse_objects(reply: bytes, request: bytes) -> None:
    """Only numbers, text, containers and arrays come back, and a model that is built as one of the arguments is.

    Rebuilding any other object would let a reply choose our work: a model of a million units, say.
    """
    try:
        known = {_build(node) for node in _nodes(request) if node[0] == "module"}
        for node in _nodes(reply):
            if node[0] not in PLAIN and not (node[0] == "module" and _build(node) in known):
                raise NotCarried(f"an object of kind {str(node[0])[:40]}")
    except NotCarried:
        raise
    except Exception:  # not in the form of an encoded value
        raise NotCarried("no plain data") from None


def _nodes(data: bytes) -> Iterator[list]:
    """All nodes of the tree in an encoded value that are not numbers or text."""
    stack = [json.loads(data[16 : 16 + struct.unpack("<Q", data[8:16])[0]])["tree"]]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            yield node
            if node[0] in ("list", "tuple"):
                stack += node[1:]
            elif node[0] in ("dict", "game", "attribution"):
                stack += [pair[1] for pair in node[1:]]
            elif node[0] == "module":
                stack += node[2:4]


def _build(node: list) -> str:
    """Class and constructor arguments of a model; a table of numbers among them fits no other."""
    words = json.dumps(node[1:3])
    return f"{words} {id(node)}" if any(f'"{kind}"' in words for kind in ("tensor", "array")) else words
