"""Solutions to exercises/equivariance/invariants.ipynb."""

# exercise: equivariance/invariants/cloud_from_dots
import torch


def cloud_from_dots(dots, d):
    """Vectors with these dot products: (n, n), int -> (n, d)."""
    values, vectors = torch.linalg.eigh(dots)
    kept = min(d, len(dots))
    x = torch.zeros(len(dots), d, dtype=dots.dtype)
    x[:, :kept] = (vectors * values.clamp(min=0).sqrt())[:, -kept:]
    return x


# exercise: equivariance/invariants/turning_vector
import torch


def turning_vector(net, x):
    """Vectors and cross products with coefficients from dot products and determinants: a network, (b, n, 3) -> (b, 3)."""
    n = x.shape[1]
    i, j = torch.triu_indices(n, n)
    dots = (x @ x.mT)[:, i, j]
    dets = torch.linalg.det(x[:, torch.combinations(torch.arange(n), 3)])
    a, b = torch.triu_indices(n, n, 1)
    parts = torch.cat([x, torch.linalg.cross(x[:, a], x[:, b])], 1)
    weights = net(torch.cat([dots, dets], 1))
    return (weights[:, :, None] * parts).sum(1)


# exercise: equivariance/invariants/from_power_sums
import numpy as np
import torch


def from_power_sums(p):
    """The n numbers, ascending, whose first n power sums these are: (n,) -> (n,)."""
    e = [1.0]
    for k in range(1, len(p) + 1):
        terms = [(-1) ** (i - 1) * e[k - i] * p[i - 1].item() for i in range(1, k + 1)]
        e.append(sum(terms) / k)
    roots = np.roots([(-1) ** k * value for k, value in enumerate(e)])
    return torch.from_numpy(np.sort(roots.real)).to(p.dtype)
