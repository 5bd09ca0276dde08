"""Leave one out beside influence for deeper and deeper networks: `python -m course_lib.data.make_influence_depth`.

Networks of tanh layers of width 5 on 120 of the 150 iris flowers, trained to a minimum of the whole objective. For each
depth: the influence of every training flower on the log-likelihood of the test flower that the network likes least, and
the true changes when the network is trained again without it, from the old minimum (warm) or from the old initial
weights (cold). Takes one to two minutes; `influence_depth.npz` holds what came out.
"""

import time
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from torch import Tensor

from course_lib.attribution.curvature import objective_hessian
from course_lib.attribution.data import log_likelihoods
from course_lib.attribution.influence import influence
from course_lib.attribution.learners import objective
from course_lib.attribution.network_learner import Network
from course_lib.training import train_to_minimum

DEPTHS, WIDTH, PENALTY, SEED = (0, 1, 2, 4, 6), 5, 0.6, 0


def flowers() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Standardised measurements and species: 120 rows to train, 30 to test."""
    data = load_iris()
    x, y = torch.tensor(data.data), torch.tensor(data.target)
    train, test = train_test_split(range(150), test_size=30, random_state=0, stratify=data.target)
    x = (x - x[train].mean(0)) / x[train].std(0)
    return x[train], y[train], x[test], y[test]


def compare(depth: int, seed: int = SEED, penalty: float = PENALTY) -> dict[str, Tensor]:
    """Influence, warm and cold leave one out `(120,)` of one network, and the least eigenvalue of its Hessian."""
    x, y, test_x, test_y = flowers()
    network = Network((4, *[WIDTH] * depth, 3), penalty=penalty, seed=seed)
    n, start = len(x), network.start().double()
    full = train_to_minimum(lambda t: objective(network, t, x, y, torch.ones(1, n).double()), start[None])
    gates = 1 - torch.eye(n).double()
    utility = log_likelihoods(network.outputs(full, test_x), test_y)[0]
    worst = int(utility.argmin())

    def lost(begin: Tensor) -> Tensor:
        theta = train_to_minimum(lambda t: objective(network, t, x, y, gates), begin.expand(n, -1))
        return utility[worst] - log_likelihoods(network.outputs(theta, test_x[[worst]]), test_y[[worst]])[:, 0]

    row = test_x[[worst]], test_y[[worst]]
    scores = influence(network, full[0], x, y, *row, utility="log_likelihood").scores[:, 0]
    least = torch.linalg.eigvalsh(objective_hessian(network, full[0], x, y))[0]
    return {"influence": scores, "warm": lost(full), "cold": lost(start[None]), "least_eigenvalue": least}


if __name__ == "__main__":
    torch.set_num_threads(1)
    stored = {}
    for depth in DEPTHS:
        began = time.time()
        found = compare(depth)
        stored |= {f"{name}_{depth}": tensor.numpy() for name, tensor in found.items()}
        table = torch.stack([found[name] for name in ("influence", "warm", "cold")])
        _, warm, cold = torch.corrcoef(table)[0].tolist()
        print(f"depth {depth}: correlation warm {warm:.3f}, cold {cold:.3f}; {time.time() - began:.0f} s", flush=True)
    np.savez_compressed(Path(__file__).with_name("influence_depth.npz"), **stored)
