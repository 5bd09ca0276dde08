"""Solutions to exercises/symmetries/invariance.ipynb."""


# exercise: symmetries/invariance/equivariance_errors
import torch


def equivariance_errors(model, x, p, q):
    """Relative equivariance error of every element: x (b, n), p (m, n), q (m, k) -> (m,)."""
    y, errors = model(x), []
    for j in range(len(p)):
        after = model(x[:, p[j].argsort()])
        before = y[:, q[j].argsort()]
        size = ((after.norm() ** 2 + before.norm() ** 2) / 2).sqrt()
        errors.append((after - before).norm() / size if size > 0 else size)
    return torch.stack(errors)


# exercise: symmetries/invariance/broken_symmetries
import torch


def broken_symmetries(model, positions):
    """Forces (b, n, 3), their sum (b, 3) and their torque about the origin (b, 3), as a dict."""
    with torch.enable_grad():
        x = positions.clone().requires_grad_(True)
        energies = model(x.flatten(1))
        forces = -torch.autograd.grad(energies.sum(), x)[0]
    return {
        "forces": forces,
        "push": forces.sum(1),
        "torque": torch.linalg.cross(positions, forces).sum(1),
    }


# exercise: symmetries/invariance/shrink_vectors
import torch


def shrink_vectors(v, bias):
    """Directions kept, lengths lowered by the channel's bias: v (b, c, d), bias (c,) -> (b, c, d)."""
    length = v.norm(dim=2, keepdim=True)
    new = torch.relu(length - bias[:, None])
    return v * torch.where(length > 0, new / length, 0)


# exercise: symmetries/invariance/equivariant_layers
import torch


def equivariant_layers(weights, rho_in, rho_out):
    """Which layers are equivariant: (l, k, n), generators (m, n, n) and (m, k, k) -> list of l booleans."""
    gap = weights @ rho_in[:, None] - rho_out[:, None] @ weights
    size = weights.flatten(1).norm(dim=1)
    small = gap.flatten(2).norm(dim=2) <= 1e-8 * size
    return small.all(0).tolist()
