"""Plausible wrong answers to exercises/attribution/removal.ipynb, and what the check says to each."""

import itertools

import torch

from course_lib.checks import mistake

OCCLUSION = "attribution/removal/occlusion"
MARGINAL = "attribution/removal/marginal_value"
CONDITIONAL = "attribution/removal/conditional_value"


@mistake(OCCLUSION, hint="features")
def one_score_a_feature(model, x, baseline, groups):
    dropped = torch.eye(len(x), dtype=torch.bool)
    return model(x[None]) - model(torch.where(dropped, baseline, x))


@mistake(OCCLUSION, hint="features")
def spread_over_features(model, x, baseline, groups):
    removed = groups == torch.arange(groups.max() + 1)[:, None]
    return (model(x[None]) - model(torch.where(removed, baseline, x)))[groups]


@mistake(OCCLUSION, hint="sum")
def single_removals_added(model, x, baseline, groups):
    dropped = torch.eye(len(x), dtype=torch.bool)
    scores = model(x[None]) - model(torch.where(dropped, baseline, x))
    return torch.zeros(int(groups.max()) + 1, dtype=x.dtype).index_add(0, groups, scores)


@mistake(OCCLUSION, hint="first")
def first_feature_only(model, x, baseline, groups):
    scores = []
    for k in range(int(groups.max()) + 1):
        row = x.clone()
        i = groups.tolist().index(k)
        row[i] = baseline[i]
        scores.append(model(x[None]) - model(row[None]))
    return torch.cat(scores)


@mistake(OCCLUSION, hint="order")
def as_they_turn_up(model, x, baseline, groups):
    players = list(dict.fromkeys(groups.tolist()))
    return torch.cat([model(x[None]) - model(torch.where(groups == k, baseline, x)[None]) for k in players])


@mistake(OCCLUSION, hint="blocks")
def neighbouring_blocks(model, x, baseline, groups):
    scores, start = [], 0
    for size in torch.bincount(groups).tolist():
        row = x.clone()
        row[start : start + size] = baseline[start : start + size]
        scores.append(model(x[None]) - model(row[None]))
        start += size
    return torch.cat(scores)


@mistake(OCCLUSION, hint="ties")
def found_by_value(model, x, baseline, groups):
    members = [x[groups == k] for k in range(int(groups.max()) + 1)]
    return torch.cat([model(x[None]) - model(torch.where(torch.isin(x, m), baseline, x)[None]) for m in members])


@mistake(OCCLUSION, hint="sign")
def without_minus_with(model, x, baseline, groups):
    removed = groups == torch.arange(groups.max() + 1)[:, None]
    return model(torch.where(removed, baseline, x)) - model(x[None])


@mistake(OCCLUSION, hint="absolute")
def size_only(model, x, baseline, groups):
    removed = groups == torch.arange(groups.max() + 1)[:, None]
    return (model(x[None]) - model(torch.where(removed, baseline, x))).abs()


@mistake(OCCLUSION, hint="add")
def add_one_in(model, x, baseline, groups):
    kept = groups == torch.arange(groups.max() + 1)[:, None]
    return model(torch.where(kept, x, baseline)) - model(baseline[None])


@mistake(OCCLUSION, hint="drift")
def never_put_back(model, x, baseline, groups):
    full, current, scores = model(x[None]), x.clone(), []
    for k in range(int(groups.max()) + 1):
        current[groups == k] = baseline[groups == k]
        scores.append(full - model(current[None]))
    return torch.cat(scores)


@mistake(OCCLUSION, hint="zero")
def always_zero(model, x, baseline, groups):
    removed = groups == torch.arange(groups.max() + 1)[:, None]
    return model(x[None]) - model(torch.where(removed, torch.zeros_like(x), x))


@mistake(OCCLUSION, hint="mutates")
def in_place(model, x, baseline, groups):
    full, scores = model(x[None]), []
    for k in range(int(groups.max()) + 1):
        x[groups == k] = baseline[groups == k]
        scores.append(full - model(x[None]))
    return torch.cat(scores)


@mistake(OCCLUSION, hint="one", points=2)
def squeezed(model, x, baseline, groups):
    removed = groups == torch.arange(groups.max() + 1)[:, None]
    return (model(x[None]) - model(torch.where(removed, baseline, x))).squeeze()


