"""Plausible wrong answers to exercises/attribution/sanity_checks.ipynb, and what the check says to each."""

import copy

import torch
from scipy.stats import rankdata

from course_lib.checks import mistake

SHUFFLE = "attribution/sanity_checks/shuffle_from_top"
AGREEMENT = "attribution/sanity_checks/partial_agreement"
DESIGN = "attribution/sanity_checks/design_model"
RULES = "attribution/sanity_checks/best_single_rules"


def linear(model):
    return [i for i in range(len(model.layers)) if isinstance(model.layers[i], torch.nn.Linear)]


def shuffled(value, generator):
    return value.flatten()[torch.randperm(value.numel(), generator=generator)].reshape(value.shape)


def cascade(model, positions, change, restart=False):
    """Copies of the model, each with `change` applied to one more layer."""
    copies, current = [], model
    for position in positions:
        current = copy.deepcopy(model if restart else current)
        for parameter in current.layers[position].parameters():
            parameter.data = change(parameter.data)
        copies.append(current)
    return copies


@mistake(SHUFFLE, hint="values")
def fresh_draws(model, seed):
    generator = torch.Generator().manual_seed(seed)
    return cascade(model, linear(model)[::-1], lambda v: torch.randn(v.shape, generator=generator, dtype=v.dtype))


@mistake(SHUFFLE, hint="values")
def with_replacement(model, seed):
    generator = torch.Generator().manual_seed(seed)

    def change(v):
        return v.flatten()[torch.randint(v.numel(), (v.numel(),), generator=generator)].reshape(v.shape)

    return cascade(model, linear(model)[::-1], change)


@mistake(SHUFFLE, hint="bottom")
def from_the_input(model, seed):
    generator = torch.Generator().manual_seed(seed)
    return cascade(model, linear(model), lambda v: shuffled(v, generator))


@mistake(SHUFFLE, hint="single")
def one_layer_at_a_time(model, seed):
    generator = torch.Generator().manual_seed(seed)
    return cascade(model, linear(model)[::-1], lambda v: shuffled(v, generator), restart=True)


@mistake(SHUFFLE, hint="number")
def a_copy_for_every_layer(model, seed):
    generator = torch.Generator().manual_seed(seed)
    return cascade(model, list(range(len(model.layers)))[::-1], lambda v: shuffled(v, generator))


@mistake(SHUFFLE, hint="number")
def begins_with_the_untouched_model(model, seed):
    generator = torch.Generator().manual_seed(seed)
    return [copy.deepcopy(model), *cascade(model, linear(model)[::-1], lambda v: shuffled(v, generator))]


@mistake(SHUFFLE, hint="below")
def everything_at_once(model, seed):
    generator = torch.Generator().manual_seed(seed)
    last = cascade(model, linear(model)[::-1], lambda v: shuffled(v, generator))[-1]
    return [last for _ in linear(model)]


@mistake(SHUFFLE, hint="below")
def the_same_network_again_and_again(model, seed):
    generator, current, copies = torch.Generator().manual_seed(seed), copy.deepcopy(model), []
    for position in linear(model)[::-1]:
        for parameter in current.layers[position].parameters():
            parameter.data = shuffled(parameter.data, generator)
        copies.append(current)
    return copies


@mistake(SHUFFLE, hint="again")
def shuffled_anew_at_each_step(model, seed):
    generator, positions, copies = torch.Generator().manual_seed(seed), linear(model)[::-1], []
    for k in range(len(positions)):
        copies.append(cascade(model, positions[: k + 1], lambda v: shuffled(v, generator))[-1])
    return copies


@mistake(SHUFFLE, hint="bias")
def weights_only(model, seed):
    generator = torch.Generator().manual_seed(seed)
    return cascade(model, linear(model)[::-1], lambda v: shuffled(v, generator) if v.dim() == 2 else v)


@mistake(SHUFFLE, hint="rows")
def within_rows(model, seed):
    generator = torch.Generator().manual_seed(seed)

    def change(v):
        return v.gather(-1, torch.rand(v.shape, generator=generator).argsort(-1))

    return cascade(model, linear(model)[::-1], change)


