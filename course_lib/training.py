"""One training loop for every small network of the course, and one that goes to a minimum. Chapters: all that train."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def train_classifier(
    model: nn.Module, x: Tensor, y: Tensor, *, epochs: int, rate: float, seed: int, batch: int = 64, decay: float = 1e-4
) -> nn.Module:
    """Fit `model` in place by Adam on the mean log-loss and return it in evaluation mode, its gradients switched off.

    x `(n, *shape)`; y `(n,)`: class numbers for a model that returns logits `(b, k)`, or 0/1 for one that returns a
    single log-odds `(b,)`. The order of the examples comes from `seed` alone.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=rate, weight_decay=decay)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=generator).split(batch):
            optimiser.zero_grad()
            log_loss(model(x[rows]), y[rows]).backward()
            optimiser.step()
    return model.eval().requires_grad_(False)


def train_to_minimum(
    objective: Callable[[Tensor], Tensor], start: Tensor, *, tolerance: float = 1e-8, steps: int = 5000, memory: int = 20
) -> Tensor:
    """A local minimum `(m, p)` near each row of `start (m, p)`, all rows side by side, by L-BFGS (Liu & Nocedal, 1989).

    `objective`: `(m, p) -> (m,)`, smooth, rows independent. A row is done when its gradient is at most `tolerance` times
    1 + |objective|. Every move is halved until it descends. Which minimum is found depends on the start: that is the
    point where a network is not convex. Raises ValueError if some row is not done after `steps` moves.

    >>> bowl = lambda theta: ((theta - torch.tensor([1.0, 2.0])) ** 2 * torch.tensor([1.0, 9.0])).sum(1)
    >>> train_to_minimum(bowl, torch.zeros(1, 2), tolerance=1e-4).round(decimals=3).tolist()
    [[1.0, 2.0]]
    """
    theta, past = start.detach().clone(), []
    value, slope = _value_and_slope(objective, theta)
    for _ in range(steps):
        done = slope.norm(dim=1) <= tolerance * (1 + value.abs())
        if done.all():
            return theta
        move = torch.where(done[:, None], 0, -_quasi_newton(slope, past))
        rising = (slope * move).sum(1, keepdim=True) > 0
        move = torch.where(rising, -slope, move)
        new = theta + _halved(objective, theta, move, value, slope) * move
        new_value, new_slope = _value_and_slope(objective, new)
        past = [*past[-memory + 1 :], (new - theta, new_slope - slope)]
        theta, value, slope = new, new_value, new_slope
    raise ValueError(f"a minimum must be reached in {steps} steps, got a gradient of {slope.norm(dim=1).max():.1e}")


def _value_and_slope(objective: Callable[[Tensor], Tensor], theta: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        theta = theta.detach().requires_grad_(True)
        value = objective(theta)
        return value.detach(), torch.autograd.grad(value.sum(), theta)[0]


def _quasi_newton(slope: Tensor, past: list[tuple[Tensor, Tensor]]) -> Tensor:
    """An estimate of H^-1 slope from past moves and changes of slope; pairs without positive curvature are left out."""
    result, shares = slope, []
    scale = 1 / slope.norm(dim=1, keepdim=True).clamp(min=1)
    for move, change in reversed(past):
        curvature = (move * change).sum(1, keepdim=True)
        used = curvature > 1e-12 * change.norm(dim=1, keepdim=True) ** 2
        inverse = torch.where(used, 1 / curvature, 0)
        if not shares:
            scale = torch.where(used, curvature / (change**2).sum(1, keepdim=True), scale)
        shares.append((inverse, inverse * (move * result).sum(1, keepdim=True)))
        result = result - shares[-1][1] * change
    result = scale * result
    for (move, change), (inverse, share) in zip(past, reversed(shares), strict=True):
        result = result + (share - inverse * (change * result).sum(1, keepdim=True)) * move
    return result


def _halved(objective, theta: Tensor, move: Tensor, value: Tensor, slope: Tensor) -> Tensor:
    """The largest 2^-k `(m, 1)` at which each row gains a little of what its slope promises, up to rounding."""
    size, promise = torch.ones_like(value), (slope * move).sum(1)
    for _ in range(40):
        with torch.no_grad():
            rise = objective(theta + size[:, None] * move) - value
        poor = ~(rise <= 1e-4 * size * promise + 4 * torch.finfo(value.dtype).eps * value.abs())
        if not poor.any():
            break
        size = torch.where(poor, size / 2, size)
    return size[:, None]


def log_loss(output: Tensor, y: Tensor) -> Tensor:
    """Mean negative log-likelihood of `y` under logits `(b, k)` or a log-odds `(b,)`."""
    if output.dim() == 1:
        return nn.functional.binary_cross_entropy_with_logits(output, y.to(output.dtype))
    return nn.functional.cross_entropy(output, y)


def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of rows whose predicted class is `y`; a single output predicts class 1 where it is positive."""
    with torch.no_grad():
        output = model(x)
    predicted = (output > 0).long() if output.dim() == 1 else output.argmax(1)
    return (predicted == y).double().mean().item()
