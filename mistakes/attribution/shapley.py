"""Plausible wrong answers to the exercises in `exercises/attribution/shapley.ipynb`, and what the checks should say."""

import math

import torch

from course_lib.checks import mistake

# Changes of a solution that change nothing: the mutant, and why no check can tell.
# fmt: off
EQUIVALENT: dict[str, str] = {
    "kernel_shapley: empty, full = (values[sizes == 0][0], values[sizes == n][0])"
    " => empty, full = (values[sizes == 0][-1], values[sizes == n][0])":
        "there is one empty coalition among the rows: the first such row is the last",
    "kernel_shapley: empty, full = (values[sizes == 0][0], values[sizes == n][0])"
    " => empty, full = (values[sizes == 0][0], values[sizes == n][-1])":
        "there is one full coalition among the rows: the first such row is the last",
    "kernel_shapley: weights = [(n - 1) / (math.comb(n, s) * s * (n - s)) for s in sizes[inner].int().tolist()]"
    " => weights = [(n + 1) / (math.comb(n, s) * s * (n - s)) for s in sizes[inner].int().tolist()]":
        "a factor common to all weights does not move the minimum",
    "kernel_shapley: weights = [(n - 1) / (math.comb(n, s) * s * (n - s)) for s in sizes[inner].int().tolist()]"
    " => weights = [(n - 0) / (math.comb(n, s) * s * (n - s)) for s in sizes[inner].int().tolist()]":
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


@mistake("attribution/shapley/exact_shapley", hint="joined", points=0)
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


@mistake("attribution/shapley/exact_shapley", hint="off_by_one")
def takes_n_for_the_rest(values):
    n = len(values).bit_length() - 1
    scores = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        size = coalition.bit_count()
        for player in range(n):
            if coalition & 2**player:
                continue
            weight = math.factorial(size) * math.factorial(n - size) / math.factorial(n)
            scores[player] += weight * (values[coalition + 2**player] - values[coalition])
    return scores


@mistake("attribution/shapley/exact_shapley", hint="value")
def shifts_banzhaf_values_to_add_up(values):
    n = len(values).bit_length() - 1
    scores = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        for player in range(n):
            if coalition & 2**player:
                continue
            weight = 0.5 ** (n - 1)
            scores[player] += weight * (values[coalition + 2**player] - values[coalition])
    return scores + (values[-1] - values[0] - scores.sum()) / n


PERMUTATION = "attribution/shapley/permutation_shapley"
KERNEL = "attribution/shapley/kernel_shapley"
GRADIENT = "attribution/shapley/extension_gradient"


@mistake(PERMUTATION, hint="single")
def orders_without_reverses(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = torch.randperm(n, generator=generator).tolist()
        coalition = 0
        for player in order:
            row[player] = values[coalition + 2**player] - values[coalition]
            coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="reverse")
def new_orders_in_place_of_reverses(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = torch.randperm(n, generator=generator).tolist()
        for arrivals in (order, torch.randperm(n, generator=generator).tolist()):
            coalition = 0
            for player in arrivals:
                row[player] += (values[coalition + 2**player] - values[coalition]) / 2
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="number")
def one_pair_too_many(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    pairs = pairs + 1
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = torch.randperm(n, generator=generator).tolist()
        for arrivals in (order, order[::-1]):
            coalition = 0
            for player in arrivals:
                row[player] += (values[coalition + 2**player] - values[coalition]) / 2
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="twice")
def adds_the_two_orders_up(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = torch.randperm(n, generator=generator).tolist()
        for arrivals in (order, order[::-1]):
            coalition = 0
            for player in arrivals:
                row[player] += values[coalition + 2**player] - values[coalition]
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="position")
def stored_by_place_in_the_order(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = torch.randperm(n, generator=generator).tolist()
        for arrivals in (order, order[::-1]):
            coalition = 0
            for place, player in enumerate(arrivals):
                row[place] += (values[coalition + 2**player] - values[coalition]) / 2
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="empty")
def empty_coalition_worth_nothing(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    values = torch.cat([torch.zeros(1, dtype=values.dtype), values[1:]])
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = torch.randperm(n, generator=generator).tolist()
        for arrivals in (order, order[::-1]):
            coalition = 0
            for player in arrivals:
                row[player] += (values[coalition + 2**player] - values[coalition]) / 2
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="bit_order")
def bits_from_the_left(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = torch.randperm(n, generator=generator).tolist()
        for arrivals in (order, order[::-1]):
            coalition = 0
            for player in arrivals:
                row[player] += (values[coalition + 2 ** (n - 1 - player)] - values[coalition]) / 2
                coalition += 2 ** (n - 1 - player)
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="efficiency")
def coalition_not_emptied(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = torch.randperm(n, generator=generator).tolist()
        coalition = 0
        for arrivals in (order, order[::-1]):
            for player in arrivals:
                row[player] += (values[coalition | 2**player] - values[coalition]) / 2
                coalition |= 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="efficiency")
def orders_not_shared(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        for player in range(n):
            order = torch.randperm(n, generator=generator).tolist()
            for arrivals in (order, order[::-1]):
                before = sum(2**other for other in arrivals[: arrivals.index(player)])
                row[player] += (values[before + 2**player] - values[before]) / 2
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="outcome")
def uniform_coalitions_shifted_to_add_up(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        coalition = int(torch.randint(2**n, (), generator=generator))
        for player in range(n):
            without = coalition & ~(2**player)
            row[player] = values[without + 2**player] - values[without]
        row += (values[-1] - values[0] - row.sum()) / n
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="fixed")
def always_the_same_order(values, pairs, seed):
    n = len(values).bit_length() - 1
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = list(range(n))
        for arrivals in (order, order[::-1]):
            coalition = 0
            for player in arrivals:
                row[player] += (values[coalition + 2**player] - values[coalition]) / 2
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="global")
def seed_ignored(values, pairs, seed):
    n = len(values).bit_length() - 1
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = torch.randperm(n).tolist()
        for arrivals in (order, order[::-1]):
            coalition = 0
            for player in arrivals:
                row[player] += (values[coalition + 2**player] - values[coalition]) / 2
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="repeated")
def generator_made_anew_for_each_pair(values, pairs, seed):
    n = len(values).bit_length() - 1
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(n, generator=generator).tolist()
        for arrivals in (order, order[::-1]):
            coalition = 0
            for player in arrivals:
                row[player] += (values[coalition + 2**player] - values[coalition]) / 2
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="biased")
def first_order_not_random(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for index, row in enumerate(contributions):
        order = torch.randperm(n, generator=generator).tolist()
        if index == 0:
            order = list(range(n))
        for arrivals in (order, order[::-1]):
            coalition = 0
            for player in arrivals:
                row[player] += (values[coalition + 2**player] - values[coalition]) / 2
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="biased")
def swaps_with_an_earlier_player_only(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = list(range(n))
        for last in range(n - 1, 0, -1):
            other = int(torch.randint(last, (), generator=generator))
            order[last], order[other] = order[other], order[last]
        for arrivals in (order, order[::-1]):
            coalition = 0
            for player in arrivals:
                row[player] += (values[coalition + 2**player] - values[coalition]) / 2
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


@mistake(PERMUTATION, hint="spread", points=3)
def spread_for_error(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = torch.randperm(n, generator=generator).tolist()
        for arrivals in (order, order[::-1]):
            coalition = 0
            for player in arrivals:
                row[player] += (values[coalition + 2**player] - values[coalition]) / 2
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0)}


