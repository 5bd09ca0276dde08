"""Checks for exercises/equivariance/augmentation.ipynb."""

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest
from course_lib.checks.instances import permutation_matrices
from course_lib.models import MLP

Row = tuple[int, ...]
GENERATORS = {  # all have elements that do not commute, and elements of order three
    "S_3": [(1, 0, 2), (1, 2, 0)],
    "A_4": [(1, 2, 0, 3), (0, 2, 3, 1)],
    "S_4": [(1, 0, 2, 3), (1, 2, 3, 0)],
}


def _times(p: Row, q: Row) -> Row:
    """First q, then p."""
    return tuple(p[i] for i in q)


def _closure(rows: list[Row]) -> list[Row]:
    """All products of the rows, sorted."""
    found, frontier = {tuple(range(len(rows[0])))}, [tuple(range(len(rows[0])))]
    while frontier:
        frontier = [new for new in {_times(g, h) for g in rows for h in frontier} if new not in found]
        found.update(frontier)
    return sorted(found)


def _members(random, name: str) -> list[Row]:
    """All elements, in any order: the identity may stand anywhere."""
    rows = _closure(GENERATORS[name])
    return [rows[k] for k in random.order(len(rows))]


def _moved(x: Tensor, moves: Tensor) -> Tensor:
    """Number i of each item to place moves[s, i], `(m, b, n)`."""
    found = torch.empty(len(moves), *x.shape, dtype=x.dtype)
    for row, move in zip(found, moves, strict=True):
        row.index_copy_(1, move, x)
    return found


# ------------------------------------------------------------------------------------------------------ flip rate

flip_rate = Exercise(
    "equivariance/augmentation/flip_rate",
    hints={
        "per_move": "that counts moves: an item counts once, however many of the moves change its answer",
        "gather": "numbers go the other way: number i of an item has to arrive at place moves[s, i]",
        "among": "the answer in the position as given counts as well: compare every moved answer with that one",
        "every": "one move that changes the answer is enough, not all of them have to",
        "kept": "that is the share of items whose answer stays",
        "number": "a share lies between 0 and 1: divide by the number of items",
        "scores": "that says that everything flips: compare answers, the class with the highest score, item by item",
        "averaged": "scores are averaged over positions before the answer is read: read an answer in every position",
        "axes": "moves and items are mixed up: unfold the batch in the order in which it was folded",
        "some": "all the moves count, not just one of them",
        "value": "not the share of items whose answer changes under at least one of the moves",
        "general": "right for 4 moves of 5 numbers, but every move, number and class has to count, however many there are",
        "single": "right in general, but not for one item, or no move at all",
        "float32": "right in value, but float32 should work as well as float64",
    },
)


def _answers(net: MLP, x: Tensor, moves: Tensor) -> Tensor:
    """Classes as they lie, first, then after each move, `(m + 1, b)`."""
    moved = torch.cat([x[None], _moved(x, moves)])
    return net(moved.flatten(0, 1)).reshape(len(moved), len(x), -1).argmax(2)


def _share(answers: Tensor) -> float:
    """The share of items with more than one answer."""
    return (answers.amax(0) > answers.amin(0)).double().mean().item()


def _likely_shares(net: MLP, x: Tensor, moves: Tensor) -> dict:
    answers, back = _answers(net, x, moves), _answers(net, x, moves.argsort(1))
    truth, changed = _share(answers), (answers[1:] != answers[0]).double()
    said = net(_moved(x, moves).flatten(0, 1))
    mixed = said.reshape(len(x), len(moves), -1).argmax(2)
    mean = said.reshape(len(moves), len(x), -1).mean(0).argmax(1)
    return {
        "gather": _share(back),
        "per_move": [changed.mean().item(), changed.mean().item() * len(moves)],
        "among": _share(answers[1:]),
        "every": [changed.amin(0).mean().item(), (back[1:] != back[0]).double().amin(0).mean().item()],
        "kept": [1 - truth, (1 - truth) * len(x)],
        "number": truth * len(x),
        "scores": [1.0, float(len(x))],
        "averaged": (mean != answers[0]).double().mean().item(),
        "axes": (mixed != answers[0][:, None]).any(1).double().mean().item(),
        "some": [changed[0].mean().item(), changed[-1].mean().item()],
        "value": [(changed.sum(0) % 2).mean().item(), _share(_answers(net, x, _in_turn(moves)))],
    }


