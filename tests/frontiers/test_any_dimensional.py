"""What the chapter on any dimension states; its demo and its claims."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.frontiers import any_dimensional as claims
from course_lib.demos.frontiers import any_dimensional as demos
from course_lib.equivariance.weight_sharing import equivariant_basis
from course_lib.frontiers.any_dimensional import count_partitions, diagram_tables, diagrams
from course_lib.frontiers.any_size_graphs import TARGETS, AnySizeNet
from course_lib.groups import CyclicGroup, SymmetricGroup, equivariant_dimension

FEW = {"count": 60, "steps": 60}


@pytest.fixture
def quick(monkeypatch):
    """A demo of networks that were hardly trained."""
    errors, predictions = claims.errors, claims.predictions
    monkeypatch.setattr(demos, "errors", lambda *point: errors(*point, **FEW))
    monkeypatch.setattr(demos, "predictions", lambda *point: predictions(*point, **FEW))


def test_demo_draws_and_describes_its_corners(quick):
    demo = demos.recipes_and_sizes()
    assert len(demo.points()) <= 24
    words = [demo.describe(**point) for point in demo.points()]
    assert len(set(words)) == len(words)
    for point in demo.corners():
        plt.close(demo.draw(**point))


def test_every_move_of_the_demo_changes_the_picture(quick):
    demo = demos.recipes_and_sizes()
    start = demo.points()[0]
    moved = [start | {name: value} for name, values in demo.controls.items() for value in values[1:]]
    frames = [demo.frame(**point) for point in [start, *moved]]
    assert len(set(frames)) == len(frames) == 7


def test_picture_of_the_diagrams_marks_survivors():
    figure = demos.draw_diagrams()
    marks = [ax.texts[0].get_text() for ax in figure.axes]
    assert len(marks) == 15 and sum("P" in one for one in marks) == 5 and sum("D" in one for one in marks) == 10
    plt.close(figure)


def test_networks_answer_alike_at_home_whatever_the_rule():
    for target in TARGETS:
        sums, means = (claims.predictions(name, target, claims.HOME, **FEW)[0] for name in ("15, sums", "15, means"))
        assert torch.allclose(sums, means, rtol=1e-4, atol=1e-5)
        assert (claims.errors("15, sums", target, claims.HOME, **FEW) < 1).all()
    with pytest.raises(ValueError, match="recipe must be"):
        claims.predictions("16, sums", "edges", 8)


def test_nets_of_one_seed_begin_alike_and_of_different_seeds_do_not():
    one, same, other = (AnySizeNet("all", rule, 8, seed=seed) for rule, seed in (("sums", 1), ("means", 1), ("sums", 2)))
    assert torch.equal(one.coefficients, same.coefficients) and not torch.equal(one.coefficients, other.coefficients)


def test_edges_need_sums_whatever_the_training():
    """Means cannot count: every answer at 64 nodes is near those at home, and the truth is far away."""
    found, truth = claims.predictions("10, means", "edges", claims.FAR, **FEW)
    assert found.max() < 0.2 * truth.mean()


@pytest.mark.parametrize("order_in, order_out", claims.ORDERS)
def test_dimensions_stabilise_under_all_orders_and_grow_on_rings(order_in, order_out):
    legs = order_in + order_out


    def dimension(group):
        return equivariant_dimension(claims.tensors(group, order_in), claims.tensors(group, order_out))

    under_all_orders = [dimension(SymmetricGroup(n)) for n in range(1, 6)]
    assert under_all_orders == [count_partitions(legs, n) for n in range(1, 6)]
    assert [dimension(CyclicGroup(n)) for n in range(1, 6)] == [n ** (legs - 1) for n in range(1, 6)]
    assert len(set(under_all_orders[legs - 1 :])) == 1
    assert legs == 1 or under_all_orders[legs - 2] == under_all_orders[legs - 1] - 1  # just below: one pattern is missing


def test_bases_of_a_solver_do_not_fit_together_over_sizes():
    """The same coefficients in the solver's basis at two sizes: the larger layer restricted is not the smaller one."""
    c = torch.randn(15, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def gap(basis):
        small, large = (torch.einsum("k,kpq->pq", c, basis(n)) for n in (4, 5))
        keep = torch.arange(25).reshape(5, 5)[:4, :4].flatten()
        return ((large[keep][:, keep] - small).norm() / small.norm()).item()

    pairs = lambda n: claims.tensors(SymmetricGroup(n), 2)  # noqa: E731
    assert gap(lambda n: diagram_tables(2, 2, n)) == 0
    assert gap(lambda n: equivariant_basis(pairs(n), pairs(n), "null space")) > 0.3


def test_claims_at_a_small_size():
    rule, travels = claims.the_rule_decides(**FEW), claims.what_survives_copies_travels(**FEW)
    assert rule.verdict == "supported" and travels.low <= travels.estimate <= travels.high
    counted = claims.dimensions_stabilise_for_all_orders_only(4)
    assert counted.estimate == 1 and counted.seeds == 32 and counted.kind == "proved"
    assert len({one.id for one in (rule, travels, counted)}) == 3


def test_diagrams_of_graphs_without_loops_repeat_themselves():
    """A matrix that is symmetric with an empty diagonal makes several of the fifteen equal or zero."""
    a = torch.tensor([[[0.0, 1, 1], [1, 0, 0], [1, 0, 0]]])
    rows = diagrams(a, 2)[0].flatten(1)
    assert (rows.abs().sum(1) == 0).sum() == 5 and torch.linalg.matrix_rank(rows) < 10
