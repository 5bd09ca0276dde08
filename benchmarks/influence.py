"""Influence functions and TracIn of small models, beside captum."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from captum.influence import NaiveInfluenceFunction, TracInCP
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from benchmarks.clock import Row, milliseconds
from course_lib import datasets
from course_lib.attribution.influence import influence, tracin
from course_lib.attribution.learners import with_intercept
from course_lib.attribution.linear_learners import Softmax

PENALTY = 1.5


class Case:
    """Softmax regression on tumours in float64: n training rows, all test rows, and the same model for captum."""

    def __init__(self, n: int) -> None:
        split = datasets.breast_cancer()
        self.x, self.y = with_intercept(split.train_x)[:n], split.train_y[:n]
        self.test = with_intercept(split.test_x), split.test_y
        self.learner, self.model = Softmax(PENALTY, 2), nn.Linear(31, 2, bias=False).double()
        self.theta = self.learner.fit(self.x, self.y, torch.ones(1, n).double())[0]
        self.rows, self.loss = TensorDataset(self.x, self.y), nn.CrossEntropyLoss(reduction="sum")
        self.set(self.theta)

    def set(self, theta: Tensor) -> None:
        """Put parameters into captum's model."""
        self.model.weight.data = theta.reshape(2, 31).clone()


def rows() -> Iterator[Row]:
    """Every comparison, one after the other."""
    yield exact(150)
    yield traced(150, 3)


def exact(n: int) -> Row:
    """Influence of n examples on all test losses; their error is their distance from ours, as a share of the largest."""
    case = Case(n)
    options = {
        "checkpoint": "",
        "checkpoints_load_func": lambda *_: 1.0,
        "batch_size": n,
        "loss_fn": case.loss,
        "sample_wise_grads_per_batch": True,
        "projection_dim": 62,
        "hessian_reg": PENALTY,
        "hessian_inverse_tol": 1e-12,
    }

    def ours() -> Tensor:
        return influence(case.learner, case.theta, case.x, case.y, *case.test, utility="log_likelihood").scores

    def theirs() -> Tensor:
        return NaiveInfluenceFunction(case.model, case.rows, **options).influence(case.test).T

    return Row("influence", "captum Naive", f"n={n}, p=62", *milliseconds(ours, theirs), 1, None, 0.0, gap(theirs(), ours()))


def traced(n: int, checkpoints: int) -> Row:
    """TracIn of n examples on all test losses over some checkpoints with their learning rates."""
    case, generator = Case(n), torch.Generator().manual_seed(0)
    thetas = torch.randn(checkpoints, 62, generator=generator).double()
    rates = [0.1 * (k + 1) for k in range(checkpoints)]

    def load(_: nn.Module, place: str) -> float:
        k = int(Path(place).stem)
        case.set(thetas[k])
        return rates[k]

    with tempfile.TemporaryDirectory() as folder:
        places = [str(Path(folder) / f"{k}.pt") for k in range(checkpoints)]
        for place in places:
            Path(place).touch()
        options = {"checkpoints_load_func": load, "loss_fn": case.loss, "batch_size": n, "sample_wise_grads_per_batch": True}

        def ours() -> Tensor:
            return tracin(case.learner, thetas, rates, case.x, case.y, *case.test).scores

        def theirs() -> Tensor:
            return TracInCP(case.model, case.rows, places, **options).influence(case.test).T

        size = f"n={n}, {checkpoints} points"
        return Row("TracIn", "captum TracInCP", size, *milliseconds(ours, theirs), 0.5, None, 0.0, gap(theirs(), ours()))


def gap(theirs: Tensor, ours: Tensor) -> float:
    """Largest difference as a share of the largest score."""
    return ((theirs - ours).abs().max() / ours.abs().max()).item()
