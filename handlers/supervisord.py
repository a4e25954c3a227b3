"""Telling supervisord to open its logs anew, where it is the one that writes them.

It must not rotate them itself then: `stdout_logfile_maxbytes=0`. Its own rotation knows no compression, and would
overwrite what was compressed.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from pathlib import Path

log = logging.getLogger(__name__)


def reopen_logs(pidfile: Path) -> bool:
    """Send SIGUSR2 to the supervisord of this pid file; whether it was sent. Never raises."""
    try:
        pid = int(pidfile.read_text().strip())
    except (OSError, ValueError) as error:
        log.warning("supervisord is not told to open its logs anew: %s has no pid (%s)", pidfile, type(error).__name__)
        return False
    # The signal ends almost every other program: a pid that somebody else has by now must not get it.
    if pid <= 1 or "supervisord" not in _command(pid):
        log.warning("supervisord is not told to open its logs anew: pid %d of %s is not supervisord", pid, pidfile)
        return False
    try:
        os.kill(pid, signal.SIGUSR2)
    except OSError as error:
        log.warning("supervisord (pid %d) is not told to open its logs anew: %s", pid, error.strerror)
        return False
    return True


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        command = ["ps", "-o", "command=", "-p", str(pid)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  fixed words, a number
        return answer.stdout
