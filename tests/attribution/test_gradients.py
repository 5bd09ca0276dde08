"""The chapter on gradients: its statements, demo and claims."""

import matplotlib.pyplot as plt
import pytest
import torch
from captum.attr import IntegratedGradients, NoiseTunnel, Saliency

from course_lib import datasets, models
from course_lib.attribution.features import feature_game
from course_lib.attribution.saliency import guided_backpropagation, saliency, smoothgrad
from course_lib.claims.attribution import gradients as claims
from course_lib.demos.attribution import gradients as demos
from course_lib.games import gradient, integrated_gradients, leave_one_out, shapley
from tests.games.instances import close, generator


def margin(logits):
    return logits[:, 8] - logits[:, 3]


def hill(rows):
    return 1 - torch.relu(1 - rows[:, 0])


def nearest(label: int) -> torch.Tensor:
    split, digit = datasets.digits(), datasets.misread_digit()
    read = models.digit_net()(split.train_x).argmax(1)
    images = split.train_x[(split.train_y == label) & (read == label)]
    return images[(images - digit).square().sum((1, 2)).argmin()]


def gaps(games: list, steps: int, rule: str) -> torch.Tensor:
    """How far the scores of each game are from adding up."""
    found = []
    for game in games:
        empty, full = game.ends()
        found.append(abs((integrated_gradients(game, steps, rule).scores.sum() - (full - empty)).item()))
    return torch.tensor(found)


@pytest.fixture(scope="module")
def smooth_games():
    net = models.tumour_net().double()
    return [feature_game(net, x, torch.zeros_like(x)) for x in datasets.breast_cancer().test_x[:20]]


@pytest.fixture(scope="module")
def kinked_games():
    net, images = models.digit_net().double(), datasets.digits().test_x[:20].double()
    read = net(images).argmax(1).tolist()
    return [feature_game(net, x, torch.zeros_like(x), target=k) for x, k in zip(images, read, strict=True)]


def test_the_hill_saturates(dtype):
    x, start = torch.tensor([2.0], dtype=dtype), torch.zeros(1, dtype=dtype)
    assert saliency(hill, x[None]).item() == 0
    close(integrated_gradients(feature_game(hill, x, start), 100, "midpoint").scores, torch.ones(1).double())


def test_slopes_change_with_the_unit_and_contributions_do_not():
    cancer, net = datasets.breast_cancer(), models.tumour_net().double()
    patient, unit = cancer.test_x[cancer.test_y == 1][:1], torch.ones(30).double()
    unit[cancer.names.index("mean perimeter")] = 10
    other, x = (lambda rows: net(rows * unit)), patient / unit
    mine, hers = saliency(net, patient)[0], saliency(other, x)[0]
    close(hers, mine * unit)
    assert hers.abs().argmax() != mine.abs().argmax() or hers[2] > hers[1] > 0
    close(hers * x[0], mine * patient[0])
    for read in (gradient, integrated_gradients, leave_one_out):
        games = [feature_game(f, rows[0], torch.zeros(30).double()) for f, rows in ((net, patient), (other, x))]
        close(read(games[1]).scores, read(games[0]).scores)


def test_midpoint_is_of_second_order_and_gauss_is_exact_on_a_smooth_network(smooth_games):
    coarse, fine = (gaps(smooth_games, m, "midpoint").mean() for m in (32, 128))
    assert 14 < coarse / fine < 18  # 4**2
    assert gaps(smooth_games, 50, "gauss").max() < 1e-10


@pytest.mark.parametrize("rule", ["midpoint", "gauss"])
def test_both_rules_are_of_about_first_order_across_kinks(kinked_games, rule):
    steps = torch.tensor([8, 16, 32, 64, 128])
    means = torch.stack([gaps(kinked_games, int(m), rule).mean() for m in steps]).double()
    line = torch.stack([torch.ones(5), steps.log()], 1).double()
    order = -torch.linalg.lstsq(line, means.log()[:, None]).solution[1, 0]
    assert 0.7 < order < 1.4
    assert gaps(kinked_games, 200, rule).max() < 0.05


