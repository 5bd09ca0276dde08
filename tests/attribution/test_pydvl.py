"""Values of training data beside pyDVL's, frozen in pydvl/answers.npz by pydvl/make.py."""

from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib.attribution.data import knn_shapley, training_game
from course_lib.attribution.influence import influence
from course_lib.attribution.linear_learners import Ridge, Softmax
from course_lib.games import leave_one_out, shapley
from tests.games.instances import close


@pytest.fixture(scope="module")
def answers() -> dict[str, torch.Tensor]:
    with np.load(Path(__file__).parent / "pydvl" / "answers.npz", allow_pickle=False) as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files if name != "versions"}


def test_exact_data_shapley_and_leave_one_out(answers):
    data = (answers[f"shapley_{name}"] for name in ("x", "y", "test_x", "test_y"))
    game = training_game(Ridge(answers["alpha"].item()), *data, utility="squared_error", average=True)
    close(shapley(game).scores, answers["shapley"])
    close(leave_one_out(game).scores, answers["shapley_loo"])


def test_knn_shapley(answers):
    data = (answers[f"knn_{name}"] for name in ("x", "y", "test_x", "test_y"))
    close(knn_shapley(*data, k=int(answers["k"])).scores, answers["knn"])


@pytest.mark.parametrize("solver", ["direct", "cg"])
def test_influence_is_theirs_divided_by_the_number_of_examples(answers, solver):
    data = (answers[f"influence_{name}"] for name in ("theta", "x", "y", "test_x", "test_y"))
    scores = influence(Softmax(answers["penalty"].item(), 3), *data, utility="log_likelihood", solver=solver).scores
    close(scores * len(scores), answers["influence"].T)
