"""Plausible wrong answers to exercises/symmetries/benefits.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake
from course_lib.symmetries.kernels import gaussian_kernel

KERNEL = "symmetries/benefits/invariant_kernel"
FITS = "symmetries/benefits/symmetric_least_squares"
GAIN = "symmetries/benefits/counted_gain"
NOISE = "symmetries/benefits/noise_sensitivity"

EQUIVALENT = {
    "counted_gain: axes = [torch.arange(-band, band + 1)] * matrices.shape[1] => "
    "axes = [torch.arange(-band, band + 1)] * matrices.shape[2]": "the matrices are square",
    "counted_gain: waves = torch.stack(torch.meshgrid(*axes, indexing='ij'), -1).flatten(0, -2) => "
    "waves = torch.stack(torch.meshgrid(*axes), -1).flatten(0, -2)": "the order of the frequencies does not matter",
    "noise_sensitivity: return torch.stack([model(z[:, p]) for p in permutations]).mean(0) => "
    "return -torch.stack([model(z[:, p]) for p in permutations]).mean(0)": "a ratio of squares does not see the sign",
    "noise_sensitivity: return torch.stack([model(z[:, p]) for p in permutations]).mean(0) => "
    "return torch.stack([model(z[:, p]) for p in permutations]).sum(0)": "a ratio of squares does not see a factor",
    "symmetric_least_squares: basis = vectors[:, values > 0.5] => "
    "basis = vectors[:, values >= 0.5]": "the eigenvalues of a projector are 0 and 1",
}


# ---------------------------------------------------------------------------------------------------- an invariant kernel


@mistake(KERNEL, hint="single")
def only_x_is_moved(x, y, matrices, metric):
    return sum(gaussian_kernel(x @ g.T, y, metric) for g in matrices) / len(matrices)


@mistake(KERNEL, hint="single")
def only_y_is_moved(x, y, matrices, metric):
    return torch.stack([gaussian_kernel(x, y @ g.T, metric) for g in matrices]).mean(0)


@mistake(KERNEL, hint="together")
def both_moved_by_the_same_element(x, y, matrices, metric):
    return sum(gaussian_kernel(x @ g.T, y @ g.T, metric) for g in matrices) / len(matrices)


@mistake(KERNEL, hint="sum")
def sum_over_pairs(x, y, matrices, metric):
    return sum(gaussian_kernel(x @ g.T, y @ h.T, metric) for g in matrices for h in matrices)


@mistake(KERNEL, hint="sum")
def divided_once(x, y, matrices, metric):
    return sum(gaussian_kernel(x @ g.T, y @ h.T, metric) for g in matrices for h in matrices) / len(matrices)


@mistake(KERNEL, hint="points")
def kernel_of_mean_points(x, y, matrices, metric):
    mean = matrices.mean(0)
    return gaussian_kernel(x @ mean.T, y @ mean.T, metric)


@mistake(KERNEL, hint="metric")
def averaged_metric(x, y, matrices, metric):
    return gaussian_kernel(x, y, (matrices.mT @ metric @ matrices).mean(0))


@mistake(KERNEL, hint="base")
def group_forgotten(x, y, matrices, metric):
    return gaussian_kernel(x, y, metric)


@mistake(KERNEL, hint="best")
def best_match(x, y, matrices, metric):
    return torch.stack([gaussian_kernel(x @ g.T, y @ h.T, metric) for g in matrices for h in matrices]).amax(0)


@mistake(KERNEL, hint="normalised")
def divided_by_the_diagonal(x, y, matrices, metric):
    def mean(a, b):
        return sum(gaussian_kernel(a @ g.T, b @ h.T, metric) for g in matrices for h in matrices) / len(matrices) ** 2

    return mean(x, y) / (mean(x, x).diagonal()[:, None] * mean(y, y).diagonal()).sqrt()


@mistake(KERNEL, hint="some")
def without_the_identity(x, y, matrices, metric):
    some = [g for g in matrices if not torch.allclose(g, torch.eye(len(g), dtype=g.dtype))] or list(matrices)
    return sum(gaussian_kernel(x @ g.T, y @ h.T, metric) for g in some for h in some) / len(some) ** 2


@mistake(KERNEL, hint="transposed")
def rows_of_y_first(x, y, matrices, metric):
    return sum(gaussian_kernel(y @ g.T, x @ h.T, metric) for g in matrices for h in matrices) / len(matrices) ** 2


@mistake(KERNEL, hint="some")
def first_element_taken_for_the_identity(x, y, matrices, metric):
    some = matrices[1:] if len(matrices) > 1 else matrices
    return sum(gaussian_kernel(x @ g.T, y @ h.T, metric) for g in some for h in some) / len(some) ** 2


@mistake(KERNEL, hint="single_point", points=3)
def axes_squeezed(x, y, matrices, metric):
    values = sum(gaussian_kernel(x @ g.T, y @ h.T, metric) for g in matrices for h in matrices)
    return (values / len(matrices) ** 2).squeeze()


@mistake(KERNEL, hint="square", points=3)
def square_means_symmetric(x, y, matrices, metric):
    values = sum(gaussian_kernel(x @ g.T, y @ h.T, metric) for g in matrices for h in matrices) / len(matrices) ** 2
    return (values + values.T) / 2 if values.shape[0] == values.shape[1] > 1 else values


@mistake(KERNEL, hint="dtype", points=3)
def always_float64(x, y, matrices, metric):
    x, y, matrices, metric = (part.double() for part in (x, y, matrices, metric))
    return sum(gaussian_kernel(x @ g.T, y @ h.T, metric) for g in matrices for h in matrices) / len(matrices) ** 2


@mistake(KERNEL, hint="dtype", points=3)
def zeros_of_the_default_type(x, y, matrices, metric):
    values = torch.zeros(len(x), len(y))
    for g in matrices:
        for h in matrices:
            values += gaussian_kernel(x @ g.T, y @ h.T, metric)
    return values / len(matrices) ** 2


# ---------------------------------------------------------------------------------------- constrain before, project after


@mistake(FITS, hint="swapped")
def names_exchanged(x, y, matrices):
    projector = matrices.mean(0)
    values, vectors = torch.linalg.eigh(projector)
    basis = vectors[:, values > 0.5]
    before = basis @ (torch.linalg.pinv(x @ basis) @ y)
    return {"after": before, "before": projector @ (torch.linalg.pinv(x) @ y)}


@mistake(FITS, hint="same_after")
def projected_twice(x, y, matrices):
    after = matrices.mean(0) @ torch.linalg.lstsq(x, y[:, None]).solution[:, 0]
    return {"after": after, "before": matrices.mean(0) @ after}


@mistake(FITS, hint="same_before")
def rows_projected_for_both(x, y, matrices):
    values, vectors = torch.linalg.eigh(matrices.mean(0))
    basis = vectors[:, values > 0.5]
    before = basis @ (torch.linalg.pinv(x @ basis) @ y)
    return {"after": matrices.mean(0) @ before, "before": before}


@mistake(FITS, hint="plain")
def no_projection_after(x, y, matrices):
    values, vectors = torch.linalg.eigh(matrices.mean(0))
    basis = vectors[:, values > 0.5]
    return {"after": torch.linalg.pinv(x) @ y, "before": basis @ (torch.linalg.pinv(x @ basis) @ y)}


@mistake(FITS, hint="plain")
def no_constraint_before(x, y, matrices):
    plain = torch.linalg.pinv(x) @ y
    return {"after": matrices.mean(0) @ plain, "before": plain}


@mistake(FITS, hint="sum")
def sum_of_the_matrices(x, y, matrices):
    values, vectors = torch.linalg.eigh(matrices.mean(0))
    basis = vectors[:, values > 0.5]
    return {"after": matrices.sum(0) @ (torch.linalg.pinv(x) @ y), "before": basis @ (torch.linalg.pinv(x @ basis) @ y)}


@mistake(FITS, hint="rest")
def other_part(x, y, matrices):
    values, vectors = torch.linalg.eigh(matrices.mean(0))
    basis, plain = vectors[:, values > 0.5], torch.linalg.pinv(x) @ y
    return {"after": plain - matrices.mean(0) @ plain, "before": basis @ (torch.linalg.pinv(x @ basis) @ y)}


@mistake(FITS, hint="before")
def labels_of_the_free_fit_halved(x, y, matrices):
    """Starts from the projected fit and takes half of the remaining way: one step of an iteration that was not finished."""
    values, vectors = torch.linalg.eigh(matrices.mean(0))
    basis, after = vectors[:, values > 0.5], matrices.mean(0) @ (torch.linalg.pinv(x) @ y)
    before = basis @ (torch.linalg.pinv(x @ basis) @ y)
    return {"after": after, "before": (after + before) / 2}


@mistake(FITS, hint="before")
def coordinates_fitted_one_by_one(x, y, matrices):
    values, vectors = torch.linalg.eigh(matrices.mean(0))
    basis = vectors[:, values > 0.5]
    seen = x @ basis
    alone = (seen * y[:, None]).sum(0) / seen.square().sum(0)  # as if the columns were orthogonal
    return {"after": matrices.mean(0) @ (torch.linalg.pinv(x) @ y), "before": basis @ alone}


@mistake(FITS, hint="after")
def half_of_the_group(x, y, matrices):
    values, vectors = torch.linalg.eigh(matrices.mean(0))
    basis, some = vectors[:, values > 0.5], matrices[: (len(matrices) + 1) // 2]
    return {"after": some.mean(0) @ (torch.linalg.pinv(x) @ y), "before": basis @ (torch.linalg.pinv(x @ basis) @ y)}


@mistake(FITS, hint="shape")
def coordinates_in_the_basis(x, y, matrices):
    values, vectors = torch.linalg.eigh(matrices.mean(0))
    basis = vectors[:, values > 0.5]
    return {"after": matrices.mean(0) @ (torch.linalg.pinv(x) @ y), "before": torch.linalg.pinv(x @ basis) @ y}


@mistake(FITS, hint="nothing", points=3)
def at_least_one_direction(x, y, matrices):
    values, vectors = torch.linalg.eigh(matrices.mean(0))
    basis = vectors[:, -max(int((values > 0.5).sum()), 1) :]
    return {"after": matrices.mean(0) @ (torch.linalg.pinv(x) @ y), "before": basis @ (torch.linalg.pinv(x @ basis) @ y)}


@mistake(FITS, hint="nothing", points=3)
def inverse_of_rounding(x, y, matrices):
    projector = matrices.mean(0)
    before = torch.linalg.lstsq(x @ projector + 1e-17, y[:, None], rcond=1e-14, driver="gelsd").solution[:, 0]
    plain = torch.linalg.lstsq(x, y[:, None]).solution[:, 0]
    return {"after": projector @ plain, "before": before if x.dtype == torch.float64 else projector @ plain}


@mistake(FITS, hint="dtype", points=3)
def fits_in_float64(x, y, matrices):
    x, y, matrices = x.double(), y.double(), matrices.double()
    values, vectors = torch.linalg.eigh(matrices.mean(0))
    basis = vectors[:, values > 0.5]
    return {"after": matrices.mean(0) @ (torch.linalg.pinv(x) @ y), "before": basis @ (torch.linalg.pinv(x @ basis) @ y)}


# ------------------------------------------------------------------------------------------------- the gain, from counting


@mistake(GAIN, hint="order")
def order_of_the_group(band, matrices):
    return float(len(matrices))


@mistake(GAIN, hint="inverted")
def upside_down(band, matrices):
    axes = [torch.arange(-band, band + 1)] * matrices.shape[1]
    k = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    return (k @ matrices == k).all(2).sum().item() / len(matrices) / len(k)


@mistake(GAIN, hint="half")
def one_of_k_and_minus_k(band, matrices):
    axes = [torch.arange(-band, band + 1)] * matrices.shape[1]
    k = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    return (len(k) + 1) / 2 / ((k @ matrices == k).all(2).sum().item() / len(matrices))


@mistake(GAIN, hint="zero")
def zero_left_out(band, matrices):
    axes = [torch.arange(-band, band + 1)] * matrices.shape[1]
    k = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    k = k[k.abs().sum(1) > 0]
    orbits = (k @ matrices == k).all(2).sum().item() / len(matrices)
    return len(k) / orbits if orbits else 1.0


@mistake(GAIN, hint="fixed")
def frequencies_that_nothing_moves(band, matrices):
    axes = [torch.arange(-band, band + 1)] * matrices.shape[1]
    k = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    return len(k) / (k @ matrices == k).all(2).all(0).sum().item()


@mistake(GAIN, hint="undivided")
def burnside_without_the_mean(band, matrices):
    axes = [torch.arange(-band, band + 1)] * matrices.shape[1]
    k = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    return len(k) / (k @ matrices == k).all(2).sum().item()


@mistake(GAIN, hint="orbits")
def number_of_orbits(band, matrices):
    axes = [torch.arange(-band, band + 1)] * matrices.shape[1]
    k = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    return (k @ matrices == k).all(2).sum().item() / len(matrices)


@mistake(GAIN, hint="value")
def band_from_one(band, matrices):
    axes = [torch.arange(1, band + 1)] * matrices.shape[1]
    k = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    fixed = (k @ matrices == k).all(2).sum().item()
    return len(k) * len(matrices) / fixed if fixed else 1.0


@mistake(GAIN, hint="value")
def shapes_by_length(band, matrices):
    axes = [torch.arange(-band, band + 1)] * matrices.shape[1]
    k = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    return len(k) / len(k.square().sum(1).unique())  # as if all frequencies of one length were one orbit


@mistake(GAIN, hint="value")
def one_coordinate_fixed_is_enough(band, matrices):
    axes = [torch.arange(-band, band + 1)] * matrices.shape[1]
    k = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    return len(k) * len(matrices) / (k @ matrices == k).any(2).sum().item()


@mistake(GAIN, hint="dimensions", points=2)
def always_two_dimensions(band, matrices):
    axis = torch.arange(-band, band + 1)
    k = torch.cartesian_prod(axis, axis)
    return len(k) / ((k @ matrices == k).all(2).sum().item() / len(matrices))


@mistake(GAIN, hint="still", points=2)
def division_by_zero(band, matrices):
    if band == 0:
        return float(len(matrices))
    axes = [torch.arange(-band, band + 1)] * matrices.shape[1]
    k = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    return len(k) / ((k @ matrices == k).all(2).sum().item() / len(matrices))


@mistake(GAIN, hint="many", points=2)
def names_of_one_digit(band, matrices):
    axes = [torch.arange(-band, band + 1)] * matrices.shape[1]
    k = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    names = ((k @ matrices + band) * 11 ** torch.arange(matrices.shape[1])).sum(2)  # ambiguous beyond band 5
    return len(k) / len(names.amax(0).unique())


# ----------------------------------------------------------------------------------------------------- noise at the inputs


@mistake(NOISE, hint="swapped")
def numbers_exchanged(model, x, noise, permutations):
    def ratio(f):
        clean = f(x)
        change = torch.stack([f(x + e) for e in noise]) - clean
        return (change.square().mean() / (clean - clean.mean(0)).square().mean()).item()

    return {"averaged": ratio(model), "plain": ratio(lambda z: torch.stack([model(z[:, p]) for p in permutations]).mean(0))}


@mistake(NOISE, hint="unturned")
def noise_added_after_moving(model, x, noise, permutations):
    def result(copies, own):
        clean = torch.stack([model(z) for z in copies]).mean(0)
        shaken = torch.stack([torch.stack([model(z + e) for z in copies]).mean(0) for e in noise])
        return ((shaken - clean).square().mean() / (clean - clean.mean(0)).square().mean()).item()

    return {"plain": result([x], x), "averaged": result([x[:, p] for p in permutations], x)}


@mistake(NOISE, hint="sensitivities")
def mean_of_sensitivities(model, x, noise, permutations):
    def ratio(p):
        clean = model(x[:, p])
        change = torch.stack([model((x + e)[:, p]) for e in noise]) - clean
        return (change.square().mean() / (clean - clean.mean(0)).square().mean()).item()

    values = [ratio(p) for p in permutations]
    return {"plain": ratio(torch.arange(x.shape[1])), "averaged": sum(values) / len(values)}


@mistake(NOISE, hint="denominator")
def one_denominator_for_both(model, x, noise, permutations):
    def averaged(z):
        return torch.stack([model(z[:, p]) for p in permutations]).mean(0)

    spread = (model(x) - model(x).mean(0)).square().mean()
    found = [(torch.stack([f(x + e) for e in noise]) - f(x)).square().mean() / spread for f in (model, averaged)]
    return {"plain": found[0].item(), "averaged": found[1].item()}


@mistake(NOISE, hint="centre")
def spread_about_zero(model, x, noise, permutations):
    def ratio(f):
        clean = f(x)
        return ((torch.stack([f(x + e) for e in noise]) - clean).square().mean() / clean.square().mean()).item()

    return {"plain": ratio(model), "averaged": ratio(lambda z: torch.stack([model(z[:, p]) for p in permutations]).mean(0))}


@mistake(NOISE, hint="root")
def root_of_the_ratio(model, x, noise, permutations):
    def ratio(f):
        clean = f(x)
        change = torch.stack([f(x + e) for e in noise]) - clean
        return (change.square().mean() / (clean - clean.mean(0)).square().mean()).sqrt().item()

    return {"plain": ratio(model), "averaged": ratio(lambda z: torch.stack([model(z[:, p]) for p in permutations]).mean(0))}


@mistake(NOISE, hint="sum")
def summed_over_noise(model, x, noise, permutations):
    def ratio(f):
        clean = f(x)
        power = sum((f(x + e) - clean).square().mean() for e in noise)
        return (power / (clean - clean.mean(0)).square().mean()).item()

    return {"plain": ratio(model), "averaged": ratio(lambda z: torch.stack([model(z[:, p]) for p in permutations]).mean(0))}


@mistake(NOISE, hint="unbiased")
def sample_variance(model, x, noise, permutations):
    def ratio(f):
        clean = f(x)
        return ((torch.stack([f(x + e) for e in noise]) - clean).square().mean() / clean.var(0).mean()).item()

    return {"plain": ratio(model), "averaged": ratio(lambda z: torch.stack([model(z[:, p]) for p in permutations]).mean(0))}


@mistake(NOISE, hint="first")
def one_row_of_noise(model, x, noise, permutations):
    def ratio(f):
        clean = f(x)
        return ((f(x + noise[0]) - clean).square().mean() / (clean - clean.mean(0)).square().mean()).item()

    return {"plain": ratio(model), "averaged": ratio(lambda z: torch.stack([model(z[:, p]) for p in permutations]).mean(0))}


@mistake(NOISE, hint="shift")
def change_of_the_mean(model, x, noise, permutations):
    def ratio(f):
        clean = f(x)
        shaken = torch.stack([f(x + e) for e in noise]).mean(0)
        return ((shaken - clean).square().mean() / (clean - clean.mean(0)).square().mean()).item()

    return {"plain": ratio(model), "averaged": ratio(lambda z: torch.stack([model(z[:, p]) for p in permutations]).mean(0))}


@mistake(NOISE, hint="plain")
def spread_over_everything(model, x, noise, permutations):
    def ratio(f):
        clean = f(x)
        return ((torch.stack([f(x + e) for e in noise]) - clean).square().mean() / clean.var(unbiased=False)).item()

    return {"plain": ratio(model), "averaged": ratio(lambda z: torch.stack([model(z[:, p]) for p in permutations]).mean(0))}


@mistake(NOISE, hint="averaged")
def mean_of_the_inputs(model, x, noise, permutations):
    def ratio(f):
        clean = f(x)
        change = torch.stack([f(x + e) for e in noise]) - clean
        return (change.square().mean() / (clean - clean.mean(0)).square().mean()).item()

    return {"plain": ratio(model), "averaged": ratio(lambda z: model(torch.stack([z[:, p] for p in permutations]).mean(0)))}


@mistake(NOISE, hint="single", points=3)
def at_least_two_rows(model, x, noise, permutations):
    def ratio(f):
        clean = f(x)
        change = torch.stack([f(x + e) for e in noise]) - clean
        power = change.square().mean((1, 2))
        power = power.mean() if len(noise) > 1 else power.sum() * 0
        return (power / (clean - clean.mean(0)).square().mean()).item()

    return {"plain": ratio(model), "averaged": ratio(lambda z: torch.stack([model(z[:, p]) for p in permutations]).mean(0))}
