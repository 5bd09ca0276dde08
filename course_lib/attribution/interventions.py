"""Interventions: read or replace what a part of a model computes, while it runs.

Chapters: attribution/mediation, tracing, attribution_patching, probes.

A component is an activation, or a part of one, at a module of the model: a filter, a head, a neuron, the stream at one
token. Every intervention is a forward hook that replaces what the module returns; `replaced` is the one place where
hooks are set, and it always takes them away again. `components` makes games of such parts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Index = tuple[int | slice | Tensor, ...]
Target = int | Callable[[Tensor], Tensor] | None


@dataclass(frozen=True)
class Component:
    """A part of what one module returns: `site` is the module's name, `index` cuts into its output behind the batch axis.

    `Component("second", (3,))` is filter 3 of a convolution, `Component("layers.0.stream", (5,))` the stream at token 5,
    `Component("layers.1.attention.per_head", (slice(None), 2))` head 2 at every token, and no index the whole output.
    Raises ValueError for an index that is not a tuple.
    """

    site: str
    index: Index = ()
    name: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.site, str) or not isinstance(self.index, tuple):
            raise ValueError(f"site must be a name and index a tuple such as (3,), got {self.site!r} and {self.index!r}")

    def __str__(self) -> str:
        where = ", ".join(":" if part == slice(None) else str(part) for part in self.index)
        return self.name or (f"{self.site}[{where}]" if where else self.site)


@contextmanager
def replaced(model: nn.Module, changes: Mapping[str, Callable[[Tensor], Tensor]]) -> Iterator[None]:
    """While open, each named module of `model` returns `change(output)` in the place of its output.

    The hooks are removed at the end, also after an exception. Raises ValueError for a name that is no module of the model, for
    a module that does not return a single tensor, for a change that does not keep the shape, and at the end for a site
    that no run has reached (a change without effect).

    >>> layer = nn.Sequential(nn.Identity())
    >>> with replaced(layer, {"0": lambda output: 2 * output}):
    ...     layer(torch.ones(1)).item()
    2.0
    """
    modules, reached, handles = dict(model.named_modules()), set(), []
    unknown = [site for site in changes if site not in modules]
    if unknown:
        raise ValueError(f"site must be the name of a module of the model, got {unknown[0]!r}")

    def hook(site: str, change: Callable[[Tensor], Tensor]):
        def replace(_module, _inputs, output: Tensor) -> Tensor:
            reached.add(site)
            if not isinstance(output, Tensor):
                raise ValueError(f"site must return a tensor, got {type(output).__name__} at {site!r}")
            new = change(output)
            if not isinstance(new, Tensor) or new.shape != output.shape:
                got = tuple(new.shape) if isinstance(new, Tensor) else type(new).__name__
                raise ValueError(f"change at {site!r} must keep the shape {tuple(output.shape)}, got {got}")
            return new

        return replace

    try:
        for site, change in changes.items():
            handles.append(modules[site].register_forward_hook(hook(site, change)))
        yield
    finally:
        for handle in handles:
            handle.remove()
    missed = [site for site in changes if site not in reached]
    if missed:
        raise ValueError(f"site must be reached by the run, got {missed[0]!r}, which was not")


def record(model: nn.Module, x: Tensor, sites: Sequence[str]) -> dict[str, Tensor]:
    """What each named module returns when the model reads `x (b, *shape)`: site -> `(b, *activation)`, with its graph.

    >>> record(nn.Sequential(nn.Flatten(), nn.ReLU()), torch.tensor([[-1.0, 2.0]]), ["1"])["1"].tolist()
    [[0.0, 2.0]]
    """
    found: dict[str, Tensor] = {}

    def keep(site: str) -> Callable[[Tensor], Tensor]:
        def store(output: Tensor) -> Tensor:
            found[site] = output
            return output

        return store

    with replaced(model, {site: keep(site) for site in sites}):
        model(x)
    return found


def patch(model: nn.Module, x: Tensor, components: Sequence[Component], source: Mapping[str, Tensor]) -> Tensor:
    """The model's output on `x (b, *shape)` with the components set to their values in `source` (site -> activations).

    `source` comes from `record` on another input (activation patching), is a mean over many, or zero: one row for all
    inputs or one for each. It is copied, never followed: components behind one another all end at their source. Raises
    ValueError as `replaced`, and for a component whose site is not in `source` or whose index does not fit.

    >>> model = nn.Sequential(nn.Identity(), nn.Flatten())
    >>> patch(model, torch.zeros(1, 2), [Component("0", (1,))], {"0": torch.ones(1, 2)}).tolist()
    [[0.0, 1.0]]
    """
    owners = owners_of(components, source, len(x))
    opened = torch.ones(len(x), len(components), dtype=source[components[0].site].dtype, device=x.device)
    with replaced(model, mixes(owners, source, opened)):
        return model(x)


def mean_activations(model: nn.Module, x: Tensor, sites: Sequence[str]) -> dict[str, Tensor]:
    """The mean over the rows of `x (b, *shape)` of what each module returns: site -> `(1, *activation)`.

    >>> mean_activations(nn.Sequential(nn.Identity()), torch.tensor([[1.0], [3.0]]), ["0"])["0"].tolist()
    [[2.0]]
    """
    with torch.no_grad():
        return {site: output.mean(0, keepdim=True) for site, output in record(model, x, sites).items()}


def zero_activations(model: nn.Module, x: Tensor, sites: Sequence[str]) -> dict[str, Tensor]:
    """Zeros in the shape of what each module returns for one input of `x (b, *shape)`: site -> `(1, *activation)`."""
    with torch.no_grad():
        return {site: torch.zeros_like(output[:1]) for site, output in record(model, x[:1], sites).items()}


def sites_of(components: Sequence[Component]) -> list[str]:
    """The sites of the components, each once. Raises ValueError unless there is at least one, and each a `Component`."""
    if not components or not all(isinstance(component, Component) for component in components):
        raise ValueError(f"components must be at least one Component, got {components!r}")
    return list(dict.fromkeys(component.site for component in components))


def owners_of(components: Sequence[Component], source: Mapping[str, Tensor], inputs: int) -> dict[str, Tensor]:
    """Which component owns each entry of the activation at each site, `(*activation)`; their number where none does.

    The one place where sources are checked: they have one row, or one for each of the `inputs`.
    """
    owners: dict[str, Tensor] = {}
    sites_of(components)  # at least one, each a Component
    for k, component in enumerate(components):
        if component.site not in source:
            raise ValueError(f"activations must be given for the site of every component, got none for {component.site!r}")
        activation = source[component.site]
        if len(activation) not in (1, inputs):
            rows = f"one row, or one for each of the {inputs} inputs, got {len(activation)}"
            raise ValueError(f"activations at {component.site!r} must have {rows}")
        nobody = torch.full(activation.shape[1:], len(components), device=activation.device)
        owner = owners.setdefault(component.site, nobody)
        try:
            taken = (owner[component.index] != len(components)).any()
        except IndexError as error:
            raise ValueError(f"index of {component} must fit an activation {tuple(owner.shape)}, got: {error}") from None
        if taken:
            raise ValueError(f"components must not overlap, got an entry of {component} that another one has")
        owner[component.index] = k
    return owners


def mixes(
    owners: Mapping[str, Tensor], source: Mapping[str, Tensor], gates: Tensor, mirror: bool = False
) -> dict[str, Callable[[Tensor], Tensor]]:
    """The change at each site: what a component computes moves to its source by its gate, or (mirror) from it."""
    others = torch.full_like(gates[:, :1], float(mirror))  # entries that no component owns stay as they are
    every = torch.cat([gates, others], 1)

    def change(site: str) -> Callable[[Tensor], Tensor]:
        def mix(output: Tensor) -> Tensor:
            if output.shape[1:] != source[site].shape[1:]:
                shapes = f"{tuple(output.shape[1:])}, got {tuple(source[site].shape[1:])}"
                raise ValueError(f"activations at {site!r} must have the shape {shapes}")
            there = _rows(source[site], len(output)).to(output.dtype)
            gate = every[:, owners[site]].to(output.dtype)
            return torch.lerp(there, output, gate) if mirror else torch.lerp(output, there, gate)

        return mix

    return {site: change(site) for site in owners}


def _rows(activation: Tensor, rows: int) -> Tensor:
    """Source activations `(r, ...)` repeated to the rows of a run: input by input, once for each row of gates."""
    return activation.repeat(rows // len(activation), *[1] * (activation.dim() - 1))


def same_shape(first: Tensor, second: Tensor) -> None:
    """Raise ValueError unless both inputs are `(r, *shape)`, row beside row."""
    if first.shape != second.shape or first.dim() < 2:
        shapes = f"{tuple(first.shape)} and {tuple(second.shape)}"
        raise ValueError(f"the two inputs must have one shape with a leading axis of pairs, got {shapes}")


def read_target(outputs: Tensor, target: Target) -> Tensor:
    """What of the outputs `(b, *out)` is to be explained: all, a column, or a function of them: `(b, ...)`.

    Raises ValueError for a target that is no column, or does not give one row per input.
    """
    rows = len(outputs)
    if callable(target):
        outputs = target(outputs)
    elif target is not None:
        column = isinstance(target, int) and not isinstance(target, bool)
        if not column or outputs.dim() != 2 or not 0 <= target < outputs.shape[1]:
            raise ValueError(f"target must be a column of the model's output {tuple(outputs.shape)}, got {target!r}")
        outputs = outputs[:, target]
    if not isinstance(outputs, Tensor) or outputs.dim() == 0 or len(outputs) != rows:
        got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ValueError(f"target must give one row per input ({rows}), got {got}")
    return outputs
