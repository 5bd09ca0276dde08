"""Checks for exercises/start/warmup.ipynb."""

import torch

from course_lib.checks import Exercise, Wrong, as_tensor, close
from course_lib.checks.answers import AnswerError
from course_lib.models import MLP


def _compare(value: object, truth: torch.Tensor, likely: dict[str, object]) -> None:
    """Raise the hint of the likely mistake that gives this value; several values of one mistake stand in a list."""
    value = as_tensor(value, tuple(truth.shape))
    if close(value, truth):
        return
    for hint, others in likely.items():
        if any(close(value, other) for other in (others if isinstance(others, list) else [others])):
            raise Wrong(hint)
    raise Wrong("value")


def _same(hint: str, truth: torch.Tensor, answer, *args) -> None:
    """A special case: an error, another shape or another value all get the hint of the case."""
    try:
        value = answer(*args)
    except AnswerError as error:
        raise Wrong(hint, seen=str(error)) from None
    if isinstance(value, torch.Tensor) and tuple(value.shape) != tuple(truth.shape):
        raise Wrong(hint, seen=f"shape {tuple(value.shape)} in place of {tuple(truth.shape)}")
    try:
        right = close(as_tensor(value, tuple(truth.shape)), truth)
    except Wrong as wrong:
        raise (Wrong(hint, seen="nan or inf") if wrong.hint == "nan" else wrong) from None
    if not right:
        raise Wrong(hint)


def _network(random, *widths: int) -> tuple[MLP, torch.Tensor, torch.Tensor]:
    """A frozen tanh network with one hidden layer, and its two weight matrices `(h, n)`, `(k, h)`; its biases are zero."""
    model = MLP(list(widths), "tanh", random.seed()).double().requires_grad_(False)
    return model, model.layers[0].weight, model.layers[2].weight


