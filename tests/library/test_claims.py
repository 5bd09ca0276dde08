"""Verdicts follow from the interval, intervals cover what they should, records carry their facts."""

import pytest
import torch
from scipy.stats import binom

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


def test_overlapping_splits_get_a_wider_interval():
    samples = torch.randn(12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mean, low, high = mean_interval(samples)
    assert corrected_interval(samples, 1e-12) == pytest.approx((mean, low, high))
    wide = corrected_interval(samples, 0.5)
    assert (wide[2] - wide[1]) / (high - low) == pytest.approx((1 + 12 * 0.5) ** 0.5)


@pytest.mark.parametrize(
    "bad, words",
    [((torch.ones(1), 0.25), "at least two"), ((torch.ones(3), 0.0), "ratio"), ((torch.ones(3), 0.2, 1.0), "level")],
)
def test_the_corrected_interval_names_what_is_wrong(bad, words):
    with pytest.raises(ValueError, match=words):
        corrected_interval(*bad)
