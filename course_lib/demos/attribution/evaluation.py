"""Demo of chapters/attribution/evaluation.ipynb."""

import torch

from course_lib import datasets, models, plots
from course_lib.attribution.evaluation import remove_top
from course_lib.claims.attribution.evaluation import FILLS, RANKINGS, SHARES, digit_rankings, stored_removal_tests
from course_lib.demos import Demo, explore

SHOWN = ("random", "variance", "gradient", "SmoothGrad²", "integrated grad")


def removal() -> Demo:
    """The misread digit after removal, the bare mask, and the accuracies of the stored tests, for five rankings."""
    digit, train = datasets.misread_digit(), datasets.digits().train_x
    scores = digit_rankings(models.digit_net(), torch.cat([train[:300], digit[None]]), seed=0, training=300)
    values = {"grey": train.mean().item(), "blank": 0.0}
    means = {name: tensor.double().mean(0) for name, tensor in stored_removal_tests().items()}

    def curves(fill: str, ranking: str) -> tuple[list[float], list[float]]:
        i, j = FILLS.index(fill), RANKINGS.index(ranking)
        return means["without"][i, j].tolist(), means["with"][i, j].tolist()

    def draw(ranking: str, share: float, fill: str):
        own = scores[ranking][-1:]
        left = remove_top(digit[None], own, share, values[fill])[0]
        mask = remove_top(torch.zeros(1, 8, 8), own, share, 0.5)[0]
        figure, (a, b, c) = plots.panels(3, width=2.3, height=2.7)
        plots.show_image(a, left, f"{share:.0%} removed")
        plots.show_image(b, mask, "removed pixels")
        without, after = curves(fill, ranking)
        k, percent = SHARES.index(share), [100 * s for s in SHARES]
        c.plot(percent, without, color=plots.NEGATIVE, linestyle=plots.ABSENT, marker="o", fillstyle="none", label="as it was")
        c.plot(percent, after, color=plots.POSITIVE, linestyle=plots.PRESENT, marker="s", label="retrained")
        c.plot([percent[k]] * 2, [without[k], after[k]], "o", markersize=13, fillstyle="none", color=plots.INK)
        c.set(xticks=percent, xlabel="% removed", yticks=[0, 0.5, 1], ylim=(0, 1.5), title="accuracy")
        c.legend(loc="upper left", fontsize=9, handlelength=1.6)
        return figure

    def describe(ranking: str, share: float, fill: str) -> str:
        j, k = RANKINGS.index(ranking), SHARES.index(share)
        without, after = (curve[k] for curve in curves(fill, ranking))
        rest, left = curves(fill, "random")[1][k], remove_top(digit[None], scores[ranking][-1:], share, 0.0)
        gone = 1 - (left.sum() / digit.sum()).item()
        return (
            f"{share:.0%} of the pixels and {gone:.0%} of the ink removed by {ranking}, written over with {fill}. "
            "Accuracy on test digits: "
            f"{without:.2f} as the network was, {after:.2f} retrained (random removal: {rest:.2f}), "
            f"{means['mask'][j, k]:.2f} for a network that sees only which pixels were removed."
        )

    alt = (
        "The misread digit with pixels removed, the mask of removed pixels, and accuracy against the share removed, "
        "for the network as it was (dashed) and retrained (solid)."
    )
    return explore(draw, describe, alt=alt, ranking=list(SHOWN), share=list(SHARES), fill=list(FILLS))
