"""Games of training examples beside scikit-learn, and retraining at once beside a plain loop."""

import time
from collections.abc import Iterator

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from benchmarks.clock import Row, milliseconds
from course_lib import datasets
from course_lib.attribution.data import training_game
from course_lib.attribution.learners import with_intercept
from course_lib.attribution.linear_learners import Logistic
from course_lib.attribution.network_learner import Network
from course_lib.games import leave_one_out, shapley
from course_lib.models import MLP

PENALTY = 1.0


def rows() -> Iterator[Row]:
    """Every comparison, one after the other."""
    yield left_out(100)
    for n, least in ((100, 5), (500, 1)):
        yield networks(n, least)


def tumours(n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`n` training rows and 171 test rows of 30 measurements and a constant; beyond 398, test rows serve as training rows."""
    cancer = datasets.breast_cancer()
    x, y = torch.cat([cancer.train_x, cancer.test_x]), torch.cat([cancer.train_y, cancer.test_y])
    return with_intercept(x[:n]), y[:n], with_intercept(cancer.test_x), cancer.test_y


def left_out(n: int) -> Row:
    """Leave one out of the mean log-likelihood; scikit-learn's refits stop at 1e-10, where both give one answer."""
    x, y, test_x, test_y = tumours(n)
    game = training_game(Logistic(PENALTY), x, y, test_x, test_y, utility="log_likelihood", average=True)
    arrays, test, labels = (x.numpy(), y.numpy()), test_x.numpy(), test_y.numpy()

    def utility(kept: Tensor) -> float:
        model = LogisticRegression(C=1 / PENALTY, fit_intercept=False, tol=1e-10, max_iter=10_000)
        model.fit(arrays[0][kept], arrays[1][kept])
        return model.predict_log_proba(test)[range(len(labels)), labels].mean()

    def theirs() -> Tensor:
        everybody = torch.arange(n)
        return torch.tensor([utility(everybody) - utility(everybody[everybody != i]) for i in range(n)])

    difference = (theirs() - leave_one_out(game).scores).abs().max().item()
    times = milliseconds(lambda: leave_one_out(game), theirs, repeats=2)
    return Row("leave one out", "scikit-learn refits", f"n={n}, {n + 1} fits", *times, 6, None, None, difference)


def networks(n: int, least: float, fits: int = 256) -> Row:
    """A network 30-16-2, 100 full steps: all fits as one program, and a sample of them in a loop over `torch.optim.SGD`."""
    x, y, _, _ = tumours(n)
    x, learner, sample = x[:, :30].float(), Network((30, 16, 2)), 5
    weights = (torch.rand(fits, n, generator=torch.Generator().manual_seed(n)) < 0.5).float()

    def one(gates: Tensor) -> Tensor:
        model = MLP([30, 16, 2], "tanh", learner.seed)
        optimiser = torch.optim.SGD(model.parameters(), lr=learner.rate, momentum=learner.momentum)
        for _ in range(learner.steps):
            optimiser.zero_grad()
            (gates * nn.functional.cross_entropy(model(x), y, reduction="none")).mean().backward()
            optimiser.step()
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    def theirs() -> Tensor:
        return torch.stack([one(gates) for gates in weights[:sample]])

    difference = (learner.fit(x, y, weights[:sample]) - theirs()).abs().max().item()
    ours, loop = milliseconds(lambda: learner.fit(x, y, weights), theirs, repeats=2)
    times = (ours / fits, loop / sample)
    return Row("networks retrained at once", "loop over torch.optim", f"n={n}, per fit", *times, least, None, None, difference)


def remark() -> str:
    """Sampled Data Shapley of a hundred tumours: about ten thousand retrainings."""
    x, y, test_x, test_y = tumours(100)
    game = training_game(Logistic(PENALTY), x, y, test_x, test_y, utility="log_likelihood", average=True)
    start = time.process_time()
    result = shapley(game, "permutation", budget=10_000, generator=torch.Generator().manual_seed(0))
    seconds = time.process_time() - start
    return f"Data Shapley n=100: {result.evaluations} logistic regressions in {seconds:.2f} s of CPU (target 5)"
