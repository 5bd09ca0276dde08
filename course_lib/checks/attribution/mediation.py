"""Checks of exercises/attribution/mediation.ipynb."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks.answers import AnswerError, Mutated
from course_lib.checks.core import Exercise
from course_lib.checks.hooks import keeps_order
from course_lib.checks.instances import Instances
from course_lib.checks.returns import Wrong, as_dict, as_number, as_tensor, called, close, nearest
from course_lib.games import Game, shapley, table_game
from course_lib.models import MLP, DigitNet

HOOK = "a hook is still on the model when your function returns (or an argument was changed): remove hooks in `finally`"
FAILURE = "a hook stays on the model when a run fails: remove it in `finally`"
FOREIGN = "hooks that you did not set are gone: take away your own handles, and no other"
SWALLOWED = "an error inside a run must reach the caller: your function hides it"


def _network(random: Instances, widths: list[int], dtype: torch.dtype = torch.float64) -> MLP:
    """A tanh network whose biases are not zero; its activations are the sites layers.1, layers.3, ..."""
    model = MLP(widths, "tanh", random.seed()).double().requires_grad_(False)
    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.copy_(random.normal(len(parameter)))
        else:
            parameter.copy_(parameter + 0.3 * random.normal(*parameter.shape))
    return model.to(dtype)


def _run(model: MLP, x: Tensor, changes: dict[int, Callable[[Tensor], Tensor]] | None = None) -> Tensor:
    """The network layer by layer; `changes` acts on what a layer returns."""
    for number, layer in enumerate(model.layers):
        x = layer(x)
        if changes and number in changes:
            x = changes[number](x)
    return x[:, 0] if x.shape[1] == 1 else x


def _hidden(model: MLP, x: Tensor, number: int) -> Tensor:
    return model.layers[: number + 1](x)


def _held(values: Tensor, units: object) -> Callable[[Tensor], Tensor]:
    """A change that holds the units at their entries in `values`."""

    def change(h: Tensor) -> Tensor:
        h = h.clone()
        h[:, units] = values[:, units] if values.dim() == h.dim() and len(values) == len(h) else values[..., units]
        return h

    return change


def _called(answer, *args: object) -> object:
    try:
        return answer(*args)
    except Mutated:
        raise Wrong("hook") from None


# ----------------------------------------------------------------------------------------------------------- ablate

ablate = Exercise(
    "attribution/mediation/ablate",
    hints={
        "keys": 'return a dict with the keys "zero", "mean" and "resample"',
        "hook": HOOK,
        "failure": FAILURE,
        "foreign": FOREIGN,
        "swallowed": SWALLOWED,
        "nothing": "the outputs are those of the plain run: does your hook return the changed output?",
        "layer": "the whole layer is replaced, not the one unit",
        "neighbour": "another unit of the layer is replaced",
        "x_mean": "you take the mean over the rows of x: the mean is over the reference rows",
        "x_resample": "in your resampling the unit keeps its own value: row i takes the value of row i of `reference`",
        "whole": "you run on the reference instead of x: only the unit's value comes from the reference",
        "resample": "resampling gives row i of x the unit's value on row i of `reference`, not of another row",
        "effect": "you return a difference of outputs: return the outputs themselves",
        "before": "the unit is replaced before the activation function: the site is the module whose output you change",
        "value": "each output is that of a run on x in which one unit, behind the named site, has another value",
        "positions": "for a filter the mean is over images only: each position of the map keeps its own mean",
        "map": "not right for a filter of a convolution, whose output is (b, filters, height, width)",
        "one": "not right for a single row, or in float32",
    },
)


def _ablated(model: MLP, x: Tensor, reference: Tensor, number: int, unit: int) -> dict[str, Tensor]:
    h = _hidden(model, reference, number)
    values = {"zero": torch.zeros_like(h), "mean": h.mean(0).expand_as(h), "resample": h}
    return {name: _run(model, x, {number: _held(value, unit)}) for name, value in values.items()}


def _read(result: object, like: dict[str, Tensor]) -> dict[str, Tensor]:
    result = as_dict(result, list(like))
    return {name: as_tensor(result[name], tuple(truth.shape), f'entry "{name}"') for name, truth in like.items()}


def _unit_case(random: Instances) -> tuple[tuple, dict[str, Tensor]]:
    """Model, inputs, reference, layer and unit; the three outputs. Each slip shows."""
    while True:
        model, number = _network(random, [4, 5, 6, random.choice([1, 3])]), random.choice([1, 3])
        b, unit = random.integer(3, 4), random.integer(0, 4)
        x, reference = random.normal(b, 4), random.normal(b, 4)
        truth = _ablated(model, x, reference, number, unit)
        if _told_apart(truth, _slips(model, x, reference, number, unit, truth)):
            return (model, x, reference, number, unit), truth


@ablate.property(points=2)
def replaces_one_unit(answer, random: Instances) -> None:
    case, truth = random.once(_unit_case)
    model, x, reference, number, unit = case
    said = _read(_called(answer, model, x, reference, f"layers.{number}", unit), truth)
    for name in truth:
        if not close(said[name], truth[name]):
            raise nearest(said[name], random.recall(lambda: _slips(*case, truth))[name])


def _told_apart(truth: dict[str, Tensor], slips: dict[str, dict[str, object]]) -> bool:
    """Whether no two different outcomes of an entry are close to each other."""
    for name, likely in slips.items():
        groups = [[truth[name]], *(v if isinstance(v, list) else [v] for v in likely.values())]
        pairs = [(a, b) for i, first in enumerate(groups) for second in groups[:i] for a in first for b in second]
        if any(close(a, b, 1e-4) for a, b in pairs):
            return False
    return True


def _slips(
    model: MLP, x: Tensor, reference: Tensor, number: int, unit: int, truth: dict[str, Tensor]
) -> dict[str, dict[str, object]]:
    """What likely mistakes give for each of the three outputs."""
    b = len(x)
    width = model.layers[number - 1].out_features
    h, mine, plain = _hidden(model, reference, number), _hidden(model, x, number), _run(model, x)
    pre = number - 1
    early = _hidden(model, reference, pre)

    def run(values: Tensor, units: object = unit, place: int = number) -> Tensor:
        return _run(model, x, {place: _held(values.expand(b, -1), units)})

    return {
        "zero": {
            "nothing": plain,
            "layer": run(torch.zeros_like(h), slice(None)),
            "effect": [plain - truth["zero"], truth["zero"] - plain],
            "neighbour": [run(torch.zeros_like(h), k) for k in range(width) if k != unit],
        },
        "mean": {
            "nothing": plain,
            "before": run(early.mean(0), place=pre),
            "layer": run(h.mean(0), slice(None)),
            "x_mean": run(mine.mean(0)),
            "neighbour": [run(h.mean(0), k) for k in range(width) if k != unit],
        },
        "resample": {
            "x_resample": plain,
            "whole": _run(model, reference),  # the same as the whole layer, which the first entry tells apart
            "resample": [run(h.roll(k, 0)) for k in range(1, b)] + [run(h[k]) for k in range(b)] + [run(h.flip(0))],
            "neighbour": [run(h, k) for k in range(width) if k != unit],
        },
    }


def _filter_case(random: Instances) -> tuple[tuple, list[Tensor]]:
    """Net, images, reference and filter; outcomes of right and wrong values. Each slip shows."""
    while True:
        net, unit = DigitNet(random.seed()).double().requires_grad_(False), random.integer(0, 15)
        net.second.bias.copy_(random.uniform(16))
        x, reference = random.uniform(2, 8, 8), random.uniform(2, 8, 8)
        h = net.second(torch.relu(net.first(reference[:, None])))[:, unit]
        values = [torch.zeros_like(h), h.mean(0), h, h.mean(), h.mean((1, 2), keepdim=True), h.flip(0)]
        outcomes = [_read_maps(net, x, unit, value) for value in values]
        if all(not close(a, b, 1e-3) for i, a in enumerate(outcomes) for b in outcomes[:i]):
            return (net, x, reference, unit), outcomes


@ablate.property(points=1)
def replaces_a_filter(answer, random: Instances) -> None:
    (net, x, reference, unit), outcomes = random.once(_filter_case)
    truth = dict(zip(("zero", "mean", "resample"), outcomes[:3], strict=True))
    try:
        said = _read(_called(answer, net, x, reference, "second", unit), truth)
    except AnswerError as error:
        raise Wrong("map", seen=str(error)) from None
    if any(close(said["mean"], other, 1e-6) for other in outcomes[3:5]):
        raise Wrong("positions")
    if not all(close(said[name], truth[name], 1e-6) for name in truth):
        raise Wrong("map")


def _read_maps(net: DigitNet, x: Tensor, unit: int, values: Tensor) -> Tensor:
    """The net's output on x with one map of the second convolution overwritten."""
    h = net.second(torch.relu(net.first(x[:, None])))
    h[:, unit] = values
    return net.read(torch.relu(h))


