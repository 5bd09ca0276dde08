"""Solutions to exercises/equivariance/random_subsets.ipynb."""


# exercise: equivariance/random_subsets/cycle_errors
import torch


def cycle_errors(elements, n):
    """Worst-case error on C_n of each row of drawn elements: (r, m) -> (r,)."""
    r, m = elements.shape
    counts = torch.zeros(r, n, dtype=torch.float64)
    counts.scatter_add_(1, elements, torch.ones(r, m, dtype=torch.float64))
    means = torch.fft.fft(counts).abs() / m
    means[:, 0] = 0  # the trivial character is no error
    return means.amax(1)


# exercise: equivariance/random_subsets/sampling_errors
import torch


def sampling_errors(values, m):
    """Error of the mean over m random elements: (|G|, b) -> dict of two (b,)."""
    sigma, order = values.std(0, correction=0), len(values)
    left = (order - m) / max(order - 1, 1)
    return {"subset": sigma * (left / m) ** 0.5, "multiset": sigma / m**0.5}


# exercise: equivariance/random_subsets/table_error
import torch


def table_error(table, elements):
    """Worst-case error of averaging over `elements`: (N, N), (m,) -> number."""
    n, average = len(table), 0
    for g in elements:
        average = average + torch.eye(n, dtype=torch.float64)[table[g]] / len(elements)
    return torch.linalg.svdvals(average - 1 / n).max()
