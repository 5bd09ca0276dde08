"""Verdicts follow from the interval, intervals cover what they should, records carry their facts."""

import math

import pytest
import torch
from scipy.stats import binom
from scipy.stats import t as student

from course_lib.claims.core import MIME, Record, corrected_interval, decide, mean_interval, share_interval

FACTS = dict(
    id="part/topic/claim", statement="a < b", kind="measured", threshold="above 0.5", estimate=0.7, low=0.6, high=0.8,
    unit="of rows", verdict="supported", seeds=10, repeats="rows",
)  # fmt: skip


@pytest.mark.parametrize(
    "low, high, bounds, verdict",
    [
        (0.6, 0.8, {"above": 0.5}, "supported"),
        (0.5, 0.8, {"above": 0.5}, "cannot tell"),
        (0.1, 0.4, {"above": 0.5}, "not supported"),
        (0.6, 0.8, {"below": 0.5}, "not supported"),
        (0.45, 0.55, {"above": 0.4, "below": 0.6}, "supported"),
        (0.45, 0.65, {"above": 0.4, "below": 0.6}, "cannot tell"),
        (0.7, 0.75, {"above": 0.4, "below": 0.6}, "not supported"),
    ],
)
def test_verdicts(low, high, bounds, verdict):
    assert decide(low, high, **bounds) == verdict


def test_an_interval_around_the_threshold_of_no_effect_proves_nothing():
    assert decide(-0.1, 0.1, above=0.0) == "cannot tell" == decide(-0.1, 0.1, below=0.0)


@pytest.mark.parametrize("bounds, words", [({}, "bound a range"), ({"above": 1.0, "below": 0.0}, "bound a range")])
def test_bounds_must_make_sense(bounds, words):
    with pytest.raises(ValueError, match=words):
        decide(0.0, 1.0, **bounds)


def test_an_interval_must_be_one():
    with pytest.raises(ValueError, match="low must be at most high"):
        decide(1.0, 0.0, above=0.5)
    with pytest.raises(ValueError, match="at least two values"):
        mean_interval(torch.ones(1))


def test_intervals_cover_the_mean_as_often_as_they_say():
    samples = torch.randn(2000, 8, generator=torch.Generator().manual_seed(0)).double()
    covered = [low <= 0 <= high for _, low, high in map(mean_interval, samples)]
    assert 0.93 < sum(covered) / len(covered) < 0.97


def test_the_interval_of_a_share_covers_it_at_least_as_often_as_it_says():
    """All outcomes of 40 trials, each with its probability."""
    for share in (0.02, 0.5, 0.95):
        outcomes = binom.pmf(range(41), 40, share)
        intervals = [share_interval(successes, 40) for successes in range(41)]
        assert sum(p for p, (_, low, high) in zip(outcomes, intervals, strict=True) if low <= share <= high) >= 0.95
    assert share_interval(0, 5)[1] == 0.0 and share_interval(5, 5)[2] == 1.0
    with pytest.raises(ValueError, match="successes must lie between"):
        share_interval(6, 5)


def test_a_record_shows_a_card_and_keeps_its_facts():
    bundle = Record(**FACTS)._repr_mimebundle_()
    assert bundle[MIME] == FACTS
    assert "a &lt; b" in bundle["text/html"] and "✓ supported" in bundle["text/html"]
    assert "[0.6, 0.8]" in bundle["text/plain"]


@pytest.mark.parametrize("field", ["kind", "verdict"])
def test_unknown_kinds_and_verdicts_are_refused(field):
    with pytest.raises(ValueError, match=f"{field} must be one of"):
        Record(**FACTS | {field: "probably"})


def test_the_corrected_interval_is_the_naive_one_times_its_factor(dtype):
    d = torch.randn(12, generator=torch.Generator().manual_seed(0)).to(dtype)
    mean, low, high = corrected_interval(d, 0.25, level=0.9)
    naive = student.ppf(0.95, 11) * d.std().item() / math.sqrt(12)
    assert mean == pytest.approx(d.double().mean().item()) and high - mean == pytest.approx(mean - low)
    assert (high - mean) / naive == pytest.approx(math.sqrt(1 + 12 * 0.25), rel=1e-5)
    narrow = corrected_interval(d, 1e-12, level=0.9)
    assert narrow[2] - narrow[1] == pytest.approx(2 * naive, rel=1e-5), "without overlap it is Student's"
    for bad in ((d[:1], 0.25, 0.9), (d, 0.0, 0.9), (d, 0.25, 1.0), (d[None], 0.25, 0.9)):
        with pytest.raises(ValueError, match="must"):
            corrected_interval(*bad)
