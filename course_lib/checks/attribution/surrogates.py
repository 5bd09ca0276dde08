"""Checks for exercises/attribution/surrogates.ipynb."""

import itertools
import math

import torch

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest
from course_lib.checks.instances import Instances
from course_lib.checks.returns import as_dict
from course_lib.models import MLP

Tensor = torch.Tensor


def _all_masks(n: int) -> Tensor:
    return ((torch.arange(2**n)[:, None] >> torch.arange(n)) & 1).double()


def _line(z: Tensor, v: Tensor, weights: Tensor) -> tuple[Tensor, float, float]:
    """Slopes, intercept and R^2 by weighted covariances."""
    share = weights / weights.sum()
    z_mean, v_mean = share @ z, share @ v
    z, v = z - z_mean, v - v_mean
    slopes = torch.linalg.solve(z.T @ (share[:, None] * z), z.T @ (share * v))
    missed = share @ (v - z @ slopes).square()
    return slopes, (v_mean - z_mean @ slopes).item(), (1 - missed / (share @ v.square())).item()


# ------------------------------------------------------------------------------------------------------------- lime

lime = Exercise(
    "attribution/surrogates/lime",
    hints={
        "players": "you count absent players: the distance is the share of the total size that is absent",
        "absolute": "you use the absent size itself: divide it by the size of all players together",
        "present": "your weights fall with what is present: the full mask should weigh most",
        "width": "look at the exponent: the share absent divided by the square of the width, with a minus sign",
        "unweighted": "you fit all masks alike: weight them by the kernel",
        "squared": "your weights count twice: a least-squares solver wants each row times the square root of its weight",
        "root": "your weights are the square roots of those asked for: no factor 2 stands in the exponent, and normal "
        "equations take the weights themselves",
        "no_intercept": "your line passes through the origin: give it an intercept",
        "full": "you force the line through the full mask or the empty one: here nothing is held",
        "centre": "you subtract plain means: with weights, subtract weighted means, or add a column of ones",
        "absent": "you regress on absence: a score is what the presence of a player adds",
        "slots": "the scores include the intercept or lack a player: one score for each column of `gates`",
        "keys": 'return a dict with the keys "scores", "intercept" and "r_squared"',
        "value": "the scores are the slopes of the weighted least-squares line through the values, with an intercept",
        "intercept": "the intercept is the value of the line where every player is absent",
        "fit_plain": "your R^2 forgets the weights: weight squared errors and squared deviations alike",
        "fit_zero": "your R^2 compares with zero: compare with the weighted mean of the values",
        "fit_correlation": "your R^2 is not squared or not subtracted from one: 1 - missed / spread",
        "fit": "R^2 is 1 - (weighted squared errors) / (weighted squared deviations from the weighted mean)",
        "one": "right for several players, but not for a single one",
        "infinite": "right for finite widths; with an infinite width every mask weighs 1",
        "repeated": "right when each mask comes once; a mask that comes twice counts twice",
        "large": "right for sizes near one; sizes may be large, only their shares matter",
        "narrow": "right for moderate widths; with a narrow width small weights decide too: drop no row, add nothing to "
        "the weights, and stay in float64",
    },
)


def _lime_case(random: Instances, n: int, width: float | None = None) -> tuple:
    """Masks in any order, values, unequal sizes and a width: (gates, values, sizes, width)."""
    gates = _all_masks(n)[random.order(2**n)]
    if n > 3:
        gates = gates[: random.integer(2 * n + 1, 2**n)]
    sizes = torch.tensor([float(size) for size in sorted(random.order(9)[:n])]) + 1
    sizes = sizes[random.order(n)].double()
    values = random.normal(len(gates)) + random.away_from_zero(1) * 2
    return gates, values, sizes, width or float(random.uniform(1, low=0.45, high=0.75))


def _kernel(gates: Tensor, sizes: Tensor, width: float) -> Tensor:
    return torch.exp(-(1 - gates) @ sizes / sizes.sum() / width**2)


def _determined(gates: Tensor) -> bool:
    return int(torch.linalg.matrix_rank(torch.cat([gates, torch.ones(len(gates), 1)], 1))) == gates.shape[1] + 1


def _fair_case(random: Instances, n: int, width: float | None = None) -> tuple:
    while True:
        case = _lime_case(random, n, width)
        if _determined(case[0]):
            return case


