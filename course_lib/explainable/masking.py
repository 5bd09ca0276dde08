"""Training on randomly masked inputs, so that "without these features" is a question the model has learned to answer.

Chapters: explainable/masking.

A model that is trained on pairs (x * m, m) with the log loss, with masks m drawn independently of (x, y), is asked for
p(y | x_S) at every set S of kept features. On a table of probabilities this optimum is known exactly (`conditional_tables`);
on digits a net trained for one mask alone, the oracle, stands in for it.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from course_lib.attribution.features import Target, _groups, _input, _outputs
from course_lib.games import Game
from course_lib.models import MLP

Masker = Callable[[int, torch.Generator], Tensor]  # a number of rows and a generator -> masks (rows, *shape)


# ------------------------------------------------------------------------------------------------------------- masks


def random_masks(
    count: int, generator: torch.Generator, *, keep: float | None = None, sizes: tuple[int, ...] = (1,), side: int = 8
) -> Tensor:
    """Masks `(count, side, side)` of ones (kept) and zeros: each square is kept with its image's own probability.

    `keep`: that probability, or None for one drawn uniformly from [0, 1] for every image, which makes every *number* of
    kept squares equally likely. `sizes`: the side of the squares, drawn for every image from these. Every set of pixels
    has positive probability if size 1 is among them and keep is not 0 or 1.
    Raises ValueError for a keep outside [0, 1] or a size that does not divide `side`.

    >>> random_masks(2, torch.Generator().manual_seed(0), keep=1.0).mean().item()
    1.0
    """
    if keep is not None and not 0 <= keep <= 1:
        raise ValueError(f"keep must lie in [0, 1] or be None, got {keep!r}")
    if not sizes or any(size < 1 or side % size for size in sizes):
        raise ValueError(f"sizes must divide side={side}, got {sizes}")
    rate = torch.rand(count, 1, 1, generator=generator) if keep is None else torch.full((count, 1, 1), float(keep))
    chosen = torch.randint(len(sizes), (count, 1, 1), generator=generator)
    masks = torch.zeros(count, side, side)
    for number, size in enumerate(sizes):
        squares = torch.rand(count, side // size, side // size, generator=generator) < rate
        grown = squares.repeat_interleave(size, 1).repeat_interleave(size, 2)
        masks = torch.where(chosen == number, grown.float(), masks)
    return masks


def masks_of_share(count: int, share: float, generator: torch.Generator, side: int = 8) -> Tensor:
    """Masks `(count, side, side)` that keep exactly round(share * side**2) pixels each, drawn without replacement.

    >>> masks_of_share(3, 0.25, torch.Generator().manual_seed(0)).flatten(1).sum(1).tolist()
    [16.0, 16.0, 16.0]
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie in [0, 1], got {share!r}")
    places = torch.rand(count, side * side, generator=generator).argsort(1).argsort(1)
    return (places < round(share * side * side)).float().reshape(count, side, side)


def masked_batch(x: Tensor, masks: Tensor) -> Tensor:
    """What a model that sees its mask reads: `(b, 2, *shape)`, first x * m, then m.

    `masks` `(b, *shape)`, or `(*shape)` for all rows. Without the second channel a removed entry and an entry 0 look alike.
    Raises ValueError for masks of another shape, or that are not 0 or 1.

    >>> masked_batch(torch.tensor([[0.0, 5.0]]), torch.tensor([1.0, 0.0])).tolist()
    [[[0.0, 0.0], [1.0, 0.0]]]
    """
    if masks.shape not in (x.shape, x.shape[1:]):
        raise ValueError(f"masks must have shape {tuple(x.shape)} or {tuple(x.shape[1:])}, got {tuple(masks.shape)}")
    if not ((masks == 0) | (masks == 1)).all():
        raise ValueError("masks must be 0 or 1 everywhere, got other values")
    masks = masks.to(x).expand_as(x)
    return torch.stack([torch.where(masks == 1, x, 0), masks], 1)


# ---------------------------------------------------------------------------------------------------------- the reader


