"""Every attack gets nothing for the exercise it is aimed at, costs no other, and leaves the machine as it was.

All run in one batch under nbval, as a class would: what one submission does must not reach the next.
"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_lib.grading import batches, sandbox
from course_lib.grading.course import notebook
from course_lib.grading.finding import Answers
from tests.grading import attacks
from tests.grading.conftest import LIMITS
from tests.grading.made import TARGET, TOPIC

GROUPS = notebook(TOPIC)
WORD = "a-word-of-the-teacher's"
NAMES = list(attacks.all_of(attacks.Target(GROUPS, Path("secret"), Path("folder"), 1, WORD)))


@pytest.fixture(scope="module")
def class_of_attackers(box: sandbox.Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The results of all attacks, each followed by three right answers, and what is left on the machine."""
    folder = tmp_path_factory.mktemp("teacher")
    (folder / "secret.txt").write_text("secret")
    (folder / "work").mkdir()
    (folder / "work" / "kept.txt").write_text("kept")
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEACHERS_WORD", WORD)
        port = listener.getsockname()[1]
        catalogue = attacks.all_of(attacks.Target(GROUPS, folder / "secret.txt", folder / "work", port, WORD))
        submissions = [Answers(GROUPS.solutions | {TARGET: source}) for source in catalogue.values()]
        setting = batches.Setting(TOPIC, box.way, str(box.stage), 1, LIMITS, box.image, ahead=1)
        results = dict(batches.run(GROUPS, setting, submissions))
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()
    yield SimpleNamespace(results=dict(zip(catalogue, results.values(), strict=True)), folder=folder)


@pytest.mark.parametrize("name", NAMES)
def test_an_attack_gets_nothing_and_costs_no_other_exercise(class_of_attackers, name: str) -> None:
    results = class_of_attackers.results[name]
    assert results[TARGET].points == 0, results[TARGET]
    assert results[TARGET].nbval == "failed" and results[TARGET].messages
    others = [result for exercise, result in results.items() if exercise != TARGET]
    assert all(result.points == result.maximum and result.nbval == "passed" for result in others), others
    for message in results[TARGET].messages:
        assert message.isprintable() and len(message) <= 400


def test_nothing_is_left_of_the_attacks(class_of_attackers) -> None:
    assert sorted(path.name for path in class_of_attackers.folder.rglob("*")) == ["kept.txt", "secret.txt", "work"]
    assert attacks.SLEEPER not in processes()


def processes() -> str:
    """The command lines of all processes of this machine."""
    lines = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            lines.append(Path("/proc", name, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            pass
    return "\n".join(lines)


@pytest.mark.parametrize(
    "name, words",
    [
        ("loops", "too long"),
        ("stops with a segmentation fault", "SIGSEGV"),
        ("exits", "exit 0"),
        ("asks for eight gigabytes", "MemoryError"),
        ("fills memory with a family", "too much memory"),
        ("returns forty megabytes", "carried as plain data"),
        ("calls sys.exit", "SystemExit"),
    ],
)
def test_a_student_learns_what_stopped_the_answer(class_of_attackers, name: str, words: str) -> None:
    assert words in class_of_attackers.results[name][TARGET].messages[0]
