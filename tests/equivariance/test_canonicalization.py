"""Rules for a canonical pose: constant on orbits, equivariant, and where they jump."""

import itertools

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.equivariance import canonicalization as claims
from course_lib.datasets import digits
from course_lib.demos.equivariance import canonicalization as demos
from course_lib.equivariance.canonicalization import (
    best_turn,
    canonical_form,
    canonicalise,
    first_point,
    four_poses,
    gram_root,
    ink_on_top,
    lexicographic_order,
    max_jump,
    pose_scores,
    principal_axes,
)
from course_lib.equivariance.orbit_picture import SIX, six_constructions
from course_lib.groups import (
    CyclicGroup,
    OrthogonalGroup,
    SpecialOrthogonalGroup,
    SymmetricGroup,
    equivariance_error,
    image_action,
    matrix_action,
    permutation_action,
    rotation,
    trivial_action,
)
from course_lib.models import MLP

N = 5


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rules() -> dict:
    """Name: (action on inputs, rule)."""
    return {
        "axes of O(3)": (matrix_action(OrthogonalGroup(3), (N, 3)), principal_axes),
        "axes of SO(3)": (matrix_action(SpecialOrthogonalGroup(3), (N, 3)), lambda x: principal_axes(x, special=True)),
        "first point": (matrix_action(SpecialOrthogonalGroup(2), (N, 2)), first_point),
        "order": (permutation_action(SymmetricGroup(N), (N, 2)), lexicographic_order),
        "best turn": (image_action(CyclicGroup(4), (N, N)), best_turn(ink_on_top)),
    }


@pytest.mark.parametrize("name", list(rules()))
def test_the_pose_is_constant_on_orbits_and_stays_in_the_orbit(name, dtype):
    action, kappa = rules()[name]
    x = torch.randn(6, *action.shape, generator=seeded(), dtype=dtype)
    g, small = (
        action.group.sample(7, seeded(1)).to(dtype if "O(" in action.group.name else torch.long),
        2e-4 if dtype == torch.float32 else 1e-10,
    )
    poses = canonical_form(action, kappa, x)
    for moved in action.act(g, x):
        assert (canonical_form(action, kappa, moved) - poses).abs().max() < small
    assert (action.each(kappa(x), poses) - x).abs().max() < small  # x = kappa(x) . pose
    assert (canonical_form(action, kappa, poses) - poses).abs().max() < small
    assert (poses - x).abs().max() > 0.1  # something was moved


@pytest.mark.parametrize("name", list(rules()))
def test_any_network_becomes_invariant_or_equivariant(name, dtype):
    action, kappa = rules()[name]
    size, small = action.dimension, 2e-4 if dtype == torch.float32 else 1e-10
    net = MLP([size, 8, size], "tanh", seed=1).to(dtype)
    x = torch.randn(4, *action.shape, generator=seeded(2), dtype=dtype)
    g = action.group.sample(6, seeded(3))
    g = g.to(dtype) if g.is_floating_point() else g
    labels = trivial_action(action.group, (size,))
    with torch.no_grad():
        assert equivariance_error(lambda x: net(x.flatten(1)), action, labels, x, g).max() > 0.05
        invariant = canonicalise(lambda x: net(x.flatten(1)), kappa, action)
        assert equivariance_error(invariant, action, labels, x, g).max() < small
        equivariant = canonicalise(lambda x: net(x.flatten(1)).reshape(x.shape), kappa, action, action)
        assert equivariance_error(equivariant, action, action, x, g).max() < small
        assert equivariance_error(equivariant, action, trivial_action(action.group, action.shape), x, g).max() > 0.05


def test_axes_are_those_of_the_spread(dtype):
    x = torch.randn(8, 9, 3, generator=seeded(4), dtype=dtype)
    axes = principal_axes(x)
    spread = axes.mT @ x.mT @ x @ axes
    off = spread - torch.diag_embed(spread.diagonal(dim1=1, dim2=2))
    assert off.abs().max() < 1e-3 and (spread.diagonal(dim1=1, dim2=2).diff(dim=1) <= 0).all()
    assert ((x @ axes).pow(3).sum(1) > 0).all()
    assert (torch.linalg.det(principal_axes(x, special=True)) > 0.99).all()
    assert (torch.linalg.det(axes) < 0).any()


