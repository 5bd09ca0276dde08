"""What `judge` and `check` do with answers of every kind, on an exercise made for the purpose."""

import sys

import pytest
import torch

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, check, close, core, judge
from course_lib.checks.answers import AnswerError, Mutated, call, call_carried
from course_lib.checks.instances import Instances
from course_lib.checks.returns import as_dict
from course_lib.models import MLP

ID = "demo/lines/slope"


@pytest.fixture(autouse=True)
def exercise(monkeypatch: pytest.MonkeyPatch) -> Exercise:
    """slope(x, y): the slope of the line through the origin; a second property for a list of names."""
    monkeypatch.setattr(core, "_EXERCISES", dict(core._EXERCISES))
    slope = Exercise(ID, hints={"inverse": "you divide x by y", "value": "not the slope", "offset": "shift first"})

    @slope.property(points=2)
    def recovers_the_slope(answer, random):
        x, a = random.away_from_zero(5), random.away_from_zero(1)
        got = as_tensor(answer(x, a * x), (1,))
        if not close(got, a):
            raise Wrong("inverse" if close(got, 1 / a) else "value", seen="5 points")

    @slope.property(points=1)
    def knows_noise(answer, random):
        x, y = random.normal(6), random.normal(6)
        if not close(as_tensor(answer(x, y), (1,)), ((x @ y) / (x @ x)).reshape(1)):
            raise Wrong("offset")

    return slope


def right(x, y):
    return ((x @ y) / (x @ x)).reshape(1)


def test_a_right_answer_gets_one_line(capsys):
    check(ID, right)
    assert capsys.readouterr().out == "slope: 3/3 points\n"
    assert judge(ID, right) == core.Verdict(ID, 3, 3)


def test_a_wrong_answer_gets_a_hint_and_no_number(capsys):
    check(ID, lambda x, y: 1 / right(x, y))
    assert capsys.readouterr().out == "slope: 0/3 points\n  hint: you divide x by y (seen with 5 points)\n"


def test_later_points_count_only_if_the_first_property_holds():
    calls = []

    def noisy(x, y):
        calls.append(len(x))
        return right(x, y) if len(x) == 6 else right(x, y) + 1

    assert judge(ID, noisy).points == 0
    assert calls == [5]


def test_partial_points():
    verdict = judge(ID, lambda x, y: y[:1] / x[:1])
    assert (verdict.points, verdict.hints, verdict.messages) == (2, ("offset",), ("shift first",))


@pytest.mark.parametrize(
    "answer, hint, message",
    [
        (lambda x, y: None, "none", "returns None"),
        (lambda x, y: [1.0], "type", "should return a tensor, not a list: `torch.tensor` makes it one"),
        (lambda x, y: [y[0] / x[0]], "type", "should return a tensor, not a list: `torch.stack` makes it one"),
        (lambda x, y: right(x, y).numpy(), "type", "should return a tensor, not a NumPy array: `torch.from_numpy`"),
        (lambda x, y: 1.0, "type", "should return a tensor, not a float"),
        (lambda x, y: torch.tensor([True]), "type", "real numbers, not of torch.bool"),
        (lambda x, y: x, "shape", r"shape (1,) here, not (5,)"),
        (lambda x, y: torch.tensor([torch.nan]), "nan", "not finite"),
        (lambda x, y: x.add_(1)[:1], "mutates", "changes its arguments"),
        (lambda x, y: {}["a"], "error", "KeyError: 'a', at line "),
        (lambda x: x, "error", "TypeError: "),
        (lambda x, y: sys.exit(3), "error", "SystemExit: 3"),
    ],
)
def test_answers_of_the_wrong_kind_get_a_clear_hint(answer, hint, message):
    verdict = judge(ID, answer)
    assert (verdict.points, verdict.hints) == (0, (hint,))
    assert message in verdict.messages[0]


def test_an_error_names_the_line_of_the_answer():
    def stops_inside_torch(x, y):
        return torch.linalg.inv(x)  # this very line

    assert judge(ID, stops_inside_torch).messages[0].endswith(": return torch.linalg.inv(x) # this very line")


