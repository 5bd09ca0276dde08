"""Copper clusters: six atoms, their energy and their forces. Chapters: symmetries and equivariance.

The energies are those of effective medium theory (EMT; Jacobsen, Stoltze & Norskov, 1996, Surface Science 366, 394), an old
and fast model of metals: every atom sits in the electron density that its neighbours provide, and a correction for pairs
follows. `emt_energy` writes it out for copper; the stored data come from another implementation, ase's, and the tests hold
the two against each other. Units: positions in angstrom, energies in eV (zero is an atom of the bulk), forces in eV per
angstrom. An energy does not change when the cluster is moved, turned, mirrored, or its atoms are renumbered; forces turn
along with it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor

ATOMS = 6
THE_CLUSTER = 24  # the test cluster that the chapters speak about: seen from above no atom hides another
BOHR = 0.529177210  # angstrom
BETA = 1.809  # nearest-neighbour distance of a face-centred cubic crystal, in Wigner-Seitz radii
E0, S0, V0 = -3.51, 2.67 * BOHR, 2.476  # eV, angstrom, eV: copper's parameters in EMT
ETA, KAPPA, LAMBDA = 1.652 / BOHR, 2.740 / BOHR, 1.906 / BOHR  # per angstrom
WIDEST = 3.01 * BOHR  # silver's Wigner-Seitz radius sets the cut-off for all metals
CUTOFF = BETA * WIDEST * (math.sqrt(3) + 2) / 2
STEEPNESS = math.log(1e4 - 1) / (2 * BETA * WIDEST - CUTOFF)


@dataclass(frozen=True)
class Clusters:
    """Positions `(n, 6, 3)` in angstrom, energies `(n,)` in eV, forces `(n, 6, 3)` in eV per angstrom."""

    positions: Tensor
    energies: Tensor
    forces: Tensor

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, rows) -> "Clusters":
        return Clusters(self.positions[rows], self.energies[rows], self.forces[rows])

    def to(self, dtype: torch.dtype) -> "Clusters":
        return Clusters(self.positions.to(dtype), self.energies.to(dtype), self.forces.to(dtype))


def copper_clusters() -> tuple[Clusters, Clusters]:
    """1,000 clusters to train on and 400 to test on, float64; each from its own random start, turned at random, centred.

    >>> train, test = copper_clusters()
    >>> len(train), tuple(test.forces.shape)
    (1000, (400, 6, 3))
    """
    with np.load(str(files("course_lib.data") / "copper_clusters.npz"), allow_pickle=False) as stored:
        whole = Clusters(*(torch.from_numpy(stored[name]).double() for name in ("positions", "energies", "forces")))
    return whole[:1000], whole[1000:]


def the_cluster() -> Clusters:
    """The one copper cluster of the course, as a batch of one: a test cluster that no rotation or mirroring maps to itself."""
    return copper_clusters()[1][[THE_CLUSTER]]


def pair_distances(positions: Tensor) -> Tensor:
    """Distances of all pairs i < j, row by row: `(b, n, 3)` -> `(b, n (n - 1) / 2)`, in angstrom.

    >>> pair_distances(torch.tensor([[[0.0, 0.0, 0.0], [3.0, 4.0, 0.0], [0.0, 4.0, 0.0]]])).tolist()
    [[5.0, 4.0, 3.0]]
    """
    if positions.dim() != 3 or positions.shape[1] < 2:
        raise ValueError(f"positions must be (b, n, 3) with at least two atoms, got shape {tuple(positions.shape)}")
    first, second = torch.triu_indices(positions.shape[1], positions.shape[1], 1)
    return (positions[:, first] - positions[:, second]).norm(dim=-1)


def square_form(pairs: Tensor, atoms: int) -> Tensor:
    """Values of the pairs i < j as symmetric matrices with zero diagonal: `(b, n (n - 1) / 2)` -> `(b, n, n)`."""
    first, second = torch.triu_indices(atoms, atoms, 1)
    square = pairs.new_zeros(len(pairs), atoms, atoms)
    square[:, first, second] = pairs
    return square + square.transpose(1, 2)


def emt_energy(positions: Tensor) -> Tensor:
    """Energy of copper clusters in eV, `(b, n, 3)` -> `(b,)`, by effective medium theory, differentiable.

    With w a smooth cut-off, the neighbours of atom i give s1_i = sum_j w(r_ij) exp(-eta (r_ij - beta s0)) and
    s2_i = sum_j w(r_ij) exp(-kappa (r_ij / beta - s0)); ds_i = -log(s1_i / (12 gamma1)) / (beta eta) is how much the
    density departs from the bulk's. Then E = sum_i [E0 (1 + lambda ds) exp(-lambda ds) - E0
    + 6 V0 exp(-kappa ds) - (V0 / (2 gamma2)) s2]. Source: Jacobsen, Stoltze & Norskov (1996).

    >>> square = 2.5 * torch.tensor([[[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0]]]).double()
    >>> emt_energy(square).shape
    torch.Size([1])
    """
    r = pair_distances(positions)
    gamma1, gamma2 = _bulk_sums()
    cut = torch.sigmoid(-STEEPNESS * (r - CUTOFF))
    n = positions.shape[1]
    density = square_form(cut * torch.exp(-ETA * (r - BETA * S0)), n).sum(2)
    pairs = square_form(cut * torch.exp(-KAPPA * (r / BETA - S0)), n).sum(2)
    ds = -torch.log(density / (12 * gamma1)) / (BETA * ETA)
    cohesion = E0 * (1 + LAMBDA * ds) * torch.exp(-LAMBDA * ds) - E0
    return (cohesion + 6 * V0 * torch.exp(-KAPPA * ds) - V0 / (2 * gamma2) * pairs).sum(1)


def energy_and_forces(energy: Callable[[Tensor], Tensor], positions: Tensor) -> tuple[Tensor, Tensor]:
    """Energies `(b,)` and forces `(b, n, 3)`, minus the gradient in the positions, of any differentiable energy.

    The energies of different clusters must not depend on each other: then the gradient of their sum holds each one's own.

    >>> spring = lambda x: 0.5 * pair_distances(x).square().sum(1)
    >>> energy_and_forces(spring, torch.tensor([[[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]]]))[1][0, :, 0].tolist()
    [2.0, -2.0]
    """
    with torch.enable_grad():
        x = positions.detach().requires_grad_(True)
        energies = energy(x)
        if energies.shape != x.shape[:1]:
            raise ValueError(f"energy must return one number for each cluster, got shape {tuple(energies.shape)}")
        return energies.detach(), -torch.autograd.grad(energies.sum(), x)[0]


def torque(positions: Tensor, forces: Tensor) -> Tensor:
    """Sum over the atoms of x cross F, `(b, 3)`, in eV: about the origin."""
    return torch.linalg.cross(positions, forces).sum(1)


def _bulk_sums() -> tuple[float, float]:
    """gamma1 and gamma2: the same sums over three shells of neighbours in the crystal, divided by 12."""
    gammas = [0.0, 0.0]
    for count, ratio in ((12, 1), (6, 2), (24, 3)):
        r = BETA * S0 * math.sqrt(ratio)
        weight = count / 12 / (1 + math.exp(STEEPNESS * (r - CUTOFF)))
        gammas[0] += weight * math.exp(-ETA * (r - BETA * S0))
        gammas[1] += weight * math.exp(-KAPPA / BETA * (r - BETA * S0))
    return gammas[0], gammas[1]
