"""Games for the tests, slow and obvious formulas for their values, and ways of comparing."""

import itertools
import math

import torch
from torch import Tensor

from course_lib.games import Game, table_game

OUTPUTS = [(), (3,), (2, 2)]


def random_game(n: int, out: tuple[int, ...] = (), dtype: torch.dtype = torch.float64, seed: int = 0) -> Game:
    """A table of random numbers: interactions of every order, and an empty coalition that is worth something."""
    values = torch.randn(2**n, *out, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return table_game(values.to(dtype))


def worth(game: Game, coalition: set[int] | tuple[int, ...]) -> Tensor:
    """The value of one coalition, in float64."""
    gates = torch.tensor([[float(player in coalition) for player in range(game.n)]], dtype=game.dtype)
    return game(gates)[0].double()


def set_function(worth_of, n: int) -> Game:
    """The hard game with the value `worth_of(set of members)`."""
    rows = [{player for player in range(n) if k >> player & 1} for k in range(2**n)]
    return table_game(torch.tensor([float(worth_of(members)) for members in rows], dtype=torch.float64))


def shapley_by_sum(game: Game) -> Tensor:
    """The definition: weighted marginal contributions to all coalitions."""
    scores = []
    for player in range(game.n):
        others, score = [p for p in range(game.n) if p != player], 0
        for size in range(game.n):
            weight = math.factorial(size) * math.factorial(game.n - size - 1) / math.factorial(game.n)
            for members in itertools.combinations(others, size):
                score = score + weight * (worth(game, {*members, player}) - worth(game, members))
        scores.append(score)
    return torch.stack(scores)


def shapley_by_orders(game: Game) -> Tensor:
    """The mean marginal contribution over all orders of arrival."""
    total = torch.zeros(game.n, *worth(game, ()).shape, dtype=torch.float64)
    for order in itertools.permutations(range(game.n)):
        for place, player in enumerate(order):
            total[player] += worth(game, order[: place + 1]) - worth(game, order[:place])
    return total / math.factorial(game.n)


def banzhaf_by_sum(game: Game) -> Tensor:
    """The mean marginal contribution over all coalitions of the others."""
    scores = []
    for player in range(game.n):
        others = [p for p in range(game.n) if p != player]
        coalitions = [set(c) for size in range(game.n) for c in itertools.combinations(others, size)]
        scores.append(sum(worth(game, c | {player}) - worth(game, c) for c in coalitions) / len(coalitions))
    return torch.stack(scores)


def counting(game: Game) -> tuple[Game, list[int]]:
    """The same game, and a list to which each call of its value adds the number of rows."""
    rows: list[int] = []

    def value(gates: Tensor) -> Tensor:
        rows.append(len(gates))
        return game.value(gates)

    return Game(value, game.players, differentiable=game.differentiable, dtype=game.dtype), rows


def close(got: Tensor, expected: Tensor, scale: float = 1.0) -> None:
    """Equal to 1e-10 of scale in float64 and 1e-5 of scale in float32, with the shape of the expected."""
    assert got.shape == expected.shape
    scale = max(scale, expected.abs().max().item())
    tolerance = scale * (1e-10 if got.dtype == torch.float64 else 1e-5)
    torch.testing.assert_close(got.double(), expected.double(), rtol=0, atol=tolerance)


def generator(seed: int = 0) -> torch.Generator:
    """A seeded source of randomness."""
    return torch.Generator().manual_seed(seed)
