"""Influence: closed forms, refits, captum; the chapter's numbers, its demos and its claims."""

import math
from importlib.resources import files

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from captum.influence import NaiveInfluenceFunction, TracInCP
from torch import Tensor, nn

from course_lib.attribution.curvature import (
    blocks,
    conjugate_gradients,
    example_gradients,
    example_hessians,
    hessian_product,
    objective_hessian,
    solve_directly,
    utility_gradients,
)
from course_lib.attribution.data import log_likelihoods, training_game
from course_lib.attribution.influence import (
    NotAtMinimum,
    gradient_overlap,
    influence,
    leverages,
    newton_without_each,
    tracin,
)
from course_lib.attribution.learners import Learner, objective
from course_lib.attribution.linear_learners import Logistic, Ridge, Softmax
from course_lib.attribution.network_learner import Network
from course_lib.claims.attribution import influence as claims
from course_lib.data.make_influence_depth import DEPTHS, compare, flowers
from course_lib.demos.attribution import influence as demos
from course_lib.games import gradient, leave_one_out
from course_lib.training import train_to_minimum
from tests.games.instances import close, generator

LEARNERS = {"ridge": Ridge(0.7), "logistic": Logistic(1.3), "softmax": Softmax(0.9, 3)}
UTILITIES = {"ridge": "squared_error", "logistic": "log_likelihood", "softmax": "margin"}


def data(n: int, p: int, t: int = 3, classes: int = 2, seed: int = 0, dtype=torch.float64) -> tuple[Tensor, ...]:
    """Rows, labels, test rows, test labels."""
    rows = torch.randn(n + t, p, generator=generator(seed), dtype=torch.float64).to(dtype)
    labels = torch.randint(classes, (n + t,), generator=generator(seed + 1))
    return rows[:n], labels[:n], rows[n:], labels[n:]


def fitted(learner: Learner, x: Tensor, y: Tensor) -> Tensor:
    return learner.fit(x, y, torch.ones(1, len(x), dtype=x.dtype))[0]


def outputs_only(outputs: Tensor, _: Tensor) -> Tensor:
    return outputs


def case(name: str, dtype=torch.float64) -> tuple:
    learner = LEARNERS[name]
    x, y, test_x, test_y = data(25, 4, classes=3 if name == "softmax" else 2, dtype=dtype)
    return learner, fitted(learner, x, y), x, y, test_x, test_y


@pytest.mark.parametrize("name", LEARNERS)
def test_three_ways_agree(name):
    learner, theta, *rows = case(name)
    direct = influence(learner, theta, *rows, utility=UTILITIES[name])
    products = influence(learner, theta, *rows, utility=UTILITIES[name], solver="cg", tolerance=1e-12)
    game = training_game(learner, *rows, utility=UTILITIES[name])
    torch.testing.assert_close(products.scores, direct.scores, rtol=0, atol=1e-9)
    torch.testing.assert_close(gradient(game).scores, direct.scores, rtol=0, atol=1e-9)
    assert 0 < products.iterations <= 2 * len(theta) and products.residual <= 1e-11
    assert direct.iterations == 0 and direct.residual < 1e-12 and direct.slope < 1e-9
    assert (direct.standard_errors == 0).all() and direct.error_kind == "exact"


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("solver", ["direct", "cg"])
def test_single_precision_is_as_good_as_it_can_be(name, solver):
    learner, theta, *rows = case(name, torch.float32)
    scores = influence(learner, theta, *rows, utility=UTILITIES[name], solver=solver).scores
    learner, theta, *rows = case(name)
    exact = influence(learner, theta, *rows, utility=UTILITIES[name]).scores
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores.double(), exact, rtol=0, atol=1e-4 * exact.abs().max().item())


