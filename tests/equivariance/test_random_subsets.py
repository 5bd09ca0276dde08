"""Averages over random subsets: one function, a space of functions, all functions; claims and demos of the chapter."""

import itertools
import math

import pytest
import torch

from course_lib.claims.equivariance import random_subsets as claims
from course_lib.clusters import copper_clusters
from course_lib.demos.equivariance import random_subsets as demos
from course_lib.equivariance import random_subsets as subsets
from course_lib.groups import (
    CyclicGroup,
    OrthogonalGroup,
    SymmetricGroup,
    equivariance_error,
    matrix_action,
    permutation_action,
    tensor_action,
)
from course_lib.models import MLP


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("n", [3, 5, 9])  # listed; listed; too large to list
def test_a_subset_has_different_elements(n):
    group = SymmetricGroup(n)
    count = min(group.order, 150)
    drawn = subsets.draw_elements(group, count, seeded())
    assert drawn.shape == (count, n) and group.is_element(drawn).all()
    assert len(set(group.keys(drawn))) == count


def test_a_multiset_may_repeat_and_a_continuous_group_is_sampled():
    drawn = subsets.draw_elements(CyclicGroup(3), 40, seeded(), distinct=False)
    assert drawn.shape == (40,) and set(drawn.tolist()) == {0, 1, 2}
    assert OrthogonalGroup(3).is_element(subsets.draw_elements(OrthogonalGroup(3), 5, seeded())).all()


def test_every_element_is_drawn_equally_often():
    drawn = torch.cat([subsets.draw_elements(CyclicGroup(5), 2, seeded(k)) for k in range(2000)])
    assert (torch.bincount(drawn) / 4000 - 0.2).abs().max() < 0.03


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_average_over_the_whole_group_is_equivariant_and_the_inverse_matters(dtype):
    group = SymmetricGroup(4)
    points, maps = permutation_action(group, (4,)), tensor_action(permutation_action(group, (4,)), 2)
    net = MLP([4, 7, 16], "tanh", seed=1).to(dtype)

    def f(x):
        return net(x).reshape(-1, 4, 4)

    x = torch.randn(3, 4, generator=seeded(), dtype=dtype)
    whole = subsets.subset_average(f, group.elements(), points, maps)
    few = subsets.subset_average(f, group.elements()[:5], points, maps)
    errors = [equivariance_error(g, points, maps, x, group.elements()).max().item() for g in (whole, few, f)]
    assert errors[0] < (1e-5 if dtype == torch.float32 else 1e-12) and errors[1] > 0.1 and errors[2] > 0.1
    g = torch.tensor([[1, 2, 3, 0], [0, 2, 3, 1], [0, 2, 3, 1]])  # of order 4 and 3; repeats count
    by_hand = sum(maps.act(one[None], f(points.act(group.inverse(one[None]), x)[0]))[0] for one in g) / 3
    assert torch.allclose(subsets.subset_average(f, g, points, maps)(x), by_hand)


@pytest.mark.parametrize("order, count", [(5, 2), (6, 4), (4, 4), (6, 1)])
def test_error_of_one_function_is_the_root_mean_square_over_all_subsets(order, count):
    values = torch.randn(order, 3, generator=seeded(order), dtype=torch.float64)
    chosen = [values[list(rows)].mean(0) for rows in itertools.combinations(range(order), count)]
    truth = (torch.stack(chosen) - values.mean(0)).square().mean(0).sqrt()
    assert torch.allclose(subsets.one_function_error(values, count), truth, atol=1e-12)
    chosen = [values[list(rows)].mean(0) for rows in itertools.product(range(order), repeat=count)]
    truth = (torch.stack(chosen) - values.mean(0)).square().mean(0).sqrt()
    assert torch.allclose(subsets.one_function_error(values, count, distinct=False), truth, atol=1e-12)


