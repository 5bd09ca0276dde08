"""Solutions to exercises/equivariance/group_convolution.ipynb."""

# exercise: equivariance/group_convolution/lift_p4
import torch
from torch.nn import functional as F


def lift_p4(x, w):
    """Images (b, c, h, h) and filters (o, c, k, k) -> (b, o, 4, h', h'): at place r the filter after r quarter turns."""
    return torch.stack([F.conv2d(x, torch.rot90(w, r, (2, 3))) for r in range(4)], 2)


# exercise: equivariance/group_convolution/group_convolve_p4
import torch
from torch.nn import functional as F


def group_convolve_p4(y, w):
    """Feature maps (b, c, 4, h, h) and base filters (o, c, 4, k, k) -> (b, o, 4, h', h')."""
    answers = []
    for r in range(4):
        moved = torch.rot90(w, r, (3, 4)).roll(r, 2)  # turn the images, move them along the fibre
        answers.append(F.conv2d(y.flatten(1, 2), moved.flatten(1, 2)))
    return torch.stack(answers, 2)


# exercise: equivariance/group_convolution/refine
import torch


def refine(a):
    """Graphs (b, n, n) -> stable colours of their nodes (b, n), whole numbers with one meaning in all graphs."""
    b, n, _ = a.shape
    colours = torch.zeros(b, n, dtype=torch.long)
    while True:
        met = a.long() @ torch.nn.functional.one_hot(colours)  # neighbours of each colour
        seen = torch.cat([colours[:, :, None], met], 2).reshape(b * n, -1)
        finer = seen.unique(dim=0, return_inverse=True)[1].reshape(b, n)
        if finer.max() == colours.max():
            return colours
        colours = finer
