"""What a chapter's outputs depend on: its code, and the modules and data files of the library that it reaches.

The graph is read from the sources (nothing is imported): `import` statements anywhere in a file, names of modules
written as strings ("course_lib.claims.attribution.shapley" or "attribution/shapley" for a module loaded by its
address), and data files by name ("digits.npz", or "digits" alone).
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = "course_lib"


def code_cells(notebook: dict) -> list[str]:
    """The sources of the code cells of a notebook, as read by nbformat."""
    return [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]


def parse(source: str) -> ast.AST:
    """The syntax tree of Python source, IPython's `%` and `!` lines left out; an empty one if it is not Python."""
    lines = ("" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines())
    try:
        return ast.parse("\n".join(lines))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def base_of(node: ast.ImportFrom, package: str) -> str:
    """The module that `from X import ...` names, X being relative to `package` if it starts with dots."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join(parts[: len(parts) - node.level + 1] + ([node.module] if node.module else []))


def mentions(tree: ast.AST, package: str = "") -> Iterator[str]:
    """Every name that may be a module or a data file: imports in full, and the strings of the source."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = base_of(node, package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 200:
            yield node.value


class Library:
    """The files of the package in the folder `root`, and which of them reach which."""

    def __init__(self, root: Path, package: str = PACKAGE):
        self.root = Path(root)
        files = [path for path in sorted((self.root / package).rglob("*")) if path.is_file()]
        files = [path for path in files if "__pycache__" not in path.parts]
        self.modules = {self.name_of(path): path for path in files if path.suffix == ".py"}
        self.data: dict[str, list[Path]] = {}
        for path in files:
            if path.suffix != ".py":
                for name in (path.name, path.stem):
                    self.data.setdefault(name, []).append(path)
        self.direct: dict[Path, set[Path]] = {}

    def name_of(self, path: Path) -> str:
        """The dotted name of a module's file."""
        parts = path.relative_to(self.root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def find(self, mention: str) -> list[Path]:
        """The files that a mention stands for: a module and the packages around it, an address's modules, data."""
        if mention in self.modules:
            parts = mention.split(".")
            around = (".".join(parts[:n]) for n in range(1, len(parts) + 1))
            return [self.modules[name] for name in around if name in self.modules]
        if mention.count("/") == 1:
            tail = "." + mention.replace("/", ".")
            return [path for name in self.modules if name.endswith(tail) for path in self.find(name)]
        return self.data.get(mention, [])

    def direct_files(self, path: Path) -> set[Path]:
        """The files that a module names itself."""
        if path.suffix != ".py":
            return set()
        if path not in self.direct:
            name = self.name_of(path)
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            tree = parse(path.read_text(encoding="utf8"))
            self.direct[path] = {found for mention in mentions(tree, package) for found in self.find(mention)}
        return self.direct[path]

    def reached(self, sources: Iterable[str]) -> list[Path]:
        """Every file that these sources reach, through any number of modules, sorted."""
        todo = {found for source in sources for mention in mentions(parse(source)) for found in self.find(mention)}
        seen: set[Path] = set()
        while todo:
            path = todo.pop()
            seen.add(path)
            todo |= self.direct_files(path) - seen
        return sorted(seen)

    def key(self, sources: Iterable[str], *extra: str) -> str:
        """A hash of the sources, of all files that they reach, of the pinned packages and of `extra`."""
        sources = list(sources)
        digest = hashlib.sha256(repr([extra, sources]).encode())
        pinned = self.root / "constraints.txt"
        for path in self.reached(sources) + ([pinned] if pinned.exists() else []):
            digest.update(path.relative_to(self.root).as_posix().encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()
