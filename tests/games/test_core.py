"""The contract of a game, and the figures and lists of an attribution."""

import dataclasses

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.games import (
    Attribution,
    Game,
    banzhaf,
    corners,
    leave_one_out,
    linear_surrogate,
    shapley,
    table_game,
    tabulate,
)
from tests.games.instances import close, generator, random_game


def test_corners_count_in_binary_with_player_0_as_the_lowest_bit(dtype):
    gates = corners(5, dtype)
    assert gates.dtype == dtype and gates.shape == (32, 5)
    assert (gates @ torch.tensor([1, 2, 4, 8, 16], dtype=dtype)).tolist() == list(range(32))


@pytest.mark.parametrize("out", [(), (3,), (2, 2)], ids=str)
def test_a_table_is_its_game(out, dtype):
    table = torch.randn(16, *out, generator=generator(), dtype=torch.float64).to(dtype)
    game = table_game(table, ["a", "b", "c", "d"])
    assert torch.equal(tabulate(game), table) and game.dtype == dtype and game.players == ("a", "b", "c", "d")
    rows = torch.tensor([5, 0, 15, 5])
    assert torch.equal(game(corners(4, dtype)[rows]), table[rows])


def test_a_table_of_integers_becomes_float64():
    assert tabulate(table_game(torch.tensor([0, 1]))).dtype == torch.float64


def test_a_game_is_frozen_and_casts_its_gates(dtype):
    seen = []
    game = Game(lambda gates: seen.append(gates.dtype) or gates.sum(1), 3, dtype=dtype)
    with pytest.raises(dataclasses.FrozenInstanceError):
        game.players = 4
    game(torch.ones(2, 3, dtype=torch.float16))
    game(torch.ones(2, 3, dtype=torch.int64))
    assert seen == [dtype, dtype] and game.players == ("0", "1", "2") and game.n == 3


def test_a_call_keeps_the_graph_and_evaluate_drops_it():
    game = Game(lambda gates: gates.square().sum(1), 2)
    gates = torch.full((1, 2), 0.5, dtype=torch.float64, requires_grad=True)
    game(gates).sum().backward()
    assert gates.grad.tolist() == [[1.0, 1.0]]
    assert not game.evaluate(gates).requires_grad


def test_results_have_the_precision_of_the_game(dtype):
    for method in ("exact", "permutation", "kernel"):
        options = {} if method == "exact" else {"budget": 50, "generator": generator()}
        result = shapley(random_game(6, (2,), dtype), method, **options)
        assert result.scores.dtype == result.standard_errors.dtype == dtype
        assert result.scores.shape == result.standard_errors.shape == (6, 2)


READINGS = {
    "shapley": shapley,
    "permutation": lambda game: shapley(game, "permutation", budget=20, generator=generator()),
    "kernel": lambda game: shapley(game, "kernel", budget=8),
    "banzhaf": banzhaf,
    "leave_one_out": leave_one_out,
    "line": lambda game: linear_surrogate(game, budget=8),
}


@pytest.mark.parametrize("name", READINGS)
@pytest.mark.parametrize("kind", [torch.int64, torch.bool])
def test_a_vote_may_be_counted_in_whole_numbers_or_in_true_and_false(kind, name, dtype):
    def carried(gates):
        return gates[:, 0] + gates[:, 1] + gates[:, 2] >= 2

    game = Game(lambda gates: carried(gates).to(kind), 3, dtype=dtype)
    scores = READINGS[name](game).scores
    assert scores.dtype == dtype
    close(scores, READINGS[name](Game(lambda gates: carried(gates).double(), 3)).scores)


@pytest.mark.parametrize("batch_size", [None, 5000])
def test_the_coalitions_of_many_players_are_taken_block_by_block(batch_size):
    n, out, rows = 18, torch.tensor([1.0, -2.0]).double(), []

    def value(gates):
        rows.append(len(gates))
        return (gates @ 2.0 ** torch.arange(n).double())[:, None] * out

    table = tabulate(Game(value, n), batch_size)
    assert torch.equal(table, torch.arange(2**n).double()[:, None] * out)
    assert sum(rows) == 2**n and max(rows) <= (batch_size or 4096)


def test_float32_stays_accurate_over_many_coalitions():
    game = random_game(14, (2,), torch.float32)
    close(shapley(game).scores, shapley(table_game(tabulate(game).double())).scores, scale=0.1)


def test_top_and_table_list_the_players():
    result = Attribution(torch.tensor([1.0, -3.0, 2.0]), torch.tensor([0.1, 0.2, 0.0]), 7, ("a", "bee", "c"))
    assert result.top(2) == [("bee", -3.0), ("c", 2.0)]
    lines = result.table().splitlines()
    assert len(lines) == 4 and lines[2].split() == ["bee", "-3.0000", "0.2000"]


@pytest.mark.parametrize("kind", ["exact", "permutations"])
def test_the_plot_shows_signs_twice_and_errors_if_there_are_any(kind):
    result = Attribution(torch.tensor([1.0, -3.0]), torch.tensor([0.5, 0.5]), 7, ("a", "b"), kind)
    axes = result.plot(plt.figure().gca())
    bars = [patch for patch in axes.patches]
    assert [bar.get_width() for bar in bars] == [1.0, -3.0]
    assert [bar.get_hatch() for bar in bars] == ["", "////"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    whiskers = [line.get_segments() for line in axes.collections]
    assert (whiskers == []) == (kind == "exact")
    if kind != "exact":
        assert whiskers[0][0][:, 0].tolist() == pytest.approx([0.02, 1.98])
    plt.close("all")
