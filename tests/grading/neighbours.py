"""What one sandbox may try to leave for another, or to do to what it was forked from. Harmless: it is bounded, and gone soon.

Each is code that sets `got` if it succeeds. What is left by the first part of a pair is looked for by the second, in another
sandbox: one that lives at the same time, and one that comes after.
"""

KEYRINGS = """
import ctypes, os
libc = ctypes.CDLL(None)
add, find = {"x86_64": (248, 250), "aarch64": (217, 219)}.get(os.uname().machine, (0, 0))
RINGS = (-3, -4, -5)  # of the session, the user, the user's session
"""

LEFT = {  # what is left behind, and how it is found
    "a file": ("open('/tmp/note', 'w').write('x')\nos.mkfifo('/tmp/pipe')", "got = os.listdir('/tmp') != []"),
    "a file in shared memory": ("open('/dev/shm/note', 'w').write('x')", "got = os.listdir('/dev/shm') != []"),
    "a process": (
        "import subprocess\nsubprocess.Popen(['sleep', '50'], start_new_session=True)",
        "got = any(b'sleep' in open(f'/proc/{n}/cmdline', 'rb').read() for n in os.listdir('/proc') if n.isdigit())",
    ),
    "a listener without a file": (
        "import socket\nkept = socket.socket(socket.AF_UNIX)\nkept.bind('\\0note')\nkept.listen()",
        "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0note')\ngot = True",
    ),
    "a segment of shared memory": (
        "import ctypes\nassert ctypes.CDLL(None).shmget(4711, 4096, 0o1666) >= 0",
        "import ctypes\ngot = ctypes.CDLL(None).shmget(4711, 4096, 0o666) >= 0",
    ),
    "a key": (
        f"{KEYRINGS}\nassert max(libc.syscall(add, b'user', b'note', b'x', 1, ring) for ring in RINGS) >= 0",
        f"{KEYRINGS}\ngot = any(libc.syscall(find, 10, ring, b'user', b'note', 0) >= 0 for ring in RINGS)",
    ),
    "a terminal": ("kept = os.openpty()", "got = bool(set(os.listdir('/dev/pts')) - {'ptmx'})"),
    "another name of the machine": ("import socket\nsocket.sethostname('note')", "got = os.uname().nodename == 'note'"),
    "a value in the library": ("import torch\ntorch.note = 1", "import torch\ngot = hasattr(torch, 'note')"),
    "a change of the library": ("open('/course/course_lib/note.py', 'w').write('')", "import course_lib.note\ngot = True"),
}  # fmt: skip

REACHING = {
    "signals another process": """
for pid in range(2, 3000):
    if pid not in (os.getpid(), os.getppid()):
        try: os.kill(pid, 0)
        except OSError: continue
        got = True""",
    "signals what started it": """
import signal
for pid in (os.getppid(), 1, 0, -os.getppid()):
    for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGHUP):
        try: os.kill(pid, 0) if pid == 0 else os.kill(pid, number)
        except OSError: pass""",
    "traces another process": """
import ctypes
libc = ctypes.CDLL(None)
got = any(libc.ptrace(16, pid, 0, 0) == 0 for pid in range(2, 3000) if pid not in (os.getpid(), os.getppid()))""",
    "enters namespaces": """
import ctypes, glob
for path in glob.glob('/proc/*/ns/*') + glob.glob('/proc/*/task/*/ns/*'):
    try: got = got or ctypes.CDLL(None).setns(os.open(path, os.O_RDONLY), 0) == 0
    except OSError: pass""",
    "looks below what is mounted": """
import ctypes
libc = ctypes.CDLL(None)
for place in (b'/tmp', b'/proc', b'/dev/shm', b'/dev/pts', b'/course', b'/'):
    got = got or libc.umount2(place, 2) == 0 or libc.mount(None, place, None, 0x1020, None) == 0""",
    "makes a namespace": """
import ctypes
got = any(ctypes.CDLL(None).unshare(1 << k) == 0 for k in (17, 25, 26, 27, 28, 29, 30))""",
    "allows itself namespaces": "open('/proc/sys/user/max_user_namespaces', 'w').write('9')\ngot = True",
    "changes who it is": """
import ctypes
libc = ctypes.CDLL(None)
got = any(number != os.getuid() and 0 in (libc.setuid(number), libc.setgid(number)) for number in (0, 1, 1001, 65534))
got = got or libc.setgroups(0, None) == 0""",
    "has a descriptor of the nursery": """
import socket, stat
for fd in range(3, 4096):
    try: mode = os.fstat(fd).st_mode
    except OSError: continue
    kind = socket.socket(fileno=os.dup(fd)).type if stat.S_ISSOCK(mode) else 0
    link = os.readlink(f'/proc/self/fd/{fd}')
    got = got or kind == socket.SOCK_SEQPACKET or link.startswith('anon_inode') or link == '/'""",
    "raises its limits": """
import resource
for name in dir(resource):
    if name.startswith('RLIMIT_'):
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            try: resource.setrlimit(kind, (hard, hard + 1))
            except (OSError, ValueError): continue
            got = True""",
    "makes keys, of which a user has so many": """
import ctypes
add = {"x86_64": 248, "aarch64": 217}[os.uname().machine]
got = any(ctypes.CDLL(None).syscall(add, b'user', b'note', b'x', 1, ring) >= 0 for ring in (-1, -2, -3, -4, -5))""",
    "opens a socket that no namespace parts": """
import socket
for family in (16, 17, 38, 40):
    try: socket.socket(family, socket.SOCK_DGRAM if family == 16 else socket.SOCK_STREAM).close()
    except OSError: continue
    got = True""",
    "watches files": """
import ctypes
got = ctypes.CDLL(None).inotify_init() >= 0 or ctypes.CDLL(None).inotify_init1(0) >= 0""",
    "takes a pipe of its worker": """
import ctypes
libc = ctypes.CDLL(None)
held = libc.syscall(434, os.getppid(), 0)
got = any(libc.syscall(438, held, fd, 0) >= 0 for fd in range(3, 16)) or libc.ptrace(16, os.getppid(), 0, 0) == 0
for name in ('mem', 'fd/3', 'fd/4'):
    try: os.close(os.open(f'/proc/{os.getppid()}/{name}', os.O_RDWR))
    except OSError: continue
    got = True""",
    "has the nursery's terminal": "os.close(os.open('/dev/tty', os.O_RDWR))\ngot = True",
}

BRUTAL = {
    "kills everything": "os.kill(-1, 9)\nos._exit(1)",
    "kills its group": "os.kill(0, 9)",
    "kills what started it": "import time\nos.kill(os.getppid(), 9)\nos.kill(1, 9)\ntime.sleep(1)\nos._exit(1)",
    "forks sixty times": "import time\nfor _ in range(60):\n    if not os.fork(): time.sleep(60)",
    "fills memory with a family": (
        "for _ in range(4):\n    if not os.fork(): break\n"
        "kept = bytearray(os.urandom(1)) * (500 * 2**20)\nwhile True: pass"
    ),
    "fills the disk": "for n in range(40): open(f'/tmp/{n}', 'wb').write(b'x' * 2**21)",
}
