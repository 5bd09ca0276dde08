"""Ensembles of small digit readers on augmented digits, all members trained side by side. Chapters: equivariance/augmentation.

The members see the same training digits and differ in their initial weights alone. Turning the initial weights of a reader
turns the trained one, f_{g theta}(x) = f_theta(g^-1 x), if it learns from full orbits by full batches: so the *law* of
trained readers is symmetric, their mean over all initial weights is exactly invariant, and that of M members is off by 1/M
of the variance of one (Nordenfors & Flinth, 2024).
"""

import torch
from torch import Tensor

from course_lib.equivariance.augmentation import part_orbit
from course_lib.groups import Action, CyclicGroup, image_action, trivial_action
from course_lib.symmetries.readers import Readers

Weights = tuple[Tensor, Tensor, Tensor, Tensor]
TURNS = CyclicGroup(4)


def turns() -> tuple[Action, Action]:
    """Quarter turns of images `(8, 8)`, and their trivial action on labels."""
    return image_action(TURNS, (8, 8)), trivial_action(TURNS)


def turned_weights(weights: Weights, quarters: int) -> Weights:
    """g theta: the filters of the first layer `(R, 64, hidden)` turned as pictures, nothing else changed.

    The network with these weights says of x what the old one says of g^-1 x.
    """
    first, *rest = weights
    pictures = first.unflatten(1, (8, 8))
    return torch.rot90(pictures, quarters, (1, 2)).flatten(1, 2).contiguous(), *(part.clone() for part in rest)


def train_stack(
    weights: Weights, images: Tensor, labels: Tensor, *, steps: int = 150, rate: float = 3e-2, decay: float = 1e-3
) -> Readers:
    """Full-batch Adam from given `weights` of R networks, each on its own `images` `(R, N, 8, 8)` and `labels` `(R, N)`.

    The weights are not changed. Images `(1, N, 8, 8)` with labels `(1, N)` are the same for all. Raises ValueError for shapes
    that do not fit.
    """
    if images.dim() != 4 or labels.shape != images.shape[:2] or len(images) not in (1, len(weights[0])):
        raise ValueError(f"images must be (R, N, 8, 8), labels (R, N), got {tuple(images.shape)} and {tuple(labels.shape)}")
    weights = tuple(part.clone().requires_grad_(True) for part in weights)
    optimiser = torch.optim.Adam(weights, lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    count = len(weights[0])
    pixels = images.flatten(2).to(weights[0].dtype).expand(count, -1, -1).contiguous()
    targets = labels.expand(count, -1).flatten()
    for _ in range(steps):
        first, bias, second, shift = weights
        logits = torch.baddbmm(shift, torch.relu(torch.baddbmm(bias, pixels, first)), second)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets) * count
        optimiser.zero_grad()
        (loss + decay * (first.square().sum() + second.square().sum())).backward()
        optimiser.step()
        schedule.step()
    return Readers(tuple(part.detach() for part in weights))


def augmented_stack(
    weights: Weights, images: Tensor, labels: Tensor, fraction: float, generator: torch.Generator, **settings: float
) -> Readers:
    """R readers on the same digits `(N, 8, 8)`, a `fraction` in all four positions, the others four times in their own."""
    x, y = part_orbit(images, labels, *turns(), fraction, generator)
    return train_stack(weights, x[None], y[None], **settings)


def stack_scores(readers: Readers, images: Tensor) -> Tensor:
    """Logits of R readers on images `(n, 8, 8)` in all four positions, `(4, R, n, 10)`."""
    return torch.stack([readers(torch.rot90(images, k, (1, 2))) for k in range(4)])


def grouped(scores: Tensor, members: int) -> Tensor:
    """Means over groups of `members` readers, each reader in one group: `(4, R, n, k)` -> `(4, R / members, n, k)`.

    Raises ValueError if `members` does not divide R.
    """
    if members < 1 or scores.shape[1] % members:
        raise ValueError(f"members must divide the number of readers {scores.shape[1]}, got {members}")
    return scores.unflatten(1, (-1, members)).mean(2)
