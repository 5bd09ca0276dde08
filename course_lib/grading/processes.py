"""Processes of this machine: a family with what it uses, and a sandbox as one that is ended with all that it started."""

import contextlib
import os
import select
import signal
import subprocess
import time

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def is_ready(descriptor: int, event: int, seconds: float) -> bool:
    """Wait for a descriptor; true also if its other end has gone. (`select` refuses numbers above 1023, `poll` does not.)"""
    waiting = select.poll()
    waiting.register(descriptor, event)
    return bool(waiting.poll(1000 * seconds))


class Started:
    """A sandbox that a command starts. `also` ends what killing the command would leave running."""

    def __init__(
        self, command: list[str], also: list[str] | None = None, env: dict | None = None, stdin: int | None = None
    ) -> None:
        self._also = also
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE if stdin is None else stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            bufsize=0, start_new_session=True, env=env or {},
        )  # fmt: skip
        self.pid, self.wait, self.poll = self._process.pid, self._process.wait, self._process.poll
        self.stdin, self.stdout, self.stderr = self._process.stdin, self._process.stdout, self._process.stderr

    def end(self) -> None:
        """Kill it, and wait until no process of it is left."""
        family = descendants(self.pid)
        if self._also:
            subprocess.run(self._also, capture_output=True, timeout=60, check=False)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()
        until = time.monotonic() + 5.0
        while any(alive(*member) for member in family) and time.monotonic() < until:
            time.sleep(0.002)


class Forked:
    """A sandbox that a nursery forked, held by a descriptor of its first process: no other can ever be meant.

    That process is the first of its process numbers. The kernel kills all others with it, and says that it has ended only
    when none of them is left.
    """

    def __init__(self, descriptor: int, pipes: tuple[int, int, int]) -> None:
        self._descriptor = os.fdopen(descriptor, "rb", 0)  # closed with this object
        self.stdin = os.fdopen(pipes[0], "wb", 0)
        self.stdout, self.stderr = (os.fdopen(pipe, "rb", 0) for pipe in pipes[1:])
        self.pid = self._number()

    def _number(self) -> int:
        """Its process number here, or -1 if it has ended already."""
        with open(f"/proc/self/fdinfo/{self._descriptor.fileno()}", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pid:"))

    def wait(self, seconds: float) -> None:
        """Return when it and all that it started have ended; raises `TimeoutError`."""
        if not is_ready(self._descriptor.fileno(), select.POLLIN, seconds):
            raise TimeoutError

    def end(self) -> None:
        """Kill it, and wait until no process of it is left."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor.fileno(), signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            self.wait(5.0)


def _processes() -> dict[int, tuple[int, int, int]]:
    """Every process: parent, moment of its start, pages in memory."""
    found = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = open(f"/proc/{name}/stat", "rb").read().rpartition(b")")[2].split()
                if fields[0] not in (b"Z", b"X"):
                    found[int(name)] = (int(fields[1]), int(fields[19]), int(fields[21]))
    return found


def descendants(pid: int) -> list[tuple[int, int]]:
    """A process and all below it, each with the moment of its start (process numbers are used again)."""
    known = _processes()
    family, grown = {pid} & set(known), True
    while grown:
        more = {child for child, (parent, _, _) in known.items() if parent in family} - family
        grown = bool(more)
        family |= more
    return [(member, known[member][1]) for member in family]


def alive(pid: int, started: int) -> bool:
    """Whether that very process still runs."""
    return _processes().get(pid, (0, -1, 0))[1] == started


def resident_mb(pid: int) -> float:
    """Memory of a process and all below it; what they share counts once for each."""
    known = _processes()
    return sum(known[member][2] for member, _ in descendants(pid) if member in known) * PAGE / 2**20


def memory_left_mb() -> float:
    """Memory that the machine can still give."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return float("inf")
