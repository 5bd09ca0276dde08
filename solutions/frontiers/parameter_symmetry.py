"""Solutions to exercises/frontiers/parameter_symmetry.ipynb."""


# exercise: frontiers/parameter_symmetry/move_neurons
import torch


def move_neurons(W, b, V, p, alpha):
    """Neuron i, scaled by alpha[i], at place p[i]: (h, d), (h,), (k, h), (h,), (h,) -> new W, b, V; the same function."""
    source = p.argsort()  # place j is filled from neuron source[j]
    return (alpha[:, None] * W)[source], (alpha * b)[source], (V / alpha)[:, source]


# exercise: frontiers/parameter_symmetry/balanced_step
import torch


def balanced_step(W, b, V, dW, db, dV, rate):
    """A step of descent from where each neuron reads as much as it writes, scaled back: -> new W, b, V."""
    read = torch.hypot(W.norm(dim=1), b)
    written = V.norm(dim=0)
    ratio = read / written  # 1 / alpha^2, with alpha what balances the neuron: one for the gradient, one for the way back
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio
