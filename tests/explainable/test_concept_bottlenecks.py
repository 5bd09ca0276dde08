"""Concept bottlenecks: codes, the loss by hand, where gradients go, brute-force ceilings, batched against single training."""

import itertools

import pytest
import torch
from torch.nn.functional import cross_entropy

from course_lib import datasets
from course_lib.explainable.concepts import (
    KINDS,
    SEGMENTS,
    ConceptBottleneck,
    bottleneck_loss,
    ceilings,
    concept_ceiling,
    head_input,
    intervene,
    segment_codes,
    train_bottleneck,
    train_bottlenecks,
)


def toy(rows: int = 60, seed: int = 0, dtype=torch.float32):
    """Four classes in the plane, one for each pair of signs, and the two signs as concepts."""
    x = torch.randn(rows, 2, generator=torch.Generator().manual_seed(seed)).to(dtype)
    bits = (x > 0).long()
    return x, 2 * bits[:, 0] + bits[:, 1], torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=dtype)


def test_codes_are_those_of_a_display():
    codes = segment_codes()
    assert len(SEGMENTS) == 7 and len({tuple(code) for code in codes.tolist()}) == 10
    assert codes.sum(1).tolist() == [6, 2, 5, 5, 4, 5, 6, 3, 7, 6]
    assert [SEGMENTS[i] for i in (codes[8] != codes[3]).nonzero()[:, 0]] == ["lower left", "upper left"]
    assert [SEGMENTS[i] for i in (codes[8] != codes[0]).nonzero()[:, 0]] == ["middle"]
    assert torch.equal(segment_codes([6, 0]), codes[:, [6, 0]])
    for wrong in ([], [0, 0], [7]):
        with pytest.raises(ValueError, match="concepts must"):
            segment_codes(wrong)


def test_the_loss_by_hand(dtype):
    generator = torch.Generator().manual_seed(1)
    logits, concept_logits = (torch.randn(5, k, generator=generator).to(dtype) for k in (4, 3))
    y, bits = torch.tensor([0, 3, 1, 1, 2]), torch.randint(0, 2, (5, 3), generator=generator).to(dtype)
    p = 1 / (1 + (-concept_logits).exp())
    of_concepts = sum(-(b * q.log() + (1 - b) * (1 - q).log()) for b, q in zip(bits.flatten(), p.flatten(), strict=True)) / 5
    by_hand = -sum(row.softmax(0)[k].log() for row, k in zip(logits, y, strict=True)) / 5 + 0.3 * of_concepts
    torch.testing.assert_close(bottleneck_loss(logits, y, concept_logits, bits, 0.3), by_hand)
    torch.testing.assert_close(bottleneck_loss(logits, y, concept_logits, bits, 0.0), cross_entropy(logits, y))


@pytest.mark.parametrize("kind", KINDS)
def test_the_class_loss_reaches_the_encoder_only_when_the_head_reads_it_live(kind):
    x, y, codes = toy()
    model = ConceptBottleneck(2, 2, 4, (6, 5))
    read = head_input(kind, model.concepts(x), codes[y])
    loss = cross_entropy(model.head(read), y)
    reaches = torch.autograd.grad(loss, list(model.encoder.parameters()), allow_unused=True)
    live = any(slope is not None and slope.abs().max() > 0 for slope in reaches) if read.requires_grad else False
    assert live == (kind in ("joint", "black box"))


def test_side_by_side_training_equals_one_at_a_time_and_a_plain_loop(dtype):
    x, y, codes = toy(dtype=dtype)
    settings = dict(epochs=3, batch=20, hidden=(6, 5), rate=0.01, weight=0.7)
    both = train_bottlenecks(x, y, codes, "joint", [0, 4], **settings)
    for seed, model in zip((0, 4), both, strict=True):
        (alone,) = train_bottlenecks(x, y, codes, "joint", [seed], **settings)
        plain = _plain_loop(x, y, codes, seed)
        for other in (alone, plain):
            torch.testing.assert_close(model(x), other(x), rtol=1e-4, atol=1e-5)


def _plain_loop(x, y, codes, seed):
    model = ConceptBottleneck(2, 2, 4, (6, 5), seed).to(x.dtype)
    optimiser, generator = torch.optim.Adam(model.parameters(), lr=0.01), torch.Generator().manual_seed(seed)
    for _ in range(3):
        for rows in torch.randperm(len(x), generator=generator).split(20):
            optimiser.zero_grad()
            bottleneck_loss(model(x[rows]), y[rows], model.concept_logits(x[rows]), codes[y[rows]], 0.7).backward()
            optimiser.step()
    return model


