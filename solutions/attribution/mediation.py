"""Solutions to exercises/attribution/mediation.ipynb."""


# exercise: attribution/mediation/ablate
import torch


def ablate(model, x, reference, site, unit):
    """Outputs on x with one unit replaced: dict of "zero", "mean" and "resample", each (b, *out)."""
    layer, kept = model.get_submodule(site), []
    handle = layer.register_forward_hook(lambda module, inputs, output: kept.append(output))
    try:
        model(reference)
    finally:
        handle.remove()
    values = kept[0][:, unit]

    def run(value):
        def change(module, inputs, output):
            output = output.clone()
            output[:, unit] = value
            return output

        handle = layer.register_forward_hook(change)
        try:
            return model(x)
        finally:
            handle.remove()

    return {"zero": run(torch.zeros_like(values)), "mean": run(values.mean(0)), "resample": run(values)}


# exercise: attribution/mediation/mediation
def mediation(model, site, units, x, other):
    """Effects of x against other through the units at a site: dict of four tensors (b,)."""
    layer = model.get_submodule(site)

    def run(rows, source):
        """Output on rows with the units at their values on source."""
        kept = []
        handle = layer.register_forward_hook(lambda module, inputs, output: kept.append(output))
        try:
            model(source)
        finally:
            handle.remove()

        def change(module, inputs, output):
            output = output.clone()
            output[:, units] = kept[0][:, units]
            return output

        handle = layer.register_forward_hook(change)
        try:
            return model(rows)
        finally:
            handle.remove()

    before = run(other, other)
    total, indirect, direct = run(x, x) - before, run(other, x) - before, run(x, other) - before
    return {"total": total, "indirect": indirect, "direct": direct, "interaction": total - indirect - direct}


# exercise: attribution/mediation/hybrid
def hybrid(model, sites, x, other, gates):
    """Values (m,) of gates (m, k): run on other, each site moved towards what it is on x by its gate."""
    clean, handles = {}, []

    def keep(site):
        def hook(module, inputs, output):
            clean[site] = output

        return hook

    def move(site, gate):
        def hook(module, inputs, output):
            return output + gate[:, None] * (clean[site] - output)

        return hook

    try:
        for site in sites:
            handles.append(model.get_submodule(site).register_forward_hook(keep(site)))
        model(x[None])
        while handles:
            handles.pop().remove()
        for site, gate in zip(sites, gates.T, strict=True):
            handles.append(model.get_submodule(site).register_forward_hook(move(site, gate)))
        return model(other.expand(len(gates), -1))
    finally:
        for handle in handles:
            handle.remove()


# exercise: attribution/mediation/truncated
import torch


def truncated(game, orders, tolerance):
    """Mean losses along orders of removal, cut off near the empty value: dict of scores (n,) and removals, a number."""
    empty, full = game.ends()
    scores, removals = torch.zeros(game.n, dtype=game.dtype), 0
    for order in orders.tolist():
        gates, value = torch.ones(1, game.n, dtype=game.dtype), full
        for player in order:
            if abs(value - empty) <= tolerance:
                break
            gates[0, player] = 0
            new = game(gates)[0]
            scores[player] += value - new
            value, removals = new, removals + 1
    return {"scores": scores / len(orders), "removals": removals}
