"""Measuring CPU time, and one row of the table."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """Two times in ms. `least`: the ratio theirs / ours that we promise; `most`: the ratio ours / theirs."""

    what: str
    against: str
    size: str
    ours: float
    theirs: float
    least: float | None = None
    most: float | None = None
    our_error: float | None = None
    their_error: float | None = None

    @property
    def ratio(self) -> float:
        """How many times slower they are, or which share of their time we take if `most` is given."""
        return self.theirs / self.ours if self.most is None else self.ours / self.theirs

    @property
    def target(self) -> str:
        """What we promise of the ratio."""
        return f">= {self.least:g}" if self.most is None else f"<= {self.most:g}"

    @property
    def missed(self) -> bool:
        """Whether the promise is broken."""
        return self.ratio < self.least if self.most is None else self.ratio > self.most


def milliseconds(*runs: Callable[[], object], repeats: int = 5, shortest: float = 0.02) -> list[float]:
    """CPU time of each run after a warm one: minimum of `repeats` turns of at least `shortest` seconds each. The runs
    take turns, so that a busy machine is equally unkind to all."""
    counts = [_warm(run, shortest) for run in runs]
    best = [float("inf")] * len(runs)
    for _ in range(repeats):
        for k, (run, count) in enumerate(zip(runs, counts, strict=True)):
            start = time.process_time()
            for _ in range(count):
                run()
            best[k] = min(best[k], 1000 * (time.process_time() - start) / count)
    return best


def _warm(run: Callable[[], object], shortest: float) -> int:
    """Run once for what is compiled or cached, and once for the number of runs that a turn needs."""
    run()
    start = time.process_time()
    run()
    return max(1, round(shortest / max(time.process_time() - start, 1e-6)))
