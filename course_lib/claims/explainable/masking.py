"""Claims of chapters/explainable/masking.ipynb, and the experiments behind them."""

from collections.abc import Callable
from functools import lru_cache, partial
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor, nn

from course_lib import datasets, models
from course_lib.attribution.evaluation import rank_correlation
from course_lib.attribution.saliency import saliency
from course_lib.claims.attribution.evaluation import path_gradients, shuffled_digits
from course_lib.claims.core import Record, corrected_interval, decide, mean_interval
from course_lib.explainable.masking import (
    MaskedDigitNet,
    masked_loss,
    masked_scores,
    masks_of_share,
    random_masks,
    train_masked,
)
from course_lib.games import corners, shapley, table_game

TRAIN, SHOWN = 1297, 100  # training digits of a repeat; test digits whose attributions are kept
KEEPS = (1.0, 0.75, 0.5, 0.25, 0.1)  # share of pixels kept
MASKS = 4  # random masks for each share
SQUARES = datasets.patches(2)  # sixteen players
FAMILIES = {
    "gradient": ("gradient", "grad x input", "integrated grad"),
    "perturbation": ("invert", "noise", "donor"),
    "masking": ("blank", "grey", "mean image"),
}

# --------------------------------------------------------------------------------------------- one model, nine methods


def by_square(scores: Tensor) -> Tensor:
    """Sums of pixel scores over the sixteen squares: `(m, 8, 8) -> (m, 16)`."""
    return scores.unflatten(1, (4, 2)).unflatten(3, (4, 2)).sum((2, 4)).flatten(1)


def edit_squares(output: Callable[[Tensor], Tensor], x: Tensor, new: Tensor) -> Tensor:
    """f(x) - f(x with one square taken from `new`), `(m, 16)`; `output` maps `(c * m, 8, 8)`, digits fastest, to `(c * m,)`."""
    squares = torch.arange(16)[:, None, None] == SQUARES
    rows = torch.where(squares[:, None], new, x)  # (16, m, 8, 8)
    with torch.no_grad():
        return (output(x)[None] - output(rows.flatten(0, 1)).reshape(16, len(x))).T


