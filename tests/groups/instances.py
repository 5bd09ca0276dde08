"""One of each kind of group and of action, for tests that must hold for all of them."""

import torch

from course_lib.groups import (
    CyclicGroup,
    DihedralGroup,
    DirectProduct,
    OrthogonalGroup,
    SignFlipGroup,
    SpecialOrthogonalGroup,
    Subgroup,
    SymmetricGroup,
    TranslationGroup,
    graph_action,
    grid_motions,
    image_action,
    joint_action,
    matrix_action,
    permutation_action,
    pull_back,
    regular_action,
    sign_action,
    signed_permutations,
    tensor_action,
    translation_action,
    trivial_action,
)


def alternating(n: int) -> Subgroup:
    """A_n, from the three-cycles (0 1 k)."""
    rows = []
    for k in range(2, n):
        row = list(range(n))
        row[0], row[1], row[k] = 1, k, 0
        rows.append(row)
    return Subgroup(SymmetricGroup(n), generators=torch.tensor(rows))


FINITE = {
    "C_1": CyclicGroup(1),
    "C_6": CyclicGroup(6),
    "D_1": DihedralGroup(1),
    "D_5": DihedralGroup(5),
    "S_1": SymmetricGroup(1),
    "S_5": SymmetricGroup(5),
    "signs": SignFlipGroup(4),
    "translations": TranslationGroup((3, 4)),
    "A_5": alternating(5),
    "C_4 x S_3": DirectProduct(CyclicGroup(4), SymmetricGroup(3)),
    "signed permutations": signed_permutations(3),
    "p4": grid_motions(3, CyclicGroup(4)),
    "p4m": grid_motions(4, DihedralGroup(4)),
}


def groups(dtype: torch.dtype) -> dict:
    """All groups of the library."""
    more = [
        OrthogonalGroup(2, dtype),
        OrthogonalGroup(4, dtype),
        SpecialOrthogonalGroup(2, dtype),
        SpecialOrthogonalGroup(3, dtype),
    ]
    product = DirectProduct(SymmetricGroup(4), SpecialOrthogonalGroup(3, dtype))
    return FINITE | {group.name: group for group in [*more, product]}


def actions(dtype: torch.dtype) -> dict:
    """An action of each kind."""
    o3, s4, d4 = OrthogonalGroup(3, dtype), SymmetricGroup(4), DihedralGroup(4)
    clouds = DirectProduct(s4, o3)
    p4m, cube = FINITE["p4m"], FINITE["signed permutations"]
    found = {
        "trivial": trivial_action(s4, (2,)),
        "set": permutation_action(s4, (4, 2)),
        "second axis": permutation_action(s4, (2, 4), axes=(1,)),
        "graph": graph_action(4),
        "corners of a polygon": permutation_action(DihedralGroup(5), (5,)),
        "even permutations": permutation_action(FINITE["A_5"], (5,)),
        "signs": sign_action(SignFlipGroup(3), (4, 3), axis=1),
        "cloud": matrix_action(o3, (4, 3)),
        "plane": matrix_action(DihedralGroup(7), (2,)),
        "rotations of vectors": matrix_action(SpecialOrthogonalGroup(3, dtype), (3,)),
        "tensors of order 3": tensor_action(matrix_action(o3, (3,)), 3),
        "tensors of order 0": tensor_action(matrix_action(o3, (3,)), 0),
        "tensors on permutations": tensor_action(permutation_action(s4, (4,)), 2),
        "image": image_action(d4, (3, 5, 5)),
        "image, C_4": image_action(CyclicGroup(4), (4, 4)),
        "image, D_2": image_action(DihedralGroup(2), (4, 4)),
        "translation": translation_action(TranslationGroup((3, 4)), (2, 3, 4)),
        "translation of one axis": translation_action(TranslationGroup((4,)), (4, 3), axes=(0,)),
        "regular": regular_action(DihedralGroup(3)),
        "pulled back": pull_back(permutation_action(SymmetricGroup(6), (6,)), DihedralGroup(6), DihedralGroup(6).permutations),
        "set and rotation": joint_action(clouds, permutation_action(s4, (4, 3)), matrix_action(o3, (4, 3))),
        "signed": joint_action(cube, sign_action(SignFlipGroup(3), (3,)), permutation_action(SymmetricGroup(3), (3,))),
        "p4m": joint_action(p4m, translation_action(p4m.first, (4, 4)), image_action(d4, (4, 4))),
    }
    return found