def _read_line(result: object, n: int) -> tuple[Tensor, object, object]:
    result = as_dict(result, ["scores", "intercept", "r_squared"])
    scores = result["scores"]
    if isinstance(scores, Tensor) and scores.dim() == 1 and len(scores) in (n - 1, n + 1):
        raise Wrong("slots")
    return as_tensor(scores, (n,), 'entry "scores"'), result["intercept"], result["r_squared"]


def _likely_slopes(gates: Tensor, values: Tensor, sizes: Tensor, width: float) -> dict[str, list]:
    share, weights, ones = (1 - gates) @ sizes / sizes.sum(), _kernel(gates, sizes, width), torch.ones(len(gates)).double()

    def slopes(w: Tensor) -> Tensor:
        return _line(gates, values, w)[0]

    def through(z: Tensor, v: Tensor, w: Tensor) -> Tensor:
        return torch.linalg.lstsq(w.sqrt()[:, None] * z, (w.sqrt() * v)[:, None]).solution[:, 0]

    full = gates.bool().all(1)
    held = [through(gates - 1, values - values[full][0], weights)] if full.any() else []
    empty = ~gates.bool().any(1)
    held += [through(gates, values - values[empty][0], weights)] if empty.any() else []
    right = _line(gates, values, weights)[0]
    return {
        "absent": [-right],
        "unweighted": [slopes(ones)],
        "squared": [slopes(weights**2)],
        "root": [slopes(weights.sqrt())],
        "players": [slopes(torch.exp(-(1 - gates).mean(1) / width**2)), slopes(torch.exp(-(1 - gates).sum(1) / width**2))],
        "absolute": [slopes(torch.exp(-(1 - gates) @ sizes / width**2).clamp(min=1e-300))],
        "present": [slopes(torch.exp(-(1 - share) / width**2))],
        "width": [
            slopes(torch.exp(-share / width)),
            slopes(torch.exp(-(share**2) / width**2)),
            slopes(torch.exp(share / width**2)),
            slopes(torch.exp(-share * width**2)),
        ],
        "no_intercept": [through(gates, values, weights)],
        "full": held,
        "centre": [through(gates - gates.mean(0), values - values.mean(), weights)],
    }


@lime.property(points=2)
def fits_with_the_kernel(answer, random: Instances) -> None:
    for n in (3, 2, random.integer(4, 5)):
        case = _fair_case(random, n)
        truth, _, _ = _line(*case[:2], _kernel(case[0], *case[2:]))
        scores, _, _ = _read_line(answer(*case), n)
        if not close(scores, truth, 1e-4):
            try:
                likely = _likely_slopes(*case)
            except torch.linalg.LinAlgError:
                likely = {}
            raise nearest(scores, likely, tolerance=1e-4)


@lime.property(points=1)
def says_intercept_and_fit(answer, random: Instances) -> None:
    for n in (3, random.integer(4, 5)):
        gates, values, sizes, width = case = _fair_case(random, n)
        weights = _kernel(gates, sizes, width)
        slopes, intercept, fit = _line(gates, values, weights)
        _, said_intercept, said_fit = _read_line(answer(*case), n)
        if not close(as_number(said_intercept, 'entry "intercept"'), intercept, 1e-4):
            raise Wrong("intercept")
        said = as_number(said_fit, 'entry "r_squared"')
        missed = (values - intercept - gates @ slopes).square()
        mean, share = values.mean(), weights / weights.sum()
        around = (values - share @ values).square()
        if not close(said, fit, 1e-4):
            likely = {
                "fit_plain": [
                    1 - missed.sum() / (values - mean).square().sum(),
                    1 - (share @ missed) / (values - mean).square().mean(),
                    1 - missed.sum() / around.sum(),
                    1 - (share @ missed) / around.mean(),
                    1 - (share @ missed) / (share @ (values - mean).square()),
                ],
                "fit_zero": [1 - (share @ missed) / (share @ values.square()), 1 - missed.sum() / values.square().sum()],
                "fit_correlation": [math.sqrt(max(fit, 0.0)), 1 - fit, share @ missed, weights @ missed],
            }
            raise nearest(said, likely, "fit", tolerance=1e-4)


