"""LIME over gates and over x: closed forms, limits, and captum where the two are comparable."""

import math

import pytest
import torch
from captum._utils.models.linear_model import SkLearnLinearRegression
from captum.attr import LimeBase

from course_lib.attribution.features import feature_game
from course_lib.attribution.lime import gaussian_lime, lime, presence_kernel
from course_lib.attribution.saliency import smoothgrad
from course_lib.games import Game, banzhaf, corners, leave_one_out
from course_lib.models import MLP
from tests.games.instances import close, generator


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64).to(dtype)


def small_game(dtype: torch.dtype = torch.float64) -> Game:
    model = MLP([5, 8, 1], "tanh", seed=2).to(dtype)
    return feature_game(model, normal(5, dtype=dtype), torch.zeros(5, dtype=dtype))


def test_an_additive_game_is_fitted_exactly_whatever_the_width(dtype):
    effects = torch.tensor([1.0, -2.0, 0.0, 0.5], dtype=dtype)
    line = lime(Game(lambda g: 3 + g @ effects, 4, dtype=dtype), width=0.4, budget=12, generator=generator(1))
    close(line.scores, effects.double())
    close(line.intercept, torch.tensor(3.0).double())
    close(line.r_squared, torch.tensor(1.0).double())


def test_the_fit_is_that_of_the_normal_equations(dtype):
    game, width = small_game(dtype), 0.6
    gates = corners(5)
    weights = torch.exp(-(1 - gates).sum(1) / 5 / width**2)
    design = torch.cat([gates, torch.ones(32, 1)], 1)
    values = game.evaluate(gates).double()
    solution = torch.linalg.solve(design.T * weights @ design, design.T * weights @ values)
    line = lime(game, width=width, budget=32)
    close(line.scores, solution[:-1])
    assert (line.standard_errors == 0).all() and line.evaluations == 32


def test_a_wide_kernel_gives_banzhaf_and_a_narrow_one_leave_one_out():
    game = small_game()
    close(lime(game, width=math.inf, budget=32).scores, banzhaf(game).scores)
    narrow = lime(game, width=0.12, budget=32).scores
    assert (narrow - leave_one_out(game).scores).abs().max() < 1e-4


def test_the_kernel_counts_absent_players_as_a_share():
    gates = torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    expected = torch.exp(-torch.tensor([0.0, 0.5, 1.0]) / 0.25)
    close(presence_kernel(gates, 0.5), expected.double())
    assert presence_kernel(gates, math.inf).tolist() == [1.0, 1.0, 1.0]


def test_against_captum_on_the_same_rows():
    """captum draws its own masks, so it is given ours, one after the other: all corners, with our weights."""
    model, x, baseline = MLP([5, 8, 1], "tanh", seed=2).double(), normal(5), torch.zeros(5).double()
    rows = iter(corners(5))

    def perturb(inputs: torch.Tensor, **_) -> torch.Tensor:
        return next(rows)[None]

    captum = LimeBase(
        lambda inputs: model(inputs),
        interpretable_model=SkLearnLinearRegression(),
        similarity_func=lambda original, perturbed, mask, **_: presence_kernel(mask, 0.6),
        perturb_func=perturb,
        perturb_interpretable_space=True,
        from_interp_rep_transform=lambda mask, inputs, **_: baseline + mask * (inputs - baseline),
        to_interp_rep_transform=None,
    )
    theirs = captum.attribute(x[None], n_samples=32)[0]
    ours = lime(feature_game(model, x, baseline), width=0.6, budget=32).scores
    assert (ours - theirs).abs().max() < 1e-4  # captum solves in float32


def test_gaussian_lime_of_a_plane_is_exact(dtype):
    plane = torch.tensor([2.0, -1.0, 0.5], dtype=dtype)
    line = gaussian_lime(lambda rows: rows @ plane + 4, normal(3, dtype=dtype), scale=0.7, draws=9, generator=generator())
    close(line.scores, plane.double())
    assert line.scores.dtype == dtype and line.r_squared.item() > 1 - 1e-5


def test_gaussian_lime_and_smoothgrad_agree_in_expectation():
    """Stein's lemma; the two are estimated from different draws."""
    model, x = MLP([4, 16, 1], "relu", seed=3).double(), normal(4)
    line = gaussian_lime(model, x, scale=0.8, draws=40_000, generator=generator(1))
    blurred = smoothgrad(model, x, scale=0.8, draws=40_000, generator=generator(2))
    gap = (line.scores - blurred.scores).abs()
    assert (gap < 5 * (line.standard_errors**2 + blurred.standard_errors**2).sqrt()).all()
    assert line.standard_errors.max() < 0.05


def test_gaussian_lime_of_several_outputs():
    model, x = MLP([4, 6, 3], "tanh", seed=3).double(), normal(4)
    every = gaussian_lime(model, x, scale=0.1, draws=200, generator=generator())
    one = gaussian_lime(model, x, scale=0.1, draws=200, generator=generator(), target=2)
    assert every.scores.shape == (4, 3) and every.r_squared.shape == (3,)
    close(every.scores[:, 2], one.scores)


@pytest.mark.parametrize("width", [0, -1.0, math.nan, "1"])
def test_a_bad_width_is_named_before_anything_is_evaluated(width):
    def never(gates):
        raise AssertionError("evaluated")

    with pytest.raises(ValueError, match="width must be positive"):
        lime(Game(never, 3), width=width, budget=8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": -1.0}, "scale must be positive"),
        ({"draws": 4}, "draws must be an integer of at least 5 for 3 slopes"),
        ({"generator": None}, "generator must be a torch.Generator"),
    ],
)
def test_bad_input(arguments, message):
    defaults = {"scale": 0.1, "draws": 50, "generator": generator()}
    with pytest.raises(ValueError, match=message):
        gaussian_lime(MLP([3, 4, 1]).double(), normal(3), **{**defaults, **arguments})
