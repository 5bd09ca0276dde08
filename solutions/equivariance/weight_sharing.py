"""Solutions to exercises/equivariance/weight_sharing.ipynb."""


# exercise: equivariance/weight_sharing/tied_weights
import torch


def tied_weights(p_in, p_out):
    """Labels of weights that must be equal: generators (k, n_in) and (k, n_out) -> (n_out, n_in), 0, 1, ... as met."""
    n_out, n_in = p_out.shape[1], p_in.shape[1]
    label = torch.arange(n_out * n_in).reshape(n_out, n_in)
    while True:
        before = label
        for s in range(len(p_in)):
            label = torch.minimum(label, label[p_out[s]][:, p_in[s]])  # the lower label wins
        if torch.equal(label, before):
            return label.unique(return_inverse=True)[1]


# exercise: equivariance/weight_sharing/equivariant_basis
import torch


def equivariant_basis(rho_in, rho_out):
    """Orthonormal tables W with rho_out W = W rho_in: generators (k, d, d), (k, e, e) -> (r, e, d)."""
    d, e = rho_in.shape[1], rho_out.shape[1]
    one_in, one_out = torch.eye(d, dtype=rho_in.dtype), torch.eye(e, dtype=rho_in.dtype)
    blocks = []
    for s in range(len(rho_in)):
        blocks.append(torch.kron(rho_out[s].contiguous(), one_in) - torch.kron(one_out, rho_in[s].T.contiguous()))
    constraints = torch.cat(blocks)
    values, vectors = torch.linalg.eigh(constraints.T @ constraints)
    zero = values < 1e-10
    return vectors[:, zero].T.reshape(-1, e, d)


# exercise: equivariance/weight_sharing/fit_tied
import torch


def fit_tied(basis, x, y):
    """The combination W of tables (r, q, p) with the smallest sum of |y - W x|^2: (b, p), (b, q) -> (q, p)."""
    features = torch.einsum("kqp,bp->bqk", basis, x).flatten(0, 1)
    coefficients = torch.linalg.lstsq(features, y.flatten()[:, None]).solution.flatten()
    return torch.einsum("k,kqp->qp", coefficients, basis)
