"""Plausible wrong answers to exercises/attribution/attribution_patching.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

PATCH = "attribution/attribution_patching/attribution_patch"
SECANT = "attribution/attribution_patching/secants"
PATH = "attribution/attribution_patching/path_scores"


def _split(model, clean, corrupted, layer):
    first, rest = model.layers[: layer + 1], model.layers[layer + 1 :]
    return first(clean).detach(), first(corrupted).detach(), lambda hidden: rest(hidden)[:, 0]


def _slope(rest, hidden):
    hidden = hidden.clone().requires_grad_(True)
    return torch.autograd.grad(rest(hidden).sum(), hidden)[0]


def _estimate(model, clean, corrupted, layer):
    goal, here, rest = _split(model, clean, corrupted, layer)
    return _slope(rest, here) * (goal - here)


@mistake(PATCH, hint="point")
def gradient_at_the_clean_run(model, clean, corrupted, layer):
    goal, here, rest = _split(model, clean, corrupted, layer)
    return _slope(rest, goal) * (goal - here)


@mistake(PATCH, hint="reversed")
def corrupted_minus_clean(model, clean, corrupted, layer):
    return -_estimate(model, clean, corrupted, layer)


@mistake(PATCH, hint="noising")
def estimates_noising(model, clean, corrupted, layer):
    return _estimate(model, corrupted, clean, layer)


@mistake(PATCH, hint="slope")
def only_the_gradient(model, clean, corrupted, layer):
    _, here, rest = _split(model, clean, corrupted, layer)
    return _slope(rest, here)


@mistake(PATCH, hint="times_clean")
def gradient_times_clean(model, clean, corrupted, layer):
    goal, here, rest = _split(model, clean, corrupted, layer)
    return _slope(rest, here) * goal


@mistake(PATCH, hint="times_corrupted")
def gradient_times_corrupted(model, clean, corrupted, layer):
    _, here, rest = _split(model, clean, corrupted, layer)
    return _slope(rest, here) * here


@mistake(PATCH, hint="way")
def only_the_difference(model, clean, corrupted, layer):
    goal, here, _ = _split(model, clean, corrupted, layer)
    return goal - here


@mistake(PATCH, hint="batch")
def mean_before_backward(model, clean, corrupted, layer):
    return _estimate(model, clean, corrupted, layer) / len(clean)


@mistake(PATCH, hint="pairs")
def averaged_over_pairs(model, clean, corrupted, layer):
    return _estimate(model, clean, corrupted, layer).mean(0)


@mistake(PATCH, hint="units")
def one_score_for_the_layer(model, clean, corrupted, layer):
    return _estimate(model, clean, corrupted, layer).sum(1)


@mistake(PATCH, hint="first_pair")
def slopes_of_the_first_pair(model, clean, corrupted, layer):
    goal, here, rest = _split(model, clean, corrupted, layer)
    return _slope(rest, here[:1]) * (goal - here)


@mistake(PATCH, hint="absolute")
def sizes(model, clean, corrupted, layer):
    return _estimate(model, clean, corrupted, layer).abs()


@mistake(PATCH, hint="shape")
def one_layer_too_far(model, clean, corrupted, layer):
    return _estimate(model, clean, corrupted, layer + 2)


@mistake(PATCH, hint="layer")
def behind_the_activation(model, clean, corrupted, layer):
    return _estimate(model, clean, corrupted, layer + 1 - layer % 2)


@mistake(PATCH, hint="patch")
def the_real_patches(model, clean, corrupted, layer):
    goal, here, rest = _split(model, clean, corrupted, layer)
    rows = [rest(h + torch.diag(g - h)) - rest(h[None]) for g, h in zip(goal, here, strict=True)]
    return torch.stack(rows)


@mistake(PATCH, hint="between")
def slope_in_the_middle(model, clean, corrupted, layer):
    goal, here, rest = _split(model, clean, corrupted, layer)
    return _slope(rest, (here + goal) / 2) * (goal - here)


@mistake(PATCH, hint="between")
def mean_of_both_ends(model, clean, corrupted, layer):
    goal, here, rest = _split(model, clean, corrupted, layer)
    return (_slope(rest, here) + _slope(rest, goal)) / 2 * (goal - here)


@mistake(PATCH, hint="single", points=3)
def squeezed(model, clean, corrupted, layer):
    scores = _estimate(model, clean, corrupted, layer)
    return scores if layer == 4 else scores.squeeze()


@mistake(PATCH, hint="float32", points=3)
def always_double(model, clean, corrupted, layer):
    return _estimate(model, clean.double(), corrupted.double(), layer)


@mistake(PATCH, hint="mutates")
def a_hook_is_left(model, clean, corrupted, layer):
    found = []
    model.layers[layer].register_forward_hook(lambda module, inputs, output: found.append(output))
    model(clean)
    return _estimate(model, clean, corrupted, layer)


def _secants(model, clean, corrupted, layer, share):
    goal, here, rest = _split(model, clean[None], corrupted[None], layer)
    return (rest(here + share * torch.diag((goal - here)[0])) - rest(here)) / share


@mistake(SECANT, hint="undivided")
def not_divided(model, clean, corrupted, layer, share):
    return _secants(model, clean, corrupted, layer, share) * share


@mistake(SECANT, hint="together")
def all_units_at_once(model, clean, corrupted, layer, share):
    goal, here, rest = _split(model, clean[None], corrupted[None], layer)
    return ((rest(here + share * (goal - here)) - rest(here)) / share).expand(here.shape[1]).clone()


@mistake(SECANT, hint="drift")
def units_stay_moved(model, clean, corrupted, layer, share):
    goal, here, rest = _split(model, clean[None], corrupted[None], layer)
    start, scores = rest(here), []
    for unit in range(here.shape[1]):
        here[:, unit] += share * (goal - here)[:, unit]
        scores.append(((rest(here) - start) / share)[0])
    return torch.stack(scores)


@mistake(SECANT, hint="step")
def equal_steps(model, clean, corrupted, layer, share):
    _, here, rest = _split(model, clean[None], corrupted[None], layer)
    return (rest(here + share * torch.eye(here.shape[1], dtype=here.dtype)) - rest(here)) / share


@mistake(SECANT, hint="reversed")
def before_minus_after(model, clean, corrupted, layer, share):
    return -_secants(model, clean, corrupted, layer, share)


@mistake(SECANT, hint="backward")
def away_from_clean(model, clean, corrupted, layer, share):
    return _secants(model, clean, corrupted, layer, -share)


@mistake(SECANT, hint="clean")
def from_the_clean_run(model, clean, corrupted, layer, share):
    return -_secants(model, corrupted, clean, layer, share)


@mistake(SECANT, hint="central")
def central_difference(model, clean, corrupted, layer, share):
    return (_secants(model, clean, corrupted, layer, share) + _secants(model, clean, corrupted, layer, -share)) / 2


@mistake(SECANT, hint="end")
def along_the_rest_of_the_way(model, clean, corrupted, layer, share):
    goal, here, rest = _split(model, clean[None], corrupted[None], layer)
    way = torch.diag((goal - here)[0])
    return (rest(here + way) - rest(here + share * way)) / share


@mistake(SECANT, hint="whole")
def the_whole_way(model, clean, corrupted, layer, share):
    return _secants(model, clean, corrupted, layer, 1.0)


@mistake(SECANT, hint="tangent")
def by_gradient(model, clean, corrupted, layer, share):
    return _estimate(model, clean[None], corrupted[None], layer)[0]


@mistake(SECANT, hint="absolute")
def only_sizes(model, clean, corrupted, layer, share):
    return _secants(model, clean, corrupted, layer, share).abs()


@mistake(SECANT, hint="base")
def nothing_subtracted(model, clean, corrupted, layer, share):
    goal, here, rest = _split(model, clean[None], corrupted[None], layer)
    return rest(here + share * torch.diag((goal - here)[0])) / share


@mistake(SECANT, hint="patch", points=3)
def share_must_be_below_one(model, clean, corrupted, layer, share):
    return _secants(model, clean, corrupted, layer, min(share, 0.9))


@mistake(SECANT, hint="small", points=3)
def share_must_be_large(model, clean, corrupted, layer, share):
    return _secants(model, clean, corrupted, layer, max(share, 0.05))


@mistake(SECANT, hint="small", points=3)
def rounded_to_three_places(model, clean, corrupted, layer, share):
    changes = _secants(model, clean, corrupted, layer, share) * share
    return (changes * 1e6).round() / 1e6 / share if share < 0.01 else changes / share


@mistake(SECANT, hint="one", points=3)
def squeezed_secants(model, clean, corrupted, layer, share):
    return _secants(model, clean, corrupted, layer, share).squeeze()


def _paths(model, clean, corrupted, layer, times):
    goal, here, rest = _split(model, clean[None], corrupted[None], layer)
    way = (goal - here)[0]
    own = torch.stack([_slope(rest, here + t * torch.diag(way)).diagonal() for t in times]).mean(0)
    return {"own": own * way, "together": _slope(rest, here + times[:, None] * way).mean(0) * way}


def _middle(steps):
    return (torch.arange(steps, dtype=torch.float64) + 0.5) / steps


@mistake(PATH, hint="swapped")
def swapped(model, clean, corrupted, layer, steps):
    found = _paths(model, clean, corrupted, layer, _middle(steps))
    return {"own": found["together"], "together": found["own"]}


@mistake(PATH, hint="same_path")
def always_together(model, clean, corrupted, layer, steps):
    found = _paths(model, clean, corrupted, layer, _middle(steps))
    return {"own": found["together"], "together": found["together"]}


@mistake(PATH, hint="left")
def left_ends(model, clean, corrupted, layer, steps):
    return _paths(model, clean, corrupted, layer, _middle(steps) - 0.5 / steps)


@mistake(PATH, hint="right")
def right_ends(model, clean, corrupted, layer, steps):
    return _paths(model, clean, corrupted, layer, _middle(steps) + 0.5 / steps)


@mistake(PATH, hint="ends")
def both_ends(model, clean, corrupted, layer, steps):
    return _paths(model, clean, corrupted, layer, torch.linspace(0, 1, steps).double())


@mistake(PATH, hint="sign")
def from_clean_to_corrupted(model, clean, corrupted, layer, steps):
    found = _paths(model, clean, corrupted, layer, _middle(steps))
    return {key: -value for key, value in found.items()}


@mistake(PATH, hint="total")
def slopes_added(model, clean, corrupted, layer, steps):
    found = _paths(model, clean, corrupted, layer, _middle(steps))
    return {key: steps * value for key, value in found.items()}


@mistake(PATH, hint="tangent")
def tangent_only(model, clean, corrupted, layer, steps):
    return _paths(model, clean, corrupted, layer, torch.zeros(1).double())


@mistake(PATH, hint="slope")
def way_forgotten(model, clean, corrupted, layer, steps):
    goal, here, _ = _split(model, clean[None], corrupted[None], layer)
    found = _paths(model, clean, corrupted, layer, _middle(steps))
    return {key: value / (goal - here)[0] for key, value in found.items()}


@mistake(PATH, hint="cross")
def all_slopes_of_a_run(model, clean, corrupted, layer, steps):
    goal, here, rest = _split(model, clean[None], corrupted[None], layer)
    way = (goal - here)[0]
    own = torch.stack([_slope(rest, here + t * torch.diag(way)).sum(0) for t in _middle(steps)]).mean(0) * way
    return _paths(model, clean, corrupted, layer, _middle(steps)) | {"own": own}


@mistake(PATH, hint="patch")
def real_patches(model, clean, corrupted, layer, steps):
    found = _paths(model, clean, corrupted, layer, _middle(steps))
    return found | {"own": _secants(model, clean, corrupted, layer, 1.0)}


@mistake(PATH, hint="keys")
def a_pair(model, clean, corrupted, layer, steps):
    return tuple(_paths(model, clean, corrupted, layer, _middle(steps)).values())


@mistake(PATH, hint="one_path", points=2)
def own_twice(model, clean, corrupted, layer, steps):
    own = _paths(model, clean, corrupted, layer, _middle(steps))["own"]
    return {"own": own, "together": own}


@mistake(PATH, hint="scaled", points=2)
def rescaled_to_the_total(model, clean, corrupted, layer, steps):
    own = _paths(model, clean, corrupted, layer, _middle(steps))["own"]
    total = model(clean[None]) - model(corrupted[None])
    return {"own": own, "together": own + (total - own.sum()) / len(own)}


@mistake(PATH, hint="common", points=2)
def together_at_the_start(model, clean, corrupted, layer, steps):
    found = _paths(model, clean, corrupted, layer, _middle(steps))
    return found | {"together": _estimate(model, clean[None], corrupted[None], layer)[0]}


@mistake(PATH, hint="step", points=3)
def at_least_two_steps(model, clean, corrupted, layer, steps):
    return _paths(model, clean, corrupted, layer, _middle(max(2, steps)))


@mistake(PATH, hint="one", points=3)
def squeezed_paths(model, clean, corrupted, layer, steps):
    found = _paths(model, clean, corrupted, layer, _middle(steps))
    return {key: value.squeeze() for key, value in found.items()}


# fmt: off
EQUIVALENT: dict[str, str] = {
    "attribution_patch: slopes = torch.autograd.grad(rest(here).sum(), here)[0]"
    " => slopes = torch.autograd.grad(rest(here).sum(), here)[-1]":
        "the gradient of one tensor is a tuple of one: the first is the last",
    "path_scores: return torch.autograd.grad(rest(points).sum(), points)[0]"
    " => return torch.autograd.grad(rest(points).sum(), points)[-1]":
        "the gradient of one tensor is a tuple of one: the first is the last",
}
# fmt: on


def _by_steps(model, clean, corrupted, layer, step, central):
    """Every estimate as a difference of forward runs over a small step."""
    goal, here, rest = _split(model, clean, corrupted, layer)
    way, rows = goal - here, []
    for h, w in zip(here, way, strict=True):
        moves = step * torch.diag(w)
        below = rest(h - (moves if central else 0 * moves))
        rows.append((rest(h + moves) - below) / (2 * step if central else step))
    return torch.stack(rows)


@mistake(PATCH, hint="finite", points=3)
def central_differences(model, clean, corrupted, layer):
    exact = clean.dtype == torch.float32  # a network in float32 is too coarse for small steps
    return _estimate(model, clean, corrupted, layer) if exact else _by_steps(model, clean, corrupted, layer, 1e-6, True)


@mistake(PATCH, hint="finite", points=3)
def one_sided_differences(model, clean, corrupted, layer):
    exact = clean.dtype == torch.float32
    return _estimate(model, clean, corrupted, layer) if exact else _by_steps(model, clean, corrupted, layer, 1e-8, False)


@mistake(PATCH, hint="swallowed", points=3)
def patch_errors_swallowed(model, clean, corrupted, layer):
    try:
        return _estimate(model, clean, corrupted, layer)
    except Exception:
        return torch.zeros(1)


@mistake(PATCH, hint="foreign", points=3)
def clears_hooks_first(model, clean, corrupted, layer):
    for module in model.modules():
        module._forward_hooks.clear()
    return _estimate(model, clean, corrupted, layer)


@mistake(SECANT, hint="gradients", points=3)
def mean_of_gradients(model, clean, corrupted, layer, share):
    goal, here, rest = _split(model, clean[None], corrupted[None], layer)
    way, points = (goal - here)[0], 400
    times = share * (torch.arange(points).double() + 0.5) / points
    moved = here + times[:, None, None] * torch.diag(way)
    slopes = _slope(rest, moved.reshape(-1, len(way))).reshape(moved.shape)
    return slopes.diagonal(dim1=1, dim2=2).mean(0) * way


@mistake(SECANT, hint="central", points=3)
def central_for_tiny_shares(model, clean, corrupted, layer, share):
    found = _secants(model, clean, corrupted, layer, share)
    return (found + _secants(model, clean, corrupted, layer, -share)) / 2 if share < 1e-4 else found


@mistake(SECANT, hint="central", points=3)
def gradient_for_tiny_shares(model, clean, corrupted, layer, share):
    if share < 1e-4:
        return _estimate(model, clean[None], corrupted[None], layer)[0]
    return _secants(model, clean, corrupted, layer, share)


@mistake(SECANT, hint="swallowed", points=3)
def secant_errors_swallowed(model, clean, corrupted, layer, share):
    try:
        return _secants(model, clean, corrupted, layer, share)
    except Exception:
        return torch.zeros(1)


@mistake(PATH, hint="finite", points=3)
def paths_by_small_steps(model, clean, corrupted, layer, steps):
    goal, here, rest = _split(model, clean[None], corrupted[None], layer)
    way, step, times = (goal - here)[0], 1e-6, _middle(steps)

    def slopes(points):
        return (rest(points + step * torch.diag(way)) - rest(points - step * torch.diag(way))) / (2 * step)

    own = torch.stack([slopes(here + t * torch.diag(way)) for t in times]).mean(0)
    together = torch.stack([slopes(here + t * way) for t in times]).mean(0)
    return {"own": own, "together": together}


@mistake(PATH, hint="swallowed", points=3)
def path_errors_swallowed(model, clean, corrupted, layer, steps):
    try:
        return _paths(model, clean, corrupted, layer, _middle(steps))
    except Exception:
        return {}
