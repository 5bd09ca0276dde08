"""Frames and weighted frames: a few poses instead of one.

Chapter: equivariance/canonicalization. A frame assigns to x a finite set F(x) of group elements with F(g . x) = g F(x);
the mean of f(h^-1 . x) over h in F(x) is invariant for any f (Puny and others, 2022). With weights w(h, x) that follow
along, w(g h, g . x) = w(h, x), the weighted mean is invariant too, and continuous if no pose ever appears, leaves or moves
abruptly while its weight is positive (Dym, Lawrence & Siegel, 2024). Poses are `(b, m, *shape)`, weights `(b, m)`.
"""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.equivariance.canonicalization import checked_clouds
from course_lib.groups import rotation


def principal_frame(x: Tensor, special: bool = False) -> Tensor:
    """The principal axes of clouds `(b, n, d)` with all choices of sign, `(b, m, d, d)`: m = 2^d, or 2^(d-1) rotations.

    No sign rule is needed; where two spreads agree the axes themselves are still undecided. Source: Puny and others
    (2022).

    >>> principal_frame(torch.ones(1, 4, 3), special=True).shape
    torch.Size([1, 4, 3, 3])
    """
    x = checked_clouds(x)
    axes = torch.linalg.eigh(x.mT @ x).eigenvectors.flip(2)
    signs = torch.tensor(list(itertools.product((1.0, -1.0), repeat=x.shape[2])), dtype=x.dtype)
    frames = axes[:, None] * signs[:, None]
    if not special:
        return frames
    upright = torch.linalg.det(axes)[:, None] * signs.prod(1) > 0
    return frames[upright].reshape(len(x), -1, *axes.shape[1:])


def point_frame(x: Tensor) -> Tensor:
    """For clouds in the plane `(b, n, 2)` the n rotations that turn the first axis to each of the points, `(b, n, 2, 2)`.

    >>> point_frame(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]))[0, 1].round().int().tolist()
    [[0, -1], [1, 0]]
    """
    x = checked_clouds(x, d=2)
    return rotation(torch.atan2(x[..., 1], x[..., 0]).flatten()).unflatten(0, x.shape[:2])


def length_weights(x: Tensor) -> Tensor:
    """The share of each point in the sum of all lengths, `(b, n, d)` -> `(b, n)`; equal shares if all lengths are 0.

    A point at the origin has no direction, and no weight: what jumps there is not counted.

    >>> length_weights(torch.tensor([[[3.0, 4.0], [0.0, 5.0]]])).tolist()
    [[0.5, 0.5]]
    """
    lengths = checked_clouds(x).norm(dim=2)
    total = lengths.sum(1, keepdim=True)
    return torch.where(total > 0, lengths / total, torch.full_like(lengths, 1 / x.shape[1]))


def hedged_weights(scores: Tensor, width: float) -> Tensor:
    """Weights of poses by their scores `(b, m)`: all on the best, shared with those less than `width` behind it.

    w_k is proportional to max(0, width - (best score - s_k)). Width 0 shares equally among exact ties and is the argmax
    elsewhere. For width > 0 they are continuous: scores that move by at most e change all weights together by 4 m e / width
    at most.

    >>> hedged_weights(torch.tensor([[3.0, 2.5, 0.0]]), 1.0).tolist()
    [[0.6666666865348816, 0.3333333432674408, 0.0]]
    """
    if not width >= 0:
        raise ValueError(f"width must be at least 0, got {width}")
    behind = scores.max(1, keepdim=True).values - scores
    shares = (width - behind).clamp(min=0) if width > 0 else (behind == 0).to(scores.dtype)
    return shares / shares.sum(1, keepdim=True)


def turned_back(x: Tensor, frames: Tensor) -> Tensor:
    """Clouds `(b, n, d)` moved by the inverse of each matrix of their frame `(b, m, d, d)`: poses `(b, m, n, d)`."""
    if frames.dim() != 4 or len(frames) != len(checked_clouds(x)) or frames.shape[2:] != (x.shape[2], x.shape[2]):
        raise ValueError(f"frames must be (b, m, d, d) for clouds {tuple(x.shape)}, got shape {tuple(frames.shape)}")
    return x[:, None] @ frames  # row vectors: x_i^T Q is (Q^T x_i)^T


def frame_average(f: Callable[[Tensor], Tensor], poses: Tensor, weights: Tensor | None = None) -> Tensor:
    """The weighted mean of f over the poses of each item, by default with equal weights: `(b, *out)`.

    `f` maps `(k, *shape)` to `(k, *out)`, poses are `(b, m, *shape)`, weights `(b, m)`. Raises ValueError for weights
    that are negative or do not add up to 1: then even a constant f would not keep its value.

    >>> frame_average(lambda x: x, torch.tensor([[1.0, 5.0]]), torch.tensor([[0.75, 0.25]])).tolist()
    [2.0]
    """
    if weights is None:
        weights = torch.full(poses.shape[:2], 1 / poses.shape[1], dtype=poses.dtype)
    if weights.shape != poses.shape[:2]:
        raise ValueError(f"weights must be one for each pose, {tuple(poses.shape[:2])}, got shape {tuple(weights.shape)}")
    if (weights < 0).any() or (weights.sum(1) - 1).abs().max() > 1e-4:
        raise ValueError(f"weights must be at least 0 and add up to 1, got sums up to {weights.sum(1).max():.3g}")
    values = f(poses.flatten(0, 1)).unflatten(0, poses.shape[:2])
    return torch.einsum("bm,bm...->b...", weights.to(values.dtype), values)