def _in_turn(moves: Tensor) -> Tensor:
    """The first move, the first two one after the other, and so on."""
    found, done = [], torch.arange(moves.shape[1])
    for move in moves:
        done = move[done]
        found.append(done)
    return torch.stack(found)


def _apart(truth: float, likely: dict) -> bool:
    """Whether the likely mistakes can be told from the truth and from each other by their numbers."""
    numbers = [(hint, v) for hint, vs in likely.items() for v in (vs if isinstance(vs, list) else [vs])]
    pairs = ((a, b) for k, a in enumerate(numbers) for b in numbers[:k] if a[0] != b[0])
    return all(abs(truth - v) > 1e-3 for _, v in numbers) and all(abs(a[1] - b[1]) > 1e-3 for a, b in pairs)


def _reader(random, items: int, moves: int, numbers: int = 5, classes: int = 4) -> tuple[MLP, Tensor, Tensor]:
    net = MLP([numbers, 8, classes], "tanh", random.seed()).double().requires_grad_(False).eval()
    return net, 0.5 * random.normal(items, numbers), torch.tensor([random.order(numbers) for _ in range(moves)])


def _flip_case(random) -> tuple[MLP, Tensor, Tensor]:
    while True:
        case = _reader(random, 211, 4)
        in_turn = _in_turn(case[2])[-1].tolist()
        if in_turn != sorted(in_turn) and _apart(_share(_answers(*case)), _likely_shares(*case)):
            return case


def _wide_case(random) -> tuple[MLP, Tensor, Tensor, float]:
    """24 moves of 6 numbers, 7 classes; an item flips at the first move only, another at the last only."""
    while True:
        net, x, moves = _reader(random, 30, 24, 6, 7)
        moves[1:23, 3:] = torch.arange(3, 6)  # those between move three numbers only
        moves[1:23, :3] = torch.tensor([random.order(3) for _ in range(22)])
        answers = _answers(net, x, moves)
        alone = (answers[1:] != answers[0]) & ((answers[1:] != answers[0]).sum(0) == 1)
        if alone[0].any() and alone[-1].any():
            return net, x, moves, _share(answers)


def _edge_case(random) -> tuple[MLP, Tensor, Tensor, int, int]:
    """With an item that flips and one that does not."""
    while True:
        case = _reader(random, 9, 4)
        flips = (_answers(*case)[1:] != _answers(*case)[0]).any(0)
        if flips.any() and not flips.all():
            return *case, int(flips.double().argmax()), int(flips.double().argmin())


@flip_rate.property(points=3)
def counts_orbits_with_a_flip(answer, random):
    net, x, moves = random.once(_flip_case)
    value, truth = as_number(answer(net, x, moves)), _share(_answers(net, x, moves))
    if not close(value, truth):
        raise nearest(value, _likely_shares(net, x, moves))
    *wide, truth = random.once(_wide_case)
    if not close(as_number(called("general", answer, *wide)), truth):
        raise Wrong("general", seen="24 moves of 6 numbers, 7 classes")


@flip_rate.property(points=1)
def counts_at_the_edges(answer, random):
    net, x, moves, flipping, staying = random.once(_edge_case)
    for items, some in ((x[[flipping]], moves), (x[[staying]], moves), (x, moves[:0])):
        value = as_number(called("single", answer, net, items, some))
        if not close(value, _share(_answers(net, items, some))):
            raise Wrong("single", seen=f"items: {len(items)}, moves: {len(some)}")
    net, x, moves = net.float(), x.float(), moves[:1]
    if not close(as_number(called("float32", answer, net, x, moves)), _share(_answers(net, x, moves))):
        raise Wrong("float32")


# -------------------------------------------------------------------------------------------------- random copies

