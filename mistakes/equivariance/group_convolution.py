"""Plausible wrong answers to exercises/equivariance/group_convolution.ipynb, and what the check says to each."""

import torch
from torch.nn import functional as F

from course_lib.checks import mistake

LIFT = "equivariance/group_convolution/lift_p4"
GROUP = "equivariance/group_convolution/group_convolve_p4"
REFINE = "equivariance/group_convolution/refine"


@mistake(LIFT, hint="clockwise")
def filters_turn_clockwise(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w, -r, (2, 3))) for r in range(4)], 2)


@mistake(LIFT, hint="clockwise")
def axes_of_the_turn_exchanged(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w, r, (3, 2))) for r in range(4)], 2)


@mistake(LIFT, hint="axes")
def fibre_before_channels(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w, r, (2, 3))) for r in range(4)], 1)


@mistake(LIFT, hint="axes")
def fibre_as_channels(x, w):
    return torch.cat([F.conv2d(x, torch.rot90(w, r, (2, 3))) for r in range(4)], 1)


@mistake(LIFT, hint="axes")
def best_turn_only(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w, r, (2, 3))) for r in range(4)], 2).amax(2)


@mistake(LIFT, hint="rows")
def turns_and_filters_mixed_up(x, w):
    filters = torch.cat([torch.rot90(w, r, (2, 3)) for r in range(4)])
    return F.conv2d(x, filters).unflatten(1, (len(w), 4))


@mistake(LIFT, hint="transposed")
def transposed_and_flipped(x, w):
    filters = [w, w.mT, w.flip(-2, -1), w.mT.flip(-2, -1)]
    return torch.stack([F.conv2d(x, one) for one in filters], 2)


@mistake(LIFT, hint="transposed")
def mirrorings_for_turns(x, w):
    filters = [w, w.flip(-1), w.flip(-2), w.flip(-2, -1)]
    return torch.stack([F.conv2d(x, one) for one in filters], 2)


@mistake(LIFT, hint="answers")
def answers_turned(x, w):
    return torch.stack([torch.rot90(F.conv2d(x, w), r, (2, 3)) for r in range(4)], 2)


@mistake(LIFT, hint="image")
def image_turned(x, w):
    return torch.stack([F.conv2d(torch.rot90(x, r, (2, 3)), w) for r in range(4)], 2)


@mistake(LIFT, hint="image")
def image_turned_back_only(x, w):
    return torch.stack([F.conv2d(torch.rot90(x, -r, (2, 3)), w) for r in range(4)], 2)


@mistake(LIFT, hint="same")
def never_turned(x, w):
    return F.conv2d(x, w)[:, :, None].repeat(1, 1, 4, 1, 1)


@mistake(LIFT, hint="flipped")
def filters_flipped(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w.flip(2, 3), r, (2, 3))) for r in range(4)], 2)


@mistake(LIFT, hint="padded")
def border_of_zeros(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w, r, (2, 3)), padding=w.shape[2] // 2) for r in range(4)], 2)


@mistake(LIFT, hint="mean")
def channels_averaged(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w, r, (2, 3))) for r in range(4)], 2) / w.shape[1]


@mistake(LIFT, hint="half")
def starts_at_one(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w, r, (2, 3))) for r in range(1, 5)], 2)


@mistake(LIFT, hint="value")
def half_turns_only(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w, 2 * r, (2, 3))) for r in range(4)], 2)


@mistake(LIFT, hint="edges", points=3)
def squeezed(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w, r, (2, 3))) for r in range(4)], 2).squeeze()


@mistake(LIFT, hint="edges", points=3)
def made_for_three_pixels(x, w):
    filters = torch.zeros(len(w), w.shape[1], 4, 3, 3, dtype=w.dtype)
    for r in range(4):
        filters[:, :, r] = torch.rot90(w, r, (2, 3))
    return torch.stack([F.conv2d(x, filters[:, :, r]) for r in range(4)], 2)


@mistake(LIFT, hint="float32", points=3)
def doubled(x, w):
    return torch.stack([F.conv2d(x.double(), torch.rot90(w, r, (2, 3)).double()) for r in range(4)], 2)


