"""What all tests share: one thread, no window for figures, and both precisions."""

import matplotlib
import pytest
import torch

from tests.colab import table as colab
from tests.exercises import table as exercises

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
