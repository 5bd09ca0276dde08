"""Plausible wrong answers to exercises/attribution/mediation.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

ABLATE = "attribution/mediation/ablate"
MEDIATION = "attribution/mediation/mediation"
HYBRID = "attribution/mediation/hybrid"
TRUNCATED = "attribution/mediation/truncated"


def _with_hook(model, site, hook, rows):
    handle = model.get_submodule(site).register_forward_hook(hook)
    try:
        return model(rows)
    finally:
        handle.remove()


def _values(model, site, rows):
    kept = []
    _with_hook(model, site, lambda module, inputs, output: kept.append(output), rows)
    return kept[0]


def _hold(model, site, unit, value, rows):
    def change(module, inputs, output):
        output = output.clone()
        output[:, unit] = value
        return output

    return _with_hook(model, site, change, rows)


def _three(model, site, unit, x, zero, mean, resample):
    values = {"zero": zero, "mean": mean, "resample": resample}
    return {name: _hold(model, site, unit, value, x) for name, value in values.items()}


@mistake(ABLATE, hint="hook")
def hook_left_behind(model, x, reference, site, unit):
    values, found = _values(model, site, reference)[:, unit], {}
    for name, value in (("zero", 0.0), ("mean", values.mean(0)), ("resample", values)):

        def change(module, inputs, output, value=value):
            output = output.clone()
            output[:, unit] = value
            return output

        model.get_submodule(site).register_forward_hook(change)
        found[name] = model(x)
    return found


@mistake(ABLATE, hint="failure", points=3)
def no_finally(model, x, reference, site, unit):
    values, found = _values(model, site, reference)[:, unit], {}
    for name, value in (("zero", 0.0), ("mean", values.mean(0)), ("resample", values)):

        def change(module, inputs, output, value=value):
            output = output.clone()
            output[:, unit] = value
            return output

        handle = model.get_submodule(site).register_forward_hook(change)
        found[name] = model(x)
        handle.remove()
    return found


@mistake(ABLATE, hint="nothing")
def hook_returns_nothing(model, x, reference, site, unit):
    def change(module, inputs, output):
        output = output.clone()
        output[:, unit] = 0

    plain = _with_hook(model, site, change, x)
    return {"zero": plain, "mean": plain, "resample": plain}


@mistake(ABLATE, hint="layer")
def the_whole_layer(model, x, reference, site, unit):
    values = _values(model, site, reference)
    return _three(model, site, slice(None), x, 0.0, values.mean(0), values)


@mistake(ABLATE, hint="x_mean")
def mean_over_x(model, x, reference, site, unit):
    values = _values(model, site, reference)[:, unit]
    return _three(model, site, unit, x, 0.0, _values(model, site, x)[:, unit].mean(0), values)


@mistake(ABLATE, hint="whole")
def another_input_throughout(model, x, reference, site, unit):
    values = _values(model, site, reference)[:, unit]
    return _three(model, site, unit, x, 0.0, values.mean(0), values) | {"resample": model(reference)}


@mistake(ABLATE, hint="resample")
def first_row_for_all(model, x, reference, site, unit):
    values = _values(model, site, reference)[:, unit]
    return _three(model, site, unit, x, 0.0, values.mean(0), values[:1])


@mistake(ABLATE, hint="effect")
def differences(model, x, reference, site, unit):
    values = _values(model, site, reference)[:, unit]
    found = _three(model, site, unit, x, 0.0, values.mean(0), values)
    return {name: model(x) - output for name, output in found.items()}


@mistake(ABLATE, hint="positions", points=3)
def one_mean_for_a_map(model, x, reference, site, unit):
    values = _values(model, site, reference)[:, unit]
    return _three(model, site, unit, x, 0.0, values.mean(), values)


@mistake(ABLATE, hint="neighbour")
def counts_from_one(model, x, reference, site, unit):
    values, unit = _values(model, site, reference), unit - 1
    return _three(model, site, unit, x, 0.0, values[:, unit].mean(0), values[:, unit])


@mistake(ABLATE, hint="map", points=3)
def for_matrices_only(model, x, reference, site, unit):
    values = _values(model, site, reference)

    def masked(value):
        def change(module, inputs, output):
            mask = torch.zeros(output.shape[-1], dtype=torch.bool)
            mask[unit % len(mask)] = True
            return torch.where(mask, value, output)

        return _with_hook(model, site, change, x)

    return {"zero": masked(torch.zeros_like(values)), "mean": masked(values.mean(0)), "resample": masked(values)}


def _run(model, site, units, rows, source):
    return _hold(model, site, units, _values(model, site, source)[:, units], rows)


def _effects(model, site, units, x, other):
    before = model(other)
    total = model(x) - before
    indirect, direct = (_run(model, site, units, *pair) - before for pair in ((other, x), (x, other)))
    return {"total": total, "indirect": indirect, "direct": direct, "interaction": total - indirect - direct}


@mistake(MEDIATION, hint="hook")
def mediator_left_held(model, site, units, x, other):
    found, kept = _effects(model, site, units, x, other), _values(model, site, other)

    def change(module, inputs, output):
        output = output.clone()
        output[:, units] = kept[:, units]
        return output

    model.get_submodule(site).register_forward_hook(change)
    return found


@mistake(MEDIATION, hint="swapped")
def names_exchanged(model, site, units, x, other):
    found = _effects(model, site, units, x, other)
    return found | {"indirect": found["direct"], "direct": found["indirect"]}


@mistake(MEDIATION, hint="rest")
def direct_is_the_rest(model, site, units, x, other):
    found = _effects(model, site, units, x, other)
    return found | {"direct": found["total"] - found["indirect"], "interaction": 0 * found["total"]}


@mistake(MEDIATION, hint="noising")
def indirect_from_x(model, site, units, x, other):
    found = _effects(model, site, units, x, other)
    return found | {"indirect": model(x) - _run(model, site, units, x, other)}


@mistake(MEDIATION, hint="sign")
def other_minus_x(model, site, units, x, other):
    return {name: -value for name, value in _effects(model, site, units, x, other).items()}


@mistake(MEDIATION, hint="mean")
def one_number(model, site, units, x, other):
    return {name: value.mean() for name, value in _effects(model, site, units, x, other).items()}


@mistake(MEDIATION, hint="no_mix")
def the_whole_layer_mediates(model, site, units, x, other):
    return _effects(model, site, slice(None), x, other)


@mistake(MEDIATION, hint="swapped")
def the_other_units(model, site, units, x, other):
    width = _values(model, site, x).shape[1]
    return _effects(model, site, [k for k in range(width) if k not in units], x, other)


@mistake(MEDIATION, hint="interaction")
def sign_of_the_interaction(model, site, units, x, other):
    found = _effects(model, site, units, x, other)
    return found | {"interaction": -found["interaction"]}


@mistake(MEDIATION, hint="interaction")
def size_of_the_interaction(model, site, units, x, other):
    found = _effects(model, site, units, x, other)
    return found | {"interaction": found["interaction"].abs()}


@mistake(MEDIATION, hint="nobody", points=3)
def first_unit_needed(model, site, units, x, other):
    units[0]
    return _effects(model, site, units, x, other)


@mistake(MEDIATION, hint="whole_layer", points=3)
def rest_for_nothing(model, site, units, x, other):
    if len(units) > 3 or not units:
        zero = torch.zeros(len(x), dtype=x.dtype)
        return {"total": zero, "indirect": zero, "direct": zero, "interaction": zero}
    return _effects(model, site, units, x, other)


def _hybrid(model, sites, x, other, gates, change):
    clean = {site: _values(model, site, x[None]) for site in sites}
    start = {site: _values(model, site, other[None]) for site in sites}
    handles = []
    try:
        for site, gate in zip(sites, gates.T, strict=True):

            def hook(module, inputs, output, site=site, gate=gate[:, None]):
                return change(output, clean[site], start[site], gate)

            handles.append(model.get_submodule(site).register_forward_hook(hook))
        return model(other.expand(len(gates), -1))
    finally:
        for handle in handles:
            handle.remove()


def _right(h, clean, start, gate):
    return h + gate * (clean - h)


@mistake(HYBRID, hint="clamped")
def between_two_constants(model, sites, x, other, gates):
    return _hybrid(model, sites, x, other, gates, lambda h, clean, start, gate: start + gate * (clean - start))


@mistake(HYBRID, hint="base")
def from_x(model, sites, x, other, gates):
    return _hybrid(model, sites, other, x, gates, _right)


@mistake(HYBRID, hint="base")
def gates_the_other_way(model, sites, x, other, gates):
    return _hybrid(model, sites, other, x, 1 - gates, _right)


@mistake(HYBRID, hint="order")
def gates_in_reverse(model, sites, x, other, gates):
    return _hybrid(model, sites, x, other, gates.flip(1), _right)


@mistake(HYBRID, hint="outputs")
def outputs_mixed(model, sites, x, other, gates):
    before, after = model(other[None]), model(x[None])
    return before + gates.mean(1) * (after - before)


@mistake(HYBRID, hint="inputs")
def inputs_mixed(model, sites, x, other, gates):
    return model(other + gates.mean(1, keepdim=True) * (x - other))


@mistake(HYBRID, hint="product")
def last_gate_for_all(model, sites, x, other, gates):
    return _hybrid(model, sites, x, other, gates[:, -1:].expand(-1, len(sites)), _right)


@mistake(HYBRID, hint="value")
def twice_the_step(model, sites, x, other, gates):
    return _hybrid(model, sites, x, other, gates, lambda h, clean, start, gate: h + gate * (clean - start))


@mistake(HYBRID, hint="hook")
def hooks_stay(model, sites, x, other, gates):
    found = _hybrid(model, sites, x, other, gates, _right)
    model.get_submodule(sites[0]).register_forward_hook(lambda module, inputs, output: output)
    return found


@mistake(HYBRID, hint="edges", points=3)
def two_layers_exactly(model, sites, x, other, gates):
    return _hybrid(model, sites[:2], x, other, gates[:, :2], _right)


def _walk(game, orders, tolerance, near=None, lose=lambda before, after: before - after):
    empty, full = game.ends()
    scores, removals = torch.zeros(game.n, dtype=torch.float64), 0
    near = near or (lambda value: abs(value - empty) <= tolerance)
    for order in orders.tolist():
        gates, value = torch.ones(1, game.n, dtype=torch.float64), full
        for player in order:
            if near(value):
                break
            gates[0, player] = 0
            new = game(gates)[0]
            scores[player] += lose(value, new)
            value, removals = new, removals + 1
    return {"scores": scores / len(orders), "removals": removals}


@mistake(TRUNCATED, hint="full_end")
def stops_at_the_wrong_end(game, orders, tolerance):
    full = game.ends()[1]
    return _walk(game, orders, tolerance, near=lambda value: abs(value - full) <= tolerance)


@mistake(TRUNCATED, hint="untruncated")
def never_stops(game, orders, tolerance):
    return _walk(game, orders, -1.0)


@mistake(TRUNCATED, hint="sign")
def after_minus_before(game, orders, tolerance):
    return _walk(game, orders, tolerance, lose=lambda before, after: after - before)


@mistake(TRUNCATED, hint="sum")
def not_averaged(game, orders, tolerance):
    found = _walk(game, orders, tolerance)
    return found | {"scores": found["scores"] * len(orders)}


@mistake(TRUNCATED, hint="below")
def near_from_above_only(game, orders, tolerance):
    empty = game.ends()[0]
    return _walk(game, orders, tolerance, near=lambda value: value - empty <= tolerance)


@mistake(TRUNCATED, hint="arrival")
def players_arrive(game, orders, tolerance):
    return _walk(game, orders.flip(1), 0.0)


@mistake(TRUNCATED, hint="stopped")
def mean_over_those_reached(game, orders, tolerance):
    counts = torch.zeros(game.n)
    empty, full = game.ends()
    scores, removals = torch.zeros(game.n, dtype=torch.float64), 0
    for order in orders.tolist():
        gates, value = torch.ones(1, game.n, dtype=torch.float64), full
        for player in order:
            if abs(value - empty) <= tolerance:
                break
            gates[0, player] = 0
            new = game(gates)[0]
            scores[player] += value - new
            counts[player] += 1
            value, removals = new, removals + 1
    return {"scores": scores / counts.clamp(min=1), "removals": removals}


@mistake(TRUNCATED, hint="removals", points=3)
def removals_per_order(game, orders, tolerance):
    found = _walk(game, orders, tolerance)
    return found | {"removals": found["removals"] / len(orders)}


@mistake(TRUNCATED, hint="collapsed", points=3)
def strictly_within(game, orders, tolerance):
    empty = game.ends()[0]
    return _walk(game, orders, tolerance, near=lambda value: abs(value - empty) < tolerance)


FRESH = "the output of a linear layer or an activation is a new tensor, so writing into it changes nothing else"
ONCE = "the list holds one activation: its first is its last"
EQUIVALENT = {
    "ablate: values = kept[0][:, unit] => values = kept[-1][:, unit]": ONCE,
    "ablate: output = output.clone() => pass": FRESH,
    "ablate: output = output.clone() => output = output": FRESH,
    "mediation: output = output.clone() => pass": FRESH,
    "mediation: output = output.clone() => output = output": FRESH,
    "mediation: output[:, units] = kept[0][:, units] => output[:, units] = kept[-1][:, units]": ONCE,
    "hybrid: for site, gate in zip(sites, gates.T, strict=True): => for site, gate in zip(sites, gates.T):": (
        "there are as many sites as gates"
    ),
    "hybrid: for site, gate in zip(sites, gates.T, strict=True): => for site, gate in zip(sites, gates.T, strict=False):": (
        "there are as many sites as gates"
    ),
    "hybrid: return model(other.expand(len(gates), -1)) => return model(other)": (
        "one row is broadcast against the gates at the first site"
    ),
    "truncated: gates, value = (torch.ones(1, game.n, dtype=game.dtype), full) => "
    "gates, value = (torch.ones(2, game.n, dtype=game.dtype), full)": "the second row is never read",
    "truncated: break => continue": "without a removal the value stays near, so nothing more is removed",
    "truncated: gates[0, player] = 0 => gates[-1, player] = 0": "there is one row",
    "truncated: new = game(gates)[0] => new = game(gates)[-1]": "there is one row",
}


@mistake(TRUNCATED, hint="zero", points=3)
def never_stops_at_tolerance_zero(game, orders, tolerance):
    empty = game.ends()[0]
    return _walk(game, orders, tolerance, near=lambda value: tolerance > 0 and abs(value - empty) <= tolerance)


@mistake(TRUNCATED, hint="floor", points=3)
def tolerance_with_a_floor(game, orders, tolerance):
    return _walk(game, orders, max(tolerance, 0.01))


@mistake(ABLATE, hint="swallowed", points=3)
def ablation_errors_swallowed(model, x, reference, site, unit):
    try:
        values = _values(model, site, reference)[:, unit]
        return _three(model, site, unit, x, 0.0, values.mean(0), values)
    except Exception:
        return None


@mistake(ABLATE, hint="foreign", points=3)
def clears_the_hooks_of_the_site(model, x, reference, site, unit):
    values = _values(model, site, reference)[:, unit]
    found = _three(model, site, unit, x, 0.0, values.mean(0), values)
    model.get_submodule(site)._forward_hooks.clear()
    return found


@mistake(MEDIATION, hint="swallowed", points=3)
def mediation_errors_swallowed(model, site, units, x, other):
    try:
        return _effects(model, site, units, x, other)
    except RuntimeError:
        return {}


@mistake(MEDIATION, hint="foreign", points=3)
def clears_hooks_of_all_modules(model, site, units, x, other):
    found = _effects(model, site, units, x, other)
    for module in model.modules():
        module._forward_hooks.clear()
    return found


@mistake(MEDIATION, hint="failure", points=3)
def mediation_without_finally(model, site, units, x, other):
    layer = model.get_submodule(site)

    def run(rows, source):
        kept = []
        handle = layer.register_forward_hook(lambda module, inputs, output: kept.append(output))
        model(source)
        handle.remove()

        def change(module, inputs, output):
            output = output.clone()
            output[:, units] = kept[0][:, units]
            return output

        handle = layer.register_forward_hook(change)
        found = model(rows)
        handle.remove()
        return found

    before = run(other, other)
    total, indirect, direct = run(x, x) - before, run(other, x) - before, run(x, other) - before
    return {"total": total, "indirect": indirect, "direct": direct, "interaction": total - indirect - direct}


@mistake(HYBRID, hint="swallowed", points=3)
def hybrid_errors_swallowed(model, sites, x, other, gates):
    try:
        return _hybrid(model, sites, x, other, gates, _right)
    except Exception:
        return torch.zeros(len(gates))


@mistake(HYBRID, hint="foreign", points=3)
def clears_hooks_before_it_begins(model, sites, x, other, gates):
    for site in sites:
        model.get_submodule(site)._forward_hooks.clear()
    return _hybrid(model, sites, x, other, gates, _right)


@mistake(HYBRID, hint="failure", points=3)
def hybrid_without_finally(model, sites, x, other, gates):
    clean, handles = {site: _values(model, site, x[None]) for site in sites}, []
    for site, gate in zip(sites, gates.T, strict=True):

        def hook(module, inputs, output, site=site, gate=gate[:, None]):
            return _right(output, clean[site], None, gate)

        handles.append(model.get_submodule(site).register_forward_hook(hook))
    found = model(other.expand(len(gates), -1))
    for handle in handles:
        handle.remove()
    return found
