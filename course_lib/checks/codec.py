"""Arguments and returns of an answer, written as plain data.

Grading runs an answer in another process, so whatever goes in or comes out must travel as bytes that nobody has to
trust: a JSON header and the raw bytes of the arrays, never a pickle. What can travel:

    None, bool, int, float, complex, str, list, tuple, dict with str keys, NumPy scalars and arrays, tensors,
    a `Game` whose `value` is a library module (a hard game is a table of values, a soft one a model),
    an `Attribution`, and a module whose class is named in `MODULES` below.

To let a class of your own travel, add `"package.module:Class"` to `MODULES` and give the class a `config` attribute: a
dict of constructor arguments made of the things above. It is rebuilt as `Class(**config)`, its state is loaded, and its
parameters that are not to be differentiated stay so. An argument `seed` must draw weights of the state and nothing else.

Everything else (functions, generators, views of a subclass, modules with hooks) is refused with a `ValueError` that
says where it sits. Tensors arrive on the CPU, detached, with their dtype: gradients do not travel.
"""

import copy
import dataclasses
import importlib
import json
import math
import struct

import numpy as np
import torch
from torch import nn

MODULES = {
    "course_lib.games.core:TableValue",
    "course_lib.models:MLP",
    "course_lib.models:DigitNet",
    "course_lib.transformer:FactModel",
}

_MAGIC = b"COURSE1\n"
_TEMPLATES: dict[tuple[str, str], nn.Module] = {}
_TENSOR_TYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
        torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128,
    )
}  # fmt: skip
_ARRAY_KINDS = "biufc"


def encode(value: object) -> bytes:
    """Write `value` as bytes: magic, length of the header, JSON header, raw array bytes one after another.

    >>> decode(encode({"scores": torch.tensor([1.0, 2.0]), "players": ("a", "b")}))
    {'scores': tensor([1., 2.]), 'players': ('a', 'b')}
    >>> encode([print])
    Traceback (most recent call last):
    ...
    ValueError: value[0] cannot be carried as plain data: builtin_function_or_method
    """
    blobs: list[bytes] = []
    try:
        tree = _write(value, "value", blobs)
    except RecursionError:
        raise ValueError("value cannot be carried as plain data: it is nested too deeply or contains itself") from None
    header = json.dumps({"tree": tree, "sizes": [len(blob) for blob in blobs]}, allow_nan=False).encode()
    return b"".join([_MAGIC, struct.pack("<Q", len(header)), header, *blobs])


def decode(data: bytes) -> object:
    """Read what `encode` wrote. Anything malformed raises `ValueError`, nothing in the bytes is ever run."""
    start = len(_MAGIC) + 8
    if data[: len(_MAGIC)] != _MAGIC or len(data) < start:
        raise ValueError("not an encoded value")
    length = struct.unpack("<Q", data[len(_MAGIC) : start])[0]
    try:
        header = json.loads(data[start : start + length])
        sizes = header["sizes"]
        if any(type(size) is not int or size < 0 for size in sizes) or start + length + sum(sizes) != len(data):
            raise ValueError("not an encoded value: its arrays do not have the announced sizes")
        ends = np.cumsum([start + length, *sizes]).tolist()
        blobs = [data[begin:end] for begin, end in zip(ends, ends[1:], strict=False)]
        return _read(header["tree"], blobs)
    except ValueError:
        raise
    except Exception as error:  # a header of the wrong form: whatever went wrong, it is not one of ours
        raise ValueError(f"not an encoded value: {type(error).__name__}") from None


# ---------------------------------------------------------------------------------------------------------- writing


def _write(value: object, where: str, blobs: list[bytes]) -> object:
    """JSON for `value`: scalars as themselves, everything else as a list whose first item names its kind."""
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else ["float", repr(value)]
    if kind is complex:
        return ["complex", repr(value.real), repr(value.imag)]
    if kind in (list, tuple):
        return [kind.__name__, *(_write(item, f"{where}[{index}]", blobs) for index, item in enumerate(value))]
    if kind is dict:
        if any(type(key) is not str for key in value):
            raise ValueError(f"{where} cannot be carried as plain data: a dict whose keys are not all strings")
        return ["dict", *([key, _write(item, f"{where}[{key!r}]", blobs)] for key, item in value.items())]
    if kind is np.ndarray or isinstance(value, np.generic):
        return _write_array(value, where, blobs)
    if kind in (torch.Tensor, nn.Parameter):
        return _write_tensor(value, where, blobs)
    return _write_object(value, where, blobs)


