"""Plausible wrong answers to exercises/frontiers/implicit.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

FEATURES = "frontiers/implicit/fourier_features"
COMPOSITE = "frontiers/implicit/composite"


@mistake(FEATURES, hint="turns")
def without_turns(x, B):
    angle = x @ B.T
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


@mistake(FEATURES, hint="turns")
def half_turns(x, B):
    angle = torch.pi * x @ B.T
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


@mistake(FEATURES, hint="turns")
def in_degrees(x, B):
    angle = 360 * x @ B.T
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


@mistake(FEATURES, hint="half")
def sines_only(x, B):
    return (2 * torch.pi * x @ B.T).sin()


@mistake(FEATURES, hint="half")
def cosines_only(x, B):
    return (2 * torch.pi * x @ B.T).cos()


@mistake(FEATURES, hint="transposed")
def frequencies_in_columns(x, B):
    angle = 2 * torch.pi * x @ B
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


@mistake(FEATURES, hint="order")
def sines_first(x, B):
    angle = 2 * torch.pi * x @ B.T
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


@mistake(FEATURES, hint="order")
def in_pairs(x, B):
    angle = 2 * torch.pi * x @ B.T
    return torch.stack([angle.cos(), angle.sin()], dim=-1).flatten(-2)


@mistake(FEATURES, hint="axes")
def each_coordinate_by_itself(x, B):
    angle = (2 * torch.pi * x[..., None, :] * B).flatten(-2)
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


@mistake(FEATURES, hint="sign")
def clockwise(x, B):
    angle = -2 * torch.pi * x @ B.T
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


@mistake(FEATURES, hint="same")
def cosines_twice(x, B):
    angle = 2 * torch.pi * x @ B.T
    return torch.cat([angle.cos(), angle.cos()], dim=-1)


@mistake(FEATURES, hint="scaled")
def of_norm_one(x, B):
    angle = 2 * torch.pi * x @ B.T
    return torch.cat([angle.cos(), angle.sin()], dim=-1) / len(B) ** 0.5


@mistake(FEATURES, hint="scaled")
def as_in_random_kitchen_sinks(x, B):
    angle = 2 * torch.pi * x @ B.T
    return (2 / len(B)) ** 0.5 * torch.cat([angle.cos(), angle.sin()], dim=-1)


@mistake(FEATURES, hint="value")
def axes_before_the_cosine(x, B):
    """A sum of waves along each axis in place of a wave along a direction."""
    angle = 2 * torch.pi * x[..., None, :] * B
    return torch.cat([angle.cos().sum(-1), angle.sin().sum(-1)], dim=-1)


@mistake(FEATURES, hint="mutates")
def scaled_in_place(x, B):
    x *= 2 * torch.pi
    angle = x @ B.T
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


@mistake(FEATURES, hint="leading", points=2)
def joined_along_the_second_axis(x, B):
    angle = 2 * torch.pi * x @ B.T
    return torch.cat([angle.cos(), angle.sin()], dim=1)


@mistake(FEATURES, hint="leading", points=2)
def matrix_on_the_left(x, B):
    angle = 2 * torch.pi * (B @ x.t()).t()
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


@mistake(FEATURES, hint="leading", points=2)
def squeezed(x, B):
    angle = 2 * torch.pi * (x[..., None, :] * B).sum(-1).squeeze()
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


@mistake(FEATURES, hint="leading", points=2)
def flattened(x, B):
    angle = 2 * torch.pi * x.reshape(-1, x.shape[-1]) @ B.T
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


@mistake(FEATURES, hint="float32", points=2)
def always_in_double(x, B):
    angle = 2 * torch.pi * x.double() @ B.double().T
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


@mistake(FEATURES, hint="dtype", points=2)
def always_in_single(x, B):
    angle = 2 * torch.pi * x @ B.T
    return torch.cat([angle.cos(), angle.sin()], dim=-1).float()


# -------------------------------------------------------------------------------------------------------- compositing


@mistake(COMPOSITE, hint="own")
def shades_itself(sigma, colour, delta):
    depth = sigma * delta
    weights = (-depth.cumsum(1)).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="own")
def product_with_its_own_share(sigma, colour, delta):
    absorbed = 1 - (-sigma * delta).exp()
    weights = absorbed * (1 - absorbed).cumprod(1)
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="length")
def without_lengths(sigma, colour, delta):
    weights = (-(sigma.cumsum(1) - sigma)).exp() * (1 - (-sigma).exp())
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="length")
def lengths_only_in_front(sigma, colour, delta):
    depth = sigma * delta
    weights = (-(depth.cumsum(1) - depth)).exp() * (1 - (-sigma).exp())
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="length")
def lengths_only_in_the_sample(sigma, colour, delta):
    weights = (-(sigma.cumsum(1) - sigma)).exp() * (1 - (-sigma * delta).exp())
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="lengths")
def one_length_for_all(sigma, colour, delta):
    depth = sigma * delta[:, :1]
    weights = (-(depth.cumsum(1) - depth)).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="lengths")
def lengths_of_the_first_ray(sigma, colour, delta):
    depth = sigma * delta[0]
    weights = (-(depth.cumsum(1) - depth)).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="behind")
def from_the_far_end(sigma, colour, delta):
    depth = sigma * delta
    behind = depth.sum(1, keepdim=True) - depth.cumsum(1)
    weights = (-behind).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="shade")
def nothing_is_hidden(sigma, colour, delta):
    weights = 1 - (-sigma * delta).exp()
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="thin")
def thin_fog(sigma, colour, delta):
    depth = sigma * delta
    weights = (-(depth.cumsum(1) - depth)).exp() * depth
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="rays")
def rays_shade_each_other(sigma, colour, delta):
    depth = sigma * delta
    weights = (-(depth.cumsum(0) - depth)).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="normalised")
def weights_add_up_to_one(sigma, colour, delta):
    depth = sigma * delta
    weights = (-(depth.cumsum(1) - depth)).exp() * (1 - (-depth).exp())
    weights = weights / weights.sum(1, keepdim=True)
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="background")
def white_behind_it_all(sigma, colour, delta):
    depth = sigma * delta
    weights = (-(depth.cumsum(1) - depth)).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).sum(1) + 1 - weights.sum(1, keepdim=True), weights


@mistake(COMPOSITE, hint="mean")
def mean_of_the_colours(sigma, colour, delta):
    depth = sigma * delta
    weights = (-(depth.cumsum(1) - depth)).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).mean(1), weights


@mistake(COMPOSITE, hint="mean")
def weighted_mean(sigma, colour, delta):
    depth = sigma * delta
    weights = (-(depth.cumsum(1) - depth)).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).sum(1) / weights.sum(1, keepdim=True), weights


@mistake(COMPOSITE, hint="colour")
def last_colour_is_solid(sigma, colour, delta):
    """What is left of the light falls on the last sample."""
    depth = sigma * delta
    before = depth.cumsum(1) - depth
    weights = (-before).exp() * (1 - (-depth).exp())
    left = 1 - weights.sum(1, keepdim=True)
    return (weights[:, :, None] * colour).sum(1) + left * colour[:, -1], weights


@mistake(COMPOSITE, hint="weights")
def light_that_arrives(sigma, colour, delta):
    depth = sigma * delta
    arrives = (-(depth.cumsum(1) - depth)).exp()
    return ((arrives * (1 - (-depth).exp()))[:, :, None] * colour).sum(1), arrives


@mistake(COMPOSITE, hint="weights")
def absorbed_shares(sigma, colour, delta):
    depth = sigma * delta
    absorbed = 1 - (-depth).exp()
    return (((-(depth.cumsum(1) - depth)).exp() * absorbed)[:, :, None] * colour).sum(1), absorbed


@mistake(COMPOSITE, hint="pair")
def weights_first(sigma, colour, delta):
    depth = sigma * delta
    weights = (-(depth.cumsum(1) - depth)).exp() * (1 - (-depth).exp())
    return weights, (weights[:, :, None] * colour).sum(1)


@mistake(COMPOSITE, hint="pair")
def colours_only(sigma, colour, delta):
    depth = sigma * delta
    weights = (-(depth.cumsum(1) - depth)).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).sum(1)


@mistake(COMPOSITE, hint="mutates")
def optical_depth_in_place(sigma, colour, delta):
    sigma *= delta
    weights = (-(sigma.cumsum(1) - sigma)).exp() * (1 - (-sigma).exp())
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="opaque", points=3)
def divides_its_own_share_out(sigma, colour, delta):
    absorbed = 1 - (-sigma * delta).exp()
    weights = (1 - absorbed).cumprod(1) / (1 - absorbed) * absorbed
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="opaque", points=3)
def slightly_leaky(sigma, colour, delta):
    """A small number keeps the logarithm finite, and lets light through walls and colours empty space."""
    absorbed = (1 - (-sigma * delta).exp()).clamp(1e-3, 1 - 1e-3)
    left = (1 - absorbed).cumprod(1)
    before = torch.cat([torch.ones_like(left[:, :1]), left[:, :-1]], 1)
    weights = before * absorbed
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="single", points=3)
def three_channels(sigma, colour, delta):
    depth = sigma * delta
    weights = (-(depth.cumsum(1) - depth)).exp() * (1 - (-depth).exp())
    return torch.stack([(weights * colour[:, :, channel]).sum(1) for channel in range(3)], 1), weights


@mistake(COMPOSITE, hint="single", points=3)
def squeezed_rays(sigma, colour, delta):
    depth = (sigma * delta).squeeze()
    weights = (-(depth.cumsum(-1) - depth)).exp() * (1 - (-depth).exp())
    return (weights[..., None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="float32", points=3)
def weights_in_double(sigma, colour, delta):
    depth = sigma.double() * delta.double()
    weights = (-(depth.cumsum(1) - depth)).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour.double()).sum(1), weights


@mistake(COMPOSITE, hint="digits", points=3)
def subtracts_the_wall(sigma, colour, delta):
    """In float32 a sum with a wall in it has no digits left for the fog in front."""
    depth = sigma * delta
    weights = (-(depth.cumsum(1) - depth)).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="dtype", points=3)
def buffer_in_float32(sigma, colour, delta):
    weights, left = torch.zeros(sigma.shape), torch.ones_like(sigma[:, 0])
    for i in range(sigma.shape[1]):
        passed = left * (-sigma[:, i] * delta[:, i]).exp()
        weights[:, i] = left - passed
        left = passed
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="clamped")
def colours_between_0_and_1(sigma, colour, delta):
    depth = sigma * delta
    before = torch.cat([torch.zeros_like(depth[:, :1]), depth[:, :-1]], 1).cumsum(1)
    weights = (-before).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour.clamp(0, 1)).sum(1), weights


@mistake(COMPOSITE, hint="clamped")
def picture_between_0_and_1(sigma, colour, delta):
    depth = sigma * delta
    before = torch.cat([torch.zeros_like(depth[:, :1]), depth[:, :-1]], 1).cumsum(1)
    weights = (-before).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).sum(1).clamp(0, 1), weights


@mistake(COMPOSITE, hint="small")
def drops_small_weights(sigma, colour, delta):
    depth = sigma * delta
    before = torch.cat([torch.zeros_like(depth[:, :1]), depth[:, :-1]], 1).cumsum(1)
    weights = (-before).exp() * (1 - (-depth).exp())
    weights = torch.where(weights < 1e-3, torch.zeros_like(weights), weights)
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="ends")
def last_interval_never_ends(sigma, colour, delta):
    """As programs for radiance fields often do."""
    depth = sigma * torch.cat([delta[:, :-1], torch.full_like(delta[:, :1], 1e10)], 1)
    before = torch.cat([torch.zeros_like(depth[:, :1]), depth[:, :-1]], 1).cumsum(1)
    weights = (-before).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="share")
def light_without_shares(sigma, colour, delta):
    depth = sigma * delta
    weights = (-torch.cat([torch.zeros_like(depth[:, :1]), depth[:, :-1]], 1).cumsum(1)).exp()
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="predecessor")
def shaded_by_one_only(sigma, colour, delta):
    depth = sigma * delta
    previous = torch.cat([torch.zeros_like(depth[:, :1]), depth[:, :-1]], 1)
    weights = (-previous).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).sum(1), weights


@mistake(COMPOSITE, hint="first")
def rolled(sigma, colour, delta):
    depth = sigma * delta
    weights = (-depth.cumsum(1).roll(1, 1)).exp() * (1 - (-depth).exp())
    return (weights[:, :, None] * colour).sum(1), weights


EQUIVALENT = {}
