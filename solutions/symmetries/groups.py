"""Solutions to exercises/symmetries/groups.ipynb."""


# exercise: symmetries/groups/left_moves
import torch


def left_moves(p, q, x):
    """Products, their inverses and every item moved by every product: (m, n), (m, n), (b, n, d) -> dict."""
    product = p.gather(1, q)  # first q, then p
    undo = product.argsort(1)
    moved = x[:, undo].transpose(0, 1)
    return {"product": product, "undo": undo, "moved": moved}


# exercise: symmetries/groups/orbit_and_stabiliser
import torch


def orbit_and_stabiliser(generators, point):
    """Elements that take the point to its orbit, and generators of its stabiliser: (k, n), int -> dict."""
    sent, queue = {point: torch.arange(generators.shape[1])}, [point]
    for i in queue:  # grows while we walk
        for g in generators:
            if int(g[i]) not in sent:
                sent[int(g[i])] = g[sent[i]]
                queue.append(int(g[i]))
    loops = [sent[int(g[i])].argsort()[g[t]] for i, t in sent.items() for g in generators]
    return {"transport": torch.stack([sent[i] for i in sorted(sent)]), "stabiliser": torch.stack(loops)}


# exercise: symmetries/groups/patterns_by_black
import torch


def patterns_by_black(permutations, greys):
    """How many different patterns have 0, 1, ..., n black places: all elements (|G|, n), int -> list of n + 1 ints."""
    places = permutations.shape[1]
    total = [0] * (places + 1)
    for p in permutations.tolist():
        fixed, seen = [1] + [0] * places, set()  # fixed[k]: patterns with k black places that p leaves alone
        for start in range(places):
            length = 0
            while start not in seen:
                seen.add(start)
                start, length = p[start], length + 1
            if length:
                shifted = [0] * length + fixed
                fixed = [greys * fixed[k] + shifted[k] for k in range(places + 1)]
        total = [total[k] + fixed[k] for k in range(places + 1)]
    return [count // len(permutations) for count in total]


# exercise: symmetries/groups/fixed_space
import torch


def fixed_space(generators, directions):
    """Orthogonal projector onto what no element moves: (k, D, D), (l, D, D) -> (D, D)."""
    one = torch.eye(generators.shape[1], dtype=generators.dtype)
    constraints = torch.cat([generators - one, directions]).flatten(0, 1)
    zero = 1e-6 if constraints.dtype == torch.float64 else 1e-3  # singular values that are rounding errors
    return one - torch.linalg.pinv(constraints, atol=zero) @ constraints
