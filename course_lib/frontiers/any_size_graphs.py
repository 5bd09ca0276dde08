"""Graphs of every size, two questions about them, and small networks that accept them all. Chapters: frontiers/any_dimensional.

One question is intensive, the same for a graph and for its copies glued together (cherry density); one is extensive and
counts (edges). A network has one layer from matrices to matrices made of the diagrams of set partitions (15, or those that
survive a change of size), a ReLU, and a pool. Its weights are learnt at one size, `home`. At other sizes a rule has to say
what a sum over items is divided by: "sums" by powers of the size trained on, whatever n is; "means" by powers of n. At home
both are the same function.
"""

import torch
from torch import Tensor, nn

from course_lib.frontiers.any_dimensional import set_partitions, summed_blocks, survives_duplication, survives_padding

RULES = ("sums", "means")
_ALL = set_partitions(4)
TERMS: dict[str, list[int]] = {  # which of the fifteen partitions a layer from matrices to matrices uses
    "all": list(range(len(_ALL))),
    "padding": [k for k, one in enumerate(_ALL) if survives_padding(one, 2)],
    "duplication": [k for k, one in enumerate(_ALL) if survives_duplication(one, 2)],
}
TARGETS = {  # adjacency matrices (b, n, n) -> (b,)
    "cherry density": lambda a: a.mean(2).square().mean(1),
    "edges": lambda a: a.sum((1, 2)) / 2,
}


def random_graphs(count: int, n: int, generator: torch.Generator) -> Tensor:
    """Adjacency matrices of `count` graphs without loops, `(count, n, n)`: i and j are joined with probability r_i r_j.

    Each graph has its own middle q in [0.3, 0.7] and width h in [0, 0.3], and r_i is uniform on [q - h, q + h]: density and
    evenness differ from graph to graph, and their laws do not depend on n. Raises ValueError for n < 2.

    >>> a = random_graphs(2, 5, torch.Generator().manual_seed(0))
    >>> a.shape, bool((a == a.mT).all()), a.diagonal(dim1=1, dim2=2).sum().item()
    (torch.Size([2, 5, 5]), True, 0.0)
    """
    if n < 2:
        raise ValueError(f"n must be at least 2, got {n}")
    middle = 0.3 + 0.4 * torch.rand(count, 1, generator=generator)
    width = 0.3 * torch.rand(count, 1, generator=generator)
    r = middle + width * (2 * torch.rand(count, n, generator=generator) - 1)
    upper = (torch.rand(count, n, n, generator=generator) < r[:, :, None] * r[:, None]).float().triu(1)
    return upper + upper.mT


class AnySizeNet(nn.Module):
    """A number for a graph of any size: `(b, 15, n, n)`, its `diagrams`, -> `(b,)`.

    Channel h: relu(sum_k c_hk D_k / s^p_k + b_h), with D_k the k-th diagram and p_k the number of indices that it sums over.
    Then the sum over all entries divided by s^2 and that over the diagonal divided by s, both read out linearly. s is `home`
    for the rule "sums" and n for the rule "means". `terms` "padding" has no b_h: what was empty stays empty.
    Raises ValueError for unknown terms, an unknown rule, or an input of another shape.

    >>> net = AnySizeNet("all", "means", home=8)
    >>> net(torch.zeros(3, 15, 20, 20)).shape
    torch.Size([3])
    """

    def __init__(self, terms: str, rule: str, home: int, width: int = 8, seed: int = 0) -> None:
        super().__init__()
        if terms not in TERMS or rule not in RULES:
            raise ValueError(f"terms must be one of {tuple(TERMS)} and rule one of {RULES}, got {terms!r} and {rule!r}")
        self.terms, self.rule, self.home = terms, rule, home
        generator = torch.Generator().manual_seed(seed)
        used = torch.zeros(len(_ALL))
        used[TERMS[terms]] = 1.0
        parts = {  # by buffers and not by shapes, so that nets of all terms can be trained side by side
            "powers": torch.tensor([float(summed_blocks(one, 2)) for one in _ALL]),
            "used": used,
            "biased": torch.tensor(float(terms != "padding")),
        }
        for name, value in parts.items():
            self.register_buffer(name, value, persistent=False)
        draws = torch.randn(width, len(_ALL), generator=generator)
        self.coefficients = nn.Parameter(draws * (2 / len(TERMS[terms])) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(width))
        self.readout = nn.Parameter(torch.randn(width, 2, generator=generator) / width**0.5)
        self.offset = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        if features.dim() != 4 or features.shape[1] != len(_ALL) or features.shape[2] != features.shape[3]:
            raise ValueError(f"features must be of shape (b, {len(_ALL)}, n, n), got {tuple(features.shape)}")
        size = float(self.home if self.rule == "sums" else features.shape[-1])
        weights = self.coefficients * self.used * size**-self.powers
        z = (weights @ features.flatten(2)).unflatten(2, features.shape[2:])
        y = torch.relu(z + (self.biased * self.bias)[:, None, None])
        pooled = torch.stack([y.sum((2, 3)) / size**2, y.diagonal(dim1=2, dim2=3).sum(2) / size], 2)
        return (self.readout * pooled).sum((1, 2)) + self.offset
