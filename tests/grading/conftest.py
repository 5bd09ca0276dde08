"""A sandbox for the tests. Where none works, those that need it fail and say how to get one: untried is untested."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from course_lib.grading import sandbox, staging
from tests.grading.made import LIMITS


@pytest.fixture(scope="session")
def stage() -> Iterator[Path]:
    with staging.staged() as name:
        yield Path(name)


@pytest.fixture(scope="session")
def box(stage: Path) -> sandbox.Sandbox:
    """The kind of sandbox that works here."""
    return _chosen(stage, "auto")


@pytest.fixture(scope="session")
def fresh(stage: Path, box: sandbox.Sandbox) -> sandbox.Sandbox:
    """The same without a nursery."""
    return _chosen(stage, "bwrap") if box.way in sandbox.NURSERIES else box


def _chosen(stage: Path, kind: str) -> sandbox.Sandbox:
    try:
        return sandbox.choose(stage, LIMITS, kind)
    except sandbox.NoSandbox as reason:
        pytest.fail(f"grading cannot be tested on this machine.\n{reason}", pytrace=False)
