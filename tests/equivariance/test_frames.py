"""Frames and weighted frames: invariance, and what jumps."""

import pytest
import torch

from course_lib.datasets import digits
from course_lib.equivariance.canonicalization import (
    best_turn,
    canonicalise,
    four_poses,
    ink_on_top,
    max_jump,
    pose_scores,
    principal_axes,
)
from course_lib.equivariance.frames import (
    frame_average,
    hedged_weights,
    length_weights,
    point_frame,
    principal_frame,
    turned_back,
)
from course_lib.groups import CyclicGroup, OrthogonalGroup, SpecialOrthogonalGroup, image_action
from course_lib.models import MLP


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(*widths: int, dtype: torch.dtype = torch.float64):
    net = MLP(list(widths), "tanh", seed=3).to(dtype).requires_grad_(False)
    return lambda x: net(x.flatten(1))


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("d", [2, 3])
def test_principal_frames_make_invariant(d, special, dtype):
    f, small = network(5 * d, 8, 2, dtype=dtype), 1e-4 if dtype == torch.float32 else 1e-10
    x, group = (
        torch.randn(6, 5, d, generator=seeded(), dtype=dtype),
        (SpecialOrthogonalGroup if special else OrthogonalGroup)(d),
    )
    frames = principal_frame(x, special)
    assert frames.shape == (6, 2 ** (d - special), d, d)
    if special:
        assert (torch.linalg.det(frames) > 0.99).all()
    value = frame_average(f, turned_back(x, frames))
    for q in group.sample(5, seeded(1)).to(dtype):
        y = x @ q.T
        assert (frame_average(f, turned_back(y, principal_frame(y, special))) - value).abs().max() < small
    assert (f(x) - value).abs().max() > 0.01


def test_the_canonical_pose_is_one_of_the_frame():
    x = torch.randn(6, 5, 3, generator=seeded(2)).double()
    pose, poses = x @ principal_axes(x), turned_back(x, principal_frame(x))
    assert ((poses - pose[:, None]).abs().amax((2, 3)).min(1).values < 1e-10).all()


def weighted(f):
    return lambda x: frame_average(f, turned_back(x, point_frame(x)), length_weights(x))


def test_a_weighted_frame_is_invariant_and_keeps_constants(dtype):
    f, small = network(10, 8, 2, dtype=dtype), 1e-4 if dtype == torch.float32 else 1e-10
    x = torch.randn(6, 5, 2, generator=seeded(3), dtype=dtype)
    value = weighted(f)(x)
    for q in SpecialOrthogonalGroup(2).sample(5, seeded(4)).to(dtype):
        assert (weighted(f)(x @ q.T) - value).abs().max() < small
    assert torch.allclose(weighted(lambda x: x.new_ones(len(x)))(x), torch.ones(6, dtype=dtype))
    loop = sum(
        x[:, i].norm(dim=1, keepdim=True) / x.norm(dim=2).sum(1, keepdim=True) * f(x @ point_frame(x)[:, i]) for i in range(5)
    )
    assert (loop - value).abs().max() < small
    first = point_frame(x)[:, 0]
    assert ((x[:, :1] @ first)[:, 0, 1]).abs().max() < small and ((x[:, :1] @ first)[:, 0, 0] > 0).all()


def test_equal_weights_jump_where_lengths_do_not():
    """A point runs through the origin: its direction turns round at once."""
    f, others = network(8, 8, 1), torch.randn(3, 2, generator=seeded(5)).double()

    def path(t):
        moving = torch.stack([t - 0.5 + 1e-5, torch.zeros_like(t)], 1)
        return torch.cat([moving[:, None], others.expand(len(t), -1, -1)], 1)

    for weights, shrinks in ((length_weights, True), (lambda x: torch.full_like(x[..., 0], 0.25), False)):
        values = [
            max_jump(lambda x, w=weights: frame_average(f, turned_back(x, point_frame(x)), w(x)), path, steps)
            for steps in (100, 10_000)
        ]
        assert (values[1] < 0.05 * values[0]) == shrinks
    nothing = torch.zeros(1, 4, 2).double()
    assert torch.allclose(weighted(f)(nothing), f(nothing))


def test_hedged_weights():
    scores = torch.randn(200, 4, generator=seeded(6)).double()
    best = scores.argmax(1)
    assert torch.equal(hedged_weights(scores, 0.0), torch.eye(4).double()[best])
    wide = hedged_weights(scores, 1e9)
    assert (wide - 0.25).abs().max() < 1e-6
    w, behind = hedged_weights(scores, 0.5), scores.max(1, keepdim=True).values - scores
    assert torch.allclose(w.sum(1), torch.ones(200).double()) and ((w > 0) == (behind < 0.5)).all()
    assert torch.equal(w.argmax(1), best)
    for step in (1e-3, 1e-1):
        moved = scores + step * (2 * torch.rand(200, 4, generator=seeded(7)).double() - 1)
        assert ((hedged_weights(moved, 0.5) - w).abs().sum(1) <= 4 * 4 * step / 0.5 + 1e-12).all()
    assert hedged_weights(torch.tensor([[1.0, 1.0, 0.0, 0.0]]), 0.0).tolist() == [[0.5, 0.5, 0.0, 0.0]]


def test_hedging_images_is_invariant_and_agrees_with_the_argmax_when_sure():
    x, f = digits().test_x[:60].double(), network(64, 8, 2)

    def hedged(x, width):
        return frame_average(f, four_poses(x), hedged_weights(pose_scores(ink_on_top, x), width))

    for k in range(1, 4):
        assert (hedged(torch.rot90(x, k, (1, 2)), 0.05) - hedged(x, 0.05)).abs().max() < 1e-12
    hard = canonicalise(f, best_turn(ink_on_top), image_action(CyclicGroup(4), (8, 8)))(x)
    top = pose_scores(ink_on_top, x).topk(2, dim=1).values
    sure = top[:, 0] - top[:, 1] > 0.05
    assert 0 < sure.sum() < 60
    gaps = (hedged(x, 0.05) - hard).abs().amax(1)
    assert gaps[sure].max() < 1e-12 and (gaps[~sure] > 1e-6).any()


def test_bad_input_is_named():
    x = torch.randn(2, 3, 2)
    with pytest.raises(ValueError, match="one for each pose"):
        frame_average(lambda x: x, x, torch.ones(2, 2))
    with pytest.raises(ValueError, match="add up to 1"):
        frame_average(lambda x: x, x, torch.ones(2, 3))
    with pytest.raises(ValueError, match="width must be at least 0"):
        hedged_weights(torch.ones(1, 4), -1.0)
    with pytest.raises(ValueError, match="frames must be"):
        turned_back(x, torch.eye(2)[None])
    with pytest.raises(ValueError, match=r"clouds of floating-point numbers \(b, n, 2\)"):
        point_frame(torch.randn(2, 3, 3))
