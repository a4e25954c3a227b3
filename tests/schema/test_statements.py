"""Each file of qsup/sql as the server understands it: one statement, its parameters, its columns, and who calls it."""

from __future__ import annotations

import ast
import dataclasses
import os
import re
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection, pq

from qsup import sql, store
from qsup.prepared import numbered
from qsup.rows import Claimed

GOLDEN = Path(__file__).parent / "statements.txt"
SOURCE = Path(sql.__file__).parent.parent
ROWS = {
    "counts": store.Count,
    "supervisors": store.Supervisor,
    "lookup": Claimed,
    "claim_and_record": Claimed,
}
OTHER_NAMES = {"claim": "claim_number", "oldest_s": "oldest_s"}
"""Fields whose column is called otherwise."""


def described(db: Connection[Any], name: str) -> pq.abc.PGresult:
    query, _ = numbered(name)
    prepared = db.pgconn.prepare(b"", query)
    assert prepared.status == pq.ExecStatus.COMMAND_OK, f"{name}.sql: {prepared.error_message.decode()}"
    return db.pgconn.describe_prepared(b"")


def type_name(db: Connection[Any], oid: int) -> str:
    row = db.execute("SELECT format_type(%s, NULL)", (oid,)).fetchone()
    assert row is not None
    return str(row[0])


def column_names(result: pq.abc.PGresult) -> list[str]:
    return [(result.fname(column) or b"").decode() for column in range(result.nfields)]


def signature(db: Connection[Any], name: str) -> str:
    """One paragraph of the golden file."""
    result, (_, names) = described(db, name), numbered(name)
    takes = [f"  takes  {one}: {type_name(db, result.param_type(place))}" for place, one in enumerate(names)]
    gives = [f"  gives  {one}: {type_name(db, result.ftype(place))}" for place, one in enumerate(column_names(result))]
    return "\n".join([name, *takes, *gives])


def test_what_each_statement_takes_and_gives_is_what_the_golden_file_says(db: Connection[Any]) -> None:
    found = "\n\n".join(signature(db, name) for name in sql.names()) + "\n"
    if os.environ.get("GOLDEN") == "write":
        GOLDEN.write_text(found)
    assert found == GOLDEN.read_text(), "if this change is meant: GOLDEN=write python -m pytest tests/schema"


@pytest.mark.parametrize("name", sql.names())
def test_a_file_begins_with_a_line_for_people(name: str) -> None:
    assert sql.text(name).startswith(b"-- ")


@pytest.mark.parametrize("name", ROWS)
def test_rows_become_dataclasses_column_by_column(db: Connection[Any], name: str) -> None:
    fields = [OTHER_NAMES.get(field.name, field.name) for field in dataclasses.fields(ROWS[name])]
    columns = column_names(described(db, name))
    if name == "claim_and_record":
        assert columns.pop(0) == "ended"
    assert [column.replace("name", "queue") for column in columns] == fields


def test_every_statement_is_used() -> None:
    words: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        words |= {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    assert not [name for name in sql.names() if name not in words]


def test_every_statement_that_is_named_exists() -> None:
    for path in SOURCE.rglob("*.py"):
        for name in re.findall(r'sql\.text\("(\w+)"\)', path.read_text()):
            assert name in sql.names(), f"{path.name} asks for {name}.sql"
