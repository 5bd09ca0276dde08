"""Inside a nursery: a forked process is set apart from the nursery and from all others, before any code of a student's runs.

It gets what bubblewrap gives to a fresh sandbox: namespaces of its own for users, mounts, process numbers, network,
messages and names; empty small file systems where it may write; no privileges, and no way to any. Each call is looked at,
and in the end so is the outcome: a process that is not apart does not go on. Stands alone, as `worker` does.
"""

import ctypes
import os

NEW = {  # what is shared no more: CLONE_NEW...
    "NS": 0x00020000, "CGROUP": 0x02000000, "UTS": 0x04000000, "IPC": 0x08000000, "USER": 0x10000000, "PID": 0x20000000,
    "NET": 0x40000000,
}  # fmt: skip
READONLY, NOSUID, NODEV, NOEXEC, REC, PRIVATE = 1, 2, 4, 8, 0x4000, 0x40000  # MS_...
BOUNDING, NO_NEW_PRIVILEGES, AMBIENT, CLEAR_ALL = 24, 38, 47, 4  # PR_...
CAPABILITIES = 0x20080522  # the third version of their header
USER = 1000  # what a student is inside; outside it is nobody's number
EMPTY = {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapBnd": 0, "CapAmb": 0}

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """Call a function of C; raises `OSError` if it fails."""
    if getattr(libc, name)(*arguments) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def leave() -> None:
    """Leave the namespaces of the nursery. The process numbers change for the next child, which is the first of them."""
    user, group = os.getuid(), os.getgid()
    call("unshare", sum(NEW.values()))
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{USER} {user} 1")
    _write("/proc/self/gid_map", f"{USER} {group} 1")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def settle(disk_mb: int) -> None:
    """As the first process in the new namespaces: files of its own, no more of the nursery's descriptors, no privileges."""
    os.setsid()
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    call("mount", b"none", b"/", None, REC | PRIVATE, None)
    _mount("proc", "/proc", NOEXEC)
    _mount("tmpfs", "/dev/shm", 0, "size=1m,mode=1777,nr_inodes=1k")
    _mount("tmpfs", "/dev/pts", READONLY | NOEXEC, "size=4k,nr_inodes=1")  # no terminals that two could share
    _mount("tmpfs", "/tmp", 0, f"size={disk_mb}m,mode=1777,nr_inodes=64k")
    os.chdir("/tmp")  # the old one is still that of the nursery
    os.umask(0o022)
    _write("/proc/sys/user/max_user_namespaces", "0")  # or it would be privileged again in one
    _drop()


def _mount(kind: str, place: str, flags: int, options: str = "") -> None:
    call("mount", kind.encode(), place.encode(), kind.encode(), NOSUID | NODEV | flags, options.encode())


def _drop() -> None:
    """Give away all privileges, and the ways to get them back."""
    call("prctl", AMBIENT, CLEAR_ALL, 0, 0, 0)
    for number in range(64):
        if libc.prctl(BOUNDING, number, 0, 0, 0) < 0:  # the kernel knows no more of them
            break
    header, nothing = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    call("capset", header, nothing)
    call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def trouble() -> list[str]:
    """What is not as it must be; empty before a student's code may run."""
    with open("/proc/self/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    wrong = [f"{name} is {status[name]}" for name in EMPTY if int(status[name], 16)]
    wrong += [] if status["NoNewPrivs"] == "1" else ["new privileges are possible"]
    wrong += [] if status["Threads"] == "1" else [f"{status['Threads']} threads"]
    wrong += [] if (os.getpid(), os.getsid(0)) == (1, 1) else [f"process {os.getpid()} of session {os.getsid(0)}"]
    wrong += [f"sees process {name}" for name in os.listdir("/proc") if name.isdigit() and name != "1"]
    wrong += [f"finds {name} in {place}" for place in ("/tmp", "/dev/shm", "/dev/pts") for name in os.listdir(place)]
    wrong += [] if os.getcwd() == "/tmp" else ["is not at home"]
    wrong += [f"can {name}" for name, possible in _forbidden().items() if possible]
    return wrong + [f"holds descriptor {number}" for number in _open() if number > 2]


def _forbidden() -> dict[str, bool]:
    """What must fail, tried."""
    return {
        "make a namespace": libc.unshare(NEW["USER"]) == 0 or libc.unshare(NEW["NS"]) == 0,
        "mount": libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0,
        "unmount": libc.umount2(b"/tmp", 2) == 0,
        "be root": libc.setuid(0) == 0,
    }


def _open() -> list[int]:
    """Numbers of the descriptors that are open, as far as a process may have any."""
    found = []
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            os.fstat(number)
            found.append(number)
        except OSError:  # the one with which the folder was read
            continue
    return found