@ablate.property(points=1)
def leaves_the_model_as_it_was(answer, random: Instances) -> None:
    model = _network(random, [3, 4, 4, 1], torch.float32)
    x, reference = random.normal(1, 3).float(), random.normal(1, 3).float()
    for number, unit in ((1, 0), (3, 3)):
        truth = _ablated(model, x, reference, number, unit)
        result = called("one", lambda *a: _called(answer, *a), model, x, reference, f"layers.{number}", unit)
        said = _read(result, truth)
        if not all(close(said[name], truth[name]) for name in truth):
            raise Wrong("one")
    failing = (model, x[:, :2], reference, "layers.1", 0)  # the rows of x are too short
    keeps_order(answer, model, (model, x, reference, "layers.1", 0), failing)


# -------------------------------------------------------------------------------------------------------- mediation

mediation = Exercise(
    "attribution/mediation/mediation",
    hints={
        "keys": 'return a dict with the keys "total", "indirect", "direct" and "interaction"',
        "hook": HOOK,
        "sign": "effects are of x against other: with x minus without",
        "failure": FAILURE,
        "foreign": FOREIGN,
        "swallowed": SWALLOWED,
        "swapped": "direct and indirect are exchanged: for the indirect effect only the listed units have their values on x",
        "rest": "your direct effect is the rest of the total: run on x with the mediator's values on other",
        "noising": "your indirect effect starts from x: run on other, with the mediator's values on x",
        "no_mix": "your indirect effect is the total one: the input stays other, the mediator alone has its value on x",
        "mean": "one number per pair of rows: do not average over the batch",
        "layer": "the mediator is the listed units, not the whole layer",
        "interaction": "the interaction is what the total effect has beyond the indirect and the direct one, with its sign",
        "zero": "your mediator is set to zero or to a mean: it takes its value on the other input",
        "value": "hold the mediator at its value on one input while the model reads the other; take differences from f(other)",
        "edges": "not right for one pair, float32, one unit, or units listed in another order",
        "whole_layer": "a whole layer as mediator leaves no direct effect",
        "nobody": "without units nothing is mediated: the indirect effect is 0",
    },
)


