"""Small wrong versions of a solution, made by changing one thing in its syntax tree.

A check that does not notice such a change tests less than it seems to. Docstrings, annotations, imports and defaults
are left alone. The key of a mutant is the changed line before and after, so that a catalogue can name it.
"""

import ast
import contextlib
import copy
import signal
from collections.abc import Iterator
from dataclasses import dataclass

BINARY = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.MatMult: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}  # fmt: skip
_PAIRS = [
    ("min", "max"), ("argmin", "argmax"), ("amin", "amax"), ("floor", "ceil"), ("any", "all"), ("zeros", "ones"),
    ("zeros_like", "ones_like"), ("sin", "cos"), ("sum", "mean"), ("exp", "expm1"), ("log", "log1p"),
    ("sqrt", "square"), ("var", "std"), ("cumsum", "cumprod"), ("triu", "tril"), ("maximum", "minimum"),
]  # fmt: skip
NAMES = {a: b for a, b in _PAIRS} | {b: a for a, b in _PAIRS}
LIBRARIES = {"torch", "math", "np", "numpy", "nn", "F", "itertools", "functools"}
PRECISION = {"dtype", "device"}  # a tolerance that is fair to float32 cannot see them go
CONVERSIONS = {"tolist", "item", "to", "int", "long", "float", "double", "contiguous", "detach", "cpu", "type_as"}
BLOCKS = ("body", "orelse", "finalbody")


@dataclass(frozen=True)
class Mutant:
    """A changed solution: its key `name: before => after`, and its source."""

    key: str
    source: str


