"""Demos of chapters/explainable/price.ipynb."""

from course_lib import plots
from course_lib.claims.core import corrected_interval, mean_interval
from course_lib.claims.explainable.price import RATIO, fold_differences, of, true_difference
from course_lib.demos import Demo, explore
from course_lib.explainable.learners import BLACK_BOXES

SHARES = [round(0.1 * step, 1) for step in range(11)]
NOISE = 0.5
LINES = {"spline GAM": (plots.POSITIVE, "o"), "MLP": (plots.NEGATIVE, "s"), "boosting": ("#009E73", "^")}
SHOWN = 30  # data sets in the demo of the intervals


def share_of_interaction() -> Demo:
    """R^2 of a spline GAM and two black boxes while interactions take over more and more of the target."""

    def best(share: float) -> tuple[float, float]:
        """Ceilings of an additive model and of any model: `dial` has variance 1, so no quadrature is needed."""
        return (1 - share) / (1 + NOISE**2), 1 / (1 + NOISE**2)

    def mean(share: float, rows: int, name: str) -> float:
        return of(f"dial {share} {rows}", name).mean().item()

    def draw(share_of_interaction: float, rows: int):
        seen = [share for share in SHARES if share <= share_of_interaction]
        figure, (ax,) = plots.panels(1, width=6.0, height=3.8)
        ax.plot([0, 1], [best(0)[0], best(1)[0]], color=plots.INK, linestyle=plots.ABSENT, label="ceiling of additive models")
        ax.plot([0, 1], [best(0)[1]] * 2, color=plots.INK, linewidth=0.8, label="ceiling of all models")
        for name, (colour, marker) in LINES.items():
            ax.plot(seen, [mean(share, rows, name) for share in seen], color=colour, marker=marker, markersize=5, label=name)
        ax.set(xlim=(-0.03, 1.03), ylim=(-0.15, 0.9), xlabel="share of interaction in the target", ylabel="R² on fresh rows")
        ax.set_title(f"{rows} training rows")
        figure.legend(loc="outside lower center", ncols=3, fontsize=9)
        return figure

    def describe(share_of_interaction: float, rows: int) -> str:
        share = share_of_interaction
        gam, box = mean(share, rows, "spline GAM"), of(f"dial {share} {rows}", *BLACK_BOXES).mean().item()
        return (
            f"Interactions carry {share:.0%} of the target's variance, {rows} training rows: spline GAM {gam:.2f} "
            f"(additive ceiling {best(share)[0]:.2f}), black box {box:.2f} (ceiling {best(share)[1]:.2f}), "
            f"gap {gam - box:+.2f}."
        )

    alt = (
        "R squared against the share of interaction: a dashed line, the ceiling of additive models, falls to zero, and "
        "the spline GAM falls with it; the two black boxes stay nearer to the level upper line, more so with more rows."
    )
    return explore(draw, describe, alt=alt, share_of_interaction=SHARES, rows=(200, 1000))


def intervals_of_cross_validation() -> Demo:
    """Thirty data sets, thirty intervals for one and the same truth, as cross-validation is repeated more often."""

    def intervals(interval: str, repeats: int) -> list[tuple[float, float, float]]:
        tables = fold_differences(SHOWN, repeats, seed=2)
        return [mean_interval(row) if interval == "naive" else corrected_interval(row, RATIO) for row in tables]

    def draw(repeats: int, interval: str):
        figure, (ax,) = plots.panels(1, width=6.0, height=3.4)
        truth = true_difference()
        for place, (middle, low, high) in enumerate(sorted(intervals(interval, repeats))):
            hit = low <= truth <= high
            colour, marker = (plots.POSITIVE, "o") if hit else (plots.NEGATIVE, "X")
            ax.plot([place] * 2, [low, high], color=colour, linewidth=2 if hit else 3.5)
            ax.plot(place, middle, marker, color=colour, markersize=4 if hit else 7)
        ax.axhline(truth, color=plots.INK, linewidth=0.8)
        ax.set(xlabel="data set, sorted", ylabel="difference", ylim=(-0.35, 0.9), xticks=[])
        ax.set_title(f"{interval} interval, 5 folds × {repeats}; crosses miss the truth")
        return figure

    def describe(repeats: int, interval: str) -> str:
        found, truth = intervals(interval, repeats), true_difference()
        hits = sum(low <= truth <= high for _, low, high in found)
        width = sum(high - low for _, low, high in found) / SHOWN
        seen = f"{hits} of {SHOWN} intervals contain the truth; mean width {width:.2f}."
        return f"{interval} interval, 5 folds, repeats: {repeats}. {seen}"

    alt = "Thirty vertical intervals around a horizontal line, the truth; those that miss it are drawn thick with a cross."
    return explore(draw, describe, alt=alt, repeats=(1, 2, 5, 10, 20, 50), interval=("naive", "corrected"))
