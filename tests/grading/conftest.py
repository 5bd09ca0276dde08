"""A sandbox for the tests. Where none works one test fails and says how to get one; those that need it are skipped, but
never where `CI` is set: a grader that was not tried is not tested."""

import os
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
def found(stage: Path) -> sandbox.Sandbox | sandbox.NoSandbox:
    """The kind of sandbox that works here, or why none does."""
    try:
        return sandbox.choose(stage, LIMITS)
    except sandbox.NoSandbox as reason:
        return reason


@pytest.fixture(scope="session")
def box(found: sandbox.Sandbox | sandbox.NoSandbox) -> sandbox.Sandbox:
    """The kind of sandbox that works here."""
    if isinstance(found, sandbox.Sandbox):
        return found
    if os.environ.get("CI"):
        pytest.fail(f"grading cannot be tested on this machine.\n{found}")
    pytest.skip("no sandbox works here: see test_a_sandbox_works_here")
