"""Claims of chapters/equivariance/bridge.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib.attribution.features import feature_game
from course_lib.claims.core import Record, decide, mean_interval
from course_lib.datasets import digits, misread_digit
from course_lib.equivariance import bridge
from course_lib.games import Game, tabulate
from course_lib.groups import SymmetricGroup, equivariance_error
from course_lib.models import digit_net

PIECES = 8  # an image is cut into four rows of two pieces, each 2 by 4 pixels


def pieces() -> Tensor:
    """Player of each pixel, `(8, 8)`: four rows of two pieces.

    >>> pieces()[[0, 2, 7], :5].tolist()
    [[0, 0, 0, 0, 1], [2, 2, 2, 2, 3], [6, 6, 6, 6, 7]]
    """
    return (torch.arange(8) // 2)[:, None] * 2 + (torch.arange(8) // 4)[None, :]


def digit_game(image: Tensor, first: int, second: int) -> Game:
    """Eight pieces of a digit as players; worth the lead of class `first` over class `second`. No ink is no piece."""
    return feature_game(
        digit_net(), image, torch.zeros(8, 8), target=lambda logits: logits[:, first] - logits[:, second], groups=pieces()
    )


def misread_table() -> Tensor:
    """The game of the misread digit, an 8 that is read as a 3, as a table `(1, 256)`: the lead of 8 over 3."""
    return tabulate(digit_game(misread_digit(), 8, 3)).double()[None]


@cache
def stored_tables(count: int) -> Tensor:
    """The games of the first test digits, `(count, 256)`: the lead of the class read over the runner-up."""
    images = digits().test_x[:count]
    classes = digit_net()(images).topk(2).indices.tolist()
    games = (digit_game(image, *pair) for image, pair in zip(images, classes, strict=True))
    return torch.stack([tabulate(game) for game in games]).double()


def symmetry_errors(tables: Tensor, way: str, count: int, draws: int, seed: int) -> Tensor:
    """Relative equivariance error of the mean over `count` orders, a new draw and a new renaming each time: `(draws,)`."""
    n, generator = tables.shape[1].bit_length() - 1, torch.Generator().manual_seed(seed)
    games, scores = bridge.game_action(n), bridge.score_action(n)
    errors = []
    for _ in range(draws):
        orders = bridge.draw_orders(way, n, count, generator)
        renaming = SymmetricGroup(n).sample(1, generator)
        errors.append(
            equivariance_error(lambda v, o=orders: bridge.contributions(v, o).mean(1), games, scores, tables, renaming)
        )
    return torch.cat(errors)


def symmetry_error_falls_like_one_over_root_m(runs: int = 12, draws: int = 20) -> Record:
    """Slope of log(error) against log(number of orders) on the misread digit, one slope for each run of 4 x 20 draws."""
    counts, table = (4, 16, 64, 256), misread_table()
    steps = torch.tensor(counts, dtype=torch.float64).log()
    steps = steps - steps.mean()
    slopes = []
    for run in range(runs):
        errors = [symmetry_errors(table, "independent", m, draws, 1000 * run + m).square().mean().sqrt() for m in counts]
        slopes.append((steps * torch.stack(errors).log()).sum() / steps.square().sum())
    estimate, low, high = mean_interval(torch.stack(slopes))
    return Record(
        id="equivariance/bridge/symmetry_error_falls_like_one_over_root_m",
        statement="The equivariance error of the mean over m independent orders falls like one over the square root of m.",
        kind="proved",
        threshold="slope of log error against log m between -0.55 and -0.45, for m from 4 to 256",
        estimate=estimate,
        low=low,
        high=high,
        unit="slope",
        verdict=decide(low, high, above=-0.55, below=-0.45),
        seeds=runs,
        repeats="runs of 80 draws on one game",
    )


def error_ratios(way: str, digits_tried: int) -> Tensor:
    """Error of whole cosets over that of as many independent orders, exactly, for each of the first test digits."""
    return bridge.design_effect(stored_tables(digits_tried), bridge.places(way, PIECES)).sqrt()


def pairs_beat_independent_orders(count: int = 30) -> Record:
    """Root mean square errors at an equal number of orders, from all 40,320 orders of each game: only the digit varies."""
    estimate, low, high = mean_interval(error_ratios("antithetic", count))
    return Record(
        id="equivariance/bridge/pairs_beat_independent_orders",
        statement="At equal budget, orders with their reverses have a smaller error than independent orders.",
        kind="measured",
        threshold="mean ratio of the errors below 0.9",
        estimate=estimate,
        low=low,
        high=high,
        unit="ratio of root mean square errors",
        verdict=decide(low, high, below=0.9),
        seeds=count,
        repeats="test digits, one network",
    )


def shifts_beat_independent_orders(count: int = 30) -> Record:
    """The same for an order with all its cyclic shifts, in which every player takes every place once."""
    estimate, low, high = mean_interval(error_ratios("cyclic", count))
    return Record(
        id="equivariance/bridge/shifts_beat_independent_orders",
        statement="At equal budget, orders with all their cyclic shifts have a smaller error than independent orders.",
        kind="measured",
        threshold="mean ratio of the errors below 1",
        estimate=estimate,
        low=low,
        high=high,
        unit="ratio of root mean square errors",
        verdict=decide(low, high, below=1.0),
        seeds=count,
        repeats="test digits, one network",
    )
