"""Claims of chapters/start/warmup.ipynb."""

import torch

from course_lib.claims.core import Record, decide, mean_interval
from course_lib.models import MLP

STEPS = tuple(10 ** (-k / 2) for k in range(2, 13))  # 0.1 to 0.000001


def float32_checks_six_digits(networks: int = 40, others: int = 10) -> Record:
    """Relative error of a gradient by central differences in float32, against autograd in float64 on the same numbers.

    One repeat is one `difference_error`: a random network and input. The step is the one of `STEPS` with the smallest mean
    error on `others` networks that are not counted, so a lucky step for a single network does not help.
    """
    step = best_step(torch.float32, others)
    errors = torch.tensor([difference_error(seed, step, torch.float32) for seed in range(networks)])
    estimate, low, high = mean_interval(errors.log10())
    return Record(
        id="start/warmup/float32_checks_six_digits",
        statement="Central differences in float32, with a well-chosen step, check a gradient to six digits.",
        kind="measured",
        threshold="mean log10 of the relative error below -6",
        estimate=estimate,
        low=low,
        high=high,
        unit="log10 of the relative error",
        verdict=decide(low, high, below=-6.0),
        seeds=networks,
        repeats="random networks",
    )


def best_step(dtype: torch.dtype, networks: int = 10) -> float:
    """The step of `STEPS` with the smallest mean log10 error on networks 1000, 1001, ..."""

    def mean_error(step: float) -> float:
        errors = [difference_error(1000 + seed, step, dtype) for seed in range(networks)]
        return float(torch.tensor(errors).log10().mean())

    return min(STEPS, key=mean_error)


def difference_error(seed: int, step: float, dtype: torch.dtype) -> float:
    """Relative error |d - g| / |g| of central differences d, computed in `dtype`, of a tanh network with six inputs.

    g is the gradient by autograd in float64; weights and input are float32 numbers, so both precisions see the same ones.
    """
    x = torch.randn(6, generator=torch.Generator().manual_seed(seed)).double().requires_grad_()
    model = MLP([6, 16, 1], "tanh", seed).double()
    (gradient,) = torch.autograd.grad(model(x[None]).sum(), x)
    model, x, moves = model.to(dtype), x.detach().to(dtype), step * torch.eye(6, dtype=dtype)
    with torch.no_grad():
        differences = (model(x + moves) - model(x - moves)).double() / (2 * step)
    return float((differences - gradient).norm() / gradient.norm())
