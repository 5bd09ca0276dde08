"""Plausible wrong answers to exercises/frontiers/data_geometry.ipynb, and what the check says to each."""

import math

import torch

from course_lib.checks import mistake

RADIUS = "frontiers/data_geometry/radius_of_share"
COVER = "frontiers/data_geometry/covering"

@mistake(RADIUS, hint="uniform")
def uniform_by_radius(kind, radius, share):
    return radius * share


@mistake(RADIUS, hint="flat")
def as_in_the_plane(kind, radius, share):
    return radius * share.sqrt()


@mistake(RADIUS, hint="rim")
def counted_from_the_rim(kind, radius, share):
    root = (1 - share).sqrt()
    if kind == "sphere":
        return 2 * torch.asin(root * math.sin(radius / 2))
    if kind == "hyperbolic":
        return 2 * torch.asinh(root * math.sinh(radius / 2))
    return radius * root


@mistake(RADIUS, hint="half")
def half_angle_kept(kind, radius, share):
    if kind == "sphere":
        return torch.asin(share.sqrt() * math.sin(radius / 2))
    if kind == "hyperbolic":
        return torch.asinh(share.sqrt() * math.sinh(radius / 2))
    return radius * share.sqrt()


@mistake(RADIUS, hint="whole")
def whole_angle(kind, radius, share):
    if kind == "sphere":
        return torch.asin(share.sqrt() * math.sin(radius))
    if kind == "hyperbolic":
        return torch.asinh(share.sqrt() * math.sinh(radius))
    return radius * share.sqrt()


@mistake(RADIUS, hint="unrooted")
def without_root(kind, radius, share):
    if kind == "sphere":
        return 2 * torch.asin(share * math.sin(radius / 2))
    if kind == "hyperbolic":
        return 2 * torch.asinh(share * math.sinh(radius / 2))
    return radius * share.sqrt()


@mistake(RADIUS, hint="swapped")
def surfaces_swapped(kind, radius, share):
    if kind == "hyperbolic":
        return 2 * torch.asin(share.sqrt() * math.sin(radius / 2))
    if kind == "sphere":
        return 2 * torch.asinh(share.sqrt() * math.sinh(radius / 2))
    return radius * share.sqrt()


@mistake(RADIUS, hint="swapped")
def everything_hyperbolic(kind, radius, share):
    return torch.acosh(1 + share * (math.cosh(radius) - 1))


@mistake(RADIUS, hint="circumference")
def share_of_the_circles(kind, radius, share):
    if kind == "sphere":
        return torch.asin(share * math.sin(radius))
    if kind == "hyperbolic":
        return torch.asinh(share * math.sinh(radius))
    return radius * share


@mistake(RADIUS, hint="forward")
def the_share_that_a_radius_holds(kind, radius, share):
    if kind == "sphere":
        return (1 - torch.cos(share * radius)) / (1 - math.cos(radius))
    if kind == "hyperbolic":
        return (torch.cosh(share * radius) - 1) / (math.cosh(radius) - 1)
    return share.square()


@mistake(RADIUS, hint="start")
def areas_without_their_start(kind, radius, share):
    if kind == "sphere":
        return torch.acos(share * math.cos(radius))
    if kind == "hyperbolic":
        return torch.acosh((share * math.cosh(radius)).clamp(min=1))
    return radius * share.sqrt()


@mistake(RADIUS, hint="plane")
def no_plane(kind, radius, share):
    if kind == "sphere":
        return 2 * torch.asin(share.sqrt() * math.sin(radius / 2))
    return 2 * torch.asinh(share.sqrt() * math.sinh(radius / 2))


@mistake(RADIUS, hint="tiny", points=3)
def areas_as_in_the_book(kind, radius, share):
    if kind == "sphere":
        return torch.acos((1 - share.double() * (1 - math.cos(radius))).clamp(-1, 1)).to(share.dtype)
    if kind == "hyperbolic":
        return torch.acosh((1 + share.double() * (math.cosh(radius) - 1)).clamp(min=1)).to(share.dtype)
    return radius * share.sqrt()


@mistake(RADIUS, hint="float32", points=3)
def always_double(kind, radius, share):
    root = share.double().sqrt()
    if kind == "sphere":
        return 2 * torch.asin(root * math.sin(radius / 2))
    if kind == "hyperbolic":
        return 2 * torch.asinh(root * math.sinh(radius / 2))
    return radius * root


@mistake(RADIUS, hint="edge", points=3)
def a_single_share_squeezed(kind, radius, share):
    root = share.sqrt()
    found = {"sphere": lambda: 2 * torch.asin(root * math.sin(radius / 2)), "plane": lambda: radius * root}
    return found.get(kind, lambda: 2 * torch.asinh(root * math.sinh(radius / 2)))().squeeze()


@mistake(RADIUS, hint="edge", points=3)
def half_a_sphere_at_most(kind, radius, share):
    root = share.sqrt()
    if kind == "sphere":
        return 2 * torch.asin(root * math.sin(min(radius, 3.0) / 2))
    if kind == "hyperbolic":
        return 2 * torch.asinh(root * math.sinh(radius / 2))
    return radius * root


