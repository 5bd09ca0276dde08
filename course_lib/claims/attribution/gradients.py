"""Claims of chapters/attribution/gradients.ipynb."""

import copy

import torch
from torch import Tensor

from course_lib import datasets, models
from course_lib.attribution.evaluation import rank_correlation
from course_lib.attribution.features import feature_game
from course_lib.attribution.saliency import guided_backpropagation, saliency
from course_lib.claims.core import Record, decide, mean_interval
from course_lib.games import integrated_gradients, leave_one_out

READERS = {"slope": saliency, "guided backpropagation": guided_backpropagation}
UPPER = ("hidden", "logits")  # the two linear layers of the digit reader; its two convolutions stay as trained


def agreements(x: Tensor, read: int, mean: Tensor, darker: bool = False) -> dict[str, float]:
    """Rank correlations of the signed scores of the inked pixels of one digit: over two baselines, and over two methods.

    The methods are integrated gradients (64 nodes) and occlusion, the baselines blank paper and the mean image. Pixels
    without ink are left out: for blank paper both methods give them 0, which would count as agreement of the methods.
    With `darker`, only pixels with more ink than the mean image: there x - x' is positive for both baselines.
    """
    net, ink = models.digit_net(), (x > (mean if darker else 0)).flatten()
    games = [feature_game(net, x, baseline, target=read) for baseline in (torch.zeros_like(x), mean)]
    integrated = [integrated_gradients(game, 64).scores[ink] for game in games]
    dropped = [leave_one_out(game).scores[ink] for game in games]
    across_methods = [rank_correlation(*pair) for pair in zip(integrated, dropped, strict=True)]
    return {
        "two baselines": (rank_correlation(*integrated) + rank_correlation(*dropped)) / 2,
        "two methods": sum(across_methods) / 2,
    }


def the_baseline_matters_more_than_the_method(darker: bool = False, images: int = 100, seed: int = 0) -> Record:
    """Agreement of two methods minus agreement of two baselines, over random test digits (see `agreements`)."""
    split, net = datasets.digits(), models.digit_net()
    chosen = torch.randperm(len(split.test_x), generator=torch.Generator().manual_seed(seed))[:images]
    mean = split.train_x.mean(0)
    found = [agreements(x, int(net(x[None]).argmax()), mean, darker) for x in split.test_x[chosen]]
    differences = torch.tensor([pair["two methods"] - pair["two baselines"] for pair in found])
    estimate, low, high = mean_interval(differences)
    pixels = "pixels with more ink than the mean image" if darker else "all inked pixels"
    return Record(
        id=f"attribution/gradients/the_baseline_matters_more_than_the_method/{'darker' if darker else 'inked'}",
        statement=f"On {pixels}, changing the baseline changes a digit's map more than changing integrated gradients "
        "for occlusion does.",
        kind="measured",
        threshold="rank correlation over two methods minus that over two baselines above 0.1",
        estimate=estimate,
        low=low,
        high=high,
        unit="mean difference of rank correlations",
        verdict=decide(low, high, above=0.1),
        seeds=images,
        repeats="test digits",
    )


def _some_digits(images: int) -> tuple[Tensor, Tensor]:
    """The same random test digits each time, and the classes `(images, 1)` that the trained network reads."""
    every = datasets.digits().test_x
    chosen = every[torch.randperm(len(every), generator=torch.Generator().manual_seed(0))[:images]]
    return chosen, models.digit_net()(chosen).argmax(1, keepdim=True)


def _maps(net: models.DigitNet, images: Tensor, read: Tensor) -> dict[str, Tensor]:
    """|map| `(images, 64)` of the logits `read`, by each reader."""
    readers = READERS.items()
    return {name: reader(net, images, target=lambda z: z.gather(1, read)[:, 0]).flatten(1).abs() for name, reader in readers}


def _mean_agreement(some: Tensor, others: Tensor) -> float:
    return sum(map(rank_correlation, some, others)) / len(some)


def agreement_after_reset(seed: int, layers: tuple[str, ...] = UPPER, images: int = 50) -> dict[str, float]:
    """Mean rank correlation of |map| before and after the named layers get random weights drawn from `seed`.

    The weights are drawn as before training, from N(0, 2 / fan_in), biases zero. One mean over `images` test digits for each
    reader; a map explains the logit of the class that the trained network reads.
    """
    chosen, read = _some_digits(images)
    trained, fresh = models.digit_net(), models.DigitNet(1000 + seed)
    reset = copy.deepcopy(trained)
    for layer in layers:
        getattr(reset, layer).load_state_dict(getattr(fresh, layer).state_dict())
    before, after = _maps(trained, chosen, read), _maps(reset, chosen, read)
    return {name: _mean_agreement(before[name], after[name]) for name in READERS}


def agreement_with_ink(images: int = 50) -> dict[str, float]:
    """Mean rank correlation of |map| of the trained network with the image itself: what following the ink alone gives."""
    chosen, read = _some_digits(images)
    maps = _maps(models.digit_net(), chosen, read)
    return {name: _mean_agreement(scores, chosen.flatten(1)) for name, scores in maps.items()}


def guided_backpropagation_ignores_the_upper_layers(seeds: int = 10) -> Record:
    """Rank correlation of |guided map| before and after the two linear layers are drawn anew, one mean per draw."""
    means = torch.tensor([agreement_after_reset(seed)["guided backpropagation"] for seed in range(seeds)])
    estimate, low, high = mean_interval(means)
    return Record(
        id="attribution/gradients/guided_backpropagation_ignores_the_upper_layers",
        statement="Guided backpropagation ignores the upper layers: with new weights there the map is much the same.",
        kind="measured",
        threshold="mean rank correlation of the maps before and after above 0.9",
        estimate=estimate,
        low=low,
        high=high,
        unit="mean rank correlation",
        verdict=decide(low, high, above=0.9),
        seeds=seeds,
        repeats="draws of new weights, 50 test digits each",
    )


def guided_backpropagation_notices_less_than_the_slope(seeds: int = 10) -> Record:
    """Paired difference of the agreements before and after, guided backpropagation minus slope, one per draw."""
    pairs = [agreement_after_reset(seed) for seed in range(seeds)]
    differences = torch.tensor([pair["guided backpropagation"] - pair["slope"] for pair in pairs])
    estimate, low, high = mean_interval(differences)
    return Record(
        id="attribution/gradients/guided_backpropagation_notices_less_than_the_slope",
        statement="Guided backpropagation notices less of the upper layers than the slope does.",
        kind="measured",
        threshold="difference of the rank correlations before and after above 0.2",
        estimate=estimate,
        low=low,
        high=high,
        unit="mean difference of rank correlations",
        verdict=decide(low, high, above=0.2),
        seeds=seeds,
        repeats="draws of new weights, 50 test digits each",
    )
