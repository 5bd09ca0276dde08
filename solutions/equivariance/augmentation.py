"""Solutions to exercises/equivariance/augmentation.ipynb."""


# exercise: equivariance/augmentation/flip_rate
import torch


def flip_rate(net, x, moves):
    """Share of the rows of x (b, n) whose class changes under at least one of the moves (m, n)."""
    answers = net(x).argmax(1)
    flips = torch.zeros(len(x), dtype=torch.bool)
    for move in moves:
        moved = torch.empty_like(x)
        moved[:, move] = x
        flips |= net(moved).argmax(1) != answers
    return flips.double().mean().item()


# exercise: equivariance/augmentation/random_copies
import torch


def random_copies(x, y, rho_in, rho_out, seed):
    """Each example (x, y) moved by a random element of its own: (b, n), (b, q) -> (b, n), (b, q)."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(rho_in), (len(x),), generator=generator)
    return torch.einsum("bij,bj->bi", rho_in[drawn], x), torch.einsum("bij,bj->bi", rho_out[drawn], y)


# exercise: equivariance/augmentation/orbit_coefficients
import torch


def orbit_coefficients(x, y, moves, penalty, mean):
    """Coefficients (b,) of the ridge fit on the full orbits of x (b, n), labels y (b,), all moves (m, n) of a group."""
    kernel = torch.zeros(len(x), len(x), dtype=x.dtype)
    for move in moves:
        kernel += torch.exp(-torch.cdist(x, x[:, move]) ** 2 / 2) / len(moves)
    effective = penalty * len(x) if mean else penalty / len(moves)
    return torch.linalg.solve(kernel + effective * torch.eye(len(x), dtype=x.dtype), y)
