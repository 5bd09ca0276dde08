"""The facts of `course_lib.facts`, told with one token for each country: what the Backpacks of the course read and learn.

Chapters: explainable/backpack, price.

The chapters on components cut names into pieces that countries share. A sense vector belongs to a *token*, and a sense of
"·Sou" would be a sense of South Korea and of South Sudan. Here every country is a token of its own, so that a sense of
the token is a sense of the country. The dot in front tells the country Singapore from its capital.
"""

import torch

from course_lib import facts
from course_lib.facts import PAD, START, TEMPLATES, Fact, Sentences, Vocabulary, split

RELATIONS = tuple(TEMPLATES)
__all__ = ["RELATIONS", "answers", "countries", "country", "sentence", "sentences", "split", "vocabulary"]


def country(name: str) -> str:
    """The token of a country.

    >>> country("South Korea")
    '·South Korea'
    """
    return "·" + name


def countries() -> list[str]:
    """The names of the 161 countries, in the order of the facts."""
    return list(dict.fromkeys(fact.subject for fact in facts.facts()))


def vocabulary() -> Vocabulary:
    """All tokens: padding and start, the templates' words, the countries, the answers."""
    world = facts.facts()
    template_words = {word for wordings in TEMPLATES.values() for text in wordings for word in text.split() if word != "{}"}
    names = {country(fact.subject) for fact in world}
    said = {fact.answer for fact in world}
    return Vocabulary([PAD, START, *sorted(template_words), *sorted(names), *sorted(said - template_words)])


def sentence(fact: Fact, template: int) -> list[str]:
    """The words of a fact in one of its three wordings, without the answer.

    >>> sentence(Fact("Poland", "capital", "Warsaw"), 0)
    ['<start>', 'The', 'capital', 'of', '·Poland', 'is']
    """
    words = TEMPLATES[fact.relation][template].split()
    cut = words.index("{}")
    return [START, *words[:cut], country(fact.subject), *words[cut + 1 :]]


def sentences() -> Sentences:
    """All facts in all wordings, fact by fact: 3 x 483 sentences, padded on the right; `facts.split` holds wordings out."""
    world, words = facts.facts(), vocabulary()
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


def answers() -> torch.Tensor:
    """The token of every answer, countries by relations: `(161, 3)`.

    >>> [vocabulary().tokens[int(i)] for i in answers()[countries().index("Japan")]]
    ['Tokyo', 'Asia', 'Yen']
    """
    words = vocabulary()
    return words.numbers([fact.answer for fact in facts.facts()]).reshape(-1, len(RELATIONS))
