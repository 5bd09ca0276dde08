"""The first process in a sandbox: imports torch once, then has each exercise answered by a child of its own.

It runs no code of the student's. A child that dies, hangs or floods is killed with all it started, and the next one
begins from a clean state without a new import. Stands alone: outside the sandbox nobody imports it.
"""

import ctypes
import errno
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time

HEAD = struct.Struct("<II")
NO_NEW_PRIVILEGES, DUMPABLE, SECCOMP, WITH_FILTER = 38, 4, 22, 2  # PR_..., and the mode of a filter
MACHINES = {  # AUDIT_ARCH_..., socket, socketpair; add_key, request_key, keyctl, io_uring_setup, userfaultfd, inotify_init1
    "x86_64": (0xC000003E, 41, 53, (248, 249, 250, 425, 323, 294, 253)),  # the last: inotify_init
    "aarch64": (0xC00000B7, 198, 199, (217, 218, 219, 425, 282, 26)),
}
FAMILIES = (1, 2, 10)  # of sockets: within one machine, and the two of the internet, which the namespace parts


def send(fd: int, head: dict, body: bytes = b"") -> None:
    """Write one frame: two lengths, a JSON header, raw bytes."""
    text = json.dumps(head).encode()
    data = memoryview(HEAD.pack(len(text), len(body)) + text + body)
    while data:
        data = data[os.write(fd, data) :]


def receive(fd: int, most: int, until: float = float("inf")) -> tuple[dict, bytes]:
    """Read one frame; `EOFError` if the other end is gone, `TimeoutError` too late, `ValueError` if it is no frame."""
    sizes = HEAD.unpack(_exactly(fd, HEAD.size, until))
    if sum(sizes) > most:
        raise ValueError("too long")
    head = json.loads(_exactly(fd, sizes[0], until))
    if not isinstance(head, dict):
        raise ValueError("not a header")
    return head, _exactly(fd, sizes[1], until)


def _exactly(fd: int, size: int, until: float) -> bytes:
    parts = []
    while size:
        left = until - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], None if left == float("inf") else left)[0]:
            raise TimeoutError
        try:
            part = os.read(fd, min(size, 2**20))
        except ConnectionError:
            part = b""
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Child:
    """The process that runs the student's code for one exercise."""

    def __init__(self, serve, processor: int) -> None:
        self.processor = processor
        near, far = socket.socketpair()
        self.pid = os.fork()
        if not self.pid:
            near.close()
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CPU, (processor, processor + 1))  # ends it even if it ignores the first
            serve(far.detach())
            os._exit(0)
        far.close()
        near.setblocking(True)
        self.near = near

    def forward(self, head: dict, body: bytes, most: int) -> tuple[dict, bytes]:
        """Pass a frame on and wait for the reply; `{"stopped": why}` if there is none."""
        until = time.monotonic() + head["seconds"]
        signal.setitimer(signal.ITIMER_REAL, head["seconds"] + 0.5)  # should the child not read what we write
        try:
            send(self.near.fileno(), head, body)
            return receive(self.near.fileno(), most, until)
        except TimeoutError:
            return {"stopped": "time"}, b""
        except (EOFError, OSError):
            return {"stopped": self._end()}, b""
        except ValueError:
            return {"stopped": "garbage"}, b""
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _end(self) -> str:
        for _ in range(50):
            pid, status, used = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                spent = used.ru_utime + used.ru_stime > 0.8 * self.processor  # the kernel counts in ticks here, not there
                ending = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
                if ending == signal.SIGXCPU or (ending == signal.SIGKILL and spent):
                    return "time"
                if os.WIFSIGNALED(status):
                    return signal.Signals(os.WTERMSIG(status)).name
                return f"exit {os.waitstatus_to_exitcode(status)}"
            time.sleep(0.01)
        return "closed"

    def kill(self) -> None:
        """End the child and every process it started, in whatever group; should that not work, end this whole sandbox."""
        self.near.close()
        spared = {os.getpid(), os.getppid(), 1}
        for _ in range(200):
            others = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in spared]
            for pid in others:
                try:
                    os.kill(pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    pass
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass
            if not others:
                return
            time.sleep(0.001)
        os._exit(1)


def limit(limits: dict) -> None:
    """Limits that the kernel holds every process here to; they cannot be raised again."""
    megabyte = 2**20
    for name, value in (
        ("RLIMIT_AS", limits["memory_mb"] * megabyte),
        ("RLIMIT_NPROC", limits["processes"]),
        ("RLIMIT_FSIZE", limits["file_mb"] * megabyte),
        ("RLIMIT_NOFILE", 64),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_MSGQUEUE", 0),
        ("RLIMIT_MEMLOCK", 0),
    ):
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def own_keyring() -> None:
    """Forget the keyring of the session, where a note for the next sandbox could be left. The call has no name in C."""
    number = {"x86_64": 250, "aarch64": 219}.get(os.uname().machine)
    if number and sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        joined = libc.syscall(number, 1, None) >= 0
        if not joined and ctypes.get_errno() not in (errno.ENOSYS, errno.EPERM):  # then there are none, or none for us
            raise OSError(ctypes.get_errno(), "no keyring of its own")


def refuse_calls() -> None:
    """For good: no keys and no watches, whose numbers all sandboxes of a user share; no sockets that no namespace parts.

    A seccomp filter (a program for the kernel's packet filter: load, compare, return) for this process and all that it starts.
    """
    machine = os.uname().machine
    if sys.platform != "linux" or machine not in MACHINES:
        return
    libc, lines = ctypes.CDLL(None, use_errno=True), _filter(*MACHINES[machine])
    code = b"".join(struct.pack("<HBBI", *line) for line in lines)
    held = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(lines), ctypes.addressof(held))
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) < 0 or libc.prctl(SECCOMP, WITH_FILTER, program, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "no filter of system calls")
    with open("/proc/self/status", encoding="ascii") as file:
        if f"Seccomp:\t{WITH_FILTER}\n" not in file.read():
            raise OSError("the filter of system calls is not in place")