def test_order_is_the_order_of_words():
    x = torch.randint(0, 3, (20, 6, 3), generator=seeded(5)).double()  # full of ties
    for cloud, p in zip(x, lexicographic_order(x), strict=True):
        assert cloud[p].tolist() == sorted(cloud.tolist())


def test_sorting_numbers_never_takes_them_further_apart():
    x, y = torch.randn(2, 500, 6, 1, generator=seeded(6)).double()
    sets = permutation_action(SymmetricGroup(6), (6, 1))
    a, b = (canonical_form(sets, lexicographic_order, z) for z in (x, y))
    assert ((a - b).flatten(1).norm(dim=1) <= (x - y).flatten(1).norm(dim=1) + 1e-12).all()


def test_best_turn_against_a_loop():
    x = digits().test_x[:50].double()
    turns, poses = best_turn(ink_on_top)(x), four_poses(x)
    for image, k, pose in zip(x, turns.tolist(), poses, strict=True):
        assert torch.equal(torch.rot90(pose[k], k), image)
        assert ink_on_top(pose[k][None]) >= max(ink_on_top(torch.rot90(image, j)[None]) for j in range(4)) - 1e-12
    assert len(set(turns.tolist())) == 4


@pytest.mark.parametrize(("n", "d"), [(1, 1), (1, 3), (2, 3), (3, 3), (4, 4)])
def test_root_of_the_gram_matrix(n, d, dtype):
    x, small = torch.randn(5, n, d, generator=seeded(7), dtype=dtype), 1e-3 if dtype == torch.float32 else 1e-9
    root = gram_root(x)
    assert (root @ root.mT - x @ x.mT).abs().max() < small
    assert (gram_root(x @ OrthogonalGroup(d).sample(1, seeded(8)).to(dtype)) - root).abs().max() < small
    square = root[:, :, :n]
    assert (square - square.mT).abs().max() < small and torch.linalg.eigvalsh(square).min() > -small


def test_root_of_the_gram_matrix_does_not_jump_where_axes_do():
    a, b = torch.randn(2, 3, 3, generator=seeded(9)).double()
    a[:, 2] = b[:, 2] = 0  # through clouds of lower rank as well

    def path(t):
        angle = 2 * torch.pi * t[:, None, None]
        return angle.cos() * a + angle.sin() * b

    coarse, fine = (max_jump(gram_root, path, steps) for steps in (100, 10_000))
    assert fine < 0.02 * coarse
    axes = lambda x: x @ principal_axes(x)  # noqa: E731
    assert max_jump(axes, path, 10_000) > 0.5 * max_jump(axes, path, 100)


def test_max_jump_against_a_loop_and_closed_forms():
    def path(t):
        return torch.stack([t, t.square()], 1)

    def f(x):
        return torch.sin(3 * x) + x.flip(1)

    values = [f(path(torch.tensor([k / 40], dtype=torch.float64)))[0] for k in range(41)]
    loop = max((b - a).norm().item() for a, b in itertools.pairwise(values))
    assert max_jump(f, path, 40) == pytest.approx(loop, abs=1e-14)
    assert max_jump(lambda x: 3 * x, lambda t: t, 50) == pytest.approx(3 / 50)
    assert max_jump(lambda x: (x > 0.3).double(), lambda t: t, 1000) == 1
    assert max_jump(torch.sqrt, lambda t: t, 400) == pytest.approx(1 / 20)  # continuous, but slower than 1 / K


