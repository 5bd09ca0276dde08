"""Judging attributions: how far two of them agree, and what happens to the model when it is taken at their word.

Chapters: attribution/removal, attribution/evaluation, attribution/sanity_checks.

Agreement compares maps with each other. Deletion, insertion and removal compare a map with the model, or with a model
trained anew. None of them compares a map with the truth, which is known for planted examples only.
"""

import torch
from scipy.stats import rankdata
from torch import Tensor

from course_lib.attribution.features import Model, Target, _outputs
from course_lib.games.core import BATCH


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's correlation of two score vectors `(n,)`, ties sharing their mean rank; 0 if one of them is constant.

    Raises ValueError for shapes that differ, or fewer than two scores.

    >>> round(rank_correlation(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([10.0, 20.0, 40.0])), 6)
    1.0
    """
    if a.dim() != 1 or a.shape != b.shape or len(a) < 2:
        raise ValueError(f"a and b must be (n,) with n >= 2, got {tuple(a.shape)} and {tuple(b.shape)}")
    ranks = torch.stack([torch.from_numpy(rankdata(scores.detach().cpu().numpy())) for scores in (a, b)])
    centred = ranks - ranks.mean(1, keepdim=True)
    sizes = centred.square().sum(1).sqrt()
    return float(centred[0] @ centred[1] / (sizes[0] * sizes[1])) if sizes.min() > 0 else 0.0


def places(scores: Tensor) -> Tensor:
    """Place of each score within its row, 0 for the largest: `(m, *shape) -> (m, *shape)` whole numbers.

    Equal scores stand in the order of their positions. Raises ValueError for scores without rows or not finite.

    >>> places(torch.tensor([[0.1, 0.7, 0.1]])).tolist()
    [[1, 0, 2]]
    """
    if not isinstance(scores, Tensor) or scores.dim() < 2 or scores.numel() == 0:
        got = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ValueError(f"scores must be (m, *shape) with at least one score, got {got}")
    if not torch.isfinite(scores).all():
        raise ValueError(f"scores must be finite, got {int((~torch.isfinite(scores)).sum())} that are not")
    order = scores.flatten(1).argsort(dim=1, descending=True, stable=True)
    return order.argsort(dim=1).reshape(scores.shape)


def top_agreement(a: Tensor, b: Tensor, k: int, *, signed: bool = False) -> Tensor:
    """Share of the k features of largest |score| in a that are also among those in b: `(m, n), (m, n) -> (m,)`.

    `signed` counts a shared feature only if its two scores have the same sign (a zero agrees with nothing): feature and
    sign agreement of Krishna et al. (2024). Two independent random rankings share k / n on average. Ties in size are
    broken by position. Raises ValueError for shapes that differ or k outside 1..n.

    >>> a, b = torch.tensor([[3.0, -2.0, 1.0]]), torch.tensor([[1.0, 2.0, 0.0]])
    >>> top_agreement(a, b, 2).item(), top_agreement(a, b, 2, signed=True).item()
    (1.0, 0.5)
    """
    if a.dim() != 2 or a.shape != b.shape:
        raise ValueError(f"a and b must both be (m, n), got {tuple(a.shape)} and {tuple(b.shape)}")
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= a.shape[1]:
        raise ValueError(f"k must be an integer between 1 and {a.shape[1]}, got {k!r}")
    shared = (places(a.abs()) < k) & (places(b.abs()) < k)
    if signed:
        shared &= a * b > 0
    return shared.double().sum(1) / k


def remove_top(images: Tensor, scores: Tensor, share: float, fill: Tensor | float) -> Tensor:
    """Copies of `images` `(m, *shape)` in which the given share of entries, those of highest score, are `fill`.

    Each image is ranked by its own scores `(m, *shape)` (signed: pass sizes if sizes are meant), ties by position; the
    number of entries removed is share times all, rounded. `fill`: a number, one input `(*shape)` or one each.
    Raises ValueError for shapes that do not fit or a share outside [0, 1].

    >>> remove_top(torch.tensor([[5.0, 6.0, 7.0, 8.0]]), torch.tensor([[0.0, 2.0, 1.0, -3.0]]), share=0.5, fill=0.0).tolist()
    [[5.0, 0.0, 0.0, 8.0]]
    """
    if images.shape != scores.shape:
        raise ValueError(f"scores must have the shape of images {tuple(images.shape)}, got {tuple(scores.shape)}")
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie in [0, 1], got {share!r}")
    fill = torch.as_tensor(fill).to(images)
    if fill.shape not in ((), images.shape[1:], images.shape):
        shapes = f"() or {tuple(images.shape[1:])} or {tuple(images.shape)}"
        raise ValueError(f"fill must be a number or have shape {shapes}, got {tuple(fill.shape)}")
    return torch.where(places(scores) < round(share * images[0].numel()), fill, images)


def deletion_curve(
    model: Model,
    x: Tensor,
    scores: Tensor,
    baseline: Tensor | float,
    *,
    target: Target | Tensor = None,
    steps: int | None = None,
) -> Tensor:
    """Outputs while entries of x are replaced by the baseline's, highest score first: `(m, steps + 1, *out)`.

    Column t has the share t / steps of entries replaced, so the first is f(x) and the last f(baseline). x and scores
    `(m, *shape)`, baseline as `fill` of `remove_top`. `steps`: default one per entry. `target`: as in `feature_game`, or
    whole numbers `(m,)`, a column for each input. (Deletion: Samek et al., 2017; Petsiuk et al., 2018.)
    For f(x) = x . w the scores w (x - x') give the lowest curve of all orders, at every step.
    Raises ValueError for shapes that do not fit or fewer than one step.

    >>> plane = lambda rows: rows @ torch.tensor([1.0, 3.0])
    >>> deletion_curve(plane, torch.ones(1, 2), torch.tensor([[1.0, 3.0]]), 0.0).tolist()
    [[4.0, 1.0, 0.0]]
    """
    steps = x[0].numel() if steps is None else steps
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be an integer of at least 1, got {steps!r}")
    rows = torch.stack([remove_top(x, scores, t / steps, baseline) for t in range(steps + 1)], 1)
    points = rows.flatten(0, 1)
    own = isinstance(target, Tensor)  # a column for each input
    if own and (target.shape != (len(x),) or target.is_floating_point()):
        raise ValueError(f"target must be whole numbers of shape ({len(x)},), got {target.dtype} {tuple(target.shape)}")
    columns = target.repeat_interleave(steps + 1).split(BATCH) if own else None
    values = []
    with torch.no_grad():
        for i, part in enumerate(points.split(BATCH)):
            pick = _column_of_each_row(columns[i]) if own else target
            values.append(_outputs(model, part, pick, (len(part), 1))[:, 0])
    values = torch.cat(values)
    return values.reshape(len(x), steps + 1, *values.shape[1:])


def insertion_curve(
    model: Model,
    x: Tensor,
    scores: Tensor,
    baseline: Tensor | float,
    *,
    target: Target | Tensor = None,
    steps: int | None = None,
) -> Tensor:
    """Outputs while entries of the baseline are replaced by those of x, highest score first: `(m, steps + 1, *out)`.

    The first column is f(baseline), the last f(x); otherwise as `deletion_curve`, of which it is the mirror image.

    >>> plane = lambda rows: rows @ torch.tensor([1.0, 3.0])
    >>> insertion_curve(plane, torch.ones(1, 2), torch.tensor([[1.0, 3.0]]), 0.0).tolist()
    [[0.0, 3.0, 4.0]]
    """
    start = torch.as_tensor(baseline).to(x).expand(x.shape)
    return deletion_curve(model, start, scores, x, target=target, steps=steps)


def area(curve: Tensor) -> Tensor:
    """Area under curves `(m, t + 1)` by the trapezoid rule, over the share of entries from 0 to 1: `(m,)`.

    The mean height of the curve, in units of the output. Raises ValueError for fewer than two points.

    >>> area(torch.tensor([[4.0, 1.0, 0.0]])).tolist()
    [1.5]
    """
    if curve.dim() != 2 or curve.shape[1] < 2:
        raise ValueError(f"curve must be (m, t + 1) with t >= 1, got {tuple(curve.shape)}")
    return (curve[:, 1:] + curve[:, :-1]).mean(1) / 2


def _column_of_each_row(columns: Tensor):
    return lambda outputs: outputs.gather(1, columns.to(outputs.device)[:, None])[:, 0]
