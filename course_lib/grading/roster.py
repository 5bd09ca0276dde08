"""Filling a column of a grade book that a learning platform exported: its own columns stay as they are."""

import csv
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.grading.rows import GRADED, Row


@dataclass
class Book:
    """An exported grade book: column names and rows, and remarks on what could not be filled."""

    columns: list[str]
    rows: list[dict[str, str]]
    dialect: type[csv.Dialect] | csv.Dialect
    remarks: list[str] = field(default_factory=list)


def read(path: Path) -> Book:
    """Read a CSV as a platform exports it; raises `ValueError` if it has no table."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the roster {path} could not be read: {error}") from None
    try:
        dialect = csv.Sniffer().sniff(text[:4000], ",;\t")
    except csv.Error:
        dialect = csv.excel
    table = csv.DictReader(text.splitlines(), dialect=dialect)
    rows = [{key: value or "" for key, value in row.items() if key is not None} for row in table]
    if not table.fieldnames or not rows:
        raise ValueError(f"the roster {path} has no rows below a line of column names")
    return Book(list(table.fieldnames), rows, dialect)


def fill(book: Book, rows: list[Row], column: str, match: str = "") -> Book:
    """A copy with the points of each student in `column`, which is added if the book has none of that name.

    Students are found in the column `match`, or in the one that fits most of them. Case, blanks and signs do not count:
    Canvas writes `Doe, Jane` in the book and `doejane` in the names of files. Raises `ValueError` if nobody is found.
    """
    graded = [row for row in rows if row.status == GRADED]
    if match and match not in book.columns:
        raise ValueError(f"the roster has no column {match!r}, its columns are {', '.join(book.columns)}")
    best = match or max(book.columns, key=lambda name: len(_index(book, name).keys() & {_key(row.student) for row in graded}))
    places = _index(book, best)
    filled = Book(
        [*book.columns, *([column] if column not in book.columns else [])], [dict(row) for row in book.rows], book.dialect
    )
    found = 0
    for row in graded:
        where = places.get(_key(row.student), [])
        if len(where) == 1:
            filled.rows[where[0]][column] = str(row.points)
            found += 1
        else:
            filled.remarks.append(f"roster: {row.student} {'fits several rows' if where else 'is not in it'}")
    if graded and not found:
        raise ValueError(f"no student was found in the roster's column {best!r}: name another with --match, or use --student")
    filled.remarks.append(f"roster: {found} students filled in, matched by {best!r}")
    return filled


def write(book: Book, path: Path) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, book.columns, dialect=book.dialect, restval="", extrasaction="ignore")
        table.writeheader()
        table.writerows(book.rows)
    os.replace(temporary, path)


def _index(book: Book, column: str) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for number, row in enumerate(book.rows):
        if _key(row.get(column, "")):
            places.setdefault(_key(row[column]), []).append(number)
    return places


def _key(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()
