"""Plausible wrong answers to exercises/equivariance/random_subsets.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

CYCLE = "equivariance/random_subsets/cycle_errors"
SAMPLING = "equivariance/random_subsets/sampling_errors"
TABLE = "equivariance/random_subsets/table_error"


def _means(elements, n):
    waves = torch.exp(2j * torch.pi * torch.arange(n) * elements[:, :, None].double() / n)
    return waves.mean(1)


@mistake(CYCLE, hint="trivial")
def trivial_character_kept(elements, n):
    return _means(elements, n).abs().amax(1)


@mistake(CYCLE, hint="repeats")
def marked_not_counted(elements, n):
    present = torch.zeros(len(elements), n).double().scatter(1, elements, 1.0)
    return torch.fft.fft(present).abs()[:, 1:].amax(1) / present.sum(1)


@mistake(CYCLE, hint="repeats")
def marked_and_divided_by_m(elements, n):
    present = torch.zeros(len(elements), n).double().scatter(1, elements, 1.0)
    return torch.fft.fft(present).abs()[:, 1:].amax(1) / elements.shape[1]


@mistake(CYCLE, hint="scale")
def sum_not_mean(elements, n):
    return _means(elements, n)[:, 1:].abs().amax(1) * elements.shape[1]


@mistake(CYCLE, hint="scale")
def divided_by_the_group(elements, n):
    return _means(elements, n)[:, 1:].abs().amax(1) * elements.shape[1] / n


@mistake(CYCLE, hint="mean")
def mean_character(elements, n):
    return _means(elements, n)[:, 1:].abs().mean(1)


@mistake(CYCLE, hint="mean")
def root_mean_square(elements, n):
    return _means(elements, n)[:, 1:].abs().square().mean(1).sqrt()


@mistake(CYCLE, hint="squared")
def power_spectrum(elements, n):
    return _means(elements, n)[:, 1:].abs().square().amax(1)


@mistake(CYCLE, hint="real")
def real_part(elements, n):
    return _means(elements, n)[:, 1:].real.amax(1)


@mistake(CYCLE, hint="real")
def size_of_the_real_part(elements, n):
    return _means(elements, n)[:, 1:].real.abs().amax(1)


@mistake(CYCLE, hint="slowest")
def slowest_wave(elements, n):
    return _means(elements, n)[:, 1].abs()


@mistake(CYCLE, hint="left_out")
def alternating_wave_left_out(elements, n):
    return _means(elements, n)[:, 1 : n // 2].abs().amax(1)


@mistake(CYCLE, hint="rows")
def all_rows_together(elements, n):
    return _means(elements.reshape(1, -1), n)[:, 1:].abs().amax(1).expand(len(elements))


@mistake(CYCLE, hint="rows")
def worst_row_for_all(elements, n):
    return _means(elements, n)[:, 1:].abs().amax().expand(len(elements))


@mistake(CYCLE, hint="list")
def transform_of_the_list(elements, n):
    return torch.fft.fft(elements.double()).abs()[:, 1:].amax(1) / elements.shape[1]


@mistake(CYCLE, hint="shape")
def one_number(elements, n):
    return _means(elements, n)[:, 1:].abs().max()


@mistake(CYCLE, hint="one", points=3)
def fails_on_one_element(elements, n):
    return _means(elements, n)[:, 1:].abs().amax(1)


@mistake(CYCLE, hint="single", points=3)
def squeezed(elements, n):
    return (_means(elements, n).abs() * (torch.arange(n) > 0)).amax(1).squeeze()


@mistake(CYCLE, hint="large", points=3)
def only_the_first_waves(elements, n):
    return (_means(elements, n).abs() * (torch.arange(n) > 0))[:, :20].amax(1)


def _factor(values, m):
    return ((len(values) - m) / (m * max(len(values) - 1, 1))) ** 0.5


@mistake(SAMPLING, hint="sigma")
def sample_standard_deviation(values, m):
    sigma = values.std(0)
    return {"subset": sigma * _factor(values, m), "multiset": sigma / m**0.5}


@mistake(SAMPLING, hint="correction")
def no_correction(values, m):
    sigma = values.std(0, correction=0)
    return {"subset": sigma / m**0.5, "multiset": sigma / m**0.5}


@mistake(SAMPLING, hint="wrong_correction")
def corrected_by_the_share(values, m):
    sigma = values.std(0, correction=0)
    return {"subset": sigma * ((1 - m / len(values)) / m) ** 0.5, "multiset": sigma / m**0.5}


@mistake(SAMPLING, hint="wrong_correction")
def correction_not_under_the_root(values, m):
    sigma, order = values.std(0, correction=0), len(values)
    return {"subset": sigma / m**0.5 * (1 - (m - 1) / (order - 1)), "multiset": sigma / m**0.5}


@mistake(SAMPLING, hint="root")
def mean_squares(values, m):
    variance = values.var(0, correction=0)
    return {"subset": variance * _factor(values, m) ** 2, "multiset": variance / m}


@mistake(SAMPLING, hint="count")
def falls_like_one_over_m(values, m):
    sigma = values.std(0, correction=0)
    return {"subset": sigma * _factor(values, m) / m**0.5, "multiset": sigma / m}


@mistake(SAMPLING, hint="together")
def one_sigma_for_all(values, m):
    sigma = values.std(correction=0).expand(values.shape[1])
    return {"subset": sigma * _factor(values, m), "multiset": sigma / m**0.5}


@mistake(SAMPLING, hint="swapped")
def exchanged(values, m):
    sigma = values.std(0, correction=0)
    return {"multiset": sigma * _factor(values, m), "subset": sigma / m**0.5}


@mistake(SAMPLING, hint="absolute")
def mean_size_of_the_error(values, m):
    import itertools

    sigma = values.std(0, correction=0)
    rows = torch.tensor(list(itertools.combinations(range(len(values)), m)))
    return {"subset": (values[rows].mean(1) - values.mean(0)).abs().mean(0), "multiset": sigma / m**0.5}


@mistake(SAMPLING, hint="shape")
def over_the_inputs(values, m):
    sigma = values.std(1, correction=0)
    return {"subset": sigma * _factor(values, m), "multiset": sigma / m**0.5}


@mistake(SAMPLING, hint="keys")
def a_pair(values, m):
    sigma = values.std(0, correction=0)
    return sigma * _factor(values, m), sigma / m**0.5


@mistake(SAMPLING, hint="value")
def a_simulation(values, m):
    sigma, generator = values.std(0, correction=0), torch.Generator().manual_seed(0)
    rows = torch.stack([torch.randperm(len(values), generator=generator)[:m] for _ in range(200)])
    return {"subset": (values[rows].mean(1) - values.mean(0)).square().mean(0).sqrt(), "multiset": sigma / m**0.5}


@mistake(SAMPLING, hint="multiset", points=2)
def multiset_corrected_as_well(values, m):
    sigma = values.std(0, correction=0)
    return {"subset": sigma * _factor(values, m), "multiset": sigma * _factor(values, m)}


@mistake(SAMPLING, hint="one", points=3)
def divides_by_nothing(values, m):
    sigma, order = values.std(0, correction=0), len(values)
    return {"subset": sigma * ((order - m) / (order - 1) / m) ** 0.5, "multiset": sigma / m**0.5}


@mistake(SAMPLING, hint="offset", points=3)
def squares_before_the_mean_goes(values, m):
    sigma = (values.square().mean(0) - values.mean(0).square()).clamp(min=0).sqrt()
    return {"subset": sigma * _factor(values, m), "multiset": sigma / m**0.5}


def _average(table, elements):
    return torch.stack([torch.eye(len(table)).double()[table[g]] for g in elements]).mean(0)


@mistake(TABLE, hint="constant")
def constant_kept(table, elements):
    return torch.linalg.svdvals(_average(table, elements)).max()


@mistake(TABLE, hint="eigenvalues")
def largest_eigenvalue(table, elements):
    return torch.linalg.eigvals(_average(table, elements) - 1 / len(table)).abs().max()


@mistake(TABLE, hint="eigenvalues")
def second_eigenvalue(table, elements):
    return torch.linalg.eigvals(_average(table, elements)).abs().sort().values[-2]


@mistake(TABLE, hint="symmetric")
def with_the_inverses(table, elements):
    a = _average(table, elements) - 1 / len(table)
    return torch.linalg.eigvalsh((a + a.T) / 2).abs().max()


@mistake(TABLE, hint="frobenius")
def frobenius_norm(table, elements):
    return (_average(table, elements) - 1 / len(table)).norm()


@mistake(TABLE, hint="frobenius")
def root_mean_square_of_the_directions(table, elements):
    return (_average(table, elements) - 1 / len(table)).norm() / (len(table) - 1) ** 0.5


@mistake(TABLE, hint="repeats")
def every_element_once(table, elements):
    return torch.linalg.svdvals(_average(table, elements.unique()) - 1 / len(table)).max()


@mistake(TABLE, hint="scale")
def undivided(table, elements):
    return len(elements) * torch.linalg.svdvals(_average(table, elements) - 1 / len(table)).max()


@mistake(TABLE, hint="squared")
def eigenvalue_of_the_gram_matrix(table, elements):
    a = _average(table, elements) - 1 / len(table)
    return torch.linalg.eigvalsh(a.T @ a).max()


@mistake(TABLE, hint="first")
def largest_entry(table, elements):
    return (_average(table, elements) - 1 / len(table)).abs().max()


@mistake(TABLE, hint="first")
def largest_row_sum(table, elements):
    return (_average(table, elements) - 1 / len(table)).abs().sum(1).max()


@mistake(TABLE, hint="abelian")
def fourier_transform_of_a_row(table, elements):
    return torch.fft.fft(_average(table, elements)[0]).abs()[1:].max()


@mistake(TABLE, hint="value")
def one_random_function(table, elements):
    f = torch.randn(len(table), generator=torch.Generator().manual_seed(0)).double()
    f = f - f.mean()
    return (_average(table, elements) @ f).norm() / f.norm()


@mistake(TABLE, hint="value")
def one_step_of_the_power_method(table, elements):
    a = _average(table, elements) - 1 / len(table)
    f = a.T @ (a @ torch.randn(len(table), generator=torch.Generator().manual_seed(0)).double())
    return (a @ f).norm() / f.norm()


@mistake(TABLE, hint="one", points=3)
def second_singular_value(table, elements):
    return torch.linalg.svdvals(_average(table, elements))[1]


# fmt: off
EQUIVALENT: dict[str, str] = {
    "cycle_errors: counts = torch.zeros(r, n, dtype=torch.float64) => counts = torch.ones(r, n, dtype=torch.float64)":
        "one more of every element changes the trivial character only, and the sum is divided by m as before",
    "sampling_errors: left = (order - m) / max(order - 1, 1) => left = (order - m) / max(1, order - 1)":
        "the larger of two numbers is the same either way round",
}
# fmt: on