def test_kinds_differ_as_they_should():
    x, y, codes = toy(200)
    settings = dict(epochs=20, batch=50, hidden=(8, 8))
    trained = {kind: train_bottlenecks(x, y, codes, kind, [1], **settings)[0] for kind in KINDS}
    independent, sequential = trained["independent"], trained["sequential"]
    torch.testing.assert_close(independent.concepts(x), sequential.concepts(x))  # the head never reaches the encoder
    assert not torch.allclose(independent.head(codes), sequential.head(codes))
    assert not torch.allclose(sequential.concepts(x), trained["joint"].concepts(x))
    zero = train_bottlenecks(x, y, codes, "joint", [1], weight=0.0, **settings)[0]
    torch.testing.assert_close(zero(x), trained["black box"](x))
    assert (independent.head(codes).argmax(1) == torch.arange(4)).all()


def test_each_seed_may_have_its_own_rows():
    rows = [toy(40, seed) for seed in (0, 1)]
    x, y, codes = torch.stack([r[0] for r in rows]), torch.stack([r[1] for r in rows]), rows[0][2]
    settings = dict(epochs=2, batch=20, hidden=(4, 4))
    together = train_bottlenecks(x, y, codes, "joint", [3, 5], **settings)
    alone = train_bottlenecks(x[1], y[1], codes, "joint", [5], **settings)[0]
    torch.testing.assert_close(together[1](x[1]), alone(x[1]))


def test_a_bottleneck_for_digits_reads_them_and_passes_all_through_the_concepts():
    split = datasets.digits()
    model = train_bottleneck(split.train_x, split.train_y, "joint", seed=0)
    assert (model(split.test_x).argmax(1) == split.test_y).double().mean() > 0.9
    assert torch.equal(model(split.test_x), model.head(model.concepts(split.test_x)))
    assert not any(parameter.requires_grad for parameter in model.parameters())
    few = train_bottleneck(split.train_x[:100], split.train_y[:100], "independent", 3, concepts=[0, 2], epochs=1)
    assert few.config["concepts"] == 2 and few(split.test_x[:5]).shape == (5, 10)
    again = ConceptBottleneck(**few.config)
    again.load_state_dict(few.state_dict())
    assert torch.equal(again(split.test_x[:5]), few(split.test_x[:5]))


def test_no_rule_on_the_concepts_beats_the_ceiling():
    generator = torch.Generator().manual_seed(2)
    for _ in range(5):
        bits, y = torch.randint(0, 2, (12, 2), generator=generator), torch.randint(0, 3, (12,), generator=generator)
        place = 2 * bits[:, 0] + bits[:, 1]
        rules = itertools.product(range(3), repeat=4)  # every function from codes to classes
        best = max((torch.tensor(rule)[place] == y).double().mean().item() for rule in rules)
        assert concept_ceiling(bits, y) == pytest.approx(best)


def test_ceilings_of_all_choices():
    y = torch.arange(10).repeat_interleave(torch.arange(1, 11))
    found = ceilings(y, 5)
    assert len(found) == 21 and list(found.values()) == sorted(found.values())
    assert max(found.values()) == 1.0, "five segments can tell ten digits apart"
    assert ceilings(y, 7) == {tuple(range(7)): 1.0}
    assert concept_ceiling(torch.zeros(55, 1), y) == pytest.approx(10 / 55), "no concept: the largest class"
    with pytest.raises(ValueError, match="labels"):
        concept_ceiling(torch.zeros(3, 1), torch.zeros(4))


def test_interventions_touch_what_is_chosen():
    predicted, true = torch.tensor([[0.2, 0.7], [0.6, 0.4]]), torch.tensor([[1, 1], [0, 0]])
    chosen = torch.tensor([[True, False], [False, True]])
    assert torch.equal(intervene(predicted, true, chosen), torch.tensor([[1.0, 0.7], [0.6, 0.0]]))
    with pytest.raises(ValueError, match="boolean chosen"):
        intervene(predicted, true, chosen.float())


def test_bad_input_is_named():
    x, y, codes = toy()
    for message, call in (
        ("kind must", lambda: train_bottlenecks(x, y, codes, "both")),
        ("weight must", lambda: train_bottlenecks(x, y, codes, "joint", weight=-1.0)),
        ("train_y must hold", lambda: train_bottlenecks(x, y + 1, codes, "joint")),
        ("must match", lambda: train_bottlenecks(x[:-1], y, codes, "joint")),
        ("must match", lambda: train_bottlenecks(x[None], y[None], codes, "joint", [0, 1])),
    ):
        with pytest.raises(ValueError, match=message):
            call()
