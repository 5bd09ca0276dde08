"""Demos of chapters/attribution/shapley.ipynb."""

import torch

from course_lib import plots
from course_lib.demos import Demo, explore
from course_lib.games import Game, add_one_in, banzhaf, leave_one_out, shapley, table_game

READINGS = {"leave one out": leave_one_out, "add one in": add_one_in, "Shapley": shapley, "Banzhaf": banzhaf}
METHODS = {
    "orders": {"method": "permutation", "antithetic": False},
    "orders and their reverses": {"method": "permutation", "antithetic": True},
    "kernel regression": {"method": "kernel"},
}


def three_players() -> Demo:
    """Four readings of a three-player game whose coalition values the reader sets; all three together are worth 1."""

    def game(player_1_alone: float, players_1_and_2: float, players_2_and_3: float) -> Game:
        # Order of the corners: nobody, 1, 2, 12, 3, 13, 23, 123. Player 3 adds nothing to player 1.
        values = [0.0, player_1_alone, 0.0, players_1_and_2, 0.0, player_1_alone, players_2_and_3, 1.0]
        return table_game(torch.tensor(values, dtype=torch.float64), ["player 1", "player 2", "player 3"])

    def draw(**point):
        figure, axes = plots.panels(4, width=1.9, height=2.4)
        for ax, (name, reading) in zip(axes, READINGS.items(), strict=True):
            scores = reading(game(**point)).scores
            plots.score_bars(ax, scores, ["1", "2", "3"], limit=1.1)
            ax.set(title=name, xlabel=f"sum {scores.sum():.2f}")
        axes[0].set_ylabel("player")
        return figure

    def describe(**point) -> str:
        parts = []
        for name, reading in READINGS.items():
            scores = reading(game(**point)).scores
            parts.append(f"{name} {', '.join(f'{score:.2f}' for score in scores.tolist())} (sum {scores.sum():.2f})")
        return "Scores of players 1, 2, 3: " + "; ".join(parts) + ". All three together are worth 1."

    return explore(
        draw,
        describe,
        alt="Four small bar charts with the scores of three players: leave one out, add one in, Shapley and Banzhaf.",
        player_1_alone=[0.0, 0.5, 1.0],
        players_1_and_2=[0.0, 0.5, 1.0, 1.5],
        players_2_and_3=[0.0, 0.5, 1.0],
    )


def sampling(game: Game, seed: int = 0) -> Demo:
    """Sampled Shapley values with their 95 % whiskers, over three methods and eight budgets, beside the exact values."""
    exact = shapley(game).scores
    limit = 1.6 * exact.abs().max().item()

    def estimate(method: str, budget: int):
        return shapley(game, budget=budget, generator=torch.Generator().manual_seed(seed), **METHODS[method])

    def draw(method: str, budget: int):
        found = estimate(method, budget)
        figure, (ax,) = plots.panels(1, width=5.6, height=3.6)
        plots.score_bars(ax, found.scores, game.players, found.standard_errors, limit)
        ax.plot(exact, range(game.n), "D", color=plots.INK, markersize=5, label="exact")
        ax.set(xlabel="Shapley value (log-odds of malignant)", title=f"{method}, {found.evaluations} evaluations")
        ax.legend(loc="lower right")
        return figure

    def describe(method: str, budget: int) -> str:
        found = estimate(method, budget)
        error = (found.scores - exact).square().mean().sqrt()
        inside = ((found.scores - exact).abs() <= 1.96 * found.standard_errors + 1e-4).sum()
        return (
            f"{method}, {found.evaluations} evaluations: root mean square error {error:.3f}; {int(inside)} of {game.n} exact "
            f"values lie inside their whiskers; scores add up to {found.scores.sum():.3f}, exact values to {exact.sum():.3f}."
        )

    alt = "Bars of estimated Shapley values of ten tumour measurements with whiskers, and diamonds at the exact values."
    budgets = [42, 64, 100, 160, 260, 420, 700, 1024]
    return explore(draw, describe, alt=alt, method=list(METHODS), budget=budgets)
