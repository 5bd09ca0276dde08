"""One ruler for every construction: how a network is trained, and what is measured afterwards. Chapter: equivariance/bakeoff.

A *construction* puts a symmetry into a predictor: it modifies an ordinary network (canonicalise, average) or builds another one
(augment, share weights, read invariants). `bakeoff_digits` and `bakeoff_clusters` hold the two tasks. All networks of a task
are trained by the same loop, for the same number of steps, on the same draws of examples, and are about equally large.
"""

import csv
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.resources import files

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

STORED = "bakeoff.csv"  # made by `python -m course_lib.data.make_bakeoff`


@dataclass(frozen=True)
class Construction:
    """How a symmetry is put in: a network to train, whether its examples are moved, and how it is read.

    `network`: constructions of the same name share the trained network. `build` makes it from a seed and the training inputs.
    `pose` is applied to inputs before the network, when it is trained and when it is read; `moved`: each step moves its
    examples at random; `read` wraps the trained network. `evaluations` of the network for one prediction. `kind` is "none",
    "modify" or "build"; `exact` says whether invariance is guaranteed for any weights.
    """

    kind: str
    network: str
    build: Callable[[int, Tensor], nn.Module]
    evaluations: int = 1
    exact: bool = True
    moved: bool = False
    pose: Callable[[Tensor], Tensor] | None = None
    read: Callable[[nn.Module], Callable[[Tensor], Tensor]] | None = None

    def predictor(self, network: nn.Module) -> Callable[[Tensor], Tensor]:
        """What is used in the end, from inputs as they come to outputs."""
        inner = network if self.read is None else self.read(network)
        return inner if self.pose is None else lambda x: inner(self.pose(x))


@dataclass(frozen=True)
class Cell:
    """One line of the grid. `score` is an accuracy for digits and a root mean square error in eV for clusters.

    `error` is the invariance error: the relative change of the outputs, mean over elements; `flips` the share of inputs whose
    answer changes within their orbit (digits alone). `operations` are multiplications for one prediction.
    """

    task: str
    law: str
    method: str
    size: int
    seed: int
    score: float
    error: float
    flips: float
    evaluations: int
    operations: int
    parameters: int
    train_seconds: float
    read_seconds: float


def train(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    steps: int,
    rate: float,
    seed: int,
    batch: int = 64,
    move: Callable[[Tensor, torch.Generator], Tensor] | None = None,
) -> nn.Module:
    """Fit in place by Adam, its rate falling to 0 along a cosine; each step reads `batch` examples drawn with replacement.

    So a step costs the same whatever the number of examples. `move` changes the inputs of a step (augmentation). Raises
    ValueError unless `x` and `y` have equally many rows, at least one.

    >>> model = train(nn.Linear(1, 1), torch.ones(4, 1), torch.ones(4, 1), nn.functional.mse_loss, steps=200, rate=0.1, seed=0)
    >>> round(model(torch.ones(1, 1)).item(), 2)
    1.0
    """
    if len(x) != len(y) or len(x) == 0:
        raise ValueError(f"x and y must have equally many rows, at least one, got {len(x)} and {len(y)}")
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        rows = torch.randint(len(x), (batch,), generator=generator)
        inputs = x[rows] if move is None else move(x[rows], generator)
        optimiser.zero_grad()
        loss(model(inputs), y[rows]).backward()
        optimiser.step()
        schedule.step()
    return model.eval().requires_grad_(False)


def parameter_count(model: nn.Module) -> int:
    """Numbers that training may change (also after it has switched gradients off).

    >>> parameter_count(nn.Linear(3, 2))
    8
    """
    return sum(parameter.numel() for parameter in model.parameters())


def operations(f: Callable[[Tensor], Tensor], x: Tensor) -> int:
    """Multiplications of matrix products and convolutions for one item of `x` `(b, ...)`, as torch counts them.

    >>> operations(nn.Linear(3, 2), torch.zeros(5, 3))
    6
    """
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        f(x)
    return counter.get_total_flops() // 2 // len(x)


def seconds(f: Callable[[], object], repeats: int = 3) -> float:
    """The shortest of several runs: what others do on the machine meanwhile can only add."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return min(times)


# ------------------------------------------------------------------------------------------------------ the stored grid


def write_cells(path, cells: Sequence[Cell], heading: str) -> None:
    """A table with one line for each cell below a line of comment."""
    with open(path, "w", encoding="utf8", newline="") as stream:
        stream.write(f"# {heading}\n")
        writer = csv.DictWriter(stream, [field.name for field in fields(Cell)], lineterminator="\n")
        writer.writeheader()
        for cell in cells:
            writer.writerow({key: f"{v:.5g}" if isinstance(v, float) else v for key, v in asdict(cell).items()})


def stored_cells() -> list[Cell]:
    """The whole grid, made by `python -m course_lib.data.make_bakeoff`; a test makes some of its cells anew."""
    with (files("course_lib.data") / STORED).open(encoding="utf8") as stream:
        rows = list(csv.DictReader(line for line in stream if not line.startswith("#")))
    kinds = {field.name: field.type for field in fields(Cell)}
    return [Cell(**{key: kinds[key](value) for key, value in row.items()}) for row in rows]


def select(cells: Sequence[Cell], task: str, law: str = "turned", **wanted) -> list[Cell]:
    """The cells of one task and law whose further fields have the wanted values, by seed. ValueError if there are none."""
    found = [c for c in cells if c.task == task and c.law == law and all(getattr(c, k) == v for k, v in wanted.items())]
    if not found:
        raise ValueError(f"task, law and fields must occur in the grid, got {task!r}, {law!r}, {wanted}")
    return sorted(found, key=lambda cell: cell.seed)


def values(cells: Sequence[Cell], task: str, method: str, size: int, field: str = "score", law: str = "turned") -> Tensor:
    """One field of a construction at one size, one number for each seed, `(seeds,)`."""
    found = select(cells, task, law, method=method, size=size)
    return torch.tensor([getattr(cell, field) for cell in found], dtype=torch.float64)


def relative_seconds(cells: Sequence[Cell], task: str, method: str, field: str = "train_seconds") -> float:
    """Median over sizes and seeds of a time over that of the plain network of the same size and seed, in the same run."""
    plain = {(cell.size, cell.seed): getattr(cell, field) for cell in select(cells, task, method="plain")}
    ratios = [getattr(cell, field) / plain[cell.size, cell.seed] for cell in select(cells, task, method=method)]
    return statistics.median(ratios)


def samples_worth(sizes: Sequence[int], plain: Tensor, score: float) -> float:
    """How many examples the plain network needs for `score`, read horizontally off its curve, along a logarithmic axis.

    `plain` `(len(sizes),)` are its scores, of either direction. Between two sizes the curve is a straight line over the
    logarithm of the size; the first crossing counts. Nan where the curve never gets there, or is there from the beginning.

    >>> samples_worth([100, 400], torch.tensor([0.5, 0.75]), 0.625)
    200.0
    """
    if len(sizes) != len(plain) or len(sizes) < 2:
        raise ValueError(f"sizes and plain must have the same length of at least 2, got {len(sizes)} and {len(plain)}")
    gaps = (plain.double() - score).tolist()
    for i in range(len(sizes) - 1):
        if gaps[i] * gaps[i + 1] <= 0 and gaps[i] != gaps[i + 1]:
            share = gaps[i] / (gaps[i] - gaps[i + 1])
            return round(float(sizes[i] * (sizes[i + 1] / sizes[i]) ** share), 9)
    return float("nan")