def test_messages_are_one_printable_line_each():
    def stops(x, y):
        raise ValueError("two\nlines \x1b[31m and \ud800 slope: 3/3 points" + "x" * 1000)

    (message,) = judge(ID, stops).messages
    assert "\n" not in message and "\x1b" not in message and len(message) <= 400
    message.encode("utf8")


def test_an_unwritten_answer_says_so():
    def stub(x, y):
        raise NotImplementedError

    assert judge(ID, stub).messages == ("not written yet",)
    assert judge(ID, right(torch.ones(2), torch.ones(2))).hints == ("callable",)


def test_an_answer_that_leans_on_the_identity_of_its_arguments_loses_by_transport():
    seen = {}

    class Marked(torch.Tensor):
        """No plain tensor: it exists in this process only."""

    def remembers(x, y):
        seen.setdefault(x.data_ptr(), right(x, y))
        return right(x, y).as_subclass(Marked)

    verdict = judge(ID, remembers)
    assert (verdict.points, verdict.hints) == (0, ("transport",))


def test_the_lower_of_the_two_verdicts_counts():
    calls = []

    def worse_later(x, y):
        calls.append(1)
        return right(x, y) if len(calls) < 4 else right(x, y) + 1

    verdict = judge(ID, worse_later)
    assert (verdict.points, verdict.hints) == (2, ("transport",))


def test_an_error_crosses_as_text():
    with pytest.raises(AnswerError) as caught:
        call_carried(lambda x: x["b"], ({"a": 1},), {})
    assert (caught.value.kind, caught.value.message) == ("KeyError", "'b'")


@pytest.mark.parametrize("way", [call, call_carried])
def test_an_error_is_also_of_the_kinds_it_descends_from(way):
    class Impossible(ValueError):
        """An error of the student's own."""

    def refuses():
        raise Impossible("never")

    with pytest.raises(AnswerError) as caught:
        way(refuses, (), {})
    assert caught.value.kind == "Impossible"
    assert caught.value.kinds == ("Impossible", "ValueError", "Exception", "BaseException")
    assert str(caught.value) == "Impossible: never"
    assert AnswerError("KeyError", "").kinds == ("KeyError",) and str(AnswerError("KeyError", "")) == "KeyError"


def test_what_the_answer_prints_is_held_back(capsys):
    def chatty(x, y):
        print("working")
        print("careful", file=sys.stderr)
        return right(x, y)

    check(ID, chatty)
    assert capsys.readouterr() == ("slope: 3/3 points\n", "")
    check(ID, lambda x, y: print("here"))
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  hint: your function returns None: is there a `return` at the end?",
        "  printed: here",
    ]


def test_a_property_that_stops_costs_points_and_says_so(exercise):
    @exercise.property(points=1)
    def forgets_to_check(answer, random):
        assert answer(random.normal(3), random.normal(3)).name_of_the_answer

    verdict = judge(ID, right)
    assert (verdict.points, verdict.maximum, verdict.hints) == (3, 4, ("unusable",))


def test_an_unknown_exercise_names_the_nearest():
    with pytest.raises(ValueError, match="the nearest are .*attribution/shapley/exact_shapley"):
        judge("attribution/shaply/exact_shapely", right)
    with pytest.raises(ValueError, match="there is no exercise 'os/path/join'"):
        check("os/path/join", right)


def test_an_undeclared_hint_is_an_error_of_the_check(exercise):
    @exercise.property(points=1)
    def mistyped(answer, random):
        raise Wrong("invrse")

    with pytest.raises(LookupError, match="invrse"):
        judge(ID, right)


def test_an_address_must_be_complete():
    with pytest.raises(ValueError, match="PART/TOPIC/NAME"):
        Exercise("shapley/exact")


def test_numbers():
    for value in (1, 1.0, torch.tensor(1.0), torch.ones(3).numpy()[0]):
        assert as_number(value) == 1.0
    for value, hint in ((None, "none"), (True, "type"), ("1", "type"), (torch.ones(1), "shape"), (float("inf"), "nan")):
        with pytest.raises(Wrong) as caught:
            as_number(value)
        assert caught.value.hint == hint


