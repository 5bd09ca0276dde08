"""Demos of chapters/equivariance/bridge.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib import plots
from course_lib.claims.equivariance.bridge import symmetry_errors
from course_lib.demos import Demo, explore
from course_lib.equivariance import bridge
from course_lib.games import corners

COUNTS = (10, 20, 40, 60, 120)
WAYS = ("independent", "distinct", "antithetic", "cyclic")
STYLES = {  # way: (colour, marker, line)
    "independent": ("#0072B2", "o", "-"),
    "distinct": ("#D55E00", "s", "--"),
    "antithetic": ("#009E73", "^", "-."),
    "cyclic": ("#999999", "X", ":"),
}
GAMES = {"gloves": ("Ann", "Bob", "Cleo", "Dan", "Eve"), "majority": tuple("12345")}


def gloves(left: int, right: int) -> Tensor:
    """The first `left` players own a left glove each, the others a right one; a coalition is worth its pairs: `(1, 2**n)`.

    >>> gloves(2, 1).tolist()
    [[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]]
    """
    members = corners(left + right)
    return torch.minimum(members[:, :left].sum(1), members[:, left:].sum(1))[None]


def majority(n: int) -> Tensor:
    """More than half of n players win together: `(1, 2**n)`.

    >>> majority(3).tolist()
    [[0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0]]
    """
    return (corners(n).sum(1) > n / 2).double()[None]


def _table(game: str) -> Tensor:
    return gloves(2, 3) if game == "gloves" else majority(5)


@cache
def _scores(game: str, way: str, orders: int) -> Tensor:
    """Scores of 80 draws, `(80, 5)`."""
    generator = torch.Generator().manual_seed(COUNTS.index(orders))
    drawn = torch.stack([bridge.draw_orders(way, 5, orders, generator) for _ in range(80)])
    return bridge.contributions(_table(game), drawn.flatten(0, 1)).unflatten(1, (80, orders)).mean(2)[0]


@cache
def _error(game: str, way: str, orders: int) -> float:
    """Root mean square of the ruler over 60 draws."""
    return symmetry_errors(_table(game), way, orders, 60, seed=1).square().mean().sqrt().item()


def _picture(game: str, way: str, orders: int):
    """Clouds of sampled scores on the left, the ruler for all ways on the right."""
    figure, (left, right) = plots.panels(2, width=3.7, height=3.3)
    colour, marker, _ = STYLES[way]
    shift = torch.linspace(-0.25, 0.25, 80)
    exact = bridge.shapley_by_averaging(_table(game))[0]
    for player, found in enumerate(_scores(game, way, orders).T):
        left.scatter(player + shift, found, s=12, color=colour, marker=marker, alpha=0.35, linewidths=0)
        left.plot(player, exact[player], "D", color=plots.INK, markersize=7, markerfacecolor="white")
    left.set(xticks=range(5), xticklabels=GAMES[game], ylim=(-0.05, 1.05), ylabel="score")
    left.set_title(f"{game}: {orders} {way} orders")
    for name, (tone, mark, line) in STYLES.items():
        errors, width = [_error(game, name, m) for m in COUNTS], 3 if name == way else 1.2
        right.plot(range(5), errors, color=tone, linestyle=line, marker=mark, label=name, linewidth=width)
    right.plot(COUNTS.index(orders), _error(game, way, orders), "o", color=plots.INK, markersize=14, fillstyle="none")
    right.set(xticks=range(5), xticklabels=COUNTS, xlabel="orders", ylim=(-0.03, 0.85), title="equivariance error")
    right.legend(fontsize=8)
    return figure


def parts_of_the_group() -> Demo:
    """Scores from part of the 120 orders of five players: their spread, and the equivariance error, for four ways to draw."""

    def describe(game: str, way: str, orders: int) -> str:
        spread = _scores(game, way, orders).std(0).max().item()
        return (
            f"{game}, {orders} {way} orders of 120: largest spread of a score {spread:.3f}, "
            f"equivariance error {_error(game, way, orders):.3f}."
        )

    alt = (
        "Left: for each of five players a cloud of 80 sampled scores round a diamond, the exact value. "
        "Right: equivariance error against the number of orders for four ways of drawing them, the present one circled."
    )
    return explore(_picture, describe, alt=alt, game=tuple(GAMES), way=WAYS, orders=COUNTS)
