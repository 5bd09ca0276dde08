"""Solutions to exercises/frontiers/implicit.ipynb."""


# exercise: frontiers/implicit/fourier_features
import torch


def fourier_features(x, B):
    """[cos 2 pi B x, sin 2 pi B x]: points (..., d), frequencies (m, d) -> (..., 2 m)."""
    angle = 2 * torch.pi * x @ B.T
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


# exercise: frontiers/implicit/composite
import torch


def composite(sigma, colour, delta):
    """Colours (r, k) and weights (r, n) of r rays: densities (r, n), colours (r, n, k), lengths (r, n)."""
    depth = sigma * delta
    before = torch.cat([torch.zeros_like(depth[:, :1]), depth[:, :-1]], 1).cumsum(1)  # what lies in front of each sample
    weights = (-before).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).sum(1), weights
