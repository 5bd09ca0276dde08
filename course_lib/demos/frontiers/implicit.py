"""Demo of chapters/frontiers/implicit.ipynb: what a network makes of half a photograph, by bandwidth and time."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib import plots
from course_lib.demos import Demo, explore
from course_lib.frontiers.coordinates import Fit, fit_photograph, photograph

BANDWIDTHS = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 32.0]
STEPS = [240, 60, 20]


def fit(bandwidth: float) -> Fit:
    """The run of seed 0."""
    return fit_photograph("fourier", bandwidth, seed=0)


def bandwidth_explorer() -> Demo:
    """The photograph as learnt from half of its pixels, and PSNR on both halves by bandwidth."""

    def draw(bandwidth: float, steps: int) -> Figure:
        figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.7), layout="constrained", width_ratios=(1, 1, 1.35))
        for ax, image, title in zip(axes, (photograph(), fit(bandwidth).images[steps]), ("truth", "network"), strict=False):
            ax.imshow(image, interpolation="nearest")
            ax.set(xticks=[], yticks=[], title=title)
            ax.spines[:].set_visible(False)
        _chart(axes[2], bandwidth, steps)
        return figure

    def describe(bandwidth: float, steps: int) -> str:
        found = fit(bandwidth)
        return (
            f"Bandwidth {bandwidth:g} cycles per side, after {steps} steps: {found.shown[steps]:.1f} dB on shown pixels, "
            f"{found.hidden[steps]:.1f} dB on hidden ones."
        )

    alt = (
        "A small photograph of a temple, what a network makes of it that has seen half of the pixels, and a chart of PSNR on "
        "shown and on hidden pixels by bandwidth, with the chosen bandwidth marked."
    )
    return explore(draw, describe, alt=alt, bandwidth=BANDWIDTHS, steps=STEPS)


def _chart(ax: Axes, bandwidth: float, steps: int) -> None:
    """PSNR by bandwidth, on both halves of the pixels, with the chosen bandwidth marked."""
    for part, colour, style in (("shown", plots.CHOSEN, "s--"), ("hidden", plots.MOVED, "o-")):
        heights = [getattr(fit(each), part)[steps] for each in BANDWIDTHS]
        ax.semilogx(BANDWIDTHS, heights, style, color=colour, markersize=4, base=2, label=f"{part} pixels")
        ax.plot(bandwidth, getattr(fit(bandwidth), part)[steps], "o", color=colour, markersize=11, alpha=0.5)
    ax.axvline(bandwidth, color=plots.FAINT, linewidth=0.8)
    ax.set(ylim=(5, 60), xlabel="bandwidth (cycles per side)", ylabel="PSNR (dB)", title=f"after {steps} steps")
    ax.set_xticks(BANDWIDTHS, ["¼", "½", "1", "2", "4", "8", "32"])
    ax.minorticks_off()
    ax.legend(fontsize=8.5, loc="upper left")
