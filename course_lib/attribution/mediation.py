"""Causal mediation analysis: how much of a difference between two runs passes through some components.

Chapters: attribution/mediation. A model reads an input x and another one, x'. The components M have a value in each run,
M(x) and M(x'), and every mixture of an input and a mediator's value is itself a run of the model. In a study of people
such mixtures are never observed and need assumptions (Pearl, 2001); in a network they are computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.attribution.interventions import Component, Target, patch, read_target, record, same_shape, sites_of


@dataclass(frozen=True)
class Effects:
    """Effects of going from x' to x, each `(r, *out)`: in all, through the mediators, and past them.

    `interaction` = total - indirect - direct: what needs both the new input and the new mediators.
    """

    total: Tensor
    indirect: Tensor
    direct: Tensor

    @property
    def interaction(self) -> Tensor:
        return self.total - self.indirect - self.direct


def mediation_effects(
    model: nn.Module, x: Tensor, other: Tensor, mediators: Sequence[Component], *, target: Target = None
) -> Effects:
    """Total, natural indirect and natural direct effect of x `(r, *shape)` against `other` = x', pair by pair.

    With f(x; M = m) the output on x while the mediators are held at m (Pearl, 2001; Vig et al., 2020):

        TE = f(x) - f(x')    NIE = f(x'; M = M(x)) - f(x')    NDE = f(x; M = M(x')) - f(x')

    TE = NDE - (NIE of the way back, from x to x') always: it telescopes. TE = NIE + NDE if input and mediators do not
    interact, that is if f(x; m) is a function of x plus a function of m. Mediators that cut every path from the input
    give NDE = 0 and NIE = TE. Several mediators at once are one joint mediator; their effects need not add up.
    Raises ValueError as `patch`, and for inputs of different shapes.

    >>> model = nn.Sequential(nn.Identity(), nn.Flatten())
    >>> effects = mediation_effects(model, torch.ones(1, 2), torch.zeros(1, 2), [Component("0", (0,))])
    >>> effects.indirect.tolist(), effects.direct.tolist(), effects.interaction.tolist()
    ([[1.0, 0.0]], [[0.0, 1.0]], [[0.0, 0.0]])
    """
    same_shape(x, other)
    with torch.no_grad():
        here, there = (record(model, rows, sites_of(mediators)) for rows in (x, other))
        before, after = read_target(model(other), target), read_target(model(x), target)
        mediated = read_target(patch(model, other, mediators, here), target)
        past = read_target(patch(model, x, mediators, there), target)
    return Effects(after - before, mediated - before, past - before)
