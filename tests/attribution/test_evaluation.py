"""Judging attributions: agreement, deletion, removal; the chapter's demo, experiments and claims."""

import itertools

import matplotlib.pyplot as plt
import pytest
import torch
from scipy.stats import spearmanr

from course_lib import datasets, models, plots
from course_lib.attribution.evaluation import (
    area,
    deletion_curve,
    insertion_curve,
    places,
    rank_correlation,
    remove_top,
    top_agreement,
)
from course_lib.attribution.features import feature_game
from course_lib.claims.attribution import evaluation as claims
from course_lib.demos.attribution import evaluation as demos
from course_lib.games import add_one_in, integrated_gradients
from course_lib.games.core import BATCH

DTYPES = (torch.float32, torch.float64)


def normal(*shape: int, seed: int = 0, dtype=torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


# --------------------------------------------------------------------------------------------- rank correlation


@pytest.mark.parametrize("seed", range(3))
def test_rank_correlation_is_spearmans(seed):
    a, b = torch.randint(0, 5, (2, 40), generator=torch.Generator().manual_seed(seed)).double()
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert rank_correlation(a, torch.ones(40)) == 0.0


def test_rank_correlation_wants_two_vectors():
    with pytest.raises(ValueError, match="a and b must be"):
        rank_correlation(torch.ones(3), torch.ones(4))


# ------------------------------------------------------------------------------------------ places and agreement


@pytest.mark.parametrize("dtype", DTYPES)
def test_places_put_the_largest_first_and_ties_in_order_of_position(dtype):
    scores = torch.tensor([[2.0, -5.0, 2.0, 7.0, 2.0]], dtype=dtype)
    assert places(scores).tolist() == [[1, 4, 2, 0, 3]]
    assert places(torch.ones(2, 3, 4, dtype=dtype)).tolist() == torch.arange(12).reshape(3, 4).expand(2, 3, 4).tolist()


@pytest.mark.parametrize("scores", [torch.ones(3), torch.ones(0, 3), torch.tensor([[1.0, torch.nan]]), [1.0, 2.0]])
def test_places_want_finite_rows(scores):
    with pytest.raises(ValueError, match="scores must be"):
        places(scores)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("signed", [False, True])
def test_top_agreement_counts_what_a_loop_counts(dtype, signed):
    a, b = (torch.randint(-3, 4, (20, 7), generator=torch.Generator().manual_seed(s)).to(dtype) for s in (0, 1))
    for k in (1, 3, 7):
        for row, shared in enumerate(top_agreement(a, b, k, signed=signed).tolist()):
            tops = [set(sorted(range(7), key=lambda i, m=m: (-abs(m[row, i].item()), i))[:k]) for m in (a, b)]
            both = [i for i in tops[0] & tops[1] if not signed or a[row, i] * b[row, i] > 0]
            assert shared == pytest.approx(len(both) / k)


def test_top_agreement_is_k_over_n_on_average_over_all_orders():
    orders = torch.tensor(list(itertools.permutations(range(1, 6)))).double()
    fixed = torch.arange(1.0, 6.0).double().expand_as(orders)
    for k in range(1, 6):
        assert top_agreement(orders, fixed, k).mean().item() == pytest.approx(k / 5)
        assert top_agreement(orders, -fixed, k, signed=True).max() == 0


@pytest.mark.parametrize("k", [0, 4, 2.0, True])
def test_top_agreement_wants_a_number_of_features(k):
    with pytest.raises(ValueError, match="k must be an integer between 1 and 3"):
        top_agreement(torch.ones(2, 3), torch.ones(2, 3), k)


def test_top_agreement_wants_equal_shapes():
    with pytest.raises(ValueError, match=r"must both be \(m, n\)"):
        top_agreement(torch.ones(2, 3), torch.ones(2, 4), 1)


# -------------------------------------------------------------------------------------------------------- removal


@pytest.mark.parametrize("dtype", DTYPES)
def test_remove_top_writes_the_fill_over_the_top_of_each_image(dtype):
    images, scores = normal(5, 3, 4, dtype=dtype), normal(5, 3, 4, seed=1, dtype=dtype)
    for fill in (0.5, normal(3, 4, seed=2), normal(5, 3, 4, seed=3)):
        for share, count in ((0.0, 0), (0.25, 3), (0.5, 6), (1.0, 12)):
            left = remove_top(images, scores, share, fill)
            removed = left != images
            assert left.dtype == dtype and removed.flatten(1).sum(1).tolist() == [count] * 5
            for i in range(5):
                assert count in (0, 12) or scores[i][removed[i]].min() > scores[i][~removed[i]].max()
            assert torch.equal(left[removed], torch.as_tensor(fill, dtype=dtype).expand_as(left)[removed])


def test_remove_top_refuses_what_does_not_fit():
    images = torch.ones(2, 4)
    with pytest.raises(ValueError, match="scores must have the shape"):
        remove_top(images, torch.ones(2, 3), 0.5, 0.0)
    with pytest.raises(ValueError, match="share must lie"):
        remove_top(images, images, 1.5, 0.0)
    with pytest.raises(ValueError, match="fill must be"):
        remove_top(images, images, 0.5, torch.zeros(3))


# ---------------------------------------------------------------------------------------- deletion and insertion


@pytest.mark.parametrize("dtype", DTYPES)
def test_deletion_of_a_linear_model_is_a_running_sum(dtype):
    w, x, baseline, scores = (normal(*shape, seed=s, dtype=dtype) for s, shape in enumerate([(6,), (4, 6), (6,), (4, 6)]))
    curve = deletion_curve(lambda rows: rows @ w, x, scores, baseline)
    gone = (w * (x - baseline)).gather(1, scores.argsort(1, descending=True)).cumsum(1)
    start = x @ w
    assert curve.dtype == dtype
    torch.testing.assert_close(curve, torch.cat([start[:, None], start[:, None] - gone], 1))


def test_the_order_of_contributions_is_the_lowest_curve_of_a_linear_model():
    w, x, baseline = normal(4), normal(1, 4, seed=1), normal(4, seed=2)
    best = deletion_curve(lambda rows: rows @ w, x, w * (x - baseline), baseline)
    for order in itertools.permutations(range(4)):
        other = deletion_curve(lambda rows: rows @ w, x, torch.tensor([order]).double(), baseline)
        assert (best <= other + 1e-12).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_curves_match_a_loop_and_run_between_the_two_ends(dtype):
    net = models.MLP([6, 8, 3], "tanh", 0).to(dtype).requires_grad_(False)
    x, scores, baseline = (normal(3, 6, seed=s, dtype=dtype) for s in range(3))
    target = torch.tensor([2, 0, 1])
    deletion = deletion_curve(net, x, scores, baseline, target=target)
    insertion = insertion_curve(net, x, scores, baseline, target=target)
    for i in range(3):
        down, up = x[i].clone(), baseline[i].clone()
        for t, feature in enumerate([None, *scores[i].argsort(descending=True).tolist()]):
            if feature is not None:
                down[feature], up[feature] = baseline[i, feature], x[i, feature]
            torch.testing.assert_close(deletion[i, t], net(down[None])[0, target[i]])
            torch.testing.assert_close(insertion[i, t], net(up[None])[0, target[i]])


def test_curves_take_images_steps_targets_and_several_outputs():
    net, images = models.DigitNet(0).requires_grad_(False), torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    scores = normal(3, 8, 8, dtype=torch.float32)
    assert deletion_curve(net, images, scores, 0.0, steps=4).shape == (3, 5, 10)
    assert deletion_curve(net, images, scores, 0.0, steps=4, target=lambda out: out.argmax(1)).shape == (3, 5)
    full = deletion_curve(net, images, scores, torch.zeros(8, 8), target=3)
    torch.testing.assert_close(deletion_curve(net, images, scores, 0.0, target=3, steps=16), full[:, ::4])
    torch.testing.assert_close(insertion_curve(net, images, scores, 0.0, target=3, steps=2)[:, 2], net(images)[:, 3])


def test_many_inputs_go_through_the_model_in_parts():
    sizes = []

    def model(rows):
        sizes.append(len(rows))
        return rows.sum(1)

    x, scores = normal(700, 9), normal(700, 9, seed=1)
    curve = deletion_curve(model, x, scores, 0.0)
    assert max(sizes) <= BATCH and sum(sizes) == 7000
    torch.testing.assert_close(curve[-1], deletion_curve(model, x[-1:], scores[-1:], 0.0)[0])


@pytest.mark.parametrize("steps", [0, 2.0, True])
def test_curves_want_steps(steps):
    with pytest.raises(ValueError, match="steps must be"):
        deletion_curve(lambda rows: rows.sum(1), torch.ones(1, 3), torch.ones(1, 3), 0.0, steps=steps)


@pytest.mark.parametrize("target", [torch.tensor([0]), torch.tensor([0.0, 1.0])])
def test_curves_want_a_column_for_each_input(target):
    with pytest.raises(ValueError, match="target must be whole numbers"):
        deletion_curve(lambda rows: rows, torch.ones(2, 3), torch.ones(2, 3), 0.0, target=target)


@pytest.mark.parametrize("dtype", DTYPES)
def test_area_is_exact_for_a_line_and_second_order_for_a_parabola(dtype):
    share = torch.linspace(0, 1, 101, dtype=dtype)
    areas = area(torch.stack([2 - 3 * share, share**2, torch.ones_like(share)]))
    torch.testing.assert_close(areas, torch.tensor([0.5, 1 / 3 + 1 / 60000, 1.0], dtype=dtype))


def test_area_wants_a_curve():
    with pytest.raises(ValueError, match="curve must be"):
        area(torch.ones(3, 1))


# ------------------------------------------------------------------------------------------------ the experiments


def test_the_batched_path_is_the_librarys():
    net, x, baseline = models.MLP([5, 8, 1], "tanh", 0).double(), normal(3, 5), normal(5, seed=1)
    batch = claims.path_gradients(net, x, baseline, steps=20)
    for row, scores in zip(x, batch, strict=True):
        torch.testing.assert_close(scores, integrated_gradients(feature_game(net, row, baseline), steps=20).scores)


def test_rankings_without_a_model_ignore_it_and_random_ones_are_seeded():
    images, labels = claims.shuffled_digits(0)
    a, b = (claims.digit_rankings(models.DigitNet(seed), images[:40], seed=0, training=30) for seed in (0, 1))
    assert list(a) == list(claims.RANKINGS)
    for name in a:
        same = name in ("random", "ink", "variance")
        assert torch.equal(a[name], b[name]) == same and a[name].shape == (40, 8, 8)
    assert sorted(labels.tolist()) == sorted(claims.shuffled_digits(1)[1].tolist())


def test_a_part_of_a_stored_repeat_comes_out_again():
    stored, half = claims.stored_removal_tests(), claims.SHARES.index(0.5)
    rankings = ("random", "integrated grad")
    again = claims.removal_test(10, shares=(0.5,), fills=("grey",), rankings=rankings)
    rows = [claims.RANKINGS.index(name) for name in rankings]
    for kind in ("without", "with"):
        torch.testing.assert_close(again[kind][0, :, 0], stored[kind][0, 0, rows, half], atol=0.05, rtol=0)
    torch.testing.assert_close(again["mask"][:, 0], stored["mask"][0, rows, half], atol=0.05, rtol=0)
    assert stored["with"].shape == (10, 2, 7, 3) and stored["mask"].shape == (10, 7, 3)


def test_flip_rankings_match_single_swaps_and_reach_their_goal():
    net, digit, goal = models.digit_net(), datasets.misread_digit(), torch.tensor([8])
    other = claims.nearest_read_as(net, digit[None], goal)
    rankings = claims.flip_rankings(net, digit[None], other, goal)
    game = feature_game(net, other[0], digit, target=lambda out: out[:, 8] - out[:, 3])
    expected = add_one_in(game).scores
    torch.testing.assert_close(rankings["occlusion"].flatten() - game.ends()[0], expected, atol=1e-4, rtol=1e-4)
    curve = deletion_curve(net, digit[None], rankings["occlusion"], other, target=lambda out: out.argmax(1))
    assert curve[0, 0] == 3 and curve[0, -1] == 8


def test_two_inputs_with_other_goals_are_ranked_apart():
    net, split = models.digit_net(), datasets.digits()
    x, goals = split.test_x[:2], torch.tensor([1, 7])
    other = claims.nearest_read_as(net, x, goals)
    both = claims.flip_rankings(net, x, other, goals)
    for i in range(2):
        alone = claims.flip_rankings(net, x[i : i + 1], other[i : i + 1], goals[i : i + 1])
        for name in ("occlusion", "gradient", "integrated grad"):
            torch.testing.assert_close(both[name][i], alone[name][0], atol=1e-4, rtol=1e-4)


def test_the_planted_model_reads_its_window_only():
    images, labels = claims.shuffled_digits(0)
    model, window = claims.planted_model(images[:300], labels[:300], seed=0)
    noise = normal(20, 8, 8, dtype=torch.float32)
    assert window.sum() == 16 and torch.equal(model(noise), model(noise * window))


# -------------------------------------------------------------------------------------------------- demo and claims


def test_the_removal_demo_draws_every_corner():
    demo = demos.removal()
    for point in demo.corners():
        plt.close(demo.draw(**point))
        assert f"{point['share']:.0%} of the pixels" in demo.describe(**point)


def test_verdicts_follow_from_the_intervals():
    for record, bound in (
        (claims.methods_agree(), 0.5),
        (claims.two_questions(), 0.2),
        (claims.retraining_keeps_the_order(), 0.5),
        (claims.planted_truth_is_rewarded(repeats=2), 0.0),
    ):
        assert record.low <= record.estimate <= record.high
        expected = "supported" if record.low > bound else "not supported" if record.high < bound else "cannot tell"
        assert record.verdict == expected


def test_a_number_table_shows_every_number():
    figure, ax = plt.subplots()
    plots.number_table(ax, torch.tensor([[1.0, -0.25], [0.5, 1.0]]), ["a", "b"])
    assert [text.get_text() for text in ax.texts] == ["1.00", "-0.25", "0.50", "1.00"]
    plt.close(figure)
