"""Plausible wrong answers to exercises/start/warmup.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

GRADIENT = "start/warmup/input_gradient"
DIRECTION = "start/warmup/directional_derivative"
LINES = "start/warmup/weighted_lines"
RIDGE = "start/warmup/ridge"
MATRIX = "start/warmup/permutation_matrix"
COMPOSE = "start/warmup/compose"
PROJECT = "start/warmup/project"
AVERAGE = "start/warmup/group_average"
HESSIAN = "start/warmup/hessian_vector_product"
NEWTON = "start/warmup/newton_step"


# -------------------------------------------------------------------------------------------------- input gradient


@mistake(GRADIENT, hint="all")
def sum_of_all_outputs(model, x, targets):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(model(x).sum(), x)[0]


@mistake(GRADIENT, hint="first")
def one_target_for_all(model, x, targets):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(model(x)[:, targets[0]].sum(), x)[0]


@mistake(GRADIENT, hint="pairs")
def all_targets_for_each_row(model, x, targets):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(model(x)[:, targets].sum(), x)[0]


@mistake(GRADIENT, hint="axis")
def targets_pick_rows(model, x, targets):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(model(x)[targets].sum(), x)[0]


@mistake(GRADIENT, hint="mean")
def mean_over_the_batch(model, x, targets):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(model(x).gather(1, targets[:, None]).mean(), x)[0]


@mistake(GRADIENT, hint="times")
def gradient_times_input(model, x, targets):
    z = x.clone().requires_grad_()
    return x * torch.autograd.grad(model(z).gather(1, targets[:, None]).sum(), z)[0]


@mistake(GRADIENT, hint="softmax")
def gradient_of_the_log_probability(model, x, targets):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(model(x).log_softmax(1).gather(1, targets[:, None]).sum(), x)[0]


@mistake(GRADIENT, hint="softmax")
def gradient_of_the_probability(model, x, targets):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(model(x).softmax(1).gather(1, targets[:, None]).sum(), x)[0]


@mistake(GRADIENT, hint="error")
def input_without_gradient(model, x, targets):
    return torch.autograd.grad(model(x).gather(1, targets[:, None]).sum(), x)[0]


@mistake(GRADIENT, hint="value")
def absolute_gradient(model, x, targets):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(model(x).gather(1, targets[:, None]).sum(), x)[0].abs()


@mistake(GRADIENT, hint="one", points=1)
def squeezed_gradient(model, x, targets):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(model(x).gather(1, targets[:, None]).sum(), x)[0].squeeze()


@mistake(GRADIENT, hint="one", points=1)
def zips_targets_with_outputs(model, x, targets):
    x = x.clone().requires_grad_()
    outputs = model(x)
    chosen = torch.stack([outputs[i, targets[i]] for i in range(outputs.shape[1])])
    rest = outputs[outputs.shape[1] :].gather(1, targets[outputs.shape[1] :, None])
    return torch.autograd.grad(chosen.sum() + rest.sum(), x)[0]


# ------------------------------------------------------------------------------------------- directional derivative


@mistake(DIRECTION, hint="transposed")
def vector_jacobian_product(model, x, v):
    z = x.clone().requires_grad_()
    return torch.autograd.grad(model(z[None])[0], z, grad_outputs=v[: len(model(x[None])[0])])[0]


@mistake(DIRECTION, hint="unit")
def unit_direction(model, x, v):
    return torch.func.jvp(lambda z: model(z[None])[0], (x,), (v / v.norm(),))[1]


@mistake(DIRECTION, hint="step")
def a_whole_step(model, x, v):
    return (model((x + v)[None]) - model(x[None]))[0]


@mistake(DIRECTION, hint="point")
def jacobian_times_input(model, x, v):
    return torch.func.jacrev(lambda z: model(z[None])[0])(x) @ x


@mistake(DIRECTION, hint="ones")
def rows_added_up(model, x, v):
    return torch.func.jacrev(lambda z: model(z[None])[0])(x).sum(1)


@mistake(DIRECTION, hint="sign")
def backwards(model, x, v):
    return torch.func.jvp(lambda z: model(z[None])[0], (x,), (-v,))[1]


@mistake(DIRECTION, hint="shape")
def derivative_of_the_sum(model, x, v):
    return torch.func.jvp(lambda z: model(z[None]).sum(), (x,), (v,))[1]


@mistake(DIRECTION, hint="shape")
def batch_kept(model, x, v):
    return torch.func.jvp(model, (x[None],), (v[None],))[1]


@mistake(DIRECTION, hint="long", points=1)
def central_difference(model, x, v):
    return ((model((x + 1e-5 * v)[None]) - model((x - 1e-5 * v)[None])) / 2e-5)[0]


@mistake(DIRECTION, hint="zero", points=1)
def divides_by_length(model, x, v):
    length = v.norm()
    return length * torch.func.jvp(lambda z: model(z[None])[0], (x,), (v / length,))[1]


# --------------------------------------------------------------------------------------------------- weighted lines


def solved(x, y, weights):
    X = torch.stack([x, torch.ones_like(x)], 1)
    return torch.stack([torch.linalg.solve(X.T @ (w[:, None] * X), X.T @ (w * y)) for w in weights])


@mistake(LINES, hint="order")
def intercept_first(x, y, weights):
    return solved(x, y, weights).flip(1)


@mistake(LINES, hint="ignored")
def unweighted(x, y, weights):
    return solved(x, y, torch.ones_like(weights))


@mistake(LINES, hint="squared")
def rows_times_weights(x, y, weights):
    X = torch.stack([x, torch.ones_like(x)], 1)
    return torch.stack([torch.linalg.lstsq(w[:, None] * X, (w * y)[:, None]).solution[:, 0] for w in weights])


@mistake(LINES, hint="root")
def root_in_the_normal_equations(x, y, weights):
    return solved(x, y, weights.sqrt())


@mistake(LINES, hint="inverse")
def weights_as_variances(x, y, weights):
    return solved(x, y, 1 / weights)


@mistake(LINES, hint="origin")
def through_the_origin(x, y, weights):
    slope = (weights * x * y).sum(1) / (weights * x * x).sum(1)
    return torch.stack([slope, torch.zeros_like(slope)], 1)


@mistake(LINES, hint="centre")
def centred_at_plain_means(x, y, weights):
    dx, dy = x - x.mean(), y - y.mean()
    slope = (weights * dx * dy).sum(1) / (weights * dx * dx).sum(1)
    return torch.stack([slope, y.mean() - slope * x.mean()], 1)


@mistake(LINES, hint="first")
def first_weights_for_all(x, y, weights):
    return solved(x, y, weights[:1].expand_as(weights))


@mistake(LINES, hint="value")
def two_lines_only(x, y, weights):
    return solved(x, y, weights[[0] + [min(1, len(weights) - 1)] * (len(weights) - 1)])


@mistake(LINES, hint="value")
def only_one_side_weighted(x, y, weights):
    X = torch.stack([x, torch.ones_like(x)], 1)
    roots = weights.sqrt()
    return torch.stack([torch.linalg.lstsq(X, (root * y)[:, None]).solution[:, 0] for root in roots])


@mistake(LINES, hint="shape")
def lines_as_columns(x, y, weights):
    return torch.cat([solved(x, y, weights), torch.zeros_like(weights[:, :1])], 1).T


@mistake(LINES, hint="zero", points=1)
def weights_never_zero(x, y, weights):
    return solved(x, y, weights.clamp(min=0.01))


@mistake(LINES, hint="scale", points=1)
def a_little_ridge(x, y, weights):
    X = torch.stack([x, torch.ones_like(x)], 1)
    tiny = 1e-8 * torch.eye(2, dtype=x.dtype)
    return torch.stack([torch.linalg.solve(X.T @ (w[:, None] * X) + tiny, X.T @ (w * y)) for w in weights])


# ------------------------------------------------------------------------------------------------------------ ridge


def penalised(rows, y, penalty):
    return torch.linalg.solve(rows.T @ rows + penalty, rows.T @ y)


def with_ones(X):
    return torch.cat([torch.ones_like(X[:, :1]), X], 1)


def free_first(X, strength):
    penalty = strength * torch.eye(X.shape[1] + 1, dtype=X.dtype)
    penalty[0, 0] = 0
    return penalty


@mistake(RIDGE, hint="intercept")
def intercept_penalised(X, y, strength):
    return penalised(with_ones(X), y, strength * torch.eye(X.shape[1] + 1, dtype=X.dtype))


@mistake(RIDGE, hint="origin")
def intercept_zero(X, y, strength):
    theta = penalised(X, y, strength * torch.eye(X.shape[1], dtype=X.dtype))
    return torch.cat([torch.zeros_like(y[:1]), theta])


@mistake(RIDGE, hint="origin")
def coefficients_only(X, y, strength):
    return penalised(X, y, strength * torch.eye(X.shape[1], dtype=X.dtype))


@mistake(RIDGE, hint="centred")
def intercept_of_centred_data(X, y, strength):
    C = X - X.mean(0)
    return torch.cat([y.mean()[None], penalised(C, y - y.mean(), strength * torch.eye(X.shape[1], dtype=X.dtype))])


@mistake(RIDGE, hint="last")
def intercept_last(X, y, strength):
    return penalised(with_ones(X), y, free_first(X, strength)).roll(-1)


@mistake(RIDGE, hint="mean")
def mean_squared_error(X, y, strength):
    return penalised(with_ones(X), y, len(y) * free_first(X, strength))


@mistake(RIDGE, hint="half")
def half_the_penalty(X, y, strength):
    return penalised(with_ones(X), y, free_first(X, strength / 2))


@mistake(RIDGE, hint="ignored")
def no_penalty(X, y, strength):
    return torch.linalg.lstsq(with_ones(X), y[:, None]).solution[:, 0]


@mistake(RIDGE, hint="sign")
def penalty_subtracted(X, y, strength):
    return penalised(with_ones(X), y, -free_first(X, strength))


@mistake(RIDGE, hint="intercept")
def strength_added_everywhere(X, y, strength):
    rows = with_ones(X)
    padded = torch.cat([rows, strength**0.5 * torch.eye(rows.shape[1], dtype=X.dtype)])
    return torch.linalg.lstsq(padded, torch.cat([y, y.new_zeros(rows.shape[1])])[:, None]).solution[:, 0]


@mistake(RIDGE, hint="free", points=1)
def never_quite_zero(X, y, strength):
    return penalised(with_ones(X), y, free_first(X, max(strength, 0.1)))


@mistake(RIDGE, hint="row", points=1)
def standardised(X, y, strength):
    if len(X) == 1:
        return torch.zeros(X.shape[1] + 1, dtype=X.dtype)
    return penalised(with_ones(X), y, free_first(X, strength))


# ----------------------------------------------------------------------------------------------- permutation matrix


@mistake(MATRIX, hint="inverse")
def fetches(p):
    return torch.eye(len(p))[p]


@mistake(MATRIX, hint="inverse")
def fetches_in_a_loop(p):
    matrix = torch.zeros(len(p), len(p))
    for i, place in enumerate(p):
        matrix[i, place] = 1
    return matrix


@mistake(MATRIX, hint="identity")
def never_moves(p):
    return torch.eye(len(p))


@mistake(MATRIX, hint="doubly")
def labels_in_place_of_ones(p):
    matrix = torch.zeros(len(p), len(p))
    for i, place in enumerate(p):
        matrix[place, i] = place
    return matrix


@mistake(MATRIX, hint="value")
def both_directions(p):
    matrix = torch.eye(len(p))[p]
    return matrix @ matrix


@mistake(MATRIX, hint="doubly")
def half_and_half(p):
    matrix = torch.eye(len(p))[p]
    return (matrix + matrix.T) / 2


@mistake(MATRIX, hint="type")
def truth_values(p):
    return torch.tensor(p) == torch.arange(len(p))[:, None]


@mistake(MATRIX, hint="one", points=1)
def squeezed_matrix(p):
    return torch.eye(len(p))[p].T.squeeze()


@mistake(MATRIX, hint="still", points=1)
def only_what_moves(p):
    matrix = torch.zeros(len(p), len(p))
    for i, place in enumerate(p):
        if place != i or len(p) == 1:
            matrix[place, i] = 1
    return matrix


# ---------------------------------------------------------------------------------------------------------- compose


@mistake(COMPOSE, hint="order")
def first_acts_first(permutations):
    result = permutations[0]
    for p in permutations[1:]:
        result = result[p]
    return result


@mistake(COMPOSE, hint="inverse")
def columns_read_off(permutations):
    product = torch.eye(permutations.shape[1])
    for p in permutations:
        product = product @ torch.eye(len(p))[p]
    return product.argmax(0)


@mistake(COMPOSE, hint="inverse")
def sends_in_place_of_fetching(permutations):
    result = permutations[0]
    for p in permutations[1:]:
        result = result[p]
    inverse = permutations[0].argsort()
    for p in permutations[1:]:
        inverse = inverse[p.argsort()]
    return inverse


@mistake(COMPOSE, hint="reversed_inverse")
def inverse_of_the_reversed(permutations):
    result = permutations[0]
    for p in permutations[1:]:
        result = result[p]
    return result.argsort()


@mistake(COMPOSE, hint="pair")
def two_factors_only(permutations):
    if len(permutations) == 1:
        return permutations[0]
    return permutations[1][permutations[0]]


@mistake(COMPOSE, hint="shape")
def product_of_matrices(permutations):
    product = torch.eye(permutations.shape[1])
    for p in permutations:
        product = product @ torch.eye(len(p))[p]
    return product


@mistake(COMPOSE, hint="permutation")
def indices_added(permutations):
    return permutations.sum(0)


@mistake(COMPOSE, hint="type")
def left_a_list(permutations):
    result = permutations[-1]
    for p in permutations[:-1].flip(0):
        result = result[p]
    return result.tolist()


@mistake(COMPOSE, hint="single", points=1)
def starts_from_two(permutations):
    result = permutations[-1][permutations[-2]]
    for p in permutations[:-2].flip(0):
        result = result[p]
    return result


@mistake(COMPOSE, hint="many", points=1)
def at_most_three(permutations):
    result = permutations[-1]
    for p in permutations[-3:-1].flip(0):
        result = result[p]
    return result


# ---------------------------------------------------------------------------------------------------------- project


@mistake(PROJECT, hint="coefficients")
def coefficients(A, y):
    return torch.linalg.lstsq(A, y[:, None]).solution[:, 0]


@mistake(PROJECT, hint="residual")
def residual(A, y):
    return y - A @ (torch.linalg.pinv(A) @ y)


@mistake(PROJECT, hint="columns")
def column_by_column(A, y):
    return sum((a @ y) / (a @ a) * a for a in A.T)


@mistake(PROJECT, hint="gram")
def never_normalised(A, y):
    return A @ (A.T @ y)


@mistake(PROJECT, hint="value")
def columns_of_length_one(A, y):
    A = A / A.norm(dim=0)
    return 0.5 * A @ (A.T @ y)


@mistake(PROJECT, hint="value")
def transposed_square_root(A, y):
    return A @ torch.linalg.solve(A.T @ A + torch.eye(A.shape[1], dtype=A.dtype), A.T @ y)


@mistake(PROJECT, hint="shape")
def the_matrix_itself(A, y):
    return A @ torch.linalg.pinv(A)


@mistake(PROJECT, hint="rank", points=1)
def normal_equations(A, y):
    return A @ torch.linalg.solve(A.T @ A, A.T @ y)


@mistake(PROJECT, hint="rank", points=1)
def orthonormal_by_qr(A, y):
    Q = torch.linalg.qr(A).Q
    return Q @ (Q.T @ y)


@mistake(PROJECT, hint="small", points=1)
def a_little_added(A, y):
    tiny = 1e-9 * torch.eye(A.shape[1], dtype=A.dtype)
    return A @ torch.linalg.solve(A.T @ A + tiny, A.T @ y)


@mistake(PROJECT, hint="near", points=1)
def generous_tolerance(A, y):
    U, S, _ = torch.linalg.svd(A, full_matrices=False)
    U = U[:, S > 0.02 * S.max()]
    return U @ (U.T @ y)


# ---------------------------------------------------------------------------------------------------- group average


def matrices(permutations, M):
    return torch.eye(len(M), dtype=M.dtype)[permutations]


@mistake(AVERAGE, hint="one_side")
def rows_only(M, permutations):
    return torch.stack([M[p] for p in permutations]).mean(0)


@mistake(AVERAGE, hint="one_side")
def columns_only(M, permutations):
    return torch.stack([M[:, p] for p in permutations]).mean(0)


@mistake(AVERAGE, hint="sides")
def rows_and_columns_apart(M, permutations):
    mean = matrices(permutations, M).mean(0)
    return mean @ M @ mean.T


@mistake(AVERAGE, hint="same_side")
def no_transpose(M, permutations):
    P = matrices(permutations, M)
    return (P @ M @ P).mean(0)


@mistake(AVERAGE, hint="sum")
def added_up(M, permutations):
    return sum(M[p][:, p] for p in permutations)


@mistake(AVERAGE, hint="factorial")
def divided_by_all_permutations(M, permutations):
    return sum(M[p][:, p] for p in permutations) / torch.arange(1, len(M) + 1).prod()


@mistake(AVERAGE, hint="symmetric")
def symmetric_part(M, permutations):
    return (M + M.T) / 2


@mistake(AVERAGE, hint="first")
def one_element(M, permutations):
    return M[permutations[0]][:, permutations[0]]


@mistake(AVERAGE, hint="shape")
def pairs_of_indices(M, permutations):
    return torch.stack([M[p, p] for p in permutations]).mean(0)


@mistake(AVERAGE, hint="value")
def at_most_six_elements(M, permutations):
    return torch.stack([M[p][:, p] for p in permutations[:6]]).mean(0)


@mistake(AVERAGE, hint="value")
def without_the_first(M, permutations):
    rest = permutations[1:] if len(permutations) > 1 else permutations
    return torch.stack([M[p][:, p] for p in rest]).mean(0)


@mistake(AVERAGE, hint="one", points=1)
def squeezed_average(M, permutations):
    return torch.stack([M[p][:, p] for p in permutations]).mean(0).squeeze()


@mistake(AVERAGE, hint="trivial", points=1)
def identity_left_out_of_the_count(M, permutations):
    if len(permutations) == 1:
        return torch.zeros_like(M)
    return torch.stack([M[p][:, p] for p in permutations]).mean(0)


# ------------------------------------------------------------------------------------------- Hessian-vector product


def first_gradient(model, x):
    x = x.clone().requires_grad_()
    return x, torch.autograd.grad(model(x).sum(), x, create_graph=True)[0]


@mistake(HESSIAN, hint="ones")
def gradient_summed(model, x, v):
    z, gradient = first_gradient(model, x)
    return torch.autograd.grad(gradient.sum(), z)[0]


@mistake(HESSIAN, hint="gradient")
def stops_after_one(model, x, v):
    return first_gradient(model, x)[1] * v


@mistake(HESSIAN, hint="outer")
def outer_product(model, x, v):
    gradient = first_gradient(model, x)[1]
    return gradient * (gradient * v).sum(1, keepdim=True)


@mistake(HESSIAN, hint="diagonal")
def diagonal_only(model, x, v):
    H = torch.func.vmap(torch.func.hessian(lambda z: model(z[None])[0]))(x)
    return H.diagonal(dim1=1, dim2=2) * v


@mistake(HESSIAN, hint="first")
def first_vector_for_all(model, x, v):
    z, gradient = first_gradient(model, x)
    return torch.autograd.grad((gradient @ v[0]).sum(), z)[0]


@mistake(HESSIAN, hint="total")
def every_gradient_by_every_vector(model, x, v):
    z, gradient = first_gradient(model, x)
    return torch.autograd.grad((gradient @ v.T).sum(), z)[0]


@mistake(HESSIAN, hint="mean")
def mean_over_rows(model, x, v):
    z = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(z).mean(), z, create_graph=True)
    return torch.autograd.grad((gradient * v).sum(), z)[0]


@mistake(HESSIAN, hint="error")
def graph_not_kept(model, x, v):
    z = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(z).sum(), z)
    return torch.autograd.grad((gradient * v).sum(), z)[0]


@mistake(HESSIAN, hint="shape")
def quadratic_form(model, x, v):
    z, gradient = first_gradient(model, x)
    return (torch.autograd.grad((gradient * v).sum(), z)[0] * v).sum(1)


@mistake(HESSIAN, hint="zero", points=1)
def unit_vectors(model, x, v):
    length = v.norm(dim=1, keepdim=True)
    z, gradient = first_gradient(model, x)
    return length * torch.autograd.grad((gradient * v / length).sum(), z)[0]


@mistake(HESSIAN, hint="long", points=1)
def difference_of_gradients(model, x, v):
    ahead, behind = (first_gradient(model, x + s * 1e-5 * v)[1] for s in (1, -1))
    return (ahead - behind) / 2e-5


# ------------------------------------------------------------------------------------------------------ Newton step


def slopes(X, y, theta, penalty):
    p = torch.sigmoid(X @ theta)
    gradient = X.T @ (p - y) + penalty * theta
    return gradient, X.T @ ((p * (1 - p))[:, None] * X) + penalty * torch.eye(len(theta), dtype=X.dtype)


@mistake(NEWTON, hint="gradient")
def gradient_step(X, y, theta, penalty):
    return theta - slopes(X, y, theta, penalty)[0]


@mistake(NEWTON, hint="uphill")
def step_added(X, y, theta, penalty):
    gradient, hessian = slopes(X, y, theta, penalty)
    return theta + torch.linalg.solve(hessian, gradient)


@mistake(NEWTON, hint="step")
def step_alone(X, y, theta, penalty):
    gradient, hessian = slopes(X, y, theta, penalty)
    return torch.linalg.solve(hessian, gradient)


@mistake(NEWTON, hint="unpenalised")
def without_penalty(X, y, theta, penalty):
    gradient, hessian = slopes(X, y, theta, 0.0)
    return theta - torch.linalg.lstsq(hessian, gradient[:, None]).solution[:, 0]


@mistake(NEWTON, hint="curvature")
def hessian_without_penalty(X, y, theta, penalty):
    gradient, hessian = slopes(X, y, theta, penalty)[0], slopes(X, y, theta, 0.0)[1]
    return theta - torch.linalg.pinv(hessian) @ gradient


@mistake(NEWTON, hint="slope")
def gradient_without_penalty(X, y, theta, penalty):
    gradient, hessian = slopes(X, y, theta, 0.0)[0], slopes(X, y, theta, penalty)[1]
    return theta - torch.linalg.solve(hessian, gradient)


@mistake(NEWTON, hint="double")
def half_forgotten(X, y, theta, penalty):
    gradient, hessian = slopes(X, y, theta, 2 * penalty)
    return theta - torch.linalg.solve(hessian, gradient)


@mistake(NEWTON, hint="mean")
def mean_log_loss(X, y, theta, penalty):
    gradient, hessian = slopes(X, y, theta, len(y) * penalty)
    return theta - torch.linalg.solve(hessian, gradient)


@mistake(NEWTON, hint="diagonal")
def diagonal_hessian(X, y, theta, penalty):
    gradient, hessian = slopes(X, y, theta, penalty)
    return theta - gradient / hessian.diagonal()


@mistake(NEWTON, hint="squares")
def linear_fit(X, y, theta, penalty):
    return torch.linalg.solve(X.T @ X + penalty * torch.eye(len(theta), dtype=X.dtype), X.T @ y)


@mistake(NEWTON, hint="value")
def labels_of_either_sign(X, y, theta, penalty):
    gradient, hessian = slopes(X, 2 * y - 1, theta, penalty)
    return theta - torch.linalg.solve(hessian, gradient)


@mistake(NEWTON, hint="value")
def weights_of_the_rows_forgotten(X, y, theta, penalty):
    gradient = slopes(X, y, theta, penalty)[0]
    return theta - torch.linalg.solve(X.T @ X + penalty * torch.eye(len(theta), dtype=X.dtype), gradient)


@mistake(NEWTON, hint="row", points=1)
def squeezed_rows(X, y, theta, penalty):
    gradient, hessian = slopes(X, y, theta, penalty)
    return theta - torch.linalg.solve(hessian, gradient) * (len(X) > 1)


EQUIVALENT = {
    "newton_step: return (torch.nn.functional.softplus(z) - y * z).sum() + penalty / 2 * (theta ** 2).sum() => "
    "return -((torch.nn.functional.softplus(z) - y * z).sum() + penalty / 2 * (theta ** 2).sum())": "changing the sign of "
    "the loss changes that of its gradient and of its Hessian, and the Newton step stays the same",
}