def _effects(model: MLP, number: int, units: list[int], x: Tensor, other: Tensor) -> dict[str, Tensor]:
    """From the four worlds y[input, mediator], each at its value on `other` (0) or on `x` (1)."""
    held = [_held(_hidden(model, source, number), units) for source in (other, x)]
    y = torch.stack([torch.stack([_run(model, rows, {number: fixed}) for fixed in held]) for rows in (other, x)])
    gains = {"total": y[1, 1], "indirect": y[0, 1], "direct": y[1, 0]}
    mixed = y[1, 1] + y[0, 0] - y[0, 1] - y[1, 0]
    return {name: value - y[0, 0] for name, value in gains.items()} | {"interaction": mixed}


def _mediated(random: Instances) -> tuple[tuple, dict[str, Tensor]]:
    """Model, layer, units and two inputs; the effects."""
    signs = 1
    while signs < 2:  # interactions of either sign, so that their size is not enough
        model, number = _network(random, [4, 5, 5, 5, 1]), random.choice([1, 3])  # no linear tail
        units = random.order(5)[: random.integer(2, 3)]
        x, other = random.normal(3, 4), random.normal(3, 4)
        truth = _effects(model, number, units, x, other)
        gap = truth["interaction"]
        signs = len({value.item() for value in gap.sign()}) if gap.abs().min() > 1e-2 else 1
    return (model, number, units, x, other), truth


