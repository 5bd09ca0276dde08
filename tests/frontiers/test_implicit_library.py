"""Coordinates, Fourier features, fog and cameras: against closed forms, brute force and rigid motions."""

import math

import pytest
import torch
from torch.autograd.functional import hessian

from course_lib.frontiers import coordinates, radiance, rendering
from course_lib.frontiers.coordinates import CoordinateNet, fourier_features, psnr
from course_lib.frontiers.rendering import FAR, NEAR, Rays, composite, depths, positions, rays, render

BOTH = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def close(a, b, dtype, loose=1.0):
    return torch.allclose(a, b.to(dtype), atol=loose * (1e-5 if dtype == torch.float32 else 1e-12), rtol=0)


# ---------------------------------------------------------------------------------------------------- Fourier features


@BOTH
def test_fourier_features_are_complex_exponentials(dtype):
    x, B = normal(4, 5, 3, dtype=dtype), normal(7, 3, seed=1, dtype=dtype)
    waves = torch.exp(2j * math.pi * torch.einsum("abd,md->abm", x, B))
    found = fourier_features(x, B)
    assert found.dtype == dtype and found.shape == (4, 5, 14)
    assert close(found, torch.cat([waves.real, waves.imag], -1), dtype, 10)


@BOTH
def test_inner_products_depend_on_the_difference_only(dtype):
    B, x, y, shift = normal(6, 2, dtype=dtype), *(normal(9, 2, seed=k, dtype=dtype) for k in (1, 2, 3))
    products = (fourier_features(x, B) * fourier_features(y, B)).sum(-1)
    moved = (fourier_features(x + shift, B) * fourier_features(y + shift, B)).sum(-1)
    assert close(moved, products, dtype, 10)
    assert close(6 * coordinates.shift_kernel(x - y, B), products, dtype, 10)
    assert not torch.allclose(products, (fourier_features(x, B) * fourier_features(y + shift, B)).sum(-1), atol=0.1)


def test_a_shift_turns_each_pair_of_features():
    B, x, shift = normal(5, 2), normal(8, 2, seed=1), normal(2, seed=2)
    angle = 2 * math.pi * B @ shift
    c, s = fourier_features(x, B).chunk(2, -1)
    turned = torch.cat([c * angle.cos() - s * angle.sin(), c * angle.sin() + s * angle.cos()], -1)
    assert torch.allclose(fourier_features(x + shift, B), turned, atol=1e-12)


@pytest.mark.parametrize("bandwidth", [0.5, 2.0])
def test_the_kernel_of_many_random_frequencies_is_a_gaussian(bandwidth):
    B = coordinates.frequencies(40_000, 2, bandwidth, torch.Generator().manual_seed(0))
    steps = torch.linspace(0, 0.4, 9)
    found = coordinates.shift_kernel(torch.stack([0.6 * steps, 0.8 * steps], 1), B)
    assert torch.allclose(found, coordinates.expected_kernel(steps, bandwidth), atol=0.02)
    assert found[0] == 1 and found[-1] < 0.8


def test_frequencies_and_features_refuse_nonsense():
    with pytest.raises(ValueError, match="bandwidth must be positive, got 0"):
        coordinates.frequencies(3, 2, 0.0, torch.Generator())
    with pytest.raises(ValueError, match=r"B must be \(m, d\)"):
        fourier_features(torch.zeros(4, 2), torch.zeros(3, 4))
    with pytest.raises(ValueError, match=r"B must be \(m, d\)"):
        fourier_features(torch.zeros(4, 2), torch.zeros(2))
    with pytest.raises(ValueError, match="kind must be"):
        CoordinateNet("tanh")


# ---------------------------------------------------------------------------------------------- photograph and networks


