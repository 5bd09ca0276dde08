"""Questions about sets of numbers, to be learnt at one size and asked at others; many small networks trained side by side.

Chapters: equivariance/sets_and_signs. Three targets, one for each pool: how many numbers are positive (a sum of votes), the
variance (a function of two means), and the range (a difference of two largest entries).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_lib.equivariance.deep_sets import sets

TARGETS: dict[str, Callable[[Tensor], Tensor]] = {  # sets (b, n, 1) -> (b,)
    "count": lambda x: (sets(x)[..., 0] > 0).to(x.dtype).sum(1),
    "variance": lambda x: sets(x)[..., 0].var(1, correction=0),
    "range": lambda x: sets(x)[..., 0].amax(1) - x[..., 0].amin(1),
}


def number_sets(count: int, n: int, generator: torch.Generator) -> Tensor:
    """`count` sets of n numbers, `(count, n, 1)`: each uniform on its own interval, of half-length 0.2 to 1 about a point of
    [-1, 1], so that all three targets differ from set to set.
    """
    middle = 2 * torch.rand(count, 1, 1, generator=generator) - 1
    half = 0.2 + 0.8 * torch.rand(count, 1, 1, generator=generator)
    return middle + half * (2 * torch.rand(count, n, 1, generator=generator) - 1)


def train_side_by_side(
    nets: Sequence[nn.Module],
    x: Tensor,
    y: Tensor,
    *,
    steps: int,
    rate: float,
    seed: int,
    batch: int = 128,
    change: Callable[[Tensor, torch.Generator], Tensor] = lambda rows, generator: rows,
) -> list[nn.Module]:
    """Fit m networks of one shape, in place, each to its own data: x `(m, N, ...)`, y `(m, N)`. Returns them, gradients off.

    Adam on the mean squared error, in batches whose rows `change` may alter (augmentation); the rate rises and falls over one
    cycle. One loop for all: m small networks cost little more than one.
    """
    if len(nets) != len(x) or x.shape[:2] != y.shape:
        raise ValueError(f"x and y must hold data for {len(nets)} networks, got shapes {tuple(x.shape)} and {tuple(y.shape)}")
    weights, buffers = torch.func.stack_module_state(list(nets))
    forward = torch.func.vmap(lambda w, b, rows: torch.func.functional_call(nets[0], (w, b), (rows,)))
    optimiser = torch.optim.Adam(list(weights.values()), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        rows = torch.randint(0, x.shape[1], (batch,), generator=generator)
        loss = (forward(weights, buffers, change(x[:, rows], generator)) - y[:, rows]).square().mean(1).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    for k, net in enumerate(nets):
        net.load_state_dict({name: value[k].detach() for name, value in weights.items()})
        net.eval().requires_grad_(False)
    return list(nets)