def test_bad_input_is_named():
    clouds = matrix_action(SpecialOrthogonalGroup(2), (3, 2))
    x = torch.randn(2, 3, 2)
    with pytest.raises(ValueError, match="one element for each of 2 items, got 1"):
        canonical_form(clouds, lambda x: rotation(torch.zeros(1)), x)
    with pytest.raises(ValueError, match="action_out must be an action of SO"):
        canonicalise(lambda x: x, first_point, clouds, trivial_action(CyclicGroup(4)))
    with pytest.raises(ValueError, match="at most as many points"):
        gram_root(x)
    with pytest.raises(ValueError, match="square images"):
        four_poses(x)
    with pytest.raises(ValueError, match="one number for each image"):
        pose_scores(lambda x: x, torch.ones(2, 3, 3))
    with pytest.raises(ValueError, match="x must be clouds"):
        principal_axes(x[0])
    with pytest.raises(ValueError, match="finite"):
        lexicographic_order(x / 0)
    with pytest.raises(ValueError, match="steps must be a whole number"):
        max_jump(lambda x: x, lambda t: t, 0)


# ---------------------------------------------------------------------------------------------- the chapter's own pieces


def test_paths_end_where_they_should():
    cloud = claims.normal(5, 2, seed=0)
    ends = claims.changing_places(cloud)(torch.tensor([0.0, 1.0]).double())
    assert torch.allclose(ends[0], cloud) and torch.allclose(ends[1], cloud[[1, 0, 2, 3, 4]])
    middle = claims.changing_places(cloud)(torch.tensor([0.3]).double())[0]
    assert torch.allclose(middle[:2].mean(0), cloud[:2].mean(0)) and torch.equal(middle[2:], cloud[2:])
    assert torch.allclose((middle[0] - middle[1]).norm(), (cloud[0] - cloud[1]).norm())
    through = claims.through_the_origin(cloud)(torch.tensor([0.0, 0.5, 1.0]).double())
    assert torch.allclose(through[2, 0], -cloud[0], atol=1e-6) and through[1, 0].norm() < 1e-6


def test_every_sign_rule_jumps_and_the_products_do_not():
    def path(t):
        return demos.direction(180 * t)

    for rule in demos.RULES:
        v = path(torch.rand(50, generator=seeded(11)))
        assert torch.allclose(demos.representative(v, rule), demos.representative(-v, rule))
        jumps = [max_jump(lambda v, r=rule: demos.representative(v, r), path, steps) for steps in (100, 10_000)]
        assert (jumps[1] > 1.9) if rule != "products of entries" else (jumps[1] < 0.02 * jumps[0])


def test_claims_on_jumps():
    assert claims.sorting_jumps(count=4).estimate > 0.5 and claims.weighted_frames_do_not_jump(count=2).estimate < 0.05


def test_noise_changes_more_poses_the_larger_it_is():
    for changed in (claims.turned_digits, claims.turned_clusters):
        shares = [changed(noise).double().mean().item() for noise in (0.0, 0.01, 0.1)]
        assert shares[0] == 0 < shares[1] < shares[2] < 0.6
    for kind in ("digits", "clusters"):
        record = claims.noise_changes_the_pose(kind)
        assert record.kind == "measured" and record.low <= record.estimate <= record.high


def test_the_claim_on_readings_compares_like_with_like():
    record = claims.canonical_readings_waver(count=2, epochs=1)
    assert record.seeds == 2 and record.low <= record.estimate <= record.high
    net = claims.reader(True, 100, 1)
    right = claims.right_by_position(canonicalise(net, claims.UPRIGHT, claims.IMAGES))
    assert (right - right[0]).abs().max() < 0.01 and 0.2 < right[0] < 1
    assert claims.changed_readings(net, 0.0, 0) == 0


@pytest.mark.parametrize("name", ["half_turn", "near_a_tie"])
def test_demos_draw_at_their_corners(name):
    demo = getattr(demos, name)()
    assert len(demo.points()) <= 40
    for point in demo.corners():
        first = next(iter(point.values()))
        assert f" {first:g}" in demo.describe(**point)
        assert len(demo.draw(**point).axes) >= 2
        plt.close("all")


def test_a_wider_hedge_uses_more_poses():
    x = demos.fade(torch.linspace(0, 1, 9))
    used = [int((demos.pose_weights(x, width) > 0).sum()) for width in demos.WIDTHS]
    assert used[0] == 9 < used[1] < used[2]


def test_six_constructions_on_one_orbit():
    figure = six_constructions()
    assert [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes] == list(SIX)
    plt.close("all")
