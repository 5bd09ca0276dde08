"""Before the first student: does this machine grade rightly, and does the sandbox hold?

The solutions must get full points and the stubs none, by the same path that students' answers take; and some harmless
attacks, run in the sandbox, must find nothing.
"""

import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading import batches
from course_lib.grading.channel import Channel, Stopped
from course_lib.grading.course import ROOT, Notebook
from course_lib.grading.finding import Answers


@dataclass(frozen=True)
class Attack:
    """Code that asks for something it must not get: it sets `got` to True if it does."""

    name: str
    source: str


def attacks(secret: Path, port: int) -> list[Attack]:
    """Attempts to read a secret file, to be root, to reach a listener of our own, to leave traces, to see the outside."""
    reach = f"import socket\ns = socket.create_connection(('127.0.0.1', {port}), 1)\ngot = True"
    return [
        Attack("reads a file of the teacher's", f"got = open({str(secret)!r}).read() == 'secret'"),
        Attack("reads the solutions", f"import os\ngot = os.path.exists({str(ROOT / 'solutions')!r})"),
        Attack("imports the checks", "import course_lib.checks.core\ngot = True"),
        Attack("is root", "import os\ngot = os.getuid() == 0"),
        Attack("reaches the network", reach),
        Attack("writes into the course", "open('/course/x', 'w')\ngot = True"),
        Attack("writes into Python", "import sys, os\nopen(os.path.join(sys.prefix, 'x'), 'w')\ngot = True"),
        Attack("sees other processes", "import os\ngot = sum(name.isdigit() for name in os.listdir('/proc')) > 8"),
        Attack("becomes root in a namespace of its own", "import ctypes\ngot = ctypes.CDLL(None).unshare(0x10000000) == 0"),
        Attack("allows itself namespaces", "open('/proc/sys/user/max_user_namespaces', 'w').write('9')\ngot = True"),
        Attack("raises its limits", "import resource as r\nr.setrlimit(r.RLIMIT_NPROC, (10**6, 10**6))\ngot = True"),
    ]


def hold(start: Callable[[], Channel]) -> dict[str, str]:
    """Each attack and what came of it: "held", or what it got."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        secret = Path(folder) / "secret.txt"
        secret.write_text("secret", encoding="utf8")
        channel = start()
        try:
            channel.ready()
            for attack in attacks(secret, listener.getsockname()[1]):
                found[attack.name] = _try(channel, attack)
        finally:
            channel.close()
    return found


def _try(channel: Channel, attack: Attack) -> str:
    source = f"got = False\n{attack.source}\nif not got:\n    raise RuntimeError\n\n\ndef attack():\n    return got"
    try:
        channel.ask({"do": "begin"})
        reply, _ = channel.ask({"do": "run", "label": "<attack>", "exercise": "a/b/attack"}, source.encode(), 30.0)
    except Stopped as stopped:
        return f"could not be tried: {stopped.why}"
    return "GOT THROUGH" if reply["callable"] else "held"


def pseudo_submissions(notebook: Notebook) -> list[Answers]:
    """The solutions, and the stubs as if somebody had changed them: they go all the way into the sandbox."""
    stubs = {exercise: f"{stub.source}\n# touched" for exercise, stub in notebook.stubs.items()}
    return [Answers(dict(notebook.solutions)), Answers(stubs)]


def passes(notebook: Notebook, setting: batches.Setting) -> None:
    """Raise `GraderError` unless solutions get everything and stubs nothing."""
    results = dict(batches.run(notebook, setting, pseudo_submissions(notebook)))
    for exercise, result in results[0].items():
        if result.points != result.maximum:
            raise batches.GraderError(f"the published solution does not get full points here, nobody was graded:\n{result}")
        if results[1][exercise].points or results[1][exercise].hints != ("unwritten",):
            raise batches.GraderError(f"an empty answer gets points here, nobody was graded:\n{results[1][exercise]}")
