"""Claims of chapters/attribution/evaluation.ipynb, and the experiments behind them."""

from functools import lru_cache
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor, nn

from course_lib import datasets, models
from course_lib.attribution.evaluation import rank_correlation, remove_top, top_agreement
from course_lib.attribution.features import feature_game
from course_lib.attribution.lime import gaussian_lime
from course_lib.attribution.saliency import guided_backpropagation, noisy_slopes, saliency
from course_lib.claims.core import Record, decide, mean_interval
from course_lib.games import leave_one_out, shapley
from course_lib.training import accuracy, train_classifier

SLOPES = ("gradient", "SmoothGrad", "Gaussian LIME")
CONTRIBUTIONS = ("gradient x diff", "integrated grad", "occlusion", "KernelSHAP")
RANKINGS = ("random", "ink", "variance", "gradient", "SmoothGrad²", "integrated grad", "guided backprop")
FILLS = ("grey", "blank")
SHARES = (0.25, 0.5, 0.75)
TRAIN = 1297  # of the 1,797 digits


# ---------------------------------------------------------------------------------------------- agreement


def path_gradients(model, x: Tensor, baseline: Tensor, *, target=None, steps: int = 12) -> Tensor:
    """Integrated gradients of many inputs at once, `(m, *shape)`, by Gauss-Legendre quadrature (one slope per node)."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    total = torch.zeros_like(x)
    for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
        total += weight / 2 * saliency(model, torch.lerp(baseline.expand_as(x), x, (node + 1) / 2), target=target)
    return (x - baseline) * total


def tumour_maps(net: nn.Module, rows: Tensor, seed: int = 0) -> dict[str, Tensor]:
    """Scores `(m, 30)` of each tumour by seven methods; the baseline of the contributions is the mean training row, 0."""
    generator, baseline = torch.Generator().manual_seed(seed), torch.zeros_like(rows[0])
    slope, noise = saliency(net, rows), dict(scale=0.3, generator=generator)
    games = [feature_game(net, x, baseline) for x in rows]
    return {
        "gradient": slope,
        "SmoothGrad": torch.stack([noisy_slopes(net, x, draws=200, **noise).mean(0) for x in rows]),
        "Gaussian LIME": torch.stack([gaussian_lime(net, x, draws=400, **noise).scores for x in rows]),
        "gradient x diff": slope * (rows - baseline),
        "integrated grad": path_gradients(net, rows, baseline),
        "occlusion": torch.stack([leave_one_out(game).scores for game in games]),
        "KernelSHAP": torch.stack([shapley(game, "kernel", budget=600, generator=generator).scores for game in games]),
    }


@lru_cache
def _overlaps() -> tuple[Tensor, Tensor]:
    """Mean top-5 overlap of each test tumour over the pairs within a family, and over the pairs across families: `(171,)`."""
    maps = tumour_maps(models.tumour_net(), datasets.breast_cancer().test_x.float())

    def mean(pairs: list[tuple[str, str]]) -> Tensor:
        return torch.stack([top_agreement(maps[a], maps[b], 5) for a, b in pairs]).mean(0)

    within = [(a, b) for family in (SLOPES, CONTRIBUTIONS) for i, a in enumerate(family) for b in family[:i]]
    return mean(within), mean([(a, b) for a in SLOPES for b in CONTRIBUTIONS])


def methods_agree() -> Record:
    """Overlap of the five largest scores between a slope and a contribution, per test tumour, mean over the 12 pairs."""
    _, across = _overlaps()
    estimate, low, high = mean_interval(across)
    return Record(
        id="attribution/evaluation/methods_agree",
        statement="A slope and a contribution agree on most of the five most important features of a tumour.",
        kind="measured",
        threshold="mean overlap of the top five, between a slope and a contribution, above 0.5",
        estimate=estimate,
        low=low,
        high=high,
        unit="mean overlap of the top five",
        verdict=decide(low, high, above=0.5),
        seeds=len(across),
        repeats="test tumours, one network",
    )


def two_questions() -> Record:
    """Overlap within a family minus overlap across families, per test tumour."""
    within, across = _overlaps()
    estimate, low, high = mean_interval(within - across)
    return Record(
        id="attribution/evaluation/two_questions",
        statement="Attribution methods agree more within a family, slopes or contributions, than across.",
        kind="measured",
        threshold="top-five overlap within a family exceeds that across families by more than 0.2",
        estimate=estimate,
        low=low,
        high=high,
        unit="difference of mean overlaps",
        verdict=decide(low, high, above=0.2),
        seeds=len(across),
        repeats="test tumours, one network",
    )


# ----------------------------------------------------------------------------------- removing and retraining


def reader(images: Tensor, labels: Tensor, seed: int) -> nn.Module:
    """A digit reader like that of the case file, trained in half a second (fewer and larger steps)."""
    net = models.DigitNet(seed)
    return train_classifier(net, images, labels, epochs=6, rate=1e-2, seed=seed, batch=128)


def shuffled_digits(seed: int) -> tuple[Tensor, Tensor]:
    """All 1,797 digits and labels in a random order; the first 1,297 are for training."""
    split, generator = datasets.digits(), torch.Generator().manual_seed(seed)
    images, labels = torch.cat([split.train_x, split.test_x]), torch.cat([split.train_y, split.test_y])
    order = torch.randperm(len(images), generator=generator)
    return images[order], labels[order]


def digit_rankings(net: nn.Module, images: Tensor, seed: int, training: int = TRAIN) -> dict[str, Tensor]:
    """Scores `(m, 8, 8)` by which seven rankings would remove pixels; three of them never saw the network.

    Explained is the logit of the class that the network reads, never the label. Maps are ranked by size. "variance" is one
    map for all: the variance of each pixel over the first `training` images.
    """
    generator = torch.Generator().manual_seed(1000 + seed)
    with torch.no_grad():
        read = net(images).argmax(1)
    own = dict(target=lambda logits: logits.gather(1, read[:, None])[:, 0])
    noise = torch.randn(10, *images.shape, generator=generator)
    return {
        "random": torch.rand(images.shape, generator=generator),
        "ink": images,
        "variance": images[:training].var(0).expand_as(images),
        "gradient": saliency(net, images, **own).abs(),
        "SmoothGrad²": sum(saliency(net, images + 0.15 * e, **own).square() for e in noise) / len(noise),
        "integrated grad": path_gradients(net, images, torch.zeros_like(images[0]), **own).abs(),
        "guided backprop": guided_backpropagation(net, images, **own).abs(),
    }


def removal_test(seed: int, shares=SHARES, fills=FILLS, rankings=RANKINGS) -> dict[str, Tensor]:
    """One repeat of remove and retrain: a new split, a new reader, new maps, new networks trained on what is left.

    "without" and "with" retraining `(fills, rankings, shares)` and "mask" `(rankings, shares)` are accuracies on the 500
    test digits; "mask" belongs to a network that is shown which pixels were removed, and nothing else.
    """
    images, labels = shuffled_digits(seed)
    net = reader(images[:TRAIN], labels[:TRAIN], seed)
    scores = digit_rankings(net, images, seed)
    values = {"grey": images[:TRAIN].mean(), "blank": torch.tensor(0.0)}

    def retrained(inputs: Tensor) -> float:
        return accuracy(reader(inputs[:TRAIN], labels[:TRAIN], 2000 + seed), inputs[TRAIN:], labels[TRAIN:])

    result = {name: torch.zeros(len(fills), len(rankings), len(shares)) for name in ("without", "with")}
    result["mask"] = torch.zeros(len(rankings), len(shares))
    for j, ranking in enumerate(rankings):
        for k, share in enumerate(shares):
            removed = remove_top(torch.zeros_like(images), scores[ranking], share, fill=1.0)
            result["mask"][j, k] = retrained(removed)
            for i, fill in enumerate(fills):
                left = torch.where(removed.bool(), values[fill], images)
                result["without"][i, j, k] = accuracy(net, left[TRAIN:], labels[TRAIN:])
                result["with"][i, j, k] = retrained(left)
    return result


def stored_removal_tests() -> dict[str, Tensor]:
    """Ten repeats of `removal_test`, seeds 10 to 19, made by `python -m course_lib.data.make_removal_tests`.

    The entries of `removal_test` with the repeats as a further first axis.
    """
    with np.load(str(files("course_lib.data") / "removal_tests.npz"), allow_pickle=False) as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


def retraining_keeps_the_order() -> Record:
    """Rank correlation over the seven rankings between the accuracy without and with retraining, half of the pixels grey.

    From the stored repeats; a test makes one of them anew.
    """
    tests, half = stored_removal_tests(), SHARES.index(0.5)
    pairs = zip(tests["without"][:, 0, :, half], tests["with"][:, 0, :, half], strict=True)
    correlations = torch.tensor([rank_correlation(without, after) for without, after in pairs])
    estimate, low, high = mean_interval(correlations)
    return Record(
        id="attribution/evaluation/retraining_keeps_the_order",
        statement="With half of the pixels grey, retraining confirms which rankings of pixels are good: their order stays.",
        kind="measured",
        threshold="mean rank correlation of the accuracies without and with retraining above 0.5",
        estimate=estimate,
        low=low,
        high=high,
        unit="mean rank correlation over seven rankings",
        verdict=decide(low, high, above=0.5),
        seeds=len(correlations),
        repeats="repeats, each with a new split, reader and retraining",
    )


def planted_truth_is_rewarded(repeats: int = 5) -> Record:
    """Accuracy after removing a quarter and retraining: what a map without a model leaves, minus what the truth leaves.

    One repeat is one `planted_test`. Positive would mean that the test rewards the true explanation.
    """
    tests = [planted_test(seed)["with"] for seed in range(repeats)]
    estimate, low, high = mean_interval(torch.tensor([test["variance"] - test["truth"] for test in tests]))
    return Record(
        id="attribution/evaluation/planted_truth_is_rewarded",
        statement="Remove and retrain ranks the true explanation of a model above a ranking that never saw the model.",
        kind="counterexample",
        threshold="removing the truth leaves less accuracy than removing by variance: a difference above 0",
        estimate=estimate,
        low=low,
        high=high,
        unit="difference of accuracies",
        verdict=decide(low, high, above=0.0),
        seeds=repeats,
        repeats="repeats, each with a new split, planted model and retraining",
    )


def planted_model(images: Tensor, labels: Tensor, seed: int) -> tuple:
    """A digit reader that reads the lower left quarter only, and that quarter as a map `(8, 8)` of ones."""
    window = (datasets.patches(4) == 2).float()
    net = reader(images * window, labels, seed)
    return lambda x: net(x * window), window


def planted_test(seed: int) -> dict[str, dict[str, float]]:
    """Test accuracies after a quarter of the pixels turned grey: those that the planted model reads, or the most variable.

    "without": of the planted model itself, "with": of a network trained on what is left.
    """
    images, labels = shuffled_digits(seed)
    model, window = planted_model(images[:TRAIN], labels[:TRAIN], seed)
    result = {"without": {}, "with": {}}
    for name, ranking in {"truth": window, "variance": images[:TRAIN].var(0)}.items():
        left = remove_top(images, ranking.repeat(len(images), 1, 1), 0.25, images[:TRAIN].mean())
        result["without"][name] = accuracy(model, left[TRAIN:], labels[TRAIN:])
        after = reader(left[:TRAIN], labels[:TRAIN], 2000 + seed)
        result["with"][name] = accuracy(after, left[TRAIN:], labels[TRAIN:])
    return result


# ---------------------------------------------------------------------------------------- counting pixels to a flip


def nearest_read_as(net: nn.Module, x: Tensor, goals: Tensor) -> Tensor:
    """For each image the nearest training digit of class `goals` `(m,)` that the network reads right: `(m, 8, 8)`."""
    split = datasets.digits()
    with torch.no_grad():
        right = net(split.train_x).argmax(1) == split.train_y
    images, labels = split.train_x[right], split.train_y[right]
    apart = (x[:, None] - images).square().sum((2, 3))
    return images[torch.where(labels == goals[:, None], apart, torch.inf).argmin(1)]


def flip_rankings(net: nn.Module, x: Tensor, other: Tensor, goals: Tensor, seed: int = 0) -> dict[str, Tensor]:
    """Scores `(m, 8, 8)` by which pixels of `x` could be replaced by those of `other`, so that it is read as `goals` `(m,)`.

    Explained is logit(goal) - logit(class read now). "difference" never sees the network, slopes are ranked by size, and a
    contribution says how much the change from `x` to `other` in one pixel adds: x is its baseline here.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        read = net(x).argmax(1)

    def gain(logits: Tensor) -> Tensor:
        copies = len(logits) // len(goals)
        up, down = (labels.repeat_interleave(copies)[:, None] for labels in (goals, read))
        return (logits.gather(1, up) - logits.gather(1, down))[:, 0]

    swapped = torch.where(torch.eye(64).reshape(64, 8, 8).bool(), other[:, None], x[:, None])
    slope = saliency(net, x, target=gain)
    with torch.no_grad():
        single = gain(net(swapped.flatten(0, 1))).reshape(x.shape)
    return {
        "random": torch.rand(x.shape, generator=generator),
        "difference": (other - x).abs(),
        "gradient": slope.abs(),
        "guided backprop": guided_backpropagation(net, x, target=gain).abs(),
        "gradient x diff": slope * (other - x),
        "occlusion": single,
        "integrated grad": path_gradients(net, other, x, target=gain),
    }
