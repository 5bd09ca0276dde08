"""What travels as plain data arrives as it was, and what does not is refused with its place."""

import json
import math
import struct

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.checks import codec
from course_lib.checks.codec import copied, decode, encode
from course_lib.games import Attribution, Game, table_game
from course_lib.models import MLP


def same(a: object, b: object) -> bool:
    """Equal in kind and content, nan included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and torch.equal(torch.nan_to_num(a), torch.nan_to_num(b))
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return a == b or (a != a and b != b)


PLAIN = [
    None, True, False, 0, -(2**80), 1.0, 0.1, -0.0, 1e-320, math.inf, -math.inf, math.nan, 1 + 2j,
    "", "ä\ud800\n", [], [1, [2.0, (3,)]], (), (1, "a", None), {}, {"a": {"b": [1]}, "": 2},
    np.arange(6).reshape(2, 3).T, np.array(2.5), np.array([True, False]), np.zeros((0, 3)), np.float32(0.5),
    np.int64(3), np.bool_(True), np.array([1 + 1j], dtype=np.complex64), np.arange(3, dtype=">i4").astype("<i4"),
    torch.arange(6.0).reshape(2, 3).T, torch.tensor(1.5, dtype=torch.float64), torch.zeros(2, 0, 3),
    torch.tensor([True, False]), torch.ones(3, dtype=torch.bfloat16), torch.ones(2, dtype=torch.complex128).conj(),
    torch.arange(5)[::2], torch.tensor([1, 2], dtype=torch.uint8), torch.ones(2, 3).expand(4, 2, 3),
    torch.ones(1, 3)[:, 1], torch.ones(2, 3)[1:, 2],
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values_arrive_as_they_were(value):
    assert same(decode(encode(value)), value)
    assert same(decode(encode([{"a": value}, (value,)])), [{"a": value}, (value,)])


def test_what_arrives_shares_no_memory_and_no_graph():
    sent = torch.ones(3, requires_grad=True)
    got = decode(encode(sent * 2))
    got += 1
    assert not got.requires_grad and torch.equal(sent.detach(), torch.ones(3))
    assert decode(encode(np.ones(2))).flags.writeable


@pytest.mark.parametrize("outputs", [(), (3,)])
def test_a_hard_game_arrives_with_its_table_and_players(outputs):
    game = table_game(torch.randn(8, *outputs, dtype=torch.float64), ("age", "dose", "sex"))
    got = decode(encode(game))
    gates = torch.randint(0, 2, (5, 3), generator=torch.Generator().manual_seed(0)).double()
    assert torch.equal(got(gates), game(gates))
    assert (tuple(got.players), got.differentiable, got.dtype) == (tuple(game.players), game.differentiable, game.dtype)
    assert encode(got) == encode(game)


def test_a_module_arrives_with_its_dtype_mode_and_function():
    model = MLP([3, 4, 2], seed=1).double().eval()
    got = decode(encode(model))
    x = torch.randn(5, 3, dtype=torch.float64)
    assert type(got) is MLP and not got.training
    assert torch.equal(got(x), model(x)) and got(x).requires_grad
    assert encode(got) == encode(model)


def test_modules_of_one_configuration_share_nothing_when_they_arrive():
    sent = [MLP([3, 4, 2], "tanh", seed=seed).double().requires_grad_(seed > 1) for seed in (1, 2)]
    first, second = (decode(encode(model)) for model in sent)
    for got, model in ((first, sent[0]), (second, sent[1])):
        assert got.config == model.config and same(dict(got.state_dict()), dict(model.state_dict()))
        assert [p.requires_grad for p in got.parameters()] == [p.requires_grad for p in model.parameters()]
    with torch.no_grad():
        first.layers[0].weight.zero_()
    first.config["widths"].append(5)
    first.layers[0].register_forward_hook(print)
    again = decode(encode(sent[1]))
    for got in (second, again):
        assert same(dict(got.state_dict()), dict(sent[1].state_dict())) and got.config == sent[1].config
        assert not got.layers[0]._forward_hooks


def test_a_copied_module_shares_nothing_with_the_first():
    model = MLP([3, 4, 1], "tanh", seed=1).double()
    model.layers[2].bias.requires_grad_(False)
    made, x = copied(model), torch.ones(2, 3).double()
    assert type(made) is MLP and torch.equal(made(x), model(x)) and made.config == model.config
    assert [p.requires_grad for p in made.parameters()] == [p.requires_grad for p in model.parameters()]
    before = model.layers[0].weight.clone()
    with torch.no_grad():
        made.layers[0].weight.zero_()
    made.layers[0].register_forward_hook(print)
    made.config["widths"].append(5)
    assert torch.equal(model.layers[0].weight, before)
    assert not model.layers[0]._forward_hooks and model.config["widths"] == [3, 4, 1]


def test_a_soft_game_whose_value_is_a_library_module_arrives():
    game = Game(MLP([3, 4, 1], "tanh", seed=1).double(), 3)
    got, gates = decode(encode(game)), torch.full((2, 3), 0.5, dtype=torch.float64, requires_grad=True)
    assert torch.equal(got(gates), game(gates))
    (slope,) = torch.autograd.grad(got(gates).sum(), gates)
    assert slope.abs().min() > 0


def test_a_parameter_that_is_not_differentiated_stays_so():
    model = MLP([2, 3, 1], seed=0)
    assert all(parameter.requires_grad for parameter in decode(encode(model)).parameters())
    model.layers[0].weight.requires_grad_(False)
    assert [parameter.requires_grad for parameter in decode(encode(model)).parameters()] == [False, True, True, True]
    frozen = decode(encode(model.requires_grad_(False)))
    assert torch.equal(torch.from_numpy(frozen(torch.ones(4, 2)).numpy()), model(torch.ones(4, 2)))
    assert encode(frozen) == encode(model) != encode(model.requires_grad_(True))


def test_a_game_that_is_a_closure_is_refused():
    with pytest.raises(ValueError, match=r"value.value cannot be carried as plain data: function"):
        encode(Game(lambda gates: gates.sum(1), 3))


def test_an_attribution_arrives():
    scores = torch.tensor([0.5, -0.5], dtype=torch.float64)
    sent = Attribution(scores, torch.zeros(2), 4, ("a", "b"), "exact")
    got = decode(encode(sent))
    assert encode(got) == encode(sent) and torch.equal(got.scores, scores)


@pytest.mark.parametrize(
    "value, where",
    [
        (print, "value cannot be carried as plain data: builtin_function_or_method"),
        ([1, {"f": lambda: 0}], r"value\[1\]\['f'\] cannot be carried as plain data: function"),
        ({1: 2}, "not all strings"),
        ({1, 2}, "set"),
        (torch.Generator(), "Generator"),
        (torch.eye(2).to_sparse(), "sparse"),
        (np.array(["a"]), "dtype <U1"),
        (np.array([None]), "dtype object"),
        (np.ma.array([1]), "MaskedArray"),
        (torch.ones(2).max(0), "max"),
        (nn.Linear(1, 1), "torch.nn.modules.linear:Linear is not among the modules of the codec"),
        (object(), "object"),
    ],
    ids=lambda value: type(value).__name__,  # the same in every worker, unlike an object's address
)
def test_what_cannot_travel_is_refused_with_its_place(value, where):
    with pytest.raises(ValueError, match=where):
        encode(value)


def test_a_value_inside_itself_is_refused():
    endless: list = []
    endless.append(endless)
    with pytest.raises(ValueError, match="contains itself"):
        encode(endless)


def test_a_module_with_a_hook_is_refused():
    model = MLP([2, 2], seed=0)
    handle = next(iter(model.children())).register_forward_hook(lambda *_: None)
    with pytest.raises(ValueError, match="a hook is left"):
        encode(model)
    handle.remove()
    encode(model)


def forged(tree: object, sizes: list, blob: bytes = b"") -> bytes:
    header = json.dumps({"tree": tree, "sizes": sizes}).encode()
    return codec._MAGIC + struct.pack("<Q", len(header)) + header + blob


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk" * 10,
        encode([torch.ones(3)])[:-1],
        encode([torch.ones(3)]) + b"x",
        forged(["tensor", "float64", [2], 0], [8], bytes(8)),
        forged(["tensor", "float64", [-1], 0], [8], bytes(8)),
        forged(["tensor", "object", [1], 0], [8], bytes(8)),
        forged(["array", "O", [1], 0], [8], bytes(8)),
        forged(["array", "|V8", [1], 0], [8], bytes(8)),
        forged(["tensor", "float64", [1], 3], [8], bytes(8)),
        forged(["module", "os:system", ["dict"], ["dict"], True], []),
        forged(["module", "course_lib.models:train", ["dict"], ["dict"], True], []),
        forged(["eval", "1"], []),
        forged({"a": 1}, []),
        forged([], []),
        forged(["dict", ["a"]], []),
        forged(1, [-1]),
        codec._MAGIC + struct.pack("<Q", 2**60),
        codec._MAGIC + struct.pack("<Q", 200_000) + b"[" * 200_000,
    ],
    ids=lambda data: repr(data[15:55]),
)
def test_malformed_bytes_are_refused(data):
    with pytest.raises(ValueError):
        decode(data)


def test_bytes_that_are_no_booleans_become_booleans():
    assert decode(forged(["tensor", "bool", [2], 0], [2], b"\x07\x00")).tolist() == [True, False]
    assert decode(forged(["array", "|b1", [2], 0], [2], b"\x07\x00")).tolist() == [True, False]


@pytest.mark.parametrize("name", sorted(codec.MODULES))
def test_every_listed_class_exists_and_can_be_rebuilt(name):
    package, _, cls = name.partition(":")
    found = getattr(__import__(package, fromlist=[cls]), cls)
    assert issubclass(found, nn.Module) and found.__module__ == package
