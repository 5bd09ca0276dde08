"""Solutions to exercises/start/warmup.ipynb."""


# exercise: start/warmup/input_gradient
import torch


def input_gradient(model, x, targets):
    x = x.detach().requires_grad_()
    chosen = model(x).gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(chosen.sum(), x)
    return gradient


# exercise: start/warmup/directional_derivative
import torch


def directional_derivative(model, x, v):
    return torch.func.jvp(lambda z: model(z[None]).squeeze(0), (x,), (v,))[1]


# exercise: start/warmup/weighted_lines
import torch


def weighted_lines(x, y, weights):
    rows = torch.stack([x, torch.ones_like(x)], 1)
    root = weights.sqrt()[:, :, None]
    return torch.linalg.lstsq(root * rows, root * y[:, None]).solution.squeeze(2)


# exercise: start/warmup/ridge
import torch


def ridge(X, y, strength):
    rows = torch.cat([torch.ones_like(y)[:, None], X], 1)
    penalty = strength * torch.eye(rows.shape[1], dtype=X.dtype)
    penalty[0, 0] = 0
    return torch.linalg.solve(rows.T @ rows + penalty, rows.T @ y)


# exercise: start/warmup/permutation_matrix
import torch


def permutation_matrix(p):
    matrix = torch.zeros(len(p), len(p), dtype=torch.float64)
    for i, place in enumerate(p):
        matrix[place, i] = 1
    return matrix


# exercise: start/warmup/compose
def compose(permutations):
    result = permutations[-1]
    for p in permutations[:-1].flip(0):
        result = result[p]
    return result


# exercise: start/warmup/project
import torch


def project(A, y):
    return A @ (torch.linalg.pinv(A) @ y)


# exercise: start/warmup/group_average
import torch


def group_average(M, permutations):
    return torch.stack([M[p][:, p] for p in permutations]).mean(0)


# exercise: start/warmup/hessian_vector_product
import torch


def hessian_vector_product(model, x, v):
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
    (product,) = torch.autograd.grad((gradient * v).sum(), x)
    return product


# exercise: start/warmup/newton_step
import torch


def newton_step(X, y, theta, penalty):
    def loss(theta):
        z = X @ theta
        return (torch.nn.functional.softplus(z) - y * z).sum() + penalty / 2 * (theta**2).sum()

    gradient, hessian = torch.func.grad(loss)(theta), torch.func.hessian(loss)(theta)
    return theta - torch.linalg.solve(hessian, gradient)
