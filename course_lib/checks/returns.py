"""Reading what an answer returned: the value in a form that can be compared, or a clear hint."""

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from course_lib.checks.answers import AnswerError


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
        raise Wrong("type", f"{what} should return a tensor, not {_kind(value)}{_way_out(value)}")
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
        way = ": `.item()` makes it a number" if isinstance(value, np.ndarray) and value.size == 1 else ""
        raise Wrong("type", f"{what} should return a tensor or a number, not {_kind(value)}{way}")
    if not math.isfinite(value):
        raise Wrong("nan")
    return float(value)


def as_dict(value: object, keys: Sequence[str]) -> dict:
    """The returned dict with exactly these keys; a key too many or too few is named (hint `keys` of the exercise)."""
    if value is None:
        raise Wrong("none")
    wanted = f"return a dict with the keys {_list(keys)}"
    if not isinstance(value, dict):
        raise Wrong("keys", f"{wanted}, not {_kind(value)}")
    missing, extra = [key for key in keys if key not in value], [key for key in value if key not in keys]
    if missing or extra:
        found = [f"missing: {_list(missing)}"] * bool(missing) + [f"not asked for: {_list(extra)}"] * bool(extra)
        raise Wrong("keys", f"{wanted}; {', '.join(found)}")
    return value


def close(a: torch.Tensor | float, b: torch.Tensor | float, tolerance: float = 1e-5) -> bool:
    """Equal up to `tolerance` times the larger of 1 and the size of `b`: float32 answers to float64 questions pass."""
    a, b = torch.as_tensor(a, dtype=torch.float64), torch.as_tensor(b, dtype=torch.float64)
    scale = max(1.0, float(b.abs().max())) if b.numel() else 1.0
    return a.shape == b.shape and bool(((a - b).abs() <= tolerance * scale).all())


def nearest(value: torch.Tensor | float, likely: dict, otherwise: str = "value", tolerance: float = 1e-5) -> Wrong:
    """The likely mistake that gives this value: hint id -> its value, or a list of its values. Else the hint `otherwise`."""
    for hint, others in likely.items():
        if any(close(value, other, tolerance) for other in (others if isinstance(others, list) else [others])):
            return Wrong(hint)
    return Wrong(otherwise)


def called(hint: str, answer: Callable, *args: object) -> object:
    """What the answer returns in a special case; an error of its own there gets the hint of the case."""
    try:
        return answer(*args)
    except AnswerError as error:
        raise Wrong(hint, seen=str(error)) from None


def behind(general: Callable) -> Callable:
    """Decorator for a property of edges: an answer that is wrong in general hears that again, and not that an edge is wrong.

    `general` is the property that comes first; it is asked only when the edges are wrong.
    """

    def decorate(edges: Callable) -> Callable:
        @functools.wraps(edges)
        def test(answer: Callable, random: object) -> None:
            try:
                edges(answer, random)
            except Wrong:
                general(answer, random)
                raise

        return test

    return decorate


def _kind(value: object) -> str:
    if isinstance(value, np.ndarray):
        return "a NumPy array" if value.ndim else "a NumPy array without dimensions"
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _way_out(value: object) -> str:
    """How to make a tensor of it."""
    if isinstance(value, np.ndarray):
        return ": `torch.from_numpy` makes it one"
    if isinstance(value, list | tuple) and value:
        tensors = all(isinstance(item, torch.Tensor) for item in value)
        return f": `torch.{'stack' if tensors else 'tensor'}` makes it one"
    return ""


def _list(words: Sequence[object]) -> str:
    """A list in words: "a", "b" and "c"."""
    quoted = [f'"{word}"' for word in words]
    return " and ".join([", ".join(quoted[:-1])] * (len(quoted) > 1) + quoted[-1:])
