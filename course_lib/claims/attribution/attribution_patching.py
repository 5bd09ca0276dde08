"""Claims of chapters/attribution/attribution_patching.ipynb."""

from dataclasses import dataclass
from functools import cache

import torch
from scipy.stats import spearmanr
from torch import Tensor

from course_lib.attribution.attribution_patching import input_path, node_estimates
from course_lib.attribution.node_patching import all_nodes, node_patches, node_path
from course_lib.attribution.replacement_pairs import Pairs, metric, replacement_pairs
from course_lib.claims.core import Record, decide, mean_interval
from course_lib.transformer import fact_model

NODES = {  # kind of node: the site in each layer, and how many of its axes number the nodes
    "stream": ("stream", 1),
    "attention": ("from_attention", 1),
    "head": ("attention.per_head", 2),
    "MLP": ("from_mlp", 1),
    "neuron": ("mlp.neurons", 2),
}
DIRECTIONS = ("denoising", "noising")
SHOWN, TESTED = 40, 40  # pairs that the chapter shows, and pairs that only the claims see


@cache
def pairs_of_the_free_model() -> Pairs:
    """Random replacement pairs, each about another fact: the chapter's first, then those of the claims."""
    return replacement_pairs(fact_model(), SHOWN + TESTED)


def nodes_of(pairs: Pairs, kind: str, neurons: int = 150, seed: int = 0) -> dict[str, Tensor]:
    """All nodes of a kind in the three layers, site -> `(k, axes)`; of the neurons a random `neurons` a layer."""
    if kind not in NODES:
        raise ValueError(f"kind must be one of {tuple(NODES)}, got {kind!r}")
    (site, axes), generator = NODES[kind], torch.Generator().manual_seed(seed)
    inner = {"head": 4, "neuron": 256}.get(kind)
    every = all_nodes((pairs.clean.shape[1], inner) if inner else (pairs.clean.shape[1],), axes)
    if kind != "neuron":
        return {f"layers.{layer}.{site}": every for layer in range(3)}
    return {f"layers.{layer}.{site}": every[torch.randperm(len(every), generator=generator)[:neurons]] for layer in range(3)}


@dataclass(frozen=True)
class Effects:
    """Real patches and estimates of the same nodes `(r, k)`, and which are live (carry a difference to the answer)."""

    patches: Tensor
    estimates: Tensor
    live: Tensor

    def ranks(self) -> Tensor:
        """Spearman's rank correlation over the live nodes of each pair, `(r,)`."""
        rows = zip(self.patches, self.estimates, self.live, strict=True)
        return torch.tensor([float(spearmanr(patch[live], estimate[live])[0]) for patch, estimate, live in rows])

    def slopes(self) -> Tensor:
        """Each pair's sum(estimate * patch) / sum(patch^2): the slope of the estimates on the patches, `(r,)`."""
        products, squares = (self.patches * other * self.live for other in (self.estimates, self.patches))
        return products.sum(1) / squares.sum(1)

    def points(self) -> tuple[Tensor, Tensor]:
        """Patches and estimates of all live nodes, as two vectors."""
        return self.patches[self.live], self.estimates[self.live]


@cache
def effects(
    kind: str,
    reading: str = "logit difference",
    direction: str = "denoising",
    rows: range = range(SHOWN),
    method: str = "tangent",
    steps: int = 8,
) -> Effects:
    """Patches of all nodes of a kind in some of the pairs, and their estimates by "tangent", "input path" or "own path"."""
    pairs, model = pairs_of_the_free_model()[list(rows)], fact_model()
    if direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {DIRECTIONS}, got {direction!r}")
    ends = (pairs.clean, pairs.corrupted) if direction == "denoising" else (pairs.corrupted, pairs.clean)
    nodes, read = nodes_of(pairs, kind), metric(pairs, reading)
    if method == "tangent":
        estimates = node_estimates(model, *ends, nodes, read)
    elif method == "input path":
        estimates = input_path(model, *ends, nodes, read, entry="embedded", steps=steps)
    elif method == "own path":
        estimates = {site: node_path(model, *ends, site, places, read, steps) for site, places in nodes.items()}
    else:
        raise ValueError(f"method must be 'tangent', 'input path' or 'own path', got {method!r}")
    live = torch.cat([_live(pairs, site, places) for site, places in nodes.items()], 1)
    return Effects(_patches(kind, reading, direction, rows), torch.cat(list(estimates.values()), 1), live)


def _live(pairs: Pairs, site: str, places: Tensor) -> Tensor:
    """Nodes that carry a difference to the answer `(r, k)`: behind the last layer's attention only the last token does."""
    ends = torch.arange(pairs.live.shape[1]) == pairs.last[:, None]
    return (ends if site.startswith("layers.2.") else pairs.live)[:, places[:, 0]]


@cache
def _patches(kind: str, reading: str, direction: str, rows: range) -> Tensor:
    """The real patches `(r, k)`: one run for each pair and node."""
    pairs, model = pairs_of_the_free_model()[list(rows)], fact_model()
    ends = (pairs.clean, pairs.corrupted) if direction == "denoising" else (pairs.corrupted, pairs.clean)
    read = metric(pairs, reading)
    return torch.cat([node_patches(model, *ends, *node, read) for node in nodes_of(pairs, kind).items()], 1)


def _fresh(count: int) -> range:
    if not 2 <= count <= TESTED:
        raise ValueError(f"count must lie between 2 and {TESTED}, got {count}")
    return range(SHOWN, SHOWN + count)


def estimates_rank(kind: str, reading: str, direction: str, count: int = TESTED) -> Record:
    """Rank correlation of estimates with real patches over the nodes of one pair, averaged over fresh pairs."""
    estimate, low, high = mean_interval(effects(kind, reading, direction, _fresh(count)).ranks())
    return Record(
        id=f"attribution/attribution_patching/estimates_rank/{kind}/{reading}/{direction}".replace(" ", "_"),
        statement=f"In the free fact model, estimates rank {_kind(kind)} as real patches do ({direction}, {reading}).",
        kind="measured",
        threshold="mean rank correlation over the nodes of one pair above 0.9",
        estimate=estimate,
        low=low,
        high=high,
        unit="mean rank correlation",
        verdict=decide(low, high, above=0.9),
        seeds=count,
        repeats="replacement pairs, one trained model",
    )


def estimates_have_the_right_size(kind: str, count: int = TESTED) -> Record:
    """Slope of estimates on real patches over the nodes of one pair, averaged over fresh pairs; denoising, logit difference."""
    estimate, low, high = mean_interval(effects(kind, rows=_fresh(count)).slopes())
    return Record(
        id=f"attribution/attribution_patching/estimates_have_the_right_size/{kind}",
        statement=f"In the free fact model, estimates for {_kind(kind)} have the size of real patches (logit difference).",
        kind="measured",
        threshold="mean slope of the estimates on the patches between 0.8 and 1.25",
        estimate=estimate,
        low=low,
        high=high,
        unit="mean slope",
        verdict=decide(low, high, above=0.8, below=1.25),
        seeds=count,
        repeats="replacement pairs, one trained model",
    )


def _kind(kind: str) -> str:
    return {"stream": "the stream at each token", "attention": "attention outputs", "MLP": "MLP outputs"}.get(kind, kind + "s")