random_copies = Exercise(
    "equivariance/augmentation/random_copies",
    hints={
        "pair": "return two tensors: the moved examples and their moved labels",
        "right_action": "rows times matrices move by the transposed matrix: entry i is the sum over j of rho[i, j] x[j]",
        "examples": "some of the examples are not x moved by one of the elements",
        "still": "labels have to move with their examples, by rho_out of the same element",
        "inverse": "a label goes the same way as its example, not back",
        "own": "examples and labels are moved by different elements: draw once, use the draw for both",
        "labels": "some of the labels are not y moved by the element that moved their example",
        "label_matrix": "the examples are right, the labels not: entry i of a label is the sum over j of rho_out[i, j] y[j]",
        "nothing": "nothing has moved: each example goes to where its element takes it",
        "one": "all examples are moved by one element: each should have a draw of its own",
        "order": "which element an example gets should be left to chance, and another seed should give other draws",
        "repeat": "the same seed should give the same draws, whatever the examples are",
        "place": "which element an example gets should not depend on where it stands in the batch",
        "shared": "one draw decides for several examples: each should have a draw of its own, whatever the others got",
        "uneven": "over many examples some elements come too often or never: all should be equally likely, the identity too",
        "balanced": "all elements come equally often, to the last one: the draw of an example should not depend on the others",
        "single": "right in general, but not for one example, one element or equal sizes",
        "global": "torch's own source of chance is changed: draw from a generator of your own, torch.Generator()",
        "float32": "right in value, but float32 should work as well as float64, and each come back as what it was",
    },
)


