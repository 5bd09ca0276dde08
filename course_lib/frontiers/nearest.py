"""Nearest neighbours on a curve: how well does the label of the nearest training point in the plane do?

Chapters: frontiers/data_geometry. The label is a wave of wavelength 1 along the curve, the same smooth function of arc length
on every curve. The learner sees points of the plane, never the arc length.
"""

import math

import torch
from torch import Tensor

from course_lib.frontiers.curves import Curve

WAVELENGTH = 1.0


def label(s: Tensor) -> Tensor:
    """sin(2 pi s / wavelength) at arc length s, any shape.

    >>> label(torch.tensor([0.0, 0.25])).tolist()
    [0.0, 1.0]
    """
    return (2 * math.pi * s / WAVELENGTH).sin()


def nearest(x: Tensor, train: Tensor, rows: int = 500) -> Tensor:
    """Index of the nearest training point: `(m, d)`, `(n, d)` -> `(m,)`. Raises ValueError without training points.

    >>> nearest(torch.tensor([[0.2], [0.9]]), torch.tensor([[0.0], [1.0]])).tolist()
    [0, 1]
    """
    if not len(train):
        raise ValueError("train must hold at least one point, got none")
    exact = "donot_use_mm_for_euclid_dist"
    return torch.cat([torch.cdist(part, train, compute_mode=exact).argmin(1) for part in x.split(rows)])


def draw(curve: Curve, count: int, generator: torch.Generator) -> Tensor:
    """Arc lengths drawn uniformly along a curve, `(count,)`, in float64.

    >>> from course_lib.frontiers.curves import circle
    >>> draw(circle(), 4, torch.Generator().manual_seed(0)).shape
    torch.Size([4])
    """
    return curve.length * torch.rand(count, generator=generator, dtype=torch.float64)


def relative_error(curve: Curve, count: int, seed: int, tests: int = 1000) -> float:
    """Mean squared error over variance of the label, of the nearest of `count` points drawn along the curve.

    0 is perfect, 1 is the mean of the labels, 2 the label of an unrelated point.

    >>> from course_lib.frontiers.curves import circle
    >>> relative_error(circle(), 1000, 0) < 0.01
    True
    """
    generator = torch.Generator().manual_seed(seed)
    train, test = draw(curve, count, generator), draw(curve, tests, generator)
    found = label(train[nearest(curve.at(test), curve.at(train))])
    return ((found - label(test)).square().mean() / label(test).var(correction=0)).item()