@mistake(PERMUTATION, hint="divisor", points=3)
def divides_by_the_number_of_pairs(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = torch.randperm(n, generator=generator).tolist()
        for arrivals in (order, order[::-1]):
            coalition = 0
            for player in arrivals:
                row[player] += (values[coalition + 2**player] - values[coalition]) / 2
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs}


@mistake(PERMUTATION, hint="divisor", points=3)
def divides_by_the_number_of_orders(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = torch.randperm(n, generator=generator).tolist()
        for arrivals in (order, order[::-1]):
            coalition = 0
            for player in arrivals:
                row[player] += (values[coalition + 2**player] - values[coalition]) / 2
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / (2 * pairs) ** 0.5}


@mistake(PERMUTATION, hint="ddof", points=3)
def population_standard_deviation(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = torch.randperm(n, generator=generator).tolist()
        for arrivals in (order, order[::-1]):
            coalition = 0
            for player in arrivals:
                row[player] += (values[coalition + 2**player] - values[coalition]) / 2
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0, correction=0) / pairs**0.5}


@mistake(PERMUTATION, hint="orders", points=2)
def error_over_single_orders(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(2 * pairs, n, dtype=values.dtype)
    for index in range(pairs):
        order = torch.randperm(n, generator=generator).tolist()
        for row, arrivals in zip(contributions[2 * index :], (order, order[::-1]), strict=False):
            coalition = 0
            for player in arrivals:
                row[player] = values[coalition + 2**player] - values[coalition]
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / (2 * pairs) ** 0.5}


