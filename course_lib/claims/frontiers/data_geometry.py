"""Claims of chapters/frontiers/data_geometry.ipynb.

Every claim draws its seeds from FIRST_SEED on, far from those of the chapter's tables and of the experiments before them: their
thresholds stood in the history of this file before any of these seeds was drawn.
"""

import math
from functools import cache

import torch
from torch import Tensor

from course_lib.claims.core import Record, decide, mean_interval
from course_lib.frontiers.curves import circle, hilbert_curve, straight
from course_lib.frontiers.discs import cover_bounds, disc_area, disc_cover, sample_disc
from course_lib.frontiers.nearest import relative_error

DENSITY = 100  # points of a sample for each area of a covering disc
ORDER = 5
FIRST_SEED = 1000


# ------------------------------------------------------------------------------------------------------------- covers


@cache
def cover(kind: str, radius: float, r: float, seed: int) -> Tensor:
    """Centres of a greedy r-cover of points drawn uniformly from a disc, a hundred for each area of a disc of radius r."""
    count = round(DENSITY * disc_area(kind, radius) / disc_area(kind, r))
    x = sample_disc(kind, radius, count, torch.Generator().manual_seed(seed))
    return x[disc_cover(kind, x, r)]


def cover_size(kind: str, radius: float, r: float, seed: int) -> int:
    """Number of these centres."""
    return len(cover(kind, radius, r, seed))


def growth_rate(kind: str, radii: tuple[float, ...], r: float, seed: int) -> float:
    """Slope of log(size of the cover) over the radius, by least squares."""
    x = torch.tensor(radii, dtype=torch.float64)
    y = torch.tensor([cover_size(kind, radius, r, seed) for radius in radii], dtype=torch.float64).log()
    return (((x - x.mean()) * y).sum() / (x - x.mean()).square().sum()).item()


def hyperbolic_covers_grow_exponentially(seeds: int = 5, radii: tuple[float, ...] = (4.0, 5.0, 6.0)) -> Record:
    """Growth rate of greedy covers of hyperbolic discs by discs of radius 1."""
    rates = torch.tensor([growth_rate("hyperbolic", radii, 1.0, seed) for seed in _seeds(seeds)])
    estimate, low, high = mean_interval(rates)
    return Record(
        id="frontiers/data_geometry/hyperbolic_covers_grow_exponentially",
        statement="In the hyperbolic plane the number of discs of radius 1 that cover a disc of radius R grows like exp(R).",
        kind="measured",
        threshold="growth rate of the logarithm for R from 4 to 6 between 0.9 and 1.15",
        estimate=estimate,
        low=low,
        high=high,
        unit="per unit of radius",
        verdict=decide(low, high, above=0.9, below=1.15),
        seeds=seeds,
        repeats="samples of the discs",
    )


def halfway(radius: float, r: float) -> float:
    """Halfway, on a logarithmic scale, from "no fewer" to what the areas foretell for sphere over plane.

    The root of (area(R) / area(r) on the sphere) / (R / r)^2, the ratio of the least numbers of discs.
    """
    return math.sqrt(cover_bounds("sphere", radius, r)[0] / cover_bounds("plane", radius, r)[0])


def positive_curvature_needs_fewer_discs(seeds: int = 10, radius: float = 2.0, r: float = 0.5) -> Record:
    """Greedy covers of discs of the same radius: sphere over plane."""
    sizes = [[cover_size(kind, radius, r, seed) for kind in ("sphere", "plane")] for seed in _seeds(seeds)]
    sphere, plane = torch.tensor(sizes, dtype=torch.float64).T
    estimate, low, high = _geometric_mean(sphere / plane)
    threshold = halfway(radius, r)
    return Record(
        id="frontiers/data_geometry/positive_curvature_needs_fewer_discs",
        statement="A disc of radius 2 on the unit sphere needs fewer discs of radius 0.5 than in the plane; in logarithms, "
        "at least half of what the areas foretell.",
        kind="measured",
        threshold=f"size of the greedy cover on the sphere, divided by that in the plane, below {threshold:.2f}",
        estimate=estimate,
        low=low,
        high=high,
        unit="times the discs (geometric mean)",
        verdict=decide(low, high, below=threshold),
        seeds=seeds,
        repeats="pairs of samples of the discs",
    )


# ------------------------------------------------------------------------------------------------------------- curves


@cache
def error_on(shape: str, count: int, seed: int) -> float:
    """Relative error of the nearest of `count` points: on a "circle", on "order 5", or on that one pulled "straight"."""
    curves = {"circle": circle, "straight": lambda: straight(hilbert_curve(ORDER).length)}
    curve = curves[shape]() if shape in curves else hilbert_curve(int(shape.removeprefix("order ")))
    return relative_error(curve, count, seed)


def errors_on(shape: str, count: int, seeds: int, first: int = 0) -> Tensor:
    """Relative errors for seeds first, first + 1, ...: `(seeds,)`."""
    return torch.tensor([error_on(shape, count, seed) for seed in range(first, first + seeds)], dtype=torch.float64)


def folding_alone_is_harder(seeds: int = 10, count: int = 800) -> Record:
    """The fifth order against the same curve pulled straight; a seed draws the same points of both."""
    folded, flat = (errors_on(shape, count, seeds, FIRST_SEED) for shape in (f"order {ORDER}", "straight"))
    estimate, low, high = _geometric_mean(folded / flat)
    return Record(
        id="frontiers/data_geometry/folding_alone_is_harder",
        statement=f"From {count} points each, a wave along a folded curve is learnt at least three times worse than along the "
        "same curve pulled straight.",
        kind="measured",
        threshold=f"error of the nearest of {count} points, divided by that on the straight curve, above 3",
        estimate=estimate,
        low=low,
        high=high,
        unit="times the error (geometric mean)",
        verdict=decide(low, high, above=3),
        seeds=seeds,
        repeats="samples of training and test points",
    )


def _seeds(count: int) -> range:
    return range(FIRST_SEED, FIRST_SEED + count)


def _geometric_mean(ratios: Tensor) -> tuple[float, float, float]:
    return tuple(math.exp(value) for value in mean_interval(ratios.log()))
