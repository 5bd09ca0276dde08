"""Solutions to exercises/equivariance/bakeoff.ipynb."""

# exercise: equivariance/bakeoff/orbit_report
import torch


def orbit_report(scores, labels):
    """Four shares: scores (m, b, k) of b items in m positions, labels (b,) -> dict of four numbers."""
    answers = scores.argmax(2)
    right = answers == labels
    flips = (answers != answers[0]).any(0)
    averaged = scores.mean(0).argmax(1) == labels
    shares = {"accuracy": right, "always": right.all(0), "flips": flips, "averaged": averaged}
    return {name: part.double().mean().item() for name, part in shares.items()}


# exercise: equivariance/bakeoff/samples_worth
import torch


def samples_worth(sizes, plain, scores):
    """Examples that the plain network needs for each score: sizes (s,), plain (s,), scores (k,) -> (k,)."""
    logs = sizes.to(plain.dtype).log()
    if plain[0] > plain[-1]:
        plain, scores = -plain, -scores
    scores = scores.clamp(plain[0], plain[-1])
    right = torch.searchsorted(plain, scores).clamp(min=1)
    share = (scores - plain[right - 1]) / (plain[right] - plain[right - 1])
    return (logs[right - 1] + share * (logs[right] - logs[right - 1])).exp()


# exercise: equivariance/bakeoff/paired_gain
import torch


def paired_gain(plain, other, shift, t):
    """Gain with 2^shift times fewer examples: plain and other (r, s), t -> dict of "mean", "low" and "high"."""
    kept = plain.shape[1] - shift
    gains = (other[:, :kept] - plain[:, shift:]).mean(1)
    mean, reach = gains.mean(), t * gains.std() / len(gains) ** 0.5
    return {"mean": mean.item(), "low": (mean - reach).item(), "high": (mean + reach).item()}
