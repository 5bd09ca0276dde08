"""Many small digit readers trained side by side, with a symmetry put in or left out in four ways.

Chapters: symmetries/benefits. A reader is a network with one hidden layer on 64 pixels. A whole stack of R readers, each with
its own training digits and initial weights, is trained at once as batched matrix products: that makes learning curves cheap.

* "plain": every training digit in the position in which it lies;
* "augmented": in all positions of the group, as further examples;
* "averaged after": the plain reader, its outputs averaged over the positions when it reads;
* "averaged throughout": averaged when it reads *and* when it is trained, so that it is invariant in both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

METHODS = ("plain", "augmented", "averaged after", "averaged throughout")
TURNS = {"none": (0,), "half turn": (0, 2), "quarter turns": (0, 1, 2, 3)}


@dataclass(frozen=True)
class Readers:
    """R networks `(R, n, 64) -> (R, n, 10)`; `turns` are the quarter turns over which outputs are averaged."""

    weights: tuple[Tensor, Tensor, Tensor, Tensor]
    turns: Sequence[int] = (0,)

    def __call__(self, images: Tensor) -> Tensor:
        """Logits `(R, n, 10)` of images `(n, 8, 8)`, the same for all, or `(R, n, 8, 8)`."""
        return _logits(self.weights, _views(images, self.turns))

    def over(self, turns: Sequence[int]) -> "Readers":
        """The same networks, averaged over other turns."""
        return Readers(self.weights, tuple(turns))


def _views(images: Tensor, turns: Sequence[int]) -> list[Tensor]:
    """The images in each of several positions, as rows of 64 pixels."""
    return [turned(images, k).flatten(-2) for k in turns]


def _logits(weights: tuple[Tensor, ...], views: list[Tensor]) -> Tensor:
    """Mean over the views of the networks' outputs; the second layer is linear, so the mean may be taken before it."""
    first, bias, second, shift = weights
    hidden = [torch.relu(view @ first + bias) for view in views]
    return (sum(hidden) / len(hidden)) @ second + shift


def turned(images: Tensor, quarters: Tensor | int) -> Tensor:
    """Images `(..., 8, 8)`, each turned by its own number of quarter turns (counter-clockwise), or all by the same.

    >>> turned(torch.arange(4).reshape(1, 2, 2), 1).tolist()
    [[[1, 3], [0, 2]]]
    """
    if isinstance(quarters, int):
        return torch.rot90(images, quarters, (-2, -1))
    every = torch.stack([torch.rot90(images, k, (-2, -1)) for k in range(4)])
    return every.gather(0, quarters[None, ..., None, None].expand(1, *images.shape))[0]


def initial_weights(count: int, hidden: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights of `count` networks, N(0, 2 / inputs), and zero biases."""
    first = torch.randn(count, 64, hidden, generator=generator) * (2 / 64) ** 0.5
    second = torch.randn(count, hidden, 10, generator=generator) * (2 / hidden) ** 0.5
    return first, torch.zeros(count, 1, hidden), second, torch.zeros(count, 1, 10)


def train_readers(
    method: str,
    images: Tensor,
    labels: Tensor,
    *,
    turns: Sequence[int] = TURNS["quarter turns"],
    steps: int = 150,
    hidden: int = 64,
    rate: float = 3e-2,
    decay: float = 1e-3,
    noise: float = 0.0,
    seed: int = 0,
) -> Readers:
    """R readers, one for each row of `images` `(R, N, 8, 8)` and `labels` `(R, N)`, by Adam on all their digits at once.

    `turns` is the group used by the three methods that use one. `noise`: standard deviation of fresh noise on the pixels in
    every step. Raises ValueError for an unknown method or shapes that do not fit.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    if images.dim() != 4 or labels.shape != images.shape[:2]:
        raise ValueError(f"images must be (R, N, 8, 8), labels (R, N), got {tuple(images.shape)} and {tuple(labels.shape)}")
    generator = torch.Generator().manual_seed(seed)
    weights = initial_weights(len(images), hidden, generator)
    if method == "augmented":
        images, labels = torch.cat([turned(images, k) for k in turns], 1), labels.repeat(1, len(turns))
    inside = tuple(turns) if method == "averaged throughout" else (0,)
    _descend(weights, images, labels, inside, steps, rate, decay, noise, generator)
    return Readers(weights, tuple(turns) if method.startswith("averaged") else (0,))


def _descend(
    weights: tuple[Tensor, ...],
    images: Tensor,
    labels: Tensor,
    turns: Sequence[int],
    steps: int,
    rate: float,
    decay: float,
    noise: float,
    generator: torch.Generator,
) -> None:
    """Adam in place; the loss of each network is its own mean, so that the stack learns as its members would alone."""
    for part in weights:
        part.requires_grad_(True)
    optimiser = torch.optim.Adam(weights, lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    views = _views(images, turns)
    for _ in range(steps):
        if noise:
            views = _views(images + noise * torch.randn(images.shape, generator=generator), turns)
        logits = _logits(weights, views)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten()) * len(images)
        loss = loss + decay * (weights[0].square().sum() + weights[2].square().sum())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    for part in weights:
        part.requires_grad_(False)


def accuracies(readers: Readers, images: Tensor, labels: Tensor) -> Tensor:
    """Share read right by each reader, `(R,)`; images `(n, 8, 8)` or `(R, n, 8, 8)`, labels `(n,)`."""
    return (readers(images).argmax(-1) == labels).double().mean(-1)


def every_position(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """All images in all four positions, with their labels: `(4 n, 8, 8)`, `(4 n,)`."""
    return torch.cat([turned(images, k) for k in range(4)]), labels.repeat(4)


def draws(
    images: Tensor, labels: Tensor, size: int, count: int, seed: int, turns: Sequence[int] = TURNS["quarter turns"]
) -> tuple[Tensor, Tensor]:
    """`count` draws of `size` digits without replacement, each digit in a random position: `(R, N, 8, 8)`, `(R, N)`."""
    if not 1 <= size <= len(images):
        raise ValueError(f"size must lie between 1 and {len(images)}, got {size}")
    generator = torch.Generator().manual_seed(seed)
    rows = torch.stack([torch.randperm(len(images), generator=generator)[:size] for _ in range(count)])
    quarters = torch.tensor(list(turns))[torch.randint(len(turns), rows.shape, generator=generator)]
    return turned(images[rows], quarters), labels[rows]


def sensitivity(readers: Readers, images: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """How much of the outputs noise on the pixels moves, `(R,)`: E |f(x + e) - f(x)|^2 / spread of f(x) over the images."""
    clean, shaken = readers(images), readers(images + noise * torch.randn(images.shape, generator=generator))
    spread = (clean - clean.mean(1, keepdim=True)).square().mean((1, 2))
    return (shaken - clean).square().mean((1, 2)) / spread
