"""A small network as a learner: trained from one initialisation for every weighting of the examples at once.

Chapters: attribution/retraining, influence, datamodels. The number of steps is fixed, and the derivative in the example
weights goes through all of them.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import grad, vmap

from course_lib.attribution.learners import ENTRIES, examples_fit, in_chunks, labels_fit
from course_lib.models import ACTIVATIONS, MLP


@dataclass(frozen=True)
class Network:
    """A small `MLP`, trained by `steps` steps of gradient descent with momentum, always from the weights of one `seed`.

    A last width of 1 means labels 0 and 1 and log-odds `(m, t)`, else class numbers and logits `(m, t, k)`. A step moves
    by `rate / n` times the gradient of the objective (n: all examples, whatever their weights), on all examples or on
    `batch` of them (their sum then scaled by n / batch), whose order comes from the seed and is the same in every fit. All
    fits run as one tensor program (`torch.func.vmap` over the weights), equal to a plain loop to the last digits. What is
    gained is overhead: about tenfold at n = 100, a few times at n = 500, where the arithmetic takes over.
    """

    widths: tuple[int, ...]
    penalty: float = 0.0
    activation: str = "tanh"
    steps: int = 100
    rate: float = 0.5
    momentum: float = 0.9
    batch: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise ValueError(f"widths must be at least an input and an output, each positive, got {self.widths}")
        if not 0 <= self.penalty < math.inf:
            raise ValueError(f"penalty must be at least 0, got {self.penalty}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {sorted(ACTIVATIONS)}, got {self.activation!r}")
        if not 0 < self.rate < math.inf or not 0 <= self.momentum < 1:
            raise ValueError(f"rate must be positive and momentum in [0, 1), got {self.rate} and {self.momentum}")
        for name, count in (("steps", self.steps), ("batch", 1 if self.batch is None else self.batch)):
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise ValueError(f"{name} must be an integer of at least 1, got {count!r}")

    def fit(self, x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
        examples_fit(x, y, weights)
        labels_fit(y, max(2, self.widths[-1]))
        if self.widths[0] != x.shape[1]:
            raise ValueError(f"widths must begin with {x.shape[1]}, the number of columns of x, got {self.widths}")
        start, n = self.start().to(x), len(x)

        def objective(theta: Tensor, w: Tensor, rows: Tensor) -> Tensor:
            loss = (w[rows] * self.losses(theta[None], x[rows], y[rows])[0]).sum()
            return loss / len(rows) + self.penalty / (2 * n) * (theta**2).sum()

        step = vmap(grad(objective), in_dims=(0, 0, None))

        def train(w: Tensor) -> Tensor:
            theta, velocity = start.expand(len(w), -1), torch.zeros(len(w), len(start), dtype=x.dtype, device=x.device)
            for rows in self._schedule(n):
                velocity = self.momentum * velocity + step(theta, w, rows)
                theta = theta - self.rate * velocity
            return theta

        return in_chunks(train, weights, max(1, ENTRIES // 256))

    def start(self) -> Tensor:
        """The initial weights `(p,)`."""
        model = MLP(list(self.widths), self.activation, self.seed)
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    def outputs(self, theta: Tensor, x: Tensor) -> Tensor:
        hidden, used = x, 0
        for inputs, outputs in zip(self.widths[:-1], self.widths[1:], strict=True):
            hidden = hidden if used == 0 else ACTIVATIONS[self.activation]()(hidden)
            matrix = theta[:, used : used + inputs * outputs].reshape(len(theta), outputs, inputs)
            used += (inputs + 1) * outputs
            hidden = hidden @ matrix.transpose(1, 2) + theta[:, None, used - outputs : used]
        return hidden[..., 0] if self.widths[-1] == 1 else hidden

    def losses(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        output = self.outputs(theta, x)
        if output.dim() == 2:
            return nn.functional.softplus(-(2 * y.to(x.dtype) - 1) * output)
        return output.logsumexp(2) - output.gather(2, y.long().expand(len(theta), -1)[..., None])[..., 0]

    def _schedule(self, n: int) -> list[Tensor]:
        if self.batch is None or self.batch >= n:
            return [torch.arange(n)] * self.steps
        generator, rows = torch.Generator().manual_seed(self.seed), []
        while len(rows) < self.steps:
            order = torch.randperm(n, generator=generator)
            rows += [part for part in order.split(self.batch) if len(part) == self.batch]
        return rows[: self.steps]