@mediation.property(points=2)
def splits_the_effect(answer, random: Instances) -> None:
    (model, number, units, x, other), truth = random.once(_mediated)
    result = as_dict(_called(answer, model, f"layers.{number}", units, x, other), list(truth))
    if all(isinstance(value, Tensor) and value.shape == () or isinstance(value, float) for value in result.values()):
        if close(as_number(result["total"]), truth["total"].mean()):
            raise Wrong("mean")
    said = _read(result, truth)
    back = _effects(model, number, units, other, x)
    h = _hidden(model, x, number)
    blank = [_run(model, other, {number: _held(v.expand_as(h), units)}) for v in (torch.zeros_like(h), h.mean(0))]
    likely = {
        "total": {"sign": -truth["total"]},
        "indirect": {
            "swapped": truth["direct"],
            "noising": [-back["indirect"], back["indirect"]],
            "no_mix": truth["total"],
            "sign": -truth["indirect"],
            "zero": [value - _run(model, other) for value in blank],
        },
        "direct": {
            "rest": truth["total"] - truth["indirect"],
            "swapped": truth["indirect"],
            "layer": torch.zeros(3),
            "sign": -truth["direct"],
        },
        "interaction": {},
    }
    for name in truth:
        if not close(said[name], truth[name]):
            raise nearest(said[name], likely[name], "interaction" if name == "interaction" else "value")


@mediation.property(points=1)
def knows_the_ends(answer, random: Instances) -> None:
    model = _network(random, [3, 4, 4, 4, 1])
    x, other = random.normal(2, 3), random.normal(2, 3)
    for units, hint in ((random.order(4), "whole_layer"), ([], "nobody")):
        truth = _effects(model, 3, units, x, other)
        said = _read(called(hint, lambda *a: _called(answer, *a), model, "layers.3", units, x, other), truth)
        if not all(close(said[name], truth[name]) for name in truth):
            raise Wrong(hint)


@mediation.property(points=1)
def knows_the_edges(answer, random: Instances) -> None:
    model = _network(random, [3, 4, 4, 1], torch.float32)
    for rows, units in ((1, [3]), (2, [3, 0]), (4, [2, 0, 1])):
        x, other = random.normal(rows, 3).float(), random.normal(rows, 3).float()
        truth = _effects(model, 1, units, x, other)
        said = _read(called("edges", lambda *a: _called(answer, *a), model, "layers.1", units, x, other), truth)
        if not all(close(said[name], truth[name], 2e-5) for name in truth):
            raise Wrong("edges")
    right = (model, "layers.1", [0, 2], x, other)
    keeps_order(answer, model, right, (*right[:4], other[:, :2]))  # the rows of other are too short


# ----------------------------------------------------------------------------------------------------------- hybrid

