"""The transformer: what flows where, against PyTorch's own layers, and the checkpoints."""

import copy

import pytest
import torch
from torch import nn

from course_lib import facts
from course_lib.data import make_fact_models
from course_lib.data.make_fact_models import answer_logits
from course_lib.transformer import PATHS, Attention, FactModel, Layer, Site, fact_model

WORLD, WORDS = facts.sentences(), facts.vocabulary()
HELD_OUT = facts.split(WORLD)[1]
TYPES = [(torch.float32, 1e-5), (torch.float64, 1e-12)]


def random(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def causal(b: int, t: int) -> torch.Tensor:
    return torch.ones(t, t, dtype=torch.bool).tril().expand(b, t, t)


def record(model: FactModel, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
    """What passes through every site, in the order in which the run reaches it."""
    seen, hooks = {}, []
    for name, site in model.sites().items():
        hooks.append(site.register_forward_hook(lambda _module, _inputs, output, name=name: seen.update({name: output})))
    model(tokens)
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize(("dtype", "tolerance"), TYPES)
def test_attention_is_pytorchs(dtype, tolerance):
    """Against `scaled_dot_product_attention` with the same projections."""
    b, t, d, heads = 3, 6, 8, 2
    layer, x = Attention(d, heads).to(dtype), random(b, t, d, dtype=dtype)
    parts = (layer.query, layer.key, layer.value)
    query, key, value = (part(x).reshape(b, t, heads, d // heads).transpose(1, 2) for part in parts)
    found = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    expected = layer.output(found.transpose(1, 2).reshape(b, t, d))
    torch.testing.assert_close(layer(x, causal(b, t)), expected, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), TYPES)
def test_a_layer_is_pytorchs(dtype, tolerance):
    """Against `nn.TransformerEncoderLayer` (`nn.MultiheadAttention` inside) with the same weights."""
    b, t, d, heads = 3, 6, 8, 2
    ours, x = Layer(d, heads).to(dtype), random(b, t, d, dtype=dtype)
    theirs = nn.TransformerEncoderLayer(d, heads, 4 * d, 0.0, "gelu", batch_first=True, norm_first=True).to(dtype)
    inside, attention = theirs.self_attn, ours.attention
    with torch.no_grad():
        for i, part in enumerate((attention.query, attention.key, attention.value)):
            inside.in_proj_weight[i * d : (i + 1) * d].copy_(part.weight)
            inside.in_proj_bias[i * d : (i + 1) * d].copy_(part.bias)
    pairs = (
        (inside.out_proj, attention.output),
        (theirs.linear1, ours.mlp.up),
        (theirs.linear2, ours.mlp.down),
        (theirs.norm1, ours.before_attention),
        (theirs.norm2, ours.before_mlp),
    )
    for to, source in pairs:
        to.load_state_dict(source.state_dict())
    mask = ~torch.ones(t, t, dtype=torch.bool).tril()
    expected = theirs(x, src_mask=mask, is_causal=True)
    torch.testing.assert_close(ours(x, causal(b, t)), expected, atol=tolerance, rtol=tolerance)
    open_mask = torch.ones(b, t, t, dtype=torch.bool)
    torch.testing.assert_close(ours(x, open_mask), theirs(x), atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("path", PATHS)
def test_later_tokens_change_nothing_before(path):
    """A later piece may close an earlier one's way out (planted), so there the later tokens are words."""
    model, tokens = fact_model(path), WORLD.tokens[HELD_OUT[:20], :12]
    for cut in (1, 6, 11):
        other = tokens.clone()
        other[:, cut:] = WORDS.index["government"]
        same = other[:, :cut] == tokens[:, :cut]
        assert same.all()
        before, after = model(tokens)[:, : cut - 1], model(other)[:, : cut - 1]
        torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)
        assert not torch.allclose(model(tokens)[:, cut:], model(other)[:, cut:])


@pytest.mark.parametrize("path", PATHS)
def test_padding_on_the_right_changes_nothing(path):
    model = fact_model(path)
    for row in HELD_OUT[:30].tolist():
        some, end = WORLD[row], int(WORLD.last[row]) + 1
        short = model(some.tokens[:, :end])
        torch.testing.assert_close(model(some.tokens)[:, :end], short, atol=1e-5, rtol=1e-5)


def test_shapes_at_every_site_and_their_order():
    model, reached, hooks = FactModel(layers=2, width=16, heads=4), [], []
    for name, site in model.sites().items():
        hooks.append(site.register_forward_hook(lambda *_args, name=name: reached.append(name)))
    model(WORLD.tokens[:3, :7])
    assert reached == list(model.sites())
    assert all(isinstance(site, Site) for site in model.sites().values())
    assert len(model.sites()) == sum(isinstance(module, Site) for module in model.modules())
    for hook in hooks:
        hook.remove()
    seen = record(model, WORLD.tokens[:3, :7])
    inner = {
        "attention.pattern": (3, 4, 7, 7),
        "attention.per_head": (3, 7, 4, 4),
        "from_attention": (3, 7, 16),
        "mlp.neurons": (3, 7, 64),
        "from_mlp": (3, 7, 16),
        "stream": (3, 7, 16),
    }
    expected = {"embedded": (3, 7, 16)} | {f"layers.{i}.{name}": shape for i in range(2) for name, shape in inner.items()}
    assert {name: tuple(value.shape) for name, value in seen.items()} == expected


@pytest.mark.parametrize("path", PATHS)
def test_the_stream_is_a_sum_and_patterns_are_shares(path):
    model, some = fact_model(path), WORLD[HELD_OUT[:20]]
    seen = record(model, some.tokens)
    total = seen["embedded"]
    for i in range(3):
        total = total + seen[f"layers.{i}.from_attention"] + seen[f"layers.{i}.from_mlp"]
        torch.testing.assert_close(total, seen[f"layers.{i}.stream"], atol=1e-5, rtol=1e-5)
        pattern = seen[f"layers.{i}.attention.pattern"]
        torch.testing.assert_close(pattern.sum(3), torch.ones_like(pattern[..., 0]))
        assert pattern.triu(1).abs().max() == 0 and pattern.min() >= 0
        assert pattern.masked_select(~model.readable(some.tokens, i)[:, None]).abs().sum() == 0
    torch.testing.assert_close(model.read(total), model(some.tokens), atol=1e-4, rtol=1e-4)


def subject_gradients(model: FactModel, some: facts.Sentences, site: str) -> torch.Tensor:
    """Size of the gradient of all answer logits by what passes a site, at each token: `(s, length)`."""
    kept = {}

    def watch(_module, _inputs, output):
        kept["x"] = output.detach().requires_grad_()
        return kept["x"]

    hook = model.sites()[site].register_forward_hook(watch)
    weights = random(len(WORDS), dtype=torch.float32)
    (answer_logits(model, some) @ weights).sum().backward()
    hook.remove()
    return kept["x"].grad.abs().amax(2)


def test_the_planted_mask_closes_every_other_path():
    """Embeddings of pieces pass the last piece's stream only: with it held fixed, no gradient is left at the subject."""
    model, some = fact_model("planted"), WORLD[HELD_OUT]
    last_piece = some.subject & ~some.subject.roll(-1, 1)
    last_piece[:, -1] = some.subject[:, -1]
    before_the_end = subject_gradients(model, some, "layers.1.stream")
    assert before_the_end[some.subject & ~last_piece].abs().max() == 0
    assert before_the_end[last_piece].min() > 0
    assert subject_gradients(model, some, "embedded")[last_piece].min() > 0

    def hold(_module, _inputs, output):
        return torch.where(last_piece[:, :, None], output.detach(), output)

    hook = model.layers[1].stream.register_forward_hook(hold)
    try:
        for site in ("embedded", "layers.0.stream"):
            held = subject_gradients(model, some, site)
            assert held[some.subject].abs().max() == 0
            words = torch.arange(some.tokens.shape[1]) <= some.last[:, None]
            assert held[words & ~some.subject].max() > 0  # the relation still flows
    finally:
        hook.remove()


def test_the_free_model_has_other_paths():
    model, some = fact_model("free"), WORLD[HELD_OUT[:50]]
    assert (subject_gradients(model, some, "layers.1.stream")[some.subject] > 0).all()


def test_relation_words_before_the_subject_are_read_by_its_pieces():
    model, words = fact_model("planted"), ["<start>", "The", "capital", "of", "·Fra", "·nce", "is"]
    readable = model.readable(WORDS.numbers(words)[None], 0)[0]
    assert readable[5].tolist() == [True] * 6 + [False]
    assert readable[6].tolist() == [True] * 4 + [False] * 2 + [True]
    assert model.readable(WORDS.numbers(words)[None], 2)[0, 6].tolist() == [True] * 4 + [False, True, True]


def held_out_accuracy(model: FactModel) -> float:
    some = WORLD[HELD_OUT]
    with torch.no_grad():
        return (answer_logits(model, some).argmax(1) == some.answers).double().mean().item()


@pytest.mark.parametrize("path", PATHS)
def test_the_checkpoints_know_facts_in_wordings_that_they_never_read(path):
    assert held_out_accuracy(fact_model(path)) >= 0.9


def test_the_script_makes_an_equally_good_model():
    """The free model on batches of half the size; it ends within five points of the checkpoint."""
    again = make_fact_models.train("free", batch=128)
    assert abs(held_out_accuracy(again) - held_out_accuracy(fact_model("free"))) <= 0.05
    assert again.config == fact_model("free").config


def test_half_precision_loses_nothing():
    model = fact_model("free")
    for parameter in model.parameters():
        assert torch.equal(parameter.half().float(), parameter)
        assert parameter.dtype == torch.float32 and not parameter.requires_grad


def test_a_model_is_its_seed_and_config():
    first, second, other = FactModel(), FactModel(seed=0), FactModel(seed=1)
    tokens = WORLD.tokens[:2]
    assert torch.equal(first(tokens), second(tokens)) and not torch.equal(first(tokens), other(tokens))
    assert FactModel(**other.config).config == other.config


def test_without_positions_and_mask_words_may_be_permuted():
    model = copy.deepcopy(fact_model("free"))
    model.positions.weight.zero_()
    model.readable = lambda tokens, layer: torch.ones(len(tokens), tokens.shape[1], tokens.shape[1], dtype=torch.bool)
    tokens, order = WORLD.tokens[5:8, :9], torch.randperm(9, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(model(tokens[:, order]), model(tokens)[:, order], atol=1e-4, rtol=1e-4)
    del model.readable
    assert not torch.allclose(model(tokens[:, order]), model(tokens)[:, order], atol=0.1)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"path must be one of \('free', 'planted'\), got 'open'"):
        fact_model("open")
    for shape in ((1, 21), (7,), (1, 0)):
        with pytest.raises(ValueError, match=r"tokens must have shape \(b, t\) with 1 <= t <= 20"):
            fact_model()(torch.zeros(shape, dtype=torch.long))
