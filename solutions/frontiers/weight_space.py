"""Solutions to exercises/frontiers/weight_space.ipynb."""

# exercise: frontiers/weight_space/neuron_tokens
import torch


def neuron_tokens(weights, inputs):
    """One row (w, b, v) for each neuron: (b, h * (inputs + 2)), int -> (b, h, inputs + 2)."""
    hidden = weights.shape[1] // (inputs + 2)
    w, b, v = weights.split([hidden * inputs, hidden, hidden], dim=1)
    w = w.reshape(-1, hidden, inputs)
    return torch.cat([w, b[:, :, None], v[:, :, None]], 2)


# exercise: frontiers/weight_space/read_neurons
def read_neurons(phi, rho, tokens):
    """rho of the sum over neurons of phi(t) + phi(-t): two networks, (b, h, n) -> (b, outputs)."""
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    features = phi(rows) + phi(-rows)
    return rho(features.reshape(b, h, -1).sum(1))
