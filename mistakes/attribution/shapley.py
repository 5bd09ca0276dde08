"""Plausible wrong answers to the exercises in `exercises/attribution/shapley.ipynb`, and what the checks should say."""

import math

import torch

from course_lib.checks import mistake

# Changes of a solution that change nothing: the mutant, and why no check can tell.
# fmt: off
EQUIVALENT: dict[str, str] = {
    "permutation_shapley: contributions = torch.zeros(orders, n, dtype=values.dtype)"
    " => contributions = torch.ones(orders, n, dtype=values.dtype)":
        "every entry is overwritten: each player joins once in each order",
    "kernel_shapley: empty, full = (values[sizes == 0][0], values[sizes == n][0])"
    " => empty, full = (values[sizes == 0][-1], values[sizes == n][0])":
        "there is one empty coalition among the rows: the first such row is the last",
    "kernel_shapley: empty, full = (values[sizes == 0][0], values[sizes == n][0])"
    " => empty, full = (values[sizes == 0][0], values[sizes == n][-1])":
        "there is one full coalition among the rows: the first such row is the last",
    "kernel_shapley: weights = torch.tensor([(n - 1) / (math.comb(n, s) * s * (n - s)) for s in sizes[inner].int().tolist()])"
    " => weights = torch.tensor([(n + 1) / (math.comb(n, s) * s * (n - s)) for s in sizes[inner].int().tolist()])":
        "a factor common to all weights does not move the minimum",
    "kernel_shapley: weights = torch.tensor([(n - 1) / (math.comb(n, s) * s * (n - s)) for s in sizes[inner].int().tolist()])"
    " => weights = torch.tensor([(n - 0) / (math.comb(n, s) * s * (n - s)) for s in sizes[inner].int().tolist()])":
        "a factor common to all weights does not move the minimum",
    "kernel_shapley: target = values[inner] - empty - last[:, 0] * (full - empty)"
    " => target = values[inner] - empty - last[:, -1] * (full - empty)":
        "the matrix has one column: the first is the last",
    "kernel_shapley: first = torch.linalg.lstsq(root[:, None] * design, (root * target)[:, None]).solution[:, 0]"
    " => first = torch.linalg.lstsq(root[:, None] * design, (root * target)[:, None]).solution[:, -1]":
        "the matrix has one column: the first is the last",
}
# fmt: on


@mistake("attribution/shapley/exact_shapley", hint="banzhaf", points=0)
def averages_over_all_coalitions(values):
    n = len(values).bit_length() - 1
    scores = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        for player in range(n):
            if not coalition & 2**player:
                scores[player] += (values[coalition + 2**player] - values[coalition]) / 2 ** (n - 1)
    return scores


@mistake("attribution/shapley/exact_shapley", hint="size_weight", points=0)
def forgets_how_many_coalitions_have_a_size(values):
    n = len(values).bit_length() - 1
    scores = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        for player in range(n):
            if not coalition & 2**player:
                scores[player] += (values[coalition + 2**player] - values[coalition]) / n
    return scores


@mistake("attribution/shapley/exact_shapley", hint="leave_one_out", points=0)
def looks_at_the_full_coalition_only(values):
    n = len(values).bit_length() - 1
    full = 2**n - 1
    return torch.stack([values[full] - values[full - 2**player] for player in range(n)])


@mistake("attribution/shapley/exact_shapley", hint="bit_order", points=0)
def reads_the_bits_from_the_left(values):
    n = len(values).bit_length() - 1
    scores = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        present = [digit == "1" for digit in format(coalition, f"0{n}b")]
        for player in range(n):
            if not present[player]:
                size = sum(present)
                weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
                scores[player] += weight * (values[coalition + 2 ** (n - 1 - player)] - values[coalition])
    return scores


@mistake("attribution/shapley/exact_shapley", hint="sign", points=0)
def subtracts_the_larger_coalition(values):
    n = len(values).bit_length() - 1
    scores = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        size = coalition.bit_count()
        for player in range(n):
            if not coalition & 2**player:
                weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
                scores[player] += weight * (values[coalition] - values[coalition + 2**player])
    return scores


@mistake("attribution/shapley/exact_shapley", hint="efficiency", points=0)
def weighs_by_the_size_after_joining(values):
    n = len(values).bit_length() - 1
    scores = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        size = coalition.bit_count() + 1
        for player in range(n):
            if not coalition & 2**player:
                weight = math.factorial(size) * math.factorial(n - size) / math.factorial(n)
                scores[player] += weight * (values[coalition + 2**player] - values[coalition])
    return scores


@mistake("attribution/shapley/exact_shapley", hint="empty", points=2)
def takes_the_empty_coalition_to_be_worth_nothing(values):
    n = len(values).bit_length() - 1
    scores = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        size = coalition.bit_count()
        before = values[coalition] if coalition else 0.0
        for player in range(n):
            if not coalition & 2**player:
                weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
                scores[player] += weight * (values[coalition + 2**player] - before)
    return scores


@mistake("attribution/shapley/exact_shapley", hint="mutates", points=0)
def shifts_the_table_in_place(values):
    n = len(values).bit_length() - 1
    values -= 1.0
    scores = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        size = coalition.bit_count()
        for player in range(n):
            if not coalition & 2**player:
                weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
                scores[player] += weight * (values[coalition + 2**player] - values[coalition])
    return scores


PERMUTATION = "attribution/shapley/permutation_shapley"
KERNEL = "attribution/shapley/kernel_shapley"
GRADIENT = "attribution/shapley/extension_gradient"


@mistake(PERMUTATION, hint="efficiency", points=3)
def orders_not_shared(values, orders, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(orders, n, dtype=values.dtype)
    for row in contributions:
        for player in range(n):
            order = torch.randperm(n, generator=generator).tolist()
            before = sum(2**other for other in order[: order.index(player)])
            row[player] = values[before + 2**player] - values[before]
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / orders**0.5}


@mistake(PERMUTATION, hint="spread", points=3)
def spread_for_error(values, orders, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(orders, n, dtype=values.dtype)
    for row in contributions:
        coalition = 0
        for player in torch.randperm(n, generator=generator).tolist():
            row[player] = values[coalition + 2**player] - values[coalition]
            coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0)}


@mistake(PERMUTATION, hint="errors", points=3)
def divides_by_the_number_of_orders(values, orders, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(orders, n, dtype=values.dtype)
    for row in contributions:
        coalition = 0
        for player in torch.randperm(n, generator=generator).tolist():
            row[player] = values[coalition + 2**player] - values[coalition]
            coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / orders}


@mistake(PERMUTATION, hint="biased")
def uniform_coalitions(values, orders, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(orders, n, dtype=values.dtype)
    for row in contributions:
        coalition = int(torch.randint(2**n, (), generator=generator))
        for player in range(n):
            without = coalition & ~(2**player)
            row[player] = values[without + 2**player] - values[without]
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / orders**0.5}


@mistake(PERMUTATION, hint="biased")
def always_the_same_order(values, orders, seed):
    n = len(values).bit_length() - 1
    contributions = torch.zeros(orders, n, dtype=values.dtype)
    for row in contributions:
        for player in range(n):
            row[player] = values[2 ** (player + 1) - 1] - values[2**player - 1]
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / orders**0.5}


@mistake(PERMUTATION, hint="global")
def seed_ignored(values, orders, seed):
    n = len(values).bit_length() - 1
    contributions = torch.zeros(orders, n, dtype=values.dtype)
    for row in contributions:
        coalition = 0
        for player in torch.randperm(n).tolist():
            row[player] = values[coalition + 2**player] - values[coalition]
            coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / orders**0.5}


