"""Solutions to exercises/explainable/additive.ipynb."""


# exercise: explainable/additive/centre
import torch


def centre(intercept, shapes, counts):
    """Centred tables and the intercept that goes with them: number, (n, p), (n, p) -> dict."""
    weights = counts / counts.sum(1, keepdim=True)
    means = (weights * shapes).sum(1, keepdim=True)
    return {"intercept": intercept + means.sum(), "shapes": shapes - means}


# exercise: explainable/additive/backfit
import torch


def backfit(y, smoothers, sweeps):
    """Intercept and contributions after some sweeps: (b,), (n, b, b) -> dict."""
    n = len(smoothers)
    intercept = y.mean()
    parts = [torch.zeros_like(y) for _ in range(n)]
    for _ in range(sweeps):
        for k in range(n):
            others = sum(parts[j] for j in range(n) if j != k)
            smooth = smoothers[k] @ (y - intercept - others)
            parts[k] = smooth - smooth.mean()
    return {"intercept": intercept, "parts": torch.stack(parts, 1)}


# exercise: explainable/additive/purify
import torch


def purify(main1, main2, pair, counts):
    """Pure effects: (p,), (q,), (p, q), (p, q) -> dict."""
    main1, main2, pair, counts = main1.double(), main2.double(), pair.double(), counts.double()
    rows, columns = counts.sum(1), counts.sum(0)
    moved = 1
    while moved > 1e-11:
        by_row = (counts * pair).sum(1) / rows
        main1, pair = main1 + by_row, pair - by_row[:, None]
        by_column = (counts * pair).sum(0) / columns
        main2, pair = main2 + by_column, pair - by_column
        moved = max(by_row.abs().max(), by_column.abs().max())
    mean1, mean2 = (rows * main1).sum() / rows.sum(), (columns * main2).sum() / columns.sum()
    return {"intercept": mean1 + mean2, "main1": main1 - mean1, "main2": main2 - mean2, "pair": pair}


# exercise: explainable/additive/shapley_of_a_pair
import torch


def shapley_of_a_pair(shapes, pair, row, background):
    """Shapley values (n,) of a sum of shapes and one pair effect."""
    n = len(shapes)
    features = torch.arange(n)
    values = shapes[features, row] - shapes[features, background].mean(0)
    both, none = pair[row[0], row[1]], pair[background[:, 0], background[:, 1]].mean()
    first, second = pair[row[0], background[:, 1]].mean(), pair[background[:, 0], row[1]].mean()
    values[0] += (first - none + both - second) / 2
    values[1] += (second - none + both - first) / 2
    return values
