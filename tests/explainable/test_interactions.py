"""The ceiling of additive models: closed forms, Monte Carlo least squares, and a sum over pairs of sign vectors."""

import math

import pytest
import torch

from course_lib.explainable.interactions import (
    additive_ceiling,
    additive_share,
    dial,
    friedman,
    main_effects,
    sample,
    unit_grid,
)


def random_grid(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    weights = [torch.rand(size, generator=generator, dtype=torch.float64) + 0.1 for size in shape]
    values = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return values.to(dtype), [(w / w.sum()).to(dtype) for w in weights]


def test_main_effects_are_the_weighted_least_squares_fit_of_additive_functions(dtype):
    values, weights = random_grid(3, 4, 2, dtype=dtype)
    mean, effects = main_effects(values, weights)
    grids = torch.meshgrid(*[torch.arange(size) for size in values.shape], indexing="ij")
    design = torch.cat([torch.nn.functional.one_hot(grid.flatten()).double() for grid in grids], 1)
    joint = torch.einsum("i,j,k->ijk", *weights).flatten().double()
    root = joint.sqrt()[:, None]
    fit = design @ torch.linalg.lstsq(design * root, values.flatten().double()[:, None] * root, driver="gelsd").solution
    ours = mean + effects[0][:, None, None] + effects[1][:, None] + effects[2]
    torch.testing.assert_close(ours.flatten().double(), fit[:, 0], rtol=0, atol=1e-5 if dtype == torch.float32 else 1e-12)
    total = (joint * (values.flatten().double() - mean) ** 2).sum()
    left = (joint * (values.flatten().double() - fit[:, 0]) ** 2).sum()
    assert additive_share(values, weights) == pytest.approx((1 - left / total).item(), abs=1e-5)
    for w, effect in zip(weights, effects, strict=True):
        assert abs((w @ effect).item()) < 1e-6, "centred"


def test_additive_functions_have_share_one_and_pure_interactions_zero():
    a, b = random_grid(4, 5)[0][0], random_grid(4, 5, seed=1)[0][:, 0]
    _, weights = random_grid(4, 5)
    assert additive_share(b[:, None] + a, weights) == pytest.approx(1, abs=1e-12)
    pure = (b - weights[0] @ b)[:, None] * (a - weights[1] @ a)
    assert additive_share(pure, weights) == pytest.approx(0, abs=1e-12)
    assert additive_share(a, weights[1:]) == pytest.approx(1, abs=1e-12), "one feature alone"


def test_weights_matter_and_bad_ones_are_refused():
    values, weights = random_grid(3, 4)
    even = [torch.full_like(w, 1 / len(w)) for w in weights]
    assert abs(additive_share(values, weights) - additive_share(values, even)) > 1e-3
    for bad in ([weights[0]], [weights[1], weights[0]], [2 * weights[0], weights[1]], [-weights[0], weights[1]]):
        with pytest.raises(ValueError, match="weights"):
            additive_share(values, bad)
    with pytest.raises(ValueError, match="vary"):
        additive_share(torch.ones(3, 4), [w.float() for w in weights])


def test_a_product_has_a_closed_form():
    # Var(x1 x2) = 1/9 - 1/16 and each main effect x/2 - 1/4 has variance 1/48, so the share is (1/24) / (7/144) = 6/7.
    assert additive_ceiling(lambda x: x[:, 0] * x[:, 1], 2, nodes=4)[0] == pytest.approx(6 / 7, abs=1e-12)


def test_the_ceiling_of_friedman_agrees_with_series_in_closed_form():
    # sin(pi x1 x2): E and E of squares as integrals over t = x1 x2, whose density is -log t.
    t = torch.from_numpy(__import__("numpy").polynomial.legendre.leggauss(400)[0] + 1) / 2
    w = torch.from_numpy(__import__("numpy").polynomial.legendre.leggauss(400)[1]) / 2
    x = t[:, None]  # E[sin(pi x1 x2) | x1] = (1 - cos(pi x1)) / (pi x1)
    main = ((1 - torch.cos(math.pi * x[:, 0])) / (math.pi * x[:, 0])).double()
    mean = w @ main
    square = w @ (0.5 - torch.sin(2 * math.pi * t) / (4 * math.pi * t))  # E over x2 of sin^2(pi x1 x2)
    interaction = 100 * ((square - mean**2) - 2 * (w @ (main - mean) ** 2))
    others = 400 / 180 + 100 / 12 + 25 / 12
    total = 100 * (square - mean**2) + others
    additive, best = additive_ceiling(friedman, 5, nodes=12, noise=1.0)
    assert best == pytest.approx((total / (total + 1)).item(), abs=1e-9)
    assert additive == pytest.approx(((total - interaction) / (total + 1)).item(), abs=1e-9)


@pytest.mark.parametrize("rho", [0.0, 0.35, 1.0])
def test_the_dial_has_variance_one_and_exactly_rho_of_interaction(rho):
    additive, best = additive_ceiling(lambda x: dial(x, rho), 4, nodes=16, noise=0.5)
    assert best == pytest.approx(1 / 1.25, abs=1e-9) and additive == pytest.approx((1 - rho) / 1.25, abs=1e-9)


def test_no_additive_fit_beats_the_ceiling_on_many_rows():
    x, y = sample(lambda rows: dial(rows, 0.5), 40_000, 4, noise=0.5, seed=0)
    bins = torch.cat([torch.nn.functional.one_hot((20 * column).long(), 20).double() for column in x.T], 1)
    train, test = slice(0, 30_000), slice(30_000, None)
    fit = torch.linalg.lstsq(bins[train], y[train, None], driver="gelsd").solution
    r2 = 1 - (y[test] - (bins[test] @ fit)[:, 0]).var() / y[test].var()
    assert r2.item() == pytest.approx(0.4, abs=0.02)


def test_samples_are_seeded_and_friedman_reads_five_features():
    one, two = (sample(friedman, 50, 10, 1.0, seed=3) for _ in range(2))
    assert (one[0] == two[0]).all() and (one[1] == two[1]).all()
    other = one[0].clone()
    other[:, 5:] = 0
    assert (friedman(other) == friedman(one[0])).all()
    with pytest.raises(ValueError, match="rho"):
        dial(one[0], 1.5)


def test_the_grid_integrates_polynomials_exactly(dtype):
    points, weights = unit_grid(2, 3)
    x, y = points.to(dtype).unbind(-1)
    value = torch.einsum("ij,i,j->", x**5 * y**2, weights.to(dtype), weights.to(dtype))
    assert value.item() == pytest.approx(1 / 18, rel=1e-5)
