"""Games whose players are training examples: the value of a subset is the utility of the model that it trains.

Chapters: attribution/retraining, influence, datamodels, overview. `training_game` turns example weights into a retrained
model and reads its utility on test rows: the gate of an example is its weight in the loss. Utilities are margins or minus
losses, so that a helpful example has a positive score under every reading of the game:

* `leave_one_out`: what the model loses without the example; `shapley`: Data Shapley; `banzhaf`: Data Banzhaf;
* `gradient` at 1: the influence function; `linear_surrogate`: a datamodel.

For nearest neighbours no model is fitted, and both values have a closed form.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_lib.attribution.learners import Learner, labels_fit
from course_lib.games import Attribution, Game
from course_lib.games.scores import exact

Utility = str | Callable[[Tensor, Tensor], Tensor]


def training_game(
    learner: Learner,
    x: Tensor,
    y: Tensor,
    test_x: Tensor,
    test_y: Tensor,
    *,
    utility: Utility = "margin",
    average: bool = False,
    players: Sequence[str] | None = None,
) -> Game:
    """v(g) = utility on the test rows of the model that minimises sum_i g_i l_i + penalty / 2 |theta|^2.

    `x (n, d)`, `y (n,)`: training rows, the players. `test_x (t, d)`, `test_y (t,)`. The value is `(m, t)`, one column per
    test row: one retraining serves them all; with `average` it is their mean `(m,)`. `utility`: "margin" (`label_margins`),
    "log_likelihood", "accuracy" (then the game is hard), "squared_error" (minus half of it), or a function of outputs
    `(m, t)` or `(m, t, k)` and labels `(t,)` that returns `(m, t)`. Deterministic; differentiable in the weights, so
    that `gradient(game)` is the influence of every example. Raises ValueError for shapes that do not fit, an unknown
    utility, or labels that the learner does not know.

    >>> from course_lib.attribution.linear_learners import Ridge
    >>> x, y = torch.tensor([[1.0], [1.0]]).double(), torch.tensor([1.0, 3.0]).double()
    >>> game = training_game(Ridge(penalty=1.0), x, y, x[:1], y[:1], utility="squared_error", average=True)
    >>> [round(v, 4) for v in game(torch.tensor([[0.0, 0.0], [1.0, 1.0]])).tolist()]
    [-0.5, -0.0556]
    """
    measure = utility_measure(utility)
    if test_x.dim() != x.dim() or test_x.shape[1:] != x.shape[1:] or len(test_x) == 0:
        raise ValueError(f"test_x must have rows of shape {tuple(x.shape[1:])} like x, got {tuple(test_x.shape)}")
    if test_y.shape != test_x.shape[:1]:
        raise ValueError(f"test_y must have shape ({len(test_x)},), one label per row of test_x, got {tuple(test_y.shape)}")
    if not (torch.isfinite(test_x).all() and torch.isfinite(test_y.double()).all()):
        raise ValueError("test_x and test_y must be finite, got nan or infinity")
    if players is not None and len(players) != len(x):
        raise ValueError(f"players must name {len(x)} players, one per row of x, got {len(players)}")
    theta = learner.fit(x, y, torch.ones(1, len(x), dtype=x.dtype, device=x.device))  # errors in x, y now, not at the first use
    if utility in ("margin", "log_likelihood", "accuracy"):
        outputs = learner.outputs(theta, test_x[:1])
        labels_fit(test_y, 2 if outputs.dim() == 2 else outputs.shape[2], "test_y")

    def value(gates: Tensor) -> Tensor:
        values = measure(learner.outputs(learner.fit(x, y, gates), test_x), test_y)
        return values.mean(1) if average else values

    names = len(x) if players is None else players
    return Game(value, names, differentiable=utility != "accuracy", dtype=x.dtype, device=x.device)


def label_margins(outputs: Tensor, y: Tensor) -> Tensor:
    """Log-odds of the right label, log p_y - log(1 - p_y), `(m, t)`: positive where the model gives it more than one half.

    `outputs`: log-odds of class 1 `(m, t)` or logits `(m, t, k)`; for logits f it is f_y - logsumexp of the others.

    >>> label_margins(torch.tensor([[2.0, 2.0]]), torch.tensor([1, 0])).tolist()
    [[2.0, -2.0]]
    """
    if outputs.dim() == 2:
        return (2 * y.to(outputs.dtype) - 1) * outputs
    right = y.long().expand(len(outputs), -1)[..., None]
    others = outputs.scatter(2, right, -torch.inf).logsumexp(2)
    return outputs.gather(2, right)[..., 0] - others


def log_likelihoods(outputs: Tensor, y: Tensor) -> Tensor:
    """log p_y = minus the log-loss, `(m, t)`, from log-odds `(m, t)` or logits `(m, t, k)`.

    >>> log_likelihoods(torch.zeros(1, 1), torch.tensor([1])).exp().tolist()
    [[0.5]]
    """
    return nn.functional.logsigmoid(label_margins(outputs, y))


def hits(outputs: Tensor, y: Tensor) -> Tensor:
    """1 where the predicted class is `y`, else 0, `(m, t)`; log-odds of exactly 0 predict class 0."""
    predicted = (outputs > 0).long() if outputs.dim() == 2 else outputs.argmax(2)
    return (predicted == y).to(outputs.dtype)


def _squared_errors(outputs: Tensor, y: Tensor) -> Tensor:
    return -((outputs - y) ** 2) / 2


UTILITIES = {"margin": label_margins, "log_likelihood": log_likelihoods, "accuracy": hits, "squared_error": _squared_errors}


def utility_measure(utility: Utility) -> Callable[[Tensor, Tensor], Tensor]:
    """The function of outputs and labels that a utility names. Raises ValueError for an unknown name."""
    if callable(utility):
        return utility
    if utility not in UTILITIES:
        raise ValueError(f"utility must be a function or one of {sorted(UTILITIES)}, got {utility!r}")
    return UTILITIES[utility]


def truncated_shapley(
    game: Game, orders: int, tolerance: float, generator: torch.Generator, batch_size: int | None = None
) -> Attribution:
    """Truncated Monte Carlo Data Shapley (Ghorbani & Zou, 2019, algorithm 1), all orders side by side.

    Along a random order examples are added until the value is within `tolerance` of v(1); the examples that follow get 0
    in this order (not nothing: the mean still counts it). A bias for a saving: orders that have arrived stop retraining.
    Scores are means over `orders` with their standard errors; `evaluations` counts the rows really computed. With
    tolerance 0 it is `shapley(method="permutation", antithetic=False)`. Raises ValueError for fewer than two orders, a negative
    tolerance, a game with several outputs, or a generator that is not one.

    >>> from course_lib.games import Game
    >>> game, generator = Game(lambda g: g.sum(1).clamp(max=1), players=3), torch.Generator().manual_seed(0)
    >>> truncated_shapley(game, 2, 0.0, generator).scores.sum().item()
    1.0
    """
    if isinstance(orders, bool) or not isinstance(orders, int) or orders < 2:
        raise ValueError(f"orders must be at least 2 for a standard error, a whole number, got {orders!r}")
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be at least 0, got {tolerance}")
    if not isinstance(generator, torch.Generator):
        raise ValueError(f"generator must be a torch.Generator, got {generator!r}")
    empty, full = game.ends()
    if empty.dim():
        raise ValueError(f"game must have one output for truncation, got {tuple(empty.shape)}: average over the test rows")
    rank = torch.rand(orders, game.n, generator=generator).argsort(1).argsort(1).to(game.device)
    gains = torch.zeros(orders, game.n, dtype=full.dtype, device=game.device)
    value, evaluations = empty.repeat(orders), 2
    alive = torch.arange(orders, device=game.device)[(value - full).abs() > tolerance]
    for step in range(game.n):
        if len(alive) == 0:
            break
        if step < game.n - 1:
            new = game.evaluate((rank[alive] <= step).to(game.dtype), batch_size)
            evaluations += len(alive)
        else:
            new = full.repeat(len(alive))
        gains[alive, (rank[alive] == step).long().argmax(1)] = new - value[alive]
        value[alive] = new
        alive = alive[(new - full).abs() > tolerance] if tolerance else alive
    return Attribution(gains.mean(0), gains.std(0) / orders**0.5, evaluations, game.players, "permutations")


def detection_auc(scores: Tensor, marked: Tensor) -> float:
    """How well low scores find the marked players: P(score of a marked one < score of another) + P(equal) / 2.

    `scores` `(n,)`, `marked` `(n,)` True or False, both kinds present (else ValueError). The area under the ROC curve of
    minus the score: 1 if all marked players come first, about 1/2 if the scores know nothing.

    >>> detection_auc(torch.tensor([-1.0, 0.0, 0.0, 2.0]), torch.tensor([True, True, False, False]))
    0.875
    """
    marked = marked.bool()
    if scores.shape != marked.shape or scores.dim() != 1 or not marked.any() or marked.all():
        raise ValueError(f"marked must be (n,) like scores, with both kinds, got {tuple(marked.shape)}, {marked.sum()} marked")
    low, high = scores[marked][:, None], scores[~marked][None]
    return ((low < high).double() + (low == high).double() / 2).mean().item()


def knn_game(x: Tensor, y: Tensor, test_x: Tensor, test_y: Tensor, k: int) -> Game:
    """v(S) = mean over test rows of (1 / k) * the number of S's min(k, |S|) nearest neighbours with the right label.

    Ties in distance go to the lower row. A hard game; the value of the empty set is 0 (Jia et al., 2019, eq. 5).
    """
    order, match = _neighbours(x, y, test_x, test_y, k)

    def value(gates: Tensor) -> Tensor:
        present = gates[:, order]  # (m, t, n), nearest first
        among = (present.cumsum(2) <= k) * present
        return (among * match).sum(2).mean(1) / k

    return Game(value, len(x), differentiable=False, dtype=match.dtype, device=x.device)


def knn_shapley(x: Tensor, y: Tensor, test_x: Tensor, test_y: Tensor, k: int) -> Attribution:
    """Exact Shapley values of `knn_game` without a single subset, in O(t n log n) (Jia et al., 2019, theorem 1).

    With the training rows sorted by distance, nearest first, and c_i = 1 if label i is right, else 0:
    s_n = c_n min(k, n) / (n k), then s_i = s_{i+1} + (c_i - c_{i+1}) / k * min(k, i) / i, averaged over the test rows.
    Raises ValueError for shapes that do not fit or k < 1.

    >>> x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([1, 0])
    >>> knn_shapley(x, y, torch.tensor([[0.0]]), torch.tensor([1]), k=1).scores.tolist()
    [1.0, 0.0]
    """
    order, match = _neighbours(x, y, test_x, test_y, k)
    n = len(x)
    place = torch.arange(1, n, dtype=match.dtype, device=x.device)
    steps = (match[:, :-1] - match[:, 1:]) / k * place.clamp(max=k) / place
    last = match[:, -1:] * min(k, n) / (n * k)
    sorted_scores = torch.cat([steps, last], 1).flip(1).cumsum(1).flip(1)
    scores = torch.zeros_like(sorted_scores).scatter(1, order, sorted_scores).mean(0)
    return exact(scores, 0, tuple(map(str, range(n))))


def knn_leave_one_out(x: Tensor, y: Tensor, test_x: Tensor, test_y: Tensor, k: int) -> Attribution:
    """Exact leave one out of `knn_game`: one of the k nearest is replaced by neighbour k + 1, all others change nothing.

    (c_i - c_{k+1}) / k for i <= k, with c_{k+1} = 0 if there are only k rows, averaged over the test rows. Raises
    ValueError as `knn_shapley`.

    >>> x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([1, 0])
    >>> knn_leave_one_out(x, y, torch.tensor([[0.0]]), torch.tensor([1]), k=1).scores.tolist()
    [1.0, 0.0]
    """
    order, match = _neighbours(x, y, test_x, test_y, k)
    following = match[:, k : k + 1] if len(x) > k else torch.zeros_like(match[:, :1])
    change = torch.zeros_like(match)
    change[:, :k] = (match[:, :k] - following) / k
    return exact(torch.zeros_like(change).scatter(1, order, change).mean(0), 0, tuple(map(str, range(len(x)))))


def _neighbours(x: Tensor, y: Tensor, test_x: Tensor, test_y: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Training rows by distance `(t, n)`, nearest first, and whether their labels are right, in float64."""
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ValueError(f"k must be an integer of at least 1, got {k!r}")
    if x.dim() != 2 or test_x.dim() != 2 or x.shape[1] != test_x.shape[1] or not len(x) or not len(test_x):
        raise ValueError(f"x and test_x must be (n, d) and (t, d), got {tuple(x.shape)} and {tuple(test_x.shape)}")
    if y.shape != x.shape[:1] or test_y.shape != test_x.shape[:1]:
        raise ValueError(f"y and test_y must have one label per row, got {tuple(y.shape)} and {tuple(test_y.shape)}")
    if not (torch.isfinite(x).all() and torch.isfinite(test_x).all()):
        raise ValueError("x and test_x must be finite, got nan or infinity")
    distance = torch.cdist(test_x.double(), x.double(), compute_mode="donot_use_mm_for_euclid_dist")
    order = distance.argsort(dim=1, stable=True)
    return order, (y[order] == test_y[:, None]).double()
