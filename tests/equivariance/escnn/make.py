"""Layers of escnn that the tests compare with: `python tests/equivariance/escnn/make.py` in an environment of its own
(`pip install torch "numpy<2" "scipy<1.14" requests autograd pymanopt joblib` and `pip install --no-deps lie_learn escnn`).
Writes `answers.npz` beside itself: for C4 and D4 an input, the filters of the identity, biases, two outputs, versions.

escnn's fibre of D4 has at (f, k) the element "mirror left to right if f = 1, then k quarter turns", f = 0 first.
"""

import importlib.metadata
from pathlib import Path

import numpy as np
import torch
from escnn import gspaces, nn
from escnn.group import _numerical

_numerical.randomized_svd = None  # the solver for D4 then takes the exact decomposition, which scikit-learn's needs not be

FIELDS, SIZE = (2, 3, 2), 6  # channels of the images, fibres after the first layer and after the second; pixels


def answers(name: str, space) -> dict[str, np.ndarray]:
    """Two layers with random weights, a rectifier between them, on one random image."""
    order = space.fibergroup.order()
    images = nn.FieldType(space, FIELDS[0] * [space.trivial_repr])
    maps, last = (nn.FieldType(space, count * [space.regular_repr]) for count in FIELDS[1:])
    first, second = nn.R2Conv(images, maps, 3, padding=1), nn.R2Conv(maps, last, 3)
    for layer in (first, second):
        torch.nn.init.normal_(layer.bias)
    first.eval(), second.eval()
    x = torch.randn(1, FIELDS[0], SIZE, SIZE)
    with torch.no_grad():
        y = first(nn.GeometricTensor(x, images))
        z = second(nn.GeometricTensor(torch.relu(y.tensor), maps))
    found = {
        "x": x,
        "w1": first.filter.unflatten(0, (FIELDS[1], order))[:, 0],
        "b1": first.expanded_bias.unflatten(0, (FIELDS[1], order))[:, 0],
        "y1": y.tensor.unflatten(1, (FIELDS[1], order)),
        "w2": second.filter.unflatten(0, (FIELDS[2], order))[:, 0].unflatten(1, (FIELDS[1], order)),
        "b2": second.expanded_bias.unflatten(0, (FIELDS[2], order))[:, 0],
        "y2": z.tensor.unflatten(1, (FIELDS[2], order)),
    }
    return {f"{name}_{key}": value.detach().numpy() for key, value in found.items()}


def main() -> None:
    """Compute and store."""
    torch.manual_seed(0)
    found = answers("C_4", gspaces.rot2dOnR2(4)) | answers("D_4", gspaces.flipRot2dOnR2(4))
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("escnn", "lie_learn", "torch", "numpy", "scipy")]
    path = Path(__file__).parent / "answers.npz"
    np.savez_compressed(path, versions=np.array(versions), **found)
    print(f"{path.name}: {path.stat().st_size / 1000:.1f} kB, {', '.join(versions)}")


if __name__ == "__main__":
    main()
