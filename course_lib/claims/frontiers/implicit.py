"""Claims of chapters/frontiers/implicit.ipynb. The runs are those of `course_lib.data.make_implicit`."""

import csv
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from course_lib.claims.core import Record, decide, mean_interval

FOLDER = Path(__file__).parents[2] / "data"
MIDDLE, ENDS = 2.0, (0.25, 32.0)  # bandwidths, cycles per side of the image
FEW, MANY = 4, 16  # views


@cache
def stored(name: str, setting: str) -> dict[tuple[float, int], dict[str, float]]:
    """The rows of a stored table, by setting and seed."""
    with (FOLDER / name).open(encoding="utf8", newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return {(row[setting], int(row["seed"])): row for row in rows}


def column(name: str, setting: str, what: str) -> tuple[list[float], Tensor]:
    """The settings, and one column of a stored table as `(settings, seeds)`.

    >>> column("implicit_views.csv", "views", "held_out")[0]
    [2.0, 4.0, 8.0, 16.0]
    """
    rows = stored(name, setting)
    settings, seeds = (sorted(set(part)) for part in zip(*rows, strict=True))
    return settings, torch.tensor([[rows[s, seed][what] for seed in seeds] for s in settings], dtype=torch.float64)


def by_bandwidth(what: str) -> tuple[list[float], Tensor]:
    """PSNR on "shown" or "hidden" pixels by bandwidth and seed."""
    return column("implicit_bandwidth.csv", "bandwidth", what)


def by_views(what: str) -> tuple[list[float], Tensor]:
    """PSNR on "training" views, "held_out" views, or of the "nearest" training view, by number of views and seed."""
    return column("implicit_views.csv", "views", what)


def _record(name: str, statement: str, above: float, threshold: str, gains: Tensor, repeats: str) -> Record:
    estimate, low, high = mean_interval(gains)
    return Record(
        id=f"frontiers/implicit/{name}",
        statement=statement,
        kind="measured",
        threshold=threshold,
        estimate=estimate,
        low=low,
        high=high,
        unit="dB",
        verdict=decide(low, high, above=above),
        seeds=len(gains),
        repeats=repeats,
    )


def middle_bandwidth_is_best(above: float = 1.0) -> Record:
    """Held-out PSNR of the middle bandwidth minus the better of both ends."""
    settings, hidden = by_bandwidth("hidden")
    ends = hidden[[settings.index(end) for end in ENDS]].amax(0)
    return _record(
        "middle_bandwidth_is_best",
        f"On hidden pixels of one photograph, bandwidth {MIDDLE:g} beats both {ENDS[0]:g} and {ENDS[1]:g}.",
        above,
        f"mean gain over the better of both ends, in PSNR on hidden pixels, above {above:g} dB",
        hidden[settings.index(MIDDLE)] - ends,
        "draws of features, weights and hidden pixels, one photograph",
    )


def best_on_shown_pixels_memorises(above: float = 5.0) -> Record:
    """Held-out PSNR of the declared middle bandwidth minus that of whichever fits each draw's shown pixels best."""
    settings, hidden = by_bandwidth("hidden")
    chosen = by_bandwidth("shown")[1].argmax(0)
    return _record(
        "best_on_shown_pixels_memorises",
        f"The bandwidth that fits the shown pixels best is far worse than bandwidth {MIDDLE:g} on the hidden ones.",
        above,
        f"mean loss in PSNR on hidden pixels above {above:g} dB",
        hidden[settings.index(MIDDLE)] - hidden.gather(0, chosen[None])[0],
        "draws of features, weights and hidden pixels, one photograph",
    )


def more_views_help(above: float = 3.0) -> Record:
    """Held-out PSNR after learning from many views minus that from few, the same seeds and number of steps."""
    settings, held_out = by_views("held_out")
    return _record(
        "more_views_help",
        f"A radiance field learnt from {MANY} views shows new views better than one learnt from {FEW}, after equal training.",
        above,
        f"mean gain in PSNR on held-out views above {above:g} dB",
        held_out[settings.index(MANY)] - held_out[settings.index(FEW)],
        "draws of cameras, weights and rays, one scene and the same eight held-out views",
    )
