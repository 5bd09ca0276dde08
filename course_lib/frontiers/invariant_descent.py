"""What symmetry does to gradients, Hessians and gradient descent, and a step that does not see the scale of neurons.

Chapters: frontiers/parameter_symmetry. If g is linear and L(g theta) = L(theta), then where L is differentiable the gradient
moves with the inverse transpose of g. For orders and signs that is g itself, and plain descent commutes with them; for
rescaling it is not. Sources: Du, Hu & Lee
(2018), Kunin et al. (2021) for conserved quantities; Badrinarayanan, Mishra & Cipolla (2015) for symmetry-invariant steps.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.frontiers.parameter_symmetry import HiddenLayer, rescale

Loss = Callable[[Tensor], Tensor]  # (m, size) -> (m,), rows independent
Step = Callable[[Tensor, Tensor, float], Tensor]  # theta, gradient, rate -> theta


def squared_loss(net: HiddenLayer, x: Tensor, y: Tensor) -> Loss:
    """Half the mean squared distance to the targets y `(n, k)`, for each row of theta."""
    return lambda theta: (net(theta, x) - y).square().sum(2).mean(1) / 2


def log_loss(net: HiddenLayer, x: Tensor, labels: Tensor) -> Loss:
    """Mean negative log-likelihood of the class numbers `labels` `(n,)` under the net's logits, for each row of theta."""

    def loss(theta: Tensor) -> Tensor:
        logits = net(theta, x)
        wanted = labels.expand(len(theta), -1).flatten()
        return F.cross_entropy(logits.flatten(0, 1), wanted, reduction="none").reshape(len(theta), -1).mean(1)

    return loss


def gradient(loss: Loss, theta: Tensor) -> Tensor:
    """The gradient of each row's loss, `(m, size)`.

    >>> gradient(lambda theta: theta.square().sum(1) / 2, torch.tensor([[1.0, 2.0]])).tolist()
    [[1.0, 2.0]]
    """
    theta = theta.detach().requires_grad_(True)
    return torch.autograd.grad(loss(theta).sum(), theta)[0]


def hessian(loss: Loss, theta: Tensor) -> Tensor:
    """Second derivatives at one vector `(size,)`: `(size, size)`."""
    return torch.autograd.functional.hessian(lambda t: loss(t[None])[0], theta.detach())


def scale_directions(net: HiddenLayer, theta: Tensor) -> Tensor:
    """xi_j = d/dt of rescaling neuron j by e^t, at t = 0: its W and b, minus its V, 0 elsewhere. `(..., h, size)`.

    L does not change along them: grad . xi_j = 0 wherever L is differentiable. Differentiate once more: H xi_j is
    minus xi_j at the gradient (xi_j is a diagonal matrix times theta): 0 where neuron j's own part of the gradient is, only.

    >>> scale_directions(HiddenLayer(1, 1, 1), torch.tensor([2.0, 3, 4, 5])).tolist()
    [[2.0, 3.0, -4.0, 0.0]]
    """
    w, b, v, c = net.split(theta)
    only = torch.eye(net.hidden, dtype=theta.dtype)
    w, b, v = w[..., None, :, :] * only[..., None], b[..., None, :] * only, v[..., None, :, :] * only[:, None]
    return net.join(w, b, -v, torch.zeros(*b.shape[:-1], net.outputs, dtype=theta.dtype))


def reads_and_writes(net: HiddenLayer, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Squared norms of what each neuron reads, |w|^2 + b^2, and of what it writes, |v|^2: `(..., h)` each."""
    w, b, v, _ = net.split(theta)
    return w.square().sum(-1) + b.square(), v.square().sum(-2)


def imbalance(net: HiddenLayer, theta: Tensor) -> Tensor:
    """Q_j = |w_j|^2 + b_j^2 - |v_j|^2 for each hidden neuron, `(..., h)`: what gradient flow conserves in a ReLU layer.

    The reason: xi_j of `scale_directions` is half the gradient of Q_j, and grad L . xi_j = 0 (kinks of L apart).
    One step of gradient descent changes it by exactly rate^2 times the imbalance of the gradient.

    >>> imbalance(HiddenLayer(1, 1, 1), torch.tensor([2.0, 3, 4, 5])).tolist()
    [-3.0]
    """
    read, written = reads_and_writes(net, theta)
    return read - written


def plain_step(theta: Tensor, slope: Tensor, rate: float) -> Tensor:
    """Gradient descent: theta - rate * slope."""
    return theta - rate * slope


def balancing_scales(net: HiddenLayer, theta: Tensor) -> Tensor:
    """The alpha `(..., h)` that makes each neuron read as much as it writes. ValueError if a neuron reads or writes nothing."""
    read, written = reads_and_writes(net, theta)
    if not (read * written > 0).all():
        raise ValueError("theta must hold neurons that read and write, got one whose weights on one side are all zero")
    return (written / read) ** 0.25


def balanced_step(net: HiddenLayer) -> Step:
    """Gradient descent from the balanced point of the orbit: balance each neuron, step, and scale back.

    The same as multiplying a neuron's gradient by |read| / |written| where it reads, and by the inverse where it writes. For a
    loss that rescaling does not change, it commutes with positive rescaling of neurons; and, like plain descent, with
    orthogonal changes of coordinates, as far as they keep these norms: orders of neurons, rotations of the inputs. Vectors of
    one function on different orbits (a neuron split in another way) may step to different functions.

    >>> net = HiddenLayer(1, 1, 1)
    >>> balanced_step(net)(torch.tensor([[4.0, 0, 1, 0]]), torch.tensor([[1.0, 0, 1, 0]]), 0.25).tolist()
    [[3.0, 0.0, 0.9375, 0.0]]
    """

    def step(theta: Tensor, slope: Tensor, rate: float) -> Tensor:
        alpha = balancing_scales(net, theta)
        there = plain_step(rescale(net, theta, alpha), rescale(net, slope, 1 / alpha), rate)
        return rescale(net, there, 1 / alpha)

    return step


def descend(loss: Loss, theta: Tensor, rate: float, steps: int, step: Step = plain_step) -> tuple[Tensor, Tensor]:
    """`steps` steps from every row of theta `(m, size)`: where they end `(m, size)`, and all losses `(steps + 1, m)`.

    ValueError for a rate that is not positive, or if the loss stops being a number.

    >>> end, losses = descend(lambda theta: theta.square().sum(1) / 2, torch.tensor([[1.0]]), 0.5, 2)
    >>> end.tolist(), losses.flatten().tolist()
    ([[0.25]], [0.5, 0.125, 0.03125])
    """
    if not rate > 0:
        raise ValueError(f"rate must be positive, got {rate}")
    losses = []
    for _ in range(steps):
        theta = theta.detach().requires_grad_(True)
        value = loss(theta)
        slope = torch.autograd.grad(value.sum(), theta)[0]
        losses.append(value.detach())
        theta = step(theta.detach(), slope, rate)
    losses = torch.stack([*losses, loss(theta).detach()])
    if not losses.isfinite().all():
        raise ValueError(f"rate must be small enough for the loss to stay finite, got {rate}")
    return theta, losses
