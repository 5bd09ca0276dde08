"""Discs, curves and nearest neighbours, against embeddings, closed forms and brute force."""

import math
from functools import partial

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import kstest

from course_lib.frontiers import curves, discs, nearest

DTYPES = [(torch.float32, 2e-5), (torch.float64, 1e-10)]
CLOSED = {
    "sphere": lambda r: 2 * math.pi * (1 - math.cos(r)),
    "plane": lambda r: math.pi * r**2,
    "hyperbolic": lambda r: 2 * math.pi * (math.cosh(r) - 1),
}


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


# ------------------------------------------------------------------------------------------------------------- discs


@pytest.mark.parametrize("kind", discs.KINDS)
@pytest.mark.parametrize("radius", [0.0, 0.01, 1.0, 2.5, 3.1])
def test_areas_are_the_closed_forms(kind, radius):
    assert discs.disc_area(kind, radius) == pytest.approx(CLOSED[kind](radius), rel=1e-9, abs=1e-12)
    circumference = {"sphere": math.sin, "plane": lambda r: r, "hyperbolic": math.sinh}[kind]
    grown = quad(lambda r: 2 * math.pi * circumference(r), 0, radius)[0]
    assert discs.disc_area(kind, radius) == pytest.approx(grown, rel=1e-9, abs=1e-12)


def test_a_disc_of_the_sphere_is_never_larger_than_the_sphere():
    assert discs.disc_area("sphere", 5.0) == pytest.approx(4 * math.pi)
    assert discs.radius_for_share("sphere", 5.0, torch.ones(1)).item() == pytest.approx(math.pi, abs=1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("kind", discs.KINDS)
def test_radii_hold_their_share_of_the_area(kind, dtype, tolerance):
    share = torch.linspace(0, 1, 11, dtype=dtype)
    radii = discs.radius_for_share(kind, 2.5, share)
    assert radii.dtype == dtype and radii[0] == 0
    found = torch.tensor([discs.disc_area(kind, r.item()) for r in radii]) / discs.disc_area(kind, 2.5)
    assert torch.allclose(found.to(dtype), share, atol=tolerance)


@pytest.mark.parametrize("kind", discs.KINDS)
def test_samples_are_uniform_by_area(kind):
    x = discs.sample_disc(kind, 3.0, 4000, _generator())
    shares = [discs.disc_area(kind, r) / discs.disc_area(kind, 3.0) for r in x[:, 0].tolist()]
    assert kstest(shares, "uniform").pvalue > 0.01
    assert kstest((x[:, 1] / (2 * math.pi)).numpy(), "uniform").pvalue > 0.01
    assert kstest((x[:, 0] / 3).numpy(), "uniform").pvalue < 1e-6  # uniform by radius it is not


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-3), (torch.float64, 1e-6)])
def test_distances_are_those_of_the_embeddings(dtype, tolerance):
    x, y = (discs.sample_disc("plane", 2.0, 30, _generator(seed), dtype) for seed in (0, 1))
    for kind in discs.KINDS:
        a, b = discs.embedded(kind, x), discs.embedded(kind, y)
        if kind == "plane":
            truth = torch.cdist(a, b)
        else:
            sign = torch.tensor([1.0, 1, 1 if kind == "sphere" else -1], dtype=dtype)
            dots = (a * sign) @ b.T
            truth = dots.clamp(-1, 1).acos() if kind == "sphere" else (-dots).clamp(min=1).acosh()
        found = discs.geodesic_distance(kind, x, y)
        assert found.dtype == dtype and torch.allclose(found, truth, atol=tolerance)


@pytest.mark.parametrize("kind", discs.KINDS)
def test_distance_is_a_metric_and_exact_for_near_points(kind):
    x = discs.sample_disc(kind, 3.0, 25, _generator(2))
    d = discs.geodesic_distance(kind, x, x)
    assert torch.allclose(d, d.T) and d.diagonal().abs().max() < 1e-12
    assert (d[:, None] <= d[:, :, None] + d[None] + 1e-9).all()
    near = torch.tensor([[1.0, 0.0], [1.0 + 1e-9, 0.0]], dtype=torch.float64)
    assert discs.geodesic_distance(kind, near[:1], near[1:]).item() == pytest.approx(1e-9, rel=1e-5)


