"""Plausible wrong answers to exercises/equivariance/canonicalization.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

TURN = "equivariance/canonicalization/canonicalise_c4"
ROTATE = "equivariance/canonicalization/best_rotation"
FRAME = "equivariance/canonicalization/weighted_frame"


def _positions(images):
    return torch.stack([torch.rot90(images, k, (1, 2)) for k in range(4)])


@mistake(TURN, hint="unchanged")
def scored_by_the_ink(images, template):
    positions = _positions(images)
    scores = (positions.sum((2, 3)) * template.sum()).round(decimals=6)  # the same for all four
    return positions[scores.argmax(0), torch.arange(len(images))]


@mistake(TURN, hint="lowest")
def worst_position(images, template):
    positions = _positions(images)
    return positions[(positions * template).sum((2, 3)).argmin(0), torch.arange(len(images))]


@mistake(TURN, hint="lowest")
def furthest_from_the_template(images, template):
    positions = _positions(images)
    return positions[(positions - template).square().sum((2, 3)).argmax(0), torch.arange(len(images))]


@mistake(TURN, hint="direction")
def turned_back_instead(images, template):
    turns = (_positions(images) * template).sum((2, 3)).argmax(0)
    return torch.stack([torch.rot90(image, -int(k)) for image, k in zip(images, turns, strict=True)])


@mistake(TURN, hint="direction")
def template_turned_the_same_way(images, template):
    scores = torch.stack([(images * torch.rot90(template, k)).sum((1, 2)) for k in range(4)])
    return torch.stack([torch.rot90(image, int(k)) for image, k in zip(images, scores.argmax(0), strict=True)])


@mistake(TURN, hint="one_turn")
def one_turn_for_all(images, template):
    scores = (_positions(images) * template).sum((1, 2, 3))
    return torch.rot90(images, int(scores.argmax()), (1, 2))


@mistake(TURN, hint="one_turn")
def turn_of_the_first(images, template):
    scores = (_positions(images[:1]) * template).sum((1, 2, 3))
    return torch.rot90(images, int(scores.argmax()), (1, 2))


@mistake(TURN, hint="half")
def only_upside_down(images, template):
    positions = torch.stack([images, torch.rot90(images, 2, (1, 2))])
    return positions[(positions * template).sum((2, 3)).argmax(0), torch.arange(len(images))]


@mistake(TURN, hint="half")
def three_turns(images, template):
    positions = _positions(images)[:3]
    return positions[(positions * template).sum((2, 3)).argmax(0), torch.arange(len(images))]


@mistake(TURN, hint="absolute")
def largest_in_size(images, template):
    positions = _positions(images)
    return positions[(positions * template).sum((2, 3)).abs().argmax(0), torch.arange(len(images))]


@mistake(TURN, hint="orbit")
def flips_alone(images, template):
    positions = torch.stack([images, images.flip(1), images.flip(2), images.flip(1, 2)])
    mean = (positions * template).sum((2, 3)).softmax(0)
    return (mean[:, :, None, None] * positions).sum(0)


@mistake(TURN, hint="orbit")
def mean_of_the_positions(images, template):
    return _positions(images).mean(0)


@mistake(TURN, hint="mirror")
def transposed_for_a_quarter_turn(images, template):
    positions = torch.stack([images, images.mT, images.flip(1, 2), images.mT.flip(1, 2)])
    return torch.stack([positions[1, i] if i % 2 else positions[3, i] for i in range(len(images))])


@mistake(TURN, hint="shape")
def numbers_of_turns(images, template):
    return (_positions(images) * template).sum((2, 3)).argmax(0)


@mistake(TURN, hint="mutates")
def written_over_the_images(images, template):
    turns = (_positions(images) * template).sum((2, 3)).argmax(0)
    for i, k in enumerate(turns.tolist()):
        images[i] = torch.rot90(images[i], k)
    return images


@mistake(TURN, hint="negative", points=3)
def better_than_nothing(images, template):
    best, score = images.clone(), torch.zeros(len(images), dtype=images.dtype)
    for position in _positions(images):
        new = (position * template).sum((1, 2))
        best = torch.where((new > score)[:, None, None], position, best)
        score = torch.maximum(new, score)
    return best


@mistake(TURN, hint="dtype", points=3)
def always_in_double(images, template):
    positions = _positions(images.double())
    return positions[(positions * template.double()).sum((2, 3)).argmax(0), torch.arange(len(images))]


@mistake(TURN, hint="scale", points=3)
def scores_rounded(images, template):
    positions = _positions(images)
    scores = (positions * template).sum((2, 3)).round(decimals=5)
    return positions[scores.argmax(0), torch.arange(len(images))]


@mistake(TURN, hint="sizes", points=3)
def squeezed_images(images, template):
    positions = _positions(images)
    return positions[(positions * template).sum((2, 3)).argmax(0), torch.arange(len(images))].squeeze()


def _factors(x, y):
    u, _, vh = torch.linalg.svd(y.mT @ x)
    return u, vh


def _signs(u, vh):
    return torch.linalg.det(u @ vh).sign()[:, None, None]


def _reversed(u, sign, column):
    factor = torch.ones(len(u), 1, u.shape[2], dtype=u.dtype)
    factor[:, :, column] = sign[:, :, 0]
    return u * factor


@mistake(ROTATE, hint="mirror")
def best_orthogonal(x, y):
    u, vh = _factors(x, y)
    return u @ vh


@mistake(ROTATE, hint="inverse")
def y_onto_x(x, y):
    u, vh = _factors(y, x)
    return _reversed(u, _signs(u, vh), -1) @ vh


@mistake(ROTATE, hint="inverse")
def for_row_vectors(x, y):
    u, vh = _factors(x, y)
    return (_reversed(u, _signs(u, vh), -1) @ vh).mT


@mistake(ROTATE, hint="negated")
def all_signs_changed(x, y):
    u, vh = _factors(x, y)
    return _signs(u, vh) * (u @ vh)


@mistake(ROTATE, hint="direction")
def first_direction_given_up(x, y):
    u, vh = _factors(x, y)
    return _reversed(u, _signs(u, vh), 0) @ vh


@mistake(ROTATE, hint="always")
def last_direction_always_reversed(x, y):
    u, vh = _factors(x, y)
    return _reversed(u, -torch.ones_like(_signs(u, vh)), -1) @ vh


@mistake(ROTATE, hint="orthogonal")
def least_squares(x, y):
    return torch.linalg.lstsq(x, y).solution.mT


@mistake(ROTATE, hint="orthogonal")
def sum_of_products(x, y):
    return y.mT @ x


@mistake(ROTATE, hint="centred")
def about_the_middle(x, y):
    u, vh = _factors(x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True))
    return _reversed(u, _signs(u, vh), -1) @ vh


@mistake(ROTATE, hint="batch")
def rotation_of_the_first(x, y):
    u, vh = _factors(x[:1], y[:1])
    return (_reversed(u, _signs(u, vh), -1) @ vh).expand(len(x), -1, -1)


@mistake(ROTATE, hint="batch")
def one_rotation_for_all(x, y):
    u, vh = _factors(x.flatten(0, 1)[None], y.flatten(0, 1)[None])
    return (_reversed(u, _signs(u, vh), -1) @ vh).expand(len(x), -1, -1)


@mistake(ROTATE, hint="vh")
def transposed_once_more(x, y):
    u, vh = _factors(x, y)
    return _reversed(u, _signs(u, vh), -1) @ vh.mT


@mistake(ROTATE, hint="shape")
def the_turned_cloud(x, y):
    u, vh = _factors(x, y)
    return x @ (_reversed(u, _signs(u, vh), -1) @ vh).mT


@mistake(ROTATE, hint="flat", points=3)
def sign_from_the_products(x, y):
    u, vh = _factors(x, y)
    products = y.mT @ x / (y.mT @ x).flatten(1).norm(dim=1)[:, None, None]
    sign = torch.where(torch.linalg.det(products) < -1e-12, -1.0, 1.0).to(x.dtype)[:, None, None]
    return _reversed(u, sign, -1) @ vh


@mistake(ROTATE, hint="dtype", points=3)
def in_double(x, y):
    u, vh = _factors(x.double(), y.double())
    return _reversed(u, _signs(u, vh), -1) @ vh


@mistake(ROTATE, hint="scale", points=3)
def small_values_ignored(x, y):
    u, s, vh = torch.linalg.svd(y.mT @ x)
    sign = torch.linalg.det(u @ vh).sign()
    sign = torch.where(s[:, -1] < 1e-10, 1.0, sign) if (s[:, 0] < 1e-9).any() else sign
    return _reversed(u, sign[:, None, None], -1) @ vh


@mistake(ROTATE, hint="sizes", points=3)
def squeezed_rotation(x, y):
    u, vh = _factors(x, y)
    return (_reversed(u, _signs(u, vh), -1) @ vh).squeeze(0)


@mistake(ROTATE, hint="line", points=3)
def the_plane_and_space_only(x, y):
    u, vh = _factors(x, y)
    return _reversed(u, _signs(u, vh), -1) @ vh if x.shape[2] > 1 else u @ vh


def _turns(x):
    angle = torch.atan2(x[..., 1], x[..., 0])
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos, -sin, sin, cos], -1).unflatten(-1, (2, 2))


def _values(model, poses):
    return model(poses.flatten(0, 1).flatten(1)).unflatten(0, poses.shape[:2])


def _mean(weights, values):
    return torch.einsum("bi,bi...->b...", weights, values)


def _shares(x):
    lengths = x.norm(dim=2)
    total = lengths.sum(1, keepdim=True)
    return torch.where(total > 0, lengths / total, 1 / x.shape[1])


@mistake(FRAME, hint="equal")
def unweighted_frame(model, x):
    return _values(model, x[:, None] @ _turns(x)).mean(1)


@mistake(FRAME, hint="undivided")
def lengths_as_they_are(model, x):
    return _mean(x.norm(dim=2), _values(model, x[:, None] @ _turns(x)))


@mistake(FRAME, hint="squared")
def squared_lengths(model, x):
    squares = x.square().sum(2)
    return _mean(squares / squares.sum(1, keepdim=True), _values(model, x[:, None] @ _turns(x)))


@mistake(FRAME, hint="batch")
def shares_of_the_batch(model, x):
    lengths = x.norm(dim=2)
    return _mean(lengths / lengths.sum(), _values(model, x[:, None] @ _turns(x)))


@mistake(FRAME, hint="softmax")
def softmax_of_the_lengths(model, x):
    return _mean(x.norm(dim=2).softmax(1), _values(model, x[:, None] @ _turns(x)))


@mistake(FRAME, hint="way")
def turned_forward(model, x):
    return _mean(_shares(x), _values(model, x[:, None] @ _turns(x).mT))


@mistake(FRAME, hint="axis")
def on_the_second_axis(model, x):
    return _mean(_shares(x), _values(model, x[:, None] @ _turns(x.flip(2) * torch.tensor([1, -1]).to(x.dtype))))


@mistake(FRAME, hint="axis")
def slope_without_a_side(model, x):
    poses = x[:, None] @ _turns(x)
    return _mean(_shares(x), _values(model, -poses))


@mistake(FRAME, hint="mirror")
def mirrored_poses(model, x):
    poses = x[:, None] @ _turns(x)
    return _mean(_shares(x), _values(model, poses * torch.tensor([1, -1]).to(x.dtype)))


@mistake(FRAME, hint="one")
def first_point_only(model, x):
    return _values(model, x[:, None] @ _turns(x))[:, 0]


@mistake(FRAME, hint="one")
def longest_point_only(model, x):
    return _values(model, x[:, None] @ _turns(x))[torch.arange(len(x)), x.norm(dim=2).argmax(1)]


@mistake(FRAME, hint="inputs")
def mean_pose(model, x):
    return model(torch.einsum("bi,bind->bnd", _shares(x), x[:, None] @ _turns(x)).flatten(1))


@mistake(FRAME, hint="plain")
def not_turned_at_all(model, x):
    return model(x.flatten(1))


@mistake(FRAME, hint="reversed")
def weights_of_other_poses(model, x):
    return _mean(_shares(x).flip(1), _values(model, x[:, None] @ _turns(x)))


@mistake(FRAME, hint="zero", points=3)
def nothing_by_nothing(model, x):
    lengths = x.norm(dim=2)
    return _mean(lengths / lengths.sum(1, keepdim=True), _values(model, x[:, None] @ _turns(x)))


@mistake(FRAME, hint="scale", points=3)
def something_small_added(model, x):
    lengths = x.norm(dim=2)
    shares = lengths / (lengths.sum(1, keepdim=True) + 1e-8)
    return _mean(shares, _values(model, x[:, None] @ _turns(x)))


@mistake(FRAME, hint="origin", points=3)
def direction_by_division(model, x):
    unit = x / x.norm(dim=2, keepdim=True)
    turns = torch.stack([unit[..., 0], -unit[..., 1], unit[..., 1], unit[..., 0]], -1).unflatten(-1, (2, 2))
    return _mean(_shares(x), _values(model, x[:, None] @ turns))


@mistake(FRAME, hint="sizes", points=3)
def squeezed_answer(model, x):
    return _mean(_shares(x), _values(model, x[:, None] @ _turns(x))).squeeze(0)


# fmt: off
EQUIVALENT: dict[str, str] = {
    "canonicalise_c4: positions = torch.stack([torch.rot90(images, k, (1, 2)) for k in range(4)])"
    " => positions = torch.stack([torch.rot90(images, k, (1, 2)) for k in range(5)])":
        "four quarter turns are none: the fifth position is the first again",
    "canonicalise_c4: scores = (positions * template).sum((2, 3)) => scores = (positions * template).mean((2, 3))":
        "a mean is the sum over a constant number of pixels: the same position is best",
    "best_rotation: sign = torch.linalg.det(u @ vh).sign() => sign = torch.linalg.det(u @ vh)":
        "the determinant of an orthogonal matrix is 1 or -1 already, up to rounding",
    "best_rotation: last = u[:, :, -1:] * sign[:, None, None] => last = u[:, :, -1:] / sign[:, None, None]":
        "to divide by 1 or -1 is to multiply by it",
}
# fmt: on