@mistake(MARGINAL, hint="mean")
def mean_first(model, x, background, kept):
    row = background.mean(0)
    row[kept] = x[kept]
    return model(row[None])[0]


@mistake(MARGINAL, hint="reversed")
def removes_the_kept(model, x, background, kept):
    rows = x.repeat(len(background), 1)
    rows[:, kept] = background[:, kept]
    return model(rows).mean(0)


@mistake(MARGINAL, hint="first")
def one_row(model, x, background, kept):
    row = background[0].clone()
    row[kept] = x[kept]
    return model(row[None])[0]


@mistake(MARGINAL, hint="sum")
def total(model, x, background, kept):
    rows = background.clone()
    rows[:, kept] = x[kept]
    return model(rows).sum(0)


@mistake(MARGINAL, hint="columns")
def features_drawn_apart(model, x, background, kept):
    columns = [[x[i].item()] if i in kept else background[:, i].tolist() for i in range(len(x))]
    return model(torch.tensor(list(itertools.product(*columns)), dtype=x.dtype)).mean()


@mistake(MARGINAL, hint="value")
def columns_shuffled(model, x, background, kept):
    rows = torch.stack([column.roll(i) for i, column in enumerate(background.T)], 1)
    rows[:, kept] = x[kept]
    return model(rows).mean(0)


@mistake(MARGINAL, hint="unique")
def each_row_once(model, x, background, kept):
    rows = background.unique(dim=0)
    rows[:, kept] = x[kept]
    return model(rows).mean(0)


@mistake(MARGINAL, hint="order")
def kept_must_be_sorted(model, x, background, kept):
    rows = background.clone()
    rows[:, sorted(kept)] = x[kept]
    return model(rows).mean(0)


@mistake(MARGINAL, hint="order")
def kept_as_a_slice(model, x, background, kept):
    rows = background.clone()
    rows[:, min(kept) : max(kept) + 1] = x[min(kept) : max(kept) + 1]
    return model(rows).mean(0)


@mistake(MARGINAL, hint="order")
def entries_taken_in_turn(model, x, background, kept):
    rows = background.clone()
    for turn, i in enumerate(kept):
        rows[:, i] = x[turn]
    return model(rows).mean(0)


@mistake(MARGINAL, hint="type")
def left_in_numpy(model, x, background, kept):
    rows = background.clone()
    rows[:, kept] = x[kept]
    return model(rows).mean(0).numpy()


@mistake(MARGINAL, hint="nothing", points=3)
def list_made_a_tensor(model, x, background, kept):
    rows, kept = background.clone(), torch.tensor(kept)
    rows[:, kept] = x[kept]
    return model(rows).mean(0)


@mistake(MARGINAL, hint="nothing", points=3)
def empty_list_means_everything(model, x, background, kept):
    kept = kept or list(range(len(x)))
    rows = background.clone()
    rows[:, kept] = x[kept]
    return model(rows).mean(0)


@mistake(MARGINAL, hint="outputs", points=3)
def mean_of_everything(model, x, background, kept):
    rows = background.clone()
    rows[:, kept] = x[kept]
    return model(rows).mean()


@mistake(CONDITIONAL, hint="marginal")
def independent_features(joint, outputs, x, kept):
    cells = tuple(x[i] if i in kept else slice(None) for i in range(joint.dim()))
    return (joint.sum(kept) * outputs[cells]).sum()


@mistake(CONDITIONAL, hint="normalise")
def not_normalised(joint, outputs, x, kept):
    cells = tuple(x[i] if i in kept else slice(None) for i in range(joint.dim()))
    return (joint[cells] * outputs[cells]).sum()


@mistake(CONDITIONAL, hint="uniform")
def every_completion_alike(joint, outputs, x, kept):
    cells = tuple(x[i] if i in kept else slice(None) for i in range(joint.dim()))
    return outputs[cells].mean()


@mistake(CONDITIONAL, hint="reversed")
def conditions_on_the_removed(joint, outputs, x, kept):
    cells = tuple(slice(None) if i in kept else x[i] for i in range(joint.dim()))
    return (joint[cells] * outputs[cells]).sum() / joint[cells].sum()


