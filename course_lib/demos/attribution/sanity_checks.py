"""Demos of chapters/attribution/sanity_checks.ipynb."""

from functools import cache

from torch import Tensor, nn

from course_lib import plots
from course_lib.attribution.sanity_checks import randomise_from_top
from course_lib.claims.attribution.sanity_checks import METHODS, TOP_DOWN, agreement_in_ink, agreement_of_sizes
from course_lib.demos import Demo, explore

SHOWN = ("gradient", "SmoothGrad", "guided backpropagation", "gradient x input", "integrated gradients")


def cascade(net: nn.Module, digit: Tensor, seeds: int = 8) -> Demo:
    """A digit's map before and after the top layers are drawn anew, for five methods and up to four layers."""
    read = net(digit[None]).argmax(1)

    @cache
    def networks(seed: int) -> list[nn.Module]:
        return [net, *(model for _, model in randomise_from_top(net, TOP_DOWN, seed))]

    @cache
    def image_map(method: str, layers: int, seed: int) -> Tensor:
        return METHODS[method](networks(seed)[layers], digit[None], read)

    def draw(method: str, layers_drawn_anew: int):
        figure, (left, right) = plots.panels(2, width=2.6, height=2.8)
        plots.score_map(left, image_map(method, 0, 0)[0], digit, "trained network")
        plots.score_map(right, image_map(method, layers_drawn_anew, 0)[0], digit, f"{layers_drawn_anew} layers drawn anew")
        return figure

    def describe(method: str, layers_drawn_anew: int) -> str:
        drawn = ", ".join(TOP_DOWN[:layers_drawn_anew]) or "no layer"
        pairs = [(image_map(method, 0, 0), image_map(method, layers_drawn_anew, s), digit[None]) for s in range(seeds)]
        whole, inked = (sum(ruler(*pair) for pair in pairs) / seeds for ruler in (agreement_of_sizes, agreement_in_ink))
        return (
            f"{method}, {drawn} drawn anew. Rank correlation with the trained network's map, mean over {seeds} draws of the "
            f"weights (the picture shows one): sizes of all pixels {whole:.2f}, signed values of the inked pixels {inked:.2f}."
        )

    alt = (
        "Two maps of one digit by the chosen method: of the trained network, and of the network with its top layers drawn "
        "anew. Squares speak for the class that is read, crosses against it."
    )
    return explore(draw, describe, alt=alt, method=SHOWN, layers_drawn_anew=list(range(len(TOP_DOWN) + 1)))
