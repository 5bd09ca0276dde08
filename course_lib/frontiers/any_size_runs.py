"""Networks that learn at one size and are asked about others, and the stored grid. Chapters: frontiers/any_dimensional.

One recipe throughout: 1,024 graphs of 8 nodes, Adam for 2,000 steps of 32 graphs. Network number i has its own weights and its
own graphs, the same graphs for all layers and targets. Errors are over new graphs, the same ones for all networks.
"""

import csv
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.equivariance.set_tasks import train_side_by_side
from course_lib.frontiers.any_dimensional import diagrams
from course_lib.frontiers.any_size_graphs import TARGETS, AnySizeNet, random_graphs

GRID, ANSWERS = "any_dimensional.csv", "any_dimensional_answers.csv"  # made by `python -m course_lib.data.make_any_dimensional`
HOME, FAR = 8, 64  # numbers of nodes: trained on, and asked about
NODES = (HOME, 16, 32, FAR)
NETWORKS, STEPS, GRAPHS, ASKED, SHOWN = 5, 2000, 1024, 300, 60
RECIPES = {  # diagrams used, and what sums are divided by; the first two share their weights
    "15, sums": ("all", "sums"),
    "15, means": ("all", "means"),
    "5, sums": ("padding", "sums"),
    "10, means": ("duplication", "means"),
}


class Cell(NamedTuple):
    """Root mean square error of one network on new graphs, over the spread of the truth among them."""

    target: str
    recipe: str
    nodes: int
    network: int
    error: float


class Answer(NamedTuple):
    """What network 0 says about one new graph."""

    target: str
    recipe: str
    nodes: int
    graph: int
    answer: float
    truth: float


@cache
def trained(terms: str, target: str, networks: int = NETWORKS, steps: int = STEPS) -> tuple[list[AnySizeNet], Tensor]:
    """Networks of one kind, trained at home, and the units of their answers: the spreads of the target among their graphs."""
    graphs = [random_graphs(GRAPHS, HOME, torch.Generator().manual_seed(2300 + number)) for number in range(networks)]
    x, y = torch.stack([diagrams(one, 2) for one in graphs]), torch.stack([TARGETS[target](one) for one in graphs])
    units = y.std(1)
    nets = [AnySizeNet(terms, "sums", HOME, seed=2400 + 10 * number) for number in range(networks)]
    train_side_by_side(nets, x, y / units[:, None], steps=steps, rate=2e-2, seed=1, batch=32)
    return nets, units


@cache
def _asked(nodes: int) -> tuple[Tensor, Tensor]:
    graphs = random_graphs(ASKED, nodes, torch.Generator().manual_seed(2600 + nodes))
    return graphs, diagrams(graphs, 2)


def ask(recipe: str, target: str, nodes: int, networks: int = NETWORKS, steps: int = STEPS) -> tuple[Tensor, Tensor]:
    """What trained networks say about new graphs, `(networks, 300)`, and the truth, `(300,)`. ValueError for another recipe."""
    if recipe not in RECIPES:
        raise ValueError(f"recipe must be one of {tuple(RECIPES)}, got {recipe!r}")
    terms, rule = RECIPES[recipe]
    graphs, features = _asked(nodes)
    found = []
    for net, unit in zip(*trained(terms, target, networks, steps), strict=True):
        elsewhere = AnySizeNet(terms, rule, HOME).eval().requires_grad_(False)
        elsewhere.load_state_dict(net.state_dict())
        found.append(unit * torch.cat([elsewhere(part) for part in features.split(20)]))
    return torch.stack(found), TARGETS[target](graphs)


def run(recipe: str, target: str, nodes: int, networks: int = NETWORKS, steps: int = STEPS) -> tuple[list[Cell], list[Answer]]:
    """The error of each network, and the first answers of network 0."""
    found, truth = ask(recipe, target, nodes, networks, steps)
    errors = (found - truth).square().mean(1).sqrt() / truth.std()
    shown = enumerate(zip(found[0, :SHOWN].tolist(), truth.tolist(), strict=False))
    cells = [Cell(target, recipe, nodes, number, error) for number, error in enumerate(errors.tolist())]
    return cells, [Answer(target, recipe, nodes, graph, *pair) for graph, pair in shown]


def write_rows(rows: Iterable[Cell] | Iterable[Answer], path, comment: str) -> None:
    """As comma-separated values, below one line of comment."""
    rows = list(rows)
    with open(path, "w", newline="", encoding="utf8") as out:
        out.write(f"# {comment}\n")
        table = csv.writer(out, lineterminator="\n")
        table.writerow(rows[0]._fields)
        table.writerows([f"{value:.5g}" if isinstance(value, float) else value for value in row] for row in rows)


@cache
def stored(kind: type[Cell] | type[Answer]) -> tuple:
    """All rows of one kind, as they were made."""
    name = GRID if kind is Cell else ANSWERS
    with (files("course_lib.data") / name).open(encoding="utf8") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    types = kind.__annotations__
    return tuple(kind(**{field: types[field](value) for field, value in row.items()}) for row in rows)


def _chosen(kind: type[Cell] | type[Answer], recipe: str, target: str, nodes: int) -> list:
    rows = [row for row in stored(kind) if (row.recipe, row.target, row.nodes) == (recipe, target, nodes)]
    if not rows:
        raise ValueError(f"recipe, target and nodes must be in the grid, got {recipe!r}, {target!r} and {nodes}")
    return rows


def errors(recipe: str, target: str, nodes: int) -> Tensor:
    """The error of each network in the stored grid, `(5,)`. Raises ValueError if it has no such cells."""
    return torch.tensor([row.error for row in _chosen(Cell, recipe, target, nodes)])


def answers(recipe: str, target: str, nodes: int) -> tuple[Tensor, Tensor]:
    """The stored answers of one network to 60 new graphs, and the truth. Raises ValueError if there are none."""
    rows = _chosen(Answer, recipe, target, nodes)
    return torch.tensor([row.answer for row in rows]), torch.tensor([row.truth for row in rows])
