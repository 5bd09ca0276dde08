"""Demos of chapters/symmetries/benefits.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib import plots
from course_lib.claims.symmetries.benefits import BAND, MODELS, trained, turned_accuracies
from course_lib.datasets import digits
from course_lib.demos import Demo, explore
from course_lib.symmetries import kernels

SIZES = (55, 64, 80, 110, 160, 240, 400, 700)  # samples of the plain kernel
NOISES = (0.1, 0.3, 1.0)
LEVELS = (0.0, 0.1, 0.2, 0.3, 0.5)
SHOWN = 7  # which upright test digit the second demo turns and disturbs


@cache
def learning_curves(group: str, noise: float, targets: int = 2, repeats: int = 30) -> tuple[list[int], Tensor, Tensor]:
    """Few sample sizes `(m,)`, errors of the invariant kernel there, and of the plain kernel at `SIZES`."""
    action = kernels.torus_action(group)
    few = [round(n / kernels.predicted_gain(action, BAND)) for n in SIZES]
    plain, invariant = torch.zeros(2, len(SIZES), dtype=torch.float64)
    for seed in range(targets):
        generator = torch.Generator().manual_seed(seed)
        theta = kernels.random_invariant(action, BAND, generator)
        plain += kernels.wave_risks(None, theta, SIZES, noise, repeats, generator).mean(1) / targets
        invariant += kernels.wave_risks(action, theta, few, noise, repeats, generator).mean(1) / targets
    return few, invariant, plain


def samples_worth() -> Demo:
    """Two learning curves on the torus, the arrow between them, and where counting puts the second one."""

    def draw(group: str, noise: float):
        few, invariant, plain = learning_curves(group, noise)
        gain = kernels.predicted_gain(kernels.torus_action(group), BAND)
        figure, (ax,) = plots.panels(1, width=6.0, height=3.9)
        ax.loglog(SIZES, plain, "s-", color=plots.FAINT, label="plain kernel")
        ax.loglog(few, invariant, "^-", color=plots.QUOTIENT, label="invariant kernel")
        ax.loglog([n / gain for n in SIZES], plain, "--", color=plots.INK, label="plain, samples over counted gain")
        at = len(SIZES) // 2
        worth = few[at] * kernels.horizontal_gain(SIZES, plain, [few[at]], invariant[at : at + 1])
        arrow = {"arrowstyle": "->", "color": plots.INK, "linewidth": 1.4}
        ax.annotate("", (worth, invariant[at].item()), (few[at], invariant[at].item()), arrowprops=arrow)
        ax.text(1.1 * worth, 1.5 * invariant[at].item(), f"{few[at]} do for {worth:.0f}", fontsize=9.5)
        ax.set(xlabel="samples", ylabel="mean squared error", xlim=(4, 900), ylim=(1.5e-4, 3))
        ax.set_title(f"{group}, noise {noise}")
        ax.legend(fontsize=9, loc="lower left")
        return figure

    def describe(group: str, noise: float) -> str:
        few, invariant, plain = learning_curves(group, noise)
        action = kernels.torus_action(group)
        return (
            f"{group}, noise {noise}: {action.group.order} elements, counted gain {kernels.predicted_gain(action, BAND):.1f}, "
            f"measured {kernels.horizontal_gain(SIZES, plain, few, invariant):.1f}."
        )

    alt = (
        "Two falling learning curves on logarithmic axes, the invariant kernel's to the left of the plain one's, an arrow "
        "from one to the other, and a dashed curve, the plain one divided by the counted gain, close to the invariant one."
    )
    return explore(draw, describe, alt=alt, group=kernels.GROUPS, noise=NOISES)


def noisy_digit(noise: float) -> Tensor:
    """One test digit in all four positions, the same noise lying on the paper and turned along, `(4, 8, 8)`."""
    image = digits().test_x[SHOWN]
    paper = image + noise * torch.randn(8, 8, generator=torch.Generator().manual_seed(1))
    return torch.stack([torch.rot90(paper, k) for k in range(4)])


def noise_against_model() -> Demo:
    """What a reader says to one noisy digit in four positions, and how much of all digits each reader gets right."""

    def answers(noise: float, model: str) -> list[int]:
        return trained(model, 400)(noisy_digit(noise))[0].argmax(1).tolist()

    def draw(noise: float, model: str):
        figure = plots.plt.figure(figsize=(6.4, 4.4), layout="constrained")
        grid = figure.add_gridspec(2, 4, height_ratios=(1, 1.6))
        for k, (image, answer) in enumerate(zip(noisy_digit(noise), answers(noise, model), strict=True)):
            plots.show_image(figure.add_subplot(grid[0, k]), image, f"read as {answer}")
        ax, right = figure.add_subplot(grid[1, :]), [turned_accuracies(m, 400, noise=noise).mean().item() for m in MODELS]
        colours = [plots.CHOSEN if m == model else plots.FAINT for m in MODELS]
        for bar, m in zip(ax.barh(range(len(MODELS)), right, color=colours), MODELS, strict=True):
            bar.set_hatch("////" if m == model else "")
            bar.set_edgecolor("white")
        for row, value in enumerate(right):
            ax.text(value + 0.01, row, f"{value:.2f}", va="center", fontsize=9)
        ax.set_yticks(range(len(MODELS)), MODELS)
        ax.invert_yaxis()
        ax.set(xlim=(0, 1.08), xlabel=f"read right, all positions, noise {noise}")
        return figure

    def describe(noise: float, model: str) -> str:
        said, right = answers(noise, model), turned_accuracies(model, 400, noise=noise).mean().item()
        words = "the same answer" if len(set(said)) == 1 else f"{len(set(said))} different answers"
        return f"Noise {noise}, {model}: {words} in the four positions; {right:.2f} of all test digits read right."

    alt = (
        "Above, a noisy digit in four positions with the answer of the chosen reader; below, bars for six readers with the "
        "share of digits that each reads right at this noise, the chosen reader's bar coloured and hatched."
    )
    return explore(draw, describe, alt=alt, noise=LEVELS, model=tuple(MODELS))
