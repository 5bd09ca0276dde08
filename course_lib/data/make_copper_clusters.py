"""Make the copper clusters: `python -m course_lib.data.make_copper_clusters`, which needs `pip install ase` (LGPL).

1,400 clusters of six copper atoms. Each starts from six random places in a ball, goes a few steps downhill until it is a
cluster, is shaken, turned at random and centred. Starts with atoms on top of each other, and ends that fall apart, are
thrown away. Energies (eV) and forces (eV per angstrom) are those of ase's EMT calculator (Jacobsen, Stoltze & Norskov,
1996) at the stored, rounded positions. Takes about a minute; the file holds what ase 3.29.0 gave.
"""

from pathlib import Path

import numpy as np
import torch

from course_lib.clusters import ATOMS
from course_lib.groups import haar_orthogonal

COUNT, SEED = 1400, 0
RADIUS, CLOSEST, FARTHEST = 2.7, 2.1, 3.2  # angstrom: start in this ball; neighbours at the end no closer, no farther
STEPS, SHAKE = 25, 0.1  # steps downhill, and the standard deviation of the shaking in angstrom


def distances(x: np.ndarray) -> np.ndarray:
    """Distances of every atom to the others, `(n, n)`, infinite on the diagonal."""
    return np.linalg.norm(x[:, None] - x[None], axis=-1) + np.diag([np.inf] * len(x))


def connected(x: np.ndarray) -> bool:
    """Whether neighbours within FARTHEST link all atoms."""
    linked = (distances(x) < FARTHEST) | np.eye(len(x), dtype=bool)
    return bool(np.linalg.matrix_power(linked.astype(float), len(x)).all())


def one_cluster(random: np.random.Generator) -> np.ndarray:
    """Positions `(6, 3)` of a new random cluster."""
    from ase import Atoms
    from ase.calculators.emt import EMT
    from ase.optimize import BFGS

    while True:
        direction = random.normal(size=(ATOMS, 3))
        start = RADIUS * random.uniform(size=(ATOMS, 1)) ** (1 / 3) * direction / np.linalg.norm(direction, axis=1)[:, None]
        if distances(start).min() < CLOSEST - 0.3:
            continue
        atoms = Atoms(f"Cu{ATOMS}", positions=start, calculator=EMT())
        BFGS(atoms, logfile=None).run(fmax=0.01, steps=STEPS)
        x = atoms.positions + SHAKE * random.normal(size=(ATOMS, 3))
        if distances(x).min() >= CLOSEST and connected(x):
            turn = haar_orthogonal(1, 3, torch.Generator().manual_seed(int(random.integers(2**31))))[0].numpy()
            return (x - x.mean(0)) @ turn.T


def make(count: int = COUNT, seed: int = SEED) -> dict[str, np.ndarray]:
    """Positions `(count, 6, 3)`, energies `(count,)` and forces `(count, 6, 3)`."""
    from ase import Atoms
    from ase.calculators.emt import EMT

    random = np.random.default_rng(seed)
    positions = np.stack([one_cluster(random) for _ in range(count)]).astype(np.float32)
    clusters = [Atoms(f"Cu{ATOMS}", positions=x.astype(np.float64), calculator=EMT()) for x in positions]
    return {
        "positions": positions,
        "energies": np.array([atoms.get_potential_energy() for atoms in clusters]),
        "forces": np.stack([atoms.get_forces() for atoms in clusters]).astype(np.float32),
    }


if __name__ == "__main__":
    found = make()
    np.savez_compressed(Path(__file__).with_name("copper_clusters.npz"), **found)
    print(f"{len(found['energies'])} clusters, energies {found['energies'].mean():.2f} +- {found['energies'].std():.2f} eV")
