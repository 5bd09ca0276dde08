"""The process of a nursery: imports torch once, and then forks a sandbox whenever the grader asks for one.

It runs no code of a student's and reads nothing that a student's code wrote. The grader sends three pipes over a socket;
the process that is forked with them is set apart (`apart`) and becomes a worker, whose first process the grader gets as a
descriptor to kill it by. Stands alone, as `worker` does.
"""

import gc
import json
import os
import socket
import sys
import traceback


def fork(control: socket.socket, pipes: list[int], limits: dict, inside: object) -> bool:
    """A sandbox with these pipes, from a process in between that leaves our namespaces and ends; whether it came off."""
    if len(os.listdir("/proc/self/task")) != 1:
        raise RuntimeError("a nursery must not have threads: they would be missing in what it forks")
    between = os.fork()
    if not between:
        _ending(lambda: _between(control, pipes, limits, inside))
    for pipe in pipes:
        os.close(pipe)
    return os.waitpid(between, 0)[1] == 0


def _ending(run) -> None:
    """Run, and end this process whatever happens: a forked one must never go on with its parent's work."""
    status = 1
    try:
        run()
        status = 0
    except BaseException:
        os.write(2, traceback.format_exc()[-1500:].encode())
    finally:
        os._exit(status)


def _between(control: socket.socket, pipes: list[int], limits: dict, inside: object) -> None:
    import apart

    for number, pipe in enumerate(pipes):
        os.dup2(pipe, number)
    apart.leave()
    first = os.fork()
    if not first:
        _ending(lambda: _worker(apart, limits, inside))
    socket.send_fds(control, [b"forked"], [os.pidfd_open(first)])


def _worker(apart: object, limits: dict, inside: object) -> None:
    """The first process of the sandbox."""
    import worker

    apart.settle(limits["disk_mb"])
    worker.limit(limits)
    worker.own_keyring()
    if wrong := apart.trouble():
        raise RuntimeError(f"not apart: {', '.join(wrong)}")
    worker.serve(inside, limits)


def main() -> None:
    """Fork until the grader lets go of the socket."""
    control = socket.socket(fileno=os.dup(0))
    limits = json.loads(sys.argv[1])
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import apart  # noqa: F401
    import child as inside  # imports torch
    import worker

    inside.prepare(sys.argv[2:])
    worker.own_keyring()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    gc.collect()
    gc.freeze()  # what is here already is nobody's garbage, and its pages stay shared
    control.send(b"ready")
    while True:
        word, pipes, _, _ = socket.recv_fds(control, 100, 3, socket.MSG_CMSG_CLOEXEC)
        if not word:
            return
        if not fork(control, pipes, limits, inside):
            control.send(b"failed")


if __name__ == "__main__":
    main()
