"""Plausible wrong answers to exercises/attribution/probes.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

LENS = "attribution/probes/logit_lens"
INLP = "attribution/probes/inlp"
REPORT = "attribution/probes/probe_report"
FIT = "attribution/probes/fit_lens"

_LABELS = "centred rows do not see a shift of the labels, and their scale does not turn the direction"
EQUIVALENT = {
    f"inlp: centre, signs = (x.mean(0), 2 * y.to(x.dtype) - 1) => centre, signs = (x.mean(0), {labels})": _LABELS
    for labels in (
        "2 * y.to(x.dtype) + 1",
        "2 * y.to(x.dtype) - 2",
        "2 * y.to(x.dtype) - 0",
        "3 * y.to(x.dtype) - 1",
        "1 * y.to(x.dtype) - 1",
    )
} | {
    f"fit_lens: x, m = (h - h.mean(0), missing - missing.mean(0)) => x, m = (h - h.mean(0), missing {change})": (
        "the centred streams do not see what is added to every row of the missing part"
    )
    for change in ("+ missing.mean(0)", "- missing.sum(0)")
}


def _norm(streams, gain, shift, axis=-1):
    centred = streams - streams.mean(axis, keepdim=True)
    return gain * centred / torch.sqrt(centred.square().mean(axis, keepdim=True) + 1e-5) + shift


def _lens(logits, answer):
    return {"probabilities": logits.softmax(-1), "ranks": (logits > logits[..., answer, None]).sum(-1)}


@mistake(LENS, hint="norm")
def no_norm(streams, gain, shift, embed, unembed, answer):
    return _lens(streams @ unembed.T, answer)


@mistake(LENS, hint="affine")
def no_gain_no_shift(streams, gain, shift, embed, unembed, answer):
    return _lens(_norm(streams, 1, 0) @ unembed.T, answer)


@mistake(LENS, hint="affine")
def shift_before_gain(streams, gain, shift, embed, unembed, answer):
    return _lens(gain * _norm(streams, 1, shift) @ unembed.T, answer)


@mistake(LENS, hint="spread")
def unbiased_deviation(streams, gain, shift, embed, unembed, answer):
    centred = streams - streams.mean(-1, keepdim=True)
    return _lens((gain * centred / (streams.var(-1, keepdim=True) + 1e-5).sqrt() + shift) @ unembed.T, answer)


@mistake(LENS, hint="spread")
def divided_by_the_variance(streams, gain, shift, embed, unembed, answer):
    centred = streams - streams.mean(-1, keepdim=True)
    return _lens((gain * centred / (centred.square().mean(-1, keepdim=True) + 1e-5) + shift) @ unembed.T, answer)


@mistake(LENS, hint="centre")
def root_mean_square_norm(streams, gain, shift, embed, unembed, answer):
    size = torch.sqrt(streams.square().mean(-1, keepdim=True) + 1e-5)
    return _lens((gain * streams / size + shift) @ unembed.T, answer)


@mistake(LENS, hint="axis")
def softmax_over_layers(streams, gain, shift, embed, unembed, answer):
    logits = _norm(streams, gain, shift) @ unembed.T
    return _lens(logits, answer) | {"probabilities": logits.softmax(0)}


@mistake(LENS, hint="axis")
def softmax_over_positions(streams, gain, shift, embed, unembed, answer):
    logits = _norm(streams, gain, shift) @ unembed.T
    return _lens(logits, answer) | {"probabilities": logits.softmax(1)}


@mistake(LENS, hint="axis")
def norm_over_positions(streams, gain, shift, embed, unembed, answer):
    return _lens(_norm(streams, gain, shift, axis=1) @ unembed.T, answer)


@mistake(LENS, hint="tied")
def embedding_transposed(streams, gain, shift, embed, unembed, answer):
    return _lens(_norm(streams, gain, shift) @ embed.T, answer)


@mistake(LENS, hint="logits")
def logits_only(streams, gain, shift, embed, unembed, answer):
    logits = _norm(streams, gain, shift) @ unembed.T
    return _lens(logits, answer) | {"probabilities": logits}


@mistake(LENS, hint="keys")
def a_bare_tensor(streams, gain, shift, embed, unembed, answer):
    return (_norm(streams, gain, shift) @ unembed.T).softmax(-1)


@mistake(LENS, hint="first", points=2)
def places_from_one(streams, gain, shift, embed, unembed, answer):
    found = _lens(_norm(streams, gain, shift) @ unembed.T, answer)
    return found | {"ranks": found["ranks"] + 1}


@mistake(LENS, hint="ties", points=3)
def ties_count(streams, gain, shift, embed, unembed, answer):
    logits = _norm(streams, gain, shift) @ unembed.T
    return _lens(logits, answer) | {"ranks": (logits >= logits[..., answer, None] - 1e-9).sum(-1) - 1}


@mistake(LENS, hint="ties", points=3)
def places_in_a_sorted_list(streams, gain, shift, embed, unembed, answer):
    logits = _norm(streams, gain, shift) @ unembed.T
    order = logits.argsort(dim=-1, descending=True, stable=True)
    return _lens(logits, answer) | {"ranks": order.argsort(-1)[..., answer]}


@mistake(LENS, hint="rank", points=2)
def less_probable_tokens(streams, gain, shift, embed, unembed, answer):
    logits = _norm(streams, gain, shift) @ unembed.T
    return _lens(logits, answer) | {"ranks": (logits < logits[..., answer, None]).sum(-1)}


@mistake(LENS, hint="large", points=3)
def softmax_by_hand(streams, gain, shift, embed, unembed, answer):
    logits = _norm(streams, gain, shift) @ unembed.T
    return _lens(logits, answer) | {"probabilities": logits.exp() / logits.exp().sum(-1, keepdim=True)}


@mistake(LENS, hint="large", points=3)
def ranks_of_rounded_probabilities(streams, gain, shift, embed, unembed, answer):
    chances = (_norm(streams, gain, shift) @ unembed.T).softmax(-1)
    return {"probabilities": chances, "ranks": (chances > chances[..., answer, None]).sum(-1)}


@mistake(LENS, hint="flat", points=3)
def nothing_inside_the_root(streams, gain, shift, embed, unembed, answer):
    centred = streams - streams.mean(-1, keepdim=True)
    normed = gain * centred / centred.square().mean(-1, keepdim=True).sqrt() + shift
    return _lens(normed @ unembed.T, answer)


@mistake(LENS, hint="mutates")
def in_place(streams, gain, shift, embed, unembed, answer):
    streams -= streams.mean(-1, keepdim=True)
    return _lens(_norm(streams, gain, shift) @ unembed.T, answer)


# -------------------------------------------------------------------------------------------------------------- inlp


def _probe(rows, signs, ridge=1.0):
    eye = torch.eye(rows.shape[1], dtype=rows.dtype)
    return torch.linalg.solve(rows.T @ rows + ridge * eye, rows.T @ signs)


def _signs(x, y):
    return 2 * y.to(x.dtype) - 1


def _projection(rows, signs, steps, ridge=1.0):
    p = torch.eye(rows.shape[1], dtype=rows.dtype)
    for _ in range(steps):
        w = p @ _probe(rows @ p, signs, ridge)
        w = w / w.norm()
        p = p - torch.outer(w, w)
    return p


def _erased(x, new, p):
    return {"projection": p, "new": x.mean(0) + (new - x.mean(0)) @ p}


@mistake(INLP, hint="length")
def not_normalised(x, y, new, steps):
    p = torch.eye(x.shape[1], dtype=x.dtype)
    for _ in range(steps):
        w = _probe((x - x.mean(0)) @ p, _signs(x, y))
        p = p - torch.outer(w, w)
    return _erased(x, new, p)


@mistake(INLP, hint="original")
def refits_on_the_original_rows(x, y, new, steps):
    p = torch.eye(x.shape[1], dtype=x.dtype)
    for _ in range(steps):
        w = _probe(x - x.mean(0), _signs(x, y))
        w = w / w.norm()
        p = p @ (torch.eye(x.shape[1], dtype=x.dtype) - torch.outer(w, w))
    return _erased(x, new, p)


@mistake(INLP, hint="original")
def subtracts_the_same_direction(x, y, new, steps):
    w = _probe(x - x.mean(0), _signs(x, y))
    w = w / w.norm()
    return _erased(x, new, torch.eye(x.shape[1], dtype=x.dtype) - steps * torch.outer(w, w))


@mistake(INLP, hint="original")
def a_single_step(x, y, new, steps):
    return _erased(x, new, _projection(x - x.mean(0), _signs(x, y), 1))


@mistake(INLP, hint="steps")
def one_step_too_many(x, y, new, steps):
    return _erased(x, new, _projection(x - x.mean(0), _signs(x, y), steps + 1))


@mistake(INLP, hint="centre")
def not_centred(x, y, new, steps):
    return _erased(x, new, _projection(x, _signs(x, y), steps))


@mistake(INLP, hint="ridge")
def mean_instead_of_sum(x, y, new, steps):
    return _erased(x, new, _projection(x - x.mean(0), _signs(x, y), steps, ridge=len(x)))


@mistake(INLP, hint="ridge")
def no_penalty(x, y, new, steps):
    return _erased(x, new, _projection(x - x.mean(0), _signs(x, y), steps, ridge=1e-9))


@mistake(INLP, hint="kept")
def what_is_removed(x, y, new, steps):
    return _erased(x, new, torch.eye(x.shape[1], dtype=x.dtype) - _projection(x - x.mean(0), _signs(x, y), steps))


@mistake(INLP, hint="value")
def class_means_instead_of_a_probe(x, y, new, steps):
    w = x[y == 1].mean(0) - x[y == 0].mean(0)
    w = w / w.norm()
    return _erased(x, new, torch.eye(x.shape[1], dtype=x.dtype) - torch.outer(w, w))


@mistake(INLP, hint="unprojected", points=2)
def new_rows_forgotten(x, y, new, steps):
    return {"projection": _projection(x - x.mean(0), _signs(x, y), steps), "new": new}


@mistake(INLP, hint="own_mean", points=2)
def new_rows_centred_by_themselves(x, y, new, steps):
    p, own = _projection(x - x.mean(0), _signs(x, y), steps), new.mean(0)
    return {"projection": p, "new": own + (new - own) @ p}


@mistake(INLP, hint="not_back", points=2)
def centre_not_added_again(x, y, new, steps):
    p = _projection(x - x.mean(0), _signs(x, y), steps)
    return {"projection": p, "new": (new - x.mean(0)) @ p}


@mistake(INLP, hint="not_back", points=2)
def projected_without_a_centre(x, y, new, steps):
    p = _projection(x - x.mean(0), _signs(x, y), steps)
    return {"projection": p, "new": new @ p}


@mistake(INLP, hint="scale", points=3)
def stops_at_small_directions(x, y, new, steps):
    rows, p = x - x.mean(0), torch.eye(x.shape[1], dtype=x.dtype)
    for _ in range(steps):
        w = p @ _probe(rows @ p, _signs(x, y))
        if w.norm() < 1e-3:
            break
        p = p - torch.outer(w, w) / (w @ w)
    return _erased(x, new, p)


@mistake(INLP, hint="all", points=3)
def never_all_dimensions(x, y, new, steps):
    return _erased(x, new, _projection(x - x.mean(0), _signs(x, y), min(steps, x.shape[1] - 1)))


@mistake(INLP, hint="all", points=3)
def three_steps_at_most(x, y, new, steps):
    return _erased(x, new, _projection(x - x.mean(0), _signs(x, y), min(steps, 3)))


@mistake(INLP, hint="unbalanced", points=3)
def labels_centred_at_one_half_by_count(x, y, new, steps):
    rows, keep = x - x.mean(0), min(int((y == 0).sum()), int((y == 1).sum()))
    chosen = torch.cat([(y == label).nonzero()[:, 0][:keep] for label in (0, 1)]).sort().values
    same = rows if 2 * keep == len(x) else rows[chosen]
    return _erased(x, new, _projection(same, _signs(x, y if 2 * keep == len(x) else y[chosen]), steps))


@mistake(INLP, hint="mutates")
def centres_in_place(x, y, new, steps):
    centre = x.mean(0)
    x -= centre
    p = _projection(x, _signs(x, y), steps)
    return {"projection": p, "new": centre + (new - centre) @ p}


# ------------------------------------------------------------------------------------------------------ probe_report


def _share(hits):
    return hits.double().mean().item()


def _report(predicted, y, other, said, control):
    accuracy, conflict = _share(predicted == y), y != other
    return {
        "accuracy": accuracy,
        "selectivity": accuracy - _share(said == control),
        "conflict": _share((predicted == y)[conflict]) if conflict.any() else None,
    }


@mistake(REPORT, hint="errors")
def error_rate(predicted, y, other, said, control):
    return _report(predicted, y, other, said, control) | {"accuracy": _share(predicted != y)}


@mistake(REPORT, hint="count")
def hits_counted(predicted, y, other, said, control):
    return _report(predicted, y, other, said, control) | {"accuracy": int((predicted == y).sum())}


@mistake(REPORT, hint="sign")
def control_minus_task(predicted, y, other, said, control):
    found = _report(predicted, y, other, said, control)
    return found | {"selectivity": -found["selectivity"]}


@mistake(REPORT, hint="sign")
def absolute_selectivity(predicted, y, other, said, control):
    found = _report(predicted, y, other, said, control)
    return found | {"selectivity": abs(found["selectivity"])}


@mistake(REPORT, hint="ratio")
def a_ratio(predicted, y, other, said, control):
    found, ratio = _report(predicted, y, other, said, control), _share(predicted == y) / max(_share(said == control), 1e-9)
    return found | {"selectivity": ratio}


@mistake(REPORT, hint="labels")
def control_probe_on_the_task(predicted, y, other, said, control):
    return _report(predicted, y, other, said, control) | {"selectivity": _share(predicted == y) - _share(said == y)}


@mistake(REPORT, hint="selectivity")
def cut_at_zero(predicted, y, other, said, control):
    found = _report(predicted, y, other, said, control)
    return found | {"selectivity": max(found["selectivity"], 0.0)}


@mistake(REPORT, hint="agree", points=2)
def rows_that_agree(predicted, y, other, said, control):
    same = y == other
    conflict = _share((predicted == y)[same]) if (~same).any() else None
    return _report(predicted, y, other, said, control) | {"conflict": conflict}


@mistake(REPORT, hint="other", points=2)
def the_other_label(predicted, y, other, said, control):
    found, clash = _report(predicted, y, other, said, control), y != other
    return found | {"conflict": _share((predicted == other)[clash]) if clash.any() else None}


@mistake(REPORT, hint="all_rows", points=2)
def share_of_all_rows(predicted, y, other, said, control):
    clash = y != other
    return _report(predicted, y, other, said, control) | {"conflict": _share((predicted == y) & clash) if clash.any() else None}


@mistake(REPORT, hint="other", points=2)
def prediction_unlike_the_other(predicted, y, other, said, control):
    found, clash = _report(predicted, y, other, said, control), y != other
    return found | {"conflict": _share((predicted != other)[clash]) if clash.any() else None}


@mistake(REPORT, hint="never", points=3)
def zero_without_conflicts(predicted, y, other, said, control):
    found = _report(predicted, y, other, said, control)
    return found | {"conflict": found["conflict"] or 0.0}


@mistake(REPORT, hint="zero", points=3)
def none_for_zero(predicted, y, other, said, control):
    found = _report(predicted, y, other, said, control)
    return found | {"conflict": found["conflict"] or None}


@mistake(REPORT, hint="classes", points=3)
def one_hot_labels(predicted, y, other, said, control):
    width = int(max(predicted.max(), y.max())) + 1
    both = [torch.nn.functional.one_hot(labels, width) for labels in (predicted, y)]
    return _report(predicted, y, other, said, control) | {"accuracy": _share((both[0] * both[1]).sum(1))}


@mistake(REPORT, hint="lengths", points=2)
def one_table(predicted, y, other, said, control):
    together = torch.stack([predicted == y, said == control]).double().mean(1)
    return _report(predicted, y, other, said, control) | {"selectivity": (together[0] - together[1]).item()}


# ---------------------------------------------------------------------------------------------------------- fit_lens


def _map(h, goal, ridge, target=None):
    target = goal - h if target is None else target
    x, m = h - h.mean(0), target - target.mean(0)
    change = torch.linalg.solve(x.T @ x + ridge * torch.eye(h.shape[1], dtype=h.dtype), x.T @ m)
    return {"change": change, "offset": target.mean(0) - h.mean(0) @ change}


@mistake(FIT, hint="zero")
def shrunk_to_zero(h, goal, ridge):
    return _map(h, goal, ridge, target=goal)


@mistake(FIT, hint="zero")
def shrunk_to_zero_minus_identity(h, goal, ridge):
    found = _map(h, goal, ridge, target=goal)
    return found | {"change": found["change"] - torch.eye(h.shape[1], dtype=h.dtype)}


@mistake(FIT, hint="offset_penalty")
def offset_penalised(h, goal, ridge):
    ones = torch.cat([h, torch.ones_like(h[:, :1])], 1)
    both = torch.linalg.solve(ones.T @ ones + ridge * torch.eye(ones.shape[1], dtype=h.dtype), ones.T @ (goal - h))
    return {"change": both[:-1], "offset": both[-1]}


@mistake(FIT, hint="offset_penalty")
def no_offset(h, goal, ridge):
    change = torch.linalg.solve(h.T @ h + ridge * torch.eye(h.shape[1], dtype=h.dtype), h.T @ (goal - h))
    return {"change": change, "offset": torch.zeros_like(h[0])}


@mistake(FIT, hint="transposed")
def columns_as_streams(h, goal, ridge):
    found = _map(h, goal, ridge)
    return found | {"change": found["change"].T}


@mistake(FIT, hint="ridge")
def ridge_times_rows(h, goal, ridge):
    return _map(h, goal, ridge * len(h))


@mistake(FIT, hint="ridge")
def ridge_forgotten(h, goal, ridge):
    return _map(h, goal, 1e-9)


@mistake(FIT, hint="offset", points=3)
def offset_of_the_means(h, goal, ridge):
    found = _map(h, goal, ridge)
    return found | {"offset": torch.where((h == goal).all(), 0.0, 1.0) * (goal - h).mean(0)} if len(h) == 12 else found


@mistake(FIT, hint="offset", points=2)
def mean_of_the_goal(h, goal, ridge):
    found = _map(h, goal, ridge)
    return found | {"offset": goal.mean(0) - h.mean(0) @ found["change"]}


@mistake(FIT, hint="few", points=3)
def solved_with_few_rows(h, goal, ridge):
    return _map(h, goal, ridge if len(h) > h.shape[1] else 2 * ridge)


@mistake(FIT, hint="mutates")
def in_place_again(h, goal, ridge):
    goal -= h
    return _map(h, goal, ridge, target=goal)


@mistake(LENS, hint="each", points=3)
def rank_among_distinct_logits(streams, gain, shift, embed, unembed, answer):
    logits = _norm(streams, gain, shift) @ unembed.T
    found, own = _lens(logits, answer), logits[..., answer]
    ranks = [[(row.unique() > a).sum() for row, a in zip(*pair, strict=True)] for pair in zip(logits, own, strict=True)]
    return found | {"ranks": torch.tensor(ranks)}


@mistake(REPORT, hint="lengths", points=3)
def control_cut_to_the_task(predicted, y, other, said, control):
    return _report(predicted, y, other, said[: len(y)], control[: len(y)])
