"""The grader's end of a nursery: a sandbox in which torch is imported once, and from which others are forked.

Importing torch is nearly all that a fresh sandbox costs. A nursery runs no code of a student's; what is forked from it is
set apart as a fresh one would be (`apart`), and the grader talks to it over pipes of its own.
"""

import os
import socket
from collections.abc import Callable

from course_lib.grading.channel import Channel, Limits
from course_lib.grading.processes import Forked, Started


class Nursery:
    """Starts sandboxes by forking them. `command` gives the words that start the nursery, anew should it have died."""

    def __init__(self, command: Callable[[], list[str]], limits: Limits) -> None:
        self._command, self.limits = command, limits
        self._process: Started | None = None
        self._control: socket.socket | None = None
        self._ready = False

    def prepare(self) -> None:
        """Start the nursery without waiting for it."""
        if self._process and self._process.poll() is None:
            return
        self.close()
        self._control, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(self.limits.start)
        with far:
            self._process, self._ready = Started(self._command(), stdin=far.fileno()), False

    def start(self, alone: bool = False) -> Channel:
        """A sandbox that nobody has used; raises `RuntimeError` if there is none to be had. If it stays alone, the nursery
        ends with it.
        """
        near, far = _pipes()
        try:
            descriptor = self._forked(far)
        except (OSError, RuntimeError) as error:
            said = os.read(near[2], 2000).decode("utf8", "replace").strip() if str(error) == "failed" else self._said()
            _shut(near)
            if alone:
                self.close()
            raise RuntimeError(f"the sandbox did not start: {said or error}") from None
        return Channel(Forked(descriptor, near), self.limits, self.close if alone else _nothing)

    def _forked(self, pipes: tuple[int, int, int]) -> int:
        """The descriptor of a new sandbox with these ends of its pipes, which are closed here."""
        try:
            self.prepare()
            if not self._ready:
                self._ready = self._hear()[0] == b"ready"
            socket.send_fds(self._control, [b"fork"], pipes)
            word, descriptors = self._hear()
        finally:
            _shut(pipes)
        if word != b"forked":
            raise RuntimeError("failed")
        return descriptors[0]

    def _hear(self) -> tuple[bytes, list[int]]:
        word, descriptors, _, _ = socket.recv_fds(self._control, 100, 1, socket.MSG_CMSG_CLOEXEC)
        if not word:
            raise ConnectionError("the nursery has ended")
        return word, descriptors

    def _said(self) -> str:
        """End the nursery, and give its last words."""
        process = self._process
        self.close()
        return process.stderr.read(2000).decode("utf8", "replace").strip()[-1000:] if process else ""

    def close(self) -> None:
        """End the nursery and all that it forked."""
        if self._control:
            self._control.close()
        if self._process:
            self._process.end()
        self._control = self._process = None


def _pipes() -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Ends for us and for the sandbox, of its stdin, stdout and stderr."""
    (take, give), (out, into), (errors, wrong) = (os.pipe() for _ in range(3))
    return (give, out, errors), (take, into, wrong)


def _nothing() -> None:
    """The nursery stays."""


def _shut(descriptors: tuple[int, int, int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