@mistake(PERMUTATION, hint="errors", points=3)
def errors_a_tenth_too_small(values, pairs, seed):
    n = len(values).bit_length() - 1
    generator = torch.Generator().manual_seed(seed)
    contributions = torch.zeros(pairs, n, dtype=values.dtype)
    for row in contributions:
        order = torch.randperm(n, generator=generator).tolist()
        for arrivals in (order, order[::-1]):
            coalition = 0
            for player in arrivals:
                row[player] += (values[coalition + 2**player] - values[coalition]) / 2
                coalition += 2**player
    return {"scores": contributions.mean(0), "standard_errors": 0.9 * contributions.std(0) / pairs**0.5}


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


@mistake(KERNEL, hint="unweighted")
def all_weights_one(masks, values):
    n = masks.shape[1]
    sizes = masks.sum(1)
    empty, full = values[sizes == 0][0], values[sizes == n][0]
    inner = (sizes > 0) & (sizes < n)
    weights = [1.0] * int(inner.sum())
    last = masks[inner, -1:]
    design = masks[inner, :-1] - last
    target = values[inner] - empty - last[:, 0] * (full - empty)
    root = torch.tensor(weights, dtype=values.dtype).sqrt()
    first = torch.linalg.lstsq(root[:, None] * design, (root * target)[:, None]).solution[:, 0]
    return torch.cat([first, (full - empty - first.sum())[None]])


@mistake(KERNEL, hint="root")
def rows_times_the_weight(masks, values):
    n = masks.shape[1]
    sizes = masks.sum(1)
    empty, full = values[sizes == 0][0], values[sizes == n][0]
    inner = (sizes > 0) & (sizes < n)
    weights = [(n - 1) / (math.comb(n, s) * s * (n - s)) for s in sizes[inner].int().tolist()]
    last = masks[inner, -1:]
    design = masks[inner, :-1] - last
    target = values[inner] - empty - last[:, 0] * (full - empty)
    root = torch.tensor(weights, dtype=values.dtype)
    first = torch.linalg.lstsq(root[:, None] * design, (root * target)[:, None]).solution[:, 0]
    return torch.cat([first, (full - empty - first.sum())[None]])


@mistake(KERNEL, hint="order")
def first_row_empty_last_row_full(masks, values):
    n = masks.shape[1]
    sizes = masks.sum(1)
    empty, full = values[0], values[-1]
    inner = (sizes > 0) & (sizes < n)
    weights = [(n - 1) / (math.comb(n, s) * s * (n - s)) for s in sizes[inner].int().tolist()]
    last = masks[inner, -1:]
    design = masks[inner, :-1] - last
    target = values[inner] - empty - last[:, 0] * (full - empty)
    root = torch.tensor(weights, dtype=values.dtype).sqrt()
    first = torch.linalg.lstsq(root[:, None] * design, (root * target)[:, None]).solution[:, 0]
    return torch.cat([first, (full - empty - first.sum())[None]])


@mistake(KERNEL, hint="intercept", points=3)
def targets_not_shifted(masks, values):
    n = masks.shape[1]
    sizes = masks.sum(1)
    empty, full = values[sizes == 0][0], values[sizes == n][0]
    inner = (sizes > 0) & (sizes < n)
    weights = [(n - 1) / (math.comb(n, s) * s * (n - s)) for s in sizes[inner].int().tolist()]
    last = masks[inner, -1:]
    design = masks[inner, :-1] - last
    target = values[inner] - last[:, 0] * (full - empty)
    root = torch.tensor(weights, dtype=values.dtype).sqrt()
    first = torch.linalg.lstsq(root[:, None] * design, (root * target)[:, None]).solution[:, 0]
    return torch.cat([first, (full - empty - first.sum())[None]])


@mistake(KERNEL, hint="constraint")
def ends_as_heavy_rows(masks, values):
    n = masks.shape[1]
    sizes = masks.sum(1)
    weights = [(n - 1) / (math.comb(n, s) * s * (n - s)) if 0 < s < n else 1e6 for s in sizes.int().tolist()]
    design = torch.cat([masks, torch.ones(len(masks), 1, dtype=masks.dtype)], 1)
    root = torch.tensor(weights, dtype=values.dtype).sqrt()
    return torch.linalg.lstsq(root[:, None] * design, (root * values)[:, None]).solution[:n, 0]


