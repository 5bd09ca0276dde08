"""Claims of chapters/equivariance/invariants.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib.claims.core import Record, decide, mean_interval, share_interval
from course_lib.clusters import Clusters, copper_clusters
from course_lib.equivariance.cluster_kernels import KernelEnergy, energy_error, fit_energy
from course_lib.equivariance.invariants import cloud_from_gram, gram_matrix, orbit_distance
from course_lib.equivariance.separation import confused_pair, squared_projections, vectors_with_the_same_squares

PARTS, PART = 5, 200  # disjoint parts of the thousand training clusters
NUMBERS = 5  # of the vectors that are known up to sign


# ------------------------------------------------------------------------------------------- dot products and clusters


def dot_products_are_enough(group: str, count: int = 400) -> Record:
    """Distance of a test cluster from a cloud with the same dot products, after the best element of `group` has been applied.

    For "O(3)" the rival cloud is rebuilt from the Gram matrix; for "SO(3)" it is the mirror image, which has the same one.
    """
    if group not in ("O(3)", "SO(3)"):
        raise ValueError(f'group must be "O(3)" or "SO(3)", got {group!r}')
    x = copper_clusters()[1].positions[:count]
    rival = cloud_from_gram(gram_matrix(x), 3) if group == "O(3)" else -x
    estimate, low, high = mean_interval(orbit_distance(rival, x, mirror=group == "O(3)"))
    return Record(
        id=f"equivariance/invariants/dot_products_are_enough/{group}",
        statement="Clusters with equal dot products are equal up to "
        + ("a rotation or mirroring, so dot products are all that O(3) leaves." if group == "O(3)" else "a rotation."),
        kind="proved" if group == "O(3)" else "counterexample",
        threshold="mean relative distance after the best move below 0.000001",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the cluster's size",
        verdict=decide(low, high, below=1e-6),
        seeds=count,
        repeats="test clusters",
    )


# ------------------------------------------------------------------------------------------------------ learning curves


def training_part(part: int, size: int) -> Clusters:
    """The first `size` clusters of one of five disjoint parts of the training clusters."""
    if not 0 <= part < PARTS or not 2 <= size <= PART:
        raise ValueError(f"part must be below {PARTS} and size between 2 and {PART}, got {part} and {size}")
    return copper_clusters()[0][PART * part : PART * part + size]


@cache
def cluster_energy(reading: str, part: int, size: int) -> KernelEnergy:
    """The fit to a part of the training clusters."""
    return fit_energy(reading, training_part(part, size))


@cache
def errors_on_parts(reading: str, size: int) -> Tensor:
    """Root mean square error on the 400 test clusters, in eV, of the fits to each part, `(5,)`."""
    test = copper_clusters()[1]
    return torch.tensor([energy_error(cluster_energy(reading, part, size), test) for part in range(PARTS)])


def _ratio(name: str, statement: str, above: Tensor, under: Tensor, threshold: float) -> Record:
    estimate, low, high = mean_interval(above / under)
    return Record(
        id=f"equivariance/invariants/{name}",
        statement=statement,
        kind="measured",
        threshold=f"mean ratio of the energy errors on test clusters below {threshold}",
        estimate=estimate,
        low=low,
        high=high,
        unit="ratio of errors",
        verdict=decide(low, high, below=threshold),
        seeds=PARTS,
        repeats="disjoint sets of training clusters, the same 400 test clusters",
    )


def dot_products_beat_coordinates() -> Record:
    """Error with dot products over error with coordinates, 200 training clusters each."""
    return _ratio(
        "dot_products_beat_coordinates",
        "From 200 clusters, energies are learnt better from dot products, in a fixed order of atoms, than from coordinates.",
        errors_on_parts("dot products", PART),
        errors_on_parts("coordinates", PART),
        0.9,
    )


def a_bag_of_few_beats_dot_products_of_many() -> Record:
    """Error with bags of distances of 50 clusters over error with dot products of 200."""
    return _ratio(
        "a_bag_of_few_beats_dot_products_of_many",
        "Bags of distances of 50 clusters give at most half the error of dot products of 200.",
        errors_on_parts("bag of distances", 50),
        errors_on_parts("dot products", PART),
        0.5,
    )


# ----------------------------------------------------------------------------------------------------------- separation


def random_directions(count: int, seed: int) -> Tensor:
    """`count` Gaussian directions for vectors of five numbers."""
    return torch.randn(count, NUMBERS, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_invariants_tell_random_vectors_apart(extra: int, count: int = 200) -> Record:
    """Share of random vectors x in R^5 for which D + `extra` squares (w . x)^2 with random w allow +-x only."""
    unique = 0
    for seed in range(count):
        w = random_directions(NUMBERS + extra, seed)
        x = torch.randn(NUMBERS, generator=torch.Generator().manual_seed(10_000 + seed), dtype=torch.float64)
        unique += len(vectors_with_the_same_squares(x, w)) == 1
    estimate, low, high = share_interval(unique, count)
    return Record(
        id=f"equivariance/invariants/random_invariants_tell_random_vectors_apart/{extra}",
        statement=f"{_many(extra)} tell a random vector of D = 5 numbers from every other, up to its sign.",
        kind="proved" if extra else "counterexample",
        threshold="share of random vectors for which no other has the same squares above 0.95",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the vectors",
        verdict=decide(low, high, above=0.95),
        seeds=count,
        repeats="draws of a vector and of directions",
    )


def as_many_tell_all_vectors_apart(count: int = 40) -> Record:
    """Distance, up to sign, of two vectors built to agree in D + 1 random squares, in units of the first one's length."""
    distances = []
    for seed in range(count):
        w = random_directions(NUMBERS + 1, seed)
        x, y = confused_pair(w)
        squares = squared_projections(torch.stack([x, y]), w)
        if not torch.allclose(*squares, atol=1e-9):
            raise AssertionError("the pair must have equal squares")
        distances.append(min((x - y).norm(), (x + y).norm()) / x.norm())
    estimate, low, high = mean_interval(torch.stack(distances))
    return Record(
        id="equivariance/invariants/as_many_tell_all_vectors_apart",
        statement="D + 1 squares along random directions tell any two vectors of D = 5 numbers apart, up to sign.",
        kind="counterexample",
        threshold="mean relative distance, up to sign, of two vectors with equal squares below 0.000001",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the vector's length",
        verdict=decide(low, high, below=1e-6),
        seeds=count,
        repeats="draws of directions, a pair built for each",
    )


def _many(extra: int) -> str:
    return "D squares along random directions" if extra == 0 else f"D + {extra} squares along random directions"
