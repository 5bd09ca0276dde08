"""Shapley values as a group average: both cores against each other, designs against closed forms; claims and the demo."""

import functools
import itertools
import math

import pytest
import torch

from course_lib.claims.equivariance import bridge as claims
from course_lib.demos.equivariance import bridge as demos
from course_lib.equivariance import bridge
from course_lib.games import corners, shapley, table_game
from course_lib.groups import CyclicGroup, SymmetricGroup, assert_equivariant, equivariance_error


def tables(n, count=3, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(100 * n + seed)
    return torch.randn(count, 2**n, generator=generator, dtype=torch.float64).to(dtype)


def orders(n, count, seed=0):
    return SymmetricGroup(n).sample(count, torch.Generator().manual_seed(seed))


def exact(v):
    return torch.stack([shapley(table_game(one)).scores for one in v])


def average_of(v, orders):
    return bridge.contributions(v, orders).mean(1)


def as_sets(n):
    return [frozenset(i for i in range(n) if k >> i & 1) for k in range(2**n)]


def arrivals(v, order):
    """What each player adds, from the definition."""
    found, here = [0.0] * len(order), 0
    for player in order:
        found[player] = float(v[here + 2**player] - v[here])
        here += 2**player
    return found


# ------------------------------------------------------------------------------------------------------------ the actions


def test_games_move_as_their_players_do():
    n, v, p = 4, tables(4, 2), orders(4, 5)
    moved, sets = bridge.game_action(n).act(p, v), as_sets(n)
    for k, row in enumerate(p.tolist()):
        for number, coalition in enumerate(sets):
            home = frozenset(row.index(i) for i in coalition)  # pi^-1 S
            assert (moved[k, :, number] == v[:, sets.index(home)]).all()


@pytest.mark.parametrize("make", [bridge.game_action, bridge.score_action])
def test_both_are_left_actions(make, dtype):
    action, group = make(5), SymmetricGroup(5)
    g, h = orders(5, 20, 1), orders(5, 20, 2)
    x = torch.randn(20, *action.shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    assert torch.equal(action.each(g, action.each(h, x)), action.each(group.product(g, h), x))
    assert not torch.equal(action.each(g, action.each(h, x)), action.each(group.product(h, g), x))
    assert action.act(g, x).dtype == dtype


def test_a_named_player_takes_its_coalitions_along():
    dictator = corners(4)[:, 1][None]  # worth 1 with player 1, else 0
    moved = bridge.game_action(4).act(torch.tensor([[2, 3, 0, 1]]), dictator)[0, 0]
    assert torch.equal(moved, corners(4)[:, 3])


# ----------------------------------------------------------------------------------------------------------- the identity


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_the_group_average_is_the_shapley_value(n):
    v = tables(n)
    found = bridge.group_average(bridge.in_fixed_order, v, SymmetricGroup(n).elements())
    assert (found - exact(v)).abs().max() < 1e-12
    assert (bridge.shapley_by_averaging(v) - exact(v)).abs().max() < 1e-12


def test_in_single_precision_too():
    v = tables(4, dtype=torch.float32)
    found = bridge.shapley_by_averaging(v)
    assert found.dtype == torch.float32 and (found.double() - exact(v.double())).abs().max() < 1e-6


def test_without_the_right_inverses_it_is_something_else():
    """pi . f(pi v) instead of pi . f(pi^-1 v), over the whole group: right for two players, wrong from three on."""
    for n, right in ((2, True), (3, False), (4, False)):
        games, scores, every, v = bridge.game_action(n), bridge.score_action(n), SymmetricGroup(n).elements(), tables(n)
        wrong = torch.stack([scores.act(g[None], bridge.in_fixed_order(games.act(g[None], v)[0]))[0] for g in every])
        bare = torch.stack([bridge.in_fixed_order(games.act(g[None], v)[0]) for g in every])  # scores stay where they are
        assert ((wrong.mean(0) - exact(v)).abs().max() < 1e-12) == right
        assert (bare.mean(0) - exact(v)).abs().max() > 0.1


def test_an_order_is_an_element_of_the_group():
    v, some = tables(5), orders(5, 30)
    games, scores = bridge.game_action(5), bridge.score_action(5)
    fast = bridge.contributions(v, some)
    for k, pi in enumerate(some):
        undone = games.act(games.group.inverse(pi[None]), v)[0]
        assert torch.allclose(scores.act(pi[None], bridge.in_fixed_order(undone))[0], fast[:, k], atol=1e-14)
        assert fast[1, k].tolist() == pytest.approx(arrivals(v[1], pi.tolist()), abs=1e-14)
    assert torch.allclose(bridge.group_average(bridge.in_fixed_order, v, some), fast.mean(1), atol=1e-14)


def test_every_linear_rule_with_efficiency_and_null_players_averages_to_shapley():
    """2 f_a - f_b keeps both (and is not even monotone); dropping efficiency or the null player gives another value."""
    n, v = 4, tables(4)
    every, (a, b) = SymmetricGroup(4).elements(), orders(4, 2, 7)

    def rule(w):
        return 2 * bridge.contributions(w, a[None])[:, 0] - bridge.contributions(w, b[None])[:, 0]

    def equal_shares(w):  # a null player gets its share as well
        return ((w[:, -1] - w[:, 0]) / n)[:, None].expand(-1, n)

    def last(w):  # leave one out: not efficient
        return w[:, -1:] - w[:, 2**n - 1 - 2 ** torch.arange(n)]

    assert (rule(v) - exact(v)).abs().max() > 0.1
    assert (bridge.group_average(rule, v, every) - exact(v)).abs().max() < 1e-12
    for other in (equal_shares, last):
        assert (bridge.group_average(other, v, every) - exact(v)).abs().max() > 0.1


# ------------------------------------------------------------------------------------------ what one order has, and lacks


def test_one_order_has_all_but_symmetry():
    n, v, some = 5, tables(5), orders(5, 10)
    found = bridge.contributions(v, some)
    assert torch.allclose(found.sum(2), (v[:, -1] - v[:, 0])[:, None].expand(-1, 10))
    assert torch.allclose(bridge.contributions(v[:1] + 2 * v[1:2], some), found[:1] + 2 * found[1:2])
    null = v[:, (torch.arange(2**n) // 8 * 8) + torch.arange(2**n) % 4]  # forget player 2, bit 4
    assert (bridge.contributions(null, some)[..., 2] == 0).all()
    games, scores = bridge.game_action(n), bridge.score_action(n)
    assert equivariance_error(bridge.in_fixed_order, games, scores, v, orders(n, 5, 3)).min() > 0.3
    assert_equivariant(bridge.shapley_by_averaging, games, scores, v, orders(n, 5, 3), tolerance=1e-12)


def test_a_subgroup_buys_its_own_symmetries_only():
    n, v, group = 5, tables(5), CyclicGroup(5)
    shifts = group.permutations(group.elements())
    games, scores = bridge.game_action(n), bridge.score_action(n)
    for start in (torch.arange(n)[None], orders(n, 1, 4)):
        renamed = shifts[:, start[0]]  # h after sigma: a right coset
        rule = functools.partial(average_of, orders=renamed)
        assert equivariance_error(rule, games, scores, v, shifts).max() < 1e-12
    left = bridge.cosets(orders(n, 1, 4), bridge.places("cyclic", n))[0]
    errors = equivariance_error(functools.partial(average_of, orders=left), games, scores, v, shifts)
    assert errors[1:].min() > 0.05
    swap = torch.tensor([[1, 0, 2, 3, 4]])
    assert equivariance_error(functools.partial(average_of, orders=shifts), games, scores, v, swap) > 0.05


# ------------------------------------------------------------------------------------------------------ parts of the group


@pytest.mark.parametrize("way", bridge.WAYS)
def test_orders_are_drawn_as_the_name_says(way):
    n, subgroup = 4, bridge.places(way, 4)
    drawn = bridge.draw_orders(way, n, 24, torch.Generator().manual_seed(0))
    assert drawn.shape == (24, n) and SymmetricGroup(n).is_element(drawn).all()
    assert torch.equal(drawn, bridge.draw_orders(way, n, 24, torch.Generator().manual_seed(0)))
    rows = [tuple(row) for row in drawn.tolist()]
    assert (len(set(rows)) == 24) == (way == "distinct")
    blocks = drawn.reshape(-1, len(subgroup), n)
    if way == "antithetic":
        assert torch.equal(blocks[:, 0], blocks[:, 1].flip(1))
    if way == "cyclic":  # a Latin square: every player has every place once
        assert (blocks.sort(1).values == torch.arange(n)[:, None]).all()
    if way == "dihedral":
        assert all({tuple(r) for r in b.tolist()} == {tuple(r[::-1]) for r in b.tolist()} for b in blocks)


@pytest.mark.parametrize("way", bridge.WAYS)
def test_every_way_is_unbiased(way):
    v, truth = tables(4, 1), exact(tables(4, 1))
    generator = torch.Generator().manual_seed(1)
    means = torch.stack([bridge.contributions(v, bridge.draw_orders(way, 4, 8, generator)).mean(1)[0] for _ in range(600)])
    error = means.std(0) / 600**0.5
    assert ((means.mean(0) - truth[0]).abs() < 4.5 * error).all()


def test_distinct_orders_have_the_finite_population_error():
    """Exactly: over all 2024 sets of three among 24 orders."""
    v = tables(4, 1)
    every = bridge.contributions(v, SymmetricGroup(4).elements())[0]
    sets = torch.tensor(list(itertools.combinations(range(24), 3)))
    spread = every[sets].mean(1).var(0, unbiased=False).sqrt()
    expected = every.var(0, unbiased=False).sqrt() / 3**0.5 * bridge.finite_population(3, 24)
    assert torch.allclose(spread, expected, rtol=1e-9)


def test_independent_orders_err_by_sigma_over_root_m():
    v = tables(5, 1)
    sigma = bridge.coset_variance(v, bridge.places("independent", 5))[0].sum()
    runs = bridge.contributions(v, orders(5, 16 * 800)).unflatten(1, (800, 16)).mean(2)[0]
    ratio = (runs - exact(v)[0]).square().sum(1).mean() / (sigma / 16)
    assert 0.85 < ratio < 1.15


# ----------------------------------------------------------------------------------------------------------------- designs


def game(n, kind, seed=0):
    """Tables of games with known structure."""
    generator, members = torch.Generator().manual_seed(seed), corners(n)
    additive = members @ torch.randn(n, generator=generator).double()
    if kind == "pairs":
        weights = torch.randn(n, n, generator=generator).double()
        return additive + torch.einsum("si,ij,sj->s", members, weights, members)
    if kind == "size":
        return additive + torch.randn(n + 1, generator=generator).double()[members.sum(1).long()]
    if kind == "even":  # the same for a coalition and for all the others
        half = torch.randn(2**n, generator=generator).double()
        return additive + half + half.flip(0)
    if kind == "self-dual":
        half = torch.randn(2**n, generator=generator).double()
        return half - half.flip(0)
    return torch.randn(2**n, generator=generator).double()


@pytest.mark.parametrize("n", [4, 5])  # with three players the two larger designs are nearly everything
@pytest.mark.parametrize(
    ("way", "exact_on"),
    [
        ("independent", ()),
        ("antithetic", ("pairs", "even")),
        ("cyclic", ("size",)),
        ("dihedral", ("pairs", "even", "size")),
    ],
)
def test_where_a_design_is_exact_from_every_start(way, exact_on, n):
    for kind in ("pairs", "size", "even", "self-dual", "any"):
        effect = bridge.design_effect(game(n, kind)[None], bridge.places(way, n)).item()
        assert (effect < 1e-12) == (kind in exact_on), (kind, effect)


@pytest.mark.parametrize("n", [3, 4, 5])
def test_reverse_orders_say_the_same_on_self_dual_games(n):
    assert bridge.design_effect(game(n, "self-dual")[None], bridge.places("antithetic", n)).item() == pytest.approx(2.0)
    v = game(n, "any")[None]
    assert torch.allclose(bridge.contributions(v, orders(n, 6).flip(1)), bridge.contributions(bridge.dual(v), orders(n, 6)))


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_shifts_on_one_pair_of_players(n):
    """Shares of one pair under all shifts: (n - d) / n with d uniform on 1..n-1, so the effect is (n - 2) / 3."""
    pair = (corners(n)[:, :2].sum(1) == 2).double()
    assert bridge.design_effect(pair[None], bridge.places("cyclic", n)).item() == pytest.approx((n - 2) / 3)


def test_design_effect_against_sampling():
    v, n = game(4, "any"), 4
    generator = torch.Generator().manual_seed(3)
    for way in ("antithetic", "cyclic"):
        means = torch.stack(
            [bridge.contributions(v[None], bridge.draw_orders(way, n, 8, generator)).mean(1)[0] for _ in range(800)]
        )
        alone = bridge.coset_variance(v[None], bridge.places(way, n))[0].sum()
        found = (means - exact(v[None])[0]).square().sum(1).mean() / (alone / 8)
        assert found.item() == pytest.approx(bridge.design_effect(v[None], bridge.places(way, n)).item(), rel=0.15)


# --------------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bridge.in_fixed_order(torch.zeros(2, 6)), r"tables .* got \(2, 6\)"),
        (lambda: bridge.in_fixed_order(torch.zeros(8)), r"tables .* got \(8,\)"),
        (lambda: bridge.contributions(torch.zeros(1, 8), torch.tensor([[0, 1, 1]])), "orders must be elements of S_3"),
        (lambda: bridge.contributions(torch.zeros(1, 8), torch.tensor([[0, 1]])), "orders must be elements of S_3"),
        (lambda: bridge.group_average(bridge.in_fixed_order, torch.zeros(1, 8), torch.tensor([[0, 0, 1]])), "elements of S_3"),
        (lambda: bridge.shapley_by_averaging(torch.zeros(1, 2**10)), "n must lie between 1 and 9, got 10"),
        (lambda: bridge.draw_orders("sorted", 4, 4, torch.Generator()), "way must be one of .* got 'sorted'"),
        (lambda: bridge.draw_orders("cyclic", 4, 6, torch.Generator()), "multiple of 4 for cyclic orders, got 6"),
        (lambda: bridge.draw_orders("distinct", 3, 7, torch.Generator()), "at most n! = 6 for distinct orders, got 7"),
        (lambda: bridge.finite_population(5, 4), "count must lie between 1 and size >= 2, got 5 of 4"),
        (lambda: bridge.design_effect(corners(3).sum(1)[None], bridge.places("cyclic", 3)), "orders disagree, got an add"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_weights_are_counts_of_orders():
    """How many orders bring exactly S before i: |S|! (n - |S| - 1)!."""
    n, i = 5, 2
    for coalition in ((), (0,), (1, 4), (0, 1, 3, 4)):
        before = sum(set(o[: o.index(i)]) == set(coalition) for o in SymmetricGroup(n).elements().tolist())
        assert before == math.factorial(len(coalition)) * math.factorial(n - len(coalition) - 1)


def test_several_games_at_once_give_what_each_gives_alone():
    v = tables(4)
    together = bridge.design_effect(v, bridge.places("cyclic", 4))
    assert torch.allclose(together, torch.cat([bridge.design_effect(one[None], bridge.places("cyclic", 4)) for one in v]))


# --------------------------------------------------------------------------------------------------- the claims and the demo


def test_claims_come_out_as_records():
    slope = claims.symmetry_error_falls_like_one_over_root_m(runs=3, draws=5)
    pairs, shifts = claims.pairs_beat_independent_orders(count=3), claims.shifts_beat_independent_orders(count=3)
    assert (slope.kind, pairs.kind, shifts.kind) == ("proved", "measured", "measured")
    assert -0.8 < slope.estimate < -0.2
    assert 0 < pairs.estimate < 2**0.5 and pairs.estimate < shifts.estimate < 8**0.5


def test_the_digit_games_have_a_piece_for_every_pixel():
    assert claims.pieces().unique(return_counts=True)[1].tolist() == [8] * 8
    table = claims.misread_table()
    assert table.shape == (1, 256) and table[0, -1] < 0  # read as a 3
    assert (claims.stored_tables(3)[:, -1] > 0).all()  # the class read leads


def test_the_whole_group_leaves_no_symmetry_error():
    errors = claims.symmetry_errors(tables(4, 1), "distinct", 24, draws=3, seed=0)
    assert errors.max() < 1e-12 < 0.05 < claims.symmetry_errors(tables(4, 1), "distinct", 12, draws=3, seed=0).max()


def test_the_demo_moves_with_every_control():
    demo = demos.parts_of_the_group()
    assert len(demo.points()) == 40
    corners_of_the_demo = demo.corners()
    assert len({demo.frame(**point) for point in corners_of_the_demo}) == len(corners_of_the_demo) == 8
    assert "error 0.000" in demo.describe(game="majority", way="cyclic", orders=10)
    assert "error 0.000" in demo.describe(game="gloves", way="distinct", orders=120)


def test_gloves_and_majorities_in_closed_form():
    assert torch.allclose(bridge.shapley_by_averaging(demos.gloves(2, 1)), torch.tensor([[1, 1, 4]]).double() / 6)
    assert torch.allclose(bridge.shapley_by_averaging(demos.majority(5)), torch.full((1, 5), 0.2).double())
    assert torch.equal(bridge.dual(demos.majority(5)), demos.majority(5))
