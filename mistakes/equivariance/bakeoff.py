"""Plausible wrong answers to exercises/equivariance/bakeoff.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

REPORT = "equivariance/bakeoff/orbit_report"
WORTH = "equivariance/bakeoff/samples_worth"
GAIN = "equivariance/bakeoff/paired_gain"

EQUIVALENT = {
    "orbit_report: flips = (answers != answers[0]).any(0) => flips = (answers != answers[-1]).any(0)": "any position will do",
    "orbit_report: averaged = scores.mean(0).argmax(1) == labels => "
    "averaged = scores.sum(0).argmax(1) == labels": "a factor does not change which score is the largest",
    "samples_worth: if plain[0] > plain[-1]: => if plain[0] >= plain[-1]:": "the curve is strictly monotone",
    "samples_worth: if plain[0] > plain[-1]: => if plain[0] > plain[+1]:": "the curve is monotone: any two sizes tell",
    "samples_worth: right = torch.searchsorted(plain, scores).clamp(min=1) => "
    "right = torch.searchsorted(plain, scores)": "at place 0 the piece that goes round to the first size ends there",
    "samples_worth: right = torch.searchsorted(plain, scores).clamp(min=1) => "
    "right = torch.searchsorted(plain, scores).clamp(min=0)": "the same: at place 0 the share of that piece is one",
}


# --------------------------------------------------------------------------------------------------- one line of the table


@mistake(REPORT, hint="first")
def accuracy_of_the_first_position(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right[0].double().mean().item(),
        "always": right.all(0).double().mean().item(),
        "flips": (answers != answers[0]).any(0).double().mean().item(),
        "averaged": (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="best")
def accuracy_of_the_best_position(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.double().mean(1).max().item(),
        "always": right.all(0).double().mean().item(),
        "flips": (answers != answers[0]).any(0).double().mean().item(),
        "averaged": (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="counts")
def numbers_of_items(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.sum().item(),
        "always": right.all(0).sum().item(),
        "flips": (answers != answers[0]).any(0).sum().item(),
        "averaged": (scores.mean(0).argmax(1) == labels).sum().item(),
    }


@mistake(REPORT, hint="counts")
def per_cent(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": 100 * right.double().mean().item(),
        "always": 100 * right.all(0).double().mean().item(),
        "flips": 100 * (answers != answers[0]).any(0).double().mean().item(),
        "averaged": 100 * (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="worst")
def always_is_the_worst_position(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.double().mean().item(),
        "always": right.double().mean(1).min().item(),
        "flips": (answers != answers[0]).any(0).double().mean().item(),
        "averaged": (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="any")
def right_in_some_position(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.double().mean().item(),
        "always": right.any(0).double().mean().item(),
        "flips": (answers != answers[0]).any(0).double().mean().item(),
        "averaged": (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="constant")
def always_the_same_answer(scores, labels):
    answers = scores.argmax(2)
    right, flips = answers == labels, (answers != answers[0]).any(0).double().mean().item()
    return {
        "accuracy": right.double().mean().item(),
        "always": 1 - flips,
        "flips": flips,
        "averaged": (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="errors")
def flips_are_errors_somewhere(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.double().mean().item(),
        "always": right.all(0).double().mean().item(),
        "flips": 1 - right.all(0).double().mean().item(),
        "averaged": (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="right_flips")
def flips_between_right_and_wrong(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.double().mean().item(),
        "always": right.all(0).double().mean().item(),
        "flips": (right.any(0) & ~right.all(0)).double().mean().item(),
        "averaged": (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="pairs")
def flips_counted_for_each_position(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.double().mean().item(),
        "always": right.all(0).double().mean().item(),
        "flips": (answers[1:] != answers[0]).double().mean().item(),
        "averaged": (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="pairs")
def flips_between_neighbouring_positions(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.double().mean().item(),
        "always": right.all(0).double().mean().item(),
        "flips": (answers[1:] != answers[:-1]).double().mean().item(),
        "averaged": (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="ends")
def flips_from_the_first_to_the_last(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.double().mean().item(),
        "always": right.all(0).double().mean().item(),
        "flips": (answers[0] != answers[-1]).double().mean().item(),
        "averaged": (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="stays")
def share_that_stays(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.double().mean().item(),
        "always": right.all(0).double().mean().item(),
        "flips": (answers == answers[0]).all(0).double().mean().item(),
        "averaged": (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="vote")
def majority_vote(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.double().mean().item(),
        "always": right.all(0).double().mean().item(),
        "flips": (answers != answers[0]).any(0).double().mean().item(),
        "averaged": (torch.nn.functional.one_hot(answers, scores.shape[2]).sum(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="softmax")
def probabilities_averaged(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.double().mean().item(),
        "always": right.all(0).double().mean().item(),
        "flips": (answers != answers[0]).any(0).double().mean().item(),
        "averaged": (scores.softmax(2).mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="unmoved")
def accuracies_averaged(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.double().mean().item(),
        "always": right.all(0).double().mean().item(),
        "flips": (answers != answers[0]).any(0).double().mean().item(),
        "averaged": right.double().mean(1).mean().item(),
    }


@mistake(REPORT, hint="largest")
def largest_score_of_any_position(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.double().mean().item(),
        "always": right.all(0).double().mean().item(),
        "flips": (answers != answers[0]).any(0).double().mean().item(),
        "averaged": (scores.amax(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="one", points=3)
def spread_of_the_answers(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    spread = answers.double().var(0) if len(answers) > 1 else answers[0] / 0
    return {
        "accuracy": right.double().mean().item(),
        "always": right.all(0).double().mean().item(),
        "flips": (spread != 0).double().mean().item(),
        "averaged": (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="accuracy")
def four_positions_as_in_the_chapter(scores, labels):
    scores = scores[:4]
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": right.double().mean().item(),
        "always": right.all(0).double().mean().item(),
        "flips": (answers != answers[0]).any(0).double().mean().item(),
        "averaged": (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="square", points=3)
def labels_along_the_axis_that_fits(scores, labels):
    answers = scores.argmax(2)
    right = answers == (labels[:, None] if len(labels) == len(scores) else labels)
    return {
        "accuracy": right.double().mean().item(),
        "always": right.all(0).double().mean().item(),
        "flips": (answers != answers[0]).any(0).double().mean().item(),
        "averaged": (scores.mean(0).argmax(1) == labels).double().mean().item(),
    }


@mistake(REPORT, hint="rounded")
def rounded_to_three_decimals(scores, labels):
    answers = scores.argmax(2)
    right = answers == labels
    return {
        "accuracy": round(right.double().mean().item(), 3),
        "always": round(right.all(0).double().mean().item(), 3),
        "flips": round((answers != answers[0]).any(0).double().mean().item(), 3),
        "averaged": round((scores.mean(0).argmax(1) == labels).double().mean().item(), 3),
    }


# ------------------------------------------------------------------------------------------------------ read horizontally


@mistake(WORTH, hint="linear")
def straight_over_the_size(sizes, plain, scores):
    sizes = sizes.to(plain.dtype)
    if plain[0] > plain[-1]:
        plain, scores = -plain, -scores
    scores = scores.clamp(plain[0], plain[-1])
    right = torch.searchsorted(plain, scores).clamp(1, len(plain) - 1)
    share = (scores - plain[right - 1]) / (plain[right] - plain[right - 1])
    return sizes[right - 1] + share * (sizes[right] - sizes[right - 1])


@mistake(WORTH, hint="logs")
def logarithm_not_undone(sizes, plain, scores):
    logs = sizes.to(plain.dtype).log2()
    if plain[0] > plain[-1]:
        plain, scores = -plain, -scores
    scores = scores.clamp(plain[0], plain[-1])
    right = torch.searchsorted(plain, scores).clamp(1, len(plain) - 1)
    share = (scores - plain[right - 1]) / (plain[right] - plain[right - 1])
    return logs[right - 1] + share * (logs[right] - logs[right - 1])


@mistake(WORTH, hint="log_scores")
def both_axes_logarithmic(sizes, plain, scores):
    logs, curve, wanted = sizes.to(plain.dtype).log(), plain.log(), scores.log()
    right = torch.searchsorted(curve, wanted).clamp(1, len(plain) - 1)
    share = (wanted - curve[right - 1]) / (curve[right] - curve[right - 1])
    return (logs[right - 1] + share * (logs[right] - logs[right - 1])).exp()


@mistake(WORTH, hint="nearest")
def nearest_score(sizes, plain, scores):
    return sizes[(plain - scores[:, None]).abs().argmin(1)].to(plain.dtype)


@mistake(WORTH, hint="nearest")
def first_size_that_is_enough(sizes, plain, scores):
    return sizes[torch.searchsorted(plain, scores).clamp(max=len(plain) - 1)].to(plain.dtype)


@mistake(WORTH, hint="nearest")
def last_size_that_is_not_enough(sizes, plain, scores):
    return sizes[torch.searchsorted(plain, scores).clamp(min=1) - 1].to(plain.dtype)


@mistake(WORTH, hint="nearest")
def middle_of_the_piece(sizes, plain, scores):
    right = torch.searchsorted(plain, scores).clamp(1, len(plain) - 1)
    return (sizes[right - 1].to(plain.dtype) * sizes[right]).sqrt()


@mistake(WORTH, hint="whole")
def one_line_through_the_ends(sizes, plain, scores):
    logs = sizes.to(plain.dtype).log()
    share = (scores - plain[0]) / (plain[-1] - plain[0])
    return (logs[0] + share * (logs[-1] - logs[0])).exp()


@mistake(WORTH, hint="ratio")
def multiple_of_the_first_size(sizes, plain, scores):
    logs = sizes.to(plain.dtype).log()
    right = torch.searchsorted(plain, scores).clamp(1, len(plain) - 1)
    share = (scores - plain[right - 1]) / (plain[right] - plain[right - 1])
    return (logs[right - 1] + share * (logs[right] - logs[right - 1]) - logs[0]).exp()


@mistake(WORTH, hint="order")
def scores_sorted(sizes, plain, scores):
    logs, scores = sizes.to(plain.dtype).log(), scores.sort().values
    right = torch.searchsorted(plain, scores).clamp(1, len(plain) - 1)
    share = (scores - plain[right - 1]) / (plain[right] - plain[right - 1])
    return (logs[right - 1] + share * (logs[right] - logs[right - 1])).exp()


@mistake(WORTH, hint="vertical")
def read_vertically(sizes, plain, scores):
    return plain[torch.searchsorted(plain, scores).clamp(max=len(plain) - 1)]


@mistake(WORTH, hint="falling", points=3)
def rising_curves_only(sizes, plain, scores):
    logs = sizes.to(plain.dtype).log()
    scores = scores.clamp(plain[0], plain[-1])
    right = torch.searchsorted(plain, scores).clamp(1, len(plain) - 1)
    share = (scores - plain[right - 1]) / (plain[right] - plain[right - 1])
    return (logs[right - 1] + share * (logs[right] - logs[right - 1])).exp()


@mistake(WORTH, hint="level", points=3)
def high_at_the_start_falls(sizes, plain, scores):
    logs = sizes.to(plain.dtype).log()
    if plain[0] > 0.5:
        plain, scores = -plain, -scores
    scores = scores.clamp(plain[0], plain[-1])
    right = torch.searchsorted(plain, scores).clamp(1, len(plain) - 1)
    share = (scores - plain[right - 1]) / (plain[right] - plain[right - 1])
    return (logs[right - 1] + share * (logs[right] - logs[right - 1])).exp()


@mistake(WORTH, hint="outside", points=3)
def drawn_on_beyond_the_ends(sizes, plain, scores):
    logs = sizes.to(plain.dtype).log()
    if plain[0] > plain[-1]:
        plain, scores = -plain, -scores
    right = torch.searchsorted(plain, scores).clamp(1, len(plain) - 1)
    share = (scores - plain[right - 1]) / (plain[right] - plain[right - 1])
    return (logs[right - 1] + share * (logs[right] - logs[right - 1])).exp()


@mistake(WORTH, hint="exact", points=3)
def strictly_between_two_sizes(sizes, plain, scores):
    logs, found = sizes.double().log(), []
    low, high = plain.min(), plain.max()
    for score in scores:
        if score > high or score < low:
            end = 0 if (score > high) == (plain[0] > plain[-1]) else -1
            found.append(logs[end])
        for i in range(len(plain) - 1):
            if (plain[i] - score) * (plain[i + 1] - score) < 0:
                found.append(logs[i] + (score - plain[i]) / (plain[i + 1] - plain[i]) * (logs[i + 1] - logs[i]))
    return torch.stack(found).exp().to(plain.dtype) if found else plain[:0]


@mistake(WORTH, hint="two", points=3)
def axes_squeezed(sizes, plain, scores):
    logs = sizes.to(plain.dtype).log()
    if plain[0] > plain[-1]:
        plain, scores = -plain, -scores
    scores = scores.clamp(plain[0], plain[-1])
    right = torch.searchsorted(plain, scores).clamp(1, len(plain) - 1)
    share = (scores - plain[right - 1]) / (plain[right] - plain[right - 1])
    return (logs[right - 1] + share * (logs[right] - logs[right - 1])).exp().squeeze()


@mistake(WORTH, hint="dtype", points=3)
def always_float64(sizes, plain, scores):
    logs, plain, scores = sizes.double().log(), plain.double(), scores.double()
    if plain[0] > plain[-1]:
        plain, scores = -plain, -scores
    scores = scores.clamp(plain[0], plain[-1])
    right = torch.searchsorted(plain, scores).clamp(1, len(plain) - 1)
    share = (scores - plain[right - 1]) / (plain[right] - plain[right - 1])
    return (logs[right - 1] + share * (logs[right] - logs[right - 1])).exp()


# ------------------------------------------------------------------------------------------------------ an honest interval


@mistake(GAIN, hint="unpaired")
def two_samples(plain, other, shift, t):
    kept = plain.shape[1] - shift
    a, b = other[:, :kept].mean(1), plain[:, shift:].mean(1)
    mean, reach = (a.mean() - b.mean()).item(), t * ((a.var() + b.var()) / len(a)).sqrt().item()
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="cells")
def every_entry_a_sample(plain, other, shift, t):
    gains = (other[:, : plain.shape[1] - shift] - plain[:, shift:]).flatten()
    mean, reach = gains.mean().item(), t * gains.std().item() / len(gains) ** 0.5
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="biased")
def divisor_r(plain, other, shift, t):
    gains = (other[:, : plain.shape[1] - shift] - plain[:, shift:]).mean(1)
    mean, reach = gains.mean().item(), t * gains.std(correction=0).item() / len(gains) ** 0.5
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="root")
def spread_of_single_rows(plain, other, shift, t):
    gains = (other[:, : plain.shape[1] - shift] - plain[:, shift:]).mean(1)
    mean, reach = gains.mean().item(), t * gains.std().item()
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="over")
def divided_by_the_number_of_rows(plain, other, shift, t):
    gains = (other[:, : plain.shape[1] - shift] - plain[:, shift:]).mean(1)
    mean, reach = gains.mean().item(), t * gains.std().item() / len(gains)
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="normal")
def normal_quantile(plain, other, shift, t):
    gains = (other[:, : plain.shape[1] - shift] - plain[:, shift:]).mean(1)
    mean, reach = gains.mean().item(), 1.96 * gains.std().item() / len(gains) ** 0.5
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="half")
def whole_length_is_t_errors(plain, other, shift, t):
    gains = (other[:, : plain.shape[1] - shift] - plain[:, shift:]).mean(1)
    mean, reach = gains.mean().item(), t * gains.std().item() / len(gains) ** 0.5 / 2
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="sign")
def plain_minus_other(plain, other, shift, t):
    gains = (plain[:, shift:] - other[:, : plain.shape[1] - shift]).mean(1)
    mean, reach = gains.mean().item(), t * gains.std().item() / len(gains) ** 0.5
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="more")
def more_examples_for_the_other(plain, other, shift, t):
    gains = (other[:, shift:] - plain[:, : plain.shape[1] - shift]).mean(1)
    mean, reach = gains.mean().item(), t * gains.std().item() / len(gains) ** 0.5
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="same")
def equal_sizes(plain, other, shift, t):
    gains = (other - plain).mean(1)
    mean, reach = gains.mean().item(), t * gains.std().item() / len(gains) ** 0.5
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="same")
def rolled_round_the_end(plain, other, shift, t):
    gains = (other - plain.roll(-shift, 1)).mean(1)
    mean, reach = gains.mean().item(), t * gains.std().item() / len(gains) ** 0.5
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="last")
def largest_pair_alone(plain, other, shift, t):
    gains = other[:, plain.shape[1] - 1 - shift] - plain[:, -1]
    mean, reach = gains.mean().item(), t * gains.std().item() / len(gains) ** 0.5
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="turned")
def ends_exchanged(plain, other, shift, t):
    gains = (other[:, : plain.shape[1] - shift] - plain[:, shift:]).mean(1)
    mean, reach = gains.mean().item(), t * gains.std().item() / len(gains) ** 0.5
    return {"mean": mean, "low": mean + reach, "high": mean - reach}


@mistake(GAIN, hint="zero", points=3)
def slice_to_minus_shift(plain, other, shift, t):
    gains = (other[:, :-shift] - plain[:, shift:]).mean(1)
    mean, reach = gains.mean().item(), t * gains.std().item() / len(gains) ** 0.5
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="column", points=3)
def axes_squeezed_away(plain, other, shift, t):
    gains = (other[:, : plain.shape[1] - shift] - plain[:, shift:]).squeeze().mean(1)
    mean, reach = gains.mean().item(), t * gains.std().item() / len(gains) ** 0.5
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="mean")
def five_rows_as_in_the_chapter(plain, other, shift, t):
    plain, other = plain[:5], other[:5]
    gains = (other[:, : plain.shape[1] - shift] - plain[:, shift:]).mean(1)
    mean, reach = gains.mean().item(), t * gains.std().item() / len(gains) ** 0.5
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="mean")
def shift_of_three_at_most(plain, other, shift, t):
    shift = min(shift, 3)
    gains = (other[:, : plain.shape[1] - shift] - plain[:, shift:]).mean(1)
    mean, reach = gains.mean().item(), t * gains.std().item() / len(gains) ** 0.5
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


@mistake(GAIN, hint="rounded")
def rounded_to_three(plain, other, shift, t):
    gains = (other[:, : plain.shape[1] - shift] - plain[:, shift:]).mean(1)
    mean, reach = gains.mean().item(), t * gains.std().item() / len(gains) ** 0.5
    return {"mean": round(mean, 3), "low": round(mean - reach, 3), "high": round(mean + reach, 3)}