hybrid = Exercise(
    "attribution/mediation/hybrid",
    hints={
        "hook": HOOK,
        "failure": FAILURE,
        "foreign": FOREIGN,
        "swallowed": SWALLOWED,
        "clamped": "a layer behind another is held between two constants: move from what it computes in this run",
        "base": "the base run is exchanged: with all gates at 0 the model reads other, undisturbed",
        "order": "each gate belongs to the site at the same place in `sites`",
        "outputs": "you mix outputs of whole runs: mix the activations, inside one run",
        "inputs": "you mix the inputs: the model reads other, and the activations move",
        "product": "your layers do not move by their own gates: each site has a gate of its own",
        "value": "move each layer from what it computes in this run towards its value on x, by its gate",
        "corners": "not right at the corners: gates of 0 leave a layer alone, gates of 1 set it to its value on x",
        "rows": "rows of gates must not influence each other",
        "edges": "not right for one site, one row of gates, or float32",
    },
)


def _hybrid(model: MLP, numbers: list[int], x: Tensor, other: Tensor, gates: Tensor, clamped: bool = False) -> Tensor:
    values = []
    for row in gates:
        changes = {}
        for gate, number in zip(row, numbers, strict=True):
            goal, start = _hidden(model, x[None], number), _hidden(model, other[None], number)
            changes[number] = lambda h, g=gate, goal=goal, start=start: (
                start + g * (goal - start) if clamped else h + g * (goal - h)
            )
        values.append(_run(model, other[None], changes)[0])
    return torch.stack(values)


def _ask(answer, model: MLP, numbers: list[int], x: Tensor, other: Tensor, gates: Tensor) -> Tensor:
    sites = [f"layers.{number}" for number in numbers]
    return as_tensor(_called(answer, model, sites, x, other, gates), (len(gates),))


@hybrid.property(points=2)
def moves_each_layer_in_the_same_run(answer, random: Instances) -> None:
    model, numbers = _network(random, [4, 5, 5, 1]), [3, 1]  # sites come in any order
    x, other, gates = random.normal(4), random.normal(4), random.uniform(5, 2, low=0.1, high=0.9)
    said, truth = _ask(answer, model, numbers, x, other, gates), _hybrid(model, numbers, x, other, gates)
    if not close(said, truth):
        f0, f1 = _run(model, other[None]), _run(model, x[None])
        average = gates.mean(1)
        faded = [other + g * (x - other) for g in (gates[:, :1], gates[:, 1:], average[:, None])]
        raise nearest(
            said,
            {
                "clamped": _hybrid(model, numbers, x, other, gates, clamped=True),
                "base": [_hybrid(model, numbers, other, x, gates), _hybrid(model, numbers, other, x, 1 - gates)],
                "order": _hybrid(model, numbers, x, other, gates.flip(1)),
                "outputs": [f0 + g * (f1 - f0) for g in (average, gates[:, 0], gates[:, 1], gates.prod(1))],
                "inputs": [_run(model, rows) for rows in faded],
                "product": [
                    _hybrid(model, numbers, x, other, g[:, None].expand(-1, 2))
                    for g in (average, gates[:, 0], gates[:, 1], gates.prod(1))
                ],
            },
        )


@hybrid.property(points=1)
def knows_the_corners(answer, random: Instances) -> None:
    model, numbers = _network(random, [3, 4, 4, 4, 1]), [1, 5]
    x, other = random.normal(3), random.normal(3)
    gates = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]).double()
    before, after = _run(model, other[None]), _run(model, x[None])
    truth = torch.cat([before, after, after, after, before])
    said = _ask(answer, model, numbers, x, other, gates)
    if not close(said, truth):
        raise Wrong("corners")