class MaskedDigitNet(nn.Module):
    """A digit reader that can be told which pixels it sees: two hidden layers of `width` on 2 x * m - m and m.

    Maps images `(b, 8, 8)` in [0, 1] and masks (the same shape, or `(8, 8)`; None: everything is seen) to logits `(b, 10)`.
    White, black and removed pixels enter the first channel as -1, 1 and 0. With `sees_mask=False` both channels are made
    from x * m alone, so a removed pixel looks like a blank one.

    >>> MaskedDigitNet(width=8)(torch.zeros(3, 8, 8), torch.ones(8, 8)).shape
    torch.Size([3, 10])
    """

    def __init__(self, width: int = 256, seed: int = 0, sees_mask: bool = True) -> None:
        super().__init__()
        self.config = {"width": width, "seed": seed, "sees_mask": sees_mask}
        self.sees_mask = sees_mask
        self.reader = MLP([128, width, width, 10], "relu", seed)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        mask = torch.ones_like(x) if mask is None else mask.to(x).expand_as(x)
        values = x * mask
        shown = mask if self.sees_mask else torch.ones_like(mask)
        return self.reader(torch.cat([2 * values - shown, shown], 1).flatten(1))


def train_masked(
    net: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    masks: Masker | Tensor | None = random_masks,
    epochs: int = 100,
    seed: int = 0,
    rate: float = 3e-3,
    batch: int = 64,
    one_mask_a_batch: bool = False,
) -> nn.Module:
    """Fit `net(x, mask)` in place to the mean log loss under random masks; returns it in evaluation mode, gradients off.

    min over theta of E_(x,y) E_(m~q) -log f(x * m, m)_y. `masks`: a function of (rows, generator) that draws from q, a mask
    `(*shape)` for all rows (the *oracle* of this mask), or None (no masks: the ordinary net). Adam with one cycle of the
    rate; masks and the order of the examples come from `seed` alone, so neither depends on x or y.
    """
    optimiser = torch.optim.Adam(net.parameters(), lr=rate, weight_decay=1e-4)
    steps = epochs * -(-len(x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=generator).split(batch):
            mask = masks(1 if one_mask_a_batch else len(rows), generator) if callable(masks) else masks
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(x[rows], mask), y[rows]).backward()
            optimiser.step()
            schedule.step()
    return net.eval().requires_grad_(False)


def masked_scores(net: nn.Module, x: Tensor, y: Tensor, masks: Tensor, *, write_blank: bool = False) -> tuple[float, float]:
    """Accuracy and mean log loss of `net` over all rows under every one of the masks `(m, *shape)`.

    `write_blank`: write zeros into x and do not tell the net, which is all that an ordinary net can be given.
    """
    right, loss = [], []
    with torch.no_grad():
        for mask in masks:
            logits = net(x * mask) if write_blank else net(x, mask)
            right.append((logits.argmax(1) == y).double().mean())
            loss.append(nn.functional.cross_entropy(logits, y).double())
    return torch.stack(right).mean().item(), torch.stack(loss).mean().item()


def masking_game(model: nn.Module, x: Tensor, *, target: Target = None, groups: Tensor | None = None) -> Game:
    """v(S) = f(x_S): the model's output for one input x `(*shape)` when it is told that only S is there; a hard game.

    For a model at the optimum of masked training and target a probability, this is the conditional game
    E[f(X) | X_S = x_S] (a test shows it; Covert, Lundberg & Lee, 2021). `model` takes inputs and masks.
    `target` and `groups`: as in `feature_game`. Raises ValueError as that does.

    >>> total = masking_game(lambda rows, masks: (rows * masks).sum(1), torch.tensor([1.0, 2.0]))
    >>> total(torch.tensor([[1.0, 0.0], [1.0, 1.0]])).tolist()
    [1.0, 3.0]
    """
    if not callable(model):
        raise ValueError(f"model must be a function of inputs and masks, got {type(model).__name__}")
    x = _input(x)
    owner = torch.arange(x.numel()) if groups is None else _groups(x, groups)

    def value(gates: Tensor) -> Tensor:
        masks = gates.index_select(1, owner).reshape(len(gates), *x.shape)
        return _outputs(partial(_told, model, masks), x.expand_as(masks), target, (len(gates), 1))[:, 0]

    return Game(value, int(owner.max()) + 1, differentiable=False, dtype=x.dtype, device=x.device)