def test_inside_a_kink_the_sum_survives_and_the_parts_do_not():
    codings = [
        lambda x: x[:, 0] - torch.relu(x[:, 0] - x[:, 1]),
        lambda x: x[:, 1] - torch.relu(x[:, 1] - x[:, 0]),
        lambda x: torch.minimum(x[:, 0], x[:, 1]),
    ]
    found = [integrated_gradients(feature_game(f, torch.ones(2), torch.zeros(2))).scores for f in codings]
    assert [[round(score, 5) for score in scores.tolist()] for scores in found] == [[1, 0], [0, 1], [0.5, 0.5]]


@pytest.mark.parametrize(
    ("function", "equal"),
    [
        (lambda g: g[:, 0] ** 2 * g[:, 1], False),
        (lambda g: g[:, 0] * g[:, 1] - 2 * g[:, 1] * g[:, 2] * g[:, 0] + g[:, 2], True),
        (lambda g: g[:, 0] ** 3 + torch.sin(g[:, 1]) - g[:, 2].exp(), True),
        (lambda g: (g.sum(1)) ** 3, True),  # symmetric
    ],
)
def test_when_integrated_gradients_are_shapley_values(function, equal):
    game = feature_game(function, torch.ones(3).double(), torch.zeros(3).double())
    assert torch.allclose(integrated_gradients(game).scores, shapley(game).scores, atol=1e-9) is equal


@pytest.mark.parametrize(("rule", "name"), [("gauss", "gausslegendre"), ("midpoint", "riemann_middle")])
def test_maps_of_the_digit_are_those_of_captum(rule, name):
    net, digit = models.digit_net().double(), datasets.misread_digit().double()
    theirs = IntegratedGradients(lambda rows: margin(net(rows))).attribute(
        digit[None], nearest(8)[None].double(), n_steps=50, method=name
    )
    ours = integrated_gradients(feature_game(net, digit, nearest(8).double(), target=margin), 50, rule).scores
    torch.testing.assert_close(ours, theirs.flatten().detach(), rtol=0, atol=1e-5)


def test_smoothgrad_is_the_noise_tunnel_of_captum():
    net, digit = models.digit_net(), datasets.misread_digit()
    torch.manual_seed(0)  # captum draws from the global state
    tunnel = NoiseTunnel(Saliency(lambda rows: margin(net(rows))))
    theirs = tunnel.attribute(digit[None], nt_samples=2000, nt_samples_batch_size=500, stdevs=0.2, abs=False).flatten()
    ours = smoothgrad(net, digit, scale=0.2, draws=2000, generator=generator(), target=margin)
    assert ((ours.scores - theirs).abs() < 5 * 2**0.5 * ours.standard_errors + 1e-3).all()


def test_one_pixel_turns_the_reading_and_a_random_one_seldom_does():
    net, digit, eight = models.digit_net(), datasets.misread_digit(), nearest(8)
    game = feature_game(net, digit, eight, target=margin)
    scores, differ = integrated_gradients(game, 500).scores, (eight != digit).flatten().nonzero()[:, 0]
    first = int(scores.argmin())
    assert first == int(leave_one_out(game).scores.argmin())
    assert first == int(differ[saliency(net, digit[None], target=margin).flatten()[differ].abs().argmax()])
    rows = digit.flatten().repeat(64, 1)
    rows[range(64), range(64)] = eight.flatten()
    read = net(rows.reshape(-1, 8, 8)).argmax(1)
    assert read[first] == 8 and (read[differ] == 8).double().mean() < 0.2
    paper = integrated_gradients(feature_game(net, digit, torch.zeros(8, 8), target=margin), 500).scores
    assert scores[first] < 0 < paper[first] and eight.flatten()[first] > digit.flatten()[first]


