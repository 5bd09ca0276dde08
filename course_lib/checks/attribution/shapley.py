"""Checks of the exercises in `exercises/attribution/shapley.ipynb`."""

import torch

from course_lib.checks import Exercise, Wrong, as_tensor, close
from course_lib.checks.instances import Instances

exact_shapley = Exercise(
    "attribution/shapley/exact_shapley",
    hints={
        "banzhaf": "every coalition has the same weight, so the scores do not add up to v(N) - v(empty): "
        "each *size* of coalition should weigh the same",
        "size_weight": "each size of coalition should weigh the same in total: "
        "divide by the number of coalitions of that size that the player can join",
        "leave_one_out": "you only look at the player leaving the full coalition: "
        "average over all the coalitions that the player can join",
        "sign": "the sign is reversed: a player who raises the value must get a positive score",
        "bit_order": "the scores are right but go to the wrong players: "
        "player i is in coalition k when bit i of k, counted from the right, is set",
        "empty": "the empty coalition has a value too: joining it contributes v({i}) - v(empty)",
        "efficiency": "the scores do not add up to v(N) - v(empty): check the weights, and that no coalition is missed",
        "value": "the scores add up to v(N) - v(empty), but they are not the Shapley values: "
        "check which coalitions each player joins, by hand for two players",
    },
)


def unanimity_basis(dividends: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A game given by its dividends, and its Shapley values: each coalition shares its dividend equally.

    v(S) is the sum of the dividends of the coalitions inside S (Harsanyi 1963): `(2**n,) -> (2**n,), (n,)`.
    """
    n = len(dividends).bit_length() - 1
    coalitions = torch.arange(2**n)
    inside = (coalitions[:, None] & coalitions) == coalitions
    members = (coalitions[:, None] >> torch.arange(n)) & 1
    shares = dividends / members.sum(1).clamp(min=1)
    return inside.double() @ dividends, members.double().T @ shares


def marginal_contributions(values: torch.Tensor) -> torch.Tensor:
    """v(S + i) - v(S) for each player i and each S without i, the largest S last: `(2**n,) -> (n, 2**(n-1))`."""
    n = len(values).bit_length() - 1
    coalitions = torch.arange(2**n)
    without = torch.stack([coalitions[(coalitions >> player) & 1 == 0] for player in range(n)])
    return values[without + 2 ** torch.arange(n)[:, None]] - values[without]


def likely_mistake(values: torch.Tensor, truth: torch.Tensor, scores: torch.Tensor) -> str:
    """The hint that names the mistake whose scores these are."""
    contributions, n = marginal_contributions(values), len(truth)
    guesses = {
        "sign": -truth,
        "bit_order": truth.flip(0),
        "banzhaf": contributions.mean(1),
        "leave_one_out": contributions[:, -1],
        "size_weight": contributions.sum(1) / n,
        "empty": truth + values[0] / n,
    }
    for hint, guess in guesses.items():
        if close(scores, guess):
            return hint
    return "value" if close(scores.sum(), values[-1] - values[0]) else "efficiency"


@exact_shapley.property(points=2)
def matches_the_dividends(answer, random: Instances) -> None:
    """On games with v(empty) = 0 the scores are those of the shared dividends."""
    for n in (3, random.integer(2, 5)):
        dividends = random.away_from_zero(2**n)
        dividends[0] = 0.0
        values, truth = unanimity_basis(dividends)
        scores = as_tensor(answer(values), (n,))
        if not close(scores, truth):
            raise Wrong(likely_mistake(values, truth, scores), seen=f"{n} players")


@exact_shapley.property(points=1)
def counts_the_empty_coalition(answer, random: Instances) -> None:
    """The same when v(empty) is not 0, down to a single player."""
    for n in (1, random.integer(2, 4)):
        values, truth = unanimity_basis(random.away_from_zero(2**n))
        scores = as_tensor(answer(values), (n,))
        if not close(scores, truth):
            raise Wrong(likely_mistake(values, truth, scores), seen=f"{n} player" + "s" * (n > 1))