@mistake(SHUFFLE, hint="units")
def whole_rows(model, seed):
    generator = torch.Generator().manual_seed(seed)
    return cascade(model, linear(model)[::-1], lambda v: v[torch.randperm(len(v), generator=generator)])


@mistake(SHUFFLE, hint="mutates")
def in_the_model_itself(model, seed):
    generator, copies = torch.Generator().manual_seed(seed), []
    for position in linear(model)[::-1]:
        for parameter in model.layers[position].parameters():
            parameter.data = shuffled(parameter.data, generator)
        copies.append(copy.deepcopy(model))
    return copies


@mistake(SHUFFLE, hint="seed", points=3)
def no_seed(model, seed):
    return cascade(model, linear(model)[::-1], lambda v: shuffled(v, None))


@mistake(SHUFFLE, hint="ignored", points=3)
def a_seed_of_its_own(model, seed):
    generator = torch.Generator().manual_seed(0)
    return cascade(model, linear(model)[::-1], lambda v: shuffled(v, generator))


@mistake(SHUFFLE, hint="alike", points=3)
def generator_made_again(model, seed):
    return cascade(model, linear(model)[::-1], lambda v: shuffled(v, torch.Generator().manual_seed(seed)))


@mistake(SHUFFLE, hint="stuck", points=3)
def last_entry_stays(model, seed):
    generator = torch.Generator().manual_seed(seed)

    def change(v):
        head = torch.randperm(max(v.numel() - 1, 0), generator=generator)
        return v.flatten()[torch.cat([head, torch.tensor([v.numel() - 1])])].reshape(v.shape)

    return cascade(model, linear(model)[::-1], change)


@mistake(SHUFFLE, hint="alike", points=3)
def one_order_for_equal_sizes_of_a_layer(model, seed):
    generator, copies = torch.Generator().manual_seed(seed), []
    for position in linear(model)[::-1]:
        model, orders = copy.deepcopy(model), {}
        for parameter in model.layers[position].parameters():
            size = parameter.numel()
            orders.setdefault(size, torch.randperm(size, generator=generator))
            parameter.data = parameter.data.flatten()[orders[size]].reshape(parameter.shape)
        copies.append(model)
    return copies


@mistake(SHUFFLE, hint="units")
def shifted_round(model, seed):
    generator = torch.Generator().manual_seed(seed)

    def change(v):
        return v.flatten().roll(int(torch.randint(1, max(v.numel(), 2), (), generator=generator))).reshape(v.shape)

    return cascade(model, linear(model)[::-1], change)


