"""Solutions to exercises/attribution/attribution_patching.ipynb."""


# exercise: attribution/attribution_patching/attribution_patch
import torch


def attribution_patch(model, clean, corrupted, layer):
    """Estimates of all patches of the units of a layer: pairs (r, n), (r, n) -> (r, width)."""
    first, rest = model.layers[: layer + 1], model.layers[layer + 1 :]
    goal, here = first(clean).detach(), first(corrupted).detach()
    here.requires_grad_(True)
    slopes = torch.autograd.grad(rest(here).sum(), here)[0]
    return slopes * (goal - here.detach())


# exercise: attribution/attribution_patching/secants
import torch


def secants(model, clean, corrupted, layer, share):
    """Change of the output per share of a unit's way, from forward runs only: (n,), (n,) -> (width,)."""
    first, rest = model.layers[: layer + 1], model.layers[layer + 1 :]
    goal, here = first(clean), first(corrupted)
    moved = here + share * torch.diag(goal - here)  # row k: unit k has moved
    return (rest(moved).flatten() - rest(here)) / share


# exercise: attribution/attribution_patching/path_scores
import torch


def path_scores(model, clean, corrupted, layer, steps):
    """Mean slopes times way, each unit on its own and all together: dict of (width,)."""
    first, rest = model.layers[: layer + 1], model.layers[layer + 1 :]
    goal, here = first(clean).detach(), first(corrupted).detach()
    way = goal - here
    times = (torch.arange(steps) + 0.5) / steps

    def slopes(points):
        points = points.requires_grad_(True)
        return torch.autograd.grad(rest(points).sum(), points)[0]

    own = torch.stack([slopes(here + t * torch.diag(way)).diagonal() for t in times])
    together = slopes(here + times[:, None] * way)
    return {"own": own.mean(0) * way, "together": together.mean(0) * way}
