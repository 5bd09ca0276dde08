"""Copper clusters: the stored data against a second implementation of the theory, and the laws of forces."""

import numpy as np
import pytest
import torch

from course_lib.clusters import (
    copper_clusters,
    emt_energy,
    energy_and_forces,
    pair_distances,
    square_form,
    the_cluster,
    torque,
)
from course_lib.groups import (
    OrthogonalGroup,
    SymmetricGroup,
    assert_equivariant,
    matrix_action,
    permutation_action,
    trivial_action,
)


def test_effective_medium_theory_agrees_with_the_stored_energies_and_forces_of_ase():
    for part in copper_clusters():
        energies, forces = energy_and_forces(emt_energy, part.positions)
        torch.testing.assert_close(energies, part.energies, rtol=0, atol=1e-6)
        torch.testing.assert_close(forces, part.forces, rtol=0, atol=1e-5)


def test_the_script_still_makes_the_first_clusters():
    from course_lib.data.make_copper_clusters import make

    found, train = make(2), copper_clusters()[0][:2]
    np.testing.assert_allclose(found["positions"], train.positions, atol=1e-5)
    np.testing.assert_allclose(found["energies"], train.energies, atol=1e-6)


def test_the_data_are_what_they_are_said_to_be():
    train, test = copper_clusters()
    assert (len(train), len(test)) == (1000, 400) and train.positions.shape[1:] == (6, 3)
    for part in (train, test):
        assert part.positions.mean(1).abs().max() < 1e-5
        distances = square_form(pair_distances(part.positions), 6)
        nearest = torch.where(distances > 0, distances, torch.inf).amin(2)
        assert 2.1 - 1e-5 <= nearest.min() and nearest.max() < 3.2
        assert torque(part.positions, part.forces).abs().max() < 1e-5 and part.forces.sum(1).abs().max() < 1e-5
    whole = torch.cat([train.positions, test.positions]).flatten(1)
    assert len(whole.unique(dim=0)) == 1400, "no cluster twice, and none in both parts"
    directions = train.positions[:, 0] / train.positions[:, 0].norm(dim=1, keepdim=True)
    assert directions.mean(0).norm() < 0.1, "turned at random"


def test_the_one_cluster_has_no_symmetry_of_its_own():
    x = the_cluster().positions
    assert pair_distances(x)[0].sort().values.diff().min() > 1e-3, "equal distances only if an atom could be exchanged"
    assert pair_distances(torch.cat([x[..., :2], 0 * x[..., :1]], 2)).min() > 1, "seen from above no atom hides another"


def test_the_energy_is_invariant_and_the_forces_are_equivariant():
    x, generator = copper_clusters()[1].positions[:8], torch.Generator().manual_seed(0)
    for group, action in (
        (OrthogonalGroup(3), matrix_action(OrthogonalGroup(3), (6, 3))),
        (SymmetricGroup(6), permutation_action(SymmetricGroup(6), (6, 3))),
    ):
        g = group.sample(6, generator)
        assert_equivariant(emt_energy, action, trivial_action(group), x, g, tolerance=1e-12)
        assert_equivariant(lambda y: energy_and_forces(emt_energy, y)[1], action, action, x, g, tolerance=1e-10)
    torch.testing.assert_close(emt_energy(x + torch.tensor([1.0, -2.0, 3.0])), emt_energy(x), rtol=0, atol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_forces_are_minus_the_slope(dtype):
    x = copper_clusters()[1].positions[:2].to(dtype)
    energies, forces = energy_and_forces(emt_energy, x)
    assert energies.dtype == forces.dtype == dtype and not forces.requires_grad
    move = torch.zeros_like(x).double()
    move[:, 2, 1] = 1e-5
    slope = (emt_energy(x.double() + move) - emt_energy(x.double() - move)) / 2e-5
    torch.testing.assert_close(forces[:, 2, 1].double(), -slope, rtol=0, atol=1e-3 if dtype == torch.float32 else 1e-7)


def test_a_dimer_has_a_minimum_and_a_crystal_no_energy():
    r = torch.linspace(1.8, 4.0, 200).double()
    pair = torch.stack([torch.zeros(200, 3).double(), torch.stack([r, 0 * r, 0 * r], 1)], 1)
    energies = emt_energy(pair)
    assert 1.9 < r[energies.argmin()] < 2.6, "shorter than in the bulk"
    steps = torch.arange(-4, 5).double()
    grid = torch.cartesian_prod(steps, steps, steps)
    lattice = grid[(grid.sum(1) % 2) == 0] * 1.809 * 2.67 * 0.529177210 / 2**0.5  # face-centred cubic, its corner at 0
    ball = lattice[lattice.norm(dim=1) < 9]
    with_atom = emt_energy(ball[None])
    assert torch.isfinite(with_atom).all()
    moved = lattice[lattice.norm(dim=1) < 9]
    assert energy_and_forces(emt_energy, moved[None])[1][0, moved.norm(dim=1).argmin()].abs().max() < 1e-10, (
        "no force in the middle"
    )


def test_bad_input():
    with pytest.raises(ValueError, match="positions must be"):
        pair_distances(torch.zeros(6, 3))
    with pytest.raises(ValueError, match="one number for each cluster"):
        energy_and_forces(lambda x: x.sum(), torch.zeros(2, 6, 3))