@lime.property(points=1)
def fits_the_edges(answer, random: Instances) -> None:
    repeated = _fair_case(random, 3)
    twice = torch.tensor([0, *range(len(repeated[0])), 0, 1])
    large, narrow = _fair_case(random, 3), _fair_case(random, 3)
    uneven = torch.tensor([1.0, 2.0, 12.0])[random.order(3)].double()  # all masks without the largest player weigh little
    cases = {
        "one": _fair_case(random, 1),
        "infinite": _fair_case(random, 3, math.inf),
        "repeated": (repeated[0][twice], random.normal(len(twice)), *repeated[2:]),
        "large": (*large[:2], 1000 * large[2], large[3]),
        "narrow": (*narrow[:2], uneven, 0.27),
    }
    for hint, case in cases.items():
        n = case[0].shape[1]
        slopes, intercept, fit = _line(*case[:2], _kernel(case[0], *case[2:]))
        scores, said_intercept, said_fit = _read_line(called(hint, answer, *case), n)
        numbers = [as_number(said_intercept, 'entry "intercept"'), as_number(said_fit, 'entry "r_squared"')]
        said = torch.tensor([*scores.tolist(), *numbers], dtype=torch.float64)
        if not close(said, torch.tensor([*slopes.tolist(), intercept, fit], dtype=torch.float64), 1e-4):
            raise Wrong(hint)


# ------------------------------------------------------------------------------------------------------ hold_totals

hold_totals = Exercise(
    "attribution/surrogates/hold_totals",
    hints={
        "grand": "only the sum over all players is held: hold the sum of each team",
        "soft": "the totals hold only nearly: make them constraints, not heavy rows, and stay in float64",
        "scaled": "you fit freely and correct the scores afterwards: fit under the constraints instead",
        "free": "you fit without the constraints: each team's scores must add up to its total",
        "apart": "you fit each team by itself: all scores are fitted together, since masks mix the teams",
        "empty": "the line passes through the empty mask: fit value - empty, with no free intercept",
        "offset": "the totals are sums of scores: do not subtract the value of the empty mask from them",
        "unweighted": "the totals hold, but you fit all rows alike: use `weights`",
        "squared": "the totals hold, but your weights count twice: rows take the square root of their weight",
        "root": "the totals hold, but your weights count half: normal equations take the weights themselves",
        "mean": "the mean of your scores in a team is its total: it is the sum that is held",
        "order": "the teams' numbers say whose total is whose: `totals[k]` belongs to the players with `teams == k`",
        "even": "every member of a team has the same score: only their sum is fixed, the rows decide the rest",
        "value": "the totals hold, but among all such scores yours do not have the least weighted squared error",
        "one_team": "right for several teams, but not when all players form one",
        "alone": "right for larger teams, but not when players stand alone: such a player's score is its total",
        "repeated": "right when each mask comes once; a mask that comes twice counts twice, each time with its own "
        "weight and value",
    },
)


def _teams_case(random: Instances, n: int, teams: int) -> tuple:
    """Rows, values, weights, the value of the empty mask, teams that lie apart, and totals that the rows contradict."""
    while True:
        owner = torch.tensor([*range(teams), *(random.integer(0, teams - 1) for _ in range(n - teams))])[random.order(n)]
        first = list(dict.fromkeys(owner.tolist()))
        if teams == 1 or teams == n or (first != sorted(first) and len(owner.unique_consecutive()) > teams):
            break
    inner = _all_masks(n)[1:-1] if n > 1 else torch.ones(1, 1).double()
    gates = inner[random.order(len(inner))][: max(2 * n + 2, 2)]
    weights = random.uniform(len(gates), low=0.1, high=2.0)
    empty = float(random.away_from_zero(1)) * 2
    return gates, random.normal(len(gates)) + empty, weights, empty, owner, random.away_from_zero(teams)


def _fair_teams(random: Instances, n: int, teams: int) -> tuple:
    while True:
        case = _teams_case(random, n, teams)
        if n == 1 or int(torch.linalg.matrix_rank(case[0])) == n:
            return case


def _basis(owner: Tensor, teams: int) -> Tensor:
    """Columns that sum to zero over every team: differences between a team's members."""
    columns = []
    for k in range(teams):
        members = (owner == k).nonzero()[:, 0].tolist()
        for a, b in itertools.pairwise(members):
            column = torch.zeros(len(owner), dtype=torch.float64)
            column[a], column[b] = 1.0, -1.0
            columns.append(column)
    return torch.stack(columns, 1) if columns else torch.zeros(len(owner), 0, dtype=torch.float64)


