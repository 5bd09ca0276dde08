"""Datamodels: predicting what a retraining would give from the list of the examples that it gets to see.

Chapters: attribution/datamodels. A linear datamodel of a test row is the line

    predicted(S) = b + sum of w_i over the examples i in S,

fitted to the values of models trained on random subsets S (Ilyas et al., 2022). It is `linear_surrogate` of a
`training_game`: one retraining gives a row for the lines of all test rows together. Every example joins a subset
independently with probability alpha. (With subsets of one fixed size the memberships of a row have a constant sum, so that the
intercept and the slopes cannot be told apart, and centring the columns does not change that.) Over all subsets, alpha =
1/2, w is the Banzhaf value.

How well a list of scores predicts is measured on fresh subsets, by the linear datamodeling score. TRAK (Park et al.,
2023) makes such scores from gradients at a few models instead of from thousands of retrainings.
"""

import math
from collections.abc import Sequence

import torch
from scipy.stats import rankdata
from torch import Tensor
from torch.func import grad, vmap

from course_lib.attribution.data import label_margins
from course_lib.attribution.learners import Learner
from course_lib.games import Attribution, Game, Surrogate, linear_surrogate
from course_lib.games.surrogates import fit_line


def random_subsets(
    count: int, n: int, alpha: float, generator: torch.Generator, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Memberships `(count, n)`: each example is in (1) independently with probability `alpha`, else out (0).

    Raises ValueError for a count or n below 1, alpha outside (0, 1), or no generator.

    >>> random_subsets(2, 3, 0.5, torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3])
    """
    if count < 1 or n < 1:
        raise ValueError(f"count and n must be at least 1, got {count} and {n}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie strictly between 0 and 1, got {alpha!r}")
    return (torch.rand(count, n, generator=_drawn(generator)) < alpha).to(dtype)


def datamodel(
    game: Game,
    retrainings: int,
    generator: torch.Generator | None = None,
    *,
    alpha: float = 0.5,
    ridge: float = 0.0,
    batch_size: int | None = None,
) -> Surrogate:
    """The line b + w . 1_S through the values of `retrainings` random subsets, each example in with probability `alpha`.

    Slopes `(n, *out)` with their sandwich standard errors: a positive slope says that the example raises the value. It is
    `linear_surrogate` with a budget: alpha = 1/2 and 2^n retrainings list all subsets and give the Banzhaf value. `ridge`
    shrinks the slopes; standard errors do not know that bias. Raises ValueError as `linear_surrogate`.

    >>> line = datamodel(Game(lambda g: g[:, 0] * g[:, 1], players=2), 4)
    >>> [round(w, 3) for w in line.scores.tolist()], round(line.intercept.item(), 3)
    ([0.5, 0.5], -0.25)
    """
    return linear_surrogate(
        game, budget=retrainings, probability=alpha, ridge=ridge, generator=generator, batch_size=batch_size
    )


def fit_datamodel(subsets: Tensor, values: Tensor, *, ridge: float = 0.0, players: Sequence[str] | None = None) -> Surrogate:
    """The same line through stored retrainings: `subsets (m, n)` and their `values (m, *out)`. Raises ValueError likewise.

    >>> round(fit_datamodel(torch.tensor([[0.0], [1.0], [1.0]]), torch.tensor([1.0, 2.0, 4.0])).scores.item(), 4)
    2.0
    """
    _retrained(subsets, values)
    _ridges([ridge])
    names = tuple(map(str, range(subsets.shape[1]))) if players is None else players
    return fit_line(subsets.to(values), values, names, ridge=ridge)


def held_out_fit(subsets: Tensor, values: Tensor, ridges: Sequence[float], share: float = 0.25) -> Tensor:
    """R^2 on held-out subsets of the datamodel with each ridge > 0, mean over the outputs: `(len(ridges),)`.

    The last `share` of the rows is held out, the lines are fitted to the others. One decomposition Z = U s V' of their centred
    memberships serves all ridges: w = V s / (s^2 + ridge) U' (v - mean of v); centring is what leaves the intercept free.
    Take the ridge of the largest R^2; it belongs to this number of rows. Raises ValueError for shapes, ridges or a share
    that do not fit, or held-out values without spread.

    >>> z = random_subsets(40, 3, 0.5, torch.Generator().manual_seed(0))
    >>> held_out_fit(z, z @ torch.tensor([1.0, 2.0, 3.0]).double(), [1e-6, 1e3]).argmax().item()
    0
    """
    _retrained(subsets, values)
    _ridges(ridges, positive=True)
    cut = len(subsets) - round(share * len(subsets)) if 0 < share < 1 else 0
    if not 2 <= cut <= len(subsets) - 2:
        raise ValueError(f"share must leave at least two of {len(subsets)} rows on both sides, got {share}")
    z, v = subsets.to(values), values.reshape(len(values), -1)
    z, v = z - z[:cut].mean(0), v - v[:cut].mean(0)
    u, s, vh = torch.linalg.svd(z[:cut], full_matrices=False)
    moments, spread = u.T @ v[:cut], (v[cut:] - v[cut:].mean(0)).square().sum(0)
    if (spread == 0).any():
        raise ValueError("values must vary over the held-out subsets, got a constant output")
    slopes = (vh.T @ ((s / (s**2 + ridge))[:, None] * moments) for ridge in ridges)
    return torch.stack([(1 - (v[cut:] - z[cut:] @ w).square().sum(0) / spread).mean() for w in slopes])


def predicted_values(scores: Tensor, subsets: Tensor, intercept: Tensor | float = 0.0) -> Tensor:
    """b + sum of the scores of the members: `(n, *out)`, `(m, n)` -> `(m, *out)`; any attribution can be read so.

    >>> predicted_values(torch.tensor([1.0, 2.0]), torch.tensor([[1.0, 0.0], [1.0, 1.0]]), intercept=0.5).tolist()
    [1.5, 3.5]
    """
    if subsets.dim() != 2 or subsets.shape[1] != len(scores):
        raise ValueError(f"subsets must be (m, {len(scores)}) for these scores, got {tuple(subsets.shape)}")
    return torch.tensordot(subsets.to(scores), scores, 1) + intercept


def rank_correlations(predicted: Tensor, actual: Tensor) -> Tensor:
    """Spearman's correlation of each column: `(m, t), (m, t) -> (t,)` in float64; tied values share their mean rank.

    Raises ValueError for shapes that differ, fewer than three rows, values that are not finite, or a constant column.

    >>> x = torch.tensor([[1.0], [2.0], [3.0]])
    >>> round(rank_correlations(x, x**3).item(), 6), round(rank_correlations(x, -x).item(), 6)
    (1.0, -1.0)
    """
    if predicted.dim() != 2 or predicted.shape != actual.shape or len(predicted) < 3:
        shapes = f"{tuple(predicted.shape)} and {tuple(actual.shape)}"
        raise ValueError(f"predicted and actual must both be (m, t) with m >= 3, got {shapes}")
    centred = []
    for name, values in (("predicted", predicted), ("actual", actual)):
        if not torch.isfinite(values).all():
            raise ValueError(f"{name} must be finite, got {int((~torch.isfinite(values)).sum())} that are not")
        flat = (values == values[0]).all(0).nonzero().flatten().tolist()
        if flat:
            raise ValueError(f"{name} must vary over the subsets, got a constant in column {flat[0]} ({len(flat)} in all)")
        ranks = torch.from_numpy(rankdata(values.detach().cpu().numpy(), axis=0)).double()
        centred.append(ranks - ranks.mean(0))
    a, b = centred
    return (a * b).sum(0) / (a.square().sum(0) * b.square().sum(0)).sqrt()


def linear_datamodeling_score(scores: Tensor, subsets: Tensor, values: Tensor) -> Tensor:
    """Mean over test rows of Spearman's correlation between predicted and real values on these subsets: a number <= 1.

    `scores (n, t)`, `subsets (m, n)`, `values (m, t)` (Park et al., 2023). An intercept or a positive factor changes no
    rank, so scores of any unit compete. Take fresh subsets, not those of the fit. Raises ValueError as `rank_correlations`.

    >>> z = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> linear_datamodeling_score(torch.tensor([[1.0], [2.0]]), z, torch.tensor([[1.0], [5.0], [6.0]])).item()
    1.0
    """
    return rank_correlations(predicted_values(scores, subsets), values).mean()


def margin_gradients(learner: Learner, theta: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Log-odds of the right label `(t,)` for one model `theta (p,)`, and their gradients in theta `(t, p)`.

    >>> from course_lib.attribution.linear_learners import Logistic
    >>> x, y = torch.tensor([[2.0], [3.0]]), torch.tensor([1, 0])
    >>> margin_gradients(Logistic(penalty=1.0), torch.zeros(1), x, y)[1].tolist()
    [[2.0], [-3.0]]
    """

    def margin(parameters: Tensor, row: Tensor, label: Tensor) -> Tensor:
        return label_margins(learner.outputs(parameters[None], row[None]), label[None])[0, 0]

    with torch.no_grad():
        margins = label_margins(learner.outputs(theta[None], x), y)[0]
    return margins, vmap(grad(margin), (None, 0, 0))(theta, x, y)