@mistake(RADIUS, hint="mutates")
def root_in_place(kind, radius, share):
    root = share.sqrt_()
    if kind == "sphere":
        return 2 * torch.asin(root * math.sin(radius / 2))
    if kind == "hyperbolic":
        return 2 * torch.asinh(root * math.sinh(radius / 2))
    return radius * root


@mistake(COVER, hint="count")
def how_many(distances, r):
    centres = []
    for i in range(len(distances)):
        if all(distances[i, c] > r for c in centres):
            centres.append(i)
    return len(centres)


@mistake(COVER, hint="mask")
def marks(distances, r):
    marked = torch.zeros(len(distances), dtype=torch.long)
    for i in range(len(distances)):
        if not (distances[i][marked == 1] <= r).any():
            marked[i] = 1
    return marked


@mistake(COVER, hint="mask")
def marks_as_bools(distances, r):
    marked = torch.zeros(len(distances), dtype=torch.bool)
    for i in range(len(distances)):
        marked[i] = not (distances[i][marked] <= r).any()
    return marked


@mistake(COVER, hint="type")
def a_list(distances, r):
    centres = []
    for i in range(len(distances)):
        if all(distances[i, c] > r for c in centres):
            centres.append(i)
    return centres


@mistake(COVER, hint="whole")
def numbers_as_floats(distances, r):
    centres = []
    for i in range(len(distances)):
        if all(distances[i, c] > r for c in centres):
            centres.append(i)
    return torch.tensor(centres, dtype=torch.float64)


@mistake(COVER, hint="repeated")
def a_centre_for_each_point(distances, r):
    centres, own = [], []
    for i in range(len(distances)):
        near = [c for c in centres if distances[i, c] <= r]
        if not near:
            centres.append(i)
        own.append(near[0] if near else i)
    return torch.tensor(own, dtype=torch.long)


@mistake(COVER, hint="double")
def twice_the_radius(distances, r):
    centres = []
    for i in range(len(distances)):
        if all(distances[i, c] > 2 * r for c in centres):
            centres.append(i)
    return torch.tensor(centres, dtype=torch.long)


@mistake(COVER, hint="half")
def half_the_radius(distances, r):
    centres = []
    for i in range(len(distances)):
        if all(distances[i, c] > r / 2 for c in centres):
            centres.append(i)
    return torch.tensor(centres, dtype=torch.long)


@mistake(COVER, hint="chain")
def one_for_each_component(distances, r):
    left, centres = set(range(len(distances))), []
    while left:
        centres.append(min(left))
        reached = [centres[-1]]
        left.discard(centres[-1])
        while reached:
            row = distances[reached.pop()]
            new = [i for i in left if row[i] <= r]
            left -= set(new)
            reached += new
    return torch.tensor(centres, dtype=torch.long)


@mistake(COVER, hint="rows")
def rows_as_coordinates(distances, r):
    between = torch.cdist(distances, distances)
    centres = []
    for i in range(len(distances)):
        if all(between[i, c] > r for c in centres):
            centres.append(i)
    return torch.tensor(centres, dtype=torch.long)


@mistake(COVER, hint="all")
def every_point(distances, r):
    return torch.arange(len(distances))


@mistake(COVER, hint="near")
def far_from_the_last_only(distances, r):
    centres = [0]
    for i in range(len(distances)):
        if distances[i, centres[-1]] > r and i not in centres:
            centres.append(i)
    return torch.tensor(centres, dtype=torch.long)


@mistake(COVER, hint="near")
def covers_most_of_what_is_left(distances, r):
    left, centres = torch.ones(len(distances), dtype=torch.bool), []
    while left.any():
        centres.append(int((distances <= r)[:, left].sum(1).argmax()))
        left = left & (distances[centres[-1]] > r)
    return torch.tensor(centres, dtype=torch.long)


@mistake(COVER, hint="uncovered")
def the_first_and_one_more(distances, r):
    far = (distances[0] > r).nonzero().flatten().tolist()
    return torch.tensor([0, *far[:1]], dtype=torch.long)


@mistake(COVER, hint="tie", points=2)
def ties_left_open(distances, r):
    centres = []
    for i in range(len(distances)):
        if all(distances[i, c] >= r for c in centres):
            centres.append(i)
    return torch.tensor(centres, dtype=torch.long)


@mistake(COVER, hint="edge", points=3)
def nothing_is_float(distances, r):
    centres = []
    for i in range(len(distances)):
        if all(distances[i, c] > r for c in centres):
            centres.append(i)
    return torch.tensor(centres)


@mistake(COVER, hint="edge", points=3)
def at_least_one_point(distances, r):
    centres = [0]
    for i in range(1, len(distances)):
        if all(distances[i, c] > r for c in centres):
            centres.append(i)
    return torch.tensor(centres, dtype=torch.long)


@mistake(COVER, hint="mutates")
def crossed_out_in_the_table(distances, r):
    distances.fill_diagonal_(float("inf"))
    centres = []
    for i in range(len(distances)):
        if all(distances[i, c] > r for c in centres):
            centres.append(i)
    return torch.tensor(centres, dtype=torch.long)