def test_pixels_of_the_photograph_are_means_over_areas():
    small, fine = coordinates.photograph(61), coordinates.photograph(427)
    assert torch.allclose(small, fine.reshape(61, 7, 61, 7, 3).mean((1, 3)), atol=1e-6)
    assert 0 <= small.min() < 0.2 and 0.8 < small.max() <= 1
    with pytest.raises(ValueError, match="side must lie between 1 and 427, got 428"):
        coordinates.photograph(428)


def test_psnr_of_known_errors():
    truth = torch.rand(50, generator=torch.Generator().manual_seed(0))
    assert psnr(truth + 0.01, truth) == pytest.approx(40, abs=1e-3)
    assert psnr(truth + 0.1, truth) - psnr(truth + 0.2, truth) == pytest.approx(20 * math.log10(2), abs=1e-3)
    assert psnr(truth, truth) == 200
    with pytest.raises(ValueError, match="one shape"):
        psnr(truth, truth[:1])


def test_half_of_the_pixels_is_shown_and_each_seed_draws_another_half():
    masks = [coordinates.shown_pixels(100, seed) for seed in (0, 1, 0)]
    assert all(mask.sum() == 50 for mask in masks)
    assert torch.equal(masks[0], masks[2]) and not torch.equal(masks[0], masks[1])


@BOTH
def test_interpolation_is_exact_on_flat_ground_and_takes_the_nearest_outside(dtype):
    places, wanted = torch.rand(2, 40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)

    def plane(x):
        return torch.stack([x[:, 0] - 2 * x[:, 1], x.sum(1) + 1], 1)

    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], dtype=dtype)
    known = torch.cat([corners, places])
    for method in ("linear", "cubic"):
        found = coordinates.interpolate(known, plane(known), wanted, method)
        assert found.dtype == dtype and torch.allclose(found, plane(wanted), atol=1e-4)
    nearest = places[torch.cdist(wanted, places).argmin(1)]
    assert torch.equal(coordinates.interpolate(places, plane(places), wanted, "nearest"), plane(nearest))
    outside = torch.tensor([[-1.0, -0.5], [2.0, 3.0]], dtype=dtype)
    assert torch.equal(coordinates.interpolate(known, plane(known), outside), plane(corners[[0, 3]]))
    with pytest.raises(ValueError, match='method must be "nearest", "linear" or "cubic", got \'spline\''):
        coordinates.interpolate(known, known, known, "spline")


def test_interpolation_of_the_photograph_is_judged_on_hidden_pixels():
    truth, shown = coordinates.photograph(12), coordinates.shown_pixels(144, 3)
    places = [divmod(k, 12) for k in range(144)]
    known = [k for k in range(144) if shown[k]]
    errors = []
    for row, column in (places[k] for k in range(144) if not shown[k]):
        gaps = [(row - places[k][0]) ** 2 + (column - places[k][1]) ** 2 for k in known]
        ties = [truth[places[k]] for k, gap in zip(known, gaps, strict=True) if gap == min(gaps)]
        errors.append([(truth[row, column] - tie).square().mean() for tie in ties])
    best, worst = (-10 * math.log10(sum(part(e) for e in errors) / len(errors)) for part in (min, max))
    assert worst <= coordinates.interpolated_photograph(3, "nearest", 12) <= best
    assert coordinates.interpolated_photograph(3, side=12) > coordinates.interpolated_photograph(3, "nearest", 12)


def test_sines_start_at_the_scale_that_their_paper_asks_for():
    """Before each hidden sine of SIREN the spread of a unit over places is near 1; and second derivatives are not zero."""
    net = CoordinateNet("siren", 30.0, seed=0)
    x = torch.rand(2000, 2, generator=torch.Generator().manual_seed(0))
    first = net.layers[1](net.layers[0](2 * x - 1))
    assert 0.7 < (30 * net.layers[2](first)).std(0).mean() < 1.2
    for kind, curved in (("siren", True), ("relu", False)):
        layers = CoordinateNet(kind, 30.0).layers[:-1]
        assert (hessian(lambda x, f=layers: f(x).sum(), x[0]).abs().max() > 1) == curved


