"""Solutions to exercises/equivariance/bridge.ipynb."""


# exercise: equivariance/bridge/act_on_games
import torch


def act_on_games(p, values):
    """Every game moved by every renaming, (pi v)(S) = v(pi^-1 S): (m, n), (b, 2**n) -> (m, b, 2**n)."""
    coalitions = torch.arange(values.shape[1])
    members = coalitions[:, None] >> torch.arange(p.shape[1]) & 1
    homes = members @ (2 ** p.argsort(1)).T  # (2**n, m): the number of pi^-1 S
    return values[:, homes.T].transpose(0, 1)


# exercise: equivariance/bridge/average_rule
import torch

from course_lib.equivariance.bridge import coalition_permutations


def average_rule(rule, permutations):
    """The matrix of (1/m) sum over pi of pi f(pi^-1 v), f(v) = rule @ v: (n, 2**n), (m, n) -> (n, 2**n)."""
    undone = permutations.argsort(1)
    homes = coalition_permutations(undone)  # (m, 2**n): the number of pi^-1 S
    return rule[undone[:, :, None], homes[:, None, :]].mean(0)


# exercise: equivariance/bridge/coset_variances
import itertools

import torch


def coset_variances(values, places):
    """Variances of one random order and of the mean over its coset: (2**n,), (h, n) -> dict of two (n,)."""
    starts = torch.tensor(list(itertools.permutations(range(places.shape[1]))))

    def added(orders):  # what each player adds in each order
        after = (2**orders).cumsum(1)  # numbers of the coalitions along the way
        gains = values[after] - values[after - 2**orders]
        return gains.gather(1, orders.argsort(1))  # from places back to players

    mean = torch.stack([added(starts[:, h]) for h in places]).mean(0)
    return {"alone": added(starts).var(0, unbiased=False), "coset": mean.var(0, unbiased=False)}
