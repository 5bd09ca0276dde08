"""Solutions to exercises/attribution/tracing.ipynb."""


# exercise: attribution/tracing/restore
import torch


def restore(model, clean, corrupted, layer, position):
    """Final logits of the corrupted tokens with the stream after `layer` at `position` from the clean ones: (b, v)."""
    site, kept = model.layers[layer].stream, {}

    def keep(module, inputs, output):
        kept["stream"] = output.detach().clone()

    def put_back(module, inputs, output):
        output = output.clone()
        output[:, position] = kept["stream"][:, position]
        return output

    handle = site.register_forward_hook(keep)
    try:
        model(clean)
    finally:
        handle.remove()
    handle = site.register_forward_hook(put_back)
    try:
        return model(corrupted)[:, -1]
    finally:
        handle.remove()


# exercise: attribution/tracing/average_effects
import torch


def average_effects(clean, corrupted, restored, answers):
    """Logits (n, v), (d, n, v), (d, n, k, v) and answers (n,) -> dict of total (n,), indirect (n, k), share (k,)."""
    n, k = restored.shape[1:3]
    rows = torch.arange(n)
    p_clean = clean.softmax(-1)[rows, answers]
    p_corrupted = corrupted.softmax(-1)[:, rows, answers].mean(0)
    p_restored = restored.softmax(-1).mean(0)[rows, :, answers]
    total, indirect = p_clean - p_corrupted, p_restored - p_corrupted[:, None]
    return {"total": total, "indirect": indirect, "share": indirect.mean(0) / total.mean()}


# exercise: attribution/tracing/circuit
def circuit(corrupted, restored_a, restored_b, clean, tolerance):
    """Effects of restoring and of breaking two wires, and the name of their circuit: dict."""
    total = clean - corrupted
    restore = [restored_a - corrupted, restored_b - corrupted]
    broken = [clean - restored_b, clean - restored_a]  # the run with a broken is the one with b restored
    a, b = restore[0] / total, restore[1] / total
    names = {"and": (0, 0), "or": (1, 1), "a": (1, 0), "b": (0, 1)}
    name = next((n for n, (x, y) in names.items() if abs(a - x) <= tolerance and abs(b - y) <= tolerance), None)
    if name is None:
        name = "sum" if abs(a + b - 1) <= tolerance else "mixed"
    return {"restore": restore, "break": broken, "circuit": name}


# exercise: attribution/tracing/rank_one_edit
import torch


def rank_one_edit(weight, key, value, keys):
    """The matrix that maps key to value and moves the answers to `keys` (m, i) least, in mean square: (o, i)."""
    moment = keys.T @ keys / len(keys)
    direction = torch.linalg.solve(moment, key)
    return weight + torch.outer(value - weight @ key, direction) / (key @ direction)