@hybrid.property(points=1)
def knows_the_edges_of_gates(answer, random: Instances) -> None:
    for numbers, rows, dtype in (([3], 2, torch.float64), ([1, 3], 1, torch.float64), ([1, 3, 5], 3, torch.float32)):
        model = _network(random, [3, 4, 3, 5, 1], dtype)
        x, other = random.normal(3).to(dtype), random.normal(3).to(dtype)
        gates = random.uniform(rows, len(numbers)).to(dtype)
        try:
            said = _ask(answer, model, numbers, x, other, gates)
        except AnswerError as error:
            raise Wrong("edges", seen=str(error)) from None
        if not close(said, _hybrid(model, numbers, x, other, gates), 2e-5):
            raise Wrong("edges")
    right = (model, [f"layers.{number}" for number in numbers], x, other, gates)
    keeps_order(answer, model, right, (*right[:3], other[:2], gates))  # other has an entry too few


# -------------------------------------------------------------------------------------------------------- truncated

truncated = Exercise(
    "attribution/mediation/truncated",
    hints={
        "keys": 'return a dict with the keys "scores" and "removals"',
        "full_end": "you stop near the value of all players: stop when the value is near that of nobody",
        "untruncated": "your orders never stop: leave an order once its value is within the tolerance of the empty value",
        "sign": "a score is the value with the player minus the value without",
        "arrival": "you add players: start from all of them and remove one after another",
        "sum": "scores are means over all orders",
        "stopped": "a player whom an order did not reach counts as 0 in that order: divide by the number of orders",
        "leftover": "what is left when an order stops belongs to nobody: give it to no player",
        "late": "you make one removal too many: look at the value before you remove the next player",
        "early": "the loss that brings the value into the tolerance still counts",
        "masks": "each order starts anew from all players",
        "removals": "count the removals that were made, over all orders, one for each player that left",
        "value": "remove players in the given order, note each loss, stop near the empty value, average over the orders",
        "collapsed": "if all players together are worth no more than the tolerance above nobody, nothing is removed",
        "below": "near means on either side: the value may also pass below that of nobody",
        "zero": "the tolerance may be 0: an order stops when its value is exactly that of nobody",
        "floor": "use the tolerance that is given: with 0, a value just above that of nobody does not stop the order",
        "edges": "not right for one order, one player, or the same order twice",
        "exact": "with tolerance 0 and all orders the scores are the Shapley values",
    },
)


def _walk(game: Game, orders: list[list[int]], tolerance: float, slip: str = "") -> tuple[Tensor, int]:
    """The definition on a table, or with a likely slip."""
    table, n = game.value.table.tolist(), game.n
    powers, everyone = [2**k for k in range(n)], 2**n - 1
    scores, counts, removals = [0.0] * n, [0] * n, 0
    for order in orders:
        members = everyone
        before = math.inf  # the value one removal ago
        for player in order:
            value = table[members]
            near = abs(value - table[0]) <= tolerance
            if slip == "full_end":
                near = abs(value - table[-1]) <= tolerance
            if slip == "below":
                near = value - table[0] <= tolerance
            if slip == "late":
                near = abs(before - table[0]) <= tolerance
            if near and slip != "untruncated":
                if slip == "leftover":
                    scores[player] += value - table[0]
                break
            before, members = value, members - powers[player]
            loss = value - table[members]
            if slip == "early" and abs(table[members] - table[0]) <= tolerance:
                break
            scores[player] += loss
            counts[player] += 1
            removals += 1
    divisors = {"stopped": [max(count, 1) for count in counts], "sum": [1] * n}.get(slip, [len(orders)] * n)
    means = [score / divisor for score, divisor in zip(scores, divisors, strict=True)]
    return torch.tensor(means, dtype=torch.float64), removals


SLIPS = ("full_end", "untruncated", "sum", "stopped", "leftover", "late", "early", "below")


def _falling(random: Instances, n: int) -> tuple[Game, float]:
    """A noisy game whose value falls as players leave, sometimes below that of nobody; and a tolerance."""
    sizes = torch.tensor([bin(k).count("1") for k in range(2**n)])
    table = 3.0 * sizes / n + 0.8 * random.normal(2**n) + random.normal(1)
    return table_game(table), 0.9


