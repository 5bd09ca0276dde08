"""Calling an answer: directly, or with its arguments and return value carried as plain data.

This file and `codec.py` are all that has to stand beside an answer when it runs somewhere else: `serve` is the far end.
"""

import inspect
import linecache
import traceback
from collections.abc import Callable, Iterable

from course_lib.checks.codec import decode, encode


class AnswerError(Exception):
    """The answer itself raised: what kind of error, its text, and where in the answer (all as plain text).

    `kinds` names the error's class and those it descends from: a subclass of `ValueError` is a `ValueError` as well.
    """

    def __init__(self, kind: str, message: str, place: str = "", kinds: Iterable[str] = ()) -> None:
        super().__init__(kind, message, place)
        self.kind, self.message, self.place = kind, message, place
        self.kinds = tuple(kinds) or (kind,)

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}" if self.message else self.kind


class Mutated(Exception):
    """The answer changed one of its arguments."""


class NotCarried(Exception):
    """The return value of the answer is none of the things that travel as plain data."""


def call(answer: Callable, args: tuple, kwargs: dict, written: bytes | None = None) -> object:
    """Call the answer; its errors become `AnswerError`, a changed argument `Mutated`.

    `written` are the bytes that the arguments were read from, where they were.
    """
    before = written or encode([args, kwargs])
    try:
        result = answer(*args, **kwargs)
    except (Exception, SystemExit) as error:
        kinds = [cls.__name__ for cls in type(error).__mro__ if issubclass(cls, BaseException)]
        raise AnswerError(kinds[0], str(error), _place(answer, error), kinds) from None
    try:
        after = encode([args, kwargs])
        unchanged = after == before or written is not None and after == encode(decode(written))
    except ValueError:  # for example a hook that was left behind
        unchanged = False
    if not unchanged:
        raise Mutated
    return result


def call_carried(answer: Callable, args: tuple, kwargs: dict) -> object:
    """The same call through bytes, as a grader in another process makes it."""
    return receive(serve(answer, encode([args, kwargs])))


def serve(answer: Callable, request: bytes) -> bytes:
    """The far end: decode the arguments, call the answer, encode what came of it."""
    args, kwargs = decode(request)
    try:
        result = call(answer, args, kwargs, request)
    except AnswerError as error:
        return encode({"error": [error.kind, error.message, error.place, list(error.kinds)]})
    except Mutated:
        return encode({"mutated": True})
    try:
        return encode({"result": result})
    except ValueError as error:
        return encode({"not carried": str(error)})


def receive(reply: bytes) -> object:
    """The near end of `serve`: the result, or the exception that `call` would have raised."""
    message = decode(reply)
    if "error" in message:
        raise AnswerError(*message["error"])
    if "mutated" in message:
        raise Mutated
    if "not carried" in message:
        raise NotCarried(message["not carried"])
    return message["result"]


def _place(answer: Callable, error: BaseException) -> str:
    """The deepest line of the traceback that belongs to the answer's own cell or file, or nothing."""
    code = getattr(inspect.unwrap(answer), "__code__", None)
    if code is None:  # an object with __call__, or a function of a library
        return ""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == code.co_filename]
    if not frames:
        return ""
    line = linecache.getline(frames[-1].filename, frames[-1].lineno).strip()
    return f"line {frames[-1].lineno}" + (f": {line}" if line else "")
