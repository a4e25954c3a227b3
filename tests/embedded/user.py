"""A process that uses the embedded server of `argv[1]`, for tests to talk to and to kill.

It prints one line of JSON when the server is up, then obeys lines: `stop` prints whether it stopped the server.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from qsup import embedded
from qsup.errors import QsupError


def main() -> None:
    try:
        server = embedded.ensure(Path(sys.argv[1]))
    except QsupError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return
    print(json.dumps({"started": server.started_here, "pid": server.pid, "dsn": server.dsn()}), flush=True)
    for line in sys.stdin:
        if line.strip() == "stop":
            print(json.dumps(server.stop_if_unused()), flush=True)


main()