@pytest.mark.parametrize("kind", discs.KINDS)
def test_a_greedy_cover_covers_and_its_centres_are_apart(kind):
    x = discs.sample_disc(kind, 2.0, 2000, _generator(3))
    centres = discs.greedy_cover(x, 0.5, partial(discs.geodesic_distance, kind))
    d = discs.geodesic_distance(kind, x[centres], x)
    assert d.amin(0).max() <= 0.5
    assert (d[:, centres] + torch.eye(len(centres))).min() > 0.5
    # centres cover all of the disc with the radius 0.5 + gap, if the sample is that near to every point of the disc
    probe = discs.sample_disc(kind, 2.0, 500, _generator(4))
    gap = discs.geodesic_distance(kind, probe, x).amin(1).max().item()
    assert discs.disc_area(kind, 2.0) / discs.disc_area(kind, 0.5 + gap) <= len(centres)
    assert len(centres) <= discs.cover_bounds(kind, 2.0, 0.5)[1]


@pytest.mark.parametrize("kind", discs.KINDS)
@pytest.mark.parametrize("r", [0.3, 1.0])
def test_chords_give_the_cover_of_geodesic_distances(kind, r):
    x = discs.sample_disc(kind, 3.0, 1500, _generator(6))
    slow = discs.greedy_cover(x, r, partial(discs.geodesic_distance, kind))
    assert discs.disc_cover(kind, x, r).tolist() == slow.tolist()
    assert len(discs.disc_cover("sphere", x, 4.0)) == 1  # one disc holds the sphere


def test_greedy_covers_of_a_few_points():
    line = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    assert discs.greedy_cover(line, 0.0, torch.cdist).tolist() == [0, 1, 2, 3]
    assert discs.greedy_cover(line, 0.9, torch.cdist).tolist() == [0, 1, 2, 3]
    assert discs.greedy_cover(line, 3.0, torch.cdist).tolist() == [0]
    assert discs.greedy_cover(line[:0], 1.0, torch.cdist).tolist() == []
    assert discs.greedy_cover(torch.zeros(5, 1), 0.0, torch.cdist).tolist() == [0]


def test_no_covering_is_larger_than_a_packing_of_half_the_radius():
    """Cover(r) <= pack(r) <= cover(r / 2), by brute force on a few points."""
    x = torch.rand(9, 2, generator=_generator(5), dtype=torch.float64)
    d, rows = torch.cdist(x, x), torch.arange(9)
    subsets = [rows[torch.tensor([bool(k >> i & 1) for i in range(9)])] for k in range(1, 512)]

    def cover(r):
        return min(len(part) for part in subsets if d[part].amin(0).max() <= r)

    for r in (0.2, 0.4, 0.6):
        apart = [len(p) for p in subsets if (d[p][:, p] + 9 * torch.eye(len(p))).min() > r]
        greedy = len(discs.greedy_cover(x, r, torch.cdist))
        assert cover(r) <= greedy <= max(apart) <= cover(r / 2)


def test_bounds_grow_exponentially_in_the_hyperbolic_plane_only():
    low, high = zip(*(discs.cover_bounds("hyperbolic", radius, 0.5) for radius in (10.0, 11.0)), strict=True)
    assert math.log(low[1] / low[0]) == pytest.approx(1, abs=1e-3)
    assert math.log(high[1] / high[0]) == pytest.approx(1, abs=1e-3)
    flat = [discs.cover_bounds("plane", radius, 0.5)[0] for radius in (10.0, 20.0)]
    assert flat[1] / flat[0] == pytest.approx(4)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: discs.disc_area("torus", 1.0), "kind must be one of"),
        (lambda: discs.disc_area("plane", -1.0), "radius must not be negative"),
        (lambda: discs.radius_for_share("plane", 1.0, torch.tensor([1.1])), "share must lie"),
        (lambda: discs.geodesic_distance("plane", torch.ones(3), torch.ones(2, 2)), "must have shapes"),
        (lambda: discs.greedy_cover(torch.ones(2, 1), -1.0, torch.cdist), "r must not be negative"),
        (lambda: discs.cover_bounds("plane", 1.0, 0.0), "r must be positive"),
        (lambda: discs.embedded("cone", torch.ones(2, 2)), "kind must be one of"),
        (lambda: curves.circle(0.0), "length must be positive"),
        (lambda: curves.straight(-1.0), "length must be positive"),
        (lambda: curves.hilbert_cells(-1), "order must be at least 0"),
        (lambda: curves.hilbert_curve(0), "order must be at least 1"),
        (lambda: curves.circle(1.0).at(torch.tensor([1.5])), "s must lie"),
        (lambda: nearest.nearest(torch.ones(1, 2), torch.ones(0, 2)), "train must hold"),
    ],
)
def test_errors_name_the_argument(call, match):
    with pytest.raises(ValueError, match=match):
        call()


