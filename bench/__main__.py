"""`python -m bench [NAME …] [--quick | --smoke] [--rounds N] [--json] [--write]`."""

from __future__ import annotations

import argparse
import json
import signal
import sys

from bench import machine, measures, page, record, running, tables
from bench.arena import FULL, QUICK, ROOT, SMOKE, Arena
from bench.figures import Figure
from bench.measures.measure import Measure
from bench.peers import environment

PAGE = ROOT / "docs" / "performance.md"
FOLDER = ROOT / "docs" / "performance"
FIGURES = FOLDER / "figures.json"


def main() -> int:
    """Measure what is asked for and say what was found. Exit 1: one failed, 2: asked wrongly, 130: interrupted."""
    asked = arguments().parse_args()
    unknown = set(asked.names) - set(measures.NAMES)
    if unknown:
        print(f"no such measure: {', '.join(sorted(unknown))}; there are {', '.join(measures.NAMES)}", file=sys.stderr)
        return 2
    usual = measures.SMOKE if asked.smoke else measures.QUICK if asked.quick else measures.NAMES
    chosen = [measures.load(name) for name in asked.names or usual]
    # A polite end removes database, folder and processes as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    figures: list[Figure] = []
    failed: list[str] = []
    try:
        found, left_out = measured(asked, chosen, figures, failed)
    except KeyboardInterrupt:
        print("\n".join(told(chosen, figures)), "interrupted: this was measured until then", sep="\n")
        return 130
    print(
        json.dumps(record.plain(figures), indent=1, allow_nan=False)
        if asked.json
        else "\n".join(told(chosen, figures) + left_out)
    )
    if asked.write and not failed:
        keep(chosen, figures, found, left_out)
    if failed:
        print(f"failed: {'; '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def measured(
    asked: argparse.Namespace, chosen: list[Measure], figures: list[Figure], failed: list[str]
) -> tuple[dict[str, str], list[str]]:
    """Fill `figures` and `failed`; returns what is to be said of the machine, and of peers that are left out."""
    scale = SMOKE if asked.smoke else QUICK if asked.quick else FULL
    failures = {} if asked.smoke else environment.install()
    peers = frozenset() if asked.smoke else frozenset(environment.REQUIREMENTS) - failures.keys()
    with Arena(scale, peers) as arena:
        found = machine.facts(arena)
        for figure in running.play(arena, chosen, asked.rounds or scale.rounds, failed):
            figures.append(figure)
    return found, [*([] if asked.smoke else environment.left_out(failures)), *dict.fromkeys(arena.remarks)]


def told(chosen: list[Measure], figures: list[Figure]) -> list[str]:
    """Tables and targets of the measures."""
    lines = []
    for measure in chosen:
        own = [figure for figure in figures if figure.measure == measure.name]
        must = tables.targets(measure, own)
        lines += [f"## {measure.title}", "", *tables.table(own), "", *([*tables.HEAD, *must, ""] if must else [])]
    return lines


def keep(chosen: list[Measure], figures: list[Figure], found: dict[str, str], left_out: list[str]) -> None:
    """Write the figures of these measures to docs/, and the page anew."""
    runs = record.read(FIGURES)
    for measure in chosen:
        own = tuple(figure for figure in figures if figure.measure == measure.name)
        runs[measure.name] = record.Run(found, own, tuple(left_out))
    record.write(FIGURES, runs)
    page.write(PAGE, FOLDER, runs)


def arguments() -> argparse.ArgumentParser:
    """What may be asked."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="qsup beside the raw limits and its peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"measures: {', '.join(measures.NAMES)}")
    parser.add_argument("--quick", action="store_true", help="one short round of each")
    parser.add_argument("--smoke", action="store_true", help="tiny counts and no peers: only to see that it works")
    parser.add_argument("--rounds", type=int, help="how many rounds (default: 5; quick: 1)")
    parser.add_argument("--json", action="store_true", help="every figure as JSON on stdout")
    parser.add_argument("--write", action="store_true", help="write the result to docs/performance.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
