"""Claims of chapters/attribution/overview.ipynb."""

import torch

from course_lib import datasets, models
from course_lib.attribution.features import feature_game
from course_lib.claims.core import Record, decide, mean_interval
from course_lib.games import gradient, leave_one_out, linear_surrogate, shapley


def readings_name_the_same_part(images: int = 150, seed: int = 0) -> Record:
    """How often removal, gradient and surrogate all give their largest |score| to the part that Shapley does.

    Random test digits, eight parts of 4 x 2 pixels, blank baseline, the logit of the class that the network reads; every
    score is exact, so that disagreement is not sampling error.
    """
    split, net = datasets.digits(), models.digit_net()
    parts = torch.arange(8)[:, None] // 4 * 4 + torch.arange(8)[None] // 2
    chosen = torch.randperm(len(split.test_x), generator=torch.Generator().manual_seed(seed))[:images]
    agreed = []
    for x in split.test_x[chosen]:
        read = int(net(x[None]).argmax())
        game = feature_game(net, x, torch.zeros_like(x), target=read, groups=parts)
        readings = (leave_one_out(game), gradient(game), linear_surrogate(game, budget=256))
        top = {int(reading.scores.abs().argmax()) for reading in (shapley(game), *readings)}
        agreed.append(float(len(top) == 1))
    estimate, low, high = mean_interval(torch.tensor(agreed))
    return Record(
        id="attribution/overview/readings_name_the_same_part",
        statement="The four readings agree on which part of a digit matters most.",
        kind="measured",
        threshold="all four name the same part in more than 9 of 10 test digits",
        estimate=estimate,
        low=low,
        high=high,
        unit="of test digits",
        verdict=decide(low, high, above=0.9),
        seeds=images,
        repeats="test digits",
    )
