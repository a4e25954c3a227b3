"""What the database says for `qsup status`: one short connection, and a sentence when it cannot be asked."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from qsup import connect, store
from qsup.errors import QsupError


@dataclass(frozen=True, slots=True)
class Survey:
    """Counts and supervisors; counts are None when the database cannot be asked."""

    counts: dict[str, store.Count] | None
    supervisors: list[store.Supervisor]
    state: str
    """up, away or refused."""
    detail: str


def survey(dsn: str) -> Survey:
    """Ask once. Never raises."""
    try:
        with connect.open_connection(dsn, role="status") as conn:
            return Survey(store.counts(conn), store.supervisors(conn), "up", connect.shown(dsn))
    except QsupError as error:
        return Survey(None, [], "away", error.message)
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return Survey(None, [], "refused", "it has no schema qsup yet: run `qsup migrate`")
    except psycopg.errors.UndefinedColumn:
        return Survey(None, [], "refused", "its schema is older than this qsup: run `qsup migrate`")
    except psycopg.Error as error:
        return Survey(None, [], "away", str(error).strip())
