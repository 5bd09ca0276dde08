"""GPT-2 in the course's own network, on a tiny GPT-2 with random weights: no download, no network."""

import sys

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, GPT2Tokenizer

from course_lib.attribution import gpt2
from course_lib.attribution.attribution_patching import attribution_patching, node_estimates
from course_lib.attribution.components import component_game
from course_lib.attribution.gpt2 import GPT2, sentence
from course_lib.attribution.interventions import Component, patch, record, replaced
from course_lib.attribution.lenses import logit_lens
from course_lib.attribution.node_patching import all_nodes, node_patches
from course_lib.attribution.traced_sentences import roles, single_tokens
from course_lib.attribution.tracing import noised, restored, swapped, trace
from course_lib.games import add_one_in, gradient

CLEAN, CORRUPTED = torch.tensor([[3, 7, 7, 12, 40, 1]]), torch.tensor([[3, 9, 20, 12, 40, 1]])
LAST = ["layers.0.stream", "layers.1.stream"]


def encode(text: str) -> list[int]:
    return [ord(sign) % 50 for sign in text]


LINE = sentence(encode, "in ", "ab", " is", "c")


def tiny(dtype: torch.dtype = torch.float64) -> GPT2LMHeadModel:
    """Two layers, two heads, width 16, weights and biases at random, so large that the logits are far from flat."""
    config = GPT2Config(
        n_layer=2, n_head=2, n_embd=16, vocab_size=50, n_positions=20, layer_norm_epsilon=1e-4, bos_token_id=0, eos_token_id=0
    )
    model, generator = GPT2LMHeadModel(config).eval(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator) + (parameter.dim() == 1) * 0.5)
    return model.to(dtype)


@pytest.fixture
def pair(dtype):
    """A tiny GPT-2 of `transformers`, and the course's with its weights."""
    theirs = tiny(dtype)
    return theirs, GPT2(theirs)


def near(found, expected):
    tolerance = 1e-4 if found.dtype == torch.float32 else 1e-11
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


def test_the_logits_are_theirs(pair):
    theirs, ours = pair
    tokens = torch.cat([CLEAN, CORRUPTED])
    with torch.no_grad():
        expected = theirs(tokens).logits
    assert expected.std() > 0.5
    near(ours(tokens), expected)


def test_what_flows_through_the_sites_is_theirs(pair):
    theirs, ours = pair
    names = {"layers.1.from_mlp": "transformer.h.1.mlp", "layers.1.from_attention": "transformer.h.1.attn.c_proj"}
    names |= {"layers.0.mlp.neurons": "transformer.h.0.mlp.act", "norm": "transformer.ln_f"}
    with torch.no_grad():
        found, expected = record(ours, CLEAN, list(names)), record(theirs, CLEAN, list(names.values()))
    for name, other in names.items():
        near(found[name], expected[other])


def test_an_intervention_does_what_it_does_in_theirs(pair):
    theirs, ours = pair
    with torch.no_grad():
        source = record(ours, CLEAN, ["layers.0.from_mlp"])
        goal = source["layers.0.from_mlp"]

        def put_back(output):
            output = output.clone()
            output[:, 2] = goal[:, 2]
            return output

        with replaced(theirs, {"transformer.h.0.mlp": put_back}):
            expected = theirs(CORRUPTED).logits
    near(patch(ours, CORRUPTED, [Component("layers.0.from_mlp", (2,))], source), expected)


def test_the_lens_after_the_last_layer_is_the_model(pair):
    _, ours = pair
    stream = record(ours, CLEAN, ["layers.1.stream"])["layers.1.stream"]
    near(logit_lens(ours, stream), ours(CLEAN).softmax(-1))


@pytest.mark.parametrize("kind", ["noise", "swap"])
def test_effects_that_are_known_exactly(pair, kind):
    _, ours = pair
    other = sentence(encode, "in ", "xy", " is", "d")
    if kind == "noise":
        spoilt = noised(ours, LINE, draws=3, generator=torch.Generator().manual_seed(1))
    else:
        spoilt = swapped(other, LINE, torch.tensor([0]))
    found = trace(ours, LINE, spoilt, where=single_tokens(LINE))
    assert found.total.abs() > 1e-4
    assert found.effects[0, :, :3].abs().max() == 0  # before the subject
    near(found.effects[0, 1, -1], found.total[0])  # the final token after the last block
    assert found.effects[0, 1, :-1].abs().max() == 0  # after it, nothing else is read
    source = record(ours, LINE.tokens, ["embedded"])
    draws = len(spoilt)
    logits = restored(ours, spoilt, ["embedded"], LINE.subject.repeat(draws, 1), source)
    near(logits, ours(LINE.tokens).expand(draws, -1, -1))


def test_patching_whole_layers_gives_the_clean_run_and_a_run_with_itself_nothing(pair):
    _, ours = pair
    for site in ["embedded", *LAST]:
        source = record(ours, CLEAN, [site])
        near(patch(ours, CORRUPTED, [Component(site)], source), ours(CLEAN))
        assert torch.equal(patch(ours, CLEAN, [Component(site)], source), ours(CLEAN))


