"""Explanation as a channel: what can a receiver say about the model's output who is shown the explanation and nothing else?

Chapters: explainable/concepts. Doshi-Velez & Kim (2017) call it forward simulation, Hase & Bansal (2020) simulatability,
Treviso & Martins (2020) communication success. The receiver here is a least-squares student, scored on rows that it has
not seen. A message is `budget` pixels of an image: where they are and how dark they are.

A message can give the output away by its form: pixels chosen to speak for class 7 look like a 7's whatever the image
shows. `leak` measures that. It has every image explained for a class drawn at random, and asks whether the student can
tell which class was explained. An explanation from which that can be told needs no model behind it to score well. Explaining
all classes at once, by how far their scores spread, names none of them.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

METHODS = ("occlusion", "gradient x input", "integrated gradients", "saliency", "darkest pixels", "random pixels")
Model = Callable[[Tensor], Tensor]


def pixel_scores(model: Model, images: Tensor, targets: Tensor | None, method: str, seed: int = 0) -> Tensor:
    """A score for each pixel of each image `(n, h * w)`, for the logit `targets[i]` of image i; the baseline is blank paper.

    images `(n, h, w)`, targets `(n,)`; without targets, the standard deviation over classes of the scores for each class,
    which is large where a pixel tells classes apart and names none of them. The first three methods are the cells of the
    map for `feature_game(model, image, blank)`, all images at once; "saliency" is |gradient|; the last two ask no model.
    Raises ValueError for an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    if method == "darkest pixels":
        return images.flatten(1)
    if method == "random pixels":
        return torch.rand(images.flatten(1).shape, generator=torch.Generator().manual_seed(seed)).to(images)
    if targets is None:
        with torch.no_grad():
            classes = model(images[:1]).shape[1]
        every = [pixel_scores(model, images, torch.full((len(images),), k), method) for k in range(classes)]
        return torch.stack(every).std(0)
    if method == "occlusion":
        return _occlusion(model, images, targets)
    if method == "integrated gradients":
        nodes, weights = np.polynomial.legendre.leggauss(8)
        slopes = sum(w / 2 * _slopes(model, (t + 1) / 2 * images, targets) for t, w in zip(nodes, weights, strict=True))
        return (slopes * images).flatten(1)
    slopes = _slopes(model, images, targets)
    return (slopes.abs() if method == "saliency" else slopes * images).flatten(1)


def _slopes(model: Model, images: Tensor, targets: Tensor) -> Tensor:
    images = images.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        return torch.autograd.grad(model(images).gather(1, targets[:, None]).sum(), images)[0]


@torch.no_grad()
def _occlusion(model: Model, images: Tensor, targets: Tensor) -> Tensor:
    whole, scores = model(images).gather(1, targets[:, None])[:, 0], []
    for pixel in range(images[0].numel()):
        without = images.flatten(1).clone()
        without[:, pixel] = 0
        scores.append(whole - model(without.reshape(images.shape)).gather(1, targets[:, None])[:, 0])
    return torch.stack(scores, 1)


def messages(scores: Tensor, images: Tensor, budget: int) -> Tensor:
    """What the receiver sees: which `budget` pixels score highest, and their grey values, `(n, 2 * h * w)`, zero elsewhere.

    >>> messages(torch.tensor([[0.3, 0.1, 0.2]]), torch.tensor([[[0.0, 0.5, 0.7]]]), 2).tolist()
    [[1.0, 0.0, 1.0, 0.0, 0.0, 0.699999988079071]]
    """
    values = images.flatten(1)
    if scores.shape != values.shape or not 0 <= budget <= values.shape[1]:
        raise ValueError(
            f"scores must be {tuple(values.shape)} and budget between 0 and {values.shape[1]}, "
            f"got {tuple(scores.shape)} and {budget}"
        )
    shown = torch.zeros_like(values).scatter_(1, scores.topk(budget, dim=1).indices, 1.0)
    return torch.cat([shown, shown * values], 1)


def simulate(received: Tensor, outputs: Tensor, folds: int = 5, ridge: float = 1.0, seed: int = 0) -> Tensor:
    """The student's guess of each output `(n,)`, made by a student who has not seen that row.

    received `(n, d)`, outputs `(n,)` class numbers. In each fold the student is ridge regression of the one-hot outputs
    on the messages with a free intercept, fitted on the other folds: w = (Z'Z + ridge I)^-1 Z'(Y - mean), Z centred; it
    guesses the largest. Raises ValueError for rows that do not match or more folds than rows.

    >>> simulate(torch.eye(2).repeat(10, 1), torch.tensor([0, 1]).repeat(10), ridge=0.1).tolist()[:4]
    [0, 1, 0, 1]
    """
    if received.dim() != 2 or outputs.shape != received.shape[:1] or not 2 <= folds <= len(outputs) or ridge <= 0:
        raise ValueError(
            f"received must be (n, d), outputs (n,), folds between 2 and n and ridge positive, "
            f"got {tuple(received.shape)}, {tuple(outputs.shape)}, {folds} and {ridge}"
        )
    received = received.double()
    fold = torch.randperm(len(outputs), generator=torch.Generator().manual_seed(seed)) % folds
    guesses = torch.zeros_like(outputs)
    for k in range(folds):
        guesses[fold == k] = _student(received[fold != k], outputs[fold != k], ridge)(received[fold == k])
    return guesses


def _student(received: Tensor, outputs: Tensor, ridge: float) -> Callable[[Tensor], Tensor]:
    goal = torch.nn.functional.one_hot(outputs).double()
    mean, level = received.mean(0), goal.mean(0)
    z = received - mean
    weights = torch.linalg.solve(z.T @ z + ridge * torch.eye(z.shape[1]).double(), z.T @ (goal - level))
    return lambda rows: ((rows - mean) @ weights + level).argmax(1)


def simulatability(
    model: Model, images: Tensor, method: str, budget: int, *, explain: str = "predicted", seed: int = 0
) -> Tensor:
    """Whether the student names the model's class of each image from its message, `(n,)` booleans.

    `explain` says which logit: "predicted", as is usual and as may give it away; "shuffled", another image's prediction;
    or "all", the spread over classes. Raises ValueError for another word.
    """
    with torch.no_grad():
        outputs = model(images).argmax(1)
    targets = {"predicted": outputs, "shuffled": shuffled(model, images, seed), "all": None}
    if explain not in targets:
        raise ValueError(f"explain must be one of {tuple(targets)}, got {explain!r}")
    scores = pixel_scores(model, images, targets[explain], method, seed)
    return simulate(messages(scores, images, budget), outputs, seed=seed) == outputs


def leak(model: Model, images: Tensor, method: str, budget: int, seed: int = 0) -> Tensor:
    """Whether the student names the class that was *explained*, when this was drawn by shuffling the predictions, `(n,)`."""
    targets = shuffled(model, images, seed)
    received = messages(pixel_scores(model, images, targets, method, seed), images, budget)
    return simulate(received, targets, seed=seed) == targets


def shuffled(model: Model, images: Tensor, seed: int = 0) -> Tensor:
    """The model's predictions `(n,)` dealt out to other images at random: as frequent as before, and about nothing."""
    with torch.no_grad():
        outputs = model(images).argmax(1)
    return outputs[torch.randperm(len(outputs), generator=torch.Generator().manual_seed(seed))]
