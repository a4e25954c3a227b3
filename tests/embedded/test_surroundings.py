"""Folders and environments that break other embedded servers."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from qsup import connect, embedded
from qsup.embedded import Server
from qsup.embedded.place import existing_place, prepared_place
from qsup.errors import QsupError

from .scene import User, tree, using

HOSTILE = {
    "PGHOST": "nowhere.invalid",
    "PGHOSTADDR": "192.0.2.1",
    "PGPORT": "1",
    "PGUSER": "mallory",
    "PGDATABASE": "nothing",
    "PGSERVICE": "nothing",
    "PGOPTIONS": "-c search_path=nowhere --nonsense",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGSSLMODE": "verify-full",
    "PGCHANNELBINDING": "require",
    "PGDATA": "/nowhere",
    "PGTARGETSESSIONATTRS": "standby",
    "LC_ALL": "de_DE.UTF-8",
    "LANG": "xx_XX",
}


@pytest.mark.parametrize("name", ["with a space", "ümläut 'quotes' \"double\"", "one,two", "x" * 120])
def test_any_folder_will_do(project: Path, name: str) -> None:
    folder = project / name
    folder.mkdir()
    with using(folder / ".qsup") as server:
        assert _database_of(server) == "qsup"
        sockets = _sockets(folder)
        assert (len(os.fsencode(sockets)) < 90, "," in str(sockets)) == (True, False)
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    if sockets.parent == Path("/tmp"):
        sockets.rmdir()


def test_a_socket_directory_of_somebody_else_is_refused(project: Path) -> None:
    home = project / ("x" * 120) / ".qsup"
    home.parent.mkdir()
    place = prepared_place(home)
    place.sockets.rmdir()
    place.sockets.symlink_to(project)
    with pytest.raises(QsupError, match="is not a directory of this user"):
        embedded.ensure(home)
    place.sockets.unlink()
    assert embedded.find(home) is None


def test_hostile_variables_change_nothing(fresh_home: Path, user: Callable[..., User]) -> None:
    first = user(fresh_home, **HOSTILE)
    told = first.answer()
    assert told.get("started"), told
    assert first.stop()


def test_connections_to_it_ignore_hostile_variables(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    with connect.open_connection(server.dsn(), role="test") as connection:
        row = connection.execute("SELECT current_user, current_setting('search_path')").fetchone()
    assert row == ("qsup", "public")
    assert os.environ["PGSERVICE"] == "nothing"


def test_the_server_has_no_secret_of_its_starter(home: Path, user: Callable[..., User]) -> None:
    told = user(home, SMS_API_KEY="s3cret-of-the-starter").answer()
    assert b"s3cret-of-the-starter" not in Path(f"/proc/{told['pid']}/environ").read_bytes()


def test_data_of_another_major_version_are_named_and_untouched(home: Path) -> None:
    with using(home) as server:
        data = server.data
    right = (data / "PG_VERSION").read_text()
    (data / "PG_VERSION").write_text("13\n")
    before = tree(data)
    with pytest.raises(QsupError, match=r"made by PostgreSQL 13 and needs its programs; found: \d+") as caught:
        embedded.ensure(home)
    assert "QSUP_PG_BIN" in caught.value.hint
    assert tree(data) == before
    (data / "PG_VERSION").write_text(right)


def test_a_wrong_folder_of_programs_is_named(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSUP_PG_BIN", str(tmp_path))
    with pytest.raises(QsupError, match=r"QSUP_PG_BIN names .*, which does not have both initdb and postgres"):
        embedded.ensure(home)


def test_a_server_that_cannot_start_shows_its_log(home: Path) -> None:
    with using(home) as server:
        settings = server.data / "postgresql.conf"
    right = settings.read_text()
    settings.write_text(right + "no_such_setting = 1\n")
    with pytest.raises(QsupError, match=r"(?s)does not start:.*no_such_setting"):
        embedded.ensure(home)
    settings.write_text(right)


def test_its_files_are_private(server: Server) -> None:
    for folder in (server.data.parent, server.data):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with psycopg.connect(server.dsn()) as connection:
        row = connection.execute("SELECT current_setting('listen_addresses')").fetchone()
    assert row == ("",)


def test_in_use_by_others_is_not_stopped_without_force(home: Path, user: Callable[..., User]) -> None:
    user(home).answer()
    with pytest.raises(QsupError, match="in use"):
        embedded.stop(home)
    assert embedded.find(home) is not None
    assert embedded.stop(home, force=True) is not None
    assert embedded.find(home) is None


def _database_of(server: Server) -> str:
    with psycopg.connect(server.dsn()) as connection:
        row = connection.execute("SELECT current_database()").fetchone()
    assert row
    return str(row[0])


def _sockets(project: Path) -> Path:
    place = existing_place(project / ".qsup")
    assert place is not None
    return place.sockets
