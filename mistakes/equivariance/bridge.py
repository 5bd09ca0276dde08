"""Plausible wrong answers to exercises/equivariance/bridge.ipynb, and what the check says to each."""

import itertools

import torch

from course_lib.checks import mistake
from course_lib.equivariance.bridge import coalition_permutations, coset_variance, game_action, score_action

ACT = "equivariance/bridge/act_on_games"
AVERAGE = "equivariance/bridge/average_rule"
COSET = "equivariance/bridge/coset_variances"

EQUIVALENT = {
    "act_on_games: return values[:, homes.T].transpose(0, 1) => return values[:, homes.T].transpose(1, 0)": (
        "exchanging two axes is the same from either side"
    ),
    "coset_variances: return gains.gather(1, orders.argsort(1)) => return -gains.gather(1, orders.argsort(1))": (
        "a variance does not change when every number changes its sign"
    ),
}


# --------------------------------------------------------------------------------------------------- games move with players


@mistake(ACT, hint="inverse")
def forgot_the_inverse(p, values):
    members = torch.arange(values.shape[1])[:, None] >> torch.arange(p.shape[1]) & 1
    return values[:, (members @ (2**p).T).T].transpose(0, 1)


@mistake(ACT, hint="inverse")
def inverted_twice(p, values):
    members = torch.arange(values.shape[1])[:, None] >> torch.arange(p.shape[1]) & 1
    moved = torch.empty(len(p), *values.shape, dtype=values.dtype)
    for k, there in enumerate((members @ (2 ** p.argsort(1)).T).T):
        moved[k][:, there] = values
    return moved


@mistake(ACT, hint="bits")
def first_player_is_the_highest_bit(p, values):
    n = p.shape[1]
    axes = values.reshape(len(values), *[2] * n)
    back = p.argsort(1)
    return torch.stack([axes.permute(0, *(1 + one).tolist()).reshape(len(values), -1) for one in back])


@mistake(ACT, hint="both")
def axes_permuted_by_p_itself(p, values):
    axes = values.reshape(len(values), *[2] * p.shape[1])
    return torch.stack([axes.permute(0, *(1 + one).tolist()).reshape(len(values), -1) for one in p])


@mistake(ACT, hint="numbers")
def single_players_only(p, values):
    moved = values.expand(len(p), *values.shape).clone()
    for k, one in enumerate(p):
        moved[k][:, 2**one] = values[:, 2 ** torch.arange(p.shape[1])]
    return moved


@mistake(ACT, hint="numbers")
def first_entries_of_the_table(p, values):
    moved = values.expand(len(p), *values.shape).clone()
    for k, one in enumerate(p):
        moved[k][:, : p.shape[1]] = values[:, one]
    return moved


@mistake(ACT, hint="still")
def members_kept(p, values):
    members = torch.arange(values.shape[1])[:, None] >> torch.arange(p.shape[1]) & 1
    homes = (members[:, p] * 2**p).sum(2)  # the same members, listed in another order
    return values[:, homes.T].transpose(0, 1)


@mistake(ACT, hint="axes")
def games_before_elements(p, values):
    members = torch.arange(values.shape[1])[:, None] >> torch.arange(p.shape[1]) & 1
    return values[:, (members @ (2 ** p.argsort(1)).T).T]


@mistake(ACT, hint="pairs")
def row_by_row(p, values):
    members = torch.arange(values.shape[1])[:, None] >> torch.arange(p.shape[1]) & 1
    homes = (members @ (2 ** p.argsort(1)).T).T
    few = min(len(p), len(values))
    return values[:few].gather(1, homes[:few])


@mistake(ACT, hint="copied")
def nearly_the_same_numbers(p, values):
    members = torch.arange(values.shape[1])[:, None] >> torch.arange(p.shape[1]) & 1
    moved = values[:, (members @ (2 ** p.argsort(1)).T).T].transpose(0, 1)
    return (moved * (1 + 1e-9)).to(values.dtype)


@mistake(ACT, hint="copied", points=3)
def through_floating_point(p, values):
    members = torch.arange(values.shape[1])[:, None] >> torch.arange(p.shape[1]) & 1
    moved = values.double()[:, (members @ (2 ** p.argsort(1)).T).T].transpose(0, 1)
    return moved.to(values.dtype)


@mistake(ACT, hint="kind", points=3)
def always_double(p, values):
    members = torch.arange(values.shape[1])[:, None] >> torch.arange(p.shape[1]) & 1
    moved = values[:, (members @ (2 ** p.argsort(1)).T).T].transpose(0, 1)
    return moved.double() if values.is_floating_point() else moved


@mistake(ACT, hint="square", points=3)
def axes_by_size(p, values):
    members = torch.arange(values.shape[1])[:, None] >> torch.arange(p.shape[1]) & 1
    moved = values[:, (members @ (2 ** p.argsort(1)).T).T]
    return moved if moved.shape[0] == len(p) else moved.transpose(0, 1)


@mistake(ACT, hint="single", points=3)
def squeezed(p, values):
    members = torch.arange(values.shape[1])[:, None] >> torch.arange(p.shape[1]) & 1
    return values[:, (members @ (2 ** p.argsort(1)).T).T].transpose(0, 1).squeeze()


