"""Plausible wrong answers to exercises/attribution/evaluation.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

AGREEMENT = "attribution/evaluation/signed_agreement"
DELETION = "attribution/evaluation/deletion_curve"
FLIP = "attribution/evaluation/entries_to_flip"
MASKS = "attribution/evaluation/read_masks"


# ------------------------------------------------------------------------------------------------- signed agreement


@mistake(AGREEMENT, hint="unsigned")
def signs_forgotten(a, b):
    places = [s.abs().argsort(dim=1, descending=True, stable=True).argsort(1) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    return (torch.maximum(*places)[:, :, None] < k).sum(1) / k


@mistake(AGREEMENT, hint="by_score")
def largest_scores(a, b):
    places = [s.argsort(dim=1, descending=True, stable=True).argsort(1) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    return ((torch.maximum(*places)[:, :, None] < k) & (a * b > 0)[:, :, None]).sum(1) / k


@mistake(AGREEMENT, hint="smallest")
def descending_forgotten(a, b):
    places = [s.abs().argsort(dim=1, stable=True).argsort(1) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    return ((torch.maximum(*places)[:, :, None] < k) & (a * b > 0)[:, :, None]).sum(1) / k


@mistake(AGREEMENT, hint="count")
def number_of_shared_features(a, b):
    places = [s.abs().argsort(dim=1, descending=True, stable=True).argsort(1) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    return ((torch.maximum(*places)[:, :, None] < k) & (a * b > 0)[:, :, None]).sum(1).double()


@mistake(AGREEMENT, hint="n")
def mean_over_all_features(a, b):
    places = [s.abs().argsort(dim=1, descending=True, stable=True).argsort(1) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    return ((torch.maximum(*places)[:, :, None] < k) & (a * b > 0)[:, :, None]).double().mean(1)


@mistake(AGREEMENT, hint="places")
def same_place(a, b):
    order = [s.abs().argsort(dim=1, descending=True, stable=True) for s in (a, b)]
    hit = (order[0] == order[1]) & (a * b > 0).gather(1, order[0])
    return hit.double().cumsum(1) / torch.arange(1, a.shape[1] + 1)


@mistake(AGREEMENT, hint="union")
def jaccard(a, b):
    places = [s.abs().argsort(dim=1, descending=True, stable=True).argsort(1) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    tops = [place[:, :, None] < k for place in places]
    return (tops[0] & tops[1] & (a * b > 0)[:, :, None]).sum(1) / (tops[0] | tops[1]).sum(1)


@mistake(AGREEMENT, hint="columns")
def ranked_over_rows(a, b):
    a, b = a.T, b.T
    places = [s.abs().argsort(dim=1, descending=True, stable=True).argsort(1) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    return (((torch.maximum(*places)[:, :, None] < k) & (a * b > 0)[:, :, None]).sum(1) / k).T


@mistake(AGREEMENT, hint="value")
def order_taken_for_places(a, b):
    places = [s.abs().argsort(dim=1, descending=True, stable=True) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    return ((torch.maximum(*places)[:, :, None] < k) & (a * b > 0)[:, :, None]).sum(1) / k


@mistake(AGREEMENT, hint="value")
def from_one_place_too_late(a, b):
    places = [s.abs().argsort(dim=1, descending=True, stable=True).argsort(1) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    return ((torch.maximum(*places)[:, :, None] < k - 1) & (a * b > 0)[:, :, None]).sum(1) / k


@mistake(AGREEMENT, hint="value")
def in_either_top(a, b):
    places = [s.abs().argsort(dim=1, descending=True, stable=True).argsort(1) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    return ((torch.minimum(*places)[:, :, None] < k) & (a * b > 0)[:, :, None]).sum(1) / k


@mistake(AGREEMENT, hint="ties", points=3)
def last_of_a_tie_first(a, b):
    places = [s.abs().flip(1).argsort(dim=1, descending=True, stable=True).argsort(1).flip(1) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    return ((torch.maximum(*places)[:, :, None] < k) & (a * b > 0)[:, :, None]).sum(1) / k


@mistake(AGREEMENT, hint="ties", points=3)
def threshold_at_the_kth_size(a, b):
    tops = []
    for s in (a.abs(), b.abs()):
        edge = s.sort(dim=1, descending=True).values
        tops.append(s[:, :, None] >= edge[:, None, :])
    return (tops[0] & tops[1] & (a * b > 0)[:, :, None]).sum(1) / torch.arange(1, a.shape[1] + 1)


@mistake(AGREEMENT, hint="zero", points=3)
def zeros_have_the_same_sign(a, b):
    places = [s.abs().argsort(dim=1, descending=True, stable=True).argsort(1) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    return ((torch.maximum(*places)[:, :, None] < k) & (a.sign() == b.sign())[:, :, None]).sum(1) / k


@mistake(AGREEMENT, hint="zero", points=3)
def zero_is_positive(a, b):
    places = [s.abs().argsort(dim=1, descending=True, stable=True).argsort(1) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    return ((torch.maximum(*places)[:, :, None] < k) & ((a >= 0) == (b >= 0))[:, :, None]).sum(1) / k


@mistake(AGREEMENT, hint="tiny")
def signs_up_to_a_tolerance(a, b):
    places = [s.abs().argsort(dim=1, descending=True, stable=True).argsort(1) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    return ((torch.maximum(*places)[:, :, None] < k) & (a * b > 1e-8)[:, :, None]).sum(1) / k


@mistake(AGREEMENT, hint="single", points=3)
def squeezed_profile(a, b):
    places = [s.abs().argsort(dim=1, descending=True, stable=True).argsort(1) for s in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    return (((torch.maximum(*places)[:, :, None] < k) & (a * b > 0)[:, :, None]).sum(1) / k).squeeze()


# --------------------------------------------------------------------------------------------------- deletion curve


@mistake(DELETION, hint="insertion")
def players_put_in(model, x, baseline, scores, groups):
    row, values = baseline.clone(), [model(baseline[None])]
    for player in scores.argsort(descending=True, stable=True):
        row[groups == player] = x[groups == player]
        values.append(model(row[None]))
    return torch.cat(values)


@mistake(DELETION, hint="ascending")
def lowest_first(model, x, baseline, scores, groups):
    row, values = x.clone(), [model(x[None])]
    for player in scores.argsort():
        row[groups == player] = baseline[groups == player]
        values.append(model(row[None]))
    return torch.cat(values)


@mistake(DELETION, hint="absolute")
def by_size(model, x, baseline, scores, groups):
    row, values = x.clone(), [model(x[None])]
    for player in scores.abs().argsort(descending=True):
        row[groups == player] = baseline[groups == player]
        values.append(model(row[None]))
    return torch.cat(values)


@mistake(DELETION, hint="alone")
def players_put_back(model, x, baseline, scores, groups):
    values = [model(x[None])]
    for player in scores.argsort(descending=True, stable=True):
        values.append(model(torch.where(groups == player, baseline, x)[None]))
    return torch.cat(values)


@mistake(DELETION, hint="features")
def first_feature_of_a_player(model, x, baseline, scores, groups):
    row, values = x.clone(), [model(x[None])]
    for player in scores.argsort(descending=True, stable=True).tolist():
        i = groups.tolist().index(player)
        row[i] = baseline[i]
        values.append(model(row[None]))
    return torch.cat(values)


@mistake(DELETION, hint="features")
def a_step_for_each_feature(model, x, baseline, scores, groups):
    row, values = x.clone(), [model(x[None])]
    for i in scores[groups].argsort(descending=True, stable=True):
        row[i] = baseline[i]
        values.append(model(row[None]))
    return torch.cat(values)


@mistake(DELETION, hint="numbers")
def in_order_of_numbers(model, x, baseline, scores, groups):
    row, values = x.clone(), [model(x[None])]
    for player in range(len(scores)):
        row[groups == player] = baseline[groups == player]
        values.append(model(row[None]))
    return torch.cat(values)


@mistake(DELETION, hint="places")
def order_for_places(model, x, baseline, scores, groups):
    place = scores.argsort(descending=True, stable=True)
    gone = place[groups] < torch.arange(len(scores) + 1)[:, None]
    return model(torch.where(gone, baseline, x))


@mistake(DELETION, hint="zero")
def zeros_written(model, x, baseline, scores, groups):
    row, values = x.clone(), [model(x[None])]
    for player in scores.argsort(descending=True, stable=True):
        row[groups == player] = 0
        values.append(model(row[None]))
    return torch.cat(values)


@mistake(DELETION, hint="drop")
def what_is_lost(model, x, baseline, scores, groups):
    row, values = x.clone(), [model(x[None])]
    for player in scores.argsort(descending=True, stable=True):
        row[groups == player] = baseline[groups == player]
        values.append(model(row[None]))
    return values[0] - torch.cat(values)


@mistake(DELETION, hint="start")
def without_the_start(model, x, baseline, scores, groups):
    row, values = x.clone(), []
    for player in scores.argsort(descending=True, stable=True):
        row[groups == player] = baseline[groups == player]
        values.append(model(row[None]))
    return torch.cat(values)


@mistake(DELETION, hint="mutates")
def x_overwritten(model, x, baseline, scores, groups):
    values = [model(x[None])]
    for player in scores.argsort(descending=True, stable=True):
        x[groups == player] = baseline[groups == player]
        values.append(model(x[None]))
    return torch.cat(values)


@mistake(DELETION, hint="size")
def score_per_feature(model, x, baseline, scores, groups):
    row, values = x.clone(), [model(x[None])]
    for player in (scores / torch.bincount(groups)).argsort(descending=True, stable=True):
        row[groups == player] = baseline[groups == player]
        values.append(model(row[None]))
    return torch.cat(values)


@mistake(DELETION, hint="size")
def score_times_features(model, x, baseline, scores, groups):
    row, values = x.clone(), [model(x[None])]
    for player in (scores * torch.bincount(groups)).argsort(descending=True, stable=True):
        row[groups == player] = baseline[groups == player]
        values.append(model(row[None]))
    return torch.cat(values)


@mistake(DELETION, hint="ties", points=3)
def higher_number_first(model, x, baseline, scores, groups):
    row, values = x.clone(), [model(x[None])]
    for player in scores.argsort(stable=True).flip(0):
        row[groups == player] = baseline[groups == player]
        values.append(model(row[None]))
    return torch.cat(values)


@mistake(DELETION, hint="ties", points=3)
def equal_scores_go_together(model, x, baseline, scores, groups):
    edges = [float("inf"), *scores.sort(descending=True).values.tolist()]
    return torch.cat([model(torch.where(scores[groups] >= edge, baseline, x)[None]) for edge in edges])


@mistake(DELETION, hint="one", points=3)
def squeezed_scores(model, x, baseline, scores, groups):
    row, values = x.clone(), [model(x[None])]
    for player in scores.squeeze().argsort(descending=True, stable=True):
        row[groups == player] = baseline[groups == player]
        values.append(model(row[None]))
    return torch.cat(values)


# -------------------------------------------------------------------------------------------------- entries to flip


@mistake(FLIP, hint="away")
def first_change(model, x, other, scores):
    place = scores.argsort(1, descending=True).argsort(1)
    own = model(x).argmax(1)
    left = [model(torch.where(place < k, other, x)).argmax(1) != own for k in range(x.shape[1] + 1)]
    return torch.stack(left, 1).int().argmax(1)


@mistake(FLIP, hint="last")
def until_it_stays(model, x, other, scores):
    place = scores.argsort(1, descending=True).argsort(1)
    goal, n = model(other).argmax(1), x.shape[1]
    wrong = torch.stack([model(torch.where(place < k, other, x)).argmax(1) != goal for k in range(n + 1)], 1)
    return torch.where(wrong.any(1), n + 1 - wrong.flip(1).int().argmax(1), 0)


@mistake(FLIP, hint="search")
def binary_search(model, x, other, scores):
    place = scores.argsort(1, descending=True).argsort(1)
    goal, low, high = model(other).argmax(1), torch.zeros(len(x)).long(), torch.full((len(x),), x.shape[1])
    while (low < high).any():
        middle = (low + high) // 2
        hit = model(torch.where(place < middle[:, None], other, x)).argmax(1) == goal
        low, high = torch.where(hit | (low == high), low, middle + 1), torch.where(hit, middle, high)
    return low


@mistake(FLIP, hint="total")
def steps_elsewhere(model, x, other, scores):
    place = scores.argsort(1, descending=True).argsort(1)
    goal = model(other).argmax(1)
    return sum((model(torch.where(place < k, other, x)).argmax(1) != goal).long() for k in range(x.shape[1] + 1))


@mistake(FLIP, hint="ascending")
def lowest_copied_first(model, x, other, scores):
    place = scores.argsort(1).argsort(1)
    goal = model(other).argmax(1)
    reached = [model(torch.where(place < k, other, x)).argmax(1) == goal for k in range(x.shape[1] + 1)]
    return torch.stack(reached, 1).int().argmax(1)


@mistake(FLIP, hint="absolute")
def largest_sizes_first(model, x, other, scores):
    place = scores.abs().argsort(1, descending=True).argsort(1)
    goal = model(other).argmax(1)
    reached = [model(torch.where(place < k, other, x)).argmax(1) == goal for k in range(x.shape[1] + 1)]
    return torch.stack(reached, 1).int().argmax(1)


@mistake(FLIP, hint="alone")
def entries_put_back(model, x, other, scores):
    place = scores.argsort(1, descending=True).argsort(1)
    goal, n = model(other).argmax(1), x.shape[1]
    reached = [model(torch.where(place == k - 1, other, x)).argmax(1) == goal for k in range(n + 1)]
    reached = torch.stack(reached, 1)
    return torch.where(reached.any(1), reached.int().argmax(1), n)


@mistake(FLIP, hint="off")
def one_too_many(model, x, other, scores):
    place = scores.argsort(1, descending=True).argsort(1)
    goal = model(other).argmax(1)
    reached = [model(torch.where(place < k, other, x)).argmax(1) == goal for k in range(x.shape[1] + 1)]
    return torch.stack(reached, 1).int().argmax(1) + 1


@mistake(FLIP, hint="equal")
def only_entries_that_change(model, x, other, scores):
    place = scores.argsort(1, descending=True).argsort(1)
    goal = model(other).argmax(1)
    reached = [model(torch.where(place < k, other, x)).argmax(1) == goal for k in range(x.shape[1] + 1)]
    count = torch.stack(reached, 1).int().argmax(1)
    return ((place < count[:, None]) & (x != other)).sum(1)


@mistake(FLIP, hint="first_row")
def goal_of_the_first_row(model, x, other, scores):
    place = scores.argsort(1, descending=True).argsort(1)
    goal = model(other).argmax(1)[0]
    reached = [model(torch.where(place < k, other, x)).argmax(1) == goal for k in range(x.shape[1] + 1)]
    return torch.stack(reached, 1).int().argmax(1)


@mistake(FLIP, hint="first_row")
def order_of_the_first_row(model, x, other, scores):
    place = scores[0].argsort(descending=True).argsort()
    goal = model(other).argmax(1)
    reached = [model(torch.where(place < k, other, x)).argmax(1) == goal for k in range(x.shape[1] + 1)]
    return torch.stack(reached, 1).int().argmax(1)


@mistake(FLIP, hint="value")
def order_instead_of_places(model, x, other, scores):
    place = scores.argsort(1, descending=True)
    goal = model(other).argmax(1)
    reached = [model(torch.where(place < k, other, x)).argmax(1) == goal for k in range(x.shape[1] + 1)]
    return torch.stack(reached, 1).int().argmax(1)


@mistake(FLIP, hint="already", points=3)
def at_least_one_copy(model, x, other, scores):
    place = scores.argsort(1, descending=True).argsort(1)
    goal = model(other).argmax(1)
    reached = [model(torch.where(place < k, other, x)).argmax(1) == goal for k in range(1, x.shape[1] + 1)]
    return torch.stack(reached, 1).int().argmax(1) + 1


@mistake(FLIP, hint="all", points=2)
def never_copies_all(model, x, other, scores):
    place = scores.argsort(1, descending=True).argsort(1)
    goal = model(other).argmax(1)
    reached = [model(torch.where(place < k, other, x)).argmax(1) == goal for k in range(x.shape[1])]
    return torch.stack(reached, 1).int().argmax(1)


@mistake(FLIP, hint="single", points=3)
def squeezed_counts(model, x, other, scores):
    place = scores.argsort(1, descending=True).argsort(1)
    goal = model(other).argmax(1)
    reached = [model(torch.where(place < k, other, x)).argmax(1) == goal for k in range(x.shape[1] + 1)]
    return torch.stack(reached, 1).int().argmax(1).squeeze()


# -------------------------------------------------------------------------------------------------------- read masks


@mistake(MASKS, hint="sum")
def sums_for_means(train_masks, train_labels, test_masks):
    classes = train_labels.unique()
    sums = torch.stack([train_masks[train_labels == c].sum(0) for c in classes])
    return classes[(test_masks[:, None] - sums).square().sum(2).argmin(1)]


@mistake(MASKS, hint="neighbour")
def nearest_neighbour(train_masks, train_labels, test_masks):
    return train_labels[(test_masks[:, None] - train_masks).square().sum(2).argmin(1)]


@mistake(MASKS, hint="rounded")
def majority_masks(train_masks, train_labels, test_masks):
    classes = train_labels.unique()
    means = torch.stack([train_masks[train_labels == c].mean(0).round() for c in classes])
    return classes[(test_masks[:, None] - means).square().sum(2).argmin(1)]


@mistake(MASKS, hint="overlap")
def largest_overlap(train_masks, train_labels, test_masks):
    classes = train_labels.unique()
    means = torch.stack([train_masks[train_labels == c].mean(0) for c in classes])
    return classes[(test_masks @ means.T).argmax(1)]


@mistake(MASKS, hint="absolute")
def absolute_differences(train_masks, train_labels, test_masks):
    classes = train_labels.unique()
    means = torch.stack([train_masks[train_labels == c].mean(0) for c in classes])
    return classes[(test_masks[:, None] - means).abs().sum(2).argmin(1)]


@mistake(MASKS, hint="likelihood")
def most_likely_label(train_masks, train_labels, test_masks):
    classes = train_labels.unique()
    means = torch.stack([train_masks[train_labels == c].mean(0) for c in classes]).clamp(0.05, 0.95)
    return classes[(test_masks @ means.log().T + (1 - test_masks) @ (1 - means).log().T).argmax(1)]


@mistake(MASKS, hint="farthest")
def largest_distance(train_masks, train_labels, test_masks):
    classes = train_labels.unique()
    means = torch.stack([train_masks[train_labels == c].mean(0) for c in classes])
    return classes[(test_masks[:, None] - means).square().sum(2).argmax(1)]


@mistake(MASKS, hint="position")
def positions_for_labels(train_masks, train_labels, test_masks):
    classes = train_labels.unique()
    means = torch.stack([train_masks[train_labels == c].mean(0) for c in classes])
    return (test_masks[:, None] - means).square().sum(2).argmin(1)


@mistake(MASKS, hint="turn")
def names_as_they_turn_up(train_masks, train_labels, test_masks):
    classes = train_labels.unique()
    names = torch.tensor(list(dict.fromkeys(train_labels.tolist())))
    means = torch.stack([train_masks[train_labels == c].mean(0) for c in classes])
    return names[(test_masks[:, None] - means).square().sum(2).argmin(1)]


@mistake(MASKS, hint="accuracy")
def share_of_the_first_label(train_masks, train_labels, test_masks):
    classes = train_labels.unique()
    means = torch.stack([train_masks[train_labels == c].mean(0) for c in classes])
    return (classes[(test_masks[:, None] - means).square().sum(2).argmin(1)] == train_labels[0]).double().mean()


@mistake(MASKS, hint="ties", points=3)
def larger_label_of_a_tie(train_masks, train_labels, test_masks):
    classes = train_labels.unique().flip(0)
    means = torch.stack([train_masks[train_labels == c].mean(0) for c in classes])
    return classes[(test_masks[:, None] - means).square().sum(2).argmin(1)]


@mistake(MASKS, hint="ties", points=3)
def first_seen_of_a_tie(train_masks, train_labels, test_masks):
    classes = torch.tensor(list(dict.fromkeys(train_labels.tolist())))
    means = torch.stack([train_masks[train_labels == c].mean(0) for c in classes])
    return classes[(test_masks[:, None] - means).square().sum(2).argmin(1)]


@mistake(MASKS, hint="ties", points=3)
def most_frequent_of_a_tie(train_masks, train_labels, test_masks):
    classes, counts = train_labels.unique(return_counts=True)
    classes = classes[counts.argsort(descending=True, stable=True)]
    means = torch.stack([train_masks[train_labels == c].mean(0) for c in classes])
    return classes[(test_masks[:, None] - means).square().sum(2).argmin(1)]


@mistake(MASKS, hint="single", points=3)
def squeezed_labels(train_masks, train_labels, test_masks):
    classes = train_labels.unique()
    means = torch.stack([train_masks[train_labels == c].mean(0) for c in classes])
    return classes[(test_masks[:, None] - means).square().sum(2).argmin(1)].squeeze()


EQUIVALENT: dict[str, str] = {
    "entries_to_flip: reached = [model(torch.where(place < k, other, x)).argmax(1) == goal for k in range(x.shape[1] + 1)]"
    " => reached = [model(torch.where(place < k, other, x)).argmax(1) == goal for k in range(x.shape[1] + 2)]":
        "everything is copied already: the further step repeats the last one and is never the first success",
    "read_masks: distance = (test_masks[:, None] - means).square().sum(2)"
    " => distance = (test_masks[:, None] - means).square().mean(2)":
        "a factor common to all distances does not change which one is the smallest",
    "signed_agreement: places = [scores.abs().argsort(dim=1, descending=True, stable=True).argsort(1) for scores in (a, b)]"
    " => places = [scores.abs().argsort(descending=True, stable=True).argsort(1) for scores in (a, b)]":
        "the scores have two axes: the default, the last axis, is axis 1",
}
