"""Random masking: masks, the reader that sees them, exact conditionals; the chapter's demo, experiments and claims."""

import itertools

import matplotlib.pyplot as plt
import pytest
import torch
from scipy.stats import spearmanr

from course_lib import datasets, models
from course_lib.attribution.features import conditional_game, feature_game
from course_lib.claims.explainable import masking as claims
from course_lib.demos.explainable import masking as demos
from course_lib.explainable.masking import (
    MaskedDigitNet,
    conditional_tables,
    masked_batch,
    masked_loss,
    masked_scores,
    masking_game,
    masks_of_share,
    random_masks,
    table_inputs,
    train_masked,
)
from course_lib.games import corners, gradient, leave_one_out, shapley, tabulate

DTYPES = (torch.float32, torch.float64)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_joint(*shape: int, seed: int = 0, dtype=torch.float64) -> torch.Tensor:
    joint = torch.rand(*shape, generator=generator(seed), dtype=torch.float64) ** 2
    return (joint / joint.sum()).to(dtype)


# ------------------------------------------------------------------------------------------------------------- masks


def test_every_number_of_kept_pixels_is_as_likely_as_any_other():
    kept = random_masks(20000, generator(), side=4).flatten(1).sum(1).long()
    shares = torch.bincount(kept, minlength=17) / 20000  # E C(16, k) r^k (1 - r)^(16 - k) = 1 / 17
    assert (shares - 1 / 17).abs().max() < 4 * (1 / 17 / 20000) ** 0.5


@pytest.mark.parametrize("size", [1, 2, 4])
def test_squares_are_kept_or_removed_as_one(size):
    masks = random_masks(500, generator(), keep=0.3, sizes=(size,))
    squares = masks.unflatten(1, (-1, size)).unflatten(3, (-1, size)).sum((2, 4))
    assert set(squares.flatten().tolist()) == {0.0, float(size * size)}
    assert masks.mean().item() == pytest.approx(0.3, abs=0.03)
    mixed = random_masks(3000, generator(), keep=0.5, sizes=(1, size))
    assert mixed.mean().item() == pytest.approx(0.5, abs=0.03)


