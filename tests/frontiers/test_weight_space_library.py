"""Sine networks as data and the readers of their weights: against PyTorch, closed forms and brute force."""

import itertools
import math

import pytest
import torch
from torch import nn

from course_lib.frontiers import sine_networks as sines
from course_lib.frontiers import weight_classifiers as readers

DTYPES = (torch.float32, torch.float64)


def random_tokens(b=3, h=5, d=2, dtype=torch.float64, seed=0):
    return torch.randn(b, h, d + 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def as_module(token):
    """The same network built by PyTorch, without an output bias."""
    h, d = token.shape[0], token.shape[1] - 2
    first, last = nn.Linear(d, h).to(token.dtype), nn.Linear(h, 1, bias=False).to(token.dtype)
    with torch.no_grad():
        first.weight.copy_(token[:, :d])
        first.bias.copy_(token[:, d])
        last.weight.copy_(token[:, d + 1][None])
    return first, last


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_network_draws_what_pytorch_computes(dtype, d):
    tokens, at = random_tokens(d=d, dtype=dtype), random_tokens(1, 7, d, dtype)[0, :, :d]
    found = sines.drawn(tokens, at)
    assert found.dtype == dtype
    for one, picture in zip(tokens, found, strict=True):
        first, last = as_module(one)
        assert torch.allclose(last(torch.sin(first(at)))[:, 0], picture, atol=1e-5)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_flat_weights_have_the_order_of_a_state_dict(d):
    tokens = random_tokens(d=d)
    for one, row in zip(tokens, sines.flat_weights(tokens), strict=True):
        first, last = as_module(one)
        parts = [*first.state_dict().values(), *last.state_dict().values()]
        assert torch.equal(torch.cat([part.flatten() for part in parts]), row)
    assert torch.equal(sines.neuron_tokens(sines.flat_weights(tokens), d), tokens)


@pytest.mark.parametrize("dtype", DTYPES)
def test_moves_leave_the_function_alone_and_change_the_weights(dtype):
    tokens, at = random_tokens(dtype=dtype), sines.places(6).to(dtype)
    generator = torch.Generator().manual_seed(1)
    changed = sines.random_move(tokens, generator)
    assert changed.dtype == dtype and (changed - tokens).abs().amax((1, 2)).min() > 0.1
    assert torch.allclose(sines.drawn(changed, at), sines.drawn(tokens, at), atol=1e-4 if dtype == torch.float32 else 1e-10)


def test_every_single_move_against_its_formula():
    net = torch.tensor([[[1.0, 2.0, 0.5, 3.0], [4.0, 5.0, 0.25, -1.0]]], dtype=torch.float64)
    same, swap = torch.tensor([[0, 1]]), torch.tensor([[1, 0]])
    plus, zero = torch.ones(1, 2, dtype=torch.long), torch.zeros(1, 2, dtype=torch.long)
    assert torch.equal(sines.moved(net, swap, plus, zero), net.flip(1))
    assert torch.equal(sines.moved(net, same, torch.tensor([[1, -1]]), zero)[0, 1], -net[0, 1])
    for turns in (-3, -1, 1, 2):
        found = sines.moved(net, same, plus, zero + turns)
        assert torch.allclose(found[..., 2], net[..., 2] + math.pi * turns)
        assert torch.equal(found[..., 3], net[..., 3] * (-1) ** turns)
        assert torch.allclose(sines.drawn(found, sines.places(3)), sines.drawn(net, sines.places(3)))
    both = sines.moved(net, swap, torch.tensor([[-1, 1]]), torch.tensor([[1, 0]]))
    assert torch.allclose(both[0, 0], torch.tensor([-4.0, -5.0, -0.25 + math.pi, -1.0], dtype=torch.float64))


def test_random_moves_draw_every_order_and_sign_and_leave_half_turns_out_if_asked():
    tokens = random_tokens(1, 3).expand(400, 3, 4)
    generator = torch.Generator().manual_seed(0)
    found = sines.random_move(tokens, generator, half_turns=False)
    assert torch.equal(found.abs().sort(1).values, tokens.abs().sort(1).values)
    same = found[:, :, None, 0].abs() == tokens[:, None, :, 0].abs()  # which neuron stands in which place
    orders = {tuple(row) for row in same.long().argmax(2).tolist()}
    assert orders == set(itertools.permutations(range(3)))
    assert len({tuple(row) for row in found.sign()[..., 0].tolist()}) == 8
    turned = sines.random_move(tokens, generator)
    assert not torch.allclose(turned.abs().sort(1).values, tokens.abs().sort(1).values)


def test_waves_are_the_two_parts_of_every_neuron():
    tokens, at = random_tokens(), sines.places(4).double()
    found, angle = sines.waves(tokens), torch.einsum("bhd,md->bhm", tokens[..., :2], sines.places(4).double())
    parts = found[..., 2:3] * angle.sin() + found[..., 3:4] * angle.cos()
    assert torch.allclose(parts.sum(1), sines.drawn(tokens, at))
    order, plus = torch.arange(5).expand(3, 5), torch.ones(3, 5, dtype=torch.long)
    turned = sines.moved(tokens, order, plus, 3 * plus)
    assert torch.allclose(sines.waves(turned), found)
    flip = torch.tensor([-1.0, -1.0, -1.0, 1.0]).double()
    assert torch.allclose(sines.waves(-tokens), found * flip)


def test_starts_are_shared_or_not():
    shared, own = (sines.first_guess(4, start, 0) for start in ("shared", "independent"))
    assert torch.equal(shared[0], shared[3]) and (own[0] - own[3]).abs().max() > 0.1
    assert shared.shape == own.shape == (4, 16, 4)
    big = sines.first_guess(2000, "independent", 1)
    assert big[..., :2].std() == pytest.approx(2.5, rel=0.03) and big[..., 3].std() == pytest.approx(0.25, rel=0.03)
    assert big[..., 2].abs().max() <= math.pi and big[..., 2].std() == pytest.approx(math.pi / 3**0.5, rel=0.03)


def test_networks_are_fitted_each_on_its_own():
    images, guess = torch.rand(3, 64, generator=torch.Generator().manual_seed(0)), sines.first_guess(3, "independent", 0)
    together = sines.fit(images, guess, steps=15)
    alone = torch.cat([sines.fit(images[[i]], guess[[i]], steps=15) for i in range(3)])
    assert torch.allclose(together, alone, atol=1e-4)
    before, after = (sines.psnr(sines.drawn(t, sines.places()), images) for t in (guess, together))
    assert (after > before + 1).all()
    assert torch.equal(guess, sines.first_guess(3, "independent", 0))


def test_errors_name_the_argument():
    tokens = random_tokens()
    with pytest.raises(ValueError, match="tokens must be floating-point networks"):
        sines.drawn(tokens[0], sines.places())
    with pytest.raises(ValueError, match="tokens must be"):
        sines.flat_weights(tokens.long())
    with pytest.raises(ValueError, match="weights must have shape"):
        sines.neuron_tokens(torch.zeros(2, 7))
    with pytest.raises(ValueError, match="signs must have shape"):
        sines.moved(tokens, torch.zeros(3, 5).long(), torch.ones(5), torch.zeros(3, 5))
    for function in (lambda start: sines.first_guess(2, start, 0), sines.stored_networks):
        with pytest.raises(ValueError, match="start must be one of"):
            function("common")
    with pytest.raises(ValueError, match="name must be one of"):
        readers.trained("deep", tokens, torch.zeros(3).long(), 0)
    with pytest.raises(ValueError, match="test must lie"):
        readers.split_rows(10, 0, 10)


# ------------------------------------------------------------------------------------------------------------- readers

FORGETS = {  # reading: does it forget order, signs, half turns?
    "flat": (False, False, False),
    "flat, moved at random": (False, False, False),
    "set": (True, False, False),
    "set, signs": (True, True, False),
    "set, half turns": (True, False, True),
    "set, signs, half turns": (True, True, True),
    "picture": (True, True, True),
    "set, half turns averaged": (True, False, True),
}


@pytest.mark.parametrize(("kind", "name"), [*(("READERS", n) for n in readers.READERS), *(("LEAKY", n) for n in readers.LEAKY)])
def test_readers_forget_what_they_say_and_nothing_else(kind, name):
    tokens = random_tokens(6, 16)
    net = getattr(readers, kind)[name](tokens, 0).double().eval()
    order = torch.stack([torch.randperm(16, generator=torch.Generator().manual_seed(i)) for i in range(6)])
    same, plus, zero = torch.arange(16).expand(6, 16), torch.ones(6, 16).long(), torch.zeros(6, 16).long()
    signs = 2 * torch.randint(0, 2, (6, 16), generator=torch.Generator().manual_seed(9)) - 1
    moves = ((order, plus, zero), (same, signs, zero), (same, plus, signs.clamp(min=0)))
    for move, forgotten in zip(moves, FORGETS[name], strict=True):
        gap = (net(sines.moved(tokens, *move)) - net(tokens)).abs().max()
        assert gap < 1e-9 if forgotten else gap > 1e-3
    assert net(tokens).shape == (6, 10) and (net(tokens)[0] - net(tokens)[1]).abs().max() > 1e-3


def test_only_the_augmented_reader_moves_its_input_and_only_in_training():
    tokens = random_tokens(4, 16, dtype=torch.float32)
    net = readers.READERS["flat, moved at random"](tokens, 0)
    assert not torch.equal(net(tokens), net(tokens))
    net.eval()
    plain = readers.READERS["flat"](tokens, 0)
    assert torch.equal(net(tokens), net(tokens)) and torch.equal(net(tokens), plain(tokens))
    assert torch.equal(plain(tokens), plain(tokens))


def test_set_readers_read_any_number_of_neurons():
    net = readers.SetReader(torch.ones(4), True, True)
    for neurons in (1, 3, 40):
        assert net(random_tokens(2, neurons, dtype=torch.float32)).shape == (2, 10)


def test_splits_are_disjoint_and_of_the_given_size():
    train, test = readers.split_rows(50, 3, 20)
    assert len(test) == 20 and torch.equal(torch.cat([train, test]).sort().values, torch.arange(50))
    assert not torch.equal(test, readers.split_rows(50, 4, 20)[1])


def test_a_reader_learns_an_easy_task_and_repeats_itself():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 2, (200,), generator=generator)
    tokens = torch.randn(200, 6, 4, generator=generator)
    tokens[:, :, 3] *= 1 + 6 * labels[:, None]  # the second class is loud
    first, second = (readers.trained("set, signs", tokens, labels, 0, epochs=12) for _ in range(2))
    assert readers.accuracy(first, tokens, labels) > 0.9
    assert torch.equal(first(tokens), second(tokens))


