"""Attacks on the grader, each a cell that answers an exercise. They run in a sandbox only.

Most try something that must fail, and hand in the right answer if it worked: no points means that it did not. Whatever
eats resources is bounded, and the only address that is called is one of this machine that the test itself listens on.

Below, NAME stands for the function of the exercise, MARK for its marker line, FULL for what its check prints at best.
"""

import textwrap
from dataclasses import dataclass
from pathlib import Path

from course_lib.checks.core import find
from course_lib.grading.course import ROOT, Notebook

SLEEPER = "3217.25"  # seconds for which a surviving process would sleep: tells ours from others


@dataclass(frozen=True)
class Target:
    """What an attack may aim at: a file to read, a folder to delete, a port, a word in the environment."""

    published: Notebook
    secret: Path
    folder: Path
    port: int
    word: str


def _indented(source: str) -> str:
    return textwrap.indent(source.strip("\n"), "    ")


def wrong(first: str = "", inside: str = "return None") -> str:
    """A wrong answer with something done before and in it."""
    return f"MARK\n{textwrap.dedent(first)}\ndef NAME(*args, **kwargs):\n{_indented(textwrap.dedent(inside))}\n"


def reward(attempt: str) -> str:
    """The right answer if the attempt sets `got` to True, else none."""
    tried = _indented(textwrap.dedent(attempt))
    worked = "if got:\nRIGHT\nelse:\n    NAME = lambda *args: None\n"
    return f"MARK\ngot = False\ntry:\n{tried}\nexcept BaseException:\n    pass\n{worked}"


CHEATING = {
    "prints the verdict": wrong("print('FULL')", "print('FULL')"),
    "writes the verdict to every descriptor": wrong(
        inside="""
        import os
        for fd in range(20):
            try: os.write(fd, b'FULL')
            except OSError: pass"""
    ),
    "says the verdict in an error": wrong(inside="raise ValueError('x\\nFULL\\n')"),
    "rebinds check": wrong(
        """
        check = lambda *args, **kwargs: print('FULL')
        import course_lib.checks
        course_lib.checks.check = check"""
    ),
    "patches the checks": wrong(
        """
        try:
            from course_lib.checks import core
            core.close = lambda *args: True
            core._run = lambda *args: None
        except ImportError: pass"""
    ),
    "patches numpy and torch": wrong(
        """
        import numpy as np
        import torch
        np.allclose = np.array_equal = torch.allclose = torch.equal = lambda *args, **kwargs: True
        torch.Tensor.__eq__ = lambda a, b: torch.ones(1).bool()
        torch.Tensor.all = lambda *args, **kwargs: True""",
        "return {key: torch.zeros(1) for key in ('product', 'undo', 'moved')}",
    ),
    "walks the frames": wrong(
        inside="""
        import gc, sys
        frame = sys._getframe()
        while frame:
            for name, value in list(frame.f_locals.items()):
                if name in ("truth", "expected", "moved", "product"):
                    return value
            frame = frame.f_back
        for thing in gc.get_objects():
            if isinstance(thing, dict) and {"product", "undo", "moved"} <= thing.keys():
                return thing"""
    ),
    "hooks IPython": wrong(
        """
        try: get_ipython().events.register('pre_run_cell', lambda *args: print('FULL'))
        except Exception: pass"""
    ),
    "is equal to everything": wrong(
        """
        import torch
        class Equal(torch.Tensor):
            def __eq__(self, other): return torch.ones(1, dtype=torch.bool)
            def __sub__(self, other): return torch.zeros(1)
            def __torch_function__(self, *args, **kwargs): return torch.ones(1, dtype=torch.bool)""",
        "return {key: torch.ones(1).as_subclass(Equal) for key in ('product', 'undo', 'moved')}",
    ),
    "forges replies": wrong(
        """
        import json, os, struct
        def forge():
            body = b'COURSE1\\n' + struct.pack('<Q', 30) + b'{"tree": true, "sizes": []}   '
            opinion = {"opinions": {"EXERCISE": [10, [], []]}}
            for head in ({"ok": True}, {"callable": True, "error": ""}, opinion):
                text = json.dumps(head).encode()
                for fd in range(3, 40):
                    try: os.write(fd, struct.pack('<II', len(text), len(body)) + text + body)
                    except OSError: pass""",
        "forge()",
    ),
    "sends junk": wrong(
        inside="""
        import os
        for fd in range(3, 40):
            try: os.write(fd, b'x' * 5000)
            except OSError: pass"""
    ),
    "claims a million points": wrong(
        """
        import child
        child.judge = lambda *args: {'opinions': {'EXERCISE': [10**6, ['x', 'order'], [3, '<b>']]}}"""
    ),
    "has an object of its choice rebuilt": wrong(
        """
        import course_lib.checks.answers as answers, json, struct
        def encode(value):
            config = ["dict", ["sizes", ["list", 10**6, 10**6]]]
            tree = ["dict", ["result", ["module", "course_lib.models:MLP", config, ["dict"], True, []]]]
            head = json.dumps({"tree": tree, "sizes": []}).encode()
            return b"COURSE1\\n" + struct.pack("<Q", len(head)) + head
        answers.encode = encode"""
    ),
    "nests its return": wrong(
        inside="""
        x = []
        for _ in range(900): x = [x]
        return {'product': x, 'undo': x, 'moved': x}"""
    ),
    "returns a whole number without end": wrong(inside="return {key: 10**4000 for key in ('product', 'undo', 'moved')}"),
    "hides a web page in an error": wrong(inside="raise ValueError('</td><script>alert(1)</script>\\ud800')"),
}


