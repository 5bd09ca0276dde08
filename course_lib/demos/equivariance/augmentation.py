"""Demo of chapters/equivariance/augmentation.ipynb: how many digits are augmented, and how many readers are asked."""

from functools import cache

import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plots
from course_lib.claims.equivariance.augmentation import HIDDEN, STEPS
from course_lib.datasets import digits
from course_lib.demos import Demo, explore
from course_lib.equivariance import augmentation, ensembles
from course_lib.symmetries import readers

FRACTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
SIZES = (25, 50, 200)
MEMBERS = (1, 8)
SHOWN = 3  # which test digit is turned


@cache
def scores(augmented: float, digits_seen: int) -> Tensor:
    """Eight readers of the same digits on all test digits in four positions, `(4, 8, 500, 10)`."""
    split, generator = digits(), torch.Generator().manual_seed(3)
    (images,), (labels,) = readers.draws(split.train_x, split.train_y, digits_seen, 1, seed=3)
    weights = readers.initial_weights(MEMBERS[-1], HIDDEN, generator)
    stack = ensembles.augmented_stack(weights, images, labels, augmented, generator, steps=STEPS)
    return ensembles.stack_scores(stack, split.test_x)


@cache
def measured(augmented: float, digits_seen: int, readers_asked: int) -> tuple[list[int], float, float]:
    """Answers to one digit in four positions; share of test digits whose answer changes, and read right in all positions."""
    asked = ensembles.grouped(scores(augmented, digits_seen), readers_asked)
    answers = asked.argmax(-1)
    right = (answers == digits().test_y).double().mean().item()
    return answers[:, 0, SHOWN].tolist(), augmentation.flipped(asked).double().mean().item(), right


def fraction_explorer() -> Demo:
    """One digit turned, the answers to it, and how often answers change and are right."""

    def draw(augmented: float, digits_seen: int, readers_asked: int) -> Figure:
        said, flips, right = measured(augmented, digits_seen, readers_asked)
        figure = plots.plt.figure(figsize=(6.4, 4.2), layout="constrained")
        grid = figure.add_gridspec(2, 4, height_ratios=(1, 1.25))
        for k, answer in enumerate(said):
            image = torch.rot90(digits().test_x[SHOWN], k)
            plots.show_image(figure.add_subplot(grid[0, k]), image, f"read as {answer}")
        ax = figure.add_subplot(grid[1, :])
        bars = ax.barh(("answer changes", "read right"), (flips, right), color=(plots.CHOSEN, plots.QUOTIENT), height=0.6)
        bars[0].set_hatch("////")
        bars[0].set_edgecolor("white")
        for row, value in enumerate((flips, right)):
            ax.text(value + 0.01, row, f"{value:.3f}", va="center")
        ax.invert_yaxis()
        ax.set(xlim=(0, 1.1), xlabel="share of 500 test digits")
        ax.set_title(f"{augmented:.0%} of {digits_seen} digits augmented, readers: {readers_asked}")
        return figure

    def describe(augmented: float, digits_seen: int, readers_asked: int) -> str:
        said, flips, right = measured(augmented, digits_seen, readers_asked)
        who = "one reader" if readers_asked == 1 else f"the mean of {readers_asked} readers"
        return (
            f"{augmented:.0%} of {digits_seen} training digits in all four positions; {who}. This {digits().test_y[SHOWN]} "
            f"is read as {', '.join(map(str, said))}. The answer changes on {flips:.3f} of all test digits; "
            f"{right:.3f} are read right."
        )

    alt = (
        "Above, one test digit in four positions, with what is read in each; below, two bars: the share of test digits whose "
        "answer changes when they are turned, and the share read right."
    )
    return explore(draw, describe, alt=alt, augmented=FRACTIONS, digits_seen=SIZES, readers_asked=MEMBERS)
