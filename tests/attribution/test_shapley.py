"""Demos and claims of the chapter on Shapley values."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib import datasets, models
from course_lib.claims.attribution import shapley as claims
from course_lib.demos.attribution import shapley as demos
from course_lib.games import shapley, table_game


def test_three_players_draw_every_corner_and_keep_the_null_player_at_zero():
    demo = demos.three_players()
    for point in demo.corners():
        plt.close(demo.draw(**point))
    null = demo.describe(player_1_alone=0.5, players_1_and_2=1.0, players_2_and_3=0.0)
    for reading in ("leave one out", "add one in", "Shapley", "Banzhaf"):
        assert null.partition(reading)[2].split("(")[0].split(",")[2].strip() == "0.00"


def test_banzhaf_values_can_add_up_to_more_than_everything():
    demo = demos.three_players()
    said = [demo.describe(**point).partition("Banzhaf")[2] for point in demo.points()]
    sums = [float(words.partition("(sum ")[2].split(")")[0]) for words in said]
    assert max(sums) > 1 > min(sums)


def test_sampling_draws_every_corner_and_is_exact_at_full_budget():
    values = torch.randn(2**10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    demo = demos.sampling(table_game(values))
    for point in demo.corners():
        plt.close(demo.draw(**point))
    assert "root mean square error 0.000; 10 of 10 exact values" in demo.describe("kernel regression", 1024)


def test_the_tumour_game_adds_up():
    split, net = datasets.breast_cancer(), models.tumour_net()
    game = claims.tumour_game(net, split.test_x[0])
    empty, full = game.ends()
    assert game.players == split.group_names
    assert shapley(game).scores.sum().item() == pytest.approx((full - empty).item(), abs=1e-4)
    assert full.item() == pytest.approx(net(split.test_x[:1].float()).item(), abs=1e-4)


def test_squared_errors_shrink_and_vanish():
    game = table_game(torch.randn(2**6, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    exact = shapley(game).scores
    few, many = (claims.squared_error(game, exact, budget, range(40), method="permutation").mean() for budget in (52, 502))
    assert many < few / 4
    assert claims.squared_error(game, exact, 64, range(2), method="kernel").max() < 1e-20


@pytest.mark.parametrize(
    "claim, budget",
    [(claims.four_times_the_budget_halves_the_error, {}), (claims.kernel_regression_needs_fewer_evaluations, {"budget": 102})],
)
def test_records_have_an_interval_and_a_verdict(claim, budget):
    record = claim(patients=3, runs=8, **budget)
    assert record.low <= record.estimate <= record.high and record.seeds == 3
    assert record == claim(patients=3, runs=8, **budget)