def test_population_factor_has_the_form_of_the_chapter():
    for order in (2, 7, 720):
        for count in {1, 2, order // 2 + 1, order}:
            stated = math.sqrt((1 - (count - 1) / (order - 1)) / count)
            assert subsets.population_factor(count, order) == pytest.approx(stated, abs=1e-12)
    assert subsets.population_factor(9) == pytest.approx(1 / 3) and subsets.population_factor(1, 1) == 0


def test_rotations_of_one_network_err_by_sigma_over_root_m():
    group = OrthogonalGroup(3)
    action = matrix_action(group, (4, 3))
    net = MLP([12, 16, 1], "tanh", seed=0).double()
    x = torch.randn(1, 4, 3, generator=seeded()).double()
    values = net(action.act(group.sample(20_000, seeded(1)), x).flatten(0, 1).flatten(1))
    means = values.reshape(-1, 20).mean(1)
    assert means.std().item() == pytest.approx(values.std().item() / 20**0.5, rel=0.06)


def test_samples_for_all_keeps_its_promise_with_room_to_spare():
    error, n = 0.5, 64
    m = subsets.samples_for_all(error, n - 1, 0.05)
    draws = CyclicGroup(n).sample(400 * m, seeded()).reshape(400, m)
    angles = 2 * math.pi * draws[..., None] * torch.arange(1, n) / n
    worst = torch.complex(angles.cos().mean(1), angles.sin().mean(1)).abs().amax(1)
    assert (worst > error).double().mean() <= 0.05
    assert 2 * (n - 1) * math.exp(-m * error**2 / 2 / (1 + error / 3)) <= 0.05 < 2.1 * (n - 1) * math.exp(
        -(m - 1) * error**2 / 2 / (1 + error / 3)
    )


def test_elements_needed_finds_the_first_that_is_enough():
    for first in (1, 2, 3, 7, 8, 9, 100):
        assert subsets.elements_needed(lambda m, first=first: float(m < first), 0.5) == first
    with pytest.raises(ValueError, match="at most 8 elements"):
        subsets.elements_needed(lambda m: 1.0, 0.5, limit=8)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: subsets.draw_elements(CyclicGroup(3), 4, seeded()), "count must be at most 3"),
        (lambda: subsets.draw_elements(CyclicGroup(3), 0, seeded()), "count must be a whole number"),
        (lambda: subsets.population_factor(8, 7), "count must be at most order = 7, got 8"),
        (lambda: subsets.one_function_error(torch.arange(3), 1), "values must be floating-point"),
        (lambda: subsets.samples_for_one(0), "error must be positive"),
        (lambda: subsets.samples_for_all(0.1, 10, 1.5), "failure must lie between 0 and 1"),
        (lambda: subsets.samples_for_all(0.1, 0), "dimension must be at least 1"),
        (
            lambda: subsets.subset_average(len, torch.zeros(0).long(), permutation_action(CyclicGroup(3), (3,))),
            "elements must hold at least one",
        ),
        (
            lambda: subsets.subset_average(
                len,
                torch.tensor([0]),
                permutation_action(CyclicGroup(3), (3,)),
                permutation_action(CyclicGroup(4), (4,)),
            ),
            "action_out must be an action of C_3",
        ),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_answers_of_all_names_are_those_of_renamed_clusters():
    answers = claims.all_answers(1, steps=20, count=5)
    x = copper_clusters()[1].positions[:5].float()
    renamed = permutation_action(SymmetricGroup(6), (6, 3)).act(SymmetricGroup(6).elements(), x)
    net = claims.energy_network(1, steps=20)
    assert torch.allclose(answers, net(renamed.flatten(0, 1)).reshape(720, 5).double(), atol=1e-5)
    assert answers.std(0).min() > 1e-3, "names change the answer"


def test_training_under_many_names_makes_the_answers_agree():
    spreads = [claims.all_answers(2, renamed, steps=150, count=20).std(0).mean() for renamed in (False, True)]
    assert spreads[1] < spreads[0] / 2


def test_records_keep_their_thresholds():
    record = claims.as_accurate_as_all(720, count=2, steps=20)
    assert record.estimate == pytest.approx(1) and record.verdict == "supported" and "below 1.05" in record.threshold
    assert claims.as_accurate_as_all(1, renamed=True, count=2, steps=20).id.endswith("/1/renamed")


def test_every_subset_of_three_groups_keeps_the_bound():
    smallest, tried = claims.bound_ratios()
    assert tried == 2**12 - 2 + 2**6 - 2 + 2**8 - 2 and smallest == pytest.approx(1)
    assert claims.exact_needs_all().verdict == "supported"


def test_the_log_law_shows_on_cycles_and_not_on_orders(monkeypatch):
    small = {"cyclic": (CyclicGroup, 2**4, 2**10), "symmetric": (SymmetricGroup, 4, 6)}
    monkeypatch.setattr(claims, "FAMILIES", small)
    claims.growth.cache_clear()
    cyclic, orders = (claims.log_law(family, count=3, draws=15) for family in small)
    claims.growth.cache_clear()
    assert 0.6 < cyclic.estimate < 1.4 and orders.estimate < 0.7 and "24 to 720 elements" in orders.statement


def test_the_demo_shows_what_it_says():
    demo = demos.worst_and_typical()
    for point in demo.corners():
        assert demo.frame(**point)[:4] == b"\x89PNG" and "worst function" in demo.describe(**point)
    values = demos.spectrum("cyclic", "large", 64)
    assert values.square().mean().sqrt().item() == pytest.approx(1 / 8, rel=0.1), "no |G| in the typical error"
    assert demos.spectrum("cyclic", "large", 64).max() > demos.spectrum("cyclic", "small", 64).max()