@mistake(KERNEL, hint="shifted", points=3)
def shifts_the_scores_afterwards(masks, values):
    n = masks.shape[1]
    sizes = masks.sum(1)
    empty, full = values[sizes == 0][0], values[sizes == n][0]
    inner = (sizes > 0) & (sizes < n)
    weights = [(n - 1) / (math.comb(n, s) * s * (n - s)) for s in sizes[inner].int().tolist()]
    design, target = masks[inner], values[inner] - empty
    root = torch.tensor(weights, dtype=values.dtype).sqrt()
    first = torch.linalg.lstsq(root[:, None] * design, (root * target)[:, None]).solution[:, 0]
    return first + (full - empty - first.sum()) / n


@mistake(KERNEL, hint="observed", points=3)
def counts_the_rows_of_a_size(masks, values):
    n = masks.shape[1]
    sizes = masks.sum(1)
    empty, full = values[sizes == 0][0], values[sizes == n][0]
    inner = (sizes > 0) & (sizes < n)
    weights = [(n - 1) / (int((sizes == s).sum()) * s * (n - s)) for s in sizes[inner].int().tolist()]
    last = masks[inner, -1:]
    design = masks[inner, :-1] - last
    target = values[inner] - empty - last[:, 0] * (full - empty)
    root = torch.tensor(weights, dtype=values.dtype).sqrt()
    first = torch.linalg.lstsq(root[:, None] * design, (root * target)[:, None]).solution[:, 0]
    return torch.cat([first, (full - empty - first.sum())[None]])


@mistake(KERNEL, hint="value")
def weighs_for_five_players(masks, values):
    n = masks.shape[1]
    sizes = masks.sum(1)
    empty, full = values[sizes == 0][0], values[sizes == n][0]
    inner = (sizes > 0) & (sizes < n)
    weights = [{1: 1 / 5, 2: 1 / 15, 3: 1 / 15, 4: 1 / 5}[s] for s in sizes[inner].int().tolist()]
    last = masks[inner, -1:]
    design = masks[inner, :-1] - last
    target = values[inner] - empty - last[:, 0] * (full - empty)
    root = torch.tensor(weights, dtype=values.dtype).sqrt()
    first = torch.linalg.lstsq(root[:, None] * design, (root * target)[:, None]).solution[:, 0]
    return torch.cat([first, (full - empty - first.sum())[None]])


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


@mistake(GRADIENT, hint="swapped")
def probabilities_swapped(values, point):
    n = len(point)
    slopes = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        present = torch.tensor([bool(coalition & 2**j) for j in range(n)])
        factors = torch.where(present, 1 - point, point)
        for player in range(n):
            others = torch.cat([factors[:player], factors[player + 1 :]]).prod()
            slopes[player] += (1 if present[player] else -1) * others * values[coalition]
    return slopes


@mistake(GRADIENT, hint="bit_order")
def bits_from_the_left_here(values, point):
    n = len(point)
    slopes = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        present = torch.tensor([bool(coalition & 2 ** (n - 1 - j)) for j in range(n)])
        factors = torch.where(present, point, 1 - point)
        for player in range(n):
            others = torch.cat([factors[:player], factors[player + 1 :]]).prod()
            slopes[player] += (1 if present[player] else -1) * others * values[coalition]
    return slopes


@mistake(GRADIENT, hint="sign")
def absent_players_count_positively(values, point):
    n = len(point)
    slopes = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        present = torch.tensor([bool(coalition & 2**j) for j in range(n)])
        factors = torch.where(present, point, 1 - point)
        for player in range(n):
            others = torch.cat([factors[:player], factors[player + 1 :]]).prod()
            slopes[player] += others * values[coalition]
    return slopes


@mistake(GRADIENT, hint="corners", points=2)
def zero_where_the_probability_is_certain(values, point):
    n = len(point)
    slopes = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        present = torch.tensor([bool(coalition & 2**j) for j in range(n)])
        factors = torch.where(present, point, 1 - point)
        for player in range(n):
            others = torch.cat([factors[:player], factors[player + 1 :]]).prod()
            slopes[player] += (1 if present[player] else -1) * others * values[coalition]
    return slopes * ((point > 0) & (point < 1))