def _copies_case(random, items: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Examples of three numbers, labels of four (a number that nothing moves is added, then all are mixed)."""
    rows = _members(random, "S_3")
    rho_in = permutation_matrices(rows, random.basis(3))
    rho_out = permutation_matrices([(*p, 3) for p in rows], random.basis(4))
    return random.normal(items, 3), random.normal(items, 4), rho_in, rho_out


def _pair(found: object, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    if found is None:
        raise Wrong("none")
    if not isinstance(found, list | tuple) or len(found) != 2:
        raise Wrong("pair")
    return as_tensor(found[0], x.shape, "the first part"), as_tensor(found[1], y.shape, "the second part")


def _matches(moved: Tensor, start: Tensor, rho: Tensor, tolerance: float = 1e-6) -> Tensor:
    """Which element takes each row of `start` to that of `moved`, `(m, b)` booleans."""
    ways = start @ rho.transpose(1, 2)
    return ((ways - moved).abs() <= tolerance * (1 + ways.abs())).all(2)


def _drawn(found: object, x: Tensor, y: Tensor, rho_in: Tensor, rho_out: Tensor, tolerance: float = 1e-6) -> list[int]:
    """The element that moved each example, and its label; Wrong if there is none."""
    moved, labels = _pair(found, x, y)
    by = _matches(moved, x, rho_in, tolerance)
    if not by.any(0).all():
        transposed = _matches(moved, x, rho_in.transpose(1, 2), tolerance).any(0).all()
        raise Wrong("right_action" if transposed else "examples")
    label_by = _matches(labels, y, rho_out, tolerance)
    if (by & label_by).any(0).all():
        return by.double().argmax(0).tolist()
    if close(labels, y):
        raise Wrong("still")
    back = torch.linalg.inv(rho_out)
    if (by & _matches(labels, y, back, tolerance)).any(0).all():
        raise Wrong("inverse")
    if any(_matches(labels, y, one.transpose(1, 2), tolerance).any(0).all() for one in (rho_out, back)):
        raise Wrong("label_matrix")
    raise Wrong("own" if label_by.any(0).all() else "labels")


OFFSETS = (0, 1, 2, 3, 4, 5, 7, 8, 10, 100, 1000, 65536)  # seeds that agree in their last digits, or by small divisors


def _alike_case(random) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """400 examples that are all the same, under twelve elements that take it to twelve different places."""
    rho = permutation_matrices(_members(random, "A_4"), torch.eye(4, dtype=torch.float64))
    x = (torch.tensor([random.order(4)], dtype=torch.float64) + 1.0).expand(400, 4).contiguous()
    return x, x[:, :1].contiguous(), rho, torch.ones(12, 1, 1, dtype=torch.float64)


def _many_draws(answer, random) -> Tensor:
    """What is drawn for the 400 examples with twelve seeds, `(12, 400)`: read off from where the examples are."""
    x, y, rho_in, rho_out = random.once(_alike_case)
    seed, places = random.seed(), rho_in @ x[0]
    found = torch.stack([_pair(answer(x, y, rho_in, rho_out, seed + k), x, y)[0] for k in OFFSETS])
    numbers = torch.tensor([64.0, 16.0, 4.0, 1.0], dtype=torch.float64)
    distance, draws = ((found @ numbers)[..., None] - places @ numbers).abs().min(2)
    if distance.max() > 1e-3:
        raise Wrong("examples")
    return draws


def _surprise(counts: Tensor) -> Tensor:
    """The chi-square of counts that should be equal, over the last axis."""
    expected = counts.sum(-1, keepdim=True) / counts.shape[-1]
    return ((counts - expected).square() / expected).sum(-1)


def _test_draws(draws: Tensor) -> None:
    """Bounds that a right answer breaks less than once in a million times."""
    seeds, b, one = len(draws), draws.shape[1], torch.nn.functional.one_hot(draws, 12).double()
    counts = one.sum(1)
    ordered = counts.sort(1)[0]
    if len({tuple(row) for row in draws.tolist()}) < seeds:
        raise Wrong("order")
    if _surprise(counts).sum() < 55:  # 132 on average
        raise Wrong("balanced")
    if (ordered == ordered[0]).all():
        raise Wrong("order")
    halves = torch.stack([part.sum((0, 1)) for part in (one[:, ::2], one[:, 1::2], one[:, : b // 2], one[:, b // 2 :])])
    if (_surprise(halves) - _surprise(counts.sum(0))).max() > 300:
        raise Wrong("place")
    agree = (counts.sum(0) / counts.sum()).square().sum()  # two draws are the same with this probability
    spectrum = torch.fft.rfft(one, 2 * b, dim=1).abs().square().sum((0, 2))
    same = torch.fft.irfft(spectrum, 2 * b)[1 : 3 * b // 4]  # how often draws at each distance are the same
    pairs = seeds * (b - torch.arange(1, 3 * b // 4))
    if ((same - pairs * agree).abs() > 8 * (pairs * agree * (1 - agree)).sqrt()).any():
        raise Wrong("shared")
    if _surprise(counts.sum(0)) > 66:  # 11 on average
        raise Wrong("uneven")
    if _surprise(counts).sum() > 246:
        raise Wrong("shared")
    joint = torch.einsum("sbi,tbj->stij", one, one).flatten(2)  # 143 on average, for two seeds
    if (draws == draws[:1]).all(0).any() or (_surprise(joint) - 1e9 * torch.eye(seeds)).max() > 330:
        raise Wrong("order")


@random_copies.property(points=3)
def draws_an_element_for_each_example(answer, random):
    x, y, rho_in, rho_out = random.once(_copies_case, 60)
    seed = random.seed()
    drawn = _drawn(answer(x, y, rho_in, rho_out, seed), x, y, rho_in, rho_out)
    if len(set(drawn)) == 1:
        nothing = all(close(_pair(answer(x, y, rho_in, rho_out, seed + k), x, y)[0], x) for k in range(12))
        raise Wrong("nothing" if nothing else "one")
    x, y = 2 * x, -y
    if drawn != _drawn(answer(x, y, rho_in, rho_out, seed), x, y, rho_in, rho_out):
        raise Wrong("repeat")
    _test_draws(_many_draws(answer, random))


def _turns_of_three(random) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As many examples as numbers and elements: three of each."""
    rows = [[(0, 1, 2), (1, 2, 0), (2, 0, 1)][k] for k in random.order(3)]
    return random.normal(3, 3), random.normal(3, 3), *(permutation_matrices(rows, random.basis(3)) for _ in range(2))


def _alone_case(random) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x, y, rho_in, rho_out = _alike_case(random)
    return x[:1], y[:1], rho_in, rho_out


@random_copies.property(points=1)
def draws_at_the_edges(answer, random):
    x, y, rho_in, rho_out = random.once(_copies_case, 6)
    seed, kinds, still = random.seed(), set(), [torch.eye(n, dtype=torch.float64)[None] for n in (3, 4)]
    cases = ((x, y, rho_in, rho_out), (x[:3], y[:3], *still), random.once(_turns_of_three))
    before, alone = torch.random.get_rng_state(), set()
    for case in (*cases, *[random.once(_alone_case)] * 7):
        seed += 1
        found = called("single", answer, *case, seed)
        kinds |= {getattr(part, "dtype", None) for part in found} if isinstance(found, list | tuple) else {None}
        try:
            drawn = _drawn(found, *case)
        except Wrong as wrong:
            raise Wrong("single", seen=f"examples: {len(case[0])}, elements: {len(case[2])}") from wrong
        alone |= set(drawn) if len(case[0]) == 1 else set()
    if len(alone) == 1:
        raise Wrong("single", seen="examples: 1, and the same element at every seed")
    small = tuple(part.float() for part in cases[0])
    found = called("float32", answer, *small, seed)
    kinds32 = {getattr(part, "dtype", None) for part in found} if isinstance(found, list | tuple) else {None}
    if kinds != {torch.float64} or kinds32 != {torch.float32}:
        raise Wrong("float32")
    _drawn(found, *cases[0], tolerance=1e-3)
    try:
        _drawn(answer(*cases[0], seed), *cases[0], tolerance=1e-11)
    except Wrong as wrong:
        raise Wrong("float32") from wrong
    if not torch.equal(before, torch.random.get_rng_state()):
        torch.random.set_rng_state(before)
        raise Wrong("global")


# ----------------------------------------------------------------------------------- ridge regression on full orbits

orbit_coefficients = Exercise(
    "equivariance/augmentation/orbit_coefficients",
    hints={
        "same": "with a sum of squares each example counts as often as its orbit has moves, so the penalty weighs less",
        "more": "the penalty is changed in the wrong direction: many copies make it weigh less, not more",
        "total": "the kernel is a mean over the moves, not a sum; or, in the full system, add up the coefficients of copies",
        "copies": "that is a coefficient for each copy: add up those of the m copies of an example",
        "other": "is this the solution for the other objective? mean says whether it is the mean or the sum of the squares",
        "letters": "n numbers, b items, m moves: which of them belongs beside the penalty?",
        "plain": "the kernel is that of the plain examples: average it over the moves of one argument",
        "middle": "moved items are averaged before the kernel is taken: take the mean of kernels",
        "largest": "not the best position counts: take the mean over all of them",
        "width": "the kernel is exp of minus half the squared distance",
        "some": "all moves belong to the mean, the identity as well",
        "combined": "these are values of the fit, or coefficients of something else than the b averaged kernels",
        "mean_copies": "for a mean over all squares the copies cancel: what is left is a mean over the b examples",
        "mean_examples": "right about the copies; but a mean over b squares is not their sum: weigh the penalty accordingly",
        "mean_ignored": "with mean=True the objective is another one, and so is its solution",
        "value": "not the coefficients of the fit on all full orbits",
        "single": "right in general, but not for one example, one move, equal sizes, or an item that some moves leave alone",
        "float32": "right in value, but float32 should work as well as float64, and each come back as what it was",
    },
)


def _gaussian(a: Tensor, b: Tensor) -> Tensor:
    return torch.exp(-(a[:, None] - b[None]).square().sum(2) / 2)


def _full_fit(x: Tensor, y: Tensor, moves: Tensor, penalty: float, mean: bool) -> Tensor:
    """All m b unknowns of the augmented problem, then those of one orbit added up: its kernels are equal on average."""
    everything, labels = _moved(x, moves).flatten(0, 1), y.repeat(len(moves))
    weight = penalty * len(labels) if mean else penalty
    full = torch.linalg.solve(_gaussian(everything, everything) + weight * torch.eye(len(labels), dtype=x.dtype), labels)
    return full.reshape(len(moves), len(x)).sum(0)


def _likely_coefficients(x: Tensor, y: Tensor, moves: Tensor, penalty: float, mean: bool) -> dict:
    b, m, one = len(x), len(moves), torch.eye(len(x), dtype=x.dtype)
    every = torch.stack([_gaussian(x, z) for z in _moved(x, moves)])
    kernel, still = every.mean(0), [k for k, p in enumerate(moves.tolist()) if p == sorted(p)][0]

    def solved(k: Tensor, *weights: float) -> list[Tensor]:
        return [torch.linalg.solve(k + weight * one, y) for weight in weights]

    right = penalty * b if mean else penalty / m
    usual = (right, penalty, penalty / m)
    squares = torch.stack([(x[:, None] - z[None]).square().sum(2) for z in _moved(x, moves)])
    middle = _moved(x, moves).mean(0)
    others = [k for k in range(m) if k != still]
    likely = {
        "total": solved(every.sum(0), *usual, penalty * b * m, penalty * m) + [_full_fit(x, y, moves, penalty, mean) / m],
        "plain": solved(every[still], *usual),
        "middle": solved(_gaussian(x, middle), *usual) + solved(_gaussian(middle, middle), *usual),
        "largest": solved(every.amax(0), *usual),
        "width": solved((-squares).exp().mean(0), *usual) + solved((-squares.sqrt() / 2).exp().mean(0), *usual),
        "some": solved(every[others].mean(0) if others else kernel, *usual) + solved(every[others].sum(0) / m, *usual),
        "combined": [kernel @ solved(kernel, right)[0]],
    }
    numbers = x.shape[1]
    letters = {"letters": solved(kernel, penalty * numbers, penalty / numbers, penalty * m if mean else penalty / b)}
    if mean:
        return {
            "mean_ignored": solved(kernel, penalty / m),
            "mean_copies": solved(kernel, penalty * b / m, penalty * b * m, penalty / (b * m)),
            "mean_examples": solved(kernel, penalty, penalty / b),
        } | letters | likely
    other = {"other": solved(kernel, penalty * b)}
    return {"same": solved(kernel, penalty)} | other | {"more": solved(kernel, penalty * m, penalty * m * b)} | letters | likely


def _fit_case(random, name: str, items: int) -> tuple[Tensor, Tensor, Tensor, float]:
    rows = torch.tensor(_members(random, name))
    x = random.normal(items, rows.shape[1])
    return x, random.away_from_zero(items), rows, float(random.uniform(1, low=0.5, high=1.5))


def _compare_fit(found: object, case: tuple, mean: bool) -> None:
    truth = _full_fit(*case, mean)
    if isinstance(found, Tensor) and found.numel() == len(truth) * len(case[2]) > len(truth):
        raise Wrong("copies")
    value = as_tensor(found, truth.shape)
    if not close(value, truth, 1e-7):
        raise nearest(value, _likely_coefficients(*case, mean), "value", 1e-7)


@orbit_coefficients.property(points=2)
def fits_the_sum_of_squares(answer, random):
    case = random.once(_fit_case, "S_4", 3)
    _compare_fit(answer(*case, False), case, False)


@orbit_coefficients.property(points=1)
def fits_the_mean_of_squares(answer, random):
    case = random.once(_fit_case, "S_3", 5)
    _compare_fit(answer(*case, True), case, True)
    x, y, moves, penalty = case
    still = moves[[k for k, p in enumerate(moves.tolist()) if p == sorted(p)]]
    for edge in ((x[:1], y[:1], moves, penalty), (x, y, still, penalty)):
        try:
            _compare_fit(called("single", answer, *edge, True), edge, True)
        except Wrong as wrong:
            raise Wrong("single", seen=f"examples: {len(edge[0])}, moves: {len(edge[2])}, mean=True") from wrong


@orbit_coefficients.property(points=1)
def fits_at_the_edges(answer, random):
    x, y, moves, penalty = random.once(_fit_case, "S_3", 6)
    fixed = x.clone()
    fixed[0, 1] = fixed[0, 0]  # an exchange leaves it alone
    still = moves[[k for k, p in enumerate(moves.tolist()) if p == [0, 1, 2]]]
    kinds, one, several = set(), (x[:1], y[:1], moves, penalty), (x, y, still, penalty)
    cases = ((fixed, y, moves, penalty), one, several, (x[:3], y[:3], moves, penalty))
    for case in cases:
        found = called("single", answer, *case, False)
        kinds.add(getattr(found, "dtype", None))
        try:
            _compare_fit(found, case, False)
        except Wrong as wrong:
            raise Wrong("single", seen=f"examples: {len(case[0])}, moves: {len(case[2])}") from wrong
    for mean in (False, True):
        truth, found = (called("float32", answer, *pair, moves, penalty, mean) for pair in ((x, y), (x.float(), y.float())))
        if kinds != {torch.float64} or getattr(found, "dtype", None) != torch.float32:
            raise Wrong("float32")
        if not close(as_tensor(found, y.shape), as_tensor(truth, y.shape), 1e-3):
            raise Wrong("float32")
