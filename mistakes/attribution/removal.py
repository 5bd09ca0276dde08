"""Plausible wrong answers to exercises/attribution/removal.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

OCCLUSION = "attribution/removal/occlusion"
MARGINAL = "attribution/removal/marginal_value"
CONDITIONAL = "attribution/removal/conditional_value"


@mistake(OCCLUSION, hint="sign")
def without_minus_with(model, x, baseline):
    dropped = torch.eye(len(x), dtype=torch.bool)
    return model(torch.where(dropped, baseline, x)) - model(x[None])


@mistake(OCCLUSION, hint="absolute")
def size_only(model, x, baseline):
    dropped = torch.eye(len(x), dtype=torch.bool)
    return (model(x[None]) - model(torch.where(dropped, baseline, x))).abs()


@mistake(OCCLUSION, hint="add")
def add_one_in(model, x, baseline):
    kept = torch.eye(len(x), dtype=torch.bool)
    return model(torch.where(kept, x, baseline)) - model(baseline[None])


@mistake(OCCLUSION, hint="drift")
def never_put_back(model, x, baseline):
    full, current, scores = model(x[None]), x.clone(), []
    for i in range(len(x)):
        current[i] = baseline[i]
        scores.append(full - model(current[None]))
    return torch.cat(scores)


@mistake(OCCLUSION, hint="zero")
def always_zero(model, x, baseline):
    dropped = torch.eye(len(x), dtype=torch.bool)
    return model(x[None]) - model(torch.where(dropped, torch.zeros_like(x), x))


@mistake(OCCLUSION, hint="mutates")
def in_place(model, x, baseline):
    full, scores = model(x[None]), []
    for i in range(len(x)):
        x[i] = baseline[i]
        scores.append(full - model(x[None]))
    return torch.cat(scores)


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


@mistake(MARGINAL, hint="outputs", points=2)
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


EQUIVALENT = {}
