"""Axioms of every group, the left-action law of every action, and the ruler."""

import pytest
import torch

from course_lib.groups import (
    Action,
    CyclicGroup,
    DihedralGroup,
    OrthogonalGroup,
    SymmetricGroup,
    assert_equivariant,
    equivariance_error,
    matrix_action,
    permutation_action,
    trivial_action,
)
from tests.groups.instances import FINITE, actions, groups

NAMES, ACTIONS = list(groups(torch.float64)), list(actions(torch.float64))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", NAMES)
def test_axioms(name, dtype):
    group = groups(dtype)[name]
    a, b, c = (group.sample(30, seeded(seed)) for seed in range(3))
    assert group.is_element(a).all() and a.shape == (30, *group.element_shape)
    assert group.same(group.product(group.product(a, b), c), group.product(a, group.product(b, c))).all()
    assert group.same(group.product(a, group.identity()), a).all() and group.same(group.product(group.identity(), a), a).all()
    assert group.same(group.product(a, group.inverse(a)), group.identity()).all()
    assert group.same(group.product(group.inverse(a), a), group.identity()).all()
    assert group.same(group.inverse(group.product(a, b)), group.product(group.inverse(b), group.inverse(a))).all()
    assert group.is_element(group.product(a, b)).all() and group.is_element(group.generators()).all()


@pytest.mark.parametrize("name", ["D_5", "S_5", "A_5", "C_4 x S_3", "signed permutations", "p4", "p4m", "O(4)", "SO(3)"])
def test_the_axioms_are_tried_on_elements_that_do_not_commute(name):
    group = groups(torch.float64)[name]
    a, b = group.sample(30, seeded(0)), group.sample(30, seeded(1))
    ab, ba = group.product(a, b), group.product(b, a)
    assert (~group.same(ab, ba)).any()
    square = group.product(a, a)
    assert (~group.same(square, group.identity().expand_as(square))).any(), "elements of order 3 or more"


@pytest.mark.parametrize("name", FINITE)
def test_all_elements_are_listed_once_and_are_what_the_generators_give(name):
    from course_lib.groups import walk

    group = FINITE[name]
    elements = group.elements()
    assert len(elements) == len(set(group.keys(elements))) == group.order and group.is_element(elements).all()
    assert group.same(elements[:1], group.identity()).all()
    assert set(group.keys(walk(group, group.generators())[0])) == set(group.keys(elements))


@pytest.mark.parametrize("name", ["C_6", "D_5", "signs", "translations", "A_5", "p4", "S_5"])
def test_sampling_is_uniform(name):
    group, count = FINITE[name], 200 * FINITE[name].order
    keys = group.keys(group.sample(count, seeded()))
    seen = torch.tensor([keys.count(key) for key in group.keys(group.elements())], dtype=torch.float64)
    chi2 = ((seen - 200) ** 2 / 200).sum() / (group.order - 1)
    assert abs(chi2 - 1) < 5 * (2 / (group.order - 1)) ** 0.5


def test_sampling_depends_on_the_generator_alone():
    for group in groups(torch.float64).values():
        state = torch.get_rng_state()
        assert (group.sample(3, seeded(5)) == group.sample(3, seeded(5))).all()
        assert (torch.get_rng_state() == state).all()


@pytest.mark.parametrize("name", ACTIONS)
def test_actions_are_left_actions(name, dtype):
    action = actions(dtype)[name]
    group, tolerance = action.group, 1e-9 if dtype == torch.float64 else 1e-4
    g, h = group.sample(12, seeded(0)), group.sample(12, seeded(1))
    x = torch.randn(5, *action.shape, generator=seeded(2), dtype=dtype)
    moved = action.act(g, x)
    assert moved.shape == (12, *x.shape) and moved.dtype == dtype
    twice = torch.stack([action.act(g[[i]], action.act(h[[i]], x)[0])[0] for i in range(12)])
    torch.testing.assert_close(action.act(group.product(g, h), x), twice, atol=tolerance, rtol=0)
    torch.testing.assert_close(action.act(group.identity(), x)[0], x, atol=tolerance, rtol=0)
    back = torch.stack([action.act(group.inverse(g[[i]]), moved[i])[0] for i in range(12)])
    torch.testing.assert_close(back, x.expand_as(back), atol=tolerance, rtol=0)
    torch.testing.assert_close(action.each(g[:5], x), moved[range(5), range(5)], atol=tolerance, rtol=0)


