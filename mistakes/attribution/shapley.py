"""Plausible wrong answers to the exercises in `exercises/attribution/shapley.ipynb`, and what the checks should say."""

import math

import torch

from course_lib.checks import mistake

EQUIVALENT: dict[str, str] = {}


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
