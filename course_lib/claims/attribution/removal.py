"""Claims of chapters/attribution/removal.ipynb."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib import datasets, models
from course_lib.attribution.evaluation import rank_correlation
from course_lib.attribution.features import feature_game
from course_lib.attribution.sanity_checks import pasted_row_detector, scaffold
from course_lib.claims.core import Record, decide, mean_interval
from course_lib.games import leave_one_out

FORBIDDEN, HARMLESS = 4, 9  # columns "mean smoothness" and "mean fractal dimension"


def removal_reveals_the_rule(seeds: int = 8) -> Record:
    """How often marginal removal puts the forbidden feature on top of a scaffolded model (Slack et al., 2020).

    One repeat is one `hidden_bias`: a new split of the tumours, a new detector and background. Only rows count in which the
    scaffold does decide by the forbidden feature, so a perfect audit would find it in all of them.
    """
    shares = torch.tensor([hidden_bias(seed)["scaffold"] for seed in range(seeds)])
    estimate, low, high = mean_interval(shares)
    return Record(
        id="attribution/removal/removal_reveals_the_rule",
        statement="Removing features reveals which feature a model decides by, also when its author hides it.",
        kind="counterexample",
        threshold="the forbidden feature comes first in more than 9 of 10 rows that it decides",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the rows that it decides",
        verdict=decide(low, high, above=0.9),
        seeds=seeds,
        repeats="splits, each with a new detector and background",
    )


def hidden_bias(seed: int, rows: int = 40) -> dict[str, float]:
    """One repeat of the attack on a random split of the tumours into 398 training and 171 test rows.

    Shares of (at most `rows`) test rows that pass for real in which the forbidden feature comes first, for the honest and
    the scaffolded model; how often these two decide alike on all test rows; and how often the two bare rules do.
    """
    split, generator = datasets.breast_cancer(), torch.Generator().manual_seed(seed)
    everybody = torch.cat([split.train_x, split.test_x])
    train, test = everybody[torch.randperm(len(everybody), generator=generator)].split([398, 171])
    looks_real = pasted_row_detector(train, seed)

    def biased(x: Tensor) -> Tensor:
        return torch.where(x[:, FORBIDDEN] > 0, 1.0, -1.0).double()

    def harmless(x: Tensor) -> Tensor:
        return torch.where(x[:, HARMLESS] > 0, 1.0, -1.0).double()

    scaffolded = scaffold(biased, harmless, looks_real)
    background, decided = train[:20], test[looks_real(test)][:rows]
    return {
        "honest": share_on_top(biased, decided, background),
        "scaffold": share_on_top(scaffolded, decided, background),
        "scaffold agrees": (biased(test) == scaffolded(test)).double().mean().item(),
        "harmless agrees": (biased(test) == harmless(test)).double().mean().item(),
    }


def share_on_top(model: Callable[[Tensor], Tensor], rows: Tensor, background: Tensor) -> float:
    """Share of rows whose largest |leave-one-out score| under marginal removal belongs to the forbidden feature alone."""
    first = 0
    for x in rows:
        sizes = leave_one_out(feature_game(model, x, background)).scores.abs()
        first += bool(sizes[FORBIDDEN] > sizes[torch.arange(len(x)) != FORBIDDEN].max())
    return first / len(rows)


def baseline_is_a_detail(images: int = 100, seed: int = 0) -> Record:
    """Rank correlation of the digit reader's occlusion maps for a blank and a mean baseline, over random test digits."""
    split, net = datasets.digits(), models.digit_net()
    chosen = torch.randperm(len(split.test_x), generator=torch.Generator().manual_seed(seed))[:images]
    mean = split.train_x.mean(0)
    correlations = []
    for x in split.test_x[chosen]:
        read = int(net(x[None]).argmax())
        maps = [leave_one_out(feature_game(net, x, other, target=read)).scores for other in (torch.zeros_like(x), mean)]
        correlations.append(rank_correlation(*maps))
    estimate, low, high = mean_interval(torch.tensor(correlations))
    return Record(
        id="attribution/removal/baseline_is_a_detail",
        statement="The baseline is a technical detail: a blank and a mean baseline give much the same map of a digit.",
        kind="measured",
        threshold="mean rank correlation of the two maps above 0.9",
        estimate=estimate,
        low=low,
        high=high,
        unit="mean rank correlation",
        verdict=decide(low, high, above=0.9),
        seeds=images,
        repeats="test digits",
    )
