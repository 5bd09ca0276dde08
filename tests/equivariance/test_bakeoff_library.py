"""The harness of the bake-off and the constructions of both tasks: symmetric where they say so, and of equal size."""

import pytest
import torch
from torch import nn

from course_lib.datasets import digits
from course_lib.equivariance import bakeoff, bakeoff_clusters, bakeoff_digits
from course_lib.groups import CyclicGroup, equivariance_error
from course_lib.symmetries.readers import turned

TASKS = {"digits": bakeoff_digits, "clusters": bakeoff_clusters}
EVERY = [(task, name) for task, module in TASKS.items() for name in module.CONSTRUCTIONS]


def inputs(task: str, count: int = 24) -> torch.Tensor:
    return digits().train_x[:count] if task == "digits" else bakeoff_clusters.data()[0].positions[:count]


def untrained(task: str, name: str):
    construction, x = TASKS[task].CONSTRUCTIONS[name], inputs(task)
    network = construction.build(3, x if construction.pose is None else construction.pose(x)).eval().requires_grad_(False)
    return construction, network, construction.predictor(network)


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_constructions_are_invariant_before_training_if_and_only_if_they_say_so(task, name):
    construction, _, f = untrained(task, name)
    x = inputs(task)
    if task == "digits":
        error = equivariance_error(f, bakeoff_digits.IMAGES, bakeoff_digits.LOGITS, x, torch.arange(1, 4)).max()
    else:
        motions = bakeoff_clusters.random_motions(5, 7)
        error = equivariance_error(f, bakeoff_clusters.PLACES, bakeoff_clusters.ENERGY, x, motions).max()
    assert (error < 1e-4) == construction.exact, error


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_networks_are_equally_large_and_evaluations_are_counted(task, name):
    """The operations of a construction on a plain network are those of the plain one, times its evaluations."""
    construction, network, f = untrained(task, name)
    _, plain, g = untrained(task, "plain")
    assert bakeoff.parameter_count(network) == pytest.approx(bakeoff.parameter_count(plain), rel=0.04)
    if construction.kind == "modify" and name != "canonicalised":
        x = inputs(task, 4)
        assert bakeoff.operations(f, x) == pytest.approx(construction.evaluations * bakeoff.operations(g, x), rel=0.02)


def test_canonical_clusters_keep_their_distances():
    x = inputs("clusters").double()
    pose = bakeoff_clusters.canonical_pose(x)
    assert torch.allclose(torch.pdist(pose[0]).sort().values, torch.pdist(x[0]).sort().values)


def test_dot_products_are_blind_to_rotations_and_not_to_names():
    f, x = untrained("clusters", "dot products")[2], inputs("clusters")
    motions = bakeoff_clusters.random_motions(5, 7)
    rotations, orders = bakeoff_clusters.MOTIONS.split(motions)
    for turns, names, low, high in ((rotations, None, 0, 1e-4), (None, orders, 0.1, 2)):
        turns = torch.eye(3).expand(5, 3, 3).to(rotations) if turns is None else turns
        names = torch.arange(6).expand(5, 6).to(orders) if names is None else names
        both = bakeoff_clusters.MOTIONS.join(turns, names)
        error = equivariance_error(f, bakeoff_clusters.PLACES, bakeoff_clusters.ENERGY, x, both)
        assert (error >= low).all() and (error < high).all()


def test_the_control_of_names_alone_is_blind_to_names_and_not_to_rotations():
    x = inputs("clusters")
    net = bakeoff_clusters.CONTROL["names alone"].build(3, x).eval().requires_grad_(False)
    _, plain, _ = untrained("clusters", "plain")
    assert bakeoff.parameter_count(net) == pytest.approx(bakeoff.parameter_count(plain), rel=0.04)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))[0]
    torch.testing.assert_close(net(x[:, [3, 0, 5, 1, 2, 4]]), net(x))
    assert (net(x @ turn) - net(x)).abs().mean() > 0.05 * net(x).std()


