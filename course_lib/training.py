"""One training loop for every small network of the course. Chapters: all that train."""

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
