"""Hooks in exercises: those that an answer leaves, those of others that it takes away, and errors that it hides.

An answer may set hooks on a model, and must take away its own and no other, also when a run fails. `foreign_hooks` puts a
hook of somebody else on every module. It changes nothing, and it is no part of the model as plain data, so that the
arguments still travel: only in the same process can it be seen to be gone.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn

from course_lib.checks.answers import AnswerError, Mutated
from course_lib.checks.returns import Wrong

FOREIGN = -1  # PyTorch counts its hooks from 0


class _Hooks(OrderedDict):
    """Hooks of a module, one of which is somebody else's and does not count in the length."""

    def __len__(self) -> int:
        return super().__len__() - (FOREIGN in self)


def _nothing(*_arguments: object) -> None:
    """A hook that only looks."""


@contextmanager
def foreign_hooks(model: nn.Module) -> Iterator[Callable[[], bool]]:
    """While open, every module carries a forward hook and a pre-hook of somebody else; yields whether all are in place."""
    planted = []
    for module in model.modules():
        for name in ("_forward_hooks", "_forward_pre_hooks"):
            hooks = _Hooks({FOREIGN: _nothing})
            planted.append((module, name, hooks, getattr(module, name)))
            setattr(module, name, hooks)
    try:
        yield lambda: all(getattr(module, name) is hooks and FOREIGN in hooks for module, name, hooks, _ in planted)
    finally:
        for module, name, _, before in planted:
            setattr(module, name, before)


def left(model: nn.Module) -> bool:
    """Whether any module has a hook (the one of `foreign_hooks` does not count)."""
    return any(len(part._forward_hooks) or len(part._forward_pre_hooks) for part in model.modules())


def keeps_order(answer: Callable, model: nn.Module, right: tuple, failing: tuple) -> None:
    """An answer whose `right` arguments run and whose `failing` ones do not leaves the model's hooks as they were.

    Raises `Wrong` with the hint "foreign" if hooks of somebody else are gone, "swallowed" if the run that fails returns
    something, and "failure" if it leaves a hook.
    """
    with foreign_hooks(model) as untouched:
        try:
            answer(*right)
        except Mutated:  # a hook of its own that it left: another property says so
            pass
        if not untouched():
            raise Wrong("foreign")
    with foreign_hooks(model) as untouched:
        try:
            answer(*failing)
        except AnswerError:
            pass
        else:
            raise Wrong("swallowed")
        if not untouched():
            raise Wrong("foreign")
        if left(model):
            raise Wrong("failure")
