"""Contexts and transactions, used as they are not meant."""

# ruff: noqa: ARG001, SIM105  bad on purpose

from __future__ import annotations

import os
import threading
import time

import psycopg

import qsup

from .jobs import KEPT, Bad, say


def fork_in_transaction(job: Bad, ctx: qsup.Context) -> None:
    with ctx.transaction() as conn:
        conn.execute("INSERT INTO effects VALUES ('before')")
        if os.fork() == 0:
            return
        os.wait()
        conn.execute("INSERT INTO effects VALUES ('after')")


def two_transactions(job: Bad, ctx: qsup.Context) -> None:
    with ctx.transaction() as conn:
        conn.execute("INSERT INTO effects VALUES ('first')")
    with ctx.transaction() as conn:
        conn.execute("INSERT INTO effects VALUES ('second')")


def transaction_left_open(job: Bad, ctx: qsup.Context) -> None:
    conn = ctx.transaction().__enter__()
    conn.execute("INSERT INTO effects VALUES ('open')")
    KEPT.append(conn)


def error_caught_in_transaction(job: Bad, ctx: qsup.Context) -> None:
    with ctx.transaction() as conn:
        conn.execute("INSERT INTO effects VALUES ('lost')")
        try:
            conn.execute("SELECT no_such_column")
        except psycopg.Error:
            pass


def rolled_back_inside(job: Bad, ctx: qsup.Context) -> None:
    with ctx.transaction() as conn:
        conn.execute("INSERT INTO effects VALUES ('lost')")
        conn.rollback()


def rolled_back_and_on(job: Bad, ctx: qsup.Context) -> None:
    with ctx.transaction() as conn:
        conn.execute("ROLLBACK")
        conn.execute("INSERT INTO effects VALUES ('without the job')")


def committed_inside(job: Bad, ctx: qsup.Context) -> None:
    with ctx.transaction() as conn:
        conn.execute("INSERT INTO effects VALUES ('kept')")
        conn.commit()


def thread_in_transaction(job: Bad, ctx: qsup.Context) -> None:
    entered = threading.Event()

    def work() -> None:
        with ctx.transaction() as conn:
            conn.execute("INSERT INTO effects VALUES ('thread')")
            entered.set()
            time.sleep(600)

    threading.Thread(target=work, daemon=True).start()
    entered.wait()


def keep_context(job: Bad, ctx: qsup.Context) -> None:
    KEPT.append(ctx)
    KEPT.append(ctx.transaction() if job.text else ctx)


def use_kept_context(job: Bad, ctx: qsup.Context) -> None:
    """What the last job had, used in the middle of this one's transaction."""
    old, opened = KEPT[-2:]
    with ctx.transaction() as conn:
        conn.execute("INSERT INTO effects VALUES ('mine')")
        for use in (old.transaction, old.connect, lambda: old.progress(50), lambda: opened.__enter__()):
            try:
                use()
            except RuntimeError as error:
                say(job, f"refused {error}")


SETTINGS = """
SELECT current_setting('client_connection_check_interval'), current_setting('idle_in_transaction_session_timeout')
"""


def note_settings(job: Bad, ctx: qsup.Context) -> None:
    with ctx.transaction() as conn:
        say(job, " ".join(conn.execute(SETTINGS).fetchone() or ()))


def note_key(job: Bad, ctx: qsup.Context) -> None:
    say(job, f"key {ctx.idempotency_key} {ctx.attempt}")
    raise ValueError("again")


def note_row(job: Bad, ctx: qsup.Context) -> None:
    with ctx.connect() as conn:
        for _ in range(2):
            row = conn.execute("SELECT xmin::text, ctid::text FROM qsup.jobs WHERE id = %s", [ctx.job_id]).fetchone()
            say(job, f"row {row}")
            ctx.progress(50, "half")
            while not conn.execute("SELECT 1 FROM qsup.job_events WHERE job_id = %s", [ctx.job_id]).fetchone():
                time.sleep(0.01)