@mistake(ACT, hint="many", points=3)
def numbers_of_eight_bits(p, values):
    members = torch.arange(values.shape[1])[:, None] >> torch.arange(p.shape[1]) & 1
    homes = (members @ (2 ** p.argsort(1)).T).T.to(torch.uint8).long()
    return values[:, homes].transpose(0, 1)


# ----------------------------------------------------------------------------------------------------- the average of a rule


@mistake(AVERAGE, hint="inner")
def pi_inside(rule, permutations):
    undone, homes = permutations.argsort(1), coalition_permutations(permutations)
    return torch.stack([rule[i][:, s] for i, s in zip(undone, homes, strict=True)]).mean(0)


@mistake(AVERAGE, hint="outer")
def scores_fetched(rule, permutations):
    homes = coalition_permutations(permutations.argsort(1))
    return torch.stack([rule[i][:, s] for i, s in zip(permutations, homes, strict=True)]).mean(0)


@mistake(AVERAGE, hint="both")
def the_term_of_the_inverse(rule, permutations):
    n = len(rule)
    outside = score_action(n).matrix(permutations.argsort(1), rule.dtype)
    return (outside @ rule @ game_action(n).matrix(permutations, rule.dtype)).mean(0)


@mistake(AVERAGE, hint="no_outer")
def averaged_over_games_only(rule, permutations):
    homes = coalition_permutations(permutations.argsort(1))
    return torch.stack([rule[:, s] for s in homes]).mean(0)


@mistake(AVERAGE, hint="no_inner")
def averaged_over_scores_only(rule, permutations):
    return torch.stack([rule[i] for i in permutations.argsort(1)]).mean(0)


@mistake(AVERAGE, hint="inner")
def matrices_transposed(rule, permutations):
    n = len(rule)
    inside = game_action(n).matrix(permutations.argsort(1), rule.dtype).mT
    return (score_action(n).matrix(permutations, rule.dtype) @ rule @ inside).mean(0)


@mistake(AVERAGE, hint="sum")
def a_sum(rule, permutations):
    undone, homes = permutations.argsort(1), coalition_permutations(permutations.argsort(1))
    return torch.stack([rule[i][:, s] for i, s in zip(undone, homes, strict=True)]).sum(0)


@mistake(AVERAGE, hint="mean_first")
def mean_of_the_matrices_first(rule, permutations):
    n = len(rule)
    outside = score_action(n).matrix(permutations, rule.dtype).mean(0)
    return outside @ rule @ game_action(n).matrix(permutations.argsort(1), rule.dtype).mean(0)


@mistake(AVERAGE, hint="value")
def divided_by_factorial(rule, permutations):
    undone, homes = permutations.argsort(1), coalition_permutations(permutations.argsort(1))
    count = torch.arange(1, len(rule) + 1).prod()
    return torch.stack([rule[i][:, s] for i, s in zip(undone, homes, strict=True)]).sum(0) / count


@mistake(AVERAGE, hint="value")
def the_whole_group_whatever_is_listed(rule, permutations):
    every = torch.tensor(list(itertools.permutations(range(len(rule)))))
    undone, homes = every.argsort(1), coalition_permutations(every.argsort(1))
    return torch.stack([rule[i][:, s] for i, s in zip(undone, homes, strict=True)]).mean(0)


@mistake(AVERAGE, hint="repeats", points=3)
def a_set_and_not_a_list(rule, permutations):
    undone = permutations.unique(dim=0).argsort(1)
    homes = coalition_permutations(undone)
    return torch.stack([rule[i][:, s] for i, s in zip(undone, homes, strict=True)]).mean(0)


@mistake(AVERAGE, hint="kind", points=3)
def in_double(rule, permutations):
    undone, homes = permutations.argsort(1), coalition_permutations(permutations.argsort(1))
    return torch.stack([rule[i][:, s] for i, s in zip(undone, homes, strict=True)]).double().mean(0)


@mistake(AVERAGE, hint="small", points=3)
def cleaned_of_small_numbers(rule, permutations):
    undone, homes = permutations.argsort(1), coalition_permutations(permutations.argsort(1))
    mean = torch.stack([rule[i][:, s] for i, s in zip(undone, homes, strict=True)]).mean(0)
    return torch.where(mean.abs() < 1e-8, torch.zeros_like(mean), mean)


@mistake(AVERAGE, hint="single", points=3)
def one_dimension_lost(rule, permutations):
    undone, homes = permutations.argsort(1), coalition_permutations(permutations.argsort(1))
    return torch.stack([rule[i][:, s] for i, s in zip(undone, homes, strict=True)]).mean(0).squeeze()


# ------------------------------------------------------------------------------------------------------- variance of a coset


def _added(values, orders):
    """What each player adds in each order, `(k, n)`."""
    after = (2**orders).cumsum(1)
    return (values[after] - values[after - 2**orders]).gather(1, orders.argsort(1))


def _starts(places):
    return torch.tensor(list(itertools.permutations(range(places.shape[1]))))