@pytest.mark.parametrize(
    "value, sentence",
    [
        (torch.tensor(1.0).numpy(), "a tensor or a number, not a NumPy array without dimensions: `.item()` makes it"),
        (torch.ones(2).numpy(), "a tensor or a number, not a NumPy array"),
        ([1.0], "a tensor or a number, not a list"),
    ],
)
def test_what_is_no_number_is_named(value, sentence):
    with pytest.raises(Wrong) as caught:
        as_number(value)
    assert caught.value.hint == "type" and sentence in caught.value.text


@pytest.mark.parametrize(
    "value, end",
    [
        ((1, 2), '"a" and "b", not a tuple'),
        ({"a": 1}, '"a" and "b"; missing: "b"'),
        ({"a": 1, "b": 2, "c": 3}, '"a" and "b"; not asked for: "c"'),
        ({"b": 2, "c": 3, 4: 5}, '"a" and "b"; missing: "a", not asked for: "c" and "4"'),
    ],
)
def test_keys_too_many_or_too_few_are_named(value, end):
    with pytest.raises(Wrong) as caught:
        as_dict(value, ("a", "b"))
    assert (caught.value.hint, caught.value.text) == ("keys", f"return a dict with the keys {end}")


def test_a_dict_with_the_right_keys_passes():
    assert as_dict({"b": 1, "a": 2}, ("a", "b")) == {"b": 1, "a": 2}
    with pytest.raises(Wrong) as caught:
        as_dict(None, ("a",))
    assert caught.value.hint == "none"


def test_instances_depend_on_their_words_only():
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    first, again, other = (Instances(*words) for words in ((1, "a"), (1, "a"), (2, "a")))
    assert torch.equal(first.normal(3), again.normal(3))
    assert first.order(5) == again.order(5) and sorted(first.order(5)) == [0, 1, 2, 3, 4]
    assert not torch.equal(first.normal(3), other.normal(3))
    assert {first.integer(1, 2) for _ in range(50)} == {1, 2}
    assert first.away_from_zero(100).abs().min() >= 0.5
    assert torch.equal(torch.random.get_rng_state(), before)


def _drawn(random):
    x = random.normal(3)
    return {"x": x, "again": x, "model": MLP([2, 1], seed=random.seed())}


def test_what_is_built_once_is_handed_out_as_copies():
    first, again = (Instances(0, "once").once(_drawn) for _ in range(2))
    assert torch.equal(first["x"], again["x"]) and first["x"] is first["again"]
    first["x"].zero_()
    with torch.no_grad():
        first["model"].layers[0].weight.zero_()
    fresh, plain = Instances(0, "once").once(_drawn), _drawn(Instances(0, "once"))
    assert torch.equal(fresh["x"], plain["x"])
    assert torch.equal(fresh["model"].layers[0].weight, plain["model"].layers[0].weight)
    random, other = Instances(0, "once"), Instances(0, "once")
    random.once(_drawn), _drawn(other)
    assert random.seed() == other.seed()


def test_what_is_recalled_depends_on_place_state_and_words():
    calls = []

    def value(random, word):
        return random.recall(lambda: calls.append(word) or len(calls), word)

    assert value(Instances(0, "recall"), "a") == value(Instances(0, "recall"), "a") == 1
    assert value(Instances(0, "recall"), "b") == 2
    assert value(Instances(1, "recall"), "a") == 3
    random = Instances(0, "recall")
    random.seed()
    assert value(random, "a") == 4


def test_a_carried_answer_that_changes_an_argument_is_noticed():
    with pytest.raises(Mutated):
        call_carried(lambda x: x.zero_(), (torch.ones(2),), {})
    with pytest.raises(Mutated):
        call_carried(lambda model: model.requires_grad_(False) and 1, (MLP([2, 1], seed=0),), {})
    assert call_carried(lambda x, t: 1, (-0.0, (True, None, float("nan"), {"a": torch.ones(1)[:, None].T})), {}) == 1