def prying(target: Target) -> dict[str, str]:
    """Reading, writing and calling what is none of its business."""
    topic = target.published.topic
    return {
        "reads the solutions": reward(f"exec(open({str(ROOT / 'solutions' / (topic + '.py'))!r}).read())\ngot = True"),
        "reads the stored outputs": reward(f"got = 'points' in open({str(target.published.path)!r}).read()"),
        "searches the disk": reward(
            """
            import os
            for where, folders, names in os.walk('/'):
                folders[:] = [name for name in folders if name not in ('proc', 'usr', 'site-packages', 'lib', 'dev')]
                got = got or any(name.endswith('.ipynb') for name in names) or 'solutions' in folders"""
        ),
        "reads a secret": reward(f"got = open({str(target.secret)!r}).read() == 'secret'"),
        "imports the checks": reward("import course_lib.checks.core\ngot = True"),
        "reads the environment": reward(
            f"""
            import glob, os
            texts = [repr(os.environ)]
            for path in glob.glob('/proc/*/environ'):
                try: texts.append(open(path, errors='replace').read())
                except OSError: pass
            got = any({target.word!r} in text for text in texts)"""
        ),
        "calls the network": reward(
            f"import socket\nsocket.create_connection(('127.0.0.1', {target.port}), 2).sendall(b'x')\ngot = True"
        ),
        "deletes files": reward(
            f"""
            import os, shutil
            for folder in ({str(target.folder)!r}, '/course', os.path.expanduser('~')):
                shutil.rmtree(folder, ignore_errors=True)
            got = not os.path.exists('/course/worker.py')"""
        ),
        "writes files": reward(f"open({str(target.folder / 'new')!r}, 'w').write('x')\ngot = True"),
        "leaves the sandbox": reward(
            """
            import ctypes
            libc = ctypes.CDLL(None)
            mounted = libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0)
            got = 0 in (libc.unshare(0x10000000), libc.setuid(0), mounted, libc.chroot(b'/tmp'))"""
        ),
    }


DESTRUCTIVE = {
    "loops": wrong(inside="while True: pass"),
    "loops while it is defined": wrong("while True: pass"),
    "loops and ignores signals": wrong(
        inside="""
        import signal
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        while True:
            try:
                while True: pass
            except BaseException: pass"""
    ),
    "sleeps": wrong(inside="import time\ntime.sleep(1000)"),
    "exits": wrong(inside="import os\nos._exit(0)"),
    "exits while it is defined": wrong("import os\nos._exit(0)"),
    "calls sys.exit": wrong(inside="import sys\nsys.exit()"),
    "stops with a segmentation fault": wrong(inside="import ctypes\nctypes.string_at(0)"),
    "aborts": wrong(inside="import os\nos.abort()"),
    "kills its parent": wrong(inside="import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(5)"),
    "stops its parent": wrong(inside="import os, signal, time\nos.kill(os.getppid(), signal.SIGSTOP)\ntime.sleep(5)"),
    "kills its group": wrong(inside="import os\nos.kill(0, 9)"),
    "kills everything": wrong(inside="import os\nos.kill(-1, 9)\nos._exit(1)"),
    "kills a little later": wrong(
        """
        import os, threading, time
        def end():
            time.sleep(1)
            os._exit(0)
        threading.Thread(target=end, daemon=True).start()"""
    ),
    "forks three hundred times": wrong(
        inside="""
        import os, time
        for _ in range(300):
            try:
                if os.fork() == 0:
                    time.sleep(30)
                    os._exit(0)
            except OSError: pass
        time.sleep(30)"""
    ),
    "starts five hundred threads": wrong(
        inside="""
        import threading, time
        for _ in range(500): threading.Thread(target=time.sleep, args=(30,)).start()"""
    ),
    "asks for eight gigabytes": wrong(inside="return bytearray(8 * 2**30)"),
    "fills memory with a family": wrong(
        inside="""
        import os, time
        for _ in range(6):
            if os.fork() == 0:
                kept = bytearray(os.urandom(1)) * (400 * 2**20)
                time.sleep(30)
        time.sleep(30)"""
    ),
    "fills the disk": wrong(
        inside="""
        for n in range(40):
            with open(f'/tmp/{n}', 'wb') as file: file.write(b'x' * 2**22)"""
    ),
    "prints forty megabytes": wrong(inside="for _ in range(40): print('x' * 2**20)"),
    "returns forty megabytes": wrong(inside="return {'product': 'x' * (40 * 2**20)}"),
    "leaves processes behind": wrong(
        f"""
        import subprocess
        subprocess.Popen(['sleep', '{SLEEPER}'], start_new_session=True)
        subprocess.Popen('(setsid sleep {SLEEPER} &) &', shell=True)"""
    ),
}


def all_of(target: Target, exercise: str) -> dict[str, str]:
    """The catalogue by name, aimed at an exercise."""
    return words(target.published, exercise, CHEATING | prying(target) | DESTRUCTIVE)


def words(published: Notebook, exercise: str, found: dict[str, str]) -> dict[str, str]:
    """Put the words of an exercise in the places that stand for them."""
    name, maximum = exercise.rpartition("/")[2], find(exercise).maximum
    meanings = {
        "MARK": f"# exercise: {exercise}",
        "NAME": name,
        "FULL": f"{name}: {maximum}/{maximum} points",
        "EXERCISE": exercise,
        "RIGHT": _indented(published.solutions[exercise].partition("\n")[2]),
    }
    for word, meaning in meanings.items():
        found = {attack: source.replace(word, meaning) for attack, source in found.items()}
    return found