def test_games_and_estimates_agree(pair):
    _, ours = pair

    def difference(logits):
        return logits[:, -1, 5] - logits[:, -1, 8]

    nodes = [Component(site, (token,)) for site in LAST for token in range(6)]
    game = component_game(ours, CLEAN, CORRUPTED, nodes, target=difference)
    estimate = attribution_patching(ours, CLEAN, CORRUPTED, nodes, target=difference).scores
    near(estimate, gradient(game, at=0.0).scores)
    by_node = node_estimates(ours, CLEAN, CORRUPTED, {LAST[0]: all_nodes((6,))}, difference)[LAST[0]]
    near(by_node[0], estimate[:6])
    near(add_one_in(game).scores[:6], node_patches(ours, CLEAN, CORRUPTED, LAST[0], all_nodes((6,)), difference)[0])
    assert estimate[0] == 0 and estimate[2].abs() > 1e-3  # both inputs begin alike


def test_no_hook_and_no_gradient_is_left(pair):
    _, ours = pair
    trace(ours, LINE, noised(ours, LINE, draws=2, generator=torch.Generator().manual_seed(1)))
    assert not any(module._forward_hooks for module in ours.modules())
    assert not any(parameter.requires_grad for parameter in ours.parameters())


def test_a_sentence_has_its_subject_and_its_last_token():
    assert LINE.tokens.tolist() == [[encode("in ab is")[i] for i in range(8)]]
    assert LINE.subject.nonzero()[:, 1].tolist() == [3, 4] and LINE.last.tolist() == [7]
    found = {name: mask[0].nonzero()[:, 0].tolist() for name, mask in roles(LINE).items()}
    assert found["first piece"] == [3] and found["last piece"] == [4] and found["final token"] == [7]
    for bad in (("in ", "", " is", "c"), ("in ", "ab", " is", "")):
        with pytest.raises(ValueError, match="subject and answer must have at least one token"):
            sentence(encode, *bad)


def test_another_model_and_another_activation_are_refused():
    with pytest.raises(ValueError, match="source must be a GPT-2"):
        GPT2(torch.nn.Linear(2, 2))
    other = tiny()
    other.config.activation_function = "relu"
    with pytest.raises(ValueError, match="source must be a GPT-2 with its tanh gelu"):
        GPT2(other)
    ours = GPT2(tiny())
    for tokens in (torch.zeros(3, dtype=torch.long), torch.zeros(1, 21, dtype=torch.long)):
        with pytest.raises(ValueError, match="tokens must have shape"):
            ours(tokens)


def missing(*_names, **_options):
    raise OSError("no network here")


def test_without_build_package_or_network_it_says_why(monkeypatch, capsys):
    def asked(*_names, **_options):
        raise AssertionError("a network was asked")

    for kind in (GPT2LMHeadModel, GPT2Tokenizer):
        monkeypatch.setattr(kind, "from_pretrained", asked)
    monkeypatch.setenv("COURSE_STATIC", "1")
    assert gpt2.load() is None and capsys.readouterr().out.endswith("Not here: the book is being built.\n")
    monkeypatch.delenv("COURSE_STATIC")
    with monkeypatch.context() as hidden:
        hidden.setitem(sys.modules, "transformers", None)
        assert gpt2.load() is None and "transformers is missing" in capsys.readouterr().out
    monkeypatch.setattr(GPT2LMHeadModel, "from_pretrained", missing)
    assert gpt2.load() is None
    assert capsys.readouterr().out.count("\n") == 2


def test_with_all_of_them_the_model_and_its_tokenizer_are_returned(monkeypatch, capsys):
    class Letters:
        encode = staticmethod(encode)

    monkeypatch.delenv("COURSE_STATIC", raising=False)
    monkeypatch.setattr(GPT2LMHeadModel, "from_pretrained", lambda name: tiny(torch.float32))
    monkeypatch.setattr(GPT2Tokenizer, "from_pretrained", lambda name: Letters)
    model, encoder = gpt2.load()
    assert isinstance(model, GPT2) and encoder("a") == encode("a") and not capsys.readouterr().out


def test_the_cell_of_the_chapter_runs(monkeypatch, capsys):
    import json
    from pathlib import Path

    from course_lib.attribution import tracing

    path = Path(__file__).parents[2] / "chapters" / "attribution" / "tracing.ipynb"
    cells = ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf8"))["cells"]]
    (cell,) = [source for source in cells if "gpt2.load()" in source and "for kind" in source]
    names = {"torch": torch, "gpt2": gpt2, "tracing": tracing, "noised": noised, "trace": trace, "record": record}
    names |= {"single_tokens": single_tokens, "logit_lens": logit_lens}
    theirs = tiny(torch.float32)
    theirs.config.n_positions = 60
    theirs.transformer.wpe = torch.nn.Embedding(60, 16)
    monkeypatch.setattr(gpt2, "load", lambda: (GPT2(theirs), encode))
    exec(cell, names)
    printed = capsys.readouterr().out.splitlines()
    assert sum("total effect" in line for line in printed) == 3 and sum(line.startswith("layer ") for line in printed) == 6
    assert printed[-1].startswith("lens before the last layer")
