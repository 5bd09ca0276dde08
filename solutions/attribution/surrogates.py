"""Solutions to exercises/attribution/surrogates.ipynb."""


# exercise: attribution/surrogates/lime
import torch


def lime(gates, values, sizes, width):
    """Weighted line through the values of masks: (m, n), (m,), (n,), number -> dict of scores, intercept, R^2."""
    absent = (1 - gates) @ (sizes / sizes.sum())
    weights = torch.exp(-absent / width**2)
    root = weights.sqrt()[:, None]
    design = torch.cat([gates, torch.ones_like(gates[:, :1])], 1)
    solution = torch.linalg.lstsq(root * design, root * values[:, None]).solution[:, 0]
    mean = (weights * values).sum() / weights.sum()
    missed = (weights * (values - design @ solution) ** 2).sum()
    spread = (weights * (values - mean) ** 2).sum()
    return {"scores": solution[:-1], "intercept": solution[-1], "r_squared": 1 - missed / spread}


# exercise: attribution/surrogates/hold_totals
import torch


def hold_totals(gates, values, weights, empty, teams, totals):
    """Scores of least weighted squared error whose sum over team k is totals[k]: (n,)."""
    n, t = gates.shape[1], len(totals)
    members = (teams == torch.arange(t)[:, None]).to(gates.dtype)  # row k marks team k
    system = torch.zeros(n + t, n + t, dtype=gates.dtype)
    system[:n, :n] = gates.T @ (weights[:, None] * gates)
    system[:n, n:], system[n:, :n] = members.T, members
    right = torch.cat([gates.T @ (weights * (values - empty)), totals])
    return torch.linalg.solve(system, right)[:n]


# exercise: attribution/surrogates/blurred_slopes
import torch


def blurred_slopes(model, x, scale, pairs, seed):
    """Line through the model's values at x + scale * e and x - scale * e: dict of slopes (n,) and R^2."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(pairs, len(x), generator=generator, dtype=x.dtype)
    steps = scale * torch.cat([noise, -noise])
    values = model(x + steps)
    rest = values - values.mean()
    slopes = torch.linalg.lstsq(steps, rest[:, None]).solution[:, 0]
    missed = rest - steps @ slopes
    return {"scores": slopes, "r_squared": 1 - (missed**2).sum() / (rest**2).sum()}


# exercise: attribution/surrogates/agreement
from itertools import combinations


def agreement(scores, k):
    """Share of pairs of runs whose k players of largest size are the same: (s, n), int -> number."""
    tops = [set(row.abs().topk(k).indices.tolist()) for row in scores]
    same = [first == second for first, second in combinations(tops, 2)]
    return sum(same) / len(same)
