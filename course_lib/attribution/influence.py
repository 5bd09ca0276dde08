"""Influence: how parameters and predictions move when one training example is re-weighted, without training again.

Chapters: attribution/influence, datamodels. A learner minimises L(theta, g) = sum_i g_i l_i(theta) + penalty / 2 |theta|^2.
At the minimum the gradient in theta is zero, whatever the weights; differentiate that by g_j (implicit function theorem):

    d theta / d g_j = -H^-1 grad l_j,        H = sum_i g_i Hess l_i + penalty I,

so a utility u of the test rows moves by -grad u^T H^-1 grad l_j. This is `gradient(training_game(...))`, written out. The
sign is that of the whole course: the score estimates *with* example j *minus without* it, so a helpful example is
positive (up-weighting raises g_j; removal is the same line followed from 1 to 0). Nothing is divided by n.

Three readings of the same gradients: `influence` (with H^-1), `gradient_overlap` (with H^-1 left out), `tracin` (overlaps
summed over checkpoints); and `newton_without_each`, which replaces the tangent by one Newton step of the objective
without the example.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.attribution.curvature import (
    blocks,
    conjugate_gradients,
    example_gradients,
    example_hessians,
    hessian_product,
    objective_hessian,
    solve_directly,
    utility_gradients,
)
from course_lib.attribution.data import Utility
from course_lib.attribution.learners import Learner
from course_lib.games import Attribution

SOLVERS = ("direct", "cg")


class NotAtMinimum(UserWarning):
    """The point is not a strict minimum of the objective, so the scores answer another question than retraining.

    At a point with gradient G they belong to the tilted objective L(theta, g) - G . theta, which is stationary there (its
    minimiser is the *response function* of Bae et al., 2022). With negative curvature there is no minimum to follow at all.
    """


@dataclass(frozen=True)
class Influence(Attribution):
    """Scores `(n, t)`, one column per test row, and how the linear systems were solved.

    `iterations` of conjugate gradients (0 if direct); `residual`: largest |H s - grad u| / |grad u| over the test rows;
    `slope`: |grad L| at the parameters, as a share of the sum of its terms' sizes (0 at a minimum).
    """

    iterations: int = 0
    residual: float = 0.0
    slope: float = 0.0


def influence(
    learner: Learner,
    theta: Tensor,
    x: Tensor,
    y: Tensor,
    test_x: Tensor,
    test_y: Tensor,
    *,
    utility: Utility = "margin",
    weights: Tensor | None = None,
    solver: str = "direct",
    damping: float = 0.0,
    tolerance: float | None = None,
    iterations: int | None = None,
) -> Influence:
    """psi_jt = d u_t / d g_j = -grad u_t^T (H + damping I)^-1 grad l_j (Koh & Liang, 2017, eq. 2, for sums instead of means).

    `theta (p,)`: fitted parameters; `x (n, d)`, `y (n,)`: training rows, `weights (n,)` theirs (default 1); `test_x (t, d)`,
    `test_y (t,)`. `utility` as in `training_game`. All test rows are solved for at once. `solver`: "direct" forms H; "cg"
    never does, it multiplies vectors by H (Pearlmutter, 1994) until every residual is below `tolerance` (default 1e-10, in
    float32 1e-5) in at most `iterations` (default 10 p). Damping makes H easier to invert and changes the question.
    Warns `NotAtMinimum`. Raises ValueError for shapes that do not fit, a utility that is not one number per test row,
    an unknown solver, a singular H, or conjugate gradients that do not converge or meet negative curvature.

    >>> from course_lib.attribution.linear_learners import Ridge
    >>> x, y = torch.tensor([[1.0], [1.0]]).double(), torch.tensor([1.0, 3.0]).double()
    >>> theta = Ridge(1.0).fit(x, y, torch.ones(1, 2).double())[0]
    >>> influence(Ridge(1.0), theta, x, y, x[:1], y[:1], utility=lambda output, _: output).scores[:, 0].numpy().round(4)
    array([-0.1111,  0.5556])
    """
    if solver not in SOLVERS:
        raise ValueError(f"solver must be one of {SOLVERS}, got {solver!r}")
    if not 0 <= damping < math.inf:
        raise ValueError(f"damping must be finite and not negative, got {damping}")
    weights = _checked(learner, theta, x, y, weights)
    right = utility_gradients(learner, theta, test_x, test_y, utility)
    examples = example_gradients(learner, theta, x, y)
    slope = _check_slope(learner, theta, examples, weights)
    solved, used, residual = _solve(learner, theta, x, y, weights, right, solver, damping, tolerance, iterations)
    scores = -examples @ solved.T
    return Influence(scores, torch.zeros_like(scores), 1, _names(len(x)), "exact", used, residual, slope)


def newton_without_each(learner: Learner, theta: Tensor, x: Tensor, y: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Parameters `(n, p)`: row j is one Newton step from `theta (p,)` on the objective without example j,

        theta - (H - g_j Hess l_j)^-1 (grad L - g_j grad l_j).

    Exact for quadratic losses. Where outputs are linear in theta and there is one of them, Hess l_j = c_j x_j x_j^T and by
    Sherman & Morrison the step is H^-1 grad l_j / (1 - h_j): influence, corrected by the leverage
    h_j = c_j x_j^T H^-1 x_j (Pregibon, 1981). Other learners are solved one example at a time. Warns `NotAtMinimum`;
    raises ValueError for shapes that do not fit or an example without which the Hessian is singular.

    >>> from course_lib.attribution.linear_learners import Ridge
    >>> x, y = torch.tensor([[1.0], [1.0]]).double(), torch.tensor([1.0, 3.0]).double()
    >>> theta = Ridge(1.0).fit(x, y, torch.ones(1, 2).double())[0]
    >>> newton_without_each(Ridge(1.0), theta, x, y).squeeze(1).tolist()
    [1.5, 0.5]
    """
    weights = _checked(learner, theta, x, y, weights)
    matrix, examples = objective_hessian(learner, theta, x, y, weights), example_gradients(learner, theta, x, y)
    _check_slope(learner, theta, examples, weights)
    total = weights @ examples + learner.penalty * theta
    steps = []
    for rows in blocks(len(x), len(theta)):
        own = weights[rows, None, None] * example_hessians(learner, theta, x[rows], y[rows])
        step, failed = torch.linalg.solve_ex(matrix - own, (total - weights[rows, None] * examples[rows])[..., None])
        if failed.any() or not torch.isfinite(step).all():
            raise ValueError("the Hessian without some example must be invertible, got a singular one: raise the penalty")
        steps.append(theta - step[..., 0])
    return torch.cat(steps)