@mistake(LIFT, hint="which")
def outputs_and_channels_turned(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w, r)) for r in range(4)], 2)


@mistake(LIFT, hint="which")
def channels_and_rows_turned(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w, r, (1, 2))) for r in range(4)], 2)


@mistake(LIFT, hint="axes")
def fibre_last(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w, r, (2, 3))) for r in range(4)], -1)


@mistake(LIFT, hint="axes")
def fibre_fourth(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w, r, (2, 3))) for r in range(4)], 3)


@mistake(LIFT, hint="edges", points=3)
def a_corner_of_large_filters(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w[..., :3, :3], r, (2, 3))) for r in range(4)], 2)


@mistake(LIFT, hint="edges", points=3)
def batch_squeezed(x, w):
    return torch.stack([F.conv2d(x, torch.rot90(w, r, (2, 3))) for r in range(4)], 2).squeeze(0)


@mistake(LIFT, hint="edges", points=3)
def two_images(x, w):
    return torch.stack([F.conv2d(x[:2], torch.rot90(w, r, (2, 3))) for r in range(4)], 2)


@mistake(LIFT, hint="float32", points=3)
def computed_in_single(x, w):
    return torch.stack([F.conv2d(x.float(), torch.rot90(w, r, (2, 3)).float()) for r in range(4)], 2).to(x.dtype)


def _answers(y, filters):
    return torch.stack([F.conv2d(y.flatten(1, 2), one.flatten(1, 2)) for one in filters], 2)


@mistake(GROUP, hint="uncycled")
def fibre_forgotten(y, w):
    return _answers(y, [torch.rot90(w, r, (3, 4)) for r in range(4)])


@mistake(GROUP, hint="unturned")
def turn_forgotten(y, w):
    return _answers(y, [w.roll(r, 2) for r in range(4)])


@mistake(GROUP, hint="unturned")
def cycled_backwards_and_not_turned(y, w):
    return _answers(y, [w.roll(-r, 2) for r in range(4)])


@mistake(GROUP, hint="backwards")
def cycled_the_wrong_way(y, w):
    return _answers(y, [torch.rot90(w, r, (3, 4)).roll(-r, 2) for r in range(4)])


@mistake(GROUP, hint="backwards")
def part_s_plus_r(y, w):
    answers = []
    for r in range(4):
        places = [(s + r) % 4 for s in range(4)]
        answers.append(sum(F.conv2d(y[:, :, s], torch.rot90(w[:, :, places[s]], r, (2, 3))) for s in range(4)))
    return torch.stack(answers, 2)


@mistake(GROUP, hint="clockwise")
def turned_the_wrong_way(y, w):
    return _answers(y, [torch.rot90(w, -r, (3, 4)).roll(r, 2) for r in range(4)])


@mistake(GROUP, hint="inverse")
def both_the_wrong_way(y, w):
    return _answers(y, [torch.rot90(w, -r, (3, 4)).roll(-r, 2) for r in range(4)])


@mistake(GROUP, hint="uncycled")
def filters_of_the_lifting_layer(y, w):
    answers = [F.conv3d(y, torch.rot90(w, r, (3, 4))) for r in range(4)]
    return torch.cat(answers, 2)


@mistake(GROUP, hint="all")
def never_moved(y, w):
    return _answers(y, [w, w, w, w])


@mistake(GROUP, hint="fibre")
def fibre_summed_first(y, w):
    return torch.stack([F.conv2d(y.sum(2), torch.rot90(w.sum(2), r, (2, 3))) for r in range(4)], 2)


@mistake(GROUP, hint="fibre")
def fibre_averaged_first(y, w):
    return torch.stack([F.conv2d(y.mean(2), torch.rot90(w[:, :, 0], r, (2, 3))) for r in range(4)], 2)


@mistake(GROUP, hint="apart")
def each_place_by_itself(y, w):
    return torch.stack([F.conv2d(y[:, :, r], torch.rot90(w[:, :, r], r, (2, 3))) for r in range(4)], 2)


