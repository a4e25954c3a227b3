"""`python -m tests.chaos --seed N --minutes M --jobs J [--json]`: exit 1 when a rule was broken."""

from __future__ import annotations

import argparse
import json
import random
import sys

from tests.chaos.report import Report
from tests.chaos.run import play


def main() -> int:
    """Play one run and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Put qsup through random disasters.")
    parser.add_argument("--seed", type=int, help="what decides everything that can be decided; random when left out")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long accidents happen (default: 1)")
    parser.add_argument("--jobs", type=int, default=10_000, help="how many jobs are ordered (default: 10,000)")
    parser.add_argument("--json", action="store_true", help="the report as JSON on stdout")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1_000_000)
    # First of all: whatever comes, the run can be repeated.
    print(f"seed {seed}", file=sys.stderr if asked.json else sys.stdout, flush=True)
    report = Report(seed=seed, jobs=asked.jobs, minutes=asked.minutes)
    try:
        play(report)
    except KeyboardInterrupt:
        print(f"interrupted: its processes are ended, its folder is kept: {report.folder}", file=sys.stderr)
        return 130
    print(json.dumps(report.to_dict(), indent=1) if asked.json else report.text(), flush=True)
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
