"""Haar measure by its moments, Lie algebras by their exponentials."""

import pytest
import torch

from course_lib.groups import OrthogonalGroup, SpecialOrthogonalGroup, exponential, haar_orthogonal, rotation


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mean_and_error(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x.mean(0), x.std(0) / len(x) ** 0.5


@pytest.mark.parametrize("d", [2, 3, 5])
def test_moments_of_haar_measure_on_the_orthogonal_group(d):
    q = haar_orthogonal(40_000, d, seeded(d))
    closed = {  # E q_ij = 0, E q_ij^2 = 1/d, E q_11^4 = 3/(d(d+2)), E q_11^2 q_12^2 = 1/(d(d+2)), E trace^2 = 1
        "mean": (q.flatten(1), 0.0),
        "square": (q.flatten(1) ** 2, 1 / d),
        "fourth": (q[:, 0, 0] ** 4, 3 / (d * (d + 2))),
        "mixed": (q[:, 0, 0] ** 2 * q[:, 0, 1] ** 2, 1 / (d * (d + 2))),
        "trace squared": (q.diagonal(dim1=1, dim2=2).sum(1) ** 2, 1.0),
        "determinant": (torch.linalg.det(q), 0.0),
    }
    for name, (values, truth) in closed.items():
        mean, error = mean_and_error(values)
        assert ((mean - truth).abs() < 5 * error + 1e-12).all(), name


def test_the_sign_fix_is_needed():
    gaussian = torch.randn(20_000, 3, 3, generator=seeded(), dtype=torch.float64)
    trace = torch.linalg.qr(gaussian)[0].diagonal(dim1=1, dim2=2).sum(1)
    mean, error = mean_and_error(trace)
    assert mean.abs() > 20 * error, "without it the mean trace is far from 0"


@pytest.mark.parametrize("d", [2, 3, 4])
def test_rotations_have_determinant_one_and_haar_moments(d, dtype):
    group = SpecialOrthogonalGroup(d, dtype)
    q = group.sample(20_000, seeded(1))
    assert q.dtype == dtype and group.is_element(q).all() and (torch.linalg.det(q) > 0.99).all()
    turned = group.sample(1, seeded(2)) @ q  # Haar measure is the same from the left and from the right
    for part in (q, turned, turned @ group.sample(1, seeded(3))):
        mean, error = mean_and_error(part.flatten(1).double())
        assert (mean.abs() < 5 * error).all()
        mean, error = mean_and_error(part.flatten(1).double() ** 2)
        assert ((mean - 1 / d).abs() < 5 * error).all()


def test_angles_of_plane_rotations_are_uniform():
    q = SpecialOrthogonalGroup(2).sample(20_000, seeded())
    counts = torch.histc(torch.atan2(q[:, 1, 0], q[:, 0, 0]), 20, -torch.pi, torch.pi)
    assert ((counts - 1000) ** 2 / 1000).sum() / 19 < 1 + 5 * (2 / 19) ** 0.5


def test_angles_of_rotations_in_space_have_the_known_density():
    trace = SpecialOrthogonalGroup(3).sample(40_000, seeded()).diagonal(dim1=1, dim2=2).sum(1)
    angle = ((trace - 1) / 2).clamp(-1, 1).acos()  # density (1 - cos t) / pi on [0, pi]
    mean, error = mean_and_error(angle.cos())
    assert abs(mean + 0.5) < 5 * error


@pytest.mark.parametrize("d", [2, 3, 5])
def test_lie_generators_span_the_skew_matrices_and_exponentiate_to_rotations(d, dtype):
    group = SpecialOrthogonalGroup(d, dtype)
    basis = group.lie_generators()
    assert len(basis) == d * (d - 1) // 2 and (basis == -basis.transpose(1, 2)).all()
    assert torch.linalg.matrix_rank(basis.flatten(1)) == len(basis)
    weights = torch.randn(30, len(basis), generator=seeded(), dtype=dtype)
    assert group.is_element(exponential(torch.einsum("mk,kij->mij", weights, basis))).all()


def test_the_exponential_of_the_plane_is_the_turn_by_that_angle(dtype):
    angle = torch.linspace(-4, 4, 9, dtype=dtype)
    by_series = exponential(angle[:, None, None] * SpecialOrthogonalGroup(2, dtype).lie_generators())
    torch.testing.assert_close(by_series, rotation(angle), atol=1e-5, rtol=0)


def test_every_rotation_has_a_logarithm_and_no_reflection_has():
    import numpy as np
    from scipy.linalg import logm

    for q in SpecialOrthogonalGroup(3).sample(5, seeded()).numpy():
        a = np.real(logm(q))
        assert np.abs(a + a.T).max() < 1e-8
        np.testing.assert_allclose(exponential(torch.tensor(a)[None])[0].numpy(), q, atol=1e-8)
    mirror = OrthogonalGroup(3).generators()[0].numpy()
    assert np.abs(np.imag(logm(mirror))).max() > 1


def test_bad_input():
    with pytest.raises(ValueError, match="d must"):
        OrthogonalGroup(0)
    with pytest.raises(ValueError, match="a must be finite square matrices"):
        exponential(torch.zeros(1, 2, 3))
    with pytest.raises(ValueError, match="a must be finite square matrices"):
        exponential(torch.full((1, 2, 2), torch.nan))
    with pytest.raises(ValueError, match=r"g must be elements of SO\(2\)"):
        SpecialOrthogonalGroup(2).inverse(torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]))
    with pytest.raises(ValueError, match=r"g must be elements of O\(2\)"):
        OrthogonalGroup(2).inverse(torch.full((1, 2, 2), torch.nan))
