"""Starting a sandbox: bubblewrap, else a container, else a refusal that says how to get one.

What every kind does: no network, no file of the machine but Python, the system's libraries and the staged course, a
small private /tmp, its own process numbers, no privileges, limits on memory, processes and files, and an end of all
processes when the grader lets go.

Root is a special case. Started by root, bubblewrap could leave code with root's rights over files, and the kernel does
not count root's processes. So root prepares the mounts and then gives all privileges away (`setpriv`) for a user number
that nobody else has; where root may not mount, privileges go first.

Best is a nursery: one bubblewrap in which torch is imported once and no code of a student's runs, and which forks a
sandbox for each submission (`nursery`, `apart`). Where it does not work, each sandbox is a bubblewrap of its own.
"""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.channel import Channel, Limits
from course_lib.grading.nursery import Nursery
from course_lib.grading.processes import Started

KINDS = ("nursery", "bwrap", "docker", "podman")
NURSERIES = ("nursery", "nursery after mounts")
IMAGE = "course-grading"
CONTAINER_VARIABLES = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "XDG_RUNTIME_DIR", "CONTAINER_HOST")
INSTRUCTIONS = f"""No sandbox works here, so nothing was graded: students' code must not run unprotected. Ways to get one:
  Debian, Ubuntu:  sudo apt install bubblewrap     (Fedora: sudo dnf install bubblewrap)
  Ubuntu 24.04:    it may forbid user namespaces: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0
  inside Docker:   start the outer container with --security-opt seccomp=unconfined --cap-add SYS_ADMIN
  macOS, Windows:  install Docker Desktop or Podman, then in the clone: docker build -t {IMAGE} -f workshop/grading.Dockerfile .
                   (on Windows, WSL with bubblewrap is the other way)
`python -m course_lib.grading doctor` says what it finds."""


class NoSandbox(RuntimeError):
    """Nothing on this machine can run students' code safely."""


@dataclass(frozen=True)
class Sandbox:
    """A kind of sandbox that works here, and the staged files it shows. `way` is a kind, for root with its order."""

    way: str
    stage: Path
    limits: Limits = Limits()
    image: str = IMAGE
    modules: tuple[str, ...] = ()

    def start(self) -> Channel:
        """A sandbox by itself; it imports torch while the caller does something else."""
        if self.way in NURSERIES:
            return self.source().start(alone=True)
        if self.way in ("docker", "podman"):
            name = f"course-{secrets.token_hex(6)}"
            env = {key: os.environ[key] for key in CONTAINER_VARIABLES if key in os.environ}
            command = container(self.way, name, self.stage, self.limits, self.image, self.modules)
            return Channel(Started(command, [self.way, "kill", name], env), self.limits)
        return Channel(Started(bwrap(self.way, self.stage, self.limits, self.modules)), self.limits)

    def source(self) -> "Nursery | Fresh":
        """For many sandboxes: has `prepare`, `start` and `close`."""
        if self.way in NURSERIES:
            return Nursery(lambda: bwrap(self.way, self.stage, self.limits, self.modules), self.limits)
        return Fresh(self.start)


@dataclass(frozen=True)
class Fresh:
    """Sandboxes that are started one by one and have nothing in common."""

    start: Callable[[], Channel]

    def prepare(self) -> None:
        """Nothing to prepare."""

    def close(self) -> None:
        """Nothing is left."""


# ---------------------------------------------------------------------------------------------------------- commands


def bwrap(way: str, stage: Path, limits: Limits, modules: Sequence[str] = ()) -> list[str]:
    """The command for `bwrap`, `bwrap after mounts` (root) or `bwrap after dropping` (root that may not mount), and for
    a nursery, where each sandbox that it forks locks the user namespaces for itself.
    """
    script = "cradle.py" if way in NURSERIES else "worker.py"
    program = [python(), "-I", "-B", f"/course/{script}", limits.for_worker(), *modules]
    locked = ["--unshare-user", *([] if way in NURSERIES else ["--disable-userns"])]
    if way in ("bwrap", "nursery"):
        return ["bwrap", *locked, "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", *view(stage, limits), "--", *program]
    drop = dropping()
    if way == "bwrap after dropping":
        return [*drop, "bwrap", *locked, "--cap-drop", "ALL", *view(stage, limits), "--", *program]
    if way == "bwrap after mounts, user namespaces off":
        drop += ["bwrap", *locked, "--dev-bind", "/", "/", "--chdir", "/tmp", "--"]
    if way == "nursery after mounts":  # bwrap's /proc is partly covered, and then the kernel allows no other below it
        drop = ["sh", "-c", 'mount -t proc -o nosuid,nodev,noexec proc /proc && exec "$@"', "sh", *drop]
    names = ("SETUID", "SETGID", "SETPCAP", *(["SYS_ADMIN"] if way in NURSERIES else []))
    keep = [word for name in names for word in ("--cap-add", f"CAP_{name}")]
    return ["bwrap", "--cap-drop", "ALL", *keep, *view(stage, limits), "--", *drop, *program]


def dropping() -> list[str]:
    """The start of a command for root: what follows runs without privileges, as a user that nobody else is."""
    user = str(2_000_000_000 + secrets.randbelow(100_000_000))
    words = [setpriv(), "--reuid", user, "--regid", user, "--clear-groups"]
    return [*words, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]


