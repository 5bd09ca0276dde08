"""Sandboxes that come from one nursery: as apart from it and from each other as two that were started afresh.

All but the last tests ask nothing of a nursery, and hold for fresh sandboxes too, where no nursery works.
"""

import os
import resource
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib.grading import sandbox
from course_lib.grading.channel import Channel, Stopped
from course_lib.grading.nursery import Nursery
from course_lib.grading.processes import descendants
from tests.grading.made import LIMITS
from tests.grading.neighbours import BRUTAL, LEFT, REACHING

PROFILE = """
import os, resource, sys
status = dict(line.rstrip('\\n').split(':\\t', 1) for line in open('/proc/self/status'))
names = ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Umask', 'Threads')
kinds = {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith('RLIMIT_')}
disk = [os.statvfs(place).f_blocks * os.statvfs(place).f_frsize for place in ('/tmp', '/dev/shm')]
places = ('/', '/tmp', '/dev', '/dev/shm', '/dev/pts', '/course', '/proc/1', '/proc/sys/user', sys.prefix)
writable, files = [place for place in places if os.access(place, os.W_OK)], len(os.listdir('/proc/self/fd'))
told = ({name: status[name] for name in names}, kinds, disk, writable, files, sorted(os.environ.items()), os.getcwd(),
        [name for name in os.listdir('/tmp') if not sys.prefix.startswith('/tmp/' + name)],
        os.getgroups() == [os.getgid()], os.uname().nodename, sys.path, sys.flags)
"""


@pytest.fixture(scope="module")
def source(box: sandbox.Sandbox) -> Iterator[sandbox.Fresh | Nursery]:
    way = [*sandbox.ways("nursery"), box.way][0]  # also where the grader chooses fresh ones
    made = replace(box, way=way, limits=replace(LIMITS, memory_mb=1500, processor=30)).source()
    yield made
    made.close()


def ask(channel: Channel, code: str, seconds: float = 60.0, begin: bool = True) -> dict:
    """Run code in a sandbox; an error in it is part of the reply."""
    channel.ready()
    if begin:
        channel.ask({"do": "begin"}, seconds=20.0)
    return channel.ask({"do": "run", "label": "<x>"}, f"import os\ngot = False\n{code}".encode(), seconds)[0]


def succeeds(channel: Channel, code: str) -> bool:
    """Whether code that sets `got` if it succeeds has done so."""
    tried = "\n".join(f"    {line}" for line in code.strip("\n").splitlines())
    reply = ask(channel, f"try:\n{tried}\nexcept Exception:\n    pass\nif got: raise RuntimeError('got through')")
    assert not reply["error"] or "got through" in reply["error"], reply
    return bool(reply["error"])


@pytest.mark.parametrize("what", LEFT)
def test_nothing_is_left_for_a_neighbour(source: Nursery, what: str) -> None:
    leave, find = LEFT[what]
    one, two, three = source.start(), source.start(), None
    try:
        left = ask(one, leave)["error"]
        assert not succeeds(two, find), "from one that lives"
        if not left and what != "a value in the library":
            assert succeeds_again(one, find), "the same sandbox finds it: the attempt is a real one"
        one.close()
        three = source.start()
        assert not succeeds(three, find), "from one that is gone"
    finally:
        for channel in filter(None, (one, two, three)):
            channel.close()


def succeeds_again(channel: Channel, code: str) -> bool:
    """The same in the process that ran code before."""
    return "got through" in ask(channel, f"{code}\nif got: raise RuntimeError('got through')", begin=False)["error"]


@pytest.mark.parametrize("what", REACHING)
def test_nothing_else_is_in_reach(source: Nursery, what: str) -> None:
    one, two = source.start(), source.start()
    try:
        two.ready()
        assert not succeeds(one, REACHING[what])
        assert ask(two, "x = 1")["error"] == ""
    finally:
        one.close()
        two.close()


@pytest.mark.parametrize("what", BRUTAL)
def test_a_neighbour_lives_on(source: Nursery, what: str) -> None:
    """Whatever one does to itself, another that is there, and the next one, can use all that they may."""
    one, two = source.start(), source.start()
    family = "import time\nfor _ in range(6):\n    if not os.fork(): time.sleep(30)"
    try:
        two.ready()
        try:
            ask(one, BRUTAL[what], 30.0)
        except Stopped:
            pass
        assert ask(two, "len(b'x' * 2**28)")["error"] == ""
        assert ask(two, f"{family}\nopen('/tmp/x', 'wb').write(b'x' * 2**22)")["error"] == ""
        one.close()
        one = source.start()
        assert ask(one, family)["error"] == ""
    finally:
        one.close()
        two.close()