def _filter(architecture: int, socket_: int, pair: int, calls: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """Lines (what to do, lines to skip if so, if not, with which number) of the filter."""
    load, equal, at_least, end = 0x20, 0x15, 0x35, 0x06
    allow, refuse = (end, 0, 0, 0x7FFF0000), (end, 0, 0, 0x00050000 | errno.EPERM)
    lines = [(load, 0, 0, 4), (equal, 1, 0, architecture), refuse, (load, 0, 0, 0), (at_least, 0, 1, 0x40000000), refuse]
    for number in calls:
        lines += [(equal, 0, 1, number), refuse]
    lines += [(equal, 1, 0, socket_), (equal, 0, len(FAMILIES) + 2, pair), (load, 0, 0, 16)]  # skips to the end if neither
    for place, family in enumerate(FAMILIES):
        lines.append((equal, len(FAMILIES) - place, 0, family))
    return [*lines, refuse, allow]


def serve(inside, limits: dict) -> None:
    """Serve frames from stdin until it closes. What it starts can read neither its memory nor its descriptors."""
    refuse_calls()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DUMPABLE, 0, 0, 0, 0)
    requests, replies, nothing = os.dup(0), os.dup(1), os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)

    def too_late(signum: int, frame: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, too_late)
    send(replies, {"ready": os.getuid(), "torch": inside.TORCH})
    running = None
    while True:
        try:
            head, body = receive(requests, limits["most_bytes"])
        except EOFError:
            break
        if head["do"] in ("begin", "end"):
            if running:
                running.kill()
            running = (
                Child(lambda fd: inside.serve(fd, (requests, replies), limits["most_bytes"]), limits["processor"])
                if head["do"] == "begin"
                else None
            )
            send(replies, {"ok": True})
            continue
        head, body = running.forward(head, body, limits["most_bytes"]) if running else ({"stopped": "no child"}, b"")
        if "stopped" in head and running:
            running.kill()
            running = None
        send(replies, head, body)


def main() -> None:
    """Import all that an answer needs, then serve."""
    limits = json.loads(sys.argv[1])
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    limit(limits)
    own_keyring()
    import child as inside  # imports torch

    inside.prepare(sys.argv[2:])
    serve(inside, limits)


if __name__ == "__main__":
    main()
