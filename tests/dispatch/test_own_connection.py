"""The process's own connection: it may die in any way between two dispatches, and none is lost or doubled."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

import qsup
from qsup.dispatching import OwnConnection
from qsup.errors import DatabaseUnavailable
from tests.conftest import Eventually
from tests.dispatch.conftest import Rows
from tests.dispatch.jobs import Note
from tests.schema.rows import one

ALIVE = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"


def terminate(db: Connection[Any], pid: int, eventually: Eventually) -> None:
    one(db, "SELECT pg_terminate_backend(%s)", pid)
    eventually(lambda: one(db, ALIVE, pid) == 0, what="the connection's server process is gone")


def test_it_stays_open_between_dispatches(own: OwnConnection) -> None:
    Note().dispatch()
    before = own.connection().info.backend_pid
    Note().dispatch()
    assert own.connection().info.backend_pid == before


def test_one_that_died_idle_is_replaced_before_the_next_dispatch(
    own: OwnConnection, db: Connection[Any], stored: Rows, eventually: Eventually
) -> None:
    first = Note().dispatch()
    for expected in (2, 3):
        terminate(db, own.connection().info.backend_pid, eventually)
        Note().dispatch()
        assert len(stored()) == expected
    assert stored()[0][0] == first


def test_one_that_dies_in_the_middle_is_said_to_be_lost_and_the_next_dispatch_opens_another(
    db: Connection[Any], stored: Rows
) -> None:
    # The server ends the connection inside of the dispatch: nobody can try it again without risking a second job.
    db.execute(
        "CREATE FUNCTION public.die() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;"
        "CREATE TRIGGER die BEFORE INSERT ON qsup.jobs FOR EACH ROW EXECUTE FUNCTION public.die()"
    )
    with pytest.raises(DatabaseUnavailable, match="no answer says that the job was stored"):
        Note().dispatch()
    db.execute("DROP TRIGGER die ON qsup.jobs")
    assert stored() == []
    assert [Note().dispatch()] == [row[0] for row in stored()]


def test_what_the_server_says_in_the_meantime_is_no_death(own: OwnConnection, db: Connection[Any]) -> None:
    Note().dispatch()
    conn = own.connection()
    conn.execute("LISTEN something")
    db.execute("NOTIFY something")
    before = conn.info.backend_pid
    Note().dispatch()
    assert own.connection().info.backend_pid == before


def test_a_forked_child_opens_its_own(own: OwnConnection, stored: Rows) -> None:
    Note(text="parent").dispatch()
    child = os.fork()
    if child == 0:
        try:
            Note(text="child").dispatch()
            own.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    Note(text="parent again").dispatch()
    assert [row[4]["text"] for row in stored()] == ["parent", "child", "parent again"]


class TimeLimit(BaseException):
    """As a worker raises it in a handler that takes too long."""


@pytest.fixture
def time_limit() -> Iterator[None]:
    """SIGALRM raises it."""

    def ring(_number: int, _frame: object) -> None:
        raise TimeLimit

    before = signal.signal(signal.SIGALRM, ring)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize("how", [Note.dispatch, lambda note: qsup.dispatch_many([note, note])], ids=["one", "many"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeLimit])
def test_one_that_is_interrupted_in_the_middle_is_taken_back_and_leaves_no_answer_for_the_next(
    own: OwnConnection, dsn: str, db: Connection[Any], stored: Rows, eventually: Eventually,
    how: Callable[[Note], object], error: type[BaseException],
) -> None:  # fmt: skip
    Note(text="before").dispatch()
    pid = own.connection().info.backend_pid

    def interrupt() -> None:
        waits = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
        eventually(lambda: one(db, waits, pid) == 1, what="the dispatch waits for the lock")
        os.kill(os.getpid(), signal.SIGINT if error is KeyboardInterrupt else signal.SIGALRM)

    with Connection.connect(dsn) as locking:
        locking.execute("LOCK TABLE qsup.jobs IN ACCESS EXCLUSIVE MODE")
        alarm = threading.Thread(target=interrupt)
        alarm.start()
        with pytest.raises(error):
            how(Note(text="interrupted"))
        alarm.join()
        eventually(lambda: one(db, ALIVE, pid) == 0, what="its server process is gone, behind the lock as it was")
    number = Note(text="after").dispatch()
    assert [row[4]["text"] for row in stored()] == ["before", "after"]
    assert stored()[1][0] == number


def test_texts_arrive_whatever_encoding_this_process_speaks(own: OwnConnection, dsn: str, db: Connection[Any]) -> None:
    own.dsn = make_conninfo(dsn, client_encoding="LATIN1")
    Note(text="café").dispatch(unique="clé")
    assert own.connection().info.encoding == "iso8859-1"
    assert db.execute("SELECT payload ->> 'text', unique_key FROM qsup.jobs ORDER BY id DESC").fetchone() == (
        "café",
        "clé",
    )


def test_an_error_of_the_callers_own_making_is_passed_on(dsn: str) -> None:
    with Connection.connect(dsn, autocommit=True) as conn:
        conn.execute("SET statement_timeout = '1ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            Note(text="x" * 900).dispatch(conn, unique="x" * 400) or conn.execute("SELECT pg_sleep(5)")
