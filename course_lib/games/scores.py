"""What every estimator returns: scores, how sure they are, and what they cost. Chapters: attribution/overview ff."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Attribution:
    """One score per player.

    `scores` `(n, *out)`; `standard_errors` of the same shape, zero if exact; `evaluations`: rows of `value` that were
    computed; `error_kind` says what the standard errors are ("exact", "antithetic pairs", "sandwich", ...).
    `plot`, `top` and `table` want one output and raise ValueError otherwise.

    >>> Attribution(torch.tensor([1.0, -3.0]), torch.zeros(2), 3, ("a", "b")).top(1)
    [('b', -3.0)]
    """

    scores: Tensor
    standard_errors: Tensor
    evaluations: int
    players: Sequence[str]
    error_kind: str = "exact"

    def __post_init__(self) -> None:
        object.__setattr__(self, "players", tuple(self.players))
        if len(self.scores) != len(self.players):
            raise ValueError(f"scores must have one row per player ({len(self.players)}), got {len(self.scores)}")
        if self.standard_errors.shape != self.scores.shape:
            shapes = f"{tuple(self.scores.shape)}, got {tuple(self.standard_errors.shape)}"
            raise ValueError(f"standard_errors must have the shape of scores, {shapes}")

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """The `k` players of largest |score|, largest first."""
        scores = self._one_output()
        order = scores.abs().argsort(descending=True, stable=True)[:k]
        return [(self.players[i], scores[i].item()) for i in order.tolist()]

    def table(self) -> str:
        """Players, scores and standard errors as aligned text."""
        scores, errors = self._one_output().tolist(), self.standard_errors.tolist()
        width = max(6, *(len(name) for name in self.players))
        lines = [f"{'player':{width}}  {'score':>10}  {'std. error':>10}"]
        rows = zip(self.players, scores, errors, strict=True)
        return "\n".join(lines + [f"{name:{width}}  {score:10.4f}  {error:10.4f}" for name, score, error in rows])

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Horizontal bars; negative ones are hatched as well as coloured; whiskers are 1.96 standard errors."""
        import matplotlib.pyplot as plt  # here, since scores are computed where nothing is drawn

        ax = ax or plt.gca()
        scores = self._one_output().detach().cpu()
        whiskers = None if self.error_kind == "exact" else (1.96 * self.standard_errors.detach().cpu()).tolist()
        colours = ["#0072B2" if score >= 0 else "#D55E00" for score in scores]
        bars = ax.barh(range(len(scores)), scores.tolist(), xerr=whiskers, color=colours, edgecolor="white")
        for bar, score in zip(bars, scores, strict=True):
            bar.set_hatch("" if score >= 0 else "////")
        ax.set_yticks(range(len(scores)), self.players)
        ax.invert_yaxis()
        ax.axvline(0, color="#222222", linewidth=0.8)
        return ax

    def _one_output(self) -> Tensor:
        if self.scores.dim() != 1:
            raise ValueError(f"scores must be (n,) to be listed or drawn, got {tuple(self.scores.shape)}: choose one output")
        return self.scores


def exact(scores: Tensor, evaluations: int, players: Sequence[str]) -> Attribution:
    """An attribution without sampling error."""
    return Attribution(scores, torch.zeros_like(scores), evaluations, players)
