"""Where the embedded server of a project keeps its files.

.qsup/pg/     data/  s/ (socket)  start.lock  users.lock  alive.lock  server.json  server.log
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qsup.embedded.account import Account, account_for, can_enter
from qsup.errors import QsupError
from qsup.rundir import SOCKET_PATH_LIMIT

PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
SYSTEM_STATE = Path("/var/lib/qsup")


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one server, and the account that owns it."""

    folder: Path
    account: Account

    @property
    def data(self) -> Path:
        """PGDATA; complete or absent."""
        return self.folder / "data"

    @property
    def start_lock(self) -> Path:
        """Held alone around initdb, start and stop."""
        return self.folder / "start.lock"

    @property
    def users_lock(self) -> Path:
        """Shared by every process that uses the server."""
        return self.folder / "users.lock"

    @property
    def alive_lock(self) -> Path:
        """Held by the postmaster and all its children, through a descriptor that they inherited."""
        return self.folder / "alive.lock"

    @property
    def log(self) -> Path:
        """What the server writes to stderr."""
        return self.folder / "server.log"

    @property
    def sockets(self) -> Path:
        """The directory of the server's socket: /tmp when the path is too long, or has a comma, which separates
        directories for postgres and hosts for libpq. Not XDG_RUNTIME_DIR: it goes at logout, the server does not."""
        inside = self.folder / "s"
        if len(os.fsencode(inside / SOCKET_NAME)) <= SOCKET_PATH_LIMIT and "," not in str(inside):
            return inside
        return Path("/tmp") / f"qsup-{self.account.uid}-{digest(self.folder)}-pg"  # noqa: S108  checked when made

    def has_own_sockets(self) -> bool:
        """Whether the socket's directory is the account's: in /tmp anybody could have made one of that name."""
        try:
            found = self.sockets.lstat()
        except OSError:
            return False
        return stat.S_ISDIR(found.st_mode) and found.st_uid == self.account.uid

    def facts(self) -> dict[str, Any]:
        """What the process that started the server wrote down: pid, version, origin."""
        try:
            found = json.loads((self.folder / "server.json").read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_facts(self, facts: dict[str, Any]) -> None:
        """Replace server.json at once."""
        fresh = self.folder / "server.json.new"
        fresh.write_text(json.dumps(facts) + "\n")
        if self.account.owner is not None:
            os.chown(fresh, *self.account.owner)
        fresh.replace(self.folder / "server.json")


def digest(path: Path) -> str:
    """A short name for a path."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def existing_place(home: Path) -> Place | None:
    """The server's folder of this project, if there is one."""
    home = home.resolve()
    folder = _noted_folder(home) or home / "pg"
    if not folder.is_dir():
        return None
    return Place(folder, _checked_account(home, folder))


def prepared_place(home: Path) -> Place:
    """The server's folder of this project, made if it is missing. Raises QsupError when it cannot be made."""
    home = home.resolve()
    try:
        _make(home, None)
        if not (home / ".gitignore").exists():
            (home / ".gitignore").write_text("*\n")
        place = existing_place(home) or _new_place(home)
        _make(place.folder, place.account)
        _make(place.sockets, place.account)
    except OSError as error:
        raise QsupError(
            f"cannot keep a database in {home}: {error.strerror} ({error.filename or home})",
            hint="Make that folder writable, or set DATABASE_URL to a PostgreSQL that is already running.",
        ) from None
    return place


def _noted_folder(home: Path) -> Path | None:
    try:
        return Path((home / "pg.location").read_text().rstrip("\n"))
    except OSError:
        return None


def _checked_account(home: Path, folder: Path) -> Account:
    account = account_for(home.parent, folder)
    if folder.stat().st_uid != account.uid:
        raise QsupError(
            f"the database in {folder} belongs to user {folder.stat().st_uid}, this process is user {account.uid}",
            hint="Run qsup as the user that started it first.",
        )
    return account


def _new_place(home: Path) -> Place:
    account = account_for(home.parent, home / "pg")
    if account.switch and home.stat().st_uid == 0:
        # Our own folder, so its mode is ours to change: others may pass through it and see nothing in it.
        home.chmod(0o711)
    if can_enter(account, home):
        return Place(home / "pg", account)
    folder = SYSTEM_STATE / digest(home) / "pg"
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    (home / "pg.location").write_text(f"{folder}\n")
    return Place(folder, account)


def _make(directory: Path, account: Account | None) -> None:
    """A private directory of the account (None: of this process). In /tmp somebody else may have made it before."""
    if account is None or account.owner is None:
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)
    elif not directory.exists():
        _make_for(directory, account.owner)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or (account is not None and found.st_uid != account.uid):
        raise QsupError(f"{directory} is not a directory of this user", hint="Remove it, or ask its owner to.")


def _make_for(directory: Path, owner: tuple[int, int]) -> None:
    # Under its name it is the owner's from the first moment: another command may come between mkdir and chown.
    fresh = Path(tempfile.mkdtemp(prefix=f"{directory.name}.new-", dir=directory.parent))
    os.chown(fresh, *owner)
    try:
        fresh.rename(directory)
    except OSError:
        # Somebody was quicker, and has put something into it.
        fresh.rmdir()
