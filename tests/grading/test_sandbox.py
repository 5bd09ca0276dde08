"""The sandbox: the commands that start one, what happens where none works, and a self-test that notices one that leaks."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib.grading import batches, cli, sandbox, selftest
from course_lib.grading.channel import Channel, Limits, Stopped
from course_lib.grading.course import notebook
from course_lib.grading.processes import Started, descendants
from tests.grading.made import LIMITS, TARGET, TOPIC

STAGE = Path("/stage")


def following(words: list[str], option: str) -> list[str]:
    """What stands after each occurrence of an option."""
    return [words[index + 1] for index, word in enumerate(words[:-1]) if word == option]


@pytest.mark.parametrize("way", ["docker", "podman"])
def test_the_command_of_a_container(way: str) -> None:
    limits = Limits(memory_mb=700, processes=9, disk_mb=5)
    words = sandbox.container(way, "course-1", STAGE, limits, "an-image")
    assert words[:2] == [way, "run"] and "--rm" in words and "--interactive" in words and "--read-only" in words
    wanted = {
        "--network": "none", "--cap-drop": "ALL", "--user": "65534:65534", "--pids-limit": "9", "--memory": "700m",
        "--memory-swap": "700m", "--security-opt": "no-new-privileges", "--name": "course-1", "--volume": "/stage:/course:ro",
    }  # fmt: skip
    assert {option: following(words, option)[0] for option in wanted} == wanted
    assert words[words.index("an-image") :] == ["an-image", "python3", "-I", "-B", "/course/worker.py", limits.for_worker()]
    assert not any("docker.sock" in word for word in words) and "--privileged" not in words


def test_a_container_is_ended_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "log"
    fake = tmp_path / "podman"
    fake.write_text(f'#!/bin/sh\necho "$1 $2" >> {log}\n[ "$1" = run ] && exec sleep 20\nexit 0\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    channel = sandbox.Sandbox("podman", STAGE, replace(LIMITS, start=3.0)).start()
    with pytest.raises(RuntimeError, match="did not start"):
        channel.ready()
    lines = log.read_text().splitlines()
    assert lines[0].startswith("run") and lines[1].startswith("kill course-")


FRESH = ("bwrap", "bwrap after mounts", "bwrap after mounts, user namespaces off", "bwrap after dropping")


@pytest.mark.parametrize("way", [*FRESH, *sandbox.NURSERIES])
def test_the_command_of_bubblewrap(way: str) -> None:
    words = sandbox.bwrap(way, STAGE, LIMITS)
    for option in ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--die-with-parent", "--new-session", "--clearenv"):
        assert option in words
    assert following(words, "--cap-drop") == ["ALL"] and following(words, "--remount-ro") == ["/dev", "/"]
    assert "/" not in following(words, "--ro-bind") and "--bind" not in words
    assert ("--disable-userns" in words) == (way in FRESH and way != "bwrap after mounts")
    assert ("CAP_SYS_ADMIN" in words) == (way == "nursery after mounts"), "until privileges are dropped, to mount /proc"
    assert f"/course/{'worker' if way in FRESH else 'cradle'}.py" in words
    tmpfs = words.index("--size")
    assert all(words.index(place) > tmpfs for place in sandbox.places())
    if "after" in way:
        users = following(words, "--reuid")
        assert int(users[0]) > 1_000_000 and "--clear-groups" in words and "--bounding-set=-all" in words
        assert sandbox.bwrap(way, STAGE, LIMITS) != words, "each sandbox is a user of its own"


def test_root_always_drops_its_privileges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name != "podman" else None)
    assert sandbox.ways() == ["nursery after mounts", *sandbox.ways("bwrap"), "docker"]
    assert all(way.startswith("bwrap after") for way in sandbox.ways("bwrap"))
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert sandbox.ways() == ["nursery", "bwrap", "docker"]
    monkeypatch.delattr(os, "pidfd_open")  # as on macOS
    assert sandbox.ways() == ["bwrap", "docker"]
    with pytest.raises(ValueError, match="sandbox must be auto or one of"):
        sandbox.ways("none")


def test_without_a_sandbox_nothing_is_graded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(sandbox.NoSandbox, match="apt install bubblewrap"):
        sandbox.choose(STAGE, LIMITS)
    assert cli.main(["doctor"]) == 2
    said = capsys.readouterr().out
    assert "bwrap: not installed" in said and "docker build" in said
    (tmp_path / "a.ipynb").write_bytes(notebook(TOPIC).path.read_bytes())
    arguments = ["grade", str(tmp_path / "a.ipynb"), "--notebook", TOPIC, "--out", str(tmp_path / "out"), "--quiet"]
    assert cli.main(arguments) == 2
    assert "nothing was graded" in capsys.readouterr().err and not (tmp_path / "out" / "grades.csv").exists()


def test_a_container_without_its_image_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "docker"
    fake.write_text("#!/bin/sh\necho 'no such image' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert sandbox.works("docker", STAGE, LIMITS) == "no such image"


# ------------------------------------------------------------------------------------------------------ a real sandbox


def test_the_harmless_attacks_are_held(box: sandbox.Sandbox, fresh: sandbox.Sandbox) -> None:
    for one in {box, fresh}:
        found = selftest.hold(one.start)
        assert len(found) >= 10 and set(found.values()) == {"held"}, (one.way, found)


def test_a_sandbox_that_leaks_is_noticed(fresh: sandbox.Sandbox) -> None:
    """The same attacks in a sandbox that has been weakened: it shares the machine's network."""

    def start() -> Channel:
        words = [word for word in sandbox.bwrap(fresh.way, fresh.stage, LIMITS) if word != "--unshare-net"]
        return Channel(Started(words), LIMITS)

    found = selftest.hold(start)
    through = {name for name, said in found.items() if said == "GOT THROUGH"}
    assert through == {"reaches the network"}, found


