"""hotspot.router_journal: what a deployment did to a router, kept so that it can be taken back.

Before each write its row is committed, with the old values, and with what became of the write before it: whoever dies
in between leaves a row that says "perhaps". Secrets are not kept. Rows are open until the deployment is verified
(`kept`) or taken back (`undone`), over all its runs, whichever job they belonged to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from handlers.deployment.plan import Add, Change, Surplus
from handlers.router_values import SENSITIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One write. `find`: columns by which its row is found again; `row_id` is only a hint, a rebuild changes ids."""

    id: int
    path: str
    action: str
    row_id: str | None
    find: dict[str, str]
    wrote: dict[str, str]
    was: dict[str, str | None]
    beside: list[str]


class Journal:
    """The journal of one router, written by one run of one job over a connection in autocommit mode."""

    def __init__(self, own: psycopg.Connection[Any], router_id: int, job_id: int) -> None:
        self._own = own
        self._router, self._job = router_id, job_id
        self._last: tuple[int, str, str | None] | None = None
        self.is_kept = False
        """Whether what this run wrote is verified, and is not taken back any more."""

    def begin(self, write: Add | Change) -> None:
        """Commit what is about to be written, together with the end of the write before."""
        last, self._last = self._last, None
        row = self._own.execute(
            "WITH ended AS (UPDATE hotspot.router_journal SET state = %(state)s, row_id = coalesce(%(row)s, row_id)"
            "  WHERE id = %(last)s)"
            " INSERT INTO hotspot.router_journal"
            " (router_id, job_id, command, path, action, row_id, find, wrote, was, beside) VALUES (%(router)s, %(job)s,"
            "  %(command)s, %(path)s, %(action)s, %(row_id)s, %(find)s, %(wrote)s, %(was)s, %(beside)s) RETURNING id",
            {
                **dict(zip(("last", "state", "row"), last or (None, "done", None), strict=True)),
                **{
                    name: Jsonb(value) if isinstance(value, dict | list) else value
                    for name, value in _of(write).items()
                },
                "router": self._router,
                "job": self._job,
            },
        ).fetchone()
        self._last = (row[0] if row else 0, "begun", None)

    def end(self, row_id: str | None = None, *, refused: bool = False) -> None:
        """The write has been answered; committed with the next one, or by flush()."""
        if self._last is not None:
            self._last = (self._last[0], "refused" if refused else "done", row_id)

    def flush(self) -> None:
        """Commit the end of the last write."""
        if self._last is not None:
            self._own.execute(
                "UPDATE hotspot.router_journal SET state = %s, row_id = coalesce(%s, row_id) WHERE id = %s",
                [self._last[1], self._last[2], self._last[0]],
            )
        self._last = None

    def removes(self, surplus: Surplus) -> None:
        """A surplus row is about to go. That is after verification, so it is evidence and never taken back."""
        self._own.execute(
            "INSERT INTO hotspot.router_journal"
            " (router_id, job_id, path, action, state, row_id, find, wrote, was, beside)"
            " VALUES (%s, %s, %s, 'remove', 'kept', %s, %s, '{}', '{}', '[]')",
            [self._router, self._job, surplus.path, surplus.id, Jsonb({"comment": surplus.comment})],
        )

    def open_entries(self) -> list[Entry]:
        """What would have to be taken back, the last write first."""
        rows = self._own.execute(
            "SELECT id, path, action, row_id, find, wrote, was, beside FROM hotspot.router_journal"
            " WHERE router_id = %s AND state IN ('begun', 'done') ORDER BY id DESC",
            [self._router],
        ).fetchall()
        names = ("id", "path", "action", "row_id", "find", "wrote", "was", "beside")
        return [Entry(**dict(zip(names, row, strict=True))) for row in rows]

    def keep(self) -> None:
        """Commit that nothing of what was done so far will be taken back."""
        self.flush()
        keep(self._own, self._router)
        self.is_kept = True

    def undone(self, entry: Entry) -> None:
        """This write has been taken back, or was not there any more."""
        self._own.execute("UPDATE hotspot.router_journal SET state = 'undone' WHERE id = %s", [entry.id])


def keep(conn: psycopg.Connection[Any], router_id: int) -> None:
    """The deployment is verified: nothing of it is taken back any more."""
    conn.execute(
        "UPDATE hotspot.router_journal SET state = 'kept' WHERE router_id = %s AND state IN ('begun', 'done')",
        [router_id],
    )


def _of(write: Add | Change) -> dict[str, Any]:
    command = write.command
    common = {"command": command.n, "path": command.path}
    if isinstance(write, Add):
        key = {name: command.attrs[name] for name in command.key}
        wrote = _without_secrets(command.attrs)
        return common | {
            "action": "add", "row_id": None, "find": key, "wrote": wrote, "was": {}, "beside": list(write.beside),
        }  # fmt: skip
    names = [*command.key, *(["comment"] if command.key and command.comment else [])]
    find = {name: command.attrs[name] for name in names if name not in write.changes} | dict(command.item)
    return common | {
        "action": "set", "row_id": write.id, "find": find, "wrote": _without_secrets(write.changes),
        "was": dict(write.was), "beside": [],
    }  # fmt: skip


def _without_secrets(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name not in SENSITIVE}
