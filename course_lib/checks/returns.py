"""Reading what an answer returned: the value in a form that can be compared, or a clear hint."""

import math

import numpy as np
import torch


class Wrong(Exception):
    """Raised by a property that does not hold: a hint id, and perhaps a text that replaces or completes the hint."""

    def __init__(self, hint: str, text: str = "", *, seen: str = "") -> None:
        super().__init__(hint, text)
        self.hint, self.text, self.seen = hint, text, seen


def as_tensor(value: object, shape: tuple[int, ...], what: str = "your function") -> torch.Tensor:
    """The returned tensor in float64, detached; anything but finite real numbers of that shape is a clear hint."""
    if value is None:
        raise Wrong("none")
    if not isinstance(value, torch.Tensor):
        raise Wrong("type", f"{what} should return a torch tensor, not {_kind(value)}")
    if value.dtype == torch.bool or value.dtype.is_complex:
        raise Wrong("type", f"{what} should return a tensor of real numbers, not of {value.dtype}")
    if tuple(value.shape) != tuple(shape):
        raise Wrong("shape", f"{what} should return shape {tuple(shape)} here, not {tuple(value.shape)}")
    value = value.detach().to("cpu", torch.float64)
    if not torch.isfinite(value).all():
        raise Wrong("nan")
    return value


def as_number(value: object, what: str = "your function") -> float:
    """The returned number: an int, a float, a NumPy scalar or a tensor without dimensions."""
    if value is None:
        raise Wrong("none")
    if isinstance(value, torch.Tensor):
        return as_tensor(value, (), what).item()
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise Wrong("type", f"{what} should return a number, not {_kind(value)}")
    if not math.isfinite(value):
        raise Wrong("nan")
    return float(value)


def close(a: torch.Tensor | float, b: torch.Tensor | float, tolerance: float = 1e-5) -> bool:
    """Equal up to `tolerance` times the larger of 1 and the size of `b`: float32 answers to float64 questions pass."""
    a, b = torch.as_tensor(a, dtype=torch.float64), torch.as_tensor(b, dtype=torch.float64)
    scale = max(1.0, float(b.abs().max())) if b.numel() else 1.0
    return a.shape == b.shape and bool(((a - b).abs() <= tolerance * scale).all())


def _kind(value: object) -> str:
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
