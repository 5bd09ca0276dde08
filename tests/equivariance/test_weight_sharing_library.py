"""Linear layers that keep a symmetry: against characters, closed forms, the group average and torch's convolution."""

import math

import pytest
import torch
from torch.nn import functional as F

from course_lib.equivariance.weight_sharing import (
    EquivariantLinear,
    constraint_matrix,
    equivariant_basis,
    least_squares,
    null_space,
    project_onto,
    rotation_invariants,
    tied_weights,
    weight_action,
)
from course_lib.groups import (
    CyclicGroup,
    DihedralGroup,
    OrthogonalGroup,
    SignFlipGroup,
    SpecialOrthogonalGroup,
    Subgroup,
    SymmetricGroup,
    TranslationGroup,
    assert_equivariant,
    count_orbits,
    equivariance_error,
    equivariant_dimension,
    matrix_action,
    permutation_action,
    pull_back,
    regular_action,
    sign_action,
    tensor_action,
    translation_action,
    trivial_action,
)

BELL = [1, 1, 2, 5, 15, 52, 203]


def tensors(n, order):
    return tensor_action(permutation_action(SymmetricGroup(n), (n,)), order)


def projector(basis):
    rows = basis.flatten(1)
    return rows.T @ rows


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("orders", [(1, 1), (2, 2), (2, 1), (1, 2), (2, 0), (3, 0)])
def test_dimensions_under_all_orders_are_those_of_characters_and_bell_numbers(n, orders):
    actions = [tensors(n, order) for order in orders]
    found = {method: len(equivariant_basis(*actions, method)) for method in ("null space", "orbits", "projection")}
    assert set(found.values()) == {equivariant_dimension(*actions)}
    assert (found["orbits"] == BELL[sum(orders)]) == (n >= sum(orders)), "fewer kinds of pairs if there are few items"


def test_bell_numbers_beyond_what_can_be_written_out():
    assert [len(equivariant_basis(tensors(6, 3), tensors(6, k), "orbits")) for k in (0, 1, 2, 3)] == BELL[3:7]


