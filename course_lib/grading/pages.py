"""The pages of a run: a table for the teacher, a page of feedback for each student. Every text is escaped."""

import hashlib
import re
from dataclasses import asdict
from html import escape
from pathlib import Path

from course_lib.grading import stats
from course_lib.grading.rows import GRADED, Row, remarks

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  color: #222; background: #fff; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid #ccc; text-align: left; vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
caption { text-align: left; padding: .5rem 0; font-weight: 600; }
.scroll { overflow-x: auto; margin-top: 1rem; }
.full::after { content: " \\2713"; } .none { color: #666; } .look { font-weight: 600; }
h2 { font-size: 1.15rem; margin-top: 1.6rem; }
.hint { border-left: 4px solid #888; padding-left: .8rem; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #181818; } th, td { border-color: #444; } a { color: #8cf; } .none { color: #aaa; }
}
"""


def write(rows: list[Row], head: dict, folder: Path) -> None:
    """`index.html` and `feedback/*.html` in the folder of a run."""
    (folder / "feedback").mkdir(exist_ok=True)
    for old in (folder / "feedback").glob("*.html"):
        old.unlink()
    for row in rows:
        (folder / "feedback" / page_of(row)).write_text(feedback(row, head), encoding="utf8")
    (folder / "index.html").write_text(table(rows, head), encoding="utf8")


def page_of(row: Row) -> str:
    """The name of a feedback page: the student's, with something that keeps equal names apart."""
    plain = re.sub(r"[^\w-]+", "_", row.student)[:60].strip("_") or "student"
    return f"{plain}-{hashlib.sha256(row.file.encode()).hexdigest()[:8]}.html"


def table(rows: list[Row], head: dict) -> str:
    """The teacher's page."""
    exercises = head["exercises"]
    names = "".join(f'<th scope="col" class="n">{escape(exercise.rpartition("/")[2])}</th>' for exercise in exercises)
    body = "\n".join(_line(row, exercises) for row in rows)
    graded = sum(row.status == GRADED for row in rows)
    title = f"Grades: {head['notebook']}"
    return _page(
        title,
        f"""<h1>{escape(title)}</h1>
<p>{graded} of {len(rows)} submissions graded. Seed <code>{escape(head["seed"])}</code>, sandbox {escape(head["sandbox"])},
torch {escape(head["versions"]["torch"])}.
Remarks such as "the same as the published solution" are hints for you, not verdicts.</p>
<div class="scroll" tabindex="0"><table><caption>Points by exercise</caption><thead><tr><th scope="col">Student</th>
<th scope="col" class="n">Points</th>{names}<th scope="col">Remarks</th><th scope="col">File</th></tr></thead><tbody>
{body}
</tbody></table></div>
{_hardest(rows)}""",
    )


def _line(row: Row, exercises: list[str]) -> str:
    cells = []
    for exercise in exercises:
        result = row.exercises.get(exercise)
        if result is None:
            cells.append('<td class="n none">-</td>')
        else:
            kind = " full" if result["points"] == result["maximum"] else ""
            hint = escape("; ".join(result["messages"]), quote=True)
            cells.append(f'<td class="n{kind}" title="{hint}">{result["points"]}/{result["maximum"]}</td>')
    points = f"{row.points}/{row.maximum}" if row.status == GRADED else escape(row.status)
    return (
        f'<tr><th scope="row"><a href="feedback/{escape(page_of(row), quote=True)}">{escape(row.student)}</a></th>'
        f'<td class="n{"" if row.status == GRADED else " look"}">{points}</td>{"".join(cells)}<td>{escape(remarks(row))}</td>'
        f"<td>{escape(row.file)}</td></tr>"
    )


def _hardest(rows: list[Row]) -> str:
    found = stats.summaries([asdict(row) for row in rows])
    lines = []
    for one in sorted(found, key=lambda one: one.mean / max(one.maximum, 1)):
        hints = "; ".join(f"{count} &times; {escape(one.words.get(hint, hint))}" for hint, count in one.hints.most_common(3))
        name = escape(one.exercise.rpartition("/")[2])
        lines.append(f'<tr><th scope="row">{name}</th><td class="n">{one.mean:.1f}/{one.maximum}</td><td>{hints}</td></tr>')
    head = '<tr><th scope="col">Exercise</th><th scope="col" class="n">Mean</th><th scope="col">Most frequent hints</th></tr>'
    body = f"<thead>{head}</thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="scroll" tabindex="0"><table><caption>What to teach again</caption>{body}</table></div>'


def feedback(row: Row, head: dict) -> str:
    """A student's page: points and hints for each exercise, nothing about anybody else."""
    title = f"{head['notebook']}: {row.student}"
    if row.status != GRADED:
        return _page(title, f"<h1>{escape(title)}</h1><p>Not graded: {escape(row.note or row.status)}.</p>")
    parts = [f"<h1>{escape(title)}</h1>"]
    parts.append(f"<p><strong>{row.points} of {row.maximum} points</strong> for <code>{escape(row.file)}</code></p>")
    for exercise, result in row.exercises.items():
        parts.append(f"<h2>{escape(exercise.rpartition('/')[2])}: {result['points']}/{result['maximum']}</h2>")
        parts += [f'<p class="hint">{escape(text)}</p>' for text in result["messages"] if text]
        if result["points"] == result["maximum"]:
            parts.append("<p>Everything that was checked holds.</p>")
        if result["note"]:
            parts.append(f"<p>Note: {escape(result['note'])}.</p>")
    parts.append("<p>Grading draws fresh instances, so a hint may name other sizes than the check in your notebook did.</p>")
    return _page(title, "\n".join(parts))


def _page(title: str, body: str) -> str:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head += f"<title>{escape(title)}</title><style>{STYLE}</style>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body><main>\n{body}\n</main></body></html>\n'