@mistake(KERNEL, hint="banzhaf")
def unweighted(masks, values):
    design = torch.cat([masks, torch.ones(len(masks), 1)], 1)
    return torch.linalg.lstsq(design, values[:, None]).solution[:-1, 0]


@mistake(KERNEL, hint="size")
def no_binomial(masks, values):
    n, sizes = masks.shape[1], masks.sum(1)
    empty, full = values[sizes == 0][0], values[sizes == n][0]
    inner = (sizes > 0) & (sizes < n)
    root = ((n - 1) / (sizes * (n - sizes))[inner]).sqrt()[:, None]
    last = masks[inner, -1:]
    target = (values[inner] - empty)[:, None] - last * (full - empty)
    first = torch.linalg.lstsq(root * (masks[inner, :-1] - last), root * target).solution[:, 0]
    return torch.cat([first, (full - empty - first.sum())[None]])


@mistake(KERNEL, hint="constraint")
def ends_as_ordinary_rows(masks, values):
    n, sizes = masks.shape[1], masks.sum(1).int().tolist()
    weights = torch.tensor([(n - 1) / (math.comb(n, s) * max(s * (n - s), 1)) for s in sizes]).double()
    root = weights.sqrt()[:, None]
    design = torch.cat([masks, torch.ones(len(masks), 1)], 1)
    return torch.linalg.lstsq(root * design, root * values[:, None]).solution[:-1, 0]


@mistake(KERNEL, hint="intercept")
def value_of_nothing_forgotten(masks, values):
    n, sizes = masks.shape[1], masks.sum(1)
    full = values[sizes == n][0]
    inner = (sizes > 0) & (sizes < n)
    counts = torch.tensor([math.comb(n, int(s)) for s in sizes[inner]])
    root = ((n - 1) / (counts * (sizes * (n - sizes))[inner])).sqrt()[:, None]
    last = masks[inner, -1:]
    target = values[inner, None] - last * full
    first = torch.linalg.lstsq(root * (masks[inner, :-1] - last), root * target).solution[:, 0]
    return torch.cat([first, (full - first.sum())[None]])


@mistake(GRADIENT, hint="own")
def own_probability_kept(values, point):
    n = len(point)
    slopes = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        present = torch.tensor([bool(coalition & 2**j) for j in range(n)])
        weight = torch.where(present, point, 1 - point).prod()
        slopes += torch.where(present, 1.0, -1.0) * weight * values[coalition]
    return slopes


@mistake(GRADIENT, hint="absent")
def absent_players_ignored(values, point):
    n = len(point)
    slopes = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        present = torch.tensor([bool(coalition & 2**j) for j in range(n)])
        factors = torch.where(present, point, 1.0)
        for player in range(n):
            others = torch.cat([factors[:player], factors[player + 1 :]]).prod()
            slopes[player] += (1 if present[player] else -1) * others * values[coalition]
    return slopes


@mistake(GRADIENT, hint="sign")
def without_minus_with(values, point):
    n = len(point)
    slopes = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        present = torch.tensor([bool(coalition & 2**j) for j in range(n)])
        factors = torch.where(present, point, 1 - point)
        for player in range(n):
            others = torch.cat([factors[:player], factors[player + 1 :]]).prod()
            slopes[player] += (-1 if present[player] else 1) * others * values[coalition]
    return slopes


@mistake(GRADIENT, hint="nan", points=2)
def divides_by_the_probability(values, point):
    n = len(point)
    slopes = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        present = torch.tensor([bool(coalition & 2**j) for j in range(n)])
        factors = torch.where(present, point, 1 - point)
        slopes += torch.where(present, 1.0, -1.0) * factors.prod() / factors * values[coalition]
    return slopes


@mistake(GRADIENT, hint="value")
def banzhaf_at_every_point(values, point):
    n = len(point)
    slopes = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        for player in range(n):
            if not coalition & 2**player:
                slopes[player] += (values[coalition + 2**player] - values[coalition]) / 2 ** (n - 1)
    return slopes
