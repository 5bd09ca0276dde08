"""Claims put to the test: an experiment with seeds, an estimate with an interval, and a verdict computed from both.

Chapters: every "claim" cell; the ledger page is generated from the records that these cells emit.

A claim is declared before it is run: a statement about one number, and the threshold that this number must pass. The
verdict follows from the 95 % interval alone. "Supported" means that the whole interval lies on the claimed side of the
threshold, "not supported" that the whole interval lies on the other side; anything else is "cannot tell". In particular
an interval that contains a threshold of no effect is not evidence of no effect.
"""

import html
import math
from dataclasses import asdict, dataclass

import torch
from scipy.stats import beta
from scipy.stats import t as student
from torch import Tensor

MIME = "application/vnd.course.claim+json"
KINDS = ("proved", "counterexample", "measured")
VERDICTS = {"supported": "✓", "not supported": "✗", "cannot tell": "?"}


@dataclass(frozen=True)
class Record:
    """One claim as it came out; a notebook displays it as a card and keeps the same facts as data for the ledger."""

    id: str
    statement: str
    kind: str
    threshold: str
    estimate: float
    low: float
    high: float
    unit: str
    verdict: str
    seeds: int
    repeats: str = "repeats"  # what the interval is over, such as "test digits"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {self.kind!r}")
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict must be one of {tuple(VERDICTS)}, got {self.verdict!r}")

    def __str__(self) -> str:
        return (
            f"Claim: {self.statement}\n  declared threshold: {self.threshold}\n"
            f"  {self.estimate:.3g} {self.unit}, 95 % interval [{self.low:.3g}, {self.high:.3g}] "
            f"over {self.seeds} {self.repeats}\n"
            f"  {VERDICTS[self.verdict]} {self.verdict} ({self.kind})"
        )

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        threshold, measured = (html.escape(line.strip()) for line in str(self).splitlines()[1:3])
        verdict = f"{VERDICTS[self.verdict]} {self.verdict}"
        card = (  # closed at first, so that a reader can bet
            f'<div class="course-claim"><p><strong>Claim.</strong> {html.escape(self.statement)}</p><p>{threshold}</p>'
            "<details><summary>What came out</summary>"
            f"<p>{measured}</p><p><strong>{verdict}</strong> ({self.kind})</p></details></div>"
        )
        return {MIME: asdict(self), "text/html": card, "text/plain": str(self)}


def decide(low: float, high: float, *, above: float = -math.inf, below: float = math.inf) -> str:
    """The verdict on "the quantity lies above `above` and below `below`", given its interval `[low, high]`.

    Raises ValueError if neither bound is given, the bounds leave no room, or `low > high`.

    >>> decide(0.8, 0.9, above=0.5), decide(0.4, 0.6, above=0.5), decide(0.8, 0.9, below=0.5)
    ('supported', 'cannot tell', 'not supported')
    >>> decide(0.45, 0.55, above=0.4, below=0.6)
    'supported'
    """
    if math.isinf(above) and math.isinf(below) or not above < below:
        raise ValueError(f"above and below must bound a range, got above={above}, below={below}")
    if not low <= high:
        raise ValueError(f"low must be at most high, got [{low}, {high}]")
    if low > above and high < below:
        return "supported"
    return "not supported" if high < above or low > below else "cannot tell"


def mean_interval(samples: Tensor, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of independent `samples` `(m,)` and its Student-t interval `mean +- t_{m-1} s / sqrt(m)`.

    Raises ValueError for fewer than two samples.

    >>> mean_interval(torch.tensor([1.0, 1.0, 1.0]))
    (1.0, 1.0, 1.0)
    """
    samples = torch.as_tensor(samples, dtype=torch.float64)
    if samples.dim() != 1 or len(samples) < 2:
        raise ValueError(f"samples must be a vector of at least two values, got shape {tuple(samples.shape)}")
    mean = samples.mean().item()
    reach = student.ppf(0.5 + level / 2, len(samples) - 1) * samples.std().item() / len(samples) ** 0.5
    return mean, mean - float(reach), mean + float(reach)


def corrected_interval(differences: Tensor, ratio: float, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of `differences` `(J,)` from overlapping splits of one data set, and its corrected resampled t interval.

    mean +- t_{J-1} s sqrt(1/J + ratio), with s^2 the sample variance (divisor J - 1) and `ratio` = test rows / training rows
    of a split (Nadeau & Bengio, 2003). The naive interval lacks the ratio: it takes splits that share training rows for
    independent ones, and shrinks to nothing as repeats are added. The correction is a heuristic: no unbiased estimate of the
    variance of cross-validation exists (Bengio & Grandvalet, 2004). Raises ValueError for fewer than two differences, a
    ratio that is not positive or a level outside (0, 1).

    >>> [round(end, 3) for end in corrected_interval(torch.tensor([0.1, 0.3]), ratio=0.25)]
    [0.2, -1.356, 1.756]
    """
    differences = torch.as_tensor(differences, dtype=torch.float64)
    if differences.dim() != 1 or len(differences) < 2:
        raise ValueError(f"differences must be a vector of at least two, got shape {tuple(differences.shape)}")
    if not ratio > 0:
        raise ValueError(f"ratio must be test rows / training rows > 0, got {ratio}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    mean, count = differences.mean().item(), len(differences)
    reach = float(student.ppf(0.5 + level / 2, count - 1)) * differences.std().item() * (1 / count + ratio) ** 0.5
    return mean, mean - reach, mean + reach


def share_interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float, float]:
    """A share of independent yes-or-no `trials` and its exact interval, which holds for any share and any number of trials.

    Clopper & Pearson (1934). Use it where most trials end alike: Student's interval is too short there.
    Raises ValueError unless 0 <= successes <= trials and trials >= 1.

    >>> [round(bound, 3) for bound in share_interval(39, 40)]
    [0.975, 0.868, 0.999]
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"successes must lie between 0 and trials >= 1, got {successes} of {trials}")
    tail, failures = (1 - level) / 2, trials - successes
    low = float(beta.ppf(tail, successes, failures + 1)) if successes else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, failures)) if failures else 1.0
    return successes / trials, low, high