@mistake(SHUFFLE, hint="few")
def first_half_of_the_entries(model, seed):
    generator = torch.Generator().manual_seed(seed)

    def change(v):
        half = max(1, v.numel() // 2)
        head, tail = v.flatten().split([half, v.numel() - half])
        return torch.cat([head[torch.randperm(half, generator=generator)], tail]).reshape(v.shape)

    return cascade(model, linear(model)[::-1], change)


@mistake(SHUFFLE, hint="ignored", points=3)
def biases_sorted(model, seed):
    generator = torch.Generator().manual_seed(seed)
    return cascade(model, linear(model)[::-1], lambda v: shuffled(v, generator) if v.dim() == 2 else v.sort().values)


@mistake(SHUFFLE, hint="kind", points=3)
def always_double(model, seed):
    generator = torch.Generator().manual_seed(seed)
    return [copy.double() for copy in cascade(model, linear(model)[::-1], lambda v: shuffled(v, generator))]


@mistake(SHUFFLE, hint="networks")
def state_dicts(model, seed):
    generator = torch.Generator().manual_seed(seed)
    return [dict(copy.state_dict()) for copy in cascade(model, linear(model)[::-1], lambda v: shuffled(v, generator))]


@mistake(SHUFFLE, hint="networks")
def the_last_one_only(model, seed):
    generator = torch.Generator().manual_seed(seed)
    return cascade(model, linear(model)[::-1], lambda v: shuffled(v, generator))[-1]


# ------------------------------------------------------------------------------------------- agreement beyond input


def centred(values):
    return values - values.mean(1, keepdim=True)


def ranked(maps, method="average"):
    return centred(torch.from_numpy(rankdata(maps.flatten(1).numpy(), axis=1, method=method)).double())


def dot(u, v):
    return (u * v).sum(1, keepdim=True)


def beyond(u, v, z):
    u, v = (w - dot(w, z) / dot(z, z).clamp(min=1e-9) * z for w in (u, v))
    size = (dot(u, u) * dot(v, v)).sqrt()
    return torch.where(size > 1e-6, dot(u, v) / size.clamp(min=1e-6), 0.0)[:, 0]


def plain(u, v):
    return (dot(u, v) / (dot(u, u) * dot(v, v)).sqrt().clamp(min=1e-9))[:, 0]


@mistake(AGREEMENT, hint="plain")
def the_image_ignored(a, b, images):
    return plain(ranked(a), ranked(b))


@mistake(AGREEMENT, hint="half")
def one_map_only(a, b, images):
    u, v, z = map(ranked, (a, b, images))
    return plain(u - dot(u, z) / dot(z, z) * z, v)


@mistake(AGREEMENT, hint="half")
def the_other_map_only(a, b, images):
    u, v, z = map(ranked, (a, b, images))
    return plain(u, v - dot(v, z) / dot(z, z) * z)


@mistake(AGREEMENT, hint="numerator")
def without_the_denominator(a, b, images):
    u, v, z = map(ranked, (a, b, images))
    return plain(u, v) - plain(u, z) * plain(v, z)


@mistake(AGREEMENT, hint="squares")
def without_the_root(a, b, images):
    u, v, z = map(ranked, (a, b, images))
    return (plain(u, v) - plain(u, z) * plain(v, z)) / ((1 - plain(u, z) ** 2) * (1 - plain(v, z) ** 2))


@mistake(AGREEMENT, hint="values")
def without_ranks(a, b, images):
    return beyond(*(centred(maps.flatten(1)) for maps in (a, b, images)))


@mistake(AGREEMENT, hint="value")
def image_without_ranks(a, b, images):
    return beyond(ranked(a), ranked(b), centred(images.flatten(1)))


@mistake(AGREEMENT, hint="value")
def ranked_again_at_the_end(a, b, images):
    u, v, z = map(ranked, (a, b, images))
    left = [w - dot(w, z) / dot(z, z).clamp(min=1e-9) * z for w in (u, v)]
    return plain(*map(ranked, left))


@mistake(AGREEMENT, hint="ties")
def ties_in_turn(a, b, images):
    return beyond(*(ranked(maps, "ordinal") for maps in (a, b, images)))


@mistake(AGREEMENT, hint="value")
def ties_at_their_lowest(a, b, images):
    return beyond(*(ranked(maps, "min") for maps in (a, b, images)))


@mistake(AGREEMENT, hint="value")
def ranks_without_gaps(a, b, images):
    return beyond(*(ranked(maps, "dense") for maps in (a, b, images)))


@mistake(AGREEMENT, hint="pooled")
def all_images_as_one(a, b, images):
    return beyond(*(ranked(maps.reshape(1, -1)) for maps in (a, b, images))).expand(len(a))


@mistake(AGREEMENT, hint="value")
def never_negative(a, b, images):
    return beyond(*map(ranked, (a, b, images))).clamp(min=0)


@mistake(AGREEMENT, hint="value")
def blank_or_not(a, b, images):
    return beyond(ranked(a), ranked(b), ranked((images > 0).double()))


@mistake(AGREEMENT, hint="shape")
def mean_over_images(a, b, images):
    return beyond(*map(ranked, (a, b, images))).mean()


@mistake(AGREEMENT, hint="absolute")
def sizes_of_the_maps(a, b, images):
    return beyond(*map(ranked, (a.abs(), b.abs(), images)))


@mistake(AGREEMENT, hint="square")
def size_of_the_result(a, b, images):
    return beyond(*map(ranked, (a, b, images))).abs()


@mistake(AGREEMENT, hint="ink")
def inked_pixels(a, b, images):
    found = []
    for u, v, z in zip(a, b, images, strict=True):
        found.append(plain(ranked(u[z > 0][None]), ranked(v[z > 0][None])))
    return torch.cat(found)


@mistake(AGREEMENT, hint="nothing", points=2)
def divides_by_nothing(a, b, images):
    u, v, z = map(ranked, (a, b, images))
    left = (1 - plain(u, z) ** 2) * (1 - plain(v, z) ** 2)
    return (plain(u, v) - plain(u, z) * plain(v, z)) / left.clamp(min=0).sqrt()


@mistake(AGREEMENT, hint="nothing", points=2)
def one_where_nothing_is_left(a, b, images):
    u, v, z = map(ranked, (a, b, images))
    found = beyond(u, v, z)
    used = ((1 - plain(u, z) ** 2) * (1 - plain(v, z) ** 2) > 1e-9) | (dot(u, u) * dot(v, v) == 0)[:, 0]
    return torch.where(used, found, 1.0)


@mistake(AGREEMENT, hint="nearly", points=2)
def nothing_left_at_one_percent(a, b, images):
    u, v, z = map(ranked, (a, b, images))
    left = torch.minimum(1 - plain(u, z) ** 2, 1 - plain(v, z) ** 2)
    return torch.where(left < 1e-2, 0.0, beyond(u, v, z))


@mistake(AGREEMENT, hint="constant", points=2)
def constant_image_gives_zero(a, b, images):
    u, v, z = map(ranked, (a, b, images))
    return torch.where(dot(z, z)[:, 0] > 0, beyond(u, v, z), 0.0)


@mistake(AGREEMENT, hint="one", points=2)
def squeezed(a, b, images):
    return beyond(*map(ranked, (a, b, images))).squeeze()


# --------------------------------------------------------------------------------------------------- design a model


def moments(x, background):
    away = background - x
    return away.mean(0), away.square().mean(0)


@mistake(DESIGN, hint="sign")
def baseline_minus_input(x, background, scores, slopes):
    first, second = moments(x, background)
    return slopes, (scores - slopes * first) / second


@mistake(DESIGN, hint="sign")
def mean_alone(x, background, scores, slopes):
    first, second = moments(x, background)
    return slopes, (scores + slopes * first) / second


@mistake(DESIGN, hint="linear")
def linear_term_forgotten(x, background, scores, slopes):
    return slopes, -scores / moments(x, background)[1]


@mistake(DESIGN, hint="square")
def square_of_the_mean(x, background, scores, slopes):
    first, _ = moments(x, background)
    return slopes, -(scores + slopes * first) / first**2


@mistake(DESIGN, hint="spread")
def variance(x, background, scores, slopes):
    first, _ = moments(x, background)
    return slopes, -(scores + slopes * first) / background.var(0, unbiased=False)


@mistake(DESIGN, hint="first")
def one_background_row(x, background, scores, slopes):
    away = background[0] - x
    return slopes, -(scores + slopes * away) / away**2


@mistake(DESIGN, hint="shift")
def measured_from_zero(x, background, scores, slopes):
    return slopes, -(scores + slopes * background.mean(0)) / background.square().mean(0)


@mistake(DESIGN, hint="slope")
def swapped(x, background, scores, slopes):
    first, second = moments(x, background)
    return -(scores + slopes * first) / second, slopes


@mistake(DESIGN, hint="slope")
def half_the_slope(x, background, scores, slopes):
    first, second = moments(x, background)
    return slopes / 2, -(scores + slopes / 2 * first) / second


@mistake(DESIGN, hint="slope")
def linear_model(x, background, scores, slopes):
    first, _ = moments(x, background)
    return -scores / first, torch.zeros_like(x)


@mistake(DESIGN, hint="scores")
def sums_for_means(x, background, scores, slopes):
    away = background - x
    return slopes, -(scores + slopes * away.sum(0)) / away.square().sum(0)


@mistake(DESIGN, hint="scores")
def no_curvature(x, background, scores, slopes):
    return slopes, torch.zeros_like(x)


@mistake(DESIGN, hint="pair")
def one_tensor(x, background, scores, slopes):
    first, second = moments(x, background)
    return -(scores + slopes * first) / second


@mistake(DESIGN, hint="impossible", points=3)
def divides_by_zero(x, background, scores, slopes):
    first, second = moments(x, background)
    return slopes, -(scores + slopes * first) / second


@mistake(DESIGN, hint="impossible", points=3)
def silently_zero(x, background, scores, slopes):
    first, second = moments(x, background)
    return slopes, torch.where(second > 0, -(scores + slopes * first) / second.where(second > 0, 1.0), 0.0)


@mistake(DESIGN, hint="possible", points=3)
def refuses_every_constant(x, background, scores, slopes):
    first, second = moments(x, background)
    if (second == 0).any():
        raise ValueError("a feature never differs from the background")
    return slopes, -(scores + slopes * first) / second


def design(x, background, scores, slopes, refused):
    if (refused & (scores != 0)).any():
        raise ValueError("this cannot be had")
    first, second = moments(x, background)
    return slopes, -(scores + slopes * first) / second.where(second > 0, 1.0)


@mistake(DESIGN, hint="broad", points=3)
def refuses_where_some_row_is_equal(x, background, scores, slopes):
    return design(x, background, scores, slopes, (background == x).any(0))


@mistake(DESIGN, hint="broad", points=3)
def refuses_where_the_mean_is_equal(x, background, scores, slopes):
    return design(x, background, scores, slopes, (background.mean(0) - x).abs() < 1e-9)


@mistake(DESIGN, hint="broad", points=3)
def refuses_several_equal_rows(x, background, scores, slopes):
    refused = (background == background[0]).all(0) & ((len(background) > 1) | (background[0] == x))
    return design(x, background, scores, slopes, refused)


@mistake(DESIGN, hint="broad", points=3)
def refuses_small_distances(x, background, scores, slopes):
    return design(x, background, scores, slopes, ((background - x).abs() < 0.03).all(0))


@mistake(DESIGN, hint="impossible", points=3)
def refuses_positive_wishes_only(x, background, scores, slopes):
    return design(x, background, scores, slopes, (background == x).all(0) & (scores > 0))


@mistake(DESIGN, hint="row", points=3)
def refuses_one_row(x, background, scores, slopes):
    first, second = moments(x, background)
    if ((background == background[0]).all(0) & (scores != 0)).any():
        raise ValueError("a constant feature")
    return slopes, -(scores + slopes * first) / second.where(second > 0, 1.0)


# ------------------------------------------------------------------------------------------------ best single rules


def shares(rows, decisions):
    return ((rows >= rows[:, None]) == decisions[:, None]).double().mean(1)


@mistake(RULES, hint="direction")
def only_above(rows, decisions):
    return shares(rows, decisions).amax(0)


@mistake(RULES, hint="threshold")
def above_zero(rows, decisions):
    share = ((rows > 0) == decisions[:, None]).double().mean(0)
    return torch.maximum(share, 1 - share)


@mistake(RULES, hint="threshold")
def above_the_mean(rows, decisions):
    share = ((rows > rows.mean(0)) == decisions[:, None]).double().mean(0)
    return torch.maximum(share, 1 - share)


@mistake(RULES, hint="direction")
def direction_of_the_means(rows, decisions):
    if decisions.all() or not decisions.any():
        return torch.ones(rows.shape[1], dtype=torch.float64)
    turn = torch.where(rows[decisions].mean(0) >= rows[~decisions].mean(0), 1.0, -1.0)
    share = shares(rows * turn, decisions).amax(0)
    return share.clamp(min=1 - decisions.double().mean())


def both_ways(rows, decisions, cuts):
    share = ((rows > cuts[:, None]) == decisions[:, None]).double().mean(1)
    return torch.cat([share, 1 - share, decisions.double().mean().expand_as(share[:1])]).amax(0)


@mistake(RULES, hint="threshold")
def twenty_one_quantiles(rows, decisions):
    return both_ways(rows, decisions, rows.quantile(torch.linspace(0, 1, 21).double(), dim=0))


@mistake(RULES, hint="rounded")
def rounded_values(rows, decisions):
    rows = rows.round(decimals=1)
    return both_ways(rows, decisions, torch.cat([rows, rows[:1].amin(0, keepdim=True) - 1]))


@mistake(RULES, hint="count")
def number_of_rows(rows, decisions):
    share = shares(rows, decisions)
    return torch.maximum(share, 1 - share).amax(0) * len(rows)


@mistake(RULES, hint="errors")
def share_of_errors(rows, decisions):
    share = shares(rows, decisions)
    return 1 - torch.maximum(share, 1 - share).amax(0)


@mistake(RULES, hint="overall")
def best_column_only(rows, decisions):
    share = shares(rows, decisions)
    return torch.maximum(share, 1 - share).max().expand(rows.shape[1])


@mistake(RULES, hint="split")
def ties_cut_in_two(rows, decisions):
    best = []
    for column in rows.T:
        sorted_decisions = decisions[column.argsort(stable=True)].double()
        yes = torch.cat([torch.zeros(1).double(), sorted_decisions.cumsum(0)])
        cuts = torch.arange(len(rows) + 1)
        right = (cuts - yes) + (yes[-1] - yes)  # no below the cut, yes above it
        best.append(torch.maximum(right, len(rows) - right).max() / len(rows))
    return torch.stack(best)


@mistake(RULES, hint="value")
def mean_over_thresholds(rows, decisions):
    share = shares(rows, decisions)
    return torch.maximum(share, 1 - share).mean(0)


@mistake(RULES, hint="blind")
def the_majority(rows, decisions):
    yes = decisions.double().mean()
    return torch.maximum(yes, 1 - yes).expand(rows.shape[1])


@mistake(RULES, hint="majority", points=2)
def never_all_alike(rows, decisions):
    best = torch.zeros(rows.shape[1], dtype=torch.float64)
    for j, column in enumerate(rows.T):
        for cut in column.unique()[1:]:
            share = ((column >= cut) == decisions).double().mean()
            best[j] = torch.max(best[j], torch.max(share, 1 - share))
    return best


LOOSE = "partial_agreement: found.append(rest / left.sqrt() if left > 1e-09 else torch.zeros_like(rest))"
RANKS = "partial_agreement: return torch.from_numpy(rankdata(maps.flatten(1).numpy(), axis=1))"
EQUIVALENT = {
    f"{RANKS} => return -torch.from_numpy(rankdata(maps.flatten(1).numpy(), axis=1))":
        "all three rankings are turned round, and a correlation does not change when both sides turn",
    f"{RANKS} => return torch.from_numpy(rankdata(maps.flatten(1), axis=1))":
        "rankdata makes an array of a tensor by itself",
    f"{LOOSE} => found.append(rest / left.sqrt() if left >= 1e-09 else torch.zeros_like(rest))":
        "what is left is never exactly the tolerance",
    "best_single_rules: above = rows >= rows[:, None] => above = rows > rows[:, None]":
        "both directions are tried: the rules above a value and those not above it are the same splits",
    "best_single_rules: above = rows >= rows[:, None] => above = rows < rows[:, None]":
        "both directions are tried: the opposite rules are the same set",
    "best_single_rules: share = (above == decisions[:, None]).double().mean(1)"
    " => share = (above != decisions[:, None]).double().mean(1)":
        "both directions are tried: errors of a rule are hits of the opposite rule",
    "best_single_rules: return torch.maximum(share, 1 - share).amax(0) => return torch.maximum(1 - share, share).amax(0)":
        "the larger of two numbers does not depend on their order",
    "design_model: return (slopes, -(scores + slopes * first) / second.where(second > 0, 1.0))"
    " => return (slopes, -(scores + slopes * first) / second.where(second > 0, 2.0))":
        "where the background always equals x any finite coefficient will do",
}  # fmt: skip
