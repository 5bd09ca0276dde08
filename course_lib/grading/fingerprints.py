"""Is this the published solution, with other names? A hint for the teacher, not a proof, and never a verdict."""

import io
import keyword
import tokenize

SHORTEST = 40  # signs; shorter answers agree by themselves
SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING, tokenize.ENDMARKER}


def fingerprint(source: str) -> tuple[str, ...]:
    """The signs of a cell without comments, docstrings and layout; names are numbered in order of appearance.

    >>> fingerprint("def f(a):\\n    return a + 1") == fingerprint("def g(b):  # mine\\n    '''Doc.'''\\n    return b + 1")
    True
    """
    signs: list[str] = []
    names: dict[str, str] = {}
    start, dotted = True, False
    try:
        for token in tokenize.generate_tokens(io.StringIO(source[:100_000]).readline):
            if token.type in SKIPPED:
                start = start or token.type == tokenize.NEWLINE
                continue
            if token.type in (tokenize.INDENT, tokenize.DEDENT):
                signs.append(tokenize.tok_name[token.type])
                continue
            if not (token.type == tokenize.STRING and start):  # a string alone on its line says nothing
                signs.append(_sign(token, names, dotted))
            start, dotted = False, token.string == "."
    except (tokenize.TokenError, IndentationError, SyntaxError):
        pass
    return tuple(signs)


def _sign(token: tokenize.TokenInfo, names: dict[str, str], dotted: bool) -> str:
    if token.type != tokenize.NAME or keyword.iskeyword(token.string) or dotted:
        return token.string
    return names.setdefault(token.string, f"name{len(names)}")


def same(source: str, other: str) -> bool:
    """Whether two cells are the same up to names, and long enough for that to mean something."""
    ours = fingerprint(source)
    return len(ours) >= SHORTEST and ours == fingerprint(other)
