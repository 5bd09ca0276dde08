"""Every attack gets nothing for the exercise it is aimed at, costs no other, and leaves the machine as it was.

All run in one batch under nbval, as a class would: what one submission does must not reach the next. A submission holds
an attack for each exercise but one, since each sandbox that is started costs seconds of the processor.
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
from tests.grading.made import LIMITS

WHOLE = notebook("start/warmup")  # the one with most exercises; without those for which torch loads half of itself
PUBLISHED = WHOLE.only([name for name in WHOLE.exercises if "torch.func" not in WHOLE.solutions[name]])
SOLUTIONS = {name: PUBLISHED.solutions[name] for name in PUBLISHED.exercises}
WORD = "a-word-of-the-teacher's"
NOWHERE = attacks.Target(PUBLISHED, Path("secret"), Path("folder"), 1, WORD)
QUIET = [*attacks.CHEATING, *attacks.prying(NOWHERE)]
ALL, MANY = [*QUIET, *attacks.DESTRUCTIVE], len(PUBLISHED.exercises) - 1
GROUPS = [ALL[k : k + MANY] for k in range(0, len(ALL), MANY)]
AIMED = {name: (group, PUBLISHED.exercises[k]) for group, names in enumerate(GROUPS) for k, name in enumerate(names)}


@pytest.fixture(scope="module")
def attacked(box: sandbox.Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The results of all submissions, and the folder that the attacks are after."""
    folder = tmp_path_factory.mktemp("teacher")
    (folder / "secret.txt").write_text("secret")
    (folder / "work").mkdir()
    (folder / "work" / "kept.txt").write_text("kept")
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEACHERS_WORD", WORD)
        target = attacks.Target(PUBLISHED, folder / "secret.txt", folder / "work", listener.getsockname()[1], WORD)
        submissions = [Answers(dict(SOLUTIONS)) for _ in GROUPS]
        for name, (group, exercise) in AIMED.items():
            submissions[group].cells[exercise] = attacks.all_of(target, exercise)[name]
        control = attacks.words(PUBLISHED, PUBLISHED.exercises[0], {"x": attacks.reward("got = True")})["x"]
        submissions.append(Answers(SOLUTIONS | {PUBLISHED.exercises[0]: control}))
        setting = batches.Setting(WHOLE.topic, box.way, str(box.stage), 1, LIMITS, box.image, 1, PUBLISHED.modules)
        results = dict(batches.run(PUBLISHED, setting, submissions))
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()
    yield SimpleNamespace(results=results, folder=folder)


@pytest.mark.parametrize("name", AIMED)
def test_an_attack_gets_nothing(attacked: SimpleNamespace, name: str) -> None:
    group, exercise = AIMED[name]
    result = attacked.results[group][exercise]
    assert (result.points, result.nbval) == (0, "failed"), result
    assert result.messages and all(message.isprintable() and len(message) <= 400 for message in result.messages)


@pytest.mark.parametrize("group", range(len(GROUPS)), ids=lambda group: GROUPS[group][0])
def test_the_other_exercises_are_graded(attacked: SimpleNamespace, group: int) -> None:
    aims = [AIMED[name][1] for name in GROUPS[group]]
    others = [result for exercise, result in attacked.results[group].items() if exercise not in aims]
    assert others and all(result.points == result.maximum and result.nbval == "passed" for result in others), others


def test_an_attack_that_worked_would_get_points(attacked: SimpleNamespace) -> None:
    assert all(result.points == result.maximum for result in attacked.results[len(GROUPS)].values())


def test_nothing_is_left_of_the_attacks(attacked: SimpleNamespace) -> None:
    assert sorted(path.name for path in attacked.folder.rglob("*")) == ["kept.txt", "secret.txt", "work"]
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
        ("fills memory with a family", "too "),  # much memory, or too long: what comes first depends on the machine
        ("fills the disk", "No space left"),
        ("starts five hundred threads", "can't start new thread"),
        ("returns forty megabytes", "carried as plain data"),
        ("calls sys.exit", "SystemExit"),
    ],
)
def test_a_student_learns_what_stopped_the_answer(attacked: SimpleNamespace, name: str, words: str) -> None:
    group, exercise = AIMED[name]
    assert words in attacked.results[group][exercise].messages[0]