def _jacobians(inner: torch.Tensor, outer: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Jacobians of x -> outer tanh(inner x) at each row of x, in closed form: `(b, k, n)`."""
    return torch.einsum("kh,bh,hn->bkn", outer, 1 - torch.tanh(x @ inner.T) ** 2, inner)


def _hessians(inner: torch.Tensor, outer: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Hessians of the first output of the same network at each row of x, in closed form: `(b, n, n)`."""
    t = torch.tanh(x @ inner.T)
    return torch.einsum("bh,hi,hj->bij", -2 * outer[0] * t * (1 - t**2), inner, inner)


def _matrix(p: list[int]) -> torch.Tensor:
    """The matrix P with P x = x[p]."""
    return torch.eye(len(p), dtype=torch.float64)[p]


# -------------------------------------------------------------------------------------------------- input gradient

input_gradient = Exercise(
    "start/warmup/input_gradient",
    hints={
        "all": "you differentiate the sum of all outputs: row r has a single output of interest, number targets[r]",
        "first": "you use the same output for every row: row r has its own target, targets[r]",
        "pairs": "each row gets the outputs of all targets: pick one output a row, for example with `gather`",
        "axis": "`targets` picks rows of the outputs in your function: it numbers columns, one for each row",
        "mean": "you differentiate the mean over the batch, so every row is divided by the number of rows: take the sum",
        "times": "you multiply the gradient by the input: return the gradient alone",
        "softmax": "you differentiate a (log-)probability: the outputs themselves are asked for",
        "value": "row r should be the gradient of output targets[r] of row r by the entries of that row",
        "one": "right for many rows, but with a single row the result still has shape (1, n)",
        "few": "right for many rows, but not for two rows of a network with more outputs than rows",
    },
)


@input_gradient.property(points=1)
def every_row_has_its_own_target(answer, random):
    n, k = random.integer(3, 4), random.integer(3, 4)
    model, inner, outer = _network(random, n, 6, k)
    targets = torch.tensor([*random.order(k), random.integer(0, k - 1), random.integer(0, k - 1)])
    x = random.normal(len(targets), n)
    jacobians = _jacobians(inner, outer, x)
    truth = jacobians[range(len(x)), targets]
    probabilities = torch.softmax(model(x), 1)
    slopes = torch.einsum("bk,bkn->bn", probabilities, jacobians)
    counts = torch.bincount(targets, minlength=len(x)).double()[:, None]
    likely = {
        "all": jacobians.sum(1),
        "first": jacobians[:, targets[0]],
        "pairs": jacobians[:, targets].sum(1),
        "axis": counts * jacobians.sum(1),
        "mean": truth / len(x),
        "times": truth * x,
        "softmax": [truth - slopes, probabilities[range(len(x)), targets][:, None] * (truth - slopes)],
    }
    _compare(answer(model, x, targets), truth, likely)


@input_gradient.property(points=1)
def any_number_of_rows(answer, random):
    for hint, rows in (("one", 1), ("few", 2)):
        model, inner, outer = _network(random, 3, 6, 4)
        x, targets = random.normal(rows, 3), torch.tensor(random.order(4)[:rows])
        _same(hint, _jacobians(inner, outer, x)[range(rows), targets], answer, model, x, targets)


# ------------------------------------------------------------------------------------------- directional derivative

directional_derivative = Exercise(
    "start/warmup/directional_derivative",
    hints={
        "transposed": "this is the vector-Jacobian product, with v among the outputs: a direction lives among the inputs",
        "unit": "you divide by the length of v: the derivative along 2v is twice that along v",
        "step": "you take one whole step along v: the derivative is the rate for an infinitely short one",
        "point": "you multiply the Jacobian by x: the direction is v",
        "ones": "you add up the entries of each gradient: weight them by v",
        "sign": "the sign is reversed",
        "value": "entry k should be the sum over i of v_i times the derivative of output k by x_i",
        "one": "right for several inputs, but not for a network with a single input",
        "zero": "along v = 0 nothing changes: every entry is 0",
        "long": "right for a moderate v, but not for a very long one: use autograd, not a difference",
    },
)


@directional_derivative.property(points=1)
def multiplies_the_jacobian_by_v(answer, random):
    for n, k in ((3, 3), (2, 4)):
        model, inner, outer = _network(random, n, 6, k)
        x, v = random.normal(n), random.away_from_zero(n)
        jacobian = _jacobians(inner, outer, x[None])[0]
        truth, outputs = jacobian @ v, model(torch.stack([x + v, x]))
        likely = {
            "transposed": jacobian.T @ v if n == k else truth,
            "unit": truth / v.norm(),
            "step": outputs[0] - outputs[1],
            "point": jacobian @ x,
            "ones": jacobian.sum(1),
            "sign": -truth,
        }
        _compare(answer(model, x, v), truth, likely)


@directional_derivative.property(points=1)
def any_direction(answer, random):
    for hint, n, scale in (("one", 1, 1.0), ("zero", 3, 0.0), ("long", 3, 1e4)):
        model, inner, outer = _network(random, n, 6, 3)
        x, v = random.normal(n), scale * random.away_from_zero(n)
        _same(hint, _jacobians(inner, outer, x[None])[0] @ v, answer, model, x, v)


# --------------------------------------------------------------------------------------------------- weighted lines

weighted_lines = Exercise(
    "start/warmup/weighted_lines",
    hints={
        "order": "slope and intercept are exchanged: slopes stand in column 0, intercepts in column 1",
        "ignored": "all your lines are the unweighted one: each row of `weights` asks for its own line",
        "squared": "your weights count squared: weight 4 should count four times, so take the square root of the weights",
        "root": "your weights count as their square roots: weight 4 should count four times, as in the normal equations",
        "inverse": "you divide by the weights: a larger weight makes a point count more",
        "origin": "your lines pass through the origin: fit an intercept as well",
        "centre": "you centre with the plain means: the weighted line passes through the weighted means",
        "first": "you use the first row of weights for every line",
        "value": "each line should make the sum of weight times squared residual as small as possible",
        "zero": "right for positive weights, but a point of weight 0 should not count at all, wherever it lies",
        "scale": "right for weights near 1, but only their ratios matter: weights a million times smaller give the same line",
        "two": "right for many points, but not for two: the line goes through both, whatever their weights",
    },
)


def _lines(x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Slope and intercept of each weighted line, by Cramer's rule: `(b, 2)`."""
    s, sx, sy, sxx, sxy = ((weights * column).sum(1) for column in (torch.ones_like(x), x, y, x * x, x * y))
    determinant = s * sxx - sx * sx
    return torch.stack([(s * sxy - sx * sy) / determinant, (sxx * sy - sx * sxy) / determinant], 1)


@weighted_lines.property(points=1)
def fits_with_weights(answer, random):
    m, b = random.integer(5, 7), random.integer(3, 4)
    x, y, weights = random.normal(m) + 0.7, random.away_from_zero(m), random.uniform(b, m, low=0.3, high=4.0)
    truth = _lines(x, y, weights)
    dx, dy = x - x.mean(), y - y.mean()
    off_centre = (weights * dx * dy).sum(1) / (weights * dx**2).sum(1)
    intercepts = [y.mean() - off_centre * x.mean(), (weights * (y - off_centre[:, None] * x)).sum(1) / weights.sum(1)]
    slope = (weights * x * y).sum(1) / (weights * x * x).sum(1)
    likely = {
        "order": truth.flip(1),
        "ignored": _lines(x, y, torch.ones_like(weights)),
        "squared": _lines(x, y, weights**2),
        "root": _lines(x, y, weights.sqrt()),
        "inverse": _lines(x, y, 1 / weights),
        "origin": torch.stack([slope, torch.zeros(b)], 1),
        "first": truth[:1].expand(b, 2),
        "centre": [torch.stack([off_centre, intercept], 1) for intercept in intercepts],
    }
    _compare(answer(x, y, weights), truth, likely)


@weighted_lines.property(points=1)
def only_ratios_count(answer, random):
    m = random.integer(5, 6)
    x, y, weights = random.normal(m), random.away_from_zero(m), random.uniform(2, m, low=0.3, high=4.0)
    off = torch.tensor(random.order(m)) < 2
    _same("zero", _lines(x[~off], y[~off], weights[:, ~off]), answer, x, y + 20.0 * off, weights * ~off)
    _same("scale", _lines(x, y, weights[:1]), answer, x, y, 1e-6 * weights[:1])
    ends = torch.cat([random.uniform(1, low=-2.0, high=-1.0), random.uniform(1, low=1.0, high=2.0)])
    _same("two", _lines(ends, y[:2], weights[:, :2]), answer, ends, y[:2], weights[:, :2])


# ------------------------------------------------------------------------------------------------------------ ridge

ridge = Exercise(
    "start/warmup/ridge",
    hints={
        "intercept": "the intercept is penalised too: leave it out, or adding a constant to y would change the slopes",
        "origin": "there is no intercept in your fit: add a column of ones, or centre X and y",
        "centred": "your intercept is that of the centred data: take off the mean of X times the coefficients",
        "last": "the intercept stands first, then the coefficients in the order of the columns",
        "mean": "you penalise against the mean of the squared errors: their sum is asked for",
        "half": "your penalty has another size: `strength` times the sum of squared coefficients, without a half or a two",
        "ignored": "`strength` has no effect in your fit",
        "sign": "the penalty is subtracted: it should hold the coefficients small",
        "value": "the result should minimise the sum of squared errors plus strength times the squared coefficients",
        "free": "right with a penalty, but not for strength 0: that is the ordinary least-squares fit with an intercept",
        "strong": "under a very strong penalty the coefficients vanish and the intercept is the mean of y",
        "wide": "right for more rows than columns, but not for more columns than rows: the penalty takes care of it",
        "row": "right for many rows, but with a single row the coefficients are 0 and the intercept is its y",
    },
)


def _ridge(X: torch.Tensor, y: torch.Tensor, strength: float) -> torch.Tensor:
    """Intercept and coefficients from the centred data and their singular values: `(n + 1,)`."""
    mean = X.mean(0)
    u, s, vt = torch.linalg.svd(X - mean, full_matrices=False)
    kept = s > 1e-9
    theta = vt[kept].T @ (s[kept] / (s[kept] ** 2 + strength) * (u[:, kept].T @ (y - y.mean())))
    return torch.cat([(y.mean() - mean @ theta)[None], theta])


def _regression(random, m: int, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    X = random.normal(m, n) + random.away_from_zero(n)
    return X, X @ random.away_from_zero(n) + 2.0 * random.away_from_zero(1) + 0.3 * random.normal(m)


@ridge.property(points=1)
def penalises_the_coefficients_alone(answer, random):
    m, n = random.integer(6, 8), random.integer(2, 3)
    X, y = _regression(random, m, n)
    strength = float(random.uniform(1, low=0.6, high=1.8))
    truth, eye = _ridge(X, y, strength), torch.eye(n + 1, dtype=torch.float64)
    rows = torch.cat([torch.ones(m, 1, dtype=torch.float64), X], 1)
    free = eye.clone()
    free[0, 0] = 0
    gram, moment = rows.T @ rows, rows.T @ y
    origin = torch.linalg.solve(X.T @ X + strength * eye[1:, 1:], X.T @ y)
    zero = torch.zeros(1, dtype=torch.float64)
    likely = {
        "intercept": torch.linalg.solve(gram + strength * eye, moment),
        "origin": torch.cat([zero, origin]),
        "centred": torch.cat([y.mean()[None], truth[1:]]),
        "last": truth.roll(-1),
        "mean": _ridge(X, y, strength * m),
        "half": [_ridge(X, y, factor * strength) for factor in (0.5, 2.0)],
        "ignored": _ridge(X, y, 0.0),
        "sign": torch.linalg.solve(gram - strength * free, moment),
    }
    value = answer(X, y, strength)
    if isinstance(value, torch.Tensor) and value.shape == (n,):
        raise Wrong("origin")
    _compare(value, truth, likely)


@ridge.property(points=1)
def any_strength_and_shape(answer, random):
    for hint, m, n, strength in (("free", 6, 2, 0.0), ("strong", 6, 2, 1e8), ("wide", 3, 5, 0.7), ("row", 1, 2, 0.7)):
        X, y = _regression(random, m, n)
        _same(hint, _ridge(X, y, strength), answer, X, y, strength)


# ----------------------------------------------------------------------------------------------- permutation matrix

permutation_matrix = Exercise(
    "start/warmup/permutation_matrix",
    hints={
        "inverse": "your matrix is the inverse: entry i should be sent to place p[i], yours comes from there",
        "identity": "your matrix moves nothing",
        "doubly": "each row and each column should have exactly one 1, and zeros elsewhere",
        "value": "each row and column has its 1, but in another place: column i has it in row p[i]",
        "one": "right for several entries, but not for a single one",
        "size": "right for a few entries, but not for another number of them",
        "still": "right when everything moves, but not when some entries or all stay where they are",
    },
)


def _order_three(random, n: int) -> list[int]:
    """A permutation without fixed points that is not its own inverse."""
    while True:
        p = random.order(n)
        if all(p[i] != i for i in range(n)) and any(p[p[i]] != i for i in range(n)):
            return p


@permutation_matrix.property(points=1)
def sends_entry_i_to_place_p_i(answer, random):
    for n in (4, 5):
        p = _order_three(random, n)
        truth = _matrix(p).T
        value = as_tensor(answer(p), (n, n))
        ones = torch.ones(n, dtype=torch.float64)
        if not (close(value.sum(0), ones) and close(value.sum(1), ones) and close(value**2, value)):
            raise Wrong("doubly")
        _compare(value, truth, {"inverse": truth.T, "identity": torch.eye(n, dtype=torch.float64)})


@permutation_matrix.property(points=1)
def any_permutation(answer, random):
    swap = [1, 0, *range(2, 6)]
    for hint, p in (("one", [0]), ("size", _order_three(random, 8)), ("still", list(range(4))), ("still", swap)):
        _same(hint, _matrix(p).T, answer, p)


# ---------------------------------------------------------------------------------------------------------- compose

compose = Exercise(
    "start/warmup/compose",
    hints={
        "order": "this is the product in the reversed order: in P1 P2 x the matrix nearest to x acts first",
        "inverse": "this is the inverse of the product",
        "reversed_inverse": "this is the inverse of the product in the reversed order",
        "pair": "you multiply two of the permutations only: all of them count",
        "permutation": "the result should be a permutation: every index from 0 to n - 1 once",
        "value": "the result r should satisfy P_r = P1 P2 ... Pk, where P x = x[p]",
        "single": "right for several permutations, but a single one is its own product",
        "many": "right for two or three permutations, but not for more",
    },
)


def _product(permutations: torch.Tensor) -> torch.Tensor:
    """The index list of P1 P2 ... Pk, read off the product of the matrices: `(k, n) -> (n,)`."""
    product = torch.eye(permutations.shape[1], dtype=torch.float64)
    for p in permutations.tolist():
        product = product @ _matrix(p)
    return product.argmax(1)


def _factors(random, k: int, n: int) -> tuple[torch.Tensor, dict[str, object]]:
    """Permutations whose product differs from all that likely mistakes give, and what these give."""
    while True:
        permutations = torch.tensor([_order_three(random, n) for _ in range(k)])
        truth, turned = _product(permutations), _product(permutations.flip(0))
        pairs = [permutations[[a, b]] for a in range(k) for b in range(k) if a != b and k > 2]
        likely = {"order": [turned], "inverse": [truth.argsort()], "reversed_inverse": [turned.argsort()]}
        likely["pair"] = list(map(_product, pairs))
        seen = [{tuple(other.tolist()) for other in others} for others in ([truth], *likely.values())]
        if sum(map(len, seen)) == len(set().union(*seen)):
            return permutations, likely


@compose.property(points=1)
def multiplies_in_order(answer, random):
    for k, n in ((2, 4), (3, 5)):
        permutations, likely = _factors(random, k, n)
        value = as_tensor(answer(permutations), (n,))
        if value.sort().values.tolist() != list(range(n)):
            raise Wrong("permutation")
        _compare(value, _product(permutations), likely)


@compose.property(points=1)
def any_number_of_factors(answer, random):
    one = torch.tensor([_order_three(random, 5)])
    _same("single", one[0], answer, one)
    permutations = torch.tensor([_order_three(random, 5) for _ in range(6)])
    _same("many", _product(permutations), answer, permutations)


# ---------------------------------------------------------------------------------------------------------- project

project = Exercise(
    "start/warmup/project",
    hints={
        "coefficients": "you return the coefficients: multiply A by them to get the nearest point",
        "residual": "this is what is left over: return the nearest point, y minus the residual",
        "columns": "you project onto each column by itself and add up: that is right for orthogonal columns only",
        "gram": "your matrix A A' is no projection unless the columns are orthonormal: divide by A'A",
        "value": "the result should be the point in the column space of A that is nearest to y",
        "rank": "right for independent columns, but not for dependent ones: use `pinv`, or `lstsq` with `driver='gelsd'`",
        "near": "right for independent columns, but not when two are nearly parallel: they still span a plane",
        "wide": "right for few columns, but not for more columns than rows",
        "nothing": "the columns of a zero matrix reach the origin only: the projection is zero",
        "small": "right for entries near 1, but not when A is small: the column space of A/10000 is that of A",
    },
)


def _nearest_point(A: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    u, s, _ = torch.linalg.svd(A, full_matrices=False)
    basis = u[:, s > 1e-9 * max(1e-6, float(s.max()))]
    return basis @ (basis.T @ y)


def _columns(random, m: int, n: int) -> torch.Tensor:
    """A matrix `(m, n)` whose columns are independent and clearly not orthogonal."""
    return random.normal(m, n) + 0.7 * random.normal(m, 1)


@project.property(points=1)
def finds_the_nearest_point(answer, random):
    for m, n in ((5, 2), (6, 3), (4, 1)):
        A, y = _columns(random, m, n), random.away_from_zero(m)
        value, truth = answer(A, y), _nearest_point(A, y)
        if isinstance(value, torch.Tensor) and tuple(value.shape) in ((n,), (n, 1)):
            raise Wrong("coefficients")
        likely = {
            "residual": y - truth,
            "columns": (A * ((A.T @ y) / A.square().sum(0))).sum(1),
            "gram": A @ (A.T @ y),
        }
        _compare(value, truth, likely)


@project.property(points=1)
def any_columns(answer, random):
    A, y = _columns(random, 5, 2), random.away_from_zero(5)
    for twin in (A[:, :1], torch.zeros(5, 1, dtype=torch.float64), A.sum(1, keepdim=True)):
        _same("rank", _nearest_point(A, y), answer, torch.cat([twin, A], 1), y)
    _same("wide", _nearest_point(A, y), answer, A @ random.normal(2, 7), y)
    _same("nothing", torch.zeros(5), answer, torch.zeros(5, 2, dtype=torch.float64), y)
    _same("small", _nearest_point(A, y), answer, 1e-4 * A, y)
    tilted = torch.stack([A[:, 0], A[:, 0] + 0.01 * A[:, 1]], 1)
    _same("near", _nearest_point(A, y), answer, tilted, y)


# ---------------------------------------------------------------------------------------------------- group average

group_average = Exercise(
    "start/warmup/group_average",
    hints={
        "one_side": "you move the rows or the columns only: P M P' moves both",
        "sides": "you average rows and columns each by themselves: both move by the same permutation, then you average",
        "same_side": "you compute P M P: the right factor is the transpose",
        "sum": "you add up: divide by the number of group elements",
        "factorial": "you divide by the number of all permutations: divide by the number of those in the group",
        "symmetric": "you average M with its transpose: average over the group",
        "first": "you use a single element: average over all of them",
        "value": "the result should be the mean of P M P' over all permutations of the group",
        "trivial": "the group of the identity alone leaves M as it is",
        "cyclic": "right for some groups, but not for the cyclic shifts",
        "one": "right for larger matrices, but not for one entry",
    },
)


SMALL_GROUPS = [
    [[1, 2, 0, 3], [1, 0, 2, 3]],  # all orders of three of four places
    [[1, 2, 3, 0], [3, 2, 1, 0]],  # turns and flips of a square
]
LARGER_GROUPS = [
    [[1, 2, 0, 3], [0, 2, 3, 1]],  # even permutations of four places
    [[1, 2, 3, 4, 0], [4, 3, 2, 1, 0]],  # turns and flips of a pentagon
]


def _group(random, generators: list[list[int]]) -> torch.Tensor:
    """All products of the generators, their places renamed at random, in a random order: `(m, n)`."""
    n = len(generators[0])
    names = random.order(n)  # the same group under other names of the places
    elements, new = {tuple(range(n))}, [tuple(range(n))]
    while new:
        found = {tuple(g[i] for i in p) for p in new for g in generators} - elements
        elements, new = elements | found, list(found)
    renamed = [[names[p[names.index(i)]] for i in range(n)] for p in sorted(elements)]
    return torch.tensor([renamed[i] for i in random.order(len(renamed))])


@group_average.property(points=1)
def averages_over_the_group(answer, random):
    for generators in (SMALL_GROUPS, LARGER_GROUPS):
        group = _group(random, random.choice(generators))
        while group[0].tolist() == sorted(group[0].tolist()):
            group = group.roll(1, 0)  # the identity does not stand first
        m, n = group.shape
        M, matrices = random.normal(n, n), torch.stack([_matrix(p) for p in group.tolist()])
        moved = matrices @ M @ matrices.mT
        truth, mean = moved.mean(0), matrices.mean(0)
        factorial = torch.arange(1, n + 1).prod()
        likely = {
            "one_side": [mean @ M, M @ mean],
            "sides": mean @ M @ mean.T,
            "same_side": (matrices @ M @ matrices).mean(0),
            "sum": moved.sum(0),
            "factorial": moved.sum(0) / factorial,
            "symmetric": (M + M.T) / 2,
            "first": moved[0],
        }
        _compare(answer(M, group), truth, likely)


@group_average.property(points=1)
def other_groups(answer, random):
    M = random.normal(4, 4)
    _same("trivial", M, answer, M, torch.arange(4)[None])
    shifts = torch.stack([torch.arange(4).roll(k) for k in random.order(4)])
    circulant = sum(M.roll((k, k), (0, 1)) for k in range(4)) / 4
    _same("cyclic", circulant, answer, M, shifts)
    _same("one", M[:1, :1].clone(), answer, M[:1, :1].clone(), torch.zeros(1, 1, dtype=torch.long))


# ------------------------------------------------------------------------------------------- Hessian-vector product

hessian_vector_product = Exercise(
    "start/warmup/hessian_vector_product",
    hints={
        "ones": "you differentiate the sum of the gradient's entries: weight them by v first",
        "gradient": "you multiply the gradient by v and stop: differentiate that product once more",
        "outer": "you multiply the gradient by its product with v: second derivatives are asked for",
        "diagonal": "you use the diagonal of the Hessian only: mixed derivatives count too",
        "first": "you use the first row of v for every row of x: each has its own",
        "total": "you add up the rows of v: row r of the result is the Hessian at row r of x times row r of v",
        "mean": "you differentiate the mean over the batch: take the sum, so that no row is divided",
        "sign": "the sign is reversed",
        "value": "row r should be the Hessian of the output at row r of x, times row r of v",
        "one": "right for many rows, but with a single row the result still has shape (1, n)",
        "zero": "for v = 0 the product is 0",
        "long": "right for a moderate v, but not for a very long one: use autograd, not a difference",
    },
)


@hessian_vector_product.property(points=1)
def multiplies_each_hessian_by_its_vector(answer, random):
    n, b = random.integer(3, 4), random.integer(2, 5)
    model, inner, outer = _network(random, n, 7, 1)
    x, v = random.normal(b, n), random.away_from_zero(b, n)
    hessians, gradients = _hessians(inner, outer, x), _jacobians(inner, outer, x)[:, 0]
    truth = torch.einsum("bij,bj->bi", hessians, v)
    likely = {
        "ones": hessians.sum(2),
        "gradient": gradients * v,
        "outer": gradients * (gradients * v).sum(1, keepdim=True),
        "diagonal": hessians.diagonal(dim1=1, dim2=2) * v,
        "first": hessians @ v[0],
        "total": hessians @ v.sum(0),
        "mean": truth / b,
        "sign": -truth,
    }
    _compare(answer(model, x, v), truth, likely)


@hessian_vector_product.property(points=1)
def any_rows_and_vectors(answer, random):
    for hint, b, n, scale in (("one", 1, 3, 1.0), ("one", 1, 1, 1.0), ("zero", 2, 3, 0.0), ("long", 2, 3, 1e4)):
        model, inner, outer = _network(random, n, 7, 1)
        x, v = random.normal(b, n), scale * random.away_from_zero(b, n)
        truth = torch.einsum("bij,bj->bi", _hessians(inner, outer, x), v)
        _same(hint, truth, answer, model, x, v)


# ------------------------------------------------------------------------------------------------------ Newton step

newton_step = Exercise(
    "start/warmup/newton_step",
    hints={
        "gradient": "this is a gradient step: solve with the Hessian instead of subtracting the gradient itself",
        "uphill": "you step in the opposite direction: subtract the solution, do not add it",
        "step": "you return the step alone: return where it leads, theta minus the step",
        "unpenalised": "the penalty is missing",
        "curvature": "the penalty is missing in the Hessian: each of its diagonal entries grows by `penalty`",
        "slope": "the penalty is missing in the gradient: it adds `penalty` times theta",
        "double": "your penalty counts twice: the loss has penalty / 2 times the squared length of theta",
        "mean": "you average the log-losses: their sum is asked for",
        "diagonal": "you divide by the diagonal of the Hessian: solve with the whole matrix",
        "squares": "you use the squared error of a linear fit: the loss here is the log-loss",
        "value": "the result should be theta minus the solution of H d = gradient, both of the penalised log-loss",
        "minimum": "at the minimum of the loss the gradient vanishes, so a step from there should stay there",
        "wide": "right for more rows than columns, but not for more columns than rows: the penalty makes H invertible",
        "row": "right for many rows, but not for a single one",
    },
)


def _slopes(X, y, theta, penalty) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradient and Hessian of the penalised log-loss, in closed form."""
    p = torch.sigmoid(X @ theta)
    return X.T @ (p - y) + penalty * theta, X.T @ ((p * (1 - p))[:, None] * X) + penalty * torch.eye(X.shape[1]).double()


def _step(X, y, theta, penalty) -> torch.Tensor:
    gradient, hessian = _slopes(X, y, theta, penalty)
    return theta - torch.linalg.solve(hessian, gradient)


def _labelled(random, m: int, n: int) -> tuple:
    """Inputs, labels of both kinds if there are two rows, parameters and penalty."""
    y = torch.cat([torch.tensor([0.0, 1.0]).double(), random.gates(m)])[:m]
    return random.normal(m, n), y, 0.5 * random.away_from_zero(n), float(random.uniform(1, low=0.6, high=1.6))


@newton_step.property(points=1)
def solves_with_the_hessian(answer, random):
    m, n = random.integer(7, 9), random.integer(2, 3)
    X, y, theta, penalty = problem = _labelled(random, m, n)
    truth, (gradient, hessian) = _step(*problem), _slopes(*problem)
    plain_gradient, plain_hessian = _slopes(X, y, theta, 0.0)
    eye = torch.eye(n, dtype=torch.float64)
    likely = {
        "gradient": theta - gradient,
        "uphill": 2 * theta - truth,
        "step": [truth - theta, theta - truth],
        "unpenalised": _step(X, y, theta, 0.0),
        "curvature": theta - torch.linalg.solve(plain_hessian, gradient),
        "slope": theta - torch.linalg.solve(hessian, plain_gradient),
        "double": _step(X, y, theta, 2 * penalty),
        "mean": _step(X, y, theta, m * penalty),
        "diagonal": theta - gradient / hessian.diagonal(),
        "squares": torch.linalg.solve(X.T @ X + penalty * eye, X.T @ y),
    }
    _compare(answer(*problem), truth, likely)


@newton_step.property(points=1)
def any_shape_and_the_minimum(answer, random):
    for hint, m, n in (("wide", 2, 4), ("row", 1, 2)):
        problem = _labelled(random, m, n)
        _same(hint, _step(*problem), answer, *problem)
    X, y, theta, penalty = _labelled(random, 8, 3)
    for _ in range(20):
        theta = _step(X, y, theta, penalty)
    _same("minimum", theta, answer, X, y, theta, penalty)