def view(stage: Path, limits: Limits) -> list[str]:
    """Namespaces, environment and file system of a sandbox. Small file systems in memory come before what lies in them."""
    words = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    words += ["--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv"]
    for name, value in environment().items():
        words += ["--setenv", name, value]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(2**20), "--perms", "1777", "--tmpfs", "/dev/shm"]
    words += ["--size", str(limits.disk_mb * 2**20), "--perms", "1777", "--tmpfs", "/tmp"]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(name):
            words += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            words += ["--ro-bind", name, name]
    made = {"/", "/tmp", "/dev", "/proc"}
    for source, target in [*((place, place) for place in places()), (str(stage), "/course")]:
        parents = [str(parent) for parent in reversed(Path(target).parents) if str(parent) not in made]
        for parent in parents:  # bwrap itself would make them for root's eyes only
            words += ["--perms", "0755", "--dir", parent]
        made.update(parents)
        words += ["--ro-bind", source, target]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]


def environment() -> dict[str, str]:
    """All that an answer finds in its environment."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "USER": "student", "LANG": "C.UTF-8", "MPLBACKEND": "Agg"} | one


def places() -> list[str]:
    """The system's libraries, this Python and its packages; no folder inside another one of the list."""
    found = ["/usr", "/etc/ld.so.cache", "/etc/alternatives", os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)]
    found += [os.path.realpath(path) for path in sys.path if path.rstrip("/").endswith(("site-packages", "dist-packages"))]
    found = sorted({place for place in found if os.path.exists(place)}, key=len)
    return [place for place in found if not any(place.startswith(other + "/") for other in found)]


def python() -> str:
    """This environment's interpreter by its real folder: links outside may not exist in a sandbox."""
    return os.path.join(os.path.realpath(sys.prefix), "bin", os.path.basename(sys.executable))


def setpriv() -> str:
    return shutil.which("setpriv") or "/usr/bin/setpriv"


def container(way: str, name: str, stage: Path, limits: Limits, image: str = IMAGE, modules: Sequence[str] = ()) -> list[str]:
    """The command for docker or podman; `docker kill NAME` has to end it, since killing the client does not."""
    words = [way, "run", "--rm", "--interactive", "--name", name, "--network", "none", "--read-only", "--cap-drop", "ALL"]
    words += ["--security-opt", "no-new-privileges", "--user", "65534:65534", "--cpus", "1", "--ipc", "private"]
    words += [
        "--pids-limit",
        str(limits.processes),
        "--memory",
        f"{limits.memory_mb}m",
        "--memory-swap",
        f"{limits.memory_mb}m",
    ]
    words += ["--tmpfs", f"/tmp:rw,nosuid,nodev,size={limits.disk_mb}m", "--shm-size", "1m", "--workdir", "/tmp"]
    words += ["--volume", f"{stage}:/course:ro"]
    for variable, value in environment().items():
        words += ["--env", f"{variable}={value}"]
    return [*words, image, "python3", "-I", "-B", "/course/worker.py", limits.for_worker(), *modules]


# ------------------------------------------------------------------------------------------------------------ choosing


def ways(kind: str = "auto") -> list[str]:
    """What to try here, best first. A nursery needs bubblewrap, too."""
    if kind not in ("auto", *KINDS):
        raise ValueError(f"sandbox must be auto or one of {', '.join(KINDS)}, got {kind!r}")
    root = hasattr(os, "getuid") and os.getuid() == 0
    found = []
    for name in KINDS if kind == "auto" else (kind,):
        if not shutil.which("bwrap" if name == "nursery" else name) or (name == "nursery" and not hasattr(os, "pidfd_open")):
            continue
        if name == "nursery" and root:
            found.append("nursery after mounts")
        elif name == "bwrap" and root:
            found += ["bwrap after mounts, user namespaces off", "bwrap after mounts", "bwrap after dropping"]
        else:
            found.append(name)
    return found


def works(way: str, stage: Path, limits: Limits, image: str = IMAGE) -> str:
    """Nothing if a sandbox of this way starts and its code is nobody in particular, else what is wrong."""
    if way in ("docker", "podman"):
        try:
            subprocess.run([way, "image", "inspect", image], capture_output=True, timeout=30, check=True)
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode("utf8", "replace").strip().splitlines()
            return said[-1] if said else f"there is no image {image}"
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    if way in NURSERIES and (hidden := [place for place in places() if place.startswith(("/tmp/", "/dev/shm/"))]):
        return f"{hidden[0]} would be hidden, since each forked sandbox has that folder for itself"
    try:
        channel = Sandbox(way, stage, limits, image).start()
    except (OSError, RuntimeError) as error:
        return str(error)
    try:
        return "" if channel.ready()["ready"] != 0 else "the code in it would be root"
    except RuntimeError as error:
        return str(error)
    finally:
        channel.close()


def choose(stage: Path, limits: Limits, kind: str = "auto", image: str = IMAGE) -> Sandbox:
    """The first way that works here; raises `NoSandbox` with instructions."""
    tried = []
    for way in ways(kind):
        trouble = works(way, stage, limits, image)
        if not trouble:
            return Sandbox(way, stage, limits, image)
        tried.append(f"  {way}: {trouble}")
    raise NoSandbox("\n".join([INSTRUCTIONS, *(["Tried:", *tried] if tried else [])]))
