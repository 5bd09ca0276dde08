"""What all tests share: one thread, no window for figures, and both precisions."""

import re

import matplotlib
import pytest
import torch
from xdist.scheduler import LoadScopeScheduling

from tests.book.fixtures import base, browser, site, tab
from tests.colab import table as colab
from tests.exercises import table as exercises

__all__ = ["base", "browser", "site", "tab"]  # fixtures; one browser in a process, whichever folders ask for it

matplotlib.use("Agg")
torch.set_num_threads(1)


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    """Every numeric test that asks for it runs in both precisions."""
    return request.param


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tables at the end. Here, because of several processes the one that prints loads no conftest.py but this."""
    exercises.write_table(terminalreporter)
    colab.write_table(terminalreporter)


class ByTopic(LoadScopeScheduling):
    """A module's tests stay in one process, because of what they share, but for two modules that would take the longest.

    The answers are shared out topic by topic, what nbval says of them part by part.
    """

    def _split_scope(self, nodeid: str) -> str:
        found = re.search(r"test_answers\.py::.*\[(\w+/\w+)|(test_nbval)\.py::.*\[(\w+)/", nodeid)
        return " ".join(filter(None, found.groups())) if found else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByTopic:
    """What `--dist loadscope` would use, with `ByTopic` in its place."""
    return ByTopic(config, log)
