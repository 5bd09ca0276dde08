"""What the chapter on groups states; its demos and its claims."""

import math
import re

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.checks.core import judge
from course_lib.checks.symmetries import groups as checks
from course_lib.claims.symmetries import groups as claims
from course_lib.datasets import digits
from course_lib.demos.symmetries import groups as demos
from course_lib.groups import (
    OrthogonalGroup,
    SpecialOrthogonalGroup,
    SymmetricGroup,
    graph_action,
    image_action,
    matrix_action,
    orbit,
    permutation_group_order,
    stabiliser,
)


def test_the_octahedron_has_48_symmetries_and_each_moves_space():
    axes = torch.eye(3, dtype=torch.float64)
    octahedron = torch.cat([axes, -axes])
    distances = torch.cdist(octahedron, octahedron)
    names = stabiliser(graph_action(6), distances)
    assert len(names) == 48 and len(orbit(graph_action(6), distances)) == 15
    moved = octahedron[names.argsort(1)]
    motions = torch.linalg.pinv(octahedron) @ moved
    torch.testing.assert_close(octahedron @ motions, moved, atol=1e-12, rtol=0)
    assert OrthogonalGroup(3).is_element(motions).all()
    assert SpecialOrthogonalGroup(3).is_element(motions).sum() == 24


def test_an_invariant_energy_has_no_slope_along_the_lie_generators():
    x = torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    i, j = torch.triu_indices(6, 6, 1)
    energy = ((1 - torch.exp(1 - (x[i] - x[j]).norm(dim=1))) ** 2 - 1).sum()
    slope = torch.autograd.grad(energy, x)[0]
    for a in SpecialOrthogonalGroup(3).lie_generators():
        assert abs((slope * (x @ a.T)).sum().item()) < 1e-10
        assert abs((slope * (x @ (a @ a).T)).sum().item()) > 1e-3, "a direction outside the Lie algebra"


def test_the_invariants_of_the_five_uses_are_equal_along_the_orbit_and_tell_orbits_apart():
    action = matrix_action(demos.GROUPS["D_3"], (2,))

    def coordinates(points):
        z = torch.complex(*points.T)
        return torch.stack([z.abs() ** 2, (z**3).real], 1)

    for x in torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)):
        found = coordinates(orbit(action, x))
        torch.testing.assert_close(found, found[:1].expand_as(found), atol=1e-10, rtol=0)
        turned = torch.stack([-x[1], x[0]])
        assert (coordinates(turned[None]) - found[:1]).abs().max() > 1e-3, "a quarter turn is not in D_3"


def test_answers_of_the_reader_are_those_of_the_moved_images():
    images = digits().test_x[:20]
    from course_lib.models import digit_net

    assert (claims.answers()[0, :20] == digit_net()(images).argmax(1)).all()
    assert (claims.answers()[1, :20] == digit_net()(torch.rot90(images, 1, (1, 2))).argmax(1)).all()
    assert (claims.answers()[6, :20] == digit_net()(images.flip(2)).argmax(1)).all(), "left to right"
    assert (claims.answers()[5, :20] == digit_net()(torch.rot90(images.flip(1), 1, (1, 2))).argmax(1)).all()
    names = list(claims.MOTIONS)
    flips = {"top to bottom": lambda x: x.flip(1), "left to right": lambda x: x.flip(2)}
    moved = image_action(claims.SQUARE, (8, 8)).act(torch.tensor(list(claims.MOTIONS.values())), images)
    for name, flip in flips.items():
        assert (moved[names.index(name)] == flip(images)).all()
    for name in ("across one diagonal", "across the other diagonal"):
        moved_twice = image_action(claims.SQUARE, (8, 8)).act(torch.tensor([claims.MOTIONS[name]]), moved[names.index(name)])
        assert (moved_twice[0] == images).all()


def test_a_constant_answer_looks_like_a_symmetry():
    after = claims.answers()[1]
    assert (after == 4).double().mean() > 0.9
    assert claims.stays("quarter turn")[claims.answers()[0] == 4].double().mean() > 0.9


def test_claims_come_out_as_records():
    half, swap = claims.answers_stay("half turn"), claims.half_turn_exchanges_six_and_nine()
    assert half.verdict == "not supported" and half.seeds == 500 and half.low < half.estimate < half.high
    assert swap.verdict == "supported" and 0.5 < swap.low
    assert claims.answers_stay("as it is").estimate == 1
    few, all_of_it = claims.random_pairs_generate(6, pairs=40), claims.random_pairs_generate(6, everything=True, pairs=40)
    assert all_of_it.estimate <= few.estimate < 1 and few.seeds == 40
    with pytest.raises(ValueError, match="motion must be one of"):
        claims.answers_stay("sideways")


def test_shares_of_generating_pairs_are_exact_for_four_items():
    """By enumeration of all 576 pairs: the sampler's estimate must lie within its own interval of the truth."""
    elements = SymmetricGroup(4).elements()
    orders = [permutation_group_order(torch.stack([p, q])) for p in elements for q in elements]
    truth = sum(order >= 12 for order in orders) / len(orders)
    drawn = claims.random_pairs_generate(4, pairs=400)
    assert drawn.low <= truth <= drawn.high
    assert sum(order == 24 for order in orders) / len(orders) <= 0.75


def test_orders_of_generated_groups_divide_the_factorial():
    assert all(math.factorial(5) % order == 0 for order in claims.generated_orders(5, pairs=30, seed=3))


@pytest.mark.parametrize("demo", [demos.orbit_explorer, demos.image_explorer])
def test_demos_draw_their_corners(demo):
    made = demo()
    for point in made.corners():
        plt.close(made.draw(**point))
        assert "leaves the" in made.describe(**point)


def test_captions_of_the_demos_obey_the_theorem():
    for group in demos.IMAGE_GROUPS:
        for picture in demos.PATTERNS:
            caption = demos.image_explorer().describe(picture=picture, group=group)
            size, stable, order = map(int, re.search(r"(\d+) × (\d+) = (\d+)", caption).groups())
            assert size * stable == order == demos.IMAGE_GROUPS[group].order
    assert "turn by 180°" in demos.image_explorer().describe(picture="bar", group="C_4")
    assert "mirror at 30°" in demos.orbit_explorer().describe(group="D_6", start="30 degrees up")


def test_figures_are_drawn():
    for draw in (demos.five_uses, demos.cayley_of_s4):
        plt.close(draw())


def test_who_lists_a_large_group_is_stopped_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_listing(generators, point):
        words = frontier = {tuple(range(generators.shape[1]))}
        while frontier:
            frontier = {tuple(g[i] for i in word) for word in frontier for g in generators.tolist()} - words
            words = words | frontier
        sent = {word[point]: word for word in words}
        kept = [word for word in words if word[point] == point]
        return {"transport": torch.tensor([sent[i] for i in sorted(sent)]), "stabiliser": torch.tensor(kept)}

    monkeypatch.setattr(checks, "LISTING_SECONDS", 0.1)
    verdict = judge("symmetries/groups/orbit_and_stabiliser", by_listing)
    assert (verdict.points, verdict.hints) == (3, ("listed",))