def test_the_worker_is_nobody_and_leaves_nothing(box: sandbox.Sandbox) -> None:
    channel = box.start()
    assert channel.ready()["ready"] != 0
    family = descendants(channel._process.pid)
    assert len(family) >= 1
    channel.ask({"do": "begin"})
    assert channel.ask({"do": "run", "label": "<x>"}, b"x = 1")[0] == {"error": "", "callable": False}
    channel.close()
    channel.close()
    assert descendants(channel._process.pid) == []


def test_a_child_that_loops_is_replaced_without_a_new_sandbox(box: sandbox.Sandbox) -> None:
    """What the clock ends, and what the processor's time ends long before the clock, even if it ignores the first signal."""
    channel = replace(box, limits=replace(LIMITS, processor=1)).start()
    deaf = b"import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    try:
        channel.ready()
        channel.ask({"do": "begin"})
        with pytest.raises(Stopped, match="too long"):
            channel.ask({"do": "run", "label": "<x>"}, b"while True: pass", 0.5)
        channel.ask({"do": "begin"})
        begin = time.monotonic()
        with pytest.raises(Stopped, match="too long"):
            channel.ask({"do": "run", "label": "<x>"}, deaf, 300.0)
        assert time.monotonic() - begin < 150
        with pytest.raises(Stopped):
            channel.ask({"do": "run", "label": "<x>"}, b"x = 1")
        channel.ask({"do": "begin"})
        assert channel.ask({"do": "run", "label": "<x>"}, b"x = 1")[0]["error"] == ""
    finally:
        channel.close()


def test_memory_of_a_whole_family_is_watched(box: sandbox.Sandbox) -> None:
    source = b"import os\nfor _ in range(4):\n    if os.fork() == 0: break\n"
    source += b"kept = bytearray(os.urandom(1)) * (250 * 2**20)\nwhile True: pass"
    channel = replace(box, limits=replace(LIMITS, memory_mb=1100, processor=30)).start()
    try:
        channel.ready()
        channel.ask({"do": "begin"})
        with pytest.raises(Stopped, match="too much memory"):
            channel.ask({"do": "run", "label": "<x>"}, source, 30.0)
    finally:
        channel.close()


def test_a_grader_that_is_wrong_grades_nobody(box: sandbox.Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    published = notebook(TOPIC).only([TARGET])
    setting = batches.Setting(TOPIC, box.way, str(box.stage), 3, LIMITS, ahead=0)
    wrong = dict(published.solutions) | {TARGET: f"# exercise: {TARGET}\ndef left_moves(*args):\n    return None"}
    monkeypatch.setitem(published.__dict__, "solutions", wrong)
    with pytest.raises(batches.GraderError, match="does not get full points here, nobody was graded"):
        selftest.passes(published, setting)


def test_nothing_of_the_teacher_is_staged(stage: Path) -> None:
    names = {path.relative_to(stage).as_posix() for path in stage.rglob("*") if path.is_file()}
    assert {"worker.py", "child.py", "course_lib/checks/codec.py", "course_lib/games/core.py"} <= names
    assert not any(part in name for name in names for part in ("checks/core", "checks/start", "claims", "grading", "solutions"))
