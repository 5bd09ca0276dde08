"""Networks on sets, and on eigenvectors up to sign and basis."""

import pytest
import torch

from course_lib.equivariance.deep_sets import POOLS, DeepSets, EquivariantLayer, collision, pooled
from course_lib.equivariance.sign_net import (
    BasisNet,
    EachEntry,
    SignNet,
    WholeVector,
    eigenspaces,
    laplacian,
    largest_positive,
    projector,
)
from course_lib.groups import (
    SymmetricGroup,
    assert_equivariant,
    equivariance_error,
    haar_orthogonal,
    permutation_action,
    trivial_action,
)

DTYPES = [torch.float32, torch.float64]


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def cycle(n):
    i = torch.arange(n)
    weights = torch.zeros(n, n, dtype=torch.float64)
    weights[i, (i + 1) % n] = weights[(i + 1) % n, i] = 1
    return weights


# ------------------------------------------------------------------------------------------------------------------ sets


@pytest.mark.parametrize("dtype", DTYPES)
def test_pools_by_hand(dtype):
    x = torch.tensor([[[1, -5], [3, 1], [2, 1]]], dtype=dtype)
    assert pooled(x, "sum").tolist() == [[6, -3]] and pooled(x, "mean").tolist() == [[2, -1]]
    assert pooled(x, "max").tolist() == [[3, 1]]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("pool", POOLS)
def test_the_order_of_elements_does_not_matter(pool, dtype):
    group, tolerance = SymmetricGroup(5), 1e-5 if dtype == torch.float32 else 1e-12
    net, layer = DeepSets(2, pool, seed=3).to(dtype), EquivariantLayer(2, 2, pool, seed=3).to(dtype)
    x, elements = draw(6, 5, 2, dtype=dtype), group.sample(10, torch.Generator().manual_seed(1))
    sets, answers = permutation_action(group, (5, 2)), trivial_action(group)
    assert_equivariant(net, sets, answers, x, elements, tolerance)
    assert_equivariant(layer, sets, sets, x, elements, tolerance)
    assert equivariance_error(layer, sets, trivial_action(group, (5, 2)), x, elements).max() > 0.1  # it does move


def test_deep_sets_are_what_they_say():
    net, x = DeepSets(2, "mean", width=7, latent=1, outputs=3, seed=1).double(), draw(4, 6, 2)
    by_hand = torch.stack([sum(net.phi(row[None])[0] for row in one) / 6 for one in x])
    assert torch.allclose(net(x), net.rho(by_hand)) and net(x).shape == (4, 3)
    assert DeepSets(**net.config).config == net.config


@pytest.mark.parametrize(("pool", "same"), [("sum", False), ("mean", True), ("max", True)])
def test_only_the_sum_notices_that_a_set_was_doubled(pool, same):
    net, x = DeepSets(2, pool, seed=0).double(), draw(8, 3, 2)
    assert torch.allclose(net(x), net(torch.cat([x, x], 1))) == same


def test_the_linear_layer_is_a_x_plus_b_sum():
    layer, x = EquivariantLayer(1, 1, "sum", seed=2).double(), draw(3, 4, 1)
    a, b = layer.own.weight.item(), layer.shared.weight.item()
    matrix = a * torch.eye(4, dtype=torch.float64) + b * torch.ones(4, 4, dtype=torch.float64)
    assert torch.allclose(layer(x)[..., 0], x[..., 0] @ matrix.T)


@pytest.mark.parametrize("phi", [lambda x: x**3, torch.exp, lambda x: -torch.sqrt(x + 1), lambda x: x * 0])
def test_one_latent_number_confuses_two_pairs(phi):
    b = collision(phi, 0.0, 2.0)
    assert 0 < b <= 2
    assert torch.allclose(2 * phi(b[None]), phi(torch.tensor([0.0, 2.0]).double()).sum(0, keepdim=True))


def test_errors_of_sets_name_the_argument():
    for wrong in (torch.zeros(3, 2), torch.zeros(3, 2, 1, dtype=torch.long), [1.0]):
        with pytest.raises(ValueError, match="^x must be floating-point sets"):
            DeepSets(1)(wrong)
    with pytest.raises(ValueError, match="^pool must be one of .* got 'min'"):
        DeepSets(1, "min")
    with pytest.raises(ValueError, match="^pool"):
        pooled(torch.zeros(1, 2, 3), "median")
    with pytest.raises(ValueError, match="^pool"):
        EquivariantLayer(1, 1, "min")
    with pytest.raises(ValueError, match="^x must hold at least one element"):
        pooled(torch.zeros(1, 0, 3), "mean")


