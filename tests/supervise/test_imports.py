"""Until it forks its first children the supervisor loads nothing that belongs to other processes."""

from __future__ import annotations

import subprocess
import sys

FOREIGN = (
    "psycopg",
    "handlers",
    "qsup.store",
    "qsup.perform",
    "qsup.worker",
    "qsup.courier",
    "qsup.connect",
    "qsup.migrate",
)


def test_the_supervisor_loads_nothing_that_can_hang_or_fail_in_its_place() -> None:
    code = "import sys, qsup.supervise.__main__; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "qsup.supervise.supervisor" in loaded
    assert not [name for name in loaded if name.startswith(FOREIGN)]