def test_ridge_in_closed_form(dtype):
    x, _, test_x, test_y = data(20, 4, dtype=dtype)
    y = x[:, 0] - 2 * x[:, 1] + 1
    learner = Ridge(1.5)
    theta = fitted(learner, x, y)
    h = leverages(learner, theta, x, y)
    H = x.T @ x + 1.5 * torch.eye(4, dtype=dtype)
    close(h, (x @ torch.linalg.inv(H) * x).sum(1).double())
    scores = influence(learner, theta, x, y, test_x, test_y, utility=outputs_only).scores
    truth = leave_one_out(training_game(learner, x, y, test_x, test_y, utility=outputs_only)).scores
    close(scores, ((1 - h)[:, None] * truth).double(), scale=10)
    without = newton_without_each(learner, theta, x, y)
    close(test_x @ without.T, (theta @ test_x.T - truth).T.double(), scale=10)


def test_a_mean():
    ones, y = torch.ones(5, 1).double(), torch.tensor([1.0, 2.0, 2.0, 3.0, 12.0]).double()
    learner = Ridge(1e-12)
    scores = influence(learner, y.mean()[None], ones, y, ones[:1], y[:1], utility=outputs_only).scores[:, 0]
    close(scores, (y - y.mean()) / 5)


def test_up_weighting_and_removal_have_the_signs_that_the_chapter_says():
    learner, theta, x, y, test_x, test_y = case("logistic")
    scores = influence(learner, theta, x, y, test_x, test_y, utility="log_likelihood").scores
    before = -learner.losses(theta[None], test_x, test_y)
    more = -learner.losses(learner.fit(x, y, 1 + 1e-5 * torch.eye(25).double()), test_x, test_y)
    torch.testing.assert_close((more - before) / 1e-5, scores, rtol=1e-3, atol=1e-5)
    mean = objective_hessian(learner, theta, x, y) / 25  # Koh & Liang: mean objective, epsilon = -1 / n
    moved = theta + torch.linalg.solve(mean, example_gradients(learner, theta, x, y).T).T / 25
    gates = 1 - torch.eye(25).double()
    truth = learner.fit(x, y, gates)
    assert torch.corrcoef(torch.stack([(moved - theta).flatten(), (truth - theta).flatten()]))[0, 1] > 0.98


@pytest.mark.parametrize("name", LEARNERS)
def test_one_newton_step_solves_with_the_rest_of_the_hessian(name):
    learner, theta, x, y, *_ = case(name)
    without = newton_without_each(learner, theta, x, y)
    for j in (0, 7, 24):
        weights = torch.ones(25).double()
        weights[j] = 0
        slope = weights @ example_gradients(learner, theta, x, y) + learner.penalty * theta
        step = torch.linalg.solve(objective_hessian(learner, theta, x, y, weights), slope)
        close(without[j], theta - step)


def test_leverages_add_up_to_the_effective_number_of_parameters():
    learner, theta, x, y, *_ = case("softmax")
    inverse = torch.linalg.inv(objective_hessian(learner, theta, x, y))
    close(leverages(learner, theta, x, y).sum(), len(theta) - learner.penalty * inverse.trace())


def test_the_leverage_corrects_influence_for_linear_outputs():
    learner, theta, x, y, test_x, test_y = case("logistic")
    h = leverages(learner, theta, x, y)
    scores = influence(learner, theta, x, y, test_x, test_y, utility=outputs_only).scores
    moved = (theta - newton_without_each(learner, theta, x, y)) @ test_x.T
    close(moved, scores / (1 - h)[:, None])
    assert ((h > 0) & (h < 1)).all()


def test_influence_foretells_refits_where_the_penalty_is_large():
    split = demos.datasets.breast_cancer()
    x, y, test_x, test_y = split.train_x[:300], split.train_y[:300], split.test_x, split.test_y
    learner = Logistic(30.0)
    theta = fitted(learner, x, y)
    scores = influence(learner, theta, x, y, test_x, test_y, utility="log_likelihood").scores.mean(1)
    game = training_game(learner, x, y, test_x, test_y, utility="log_likelihood", average=True)
    truth = leave_one_out(game).scores
    assert claims.rank(scores, truth) > 0.98
    assert 0.9 < (scores @ truth / (scores @ scores)).item() < 1.15
    without = newton_without_each(learner, theta, x, y)
    newton = (learner.losses(without, test_x, test_y) - learner.losses(theta[None], test_x, test_y)).mean(1)
    assert torch.corrcoef(torch.stack([newton, truth]))[0, 1] > 0.995


