"""A hidden layer as one point theta of parameter space, and what moves it without changing the function.

Chapters: frontiers/parameter_symmetry. Hidden neurons have no names (S_h), a ReLU neuron has no scale (positive numbers), a
tanh neuron no sign ({+1, -1}), and an attention head no basis (GL(d)). All are left actions. The first and the third are
finite groups of `course_lib.groups`; rescaling and changes of basis are written out. An orbit holds vectors of one function,
in general not all of them: a neuron may be split in two, or idle. Sources: Hecht-Nielsen (1990) and Sussmann (1992) for orders
and signs, all there is for irreducible tanh nets; Grigsby, Lindsey & Rolnick (2023) for what else ReLU nets may have; Zhao,
Walters & Yu (2025), a survey.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.groups import Action, SignFlipGroup, SymmetricGroup, joint_action, signed_permutations

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "sin": torch.sin}
HOMOGENEOUS, ODD = ("relu",), ("tanh", "sin")


@dataclass(frozen=True)
class HiddenLayer:
    """f(x) = V act(W x + b) + c, with all parameters in one vector theta = (W, b, V, c) of `size` numbers.

    W `(h, d)` and b `(h,)` are what neurons read, V `(k, h)` what they write, c `(k,)` belongs to none. Activations: "relu",
    "tanh", "sin"; ValueError for others, or sizes below 1. Called with a batch of vectors `(m, size)` and inputs `(n, d)`,
    it gives the outputs of every net for every input, `(m, n, k)`.

    >>> net = HiddenLayer(2, 3, 1)
    >>> net.size, net(torch.zeros(5, net.size), torch.ones(7, 2)).shape
    (13, torch.Size([5, 7, 1]))
    """

    inputs: int
    hidden: int
    outputs: int
    activation: str = "relu"

    def __post_init__(self) -> None:
        if min(self.inputs, self.hidden, self.outputs) < 1:
            raise ValueError(f"inputs, hidden and outputs must be at least 1, got {self}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {tuple(ACTIVATIONS)}, got {self.activation!r}")

    @property
    def size(self) -> int:
        return self.hidden * (self.inputs + 1 + self.outputs) + self.outputs

    def split(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """W `(..., h, d)`, b `(..., h)`, V `(..., k, h)` and c `(..., k)` of vectors `(..., size)`."""
        if theta.dim() < 1 or theta.shape[-1] != self.size:
            raise ValueError(f"theta must hold vectors of {self.size} parameters, got shape {tuple(theta.shape)}")
        h, d, k = self.hidden, self.inputs, self.outputs
        w, b, v, c = theta.split([h * d, h, k * h, k], -1)
        return w.unflatten(-1, (h, d)), b, v.unflatten(-1, (k, h)), c

    def join(self, w: Tensor, b: Tensor, v: Tensor, c: Tensor) -> Tensor:
        """The vectors `(..., size)` of these parts: `split` undone."""
        return torch.cat([w.flatten(-2), b, v.flatten(-2), c], -1)

    def __call__(self, theta: Tensor, x: Tensor) -> Tensor:
        w, b, v, c = self.split(theta)
        hidden = ACTIVATIONS[self.activation](x @ w.mT + b[..., None, :])
        return hidden @ v.mT + c[..., None, :]

    def start(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` random starts `(count, size)`: weights normal with variance 2 / d and 1 / h, biases 0.1 wide; float64."""
        w, b, v, c = self.split(torch.randn(count, self.size, generator=generator, dtype=torch.float64))
        return self.join(w * (2 / self.inputs) ** 0.5, 0.1 * b, v / self.hidden**0.5, 0 * c)


def neuron_permutations(net: HiddenLayer) -> Action:
    """S_h on theta: neuron i goes to place p[i], with all that it reads and all that it writes.

    A p of this kind is the inverse of an order of `frontiers.merging`, where order[i] is the neuron that comes to place i.

    >>> net = HiddenLayer(1, 3, 1)  # W, b, V, c one behind the other
    >>> theta = torch.tensor([[1, 2, 3, 10, 20, 30, 4, 5, 6, 0]])
    >>> neuron_permutations(net).act(torch.tensor([[1, 2, 0]]), theta).tolist()
    [[[3, 1, 2, 30, 10, 20, 6, 4, 5, 0]]]
    """

    def move(g: Tensor, theta: Tensor) -> Tensor:
        w, b, v, c = net.split(theta)
        source = g.argsort(1)  # place j is filled from neuron p^-1(j)
        w, b, v = w[:, source].transpose(0, 1), b[:, source].transpose(0, 1), v[:, :, source].permute(2, 0, 1, 3)
        return net.join(w, b, v, c.expand(len(g), *c.shape))

    return Action(SymmetricGroup(net.hidden), (net.size,), move, name="neurons renamed")