def test_leaky_readers_have_the_same_weights_and_no_unit_that_is_flat():
    tokens = random_tokens(4, 16, dtype=torch.float32)
    sizes = set()
    for name, build in readers.LEAKY.items():
        net = build(tokens, 3)
        sizes.add(sum(p.numel() for p in net.parameters()))
        slopes = [module.negative_slope for module in net.modules() if isinstance(module, nn.LeakyReLU)]
        assert slopes == [readers.LEAK] * 2 and not any(isinstance(module, nn.ReLU) for module in net.modules())
        if name in readers.READERS:
            plain = readers.READERS[name](tokens, 3)
            assert all(torch.equal(a, b) for a, b in zip(net.parameters(), plain.parameters(), strict=True))
            assert not torch.equal(net(tokens), plain(tokens))
    assert len(sizes) == 1


def test_wrapped_phases_draw_the_same_and_whole_turns_vanish():
    tokens = random_tokens()
    tokens[..., 2] *= 5
    found = readers.wrapped(tokens)
    assert found[..., 2].abs().max() <= math.pi and torch.equal(found[..., [0, 1, 3]], tokens[..., [0, 1, 3]])
    assert torch.allclose(sines.drawn(found, sines.places(4)), sines.drawn(tokens, sines.places(4)), atol=1e-9)
    assert torch.allclose(readers.wrapped(tokens + torch.tensor([0, 0, 2 * math.pi, 0]).double()), found, atol=1e-9)


def test_accuracies_are_of_test_and_training_rows():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 2, (540,), generator=generator)
    tokens = torch.randn(540, 3, 4, generator=generator)
    test, training = readers.accuracies_of("set", tokens, labels, 0, epochs=60, leaky=True)
    assert test < 0.65 and training > 0.85  # noise: forty training rows are learnt by heart
    assert readers.accuracy_of("set", tokens, labels, 0, epochs=2) == readers.accuracies_of("set", tokens, labels, 0, 2)[0]