def _write_array(value: np.ndarray | np.generic, where: str, blobs: list[bytes]) -> list:
    array = np.asarray(value)
    if array.dtype.kind not in _ARRAY_KINDS or array.dtype.itemsize > 16:
        raise ValueError(f"{where} cannot be carried as plain data: an array of dtype {array.dtype}")
    array = array.astype(array.dtype.newbyteorder("<"))
    blobs.append(array.tobytes())
    kind = "array" if type(value) is np.ndarray else "scalar"
    return [kind, array.dtype.str, list(array.shape), len(blobs) - 1]


def _write_tensor(value: torch.Tensor, where: str, blobs: list[bytes]) -> list:
    name = str(value.dtype).removeprefix("torch.")
    if name not in _TENSOR_TYPES or value.layout is not torch.strided:
        raise ValueError(f"{where} cannot be carried as plain data: a {value.layout} tensor of {value.dtype}")
    plain = value.detach().cpu().resolve_conj().resolve_neg()
    if plain.dtype is torch.bfloat16:  # NumPy has no such numbers
        plain = plain.reshape(-1).clone(memory_format=torch.contiguous_format).view(torch.int16)
    blobs.append(plain.numpy().tobytes())
    return ["tensor", name, list(value.shape), len(blobs) - 1]


def _write_object(value: object, where: str, blobs: list[bytes]) -> list:
    if isinstance(value, nn.Module):
        return _write_module(value, where, blobs)
    from course_lib.games import Attribution, Game  # here, so that all else travels without the rest of the library

    if type(value) is Game:
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(Game)}
        for name in ("dtype", "device"):
            fields[name] = None if fields.get(name) is None else str(fields[name])
        return ["game", *([key, _write(item, f"{where}.{key}", blobs)] for key, item in fields.items())]
    if type(value) is Attribution:
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(Attribution)}
        return ["attribution", *([key, _write(item, f"{where}.{key}", blobs)] for key, item in fields.items())]
    raise ValueError(f"{where} cannot be carried as plain data: {type(value).__name__}")


def _write_module(value: nn.Module, where: str, blobs: list[bytes]) -> list:
    name = f"{type(value).__module__}:{type(value).__qualname__}"
    if name not in MODULES:
        raise ValueError(f"{where} cannot be carried as plain data: {name} is not among the modules of the codec")
    for path, part in value.named_modules():
        if part._forward_hooks or part._forward_pre_hooks or part._backward_hooks or part._backward_pre_hooks:
            raise ValueError(f"{where} cannot be carried as plain data: a hook is left on {path or 'the module'}")
    config = _write(_config(value), f"{where}.config", blobs)
    state = _write(dict(value.state_dict()), f"{where}.state_dict()", blobs)
    frozen = sorted(path for path, parameter in value.named_parameters() if not parameter.requires_grad)
    return ["module", name, config, state, value.training, frozen]


def _config(module: nn.Module) -> dict:
    """Constructor arguments; for a table of values the table itself, which has no other."""
    if hasattr(module, "config"):
        return dict(module.config)
    return {"table": module.table}


# ---------------------------------------------------------------------------------------------------------- reading


def _read(node: object, blobs: list[bytes]) -> object:
    if not isinstance(node, list):
        if isinstance(node, dict):
            raise ValueError("not an encoded value: a bare JSON object")
        return node
    kind, *rest = node
    return _READERS[kind](rest, blobs)


def _read_pairs(rest: list, blobs: list[bytes]) -> dict:
    return {str(key): _read(item, blobs) for key, item in rest}


def _read_array(rest: list, blobs: list[bytes]) -> np.ndarray:
    name, shape, index = rest
    dtype = np.dtype(str(name))
    if dtype.kind not in _ARRAY_KINDS:
        raise ValueError(f"not an encoded value: an array of dtype {dtype}")
    array = np.frombuffer(blobs[index], dtype=dtype).reshape(_shape(shape)).copy()
    return array != 0 if dtype.kind == "b" else array  # bytes other than 0 and 1 are no booleans


