"""Stacks of digit readers: each member learns as it would alone, and averaging makes exactly invariant."""

import pytest
import torch

from course_lib.datasets import digits
from course_lib.symmetries import readers


@pytest.fixture(scope="module")
def few():
    split = digits()
    return readers.draws(split.train_x, split.train_y, 30, 3, seed=1), split.test_x[:100]


def test_turning_one_by_one_agrees_with_rot90():
    images = torch.randn(2, 5, 8, 8, generator=torch.Generator().manual_seed(0))
    quarters = torch.tensor([[0, 1, 2, 3, 1], [3, 3, 2, 0, 0]])
    found = readers.turned(images, quarters)
    for r in range(2):
        for i in range(5):
            assert torch.equal(found[r, i], torch.rot90(images[r, i], int(quarters[r, i])))


@pytest.mark.parametrize("method", readers.METHODS)
def test_a_stack_learns_and_only_averaging_is_exactly_invariant(few, method):
    (x, y), test = few
    model = readers.train_readers(method, x, y, steps=80, hidden=24)
    learnt = model.over((0,)) if method == "averaged after" else model  # what it was trained to do
    assert (learnt(x).argmax(-1) == y).double().mean() > 0.8
    gap = (model(torch.rot90(test, 1, (1, 2))) - model(test)).abs().max()
    assert (gap < 1e-4) == method.startswith("averaged")


def test_members_of_a_stack_do_not_disturb_each_other(few):
    (x, y), test = few
    other = x.clone()
    other[1:] = torch.rot90(other[1:], 1, (2, 3))
    one, two = (readers.train_readers("plain", images, y, steps=40, hidden=16) for images in (x, other))
    assert torch.allclose(one(test)[0], two(test)[0], atol=1e-4)
    assert not torch.allclose(one(test)[1], two(test)[1], atol=0.1)


def test_a_reader_equals_the_same_network_written_by_hand(few):
    (x, y), test = few
    model = readers.train_readers("averaged throughout", x, y, steps=5, hidden=16, turns=(0, 2))
    w, b, v, c = (part[2] for part in model.weights)
    by_hand = sum(torch.relu(torch.rot90(test, k, (1, 2)).flatten(1) @ w + b) @ v + c for k in (0, 2)) / 2
    assert torch.allclose(model(test)[2], by_hand, atol=1e-5)
    assert torch.allclose(model(test.expand(3, *test.shape))[2], by_hand, atol=1e-5)


def test_averaging_after_is_the_plain_reader_read_in_all_positions(few):
    (x, y), test = few
    plain, after = (readers.train_readers(method, x, y, steps=20, hidden=16) for method in ("plain", "averaged after"))
    assert torch.allclose(plain.over((0, 1, 2, 3))(test), after(test))


def test_draws_hold_their_digits_once_each_and_in_every_position():
    split = digits()
    x, y = readers.draws(split.train_x, split.train_y, 200, 2, seed=3)
    up, same = readers.draws(split.train_x, split.train_y, 200, 2, seed=3, turns=(0,))
    assert torch.equal(y, same) and x.shape == (2, 200, 8, 8)
    positions = [(torch.rot90(up, k, (2, 3)) == x).all(3).all(2) for k in range(4)]
    assert torch.stack(positions).any(0).all() and all(part.double().mean() > 0.15 for part in positions)
    assert len(up[0].flatten(1).unique(dim=0)) > 195, "without replacement (a few scanned digits may coincide)"
    with pytest.raises(ValueError, match="size"):
        readers.draws(split.train_x, split.train_y, 5000, 1, seed=0)


def test_sensitivity_of_a_linear_reader_is_known():
    """With huge biases every ReLU is open, the network is linear, and white noise comes out as |W|^2 noise^2."""
    generator = torch.Generator().manual_seed(0)
    w, v = torch.randn(2, 64, 12, generator=generator), torch.randn(2, 12, 10, generator=generator)
    model = readers.Readers((w, torch.full((2, 1, 12), 1e3), v, torch.zeros(2, 1, 10)))
    images = torch.rand(3000, 8, 8, generator=generator)
    found = readers.sensitivity(model, images, 0.1, generator)
    spread = model(images).var(1, unbiased=False).mean(1)
    assert torch.allclose(found, 0.01 * (w @ v).square().sum(1).mean(1) / spread, rtol=0.03)


def test_accuracies_and_every_position():
    images, labels = readers.every_position(torch.rand(3, 8, 8), torch.tensor([4, 4, 1]))
    assert images.shape == (12, 8, 8) and labels.tolist() == [4, 4, 1] * 4
    shift = torch.zeros(2, 1, 10)
    shift[0, 0, 4] = shift[1, 0, 1] = 1
    model = readers.Readers((torch.zeros(2, 64, 1), torch.zeros(2, 1, 1), torch.zeros(2, 1, 10), shift))
    assert torch.allclose(readers.accuracies(model, images, labels), torch.tensor([2 / 3, 1 / 3]).double())


def test_what_is_wrong_is_named(few):
    (x, y), _ = few
    with pytest.raises(ValueError, match="method"):
        readers.train_readers("mean", x, y)
    with pytest.raises(ValueError, match="labels"):
        readers.train_readers("plain", x, y[:, :5])
