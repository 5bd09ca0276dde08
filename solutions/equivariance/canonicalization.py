"""Solutions to exercises/equivariance/canonicalization.ipynb."""

# exercise: equivariance/canonicalization/canonicalise_c4
import torch


def canonicalise_c4(images, template):
    """The position of each image that fits the template best, (b, h, h)."""
    positions = torch.stack([torch.rot90(images, k, (1, 2)) for k in range(4)])
    scores = (positions * template).sum((2, 3))
    return positions[scores.argmax(0), torch.arange(len(images))]


# exercise: equivariance/canonicalization/best_rotation
import torch


def best_rotation(x, y):
    """The rotation that brings x closest to y, both (b, n, d): (b, d, d)."""
    u, _, vh = torch.linalg.svd(y.mT @ x)
    sign = torch.linalg.det(u @ vh).sign()
    last = u[:, :, -1:] * sign[:, None, None]
    return torch.cat([u[:, :, :-1], last], 2) @ vh


# exercise: equivariance/canonicalization/weighted_frame
import torch


def weighted_frame(model, x):
    """Mean of the model over the poses of each cloud (b, n, 2), weighted."""
    lengths = x.norm(dim=2)
    total = lengths.sum(1, keepdim=True)
    weights = torch.where(total > 0, lengths / total, 1 / x.shape[1])
    angles = torch.atan2(x[:, :, 1], x[:, :, 0])[:, :, None]
    cos, sin = angles.cos(), angles.sin()
    first, second = x[:, None, :, 0], x[:, None, :, 1]
    poses = torch.stack([cos * first + sin * second, cos * second - sin * first], 3)
    values = model(poses.flatten(0, 1).flatten(1)).unflatten(0, weights.shape)
    return torch.einsum("bi,bi...->b...", weights, values)
