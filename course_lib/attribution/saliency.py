"""Slopes of a model in its input: how the output reacts to a small change of x, in output per unit of x.

Chapters: attribution/gradients, attribution/surrogates, attribution/evaluation, attribution/sanity_checks.

These lie outside the map of methods: they have no baseline, no gates and no players, and their scores do not add up to
anything. Multiply a slope by x - x' and it becomes a contribution; with the plain slope that is the map's
`games.gradient`. Guided backpropagation is not a slope of any function: it changes the backward pass.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from course_lib.attribution.features import Model, Target, _callable, _input, _outputs
from course_lib.games.core import BATCH
from course_lib.games.scores import Attribution

RELUS = {torch.relu, torch.relu_, torch.nn.functional.relu, torch.nn.functional.relu_, Tensor.relu, Tensor.relu_}


def saliency(model: Model, x: Tensor, *, target: Target = None) -> Tensor:
    """d f / d x at each row of a batch, `(b, *shape) -> (b, *shape)`, in output per unit of x (Simonyan et al., 2013).

    Signed: the original map is its absolute value. `target` picks one output as in `feature_game`. Rows of the batch
    must not influence each other. Raises ValueError for a target that is not one number per row.

    >>> saliency(lambda rows: (rows**2).sum(1), torch.tensor([[1.0, -3.0]])).tolist()
    [[2.0, -6.0]]
    """
    _callable(model, "model")
    x = _input(x)
    with torch.enable_grad():
        x = x.clone().requires_grad_(True)
        outputs = _outputs(model, x, target, (len(x), 1))[:, 0]
        if outputs.dim() != 1:
            raise ValueError(f"target must leave one output per row, got shape {tuple(outputs.shape)}")
        if not outputs.requires_grad:
            raise ValueError("model must keep the graph to its input for a gradient, got a result without one")
        return torch.autograd.grad(outputs.sum(), x)[0]


def smoothgrad(
    model: Model, x: Tensor, *, scale: float, draws: int, generator: torch.Generator, target: Target = None
) -> Attribution:
    """phi = mean over e ~ N(0, scale^2 I) of the slope at x + e, for one input x `(*shape)` (Smilkov et al., 2017).

    It estimates the slope at x of the model blurred by a Gaussian, so a kink of width below `scale` is not seen.
    `scale` is in units of x. Scores and standard errors (over draws) `(n,)` in the order of `x.flatten()`.
    Raises ValueError for a scale that is not positive or fewer than two draws.

    >>> square = lambda rows: (rows**2).sum(1)
    >>> blurred = smoothgrad(square, torch.ones(2), scale=0.5, draws=4000, generator=torch.Generator().manual_seed(0))
    >>> (blurred.scores - 2).abs().max().item() < 5 * blurred.standard_errors.max().item()
    True
    """
    slopes = noisy_slopes(model, x, scale=scale, draws=draws, generator=generator, target=target).flatten(1)
    errors = slopes.std(0) / draws**0.5
    return Attribution(slopes.mean(0), errors, draws, tuple(map(str, range(x.numel()))), "draws")


def noisy_slopes(
    model: Model, x: Tensor, *, scale: float, draws: int, generator: torch.Generator, target: Target = None
) -> Tensor:
    """Slopes `(draws, *shape)` at x + e with e ~ N(0, scale^2 I): SmoothGrad is their mean, SmoothGrad-squared the mean of
    their squares and VarGrad their variance (Hooker et al., 2019). Raises ValueError as `smoothgrad` does.

    >>> noisy_slopes(lambda rows: rows.sum(1), torch.ones(2), scale=1.0, draws=3, generator=torch.Generator()).shape
    torch.Size([3, 2])
    """
    x = _input(x)
    if not isinstance(scale, int | float) or not 0 < scale < float("inf"):
        raise ValueError(f"scale must be positive and finite, got {scale!r}")
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 2:
        raise ValueError(f"draws must be an integer of at least 2, got {draws!r}")
    if not isinstance(generator, torch.Generator):
        raise ValueError(f"generator must be a torch.Generator, got {type(generator).__name__}")
    noise = torch.randn(draws, *x.shape, generator=generator, dtype=torch.float64).to(x)
    return torch.cat([saliency(model, x + scale * part, target=target) for part in noise.split(BATCH)])


def guided_backpropagation(model: Model, x: Tensor, *, target: Target = None) -> Tensor:
    """Like `saliency`, but every ReLU passes back only positive signals: `(b, *shape)` (Springenberg et al., 2015).

    At a ReLU with input z and incoming signal r, the chain rule gives r [z > 0]; guided backpropagation gives
    max(r, 0) [z > 0]. The result is not the gradient of any function of x in general, and with enough layers it is
    close to an edge detector of the input, whatever the upper weights are (Nie, Zhang & Patel, 2018).

    >>> guided_backpropagation(lambda rows: -torch.relu(rows).sum(1), torch.ones(1, 2)).tolist()
    [[0.0, 0.0]]
    """
    with guided_relus():
        return saliency(model, x, target=target)


@contextmanager
def guided_relus() -> Iterator[None]:
    """Inside the block every ReLU has the backward rule of guided backpropagation; afterwards none has.

    >>> with guided_relus():
    ...     x = torch.tensor([1.0, 2.0], requires_grad=True)
    ...     torch.autograd.grad((torch.relu(x) * torch.tensor([1.0, -1.0])).sum(), x)[0].tolist()
    [1.0, 0.0]
    """
    with _GuidedMode():
        yield


class _GuidedMode(TorchFunctionMode):
    def __torch_function__(self, function: Callable, types, args=(), kwargs=None):
        if function in RELUS:
            return _GuidedReLU.apply(args[0] if args else kwargs["input"])
        return function(*args, **(kwargs or {}))


class _GuidedReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return z.clamp(min=0)

    @staticmethod
    def backward(ctx, signal: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return signal.clamp(min=0) * (z > 0)
