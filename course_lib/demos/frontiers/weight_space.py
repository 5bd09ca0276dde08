"""Demos of chapters/frontiers/weight_space.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib import plots
from course_lib.demos import Demo, explore
from course_lib.frontiers import sine_networks, weight_classifiers

MOVES = ("as fitted", "another order", "other signs", "half turns", "all three")
DIGITS = (3, 8, 0, 6)
READERS = {"flat": (plots.CHOSEN, ""), "set, signs, half turns": (plots.QUOTIENT, "////")}  # colour and hatch


@cache
def example(digit: int) -> Tensor:
    """The first training network of that digit that both readers read right, `(1, 16, 4)`."""
    labels, train = sine_networks.digit_images()[1], weight_classifiers.split_rows(1797, weight_classifiers.STORED_SEED)[0]
    tokens = sine_networks.stored_networks("independent")[train[labels[train] == digit]]
    right = torch.stack([weight_classifiers.reader(name, "independent")(tokens).argmax(1) == digit for name in READERS])
    return tokens[right.all(0)][:1]


def rewritten(tokens: Tensor, move: str) -> Tensor:
    """The same function with other weights: neurons in another order, some signs changed, some phases half a turn on."""
    generator, shape = torch.Generator().manual_seed(0), tokens.shape[:2]
    order, still = torch.rand(shape, generator=generator).argsort(1), torch.arange(shape[1]).expand(shape)
    signs, turns = (torch.randint(0, 2, shape, generator=generator) for _ in range(2))
    three = move == "all three"
    return sine_networks.moved(
        tokens,
        order if three or move == "another order" else still,
        1 - 2 * signs * int(three or move == "other signs"),
        turns * int(three or move == "half turns"),
    )


def answers(tokens: Tensor) -> dict[str, Tensor]:
    """Probabilities of the ten digits by reader, `(10,)` each."""
    return {name: weight_classifiers.reader(name, "independent")(tokens)[0].softmax(0) for name in READERS}


def _draw(digit: int, weights: str):
    tokens = rewritten(example(digit), weights)
    figure, (left, middle, right) = plots.panels(3, width=2.7, height=3.0)
    plots.show_image(left, sine_networks.drawn(tokens, sine_networks.places())[0].reshape(8, 8), "what it draws")
    middle.imshow((tokens / weight_classifiers.spread(tokens))[0], cmap="RdBu", vmin=-3, vmax=3, aspect="auto")
    middle.set(xticks=range(4), xticklabels=["w1", "w2", "b", "v"], yticks=[], ylabel="16 neurons", title="its weights")
    for k, (name, chances) in enumerate(answers(tokens).items()):
        colour, hatch = READERS[name]
        rows = torch.arange(10) + 0.4 * (k - 0.5)
        right.barh(rows, chances, height=0.4, color=colour, hatch=hatch, edgecolor="white", label=name)
    right.set(xlim=(0, 1), yticks=range(10), xlabel="probability", title="which digit?")
    right.invert_yaxis()
    figure.legend(loc="outside lower right", ncols=2)
    return figure


def rewriting() -> Demo:
    """One network whose weights are rewritten without changing what it draws, and what two readers make of it."""

    def describe(digit: int, weights: str) -> str:
        before, after = example(digit), rewritten(example(digit), weights)
        change = sine_networks.drawn(after, sine_networks.places()) - sine_networks.drawn(before, sine_networks.places())
        said = {name: int(chances.argmax()) for name, chances in answers(after).items()}
        return (
            f"A {digit}, {weights}: the picture changes by {change.abs().max():.0e} at most. The flat reader says "
            f"{said['flat']}, the set reader {said['set, signs, half turns']}."
        )

    alt = (
        "Left, the digit that a small network draws. Middle, its weights as a coloured table, one row for each neuron. Right, "
        "bars of the probability of each digit: plain for the flat reader, hatched for the set reader."
    )
    return explore(_draw, describe, alt=alt, digit=DIGITS, weights=MOVES)
