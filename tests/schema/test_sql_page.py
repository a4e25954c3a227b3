"""Every SQL example of docs/reference/sql.md runs."""

from __future__ import annotations

import re
from typing import Any

from psycopg import Connection

from qsup import declare
from tests.project.source import ROOT
from tests.schema.rows import US, a_file, one

PAGE = ROOT / "docs" / "reference" / "sql.md"


def examples() -> list[str]:
    blocks = re.findall(r"^```sql\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return [statement.strip() for block in blocks for statement in block.split(";\n") if statement.strip()]


def test_every_example_of_the_page_runs(db: Connection[Any]) -> None:
    jobs = {"ProcessPaymentJob": "payments", "SendReceiptJob": "payments"}
    declare.apply(db, a_file({"payments": 1, "low": 1}, jobs), US)
    assert len(examples()) > 10
    for statement in examples():
        db.execute(statement.rstrip(";").encode())
    assert one(db, "SELECT count(*) FROM qsup.jobs") == 5


def test_the_grants_of_the_page_are_those_of_the_migration(db: Connection[Any]) -> None:
    grants = re.findall(r"^GRANT .*;$", PAGE.read_text(), re.MULTILINE)
    before = one(db, "SELECT string_agg(proacl::text, ' ' ORDER BY proname) FROM pg_proc WHERE proname ~ '^dispatch'")
    with db.transaction(force_rollback=True):
        db.execute("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA qsup FROM qsup_dispatcher")
        for grant in grants:
            db.execute(grant.encode())
        after = one(
            db, "SELECT string_agg(proacl::text, ' ' ORDER BY proname) FROM pg_proc WHERE proname ~ '^dispatch'"
        )
    assert after == before
    assert len(grants) == 2