@mistake(GROUP, hint="apart")
def one_part_for_all(y, w):
    return torch.stack([F.conv2d(y[:, :, r], torch.rot90(w[:, :, 0], r, (2, 3))) for r in range(4)], 2)


@mistake(GROUP, hint="axes")
def places_before_channels(y, w):
    return _answers(y, [torch.rot90(w, r, (3, 4)).roll(r, 2) for r in range(4)]).transpose(1, 2)


@mistake(GROUP, hint="axes")
def places_folded_into_channels(y, w):
    return _answers(y, [torch.rot90(w, r, (3, 4)).roll(r, 2) for r in range(4)]).flatten(1, 2)


@mistake(GROUP, hint="value")
def maps_folded_in_the_other_order(y, w):
    filters = [torch.rot90(w, r, (3, 4)).roll(r, 2).flatten(1, 2) for r in range(4)]
    return torch.stack([F.conv2d(y.transpose(1, 2).flatten(1, 2), one) for one in filters], 2)


@mistake(GROUP, hint="padded")
def zeros_around(y, w):
    filters = [torch.rot90(w, r, (3, 4)).roll(r, 2).flatten(1, 2) for r in range(4)]
    return torch.stack([F.conv2d(y.flatten(1, 2), one, padding=w.shape[-1] // 2) for one in filters], 2)


@mistake(GROUP, hint="mean")
def places_averaged(y, w):
    return _answers(y, [torch.rot90(w, r, (3, 4)).roll(r, 2) for r in range(4)]) / 4


@mistake(GROUP, hint="edges", points=3)
def squeezed_maps(y, w):
    return _answers(y, [torch.rot90(w, r, (3, 4)).roll(r, 2) for r in range(4)]).squeeze()


@mistake(GROUP, hint="edges", points=3)
def four_by_four_only(y, w):
    filters = torch.zeros(4, len(w), w.shape[1], 4, 4, 4, dtype=w.dtype)
    for r in range(4):
        filters[r] = torch.rot90(w, r, (3, 4)).roll(r, 2)
    return _answers(y, filters)


@mistake(GROUP, hint="float32", points=3)
def in_double(y, w):
    return _answers(y.double(), [torch.rot90(w.double(), r, (3, 4)).roll(r, 2) for r in range(4)])


@mistake(GROUP, hint="flipped")
def convolution_of_mathematics(y, w):
    return _answers(y, [torch.rot90(w, r, (3, 4)).roll(r, 2).flip(3, 4) for r in range(4)])


@mistake(GROUP, hint="rows")
def outputs_and_places_mixed_up(y, w):
    filters = torch.cat([torch.rot90(w, r, (3, 4)).roll(r, 2) for r in range(4)])
    return F.conv2d(y.flatten(1, 2), filters.flatten(1, 2)).unflatten(1, (len(w), 4))


@mistake(GROUP, hint="which")
def fibre_and_rows_turned(y, w):
    return _answers(y, [torch.rot90(w, r, (2, 3)).roll(r, 2) for r in range(4)])


@mistake(GROUP, hint="axes")
def places_last(y, w):
    filters = [torch.rot90(w, r, (3, 4)).roll(r, 2).flatten(1, 2) for r in range(4)]
    return torch.stack([F.conv2d(y.flatten(1, 2), one) for one in filters], -1)


@mistake(GROUP, hint="edges", points=3)
def at_most_four_pixels(y, w):
    return _answers(y, [torch.rot90(w[..., :4, :4], r, (3, 4)).roll(r, 2) for r in range(4)])


@mistake(GROUP, hint="edges", points=3)
def one_input_squeezed(y, w):
    return _answers(y, [torch.rot90(w, r, (3, 4)).roll(r, 2) for r in range(4)]).squeeze(0)


@mistake(GROUP, hint="edges", points=3)
def two_inputs(y, w):
    return _answers(y[:2], [torch.rot90(w, r, (3, 4)).roll(r, 2) for r in range(4)])


@mistake(GROUP, hint="float32", points=3)
def in_single(y, w):
    return _answers(y.float(), [torch.rot90(w.float(), r, (3, 4)).roll(r, 2) for r in range(4)]).to(y.dtype)


def _numbered(rows, shape):
    """Whole numbers for equal rows, in all graphs."""
    number = {}
    return torch.tensor([number.setdefault(row, len(number)) for row in rows]).reshape(shape)


def _neighbours(one, labels):
    return [[labels[j] for j in row.nonzero().flatten().tolist()] for row in one]


def _refined(a, describe, rounds=None):
    """Rounds of `describe(own colour, neighbours' colours)` until as many colours as before."""
    colours = torch.zeros(a.shape[:2], dtype=torch.long)
    for _ in range(a[..., 0].numel() if rounds is None else rounds):
        rows = [
            describe(own, near)
            for one, labels in zip(a, colours.tolist(), strict=True)
            for own, near in zip(labels, _neighbours(one, labels), strict=True)
        ]
        finer = _numbered(rows, colours.shape)
        if finer.max() == colours.max():
            return colours
        colours = finer
    return colours


@mistake(REFINE, hint="degree")
def numbers_of_neighbours(a):
    return a.sum(2).long()


@mistake(REFINE, hint="degree")
def one_round(a):
    return _refined(a, lambda own, near: (own, *sorted(near)), rounds=1)


@mistake(REFINE, hint="coarse")
def two_rounds(a):
    return _refined(a, lambda own, near: (own, *sorted(near)), rounds=2)


@mistake(REFINE, hint="set")
def which_colours_but_not_how_often(a):
    return _refined(a, lambda own, near: (own, *sorted(set(near))))


@mistake(REFINE, hint="set")
def mean_of_the_neighbours(a):
    return _refined(a, lambda own, near: (own, sum(near) / max(1, len(near))))


@mistake(REFINE, hint="set")
def largest_of_the_neighbours(a):
    return _refined(a, lambda own, near: (own, max(near, default=-1)))


@mistake(REFINE, hint="fine")
def a_colour_for_each_node(a):
    return torch.arange(a.shape[1]).repeat(len(a), 1)


@mistake(REFINE, hint="fine")
def starts_from_the_names(a):
    b, n, _ = a.shape
    colours = torch.arange(n).repeat(b, 1)
    for _ in range(n):
        met = a.long() @ F.one_hot(colours)
        seen = torch.cat([colours[:, :, None], met], 2).reshape(b * n, -1)
        colours = seen.unique(dim=0, return_inverse=True)[1].reshape(b, n)
    return colours


@mistake(REFINE, hint="several", points=3)
def each_graph_by_itself(a):
    return torch.cat([_refined(one[None], lambda own, near: (own, *sorted(near))) for one in a])


@mistake(REFINE, hint="several", points=3)
def counted_on_from_graph_to_graph(a):
    parts = [_refined(one[None], lambda own, near: (own, *sorted(near))) for one in a]
    return torch.cat([part + k * a.shape[1] for k, part in enumerate(parts)])


@mistake(REFINE, hint="stop", points=2)
def six_rounds_are_plenty(a):
    return _refined(a, lambda own, near: (own, *sorted(near)), rounds=6)


@mistake(REFINE, hint="edges", points=3)
def fifteen_rounds_are_plenty(a):
    return _refined(a, lambda own, near: (own, *sorted(near)), rounds=15)


def _padded_rounds(a, stop):
    """Rounds for all graphs at once, until `stop` of the colours does not grow."""
    colours = torch.zeros(a.shape[:2], dtype=torch.long)
    while True:
        met = a.long() @ F.one_hot(colours)
        seen = torch.cat([colours[:, :, None], met], 2).flatten(0, 1)
        finer = seen.unique(dim=0, return_inverse=True)[1].reshape(colours.shape)
        if stop(finer) == stop(colours):
            return colours
        colours = finer


@mistake(REFINE, hint="stop", points=3)
def until_the_largest_number_of_colours_stays(a):
    return _padded_rounds(a, lambda colours: max(len(one.unique()) for one in colours))


@mistake(REFINE, hint="stop", points=3)
def until_the_sum_of_the_numbers_of_colours_stays(a):
    return _padded_rounds(a, lambda colours: sum(len(one.unique()) for one in colours))


@mistake(REFINE, hint="stop", points=3)
def until_the_first_graph_stops(a):
    return _padded_rounds(a, lambda colours: len(colours[0].unique()))


@mistake(REFINE, hint="stop", points=3)
def half_as_many_rounds_as_nodes(a):
    return _refined(a, lambda own, near: (own, *sorted(near)), rounds=max(1, a.shape[1] // 2))


@mistake(REFINE, hint="several", points=3)
def colours_of_the_whole_graph_counted(a):
    b, n, _ = a.shape
    colours = torch.zeros(b, n, dtype=torch.long)
    for _ in range(n):
        met = F.one_hot(colours)
        every = met.sum(1, keepdim=True).expand_as(met)
        seen = torch.cat([colours[:, :, None], a.long() @ met, every], 2).flatten(0, 1)
        colours = seen.unique(dim=0, return_inverse=True)[1].reshape(b, n)
    return colours


@mistake(REFINE, hint="several", points=3)
def edges_of_the_graph_counted(a):
    start = a.sum((1, 2)).long()[:, None].expand(a.shape[:2])
    colours = start.unique(return_inverse=True)[1]
    for _ in range(a.shape[1]):
        met = a.long() @ F.one_hot(colours)
        seen = torch.cat([colours[:, :, None], met], 2).flatten(0, 1)
        colours = seen.unique(dim=0, return_inverse=True)[1].reshape(colours.shape)
    return colours


@mistake(REFINE, hint="several", points=3)
def who_is_no_neighbour_counts_too(a):
    colours = torch.zeros(a.shape[:2], dtype=torch.long)
    for _ in range(a.shape[1]):
        met = F.one_hot(colours)
        seen = torch.cat([colours[:, :, None], a.long() @ met, (1 - a).long() @ met], 2).flatten(0, 1)
        colours = seen.unique(dim=0, return_inverse=True)[1].reshape(colours.shape)
    return colours


@mistake(REFINE, hint="fine")
def starts_from_triangles(a):
    colours = (a @ a @ a).diagonal(dim1=1, dim2=2).long().unique(return_inverse=True)[1]
    for _ in range(a.shape[1]):
        met = a.long() @ F.one_hot(colours)
        seen = torch.cat([colours[:, :, None], met], 2).flatten(0, 1)
        colours = seen.unique(dim=0, return_inverse=True)[1].reshape(colours.shape)
    return colours


@mistake(REFINE, hint="fine")
def starts_from_the_connected_part(a):
    n = a.shape[1]
    sizes = (torch.linalg.matrix_power(a + torch.eye(n, dtype=a.dtype), n) > 0).sum(2)
    colours = sizes.unique(return_inverse=True)[1]
    for _ in range(n):
        met = a.long() @ F.one_hot(colours)
        seen = torch.cat([colours[:, :, None], met], 2).flatten(0, 1)
        colours = seen.unique(dim=0, return_inverse=True)[1].reshape(colours.shape)
    return colours


@mistake(REFINE, hint="degree")
def sets_after_degrees(a):
    colours = a.sum(2).long()
    for _ in range(a.shape[1]):
        rows = [
            (own, *sorted(set(near)))
            for one, labels in zip(a, colours.tolist(), strict=True)
            for own, near in zip(labels, _neighbours(one, labels), strict=True)
        ]
        colours = _numbered(rows, colours.shape)
    return colours


@mistake(REFINE, hint="coarse")
def numbers_of_walks(a):
    b, n, _ = a.shape
    walks, counts = torch.ones(b, n, 1, dtype=a.dtype), []
    for _ in range(n):
        walks = a @ walks
        counts.append(walks)
    return torch.cat(counts, 2).flatten(0, 1).unique(dim=0, return_inverse=True)[1].reshape(b, n)


@mistake(REFINE, hint="whole")
def colours_between_whole_numbers(a):
    return _refined(a, lambda own, near: (own, *sorted(near))) / 2


EQUIVALENT = {"refine: return colours => return -colours": "what the numbers are is up to the student"}