@mistake(CONDITIONAL, hint="impossible", points=3)
def divides_by_zero(joint, outputs, x, kept):
    cells = tuple(x[i] if i in kept else slice(None) for i in range(joint.dim()))
    return (joint[cells] * outputs[cells]).sum() / joint[cells].sum()


@mistake(CONDITIONAL, hint="likeliest")
def likeliest_completion(joint, outputs, x, kept):
    cells = tuple(x[i] if i in kept else slice(None) for i in range(joint.dim()))
    return outputs[cells].flatten()[joint[cells].argmax()]


@mistake(CONDITIONAL, hint="value")
def values_taken_in_turn(joint, outputs, x, kept):
    cells = [slice(None)] * joint.dim()
    for turn, i in enumerate(kept):
        cells[i] = min(x[turn], joint.shape[i] - 1)
    cells = tuple(cells)
    if joint[cells].sum() == 0:
        raise ValueError("impossible")
    return (joint[cells] * outputs[cells]).sum() / joint[cells].sum()


@mistake(CONDITIONAL, hint="error")
def axes_renumbered(joint, outputs, x, kept):
    for i in kept:
        joint, outputs = joint.select(i, x[i]), outputs.select(i, x[i])
    if joint.sum() == 0:
        raise ValueError("impossible")
    return (joint * outputs).sum() / joint.sum()


@mistake(CONDITIONAL, hint="nothing", points=3)
def plain_mean_for_nothing(joint, outputs, x, kept):
    cells = tuple(x[i] if i in kept else slice(None) for i in range(joint.dim()))
    if not kept:
        return outputs.mean()
    if joint[cells].sum() == 0:
        raise ValueError("impossible")
    return (joint[cells] * outputs[cells]).sum() / joint[cells].sum()


@mistake(CONDITIONAL, hint="pair", points=3)
def asks_one_feature_at_a_time(joint, outputs, x, kept):
    cells = tuple(x[i] if i in kept else slice(None) for i in range(joint.dim()))
    if any(joint.select(i, x[i]).sum() == 0 for i in kept):
        raise ValueError("impossible")
    return (joint[cells] * outputs[cells]).sum() / joint[cells].sum()


@mistake(CONDITIONAL, hint="pair", points=3)
def everything_kept_is_possible(joint, outputs, x, kept):
    cells = tuple(x[i] if i in kept else slice(None) for i in range(joint.dim()))
    if len(kept) == joint.dim():
        return outputs[cells]
    if joint[cells].sum() == 0:
        raise ValueError("impossible")
    return (joint[cells] * outputs[cells]).sum() / joint[cells].sum()


@mistake(CONDITIONAL, hint="possible", points=3)
def asks_the_whole_cell(joint, outputs, x, kept):
    cells = tuple(x[i] if i in kept else slice(None) for i in range(joint.dim()))
    if joint[tuple(x)] == 0:
        raise ValueError("impossible")
    return (joint[cells] * outputs[cells]).sum() / joint[cells].sum()


@mistake(CONDITIONAL, hint="possible", points=3)
def refuses_any_zero(joint, outputs, x, kept):
    cells = tuple(x[i] if i in kept else slice(None) for i in range(joint.dim()))
    if (joint[cells] == 0).any():
        raise ValueError("impossible")
    return (joint[cells] * outputs[cells]).sum() / joint[cells].sum()


@mistake(CONDITIONAL, hint="rare", points=3)
def refuses_the_rare(joint, outputs, x, kept):
    cells = tuple(x[i] if i in kept else slice(None) for i in range(joint.dim()))
    if joint[cells].sum() < 1e-3:
        raise ValueError("impossible")
    return (joint[cells] * outputs[cells]).sum() / joint[cells].sum()


@mistake(CONDITIONAL, hint="rare", points=3)
def a_little_added(joint, outputs, x, kept):
    cells = tuple(x[i] if i in kept else slice(None) for i in range(joint.dim()))
    if joint[cells].sum() == 0:
        raise ValueError("impossible")
    return (joint[cells] * outputs[cells]).sum() / (joint[cells].sum() + 1e-8)


EQUIVALENT = {}
