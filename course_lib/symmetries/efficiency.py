"""What a linear symmetry buys in least squares: exact risks, and simulations to hold against them.

Chapters: symmetries/benefits. A row x ~ N(0, I_d), a label y = <x, theta> + noise, a group that acts on R^d by orthogonal
matrices with mean P, the projector onto the s vectors that nothing moves. Three estimates of theta:

* "plain": least squares;
* "after": P times the plain one, that is the fitted function averaged over the group;
* "before": least squares among invariant vectors only.

The risk is E |estimate - theta|^2, the squared error on a new row without its noise. The formulas hold for Gaussian rows and
enough of them: a Wishart matrix has E tr (X'X)^-1 = d / (n - d - 1) for n > d + 1. Source of the gap between "plain" and
"after": Elesedy & Zaidi (2021).
"""

import torch
from torch import Tensor

ESTIMATES = ("plain", "after", "before")


def least_squares(x: Tensor, y: Tensor) -> Tensor:
    """The minimiser of |x theta - y|^2: `(r, n, d)`, `(r, n)` -> `(r, d)`, r data sets side by side. Needs n >= d.

    >>> least_squares(torch.eye(2)[None], torch.tensor([[3.0, 4.0]])).tolist()
    [[3.0, 4.0]]
    """
    if x.dim() != 3 or y.shape != x.shape[:2] or x.shape[1] < x.shape[2]:
        raise ValueError(f"x must be (r, n, d) with n >= d and y (r, n), got {tuple(x.shape)} and {tuple(y.shape)}")
    return torch.linalg.lstsq(x, y[..., None]).solution[..., 0]


def invariant_rows(projector: Tensor) -> Tensor:
    """Orthonormal invariant vectors, `(d, d)` projector -> `(d, s)`: the basis of what a symmetric model may use.

    Raises ValueError if the matrix is no orthogonal projector.
    """
    if projector.dim() != 2 or not torch.allclose(projector @ projector.T, projector, atol=1e-5):
        raise ValueError(f"projector must satisfy P P' = P, got a tensor of shape {tuple(projector.shape)}")
    values, vectors = torch.linalg.eigh(projector)
    return vectors[:, values > 0.5]


def constrained_least_squares(x: Tensor, y: Tensor, projector: Tensor) -> Tensor:
    """Least squares among invariant vectors: `(r, n, d)`, `(r, n)`, `(d, d)` -> `(r, d)`. Needs only n >= s rows."""
    basis = invariant_rows(projector)
    return least_squares(x @ basis, y) @ basis.T


def expected_risk(estimate: str, n: int, d: int, s: int, noise: float = 1.0, broken: float = 0.0) -> float:
    """The exact risk of an estimate from n rows, if s of d dimensions are invariant.

    `broken` = |theta - P theta|^2 says how wrong the symmetry is; 0 for an invariant target. "plain": noise^2 d / (n - d - 1);
    "after": broken + noise^2 s / (n - d - 1); "before": broken + (noise^2 + broken) s / (n - s - 1), since what the model
    cannot express is noise to it. Raises ValueError where the risk is infinite: n > d + 1 is needed ("before": n > s + 1).

    >>> gap = expected_risk("plain", 24, 12, 4) - expected_risk("after", 24, 12, 4)
    >>> round(11 * gap, 9)  # noise^2 (d - s), over n - d - 1 = 11
    8.0
    """
    if estimate not in ESTIMATES or not 0 <= s <= d:
        raise ValueError(f"estimate must be one of {ESTIMATES} and 0 <= s <= d, got {estimate!r}, s={s}, d={d}")
    fitted = s if estimate == "before" else d
    if n <= fitted + 1:
        raise ValueError(f"n must exceed {fitted + 1}, the risk of {estimate!r} is infinite below, got {n}")
    variance = noise**2 + (broken if estimate == "before" else 0.0)
    return (estimate != "plain") * broken + variance * (d if estimate == "plain" else s) / (n - fitted - 1)


def samples_worth(n: float, d: int, s: int) -> float:
    """How many rows "plain" needs for the risk that "before" has with n: 1 + (n - 1) d / s, exactly.

    >>> samples_worth(25, 12, 4)
    73.0
    """
    if not 0 < s <= d or n <= s + 1:
        raise ValueError(f"0 < s <= d and n > s + 1 must hold, got n={n}, d={d}, s={s}")
    return 1 + (n - 1) * d / s


def tolerated_breaking(n: int, d: int, s: int, noise: float = 1.0) -> float:
    """The largest |theta - P theta|^2 at which "before" is no worse than "plain": where bias and variance balance."""
    plain, before = (expected_risk(estimate, n, d, s, noise) for estimate in ("plain", "before"))
    return (plain - before) / (1 + s / (n - s - 1))


def simulated_risks(
    projector: Tensor, theta: Tensor, n: int, repeats: int, generator: torch.Generator, noise: float = 1.0
) -> dict[str, Tensor]:
    """|estimate - theta|^2 in `repeats` draws of n rows, `{estimate: (repeats,)}`; all three fitted to the same rows."""
    x = torch.randn(repeats, n, len(theta), generator=generator, dtype=theta.dtype)
    y = x @ theta + noise * torch.randn(repeats, n, generator=generator, dtype=theta.dtype)
    plain = least_squares(x, y)
    found = {"plain": plain, "after": plain @ projector, "before": constrained_least_squares(x, y, projector)}
    return {estimate: (found[estimate] - theta).square().sum(1) for estimate in ESTIMATES}