def test_guided_backpropagation_does_not_come_back_from_a_round_trip():
    """f = relu(relu(x1) - relu(x2)) round the square with corners 1 and 3: work of the slope 0, of the guided map 2."""

    def model(rows):
        first = torch.relu(rows)
        return torch.relu(first[:, 0] - first[:, 1])

    corners = torch.tensor([[1.0, 1], [3, 1], [3, 3], [1, 3], [1, 1]], dtype=torch.float64)
    times = (torch.arange(50).double() + 0.5)[:, None] / 50
    work = {"slope": 0.0, "guided": 0.0}
    for start, end in zip(corners[:-1], corners[1:], strict=True):
        points = torch.lerp(start, end, times)
        work["slope"] += (saliency(model, points).mean(0) * (end - start)).sum().item()
        work["guided"] += (guided_backpropagation(model, points).mean(0) * (end - start)).sum().item()
    assert abs(work["slope"]) < 1e-9 and abs(work["guided"] - 2) < 1e-9


def test_with_one_layer_the_guided_map_is_the_slope_of_the_network_without_negative_output_weights():
    model, x = models.MLP([4, 9, 1], "relu", seed=2).double(), torch.randn(6, 4, generator=generator(), dtype=torch.float64)
    guided = guided_backpropagation(model, x)
    with torch.no_grad():
        model.layers[2].weight.clamp_(min=0)
    close(guided, saliency(model, x))


def test_guided_backpropagation_depends_on_the_coding():
    half = torch.tensor([[0.5]])
    rewritten = lambda rows: torch.relu(rows[:, 0]) - torch.relu(rows[:, 0] - 1)  # noqa: E731
    assert saliency(hill, half) == saliency(rewritten, half) == 1
    assert guided_backpropagation(hill, half) == 0 and guided_backpropagation(rewritten, half) == 1


def test_the_demo_draws_every_corner_and_ends_at_the_difference_of_the_margins():
    demo = demos.path(models.digit_net(), datasets.misread_digit(), margin)
    assert len(demo.points()) <= 40
    for point in demo.corners():
        plt.close(demo.draw(**point))
    for baseline in demo.controls["baseline"]:
        assert "the running sum is 0.00 of" in demo.describe(baseline=baseline, path_walked=0)
        text = demo.describe(baseline=baseline, path_walked=100)
        sums, changes = (float(text.split(before)[1].split()[0].rstrip(".")) for before in ("sum is ", "a change of "))
        assert abs(sums - changes) < 0.05


def test_the_ink_explains_the_guided_map_about_as_well_as_its_former_self():
    ink, reset = claims.agreement_with_ink(20), claims.agreement_after_reset(0, images=20)
    assert abs(ink["guided backpropagation"] - reset["guided backpropagation"]) < 0.1
    assert reset["slope"] < 0.3 < 0.6 < reset["guided backpropagation"]


def test_agreement_is_perfect_where_nothing_is_reset():
    assert claims.agreement_after_reset(0, layers=(), images=5) == pytest.approx({name: 1.0 for name in claims.READERS})


def test_records_follow_from_their_intervals():
    record = claims.the_baseline_matters_more_than_the_method(images=12)
    assert record.verdict == ("supported" if record.low > 0.1 else "not supported" if record.high < 0.1 else "cannot tell")
    assert record.seeds == 12 and record.low <= record.estimate <= record.high
    darker = claims.the_baseline_matters_more_than_the_method(darker=True, images=12)
    assert darker.id != record.id and darker.estimate < record.estimate
    record = claims.guided_backpropagation_ignores_the_upper_layers(seeds=3)
    assert record.verdict == ("supported" if record.low > 0.9 else "not supported" if record.high < 0.9 else "cannot tell")
    record = claims.guided_backpropagation_notices_less_than_the_slope(seeds=3)
    assert record.verdict == ("supported" if record.low > 0.2 else "not supported" if record.high < 0.2 else "cannot tell")
