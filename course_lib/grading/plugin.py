"""A pytest plugin: writes what nbval said about each cell as soon as it is known. `COURSE_GRADING_OUTCOMES` names the file."""

import json
import os

import pytest


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """One line for each cell: its number among the code cells, and whether it passed."""
    path = os.environ.get("COURSE_GRADING_OUTCOMES")
    trouble = report.when != "call" and not report.passed
    if not path or (report.when != "call" and not trouble):
        return
    passed = report.passed and not hasattr(report, "wasxfail")
    text = "" if passed else str(report.longrepr)[:2000]
    line = json.dumps({"cell": int(report.nodeid.rpartition("Cell ")[2]), "passed": passed, "text": text})
    with open(path, "a", encoding="utf8") as file:
        file.write(line + "\n")