@pytest.mark.parametrize("name", [name for name in ACTIONS if name not in ("trivial", "tensors of order 0")])
def test_the_law_is_tried_where_a_right_action_fails(name):
    action = actions(torch.float64)[name]
    group = action.group
    g, h = group.sample(20, seeded(0)), group.sample(20, seeded(1))
    same = group.same(group.product(g, h), group.product(h, g)).all()
    x = torch.randn(2, *action.shape, generator=seeded(2), dtype=torch.float64)
    moved = action.act(group.product(g, h), x)
    swapped = torch.stack([action.act(h[[i]], action.act(g[[i]], x)[0])[0] for i in range(20)])
    assert torch.allclose(moved, swapped) == bool(same)


@pytest.mark.parametrize("name", ACTIONS)
def test_matrices_are_a_representation_and_do_what_the_action_does(name, dtype):
    action = actions(dtype)[name]
    group, tolerance = action.group, 1e-9 if dtype == torch.float64 else 1e-4
    g, h = group.sample(6, seeded(0)), group.sample(6, seeded(1))
    rho, x = action.matrix(g, dtype), torch.randn(3, *action.shape, generator=seeded(2), dtype=dtype)
    assert rho.shape == (6, action.dimension, action.dimension)
    torch.testing.assert_close(rho @ action.matrix(h, dtype), action.matrix(group.product(g, h), dtype), atol=tolerance, rtol=0)
    by_matrix = (rho @ x.reshape(3, -1).T).transpose(1, 2).reshape(6, *x.shape)
    torch.testing.assert_close(by_matrix, action.act(g, x), atol=tolerance, rtol=0)


def test_lie_matrices_are_derivatives_and_exponentiate_to_the_action():
    for name in ("cloud", "rotations of vectors", "tensors of order 3"):
        action = actions(torch.float64)[name]
        directions = action.group.lie_generators()
        for way, slope in zip(directions, action.lie_matrices(), strict=True):
            g = torch.linalg.matrix_exp(0.7 * way)[None]
            torch.testing.assert_close(torch.linalg.matrix_exp(0.7 * slope), action.matrix(g)[0], atol=1e-12, rtol=0)
    assert actions(torch.float64)["graph"].lie_matrices().shape == (0, 16, 16)
    product = actions(torch.float64)["set and rotation"]
    assert product.lie_matrices().shape == (3, 12, 12)


def test_the_ruler_is_zero_for_equivariant_maps_and_relative(dtype):
    group = SymmetricGroup(4)
    action, x = permutation_action(group, (4, 2)), torch.randn(6, 4, 2, generator=seeded(), dtype=dtype)
    elements, labels = group.sample(9, seeded(1)), trivial_action(group, (2,))
    assert equivariance_error(lambda x: x**3 - x.mean(1, keepdim=True), action, action, x, elements).max() < 1e-6
    assert equivariance_error(lambda x: x.amax(1), action, labels, x, elements).max() == 0
    weight = torch.arange(4, dtype=dtype)[:, None]
    errors = equivariance_error(lambda x: weight * x, action, action, x, elements)
    assert errors.shape == (9,) and errors.max() > 0.1
    torch.testing.assert_close(errors, equivariance_error(lambda x: 1e6 * weight * x, action, action, x, elements))
    assert (equivariance_error(lambda x: 0 * x, action, action, x, elements) == 0).all()


