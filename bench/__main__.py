"""`python -m bench [NAME …] [--quick] [--smoke] [--rounds N] [--json]`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict

from bench import measures, running, tables
from bench.arena import FULL, QUICK, SMOKE, Arena
from bench.figures import Figure
from bench.measures.measure import Measure


def main() -> int:
    """Measure what is asked for and say what was found. Exit 1: a measure failed, 2: asked wrongly."""
    asked = arguments().parse_args()
    unknown = set(asked.names) - set(measures.NAMES)
    if unknown:
        print(f"no such measure: {', '.join(sorted(unknown))}; there are {', '.join(measures.NAMES)}", file=sys.stderr)
        return 2
    scale = SMOKE if asked.smoke else QUICK if asked.quick else FULL
    chosen = [measures.load(name) for name in asked.names or measures.NAMES]
    # A polite end removes database, folder and processes as well.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    figures: list[Figure] = []
    failed: list[str] = []
    try:
        with Arena(scale) as arena:
            for figure in running.play(arena, chosen, asked.rounds or scale.rounds, failed):
                figures.append(figure)
    except KeyboardInterrupt:
        print("interrupted: what was measured until now follows", file=sys.stderr)
    if asked.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=1))
    else:
        print("\n".join(line for measure in chosen for line in section(measure, figures)))
    if failed:
        print(f"failed: {'; '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def arguments() -> argparse.ArgumentParser:
    """What may be asked."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="qsup beside the raw limits and its peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"measures: {', '.join(measures.NAMES)}")
    parser.add_argument("--quick", action="store_true", help="one short round of each")
    parser.add_argument("--smoke", action="store_true", help="tiny counts and no peers: only to see that it works")
    parser.add_argument("--rounds", type=int, help="how many rounds (default: 5; quick: 1)")
    parser.add_argument("--json", action="store_true", help="every figure as JSON on stdout")
    return parser


def section(measure: Measure, figures: list[Figure]) -> list[str]:
    """A measure's table and targets."""
    own = [figure for figure in figures if figure.measure == measure.name]
    if not own:
        return [f"## {measure.title}", "", "nothing was measured", ""]
    must = tables.targets(measure, own)
    return [f"## {measure.title}", "", *tables.table(own), "", *([*tables.HEAD, *must, ""] if must else [])]


if __name__ == "__main__":
    sys.exit(main())
