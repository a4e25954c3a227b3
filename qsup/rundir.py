"""Where a project keeps what it needs while it runs: `.qsup/` beside queues.yaml, and names for what lies in it.

`.qsup/` has mode 0700 and ignores itself for git. A socket's path may not exceed what sockaddr_un holds (107 usable
bytes on Linux, 103 on macOS: measured); a project that lies too deep gets its sockets in XDG_RUNTIME_DIR or /tmp.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from qsup.errors import QsupError

SOCKET_PATH_LIMIT = 103
FILES = {
    "run_lock": "run.lock",
    "slot_lock": "slots.lock",
    "courier_lock": "courier.lock",
    "database_lock": "database.lock",
    "board": "board",
    "state": "state.json",
}


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The folder `.qsup/run` of one project, and what lies in it."""

    path: Path
    run_lock: Path = field(init=False)
    """flock'd by the supervisor alone; holds its pid for people."""
    slot_lock: Path = field(init=False)
    """Byte n is fcntl-locked by the worker that owns record n of the board, until it dies."""
    courier_lock: Path = field(init=False)
    """fcntl-locked by the courier."""
    database_lock: Path = field(init=False)
    """fcntl-locked by the database child of the supervisor that lives."""
    board: Path = field(init=False)
    """The board of qsup.board."""
    state: Path = field(init=False)
    """JSON written by the supervisor at every change: what `qsup status` shows beside the board."""

    def __post_init__(self) -> None:
        for name, file in FILES.items():
            object.__setattr__(self, name, self.path / file)

    @property
    def courier_socket(self) -> Path:
        """Where workers find the courier."""
        return socket_directory(self.path) / "courier.sock"


def run_directory(config_file: Path) -> RunDirectory:
    """The run directory of the project of this queues.yaml, made if it is missing.

    Raises QsupError when it cannot be made.
    """
    home = config_file.resolve().parent / ".qsup"
    try:
        private_directory(home)
        private_directory(home / "run")
        ignore = home / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise QsupError(f"cannot make {home}: {error.strerror}", hint="qsup keeps its locks there.") from None
    return RunDirectory(home / "run")


def socket_directory(directory: Path, longest: str = "courier.sock") -> Path:
    """`directory` itself, or a private short one if a socket named `longest` in it would have too long a path."""
    if len(os.fsencode(directory / longest)) <= SOCKET_PATH_LIMIT:
        return directory
    root = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
    short = root / f"qsup-{os.getuid()}-{digest}"
    private_directory(short)
    return short


def private_directory(path: Path) -> None:
    """Make `path` with mode 0700, or see that it is a directory of ours. Raises PermissionError when it is not."""
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(13, f"{path} is not a directory of this user")


def is_gone(folder: Path) -> bool:
    """Whether the folder is certainly not there: what cannot be asked at the moment may be."""
    try:
        folder.stat()
    except FileNotFoundError:
        return True
    except OSError:
        pass
    return False
