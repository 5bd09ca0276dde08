"""Demos of chapters/equivariance/sets_and_signs.ipynb."""

from course_lib import plots
from course_lib.claims.equivariance.sets_and_signs import FITTING, HOME, predictions, set_errors
from course_lib.demos import Demo, explore
from course_lib.equivariance.deep_sets import POOLS
from course_lib.equivariance.set_tasks import TARGETS

SIZES = (8, 4, 16, 64)  # the first is the one trained on
LOOKS = {"sum": ("#0072B2", "o", "-"), "mean": ("#D55E00", "s", "--"), "max": ("#009E73", "^", ":")}


def _draw_pools(pool: str, target: str, size: int):
    figure, (left, right) = plots.panels(2, width=3.6, height=3.3)
    found, truth = predictions(pool, target, size)
    colour, marker, _ = LOOKS[pool]
    low, high = truth.min().item(), truth.max().item()
    room = 0.35 * (high - low)
    said = found[0].clamp(low - room, high + room)
    left.plot(truth[:300], said[:300], marker, color=colour, markersize=3.5, alpha=0.7)
    left.plot([low, high], [low, high], color=plots.INK, linewidth=0.8)
    left.set(ylim=(low - 1.1 * room, high + 1.1 * room), xlabel="truth", ylabel="answer", title=f"{target} of {size} numbers")
    sizes = sorted(SIZES)
    for name, (other, shape, line) in LOOKS.items():
        errors = [set_errors(name, target, one).mean().item() for one in sizes]
        width = 2.5 if name == pool else 1
        right.loglog(sizes, errors, line, marker=shape, color=other, linewidth=width, markersize=4, label=name)
    error = set_errors(pool, target, size).mean().item()
    right.plot(size, error, "o", markersize=13, color=plots.INK, markerfacecolor="none", markeredgewidth=2)
    right.axvline(HOME, color=plots.FAINT, linewidth=0.8)
    right.set(ylim=(0.01, 30), xlabel="size of the set", ylabel="error / spread", title="mean of five networks")
    right.set_xticks(sizes, [str(one) for one in sizes])
    right.minorticks_off()
    right.legend(loc="upper left", fontsize=9)
    return figure


def pools_and_sizes() -> Demo:
    """Answers of a network over the truth, and errors over sizes, for a pool, a target and a size of the sets."""

    def describe(pool: str, target: str, size: int) -> str:
        error = set_errors(pool, target, size).mean().item()
        where = "the size trained on" if size == HOME else f"trained on {HOME}"
        fits = "the fitting pool" if FITTING[target] == pool else f"the fitting pool is {FITTING[target]}"
        return f"{pool} pool ({fits}), {target} of {size} numbers ({where}): error {error:.2f} spreads of the target."

    alt = (
        "Left, answers of a network over the truth, with the diagonal; answers off the scale lie on the edge. Right, errors "
        "over the size of the set on logarithmic axes, one line a pool, the chosen one thick, with a ring at the chosen size."
    )
    return explore(_draw_pools, describe, alt=alt, pool=POOLS, target=tuple(TARGETS), size=SIZES)
