"""Demos of chapters/attribution/overview.ipynb; the unit square is also the front page's moving picture."""

import torch
from matplotlib.axes import Axes
from torch import Tensor

from course_lib import plots
from course_lib.demos import Demo, explore
from course_lib.games import (
    Attribution,
    Game,
    add_one_in,
    gradient,
    integrated_gradients,
    leave_one_out,
    linear_surrogate,
    shapley,
    tabulate,
)

SQUARES = {  # soft games of two players; "square" has the corners of AND, "saturating" those of "sum"
    "AND": lambda g: g[:, 0] * g[:, 1],
    "OR": lambda g: g[:, 0] + g[:, 1] - g[:, 0] * g[:, 1],
    "XOR": lambda g: g[:, 0] + g[:, 1] - 2 * g[:, 0] * g[:, 1],
    "sum": lambda g: 0.7 * g[:, 0] + 0.3 * g[:, 1],
    "square": lambda g: g[:, 0] ** 2 * g[:, 1],
    "saturating": lambda g: (g**2 * (3 - 2 * g)) @ torch.tensor([0.7, 0.3], dtype=g.dtype),
}
FORMULAS = {
    "AND": "g1 g2",
    "OR": "g1 + g2 - g1 g2",
    "XOR": "g1 + g2 - 2 g1 g2",
    "sum": "0.7 g1 + 0.3 g2",
    "square": "g1^2 g2",
    "saturating": "0.7 s(g1) + 0.3 s(g2) with s(t) = 3 t^2 - 2 t^3, flat at both ends",
}
READINGS = {
    "leave one out": leave_one_out,
    "add one in": add_one_in,
    "Shapley": shapley,
    "integrated gradients": integrated_gradients,
    "slope at the full corner": gradient,
    "surrogate plane": lambda game: linear_surrogate(game, budget=4),
}
PATHS = {  # the steps that a reading takes on the square, as (from, to)
    "leave one out": [((0, 1), (1, 1)), ((1, 0), (1, 1))],
    "add one in": [((0, 0), (1, 0)), ((0, 0), (0, 1))],
    "Shapley": [((0, 0), (1, 0)), ((1, 0), (1, 1)), ((0, 0), (0, 1)), ((0, 1), (1, 1))],
    "integrated gradients": [((0, 0), (1, 1))],
    "slope at the full corner": [((0.7, 1), (1, 1)), ((1, 0.7), (1, 1))],
    "surrogate plane": [],
}


def unit_square() -> Demo:
    """Six readings of six two-player games, drawn on the unit square of their gates."""
    scores = {
        (game, reading): READINGS[reading](Game(SQUARES[game], 2)).scores for game in SQUARES for reading in READINGS
    }

    def draw(game: str, reading: str):
        figure, (left, right) = plots.panels(2, width=3.1, height=2.9)
        square(left, Game(SQUARES[game], 2), reading)
        plots.score_bars(right, scores[game, reading], ["player 1", "player 2"], limit=1.15)
        right.set(title=reading, xlabel="score")
        return figure

    def describe(game: str, reading: str) -> str:
        first, second = scores[game, reading].tolist()
        full = tabulate(Game(SQUARES[game], 2))[-1].item()
        return (
            f"{game}, v = {FORMULAS[game]}; {reading}: player 1 scores {first:.2f}, player 2 scores {second:.2f}, "
            f"together {first + second:.2f}. The full value minus the empty one is {full:.2f}."
        )

    alt = "The unit square of two gates, shaded by value, with the path of a reading, and bars of both players' scores."
    return explore(draw, describe, alt=alt, game=list(SQUARES), reading=list(READINGS))


def square(ax: Axes, game: Game, reading: str) -> Axes:
    """Shade the unit square by the value of a two-player soft game and draw the steps of one reading on it."""
    side = torch.linspace(0, 1, 41, dtype=torch.float64)
    second, first = torch.meshgrid(side, side, indexing="ij")
    gates = torch.stack([first.flatten(), second.flatten()], 1)
    heights = game.evaluate(gates).reshape(41, 41)
    ax.contourf(side, side, heights, levels=torch.linspace(-0.05, 1.05, 12).tolist(), cmap="Blues", alpha=0.75)
    if reading == "surrogate plane":
        plane = READINGS[reading](game)
        levels = plane.intercept + (gates @ plane.scores).reshape(41, 41)
        ax.contour(side, side, levels, colors=plots.INK, linestyles="dashed", linewidths=1.2)
    for start, end in PATHS[reading]:
        arrow = {"arrowstyle": "-|>", "color": plots.INK, "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", xy=end, xytext=start, arrowprops=arrow)
    for corner, value in zip([(0, 0), (1, 0), (0, 1), (1, 1)], tabulate(game).tolist(), strict=True):
        ax.plot(*corner, "o", color=plots.INK, markersize=5, clip_on=False)
        ax.annotate(f"{value:.1f}", corner, (6 - 12 * corner[0], 7 - 14 * corner[1]), textcoords="offset points",
                    ha="right" if corner[0] else "left", va="top" if corner[1] else "bottom")  # fmt: skip
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal", xlabel="gate of player 1", ylabel="gate of player 2")
    ax.set(xticks=[0, 1], yticks=[0, 1], title="the value of both gates")
    return ax


def live_map(games: dict[str, Game], picture: Tensor, seed: int = 0, budget: int = 2000) -> Demo:
    """The map of three kinds of players and four readings, one cell at a time; `picture` is drawn under feature scores."""

    def sampled(game: Game) -> Attribution:
        method = "exact" if game.n <= 10 else "permutation"
        return shapley(game, method, budget=budget, generator=torch.Generator().manual_seed(seed))

    readings = {
        "removal": leave_one_out,
        "Shapley": sampled,
        "gradient": gradient,
        "surrogate": lambda game: linear_surrogate(
            game, budget=budget, generator=torch.Generator().manual_seed(seed)
        ),
    }
    found = {(kind, reading): readings[reading](games[kind]) for kind in games for reading in readings}

    def draw(players: str, reading: str):
        attribution = found[players, reading]
        figure, (ax,) = plots.panels(1, width=5.6, height=3.8)
        if players == "features":
            cells = round(len(attribution.scores) ** 0.5)
            scores = attribution.scores.reshape(cells, cells)
            scores = scores.repeat_interleave(len(picture) // cells, 0).repeat_interleave(len(picture) // cells, 1)
            plots.score_map(ax, scores, picture, "features: squares of 2 x 2 pixels", limit=6.0)
        else:
            plots.score_bars(ax, attribution.scores, attribution.players)
            ax.set(title=players, xlabel="score (margin of 8 over 3)")
        return figure

    def describe(players: str, reading: str) -> str:
        attribution = found[players, reading]
        (first, high), (second, low) = attribution.top(2)
        error = attribution.standard_errors.max().item()
        accuracy = f"standard errors up to {error:.2f}" if error else "no sampling error"
        return (
            f"{players}, {reading}: largest scores {high:.2f} ({first}) and {low:.2f} ({second}); "
            f"all scores together {attribution.scores.sum():.2f}; {attribution.evaluations} evaluations, {accuracy}."
        )

    alt = "Scores of the chosen kind of players under the chosen reading, for the margin of 8 over 3 on the misread digit."
    return explore(draw, describe, alt=alt, players=list(games), reading=list(readings))
