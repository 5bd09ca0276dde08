"""Attacks on the grader, each a cell that answers the exercise `left_moves`. They run in a sandbox only.

Most try something that must fail, and hand in the right answer if it worked: no points means that it did not. Whatever
eats resources is bounded, and the only address that is called is one of this machine that the test itself listens on.
"""

from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.course import ROOT, Notebook
from tests.grading.made import TARGET, TOPIC

VERDICT = "left_moves: 4/4 points"
SLEEPER = "3217.25"  # seconds for which a surviving process would sleep: tells ours from others


@dataclass(frozen=True)
class Target:
    """What an attack may aim at: a file to read, a folder to delete, a port, a word in the environment."""

    published: Notebook
    secret: Path
    folder: Path
    port: int
    word: str


def wrong(first: str = "", inside: str = "return None") -> str:
    """A wrong answer with something done on the way."""
    body = "\n".join(f"    {line}" for line in inside.splitlines())
    return f"# exercise: {TARGET}\n{first}\ndef left_moves(*args, **kwargs):\n{body}\n"


def reward(target: Target, attempt: str) -> str:
    """The right answer if the attempt sets `got` to True, else none."""
    lines = "\n".join(f"    {line}" for line in attempt.splitlines())
    right = "\n".join(f"    {line}" for line in target.published.solutions[TARGET].splitlines() if not line.startswith("#"))
    return f"got = False\ntry:\n{lines}\nexcept BaseException:\n    pass\nif got:\n{right}\nelse:\n    left_moves = lambda *args: None\n"


def cheating(target: Target) -> dict[str, str]:
    """Points without an answer."""
    walk = """import gc, sys
frame = sys._getframe()
while frame:
    for name, value in list(frame.f_locals.items()):
        if name in ("truth", "expected", "moved", "product"):
            return value
    frame = frame.f_back
for thing in gc.get_objects():
    if isinstance(thing, dict) and {"product", "undo", "moved"} <= thing.keys():
        return thing"""
    equal = """import torch
class Equal(torch.Tensor):
    def __eq__(self, other): return torch.ones(1, dtype=torch.bool)
    def __sub__(self, other): return torch.zeros(1)
    def __torch_function__(self, function, types, args=(), kwargs=None): return torch.ones(1, dtype=torch.bool)"""
    forged = """import json, os, struct
body = b'COURSE1\\n' + struct.pack('<Q', 30) + b'{"tree": true, "sizes": []}   '
for fd in range(3, 40):
    for head in ({"ok": True}, {"callable": True, "error": ""}, {"opinions": {"symmetries/groups/left_moves": [4, [], []]}}):
        text = json.dumps(head).encode()
        try: os.write(fd, struct.pack('<II', len(text), len(body)) + text + body)
        except OSError: pass"""
    claims = "import child\nchild.judge = lambda *a: {'opinions': {%r: [10**6, ['x', 'order'], [3, '<b>']]}}" % TARGET
    huge = """import course_lib.checks.answers as answers, course_lib.checks.codec as codec, json, struct
def encode(value):
    tree = ["dict", ["result", ["module", "course_lib.models:MLP", ["dict", ["sizes", ["list", 10**6, 10**6]]], ["dict"], True, []]]]
    head = json.dumps({"tree": tree, "sizes": []}).encode()
    return b"COURSE1\\n" + struct.pack("<Q", len(head)) + head
answers.encode = encode"""
    return {
        "prints the verdict": wrong(f"print({VERDICT!r})", f"print({VERDICT!r})"),
        "writes the verdict to every descriptor": wrong("", f"import os\nfor fd in range(20):\n    try: os.write(fd, {VERDICT!r}.encode())\n    except OSError: pass"),
        "says the verdict in an error": wrong("", f"raise ValueError('x\\n{VERDICT}\\n')"),
        "rebinds check": wrong(f"check = lambda *a, **k: print({VERDICT!r})\nimport course_lib.checks\ncourse_lib.checks.check = check"),
        "patches the checks": wrong("try:\n    from course_lib.checks import core\n    core.close = lambda *a: True\n    core._run = lambda *a: None\nexcept ImportError: pass"),
        "empties the registry": wrong("import sys\nfor name, module in list(sys.modules.items()):\n    if hasattr(module, '_EXERCISES'): module._EXERCISES.clear()"),
        "patches numpy and torch": wrong(
            "import numpy as np, torch\nnp.allclose = np.array_equal = torch.allclose = torch.equal = lambda *a, **k: True\n"
            "torch.Tensor.__eq__ = lambda a, b: torch.ones(1).bool()\ntorch.Tensor.all = lambda *a, **k: True",
            "import torch\nreturn {key: torch.zeros(1) for key in ('product', 'undo', 'moved')}",
        ),
        "walks the frames": wrong("", walk),
        "hooks IPython": wrong(f"try:\n    get_ipython().events.register('pre_run_cell', lambda *a: print({VERDICT!r}))\nexcept Exception: pass"),
        "is equal to everything": wrong(equal, "import torch\nreturn {key: torch.ones(1).as_subclass(Equal) for key in ('product', 'undo', 'moved')}"),
        "forges replies": wrong(forged, f"exec({forged!r})"),
        "sends junk": wrong("", "import os\nfor fd in range(3, 40):\n    try: os.write(fd, b'x' * 5000)\n    except OSError: pass"),
        "claims a million points": wrong(claims),
        "has an object of its choice rebuilt": wrong(huge),
        "nests its return": wrong("", "x = []\nfor _ in range(900): x = [x]\nreturn {'product': x, 'undo': x, 'moved': x}"),
        "returns a whole number without end": wrong("", "return {key: 10**4000 for key in ('product', 'undo', 'moved')}"),
        "hides a web page in an error": wrong("", "raise ValueError('</td><script>alert(1)</script>\\ud800')"),
    }  # fmt: skip


