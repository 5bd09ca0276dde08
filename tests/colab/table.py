"""What the simulated Colab took, at the end of the session."""

import pytest


def write_table(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    rows = [row for report in reports for row in getattr(report, "user_properties", []) if row[0].endswith(", seconds")]
    if rows:
        terminalreporter.section("simulated Colab")
        for name, seconds in dict(rows).items():
            terminalreporter.line(f"{name:<60}{seconds:>8.1f}")