def _told(model: nn.Module, masks: Tensor, points: Tensor) -> Tensor:
    return model(points, masks)


# ---------------------------------------------------------------------------------------- a table of probabilities


def conditional_tables(joint: Tensor, masks: Tensor) -> Tensor:
    """p(y | x_S) for every mask and at every x: `(m, *values, k)` from a joint distribution `(*values, k)`.

    `joint[x1, ..., xn, y]` holds probabilities (or counts); `masks` `(m, n)` of 0 and 1. The table of S does not vary along
    removed features. Where x_S has probability 0 every prediction is optimal, and the table says 1 / k.
    Raises ValueError for a joint that is negative or empty, or masks of another width.

    >>> conditional_tables(torch.tensor([[0.4, 0.1], [0.1, 0.4]]), torch.tensor([[1], [0]]))[:, 0].tolist()
    [[0.800000011920929, 0.20000000298023224], [0.5, 0.5]]
    """
    n = joint.dim() - 1
    if n < 1 or not torch.isfinite(joint).all() or joint.min() < 0 or joint.sum() <= 0:
        raise ValueError(f"joint must hold probabilities (*values, k), got shape {tuple(joint.shape)} or bad entries")
    if masks.dim() != 2 or masks.shape[1] != n:
        raise ValueError(f"masks must have shape (m, {n}), got {tuple(masks.shape)}")
    return torch.stack([_conditional(joint, [i for i in range(n) if not mask[i]]) for mask in masks])


def _conditional(joint: Tensor, removed: list[int]) -> Tensor:
    cells = joint.sum(removed, keepdim=True) if removed else joint
    weight = cells.sum(-1, keepdim=True)
    return torch.where(weight > 0, cells / weight, 1 / joint.shape[-1]).expand_as(joint)


def masked_loss(joint: Tensor, predictions: Tensor, weights: Tensor) -> Tensor:
    """E_(x,y) E_(m~q) -log f(x_m)_y, exactly: `joint` `(*values, k)`, `predictions` `(m, *values, k)`, q = `weights` `(m,)`.

    With the `conditional_tables` as predictions it is sum_S q(S) H(Y | X_S), the smallest possible value. A prediction 0
    where the joint has probability costs infinity. Raises ValueError for shapes that do not fit.

    >>> masked_loss(torch.tensor([[0.5, 0.0], [0.0, 0.5]]), torch.full((1, 2, 2), 0.5), torch.ones(1)).item()
    0.6931471824645996
    """
    if predictions.shape[1:] != joint.shape or weights.shape != predictions.shape[:1]:
        got = f"{tuple(predictions.shape)} and {tuple(weights.shape)}"
        raise ValueError(f"predictions must be (m, *{tuple(joint.shape)}) and weights (m,), got {got}")
    joint = joint / joint.sum()
    costs = torch.where(joint > 0, -joint * predictions.log(), 0)
    return (weights / weights.sum()) @ costs.flatten(1).sum(1)


def table_inputs(joint: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Every x of a table of binary features under every mask, as `(m * 2**n, n)` values and masks; x varies fastest.

    The order is that of `conditional_tables(joint, masks).reshape(m * 2**n, k)`.

    >>> [part.shape for part in table_inputs(torch.ones(2, 2, 3), torch.ones(4, 2))]
    [torch.Size([16, 2]), torch.Size([16, 2])]
    """
    n = joint.dim() - 1
    if joint.shape[:-1] != (2,) * n:
        raise ValueError(f"joint must have binary features, got shape {tuple(joint.shape)}")
    x = torch.cartesian_prod(*[torch.arange(2)] * n).reshape(-1, n)
    return x.repeat(len(masks), 1).double(), masks.repeat_interleave(len(x), 0).double()