def _orders(random: Instances, count: int, n: int) -> Tensor:
    return torch.tensor([random.order(n) for _ in range(count)])


def _slipping_walks(random: Instances, n: int) -> tuple[tuple, Tensor, dict[str, Tensor]]:
    """Arguments, scores, and those of each slip: each shows."""
    while True:
        (game, tolerance), orders = _falling(random, n), _orders(random, 6, n)
        walks = {slip: _walk(game, orders.tolist(), tolerance, slip)[0] for slip in SLIPS}
        truth, _ = _walk(game, orders.tolist(), tolerance)
        every = [truth, *walks.values()]
        if all(not close(a, b, 1e-3) for i, a in enumerate(every) for b in every[:i]):
            return (game, orders, tolerance), truth, walks


@truncated.property(points=2)
def stops_near_nobody(answer, random: Instances) -> None:
    n = 5
    (game, orders, tolerance), truth, walks = random.once(_slipping_walks, n)
    said = as_tensor(as_dict(answer(game, orders, tolerance), ["scores", "removals"])["scores"], (n,), 'entry "scores"')
    if not close(said, truth):
        reversed_walk = _walk(game, orders.flip(1).tolist(), 0.0)[0]
        arrival = _walk(game, orders.flip(1).tolist(), tolerance)[0]
        raise nearest(said, {**walks, "sign": -truth, "arrival": [reversed_walk, arrival]})


@truncated.property(points=1)
def counts_removals(answer, random: Instances) -> None:
    truth = 0
    while truth % 5 == 0:
        (game, tolerance), orders = _falling(random, 4), _orders(random, 5, 4)
        truth = _walk(game, orders.tolist(), tolerance)[1]
    result = as_dict(answer(game, orders, tolerance), ["scores", "removals"])
    if as_number(result["removals"], 'entry "removals"') != truth:
        raise Wrong("removals")


@truncated.property(points=1)
def knows_the_edges_of_orders(answer, random: Instances) -> None:
    def ask(hint: str, game: Game, orders: Tensor, tolerance: float) -> None:
        result = as_dict(called(hint, answer, game, orders, tolerance), ["scores", "removals"])
        scores, removals = _walk(game, orders.tolist(), tolerance)
        said = as_tensor(result["scores"], (game.n,), 'entry "scores"')
        counted = hint != "collapsed" or as_number(result["removals"]) == removals
        if not close(said, scores) or not counted:
            raise Wrong(hint)

    game, _ = _falling(random, 4)
    spread = (game.value.table[-1] - game.value.table[0]).abs().item()
    ask("collapsed", game, _orders(random, 3, 4), spread + 0.5)
    ask("collapsed", table_game(torch.tensor([0.5, 1.0, 2.0, 1.0]).double()), torch.tensor([[0, 1]]), 0.5)  # exactly near
    ask("edges", table_game(random.away_from_zero(2)), torch.tensor([[0]]), 0.0)
    ask("edges", game, _orders(random, 1, 4), 0.3)
    ask("edges", game, torch.tensor([[0, 1, 2, 3], [0, 1, 2, 3], [3, 2, 1, 0]]), 0.1)  # one order counts twice
    low, deep = random.uniform(2, low=1.0, high=3.0).tolist()
    for middle, hint in ((0.0, "zero"), (0.005, "floor")):  # at or just above the value of nobody, then below it
        values = torch.tensor([0.0, 1.0, 2.0, 3.0, -low, 1.5, middle, 2.0 + deep]).double()
        ask(hint, table_game(values), torch.tensor([[0, 1, 2]]), 0.0)
    table = table_game(random.table(3))
    every = torch.tensor([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    said = as_tensor(as_dict(answer(table, every, 0.0), ["scores", "removals"])["scores"], (3,))
    if not close(said, shapley(table).scores):
        raise Wrong("exact")
