"""Claims of chapters/frontiers/data_geometry.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib.claims.core import Record, decide, mean_interval
from course_lib.frontiers.curves import circle, hilbert_curve, straight
from course_lib.frontiers.discs import disc_area, disc_cover, sample_disc
from course_lib.frontiers.nearest import relative_error

DENSITY = 100  # points of a sample for each area of a covering disc
ORDER = 5


# ------------------------------------------------------------------------------------------------------------- covers


@cache
def cover_size(kind: str, radius: float, r: float, seed: int) -> int:
    """Size of a greedy r-cover of points drawn uniformly from a disc, a hundred for each area of a disc of radius r."""
    count = round(DENSITY * disc_area(kind, radius) / disc_area(kind, r))
    x = sample_disc(kind, radius, count, torch.Generator().manual_seed(seed))
    return len(disc_cover(kind, x, r))


def growth_rate(kind: str, radii: tuple[float, ...], r: float, seed: int) -> float:
    """Slope of log(size of the cover) over the radius, by least squares."""
    x = torch.tensor(radii, dtype=torch.float64)
    y = torch.tensor([cover_size(kind, radius, r, seed) for radius in radii], dtype=torch.float64).log()
    return (((x - x.mean()) * y).sum() / (x - x.mean()).square().sum()).item()


def hyperbolic_covers_grow_exponentially(seeds: int = 5, radii: tuple[float, ...] = (4.0, 5.0, 6.0)) -> Record:
    """Growth rate of greedy covers of hyperbolic discs by discs of radius 1."""
    rates = torch.tensor([growth_rate("hyperbolic", radii, 1.0, seed) for seed in range(seeds)])
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


# ------------------------------------------------------------------------------------------------------------- curves


@cache
def error_on(shape: str, count: int, seed: int) -> float:
    """Relative error of the nearest of `count` points: on a "circle", on "order 5", or on that one pulled "straight"."""
    curves = {"circle": circle, "straight": lambda: straight(hilbert_curve(ORDER).length)}
    curve = curves[shape]() if shape in curves else hilbert_curve(int(shape.removeprefix("order ")))
    return relative_error(curve, count, seed)


def errors_on(shape: str, count: int, seeds: int) -> Tensor:
    """Relative errors for seeds 0, 1, ...: `(seeds,)`."""
    return torch.tensor([error_on(shape, count, seed) for seed in range(seeds)], dtype=torch.float64)


def _times_harder(name: str, statement: str, easy: str, count: int, seeds: int, threshold: float) -> Record:
    """Error on the folded curve over error on an easy one: mean log ratio; a seed draws the same shares of both lengths."""
    logs = (errors_on(f"order {ORDER}", count, seeds) / errors_on(easy, count, seeds)).log()
    estimate, low, high = torch.tensor(mean_interval(logs)).exp().tolist()
    return Record(
        id=f"frontiers/data_geometry/{name}",
        statement=statement,
        kind="measured",
        threshold=f"error of the nearest of {count} points, divided by that on the easy curve, above {threshold}",
        estimate=estimate,
        low=low,
        high=high,
        unit="times the error (geometric mean)",
        verdict=decide(low, high, above=threshold),
        seeds=seeds,
        repeats="samples of training and test points",
    )


def same_dimension_is_not_same_difficulty(seeds: int = 10) -> Record:
    """Circle of length 3 against the fifth order, 200 points each."""
    return _times_harder(
        "same_dimension_is_not_same_difficulty",
        "From 200 points each, a wave along a space-filling curve is learnt at least ten times worse than along a circle.",
        "circle",
        200,
        seeds,
        10,
    )


def folding_alone_is_harder(seeds: int = 10) -> Record:
    """The fifth order against the same curve pulled straight, 800 points each."""
    return _times_harder(
        "folding_alone_is_harder",
        "From 800 points each, a wave along a folded curve is learnt at least three times worse than along the same curve "
        "pulled straight.",
        "straight",
        800,
        seeds,
        3,
    )
