"""A fresh project in a temporary folder with `qsup run` in it, as its users start it, and nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

REPOSITORY = Path(__file__).resolve().parents[2]
MARK = "HOTSPOT_DEMO"
"""An environment variable that everything started here inherits: how left-over processes are recognised."""


class ProjectFailed(Exception):
    """`qsup run` did not do what the demo needs; the message holds the end of its output."""


class Project:
    """`with Project(env) as project:` runs until the end of the block; then `left_running` says what survived it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.mark = secrets.token_hex(8)
        foreign = ("QSUP_", "PG", "DATABASE_URL")
        own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self.env = {**own, **env, MARK: self.mark}
        self.left_running: list[str] = []
        self.folder = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="qsup-demo-")).resolve()
        try:
            # As root the database runs as another account, which has to get into the folder.
            self.folder.chmod(0o755)
            shutil.copy(REPOSITORY / "queues.yaml", self.folder)
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPOSITORY / "handlers", self.folder / "handlers", ignore=ignored)
            with (self.folder / "run.log").open("wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "qsup", "run"],
                    cwd=self.folder,
                    env=self.env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clean_up()

    def wait_for_database(self, seconds: float) -> str:
        """The DSN of its database, once that is up. Raises ProjectFailed."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            # `db status` looks and starts nothing: the server is to be the one of `qsup run`.
            status = self._ask("db", "status")
            if status.get("state") == "up":
                return str(status["dsn"])
            self.check()
            time.sleep(0.1)
        raise ProjectFailed(f"qsup run had no database after {seconds:g} s:\n{self.log()}")

    def check(self) -> None:
        """Raise ProjectFailed when `qsup run` has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise ProjectFailed(f"qsup run ended with exit code {self._process.returncode}:\n{self.log()}")

    def log(self) -> str:
        """The last lines of what `qsup run` has said."""
        with contextlib.suppress(OSError):
            return "\n".join((self.folder / "run.log").read_text(errors="replace").splitlines()[-30:])
        return ""

    def _ask(self, *command: str) -> dict[str, Any]:
        answer = subprocess.run(  # noqa: S603  our own program with fixed words
            [sys.executable, "-m", "qsup", *command, "--json"],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            check=False,
            timeout=30,
        )
        with contextlib.suppress(ValueError):
            return dict(json.loads(answer.stdout))
        return {}

    def _clean_up(self) -> None:
        # A second Ctrl-C would leave behind what the first one asked to end; each step below ends by itself.
        before = [(number, signal.signal(number, signal.SIG_IGN)) for number in (signal.SIGINT, signal.SIGTERM)]
        try:
            self._end_all()
        finally:
            for number, action in before:
                signal.signal(number, action)

    def _end_all(self) -> None:
        if self._process is not None:
            self._stop(self._process)
        self.left_running = self._survivors()
        if self.left_running:
            self._kill_survivors()
        moved = self.folder / ".qsup" / "pg.location"
        if moved.exists():
            shutil.rmtree(moved.read_text().strip(), ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _survivors(self) -> list[str]:
        """What still runs half a second after the end: a reaped process needs a moment to leave the table."""
        deadline = time.monotonic() + 0.5
        while (found := self._ours()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return [f"{pid} {name}" for pid, name in found]

    def _ours(self) -> list[tuple[int, str]]:
        session = self._process.pid if self._process else -1
        marks = (f"{MARK}={self.mark}".encode(), os.fsencode(self.folder))
        return [(pid, name) for pid, name in _processes() if _is_ours(pid, session, marks)]

    def _kill_survivors(self) -> None:
        for pid, _ in self._ours():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _processes() -> list[tuple[int, str]]:
    """Every process but this one and those that are dead and only not yet reaped."""
    command = ["ps", "-A", "-o", "pid=,stat=,comm="]
    if Path("/proc/self/stat").exists():
        rows = [_from_proc(path) for path in Path("/proc").iterdir() if path.name.isdigit()]
    else:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  fixed words
        rows = [line.split(None, 2) for line in answer.stdout.splitlines()]
    return [
        (int(row[0]), row[2]) for row in rows if len(row) == 3 and row[1][0] not in "ZX" and int(row[0]) != os.getpid()
    ]


def _from_proc(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        name, _, rest = (path / "stat").read_text(errors="replace").partition("(")[2].rpartition(")")
        return [path.name, rest.split()[0], name]
    return []


def _is_ours(pid: int, session: int, marks: tuple[bytes, bytes]) -> bool:
    """By session, by the inherited mark, or by a working directory in the folder (PostgreSQL's is its data)."""
    with contextlib.suppress(OSError):
        if os.getsid(pid) == session:
            return True
        place = Path("/proc") / str(pid)
        if marks[0] in (place / "environ").read_bytes().split(b"\0"):
            return True
        return os.fsencode(os.readlink(place / "cwd")).startswith(marks[1])
    return False