def test_a_forked_sandbox_is_like_a_fresh_one(source: Nursery, fresh: sandbox.Sandbox) -> None:
    told = []
    for channel in (source.start(), replace(fresh, limits=source.limits).start()):
        try:
            channel.ready()
            assert ask(channel, PROFILE)["error"] == ""
            parts = [ask(channel, f"raise RuntimeError(repr(told)[{k}:][:200])", begin=False) for k in range(0, 4000, 200)]
            told.append("".join(part["error"].partition(": ")[2].rpartition(", at line")[0] for part in parts))
        finally:
            channel.close()
    assert "'NoNewPrivs': '1'" in told[0]
    assert told[0] == told[1]


# ------------------------------------------------------------------------------------------------------- nurseries only


@pytest.fixture(scope="module")
def nursery(box: sandbox.Sandbox) -> Iterator[Nursery]:
    """A nursery even where the grader chooses fresh sandboxes (these tests need nothing that lies below /tmp)."""
    way = sandbox.ways("nursery")
    assert way, "a nursery needs Linux with bubblewrap: install the package bubblewrap"
    made = replace(box, way=way[0], limits=replace(LIMITS, memory_mb=1500, processor=30)).source()
    yield made
    made.close()


def test_a_python_that_a_forked_sandbox_would_not_see_is_said(box: sandbox.Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "places", lambda: ["/usr", "/tmp/clone/.venv"])
    trouble = sandbox.works("nursery", box.stage, box.limits)
    assert trouble == "/tmp/clone/.venv would be hidden, since each forked sandbox has that folder for itself"


def test_it_works_where_a_thousand_files_are_open(nursery: Nursery) -> None:
    """Numbers of descriptors above 1023: `select` would refuse them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    held = [os.dup(0) for _ in range(1100)]
    try:
        channel = nursery.start()
        assert channel._process.stdout.fileno() > 1023 and ask(channel, "x = 1")["error"] == ""
        channel.close()
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_nothing_piles_up(nursery: Nursery) -> None:
    nursery.start().close()
    before = len(os.listdir("/proc/self/fd")), len(descendants(nursery._process.pid))
    for _ in range(5):
        ask(channel := nursery.start(), "import time\nfor _ in range(3):\n    if not os.fork(): time.sleep(30)")
        channel.close()
    del channel
    files, processes = len(os.listdir("/proc/self/fd")), len(descendants(nursery._process.pid))
    assert files == before[0] and processes <= before[1]  # one that has just ended may still be listed


def test_a_nursery_that_died_is_replaced_and_its_sandboxes_die_with_it(nursery: Nursery) -> None:
    channel = nursery.start()
    channel.ready()
    nursery._process.end()
    with pytest.raises(Stopped):
        ask(channel, "x = 1")
    channel.close()
    channel = nursery.start()
    assert ask(channel, "x = 1")["error"] == ""
    channel.close()


WEAKER = {  # what is replaced in `apart`, by what, and what is then said
    "keeps its privileges": ("    _drop()\n", "", "CapEff is"),
    "keeps namespaces allowed": ('    _write("/proc/sys/user/max_user_namespaces", "0")', "    pass", "can make a namespace"),
    "keeps descriptors": ("    os.closerange(", "    os.dup2(0, 9)\n    (lambda *rest: 0)(", "holds descriptor 9"),
    "shares process numbers": ('"PID": 0x20000000,', "", "(process|mount)"),
    "shares files": (
        '    _mount("tmpfs", "/tmp"',
        '    open("/tmp/x", "w")\n    (lambda *rest: 0)("tmpfs", "/tmp"',
        "finds x in /tmp",
    ),
}


@pytest.mark.parametrize("what", WEAKER)
def test_a_process_that_is_not_apart_does_not_go_on(nursery: Nursery, box: sandbox.Sandbox, tmp_path: Path, what: str) -> None:
    old, new, said = WEAKER[what]
    stage = shutil.copytree(box.stage, tmp_path / "stage")
    (stage / "child.py").write_text("TORCH = ''\n\n\ndef prepare(modules):\n    pass\n")  # nothing is to be run here
    text = (stage / "apart.py").read_text()
    assert text.count(old) == 1
    (stage / "apart.py").write_text(text.replace(old, new))
    tmp_path.chmod(0o755)
    with pytest.raises(RuntimeError, match=f"(?s)did not start.*{said}"):
        channel = replace(box, way=sandbox.ways("nursery")[0], stage=stage).start()
        try:
            channel.ready()
        finally:
            channel.close()
