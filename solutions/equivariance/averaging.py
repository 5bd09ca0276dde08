"""Solutions to exercises/equivariance/averaging.ipynb."""


# exercise: equivariance/averaging/group_average
import torch


def group_average(net, rho_in, rho_out, x):
    """Mean over the group of rho_out(g)^-1 net(rho_in(g) x): a network, (m, d, d), (m, k, k), (b, d) -> (b, k)."""
    moved = torch.einsum("mij,bj->mbi", rho_in, x)
    answers = net(moved.flatten(0, 1)).unflatten(0, moved.shape[:2])
    back = torch.linalg.inv(rho_out)
    return torch.einsum("mij,mbj->bi", back, answers) / len(rho_in)


# exercise: equivariance/averaging/averaging_plan
import torch


def averaging_plan(n):
    """Steps of permutations whose means, one after another, are the mean over all orders of n items: int -> list."""
    steps = []
    for k in range(1, n):
        rows = torch.arange(n).repeat(k + 1, 1)  # row k stays the identity
        for i in range(k):
            rows[i, i], rows[i, k] = k, i
        steps.append(rows)
    return steps


# exercise: equivariance/averaging/worst_left
import torch


def worst_left(table, chosen, steps):
    """Largest share of an error that is left after `steps` averages over the chosen elements: (r, r), list, int -> float."""
    r = len(table)
    step = torch.zeros(r, r, dtype=torch.float64)
    for s in chosen:
        step[table[s], torch.arange(r)] += 1 / len(chosen)
    rest = torch.linalg.matrix_power(step, steps) - 1 / r
    return torch.linalg.matrix_norm(rest, 2).item()
