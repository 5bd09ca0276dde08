"""Third row of the map: slopes of the value with respect to the gates.

Chapters: attribution/overview, attribution/gradients. One gradient costs about as much as two evaluations, whatever
the number of players. It is a first-order picture: at a corner it says what an infinitesimal change of one gate does,
and saturation or interaction can make that very different from removing the player. On a multilinear extension the
gradient at 1 is leave one out, at 0 add one in, at 1/2 the Banzhaf value, and its mean along the diagonal is the
Shapley value; on a model's own soft game none of these holds in general.
"""

import numpy as np
import torch
from torch import Tensor

from course_lib.games.core import Game
from course_lib.games.scores import Attribution, exact

RULES = ("gauss", "midpoint")


def gradient(game: Game, at: float | Tensor = 1.0) -> Attribution:
    """phi_i = d v / d g_i at the gates `at`, a number for all players or one gate each `(n,)`. One row.

    With features as players this is gradient x (input - baseline). Raises ValueError for a hard game, a point of wrong
    shape or outside [0, 1].

    >>> gradient(Game(lambda g: g[:, 0] ** 2 * g[:, 1], players=2)).scores.tolist()
    [2.0, 1.0]
    """
    if not isinstance(at, int | float | Tensor):
        raise ValueError(f"at must be a number or a tensor ({game.n},), got {type(at).__name__}")
    at = torch.as_tensor(at, dtype=game.dtype, device=game.device)
    if at.shape not in ((), (game.n,)):
        raise ValueError(f"at must be a number or have shape ({game.n},), got {tuple(at.shape)}")
    return exact(_gradients(game, at.expand(1, game.n))[0], 1, game.players)


def integrated_gradients(
    game: Game, steps: int = 50, rule: str = "gauss", batch_size: int | None = None
) -> Attribution:
    """phi_i = integral over t in [0, 1] of d v / d g_i at (t, ..., t) (Sundararajan, Taly & Yan, 2017, eq. 1).

    The Aumann-Shapley value of the soft game: the scores add up to v(1) - v(0) up to the error of the quadrature.
    `rule`: "gauss" (Gauss-Legendre, `steps` nodes; exact for polynomials of degree 2 `steps` - 1 along the diagonal) or
    "midpoint" (error O(1 / steps^2) for smooth values, about 1 / steps across the kinks of ReLU networks).
    Raises ValueError for a hard game, an unknown rule or fewer than one step.

    >>> scores = integrated_gradients(Game(lambda g: g[:, 0] ** 2 * g[:, 1], players=2)).scores
    >>> [round(score, 6) for score in scores.tolist()]
    [0.666667, 0.333333]
    """
    if rule not in RULES:
        raise ValueError(f"rule must be one of {RULES}, got {rule!r}")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be an integer of at least 1, got {steps!r}")
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        raise ValueError(f"batch_size must be an integer of at least 1, got {batch_size!r}")
    nodes, weights = _quadrature(steps, rule)
    nodes = nodes.to(game.device, game.dtype)[:, None].expand(steps, game.n)
    slopes = torch.cat([_gradients(game, chunk) for chunk in nodes.split(steps if batch_size is None else batch_size)])
    return exact(torch.tensordot(weights.to(slopes), slopes, 1), steps, game.players)


def _quadrature(steps: int, rule: str) -> tuple[Tensor, Tensor]:
    if rule == "midpoint":
        return (torch.arange(steps, dtype=torch.float64) + 0.5) / steps, torch.full((steps,), 1 / steps, dtype=torch.float64)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return torch.from_numpy((nodes + 1) / 2), torch.from_numpy(weights / 2)


def _gradients(game: Game, gates: Tensor) -> Tensor:
    """Slopes `(m, n, *out)` at each row of gates `(m, n)`: one backward pass per output, since rows are independent."""
    if not game.differentiable:
        raise ValueError("game must be differentiable for a gradient, got a hard game; use multilinear_extension(game)")
    with torch.enable_grad():
        gates = gates.detach().clone().requires_grad_(True)
        values = game(gates)
        if not values.requires_grad:
            raise ValueError("game.value must keep the graph to its gates for a gradient, got a result without one")
        outputs = values.reshape(len(gates), -1)
        slopes = [torch.autograd.grad(column.sum(), gates, retain_graph=True)[0] for column in outputs.unbind(1)]
    return torch.stack(slopes, -1).reshape(len(gates), game.n, *values.shape[1:])
