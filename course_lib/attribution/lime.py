"""Local lines: LIME in its two forms, one over gates (what if parts were absent?) and one over x itself.

Chapters: attribution/surrogates, attribution/evaluation, attribution/sanity_checks.

Over gates it is a setting of `games.linear_surrogate`, and so lies in the map. Over Gaussian perturbations of x it is a
slope: its expectation is that of SmoothGrad (Agarwal et al., 2021). Either way `r_squared` says how much of what the
model does in the neighbourhood is in the line; a map without it is half a result.
"""

import math

import torch
from torch import Tensor

from course_lib.attribution.features import Model, Target, _input, _outputs
from course_lib.games.core import BATCH, Game
from course_lib.games.surrogates import Surrogate, fit_line, linear_surrogate


def presence_kernel(gates: Tensor, width: float) -> Tensor:
    """pi(z) = exp(-d^2 / width^2) with d^2 the share of absent players, `(m, n) -> (m,)`.

    LIME's exponential kernel (Ribeiro, Singh & Guestrin, 2016, section 3.3) on the distance from the full coalition; here
    d^2 = (number of zeros) / n in [0, 1], so that a width means the same for any number of players. width = inf weights
    all rows alike. Raises ValueError for a width that is not positive.

    >>> presence_kernel(torch.tensor([[1.0, 1.0], [1.0, 0.0]]), width=1.0).tolist()
    [1.0, 0.6065306663513184]
    """
    if not isinstance(width, int | float) or not width > 0:
        raise ValueError(f"width must be positive, got {width!r}")
    return torch.exp(-(1 - gates).square().mean(1) / width**2)


def presence_probability(width: float, players: int) -> float:
    """p = 1 / (1 + exp(-1 / (n width^2))): the chance of presence that has the same effect as `presence_kernel`.

    The kernel is a product of one factor exp(-1 / (n width^2)) per absent player. So masks drawn evenly and weighted by it
    are, in proportion, masks in which each player is present independently with probability p, unweighted. The line
    through them has the slopes of the multilinear extension at (p, ..., p): independent gates give
    Cov(z_i, v) / Var(z_i) = E[v | z_i = 1] - E[v | z_i = 0] (weighted Banzhaf values; Marichal & Mathonet, 2011).
    Falls from 1 (leave one out) to 1/2 (Banzhaf) as the width grows. Raises ValueError as `presence_kernel` does.

    >>> presence_probability(math.inf, 10), round(presence_probability(0.25, 16), 3)
    (0.5, 0.731)
    """
    presence_kernel(torch.ones(1, 1), width)
    if isinstance(players, bool) or not isinstance(players, int) or players < 1:
        raise ValueError(f"players must be their number, at least 1, got {players!r}")
    return 1 / (1 + math.exp(-1 / (players * width**2)))


def lime(
    game: Game, *, width: float, budget: int, generator: torch.Generator | None = None, ridge: float = 0.0
) -> Surrogate:
    """LIME on presence indicators: weighted regression of v(z) on z with `presence_kernel` weights.

    min over (b, w) of sum_k pi(z_k) (v(z_k) - b - z_k . w)^2 + ridge |w|^2, each player of z present with probability 1/2.
    As width -> 0 the score of player i tends to v(1) - v(1 - e_i), leave one out, if all those rows are among the z; at
    width = inf and ridge 0 it is the Banzhaf value up to sampling error; in between the slope of the multilinear extension
    at `presence_probability`. Narrow kernels leave few rows of any weight: then draw at that probability instead. Raises
    ValueError as `linear_surrogate` does.

    >>> line = lime(Game(lambda g: g[:, 0] * g[:, 1], players=2), width=math.inf, budget=4)
    >>> [round(w, 3) for w in line.scores.tolist()]
    [0.5, 0.5]
    """
    presence_kernel(torch.ones(1, 1), width)  # the width is judged before any row is evaluated
    return linear_surrogate(
        game, budget=budget, weights=lambda gates: presence_kernel(gates, width), ridge=ridge, generator=generator
    )


def gaussian_lime(
    model: Model, x: Tensor, *, scale: float, draws: int, generator: torch.Generator, target: Target = None
) -> Surrogate:
    """Least squares of f(x + e) on e ~ N(0, scale^2 I): slopes of the best line around one input x `(*shape)`.

    The continuous LIME of Agarwal et al. (2021). With an intercept its slopes tend, as `draws` grows, to
    Cov(e)^-1 Cov(e, f(x + e)), which by Stein's lemma is E[grad f(x + e)], SmoothGrad's limit, if f is absolutely
    continuous along each axis (continuous and piecewise smooth will do, as ReLU networks are) and its gradient has an
    expectation. A model that jumps, such as a decision, has a gradient almost everywhere and still breaks it.
    Scores `(n, *out)` in the order of `x.flatten()`, in output per unit of x, with sandwich standard errors.
    Raises ValueError for a scale that is not positive or no more draws than slopes.

    >>> plane = lambda rows: rows @ torch.tensor([2.0, -1.0])
    >>> line = gaussian_lime(plane, torch.ones(2), scale=0.1, draws=20, generator=torch.Generator().manual_seed(0))
    >>> [round(w, 3) for w in line.scores.tolist()], round(line.r_squared.item(), 3)
    ([2.0, -1.0], 1.0)
    """
    x = _input(x)
    if not isinstance(scale, int | float) or not 0 < scale < math.inf:
        raise ValueError(f"scale must be positive and finite, got {scale!r}")
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < x.numel() + 2:
        raise ValueError(f"draws must be an integer of at least {x.numel() + 2} for {x.numel()} slopes, got {draws!r}")
    if not isinstance(generator, torch.Generator):
        raise ValueError(f"generator must be a torch.Generator, got {type(generator).__name__}")
    noise = torch.randn(draws, x.numel(), generator=generator, dtype=torch.float64).to(x)
    points = x + scale * noise.reshape(draws, *x.shape)
    with torch.no_grad():
        values = torch.cat([_outputs(model, part, target, (len(part), 1))[:, 0] for part in points.split(BATCH)])
    names = tuple(map(str, range(x.numel())))
    return fit_line(scale * noise, values, names)
