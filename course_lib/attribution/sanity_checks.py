"""Testing explanations themselves: networks with their weights drawn anew, and models that know when they are examined.

Chapters: attribution/sanity_checks, attribution/removal.

Two questions that a map cannot answer about itself. Does it depend on what the network has learned? Draw the weights
anew, layer by layer from the top (Adebayo et al., 2018), and compare. Does it describe the model on inputs that occur? A
scaffold (Slack et al., 2020) shows one rule to rows that look real and another one to the rows that an audit makes up.
"""

import copy
from collections.abc import Callable, Iterator, Sequence

import torch
from sklearn.ensemble import RandomForestClassifier
from torch import Tensor, nn

from course_lib.models import initialise

Rule = Callable[[Tensor], Tensor]
Perturb = Callable[[Tensor, torch.Generator], Tensor]


def randomise_from_top(model: nn.Module, layers: Sequence[str], seed: int) -> Iterator[tuple[str, nn.Module]]:
    """Yield (layer, copy of the model) with the weights of this layer and all before it in `layers` drawn anew.

    `layers`: names of submodules from the top down. New weights follow `models.initialise`, the distribution before
    training; layer k of every copy has the same new weights, so each copy differs from the one before in one layer only
    (cascading randomisation; Adebayo et al., 2018, section 3). The model itself is left as it was. Raises ValueError for
    a name that is no submodule, or one that occurs twice.

    >>> from course_lib.models import MLP
    >>> [name for name, _ in randomise_from_top(MLP([2, 3, 1]), ["layers.2", "layers.0"], seed=0)]
    ['layers.2', 'layers.0']
    """
    known = {name for name, _ in model.named_modules() if name}
    if unknown := [name for name in layers if name not in known]:
        raise ValueError(f"layers must be among {sorted(known)}, got {unknown[0]!r}")
    if len(set(layers)) < len(layers):
        raise ValueError(f"layers must be distinct, got {list(layers)}")
    return _cascade(model, layers, seed)


def _cascade(model: nn.Module, layers: Sequence[str], seed: int) -> Iterator[tuple[str, nn.Module]]:
    generator = torch.Generator().manual_seed(seed)
    for name in layers:
        model = copy.deepcopy(model)
        initialise(model.get_submodule(name), int(torch.randint(2**31, (), generator=generator)))
        yield name, model


def scaffold(biased: Rule, harmless: Rule, looks_real: Rule) -> Rule:
    """The model that decides like `biased` where `looks_real` says so, and like `harmless` elsewhere (Slack et al., 2020).

    All three take rows `(m, d)`; `looks_real` gives booleans `(m,)`, the other two outputs `(m, *out)`. Raises ValueError
    if `looks_real` gives anything else.

    >>> model = scaffold(lambda x: x[:, 0], lambda x: -x[:, 0], lambda x: x[:, 0] > 0)
    >>> model(torch.tensor([[2.0], [-2.0]])).tolist()
    [2.0, 2.0]
    """

    def decide(rows: Tensor) -> Tensor:
        real, shown, hidden = looks_real(rows), harmless(rows), biased(rows)
        if not isinstance(real, Tensor) or real.dtype != torch.bool or real.shape != (len(rows),):
            got = f"{real.dtype} {tuple(real.shape)}" if isinstance(real, Tensor) else type(real).__name__
            raise ValueError(f"looks_real must give one boolean per row ({len(rows)},), got {got}")
        return torch.where(real.reshape(-1, *[1] * (hidden.dim() - 1)), hidden, shown)

    return decide


def perturbation_detector(
    train: Tensor, perturb: Sequence[Perturb], seed: int, *, copies: int = 2, trees: int = 60, doubt: float = 0.4
) -> Rule:
    """A rule `(m, d) -> (m,)` that says which rows look real: a forest trained on real rows and on what an audit makes of them.

    `train` `(r, d)`. Each function in `perturb` turns rows `(r, d)` and a generator into as many perturbed rows; it is
    applied to `copies` copies of the training rows, and as many real rows stand against them. A row passes for real if
    more than the share `doubt` of the forest says so: low, because a scaffold has to keep its rule on real rows.
    Raises ValueError without a perturbation, or if one changes the shape.

    >>> train = torch.randn(80, 2, generator=torch.Generator().manual_seed(0))
    >>> looks_real = perturbation_detector(train, [lambda rows, generator: rows + 9], seed=0, trees=5)
    >>> looks_real(torch.tensor([[0.0, 0.0], [9.0, 9.0]])).tolist()
    [True, False]
    """
    if not perturb:
        raise ValueError("perturb must hold at least one function, got none")
    generator, rows = torch.Generator().manual_seed(1000 + seed), train.repeat(copies, 1)
    fakes = [change(rows, generator) for change in perturb]
    for fake in fakes:
        if fake.shape != rows.shape:
            raise ValueError(f"perturb must keep the shape {tuple(rows.shape)}, got {tuple(fake.shape)}")
    return _forest(rows.repeat(len(fakes), 1), torch.cat(fakes), seed, trees, doubt)


def _forest(real: Tensor, fake: Tensor, seed: int, trees: int, doubt: float) -> Rule:
    labels = [1] * len(real) + [0] * len(fake)
    forest = RandomForestClassifier(trees, random_state=seed).fit(torch.cat([real, fake]).numpy(), labels)
    return lambda x: torch.from_numpy(forest.predict_proba(x.double().numpy())[:, 1] > doubt)


def pasted_row_detector(train: Tensor, seed: int, copies: int = 4) -> Rule:
    """The detector for removal by pasting: `perturbation_detector` against rows with up to half of their columns pasted in.

    >>> rows = torch.randn(60, 1, generator=torch.Generator().manual_seed(0)).double()
    >>> pasted_row_detector(rows.expand(60, 4), seed=0, copies=1)(torch.tensor([[3.0, -3.0, 3.0, -3.0]])).tolist()
    [False]
    """
    return perturbation_detector(train, [pasting(train, most=0.5)], seed, copies=copies)


def pasting(train: Tensor, most: float = 1.0) -> Perturb:
    """Rows with columns from a random row of `train` `(r, d)`: at least one, each with a chance drawn below `most`.

    What marginal removal and SHAP with a background show to a model.

    >>> pasted = pasting(torch.zeros(2, 3))(torch.ones(5, 3), torch.Generator().manual_seed(0))
    >>> bool((pasted == 0).any(1).all())
    True
    """

    def paste(rows: Tensor, generator: torch.Generator) -> Tensor:
        other = train[torch.randint(len(train), (len(rows),), generator=generator)]
        replaced = torch.rand(rows.shape, generator=generator) < torch.rand(len(rows), 1, generator=generator) * most
        replaced[torch.arange(len(rows)), torch.randint(rows.shape[1], (len(rows),), generator=generator)] = True
        return torch.where(replaced, other, rows)

    return paste


def blurring(scale: float) -> Perturb:
    """Rows plus Gaussian noise of standard deviation `scale`: what LIME with Gaussian draws shows to a model.

    >>> blurring(0.1)(torch.zeros(2, 3), torch.Generator().manual_seed(0)).abs().max().item() < 1
    True
    """
    return lambda rows, generator: rows + scale * torch.randn(rows.shape, generator=generator, dtype=torch.float64).to(rows)
