"""What the chapter on data geometry states; its demo and its claims."""

import math

import matplotlib.pyplot as plt
import pytest
import torch
from scipy.integrate import quad
from scipy.special import betainc

from course_lib.claims.frontiers import data_geometry as claims
from course_lib.demos.frontiers import data_geometry as demos
from course_lib.frontiers import curves, discs
from course_lib.frontiers.nearest import relative_error


def test_covers_of_samples_keep_the_upper_bound_and_the_order_of_curvatures():
    for radius in (2.0, 3.0):
        sizes = [claims.cover_size(kind, radius, 0.5, 0) for kind in discs.KINDS]
        assert sizes[0] < sizes[1] < sizes[2]
        for kind, size in zip(discs.KINDS, sizes, strict=True):
            low, high = discs.cover_bounds(kind, radius, 0.5)
            assert low < size < high


@pytest.mark.parametrize("d", [2, 3, 7])
def test_share_of_a_cap_of_the_sphere(d):
    """The formula of the chapter, against the integral of sin^(d-1)."""
    for r in (0.25, 0.5, 1.2):
        truth = quad(lambda t: math.sin(t) ** (d - 1), 0, r)[0] / quad(lambda t: math.sin(t) ** (d - 1), 0, math.pi)[0]
        assert betainc(d / 2, 0.5, math.sin(r) ** 2) / 2 == pytest.approx(truth, rel=1e-8)
    assert betainc(1, 0.5, math.sin(0.5) ** 2) / 2 == pytest.approx(discs.disc_area("sphere", 0.5) / (4 * math.pi))


def test_the_folded_curve_has_the_length_of_the_one_pulled_straight():
    folded = curves.hilbert_curve(claims.ORDER)
    assert curves.straight(folded.length).length == folded.length
    assert claims.error_on("straight", 60, 1) == relative_error(curves.straight(folded.length), 60, 1)
    assert claims.error_on("order 3", 60, 1) == relative_error(curves.hilbert_curve(3), 60, 1)
    assert claims.error_on("circle", 60, 1) == relative_error(curves.circle(), 60, 1)


def test_folding_one_coordinate_of_a_sphere_stretches_nothing():
    """(gamma(x), y, z) with gamma walked at speed one: steps on the sphere stay as long as they were."""
    gamma = curves.hilbert_curve(4)
    t = torch.linspace(0, math.pi, 2001, dtype=torch.float64)
    path = torch.stack([t.cos(), t.sin() * math.cos(0.3), t.sin() * math.sin(0.3)], 1)  # half a great circle
    folded = torch.cat([gamma.at(path[:, 0] + 2), path[:, 1:]], 1)
    lengths = [(x[1:] - x[:-1]).norm(dim=1).sum().item() for x in (path, folded)]
    assert lengths == pytest.approx([math.pi, math.pi], rel=1e-3)
    assert (folded[0] - folded[-1]).norm() < 1 < (path[0] - path[-1]).norm()


def test_growth_rate_is_a_slope(monkeypatch):
    monkeypatch.setattr(claims, "cover_size", lambda kind, radius, r, seed: 7 * math.exp(1.3 * radius))
    assert claims.growth_rate("plane", (1.0, 2.0, 4.0), 1.0, 0) == pytest.approx(1.3)


def test_growth_rate_of_small_hyperbolic_discs_is_above_that_of_the_plane():
    radii = (2.0, 3.0, 4.0)
    rates = [claims.growth_rate(kind, radii, 0.8, 0) for kind in discs.KINDS]
    assert rates[0] < rates[1] < rates[2]


def test_the_claim_on_curves_compares_folded_with_straight_at_fresh_seeds(monkeypatch):
    errors, asked = {"order 5": torch.tensor([0.4, 0.8]), "straight": torch.tensor([0.1, 0.1])}, []
    monkeypatch.setattr(claims, "errors_on", lambda shape, *rest: asked.append(rest) or errors[shape].double())
    record = claims.folding_alone_is_harder(2)
    assert asked == 2 * [(800, 2, 1000)]
    assert record.estimate == pytest.approx(math.sqrt(4 * 8), rel=1e-5)  # geometric mean of the ratios
    assert record.id == "frontiers/data_geometry/folding_alone_is_harder" and record.verdict == "cannot tell"
    assert record.low <= record.estimate <= record.high


def test_the_claim_on_positive_curvature_compares_discs_of_one_radius(monkeypatch):
    sizes, asked = {"sphere": [30, 40], "plane": [40, 50]}, []

    def size(kind, radius, r, seed):
        asked.append((radius, r))
        return sizes[kind][seed - claims.FIRST_SEED]

    monkeypatch.setattr(claims, "cover_size", size)
    record = claims.positive_curvature_needs_fewer_discs(2)
    assert record.estimate == pytest.approx(math.sqrt(0.75 * 0.8)) and set(asked) == {(2.0, 0.5)}
    assert record.verdict == "cannot tell" and record.low < record.estimate < 0.85 < record.high


def test_the_threshold_is_halfway_to_the_ratio_of_areas():
    sphere = (1 - math.cos(2)) / (1 - math.cos(0.5))
    assert claims.halfway(2.0, 0.5) ** 2 == pytest.approx(sphere / 16)


def test_errors_start_at_a_seed_of_choice():
    found = claims.errors_on("circle", 60, 2, 7).tolist()
    assert found == [relative_error(curves.circle(), 60, seed) for seed in (7, 8)]


def test_claims_at_a_small_size():
    record = claims.hyperbolic_covers_grow_exponentially(seeds=2, radii=(3.0, 4.0))
    assert record.id == "frontiers/data_geometry/hyperbolic_covers_grow_exponentially"
    assert record.low <= record.estimate <= record.high and 0.8 < record.estimate < 1.3
    assert claims.positive_curvature_needs_fewer_discs(seeds=3).estimate < 0.85


def test_centres_of_a_cover_lie_in_their_disc_and_apart():
    for kind in discs.KINDS:
        centres = claims.cover(kind, 2.0, 0.5, 0)
        d = discs.geodesic_distance(kind, centres, centres).fill_diagonal_(9)
        assert len(centres) == claims.cover_size(kind, 2.0, 0.5, 0)
        assert centres[:, 0].max() <= 2 and d.min() > 0.5


def test_demo_draws_and_describes_its_corners(monkeypatch):
    monkeypatch.setattr(demos, "SEEDS", 2)
    demo = demos.folding()
    assert len(demo.points()) <= 24
    words = [demo.describe(**point) for point in demo.points()]
    assert len(set(words)) == len(words)
    frames = {demo.frame(**point) for point in demo.corners()}
    assert len(frames) == len(demo.corners())
    plt.close("all")


def test_far_off_labels_of_the_demo_become_fewer_with_points():
    off = [(demos.fit("order 5", points)[2] > demos.WRONG).double().mean() for points in (50, 3200)]
    assert off[0] > 0.3 > 0.05 > off[1]