def mutants(source: str, name: str) -> list[Mutant]:
    """Every mutant of a solution, each different from the solution and from the others."""
    original = ast.parse(source)
    found: dict[str, Mutant] = {}
    seen = {ast.unparse(original)}
    for index in range(len(_places(original))):
        for change in range(_choices(_places(original)[index])):
            tree = ast.parse(source)
            place = _places(tree)[index]
            before = _header(place.statement)
            after = _change(place, change)
            text = ast.unparse(ast.fix_missing_locations(tree))
            if text in seen:
                continue
            seen.add(text)
            key, copies = f"{name}: {before} => {after}", 1
            while key in found:
                copies += 1
                key = f"{name}: {before} => {after} ({copies})"
            found[key] = Mutant(key, text)
    return list(found.values())


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` inside the block after so many seconds of processor time: a mutant that loops is a mutant found.

    Not by the clock: on a busy machine a slow check would pass for a mutant that loops.
    """

    def stop(signum: int, frame: object) -> None:
        raise TimeoutError("took too long")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.05)  # again and again: an answer might catch the first one
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


# ---------------------------------------------------------------------------------------------------------- places


@dataclass
class _Place:
    """A node that can be changed, the statement it is part of, and the list that holds the statement."""

    node: ast.AST
    statement: ast.stmt
    block: list[ast.stmt]


def _places(tree: ast.Module) -> list[_Place]:
    places: list[_Place] = []
    _visit_block(tree.body, places)
    return places


def _visit_block(block: list[ast.stmt], places: list[_Place]) -> None:
    for statement in block:
        if isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass) or _is_docstring(statement):
            continue
        definition = isinstance(statement, ast.FunctionDef | ast.ClassDef)
        if not definition:
            places.append(_Place(statement, statement, block))
            for node in _own_nodes(statement):
                places.append(_Place(node, statement, block))
        for name in BLOCKS:
            _visit_block(getattr(statement, name, []), places)
        for handler in getattr(statement, "handlers", []):
            _visit_block(handler.body, places)


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The expressions of a statement itself, without those of the statements inside it and without annotations."""
    for name, value in ast.iter_fields(statement):
        if name in (*BLOCKS, "handlers", "annotation", "returns", "type_comment"):
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.AST):
                yield from ast.walk(item)


def _header(statement: ast.stmt) -> str:
    """The first line of a statement: `for i in range(n):` without its body."""
    shown = copy.deepcopy(statement)
    compound = False
    for name in BLOCKS:
        if getattr(shown, name, None):
            compound = True
            setattr(shown, name, [ast.Pass()] if name == "body" else [])
    text = ast.unparse(ast.fix_missing_locations(shown))
    return text.splitlines()[0] if compound else text


# --------------------------------------------------------------------------------------------------------- changes


def _choices(place: _Place) -> int:
    """How many ways there are to change the node."""
    return len(_options(place.node))


def _change(place: _Place, choice: int) -> str:
    """Make the change in the tree, and return the changed line."""
    if _options(place.node)[choice] == "drop":
        index = next(i for i, statement in enumerate(place.block) if statement is place.statement)
        place.block[index] = ast.Pass()
        return "pass"
    _apply(place.node, _options(place.node)[choice])
    return _header(place.statement)


def _options(node: ast.AST) -> list[object]:
    """Ways to change a node; each is understood by `_apply`."""
    match node:
        case ast.Return(value=value):
            return ["minus"] if value is not None else []
        case ast.Assign() | ast.AugAssign() | ast.Break() | ast.Continue() | ast.Raise() | ast.Expr():
            swap = ["swap"] if isinstance(node, ast.Break | ast.Continue) else []
            return ["drop", *swap, *(["operator"] if isinstance(node, ast.AugAssign) else [])]
        case ast.If():
            return ["drop", "negate"]
        case ast.IfExp() | ast.While():
            return ["negate"]
        case ast.For():
            return ["drop"]
        case ast.BinOp(op=op):
            return ["operator"] if type(op) in BINARY else []
        case ast.BoolOp():
            return ["operator"]
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert()):
            return ["operand"]
        case ast.Compare(ops=ops):
            return [(index, other) for index, op in enumerate(ops) for other in COMPARISONS[type(op)]]
        case ast.Constant(value=bool()):
            return ["flip"]
        case ast.Constant(value=int() | float()):
            return [+1, -1]
        case ast.Call(func=function, args=args, keywords=keywords):
            plain = not any(isinstance(arg, ast.Starred) for arg in args)
            options = [("arguments", index) for index in range(len(args) - 1) if plain]
            options += [("keyword", index) for index, word in enumerate(keywords) if word.arg not in PRECISION]
            return options + (["receiver"] if _is_method(function) else [])
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return ["name"] if name in NAMES and isinstance(node.ctx, ast.Load) else []
        case ast.comprehension(ifs=ifs):
            return [("filter", index) for index in range(len(ifs))]
    return []


def _is_method(function: ast.expr) -> bool:
    """Whether a called function is a method that does something, not `torch.linalg.norm`, and no mere conversion."""
    if not isinstance(function, ast.Attribute) or function.attr in CONVERSIONS:
        return False
    root = function.value
    while isinstance(root, ast.Attribute):
        root = root.value
    return not (isinstance(root, ast.Name) and root.id in LIBRARIES)


def _apply(node: ast.AST, option: object) -> None:
    match node, option:
        case ast.Return(), "minus":
            node.value = ast.UnaryOp(ast.USub(), node.value)
        case ((ast.Break() | ast.Continue()), "swap"):
            node.__class__ = ast.Continue if isinstance(node, ast.Break) else ast.Break
        case ((ast.If() | ast.IfExp() | ast.While()), "negate"):
            node.test = ast.UnaryOp(ast.Not(), node.test)
        case ast.BoolOp(), "operator":
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        case ((ast.BinOp() | ast.AugAssign()), "operator"):
            node.op = BINARY[type(node.op)]()
        case ast.UnaryOp(), "operand":
            node.op = ast.UAdd() if not isinstance(node.op, ast.Not) else ast.Not()
            node.operand = node.operand if isinstance(node.op, ast.UAdd) else ast.UnaryOp(ast.Not(), node.operand)
        case ast.Compare(), (index, other):
            node.ops[index] = other()
        case ast.Constant(), "flip":
            node.value = not node.value
        case ast.Constant(), int(step):
            node.value += step
        case ast.Call(), ("keyword", index):
            del node.keywords[index]
        case ast.Call(), "receiver":  # x.clone() becomes x
            receiver = node.func.value
            node.__class__, node.__dict__ = receiver.__class__, receiver.__dict__
        case ast.Call(), (_, index):
            node.args[index], node.args[index + 1] = node.args[index + 1], node.args[index]
        case ast.Name(), _:
            node.id = NAMES[node.id]
        case ast.Attribute(), _:
            node.attr = NAMES[node.attr]
        case ast.comprehension(), (_, index):
            del node.ifs[index]
