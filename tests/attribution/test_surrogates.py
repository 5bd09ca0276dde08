"""What the chapter on surrogates states, in closed form; its demo and its claims."""

import math

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib import datasets, models
from course_lib.attribution.features import feature_game
from course_lib.attribution.lime import gaussian_lime, lime, presence_kernel, presence_probability
from course_lib.attribution.saliency import smoothgrad
from course_lib.claims.attribution import surrogates as claims
from course_lib.demos.attribution import surrogates as demos
from course_lib.games import (
    Game,
    banzhaf,
    corners,
    gradient,
    leave_one_out,
    linear_surrogate,
    multilinear_extension,
    shapley,
    shapley_kernel,
    table_game,
)
from tests.games.instances import close, generator

AND, OR, XOR = [0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0]


def lamp(values: list[float]) -> Game:
    return table_game(torch.tensor(values, dtype=torch.float64))


def random_game(n: int, seed: int = 0) -> Game:
    return table_game(torch.randn(2**n, generator=generator(seed), dtype=torch.float64))


@pytest.mark.parametrize(
    ("values", "slope", "intercept", "fit"), [(AND, 0.5, -0.25, 2 / 3), (OR, 0.5, 0.25, 2 / 3), (XOR, 0.0, 0.5, 0.0)]
)
def test_the_plane_through_the_four_corners(values, slope, intercept, fit):
    line = lime(lamp(values), width=math.inf, budget=4)
    expected = torch.tensor([slope, slope, intercept, fit], dtype=torch.float64)
    close(torch.stack([*line.scores, line.intercept, line.r_squared]), expected)


@pytest.mark.parametrize("width", [0.3, 0.5, 1.0, 3.0])
def test_slopes_of_and_and_or_in_closed_form(width):
    a = math.exp(-1 / (2 * width**2))
    for values, slope in ((AND, 1 / (1 + a)), (OR, a / (1 + a))):
        close(lime(lamp(values), width=width, budget=4).scores, torch.tensor([slope, slope], dtype=torch.float64))


@pytest.mark.parametrize("width", [0.25, 0.5, 1.0, math.inf])
@pytest.mark.parametrize("n", [1, 3, 6])
def test_lime_is_the_slope_of_the_extension_at_the_probability_of_presence(n, width):
    game, p = random_game(n, seed=n), presence_probability(width, n)
    expected = gradient(multilinear_extension(game), at=p).scores
    close(lime(game, width=width, budget=2**n).scores, expected)


def test_the_probability_of_presence_runs_from_leave_one_out_to_banzhaf():
    widths = (0.05, 0.2, 0.5, 1.0, 5.0, math.inf)
    chances = [presence_probability(width, 8) for width in widths]
    assert chances == sorted(chances, reverse=True) and chances[-1] == 0.5 and chances[0] > 1 - 1e-9
    game = random_game(8)
    close(gradient(multilinear_extension(game), at=0.5).scores, banzhaf(game).scores)
    close(gradient(multilinear_extension(game), at=1.0).scores, leave_one_out(game).scores)


@pytest.mark.parametrize(("width", "players"), [(0.0, 3), (1.0, 0), (1.0, 2.0), (math.nan, 3)])
def test_a_bad_width_or_number_is_named(width, players):
    with pytest.raises(ValueError, match="width must be positive|players must be their number"):
        presence_probability(width, players)


def test_weighting_even_masks_and_drawing_at_p_estimate_the_same_line():
    game, width = random_game(6, seed=3), 0.45
    p = presence_probability(width, 6)
    weighted = linear_surrogate(
        game,
        gates=(torch.rand(6000, 6, generator=generator(1)) < 0.5).double(),
        weights=lambda gates: presence_kernel(gates, width),
    )
    drawn = linear_surrogate(game, budget=6000, probability=p, generator=generator(2))
    exact = gradient(multilinear_extension(game), at=p).scores
    for line in (weighted, drawn):
        assert ((line.scores - exact).abs() < 5 * line.standard_errors).all()
    assert drawn.standard_errors.mean() < weighted.standard_errors.mean()


def test_gates_give_contributions_and_inputs_give_slopes(dtype):
    a = torch.tensor([2.0, -1.0, 0.5], dtype=dtype)
    x, baseline = torch.tensor([1.0, 3.0, 5.0], dtype=dtype), torch.tensor([0.0, 1.0, 5.0], dtype=dtype)
    over_gates = lime(feature_game(lambda rows: rows @ a, x, baseline), width=1.0, budget=8)
    over_inputs = gaussian_lime(lambda rows: rows @ a, x, scale=0.5, draws=20, generator=generator())
    close(over_gates.scores, (a * (x - baseline)).double())
    close(over_inputs.scores, a.double())


