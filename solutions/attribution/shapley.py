# exercise: attribution/shapley/exact_shapley
import math

import torch


def exact_shapley(values: torch.Tensor) -> torch.Tensor:
    """Shapley values of the game whose coalition k has the value `values[k]`: (2**n,) -> (n,)."""
    n = len(values).bit_length() - 1
    scores = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        size = coalition.bit_count()
        for player in range(n):
            if coalition & 2**player:
                continue  # already inside: nothing to join
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            scores[player] += weight * (values[coalition + 2**player] - values[coalition])
    return scores