class Head(nn.Module):
    """A linear layer without bias, for captum."""

    def __init__(self, theta: Tensor, classes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(len(theta) // classes, classes, bias=False).to(theta.dtype)
        self.layer.weight.data = theta.reshape(classes, -1).clone()

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class Rows(torch.utils.data.Dataset):
    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        return self.x[i], self.y[i]


def test_influence_is_captums(tmp_path):
    learner, theta, x, y, test_x, test_y = case("softmax")
    theirs = NaiveInfluenceFunction(
        Head(theta, 3),
        Rows(x, y),
        checkpoint=str(tmp_path / "none"),
        checkpoints_load_func=lambda *_: 1.0,
        batch_size=len(x),
        loss_fn=nn.CrossEntropyLoss(reduction="sum"),
        projection_dim=len(theta),
        hessian_reg=learner.penalty,
        hessian_inverse_tol=1e-12,
        sample_wise_grads_per_batch=True,
        show_progress=False,
    ).influence((test_x, test_y))
    ours = influence(learner, theta, x, y, test_x, test_y, utility="log_likelihood").scores
    torch.testing.assert_close(ours.T, theirs.double(), rtol=0, atol=1e-8 * ours.abs().max().item())


def test_tracin_is_captums(dtype, tmp_path):
    x, y, test_x, test_y = data(20, 4, classes=3, dtype=dtype)
    learner = Softmax(1.0, 3)
    checkpoints = torch.randn(3, 12, generator=generator(5), dtype=torch.float64).to(dtype)
    rates = [0.1, 0.3, 0.2]
    model, places = Head(checkpoints[0], 3), []
    for k, theta in enumerate(checkpoints):
        places.append(str(tmp_path / f"{k}.pt"))
        torch.save(theta, places[-1])

    def load(module: Head, place: str) -> float:
        module.layer.weight.data = torch.load(place).reshape(3, 4)
        return rates[places.index(place)]

    theirs = TracInCP(
        model,
        Rows(x, y),
        places,
        checkpoints_load_func=load,
        loss_fn=nn.CrossEntropyLoss(reduction="sum"),
        batch_size=20,
        sample_wise_grads_per_batch=True,
    ).influence((test_x, test_y))
    close(tracin(learner, checkpoints, rates, x, y, test_x, test_y).scores.T, theirs.double())


def test_overlap_is_one_step_of_descent_and_tracin_adds_up():
    learner, theta, x, y, test_x, test_y = case("logistic")
    overlap = gradient_overlap(learner, theta, x, y, test_x, test_y).scores
    moved = theta - 1e-6 * example_gradients(learner, theta, x, y)
    fall = learner.losses(theta[None], test_x, test_y) - learner.losses(moved, test_x, test_y)
    torch.testing.assert_close(fall / 1e-6, overlap, rtol=1e-3, atol=1e-5)
    path, rate = [torch.zeros(4).double()], 1e-4
    for _ in range(200):
        path.append(path[-1] - rate * example_gradients(learner, path[-1], x, y).sum(0))
    path = torch.stack(path)
    traced = tracin(learner, path[:-1], [rate] * 200, x, y, test_x, test_y).scores.sum(0)
    start, end = learner.losses(path[[0, -1]], test_x, test_y)
    torch.testing.assert_close(traced, start - end, rtol=1e-2, atol=1e-4)


def test_damping_leads_from_influence_to_overlap():
    learner, theta, *rows = case("logistic")
    overlap = gradient_overlap(learner, theta, *rows).scores
    scores = influence(learner, theta, *rows, utility="log_likelihood", damping=1e9).scores
    close(1e9 * scores, overlap, scale=1e4)


def test_weights_and_twins():
    learner, _, x, y, test_x, test_y = case("logistic")
    weights = torch.ones(25).double()
    weights[3] = 2
    theta = learner.fit(x, y, weights[None])[0]
    once = influence(learner, theta, x, y, test_x, test_y, weights=weights).scores
    twice = influence(learner, theta, torch.cat([x, x[3:4]]), torch.cat([y, y[3:4]]), test_x, test_y).scores
    close(twice[:25], once)
    close(twice[25], once[3])


def test_a_network_at_its_minimum_and_before_it():
    x, y, test_x, test_y = flowers()
    network = Network((4, 3), penalty=0.6)
    start = network.start().double()[None]
    theta = train_to_minimum(lambda t: objective(network, t, x, y, torch.ones(1, len(x)).double()), start)[0]
    rows = (x, y, test_x, test_y)
    scores = influence(network, theta, *rows, solver="cg").scores
    torch.testing.assert_close(scores, influence(network, theta, *rows).scores, rtol=0, atol=1e-8)
    with pytest.warns(NotAtMinimum, match="tilted until theta is its minimum"):
        found = influence(network, start[0], *rows)
    assert found.slope > 0.1


def test_negative_curvature_is_said():
    x, y, test_x, test_y = flowers()
    network = Network((4, 5, 3), penalty=0.6, steps=20)
    theta = fitted(network, x, y)
    with pytest.warns(NotAtMinimum, match="tilted"), pytest.warns(NotAtMinimum, match="negative eigenvalues"):
        influence(network, theta, x, y, test_x, test_y)
    with pytest.warns(NotAtMinimum), pytest.raises(ValueError, match="curvature <= 0 on the way: add damping"):
        influence(network, theta, x, y, test_x, test_y, solver="cg")


def test_a_singular_hessian_is_refused():
    x, y, test_x, test_y = flowers()
    network = Network((4, 3), steps=5)
    theta = fitted(network, x, y)
    with pytest.warns(NotAtMinimum), pytest.raises(ValueError, match="H must be invertible"):
        influence(network, theta, x, y, test_x, test_y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"solver": "lu"}, "solver must be one of"),
        ({"damping": -1.0}, "damping must be finite"),
        ({"utility": "accuracy"}, "which have a slope"),
        ({"utility": "loss"}, "utility must be a function or one of"),
        ({"utility": lambda outputs, _: outputs}, "utility must be one number per test row"),
        ({"weights": torch.ones(3).double()}, "weights must be"),
        ({"theta": torch.zeros(2, 12).double()}, "theta must be one finite vector"),
        ({"theta": torch.full((12,), math.nan).double()}, "theta must be one finite vector"),
        ({"theta": torch.zeros(12)}, "theta's type"),
        ({"y": torch.zeros(3).long()}, "must fit each other"),
        ({"solver": "cg", "iterations": 1}, "conjugate gradients must reach"),
    ],
)
def test_bad_input_is_named(change, message):
    learner, theta, x, y, test_x, test_y = case("softmax")
    rows = {"learner": learner, "theta": theta, "x": x, "y": y, "test_x": test_x, "test_y": test_y}
    with pytest.raises(ValueError, match=message):
        influence(**(rows | change))