def _held(gates, values, weights, empty, owner, totals) -> Tensor:
    """Equal shares plus the best combination of differences within teams."""
    sizes = torch.bincount(owner, minlength=len(totals))
    shares = (totals / sizes)[owner]
    basis = _basis(owner, len(totals))
    if basis.shape[1] == 0:
        return shares
    design, rest = gates @ basis, values - empty - gates @ shares
    return shares + basis @ torch.linalg.pinv(design.T @ (weights[:, None] * design)) @ design.T @ (weights * rest)


def _likely_held(gates, values, weights, empty, owner, totals) -> dict[str, list]:
    n, one, zeros = len(owner), torch.zeros_like(owner), torch.zeros_like(values)
    sizes = torch.bincount(owner, minlength=len(totals))
    root = weights.sqrt()[:, None]
    free = torch.linalg.lstsq(root * gates, root * (values - empty)[:, None]).solution[:, 0]
    sums = torch.zeros_like(totals).index_add(0, owner, free)
    first = torch.tensor(list(dict.fromkeys(owner.tolist())))
    by_appearance = torch.empty_like(owner)
    for place, team in enumerate(first.tolist()):
        by_appearance[owner == team] = place
    design = torch.cat([gates, torch.ones(len(gates), 1, dtype=gates.dtype)], 1)
    bent = torch.linalg.lstsq(root * design, root * values[:, None]).solution[:n, 0]
    apart = torch.zeros(n, dtype=torch.float64)
    for k in range(len(totals)):
        members = owner == k
        part = (gates[:, members], values, weights, empty, torch.zeros(int(members.sum()), dtype=torch.long), totals[k : k + 1])
        apart[members] = _held(*part)
    free_line = torch.linalg.lstsq(root * design, root * values[:, None]).solution
    return {
        "even": [(totals / sizes)[owner]],
        "grand": [_held(gates, values, weights, empty, one, totals.sum()[None])],
        "free": [free, bent],
        "scaled": [free + ((totals - sums) / sizes)[owner], free * (totals / sums)[owner]],
        "apart": [apart],
        "empty": [
            _held(gates, values, weights, 0.0, owner, totals),
            _held(gates, values, weights, float(free_line[n, 0]), owner, totals),
            _held(gates, zeros, weights, -(values @ weights / weights.sum()).item(), owner, totals),
        ],
        "offset": [_held(gates, values, weights, empty, owner, totals - empty)],
        "unweighted": [_held(gates, values, torch.ones_like(weights), empty, owner, totals)],
        "squared": [_held(gates, values, weights**2, empty, owner, totals)],
        "root": [_held(gates, values, weights.sqrt(), empty, owner, totals)],
        "mean": [_held(gates, values, weights, empty, owner, totals * sizes)],
        "order": [
            _held(gates, values, weights, empty, by_appearance, totals),
            _held(gates, values, weights, empty, owner.sort().values, totals),
        ],
    }


def _judge_held(answer, case: tuple, special: str | None = None) -> None:
    gates, _, _, _, owner, totals = case
    n = gates.shape[1]
    result = called(special, answer, *case) if special else answer(*case)
    scores, truth = as_tensor(result, (n,)), _held(*case)
    sums = torch.zeros_like(totals).index_add(0, owner, scores)
    if not close(scores, truth, 1e-4):
        otherwise = "value" if close(sums, totals) else "free"
        raise Wrong(special) if special else nearest(scores, _likely_held(*case), otherwise, tolerance=1e-4)
    if not close(sums, totals, 1e-4):
        raise Wrong("soft")


@hold_totals.property(points=2)
def holds_every_team(answer, random: Instances) -> None:
    for n, teams in ((5, 2), (6, 3), (5, 2)):
        _judge_held(answer, _fair_teams(random, n, teams))


@hold_totals.property(points=1)
def holds_exactly(answer, random: Instances) -> None:
    gates, values, weights, empty, owner, totals = _fair_teams(random, 5, 2)
    case = (gates, 1e3 * values, weights, 1e3 * empty, owner, 1e3 * totals)
    scores = as_tensor(answer(*case), (5,))
    sums = torch.zeros_like(totals).index_add(0, owner, scores)
    if not close(sums, case[-1], 1e-9):
        raise Wrong("soft")


