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


@mistake(RADIUS, hint="single", points=3)
def a_single_share_squeezed(kind, radius, share):
    root = share.sqrt()
    found = {"sphere": lambda: 2 * torch.asin(root * math.sin(radius / 2)), "plane": lambda: radius * root}
    return found.get(kind, lambda: 2 * torch.asinh(root * math.sinh(radius / 2)))().squeeze()


@mistake(RADIUS, hint="sphere", points=3)
def half_a_sphere_at_most(kind, radius, share):
    root = share.sqrt()
    if kind == "sphere":
        return 2 * torch.asin(root * math.sin(min(radius, 3.0) / 2))
    if kind == "hyperbolic":
        return 2 * torch.asinh(root * math.sinh(radius / 2))
    return radius * root


@mistake(RADIUS, hint="tiny", points=3)
def small_discs_are_flat(kind, radius, share):
    root = share.sqrt()
    if kind == "plane" or radius < 0.8:
        return radius * root
    if kind == "sphere":
        return 2 * torch.asin(root * math.sin(radius / 2))
    return 2 * torch.asinh(root * math.sinh(radius / 2))


@mistake(RADIUS, hint="tiny", points=3)
def cosines_with_a_flat_patch(kind, radius, share):
    if kind == "plane" or radius < 1e-4:
        return radius * share.sqrt()
    if kind == "sphere":
        return torch.acos((1 - share.double() * (1 - math.cos(radius))).clamp(-1, 1)).to(share.dtype)
    return torch.acosh((1 + share.double() * (math.cosh(radius) - 1)).clamp(min=1)).to(share.dtype)


@mistake(RADIUS, hint="crumb", points=3)
def half_angle_of_the_whole_disc_only(kind, radius, share):
    if kind == "plane" or radius < 1e-3:
        return radius * (share * (1 - (1 - share) * radius**2 * {"plane": 0, "sphere": 1, "hyperbolic": -1}[kind] / 12)).sqrt()
    if kind == "sphere":
        return torch.acos(1 - 2 * share.double() * math.sin(radius / 2) ** 2).to(share.dtype)
    return torch.acosh(1 + 2 * share.double() * math.sinh(radius / 2) ** 2).to(share.dtype)


@mistake(RADIUS, hint="tiny", points=3)
def logarithm_for_the_inverse(kind, radius, share):
    if kind == "plane":
        return radius * share.sqrt()
    if kind == "sphere":
        return 2 * torch.asin(share.sqrt() * math.sin(radius / 2))
    z = share.sqrt() * math.sinh(radius / 2)
    return 2 * torch.log(z + (1 + z.square()).sqrt())


@mistake(RADIUS, hint="digits", points=3)
def radius_in_float32(kind, radius, share):
    half, root = torch.tensor(radius) / 2, share.sqrt()
    if kind == "sphere":
        return 2 * torch.asin(root * torch.sin(half))
    if kind == "hyperbolic":
        return 2 * torch.asinh(root * torch.sinh(half))
    return 2 * root * half


@mistake(RADIUS, hint="digits", points=2)
def search_that_stops_early(kind, radius, share):
    area = {"sphere": lambda x: x.sin() ** 2, "plane": lambda x: x**2, "hyperbolic": lambda x: x.sinh() ** 2}[kind]
    low, high = torch.zeros_like(share), torch.full_like(share, radius)
    whole = area(high / 2)
    for _ in range(25):
        middle = (low + high) / 2
        inside = area(middle / 2) < share * whole
        low, high = middle.where(inside, low), high.where(inside, middle)
    return (low + high) / 2


@mistake(RADIUS, hint="large", points=3)
def only_the_edge_of_large_discs(kind, radius, share):
    root = share.sqrt()
    if kind == "sphere":
        return 2 * torch.asin(root * math.sin(radius / 2))
    if kind == "plane":
        return radius * root
    if radius > 3:
        return (radius + share.log()).clamp(min=0)
    return 2 * torch.asinh(root * math.sinh(radius / 2))


@mistake(RADIUS, hint="large", points=3)
def discs_no_larger_than_three(kind, radius, share):
    root = share.sqrt()
    if kind == "sphere":
        return 2 * torch.asin(root * math.sin(radius / 2))
    radius = min(radius, 3.0)
    return 2 * torch.asinh(root * math.sinh(radius / 2)) if kind == "hyperbolic" else radius * root


@mistake(RADIUS, hint="crumb", points=2)
def shares_kept_off_the_ends(kind, radius, share):
    root = share.clamp(1e-9, 1 - 1e-9).sqrt()
    if kind == "sphere":
        return 2 * torch.asin(root * math.sin(radius / 2))
    if kind == "hyperbolic":
        return 2 * torch.asinh(root * math.sinh(radius / 2))
    return radius * root


@mistake(RADIUS, hint="ends", points=3)
def shares_kept_below_one(kind, radius, share):
    root = share.clamp(max=1 - 1e-9).sqrt()
    if kind == "sphere":
        return 2 * torch.asin(root * math.sin(radius / 2))
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


@mistake(COVER, hint="empty", points=3)
def nothing_is_float(distances, r):
    centres = []
    for i in range(len(distances)):
        if all(distances[i, c] > r for c in centres):
            centres.append(i)
    return torch.tensor(centres)


@mistake(COVER, hint="empty", points=3)
def at_least_one_point(distances, r):
    centres = [0]
    for i in range(1, len(distances)):
        if all(distances[i, c] > r for c in centres):
            centres.append(i)
    return torch.tensor(centres, dtype=torch.long)


@mistake(COVER, hint="sharp", points=3)
def a_little_slack(distances, r):
    centres = []
    for i in range(len(distances)):
        if all(distances[i, c] > r + 1e-5 for c in centres):
            centres.append(i)
    return torch.tensor(centres, dtype=torch.long)


@mistake(COVER, hint="last")
def last_point_never_seen(distances, r):
    centres = []
    for i in range(len(distances) - 1):
        if all(distances[i, c] > r for c in centres):
            centres.append(i)
    return torch.tensor(centres, dtype=torch.long)


@mistake(COVER, hint="many")
def a_dozen_centres_at_most(distances, r):
    left, centres = torch.ones(len(distances), dtype=torch.bool), []
    while left.any() and len(centres) < 12:
        centres.append(left.int().argmax().item())
        left = left & (distances[centres[-1]] > r)
    return torch.tensor(centres, dtype=torch.long)


@mistake(COVER, hint="index")
def numbers_in_a_byte(distances, r):
    left, centres = torch.ones(len(distances), dtype=torch.bool), []
    while left.any():
        centres.append(left.int().argmax().item())
        left = left & (distances[centres[-1]] > r)
    return torch.tensor(centres, dtype=torch.uint8)


@mistake(COVER, hint="infinite", points=3)
def infinity_replaced(distances, r):
    distances, centres = distances.nan_to_num(posinf=1e9), []
    for i in range(len(distances)):
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
