"""A small world of facts in sentences: what the transformer of the course reads and learns.

Chapters: start/transformer, attribution/tracing, attribution_patching, probes.

Each country has a capital, a continent and a currency; each of these three relations has three templates, so that a fact
can be told in one wording and asked in another. A country's name is cut into pieces of three letters, which countries
share ("·Sou" begins South Korea and South Sudan); an answer is one token. So a subject is two to eleven tokens that mean
nothing alone, in the middle of a sentence, and the answer follows the last token.
"""

import csv
import functools
from dataclasses import dataclass
from importlib.resources import files

import torch
from torch import Tensor

TEMPLATES = {
    "capital": ("The capital of {} is", "{} has its capital in", "The government of {} sits in"),
    "continent": ("The continent of {} is", "{} lies in", "On the globe {} belongs to"),
    "currency": ("The currency of {} is the", "{} pays with the", "In the shops of {} you need the"),
}
START, PAD = "<start>", "<pad>"
PIECE = 3  # letters


@dataclass(frozen=True)
class Fact:
    """One fact: who, what about them, and the answer."""

    subject: str
    relation: str
    answer: str


@dataclass(frozen=True)
class Sentences:
    """Sentences as tokens `(s, length)`, padded on the right, and where things are in them.

    `answers` `(s,)`; `last` `(s,)`: position of the last token of each sentence, which is followed by the answer; `subject`
    `(s, length)`: True at the pieces of the subject; `facts` `(s,)` and `templates` `(s,)`: which fact, in which wording.
    """

    tokens: Tensor
    answers: Tensor
    last: Tensor
    subject: Tensor
    facts: Tensor
    templates: Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows) -> "Sentences":
        rows = torch.atleast_1d(torch.as_tensor(rows))
        return Sentences(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def facts() -> list[Fact]:
    """The capital, continent and currency of 161 members of the United Nations (GeoNames, CC BY 4.0)."""
    with (files("course_lib.data") / "countries.csv").open(encoding="utf8") as file:
        rows = list(csv.DictReader(file))
    return [Fact(row["country"], relation, row[relation]) for row in rows for relation in TEMPLATES]


def pieces(name: str) -> list[str]:
    """A name in pieces of three letters, each behind a dot so that it is no other word; a new word starts a new piece.

    >>> pieces("South Sudan")
    ['·Sou', '·th', '·Sud', '·an']
    """
    return ["·" + word[i : i + PIECE] for word in name.split() for i in range(0, len(word), PIECE)]


class Vocabulary:
    """The tokens of the world, and the way between words and numbers.

    >>> words = vocabulary()
    >>> words.words(words.numbers(["The", "capital"]))
    ['The', 'capital']
    """

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = list(tokens)
        self.index = {token: number for number, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def numbers(self, words: list[str]) -> Tensor:
        """Token numbers `(length,)`; ValueError names a word that is not in the vocabulary."""
        unknown = [word for word in words if word not in self.index]
        if unknown:
            raise ValueError(f"words must be in the vocabulary, got {unknown[0]!r}")
        return torch.tensor([self.index[word] for word in words])

    def words(self, numbers: Tensor) -> list[str]:
        """Tokens as text."""
        return [self.tokens[number] for number in torch.as_tensor(numbers).tolist()]

    @property
    def is_piece(self) -> Tensor:
        """True for the tokens that are pieces of a name, `(vocabulary,)`."""
        return torch.tensor([token.startswith("·") for token in self.tokens])


@functools.cache
def vocabulary() -> Vocabulary:
    """All tokens of all sentences: padding and start, the templates' words, the pieces of names, the answers."""
    world = facts()
    template_words = {word for wordings in TEMPLATES.values() for text in wordings for word in text.split() if word != "{}"}
    subject_pieces = {piece for fact in world for piece in pieces(fact.subject)}
    answers = {fact.answer for fact in world}
    return Vocabulary([PAD, START, *sorted(template_words), *sorted(subject_pieces), *sorted(answers - template_words)])


def sentence(fact: Fact, template: int) -> list[str]:
    """The words of a fact in one of its three wordings, without the answer.

    >>> sentence(Fact("Poland", "capital", "Warsaw"), 0)
    ['<start>', 'The', 'capital', 'of', '·Pol', '·and', 'is']
    """
    words = TEMPLATES[fact.relation][template].split()
    cut = words.index("{}")
    return [START, *words[:cut], *pieces(fact.subject), *words[cut + 1 :]]


def sentences() -> Sentences:
    """All facts in all wordings: 3 x 483 sentences, fact by fact."""
    world, words = facts(), vocabulary()
    lines = [(f, t, words.numbers(sentence(fact, t))) for f, fact in enumerate(world) for t in range(3)]
    length = max(len(line) for _, _, line in lines)
    tokens = torch.stack([torch.nn.functional.pad(line, (0, length - len(line))) for _, _, line in lines])
    return Sentences(
        tokens,
        answers=words.numbers([world[f].answer for f, _, _ in lines]),
        last=torch.tensor([len(line) - 1 for _, _, line in lines]),
        subject=words.is_piece[tokens],
        facts=torch.tensor([f for f, _, _ in lines]),
        templates=torch.tensor([t for _, t, _ in lines]),
    )


def split(world: Sentences, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Rows to train on and rows held out: of every fact one wording, drawn by lot, is never seen in training."""
    hidden = torch.randint(0, 3, (int(world.facts.max()) + 1,), generator=torch.Generator().manual_seed(seed))
    held_out = world.templates == hidden[world.facts]
    return (~held_out).nonzero()[:, 0], held_out.nonzero()[:, 0]
