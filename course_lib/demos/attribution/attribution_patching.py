"""Demos of chapters/attribution/attribution_patching.ipynb."""

from course_lib import plots
from course_lib.attribution.replacement_pairs import METRICS
from course_lib.claims.attribution.attribution_patching import DIRECTIONS, Effects, effects
from course_lib.demos import Demo, explore

STEPS = (0, 1, 2, 4, 8, 16, 32)
FEW = range(16)  # pairs in the scatter demo
FEWER = range(8)  # pairs in the demo of the path, which costs more


def _scatter(found: Effects, title: str, colour: str):
    patches, estimates = found.points()
    limit = 1.08 * max(patches.abs().max().item(), estimates.abs().max().item())
    figure, (ax,) = plots.panels(1, width=4.4, height=4.2)
    ax.plot([-limit, limit], [-limit, limit], color=plots.FAINT, linestyle=plots.ABSENT, label="estimate = patch")
    ax.plot(patches, estimates, plots.KINDS["components"][1], color=colour, markersize=4, alpha=0.5, linestyle="none")
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel="real patch", ylabel="estimate", title=title)
    ax.axhline(0, color=plots.INK, linewidth=0.6)
    figure.legend(loc="outside lower center", fontsize=9)
    return figure


def _numbers(found: Effects) -> str:
    return f"mean rank correlation within a pair {found.ranks().mean():.2f}, mean slope {found.slopes().mean():.2f}"


def patch_against_estimate() -> Demo:
    """What attribution patching says against what patching does, for a node type, a metric and a direction."""

    def draw(node: str, metric: str, direction: str):
        title = f"{node}, {metric},\n{direction}"
        return _scatter(effects(node, metric, direction, FEW), title, plots.KINDS["components"][0])

    def describe(node: str, metric: str, direction: str) -> str:
        found = effects(node, metric, direction, FEW)
        return f"Nodes: {node}; metric: {metric}; {direction}; {len(FEW)} pairs: {_numbers(found)}."

    alt = "Scatter of estimates against real patches, one mark per node and pair, with the diagonal on which both are equal."
    return explore(draw, describe, alt=alt, node=("neuron", "head", "stream"), metric=METRICS, direction=DIRECTIONS)


def _along(node: str, steps: int) -> Effects:
    method = "own path" if steps else "tangent"
    return effects(node, rows=FEWER, method=method, steps=steps or 1)


def steps_of_the_path() -> Demo:
    """The fan of estimates closes onto the diagonal as slopes are taken along each node's own way."""

    def draw(steps: int, node: str):
        title = f"{node}, slope at the start" if not steps else f"{node}, {steps} slope{'s' * (steps > 1)} on the way"
        return _scatter(_along(node, steps), title, plots.KINDS["components"][0])

    def describe(steps: int, node: str) -> str:
        found = _along(node, steps)
        patches, estimates = found.points()
        error = ((estimates - patches).square().mean() / patches.square().mean()).sqrt().item()
        return f"{steps or 'No'} step{'s' * (steps != 1)}, nodes: {node}: relative error {error:.4f}, {_numbers(found)}."

    alt = "Scatter of path estimates against real patches, which moves onto the diagonal as the number of steps grows."
    return explore(draw, describe, alt=alt, steps=STEPS, node=("stream", "attention"))