# ----------------------------------------------------------------------------------------------------------------- signs


def test_eigenspaces_of_a_cycle_have_dimensions_1_2_2_1():
    spaces = eigenspaces(laplacian(cycle(6)))
    assert [basis.shape[1] for _, basis in spaces] == [1, 2, 2, 1]
    assert [value for value, _ in spaces] == pytest.approx([0, 1, 3, 4])  # 2 - 2 cos(2 pi k / 6)
    whole = sum(value * projector(basis) for value, basis in spaces)
    assert torch.allclose(whole, laplacian(cycle(6)))


def test_the_projector_of_a_cycle_has_cosines():
    _, basis = eigenspaces(laplacian(cycle(7)))[1]
    i = torch.arange(7, dtype=torch.float64)
    truth = 2 / 7 * torch.cos(2 * torch.pi * (i[:, None] - i) / 7)
    q = haar_orthogonal(1, 2, torch.Generator().manual_seed(0))[0]
    assert torch.allclose(projector(basis), truth) and torch.allclose(projector(basis @ q), truth)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("inner", [WholeVector, EachEntry])
def test_sign_net_does_not_see_signs(inner, dtype):
    net, v = SignNet(inner(8), 8, 3).to(dtype), draw(5, 6, 3, dtype=dtype)
    for signs in ([-1, 1, 1], [1, -1, -1], [-1, -1, -1]):
        assert torch.allclose(net(v), net(v * torch.tensor(signs, dtype=dtype)), atol=1e-5)
    assert (net(v) - net(v.flip(2))).abs().max() > 1e-3  # the order of the vectors counts


def test_each_entry_sees_sizes_only_and_the_whole_vector_sees_more():
    v = torch.tensor([[2.0, 2, -1, -1, -1, -1], [2, -2, 1, 1, -1, -1]]).double()[..., None]
    assert torch.equal(*EachEntry(8).double()(v[..., 0].abs()))
    trap, net = SignNet(EachEntry(8), 8, 1).double()(v), SignNet(WholeVector(8), 8, 1).double()(v)
    assert torch.allclose(trap[0], trap[1]) and (net[0] - net[1]).abs() > 1e-3


def test_sign_net_depends_on_the_basis_of_a_cycle_and_basis_net_does_not():
    basis = eigenspaces(laplacian(cycle(8)))[1][1]
    q = haar_orthogonal(6, 2, torch.Generator().manual_seed(0))
    turned = basis @ q
    assert SignNet(WholeVector(8), 8, 2).double()(turned).std() > 1e-4
    found = BasisNet(8).double()(projector(turned)[:, None])
    assert torch.allclose(found, found[:1].expand(6), atol=1e-12)


def test_basis_net_does_not_see_names_of_nodes_and_sees_the_space():
    spaces, order = eigenspaces(laplacian(cycle(8))), torch.tensor([3, 0, 5, 1, 7, 2, 6, 4])
    p = torch.stack([projector(basis) for _, basis in spaces[1:3]])[None]
    net = BasisNet(8).double()
    assert torch.allclose(net(p), net(p[:, :, order][..., order]))
    other = torch.stack([projector(basis) for _, basis in eigenspaces(draw(8, 8) + draw(8, 8).T)[1:3]])[None]
    assert (net(p) - net(other)).abs() > 1e-3


def test_the_canonical_sign_undoes_flips_and_jumps():
    v = draw(5, 4)
    assert torch.equal(largest_positive(v), largest_positive(-v))
    assert (largest_positive(v).amax(1) == v.abs().amax(1)).all()
    near = torch.tensor([[1.0, -0.999], [1.0, -1.001]])
    assert (largest_positive(near)[0] - largest_positive(near)[1]).norm() > 2


def test_errors_of_signs_name_the_argument():
    with pytest.raises(ValueError, match="^weights must be symmetric"):
        laplacian(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    with pytest.raises(ValueError, match="^v must be eigenvectors"):
        SignNet(WholeVector(4), 4, 1)(torch.zeros(3, 4))
    with pytest.raises(ValueError, match="^projectors must have shape"):
        BasisNet()(torch.zeros(2, 3, 3))
