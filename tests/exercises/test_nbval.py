"""What nbval says of the exercise notebooks: solved, untouched, wrongly solved."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import nbformat
import pytest

from course_lib.checks.core import Mistake, find
from tests.exercises import nbval, notebooks

TOPICS = notebooks.topics()
SOLVED_SECONDS = 60


def part_of(topic: str) -> str:
    return topic.partition("/")[0]


def mistakes_of(part: str) -> list[tuple[str, Mistake]]:
    """The catalogued mistakes of a part of the book, with their topics."""
    return [(topic, mistake) for topic in TOPICS if part_of(topic) == part for mistake in notebooks.mistakes(topic)]


def name_of(kind: str, topic: str) -> str:
    return f"{kind}_{topic.replace('/', '_')}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, list[nbval.CellResult]]]:
    """One run of nbval for a part: each notebook as committed and solved, one wrongly solved, and all mistakes."""

    @cache
    def results(part: str) -> dict[str, list[nbval.CellResult]]:
        copies = {}
        for topic in (topic for topic in TOPICS if part_of(topic) == part):
            copies[name_of("stubs", topic)] = notebooks.read(topic)
            copies[name_of("solved", topic)] = notebooks.inject(notebooks.read(topic), notebooks.solutions(topic))
        found = mistakes_of(part)
        topic, first = found[0]
        one_wrong = notebooks.solutions(topic) | {first.exercise: notebooks.mistake_source(topic, first)}
        copies["wrong"] = notebooks.inject(notebooks.read(topic), one_wrong)
        copies["mistakes"] = notebooks.batch(
            (mistake.exercise, notebooks.mistake_source(topic, mistake)) for topic, mistake in found
        )
        return nbval.run(copies, tmp_path_factory.mktemp("nbval"))

    return results


@pytest.mark.parametrize("topic", TOPICS)
def test_the_solved_notebook_passes(run: Callable, topic: str) -> None:
    cells = run(part_of(topic))[name_of("solved", topic)]
    assert len(cells) == sum(cell.cell_type == "code" for cell in notebooks.read(topic).cells)
    assert [cell.report for cell in cells if not cell.passed] == []
    assert sum(cell.seconds for cell in cells) < SOLVED_SECONDS


@pytest.mark.parametrize("topic", TOPICS)
def test_every_check_of_the_committed_notebook_fails(run: Callable, topic: str) -> None:
    for result in run(part_of(topic))[name_of("stubs", topic)]:
        if notebooks.check_of(result.cell):
            assert not result.passed and "not written yet" in result.report
        elif notebooks.exercise_of(result.cell) or "setup" in result.cell.metadata.get("tags", []):
            assert result.passed, result.report


# Ids with a slash, as topics have, so that all tests of a part run in one process (tests/conftest.py).
PARTS = pytest.mark.parametrize("part", sorted(set(map(part_of, TOPICS))), ids=lambda part: f"{part}/all")


@PARTS
def test_only_the_check_of_the_wrong_answer_fails(run: Callable, part: str) -> None:
    wrong = mistakes_of(part)[0][1].exercise
    failed = [notebooks.check_of(result.cell) for result in run(part)["wrong"] if not result.passed]
    assert wrong in failed and set(failed) <= {wrong, None}  # None: a figure that is drawn from the wrong answer


@PARTS
def test_every_mistake_fails_and_shows_its_hint(run: Callable, part: str) -> None:
    checks = [result for result in run(part)["mistakes"] if notebooks.check_of(result.cell)]
    for result, (_, mistake) in zip(checks, mistakes_of(part), strict=True):
        assert not result.passed, mistake.function.__name__
        hint = find(mistake.exercise).hints.get(mistake.hint, "")
        assert hint[:60] in result.report, f"{mistake.function.__name__}: {result.report}"
        assert f"{mistake.points}/{find(mistake.exercise).maximum} points" in result.report


def test_a_kernel_knows_nothing_of_another(tmp_path: Path) -> None:
    """Kernels are forked from one process: each begins as that one was left."""

    def made(*sources: str) -> nbformat.NotebookNode:
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        return nbformat.v4.new_notebook(metadata=notebooks.METADATA, cells=cells)

    found = nbval.run(
        {
            "a": made("import os, torch; torch.seen = 1", "os.environ['SEEN'] = '1'"),
            "b": made("import os, torch; assert not hasattr(torch, 'seen') and 'SEEN' not in os.environ", "1 / 0"),
        },
        tmp_path,
    )
    assert [result.passed for result in found["a"]] == [True, True]
    assert [result.passed for result in found["b"]] == [True, False]
    assert "ZeroDivisionError" in found["b"][1].report
