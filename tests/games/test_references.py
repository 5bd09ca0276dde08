"""The same numbers from other libraries. shap compiles at its first call, which takes a while."""

import numpy as np
import pytest
import shap
import shapiq
import torch
from captum.attr import FeatureAblation, IntegratedGradients

from course_lib.attribution.features import feature_game, occlusion
from course_lib.games import integrated_gradients, shapley
from course_lib.models import MLP
from tests.games.instances import generator

N = 8


class Case:
    """A small network, an input, a baseline and a background, in torch and in numpy."""

    def __init__(self, activation: str, outputs: int = 3) -> None:
        self.model = MLP([N, 16, outputs], activation, seed=1).double()
        draws = torch.randn(22, N, generator=generator(), dtype=torch.float64)
        self.x, self.baseline, self.background = draws[0], draws[1], draws[2:]

    def numpy(self, rows: np.ndarray) -> np.ndarray:
        """The second output, for libraries that speak numpy."""
        with torch.no_grad():
            return self.model(torch.from_numpy(np.asarray(rows, dtype=np.float64)))[:, 1].numpy()

    def game(self, baseline: torch.Tensor):
        """The game of the second output."""
        return feature_game(self.model, self.x, baseline, target=1)


@pytest.fixture(scope="module", params=["relu", "tanh"])
def case(request):
    return Case(request.param)


def agree(ours: torch.Tensor, theirs: object, atol: float) -> None:
    torch.testing.assert_close(ours.double(), torch.as_tensor(np.asarray(theirs)).double(), rtol=0, atol=atol)


@pytest.mark.parametrize("rows", [1, 20])
def test_exact_shapley_is_that_of_shap(case, rows):
    background = case.background[:rows]
    masker = shap.maskers.Independent(background.numpy(), max_samples=rows)
    theirs = shap.ExactExplainer(case.numpy, masker)(case.x[None].numpy()).values[0]
    agree(shapley(case.game(background)).scores, theirs, atol=1e-10)


def test_kernel_shapley_is_that_of_shap(case):
    explainer = shap.KernelExplainer(case.numpy, case.baseline[None].numpy())
    theirs = explainer.shap_values(case.x[None].numpy(), nsamples=2**N, l1_reg=False, silent=True)[0]
    agree(shapley(case.game(case.baseline), "kernel", budget=2**N).scores, theirs, atol=1e-9)


def test_exact_shapley_is_that_of_shapiq(case):
    game = case.game(case.baseline)

    def value(coalitions: np.ndarray) -> np.ndarray:
        return game.evaluate(torch.from_numpy(np.atleast_2d(coalitions)).double()).numpy()

    theirs = shapiq.ExactComputer(value, n_players=N)("SV")
    agree(shapley(game).scores, [theirs[(player,)] for player in range(N)], atol=1e-10)


@pytest.mark.parametrize(("rule", "name"), [("gauss", "gausslegendre"), ("midpoint", "riemann_middle")])
def test_integrated_gradients_are_those_of_captum(case, rule, name):
    theirs = IntegratedGradients(case.model).attribute(
        case.x[None], case.baseline[None], target=1, n_steps=50, method=name
    )
    agree(integrated_gradients(case.game(case.baseline), 50, rule).scores, theirs[0].detach(), atol=1e-6)


def test_occlusion_is_the_feature_ablation_of_captum(case):
    theirs = FeatureAblation(case.model).attribute(case.x[None], case.baseline[None], target=1)
    agree(occlusion(case.model, case.x, case.baseline, target=1).scores, theirs[0].detach(), atol=1e-10)


def test_groups_are_the_feature_masks_of_captum(case):
    groups = torch.tensor([0, 0, 1, 2, 1, 3, 3, 3])
    theirs = FeatureAblation(case.model).attribute(case.x[None], case.baseline[None], target=1, feature_mask=groups[None])
    ours = occlusion(case.model, case.x, case.baseline, target=1, groups=groups).scores
    agree(ours[groups], theirs[0].detach(), atol=1e-10)
