"""Solutions to exercises/frontiers/data_geometry.ipynb."""

# exercise: frontiers/data_geometry/radius_of_share
import math

import torch


def radius_of_share(kind, radius, share):
    """Radii of the discs that hold these shares of the area: str, float, (n,) -> (n,)."""
    root = share.sqrt()
    if kind == "sphere":
        return 2 * torch.asin(root * math.sin(radius / 2))
    if kind == "hyperbolic":
        return 2 * torch.asinh(root * math.sinh(radius / 2))
    return radius * root


# exercise: frontiers/data_geometry/covering
import torch


def covering(distances, r):
    """Centres of discs of radius r that hold all points, more than r apart: (n, n), float -> (m,)."""
    left = torch.ones(len(distances), dtype=torch.bool)
    centres = []
    while left.any():
        centre = left.int().argmax().item()
        centres.append(centre)
        left = left & (distances[centre] > r)
    return torch.tensor(centres, dtype=torch.long)
