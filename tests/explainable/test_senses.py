"""Reading and editing a sense table."""

import pytest
import torch

from course_lib.claims.explainable.backpack import stored
from course_lib.explainable import backpack as bp
from course_lib.explainable import country_facts, senses


def test_a_sense_read_alone_is_its_unembedding(dtype):
    table = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0)).to(dtype)
    unembedding = torch.randn(7, 4, generator=torch.Generator().manual_seed(1)).to(dtype)
    found = senses.read_alone(table, unembedding)
    torch.testing.assert_close(found[2, 1], unembedding @ table[2, 1])
    assert found.shape == (5, 3, 7)


def test_swapping_changes_two_senses_of_a_copy():
    table = torch.arange(24.0).reshape(4, 3, 2)
    kept = table.clone()
    swapped = senses.swap_sense(table, 1, 3, 2)
    assert torch.equal(table, kept)
    assert torch.equal(swapped[1, 2], table[3, 2]) and torch.equal(swapped[3, 2], table[1, 2])
    assert (swapped != table).any(2).nonzero().tolist() == [[1, 2], [3, 2]]
    assert torch.equal(senses.swap_sense(swapped, 1, 3, 2), table)
    assert torch.equal(senses.swap_sense(table, 2, 2, 0), table)
    for message, call in (
        ("first and second must", lambda: senses.swap_sense(table, 4, 0, 0)),
        ("first and second must", lambda: senses.swap_sense(table, 0, -1, 0)),
        ("sense must", lambda: senses.swap_sense(table, 0, 1, 3)),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_borrowing_by_all_at_once_is_a_swap_for_each_country():
    model, world, tokens = stored("joint"), country_facts.sentences(), senses.country_tokens()
    table = model.sense_table()
    lenders = torch.randperm(161, generator=torch.Generator().manual_seed(5))
    together = senses.says(model, world, senses.borrow_sense(table, tokens, tokens[lenders], 1))
    for country in (0, 50, 160):
        pair = tokens[country].item(), tokens[lenders[country]].item()
        alone = senses.says(model, world, senses.swap_sense(table, *pair, 1))
        assert torch.equal(alone[country], together[country])


@pytest.mark.parametrize("form", bp.FORMS)
def test_says_agrees_with_the_model(form):
    model, world = stored(form), country_facts.sentences()
    table, gain = model.sense_table(), torch.tensor([0.0, 2, 1, 1, 1, 0.5, 1, 1])
    edited = senses.swap_sense(table, *senses.country_tokens()[:2].tolist(), 3)
    direct = bp.answer_logits(model, world, table=edited, gain=gain).argmax(1).reshape(161, 3, 3)
    found = senses.says(model, world, edited, gain, senses.last_weights(model, world))
    assert (direct == found).double().mean() > 0.999  # sums in another order may break a tie
    assert torch.equal(found, senses.says(model, world, edited, gain))


def test_moved_counts_wordings_and_leaves_out_pairs_that_agree():
    own = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 2, 8]])
    lenders = torch.tensor([1, 2, 0])
    said = own[:, :, None].expand(3, 3, 3).clone()
    said[0, 0, 1] = 4  # country 0 gives the lender's capital in wording 1, and nothing else changes
    said[1, 0, 0] = 7  # country 1 as well in wording 0, but its currency is lost
    said[1, 2, 0] = 9
    to_lender, alone, asked = senses.moved(said, own, lenders)
    assert to_lender.nonzero().tolist()[:1] == [[0, 0, 1]] and to_lender[1, 0, 0]
    assert alone[0].nonzero().tolist() == [[0, 1]] and not alone[1, 0, 0]
    assert asked.tolist() == [True, True, False]
