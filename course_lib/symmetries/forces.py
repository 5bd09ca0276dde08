"""Networks that predict the energy of a copper cluster, or its forces, and which symmetries they have.

Chapters: symmetries/invariance. Forces are minus the gradient of an energy. So whatever leaves the energy unchanged hands the
forces their law: turned with the cluster (rotations), adding up to zero (shifts), without a torque, renumbered with the atoms.
A network that predicts forces directly has no such help.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.clusters import ATOMS, Clusters, energy_and_forces, pair_distances
from course_lib.models import MLP

KINDS = ("coordinates", "distances", "neighbours")
DECAYS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.5)  # per angstrom: how fast a neighbour's influence fades with its distance
LENGTH = 2.5  # angstrom, about the distance of neighbours in copper


class ClusterEnergy(nn.Module):
    """An energy `(b, 6, 3) -> (b,)` in eV, by a small smooth network that reads the cluster in one of three ways.

    * "coordinates": the 18 numbers as they stand. No symmetry.
    * "distances": the 15 pair distances, in the order of the atoms. Unchanged by shifts, rotations and mirrorings.
    * "neighbours": for every atom, log sum_j exp(-k (r_ij - 2.5)) over the others, for six decays k; one network for all
      atoms, whose answers are added up. Unchanged by all these and by renumbering.

    The output is scaled by the mean and the spread of the training energies, `centre` and `spread`.
    """

    def __init__(self, kind: str, centre: float = 0.0, spread: float = 1.0, width: int = 64, seed: int = 0) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")
        self.config = {"kind": kind, "centre": centre, "spread": spread, "width": width, "seed": seed}
        inputs = {"coordinates": 3 * ATOMS, "distances": ATOMS * (ATOMS - 1) // 2, "neighbours": len(DECAYS)}[kind]
        self.network = MLP([inputs, width, width, 1], "tanh", seed)

    def forward(self, positions: Tensor) -> Tensor:
        kind = self.config["kind"]
        if kind == "neighbours":
            answers = self.network(neighbourhoods(positions).flatten(0, 1)).reshape(len(positions), -1).sum(1)
        elif kind == "distances":
            answers = self.network(pair_distances(positions) / LENGTH - 1)
        else:
            answers = self.network(positions.flatten(1) / LENGTH)
        return self.config["centre"] + self.config["spread"] * answers


class DirectForces(nn.Module):
    """Forces `(b, 6, 3) -> (b, 6, 3)` straight from the 18 coordinates: no energy behind them, no symmetry."""

    def __init__(self, spread: float = 1.0, width: int = 64, seed: int = 0) -> None:
        super().__init__()
        self.config = {"spread": spread, "width": width, "seed": seed}
        self.network = MLP([3 * ATOMS, width, width, 3 * ATOMS], "tanh", seed)

    def forward(self, positions: Tensor) -> Tensor:
        return self.config["spread"] * self.network(positions.flatten(1) / LENGTH).reshape(positions.shape)


def neighbourhoods(positions: Tensor) -> Tensor:
    """What an atom sees of the others: `(b, n, 3)` -> `(b, n, 6)`, log sum_j exp(-k (r_ij - 2.5)) for six decays k.

    >>> neighbourhoods(torch.tensor([[[0.0, 0.0, 0.0], [2.5, 0.0, 0.0]]])).abs().max().item()
    0.0
    """
    n = positions.shape[1]
    others = torch.tensor([[j for j in range(n) if j != i] for i in range(n)])
    distances = (positions[:, others] - positions[:, :, None]).norm(dim=3)
    decays = torch.tensor(DECAYS, dtype=positions.dtype)
    return torch.exp(-decays * (distances[..., None] - LENGTH)).sum(2).log()


def forces_of(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """The forces that a model predicts, `(b, n, 3) -> (b, n, 3)`: its output, or minus the gradient of its energy."""
    if isinstance(model, DirectForces):
        return lambda positions: model(positions).detach()
    return lambda positions: energy_and_forces(model, positions)[1]


def train_on_clusters(kind: str, train: Clusters, *, steps: int = 400, seed: int = 0, rate: float = 1e-2) -> nn.Module:
    """A network of one of the three kinds, or "direct", fitted by Adam on minibatches of 100; gradients are then switched off.

    Energies and forces count alike, each in units of its spread; "direct" sees forces only. The rate falls as a cosine.
    """
    spread, force = train.energies.std().item(), train.forces.std().item()
    model = (
        DirectForces(force, seed=seed)
        if kind == "direct"
        else ClusterEnergy(kind, train.energies.mean().item(), spread, seed=seed)
    )
    model.to(train.positions.dtype)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        rows = torch.randperm(len(train), generator=generator)[:100]
        optimiser.zero_grad()
        _loss(model, train[rows], spread, force).backward()
        optimiser.step()
        schedule.step()
    return model.eval().requires_grad_(False)


def force_error(model: nn.Module, data: Clusters) -> float:
    """Root mean square error of the forces, relative to predicting none: 1 is as good as saying that no force acts."""
    gap = forces_of(model)(data.positions) - data.forces
    return (gap.square().mean() / data.forces.square().mean()).sqrt().item()


def _loss(model: nn.Module, batch: Clusters, spread: float, force: float) -> Tensor:
    if isinstance(model, DirectForces):
        return ((model(batch.positions) - batch.forces) / force).square().mean()
    x = batch.positions.detach().requires_grad_(True)
    energies = model(x)
    forces = -torch.autograd.grad(energies.sum(), x, create_graph=True)[0]
    return ((energies - batch.energies) / spread).square().mean() + ((forces - batch.forces) / force).square().mean()