@mistake(COSET, hint="names")
def players_renamed(values, places):
    starts = _starts(places)
    mean = torch.stack([_added(values, h[starts]) for h in places]).mean(0)
    return {"alone": _added(values, starts).var(0, unbiased=False), "coset": mean.var(0, unbiased=False)}


@mistake(COSET, hint="inverse")
def places_inverted(values, places):
    starts = _starts(places)
    mean = torch.stack([_added(values, starts[:, h.argsort()]) for h in places]).mean(0)
    return {"alone": _added(values, starts).var(0, unbiased=False), "coset": mean.var(0, unbiased=False)}


@mistake(COSET, hint="sample")
def variance_of_a_sample(values, places):
    starts = _starts(places)
    mean = torch.stack([_added(values, starts[:, h]) for h in places]).mean(0)
    return {"alone": _added(values, starts).var(0), "coset": mean.var(0)}


@mistake(COSET, hint="deviation")
def standard_deviations(values, places):
    starts = _starts(places)
    mean = torch.stack([_added(values, starts[:, h]) for h in places]).mean(0)
    return {"alone": _added(values, starts).std(0, unbiased=False), "coset": mean.std(0, unbiased=False)}


@mistake(COSET, hint="at_place")
def left_in_the_order_of_arrival(values, places):
    starts, found = _starts(places), []
    for h in [torch.arange(places.shape[1]), *places]:
        after = (2 ** starts[:, h]).cumsum(1)
        found.append(values[after] - values[after - 2 ** starts[:, h]])
    mean = torch.stack(found[1:]).mean(0)
    return {"alone": found[0].var(0, unbiased=False), "coset": mean.var(0, unbiased=False)}


@mistake(COSET, hint="empty")
def empty_is_worth_nothing(values, places):
    starts = _starts(places)
    grounded = torch.cat([torch.zeros_like(values[:1]), values[1:]])
    mean = torch.stack([_added(grounded, starts[:, h]) for h in places]).mean(0)
    return {"alone": _added(grounded, starts).var(0, unbiased=False), "coset": mean.var(0, unbiased=False)}


@mistake(COSET, hint="bits")
def highest_bit_first(values, places):
    starts, n = _starts(places), places.shape[1]
    numbers = torch.arange(2**n)
    flipped = values[sum((numbers >> i & 1) << (n - 1 - i) for i in range(n))]
    mean = torch.stack([_added(flipped, starts[:, h]) for h in places]).mean(0)
    return {"alone": _added(flipped, starts).var(0, unbiased=False), "coset": mean.var(0, unbiased=False)}


@mistake(COSET, hint="pooled")
def all_orders_of_all_cosets(values, places):
    starts = _starts(places)
    every = torch.cat([_added(values, starts[:, h]) for h in places])
    return {"alone": _added(values, starts).var(0, unbiased=False), "coset": every.var(0, unbiased=False)}


@mistake(COSET, hint="independent")
def as_if_independent(values, places):
    alone = _added(values, _starts(places)).var(0, unbiased=False)
    return {"alone": alone, "coset": alone / len(places)}


@mistake(COSET, hint="independent")
def divided_once_more(values, places):
    starts = _starts(places)
    mean = torch.stack([_added(values, starts[:, h]) for h in places]).mean(0)
    return {"alone": _added(values, starts).var(0, unbiased=False), "coset": mean.var(0, unbiased=False) / len(places)}


@mistake(COSET, hint="sum")
def variance_of_the_sum(values, places):
    starts = _starts(places)
    total = torch.stack([_added(values, starts[:, h]) for h in places]).sum(0)
    return {"alone": _added(values, starts).var(0, unbiased=False), "coset": total.var(0, unbiased=False)}


@mistake(COSET, hint="swapped")
def exchanged(values, places):
    alone, coset = coset_variance(values[None], places)
    return {"alone": coset[0], "coset": alone[0]}


@mistake(COSET, hint="coset")
def start_counted_as_well(values, places):
    starts = _starts(places)
    mean = torch.stack([_added(values, starts), *(_added(values, starts[:, h]) for h in places)]).mean(0)
    return {"alone": _added(values, starts).var(0, unbiased=False), "coset": mean.var(0, unbiased=False)}


@mistake(COSET, hint="keys")
def a_pair(values, places):
    return tuple(one[0] for one in coset_variance(values[None], places))


@mistake(COSET, hint="single", points=4)
def rows_counted_once(values, places):
    alone, coset = coset_variance(values[None], places.unique(dim=0))
    return {"alone": alone[0], "coset": coset[0]}


@mistake(COSET, hint="kind", points=4)
def variances_in_double(values, places):
    alone, coset = coset_variance(values[None], places)
    return {"alone": alone[0].double(), "coset": coset[0].double()}


@mistake(COSET, hint="design", points=4)
def reverses_halve_it_always(values, places):
    alone, coset = coset_variance(values[None], places)
    there = list(range(places.shape[1]))
    reverse = places.tolist() == [there, there[::-1]]  # takes a reversed pair for two independent orders
    return {"alone": alone[0], "coset": alone[0] / 2 if reverse else coset[0]}