# ------------------------------------------------------------------------------------------------------------ curves


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4])
def test_hilbert_visits_every_cell_once_in_single_steps(order):
    cells = curves.hilbert_cells(order)
    assert sorted(map(tuple, cells.tolist())) == [(i, j) for i in range(2**order) for j in range(2**order)]
    assert ((cells[1:] - cells[:-1]).abs().sum(1) == 1).all()


def test_hilbert_of_one_order_runs_through_the_cells_of_the_order_below():
    fine, coarse = curves.hilbert_cells(4), curves.hilbert_cells(3)
    reached = fine.reshape(64, 4, 2) // 2
    assert (reached == reached[:, :1]).all()
    # the copies alternate between the curve and its mirror image on the diagonal, and so do their orders
    assert torch.equal(reached[:, 0], coarse.flip(1)) or torch.equal(reached[:, 0], coarse)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_reach_of_a_rounded_hilbert_curve_is_half_a_cell(order):
    curve = curves.hilbert_curve(order)
    s = torch.linspace(0, curve.length, 1200, dtype=torch.float64)
    assert curve.reach == 0.5 ** (order + 1)
    assert curves.smallest_ball(curve.at(s), curve.direction(s)) == pytest.approx(curve.reach, rel=1e-6)


@pytest.mark.parametrize("curve", [curves.circle(2.0), curves.straight(1.5), curves.hilbert_curve(3)])
def test_curves_are_walked_at_speed_one(curve):
    s = torch.linspace(0, curve.length, 4001, dtype=torch.float64)
    x, step = curve.at(s), curve.length / 4000
    steps = (x[1:] - x[:-1]).norm(dim=1)
    assert steps.max() <= step * (1 + 1e-9) and steps.sum().item() == pytest.approx(curve.length, rel=1e-4)
    assert steps.min() > 0.99 * step
    slope = (x[2:] - x[:-2]) / (2 * step)
    assert (slope - curve.direction(s)[1:-1]).norm(dim=1).max() < 0.02


def test_a_circle_closes_and_its_reach_is_its_radius():
    curve = curves.circle(3.0)
    ends = curve.at(torch.tensor([0.0, 3.0], dtype=torch.float64))
    assert torch.allclose(ends[0], ends[1]) and curve.length == 3.0
    x = curve.at(torch.linspace(0, 3, 50, dtype=torch.float64))
    assert torch.allclose((x - 0.5).norm(dim=1), torch.full((50,), curve.reach, dtype=torch.float64))


def test_length_grows_as_the_reach_shrinks():
    """A tube of half a cell about the curve fills the square, but for the corners of cells: length x 2 reach is near 1."""
    for order in (4, 5, 6):
        curve = curves.hilbert_curve(order)
        assert 0.8 < curve.length * 2 * curve.reach < 1.0


# ----------------------------------------------------------------------------------------------------------- nearest


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nearest_is_brute_force_in_parts(dtype):
    x, train = (torch.randn(k, 2, generator=_generator(k), dtype=dtype) for k in (23, 17))
    found = nearest.nearest(x, train, rows=5)
    truth = [min(range(17), key=lambda j: float((a - train[j]).square().sum())) for a in x]
    assert found.tolist() == truth


def test_on_a_line_the_error_is_that_of_random_gaps():
    """Distance to the nearest of n random points is exponential with mean L / 2n: E (1 - cos 2 pi d) in closed form."""
    curve, count = curves.straight(40.0), 400
    found = sum(nearest.relative_error(curve, count, seed) for seed in range(10)) / 10
    w = 2 * math.pi / (2 * count / 40.0)
    truth = 2 * w**2 / (1 + w**2)  # E (f(s) - f(t))^2 / var f = 2 - 2 E cos 2 pi d, and E cos = 1 / (1 + w^2)
    assert found == pytest.approx(truth, rel=0.1)


def test_labels_of_strangers_have_error_two():
    curve = curves.hilbert_curve(8)  # seven wavelengths for each training point
    assert curve.length / 30 > 6
    assert sum(nearest.relative_error(curve, 30, seed) for seed in range(10)) / 10 == pytest.approx(2, abs=0.2)


def test_draws_are_uniform_and_repeat():
    s = nearest.draw(curves.circle(3.0), 2000, _generator(7))
    assert kstest((s / 3).numpy(), "uniform").pvalue > 0.01
    assert nearest.relative_error(curves.circle(), 50, 3) == nearest.relative_error(curves.circle(), 50, 3)
    assert nearest.label(torch.tensor([0.0, 0.25, 1.25])).tolist() == pytest.approx([0, 1, 1], abs=1e-6)
