"""Somebody who gives commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests import forked

WHO = "ann@desk"


class Operator:
    """Calls `qsup` in a folder without a queues.yaml; all she has is the DSN."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "QSUP_DATABASE_URL": dsn, "QSUP_WHO": WHO}

    def calls(self, *words: str) -> subprocess.Popen[str]:
        """Begin a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "qsup", *words],
            cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def tries(self, *words: str) -> tuple[int, str]:
        """A command to its end: exit code and what it said."""
        done = forked.run(*words, cwd=self.folder, env=self.environment)
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        return done.returncode, said

    def says(self, *words: str) -> str:
        """A command that must succeed; what it said."""
        code, said = self.tries(*words)
        assert code == 0, f"qsup {' '.join(words)}: exit {code}\n{said}"
        return said

    def hears(self, *words: str) -> dict[str, Any]:
        """The same with --json."""
        told: dict[str, Any] = json.loads(self.says(*words, "--json"))
        return told