def test_masks_of_a_share_keep_exactly_that_many_pixels_and_all_pixels_alike():
    masks = masks_of_share(4000, 0.1, generator())
    assert (masks.flatten(1).sum(1) == 6).all()
    assert (masks.mean(0) - 6 / 64).abs().max() < 0.03


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_masked_batch_holds_values_and_masks(dtype):
    x = torch.randn(5, 3, 4, generator=generator(), dtype=torch.float64).to(dtype)
    x[0, 0, 0] = torch.nan  # a missing value may be removed
    mask = (torch.rand(3, 4, generator=generator(1)) < 0.5).float()
    mask[0, 0] = 0
    values, shown = masked_batch(x, mask).unbind(1)
    assert values.dtype == dtype and (values[:, mask == 0] == 0).all() and torch.equal(shown, mask.to(dtype).expand_as(x))
    assert torch.equal(values[:, mask == 1], x[:, mask == 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: random_masks(1, generator(), keep=1.5), "keep must lie"),
        (lambda: random_masks(1, generator(), sizes=(3,)), "sizes must divide"),
        (lambda: random_masks(1, generator(), sizes=()), "sizes must divide"),
        (lambda: masks_of_share(1, -0.1, generator()), "share must lie"),
        (lambda: masked_batch(torch.ones(2, 3), torch.ones(2)), "masks must have shape"),
        (lambda: masked_batch(torch.ones(2, 3), torch.full((3,), 0.5)), "masks must be 0 or 1"),
        (lambda: masking_game("net", torch.ones(2)), "model must be a function"),
        (lambda: masking_game(lambda x, m: x, torch.ones(2, dtype=torch.long)), "x must be"),
        (lambda: conditional_tables(-torch.ones(2, 2), torch.ones(1, 1)), "joint must hold"),
        (lambda: conditional_tables(torch.zeros(2, 2), torch.ones(1, 1)), "joint must hold"),
        (lambda: conditional_tables(torch.ones(2, 2), torch.ones(1, 2)), "masks must have shape"),
        (lambda: masked_loss(torch.ones(2, 2), torch.ones(1, 2, 3), torch.ones(1)), "predictions must be"),
        (lambda: masked_loss(torch.ones(2, 2), torch.ones(1, 2, 2), torch.ones(2)), "predictions must be"),
        (lambda: table_inputs(torch.ones(3, 2), torch.ones(1, 1)), "joint must have binary"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---------------------------------------------------------------------------------------------------------- the reader


def test_the_net_cannot_see_what_is_removed_but_sees_that_it_is():
    x, mask = torch.rand(4, 8, 8, generator=generator()), random_masks(4, generator(1), keep=0.5)
    other = torch.where(mask == 1, x, torch.rand(4, 8, 8, generator=generator(2)))
    net, blind = MaskedDigitNet(16), MaskedDigitNet(16, sees_mask=False)
    for reader in (net, blind):
        assert torch.equal(reader(x, mask), reader(other, mask))
        torch.testing.assert_close(reader(x), reader(x, torch.ones(8, 8)))
    torch.testing.assert_close(blind(x, mask), blind(x * mask))
    assert (net(x, mask) - net(x * mask)).abs().max() > 0.1
    again = MaskedDigitNet(**net.config)
    torch.testing.assert_close(again(x, mask), net(x, mask))


def test_training_is_reproducible_and_learns():
    split = datasets.digits()
    x, y = split.train_x[:300], split.train_y[:300]
    nets = [train_masked(MaskedDigitNet(32), x, y, epochs=40, seed=3) for _ in range(2)]
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(a, b) and not a.requires_grad
    accuracy, loss = masked_scores(nets[0], split.test_x, split.test_y, torch.ones(1, 8, 8))
    assert accuracy > 0.75 and loss < 1.0
    masks = masks_of_share(2, 0.5, generator())
    each = [masked_scores(nets[0], split.test_x, split.test_y, mask[None])[0] for mask in masks]
    assert masked_scores(nets[0], split.test_x, split.test_y, masks)[0] == pytest.approx(sum(each) / 2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_masking_game_is_the_model_under_each_mask(dtype):
    net, x = MaskedDigitNet(16).to(dtype), torch.rand(8, 8, generator=generator()).to(dtype)
    game = masking_game(net, x, target=3, groups=datasets.patches(4))
    assert game.n == 4 and game.dtype == dtype
    for gates in itertools.product([0.0, 1.0], repeat=4):
        mask = torch.tensor(gates)[datasets.patches(4)]
        torch.testing.assert_close(game(torch.tensor([gates], dtype=dtype))[0], net(x[None], mask)[0, 3])


# ---------------------------------------------------------------------------------------- a table of probabilities


@pytest.mark.parametrize("dtype", DTYPES)
def test_conditionals_match_enumeration(dtype):
    joint, masks = random_joint(2, 3, 2, 3, dtype=dtype), corners(3)
    tables = conditional_tables(joint, masks)
    for mask, table in zip(masks.tolist(), tables, strict=True):
        for x in itertools.product(range(2), range(3), range(2)):
            total = torch.zeros(3, dtype=dtype)
            for z in itertools.product(range(2), range(3), range(2)):
                if all(not kept or a == b for kept, a, b in zip(mask, x, z, strict=True)):
                    total += joint[z]
            torch.testing.assert_close(table[x], total / total.sum())


def test_where_nothing_can_happen_any_prediction_is_optimal():
    joint = torch.tensor([[0.5, 0.5], [0.0, 0.0]])
    assert conditional_tables(joint, torch.ones(1, 1))[0, 1].tolist() == [0.5, 0.5]
    certain = torch.tensor([[0.5, 0.0], [0.0, 0.5]])
    assert masked_loss(certain, conditional_tables(certain, torch.ones(1, 1)), torch.ones(1)).item() == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_conditional_is_the_minimum_and_what_is_left_is_the_divergence(seed):
    joint, masks = random_joint(2, 2, 3, 3, seed=seed), corners(3)
    weights, exact = torch.rand(8, generator=generator(seed)).double(), conditional_tables(joint, masks)
    weights /= weights.sum()
    floor = masked_loss(joint, exact, weights)
    for draw in range(5):  # predictions that depend on kept features only
        noise = torch.randn(joint.shape, generator=generator(10 * seed + draw)).double().exp()
        other = conditional_tables(joint * noise, masks)
        own = joint.sum(-1)
        kl = weights @ (own * (exact * (exact / other).log()).sum(-1)).flatten(1).sum(1)
        assert kl > 0
        torch.testing.assert_close(masked_loss(joint, other, weights) - floor, kl)


def trained(joint, masks, weights, see=True):
    net = models.MLP([6, 32, 2], "tanh", seed=0).double()
    values, told = table_inputs(joint, masks)
    inputs = torch.cat([values * told, told if see else torch.ones_like(told)], 1)
    claims.train_on_table(net, inputs, joint, weights)
    return net, net(inputs).softmax(1).reshape(len(masks), *joint.shape)


def test_a_net_trained_to_the_minimum_says_the_conditional_whatever_q():
    joint, masks = random_joint(2, 2, 2, 2, seed=4), corners(3)
    exact = conditional_tables(joint, masks)
    for weights in (torch.ones(8).double() / 8, torch.tensor([1.0, 2, 3, 4, 4, 3, 2, 1]).double() / 20):
        _, said = trained(joint, masks, weights)
        torch.testing.assert_close(said, exact, atol=2e-3, rtol=0)


def test_without_the_mask_the_minimum_is_the_mixture_in_closed_form():
    joint, masks, weights = random_joint(2, 2, 2, 2, seed=5), corners(3), torch.ones(8).double() / 8
    _, said = trained(joint, masks, weights, see=False)
    exact = conditional_tables(joint, masks)
    values, told = table_inputs(joint, masks)
    seen = values * told
    cells = (weights[:, None, None, None, None] * exact * joint.sum(-1, keepdim=True)).reshape(-1, 2)
    for row in seen.unique(dim=0):
        alike = (seen == row).all(1)
        mixture = cells[alike].sum(0) / cells[alike].sum()
        torch.testing.assert_close(said.reshape(-1, 2)[alike], mixture.expand(int(alike.sum()), 2), atol=2e-3, rtol=0)


def test_removal_by_mask_at_the_optimum_is_conditional_removal():
    """The game of exact conditionals equals the library's conditional game on a list of rows, Shapley values included."""
    counts = torch.tensor([[[3, 1], [1, 2]], [[2, 1], [4, 6]]])  # rows with these x
    p = torch.rand(2, 2, 2, generator=generator()).double()
    joint = counts[..., None] * torch.stack([1 - p, p], -1)
    masks, x = corners(3), torch.tensor([1.0, 0.0, 1.0]).double()
    exact = conditional_tables(joint, masks)
    grid = torch.cartesian_prod(*[torch.arange(2)] * 3)
    rows = grid.repeat_interleave(counts.flatten(), 0).double()

    def told(points, mask):
        index = (mask @ torch.tensor([1.0, 2.0, 4.0]).double()).long()
        return exact[(index, *points.long().T)]

    game = masking_game(told, x, target=1)
    whole = conditional_game(lambda points: told(points, torch.ones_like(points)), x, rows, bandwidth=0.01, target=1)
    torch.testing.assert_close(tabulate(game), tabulate(whole))
    torch.testing.assert_close(shapley(game, "exact").scores, shapley(whole, "exact").scores)


# ------------------------------------------------------------------------------------------------ nine methods, dials


def test_the_nine_maps_match_the_library_one_digit_at_a_time():
    net, split = models.digit_net(), datasets.digits()
    digits = split.test_x[:3]
    maps = claims.family_maps(net, digits, split.train_x, draws=2)
    assert list(maps) == [name for names in claims.FAMILIES.values() for name in names]
    for i, digit in enumerate(digits):
        read = net(digit[None]).argmax().item()
        for name, baseline in {"blank": torch.zeros(8, 8), "invert": 1 - digit, "mean image": split.train_x.mean(0)}.items():
            game = feature_game(net, digit, baseline, target=read, groups=claims.SQUARES)
            torch.testing.assert_close(maps[name][i], leave_one_out(game).scores, atol=1e-4, rtol=1e-4)
            if name == "blank":
                torch.testing.assert_close(maps["grad x input"][i], gradient(game).scores, atol=1e-4, rtol=1e-4)
    assert claims.agreements(maps["noise"], maps["grey"])[0] == pytest.approx(
        spearmanr(maps["noise"][0], maps["grey"][0]).statistic
    )


def test_a_small_edit_is_the_gradient():
    net, digits = models.digit_net(), datasets.digits().test_x[:5]
    maps = claims.family_maps(net, digits, digits, draws=1)
    read = claims.class_read(net, digits)
    small = claims.edit_squares(lambda rows: read(net(rows)), digits, 0.99 * digits) / 0.01
    assert claims.agreements(small, maps["grad x input"]).min() > 0.95


# ------------------------------------------------------------------------------------------ stored repeats and claims


def test_a_part_of_a_stored_repeat_comes_out_again():
    stored = claims.stored_repeats()
    again = claims.masking_repeat(10, nets=("plain", "20 epochs"), keeps=(1.0,), quarters=False)
    rows = [list(claims.NETS).index(name) for name in ("plain", "20 epochs")]
    torch.testing.assert_close(again["accuracy"][:2, 0].float(), stored["accuracy"][0, rows, 0], atol=0.02, rtol=0)
    assert stored["accuracy"].shape == (8, len(claims.NETS) + 1, 5) and stored["quarters"].shape == (8, 4, 16, 100)
    images, labels = claims.shuffled_digits(10)
    mask = claims.quarter_masks()[5]
    net = claims.oracle(images[: claims.TRAIN], labels[: claims.TRAIN], mask, 10)
    test = images[claims.TRAIN :][: claims.SHOWN], labels[claims.TRAIN :][: claims.SHOWN]
    found = claims.right_class(net, *test, mask[None])[0]
    assert (found - stored["quarters"][0, 3, 5]).abs().mean() < 0.05


def test_quarters_are_in_the_order_of_corners():
    masks = claims.quarter_masks()
    assert masks.shape == (16, 8, 8) and masks[1][:4, :4].all() and masks[1].sum() == 16 and masks[15].all()


def test_values_of_the_oracles_are_at_no_distance_from_themselves():
    tables = claims.stored_repeats()["quarters"][:, 3].double()
    errors = claims.shapley_errors()
    assert errors.shape == (8, 3) and (errors > 0).all() and (tables >= 0).all() and (tables <= 1).all()
    digit = claims.table_game(claims.stored_repeats()["quarters"][0, :, :, 0].double().T)
    values = shapley(digit, "exact").scores  # (4 quarters, 4 games)
    full = claims.stored_repeats()["quarters"][0, :, 15, 0] - claims.stored_repeats()["quarters"][0, :, 0, 0]
    torch.testing.assert_close(values.sum(0), full.double())


def test_the_gate_of_the_plain_net_is_gradient_times_input():
    net, x = MaskedDigitNet(16).requires_grad_(False), torch.rand(4, 8, 8, generator=generator())
    ink, gate = claims.slope_and_mask(net, x, write_blank=True)
    torch.testing.assert_close(ink, gate, atol=0.02, rtol=0)


def test_verdicts_follow_from_the_intervals():
    for record, passes in (
        (claims.families_agree_within(), lambda low, high: (low > 0.2, high < 0.2)),
        (claims.removal_is_as_good_as_retraining(), lambda low, high: (high < 0.05, low > 0.05)),
        (claims.clean_accuracy_is_kept(), lambda low, high: (low > -0.02, high < -0.02)),
        (claims.shapley_values_come_near_retraining(), lambda low, high: (high < 0.5, low > 0.5)),
        (claims.families_come_together(), lambda low, high: (low > 0.1, high < 0.1)),
    ):
        assert record.low <= record.estimate <= record.high
        yes, no = passes(record.low, record.high)
        assert record.verdict == ("supported" if yes else "not supported" if no else "cannot tell")


def test_the_demo_draws_its_corners():
    plain, masked = (MaskedDigitNet(16, seed).requires_grad_(False) for seed in (0, 1))
    demo = demos.keep_fraction(plain, masked)
    for point in demo.corners():
        plt.close(demo.draw(**point))
        assert f"{point['keep']:.0%} of the pixels kept" in demo.describe(**point)