def test_seeds_draw_features_and_weights():
    nets = [CoordinateNet("fourier", 3.0, seed) for seed in (0, 0, 1)]
    for name in ("B", "layers.0.weight", "layers.4.bias"):
        same, again, other = (net.state_dict()[name] for net in nets)
        assert torch.equal(same, again) and not torch.equal(same, other)
    assert nets[0].B.std().item() == pytest.approx(3, rel=0.15)


# ------------------------------------------------------------------------------------------------------- compositing


def one_ray(sigma, delta):
    """Weights sample by sample, in plain numbers: a share of the light that is left stays in each."""
    left, weights = 1.0, []
    for s, d in zip(sigma.tolist(), delta.tolist(), strict=True):
        weights.append(left * (1 - math.exp(-s * d)))
        left -= weights[-1]
    return torch.tensor(weights, dtype=torch.float64), left


def samples(rows, n, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    sigma, delta = 4 * torch.rand(2, rows, n, generator=generator, dtype=torch.float64)
    colour = torch.rand(rows, n, 3, generator=generator, dtype=torch.float64)
    return sigma.to(dtype), colour.to(dtype), (delta / 8).to(dtype)


@BOTH
def test_composite_loses_light_sample_by_sample(dtype):
    sigma, colour, delta = samples(5, 7, dtype=dtype)
    found, weights = composite(sigma, colour, delta)
    for row in range(5):
        expected, left = one_ray(sigma[row], delta[row])
        assert close(weights[row], expected, dtype) and weights[row].sum().item() == pytest.approx(1 - left, abs=1e-5)
        assert close(found[row], expected @ colour[row].double(), dtype)
    assert found.dtype == weights.dtype == dtype
    assert (weights.sum(1) <= 1).all()


@BOTH
def test_constant_density_gives_the_law_of_beer_and_lambert(dtype):
    delta = torch.tensor([0.1, 0.7, 0.2, 0.5], dtype=dtype)
    for sigma in (0.0, 0.3, 2.0, 9.0):
        weights = composite(torch.full_like(delta, sigma), torch.ones(4, 3, dtype=dtype), delta)[1]
        assert weights.sum().item() == pytest.approx(1 - math.exp(-sigma * 1.5), abs=1e-6)


@BOTH
def test_splitting_an_interval_changes_nothing(dtype):
    sigma, colour, delta = samples(3, 4, dtype=dtype)
    shares = torch.tensor([0.25, 0.75], dtype=dtype)
    finer = composite(sigma.repeat_interleave(2, 1), colour.repeat_interleave(2, 1), (delta[..., None] * shares).flatten(1))
    coarse = composite(sigma, colour, delta)
    assert close(finer[0], coarse[0], dtype) and close(finer[1].reshape(3, 4, 2).sum(2), coarse[1], dtype)


@BOTH
def test_an_opaque_sample_hides_all_behind_it_and_order_counts(dtype):
    sigma, colour, delta = samples(2, 5, dtype=dtype)
    sigma[:, 0] = 1e6
    found, weights = composite(sigma, colour, delta)
    assert close(found, colour[:, 0], dtype) and weights[:, 1:].abs().max() < 1e-30
    sigma, colour, delta = samples(2, 5, dtype=dtype)
    turned = composite(sigma.flip(1), colour.flip(1), delta.flip(1))
    assert not torch.allclose(turned[0], composite(sigma, colour, delta)[0], atol=0.02)
    assert close(turned[1].sum(1), composite(sigma, colour, delta)[1].sum(1), dtype)  # in all, the same light is kept


@BOTH
def test_a_wall_behind_fog_takes_no_digits_from_the_fog(dtype):
    sigma, colour, delta = samples(3, 5, dtype=dtype)
    sigma[0, 2] = sigma[1, 4] = 1e9
    sigma[2, 3] = math.inf
    weights = composite(sigma, colour, delta)[1]
    for row in range(3):
        assert close(weights[row], one_ray(sigma[row], delta[row])[0], dtype)
    assert close(weights.sum(1), torch.ones(3), dtype)


def test_composite_has_finite_slopes_and_small_weights_keep_their_digits():
    sigma = torch.tensor([0.0, 1e-9, 1e5, 1.0], dtype=torch.float32, requires_grad=True)
    weights = composite(sigma, torch.ones(4, 1), torch.ones(4))[1]
    assert weights[1].item() == pytest.approx(1e-9, rel=1e-4)
    weights.sum().backward()
    assert torch.isfinite(sigma.grad).all()
    assert composite(torch.zeros(2, 0), torch.zeros(2, 0, 3), torch.zeros(2, 0))[0].tolist() == [[0.0] * 3] * 2


def test_composite_refuses_nonsense():
    with pytest.raises(ValueError, match="sigma, colour, delta must be"):
        composite(torch.zeros(4), torch.zeros(4, 3), torch.zeros(3))
    with pytest.raises(ValueError, match="sigma must not be negative, got -1"):
        composite(torch.tensor([-1.0]), torch.zeros(1, 3), torch.ones(1))


# ----------------------------------------------------------------------------------------------------------- cameras


def test_cameras_stand_around_and_see_the_origin_in_the_middle():
    cameras = positions(5, seed=3)
    assert torch.allclose(cameras.norm(dim=1), torch.full((5,), rendering.DISTANCE))
    azimuth = torch.atan2(cameras[:, 1], cameras[:, 0]).sort().values
    assert torch.allclose(azimuth.diff(), torch.full((4,), 2 * math.pi / 5), atol=1e-5)
    assert 0.1 < torch.asin(cameras[:, 2] / 3).min() and torch.asin(cameras[:, 2] / 3).max() < 0.8
    for camera in cameras:
        middle = rays(camera, 3)[4]
        assert torch.allclose(middle.origins + 3 * middle.directions, torch.zeros(3), atol=1e-6)


def test_the_first_ray_goes_up_and_left():
    seen = rays(torch.tensor([3.0, 0.0, 0.0]), 2, angle=90.0)
    assert torch.allclose(seen.directions[0], torch.tensor([-1.0, -0.5, 0.5]) / 1.5**0.5)
    assert torch.allclose(seen.directions[3], torch.tensor([-1.0, 0.5, -0.5]) / 1.5**0.5)
    with pytest.raises(ValueError, match="third axis"):
        rays(torch.tensor([0.0, 0.0, 3.0]), 2)


def test_depths_are_one_in_each_interval():
    drawn = depths(200, 8, torch.Generator().manual_seed(0))
    edges = torch.linspace(NEAR, FAR, 9)
    assert (drawn >= edges[:-1]).all() and (drawn <= edges[1:]).all() and drawn.std(0).min() > 0.05
    assert torch.allclose(depths(3, 8), drawn.mean(0), atol=0.03)


@BOTH
def test_mean_depth_of_constant_fog_is_that_of_an_exponential_law(dtype):
    """Depth past the near plane is exponential with rate sigma, cut off at length 2."""
    seen = rays(torch.tensor([0.0, 3.0, 0.0], dtype=dtype), 2)
    for sigma in (0.2, 1.5, 6.0):
        depth, opacity = rendering.mean_depth(lambda x, s=sigma: (torch.full_like(x[..., 0], s), x), seen, samples=2000)
        law = 1 / sigma - 2 * math.exp(-2 * sigma) / -math.expm1(-2 * sigma)
        assert depth.dtype == dtype and torch.allclose(depth, torch.full_like(depth, NEAR + law), atol=1e-4)
        assert torch.allclose(opacity, torch.full_like(opacity, -math.expm1(-2 * sigma)), atol=1e-4)
    empty = rendering.mean_depth(lambda x: (torch.zeros_like(x[..., 0]), x), seen)
    assert all(torch.equal(part, torch.zeros_like(part)) for part in empty)


def test_depth_error_sees_a_scene_that_stands_too_near():
    seen = radiance.all_rays(radiance.held_out(2), side=10)
    one = seen[:100]  # the rays of the first camera

    def nearer(x):
        away = x - seen.origins[:1]
        return radiance.soft_balls(x + 0.1 * away / away.norm(dim=-1, keepdim=True))

    assert radiance.depth_error(radiance.soft_balls, one) < 0.01
    assert radiance.depth_error(nearer, one) == pytest.approx(0.1, abs=0.01)
    assert math.isnan(radiance.depth_error(radiance.soft_balls, one[:0]))


def test_turning_scene_and_camera_together_changes_no_picture():
    turn = torch.linalg.qr(normal(3, 3))[0].float()
    turn = turn * torch.det(turn)
    seen = rays(positions(1, 0)[0], 6)
    balls = radiance.BALLS.clone()
    balls[:, :3] = balls[:, :3] @ turn.T
    still, moved = render(radiance.soft_balls, seen), render(lambda x: radiance.soft_balls(x, balls), seen.moved(turn))
    assert torch.allclose(still, moved, atol=1e-3)
    assert not torch.allclose(still, render(radiance.soft_balls, seen.moved(turn)), atol=0.1)


# ------------------------------------------------------------------------------------------------------------- scenes


def test_a_sharp_ball_absorbs_along_its_chord():
    ball = torch.tensor([[0.0, 0.0, 0.0, 0.5, 0.2, 0.4, 0.6]])
    offset, density = torch.tensor([0.0, 0.2, 0.4, 0.6]), 1.5
    seen = Rays(torch.stack([torch.full((4,), 3.0), offset, torch.zeros(4)], 1), torch.tensor([-1.0, 0, 0]).expand(4, 3))
    found = render(lambda x: radiance.soft_balls(x, ball, density, 1e-4), seen, samples=2000)
    chord = 2 * (0.25 - offset**2).clamp(min=0).sqrt()
    expected = (1 - (-density * chord).exp())[:, None] * ball[0, 4:]
    assert torch.allclose(found, expected, atol=3e-3)


def test_where_balls_overlap_densities_add_and_colours_mix():
    ball = torch.tensor([0.0, 0.0, 0.0, 0.5, 1.0, 0.0, 0.0])
    other = torch.tensor([0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 1.0])
    sigma, colour = radiance.soft_balls(torch.zeros(3), torch.stack([ball, other]), 2.0, 1e-3)
    assert sigma.item() == pytest.approx(4) and colour.tolist() == pytest.approx([0.5, 0.0, 0.5])


def test_positional_encoding_is_fourier_features_along_the_axes():
    x = normal(5, 3)
    B = torch.kron(torch.eye(3, dtype=x.dtype), torch.tensor([[0.5], [1.0], [2.0], [4.0]], dtype=x.dtype))
    assert torch.allclose(radiance.positional_encoding(x), torch.cat([x, fourier_features(x, B)], -1))


def test_the_nearest_picture_is_that_of_the_nearest_camera():
    known = positions(4, seed=0)
    near = radiance.nearest_pictures(known[[2]] + 0.1, known, side=5)
    assert torch.equal(near, radiance.pictures(known[[2]], side=5)[1])


def test_a_coarse_picture_is_close_to_a_fine_one():
    seen, fine = radiance.pictures(positions(2, seed=0), side=16)
    coarse, middling = (psnr(render(radiance.soft_balls, seen, samples), fine) for samples in (4, 8))
    assert 10 < coarse < middling - 6 and middling < 50 < psnr(render(radiance.soft_balls, seen, 32), fine)
    assert psnr(torch.zeros_like(fine), fine) < 12