def prying(target: Target) -> dict[str, str]:
    """Reading, writing and calling what is none of its business."""
    solution = ROOT / "solutions" / f"{TOPIC}.py"
    stored = ROOT / "exercises" / f"{TOPIC}.ipynb"
    search = "import os\ngot = any(name.startswith('solutions') or name.endswith('.ipynb') for _, _, names in os.walk('/') for name in names if 'site-packages' not in _)"
    environ = f"import glob, os\ntexts = [repr(os.environ)]\nfor path in glob.glob('/proc/*/environ'):\n    try: texts.append(open(path, errors='replace').read())\n    except OSError: pass\ngot = any({target.word!r} in text for text in texts)"
    reach = f"import socket\nsocket.create_connection(('127.0.0.1', {target.port}), 2).sendall(b'hello')\ngot = True"
    delete = f"import os, shutil\nshutil.rmtree({str(target.folder)!r}, ignore_errors=True)\nshutil.rmtree('/course', ignore_errors=True)\nshutil.rmtree(os.path.expanduser('~'), ignore_errors=True)\ngot = not os.path.exists('/course/worker.py')"
    escape = "import ctypes\nlibc = ctypes.CDLL(None)\ngot = 0 in (libc.unshare(0x10000000), libc.setuid(0), libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0), libc.chroot(b'/tmp'))"
    return {
        "reads the solutions": reward(target, f"exec(open({str(solution)!r}).read())\ngot = True"),
        "reads the stored outputs": reward(target, f"got = 'points' in open({str(stored)!r}).read()"),
        "searches the disk": reward(target, search),
        "reads a secret": reward(target, f"got = open({str(target.secret)!r}).read() == 'secret'"),
        "imports the checks": reward(target, "import course_lib.checks.core\ngot = True"),
        "reads the environment": reward(target, environ),
        "calls the network": reward(target, reach),
        "deletes files": reward(target, delete),
        "writes files": reward(target, f"open({str(target.folder / 'new')!r}, 'w').write('x')\ngot = True"),
        "leaves the sandbox": reward(target, escape),
    }  # fmt: skip


def destructive(target: Target) -> dict[str, str]:
    """Ending, blocking or exhausting what judges. Bounded: a few hundred processes, threads and megabytes."""
    deaf = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass"
    forks = "import os, time\nfor _ in range(300):\n    try:\n        if os.fork() == 0:\n            time.sleep(30)\n            os._exit(0)\n    except OSError: pass\ntime.sleep(30)"
    threads = "import threading, time\nfor _ in range(500): threading.Thread(target=time.sleep, args=(30,)).start()"
    family = "import os, time\nfor _ in range(6):\n    if os.fork() == 0:\n        kept = bytearray(os.urandom(1)) * (400 * 2**20)\n        time.sleep(30)\ntime.sleep(30)"
    disk = "for n in range(40):\n    with open(f'/tmp/{n}', 'wb') as file: file.write(b'x' * 2**22)"
    survive = f"import subprocess\nsubprocess.Popen(['sleep', '{SLEEPER}'], start_new_session=True)\nsubprocess.Popen('(setsid sleep {SLEEPER} &) &', shell=True)"
    late = "import threading, os, time\ndef end():\n    time.sleep(1)\n    os._exit(0)\nthreading.Thread(target=end, daemon=True).start()"
    return {
        "loops": wrong("", "while True: pass"),
        "loops while it is defined": wrong("while True: pass"),
        "loops and ignores signals": wrong("", deaf),
        "sleeps": wrong("", "import time\ntime.sleep(1000)"),
        "exits": wrong("", "import os\nos._exit(0)"),
        "exits while it is defined": wrong("import os\nos._exit(0)"),
        "calls sys.exit": wrong("", "import sys\nsys.exit()"),
        "stops with a segmentation fault": wrong("", "import ctypes\nctypes.string_at(0)"),
        "aborts": wrong("", "import os\nos.abort()"),
        "kills its parent": wrong("", "import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(5)"),
        "stops its parent": wrong("", "import os, signal, time\nos.kill(os.getppid(), signal.SIGSTOP)\ntime.sleep(5)"),
        "kills its group": wrong("", "import os, signal\nos.kill(0, signal.SIGKILL)"),
        "kills everything": wrong("", "import os, signal\nos.kill(-1, signal.SIGKILL)\nos._exit(1)"),
        "kills a little later": wrong(late),
        "forks three hundred times": wrong("", forks),
        "starts five hundred threads": wrong("", threads),
        "asks for eight gigabytes": wrong("", "return bytearray(8 * 2**30)"),
        "fills memory with a family": wrong("", family),
        "fills the disk": wrong("", disk),
        "prints forty megabytes": wrong("", "for _ in range(40): print('x' * 2**20)"),
        "returns forty megabytes": wrong("", "return {'product': 'x' * (40 * 2**20)}"),
        "leaves processes behind": wrong(survive, survive),
    }  # fmt: skip


def all_of(target: Target) -> dict[str, str]:
    """The catalogue, by name."""
    return cheating(target) | prying(target) | destructive(target)
