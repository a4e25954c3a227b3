"""Which database is chosen, what of it is shown, and what a connection to it is like."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from qsup.connect import conninfo_for, default_dsn, open_connection
from qsup.database import UNREADABLE, resolve, shown
from qsup.errors import ConfigUnreadable, DatabaseUnavailable

EVERYTHING = {
    "QSUP_DATABASE_URL": "postgresql://from-qsup/db",
    "DATABASE_URL": "postgresql://from-env/db",
    "PGHOST": "from-libpq",
}


def test_the_order_of_the_places() -> None:
    environ = dict(EVERYTHING)
    order = [resolve("postgresql://from-flag/db", environ, "postgresql://from-file/db")]
    order.append(resolve(None, environ, "postgresql://from-file/db"))
    del environ["QSUP_DATABASE_URL"]
    order.append(resolve(None, environ, "postgresql://from-file/db"))
    order.append(resolve(None, environ, None))
    del environ["DATABASE_URL"]
    order.append(resolve(None, environ, None))
    order.append(resolve(None, {}, None))
    assert [(choice.kind, choice.source) for choice in order] == [
        ("dsn", "--database"),
        ("dsn", "QSUP_DATABASE_URL"),
        ("dsn", "database: in queues.yaml"),
        ("dsn", "DATABASE_URL"),
        ("libpq", "PGHOST"),
        ("embedded", "nothing names another database"),
    ]
    assert [choice.dsn[:21] for choice in order[:4]] == [
        "postgresql://from-fla",
        "postgresql://from-qsu",
        "postgresql://from-fil",
        "postgresql://from-env",
    ]


def test_empty_is_not_set_and_embedded_can_be_asked_for() -> None:
    assert resolve("", {"DATABASE_URL": " "}, "").kind == "embedded"
    asked = resolve("embedded", EVERYTHING, None)
    assert (asked.kind, asked.source, asked.shown) == ("embedded", "--database", "the embedded PostgreSQL")


def test_a_url_of_another_database_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigUnreadable, match="DATABASE_URL is a mysql URL") as caught:
        resolve(None, {"DATABASE_URL": "mysql://u:hunter2@h/db"}, None)
    assert "hunter2" not in str(caught.value)
    assert "QSUP_DATABASE_URL comes before" in caught.value.hint


def test_what_is_no_dsn_is_refused_without_its_text() -> None:
    with pytest.raises(ConfigUnreadable, match="--database is not a DSN") as caught:
        resolve("hunter2 at the host", {}, None)
    assert "hunter2" not in str(caught.value)


def test_the_drivers_suffix_of_sqlalchemy_is_dropped() -> None:
    assert resolve("postgresql+psycopg://u@h/db", {}, None).dsn == "postgresql://u@h/db"


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://u:hunter2@h:5432/db?sslmode=require", "postgresql://u@h:5432/db?sslmode=require"),
        ("postgres://u:hun@ter2@h/db", "postgres://u@h/db"),
        ("postgresql://u:a/b?hunter2@h/db", "postgresql://u@h/db"),
        ("postgresql://:hunter2@h/db", "postgresql://@h/db"),
        ("postgresql://h/db?password=hunter2&connect_timeout=3", "postgresql://h/db?connect_timeout=3"),
        ("postgresql://h/db?pass%77ord=hunter2", "postgresql://h/db"),
        ("postgresql://qsup@/qsup?host=/a/s&port=5432", "postgresql://qsup@/qsup?host=/a/s&port=5432"),
        ("host=h password=hunter2 dbname=db", "host=h dbname=db"),
        (r"host=h password = 'hunter2 \' x' user='a b'", "host=h user='a b'"),
        ("password=hunter2", ""),
        ("host=h password='hunter2", UNREADABLE),
        ("host=h hunter2", UNREADABLE),
        ("", UNREADABLE),
    ],
)
def test_a_dsn_is_shown_without_its_password(dsn: str, expected: str) -> None:
    assert shown(dsn) == expected


@given(password=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_no_password_is_ever_shown(password: str) -> None:
    secret = f"<{password}>"
    assert secret not in shown(f"postgresql://u:{secret}@h/db")
    assert secret not in shown(make_conninfo(host="h", password=secret))
    assert secret not in shown(f"host=h password={secret} user=u")


def test_a_connection_is_named_and_what_was_said_wins(empty_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_connection(empty_dsn, role="courier") as connection:
        assert connection.autocommit
        assert connection.execute("SHOW application_name").fetchone() == ("qsup:courier",)
    assert "connect_timeout=10" in conninfo_for("host=h", "x")
    assert "target_session_attrs=read-write" in conninfo_for("host=h", "x")
    said = conninfo_for("host=h connect_timeout=2 keepalives_idle=5 target_session_attrs=any", "x")
    assert "connect_timeout=2" in said
    assert "keepalives_idle=5" in said
    assert "target_session_attrs=any" in said
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "3")
    assert "connect_timeout" not in conninfo_for("host=h", "x")


def test_a_database_that_is_away_is_named_without_its_password() -> None:
    with pytest.raises(DatabaseUnavailable, match=r"does not answer at postgresql://u@127\.0\.0\.1:1/db") as caught:
        open_connection("postgresql://u:hunter2@127.0.0.1:1/db", role="test", source="DATABASE_URL")
    assert "(from DATABASE_URL)" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_malformed_dsn_is_a_mistake_in_the_configuration() -> None:
    with pytest.raises(ConfigUnreadable, match="not a DSN of PostgreSQL"):
        open_connection("postgresql://h/db?no_such_option=1", role="test")


def test_a_program_that_was_told_no_dsn_looks_where_the_commands_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatabaseUnavailable, match="no database is named"):
        default_dsn()
    (tmp_path / "queues.yaml").write_text("version: 1\nqueues:\n  default: {workers: 1}\n")
    with pytest.raises(DatabaseUnavailable, match="is not running"):
        default_dsn()
    (tmp_path / "queues.yaml").write_text("version: 1\ndatabase: postgresql://h/a\nqueues:\n  default: {workers: 1}\n")
    assert default_dsn() == "postgresql://h/a"
    monkeypatch.setenv("QSUP_DATABASE_URL", "postgresql://h/b")
    assert default_dsn() == "postgresql://h/b"
