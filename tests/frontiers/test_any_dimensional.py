"""What the chapter on any dimension states; its demo and its claims."""

from importlib.resources import files

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.frontiers import any_dimensional as claims
from course_lib.demos.frontiers import any_dimensional as demos
from course_lib.equivariance.weight_sharing import equivariant_basis
from course_lib.frontiers import any_size_runs as runs
from course_lib.frontiers.any_dimensional import count_partitions, diagram_tables, diagrams
from course_lib.frontiers.any_size_graphs import TARGETS, TERMS, AnySizeNet, random_graphs
from course_lib.groups import CyclicGroup, SymmetricGroup, equivariant_dimension


def test_demo_draws_and_describes_its_corners():
    demo = demos.recipes_and_sizes()
    assert len(demo.points()) <= 24
    words = [demo.describe(**point) for point in demo.points()]
    assert len(set(words)) == len(words)
    for point in demo.corners():
        plt.close(demo.draw(**point))


def test_every_move_of_the_demo_changes_the_picture():
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
        sums, means = (runs.ask(name, target, runs.HOME, 2, 60)[0] for name in ("15, sums", "15, means"))
        assert torch.allclose(sums, means, rtol=1e-4, atol=1e-5)
        stored = [runs.errors(name, target, runs.HOME) for name in ("15, sums", "15, means")]
        assert torch.allclose(*stored, rtol=1e-3) and (stored[0] < 0.1).all()
    with pytest.raises(ValueError, match="recipe must be"):
        runs.ask("16, sums", "edges", 8, 2, 60)


def test_the_stored_grid_is_whole_and_its_two_files_agree(tmp_path):
    cells, answers = runs.stored(runs.Cell), runs.stored(runs.Answer)
    points = {(cell.target, cell.recipe, cell.nodes, cell.network) for cell in cells}
    assert len(points) == len(cells) == len(TARGETS) * len(runs.RECIPES) * len(runs.NODES) * runs.NETWORKS
    assert len(answers) == len(points) // runs.NETWORKS * runs.SHOWN
    for target in TARGETS:
        found, truth = runs.answers("15, sums", target, runs.FAR)
        error = (found - truth).square().mean().sqrt() / truth.std()
        assert error == pytest.approx(runs.errors("15, sums", target, runs.FAR)[0].item(), rel=0.4)
    for rows, name in ((cells, runs.GRID), (answers, runs.ANSWERS)):
        runs.write_rows(rows, tmp_path / name, "a comment")
        stored = (files("course_lib.data") / name).read_text(encoding="utf8")
        assert (tmp_path / name).read_text(encoding="utf8").splitlines()[1:] == stored.splitlines()[1:]
    with pytest.raises(ValueError, match="must be in the grid"):
        runs.errors("15, sums", "edges", 9)


def test_one_cell_of_the_grid_made_anew():
    cells, answers = runs.run("15, means", "edges", runs.HOME, networks=1)
    assert cells[0].error == pytest.approx(runs.errors("15, means", "edges", runs.HOME)[0].item(), rel=0.5)
    assert torch.tensor([one.truth for one in answers]).tolist() == runs.answers("15, means", "edges", runs.HOME)[1].tolist()


def test_what_survives_padding_is_a_line_in_the_edges_of_graphs_without_loops():
    """The network of five diagrams is a number for each edge plus an offset, and nothing else."""
    net = AnySizeNet("padding", "sums", 8, seed=3)
    graphs = random_graphs(40, 12, torch.Generator().manual_seed(0))
    edges = TARGETS["edges"](graphs)
    with torch.no_grad():
        found = net(diagrams(graphs, 2))
    line = torch.stack([edges, torch.ones(40)], 1).double()
    assert found.std() > 0.01
    assert torch.allclose(line @ torch.linalg.lstsq(line, found.double()[:, None]).solution[:, 0], found.double(), atol=1e-4)


def test_only_survivors_of_padding_know_the_edges_of_large_graphs():
    for recipe in runs.RECIPES:
        home, far = (runs.errors(recipe, "edges", nodes) for nodes in (runs.HOME, runs.FAR))
        assert (home < 0.05).all()
        assert (far < 0.01).all() if recipe == "5, sums" else (far > 1).all()


def test_nets_of_one_seed_begin_alike_and_of_different_seeds_do_not():
    one, same, other = (AnySizeNet("all", rule, 8, seed=seed) for rule, seed in (("sums", 1), ("means", 1), ("sums", 2)))
    assert torch.equal(one.coefficients, same.coefficients) and not torch.equal(one.coefficients, other.coefficients)


def test_edges_need_sums_whatever_the_training():
    """Means cannot count: every answer at 64 nodes is near those at home, and the truth is far away."""
    found, truth = runs.answers("10, means", "edges", runs.FAR)
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


def test_claims():
    rule, travels = claims.the_rule_decides(), claims.what_survives_copies_travels()
    assert rule.verdict == "supported" and travels.low <= travels.estimate <= travels.high
    counted = claims.dimensions_stabilise_for_all_orders_only(4)
    assert counted.estimate == 1 and counted.seeds == 32 and counted.kind == "proved"
    assert len({one.id for one in (rule, travels, counted)}) == 3


@pytest.mark.parametrize("terms, rank", [("all", 6), ("duplication", 4), ("padding", 2)])
@pytest.mark.parametrize("n", [8, 16])
def test_diagrams_of_graphs_without_loops_repeat_themselves(terms, rank, n):
    """Symmetric matrices with empty diagonals make several of the fifteen equal or zero, the same ones at every size."""
    graphs = random_graphs(30, n, torch.Generator().manual_seed(1))
    rows = diagrams(graphs, 2)[:, TERMS[terms]].transpose(0, 1).flatten(1)
    assert torch.linalg.matrix_rank(rows) == rank
    assert terms != "all" or (rows.abs().sum(1) == 0).sum() == 5
