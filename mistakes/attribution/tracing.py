"""Plausible wrong answers to exercises/attribution/tracing.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

RESTORE = "attribution/tracing/restore"
AVERAGE = "attribution/tracing/average_effects"
CIRCUIT = "attribution/tracing/circuit"
EDIT = "attribution/tracing/rank_one_edit"

EQUIVALENT = {
    "average_effects: p_clean = clean.softmax(-1)[rows, answers] => p_clean = clean.softmax(+1)[rows, answers]":
        "the last of two axes is axis 1",
    "restore: kept['stream'] = output.detach().clone() => kept['stream'] = output.detach()": "nobody writes into the clean run",
    "restore: output = output.clone() => pass": "the output is written in place, and the site passes the same tensor on",
    "restore: output = output.clone() => output = output": "the output is written in place, and the site passes it on",
    "rank_one_edit: moment = keys.T @ keys / len(keys) => moment = keys.T @ keys * len(keys)": "the scale of C cancels",
}


def _stream(model, tokens, layer, part="stream"):
    kept = {}
    site = getattr(model.layers[layer], part)
    handle = site.register_forward_hook(lambda module, inputs, output: kept.update(x=output.clone()))
    model(tokens)
    handle.remove()
    return kept["x"]


def _run(model, base, kept, layer, position, part="stream", remove=True):
    def put_back(module, inputs, output):
        output = output.clone()
        output[:, position] = kept[:, position]
        return output

    handle = getattr(model.layers[layer], part).register_forward_hook(put_back)
    try:
        return model(base)[:, -1]
    finally:
        if remove:
            handle.remove()


@mistake(RESTORE, hint="nothing")
def kept_from_the_corrupted_run(model, clean, corrupted, layer, position):
    return _run(model, corrupted, _stream(model, corrupted, layer), layer, position)


@mistake(RESTORE, hint="nothing")
def clone_forgotten_in_a_hook_that_returns_nothing(model, clean, corrupted, layer, position):
    return model(corrupted)[:, -1]


@mistake(RESTORE, hint="all")
def every_position(model, clean, corrupted, layer, position):
    return _run(model, corrupted, _stream(model, clean, layer), layer, slice(None))


@mistake(RESTORE, hint="mirror")
def broken_not_restored(model, clean, corrupted, layer, position):
    return _run(model, clean, _stream(model, corrupted, layer), layer, position)


@mistake(RESTORE, hint="layer")
def layers_counted_from_one(model, clean, corrupted, layer, position):
    layer = max(layer - 1, 0) if layer else 1
    return _run(model, corrupted, _stream(model, clean, layer), layer, position)


@mistake(RESTORE, hint="position")
def next_position(model, clean, corrupted, layer, position):
    position = (position + 1) % clean.shape[1]
    return _run(model, corrupted, _stream(model, clean, layer), layer, position)


@mistake(RESTORE, hint="earlier")
def every_layer_so_far(model, clean, corrupted, layer, position):
    handles = []
    for number in range(layer + 1):
        kept = _stream(model, clean, number)

        def put_back(module, inputs, output, kept=kept):
            output = output.clone()
            output[:, position] = kept[:, position]
            return output

        handles.append((number, put_back))
    handles = [model.layers[number].stream.register_forward_hook(hook) for number, hook in handles]
    logits = model(corrupted)
    for handle in handles:
        handle.remove()
    return logits[:, -1]


@mistake(RESTORE, hint="part")
def mlp_only(model, clean, corrupted, layer, position):
    return _run(model, corrupted, _stream(model, clean, layer, "from_mlp"), layer, position, "from_mlp")


@mistake(RESTORE, hint="part")
def attention_only(model, clean, corrupted, layer, position):
    return _run(model, corrupted, _stream(model, clean, layer, "from_attention"), layer, position, "from_attention")


@mistake(RESTORE, hint="hooks")
def hook_left(model, clean, corrupted, layer, position):
    return _run(model, corrupted, _stream(model, clean, layer), layer, position, remove=False)


@mistake(RESTORE, hint="last")
def logits_of_all_tokens(model, clean, corrupted, layer, position):
    kept = _stream(model, clean, layer)

    def put_back(module, inputs, output):
        output = output.clone()
        output[:, position] = kept[:, position]
        return output

    handle = model.layers[layer].stream.register_forward_hook(put_back)
    logits = model(corrupted)
    handle.remove()
    return logits


@mistake(RESTORE, hint="batch", points=3)
def first_row_for_all(model, clean, corrupted, layer, position):
    return _run(model, corrupted, _stream(model, clean[:1], layer), layer, position)


@mistake(RESTORE, hint="negative", points=3)
def mask_by_number(model, clean, corrupted, layer, position):
    where = torch.arange(clean.shape[1]) == position
    return _run(model, corrupted, _stream(model, clean, layer), layer, where)


def _effects(clean, corrupted, restored, answers, p=None):
    rows = torch.arange(len(answers))
    p = p or (lambda logits: logits.softmax(-1))
    low = p(corrupted)[:, rows, answers].mean(0)
    total = p(clean)[rows, answers] - low
    indirect = p(restored).mean(0)[rows, :, answers] - low[:, None]
    return {"total": total, "indirect": indirect, "share": indirect.mean(0) / total.mean()}


@mistake(AVERAGE, hint="logits")
def softmax_of_mean_logits(clean, corrupted, restored, answers):
    return _effects(clean, corrupted.mean(0)[None], restored.mean(0)[None], answers)


@mistake(AVERAGE, hint="raw")
def logits_as_they_are(clean, corrupted, restored, answers):
    return _effects(clean, corrupted, restored, answers, p=lambda logits: logits)


@mistake(AVERAGE, hint="log")
def log_probabilities(clean, corrupted, restored, answers):
    return _effects(clean, corrupted, restored, answers, p=lambda logits: logits.log_softmax(-1))


@mistake(AVERAGE, hint="best")
def largest_probability(clean, corrupted, restored, answers):
    def p(logits):
        best = logits.softmax(-1).amax(-1, keepdim=True)
        return best.expand_as(logits)

    return _effects(clean, corrupted, restored, answers, p=p)


@mistake(AVERAGE, hint="sign")
def corrupted_less_clean(clean, corrupted, restored, answers):
    found = _effects(clean, corrupted, restored, answers)
    return found | {"total": -found["total"], "indirect": -found["indirect"]}


@mistake(AVERAGE, hint="clean")
def restored_against_clean(clean, corrupted, restored, answers):
    found = _effects(clean, corrupted, restored, answers)
    return found | {"indirect": found["indirect"] - found["total"][:, None]}


@mistake(AVERAGE, hint="first")
def one_draw(clean, corrupted, restored, answers):
    return _effects(clean, corrupted[:1], restored[:1], answers)


@mistake(AVERAGE, hint="answer")
def first_answer_for_all(clean, corrupted, restored, answers):
    return _effects(clean, corrupted, restored, answers[:1].expand(len(answers)))


@mistake(AVERAGE, hint="over_all")
def averaged_over_sentences(clean, corrupted, restored, answers):
    found = _effects(clean, corrupted, restored, answers)
    return {"total": found["total"].mean(), "indirect": found["indirect"].mean(0), "share": found["share"]}


@mistake(AVERAGE, hint="ratios", points=2)
def mean_of_ratios(clean, corrupted, restored, answers):
    found = _effects(clean, corrupted, restored, answers)
    return found | {"share": (found["indirect"] / found["total"][:, None]).mean(0)}


@mistake(AVERAGE, hint="keys")
def a_tuple(clean, corrupted, restored, answers):
    return tuple(_effects(clean, corrupted, restored, answers).values())


@mistake(AVERAGE, hint="nan", points=3)
def exponentials_overflow(clean, corrupted, restored, answers):
    return _effects(clean, corrupted, restored, answers, p=lambda logits: logits.exp() / logits.exp().sum(-1, keepdim=True))


@mistake(AVERAGE, hint="one", points=3)
def squeezed(clean, corrupted, restored, answers):
    found = _effects(clean, corrupted, restored, answers)
    if len(answers) == 1 and restored.shape[0] == 1:
        return found | {"total": 0 * found["total"]}
    return found


def _circuit(corrupted, restored_a, restored_b, clean, tolerance):
    total = clean - corrupted
    restore = [restored_a - corrupted, restored_b - corrupted]
    a, b = restore[0] / total, restore[1] / total
    names = {"and": (0, 0), "or": (1, 1), "a": (1, 0), "b": (0, 1)}
    name = next((n for n, (x, y) in names.items() if abs(a - x) <= tolerance and abs(b - y) <= tolerance), None)
    name = name or ("sum" if abs(a + b - 1) <= tolerance else "mixed")
    return {"restore": restore, "break": [clean - restored_b, clean - restored_a], "circuit": name}


@mistake(CIRCUIT, hint="swapped")
def or_for_and(*runs):
    found = _circuit(*runs)
    return found | {"circuit": {"and": "or", "or": "and"}.get(found["circuit"], found["circuit"])}


@mistake(CIRCUIT, hint="absolute")
def outputs_not_shares(corrupted, restored_a, restored_b, clean, tolerance):
    found = _circuit(corrupted, restored_a, restored_b, clean, tolerance)
    return found | {"circuit": _circuit(0.0, restored_a, restored_b, 1.0, tolerance)["circuit"]}


@mistake(CIRCUIT, hint="only")
def sum_before_the_rest(*runs):
    found = _circuit(*runs)
    return found | {"circuit": "sum" if found["circuit"] in ("a", "b") else found["circuit"]}


@mistake(CIRCUIT, hint="sum")
def no_sums(*runs):
    found = _circuit(*runs)
    return found | {"circuit": "mixed" if found["circuit"] == "sum" else found["circuit"]}


@mistake(CIRCUIT, hint="mixed")
def everything_else_is_a_sum(*runs):
    found = _circuit(*runs)
    return found | {"circuit": "sum" if found["circuit"] == "mixed" else found["circuit"]}


@mistake(CIRCUIT, hint="break_names", points=3)
def broken_wires_confused(*runs):
    found = _circuit(*runs)
    return found | {"break": found["break"][::-1]}


@mistake(CIRCUIT, hint="break", points=3)
def broken_with_the_wrong_sign(*runs):
    found = _circuit(*runs)
    return found | {"break": [-loss for loss in found["break"]]}


@mistake(CIRCUIT, hint="restore", points=3)
def shares_for_effects(corrupted, restored_a, restored_b, clean, tolerance):
    found = _circuit(corrupted, restored_a, restored_b, clean, tolerance)
    return found | {"restore": [effect / (clean - corrupted) for effect in found["restore"]]}


@mistake(CIRCUIT, hint="negative", points=3)
def only_gains(corrupted, restored_a, restored_b, clean, tolerance):
    found = _circuit(corrupted, restored_a, restored_b, clean, tolerance)
    return found | {"circuit": "mixed" if clean < corrupted else found["circuit"]}


@mistake(CIRCUIT, hint="tolerance", points=3)
def fixed_tolerance(corrupted, restored_a, restored_b, clean, tolerance):
    return _circuit(corrupted, restored_a, restored_b, clean, 0.1)


@mistake(CIRCUIT, hint="value")
def no_tolerance(corrupted, restored_a, restored_b, clean, tolerance):
    return _circuit(corrupted, restored_a, restored_b, clean, 0.0)


@mistake(CIRCUIT, hint="scale", points=3)
def rounded_outputs(corrupted, restored_a, restored_b, clean, tolerance):
    found = _circuit(corrupted, restored_a, restored_b, clean, tolerance)
    return found if abs(clean - corrupted) < 100 else found | {"circuit": "mixed"}


@mistake(CIRCUIT, hint="ends", points=3)
def ends_left_out(corrupted, restored_a, restored_b, clean, tolerance):
    return _circuit(corrupted, restored_a, restored_b, clean, tolerance * (1 - 1e-9))


@mistake(CIRCUIT, hint="keys")
def name_only(*runs):
    return _circuit(*runs)["circuit"]


def _edit(weight, key, value, moment):
    direction = torch.linalg.solve(moment, key)
    return weight + torch.outer(value - weight @ key, direction) / (key @ direction)


def _moment(keys):
    return keys.T @ keys / len(keys)


@mistake(EDIT, hint="outer")
def plain_outer_product(weight, key, value, keys):
    return weight + torch.outer(value, key)


@mistake(EDIT, hint="outer")
def not_normalised(weight, key, value, keys):
    return weight + torch.outer(value - weight @ key, torch.linalg.solve(_moment(keys), key))


@mistake(EDIT, hint="overshoot")
def whole_value(weight, key, value, keys):
    direction = torch.linalg.solve(_moment(keys), key)
    return weight + torch.outer(value, direction) / (key @ direction)


@mistake(EDIT, hint="plain")
def no_moment(weight, key, value, keys):
    return _edit(weight, key, value, torch.eye(len(key)).to(weight))


@mistake(EDIT, hint="not_inverse")
def moment_not_inverted(weight, key, value, keys):
    direction = _moment(keys) @ key
    return weight + torch.outer(value - weight @ key, direction) / (key @ direction)


@mistake(EDIT, hint="centred")
def covariance(weight, key, value, keys):
    return _edit(weight, key, value, torch.cov(keys.T).reshape(len(key), len(key)))


@mistake(EDIT, hint="replace")
def change_only(weight, key, value, keys):
    return _edit(weight, key, value, _moment(keys)) - weight


@mistake(EDIT, hint="transposed")
def factors_swapped(weight, key, value, keys):
    return _edit(weight, key, value, _moment(keys)).T


@mistake(EDIT, hint="value")
def refitted(weight, key, value, keys):
    heavy = torch.cat([keys, key.expand(1, -1)])
    return _edit(weight, key, value, heavy.T @ heavy / len(heavy) + torch.eye(len(key)).to(weight))


@mistake(EDIT, hint="scale", points=3)
def ridge_added(weight, key, value, keys):
    return _edit(weight, key, value, _moment(keys) + 1e-8 * torch.eye(len(key)).to(weight))


@mistake(EDIT, hint="float32", points=3)
def double_for_all(weight, key, value, keys):
    return _edit(weight.double(), key.double(), value.double(), _moment(keys.double()))


@mistake(EDIT, hint="mutates")
def in_place(weight, key, value, keys):
    weight += _edit(weight, key, value, _moment(keys)) - weight
    return weight


@mistake(AVERAGE, hint="nan", points=3)
def one_maximum_for_all_sentences(clean, corrupted, restored, answers):
    def softmax(logits):
        powers = (logits - logits.max()).exp()
        return powers / powers.sum(-1, keepdim=True)

    return _effects(clean, corrupted, restored, answers, p=softmax)


@mistake(CIRCUIT, hint="each", points=3)
def distance_of_both_shares(corrupted, restored_a, restored_b, clean, tolerance):
    found = _circuit(corrupted, restored_a, restored_b, clean, tolerance)
    a, b = (restore / (clean - corrupted) for restore in found["restore"])
    names = {"and": (0, 0), "or": (1, 1), "a": (1, 0), "b": (0, 1)}
    near = (n for n, (x, y) in names.items() if ((a - x) ** 2 + (b - y) ** 2) ** 0.5 <= tolerance)
    return found | {"circuit": next(near, "sum" if abs(a + b - 1) <= tolerance else "mixed")}


@mistake(CIRCUIT, hint="each", points=3)
def sum_of_positive_shares_only(corrupted, restored_a, restored_b, clean, tolerance):
    found = _circuit(corrupted, restored_a, restored_b, clean, tolerance)
    negative = min(restore / (clean - corrupted) for restore in found["restore"]) < 0
    return found | {"circuit": "mixed" if negative and found["circuit"] == "sum" else found["circuit"]}


@mistake(RESTORE, hint="foreign", points=3)
def clears_every_hook_to_be_sure(model, clean, corrupted, layer, position):
    logits = _run(model, corrupted, _stream(model, clean, layer), layer, position)
    for module in model.modules():
        module._forward_hooks.clear()
    return logits


@mistake(RESTORE, hint="foreign", points=3)
def a_new_dict_of_hooks(model, clean, corrupted, layer, position):
    logits = _run(model, corrupted, _stream(model, clean, layer), layer, position, remove=False)
    model.layers[layer].stream._forward_hooks = type(model._forward_hooks)()
    return logits


@mistake(RESTORE, hint="foreign", points=3)
def removes_the_oldest_hook(model, clean, corrupted, layer, position):
    hooks = model.layers[layer].stream._forward_hooks
    logits = _run(model, corrupted, _stream(model, clean, layer), layer, position, remove=False)
    for key in list(hooks):
        del hooks[key]
    return logits


@mistake(RESTORE, hint="swallowed", points=3)
def errors_swallowed(model, clean, corrupted, layer, position):
    try:
        kept = _stream(model, clean, layer)

        def put_back(module, inputs, output):
            output = output.clone()
            output[:, position] = kept[:, position]
            return output

        handle = model.layers[layer].stream.register_forward_hook(put_back)
        try:
            return model(corrupted)[:, -1]
        finally:
            handle.remove()
    except Exception:
        return torch.zeros(len(clean), model.tokens.weight.shape[0]).double()


@mistake(RESTORE, hint="failure", points=3)
def no_finally(model, clean, corrupted, layer, position):
    kept = _stream(model, clean, layer)

    def put_back(module, inputs, output):
        output = output.clone()
        output[:, position] = kept[:, position]
        return output

    handle = model.layers[layer].stream.register_forward_hook(put_back)
    logits = model(corrupted)[:, -1]
    handle.remove()
    return logits
