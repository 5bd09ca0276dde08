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


# exercise: attribution/shapley/permutation_shapley
import torch


def permutation_shapley(values, pairs, seed):
    """Scores and standard errors from `pairs` orders and their reverses: (2**n,), int, int -> dict of two (n,) tensors."""
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
    return {"scores": contributions.mean(0), "standard_errors": contributions.std(0) / pairs**0.5}


# exercise: attribution/shapley/kernel_shapley
import math

import torch


def kernel_shapley(masks, values):
    """Shapley values by weighted least squares under two constraints: (m, n), (m,) -> (n,)."""
    n = masks.shape[1]
    sizes = masks.sum(1)
    empty, full = values[sizes == 0][0], values[sizes == n][0]
    inner = (sizes > 0) & (sizes < n)
    weights = [(n - 1) / (math.comb(n, s) * s * (n - s)) for s in sizes[inner].int().tolist()]
    # Replace the last score by (full - empty) - (sum of the others): the constraint holds whatever the fit says.
    last = masks[inner, -1:]
    design = masks[inner, :-1] - last
    target = values[inner] - empty - last[:, 0] * (full - empty)
    root = torch.tensor(weights, dtype=values.dtype).sqrt()
    first = torch.linalg.lstsq(root[:, None] * design, (root * target)[:, None]).solution[:, 0]
    return torch.cat([first, (full - empty - first.sum())[None]])


# exercise: attribution/shapley/extension_gradient
import torch


def extension_gradient(values, point):
    """Slope of the multilinear extension at `point`: (2**n,), (n,) -> (n,)."""
    n = len(point)
    slopes = torch.zeros(n, dtype=values.dtype)
    for coalition in range(2**n):
        present = torch.tensor([bool(coalition & 2**j) for j in range(n)])
        factors = torch.where(present, point, 1 - point)
        for player in range(n):
            others = torch.cat([factors[:player], factors[player + 1 :]]).prod()
            slopes[player] += (1 if present[player] else -1) * others * values[coalition]
    return slopes
