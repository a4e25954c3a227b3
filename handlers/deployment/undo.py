"""Taking a deployment back: the journal backwards, only what is still as we wrote it.

Rows are recognised by what they hold. An id alone proves nothing: on a router that was reset meanwhile it may be
somebody else's row.
"""

from __future__ import annotations

from collections.abc import Sequence

from handlers.deployment.journal import Entry, Journal
from handlers.deployment.link import Link, Refused
from handlers.deployment.plan import Row
from handlers.deployment.questions import words
from handlers.router_values import canonical, differences, same


def undo(link: Link, journal: Journal) -> list[str]:
    """Take everything back that is open; what the router refused, in sentences. Raises RouterAway: to be continued."""
    journal.flush()
    refusals = []
    for entry in journal.open_entries():
        try:
            _undo_one(link, entry)
        except Refused as refused:
            refusals.append(f"{entry.path} {entry.action}: {refused.text}")
        else:
            journal.undone(entry)
    return refusals


def _undo_one(link: Link, entry: Entry) -> None:
    row = written_row(entry, link.rows(entry.path, words([entry.find] if entry.find else [])))
    if row is None:
        return
    if entry.action == "add":
        link.remove(entry.path, str(row[".id"]))
    else:
        _restore(link, entry, row)


def written_row(entry: Entry, rows: Sequence[Row]) -> Row | None:
    """The row that this entry wrote to, if it is still there and still ours. Pure."""
    matching = [row for row in rows if not differences(row, entry.find) and row.get(".id") not in entry.beside]
    if entry.action == "add" and entry.row_id is None:
        # Perhaps it was never done: then there is nothing with all of our values.
        matching = [row for row in matching if not differences(row, entry.wrote)]
    by_id = [row for row in matching if row.get(".id") == entry.row_id]
    return next(iter(by_id or (matching if len(matching) == 1 else [])), None)


def _restore(link: Link, entry: Entry, row: Row) -> None:
    """The old values, where ours still stand; a column that somebody changed meanwhile is his."""
    ours = [name for name in entry.was if same(row, name, entry.wrote[name])]
    values: dict[str, str] = {}
    absent = []
    for name in ours:
        old = entry.was[name]
        if old is not None:
            values[name] = old
        elif canonical(entry.wrote[name]) in {"true", "false"}:
            values[name] = "no"
        elif name == "comment" or ".id" not in row or not entry.row_id:
            values[name] = ""
        else:
            absent.append(name)
    if values:
        link.set(entry.path, str(row[".id"]) if ".id" in row else None, values)
    for name in absent:
        link.unset(entry.path, str(row[".id"]), name)
