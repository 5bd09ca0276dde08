"""A sandbox for the tests. Where none works, they fail and say how to get one: a grader that was not tried is not tested."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from course_lib.grading import sandbox, staging
from course_lib.grading.channel import Limits

LIMITS = Limits(call=10.0, exercise=60.0, submission=400.0, processor=3, memory_mb=1500, processes=20, disk_mb=32, file_mb=8)


@pytest.fixture(scope="session")
def stage() -> Iterator[Path]:
    with staging.staged() as name:
        yield Path(name)


@pytest.fixture(scope="session")
def box(stage: Path) -> sandbox.Sandbox:
    """The kind of sandbox that works here."""
    try:
        return sandbox.choose(stage, LIMITS)
    except sandbox.NoSandbox as reason:
        pytest.fail(f"grading cannot be tested on this machine.\n{reason}")
