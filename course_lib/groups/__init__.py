"""Groups, their actions and the ruler of equivariance. Chapters: all of symmetries and equivariance.

`core` holds the two contracts and the ruler; `finite`, `continuous` and `products` the groups, `generated` what a few
elements generate; `actions` how they move data; `orbits` and `characters` what can be counted.
"""

from course_lib.groups.actions import (
    graph_action,
    image_action,
    joint_action,
    matrix_action,
    permutation_action,
    pull_back,
    regular_action,
    sign_action,
    tensor_action,
    translation_action,
    trivial_action,
)
from course_lib.groups.characters import (
    character,
    equivariant_dimension,
    invariant_basis,
    invariant_dimension,
    invariant_projector,
)
from course_lib.groups.continuous import (
    OrthogonalGroup,
    SpecialOrthogonalGroup,
    exponential,
    haar_orthogonal,
    rotation,
)
from course_lib.groups.core import Action, Group, assert_equivariant, equivariance_error
from course_lib.groups.finite import CyclicGroup, DihedralGroup, SignFlipGroup, SymmetricGroup, TranslationGroup
from course_lib.groups.generated import Subgroup, cayley_graph, permutation_group_order, walk
from course_lib.groups.orbits import (
    count_colourings,
    count_orbits,
    cycle_counts,
    fixed_points,
    orbit,
    orbit_from_generators,
    point_orbits,
    stabiliser,
)
from course_lib.groups.products import DirectProduct, SemidirectProduct, grid_motions, signed_permutations

__all__ = [
    "Action",
    "CyclicGroup",
    "DihedralGroup",
    "DirectProduct",
    "Group",
    "OrthogonalGroup",
    "SemidirectProduct",
    "SignFlipGroup",
    "SpecialOrthogonalGroup",
    "Subgroup",
    "SymmetricGroup",
    "TranslationGroup",
    "assert_equivariant",
    "cayley_graph",
    "character",
    "count_colourings",
    "count_orbits",
    "cycle_counts",
    "equivariance_error",
    "equivariant_dimension",
    "exponential",
    "fixed_points",
    "graph_action",
    "grid_motions",
    "haar_orthogonal",
    "image_action",
    "invariant_basis",
    "invariant_dimension",
    "invariant_projector",
    "joint_action",
    "matrix_action",
    "orbit",
    "orbit_from_generators",
    "permutation_action",
    "permutation_group_order",
    "point_orbits",
    "pull_back",
    "regular_action",
    "rotation",
    "sign_action",
    "signed_permutations",
    "stabiliser",
    "tensor_action",
    "translation_action",
    "trivial_action",
    "walk",
]
