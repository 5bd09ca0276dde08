"""Networks for cluster forces: which symmetries they have by construction, whatever their weights."""

import pytest
import torch

from course_lib.clusters import copper_clusters, emt_energy, energy_and_forces, square_form, torque
from course_lib.groups import OrthogonalGroup, SymmetricGroup, equivariance_error, matrix_action, permutation_action
from course_lib.symmetries.forces import (
    DECAYS,
    KINDS,
    LENGTH,
    ClusterEnergy,
    DirectForces,
    force_error,
    forces_of,
    neighbourhoods,
    train_on_clusters,
)

ROTATIONS, NAMES = OrthogonalGroup(3), SymmetricGroup(6)


def _errors(model, x) -> tuple[float, float]:
    """Worst errors of the forces under rotations and mirrorings, and under renaming."""
    generator, found = torch.Generator().manual_seed(0), []
    for group, action in ((ROTATIONS, matrix_action(ROTATIONS, (6, 3))), (NAMES, permutation_action(NAMES, (6, 3)))):
        g = group.sample(8, generator)
        found.append(equivariance_error(forces_of(model), action, action, x, g).max().item())
    return found[0], found[1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("kind", "turns", "names"),
    [("coordinates", False, False), ("distances", True, False), ("neighbours", True, True), ("direct", False, False)],
)
def test_symmetries_hold_whatever_the_weights(dtype, kind, turns, names):
    x, small = copper_clusters()[1].positions[:10].to(dtype), 1e-4 if dtype == torch.float32 else 1e-10
    model = (DirectForces(seed=3) if kind == "direct" else ClusterEnergy(kind, seed=3)).to(dtype)
    turn, name = _errors(model, x)
    assert (turn < small) == turns and (name < small) == names
    assert turns or turn > 0.1
    assert names or name > 0.1
    forces = forces_of(model)(x)
    assert forces.shape == x.shape and forces.dtype == dtype
    assert (torque(x, forces).abs().max() < 10 * small) == turns and (forces.sum(1).abs().max() < 10 * small) == turns


def test_neighbourhoods_by_a_loop():
    x = copper_clusters()[1].positions[:2]
    found = neighbourhoods(x)
    for atom in range(6):
        r = torch.stack([(x[:, atom] - x[:, j]).norm(dim=1) for j in range(6) if j != atom], 1)
        for k, decay in enumerate(DECAYS):
            torch.testing.assert_close(found[:, atom, k], torch.exp(-decay * (r - LENGTH)).sum(1).log())


def test_a_network_can_learn_the_energy():
    train, test = (part.to(torch.float32) for part in copper_clusters())
    model = train_on_clusters("neighbours", train[:200], steps=80, seed=1)
    assert (
        force_error(model, test[:100])
        < 0.95
        < force_error(train_on_clusters("neighbours", train[:200], steps=0, seed=1), test[:100])
    )
    again = train_on_clusters("neighbours", train[:200], steps=80, seed=1)
    assert force_error(again, test[:100]) == force_error(model, test[:100])
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_error_of_no_force_is_one():
    class Nothing(DirectForces):
        def forward(self, positions):
            return torch.zeros_like(positions)

    test = copper_clusters()[1][:20]
    assert force_error(Nothing(), test) == pytest.approx(1)
    assert energy_and_forces(emt_energy, test.positions)[1].shape == test.forces.shape
    assert square_form(torch.ones(1, 3), 3).sum() == 6


def test_bad_input():
    with pytest.raises(ValueError, match="kind must be"):
        ClusterEnergy("charges")
    assert set(KINDS) == {"coordinates", "distances", "neighbours"}
