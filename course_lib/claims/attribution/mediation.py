"""Claims of chapters/attribution/mediation.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib import datasets, models
from course_lib.attribution.ablation import filter_game, removal_curve
from course_lib.attribution.interventions import Component, mean_activations, zero_activations
from course_lib.attribution.mediation import Effects, mediation_effects
from course_lib.claims.core import Record, decide, mean_interval, share_interval
from course_lib.games import Game, leave_one_out, shapley
from course_lib.models import DigitNet
from course_lib.training import train_classifier

SCORED = 400  # training images on which scores are computed; curves are read on the test images
ORDERS = 200  # antithetic pairs of random orders for a Shapley value
FIRST_SEED = 100  # of the retrained readers, none of which is the reader of the case file
REPLACEMENTS = {"mean": mean_activations, "zero": zero_activations}


@cache
def reader(seed: int) -> DigitNet:
    """The digit reader trained from other weights, as `course_lib.data.make_digit_net` trains it."""
    split = datasets.digits()
    return train_classifier(DigitNet(seed), split.train_x, split.train_y, epochs=12, rate=3e-3, seed=seed)


def games(net: DigitNet, replacement: str, utility: str, seed: int) -> tuple[Game, Game]:
    """Utility of a set of filters on 400 random training images, to compute scores, and accuracy on the test images."""
    split = datasets.digits()
    rows = torch.randperm(len(split.train_x), generator=torch.Generator().manual_seed(seed))[:SCORED]
    absent = REPLACEMENTS[replacement](net, split.train_x, ["second"])["second"]
    scored = filter_game(net, split.train_x[rows], split.train_y[rows], absent, utility)
    return scored, filter_game(net, split.test_x, split.test_y, absent)


def rankings(net: DigitNet, scored: Game, seed: int) -> dict[str, Tensor]:
    """Four ways of ranking the 16 filters, scores `(16,)`, the first to go highest."""
    generator = torch.Generator().manual_seed(seed)
    orders = {"budget": 2 + 30 * ORDERS, "generator": generator, "batch_size": 256}
    return {
        "Shapley": shapley(scored, "permutation", **orders).scores,
        "leave one out": leave_one_out(scored).scores,
        "weight norm": net.second.weight.flatten(1).norm(dim=1),
        "random": torch.rand(16, generator=generator),
    }


@cache
def curves(replacement: str, utility: str, nets: int) -> dict[str, Tensor]:
    """Test accuracy `(nets, 17)` of retrained readers after 0 to 16 filters have gone, by each ranking."""
    found: dict[str, list[Tensor]] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + nets):
        net = reader(seed)
        scored, test = games(net, replacement, utility, seed)
        for name, scores in rankings(net, scored, seed).items():
            found.setdefault(name, []).append(removal_curve(test, scores))
    return {name: torch.stack(rows) for name, rows in found.items()}


def few_filters_carry_the_reading(replacement: str = "mean", nets: int = 12) -> Record:
    """Accuracy left after the four filters of highest Shapley value have gone, as a share of the accuracy before."""
    curve = curves(replacement, "accuracy", nets)["Shapley"]
    estimate, low, high = mean_interval(curve[:, 4] / curve[:, 0])
    return Record(
        id=f"attribution/mediation/few_filters_carry_the_reading/{replacement}",
        statement="A few filters carry the reading: without the four of highest Shapley value, of 16, "
        f"half of the accuracy is gone ({replacement} in their place).",
        kind="measured",
        threshold="less than half of the test accuracy is left, on average over retrained readers",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the accuracy is left",
        verdict=decide(low, high, below=0.5),
        seeds=nets,
        repeats="retrained readers",
    )


def shapley_finds_them_better(replacement: str = "mean", utility: str = "accuracy", nets: int = 12) -> Record:
    """Accuracy after eight of 16 filters have gone: in the order of leave one out minus in the order of Shapley values."""
    found = curves(replacement, utility, nets)
    estimate, low, high = mean_interval(found["leave one out"][:, 8] - found["Shapley"][:, 8])
    return Record(
        id=f"attribution/mediation/shapley_finds_them_better/{replacement}/{utility}",
        statement="Taking away the eight filters that Neuron Shapley puts on top costs more accuracy than the eight of leave "
        f"one out (scored by {utility.replace('_', '-')}, {replacement} in their place).",
        kind="measured",
        threshold="at least 5 points of accuracy more, on average over retrained readers",
        estimate=estimate,
        low=low,
        high=high,
        unit="of test accuracy",
        verdict=decide(low, high, above=0.05),
        seeds=nets,
        repeats="retrained readers",
    )


def sample_effects(pairs: int, filters: int, seed: int = 0) -> Effects:
    """Effects of disjoint pairs of well-read test digits of different classes through random sets of filters.

    The value is the logit of the first digit's class minus that of the second's. No image is in two pairs.
    """
    split, net, generator = datasets.digits(), models.digit_net(), torch.Generator().manual_seed(seed)
    order = torch.randperm(len(split.test_x), generator=generator)
    order = order[net(split.test_x[order]).argmax(1) == split.test_y[order]]
    first, second = order[: len(order) // 2], order[len(order) // 2 : len(order) // 2 * 2]
    differ = (split.test_y[first] != split.test_y[second]).nonzero()[:, 0][:pairs]
    found = []
    for i, j in zip(first[differ], second[differ], strict=True):
        a, b = split.test_y[i], split.test_y[j]
        chosen = torch.randperm(16, generator=generator)[:filters].tolist()
        mediators = [Component("second", (k,)) for k in chosen]
        x, other = split.test_x[i : i + 1], split.test_x[j : j + 1]
        found.append(mediation_effects(net, x, other, mediators, target=lambda out, a=a, b=b: out[:, a] - out[:, b]))
    return Effects(*(torch.cat([getattr(e, name) for e in found]) for name in ("total", "indirect", "direct")))


def mediation_adds_up(pairs: int = 200, filters: int = 8) -> Record:
    """Share of pairs of test digits in which |TE - NIE - NDE| is below a tenth of |TE|, through half of the filters."""
    effects = sample_effects(pairs, filters)
    hits = int((effects.interaction.abs() < 0.1 * effects.total.abs()).sum())
    trials = len(effects.total)
    estimate, low, high = share_interval(hits, trials)
    return Record(
        id="attribution/mediation/mediation_adds_up",
        statement="In the digit reader direct and indirect effects add up: through a random half of the filters, the "
        "interaction is less than a tenth of the total effect.",
        kind="measured",
        threshold="so in more than 9 of 10 pairs of test digits",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the pairs",
        verdict=decide(low, high, above=0.9),
        seeds=trials,
        repeats="disjoint pairs of test digits",
    )