def test_bad_checkpoints_are_named():
    learner, theta, *rows = case("softmax")
    for checkpoints, rates in ((theta, [1.0]), (theta[None], [1.0, 2.0]), (theta[None][:0], [])):
        with pytest.raises(ValueError, match="checkpoints must be"):
            tracin(learner, checkpoints, rates, *rows)


def test_products_and_blocks():
    learner, theta, x, y, *_ = case("softmax")
    H = objective_hessian(learner, theta, x, y)
    vectors = torch.randn(5, 12, generator=generator(2)).double()
    close(hessian_product(learner, theta, x, y)(vectors), vectors @ H)
    total = example_hessians(learner, theta, x, y).sum(0) + learner.penalty * torch.eye(12).double()
    close(total, H)
    assert torch.cat([torch.arange(10)[rows] for rows in blocks(10, 1000)]).tolist() == list(range(10))
    right = utility_gradients(learner, theta, x[:2], y[:2])
    solution, _, residual = conjugate_gradients(lambda v: v @ H, right, 1e-11, 100)
    close(solution, solve_directly(H, right))
    assert residual < 1e-10
    assert conjugate_gradients(lambda v: v @ H, 0 * right, 1e-11, 100)[1] == 0


def test_a_minimum_of_every_row(dtype):
    centres = torch.tensor([[1.0, -2.0], [3.0, 0.5]], dtype=dtype)
    found = train_to_minimum(lambda t: torch.cosh(t - centres).sum(1), torch.zeros(2, 2, dtype=dtype), tolerance=1e-5)
    assert (found - centres).abs().max() < 1e-4
    with pytest.raises(ValueError, match="a minimum must be reached in 2 steps"):
        train_to_minimum(lambda t: torch.cosh(t - 50).sum(1), torch.zeros(1, 2, dtype=dtype), steps=2)