def test_motions_act_from_the_left():
    g, h = bakeoff_clusters.random_motions(6, 1), bakeoff_clusters.random_motions(6, 2)
    x, places = inputs("clusters").double(), bakeoff_clusters.PLACES
    for one, other in zip(g, h, strict=True):
        there = places.act(bakeoff_clusters.MOTIONS.product(one[None], other[None]), x)[0]
        assert torch.allclose(there, places.act(one[None], places.act(other[None], x)[0])[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_turn_invariants_do_not_see_turns_but_confuse_an_image_with_parts_turned(dtype):
    x = torch.rand(5, 8, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    for k in range(1, 4):
        torch.testing.assert_close(bakeoff_digits.turn_invariants(turned(x, k)), bakeoff_digits.turn_invariants(x))
    turns = torch.stack([turned(x, k) for k in range(4)])
    odd, even = (turns[0] - turns[2]) / 2, (turns[0] + turns[2]) / 2  # a turned twice changes the sign of the odd part
    other = even + (turns[1] - turns[3]) / 2  # the odd part turned once, the even part not
    torch.testing.assert_close(odd + even, x)
    torch.testing.assert_close(bakeoff_digits.turn_invariants(other), bakeoff_digits.turn_invariants(x))
    assert min((turned(other, k) - x).abs().max() for k in range(4)) > 0.1
    assert not torch.allclose(bakeoff_digits.turn_invariants(x.flip(2)), bakeoff_digits.turn_invariants(x), atol=1e-3)


def test_the_plain_network_is_an_ordinary_convolution():
    net, x = bakeoff_digits.plain_net(2), inputs("digits")
    maps = torch.relu(nn.functional.conv2d(x[:, None], net.first.weight, net.first.bias, padding=1))
    maps = nn.functional.avg_pool2d(maps, 2)
    maps = torch.relu(nn.functional.conv2d(maps, net.second.weight[:, :, 0], net.second.bias, padding=1))
    hidden = torch.relu(nn.functional.conv2d(maps, net.whole.weight[:, :, 0], net.whole.bias))
    torch.testing.assert_close(net(x), net.logits(hidden.flatten(1)))


def test_draws_are_nested_and_upright_draws_are_not_turned():
    (small, few), (large, many) = bakeoff_digits.draw(20, 4), bakeoff_digits.draw(60, 4)
    assert torch.equal(small, large[:20]) and torch.equal(few, many[:20])
    upright, labels = bakeoff_digits.draw(20, 4, "upright")
    assert torch.equal(labels, few) and not torch.equal(upright, small)
    best = torch.stack([turned(upright, k) for k in range(4)])
    assert ((best == small).flatten(2).all(2)).any(0).all()
    a, b = bakeoff_clusters.draw(20, 4), bakeoff_clusters.draw(60, 4)
    assert torch.equal(a.positions, b.positions[:20])


def test_training_is_repeatable_and_moves_only_where_it_is_asked_to():
    x, y, seen = torch.arange(6.0)[:, None], torch.arange(6.0)[:, None], []

    def move(rows, generator):
        seen.append(rows.clone())
        return rows + 100

    def fitted(**more):
        net = nn.Linear(1, 1)
        nn.init.zeros_(net.weight), nn.init.zeros_(net.bias)
        return bakeoff.train(net, x, y, nn.functional.mse_loss, steps=3, rate=0.1, seed=0, batch=4, **more)

    a, b, c = fitted(), fitted(), fitted(move=move)
    assert torch.equal(a.weight, b.weight) and not torch.equal(a.weight, c.weight)
    assert len(seen) == 3 and all(len(rows) == 4 and (rows < 6).all() for rows in seen)
    assert not a.weight.requires_grad and not a.training


def test_samples_worth_reads_a_power_law_exactly():
    sizes = [10, 40, 160]
    plain = torch.tensor(sizes).double().log()
    assert bakeoff.samples_worth(sizes, plain, float(torch.tensor(80.0).double().log())) == pytest.approx(80)
    assert bakeoff.samples_worth(sizes, -plain, -float(torch.tensor(20.0).double().log())) == pytest.approx(20)
    assert bakeoff.samples_worth(sizes, plain, 99.0) != bakeoff.samples_worth(sizes, plain, 99.0)  # nan


def test_cells_are_written_and_read(tmp_path, monkeypatch):
    cell = bakeoff.Cell("digits", "turned", "plain", 50, 1, 0.5, 0.25, 0.75, 4, 1000, 10, 1.5, 0.5)
    bakeoff.write_cells(tmp_path / "grid.csv", [cell], "made by hand")
    monkeypatch.setattr(bakeoff, "files", lambda package: tmp_path)
    monkeypatch.setattr(bakeoff, "STORED", "grid.csv")
    assert bakeoff.stored_cells() == [cell]


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: bakeoff.train(nn.Linear(1, 1), torch.zeros(2), torch.zeros(3), None, steps=1, rate=1, seed=0), "x and y"),
        (lambda: bakeoff.samples_worth([1], torch.ones(1), 0.5), "sizes and plain"),
        (lambda: bakeoff.select([], "digits"), "task"),
        (lambda: bakeoff_digits.draw(0, 1), "size"),
        (lambda: bakeoff_digits.draw(5, 1, "sideways"), "sideways"),
        (lambda: bakeoff_clusters.draw(1, 1), "size"),
    ],
)
def test_errors_name_what_is_wrong(call, word):
    with pytest.raises(ValueError, match=word):
        call()


def test_shared_weights_with_one_element_are_the_plain_network():
    net = bakeoff_digits.TurnNet(CyclicGroup(1), bakeoff_digits.PLAIN, 5)
    assert torch.equal(net(inputs("digits")), bakeoff_digits.plain_net(5)(inputs("digits")))