def class_read(net: nn.Module, x: Tensor) -> Callable[[Tensor], Tensor]:
    """The logit of the class that the network reads in each of x, for any number of edited copies of x one after another."""
    with torch.no_grad():
        read = net(x).argmax(1)
    return lambda logits: logits.gather(1, read.repeat(len(logits) // len(read))[:, None])[:, 0]


def family_maps(net: nn.Module, x: Tensor, background: Tensor, seed: int = 0, draws: int = 30) -> dict[str, Tensor]:
    """Scores `(m, 16)` of sixteen squares by nine methods of three families; explained is the logit of the class read."""
    generator, read = torch.Generator().manual_seed(seed), class_read(net, x)
    slope = saliency(net, x, target=read)
    edit = partial(edit_squares, lambda rows: read(net(rows)), x)
    rows = torch.randint(len(background), (draws, len(x)), generator=generator)
    noise = torch.rand(draws, *x.shape, generator=generator)
    pixels = {
        "gradient": slope,
        "grad x input": slope * x,
        "integrated grad": path_gradients(net, x, torch.zeros_like(x[0]), target=read),
    }
    return {name: by_square(scores) for name, scores in pixels.items()} | {
        "invert": edit(1 - x),
        "noise": torch.stack([edit(new) for new in noise]).mean(0),
        "donor": torch.stack([edit(background[new]) for new in rows]).mean(0),
        "blank": edit(torch.zeros_like(x)),
        "grey": edit(torch.full_like(x, background.mean().item())),
        "mean image": edit(background.mean(0).expand_as(x)),
    }


def agreements(a: Tensor, b: Tensor) -> Tensor:
    """Rank correlation of each digit's scores: `(m, n), (m, n) -> (m,)`."""
    return torch.tensor([rank_correlation(p, q) for p, q in zip(a, b, strict=True)], dtype=torch.float64)


@lru_cache
def _family_agreements() -> tuple[Tensor, Tensor]:
    """Mean rank correlation of each digit over the pairs within a family, and across; not the table's digits."""
    split = datasets.digits()
    maps = family_maps(models.digit_net(), split.test_x[100:200], split.train_x)
    owner = {name: family for family, names in FAMILIES.items() for name in names}
    pairs = [(a, b) for i, a in enumerate(maps) for b in list(maps)[:i]]
    found = {True: [], False: []}
    for a, b in pairs:
        found[owner[a] == owner[b]].append(agreements(maps[a], maps[b]))
    return torch.stack(found[True]).mean(0), torch.stack(found[False]).mean(0)


def families_agree_within() -> Record:
    """Rank correlation within a family minus that across families, digit by digit."""
    within, across = _family_agreements()
    estimate, low, high = mean_interval(within - across)
    return Record(
        id="explainable/masking/families_agree_within",
        statement="Gradient, perturbation and masking methods agree more within their family than across.",
        kind="measured",
        threshold="mean rank correlation within a family exceeds that across families by more than 0.2",
        estimate=estimate,
        low=low,
        high=high,
        unit="difference of mean rank correlations",
        verdict=decide(low, high, above=0.2),
        seeds=len(within),
        repeats="test digits, one network",
    )


# --------------------------------------------------------------------------------------------- masked training, repeated

mixed_masks = partial(random_masks, sizes=(1, 2, 4))
NETS = {  # how each network of a repeat is trained; the first three are also asked about squares and quarters
    "plain": dict(masks=None, epochs=30),
    "masked": dict(masks=random_masks),
    "masked squares": dict(masks=mixed_masks),
    "half always": dict(masks=partial(random_masks, keep=0.5)),
    "one mask a batch": dict(masks=random_masks, one_mask_a_batch=True),
    "no mask channel": dict(masks=random_masks, sees_mask=False),
    "width 32": dict(masks=random_masks, width=32),
    "20 epochs": dict(masks=random_masks, epochs=20),
    "300 epochs": dict(masks=random_masks, epochs=300),
}
ORACLE_EPOCHS = 25
GAMES = ("plain", "masked", "masked squares", "oracle")


def train_net(name: str, x: Tensor, y: Tensor, seed: int) -> nn.Module:
    """One of the networks of `NETS`, trained from this seed."""
    how = dict(NETS[name])
    net = MaskedDigitNet(how.pop("width", 256), seed, how.pop("sees_mask", True))
    return train_masked(net, x, y, seed=seed, **how)


def oracle(x: Tensor, y: Tensor, mask: Tensor, seed: int) -> nn.Module:
    """The same architecture, trained for one mask alone: the retraining that masked training wants to spare you."""
    return train_masked(MaskedDigitNet(seed=seed), x, y, masks=mask, epochs=ORACLE_EPOCHS, seed=seed)


def quarter_masks() -> Tensor:
    """The sixteen coalitions of the four quarters of an image, in the order of `corners(4)`: `(16, 8, 8)`."""
    return corners(4, torch.float32)[:, datasets.patches(4)]


def right_class(net: nn.Module, x: Tensor, y: Tensor, masks: Tensor, write_blank: bool = False) -> Tensor:
    """Probability of the right class under each mask, `(m, b)`."""
    with torch.no_grad():
        logits = [net(x * mask) if write_blank else net(x, mask) for mask in masks]
    return torch.stack(logits).softmax(2)[:, torch.arange(len(y)), y]


def slope_and_mask(net: nn.Module, x: Tensor, write_blank: bool) -> Tensor:
    """Rank correlation, digit by digit, of two slopes with dropping one square from what the net sees: `(2, m)`.

    The slopes: gradient times input, and the slope along the way that masking goes, the gate of the pixel.
    """
    read = class_read(net, x)
    told = (lambda gates: net(x * gates)) if write_blank else (lambda gates: net(x, gates))
    ink, gate = saliency(net, x, target=read) * x, saliency(told, torch.ones_like(x), target=read)
    kept = (torch.arange(16)[:, None, None] != SQUARES).float()
    with torch.no_grad():
        without = torch.stack([read(told(mask.expand_as(x))) for mask in kept], 1)
        effect = read(net(x))[:, None] - without
    return torch.stack([agreements(by_square(slope), effect) for slope in (ink, gate)])


def masking_repeat(seed: int, nets=tuple(NETS), keeps=KEEPS, quarters: bool = True) -> dict[str, Tensor]:
    """One repeat: a new split, new networks, new masks, an oracle for every mask.

    "accuracy" and "loss" `(nets + 1, keeps)` on 500 test digits, the oracle last (all pixels kept: the plain net);
    "quarters" `(4 games, 16, 100)`: probability of the right class from every set of quarters, for 100 test digits;
    "agreement" `(2, 3)`: `slope_and_mask` of the first three networks, mean over 100 digits.
    """
    images, labels = shuffled_digits(seed)
    train, test = (images[:TRAIN], labels[:TRAIN]), (images[TRAIN:], labels[TRAIN:])
    shown = (test[0][:SHOWN], test[1][:SHOWN])
    made = {name: train_net(name, *train, seed) for name in nets}
    generator = torch.Generator().manual_seed(5000 + seed)
    masks = {keep: masks_of_share(1 if keep == 1 else MASKS, keep, generator) for keep in keeps}
    scores = torch.zeros(len(nets) + 1, len(keeps), 2, dtype=torch.float64)
    for j, keep in enumerate(keeps):
        for i, name in enumerate(nets):
            scores[i, j] = torch.tensor(masked_scores(made[name], *test, masks[keep], write_blank=name == "plain"))
        own = [made["plain"]] if keep == 1 else [oracle(*train, mask, seed) for mask in masks[keep]]
        found = [masked_scores(net, *test, mask[None]) for net, mask in zip(own, masks[keep], strict=True)]
        scores[-1, j] = torch.tensor(found).mean(0)
    result = {"accuracy": scores[..., 0], "loss": scores[..., 1]}
    if quarters:
        result["quarters"] = quarter_games(made, train, shown, seed)
        three = [(made[name], name == "plain") for name in GAMES[:3]]
        result["agreement"] = torch.stack([slope_and_mask(net, shown[0], blank).mean(1) for net, blank in three], 1)
    return result


def quarter_games(made: dict[str, nn.Module], train: tuple, shown: tuple, seed: int) -> Tensor:
    """Values of the sixteen coalitions of quarters for three networks and for the oracles: `(4, 16, b)`.

    The oracle of nothing is the share of each class among the training labels; the oracle of everything the plain net.
    """
    coalitions = quarter_masks()
    games = [right_class(made[name], *shown, coalitions, write_blank=name == "plain") for name in GAMES[:3]]
    shares = torch.bincount(train[1], minlength=10) / len(train[1])
    truth = [shares[shown[1]]]
    truth += [right_class(oracle(*train, mask, seed), *shown, mask[None])[0] for mask in coalitions[1:-1]]
    return torch.stack([*games, torch.stack([*truth, games[0][-1]])])


@lru_cache
def stored_repeats() -> dict[str, Tensor]:
    """Eight repeats of `masking_repeat`, seeds 10 to 17, from `python -m course_lib.data.make_masking`, along a first axis."""
    with np.load(str(files("course_lib.data") / "masking.npz"), allow_pickle=False) as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


def _row(name: str) -> int:
    return -1 if name == "oracle" else list(NETS).index(name)


def stored_curve(name: str, kind: str = "accuracy") -> Tensor:
    """Accuracy or loss of one network, or of "oracle", in the stored repeats: `(8, keeps)`."""
    return stored_repeats()[kind][:, _row(name)].double()


def over_repeats(samples: Tensor) -> tuple[float, float, float]:
    """Mean over repeats `(8,)` and an interval that allows for splits of one data set sharing their digits."""
    return corrected_interval(samples, (len(shuffled_digits(0)[0]) - TRAIN) / TRAIN)


def removal_is_as_good_as_retraining() -> Record:
    """Accuracy of the oracle minus that of the masked-trained net, the largest of the four keep fractions in each repeat."""
    gaps = (stored_curve("oracle") - stored_curve("masked"))[:, 1:]
    estimate, low, high = over_repeats(gaps.max(1).values)
    return Record(
        id="explainable/masking/removal_is_as_good_as_retraining",
        statement="Masked training makes one net as good as retraining: under any random mask, it reads digits as well as "
        "a net trained for this mask alone.",
        kind="measured",
        threshold="accuracy of the oracle exceeds that of the masked-trained net by less than 0.05, at the worst of "
        "four keep fractions",
        estimate=estimate,
        low=low,
        high=high,
        unit="largest difference of accuracies",
        verdict=decide(low, high, below=0.05),
        seeds=len(gaps),
        repeats="repeats, each with a new split, masks and networks",
    )


def shapley_errors() -> Tensor:
    """Root mean square distance from the oracles' Shapley values of the four quarters: `(8 repeats, 3 networks)`."""
    tables = stored_repeats()["quarters"].double()  # (8, 4, 16, 100)
    flat = tables.permute(2, 0, 1, 3).reshape(16, -1)
    values = shapley(table_game(flat), "exact").scores.reshape(4, *tables.shape[:2], tables.shape[3])
    apart = values[:, :, :3] - values[:, :, 3:]
    return apart.square().mean((0, 3)).sqrt()


def shapley_values_come_near_retraining() -> Record:
    """Error of the Shapley values of the net trained on masked squares, divided by that of the plain net with blanks."""
    errors = shapley_errors()
    estimate, low, high = over_repeats(errors[:, 2] / errors[:, 0])
    return Record(
        id="explainable/masking/shapley_values_come_near_retraining",
        statement="Training on masks of squares at least halves the distance of Shapley values from those of retraining.",
        kind="measured",
        threshold="error of the masked-trained net's values, as a share of the error of blanks in a plain net, below 0.5",
        estimate=estimate,
        low=low,
        high=high,
        unit="ratio of root mean square errors",
        verdict=decide(low, high, below=0.5),
        seeds=len(errors),
        repeats="repeats, each with a new split and networks",
    )


def clean_accuracy_is_kept() -> Record:
    """Accuracy on whole digits, masked-trained minus plain; the margin of 0.02 is declared beforehand."""
    change = stored_curve("masked")[:, 0] - stored_curve("plain")[:, 0]
    estimate, low, high = over_repeats(change)
    return Record(
        id="explainable/masking/clean_accuracy_is_kept",
        statement="Masked training does not cost accuracy on whole digits.",
        kind="measured",
        threshold="accuracy of the masked-trained minus that of the plain net above -0.02 (non-inferiority margin)",
        estimate=estimate,
        low=low,
        high=high,
        unit="difference of accuracies",
        verdict=decide(low, high, above=-0.02),
        seeds=len(change),
        repeats="repeats, each with a new split and networks",
    )


def families_come_together() -> Record:
    """Rank correlation of gradient times input and masking one square: the masked-trained net's minus the plain net's."""
    agreement = stored_repeats()["agreement"][:, 0].double()
    estimate, low, high = over_repeats(agreement[:, 2] - agreement[:, 0])
    return Record(
        id="explainable/masking/families_come_together",
        statement="Gradient and masking attributions disagree less after masked training.",
        kind="measured",
        threshold="mean rank correlation of gradient times input with masking grows by more than 0.1",
        estimate=estimate,
        low=low,
        high=high,
        unit="difference of mean rank correlations",
        verdict=decide(low, high, above=0.1),
        seeds=len(agreement),
        repeats="repeats, each with a new split and networks",
    )


# --------------------------------------------------------------------------------------------------- the table's network


def train_on_table(net: nn.Module, inputs: Tensor, joint: Tensor, weights: Tensor, steps: int = 400) -> nn.Module:
    """Take a network to the minimum of the exact expected loss, all x and all masks at once, by L-BFGS; in place."""
    optimiser = torch.optim.LBFGS(
        net.parameters(), max_iter=steps, line_search_fn="strong_wolfe", tolerance_grad=1e-10, tolerance_change=1e-14
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        predictions = net(inputs).softmax(1).reshape(len(weights), *joint.shape)
        loss = masked_loss(joint, predictions, weights)
        loss.backward()
        return loss

    optimiser.step(closure)
    return net.eval().requires_grad_(False)