def test_the_ruler_by_hand_and_its_largest_value():
    group = CyclicGroup(3)
    action = permutation_action(group, (3,))
    x, turn = torch.tensor([[1.0, 0, 0]]), torch.tensor([1])
    # f keeps the first entry: f(g x) = 0, g f(x) = e_1, so the error is 1 / sqrt(1/2)
    error = equivariance_error(lambda x: x * torch.tensor([1.0, 0, 0]), action, action, x, turn)
    assert error.item() == pytest.approx(2**0.5)
    sign = trivial_action(group, (1,))
    ends = equivariance_error(lambda x: torch.where(x[:, :1] > 0, 1.0, -1.0), action, sign, x, turn)
    assert ends.item() == pytest.approx(2.0)


def test_an_inverse_forgotten_is_found_on_elements_of_order_three_only():
    group = CyclicGroup(4)
    action = permutation_action(group, (4,))
    backwards = Action(group, (4,), lambda g, x: action.move(-g % 4, x))
    x = torch.randn(3, 4, generator=seeded(), dtype=torch.float64)
    errors = equivariance_error(lambda x: x, action, backwards, x, group.elements())
    assert errors[0] == 0 and errors[2] == 0 and errors[1] > 0.1 and errors[3] > 0.1


def test_assert_equivariant():
    group = DihedralGroup(4)
    action, x = matrix_action(group, (2,)), torch.randn(5, 2, generator=seeded(), dtype=torch.float64)
    assert_equivariant(lambda x: x * x.norm(dim=1, keepdim=True), action, action, x)
    with pytest.raises(AssertionError, match="not equivariant: relative error"):
        assert_equivariant(torch.relu, action, action, x, group.elements())
    with pytest.raises(AssertionError, match="nan"):
        nan = Action(group, (2,), lambda g, x: action.move(g, x) * float("nan"))
        assert_equivariant(lambda x: x, action, nan, x)


BAD = {
    "wrong shape of g": (lambda a: a.act(torch.zeros(3, dtype=torch.long), torch.zeros(1, 3)), "g must be elements of S_3"),
    "no permutation": (lambda a: a.act(torch.tensor([[0, 0, 1]]), torch.zeros(1, 3)), r"got \[0, 0, 1\] in row 0"),
    "no tensor": (lambda a: a.act([[0, 1, 2]], torch.zeros(1, 3)), "g must be elements of S_3.*got list"),
    "no batch of x": (lambda a: a.act(torch.tensor([[0, 1, 2]]), torch.zeros(3)), "x must be a tensor of shape"),
    "wrong shape of x": (lambda a: a.act(torch.tensor([[0, 1, 2]]), torch.zeros(1, 4)), "x must be a tensor of shape"),
    "NaN": (lambda a: a.act(torch.tensor([[0, 1, 2]]), torch.full((1, 3), torch.nan)), "x must hold numbers, got NaN in 3"),
    "rows": (lambda a: a.group.product(a.group.elements()[:2], a.group.elements()[:3]), "g and h must have equally many"),
    "each": (lambda a: a.each(a.group.elements(), torch.zeros(2, 3)), "g and x must have equally many rows"),
    "not linear": (lambda a: Action(a.group, (3,), a.move, linear=False).matrix(a.group.identity()), "action must be linear"),
    "too many": (lambda a: SymmetricGroup(12).elements(), "group must have at most 500,000 elements"),
    "infinite": (lambda a: OrthogonalGroup(2).elements(), "infinitely many"),
    "no elements": (lambda a: equivariance_error(lambda x: x, a, a, torch.zeros(1, 3), torch.zeros(0, 3)), "elements must"),
    "other groups": (
        lambda a: equivariance_error(lambda x: x, a, trivial_action(CyclicGroup(3)), torch.zeros(1, 3), a.group.elements()),
        "action_out must be an action of S_3, got one of C_3",
    ),
    "output": (
        lambda a: equivariance_error(lambda x: x[:, :2], a, a, torch.zeros(1, 3), a.group.elements()),
        "the output of f must be a tensor of shape",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_names_the_argument(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call(permutation_action(SymmetricGroup(3), (3,)))
