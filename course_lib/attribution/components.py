"""Games whose players are parts of a model.

Chapters: attribution/mediation, attribution_patching.

Two games look at a clean input x and a corrupted one x' from both ends:

* `component_game` runs on x' and lets component k fade in from the clean run: c_k <- h_k + g_k (c_k(x) - h_k);
* `ablation_game`, its mirror, runs on x and lets it fade out: c_k <- r_k + g_k (h_k - r_k), where r_k is zero, a mean, or
  the component's value on another input.

h_k is what the component computes *in this run*, downstream of all other changes. With a constant in its place every
player behind another would be clamped, and what an early component does through a later one would be lost. In the first
game `add_one_in` is activation patching (denoising) and the gradient at 0 is attribution patching; in the second
`leave_one_out` is ablation (or noising) and `shapley` is Neuron Shapley.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from course_lib.attribution.interventions import (
    Component,
    Target,
    mixes,
    owners_of,
    read_target,
    record,
    replaced,
    same_shape,
    sites_of,
)
from course_lib.games import Game


def component_game(
    model: nn.Module,
    clean: Tensor | Mapping[str, Tensor],
    corrupted: Tensor,
    components: Sequence[Component],
    *,
    target: Target = None,
) -> Game:
    """v(g): the model runs on `corrupted` with c_k <- h_k + g_k (c_k(clean) - h_k), h_k recomputed in the hybrid run.

    `clean` and `corrupted`: pairs of inputs `(r, *shape)`, often one; v is the mean over the pairs. `clean` may also be what
    `record` returned. `target`: which output to explain, None (all), a column, or a function of the outputs
    `(b, *out) -> (b,)`. All gates at 0 is the corrupted run. All at 1 is the clean run if the components cut every path
    from the input to the output. Raises ValueError for shapes that do not fit, no component, or an unknown site.

    >>> model = nn.Sequential(nn.Identity(), nn.Flatten())
    >>> game = component_game(model, torch.ones(1, 2), torch.zeros(1, 2), [Component("0", (0,)), Component("0", (1,))])
    >>> game(torch.tensor([[0.5, 1.0]])).tolist()
    [[0.5, 1.0]]
    """
    return _game(model, corrupted, clean, components, target, mirror=False)


def ablation_game(
    model: nn.Module,
    x: Tensor,
    replacement: Tensor | Mapping[str, Tensor],
    components: Sequence[Component],
    *,
    target: Target = None,
) -> Game:
    """v(g): the model runs on `x` with c_k <- r_k + g_k (h_k - r_k): at gate 0 the component has its replacement.

    `x (r, *shape)`; `replacement`: other inputs of that shape, as in `component_game`, or activations by site, such as
    `mean_activations` and `zero_activations` return. All gates at 1 is the plain run. Raises ValueError as `component_game`.

    >>> model = nn.Sequential(nn.Identity(), nn.Flatten())
    >>> game = ablation_game(model, torch.ones(1, 2), torch.zeros(1, 2), [Component("0", (0,))])
    >>> game(torch.tensor([[0.0], [1.0]])).tolist()
    [[0.0, 1.0], [1.0, 1.0]]
    """
    return _game(model, x, replacement, components, target, mirror=True)


def _game(model, base, source, components, target, mirror: bool) -> Game:
    components = tuple(components)
    sites = sites_of(components)
    if isinstance(source, Tensor):
        same_shape(base, source)
        with torch.no_grad():
            source = record(model, source, sites)
    if base.dim() < 2 or len(base) == 0:
        raise ValueError(f"the input must have shape (r, *shape), a row for each pair, got {tuple(base.shape)}")
    owners, pairs = owners_of(components, source, len(base)), len(base)

    def value(gates: Tensor) -> Tensor:
        rows = base.repeat(len(gates), *[1] * (base.dim() - 1))
        with replaced(model, mixes(owners, source, gates.repeat_interleave(pairs, 0), mirror)):
            outputs = read_target(model(rows), target)
        return outputs.reshape(len(gates), pairs, *outputs.shape[1:]).mean(1)

    dtype = source[components[0].site].dtype
    return Game(value, tuple(map(str, components)), dtype=dtype, device=base.device)
