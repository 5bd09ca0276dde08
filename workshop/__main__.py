"""Make a part of the workshop kit, from a clone: `python -m workshop --help`."""

import argparse
import sys
from pathlib import Path

from workshop import agendas, bundle, guides, handout, slides
from workshop.lessons import ROOT, Lesson, topics

OUT = ROOT / "_build" / "workshop"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m workshop", description="Make a part of the workshop kit.")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for what is made (default: _build/workshop)")
    commands = parser.add_subparsers(dest="command", required=True)
    guide = commands.add_parser("guide", help="a facilitator guide for a chapter, or for all")
    guide.add_argument("topic", nargs="*", help="PART/TOPIC; none: all chapters")
    agenda = commands.add_parser("agenda", help="timetable, pilot form and notebook of a plan, or of all")
    agenda.add_argument("name", nargs="*", help=f"{', '.join(agendas.names())}; none: all")
    deck = commands.add_parser("slides", help="reveal.js slides of a chapter, or of all, put into the built site at slides/")
    deck.add_argument("topic", nargs="*", help="PART/TOPIC; none: all chapters")
    commands.add_parser("handout", help="the course's two pictures on a sheet of A4")
    packed = commands.add_parser("bundle", help="a zip of site, notebooks and library for a room without a network")
    packed.add_argument("--solutions", action="store_true", help="although the site shows solutions")
    options = parser.parse_args(argv)
    try:
        for path in MAKERS[options.command](options):
            print(path)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def made_guides(options: argparse.Namespace) -> list[Path]:
    chosen = [Lesson(topic) for topic in options.topic or topics()]
    return [write(options.out / "guides" / f"{lesson.topic}.md", guides.guide(lesson)) for lesson in chosen]


def made_agendas(options: argparse.Namespace) -> list[Path]:
    paths = []
    for agenda in [agendas.load(name) for name in options.name or agendas.names()]:
        folder = options.out / "agendas" / agenda.name
        paths.append(write(folder / "timetable.md", agendas.timetable(agenda)))
        paths.append(write(folder / "pilot.md", agendas.pilot_form(agenda)))
        paths.append(write(folder / f"{agenda.name}.ipynb", agendas.as_text(agendas.notebook(agenda))))
    return paths


def made_slides(options: argparse.Namespace) -> list[Path]:
    return [slides.make(Lesson(topic)) for topic in options.topic or topics()]


def made_handout(options: argparse.Namespace) -> list[Path]:
    return [handout.make(options.out / "handout.pdf")]


def made_bundle(options: argparse.Namespace) -> list[Path]:
    return [bundle.make(options.out / "attribution_and_symmetry.zip", solutions=options.solutions)]


MAKERS = {
    "guide": made_guides,
    "agenda": made_agendas,
    "slides": made_slides,
    "handout": made_handout,
    "bundle": made_bundle,
}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf8")
    return path


if __name__ == "__main__":
    sys.exit(main())