@pytest.mark.parametrize("n", [3, 4, 5, 8, 9])
def test_rings_and_polygons(n):
    for group, expected in ((CyclicGroup(n), n), (DihedralGroup(n), n // 2 + 1)):
        corners = permutation_action(group, (n,))
        for method in ("null space", "orbits"):
            assert len(equivariant_basis(corners, corners, method)) == expected == equivariant_dimension(corners, corners)


@pytest.mark.parametrize("k, m", [(1, 1), (2, 1), (1, 2), (2, 2), (3, 0), (3, 1), (3, 2)])
def test_rotations_have_a_cross_product_and_mirrorings_take_it_away(k, m):
    turning, mirroring = (matrix_action(group, (3,)) for group in (SpecialOrthogonalGroup(3), OrthogonalGroup(3)))
    turned = rotation_invariants(k + m)
    for action, expected in ((turning, turned), (mirroring, 0 if (k + m) % 2 else turned)):
        pair = tensor_action(action, k), tensor_action(action, m)
        assert len(equivariant_basis(*pair, "null space")) == len(equivariant_basis(*pair, "projection")) == expected


def test_rotation_invariants_are_the_riordan_numbers():
    found = [rotation_invariants(order) for order in range(10)]
    assert found == [1, 0, 1, 1, 3, 6, 15, 36, 91, 232]
    for n in range(2, 10):
        assert (n + 1) * found[n] == (n - 1) * (2 * found[n - 1] + 3 * found[n - 2])
    with pytest.raises(ValueError, match="order"):
        rotation_invariants(-1)


def test_the_map_from_tables_to_vectors_is_the_cross_product():
    turning = matrix_action(SpecialOrthogonalGroup(3), (3,))
    w = equivariant_basis(tensor_action(turning, 2), turning)[0]
    a, b = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found, cross = w @ torch.outer(a, b).flatten(), torch.linalg.cross(a, b)
    assert abs(F.cosine_similarity(found, cross, dim=0).item()) == pytest.approx(1)


def cases():
    sixth = CyclicGroup(6)
    places = SymmetricGroup(5)
    signs = SignFlipGroup(3)
    ring = TranslationGroup((2, 3))
    return {
        "plane to ring": (matrix_action(sixth, (2,)), permutation_action(sixth, (6,))),
        "ring to itself": (permutation_action(sixth, (6,)), permutation_action(sixth, (6,))),
        "table to vector": (tensors(3, 2), tensors(3, 1)),
        "signs": (sign_action(signs, (3,)), tensor_action(sign_action(signs, (3,)), 3)),
        "grid": (translation_action(ring, (2, 3)), translation_action(ring, (2, 3))),
        "group": (regular_action(DihedralGroup(3)), matrix_action(DihedralGroup(3), (2,))),
        "invariant": (permutation_action(places, (5,)), trivial_action(places, (2,))),
    }


@pytest.mark.parametrize("name", cases())
def test_every_method_gives_the_space_that_averaging_weights_over_the_group_gives(name):
    action_in, action_out = cases()[name]
    weights = weight_action(action_in, action_out)
    average = weights.matrix(action_in.group.elements()).mean(0)
    for method in ("auto", "null space", "projection"):
        basis = equivariant_basis(action_in, action_out, method)
        assert len(basis) == equivariant_dimension(action_in, action_out) > 0
        assert torch.allclose(projector(basis), average, atol=1e-7), method
        assert torch.allclose(basis.flatten(1) @ basis.flatten(1).T, torch.eye(len(basis), dtype=torch.float64))
    w = torch.randn(2, *weights.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    mean = weights.act(weights.group.elements(), w).mean(0)
    assert torch.allclose(project_onto(basis, w), mean)
    assert torch.allclose(project_onto(basis, w[0]), mean[0])


def test_weights_that_generators_fix_are_fixed_by_random_words():
    action_in, action_out = cases()["group"]
    basis = equivariant_basis(action_in, action_out, "null space")
    g = action_in.group.sample(10, torch.Generator().manual_seed(1))
    after, before = action_out.matrix(g), action_in.matrix(g)
    assert torch.allclose(after[:, None] @ basis, basis @ before[:, None], atol=1e-9)


def test_the_equations_read_tables_row_by_row():
    """The transposed Kronecker product commutes with the transposed element: right for exchanges, wrong for a ring."""
    ring = permutation_action(CyclicGroup(5), (5,))
    w = torch.randn(5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rho = ring.matrix(torch.tensor([1]))[0]
    assert torch.allclose(constraint_matrix(ring, ring) @ w.flatten(), (rho @ w - w @ rho).flatten())


def test_weights_are_moved_by_a_left_action():
    action_in, action_out = tensors(3, 1), tensors(3, 2)
    weights, group = weight_action(action_in, action_out), action_in.group
    g, h = (group.sample(1, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    w = torch.randn(1, 9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(weights.act(group.product(g, h), w), weights.act(g, weights.act(h, w)[0]))
    x = torch.randn(1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    moved = weights.act(g, w)[0, 0] @ action_in.act(g, x)[0, 0]
    assert torch.allclose(moved, action_out.act(g, (w[0] @ x[0]).reshape(1, 3, 3)).flatten())


def test_shifts_of_a_grid_give_circular_convolution():
    group = TranslationGroup((5, 6))
    images = translation_action(group, (5, 6))
    labels = tied_weights(images, images)
    assert labels.max() == 29
    kernel = torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def convolve(x, mode):
        padded = F.pad(x[:, None], (1, 1, 1, 1), mode="circular") if mode == "circular" else F.pad(x[:, None], (1, 1, 1, 1))
        return F.conv2d(padded, kernel[None, None])[:, 0]

    columns = torch.eye(30, dtype=torch.float64).reshape(30, 5, 6)
    basis = equivariant_basis(images, images)
    for mode, inside in (("circular", True), ("zeros", False)):
        w = convolve(columns, mode).flatten(1).T
        assert torch.allclose(project_onto(basis, w), w) == inside, mode


def test_labels_are_orbits_of_pairs():
    group = Subgroup(SymmetricGroup(5), torch.tensor([[1, 2, 0, 3, 4], [0, 1, 2, 4, 3]]))
    items = permutation_action(group, (5,))
    labels = tied_weights(items, items)
    assert labels.tolist()[0] == [0, 1, 2, 3, 3] and labels[1, 0] == labels[0, 2] != labels[0, 1]
    pairs = weight_action(items, items).matrix(group.elements()).argmax(1)
    assert labels.unique().numel() == count_orbits(pairs)
    with pytest.raises(ValueError, match="must permute"):
        tied_weights(sign_action(SignFlipGroup(2), (2,)), sign_action(SignFlipGroup(2), (2,)))


def test_a_group_without_generators_ties_nothing():
    nothing = Subgroup(SymmetricGroup(3), SymmetricGroup(3).identity()[:0])
    items = pull_back(permutation_action(SymmetricGroup(3), (3,)), nothing)
    for method in ("null space", "orbits", "projection"):
        assert len(equivariant_basis(items, items, method)) == 9


def test_a_layer_without_equations_or_solutions():
    assert len(null_space(torch.eye(3))) == 0 and len(null_space(torch.zeros(1, 3))) == 3
    signs = SignFlipGroup(3)
    flipped, fixed = sign_action(signs, (3,)), trivial_action(signs, (2,))
    for method in ("null space", "projection"):
        assert equivariant_basis(flipped, fixed, method).shape == (0, 2, 3)
    layer = EquivariantLinear(flipped, fixed)
    assert (layer(torch.ones(4, 1, 3)) == 0).all()


def test_a_tolerance_in_the_middle_of_eigenvalues_is_refused():
    rows = torch.diag(torch.tensor([1.0, 1e-3, 0.0], dtype=torch.float64))
    assert len(null_space(rows)) == 1 and len(null_space(rows, 1e-4)) == 2
    with pytest.raises(ValueError, match="gap"):
        null_space(rows, 1e-7)


def test_slow_frequencies_are_not_taken_for_constants():
    """The smallest singular value of a ring of 24 is 2 sin(pi / 24), about a quarter: no reason to call it zero."""
    ring = permutation_action(CyclicGroup(24), (24,))
    values = torch.linalg.svdvals(constraint_matrix(ring, ring))
    assert values[-24:].max() < 1e-12 and values[-25] == pytest.approx(2 * math.sin(math.pi / 24))


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("name", cases())
def test_the_layer_is_equivariant_and_so_is_its_bias(name, dtype, tolerance):
    action_in, action_out = cases()[name]
    layer = EquivariantLinear(action_in, action_out, seed=1, dtype=dtype)
    torch.nn.init.normal_(layer.offsets, generator=torch.Generator().manual_seed(0))
    x = torch.randn(6, *action_in.shape, dtype=dtype, generator=torch.Generator().manual_seed(1))
    elements = action_in.group.sample(8, torch.Generator().manual_seed(2))
    assert_equivariant(lambda y: layer(y[:, None])[:, 0], action_in, action_out, x, elements, tolerance)
    assert layer(x[:, None]).dtype == dtype


def test_a_bias_of_its_own_for_every_place_breaks_the_layer():
    ring = permutation_action(CyclicGroup(5), (5,))
    layer, x = EquivariantLinear(ring, ring), torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    bias = torch.arange(5.0)
    assert equivariance_error(lambda y: layer(y[:, None])[:, 0] + bias, ring, ring, x, torch.tensor([1])) > 0.1


def test_channels_are_mixed_freely():
    places = permutation_action(SymmetricGroup(4), (4,))
    layer = EquivariantLinear(places, places, channels_in=3, channels_out=2, seed=0)
    x = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0))
    y = layer(x)
    assert y.shape == (5, 2, 4) and layer.coefficients.shape == (2, 3, 2) and layer.offsets.shape == (2, 1)
    by_hand = sum(layer.coefficients[:, :, k, None, None] * layer.basis[k].float() for k in range(2))
    assert torch.allclose(y, torch.einsum("oipq,biq->bop", by_hand, x), atol=1e-6)
    p = torch.tensor([[2, 0, 1, 3]])
    moved = torch.stack([places.act(p, x[:, c])[0] for c in range(3)], 1)
    assert torch.allclose(layer(moved)[:, 1], places.act(p, y[:, 1])[0], atol=1e-6)
    with pytest.raises(ValueError, match="x must be"):
        layer(torch.zeros(5, 4))


def test_outputs_start_about_as_large_as_inputs():
    group = TranslationGroup((8, 8))
    images = translation_action(group, (8, 8))
    layer = EquivariantLinear(images, images, channels_in=4, channels_out=8)
    x = torch.randn(50, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    assert layer(x).std().item() == pytest.approx(1, rel=0.3)


def test_least_squares_in_a_basis_is_regression_with_tied_weights():
    generator = torch.Generator().manual_seed(0)
    ring = permutation_action(CyclicGroup(5), (5,))
    basis = equivariant_basis(ring, ring)
    x = torch.randn(2, 5, dtype=torch.float64, generator=generator)
    w = project_onto(basis, torch.randn(5, 5, dtype=torch.float64, generator=generator))
    assert torch.allclose(least_squares(basis, x[:1], x[:1] @ w.T), w), "one example tells five weights"
    x = torch.randn(9, 5, dtype=torch.float64, generator=generator)
    y = torch.randn(9, 5, dtype=torch.float64, generator=generator)
    found, gram = least_squares(basis, x, y), basis.flatten(1)
    slope = ((x @ found.T - y).T @ x).flatten()
    assert (gram @ slope).abs().max() < 1e-9 < slope.abs().max(), "no slope along the basis, some beside it"
    everything = torch.eye(25, dtype=torch.float64).reshape(25, 5, 5)
    assert torch.allclose(least_squares(everything, x, y), torch.linalg.lstsq(x, y).solution.T)


def test_layers_cannot_always_tell_the_group():
    """The even permutations of five items give the same layer as all permutations, from pairs to pairs as well."""
    even = Subgroup(SymmetricGroup(5), torch.tensor([[1, 2, 0, 3, 4], [0, 1, 3, 4, 2]]))
    assert even.order == 60
    for order, same in ((1, True), (2, False)):
        action = tensors(5, order)
        restricted = pull_back(action, even)
        assert (tied_weights(restricted, restricted) == tied_weights(action, action)).all() == same


def test_two_different_groups_or_an_unknown_method_are_refused():
    three, four = (permutation_action(SymmetricGroup(n), (n,)) for n in (3, 4))
    for function in (equivariant_basis, tied_weights, weight_action, constraint_matrix):
        with pytest.raises(ValueError, match="action_out must be an action of S_3"):
            function(three, four)
    with pytest.raises(ValueError, match="method"):
        equivariant_basis(three, three, "guess")
