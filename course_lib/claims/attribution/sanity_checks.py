"""Claims of chapters/attribution/sanity_checks.ipynb."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib import datasets, models
from course_lib.attribution.evaluation import rank_correlation
from course_lib.attribution.features import feature_game
from course_lib.attribution.lime import gaussian_lime
from course_lib.attribution.saliency import guided_backpropagation, saliency
from course_lib.attribution.sanity_checks import (
    Rule,
    blurring,
    pasting,
    perturbation_detector,
    randomise_from_top,
    scaffold,
)
from course_lib.claims.core import Record, decide, mean_interval
from course_lib.games import shapley

TOP_DOWN = ("logits", "hidden", "second", "first")  # the layers of `models.DigitNet`
FORBIDDEN, HARMLESS = 4, 9  # columns "mean smoothness" and "mean fractal dimension"
PAIRS, DRAWS, NOISE = 4, 400, 1.0  # pairs of orders for SHAP; draws and their standard deviation for LIME

# ------------------------------------------------------------------------------------------------- maps of digits


def slopes(model: nn.Module, x: Tensor, read: Tensor) -> Tensor:
    """Gradient of the logit `read` `(b,)` at each image `(b, 8, 8)`."""
    return saliency(model, x, target=lambda logits: logits.gather(1, read[:, None])[:, 0])


def smooth_slopes(model: nn.Module, x: Tensor, read: Tensor, draws: int = 20) -> Tensor:
    """SmoothGrad with the same noise for every model, standard deviation 0.2."""
    noise = 0.2 * torch.randn(draws, *x.shape, generator=torch.Generator().manual_seed(0))
    return slopes(model, (x + noise).flatten(0, 1), read.repeat(draws)).reshape(noise.shape).mean(0)


def guided(model: nn.Module, x: Tensor, read: Tensor) -> Tensor:
    return guided_backpropagation(model, x, target=lambda logits: logits.gather(1, read[:, None])[:, 0])


def integrated(model: nn.Module, x: Tensor, read: Tensor, steps: int = 20) -> Tensor:
    """Integrated gradients from blank paper by the midpoint rule."""
    t = ((torch.arange(steps) + 0.5) / steps)[:, None, None, None]
    return x * slopes(model, (t * x).flatten(0, 1), read.repeat(steps)).reshape(steps, *x.shape).mean(0)


def occluded(model: nn.Module, x: Tensor, read: Tensor) -> Tensor:
    """Occlusion of single pixels by blank paper."""
    n = x[0].numel()
    erased = x.flatten(1)[:, None] * (1 - torch.eye(n))  # row i of an image lacks pixel i
    full = model(x).gather(1, read[:, None])
    without = model(erased.reshape(-1, *x.shape[1:])).gather(1, read.repeat_interleave(n)[:, None])
    return (full - without.reshape(len(x), n)).reshape(x.shape)


METHODS: dict[str, Callable[[nn.Module, Tensor, Tensor], Tensor]] = {
    "gradient": slopes,
    "SmoothGrad": smooth_slopes,
    "guided backpropagation": guided,
    "gradient x input": lambda model, x, read: x * slopes(model, x, read),
    "integrated gradients": integrated,
    "occlusion": occluded,
}


def some_digits(count: int, seed: int = 0) -> Tensor:
    """A random set of test images `(count, 8, 8)`."""
    test = datasets.digits().test_x
    return test[torch.randperm(len(test), generator=torch.Generator().manual_seed(seed))[:count]]


def agreement_of_sizes(a: Tensor, b: Tensor, images: Tensor) -> float:
    """Mean over images of the rank correlation of |a| and |b|, all pixels: the ruler of Adebayo et al. (2018)."""
    pairs = zip(a.flatten(1).abs(), b.flatten(1).abs(), strict=True)
    return sum(rank_correlation(*pair) for pair in pairs) / len(images)


def agreement_in_ink(a: Tensor, b: Tensor, images: Tensor) -> float:
    """Mean over images of the rank correlation of the signed maps, inked pixels only."""
    inked = images > 0
    return sum(rank_correlation(a[i][inked[i]], b[i][inked[i]]) for i in range(len(images))) / len(images)


RULERS = {"whole image": agreement_of_sizes, "within ink": agreement_in_ink}
SAID = {"whole image": "sizes of all pixels", "within ink": "signed values of the inked pixels"}


def integrated_gradients_ignore_the_weights(ruler: str, seeds: int = 8, digits: int = 40) -> Record:
    """Rank correlation of integrated gradients before and after all four layers are drawn anew, by one of the `RULERS`.

    One repeat is one re-initialisation; each averages over the same random test digits, for the class that the trained
    network reads. Both rulers look at the same maps.
    """
    model, images = models.digit_net(), some_digits(digits)
    read = model(images).argmax(1)
    before, agreement = integrated(model, images, read), []
    for seed in range(seeds):
        *_, (_, untrained) = randomise_from_top(model, TOP_DOWN, seed)
        agreement.append(RULERS[ruler](before, integrated(untrained, images, read), images))
    estimate, low, high = mean_interval(torch.tensor(agreement))
    return Record(
        id=f"attribution/sanity_checks/integrated_gradients_ignore_the_weights/{ruler.replace(' ', '_')}",
        statement=f"Judged by {SAID[ruler]}, integrated gradients hardly depend on the weights.",
        kind="measured",
        threshold="mean rank correlation with the map after all layers are drawn anew above 0.5",
        estimate=estimate,
        low=low,
        high=high,
        unit="mean rank correlation",
        verdict=decide(low, high, above=0.5),
        seeds=seeds,
        repeats="re-initialisations",
    )


# ----------------------------------------------------------------------------------------------------- the attack


def tumour_rule(column: int) -> Rule:
    """Malignant (+1) where a measurement lies above its training mean, else -1."""
    return lambda rows: torch.where(rows[:, column] > 0, 1.0, -1.0).double()


def attack(seed: int) -> dict:
    """One scaffold on a new split of the tumours: its parts, and test rows.

    The detector knows both audits: it is trained on rows with columns pasted in, as SHAP shows them, and on rows with
    Gaussian noise, as LIME does.
    """
    split, generator = datasets.breast_cancer(), torch.Generator().manual_seed(seed)
    everybody = torch.cat([split.train_x, split.test_x])
    train, test = everybody[torch.randperm(len(everybody), generator=generator)].split([398, 171])
    looks_real = perturbation_detector(train, [pasting(train), blurring(NOISE)], seed, trees=30)
    biased, harmless = tumour_rule(FORBIDDEN), tumour_rule(HARMLESS)
    model = scaffold(biased, harmless, looks_real)
    parts = {"biased": biased, "harmless": harmless, "scaffold": model, "looks_real": looks_real}
    return parts | {"train": train, "test": test, "passing": test[looks_real(test)]}


def lime_scores(model: Rule, x: Tensor, seed: int) -> Tensor:
    return gaussian_lime(model, x, scale=NOISE, draws=DRAWS, generator=torch.Generator().manual_seed(seed)).scores


def shap_scores(model: Rule, x: Tensor, background: Tensor, seed: int) -> Tensor:
    budget, generator = 2 + 2 * (len(x) - 1) * PAIRS, torch.Generator().manual_seed(seed)
    return shapley(feature_game(model, x, background), "permutation", budget=budget, generator=generator).scores


def on_top(scores: Tensor, column: int = FORBIDDEN) -> bool:
    """Whether the largest |score| belongs to this column alone."""
    sizes = scores.abs()
    return bool(sizes[column] > sizes[torch.arange(len(sizes)) != column].max())


def lime_or_shap_reveal_the_rule(seeds: int = 6, rows: int = 12) -> Record:
    """How often LIME, SHAP or both put the forbidden feature on top of a scaffold; one repeat is one `attack`.

    The audits look at test rows that pass for real, so the scaffold decides each by the forbidden feature.
    """
    shares = []
    for seed in range(seeds):
        parts = attack(seed)
        model, background, found = parts["scaffold"], parts["train"][:10], 0
        for i, x in enumerate(parts["passing"][:rows]):
            found += on_top(lime_scores(model, x, i)) or on_top(shap_scores(model, x, background, i))
        shares.append(found / rows)
    estimate, low, high = mean_interval(torch.tensor(shares))
    return Record(
        id="attribution/sanity_checks/lime_or_shap_reveal_the_rule",
        statement="LIME or SHAP reveals the feature that a model decides by, also when its author hides it.",
        kind="counterexample",
        threshold="one of the two puts the forbidden feature first in more than 9 of 10 rows that it decides",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the rows that it decides",
        verdict=decide(low, high, above=0.9),
        seeds=seeds,
        repeats="splits, each with a new detector and background",
    )
