"""Demos of chapters/attribution/influence.ipynb."""

from functools import lru_cache

import torch
from scipy.stats import spearmanr
from torch import Tensor

from course_lib import datasets, plots
from course_lib.attribution.curvature import example_gradients, hessian_product, utility_gradients
from course_lib.attribution.data import label_margins, training_game
from course_lib.attribution.influence import influence, newton_without_each
from course_lib.attribution.learners import with_intercept
from course_lib.attribution.linear_learners import Logistic
from course_lib.demos import Demo, explore
from course_lib.games import leave_one_out

LOG_PENALTIES = (2, 1.5, 1, 0.5, 0, -0.5, -1, -2, -3)
ITERATIONS = (0, 2, 3, 4, 6, 8, 12, 16, 24, 40)
READINGS = ("influence", "one Newton step")


def one_patient() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training rows and labels, standardised with a constant, and the test tumour that penalty 1 puts at the lowest margin."""
    split = datasets.breast_cancer()
    x, y, test_x = with_intercept(split.train_x), split.train_y, with_intercept(split.test_x)
    theta = Logistic(1.0).fit(x, y, torch.ones(1, len(x)).double())
    worst = [int(label_margins(Logistic(1.0).outputs(theta, test_x), split.test_y)[0].argmin())]
    return x, y, test_x[worst], split.test_y[worst]


@lru_cache
def effects(log_penalty: float) -> dict[str, Tensor]:
    """Change of the patient's margin `(n,)` for every training tumour: in truth and by both predictions."""
    x, y, test_x, test_y = one_patient()
    learner = Logistic(10.0**log_penalty)
    theta = learner.fit(x, y, torch.ones(1, len(x)).double())
    truth = leave_one_out(training_game(learner, x, y, test_x, test_y, average=True)).scores
    scores = influence(learner, theta[0], x, y, test_x, test_y).scores[:, 0]
    moved = theta - newton_without_each(learner, theta[0], x, y)
    return {"truth": truth, "influence": scores, "one Newton step": label_margins(learner.outputs(moved, test_x), test_y)[:, 0]}


def agreement(first: Tensor, second: Tensor) -> tuple[float, float]:
    """Rank correlation, and the total size of the second as a multiple of that of the first."""
    return float(spearmanr(first, second)[0]), (second.abs().sum() / first.abs().sum()).item()


def penalty_fan() -> Demo:
    """Predicted against true leave one out, as the penalty falls."""

    def draw(log10_penalty: float, prediction: str):
        found = effects(log10_penalty)
        guess, truth = found[prediction], found["truth"]
        figure, (ax,) = plots.panels(1, width=5.2, height=4.2)
        reach = 1.1 * max(guess.abs().max(), truth.abs().max()).item()
        ax.plot([-reach, reach], [-reach, reach], color=plots.FAINT, linestyle=plots.ABSENT)
        colour, marker = plots.KINDS["training data"]
        ax.scatter(guess, truth, color=colour, marker=marker, s=16, alpha=0.7, linewidths=0)
        rank, size = agreement(guess, truth)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), title=f"rank correlation {rank:.2f}, size ratio {size:.2f}")
        ax.set(xlabel=f"predicted by {prediction}", ylabel="true leave one out")
        return figure

    def describe(log10_penalty: float, prediction: str) -> str:
        rank, size = agreement(effects(log10_penalty)[prediction], effects(log10_penalty)["truth"])
        return (
            f"Penalty {10.0**log10_penalty:.3g}, prediction by {prediction}: rank correlation {rank:.3f} with the truth; "
            f"the true changes are together {size:.2f} times as large as predicted."
        )

    alt = "A scatter plot with one mark per training tumour: predicted change across, true change upward, and the diagonal."
    return explore(draw, describe, alt=alt, log10_penalty=LOG_PENALTIES, prediction=READINGS)


@lru_cache
def partial_solutions() -> list[Tensor]:
    """Scores `(n,)` of the patient's margin after k = 0, 1, ... steps of conjugate gradients; k = 0: overlap."""
    x, y, test_x, test_y = one_patient()
    learner = Logistic(1.0)
    theta = learner.fit(x, y, torch.ones(1, len(x)).double())[0]
    right = utility_gradients(learner, theta, test_x, test_y)[0]
    product, examples = hessian_product(learner, theta, x, y), example_gradients(learner, theta, x, y)
    solution, rest, direction, found = torch.zeros_like(right), right, right, [-examples @ right]
    for _ in range(max(ITERATIONS)):
        image = product(direction[None])[0]
        step = (rest @ rest) / (direction @ image)
        solution, old, rest = solution + step * direction, rest, rest - step * image
        direction = rest + (rest @ rest) / (old @ old) * direction
        found.append(-examples @ solution)
    return found


def more_curvature() -> Demo:
    """From gradient overlap to influence, one product with the Hessian at a time."""

    def draw(steps: int):
        guess, truth = partial_solutions()[steps], effects(0)["truth"]
        figure, (ax,) = plots.panels(1, width=5.2, height=4.0)
        colour, marker = plots.KINDS["training data"]
        for values, along in ((guess, "x"), (truth, "y")):
            reach = 1.1 * values.abs().max().item()
            getattr(ax, f"set_{along}lim")(-reach, reach)
        ax.scatter(guess, truth, color=colour, marker=marker, s=16, alpha=0.7, linewidths=0)
        ax.axhline(0, color=plots.FAINT, linewidth=0.8)
        ax.axvline(0, color=plots.FAINT, linewidth=0.8)
        ax.set(xlabel="score with this much of $H^{-1}$", ylabel="true leave one out")
        ax.set_title(f"{steps} products with H: rank correlation {agreement(guess, truth)[0]:.2f}")
        return figure

    def describe(steps: int) -> str:
        rank, _ = agreement(partial_solutions()[steps], effects(0)["truth"])
        what = "No product with H: this is the gradient overlap." if steps == 0 else f"{steps} products with H."
        return f"{what} Rank correlation with true leave one out {rank:.3f}."

    alt = "A scatter plot of 398 training tumours: score by partly solved influence across, true leave one out upward."
    return explore(draw, describe, alt=alt, steps=ITERATIONS)
