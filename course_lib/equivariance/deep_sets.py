"""Networks on sets: one map for every element, a pool, one map for the result.

Chapters: equivariance/sets_and_signs, equivariance/bakeoff. Sets are batches `(b, n, d)` of n elements with d numbers each,
in an order that should not matter. `DeepSets` gives one answer for the set, rho(pool_i phi(x_i)); `EquivariantLayer` one
answer for every element, which moves along when the elements are reordered. Both work for every n.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.models import MLP, initialise

POOLS = ("sum", "mean", "max")


def pooled(x: Tensor, pool: str) -> Tensor:
    """Sum, mean or largest entry over the elements, feature by feature: `(..., n, w)` -> `(..., w)`.

    Raises ValueError for another pool, or for a set without elements unless the pool is "sum".

    >>> pooled(torch.tensor([[[1.0, 5.0], [3.0, 1.0]]]), "mean").tolist()
    [[2.0, 3.0]]
    """
    if pool not in POOLS:
        raise ValueError(f"pool must be one of {POOLS}, got {pool!r}")
    if x.shape[-2] == 0 and pool != "sum":
        raise ValueError(f"x must hold at least one element for the {pool}, got shape {tuple(x.shape)}")
    if pool == "max":
        return x.amax(-2)
    return x.sum(-2) if pool == "sum" else x.mean(-2)


class DeepSets(nn.Module):
    """rho(pool_i phi(x_i)): `(b, n, inputs)` -> `(b, outputs)`, or `(b,)` for one output, for every n (Zaheer et al., 2017).

    phi has one hidden layer of `width` and gives `latent` numbers for each element; rho has one hidden layer as well. With the
    sum, latent >= n is needed to be exact for every continuous function of n numbers (Wagstaff et al., 2019). The biases of
    the first layer are drawn between -1 and 1: with zeros all kinks of a ReLU network of one number start at 0, where the sets
    {2, -1, -1} and {1, 1, -2} look alike. Raises ValueError for another pool, or for what is no batch of sets.

    >>> net = DeepSets(2, "mean", seed=0)
    >>> net(torch.zeros(5, 7, 2)).shape, net(torch.zeros(5, 1, 2)).shape
    (torch.Size([5]), torch.Size([5]))
    """

    def __init__(
        self,
        inputs: int,
        pool: str = "sum",
        width: int = 32,
        latent: int = 16,
        outputs: int = 1,
        activation: str = "relu",
        seed: int = 0,
    ) -> None:
        super().__init__()
        if pool not in POOLS:
            raise ValueError(f"pool must be one of {POOLS}, got {pool!r}")
        self.config = {
            "inputs": inputs, "pool": pool, "width": width, "latent": latent,
            "outputs": outputs, "activation": activation, "seed": seed,
        }  # fmt: skip
        self.pool = pool
        self.phi = MLP([inputs, width, latent], activation, seed).layers  # as layers: a single latent number keeps its axis
        self.rho = MLP([latent, width, outputs], activation, seed + 1)
        with torch.no_grad():
            self.phi[0].bias.uniform_(-1, 1, generator=torch.Generator().manual_seed(seed + 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.rho(pooled(self.phi(sets(x)), self.pool))


class EquivariantLayer(nn.Module):
    """y_i = A x_i + B pool_j x_j + c: `(b, n, inputs)` -> `(b, n, outputs)`, for every n.

    With the sum or the mean, and numbers for elements, these are all linear maps that commute with every reordering: y = a x +
    b (sum x) 1, two weights for any n >= 2 (Zaheer et al., 2017, lemma 3).

    >>> layer = EquivariantLayer(1, 1, "sum", seed=0)
    >>> layer(torch.zeros(4, 9, 1)).shape
    torch.Size([4, 9, 1])
    """

    def __init__(self, inputs: int, outputs: int, pool: str = "mean", seed: int = 0) -> None:
        super().__init__()
        if pool not in POOLS:
            raise ValueError(f"pool must be one of {POOLS}, got {pool!r}")
        self.config = {"inputs": inputs, "outputs": outputs, "pool": pool, "seed": seed}
        self.pool = pool
        self.own, self.shared = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs, bias=False)
        initialise(self, seed)

    def forward(self, x: Tensor) -> Tensor:
        return self.own(sets(x)) + self.shared(pooled(x, self.pool))[:, None]


def collision(phi: Callable[[Tensor], Tensor], low: float, high: float, steps: int = 60) -> Tensor:
    """A number b between with phi(b) + phi(b) = phi(low) + phi(high), by halving: the sums of {b, b} and {low, high} agree.

    It exists whenever phi is continuous with one number as its value, so one latent number cannot tell all pairs apart.
    `phi`: `(m,) -> (m,)`. Returns a number, float64.

    >>> round(collision(lambda x: x**2, 0.0, 1.0).item(), 6)
    0.707107
    """
    ends = torch.tensor([low, high], dtype=torch.float64)
    goal, rising = phi(ends).mean(), phi(ends)[0] < phi(ends)[1]
    for _ in range(steps):
        middle = ends.mean()
        below = (phi(middle[None])[0] < goal) == rising
        ends = torch.stack([middle, ends[1]]) if below else torch.stack([ends[0], middle])
    return ends.mean()


def sets(x: Tensor, name: str = "x") -> Tensor:
    """`x` itself if it is a batch of sets of floating-point numbers; else ValueError that names the argument."""
    if not isinstance(x, Tensor) or x.dim() != 3 or not x.is_floating_point():
        got = f"{tuple(x.shape)} of {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"{name} must be floating-point sets (b, n, d), got {got}")
    return x