def leverages(learner: Learner, theta: Tensor, x: Tensor, y: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """h_j = g_j trace(H^-1 Hess l_j) `(n,)`: how much of the curvature is example j's.

    For linear outputs this is the diagonal of the hat matrix, g_j c_j x_j^T H^-1 x_j, between 0 and 1. Leverages add up to
    p - penalty trace(H^-1), the effective number of parameters.

    >>> from course_lib.attribution.linear_learners import Ridge
    >>> x = torch.tensor([[1.0], [1.0]]).double()
    >>> [round(h, 4) for h in leverages(Ridge(1.0), torch.zeros(1).double(), x, x[:, 0]).tolist()]
    [0.3333, 0.3333]
    """
    weights = _checked(learner, theta, x, y, weights)
    inverse = solve_directly(objective_hessian(learner, theta, x, y, weights), torch.eye(len(theta)).to(theta))
    parts = [(inverse * example_hessians(learner, theta, x[r], y[r])).sum((1, 2)) for r in blocks(len(x), len(theta))]
    return weights * torch.cat(parts)


def gradient_overlap(
    learner: Learner,
    theta: Tensor,
    x: Tensor,
    y: Tensor,
    test_x: Tensor,
    test_y: Tensor,
    *,
    utility: Utility = "log_likelihood",
) -> Attribution:
    """psi_jt = -grad u_t . grad l_j: what one small step of gradient descent on example j does to the utility, per rate.

    With u = -loss it is the product of the two loss gradients (Charpiat et al., 2019): `influence` with H replaced by the
    identity. Scores `(n, t)`. Raises ValueError for shapes that do not fit.
    """
    return tracin(learner, theta[None], [1.0], x, y, test_x, test_y, utility=utility)


def tracin(
    learner: Learner,
    checkpoints: Tensor,
    rates: Sequence[float] | Tensor,
    x: Tensor,
    y: Tensor,
    test_x: Tensor,
    test_y: Tensor,
    *,
    utility: Utility = "log_likelihood",
) -> Attribution:
    """psi_jt = -sum_c rate_c grad u_t(theta_c) . grad l_j(theta_c) over `checkpoints (c, p)` (Pruthi et al., 2020, TracInCP).

    Both gradients are taken at each checkpoint. `rates (c,)`: how far example j's gradient moved the parameters around
    that checkpoint. Positive: a *proponent*, whose steps raised the utility. Scores `(n, t)`. Raises ValueError for shapes
    that do not fit.

    >>> from course_lib.attribution.linear_learners import Ridge
    >>> x, y = torch.tensor([[1.0], [1.0]]).double(), torch.tensor([1.0, 3.0]).double()
    >>> tracin(Ridge(1.0), torch.zeros(2, 1).double(), [0.5, 0.5], x, y, x[:1], y[:1], utility="squared_error").scores.tolist()
    [[1.0], [3.0]]
    """
    rates = torch.as_tensor(rates, dtype=x.dtype, device=x.device)
    if checkpoints.dim() != 2 or rates.shape != checkpoints.shape[:1] or len(rates) == 0:
        got = f"{tuple(checkpoints.shape)} and {tuple(rates.shape)}"
        raise ValueError(f"checkpoints must be (c, p) and rates (c,) with c >= 1, got {got}")
    scores = torch.zeros(len(x), len(test_x), dtype=x.dtype, device=x.device)
    for theta, rate in zip(checkpoints, rates, strict=True):
        _checked(learner, theta, x, y, None)
        right = utility_gradients(learner, theta, test_x, test_y, utility)
        scores -= rate * example_gradients(learner, theta, x, y) @ right.T
    return Attribution(scores, torch.zeros_like(scores), len(rates), _names(len(x)))


def _solve(learner, theta, x, y, weights, right, solver, damping, tolerance, iterations) -> tuple[Tensor, int, float]:
    """(H + damping I)^-1 grad u `(t, p)`, the iterations and the largest relative residual."""
    if solver == "cg":
        tolerance = (1e-10 if x.dtype == torch.float64 else 1e-5) if tolerance is None else tolerance
        multiply = hessian_product(learner, theta, x, y, weights, damping)
        return conjugate_gradients(multiply, right, tolerance, 10 * len(theta) if iterations is None else iterations)
    matrix = objective_hessian(learner, theta, x, y, weights)
    matrix = matrix + damping * torch.eye(len(matrix)).to(matrix)
    if torch.linalg.eigvalsh(matrix)[0] < 0:
        text = "H has negative eigenvalues: theta is not a minimum, and the scores are those of a stationary point at best"
        warnings.warn(text, NotAtMinimum, stacklevel=3)
    solved = solve_directly(matrix, right)
    sizes = right.norm(dim=1).clamp(min=torch.finfo(right.dtype).tiny)
    return solved, 0, ((solved @ matrix - right).norm(dim=1) / sizes).max().item()


def _check_slope(learner: Learner, theta: Tensor, examples: Tensor, weights: Tensor) -> float:
    """|grad L| as a share of the sum of the sizes of its terms; a warning where it is more than rounding."""
    size = weights @ examples.norm(dim=1) + learner.penalty * theta.norm()
    slope = ((weights @ examples + learner.penalty * theta).norm() / size.clamp(min=torch.finfo(size.dtype).tiny)).item()
    if slope > 10 * torch.finfo(theta.dtype).eps ** 0.5:
        text = f"the objective's gradient at theta is {slope:.1e} of the sum of its terms, not 0: the scores are not those of "
        text += "retraining but of the objective tilted until theta is its minimum; train further, or read them so"
        warnings.warn(text, NotAtMinimum, stacklevel=3)
    return slope


def _checked(learner: Learner, theta: Tensor, x: Tensor, y: Tensor, weights: Tensor | None) -> Tensor:
    """The weights `(n,)`, once the shapes are found to fit."""
    if theta.dim() != 1 or not theta.is_floating_point() or not torch.isfinite(theta).all():
        raise ValueError(f"theta must be one finite vector of parameters (p,), got {theta.dtype} {tuple(theta.shape)}")
    if x.dim() < 2 or y.shape != x.shape[:1] or x.dtype != theta.dtype:
        shapes = f"{x.dtype} {tuple(x.shape)}, {tuple(y.shape)} and {theta.dtype}"
        raise ValueError(f"x (n, *shape) and y (n,) must fit each other and theta's type, got {shapes}")
    weights = x.new_ones(len(x)) if weights is None else weights
    if weights.shape != x.shape[:1] or not (weights >= 0).all():
        raise ValueError(f"weights must be ({len(x)},) and not negative, got {tuple(weights.shape)}")
    return weights


def _names(n: int) -> tuple[str, ...]:
    return tuple(map(str, range(n)))
