"""Games whose values are known in closed form."""

import itertools
import math

import pytest
import torch

from course_lib.games import Game, add_one_in, banzhaf, leave_one_out, shapley
from tests.games.instances import close, set_function


def numbers(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("members", [{0}, {1, 3}, {0, 2, 4}, {0, 1, 2, 3, 4}], ids=str)
def test_unanimity_shares_among_those_who_must_agree(members):
    game, size = set_function(lambda coalition: members <= coalition, 5), len(members)
    inside = numbers(*[float(player in members) for player in range(5)])
    close(shapley(game).scores, inside / size)
    close(banzhaf(game).scores, inside / 2 ** (size - 1))
    close(leave_one_out(game).scores, inside)
    close(add_one_in(game).scores, inside if size == 1 else inside * 0)


def test_sums_of_unanimity_games_add_their_shares():
    terms = {(0,): 2.0, (1, 2): -1.0, (0, 1, 3): 6.0, (1, 2, 3, 4): 0.8}
    game = set_function(lambda coalition: sum(c for t, c in terms.items() if set(t) <= coalition), 5)
    shares = [sum(c / len(t) for t, c in terms.items() if player in t) for player in range(5)]
    close(shapley(game).scores, numbers(*shares))


def test_glove_market_rewards_the_scarce_side():
    game = set_function(lambda coalition: min(len(coalition & {0}), len(coalition & {1, 2})), 3)
    close(shapley(game).scores, numbers(2 / 3, 1 / 6, 1 / 6))
    close(banzhaf(game).scores, numbers(3 / 4, 1 / 4, 1 / 4))


def test_airport_charges_each_piece_of_runway_to_those_who_need_it():
    costs = [1.0, 2.0, 2.0, 5.0, 9.0, 9.5]
    game = set_function(lambda coalition: max((costs[player] for player in coalition), default=0), 6)
    pieces = [(b - a) / (6 - k) for k, (a, b) in enumerate(itertools.pairwise([0.0, *costs]))]
    close(shapley(game).scores, numbers(*itertools.accumulate(pieces)))


def test_weighted_voting():
    votes = [4, 3, 2, 1]
    game = set_function(lambda coalition: sum(votes[player] for player in coalition) >= 6, 4)
    close(shapley(game).scores, numbers(5, 3, 3, 1) / 12)
    close(banzhaf(game).scores, numbers(5, 3, 3, 1) / 8)


def test_one_large_voter_among_equals():
    game = set_function(lambda coalition: 3 * (0 in coalition) + len(coalition - {0}) >= 5, 8)
    # the large one decides if it arrives with 2, 3 or 4 of the 7 small ones before it, three places of eight
    close(shapley(game).scores, numbers(3 / 8, *[5 / 56] * 7))


@pytest.mark.parametrize(
    ("name", "worth_of", "expected"),
    [
        ("and", lambda c: len(c) == 2, {"shapley": 0.5, "banzhaf": 0.5, "drop": 1.0, "add": 0.0}),
        ("or", lambda c: len(c) >= 1, {"shapley": 0.5, "banzhaf": 0.5, "drop": 0.0, "add": 1.0}),
        ("xor", lambda c: len(c) == 1, {"shapley": 0.0, "banzhaf": 0.0, "drop": -1.0, "add": 1.0}),
    ],
)
def test_and_or_xor(name, worth_of, expected):
    game = set_function(worth_of, 2)
    readings = {"shapley": shapley, "banzhaf": banzhaf, "drop": leave_one_out, "add": add_one_in}
    for reading, score in expected.items():
        close(readings[reading](game).scores, numbers(score, score))


@pytest.mark.parametrize("n", [17, 18])
def test_large_games_by_differences_along_each_axis(n):
    """Above the size at which one matrix product is used; a majority, weighed by a three-way unanimity."""
    game = Game(lambda gates: (gates.sum(1) > n // 2).to(gates) + 6 * gates[:, 0] * gates[:, 5] * gates[:, n - 1], n)
    expected = torch.full((n,), 1 / n, dtype=torch.float64)
    expected[[0, 5, n - 1]] += 2
    close(shapley(game).scores, expected)
    swings = math.comb(n - 1, n // 2) / 2 ** (n - 1)
    expected = torch.full((n,), swings, dtype=torch.float64)
    expected[[0, 5, n - 1]] += 6 / 4
    close(banzhaf(game).scores, expected)
