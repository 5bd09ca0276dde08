"""What the chapter on mediation states, in closed form; ablation's library; the demos and the claims."""

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

from course_lib import datasets, models
from course_lib.attribution.ablation import coar, filter_game, mirror, removal_curve
from course_lib.attribution.components import ablation_game, component_game
from course_lib.attribution.data import truncated_shapley
from course_lib.attribution.interventions import Component, mean_activations, record
from course_lib.attribution.mediation import mediation_effects
from course_lib.claims.attribution import mediation as claims
from course_lib.demos.attribution import mediation as demos
from course_lib.games import Game, add_one_in, leave_one_out, shapley, table_game
from course_lib.models import MLP
from tests.games.instances import close, generator, random_game


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64).to(dtype)


class Toy(nn.Module):
    """M = a x, y = c x + b M + d x M."""

    def __init__(self, a: float, b: float, c: float, d: float) -> None:
        super().__init__()
        self.weights, self.mediator = (a, b, c, d), nn.Identity()

    def forward(self, x):
        a, b, c, d = self.weights
        m = self.mediator(a * x)
        return (c * x + b * m + d * x * m)[:, 0]


@pytest.mark.parametrize("d", [0.0, 1.0, -3.0])
def test_effects_of_the_toy_in_closed_form(dtype, d):
    a, b, c = 1.5, 2.0, -1.0
    x, other = torch.ones(1, 1, dtype=dtype), torch.zeros(1, 1, dtype=dtype)
    found = mediation_effects(Toy(a, b, c, d), x, other, [Component("mediator")])
    expected = {"total": c + a * b + a * d, "indirect": a * b, "direct": c, "interaction": a * d}
    for name, value in expected.items():
        close(getattr(found, name), torch.tensor([value], dtype=dtype))
    assert demos.effects(a * b, c, a * d) == pytest.approx(expected)


def test_the_total_is_the_direct_effect_minus_the_indirect_one_of_the_way_back(dtype):
    model = MLP([4, 6, 5, 3], "tanh", seed=1).to(dtype).requires_grad_(False)
    x, other = normal(5, 4, dtype=dtype), normal(5, 4, seed=1, dtype=dtype)
    mediators = [Component("layers.1", (k,)) for k in (0, 2, 5)]
    there, back = (mediation_effects(model, *pair, mediators) for pair in ((x, other), (other, x)))
    close(there.total, there.direct - back.indirect)
    close(there.total, -back.total)
    assert there.total.shape == (5, 3) and there.interaction.abs().min() > 1e-6


def test_a_cut_mediates_everything_and_a_linear_tail_has_no_interaction(dtype):
    model = MLP([4, 6, 5, 1], "tanh", seed=1).to(dtype).requires_grad_(False)
    x, other = normal(5, 4, dtype=dtype), normal(5, 4, seed=1, dtype=dtype)
    whole = mediation_effects(model, x, other, [Component("layers.1")])
    close(whole.indirect, whole.total)
    close(whole.direct, torch.zeros(5, dtype=dtype))
    tail = mediation_effects(model, x, other, [Component("layers.3", (k,)) for k in (1, 2)])
    close(tail.interaction, torch.zeros(5, dtype=dtype))


def test_effects_are_values_of_the_component_game():
    model = MLP([4, 6, 5, 1], "tanh", seed=1).double().requires_grad_(False)
    x, other, part = normal(1, 4), normal(1, 4, seed=1), [Component("layers.1", (3,))]
    found = mediation_effects(model, x, other, part)
    close(found.indirect, add_one_in(component_game(model, x, other, part)).scores)
    lost = leave_one_out(ablation_game(model, x, other, part)).scores
    close(found.direct, found.total - lost)


def test_effects_refuse_inputs_of_different_shapes_and_bad_targets():
    model, part = MLP([4, 6, 2], "tanh").double(), [Component("layers.1")]
    with pytest.raises(ValueError, match="the two inputs must have one shape"):
        mediation_effects(model, normal(1, 4), normal(2, 4), part)
    with pytest.raises(ValueError, match="target must be a column"):
        mediation_effects(model, normal(1, 4), normal(1, 4), part, target=5)
    with pytest.raises(ValueError, match="at least one Component"):
        mediation_effects(model, normal(1, 4), normal(1, 4), [])


class Circuit(nn.Module):
    def __init__(self, wiring: str) -> None:
        super().__init__()
        self.a, self.b, self.wiring = nn.Identity(), nn.Identity(), wiring

    def forward(self, x):
        a = self.a(x)
        b = self.b(a if self.wiring == "chain" else x)
        return {"OR": torch.maximum(a, b), "AND": a * b, "chain": b}[self.wiring][:, 0]


@pytest.mark.parametrize(("wiring", "sufficient", "necessary"), [("OR", 1, 0), ("AND", 0, 1), ("chain", 1, 1)])
def test_sufficient_and_necessary(wiring, sufficient, necessary):
    clean, corrupted, units = torch.ones(1, 1), torch.zeros(1, 1), [Component("a"), Component("b")]
    circuit = Circuit(wiring)
    assert add_one_in(component_game(circuit, clean, corrupted, units)).scores.tolist() == [sufficient] * 2
    assert leave_one_out(ablation_game(circuit, clean, corrupted, units)).scores.tolist() == [necessary] * 2