@hold_totals.property(points=1)
def holds_any_teams(answer, random: Instances) -> None:
    _judge_held(answer, _fair_teams(random, random.integer(4, 5), 1), "one_team")
    for n in (1, 3):
        _judge_held(answer, _fair_teams(random, n, n), "alone")
    gates, values, weights, *rest = _fair_teams(random, 5, 2)
    twice = torch.tensor([*range(len(gates)), 0, 0, 1, 2, 3])
    values, weights = values[twice] + random.normal(len(twice)), random.uniform(len(twice), low=0.1, high=2.0)
    _judge_held(answer, (gates[twice], values, weights, *rest), "repeated")


# --------------------------------------------------------------------------------------------------- blurred_slopes

blurred_slopes = Exercise(
    "attribution/surrogates/blurred_slopes",
    hints={
        "linear": "on a linear model every least-squares line is exact, whatever the draws: fit one, with an intercept",
        "scale": "your slopes are off by a power of the scale: the rows are x + scale * e, the slope is per unit of x",
        "pairs": "on a model that is even around x the slopes should vanish exactly: use every draw with both signs",
        "gradient": "this model is all but a step: its gradient is zero nearly everywhere, its blurred slope is not; "
        "use values of the model only",
        "blur": "your slopes are not those of the blurred model: rows around x, with independent normal draws of that scale",
        "axes": "draw all entries of x at once, with both signs: moving one entry at a time blurs only that entry",
        "x": "your rows lie around another point than x",
        "fit": "R^2 is one minus the squared errors of the line over the squared deviations of the values from their mean",
        "halves": "your R^2 looks at differences within pairs only: all values count, with their own mean",
        "keys": 'return a dict with the keys "scores" and "r_squared"',
        "seed": "the same seed should give the same answer: draw from a generator made from it, and from nothing else",
        "fixed": "another seed should give other draws",
        "few": "right for many pairs, but not for few: draw exactly as many as asked for",
        "count": "the values fit another number of draws than `pairs`: draw so many vectors, and use each with both signs",
        "normal": "your draws are not normal: too many or too few of them lie far out; draw with `torch.randn`",
        "white": "your draws have exactly the variance 1: leave the normal draws as they come, do not rescale them",
        "one": "right for several entries, but not for an input with a single one",
    },
)


def _mlp(weights: Tensor, biases: Tensor, read: Tensor, offset: float, activation: str) -> MLP:
    """The network sum_j read_j act(weights_j . u + biases_j) + offset in float64."""
    model = MLP([weights.shape[1], len(weights), 1], activation).double().requires_grad_(False)
    for parameter, value in zip(model.parameters(), (weights, biases, read[None], torch.tensor([offset])), strict=True):
        parameter.copy_(value)
    return model


def _plane(slopes: Tensor, offset: float) -> MLP:
    """a . u + offset as relu(a . u) - relu(-a . u) + offset."""
    weights = torch.stack([slopes, -slopes])
    return _mlp(weights, torch.zeros(2).double(), torch.tensor([1.0, -1.0]).double(), offset, "relu")


def _roof(random: Instances, x: Tensor, slopes: Tensor | None = None) -> tuple[MLP, Tensor]:
    """c |d . (u - x)| + a . u: even around x but for the plane; and d."""
    d, a = random.away_from_zero(len(x)), torch.zeros_like(x) if slopes is None else slopes
    weights = torch.stack([d, -d, a, -a])
    biases = torch.stack([-(d @ x), d @ x, x.new_zeros(()), x.new_zeros(())])
    return _mlp(weights, biases, torch.tensor([1.0, 1.0, 1.0, -1.0]).double(), random.normal(1).item(), "relu"), d


def _read_blur(result: object, n: int) -> tuple[Tensor, object]:
    result = as_dict(result, ["scores", "r_squared"])
    return as_tensor(result["scores"], (n,), 'entry "scores"'), result["r_squared"]


@blurred_slopes.property(points=2)
def finds_the_slopes_of_the_blur(answer, random: Instances) -> None:
    n = random.integer(3, 4)
    x, a, scale = random.away_from_zero(n), random.away_from_zero(n), float(random.uniform(1, low=0.3, high=0.7))
    scores, _ = _read_blur(answer(_plane(a, 3.0), x, scale, 4 * n, random.seed()), n)
    if not close(scores, a, 1e-4):
        others = [a * scale**k for k in (-2, -1, 1, 2)]
        raise nearest(scores, {"scale": others}, "linear", tolerance=1e-4)
    scores, _ = _read_blur(answer(_roof(random, x)[0], x, scale, 5 * n, random.seed()), n)
    if not close(scores, torch.zeros(n), 1e-4):
        raise Wrong("pairs")
    _steps(answer, random)
    _kinks(answer, random)


