"""Invariant kernels, and kernel ridge regression on a torus, where the gain of a symmetry can be counted.

Chapters: symmetries/benefits. The torus is the plane with coordinates modulo 2 pi. Its kernel weighs all waves exp(i <k, x>)
with |k_1|, |k_2| <= band alike and no others: k(x, y) = mean over k of cos <k, x - y>. Regression with it is ridge regression
on (2 band + 1)^2 real waves, which makes every risk exact: no test points are needed. Averaged over a group, the kernel keeps
the waves' invariant combinations. For a group of matrices there is one for each orbit of frequencies.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.groups import (
    Action,
    CyclicGroup,
    DihedralGroup,
    TranslationGroup,
    count_orbits,
    matrix_action,
)

Kernel = Callable[[Tensor, Tensor], Tensor]
GROUPS = ("C2", "C4", "D4", "half shifts")


def torus_action(name: str) -> Action:
    """A group that moves points `(2,)` of the torus: turns ("C2", "C4"), with mirrorings ("D4"), or shifts by half a period."""
    if name not in GROUPS:
        raise ValueError(f"name must be one of {GROUPS}, got {name!r}")
    if name == "half shifts":
        return Action(TranslationGroup((2, 2)), (2,), _shift_by_half_periods, linear=False, name="half shifts")
    return matrix_action({"C2": CyclicGroup(2), "C4": CyclicGroup(4), "D4": DihedralGroup(4)}[name], (2,))


def _shift_by_half_periods(g: Tensor, x: Tensor) -> Tensor:
    return x + math.pi * g[:, None].to(x.dtype)


def frequencies(band: int) -> Tensor:
    """All k with |k_1|, |k_2| <= band, `((2 band + 1)^2, 2)` whole numbers."""
    if band < 0:
        raise ValueError(f"band must be at least 0, got {band}")
    k = torch.arange(-band, band + 1)
    return torch.cartesian_prod(k, k)


def waves(x: Tensor, band: int) -> Tensor:
    """Real orthonormal waves at points `(..., 2)` -> `(..., (2 band + 1)^2)`: 1, then sqrt 2 cos and sqrt 2 sin of <k, x>.

    >>> waves(torch.zeros(1, 2), 1).square().sum().item()
    9.0
    """
    k = frequencies(band)
    half = k[(k[:, 0] > 0) | ((k[:, 0] == 0) & (k[:, 1] > 0))].to(x.dtype)  # one of k and -k
    angle = x @ half.T
    return torch.cat([torch.ones_like(x[..., :1]), 2**0.5 * angle.cos(), 2**0.5 * angle.sin()], -1)


def torus_kernel(band: int) -> Kernel:
    """k(x, y) = mean over the band of cos <k, x - y>: `(n, 2)`, `(m, 2)` -> `(n, m)`, with k(x, x) = 1."""
    return lambda x, y: waves(x, band) @ waves(y, band).T / (2 * band + 1) ** 2


def gaussian_kernel(x: Tensor, y: Tensor, metric: Tensor) -> Tensor:
    """exp(-(x - y)' metric (x - y) / 2): `(n, d)`, `(m, d)`, `(d, d)` -> `(n, m)`. Not invariant unless the metric is.

    >>> gaussian_kernel(torch.zeros(1, 2), torch.zeros(1, 2), torch.eye(2)).item()
    1.0
    """
    gap = x[:, None] - y[None]
    return torch.exp(-torch.einsum("nmi,ij,nmj->nm", gap, metric, gap) / 2)


def invariant_kernel(kernel: Kernel, action: Action) -> Kernel:
    """k_G(x, y) = mean over g and h of k(g x, h y), again a kernel `(n, ...)`, `(m, ...)` -> `(n, m)`. Finite groups.

    It is invariant in each argument and positive semi-definite if k is. If k(g x, g y) = k(x, y), one of the two averages is
    enough; both are taken here. Source: Haasdonk & Burkhardt (2007).
    """

    def averaged(x: Tensor, y: Tensor) -> Tensor:
        g = action.group.elements()
        values = kernel(action.act(g, x).flatten(0, 1), action.act(g, y).flatten(0, 1))
        return values.reshape(len(g), len(x), len(g), len(y)).mean((0, 2))

    return averaged


def kernel_ridge(kernel: Kernel, x: Tensor, y: Tensor, ridge: float) -> Callable[[Tensor], Tensor]:
    """The f with coefficients (K + ridge I)^-1 y: minimises sum of squares + ridge |f|^2. Returns points -> values.

    Raises ValueError for a ridge that is not positive.
    """
    if not ridge > 0:
        raise ValueError(f"ridge must be positive, got {ridge}")
    coefficients = torch.linalg.solve(kernel(x, x) + ridge * torch.eye(len(x), dtype=x.dtype), y)
    return lambda points: kernel(points, x) @ coefficients


def wave_projector(action: Action, band: int) -> Tensor:
    """P on the coefficients of the waves, `(D, D)`: the mean over g of f -> f(g^-1 .). Exact, from values on a grid."""
    side = 2 * band + 1
    k = 2 * math.pi * torch.arange(side, dtype=torch.float64) / side
    grid = torch.cartesian_prod(k, k)
    moved = waves(action.act(action.group.elements(), grid), band).mean(0)
    return waves(grid, band).T @ moved / side**2


def frequency_permutations(action: Action, band: int) -> Tensor:
    """Where each matrix of a point group sends each frequency, `(|G|, (2 band + 1)^2)`. ValueError for shifts."""
    if not action.linear:
        raise ValueError(f"action must be by matrices: a shift multiplies waves and permutes none, got {action.name}")
    k, matrices = frequencies(band), action.matrix(action.group.elements()).round().long()
    moved = k @ matrices.mT + band
    return moved[..., 0] * (2 * band + 1) + moved[..., 1]


def invariant_waves(action: Action, band: int) -> int:
    """How many independent functions of the band are invariant: orbits of frequencies, or for shifts the trace of P.

    >>> [invariant_waves(torus_action(name), 3) for name in GROUPS]  # of 49
    [25, 13, 10, 9]
    """
    if action.linear:
        return count_orbits(frequency_permutations(action, band))
    return round(wave_projector(action, band).trace().item())


def predicted_gain(action: Action, band: int) -> float:
    """All waves over invariant ones: by which factor fewer samples should do."""
    return (2 * band + 1) ** 2 / invariant_waves(action, band)


def wave_risks(
    action: Action | None,
    theta: Tensor,
    sizes: Sequence[int],
    noise: float,
    repeats: int,
    generator: torch.Generator,
    scaled: bool = True,
) -> Tensor:
    """Mean squared error of kernel ridge regression, `(len(sizes), repeats)`, with the kernel averaged over `action` or plain.

    The target is `theta` `(D,)` in waves; points are uniform, ridge = noise^2. The estimate is that of `kernel_ridge` with the
    `torus_kernel` or with its average, `scaled` so that the mean of k(x, x) is 1: both then expect functions of mean square 1.
    Unscaled, the average expects functions D / invariant waves times smaller, and shrinks too much. The estimate is computed in
    the D waves; its error over the whole torus is a sum of squares of coefficients.
    """
    band = (math.isqrt(len(theta)) - 1) // 2
    basis = torch.eye(len(theta), dtype=theta.dtype)
    if action is not None:
        values, vectors = torch.linalg.eigh(wave_projector(action, band))
        basis = vectors[:, values > 0.5].to(theta.dtype)
    ridge = noise**2 * (basis.shape[1] if scaled else len(theta))
    return torch.stack([_risk_at(n, basis, theta, noise, ridge, repeats, generator) for n in sizes])


def _risk_at(
    n: int, basis: Tensor, theta: Tensor, noise: float, ridge: float, repeats: int, generator: torch.Generator
) -> Tensor:
    band = (math.isqrt(len(theta)) - 1) // 2
    phi = waves(2 * math.pi * torch.rand(repeats, n, 2, generator=generator, dtype=theta.dtype), band)
    y = phi @ theta + noise * torch.randn(repeats, n, generator=generator, dtype=theta.dtype)
    seen = phi @ basis
    normal = seen.mT @ seen + ridge * torch.eye(basis.shape[1], dtype=theta.dtype)
    found = torch.linalg.solve(normal, (seen.mT @ y[..., None])[..., 0]) @ basis.T
    return (found - theta).square().sum(1)


def random_invariant(action: Action, band: int, generator: torch.Generator) -> Tensor:
    """Coefficients `(D,)` of a random invariant function of the band, with mean square 1."""
    theta = torch.randn((2 * band + 1) ** 2, generator=generator, dtype=torch.float64) @ wave_projector(action, band)
    return theta / theta.norm()


def horizontal_gain(sizes: Sequence[int], risks: Tensor, few: Sequence[int], invariant: Tensor) -> float:
    """By which factor the second curve is reached with fewer samples: the geometric mean of n_plain / n at equal risk.

    `risks` `(len(sizes),)` must fall; between its points log n is linear in log risk. Points of the second curve, `few` and
    `invariant`, outside the first one's range do not count; ValueError if none is left.
    """
    if not (risks[1:] < risks[:-1]).all():
        raise ValueError(f"risks must fall from size to size, got {risks.tolist()}")
    x, y = risks.log().flip(0), torch.tensor(sizes, dtype=risks.dtype).log().flip(0)
    inside = (invariant.log() >= x[0]) & (invariant.log() <= x[-1])
    if not inside.any():
        raise ValueError(f"invariant must reach risks between {risks[-1]:.3g} and {risks[0]:.3g}, got {invariant.tolist()}")
    at = invariant.log()[inside].to(risks.dtype)
    right = torch.searchsorted(x, at).clamp(1, len(x) - 1)
    weight = (at - x[right - 1]) / (x[right] - x[right - 1])
    needed = torch.lerp(y[right - 1], y[right], weight)
    return (needed - torch.tensor(few, dtype=risks.dtype).log()[inside]).mean().exp().item()