def test_coar_is_between_leave_one_out_and_banzhaf():
    game = random_game(6, seed=2)
    near = coar(game, 4000, generator(1), rate=0.001)
    assert near.evaluations == 4000
    plane = Game(lambda g: 2 + g @ torch.arange(4.0).double(), players=4)
    line = coar(plane, 200, generator(0))
    close(line.scores, torch.arange(4.0).double())
    close(line.r_squared, torch.tensor(1.0).double())
    from course_lib.games import gradient, multilinear_extension

    slopes = gradient(multilinear_extension(game), at=0.8).scores
    rough = coar(game, 20_000, generator(2), rate=0.2)
    assert ((rough.scores - slopes).abs() < 5 * rough.standard_errors).all()


def test_a_curve_of_removal_starts_full_and_ends_empty():
    game = random_game(4, seed=3)
    scores = torch.tensor([0.0, 2.0, 2.0, -1.0])
    rows = [[1, 1, 1, 1], [1, 0, 1, 1], [1, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]]  # ties by index
    close(removal_curve(game, scores), game(torch.tensor(rows).double()))
    with pytest.raises(ValueError, match=r"scores must have shape \(4,\), got \(3,\)"):
        removal_curve(game, scores[:3])


def test_the_mirrored_game_has_the_same_shapley_values_and_the_other_removal():
    game = random_game(5, seed=4)
    close(shapley(mirror(game)).scores, shapley(game).scores)
    close(add_one_in(mirror(game)).scores, leave_one_out(game).scores)
    assert not mirror(game).differentiable


def test_truncation_at_removal_leaves_the_sum_within_the_tolerance():
    sizes = torch.tensor([bin(k).count("1") for k in range(2**6)]).double()
    game = table_game((sizes / 2).clamp(max=2.5) + 0.01 * normal(2**6))
    scores = truncated_shapley(mirror(game), 200, 0.3, generator(0)).scores
    empty, full = game.ends()
    assert abs(scores.sum() - (full - empty)) <= 0.3


@pytest.mark.parametrize("utility", ["accuracy", "log_likelihood"])
def test_the_fast_game_of_filters_is_the_ablation_game(dtype, utility):
    split, net = datasets.digits(), models.digit_net().to(dtype)
    x, y = split.test_x[:30].to(dtype), split.test_y[:30]
    mean = mean_activations(net, split.train_x.to(dtype), ["second"])
    fast = filter_game(net, x, y, mean["second"], utility)

    def target(outputs):
        right = y.repeat(len(outputs) // 30)
        if utility == "accuracy":
            return (outputs.argmax(1) == right).to(dtype)
        return outputs.log_softmax(1)[torch.arange(len(outputs)), right]

    slow = ablation_game(net, x, mean, [Component("second", (k,)) for k in range(16)], target=target)
    gates = (torch.rand(20, 16, generator=generator()) < 0.5).to(dtype)
    close(fast.evaluate(gates), slow.evaluate(gates), scale=10.0)


def test_the_fast_game_names_bad_shapes():
    net, x = models.digit_net(), torch.rand(3, 8, 8)
    with pytest.raises(ValueError, match="replacement the shape"):
        filter_game(net, x, torch.zeros(3), torch.zeros(1, 8, 8, 8))
    with pytest.raises(ValueError, match="a label per image"):
        filter_game(net, x, torch.zeros(2), torch.zeros(1, 16, 8, 8))
    with pytest.raises(ValueError, match="utility must be"):
        filter_game(net, x, torch.zeros(3), torch.zeros(1, 16, 8, 8), "f1")


def test_one_filter_at_its_mean_turns_the_misread_digit():
    from course_lib.attribution.interventions import patch

    net, digit, split = models.digit_net(), datasets.misread_digit()[None], datasets.digits()
    mean = mean_activations(net, split.train_x, ["second"])
    readings = [patch(net, digit, [Component("second", (k,))], mean).argmax().item() for k in range(16)]
    assert net(digit).argmax().item() == 3 and readings[10] == 8 and readings[9] == 8


def test_no_filter_of_the_reader_is_ever_off():
    maps = record(models.digit_net(), datasets.digits().train_x, ["second"])["second"]
    assert (maps.amax((2, 3)) > 0).all()


def test_pairs_of_the_claim_are_disjoint_and_well_read():
    effects = claims.sample_effects(40, filters=16)
    assert len(effects.total) == 40 and (effects.total > 0).all()
    close(effects.direct, torch.zeros(40))  # all filters cut every path
    assert torch.equal(claims.sample_effects(5, filters=3).total, effects.total[:5])


@pytest.mark.parametrize("demo", [demos.path_weights, demos.remove_filters])
def test_the_demos_draw_every_corner(demo):
    made = demo()
    for point in made.corners():
        plt.close(made.draw(**point))
        assert made.describe(**point)


def test_curves_of_the_demo_share_their_ends():
    curves = torch.stack(list(demos.case_curves().values()))
    assert (curves[:, 0] == curves[0, 0]).all() and (curves[:, -1] == curves[0, -1]).all()


@pytest.mark.parametrize(
    "claim",
    [
        lambda: claims.few_filters_carry_the_reading("mean", nets=2),
        lambda: claims.few_filters_carry_the_reading("zero", nets=2),
        lambda: claims.shapley_finds_them_better("mean", nets=2),
        lambda: claims.shapley_finds_them_better("mean", "log_likelihood", nets=2),
        lambda: claims.mediation_adds_up(pairs=20),
    ],
)
def test_records_have_an_interval_and_a_verdict(claim):
    record = claim()
    assert record.low <= record.estimate <= record.high
    assert record == claim()