def _steps(answer, random: Instances) -> None:
    """sign(u_0 - x_0 - shift) has the blurred slope 2 density(shift / scale) / scale, and a gradient of zero."""
    n, scale = 2, float(random.uniform(1, low=0.2, high=0.45))
    x, shift = random.away_from_zero(n), 0.3 * scale
    steep = torch.zeros(1, n).double()
    steep[0, 0] = 1e9
    model = _mlp(steep, -1e9 * (x[:1] + shift), torch.ones(1).double(), 0.0, "tanh")
    scores, _ = _read_blur(answer(model, x, scale, 1000, random.seed()), n)
    truth = 2 * math.exp(-((shift / scale) ** 2) / 2) / math.sqrt(2 * math.pi) / scale
    if close(scores, torch.zeros(n), 1e-3):
        raise Wrong("gradient")
    if not close(scores * scale, torch.tensor([truth * scale, 0.0]), 0.12):
        raise Wrong("blur")


def _kinks(answer, random: Instances) -> None:
    """E relu'(a . X + b) = Phi((a . x + b) / (scale |a|)) for X around x."""
    n, scale, reach = 4, float(random.uniform(1, low=0.4, high=0.8)), 0.7
    x, slopes, read = random.away_from_zero(n), 2 * random.gates(1, n) - 1, random.uniform(1, low=1.5, high=2.0)
    biases = -slopes @ x + reach * scale * n**0.5
    scores, _ = _read_blur(answer(_mlp(slopes, biases, read, 0.5, "relu"), x, scale, 1500, random.seed()), n)
    chance, alone = torch.special.ndtr(torch.tensor([reach, reach * n**0.5])).tolist()  # of being on the rising side
    if not close(scores, read * chance * slopes[0], 0.08):
        raise Wrong("axes" if close(scores, read * alone * slopes[0], 0.06) else "blur")


@blurred_slopes.property(points=1)
def says_how_well_the_line_fits(answer, random: Instances) -> None:
    n = random.integer(2, 3)
    x, a, scale = random.away_from_zero(n), random.away_from_zero(n), float(random.uniform(1, low=0.3, high=0.7))
    _, plane = _read_blur(answer(_plane(a, 3.0), x, scale, 5 * n, random.seed()), n)
    if not close(as_number(plane, 'entry "r_squared"'), 1.0, 1e-4):
        raise Wrong("fit")
    model, d = _roof(random, x, a)
    scores, said = _read_blur(answer(model, x, scale, 2000, random.seed()), n)
    straight, bent = a @ a, (1 - 2 / math.pi) * d @ d
    if not close(as_number(said, 'entry "r_squared"'), (straight / (straight + bent)).item(), 0.05):
        raise Wrong("halves" if close(as_number(said), 1.0, 1e-3) else "fit")
    _, said = _read_blur(answer(_roof(random, x)[0], x, scale, 5 * n, random.seed()), n)
    if not close(as_number(said, 'entry "r_squared"'), 0.0, 1e-4):
        raise Wrong("fit")


@blurred_slopes.property(points=1)
def draws_as_asked(answer, random: Instances) -> None:
    n, scale = 3, 0.5
    x = random.away_from_zero(n)
    model = MLP([n, 6, 1], "tanh", random.seed()).double().requires_grad_(False)
    first, second = random.seed(), random.seed()
    far = first + 2_520_000  # the same remainder for many a small divisor
    runs = [_read_blur(answer(model, x, scale, 12, seed), n)[0] for seed in (first, first, second, far)]
    if not close(runs[0], runs[1], 1e-8):
        raise Wrong("seed")
    if close(runs[0], runs[2], 1e-5) or close(runs[0], runs[3], 1e-5):
        raise Wrong("fixed")
    a, point = random.away_from_zero(1), random.away_from_zero(1)
    scores, said = _read_blur(called("one", answer, _plane(a, -2.0), point, scale, 3, random.seed()), 1)
    if not close(scores, a, 1e-4) or not close(as_number(said), 1.0, 1e-4):
        raise Wrong("one")
    slopes, point = random.away_from_zero(4), random.away_from_zero(4)
    scores, _ = _read_blur(called("few", answer, _plane(slopes, 1.0), point, scale, 5, random.seed()), 4)
    if not close(scores, slopes, 1e-3):
        raise Wrong("few")
    _counts(answer, random)

    def spread(pairs: int) -> Tensor:
        scores = [_read_blur(called("few", answer, model, x, 2.0, pairs, random.seed()), n)[0] for _ in range(5)]
        return torch.stack(scores).std(0).norm()

    if not 2 < spread(6) / spread(200) < 60:
        raise Wrong("few")