def _read_tensor(rest: list, blobs: list[bytes]) -> torch.Tensor:
    name, shape, index = rest
    dtype, raw = _TENSOR_TYPES[name], np.frombuffer(blobs[index], dtype=np.uint8)
    if not len(raw):  # torch cannot view nothing as another type
        return torch.zeros(0, dtype=dtype).reshape(_shape(shape))
    flat = torch.from_numpy(raw.copy())
    return (flat != 0 if dtype is torch.bool else flat.view(dtype)).reshape(_shape(shape))


def _shape(shape: list) -> tuple[int, ...]:
    if any(type(size) is not int or size < 0 for size in shape):
        raise ValueError("not an encoded value: a shape that is none")
    return tuple(shape)


def _read_module(rest: list, blobs: list[bytes]) -> nn.Module:
    name, config, state, training, frozen = rest
    if name not in MODULES:
        raise ValueError(f"not an encoded value: {name} is not among the modules of the codec")
    module = _built(name, config, blobs)
    module.load_state_dict(_read(state, blobs), assign=True)  # assigned, so that a float64 state stays float64
    for path, parameter in module.named_parameters():
        parameter.requires_grad_(path not in frozen)
    return module.train(bool(training))


def _built(name: str, config: list, blobs: list[bytes]) -> nn.Module:
    """A module of that class and configuration, with any weights: copying one takes less time than drawing them anew."""
    arguments = _read(config, blobs)
    if type(arguments.get("seed")) is not int or _has_blobs(config):
        return _construct(name, arguments)
    key = name, json.dumps(_write(arguments | {"seed": 0}, "config", []))
    if key not in _TEMPLATES:
        made = _construct(name, arguments)
        if sum(parameter.numel() for parameter in made.parameters()) > 10**5 or len(_TEMPLATES) >= 64:
            return made  # what others sent must not fill the memory
        _TEMPLATES[key] = made
    module = copied(_TEMPLATES[key], weights=False)
    module.config["seed"] = arguments["seed"]
    return module


def copied(module: nn.Module, *, weights: bool = True) -> nn.Module:
    """What `copy.deepcopy` makes of a module, in less time; without `weights` both share their parameters."""
    return _copied_module(module, {}, weights)


def _copied_module(module: nn.Module, memo: dict, weights: bool) -> nn.Module:
    if id(module) in memo:
        return memo[id(module)]
    made = memo[id(module)] = module.__new__(type(module))
    for name, value in vars(module).items():
        if name == "_modules":
            parts = {key: None if part is None else _copied_module(part, memo, weights) for key, part in value.items()}
            value = type(value)(parts)
        elif name == "_parameters" and not weights:
            value = value.copy()
        elif isinstance(value, dict | set | list) and not value:
            value = type(value)()
        elif not (value is None or isinstance(value, bool | int | float | str)):
            value = copy.deepcopy(value, memo)
        made.__dict__[name] = value
    return made


def _has_blobs(node: object) -> bool:
    """Whether arrays or tensors are part of it."""
    return isinstance(node, list) and (node[:1] in (["tensor"], ["array"], ["scalar"]) or any(map(_has_blobs, node)))


def _construct(name: str, arguments: dict) -> nn.Module:
    package, _, cls = name.partition(":")
    return getattr(importlib.import_module(package), cls)(**arguments)


def _read_game(rest: list, blobs: list[bytes]) -> object:
    from course_lib.games import Game

    fields = _read_pairs(rest, blobs)
    fields["dtype"] = None if fields["dtype"] is None else _TENSOR_TYPES[fields["dtype"].removeprefix("torch.")]
    fields["device"] = torch.device("cpu")
    return Game(fields.pop("value"), fields.pop("players"), **fields)


def _read_attribution(rest: list, blobs: list[bytes]) -> object:
    from course_lib.games import Attribution

    return Attribution(**_read_pairs(rest, blobs))


_READERS = {
    "float": lambda rest, blobs: float(rest[0]),
    "complex": lambda rest, blobs: complex(float(rest[0]), float(rest[1])),
    "list": lambda rest, blobs: [_read(item, blobs) for item in rest],
    "tuple": lambda rest, blobs: tuple(_read(item, blobs) for item in rest),
    "dict": _read_pairs,
    "array": _read_array,
    "scalar": lambda rest, blobs: _read_array(rest, blobs)[()],
    "tensor": _read_tensor,
    "module": _read_module,
    "game": _read_game,
    "attribution": _read_attribution,
}
