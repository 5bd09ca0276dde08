"""A claim, run again with other random draws: would the verdict have been the same?

A claim's experiment draws from generators with fixed seeds, so the book shows one possible outcome of many. Here every seed is
moved by the same large step, and the same cell of the chapter is run again. What stays: the data and their splits, the stored
networks, and grids of long runs that were stored; a claim that reads only those comes out the same, and the report says so.
Chapters: the ledger (`python -m course_lib.claims`).
"""

import ast
import contextlib
import importlib
import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch

from course_lib.claims.core import Record

ROOT = Path(__file__).parents[2]
STEP = 1_000_003  # seeds within one experiment lie closer than that, so moved ones never meet them


@dataclass
class Draws:
    """How many generators were seeded while seeds were moved."""

    seeded: int = 0


@contextlib.contextmanager
def other_seeds(shift: int) -> Iterator[Draws]:
    """Within the block a new `torch.Generator().manual_seed(s)` is seeded with `s + shift * 1000003`; 0 moves nothing.

    Yields a count of the seeds that were set. Generators made before the block keep their state, and `random_state` of
    scikit-learn is not touched.

    >>> with other_seeds(0): a = torch.rand(1, generator=torch.Generator().manual_seed(0))
    >>> with other_seeds(1): b = torch.rand(1, generator=torch.Generator().manual_seed(0))
    >>> bool(a == torch.rand(1, generator=torch.Generator().manual_seed(0))), bool(a == b)
    (True, False)
    """
    plain, draws = torch.Generator, Draws()

    class Moved(plain):
        def manual_seed(self, seed: int) -> "Moved":
            draws.seeded += 1
            super().manual_seed(seed + shift * STEP)
            return self

    torch.Generator = Moved
    try:
        yield draws
    finally:
        torch.Generator = plain


@dataclass(frozen=True)
class Call:
    """Where a chapter puts a claim to the test: the statement, the names it needs, and the claim's function."""

    chapter: str
    function: str
    statement: str
    imports: tuple[str, ...]


def chapter_calls(topic: str) -> list[Call]:
    """Every statement of `chapters/<topic>.ipynb` that runs a claim, in the order of the chapter.

    Raises ValueError if there is no such chapter: this needs a clone, since chapters are not part of the installed library.
    """
    path = ROOT / "chapters" / f"{topic}.ipynb"
    if not path.exists():
        raise ValueError(f"topic must be PART/TOPIC of a chapter in a clone of the course, got {topic!r}")
    cells = json.loads(path.read_text(encoding="utf8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code" and "setup" not in cell["metadata"].get("tags", [])]
    statements = [part for cell in code for part in ast.parse("".join(cell["source"])).body]
    imports = [part for part in statements if isinstance(part, ast.Import | ast.ImportFrom)]
    known = {name: _imported(part, name) for part in imports for name in _names(part)}
    text = tuple(ast.unparse(part) for part in imports)
    return [
        Call(topic, function, ast.unparse(part), text)
        for part in statements
        if not isinstance(part, ast.FunctionDef)
        for function in _claims_in(part, known)
    ]


def run(claim: str) -> list[Record]:
    """The records of `claim` (an id, or its first three parts for all variants), by running its statement of the chapter.

    Raises ValueError if the chapter tests no such claim.
    """
    topic, function = "/".join(claim.split("/")[:2]), (claim.split("/") + [""] * 3)[2]
    records: dict[str, Record] = {}
    for call in chapter_calls(topic):
        if call.function == function:
            records |= {record.id: record for record in _executed(call)}
    found = [record for id, record in records.items() if f"{id}/".startswith(f"{claim.rstrip('/')}/")]
    if not found:
        known = sorted({f"{topic}/{call.function}" for call in chapter_calls(topic)})
        raise ValueError(f"claim must be one of {', '.join(sorted(records) or known)}; got {claim!r}")
    return found


def _executed(call: Call) -> list[Record]:
    """Run the statement with the chapter's imports; other claims that stand in it are left out."""
    scope: dict = {}
    for line in call.imports:
        exec(line, scope)
    found: list[Record] = []
    for name, value in list(scope.items()):
        if isinstance(value, ModuleType) and value.__name__.startswith("course_lib.claims."):
            scope[name] = _only(value, call.function, found)
        elif _is_claim(value):
            scope[name] = _kept(value, found) if name == call.function else _nothing
    scope |= {"display": lambda *_: None, "print": lambda *_, **__: None}
    exec(call.statement, scope)
    return found


def _only(module: ModuleType, function: str, found: list[Record]) -> ModuleType:
    copy = ModuleType(module.__name__)
    copy.__dict__.update({name: _nothing if _is_claim(value) else value for name, value in vars(module).items()})
    setattr(copy, function, _kept(getattr(module, function), found))
    return copy


def _kept(claim: Callable, found: list[Record]) -> Callable:
    def kept(*args, **kwargs) -> Record:
        found.append(claim(*args, **kwargs))
        return found[-1]

    return kept


def _nothing(*_, **__) -> None:
    return None


def _is_claim(value: object) -> bool:
    return inspect.isfunction(value) and "Record" in str(inspect.signature(value).return_annotation)


def _names(part: ast.stmt) -> list[str]:
    return [alias.asname or alias.name for alias in part.names]


def _imported(part: ast.stmt, name: str) -> object:
    """What a chapter's name stands for, if it comes from the claims; otherwise nothing."""
    if not isinstance(part, ast.ImportFrom) or not (part.module or "").startswith("course_lib.claims"):
        return None
    real = next(alias.name for alias in part.names if name == (alias.asname or alias.name))
    module = importlib.import_module(part.module)
    return getattr(module, real) if hasattr(module, real) else importlib.import_module(f"{part.module}.{real}")


def _claims_in(part: ast.stmt, known: dict[str, object]) -> list[str]:
    found = []
    for node in ast.walk(part):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            value, name = getattr(known.get(node.func.value.id), node.func.attr, None), node.func.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            value, name = known.get(node.func.id), node.func.id
        else:
            continue
        if _is_claim(value) and name not in found:
            found.append(name)
    return found
