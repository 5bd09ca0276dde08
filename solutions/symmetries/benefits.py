"""Solutions to exercises/symmetries/benefits.ipynb."""

# exercise: symmetries/benefits/invariant_kernel
import torch

from course_lib.symmetries.kernels import gaussian_kernel


def invariant_kernel(x, y, matrices, metric):
    """Mean over g and h of k(g x, h y): x (n, d), y (m, d), matrices (k, d, d), metric (d, d) -> (n, m)."""
    left, right = (x @ matrices.mT).flatten(0, 1), (y @ matrices.mT).flatten(0, 1)
    values = gaussian_kernel(left, right, metric)
    return values.reshape(len(matrices), len(x), len(matrices), len(y)).mean((0, 2))


# exercise: symmetries/benefits/symmetric_least_squares
import torch


def symmetric_least_squares(x, y, matrices):
    """Two invariant estimates: x (n, d), y (n,), matrices (k, d, d) -> dict of "after" (d,) and "before" (d,)."""
    projector = matrices.mean(0)
    values, vectors = torch.linalg.eigh(projector)
    basis = vectors[:, values > 0.5]
    return {
        "after": projector @ (torch.linalg.pinv(x) @ y),
        "before": basis @ (torch.linalg.pinv(x @ basis) @ y),
    }


# exercise: symmetries/benefits/counted_gain
import torch


def counted_gain(band, matrices):
    """Waves over invariant waves: band >= 0, whole-number matrices (k, d, d) of a whole group -> number."""
    axes = [torch.arange(-band, band + 1)] * matrices.shape[1]
    waves = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    fixed = [(waves @ g.T == waves).all(1).sum().item() for g in matrices]
    orbits = sum(fixed) / len(fixed)
    return len(waves) / orbits


# exercise: symmetries/benefits/noise_sensitivity
import torch


def noise_sensitivity(model, x, noise, permutations):
    """Mean squared change over spread: x (b, n), noise (r, b, n), permutations (k, n) -> dict of two numbers."""

    def averaged(z):
        return torch.stack([model(z[:, p]) for p in permutations]).mean(0)

    def ratio(f):
        clean = f(x)
        change = f((x + noise).flatten(0, 1)).unflatten(0, noise.shape[:2]) - clean
        spread = (clean - clean.mean(0)).square().mean()
        return (change.square().mean() / spread).item()

    return {"plain": ratio(model), "averaged": ratio(averaged)}
