"""What PostgreSQL complains about, as errors for people: a sentence, what to do next, and the exit code."""

from __future__ import annotations

import psycopg

from qsup.errors import DatabaseUnavailable, QsupError, SchemaMismatch

NO_SCHEMA = ("3F000", "42P01", "42883", "42703")
BUSY = {
    "53100": ("its disk is full", "Free space on the database's disk; the same command works then."),
    "53200": ("it is out of memory", "Give it memory, or try again later."),
    "53300": ("it has no connection left", "Raise max_connections or the role's CONNECTION LIMIT, or try again later."),
    "55P03": ("a lock did not come free in time", "Try again; lock_timeout is set for this user or database."),
    "57014": ("the statement was cancelled", "Try again; perhaps statement_timeout is set for this user or database."),
}


def as_error(error: psycopg.Error) -> QsupError:
    """The same complaint as an error of ours."""
    state, said = error.sqlstate or "", primary(error)
    if state == "42501":
        hint = "Grant it the right, or use the database user that ran `qsup migrate`."
        return QsupError(f"this database user may not do that: {said}", hint=hint)
    if state == "25006":
        hint = "Name the primary. Is default_transaction_read_only set for this user or database?"
        return DatabaseUnavailable(f"PostgreSQL only reads here: {said}", hint=hint)
    if state in NO_SCHEMA:
        hint = "Run `qsup migrate`."
        return SchemaMismatch(f"this database has no schema qsup, or an old one: {said}", hint=hint)
    if state in BUSY:
        why, hint = BUSY[state]
        return DatabaseUnavailable(f"PostgreSQL did not do it, {why}: {said}", hint=hint)
    if isinstance(error, psycopg.OperationalError):
        hint = "Try again: what was not confirmed may or may not have been done."
        return DatabaseUnavailable(f"PostgreSQL stopped answering: {said}", hint=hint)
    return QsupError(f"PostgreSQL refused: {said}{f' (SQLSTATE {state})' if state else ''}")


def primary(error: psycopg.Error) -> str:
    """What it said, without the statement and its position."""
    return (error.diag.message_primary or str(error)).strip()
