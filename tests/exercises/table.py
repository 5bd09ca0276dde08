"""One table for all exercises at the end of the session: how many mutants were killed, how long a check takes."""

import pytest


def write_table(terminalreporter: pytest.TerminalReporter) -> None:
    rows: dict[str, dict[str, object]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for key, value in getattr(report, "user_properties", []):
                if key.startswith("exercise:"):
                    rows.setdefault(key.removeprefix("exercise:"), {}).update(value)
    if not rows:
        return
    terminalreporter.section("exercises")
    heads = ("mistakes", "mutants", "killed", "equivalent", "check ms")
    terminalreporter.line(f"{'exercise':<54}" + "".join(f"{head:>11}" for head in heads))
    totals = dict.fromkeys(("mistakes", "mutants", "killed", "equivalent"), 0)
    for exercise, row in sorted(rows.items()):
        for key in totals:
            totals[key] += row.get(key, 0)
        numbers = "".join(f"{row.get(key, '-'):>11}" for key in totals)
        terminalreporter.line(f"{exercise:<54}{numbers}{row.get('milliseconds', float('nan')):>11.1f}")
    if totals["mutants"]:
        counted = totals["mutants"] - totals["equivalent"]
        rate = 100 * totals["killed"] / max(counted, 1)
        terminalreporter.line(f"kill rate: {rate:.1f} % of {counted} mutants that are not equivalent")
