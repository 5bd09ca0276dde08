"""Kernels for nbval that begin with torch and Matplotlib imported: forked from one process, each in a moment.

Nothing else is shared: a kernel has its own memory, folder, environment and process group, and is gone after its notebook.
The simulated Colab (tests/colab) starts every kernel in the ordinary way. Three processes play a part:

| process  | what it does                                                                              |
|----------|-------------------------------------------------------------------------------------------|
| nursery  | imports torch, Matplotlib and the kernel's own modules; forks a kernel for each that asks |
| stand-in | is what Jupyter starts: asks for a kernel, hands interrupts on, ends with it              |
| kernel   | is an ordinary ipykernel from then on                                                     |
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

NAME = "forked"
ORDINARY = ["--nbval-current-env"]


@contextlib.contextmanager
def nursery(environment: dict[str, str]) -> Iterator[tuple[list[str], dict[str, str]]]:
    """While the block runs, kernels can be forked; gives nbval's options and the environment that they need."""
    if not sys.platform.startswith("linux"):  # elsewhere a fork of a process that has loaded torch may fail
        yield ORDINARY, environment
        return
    with tempfile.TemporaryDirectory() as folder:
        address, spec = str(Path(folder, "socket")), Path(folder, "kernels", NAME, "kernel.json")
        argv = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), address, "{connection_file}"]
        spec.parent.mkdir(parents=True)
        spec.write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}), encoding="utf8")
        command = [sys.executable, "-P", "-m", __name__, address]
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        try:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("the process that forks kernels did not start")
            paths = filter(None, [folder, environment.get("JUPYTER_PATH")])
            yield [f"--nbval-kernel-name={NAME}"], environment | {"JUPYTER_PATH": os.pathsep.join(paths)}
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


def raise_kernels(address: str) -> None:
    """The nursery: fork a kernel for each connection, until it is told to end; its kernels end with it."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # read on import; a kernel sets it for itself
    import ipykernel.kernelapp  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import torch  # noqa: F401

    kernels: set[int] = set()

    def end(*_: object) -> None:
        for pid in kernels:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        os._exit(0)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        signal.signal(signal.SIGTERM, end)
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            request = json.loads(connection.makefile(encoding="utf8").readline())
            pid = os.fork()
            if not pid:
                listener.close()
                become_kernel(connection, **request)
            connection.close()
            kernels.add(pid)
            kernels -= {done for done in kernels if os.waitpid(done, os.WNOHANG)[0]}


def become_kernel(connection: socket.socket, file: str, folder: str, environment: dict[str, str]) -> None:
    """In the forked process: be a kernel as one that Jupyter started, then end. The open `connection` says that it lives."""
    import numpy as np
    from ipykernel.kernelapp import launch_new_instance

    status = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        for stream in (1, 2):  # nbval does the same with what a kernel writes beside its messages
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        np.random.seed()  # as a fresh process has it: not that of the other kernels
        connection.sendall(f"{os.getpid()}\n".encode())
        sys.argv = ["ipykernel_launcher.py", "-f", file]
        launch_new_instance()
        status = 0
    finally:
        os._exit(status)


def stand_in(address: str, file: str) -> None:
    """What Jupyter takes for the kernel's process: it lives as long as the kernel."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        request = {"file": file, "folder": os.getcwd(), "environment": dict(os.environ)}
        connection.sendall((json.dumps(request) + "\n").encode())
        pid = int(connection.makefile(encoding="utf8").readline())
        signal.signal(signal.SIGINT, lambda *_: os.kill(pid, signal.SIGINT))
        signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGKILL))
        connection.recv(1)  # returns when the kernel has gone


if __name__ == "__main__":
    raise_kernels(*sys.argv[1:]) if len(sys.argv) == 2 else stand_in(*sys.argv[1:])
