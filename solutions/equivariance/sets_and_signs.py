"""Solutions to exercises/equivariance/sets_and_signs.ipynb."""

# exercise: equivariance/sets_and_signs/padded_sets
import torch


def padded_sets(phi, rho, x, sizes, pool):
    """rho(pool of phi(elements)) for padded sets: two networks, (b, n, d), (b,), str -> (b, outputs)."""
    b, n, d = x.shape
    features = phi(x.reshape(b * n, d)).reshape(b, n, -1)
    inside = (torch.arange(n) < sizes[:, None])[:, :, None]
    if pool == "max":
        return rho(torch.where(inside, features, -torch.inf).amax(1))
    total = torch.where(inside, features, 0).sum(1)
    return rho(total if pool == "sum" else total / sizes[:, None])


# exercise: equivariance/sets_and_signs/sign_invariant
import torch


def sign_invariant(phi, rho, v):
    """rho of the sums phi(v_j) + phi(-v_j): two networks, (b, n, k) -> (b, outputs)."""
    b, n, k = v.shape
    one = v.mT.reshape(b * k, n)
    return rho((phi(one) + phi(-one)).reshape(b, -1))


# exercise: equivariance/sets_and_signs/projectors
import torch


def projectors(values, vectors, tolerance):
    """V V^T for every group of equal eigenvalues: (n,), (n, n), float -> (s, n, n)."""
    ends = (values.diff() >= tolerance).nonzero()[:, 0] + 1
    spaces = torch.tensor_split(vectors, ends, 1)
    return torch.stack([space @ space.T for space in spaces])
