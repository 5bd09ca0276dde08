"""Demo of chapters/attribution/gradients.ipynb."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib import plots
from course_lib.attribution.saliency import saliency
from course_lib.demos import Demo, explore
from course_lib.demos.attribution.removal import digit_baselines

NODES = 400  # the running sum is a midpoint rule, so that it may be read at any node


def path(net: nn.Module, digit: Tensor, margin: Callable) -> Demo:
    """Along the straight line to the digit: the image, the change of the margin per step, and the running sum."""
    every = digit_baselines(digit)
    baselines = {name: every[name] for name in ("blank paper", "mean image", "nearest 3")}
    times = (torch.arange(NODES) + 0.5) / NODES
    rates = {}
    for name, start in baselines.items():
        points = torch.lerp(start, digit, times[:, None, None])
        rates[name] = (saliency(net, points, target=margin) * (digit - start)).sum((1, 2)).double()

    def so_far(baseline: str, path_walked: int) -> tuple[int, Tensor]:
        """Nodes passed, and the running sum after each node, starting at 0."""
        sums = torch.cat([torch.zeros(1).double(), rates[baseline].cumsum(0) / NODES])
        return path_walked * NODES // 100, sums

    def draw(baseline: str, path_walked: int):
        passed, sums = so_far(baseline, path_walked)
        rate = rates[baseline]
        figure, (left, middle, right) = plots.panels(3, width=2.3)
        plots.show_image(left, torch.lerp(baselines[baseline], digit, path_walked / 100), "the image here")
        edges = torch.arange(NODES + 1) / NODES
        for ax, values, at, title in (
            (middle, rate, times, "change per unit of path"),
            (right, sums, edges, "running sum"),
        ):
            shown = passed + (ax is right)
            ax.plot(at, values, color=plots.FAINT, linewidth=1, linestyle=plots.ABSENT)
            ax.plot(at[:shown], values[:shown], color=plots.POSITIVE, linewidth=2)
            ax.axhline(0, color=plots.INK, linewidth=0.6)
            ax.set(xlim=(0, 1), xticks=[0, 0.5, 1], xlabel="share of the path", title=title)
        middle.fill_between(times[:passed], rate[:passed], color=plots.POSITIVE, alpha=0.25, linewidth=0)
        right.plot(edges[passed], sums[passed], "o", color=plots.POSITIVE)
        return figure

    def describe(baseline: str, path_walked: int) -> str:
        passed, sums = so_far(baseline, path_walked)
        ends = margin(net(torch.stack([baselines[baseline], digit])))
        return (
            f"From {baseline}, {path_walked} % of the path: the running sum is {sums[passed]:.2f} of {sums[-1]:.2f} in all. "
            f"The margin is {ends[0]:.2f} at the start and {ends[1]:.2f} at the digit, a change of {ends[1] - ends[0]:.2f}."
        )

    alt = (
        "The image at a point of the path, the change of the margin per unit of path as a curve, and its running sum; "
        "solid is what has been walked, dashed what is to come."
    )
    return explore(draw, describe, alt=alt, baseline=list(baselines), path_walked=list(range(0, 101, 10)))
