"""Which account the server runs as. PostgreSQL refuses to run as root, so root's server belongs to somebody else."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qsup.errors import QsupError

# Only what finds programs and libraries: an uninstalled LC_ALL kills initdb, PG* would redirect it, and nothing
# secret of this process belongs into the server's environment.
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")


@dataclass(frozen=True, slots=True)
class Account:
    """The user that initdb and postgres run as. `switch` is false when that is the user of this process."""

    uid: int
    gid: int
    name: str
    switch: bool

    @property
    def owner(self) -> tuple[int, int] | None:
        """Whom made files are given to; None: they are right as they are."""
        return (self.uid, self.gid) if self.switch else None


def account_for(project: Path, data: Path) -> Account:
    """The account of the server of this project.

    For root: the owner of the data that are there, else QSUP_PG_USER, else the owner of the project directory, else
    `postgres`, else `nobody`. Raises QsupError when there is none.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), str(os.geteuid()), switch=False)
    for uid in (_owner(data), _named(os.environ.get("QSUP_PG_USER", "")), _owner(project)):
        entry = _entry(uid)
        if entry is not None and uid:
            return _switched(entry)
    for name in ("postgres", "nobody"):
        uid = _named(name, required=False)
        if uid:
            return _switched(pwd.getpwuid(uid))
    raise QsupError(
        "PostgreSQL does not run as root, and there is no other account to run it as",
        hint="Set QSUP_PG_USER to the name of an account, or DATABASE_URL to a PostgreSQL that is already running.",
    )


def run(account: Account, command: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a short command as this account, output captured. Raises OSError when it cannot be started."""
    return subprocess.run(  # noqa: S603  the command is a list that qsup puts together, no shell
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        **({"cwd": "/"} | process_options(account) | options),
    )


def process_options(account: Account) -> dict[str, Any]:
    """What subprocess needs to run something as this account, without root's groups, in a plain environment."""
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ} | {"LC_ALL": "C"}
    identity = {"user": account.uid, "group": account.gid, "extra_groups": []} if account.switch else {}
    return {"env": environment, **identity}


def can_enter(account: Account, directory: Path) -> bool:
    """Whether the account may go through this directory. The kernel is asked: modes alone would not see ACLs."""
    if not account.switch:
        return os.access(directory, os.X_OK)
    return run(account, ["/bin/sh", "-c", 'test -x "$1"', "sh", directory]).returncode == 0


def _switched(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, switch=True)


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:
        return None


def _entry(uid: int | None) -> pwd.struct_passwd | None:
    """The account's line in the passwd database, without which initdb does not work."""
    try:
        return None if uid is None else pwd.getpwuid(uid)
    except KeyError:
        return None


def _named(name: str, *, required: bool = True) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid if name else None
    except KeyError:
        if required:
            raise QsupError(f"QSUP_PG_USER names {name!r}, and there is no such account") from None
        return None