def test_stein_holds_for_kinks_and_fails_for_jumps():
    centre = torch.zeros(1, dtype=torch.float64)
    cloud = {"scale": 0.5, "draws": 20_000}
    for method in (gaussian_lime, smoothgrad):
        found = method(lambda rows: torch.relu(rows[:, 0]), centre, generator=generator(1), **cloud)
        assert abs(found.scores.item() - 0.5) < 5 * found.standard_errors.item()

    def jump(rows: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(50 * rows[:, 0]).round()

    line, flat = (method(jump, centre, generator=generator(2), **cloud) for method in (gaussian_lime, smoothgrad))
    assert flat.scores.item() == 0
    assert abs(line.scores.item() - 1 / (0.5 * math.sqrt(2 * math.pi))) < 5 * line.standard_errors.item()


def test_a_line_held_at_both_ends_is_shapley_and_a_weighty_one_is_not():
    game = random_game(6, seed=4)
    gates, sizes = corners(6), corners(6).sum(1).long()
    weights, exact = shapley_kernel(6)[sizes], shapley(game).scores
    held = linear_surrogate(game, gates=gates[1:-1], weights=weights[1:-1], constrain=True)
    close(held.scores, exact)
    off = []
    for end in (0.0, 1.0, 1e3):
        finite = weights.clone()
        finite[[0, -1]] = end
        line = linear_surrogate(game, gates=gates, weights=finite)
        errors = line.scores - exact
        assert errors.std() < 1e-9  # every score is off by the same amount
        off.append(errors.abs().max().item())
    assert off[0] > off[1] > off[2] > 1e-9


def test_a_poor_picture_with_coefficients_known_exactly():
    game = Game(lambda g: 10 * (g[:, 0] - g[:, 1]).abs() + g[:, 2], players=3)
    line = lime(game, width=math.inf, budget=8)
    close(line.scores, torch.tensor([0.0, 0.0, 1.0]).double())
    assert (line.standard_errors == 0).all()
    close(line.r_squared, torch.tensor(0.25 / (25 + 0.25), dtype=torch.float64))


def test_twins_are_refused_or_shared_by_a_ridge():
    gates = (torch.rand(100, 2, generator=generator()) < 0.5).double()[:, [0, 0, 1]]
    game = Game(lambda g: 5 * g[:, 0] + g[:, 2], players=3)
    with pytest.raises(ValueError, match="must determine 4 coefficients"):
        linear_surrogate(game, gates=gates)
    first, second, _ = linear_surrogate(game, gates=gates, ridge=0.01).scores.tolist()
    assert first == pytest.approx(second) == pytest.approx(2.5, abs=0.01)


def test_the_width_turns_the_tangent_into_the_global_line():
    for point in demos.POINTS:
        narrow, wide = demos.local_line(point, 0.03).scores.item(), demos.local_line(point, "infinite").scores.item()
        assert narrow == pytest.approx(demos.hill_slope(point), abs=0.02)
        assert wide == pytest.approx(demos.local_line(0.0, "infinite").scores.item())
    slope = torch.autograd.functional.jacobian(demos.hill, torch.tensor(1.0).double()).item()
    assert demos.hill_slope(1.0) == pytest.approx(slope)


def test_the_slope_changes_its_sign_where_the_line_is_a_poor_picture():
    lines = [demos.local_line(1.0, width) for width in demos.WIDTHS]
    assert lines[0].scores.item() < 0 < lines[-1].scores.item()
    assert min(line.r_squared.item() for line in lines) < 0.1 < 0.6 < lines[-1].r_squared.item()


def test_the_demo_draws_every_corner():
    demo = demos.kernel_width()
    for point in demo.corners():
        plt.close(demo.draw(**point))
        assert f"Point {point['point']}, width {point['width']}" in demo.describe(**point)


def test_games_of_the_claims_are_those_described():
    game = claims.digit_games(2)[1]
    split, net = datasets.digits(), models.digit_net()
    chosen = torch.randperm(len(split.test_x), generator=generator(0))[1]
    (empty, full), logits = game.ends(), net(split.test_x[chosen][None])[0]
    assert game.n == 16 and full.item() == pytest.approx(logits.max().item(), abs=1e-4)
    assert empty.item() == pytest.approx(net(torch.zeros(1, 8, 8))[0, logits.argmax()].item(), abs=1e-4)
    assert claims.tumour_games(1)[0].n == 10


def test_same_top_compares_two_seeds():
    steep = Game(lambda g: g @ torch.tensor([1.0, -3.0, 2.0]).double(), 3)
    assert claims.same_top(steep, budget=20, seeds=(0, 1))
    level = Game(lambda g: ((g * 37.0 + 11.0 * g.roll(1, 1)).sum(1) * 7.0).sin(), 12)
    found = {claims.same_top(level, budget=20, seeds=(k, k + 1)) for k in range(0, 40, 2)}
    assert found == {True, False}


def test_fits_of_a_plane_and_of_interactions():
    plane = Game(lambda g: g @ torch.arange(5.0).double(), 5)
    assert claims.fresh_fit(plane, 20, seed=0) == pytest.approx(1.0)
    game = random_game(5)
    assert claims.fresh_fit(game, 32, seed=0) == lime(game, width=claims.WIDTH, budget=32).r_squared.item()


@pytest.mark.parametrize(
    "claim",
    [
        lambda: claims.top_feature_survives_the_seed(30, images=3),
        lambda: claims.a_local_line_is_faithful("digits", inputs=3, budget=100),
        lambda: claims.a_local_line_is_faithful("tumours", inputs=3),
    ],
)
def test_records_have_an_interval_and_a_verdict(claim):
    record = claim()
    assert record.low <= record.estimate <= record.high and record.seeds == 3
    assert record == claim()


def test_an_unknown_reader_is_named():
    with pytest.raises(ValueError, match="reader must be"):
        claims.a_local_line_is_faithful("letters")
