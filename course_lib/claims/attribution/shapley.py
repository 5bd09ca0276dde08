"""Claims of chapters/attribution/shapley.ipynb."""

import torch
from torch import Tensor

from course_lib import datasets
from course_lib.attribution.features import feature_game
from course_lib.claims.core import Record, decide, mean_interval
from course_lib.games import Game, shapley, table_game, tabulate
from course_lib.models import MLP, tumour_net


def tumour_game(model: MLP, patient: Tensor, background: int = 50) -> Game:
    """The ten measured quantities of one patient as players, removed by the first `background` training rows."""
    split = datasets.breast_cancer()
    rows = split.train_x[:background].float()
    return feature_game(model, patient.float(), rows, groups=split.groups, players=split.group_names)


def squared_error(game: Game, exact: Tensor, budget: int, seeds: range, **method) -> Tensor:
    """Mean squared error over players of a sampled Shapley value, one entry per seed."""
    estimates = [shapley(game, budget=budget, generator=torch.Generator().manual_seed(s), **method).scores for s in seeds]
    return (torch.stack(estimates) - exact).square().mean(1)


def stored_games(patients: int) -> list[Game]:
    """The games of the first test patients as tables in float64, so that repeats cost nothing."""
    split, model = datasets.breast_cancer(), tumour_net()
    games = (tumour_game(model, patient) for patient in split.test_x[:patients])
    return [table_game(tabulate(game).double(), game.players) for game in games]


def four_times_the_budget_halves_the_error(patients: int = 12, runs: int = 60) -> Record:
    """Ratio of the root mean square errors with 20 and with 5 antithetic pairs of orders; one ratio per patient.

    A pair of ten players takes 18 rows beside the two ends. The pairs are independent, so the true ratio is 1/2.
    """
    ratios = []
    for index, game in enumerate(stored_games(patients)):
        exact, seeds = shapley(game).scores, range(index * runs, (index + 1) * runs)
        few, many = (
            squared_error(game, exact, 2 + 18 * pairs, seeds, method="permutation").mean() for pairs in (5, 20)
        )
        ratios.append((many / few).sqrt())
    estimate, low, high = mean_interval(torch.stack(ratios))
    return Record(
        id="attribution/shapley/four_times_the_budget_halves_the_error",
        statement="Four times as many antithetic pairs of orders halve the error of permutation sampling.",
        kind="proved",
        threshold="ratio of the errors between 0.4 and 0.6",
        estimate=estimate,
        low=low,
        high=high,
        unit="mean ratio of root mean square errors",
        verdict=decide(low, high, above=0.4, below=0.6),
        seeds=patients,
        repeats="patients",
    )


def kernel_regression_needs_fewer_evaluations(budget: int, patients: int = 12, runs: int = 60) -> Record:
    """Error of paired kernel regression over that of antithetic permutations at the same budget; one ratio per patient."""
    ratios = []
    for index, game in enumerate(stored_games(patients)):
        exact, seeds = shapley(game).scores, range(index * runs, (index + 1) * runs)
        kernel = squared_error(game, exact, budget, seeds, method="kernel").mean()
        orders = squared_error(game, exact, budget, seeds, method="permutation").mean()
        ratios.append((kernel / orders).sqrt())
    estimate, low, high = mean_interval(torch.stack(ratios))
    return Record(
        id=f"attribution/shapley/kernel_regression_needs_fewer_evaluations/{budget}",
        statement=f"With {budget} evaluations each, kernel regression has a smaller error than orders with their reverses.",
        kind="measured",
        threshold="ratio of the errors below 1",
        estimate=estimate,
        low=low,
        high=high,
        unit="mean ratio of root mean square errors",
        verdict=decide(low, high, below=1.0),
        seeds=patients,
        repeats="patients",
    )