def neuron_signs(net: HiddenLayer) -> Action:
    """{+1, -1}^h on theta: a neuron's weights, bias and output weights change sign. ValueError if the activation is not odd.

    >>> neuron_signs(HiddenLayer(1, 1, 1, "tanh")).act(torch.tensor([[-1]]), torch.tensor([[2.0, 3, 4, 5]])).tolist()
    [[[-2.0, -3.0, -4.0, 5.0]]]
    """
    if net.activation not in ODD:
        raise ValueError(f"net must have an odd activation, one of {ODD}, got {net.activation!r}")

    def move(g: Tensor, theta: Tensor) -> Tensor:
        s = g.to(theta.dtype)[:, None]
        w, b, v, c = net.split(theta)
        return net.join(s[..., None] * w, s * b, s[..., None, :] * v, c.expand(len(g), *c.shape))

    return Action(SignFlipGroup(net.hidden), (net.size,), move, name="neurons with other signs")


def neuron_signed_permutations(net: HiddenLayer) -> Action:
    """Both at once, a group of order 2^h h!: rename the neurons, then change signs. ValueError if the activation is not odd.

    >>> neuron_signed_permutations(HiddenLayer(2, 3, 1, "tanh")).group.order
    48
    """
    return joint_action(signed_permutations(net.hidden), neuron_signs(net), neuron_permutations(net))


def rescale(net: HiddenLayer, theta: Tensor, alpha: Tensor) -> Tensor:
    """Positive rescaling of neurons: what neuron j reads is multiplied by alpha_j, what it writes divided by it.

    `theta` `(m, size)`, `alpha` `(h,)` or `(m, h)`, positive -> `(m, size)`. relu(a z) = a relu(z) for a > 0, so the function
    stays. ValueError for another activation, or if some alpha is not positive.

    >>> rescale(HiddenLayer(1, 1, 1), torch.tensor([[2.0, 3, 4, 5]]), torch.tensor([2.0])).tolist()
    [[4.0, 6.0, 2.0, 5.0]]
    """
    if net.activation not in HOMOGENEOUS:
        raise ValueError(f"net must have an activation with act(a z) = a act(z), one of {HOMOGENEOUS}, got {net.activation!r}")
    if alpha.shape[-1:] != (net.hidden,) or not (alpha > 0).all():
        raise ValueError(f"alpha must be {net.hidden} positive numbers, got {alpha.tolist()}")
    w, b, v, c = net.split(theta)
    return net.join(alpha[..., None] * w, alpha * b, v / alpha[..., None, :], c)


def change_of_basis(queries: Tensor, keys: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """GL(d) inside an attention head: W_q -> W_q A^T, W_k -> W_k A^-1, so that W_q W_k^T stays. A left action.

    Values and outputs of a head have a basis of their own: W_v -> W_v A^T, W_o -> A^-T W_o keeps W_v W_o.

    `queries`, `keys` `(width, d)`, `basis` `(d, d)`; ValueError if the basis is singular.

    >>> q, k = change_of_basis(torch.ones(1, 1), torch.ones(1, 1), torch.tensor([[4.0]]))
    >>> q.item(), k.item()
    (4.0, 0.25)
    """
    if torch.linalg.matrix_rank(basis) < len(basis):
        raise ValueError(f"basis must be invertible, got a matrix of rank {int(torch.linalg.matrix_rank(basis))}")
    return queries @ basis.mT, keys @ torch.linalg.inv(basis)


def twins(net: HiddenLayer, theta: Tensor) -> Tensor:
    """Neurons of the second half become copies of the first half: `(m, size)`, fixed by h / 2 exchanges. h must be even.

    >>> twins(HiddenLayer(1, 2, 1), torch.tensor([[1.0, 2, 3, 4, 5, 6, 7]])).tolist()
    [[1.0, 1.0, 3.0, 3.0, 5.0, 5.0, 7.0]]
    """
    if net.hidden % 2:
        raise ValueError(f"net must have an even number of hidden neurons, got {net.hidden}")
    w, b, v, c = net.split(theta)
    half = torch.arange(net.hidden) % (net.hidden // 2)
    return net.join(w[..., half, :], b[..., half], v[..., half], c)
