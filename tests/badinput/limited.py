"""Reads the files named in argv as the supervisor's child does, one after the other, with little memory and time.

Prints a line of JSON for each: its seconds, and its problems or null.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from qsup.check.load import load

MEMORY = 400 << 20
SECONDS = 120
"""Of processor time, for all of them."""


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    for name in sys.argv[1:]:
        begin = time.monotonic()
        loaded = load(Path(name), {"LOOP": "${LOOP}${LOOP}"})
        errors = [str(found) for found in loaded.problems if found.severity == "error"]
        print(json.dumps({"seconds": time.monotonic() - begin, "errors": None if loaded.routing else errors}))


main()
