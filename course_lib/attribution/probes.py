"""Probes: classifiers that read a property from a representation, controls for them, and projections that erase.

Chapters: attribution/probes. What a probe decodes is *there*, in a form that the probe can use. Whether the model uses it
is another question, which only an intervention answers. So a probe's accuracy comes with three checks: rows that were not
fitted, a control task that only memory can solve (Hewitt & Liang, 2019), and the rows on which a correlated label
disagrees.

Erasing removes directions from x: x -> x P with the orthogonal projection P = I - U'U. U holds the rows of a probe,
of the next probe on what is left, and so on (INLP; Ravfogel et al., 2020), or the differences between class means.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.attribution.learners import with_intercept
from course_lib.attribution.linear_learners import Logistic, Softmax


@dataclass(frozen=True)
class LinearProbe:
    """Scores x W' + b of each class `(n, k)`; `weights` W `(k, d)` and `offset` b `(k,)` in the units of x."""

    weights: Tensor
    offset: Tensor

    def predict(self, x: Tensor) -> Tensor:
        """The class of the largest score, `(n, d) -> (n,)`."""
        return (x @ self.weights.to(x).T + self.offset.to(x)).argmax(1)

    def accuracy(self, x: Tensor, y: Tensor) -> float:
        """Share of rows whose class is `y (n,)`."""
        if y.shape != x.shape[:1]:
            raise ValueError(f"y must have shape ({len(x)},), one label per row of x, got {tuple(y.shape)}")
        return (self.predict(x) == y).double().mean().item()


def fit_probe(x: Tensor, y: Tensor, penalty: float = 1.0) -> LinearProbe:
    """Multinomial logistic regression of labels 0, 1, ... on rows `(n, d)`, fitted in float64.

    The rows are centred and divided by one number, their root mean square, so that the penalty knows no units and every
    direction is weighed alike. Two classes share one direction, weights -w/2 and w/2. Raises ValueError for shapes that do
    not fit, values that are not finite, labels that are not whole numbers from 0, or fewer than two classes.

    >>> x = torch.tensor([[-1.0, 0.0], [1.0, 0.0]]).double()
    >>> fit_probe(x, torch.tensor([0, 1])).predict(x).tolist()
    [0, 1]
    """
    classes = _classes(x, y)
    rows = x.double()
    centre = rows.mean(0)
    scale = (rows - centre).square().mean().sqrt().clamp(min=1e-12)
    inputs, all_rows = with_intercept((rows - centre) / scale), rows.new_ones(1, len(rows))
    if classes == 2:
        theta = Logistic(penalty).fit(inputs, y, all_rows)
        theta = torch.cat([-theta, theta]) / 2
    else:
        theta = Softmax(penalty, classes).fit(inputs, y, all_rows).reshape(classes, -1)
    weights = theta[:, :-1] / scale
    return LinearProbe(weights.to(x), (theta[:, -1] - weights @ centre).to(x))


