"""`python -m qsup.courier`: the supervisor's, with its channel in QSUP_CHANNEL and the project in QSUP_RUN."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
from pathlib import Path

from qsup.channel import Channel, inherited
from qsup.courier.control import Control
from qsup.rundir import RunDirectory


def live(channel: Channel) -> int:
    """Be the courier of the process at the other end; 1 when another one already serves this project."""
    run = RunDirectory(Path(os.environ["QSUP_RUN"]))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        # The terminal's and the service manager's signals are the supervisor's business; it tells us.
        signal.signal(number, signal.SIG_IGN)
    # A first one is forked before its supervisor knows that it will be wanted, and that an old one has gone.
    select.select([channel], [], [])
    try:
        if not _alone(run):
            print("qsup: another courier serves this project", file=sys.stderr)
            return 1
        control = Control(channel, run)
    except (OSError, ValueError) as error:
        # The supervisor starts another one, later and later, until the directory can be used again.
        print(f"qsup: the courier cannot use {run.path}: {error}", file=sys.stderr)
        return 1
    control.run()
    return 0


def _alone(run: RunDirectory) -> bool:
    descriptor = os.open(run.courier_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except PermissionError:
        return False
    return True


def main() -> int:
    """`python -m qsup.courier`."""
    return live(inherited())


if __name__ == "__main__":
    sys.exit(main())
