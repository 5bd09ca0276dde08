"""Claims of chapters/attribution/surrogates.ipynb."""

import torch

from course_lib import datasets, models
from course_lib.attribution.features import feature_game
from course_lib.attribution.lime import lime, presence_kernel
from course_lib.claims.core import Record, decide, mean_interval, share_interval
from course_lib.games import Game

WIDTH = 1.0  # of LIME's kernel on the share of absent players: nothing but the baseline weighs 1/e


def digit_games(images: int, seed: int = 0) -> list[Game]:
    """Random test digits in 16 squares against blank paper; the value is the logit of the class that the network reads."""
    split, net, cells = datasets.digits(), models.digit_net(), datasets.patches(2)
    chosen = torch.randperm(len(split.test_x), generator=torch.Generator().manual_seed(seed))[:images]
    blank = torch.zeros(8, 8)
    return [feature_game(net, x, blank, target=int(net(x[None]).argmax()), groups=cells) for x in split.test_x[chosen]]


def tumour_games(patients: int, seed: int = 0) -> list[Game]:
    """Random test tumours in ten quantities against the mean training row; the value is the log-odds of malignant."""
    split, net = datasets.breast_cancer(), models.tumour_net()
    chosen = torch.randperm(len(split.test_x), generator=torch.Generator().manual_seed(seed))[:patients]
    mean = split.train_x.mean(0).float()
    return [feature_game(net, x, mean, groups=split.groups) for x in split.test_x[chosen].float()]


def same_top(game: Game, budget: int, seeds: tuple[int, int]) -> bool:
    """Whether LIME with `budget` masks gives the same player the largest |score| under both seeds."""
    generators = (torch.Generator().manual_seed(seed) for seed in seeds)
    first, second = (lime(game, width=WIDTH, budget=budget, generator=g).scores.abs().argmax() for g in generators)
    return bool(first == second)


def top_feature_survives_the_seed(budget: int, images: int = 200) -> Record:
    """Share of random test digits in which two runs of LIME, with `budget` masks each, put the same square on top."""
    agree = [same_top(game, budget, (2 * k, 2 * k + 1)) for k, game in enumerate(digit_games(images))]
    estimate, low, high = share_interval(sum(agree), images)
    return Record(
        id=f"attribution/surrogates/top_feature_survives_the_seed/{budget}",
        statement=f"With {budget} masks, the top square of a LIME explanation does not depend on the seed.",
        kind="measured",
        threshold="two seeds name the same top square in more than 95 of 100 digits",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the digits",
        verdict=decide(low, high, above=0.95),
        seeds=images,
        repeats="test digits, two seeds each",
    )


def fresh_fit(game: Game, budget: int, seed: int) -> float:
    """R^2 of LIME's line: exact if the budget covers all masks, else on as many fresh masks as the line was fitted to."""
    generator = torch.Generator().manual_seed(seed)
    line = lime(game, width=WIDTH, budget=budget, generator=generator)
    if line.error_kind == "exact":
        return line.r_squared.item()
    gates = (torch.rand(budget, game.n, generator=generator) < 0.5).to(game.dtype)
    values, weights = game.evaluate(gates), presence_kernel(gates, WIDTH)
    mean = weights @ values / weights.sum()
    rest = weights @ (values - line.intercept - gates @ line.scores).square()
    return 1 - (rest / (weights @ (values - mean).square())).item()


def a_local_line_is_faithful(reader: str, inputs: int = 150, budget: int = 1024) -> Record:
    """Mean R^2 of LIME's line over random test inputs of the tumour network ("tumours") or the digit reader ("digits")."""
    if reader not in ("tumours", "digits"):
        raise ValueError(f"reader must be 'tumours' or 'digits', got {reader!r}")
    games = tumour_games(inputs) if reader == "tumours" else digit_games(inputs)
    fits = torch.tensor([fresh_fit(game, budget, seed) for seed, game in enumerate(games)])
    estimate, low, high = mean_interval(fits)
    return Record(
        id=f"attribution/surrogates/a_local_line_is_faithful/{reader}",
        statement=f"LIME's line at width 1 is a faithful picture of the network that reads {reader}.",
        kind="measured",
        threshold="mean R^2 above 0.9",
        estimate=estimate,
        low=low,
        high=high,
        unit="mean R^2 of the line",
        verdict=decide(low, high, above=0.9),
        seeds=inputs,
        repeats=f"test {reader}",
    )
