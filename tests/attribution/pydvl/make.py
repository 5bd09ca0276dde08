"""Answers of pyDVL that the tests compare with: `python tests/attribution/pydvl/make.py` in an environment of its own
(`pip install "pyDVL[influence]" torch "numpy<2"`). Writes `answers.npz` beside itself: data, settings, answers and versions.
"""

import importlib.metadata
from pathlib import Path

import numpy as np
import torch
from pydvl.influence.torch import DirectInfluence
from pydvl.valuation import Dataset, KNNShapleyValuation, LOOValuation, ModelUtility, ShapleyValuation, SupervisedScorer
from pydvl.valuation.samplers import DeterministicUniformSampler, FiniteSequentialIndexIteration
from pydvl.valuation.stopping import NoStopping
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from torch.nn import functional

ALPHA, PENALTY, K = 0.7, 3.0, 3


def digits(*numbers: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of these digits in 8 blocks of two rows by four columns, centred; labels 0, 1, ... in the order given."""
    data = load_digits()
    rows = np.isin(data.target, numbers)
    x = data.images[rows].reshape(-1, 4, 2, 2, 4).mean((2, 4)).reshape(-1, 8) / 16
    return x - x.mean(0), np.array([numbers.index(label) for label in data.target[rows]])


def data_shapley() -> dict[str, np.ndarray]:
    """Exact Data Shapley and leave one out of 8 examples: ridge regression on labels, minus half the mean squared error."""
    x, y = digits(3, 8)
    y = 2.0 * y - 1
    train, test = Dataset(x[:8], y[:8]), Dataset(x[8:28], y[8:28])

    def score(model: Ridge, inputs: np.ndarray, labels: np.ndarray) -> float:
        return float(-np.mean((model.predict(inputs) - labels) ** 2) / 2)

    scorer = SupervisedScorer(score, test, default=float(-np.mean(test.data().y ** 2) / 2))
    utility = ModelUtility(Ridge(alpha=ALPHA, fit_intercept=False), scorer, catch_errors=False)
    sampler = DeterministicUniformSampler(index_iteration=FiniteSequentialIndexIteration)
    exact = ShapleyValuation(utility, sampler, NoStopping(), progress=False).fit(train).result
    alone = LOOValuation(utility, progress=False).fit(train).result
    found = {"shapley": by_index(exact), "shapley_loo": by_index(alone)}
    return found | {"shapley_x": x[:8], "shapley_y": y[:8], "shapley_test_x": x[8:28], "shapley_test_y": y[8:28]}


def knn_shapley() -> dict[str, np.ndarray]:
    """KNN-Shapley of 40 images of three digits for 15 others."""
    x, y = digits(3, 5, 8)
    model, test = KNeighborsClassifier(K), Dataset(x[40:55], y[40:55])
    found = KNNShapleyValuation(model, test, progress=False).fit(Dataset(x[:40], y[:40])).result
    return {"knn": by_index(found), "knn_x": x[:40], "knn_y": y[:40], "knn_test_x": x[40:55], "knn_test_y": y[40:55]}


def influence() -> dict[str, np.ndarray]:
    """DirectInfluence of 60 images on 10 others, softmax regression over three digits, mean loss and PENALTY / 60."""
    x, y = digits(3, 5, 8)
    n = 60
    fit = LogisticRegression(C=1 / PENALTY, fit_intercept=False, tol=1e-14, max_iter=10_000).fit(x[:n], y[:n])
    model = torch.nn.Linear(8, 3, bias=False).double()
    model.weight.data = torch.tensor(fit.coef_.copy())
    train_x, train_y = torch.tensor(x[:n]), torch.tensor(y[:n])
    for _ in range(3):  # Newton steps, to the last digits
        polish(model, train_x, train_y)
    direct = DirectInfluence(model, functional.cross_entropy, regularization=PENALTY / n)
    rows = torch.utils.data.TensorDataset(train_x, train_y)
    fitted = direct.fit(torch.utils.data.DataLoader(rows, batch_size=n))
    scores = fitted.influences(torch.tensor(x[n : n + 10]), torch.tensor(y[n : n + 10]), train_x, train_y)
    found = {"influence": scores.detach().numpy(), "influence_theta": model.weight.detach().numpy().ravel()}
    found |= {"influence_x": x[:n], "influence_y": y[:n]}
    return found | {"influence_test_x": x[n : n + 10], "influence_test_y": y[n : n + 10]}


def polish(model: torch.nn.Linear, x: torch.Tensor, y: torch.Tensor) -> None:
    """One Newton step on the whole objective."""

    def objective(theta: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(x @ theta.reshape(3, 8).T, y, reduction="sum") + PENALTY / 2 * (theta**2).sum()

    theta = model.weight.data.flatten()
    slope, curvature = torch.func.grad(objective)(theta), torch.func.hessian(objective)(theta)
    model.weight.data = (theta - torch.linalg.solve(curvature, slope)).reshape(3, 8)


def by_index(result) -> np.ndarray:
    """Values in the order of the examples."""
    values = np.empty(len(result.values))
    values[result.indices] = result.values
    return values


if __name__ == "__main__":
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("pyDVL", "torch", "scikit-learn", "numpy"))
    settings = {"alpha": ALPHA, "penalty": PENALTY, "k": K, "versions": np.array(versions)}
    np.savez_compressed(Path(__file__).with_name("answers.npz"), **settings, **data_shapley(), **knn_shapley(), **influence())
    print(versions)
