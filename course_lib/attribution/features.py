"""Games whose players are the features of one input. Chapters: attribution/overview, removal, shapley, gradients.

A model wants a number in every slot, so "without feature i" needs a rule, and each rule is a game of its own:

* `feature_game` with one baseline: v(g) = f(x' + g (x - x')), the straight line from the baseline to the input;
* `feature_game` with a background: the mean of that over many baselines (*marginal* removal);
* `conditional_game`: the mean over background rows that resemble x on the kept features (*conditional* removal);
* `retraining_game`: the prediction of a model fitted on the kept columns alone (*retraining*).

The first two describe the model, the last two the information in the features: they give credit to a feature that the
model never reads if it predicts one that it does. None of them is the effect of changing the feature in the world.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.games import Attribution, Game, leave_one_out
from course_lib.games.core import BATCH

Model = Callable[[Tensor], Tensor]
Target = int | Callable[[Tensor], Tensor] | None


def feature_game(
    model: Model,
    x: Tensor,
    baseline: Tensor,
    *,
    target: Target = None,
    groups: Tensor | None = None,
    players: Sequence[str] | None = None,
) -> Game:
    """v(g) = f(x' + g (x - x')), and its mean over the rows x' of a background.

    `model`: `(b, *shape) -> (b,)` or `(b, k)`. `x` `(*shape)`. `baseline`: one x' `(*shape)`, or a background
    `(r, *shape)`. `target`: which output to explain: None (all of them), a column, or a function of the outputs.
    `groups`: integers of x's shape, the player 0..n-1 of each entry (default: every entry its own player). Corners are
    *baseline* or *marginal* removal; dtype and device are those of `x`. Raises ValueError for shapes that do not fit,
    groups with gaps, a target that is not a column, or a model that does not return one row per input.

    >>> game = feature_game(lambda rows: rows.sum(1), torch.tensor([1.0, 2.0]), torch.zeros(2))
    >>> game(torch.tensor([[1.0, 1.0], [0.5, 0.0]])).tolist()
    [3.0, 0.5]
    """
    _callable(model, "model")
    x, rows = _input(x), _background(x, baseline, "baseline")
    owner, names = _players(x, groups, players)

    def mean(gates: Tensor) -> Tensor:
        opened = _entries(gates, owner).reshape(len(gates), 1, *x.shape)
        points = torch.lerp(rows, x, opened)  # x' + g (x - x'), and exactly x' and x at the ends
        outputs = _outputs(model, points.flatten(0, 1), target, (len(gates), len(rows)))
        return outputs.mean(1) if len(rows) > 1 else outputs[:, 0]

    def value(gates: Tensor) -> Tensor:
        return torch.cat([mean(part) for part in _parts(gates, len(rows))])

    return Game(value, names, dtype=x.dtype, device=x.device)


def conditional_game(
    model: Model,
    x: Tensor,
    background: Tensor,
    *,
    bandwidth: float,
    target: Target = None,
    groups: Tensor | None = None,
    players: Sequence[str] | None = None,
) -> Game:
    """v(S) = sum_r w_r(S) f(x_S, z_r outside S) with w_r(S) proportional to exp(-d_S(x, z_r)^2 / (2 h^2)): a hard game.

    d_S^2 is the mean over the kept features of squared differences in standard deviations of the background `(r, *shape)`
    and h the `bandwidth`. The empirical conditional of Aas, Jullum & Loland (2021, section 3.3), with standard
    deviations in place of their full covariance, and with all rows, where they drop those of least weight. For
    h -> infinity, and for S empty, it is the marginal game; features outside S come from real rows, so narrow bandwidths
    stay near the data but rest on few rows. Raises ValueError as `feature_game` does, and for a bandwidth that is not
    positive.

    >>> rows = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    >>> game = conditional_game(lambda z: z[:, 0], rows[1], rows, bandwidth=0.01)
    >>> game(torch.tensor([[0.0, 1.0]])).item()
    1.0
    """
    _callable(model, "model")
    x, rows = _input(x), _background(x, background, "background")
    if not isinstance(bandwidth, int | float) or not bandwidth > 0:
        raise ValueError(f"bandwidth must be positive, got {bandwidth!r}")
    if background.dim() == x.dim() or len(rows) < 2:
        raise ValueError(f"background must have at least two rows, got shape {tuple(background.shape)}")
    owner, names = _players(x, groups, players)
    constant = (rows == rows[:1]).all(0).flatten()  # its std may be a rounding error in place of 0
    scale = torch.where(constant, torch.inf, rows.std(0).flatten())  # as far from all rows: tells them not apart
    apart = ((x - rows).flatten(1) / scale).square()  # (r, entries)

    def mean(gates: Tensor) -> Tensor:
        kept = _entries(gates, owner)  # (m, entries)
        distance = kept @ apart.T / kept.sum(1, keepdim=True).clamp(min=1)
        weights = (-distance / (2 * bandwidth**2)).softmax(1)  # (m, r); the softmax cannot underflow to 0 / 0
        points = torch.where(kept.reshape(len(gates), 1, *x.shape).bool(), x, rows)
        outputs = _outputs(model, points.flatten(0, 1), target, (len(gates), len(rows)))
        return torch.einsum("mr,mr...->m...", weights.to(outputs), outputs)

    def value(gates: Tensor) -> Tensor:
        return torch.cat([mean(part) for part in _parts(gates, len(rows))])

    return Game(value, names, differentiable=False, dtype=x.dtype, device=x.device)


def retraining_game(
    fit: Callable[[Tensor, Tensor], Model],
    inputs: Tensor,
    labels: Tensor,
    x: Tensor,
    *,
    target: Target = None,
    groups: Tensor | None = None,
    players: Sequence[str] | None = None,
) -> Game:
    """v(S) = prediction at x_S of `fit(inputs[:, S], labels)`, a model that never saw the other columns: a hard game.

    `inputs` `(r, d)`, `labels` `(r, ...)`, `x` `(d,)`. `fit` must be deterministic (same columns, same model) and accept
    zero columns; it is called once for each distinct coalition in a batch. Raises ValueError as `feature_game` does.

    >>> def mean_of_labels(columns, labels):
    ...     return lambda rows: labels.mean().expand(len(rows))
    >>> game = retraining_game(mean_of_labels, torch.zeros(4, 2), torch.ones(4), torch.zeros(2))
    >>> game(torch.tensor([[1.0, 0.0]])).item()
    1.0
    """
    _callable(fit, "fit")
    x, rows = _input(x), _background(x, inputs, "inputs")
    if x.dim() != 1 or inputs.dim() != 2:
        raise ValueError(f"inputs must be (r, d) and x (d,), got {tuple(inputs.shape)} and {tuple(x.shape)}")
    if len(labels) != len(rows):
        raise ValueError(f"labels must have one row per input row ({len(rows)}), got {len(labels)}")
    owner, names = _players(x, groups, players)

    def predict(gates: Tensor) -> Tensor:
        kept = _entries(gates[None], owner)[0].bool()
        return _outputs(fit(rows[:, kept], labels), x[None, kept], target, (1, 1))[0, 0]

    def value(gates: Tensor) -> Tensor:
        distinct, position = gates.unique(dim=0, return_inverse=True)
        return torch.stack([predict(row) for row in distinct])[position]

    return Game(value, names, differentiable=False, dtype=x.dtype, device=x.device)


def occlusion(
    model: Model, x: Tensor, baseline: Tensor, *, target: Target = None, groups: Tensor | None = None
) -> Attribution:
    """phi_i = f(x) - f(x with the entries of player i taken from the baseline) (Zeiler & Fergus, 2014).

    Leave one out on `feature_game`; see there for the arguments.

    >>> occlusion(lambda rows: rows @ torch.tensor([2.0, 3.0]), torch.ones(2), torch.zeros(2)).scores.tolist()
    [2.0, 3.0]
    """
    return leave_one_out(feature_game(model, x, baseline, target=target, groups=groups))


def _callable(function: object, name: str) -> None:
    if not callable(function):
        raise ValueError(f"{name} must be a function, got {type(function).__name__}")


def _input(x: Tensor) -> Tensor:
    if not isinstance(x, Tensor) or not x.dtype.is_floating_point or x.dim() == 0:
        raise ValueError(f"x must be a floating-point tensor with at least one axis, got {_kind(x)}")
    return _finite(x, "x")


def _background(x: Tensor, rows: Tensor, name: str) -> Tensor:
    """Baselines as `(r, *shape)` in the dtype and on the device of x."""
    if not isinstance(rows, Tensor) or (rows.shape != x.shape and rows.shape[1:] != x.shape) or rows.numel() == 0:
        raise ValueError(f"{name} must have shape {tuple(x.shape)} or (r, *{tuple(x.shape)}), got {_kind(rows)}")
    rows = _finite(rows, name).to(x.device, x.dtype)
    return rows[None] if rows.shape == x.shape else rows


def _finite(tensor: Tensor, name: str) -> Tensor:
    if not torch.isfinite(tensor).all():
        raise ValueError(f"{name} must be finite, got {int((~torch.isfinite(tensor)).sum())} entries that are not")
    return tensor.detach()


def _players(x: Tensor, groups: Tensor | None, players: Sequence[str] | None) -> tuple[Tensor | None, Sequence[str] | int]:
    """The player of each entry of x, flattened (None: every entry its own), and the players' names or number."""
    if groups is None:
        owner, n = None, x.numel()
    else:
        owner = _groups(x, groups)
        n = int(owner.max()) + 1
    if players is not None and len(players) != n:
        raise ValueError(f"players must name {n} players, got {len(players)}")
    return owner, n if players is None else players