def trak(
    learner: Learner,
    x: Tensor,
    y: Tensor,
    test_x: Tensor,
    test_y: Tensor,
    *,
    models: int = 1,
    alpha: float = 1.0,
    projection: int | None = None,
    ridge: float = 0.0,
    curvature: bool = False,
    generator: torch.Generator | None = None,
) -> Attribution:
    """TRAK scores `(n, t)` of classification examples for the margins of test rows (Park et al., 2023, equations 13 to 16).

    For each model, trained on a random part `alpha` of the examples (1: all), phi(z) is the gradient of the margin of z in
    the parameters, projected to `projection` random directions if given, and

        score_i(z) = mean of [phi(z)' (Phi' Phi + ridge I)^-1 phi_i] times mean of (1 - p_i),

    both means over the models; p_i is the probability of the right label. Positive = helpful, as in a `training_game`.
    `curvature` weights row i of Phi' Phi by p_i (1 - p_i), as Newton's step does and TRAK does not: for logistic
    regression, one model on all examples and ridge = penalty this is the influence function. The authors' final
    soft-thresholding is left out. `evaluations` counts models; errors are the jackknife over them (nan for one).
    Raises ValueError for bad numbers, or gradients that leave Phi' Phi singular: project, or take ridge > 0.
    """
    if isinstance(models, bool) or not isinstance(models, int) or models < 1 or (alpha == 1 and models > 1):
        raise ValueError(f"models must be an integer of at least 1, and 1 if alpha is 1, got {models!r} with alpha={alpha!r}")
    if projection is not None and (not isinstance(projection, int) or projection < 1):
        raise ValueError(f"projection must be an integer of at least 1, got {projection!r}")
    _ridges([ridge])
    weights = (torch.ones(1, len(x)) if alpha == 1 else random_subsets(models, len(x), alpha, generator)).to(x)
    kernels, doubts = [], []
    for theta in learner.fit(x, y, weights).detach():
        (margins, phi), (_, phi_test) = margin_gradients(learner, theta, x, y), margin_gradients(learner, theta, test_x, test_y)
        if projection is not None:
            directions = torch.randn(phi.shape[1], projection, generator=_drawn(generator)).to(phi) / projection**0.5
            phi, phi_test = phi @ directions, phi_test @ directions
        p = torch.sigmoid(margins)
        kernels.append(_kernel(phi, phi_test, p * (1 - p) if curvature else torch.ones_like(p), ridge))
        doubts.append(torch.sigmoid(-margins))
    kernel, doubt = torch.stack(kernels), torch.stack(doubts)[:, :, None]
    scores = kernel.mean(0) * doubt.mean(0)
    left_out = [(total.sum(0) - total) / max(models - 1, 1) for total in (kernel, doubt)]
    spread = (left_out[0] * left_out[1]).var(0, correction=0) * (models - 1) if models > 1 else scores * torch.nan
    return Attribution(scores, spread.sqrt(), models, range(len(x)), "jackknife over models")


