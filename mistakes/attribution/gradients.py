"""Plausible wrong answers to exercises/attribution/gradients.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

INTEGRATED = "attribution/gradients/integrated_gradients"
SMOOTH = "attribution/gradients/smoothgrad"
BACKWARD = "attribution/gradients/backward_map"
PATH = "attribution/gradients/path_contributions"


@mistake(INTEGRATED, hint="units")
def mean_slopes_only(model, rows, baselines, steps):
    times = (torch.arange(steps) + 0.5) / steps
    points = (baselines + times[:, None, None] * (rows - baselines)).flatten(0, 1).requires_grad_(True)
    return torch.autograd.grad(model(points).sum(), points)[0].reshape(steps, *rows.shape).mean(0)


@mistake(INTEGRATED, hint="input")
def times_the_input(model, rows, baselines, steps):
    times = (torch.arange(steps) + 0.5) / steps
    points = (baselines + times[:, None, None] * (rows - baselines)).flatten(0, 1).requires_grad_(True)
    return rows * torch.autograd.grad(model(points).sum(), points)[0].reshape(steps, *rows.shape).mean(0)


@mistake(INTEGRATED, hint="left")
def left_sum(model, rows, baselines, steps):
    total = torch.zeros_like(rows)
    for k in range(steps):
        points = (baselines + k / steps * (rows - baselines)).requires_grad_(True)
        total += torch.autograd.grad(model(points).sum(), points)[0]
    return (rows - baselines) * total / steps


@mistake(INTEGRATED, hint="right")
def right_sum(model, rows, baselines, steps):
    total = torch.zeros_like(rows)
    for k in range(1, steps + 1):
        points = (baselines + k / steps * (rows - baselines)).requires_grad_(True)
        total += torch.autograd.grad(model(points).sum(), points)[0]
    return (rows - baselines) * total / steps


@mistake(INTEGRATED, hint="ends")
def both_ends(model, rows, baselines, steps):
    total = torch.zeros_like(rows)
    for t in torch.linspace(0, 1, steps):
        points = (baselines + t * (rows - baselines)).requires_grad_(True)
        total += torch.autograd.grad(model(points).sum(), points)[0]
    return (rows - baselines) * total / steps


@mistake(INTEGRATED, hint="gauss")
def gauss_nodes(model, rows, baselines, steps):
    from course_lib.attribution.features import feature_game
    from course_lib.games import integrated_gradients

    pairs = zip(rows, baselines, strict=True)
    return torch.stack([integrated_gradients(feature_game(model, x, start), steps).scores for x, start in pairs])


@mistake(INTEGRATED, hint="endpoint")
def slope_at_the_end(model, rows, baselines, steps):
    points = rows.clone().requires_grad_(True)
    return (rows - baselines) * torch.autograd.grad(model(points).sum(), points)[0]


@mistake(INTEGRATED, hint="endpoint")
def slope_at_the_start(model, rows, baselines, steps):
    points = baselines.clone().requires_grad_(True)
    return (rows - baselines) * torch.autograd.grad(model(points).sum(), points)[0]


@mistake(INTEGRATED, hint="sign")
def from_x_to_the_baseline(model, rows, baselines, steps):
    times = (torch.arange(steps) + 0.5) / steps
    points = (rows + times[:, None, None] * (baselines - rows)).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0]
    return (baselines - rows) * slopes.reshape(steps, *rows.shape).mean(0)


@mistake(INTEGRATED, hint="absolute")
def sizes(model, rows, baselines, steps):
    times = (torch.arange(steps) + 0.5) / steps
    points = (baselines + times[:, None, None] * (rows - baselines)).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0]
    return ((rows - baselines) * slopes.reshape(steps, *rows.shape).mean(0)).abs()


@mistake(INTEGRATED, hint="total")
def slopes_added_up(model, rows, baselines, steps):
    times = (torch.arange(steps) + 0.5) / steps
    points = (baselines + times[:, None, None] * (rows - baselines)).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0]
    return (rows - baselines) * slopes.reshape(steps, *rows.shape).sum(0)


@mistake(INTEGRATED, hint="batch")
def mean_of_the_outputs(model, rows, baselines, steps):
    total = torch.zeros_like(rows)
    for k in range(steps):
        points = (baselines + (k + 0.5) / steps * (rows - baselines)).requires_grad_(True)
        total += torch.autograd.grad(model(points).mean(), points)[0]
    return (rows - baselines) * total / steps


@mistake(INTEGRATED, hint="mixed")
def reshaped_the_wrong_way(model, rows, baselines, steps):
    times = (torch.arange(steps) + 0.5) / steps
    points = (baselines + times[:, None, None] * (rows - baselines)).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0]
    return (rows - baselines) * slopes.reshape(len(rows), steps, -1).mean(1)


@mistake(INTEGRATED, hint="first")
def one_baseline_for_all(model, rows, baselines, steps):
    times = (torch.arange(steps) + 0.5) / steps
    points = (baselines[0] + times[:, None, None] * (rows - baselines[0])).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0]
    return (rows - baselines[0]) * slopes.reshape(steps, *rows.shape).mean(0)


@mistake(INTEGRATED, hint="shape")
def as_in_the_chapter(model, rows, baselines, steps):
    x, baseline = rows[0], baselines[0]
    times = (torch.arange(steps, dtype=x.dtype) + 0.5) / steps
    points = (baseline + times.reshape(-1, *[1] * x.dim()) * (x - baseline)).requires_grad_(True)
    return (x - baseline) * torch.autograd.grad(model(points).sum(), points)[0].mean(0)


@mistake(INTEGRATED, hint="one", points=3)
def squeezed(model, rows, baselines, steps):
    times = (torch.arange(steps) + 0.5) / steps
    points = (baselines + times[:, None, None] * (rows - baselines)).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0]
    return ((rows - baselines) * slopes.reshape(steps, *rows.shape).mean(0)).squeeze()


@mistake(SMOOTH, hint="still")
def one_noise_for_all_draws(model, rows, scale, draws, seed):
    noise = torch.randn(1, *rows.shape, generator=torch.Generator().manual_seed(seed)).expand(draws, *rows.shape)
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="still")
def slope_at_the_mean_input(model, rows, scale, draws, seed):
    noise = torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(seed))
    points = (rows + scale * noise).mean(0).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0]
    return {"scores": slopes, "standard_errors": torch.zeros_like(slopes)}


@mistake(SMOOTH, hint="after")
def noise_on_the_slopes(model, rows, scale, draws, seed):
    points = rows.clone().requires_grad_(True)
    slope = torch.autograd.grad(model(points).sum(), points)[0]
    slopes = slope + scale * torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(seed))
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="shared")
def one_number_for_all_entries(model, rows, scale, draws, seed):
    noise = torch.randn(draws, len(rows), 1, generator=torch.Generator().manual_seed(seed))
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="scale")
def noise_of_size_one(model, rows, scale, draws, seed):
    noise = torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(seed))
    points = (rows + noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="scale")
def scale_as_a_variance(model, rows, scale, draws, seed):
    noise = torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(seed))
    points = (rows + scale**0.5 * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="noise")
def centred_uniform_noise(model, rows, scale, draws, seed):
    noise = 12**0.5 * (torch.rand(draws, *rows.shape, generator=torch.Generator().manual_seed(seed)) - 0.5)
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="absolute")
def sizes_averaged(model, rows, scale, draws, seed):
    noise = torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(seed))
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape).abs()
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="draws")
def slopes_summed(model, rows, scale, draws, seed):
    noise = torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(seed))
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.sum(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="draws")
def fifty_draws_whatever_is_asked(model, rows, scale, draws, seed):
    draws = 50
    noise = torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(seed))
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="batch")
def mean_of_a_batch(model, rows, scale, draws, seed):
    noise = torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(seed))
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    means = model(points).reshape(draws, len(rows)).mean(1)
    slopes = torch.autograd.grad(means.sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="spread")
def spread_of_single_slopes(model, rows, scale, draws, seed):
    noise = torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(seed))
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0)}


@mistake(SMOOTH, hint="deviation")
def variance_for_deviation(model, rows, scale, draws, seed):
    noise = torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(seed))
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws}


@mistake(SMOOTH, hint="deviation")
def errors_over_rows(model, rows, scale, draws, seed):
    noise = torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(seed))
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    error = slopes.mean(1).std(0) / draws**0.5
    return {"scores": slopes.mean(0), "standard_errors": error.expand_as(rows).clone()}


@mistake(SMOOTH, hint="repeat", points=4)
def unseeded(model, rows, scale, draws, seed):
    noise = torch.randn(draws, *rows.shape)
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="seed", points=4)
def always_seed_zero(model, rows, scale, draws, seed):
    noise = torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(0))
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="seed", points=4)
def odd_or_even_seed(model, rows, scale, draws, seed):
    noise = torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(seed % 2))
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="few", points=4)
def biased_spread(model, rows, scale, draws, seed):
    noise = torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(seed))
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0, correction=0) / draws**0.5}


@mistake(SMOOTH, hint="rows", points=4)
def same_noise_for_every_row(model, rows, scale, draws, seed):
    noise = torch.randn(draws, 1, rows.shape[1], generator=torch.Generator().manual_seed(seed))
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="independent", points=4)
def one_copy_without_noise(model, rows, scale, draws, seed):
    noise = torch.randn(draws, *rows.shape, generator=torch.Generator().manual_seed(seed))
    noise[0] = 0
    points = (rows + scale * noise).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(SMOOTH, hint="independent", points=4)
def noise_and_its_opposite(model, rows, scale, draws, seed):
    half = torch.randn((draws + 1) // 2, *rows.shape, generator=torch.Generator().manual_seed(seed))
    points = (rows + scale * torch.cat([half, -half])[:draws]).flatten(0, 1).requires_grad_(True)
    slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape)
    return {"scores": slopes.mean(0), "standard_errors": slopes.std(0) / draws**0.5}


@mistake(BACKWARD, hint="slope")
def chain_rule_only(weights, biases, x, rule):
    if rule not in ("slope", "guided", "deconvnet"):
        raise ValueError(rule)
    x = x.clone().requires_grad_(True)
    h = x
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        h = weight @ (torch.relu(h) if index else h) + bias
    return torch.autograd.grad(h[0], x)[0]


@mistake(BACKWARD, hint="swapped")
def rules_exchanged(weights, biases, x, rule):
    if rule not in ("slope", "guided", "deconvnet"):
        raise ValueError(rule)
    rule, inputs = {"guided": "deconvnet", "deconvnet": "guided", "slope": "slope"}[rule], []
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        inputs.append(weight @ x + bias)
        x = inputs[-1].clamp(min=0)
    signal = weights[-1][0]
    for weight, z in zip(reversed(weights[:-1]), reversed(inputs), strict=True):
        signal = signal if rule == "slope" else signal.clamp(min=0)
        signal = signal if rule == "deconvnet" else signal * (z > 0)
        signal = weight.T @ signal
    return signal


@mistake(BACKWARD, hint="guided")
def always_guided(weights, biases, x, rule):
    if rule not in ("slope", "guided", "deconvnet"):
        raise ValueError(rule)
    inputs = []
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        inputs.append(weight @ x + bias)
        x = inputs[-1].clamp(min=0)
    signal = weights[-1][0]
    for weight, z in zip(reversed(weights[:-1]), reversed(inputs), strict=True):
        signal = weight.T @ (signal.clamp(min=0) * ((z > 0) if rule != "deconvnet" else 1))
    return signal


@mistake(BACKWARD, hint="bias")
def no_biases(weights, biases, x, rule):
    if rule not in ("slope", "guided", "deconvnet"):
        raise ValueError(rule)
    inputs = []
    for weight in weights[:-1]:
        inputs.append(weight @ x)
        x = inputs[-1].clamp(min=0)
    signal = weights[-1][0]
    for weight, z in zip(reversed(weights[:-1]), reversed(inputs), strict=True):
        signal = signal if rule == "slope" else signal.clamp(min=0)
        signal = signal if rule == "deconvnet" else signal * (z > 0)
        signal = weight.T @ signal
    return signal


@mistake(BACKWARD, hint="times")
def times_x(weights, biases, x, rule):
    if rule not in ("slope", "guided", "deconvnet"):
        raise ValueError(rule)
    start, inputs = x, []
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        inputs.append(weight @ x + bias)
        x = inputs[-1].clamp(min=0)
    signal = weights[-1][0]
    for weight, z in zip(reversed(weights[:-1]), reversed(inputs), strict=True):
        signal = signal if rule == "slope" else signal.clamp(min=0)
        signal = signal if rule == "deconvnet" else signal * (z > 0)
        signal = weight.T @ signal
    return signal * start


@mistake(BACKWARD, hint="forward", points=3)
def forward_without_relus(weights, biases, x, rule):
    if rule not in ("slope", "guided", "deconvnet"):
        raise ValueError(rule)
    inputs = []
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        x = weight @ x + bias
        inputs.append(x)
    signal = weights[-1][0]
    for weight, z in zip(reversed(weights[:-1]), reversed(inputs), strict=True):
        signal = signal if rule == "slope" else signal.clamp(min=0)
        signal = signal if rule == "deconvnet" else signal * (z > 0)
        signal = weight.T @ signal
    return signal


@mistake(BACKWARD, hint="forward", points=3)
def forward_with_tanh(weights, biases, x, rule):
    if rule not in ("slope", "guided", "deconvnet"):
        raise ValueError(rule)
    inputs = []
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        inputs.append(weight @ x + bias)
        x = inputs[-1].tanh()
    signal = weights[-1][0]
    for weight, z in zip(reversed(weights[:-1]), reversed(inputs), strict=True):
        signal = signal if rule == "slope" else signal.clamp(min=0)
        signal = signal if rule == "deconvnet" else signal * (z > 0)
        signal = weight.T @ signal
    return signal


@mistake(BACKWARD, hint="several", points=3)
def two_layers_only(weights, biases, x, rule):
    if rule not in ("slope", "guided", "deconvnet"):
        raise ValueError(rule)
    if len(weights) == 1:
        return weights[0][0]
    z = weights[0] @ x + biases[0]
    signal = weights[1][0]
    signal = signal if rule == "slope" else signal.clamp(min=0)
    signal = signal if rule == "deconvnet" else signal * (z > 0)
    return weights[0].T @ signal


@mistake(BACKWARD, hint="several", points=3)
def clips_at_the_top_only(weights, biases, x, rule):
    if rule not in ("slope", "guided", "deconvnet"):
        raise ValueError(rule)
    inputs = []
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        inputs.append(weight @ x + bias)
        x = inputs[-1].clamp(min=0)
    signal = weights[-1][0]
    if rule != "slope" and len(weights) > 1:
        signal = signal.clamp(min=0)
    for weight, z in zip(reversed(weights[:-1]), reversed(inputs), strict=True):
        signal = weight.T @ (signal if rule == "deconvnet" else signal * (z > 0))
    return signal


@mistake(BACKWARD, hint="one", points=3)
def clips_the_last_weights(weights, biases, x, rule):
    if rule not in ("slope", "guided", "deconvnet"):
        raise ValueError(rule)
    inputs = []
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        inputs.append(weight @ x + bias)
        x = inputs[-1].clamp(min=0)
    signal = weights[-1][0] if rule == "slope" else weights[-1][0].clamp(min=0)
    for layer in range(len(weights) - 2, -1, -1):
        signal = signal if rule == "deconvnet" else signal * (inputs[layer] > 0)
        signal = weights[layer].T @ signal
        if rule != "slope" and layer > 0:
            signal = signal.clamp(min=0)
    return signal


@mistake(BACKWARD, hint="rule", points=3)
def any_other_rule_is_a_slope(weights, biases, x, rule):
    inputs = []
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        inputs.append(weight @ x + bias)
        x = inputs[-1].clamp(min=0)
    signal = weights[-1][0]
    for weight, z in zip(reversed(weights[:-1]), reversed(inputs), strict=True):
        signal = signal.clamp(min=0) if rule in ("guided", "deconvnet") else signal
        signal = signal if rule == "deconvnet" else signal * (z > 0)
        signal = weight.T @ signal
    return signal


@mistake(BACKWARD, hint="rule", points=3)
def part_of_a_rule(weights, biases, x, rule):
    if rule not in "slope deconvnet guided":
        raise ValueError(rule)
    inputs = []
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        inputs.append(weight @ x + bias)
        x = inputs[-1].clamp(min=0)
    signal = weights[-1][0]
    for weight, z in zip(reversed(weights[:-1]), reversed(inputs), strict=True):
        signal = signal if rule == "slope" else signal.clamp(min=0)
        signal = signal if rule == "deconvnet" else signal * (z > 0)
        signal = weight.T @ signal
    return signal


@mistake(BACKWARD, hint="rule", points=3)
def rules_in_any_spelling(weights, biases, x, rule):
    rule = rule.lower().strip()
    if rule not in ("slope", "guided", "deconvnet"):
        raise ValueError(rule)
    inputs = []
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        inputs.append(weight @ x + bias)
        x = inputs[-1].clamp(min=0)
    signal = weights[-1][0]
    for weight, z in zip(reversed(weights[:-1]), reversed(inputs), strict=True):
        signal = signal if rule == "slope" else signal.clamp(min=0)
        signal = signal if rule == "deconvnet" else signal * (z > 0)
        signal = weight.T @ signal
    return signal


@mistake(BACKWARD, hint="kink", points=3)
def open_at_zero(weights, biases, x, rule):
    if rule not in ("slope", "guided", "deconvnet"):
        raise ValueError(rule)
    inputs = []
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        inputs.append(weight @ x + bias)
        x = inputs[-1].clamp(min=0)
    signal = weights[-1][0]
    for weight, z in zip(reversed(weights[:-1]), reversed(inputs), strict=True):
        signal = signal if rule == "slope" else signal.clamp(min=0)
        signal = signal if rule == "deconvnet" else signal * (z >= 0)
        signal = weight.T @ signal
    return signal


@mistake(PATH, hint="straight")
def from_first_to_last(model, points, steps):
    times = (torch.arange(steps) + 0.5) / steps
    middle = (points[0] + times[:, None] * (points[-1] - points[0])).requires_grad_(True)
    return (points[-1] - points[0]) * torch.autograd.grad(model(middle).sum(), middle)[0].mean(0)


@mistake(PATH, hint="way")
def times_the_whole_way(model, points, steps):
    times = (torch.arange(steps) + 0.5) / steps
    legs = torch.cat([a + times[:, None] * (b - a) for a, b in zip(points[:-1], points[1:], strict=True)]).requires_grad_(True)
    return (points[-1] - points[0]) * torch.autograd.grad(model(legs).sum(), legs)[0].mean(0)


@mistake(PATH, hint="units")
def slopes_along_the_path(model, points, steps):
    times = (torch.arange(steps) + 0.5) / steps
    legs = torch.cat([a + times[:, None] * (b - a) for a, b in zip(points[:-1], points[1:], strict=True)]).requires_grad_(True)
    return torch.autograd.grad(model(legs).sum(), legs)[0].mean(0)


@mistake(PATH, hint="mean")
def mean_over_legs(model, points, steps):
    times, total = (torch.arange(steps) + 0.5) / steps, torch.zeros_like(points[0])
    for start, end in zip(points[:-1], points[1:], strict=True):
        middle = (start + times[:, None] * (end - start)).requires_grad_(True)
        total += (end - start) * torch.autograd.grad(model(middle).sum(), middle)[0].mean(0)
    return total / (len(points) - 1)


@mistake(PATH, hint="last")
def last_leg_only(model, points, steps):
    times = (torch.arange(steps) + 0.5) / steps
    for start, end in zip(points[:-1], points[1:], strict=True):
        middle = (start + times[:, None] * (end - start)).requires_grad_(True)
        total = (end - start) * torch.autograd.grad(model(middle).sum(), middle)[0].mean(0)
    return total


@mistake(PATH, hint="left")
def left_ends(model, points, steps):
    total = torch.zeros_like(points[0])
    for start, end in zip(points[:-1], points[1:], strict=True):
        middle = (start + (torch.arange(steps) / steps)[:, None] * (end - start)).requires_grad_(True)
        total += (end - start) * torch.autograd.grad(model(middle).sum(), middle)[0].mean(0)
    return total


@mistake(PATH, hint="sign")
def walks_backwards(model, points, steps):
    times, total = (torch.arange(steps) + 0.5) / steps, torch.zeros_like(points[0])
    for start, end in zip(points[1:], points[:-1], strict=True):
        middle = (start + times[:, None] * (end - start)).requires_grad_(True)
        total += (end - start) * torch.autograd.grad(model(middle).sum(), middle)[0].mean(0)
    return total


@mistake(PATH, hint="points")
def slopes_at_the_points(model, points, steps):
    at = points.clone().requires_grad_(True)
    slopes = torch.autograd.grad(model(at).sum(), at)[0]
    return ((points[1:] - points[:-1]) * slopes[:-1]).sum(0)


@mistake(PATH, hint="total")
def slopes_of_a_leg_added(model, points, steps):
    times, total = (torch.arange(steps) + 0.5) / steps, torch.zeros_like(points[0])
    for start, end in zip(points[:-1], points[1:], strict=True):
        middle = (start + times[:, None] * (end - start)).requires_grad_(True)
        total += (end - start) * torch.autograd.grad(model(middle).sum(), middle)[0].sum(0)
    return total


@mistake(PATH, hint="rest", points=2)
def divides_by_the_length(model, points, steps):
    times, total = (torch.arange(steps) + 0.5) / steps, torch.zeros_like(points[0])
    for start, end in zip(points[:-1], points[1:], strict=True):
        length = (end - start).norm()
        middle = (start + times[:, None] * (end - start)).requires_grad_(True)
        total += length * (end - start) / length * torch.autograd.grad(model(middle).sum(), middle)[0].mean(0)
    return total


LAST_AXIS = "the networks of the checks read the last axis, so that a batch of batches has the same slopes"

EQUIVALENT = {
    "integrated_gradients: points = points.flatten(0, 1).requires_grad_(True) => "
    "points = points.requires_grad_(True)": LAST_AXIS,
    "integrated_gradients: points = points.flatten(0, 1).requires_grad_(True) => "
    "points = points.flatten(1, 1).requires_grad_(True)": LAST_AXIS,
    "integrated_gradients: points = points.flatten(0, 1).requires_grad_(True) => "
    "points = points.flatten(0, 0).requires_grad_(True)": LAST_AXIS,
    "integrated_gradients: slopes = torch.autograd.grad(model(points).sum(), points)[0] => "
    "slopes = torch.autograd.grad(model(points).sum(), points)[-1]": "a gradient for one tensor is a tuple of one",
    "smoothgrad: points = (rows + scale * noise).flatten(0, 1).requires_grad_(True) => "
    "points = (rows + scale * noise).requires_grad_(True)": LAST_AXIS,
    "smoothgrad: points = (rows + scale * noise).flatten(0, 1).requires_grad_(True) => "
    "points = (rows + scale * noise).flatten(1, 1).requires_grad_(True)": LAST_AXIS,
    "smoothgrad: points = (rows + scale * noise).flatten(0, 1).requires_grad_(True) => "
    "points = (rows + scale * noise).flatten(0, 0).requires_grad_(True)": LAST_AXIS,
    "smoothgrad: points = (rows + scale * noise).flatten(0, 1).requires_grad_(True) => "
    "points = (rows - scale * noise).flatten(0, 1).requires_grad_(True)": "normal noise is symmetric",
    "smoothgrad: slopes = torch.autograd.grad(model(points).sum(), points)[0].reshape(draws, *rows.shape) => "
    "slopes = torch.autograd.grad(model(points).sum(), points)[-1].reshape(draws, *rows.shape)": "a gradient for one tensor is "
    "a tuple of one",
    "path_contributions: slopes = torch.autograd.grad(model(middle).sum(), middle)[0] => "
    "slopes = torch.autograd.grad(model(middle).sum(), middle)[-1]": "a gradient for one tensor is a tuple of one",
    "backward_map: for layer in range(len(weights) - 1): => for layer in range(len(weights) - 0):": "the output is "
    "computed as well, and never used",
    "backward_map: signal = weights[-1][0] => signal = weights[-1][-1]": "the last layer has one row",
}
