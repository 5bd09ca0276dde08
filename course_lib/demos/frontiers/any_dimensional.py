"""Demos of chapters/frontiers/any_dimensional.ipynb."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib import plots
from course_lib.demos import Demo, explore
from course_lib.frontiers.any_dimensional import Partition, set_partitions, survives_duplication, survives_padding
from course_lib.frontiers.any_size_graphs import TARGETS
from course_lib.frontiers.any_size_runs import HOME, NODES, RECIPES, answers, errors

SIZES = (8, 16, 64)  # the first size is the one trained on
LOOKS = {
    "15, sums": ("#D55E00", "o", "-"),
    "15, means": ("#0072B2", "s", "--"),
    "5, sums": ("#CC79A7", "^", "-."),
    "10, means": ("#009E73", "D", ":"),
}
PLACES = [(0.0, 1.0), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0)]  # legs of a layer from matrices to matrices: outputs above inputs


def recipes_and_sizes() -> Demo:
    """Answers of a network over the truth, and errors over sizes, for a target, a way to extend and a size of the graphs."""

    def describe(target: str, layer: str, nodes: int) -> str:
        error = errors(layer, target, nodes).mean().item()
        where = "the size trained on" if nodes == HOME else f"trained on {HOME}"
        kept, rule = layer.split(", ")
        return f"{kept} diagrams with {rule}, {target}, {nodes} nodes ({where}): error {error:.2g} spreads of the truth."

    alt = (
        "Left, answers of one network over the truth, with the diagonal; answers off the scale lie on the edge. Right, errors "
        "over the number of nodes on logarithmic axes, one line for each kind of layer, the chosen one thick, with a ring at "
        "the chosen size."
    )
    return explore(_draw, describe, alt=alt, target=tuple(TARGETS), layer=tuple(RECIPES), nodes=SIZES)


def _draw(target: str, layer: str, nodes: int) -> Figure:
    figure, (left, right) = plots.panels(2, width=3.6, height=3.3)
    found, truth = answers(layer, target, nodes)
    colour, marker, _ = LOOKS[layer]
    low, high = truth.min().item(), truth.max().item()
    room = 0.35 * (high - low)
    left.plot(truth, found.clamp(low - room, high + room), marker, color=colour, markersize=3.5, alpha=0.7)
    left.plot([low, high], [low, high], color=plots.INK, linewidth=0.8)
    left.set(ylim=(low - 1.2 * room, high + 1.2 * room), xlabel="truth", ylabel="answer", title=f"{target}, {nodes} nodes")
    for name, (other, shape, line) in LOOKS.items():
        heights = [errors(name, target, one).mean().item() for one in NODES]
        width = 2.5 if name == layer else 1
        right.loglog(NODES, heights, line, marker=shape, color=other, linewidth=width, markersize=4, label=name)
    error = errors(layer, target, nodes).mean().item()
    right.plot(nodes, error, "o", markersize=13, color=plots.INK, markerfacecolor="none", markeredgewidth=2)
    right.axhline(1, color=plots.FAINT, linewidth=0.8)
    right.set(ylim=(1e-5, 3e5), xlabel="nodes", ylabel="error / spread", title="mean of five networks")
    right.set_xticks(NODES, [str(one) for one in NODES])
    right.minorticks_off()
    right.legend(loc="upper left", fontsize=9, ncols=2)
    return figure


def draw_diagrams() -> Figure:
    """The fifteen partitions of two output legs (above) and two input legs (below), and which of them survive what."""
    figure, axes = plots.panels(15, width=0.5, height=1.0)
    for ax, one in zip(axes, set_partitions(4), strict=True):
        _draw_legs(ax, one)
        marks = "P" * survives_padding(one, 2) + "D" * survives_duplication(one, 2)
        ax.text(0.5, -0.75, marks, ha="center", va="center", fontsize=10)
    return figure


def _draw_legs(ax: Axes, partition: Partition) -> None:
    for label in set(partition):
        legs = sorted(PLACES[leg] for leg, block in enumerate(partition) if block == label)
        if len(legs) == 4:  # round the square
            legs = [legs[k] for k in (0, 1, 3, 2, 0)]
        ax.plot(*zip(*legs, strict=True), color=plots.INK, linewidth=1.5, zorder=1)
    for leg, (x, y) in enumerate(PLACES):
        colour, shape = (plots.CHOSEN, "s") if leg < 2 else (plots.MOVED, "o")
        ax.plot(x, y, shape, color=colour, markersize=6, zorder=2)
    ax.set(xlim=(-0.4, 1.4), ylim=(-1.05, 1.3), aspect="equal")
    ax.axis("off")
