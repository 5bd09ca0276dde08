"""A claim of the ledger, found by its id and run again with all seeds moved."""

import subprocess
import sys

import pytest
import torch

from course_lib.claims import __main__ as command
from course_lib.claims import again
from course_lib.claims.equivariance import invariants
from course_lib.claims.symmetries import groups

DRAWS = "equivariance/invariants/as_many_tell_all_vectors_apart"
FIXED = "equivariance/invariants/dot_products_are_enough"


def draw(generator: torch.Generator | None = None) -> float:
    return torch.rand(1, generator=generator or torch.Generator().manual_seed(3)).item()


def test_seeds_move_within_the_block_only():
    before = draw()
    with again.other_seeds(0) as still:
        assert draw() == before
    with again.other_seeds(2) as draws:
        moved = draw()
        assert moved == draw(torch.Generator("cpu").manual_seed(3)) != before
    assert (still.seeded, draws.seeded) == (1, 2)
    assert draw() == before
    assert moved == draw(torch.Generator().manual_seed(3 + 2 * again.STEP))


def test_the_generator_comes_back_after_an_error():
    plain = torch.Generator
    with pytest.raises(RuntimeError, match="inside"), again.other_seeds(1):
        raise RuntimeError("inside")
    assert torch.Generator is plain


def test_no_shift_gives_the_records_of_the_book_and_a_shift_gives_others():
    with again.other_seeds(0):
        assert again.run(DRAWS) == [invariants.as_many_tell_all_vectors_apart()]
    with again.other_seeds(1) as draws:
        (moved,) = again.run(DRAWS)
    assert draws.seeded and moved.estimate != invariants.as_many_tell_all_vectors_apart().estimate
    assert moved.verdict == "not supported"


def test_all_variants_or_one():
    both = again.run(FIXED)
    assert [record.id.rsplit("/", 1)[1] for record in both] == ["O(3)", "SO(3)"]
    assert again.run(both[1].id) == [both[1]]


def test_a_claim_within_a_loop_is_found():
    ids = {f"{call.chapter}/{call.function}" for call in again.chapter_calls("symmetries/groups")}
    assert "symmetries/groups/random_pairs_generate" in ids
    assert all(callable(getattr(groups, name.rsplit("/", 1)[1])) for name in ids)


@pytest.mark.parametrize(
    "claim, said",
    [
        ("equivariance/invariants/nothing", "claim must be one of .*as_many_tell_all_vectors_apart.*; got 'equivariance/"),
        (DRAWS + "/variant", f"claim must be one of {DRAWS}; got"),
        ("equivariance/nowhere/x", "topic must be PART/TOPIC of a chapter in a clone .*, got 'equivariance/nowhere'"),
    ],
)
def test_an_unknown_claim_is_named(claim, said):
    with pytest.raises(ValueError, match=said):
        again.run(claim)


def test_the_command_lists_runs_and_refuses(capsys):
    assert command.main(["equivariance/invariants"]) == 0
    assert DRAWS in capsys.readouterr().out.splitlines()
    assert command.main([FIXED, "--shift", "1"]) == 0
    out = capsys.readouterr().out
    assert out.count("seeds + 1: ") == 2 and "No seed was set" in out
    assert command.main([DRAWS + "s", "--shift", "0"]) == 2 and command.main(["nowhere"]) == 2
    assert "no chapter begins with 'nowhere'" in capsys.readouterr().err


def test_several_shifts_each_in_its_own_process():
    words = [sys.executable, "-m", "course_lib.claims", DRAWS]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=again.ROOT)
    assert done.returncode == 0 and done.stderr == ""
    lines = [line for line in done.stdout.splitlines() if "seeds + " in line]
    assert [line.split(":")[0].strip() for line in lines] == ["seeds + 0", "seeds + 1"]
    assert lines[0].split("[")[0].split(":")[1] != lines[1].split("[")[0].split(":")[1]