def _steps_up(places: list[tuple[float, float]], slope: float, offset: float) -> MLP:
    """slope * u + offset, and one more for each (sign, place) with sign * (u - place) > 0."""
    steep, weights, biases, read = 1e6, [slope, -slope], [0.0, 0.0], [1.0, -1.0]
    for sign, place in places:
        weights += [sign * steep] * 2
        biases += [-sign * steep * place, -sign * steep * place - 1]
        read += [1.0, -1.0]
    columns = (torch.tensor(column, dtype=torch.float64) for column in (weights, biases, read))
    weights, biases, read = columns
    return _mlp(weights[:, None], biases, read, offset, "relu")


def _variance(answer, x: Tensor, scale: float, pairs: int, seed: int) -> float:
    """The mean q of e^2 over the draws of a seed: a step has the slope m / (scale q) and the R^2 m^2 / q, m the mean of |e|."""
    scores, said = _read_blur(answer(_steps_up([(1.0, x.item())] * 2, 0.0, -1.0), x, scale, pairs, seed), 1)
    return as_number(said) / (scores.item() * scale) ** 2


def _outside(answer, x: Tensor, scale: float, pairs: int, seed: int, reach: float, variance: float) -> float:
    """p (1 - p) for the share p of draws with |e| > reach: a line plus 1 out there misses just that variance."""
    slope, edges = 1.0 / scale, [(1.0, x.item() + reach * scale), (-1.0, x.item() - reach * scale)]
    _, said = _read_blur(answer(_steps_up(edges, slope, 0.0), x, scale, pairs, seed), 1)
    return (1 / max(as_number(said), 1e-6) - 1) * variance


def _counts(answer, random: Instances) -> None:
    """How many draws lie far out: whole numbers of them, and about as many as of normal draws."""
    x, scale, pairs = random.away_from_zero(1), 0.5, 7
    for _ in range(6):
        seed = random.seed()
        variance = _variance(answer, x, scale, pairs, seed)
        if abs(variance - 1) < 1e-6:
            raise Wrong("white")
        for reach in (0.5, 0.9):
            product = _outside(answer, x, scale, pairs, seed, reach, variance)
            count = pairs * (1 - max(1 - 4 * product, 0.0) ** 0.5) / 2
            if abs(count - round(count)) > 0.02:
                raise Wrong("count")
    pairs, seed = 1500, random.seed()
    variance = _variance(answer, x, scale, pairs, seed)
    for reach in (1.0, 1.8, 2.3):
        share = 2 * torch.special.ndtr(torch.tensor(-reach)).item()
        said = _outside(answer, x, scale, pairs, seed, reach, variance)
        if abs(said - share * (1 - share)) > 5.5 * (share * (1 - share) / pairs) ** 0.5:
            raise Wrong("normal")


# ------------------------------------------------------------------------------------------------------- agreement

agreement = Exercise(
    "attribution/surrogates/agreement",
    hints={
        "sign": "you rank by the scores themselves: the top players are those of largest size, of either sign",
        "bottom": "you take the smallest scores: the top players are those of largest size",
        "ordered": "you compare lists: the same players in another order are the same set",
        "overlap": "you average overlaps: a pair of runs counts only if the two sets are equal",
        "first": "you compare with the first run only: take all pairs of runs",
        "neighbours": "you compare each run with the next only: take all pairs of runs",
        "self": "you pair runs with themselves: a pair has two different runs",
        "mode": "you count runs that show the most frequent set: count pairs of runs that agree",
        "count": "you return a number of pairs: return their share of all pairs",
        "all_runs": "you ask whether all runs agree: ask each pair",
        "one_k": "you look at the top player only: take the `k` largest",
        "size": "your top sets do not have `k` players",
        "columns": "runs are rows, players are columns",
        "sums": "you compare sums of positions: different sets can have one sum, so compare the sets themselves",
        "value": "the share of pairs of runs whose `k` players of largest |score| are the same set",
        "everything": "with k equal to the number of players every two runs agree",
        "two": "two runs make one pair: the share is 0 or 1",
    },
)