def _kernel(phi: Tensor, phi_test: Tensor, weights: Tensor, ridge: float) -> Tensor:
    """phi_i' (Phi' W Phi + ridge I)^-1 phi(z) for all i and z: `(n, t)`, solved in float64."""
    dtype, phi, phi_test, weights = phi.dtype, phi.double(), phi_test.double(), weights.double()
    gram = phi.T @ (weights[:, None] * phi) + ridge * torch.eye(phi.shape[1], dtype=phi.dtype, device=phi.device)
    if ridge == 0 and torch.linalg.matrix_rank(weights.sqrt()[:, None] * phi) < len(gram):
        raise ValueError(f"ridge must be positive, or projection small, got {len(phi)} gradients that leave {len(gram)} free")
    return (phi @ torch.linalg.solve(gram, phi_test.T)).to(dtype)


def _drawn(generator: torch.Generator | None) -> torch.Generator:
    if not isinstance(generator, torch.Generator):
        raise ValueError(f"generator must be a torch.Generator, got {generator!r}")
    return generator


def _ridges(ridges: Sequence[float], positive: bool = False) -> None:
    if not len(ridges) or not all(isinstance(r, int | float) and 0 <= r < math.inf and (r or not positive) for r in ridges):
        raise ValueError(f"ridge must be finite and {'positive' if positive else 'not negative'}, got {list(ridges)}")


def _retrained(subsets: Tensor, values: Tensor) -> None:
    if subsets.dim() != 2 or values.dim() < 1 or len(subsets) != len(values):
        raise ValueError(f"values must have one row per subset {tuple(subsets.shape)}, got {tuple(values.shape)}")
    if not (torch.isfinite(subsets).all() and torch.isfinite(values).all()):
        raise ValueError("subsets and values must be finite, got nan or infinity")
