"""What the chapter on augmentation states; its demo and its claims."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.equivariance import augmentation as claims
from course_lib.demos.equivariance import augmentation as demos
from course_lib.equivariance import augmentation
from course_lib.groups import CyclicGroup, permutation_action, trivial_action


def test_three_lamps_in_closed_form():
    """Plain (1, 0, 0) / (1 + penalty), its average a third of that everywhere, augmented (1, 1, 1) / (1 + penalty)."""
    ring = permutation_action(CyclicGroup(3), (3,))
    x, y = torch.tensor([[1.0, 0, 0]]), torch.ones(1)

    def fit(x, y, penalty=0.5):
        return torch.linalg.solve(x.T @ x + penalty * torch.eye(3), x.T @ y)

    plain = fit(x, y)
    averaged = ring.act(ring.group.elements(), plain[None]).mean(0)[0]
    augmented = fit(*augmentation.full_orbit(x, y, ring, trivial_action(ring.group)))
    for found, truth in ((plain, [2 / 3, 0, 0]), (averaged, [2 / 9] * 3), (augmented, [2 / 3] * 3)):
        assert torch.allclose(found, torch.tensor(truth))


def test_the_smallest_network_has_minima_in_an_orbit_and_a_peak_in_their_middle():
    theta = torch.linspace(-2, 2, 401, dtype=torch.float64)
    loss = (theta.relu() - 1) ** 2 + ((-theta).relu() - 1) ** 2
    assert torch.equal(loss, loss.flip(0)) and loss.min() == pytest.approx(1)
    assert theta[loss < 1 + 1e-6].abs().allclose(torch.ones(2, dtype=torch.float64), atol=1e-3)
    assert loss[200] == 2 and loss[200] > loss[199] and loss[200] > loss[201]


def test_ridge_gaps_vanish_for_every_kind_of_group_and_only_with_the_right_penalty(monkeypatch):
    assert max(claims.ridge_gap(seed) for seed in range(8)) < 1e-10
    case = claims.random_case
    monkeypatch.setattr(claims, "random_case", lambda seed: (*case(seed)[:4], 1.0))
    assert claims.ridge_gap(0) < 1e-10

    def skew(a, b, metric):
        return (a * torch.arange(1.0, a.shape[1] + 1)) @ b.T

    monkeypatch.setattr(claims, "gaussian_kernel", skew)
    assert claims.ridge_gap(2) > 1e-3, "a kernel that the group does not respect"
    assert claims.full_orbit_ridge_is_invariant_ridge(8).verdict != "supported"


@pytest.fixture
def small(monkeypatch):
    for name, value in (("DRAWS", 3), ("MEMBERS", 4), ("HIDDEN", 8), ("STEPS", 25), ("ENSEMBLE_SIZE", 20)):
        monkeypatch.setattr(claims, name, value)
    for cached in (claims._drawn, claims._ensemble, claims._scores):
        cached.cache_clear()
    yield
    for cached in (claims._drawn, claims._ensemble, claims._scores):
        cached.cache_clear()


def test_claims_at_a_small_size(small):
    record = claims.augmented_network_still_flips(30)
    assert record.verdict == "supported" and record.seeds == 3 and 0 < record.estimate < 1
    plain, augmented = (claims.flips_and_accuracy(30, fraction)[0].mean() for fraction in (0, 1))
    assert augmented < plain - 0.2
    assert (claims.flips_and_accuracy(30, 1, averaged=True)[0] == 0).all()
    assert claims.averaging_still_helps(30).unit == "gain in accuracy"


def test_claims_on_ensembles_at_a_small_size(small):
    full, half = (sum(claims.variance_ratio(draw, fraction, 4) for draw in range(3)) / 3 for fraction in (1.0, 0.5))
    assert full == pytest.approx(0.25, abs=0.1) and half > full + 0.1
    assert claims.asymmetry_is_shared_out(0.5).verdict == "not supported"
    for inputs in ("test digits", "noise"):
        assert claims.ensemble_flips_less(inputs).estimate < 0.9
    with pytest.raises(ValueError, match="inputs must be"):
        claims.unseen("letters")


def test_the_demo_at_its_corners_and_what_it_says(monkeypatch):
    monkeypatch.setattr(demos, "STEPS", 20)
    for cached in (demos.scores, demos.measured):
        cached.cache_clear()
    demo = demos.fraction_explorer()
    assert len(demo.points()) <= 40
    frames = set()
    for point in [p for p in demo.points() if p["digits_seen"] == 25 and p["augmented"] in (0.0, 1.0)]:
        figure = demo.draw(**point)
        plt.close(figure)
        frames.add(demo.describe(**point))
    assert len(frames) == 4 and all("The answer changes on" in text for text in frames)
    said, flips, right = demos.measured(1.0, 25, 1)
    assert len(said) == 4 and 0 < flips < demos.measured(0.0, 25, 1)[1] and 0 < right < 1
    for cached in (demos.scores, demos.measured):
        cached.cache_clear()
