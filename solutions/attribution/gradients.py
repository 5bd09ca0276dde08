"""Solutions to exercises/attribution/gradients.ipynb."""


# exercise: attribution/gradients/integrated_gradients
import torch


def integrated_gradients(model, rows, baselines, steps):
    times = (torch.arange(steps) + 0.5) / steps
    points = baselines + times[:, None, None] * (rows - baselines)  # (steps, b, n)
    points = points.flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0]
    return (rows - baselines) * slopes.reshape(steps, *rows.shape).mean(0)


# exercise: attribution/gradients/smoothgrad
import torch


def smoothgrad(model, rows, scale, draws, seed):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(draws, *rows.shape, generator=generator)
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


# exercise: attribution/gradients/backward_map
def backward_map(weights, biases, x, rule):
    if rule not in ("slope", "guided", "deconvnet"):
        raise ValueError(f"rule must be slope, guided or deconvnet, got {rule!r}")
    inputs = []  # what each ReLU reads
    for layer in range(len(weights) - 1):
        inputs.append(weights[layer] @ x + biases[layer])
        x = inputs[layer].clamp(min=0)
    signal = weights[-1][0]
    for layer in reversed(range(len(weights) - 1)):
        if rule != "slope":
            signal = signal.clamp(min=0)
        if rule != "deconvnet":
            signal = signal * (inputs[layer] > 0)
        signal = weights[layer].T @ signal
    return signal


# exercise: attribution/gradients/path_contributions
import torch


def path_contributions(model, points, steps):
    times = (torch.arange(steps) + 0.5) / steps
    contributions = []
    for leg in range(len(points) - 1):
        way = points[leg + 1] - points[leg]
        middle = (points[leg] + times[:, None] * way).requires_grad_(True)
        slopes = torch.autograd.grad(model(middle).sum(), middle)[0]
        contributions.append(way * slopes.mean(0))
    return torch.stack(contributions).sum(0)