def _groups(x: Tensor, groups: Tensor) -> Tensor:
    whole = isinstance(groups, Tensor) and not groups.dtype.is_floating_point and groups.dtype != torch.bool
    if not whole or groups.shape != x.shape:
        raise ValueError(f"groups must be integers of shape {tuple(x.shape)}, got {_kind(groups)}")
    found = groups.unique().tolist()
    if found != list(range(len(found))):
        raise ValueError(f"groups must use every number from 0 to {max(found)}, got {found}")
    return groups.flatten().long().to(x.device)


def _parts(gates: Tensor, rows: int) -> tuple[Tensor, ...]:
    """Gates in parts that put about 4,096 inputs through the model at once, however large the background."""
    return (gates,) if rows == 1 else gates.split(max(1, BATCH // rows))


def _entries(gates: Tensor, owner: Tensor | None) -> Tensor:
    """The gate of each entry of x: `(m, n) -> (m, entries)`."""
    return gates if owner is None else gates.index_select(1, owner)


def _outputs(model: Model, points: Tensor, target: Target, shape: tuple[int, int]) -> Tensor:
    """The explained output of each point, `(m, r, *out)`."""
    outputs = model(points)
    if not isinstance(outputs, Tensor) or outputs.dim() == 0 or len(outputs) != len(points):
        raise ValueError(f"model must return one row per input ({len(points)}), got {_kind(outputs)}")
    if callable(target):
        outputs = target(outputs)
    elif target is not None:
        column = isinstance(target, int) and not isinstance(target, bool)
        if not column or outputs.dim() != 2 or not 0 <= target < outputs.shape[1]:
            raise ValueError(f"target must be a column of the model's output {tuple(outputs.shape)}, got {target!r}")
        outputs = outputs[:, target]
    if not isinstance(outputs, Tensor) or outputs.dim() == 0 or len(outputs) != len(points):
        raise ValueError(f"target must give one row per input ({len(points)}), got {_kind(outputs)}")
    outputs = outputs if outputs.is_floating_point() else outputs.to(points.dtype)  # decisions: labels or True and False
    return outputs.reshape(*shape, *outputs.shape[1:])


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{value.dtype} of shape {tuple(value.shape)}"
    return type(value).__name__