def _shares(scores: Tensor, k: int) -> dict[str, float]:
    """The share by definition, and by likely mistakes."""

    def tops(rows: Tensor, ordered: bool = False, size: int = k) -> list:
        lists = [sorted(range(len(row)), key=lambda i: -row[i])[:size] for row in rows.tolist()]
        return [tuple(top) if ordered else frozenset(top) for top in lists]

    def agreeing(sets: list) -> float:
        pairs = list(itertools.combinations(sets, 2))
        return sum(a == b for a, b in pairs) / len(pairs)

    sets, runs = tops(scores.abs()), len(scores)
    pairs = list(itertools.combinations(sets, 2))
    one = [frozenset([int(row.abs().argmax())]) for row in scores]
    totals = [sum(top) for top in sets]
    return {
        "": agreeing(sets),
        "sign": agreeing(tops(scores)),
        "bottom": agreeing(tops(-scores.abs())),
        "ordered": agreeing(tops(scores.abs(), ordered=True)),
        "overlap": sum(len(a & b) / k for a, b in pairs) / len(pairs),
        "first": sum(a == sets[0] for a in sets[1:]) / (runs - 1),
        "neighbours": sum(a == b for a, b in itertools.pairwise(sets)) / (runs - 1),
        "self": sum(a == b for a in sets for b in sets) / runs**2,
        "mode": max(sets.count(a) for a in sets) / runs,
        "count": float(sum(a == b for a, b in pairs)),
        "all_runs": float(len(set(sets)) == 1),
        "one_k": agreeing(one),
        "columns": agreeing(tops(scores.T.abs())) if scores.shape[1] > 1 else -1.0,
        "sums": agreeing(totals),
        "fewer": agreeing(tops(scores.abs(), size=k - 1)),
        "more": agreeing(tops(scores.abs(), size=k + 1)),
        "jaccard": sum(len(a & b) / len(a | b) for a, b in pairs) / len(pairs),
        "first_self": sum(a == sets[0] for a in sets) / runs,
    }


EXTRA = ("jaccard", "first_self", "sums")  # mistakes that `_runs` need not tell from others


def _colliding(random: Instances, k: int) -> Tensor:
    """Runs whose different top sets often have one sum of positions, which no other likely mistake gives away."""
    while True:
        scores = random.normal(10, 6)
        shares = _shares(scores, k)
        sums = shares.pop("sums")
        if all(abs(sums - share) > 1e-3 for share in shares.values()):
            return scores


def _runs(random: Instances, runs: int, n: int, k: int) -> Tensor:
    """Noisy runs around common scores of both signs, so that about half of the pairs agree, and mistakes show."""
    while True:
        scores = (random.away_from_zero(n) * (1 + 2 * random.uniform(n))) + 0.8 * random.normal(runs, n)
        told_apart = {round(value, 6) for hint, value in _shares(scores, k).items() if hint not in EXTRA}
        if len(told_apart) == 15:
            return scores


@agreement.property(points=2)
def counts_pairs(answer, random: Instances) -> None:
    scores = _colliding(random, 3)
    shares, said = _shares(scores, 3), as_number(answer(scores, 3))
    if close(said, shares["sums"], 1e-6):
        raise Wrong("sums")
    right = close(said, shares[""], 1e-6)
    for runs, n, k in ((9, 8, 3),):
        scores = _runs(random, runs, n, k)
        shares, said = _shares(scores, k), as_number(answer(scores, k))
        if not close(said, shares[""], 1e-6):
            hint = next(
                (name for name, value in shares.items() if name not in ("", "sums") and close(said, value, 1e-6)), "value"
            )
            raise Wrong({"jaccard": "overlap", "first_self": "first", "fewer": "size", "more": "size"}.get(hint, hint))
    if not right:
        raise Wrong("value")


@agreement.property(points=1)
def counts_at_the_edges(answer, random: Instances) -> None:
    scores = random.normal(5, 4)
    if not close(as_number(called("everything", answer, scores, 4)), 1.0, 1e-6):
        raise Wrong("everything")
    one = random.away_from_zero(1, 4)
    for other in (-one, one.flip(1)):
        pair = torch.cat([one, other])
        if not close(as_number(called("two", answer, pair, 1)), _shares(pair, 1)[""], 1e-6):
            raise Wrong("two")
    scores = random.normal(6, 5)
    if not close(as_number(called("value", answer, scores, 1)), _shares(scores, 1)[""], 1e-6):
        raise Wrong("value")