def test_the_stored_depths_are_those_of_the_script():
    with np.load(str(files("course_lib.data") / "influence_depth.npz"), allow_pickle=False) as stored:
        for name, tensor in compare(1).items():
            assert np.abs(stored[f"{name}_1"] - tensor.numpy()).max() < 1e-3
        assert all(stored[f"warm_{depth}"].shape == (120,) for depth in DEPTHS)
        warm = [claims.rank(torch.from_numpy(stored[f"influence_{d}"]), torch.from_numpy(stored[f"warm_{d}"])) for d in DEPTHS]
    assert min(warm[:3]) > 0.99 > 0.95 > max(warm[3:])


def test_the_demos_draw_every_corner_and_say_what_is_seen():
    for demo in (demos.penalty_fan(), demos.more_curvature()):
        for point in demo.corners():
            plt.close(demo.draw(**point))
            assert "ank correlation" in demo.describe(**point)


def test_the_line_opens_to_a_fan_and_curvature_closes_it():
    sizes = [demos.agreement(demos.effects(k)["influence"], demos.effects(k)["truth"])[1] for k in (2, 0, -2)]
    assert sizes[0] < 1.05 and sizes[0] < sizes[1] < sizes[2]
    ranks = [demos.agreement(guess, demos.effects(0)["truth"])[0] for guess in demos.partial_solutions()]
    assert ranks[0] < 0.75 and ranks[12] > 0.99
    x, y, test_x, test_y = demos.one_patient()
    exact = influence(Logistic(1.0), fitted(Logistic(1.0), x, y), x, y, test_x, test_y).scores[:, 0]
    torch.testing.assert_close(demos.partial_solutions()[40], exact, rtol=0, atol=1e-6)


def test_the_pairs_of_the_claims_are_those_described():
    x, y, test_x, test_y = claims.pair_of_digits(3, 8)
    assert len(claims.PAIRS) == 45 and x.shape == (100, 65) and y.unique().tolist() == [0, 1]
    assert test_x.shape[1] == 65 and len(test_x) == len(test_y)
    truth, predicted, overlap = claims.scores((3, 8), 10.0)
    learner = Logistic(10.0)
    full, rest = torch.ones(1, 100).double(), torch.ones(1, 100).double()
    rest[0, 4] = 0
    values = [log_likelihoods(learner.outputs(learner.fit(x, y, w), test_x), test_y).mean().item() for w in (full, rest)]
    assert truth[4].item() == pytest.approx(values[0] - values[1], abs=1e-9)
    assert claims.rank(predicted, truth) > claims.rank(overlap, truth)


@pytest.mark.parametrize(
    "claim",
    [
        lambda: claims.influence_ranks_well(10.0, pairs=3),
        lambda: claims.influence_has_the_right_size(10.0, pairs=3),
        lambda: claims.overlap_is_as_good(10.0, pairs=3),
    ],
)
def test_records_have_an_interval_and_a_verdict(claim):
    record = claim()
    assert record.low <= record.estimate <= record.high and record.seeds == 3
    assert record == claim()