def control_labels(types: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """The labels of a control task: each type gets one label at random, whatever it is; `(n,)`, `(n,) -> (n,)`.

    Rows of one type (a country, a word) share their label, as in a real task, but nothing about the type tells which: it
    can be memorised only. Labels are drawn with the frequencies of `y` (Hewitt & Liang, 2019, section 2).

    >>> labels = control_labels(torch.tensor([4, 4, 7]), torch.tensor([0, 0, 1]), torch.Generator().manual_seed(0))
    >>> bool(labels[0] == labels[1])
    True
    """
    if types.dim() != 1 or types.shape != y.shape or len(y) == 0:
        raise ValueError(f"types and y must be vectors of one length, got {tuple(types.shape)} and {tuple(y.shape)}")
    _, place = types.unique(return_inverse=True)
    draws = torch.randint(len(y), (int(place.max()) + 1,), generator=generator)
    return y[draws.to(y.device)][place]


def conflict_accuracy(predicted: Tensor, y: Tensor, other: Tensor) -> float:
    """Accuracy on the rows where a correlated label `other` disagrees with `y`; all `(n,)`.

    A probe that reads `other` in place of `y` gets 0 here. Raises ValueError if the two labels never disagree.

    >>> conflict_accuracy(torch.tensor([1, 1, 0]), torch.tensor([1, 0, 0]), torch.tensor([1, 1, 1]))
    0.5
    """
    if not predicted.shape == y.shape == other.shape:
        shapes = ", ".join(str(tuple(labels.shape)) for labels in (predicted, y, other))
        raise ValueError(f"predicted, y and other must have one shape, got {shapes}")
    conflict = y != other
    if not conflict.any():
        raise ValueError("other must disagree with y in some row, got none")
    return (predicted == y)[conflict].double().mean().item()


def directions(matrix: Tensor) -> Tensor:
    """An orthonormal basis `(k, d)` of the rows of `matrix (m, d)`; k is its rank, a zero matrix has none.

    >>> directions(torch.tensor([[0.0, 2.0], [0.0, -4.0]])).abs().tolist()
    [[0.0, 1.0]]
    """
    _, sizes, rows = torch.linalg.svd(matrix, full_matrices=False)
    smallest = sizes.max() * max(matrix.shape) * torch.finfo(matrix.dtype).eps if len(sizes) else 0
    return rows[(sizes > smallest) & (sizes > 0)]


def projection(basis: Tensor) -> Tensor:
    """P = I - U'U `(d, d)`, which removes the orthonormal rows U `(k, d)`: symmetric, P P = P, rank d - k.

    Raises ValueError for rows that are not orthonormal.

    >>> projection(torch.tensor([[0.0, 1.0]])).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    k, d = basis.shape
    eye, tolerance = torch.eye(k, dtype=basis.dtype, device=basis.device), 1e3 * torch.finfo(basis.dtype).eps
    if not ((basis @ basis.T - eye).abs() <= tolerance).all():
        raise ValueError("basis must have orthonormal rows: pass it through `directions` first")
    return torch.eye(d, dtype=basis.dtype, device=basis.device) - basis.T @ basis


def erase(x: Tensor, basis: Tensor, centre: Tensor) -> Tensor:
    """Rows `(n, d)` moved to where `centre (d,)` lies along the basis `(k, d)`: c + (x - c) P; the rest stays."""
    return centre + (x - centre) @ projection(basis).to(x)


def inlp(x: Tensor, y: Tensor, steps: int, penalty: float = 1.0) -> Tensor:
    """Iterated null-space projection: the basis `(k, d)` of what `steps` probes read, each on what the last ones left.

    Two classes give one direction a step, c classes up to c - 1. It ends early when nothing is left. The first rows are
    those of fewer steps. Raises ValueError as `fit_probe`, or for fewer than one step.

    >>> x = torch.tensor([[-1.0, 0.0], [1.0, 0.0]]).double()
    >>> inlp(x, torch.tensor([0, 1]), steps=1).abs().tolist()
    [[1.0, 0.0]]
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be an integer of at least 1, got {steps!r}")
    _classes(x, y)
    basis, rows = x.new_zeros(0, x.shape[1]), x
    for _ in range(steps):
        weights = fit_probe(rows, y, penalty).weights
        found = directions(weights[1:] - weights[:1])  # what is common to all classes decides nothing
        found = directions(found @ projection(basis)) if len(basis) else found  # of its last digits
        if len(found) + len(basis) > x.shape[1] or not len(found):
            break
        basis = torch.cat([basis, found])
        rows = x @ projection(basis)
    return basis


def mean_directions(x: Tensor, y: Tensor) -> Tensor:
    """The basis `(k, d)` of the differences between class means; k is at most the number of classes - 1.

    Erasing it makes all class means equal, and then no linear probe on these rows has a smaller convex loss than a constant
    one (Belrose et al., 2023, "LEACE", theorem 3.1; LEACE itself chooses the oblique projection that changes x least).

    >>> mean_directions(torch.tensor([[0.0, 1.0], [2.0, 1.0]]), torch.tensor([0, 1])).abs().tolist()
    [[1.0, 0.0]]
    """
    classes = _classes(x, y)
    means = torch.stack([x[y == label].mean(0) for label in range(classes) if (y == label).any()])
    return directions(means[1:] - means[:1])


def correlated_tasks(n: int, kappa: float, generator: torch.Generator, noise: float = 0.3) -> tuple[Tensor, Tensor, Tensor]:
    """Rows `(n, 16)` in float64, a concept and a main label `(n,)` with P(concept = main) = kappa.

    Entry 0 is the sign of the concept times a size from 0.15 to 1.15, entry 8 the same for the main label: each alone tells its
    label without error. The others are normal noise. After the synthetic data of Kumar, Tan & Sharma (2022), section 4.

    >>> x, concept, main = correlated_tasks(3, 1.0, torch.Generator().manual_seed(0))
    >>> bool(((x[:, 0] > 0) == concept).all() and (concept == main).all())
    True
    """
    if not 0 <= kappa <= 1:
        raise ValueError(f"kappa must lie between 0 and 1, got {kappa}")
    concept = torch.randint(0, 2, (n,), generator=generator)
    agree = torch.rand(n, generator=generator, dtype=torch.float64) < kappa
    main = torch.where(agree, concept, 1 - concept)
    x = noise * torch.randn(n, 16, generator=generator, dtype=torch.float64)
    for column, label in ((0, concept), (8, main)):
        x[:, column] = (2 * label - 1) * (0.15 + torch.rand(n, generator=generator, dtype=torch.float64))
    return x, concept, main


def _classes(x: Tensor, y: Tensor) -> int:
    """The number of classes of labels 0, 1, ...; ValueError for what no probe can be fitted to."""
    if x.dim() != 2 or len(x) == 0 or not x.is_floating_point() or not torch.isfinite(x).all():
        raise ValueError(f"x must be finite floating-point rows (n, d), got {x.dtype} {tuple(x.shape)}")
    if y.shape != x.shape[:1]:
        raise ValueError(f"y must have shape ({len(x)},), one label per row of x, got {tuple(y.shape)}")
    if y.is_floating_point() or y.is_complex() or y.min() < 0 or len(y.unique()) < 2:
        raise ValueError(f"y must be whole numbers from 0 with at least two classes, got {y.unique().tolist()[:5]}")
    return int(y.max()) + 1
