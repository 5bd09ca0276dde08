"""Demos of chapters/explainable/concepts.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib import datasets, plots
from course_lib.demos import Demo, explore
from course_lib.explainable.concepts import SEGMENTS, ConceptBottleneck, segment_codes, train_bottlenecks
from course_lib.explainable.display import draw_display, in_words
from course_lib.models import digit_net

TOGGLES = ("nothing", *SEGMENTS)


def reader_features(images: Tensor) -> Tensor:
    """The 32 hidden features `(b, 32)` that the last layer of the case file's reader sees."""
    net = digit_net()
    with torch.no_grad():
        return net.embed(net.filters(images))


@cache
def rebuilt_readers(count: int = 8) -> list[ConceptBottleneck]:
    """The case file's reader with a bottleneck of seven segments in place of its last layer, trained from `count` seeds."""
    split = datasets.digits()
    return train_bottlenecks(reader_features(split.train_x), split.train_y, segment_codes(), "joint", range(count))


@cache
def misreading_reader() -> ConceptBottleneck:
    """The first rebuilt reader that takes the 8 of the case file for a 3, or the first of all if none does."""
    features, models = reader_features(datasets.misread_digit()[None]), rebuilt_readers()
    return next((model for model in models if model(features).argmax() == 3), models[0])


@cache
def _cases() -> dict[str, Tensor]:
    """The misread 8, and one test image each of four other digits: the first that the rebuilt reader reads right."""
    split, model = datasets.digits(), misreading_reader()
    right = model(reader_features(split.test_x)).argmax(1) == split.test_y
    others = {f"a {k}": split.test_x[(right & (split.test_y == k)).nonzero()[0, 0]] for k in (0, 6, 9, 7)}
    return {"the misread 8": datasets.misread_digit(), **others}


def _toggled(digit: str, toggle: str) -> tuple[Tensor, Tensor]:
    """The seven concepts, one of them turned over if asked for, and the probabilities of the ten digits."""
    model = misreading_reader()
    concepts = model.concepts(reader_features(_cases()[digit][None]))[0]
    if toggle in SEGMENTS:
        place = SEGMENTS.index(toggle)
        concepts[place] = 1 - concepts[place].round()
    return concepts, model.head(concepts[None])[0].softmax(0)


def toggle_a_segment() -> Demo:
    """Turn over one predicted segment and see which digit the head makes of the new display."""

    def draw(digit: str, toggle: str):
        concepts, probabilities = _toggled(digit, toggle)
        figure, (left, middle, right) = plots.panels(3, width=2.3, height=2.8)
        plots.show_image(left, _cases()[digit], digit)
        draw_display(middle, concepts, "what it says", SEGMENTS.index(toggle) if toggle in SEGMENTS else None)
        bars = right.bar(range(10), probabilities, color=plots.FAINT)
        bars[int(probabilities.argmax())].set(color=plots.KINDS["components"][0], hatch="//", edgecolor="white")
        right.set(xticks=range(10), ylim=(0, 1), title=f"what it reads: {int(probabilities.argmax())}")
        return figure

    def describe(digit: str, toggle: str) -> str:
        concepts, probabilities = _toggled(digit, toggle)
        done = "Nothing turned over" if toggle == "nothing" else f"Turned over: {toggle}"
        return (
            f"Digit: {digit}. {done}. On the display {in_words(concepts)}. "
            f"The head reads {int(probabilities.argmax())} with probability {probabilities.max():.2f}."
        )

    alt = "A digit, a seven-segment display of what the network says about it, and bars of the probability of each digit."
    return explore(draw, describe, alt=alt, digit=tuple(_cases()), toggle=TOGGLES)
