"""QueueReportJob: the report on queues, database and logs, from live data, as Markdown.

`qsup db url | python -m handlers.report` prints it for people (the DSN comes on stdin as for handlers.schema, or from
DATABASE_URL). The job keeps it as a row of hotspot.reports and, with REPORT_DIRECTORY, as a file.
"""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

import qsup
from handlers import report_logs
from handlers.censor import censored, known_secrets
from handlers.given import given_dsn
from handlers.jobs import QueueReportJob
from handlers.operator_settings import report_settings
from handlers.report_facts import gather
from handlers.report_text import render
from handlers.settings import SettingMissing

FILE = "queue-report.md"
LOCK = 0x7265706F7274  # "report" in ASCII: no other program's advisory lock by accident


def write_report(job: QueueReportJob, ctx: qsup.Context) -> None:  # noqa: ARG001  every handler has both
    """Make and keep the report. A second run of the same job replaces its own; the file is always the newest report."""
    try:
        settings = report_settings()
    except SettingMissing as error:
        raise qsup.Discard(str(error)) from None
    with ctx.connect() as conn:
        as_of, markdown = make(conn)
        keep(conn, ctx.job_id, as_of, markdown, most=settings.keep)
        if settings.folder is None:
            return
        try:
            publish(conn, settings.folder)
        except OSError as error:
            raise qsup.Discard(
                f"REPORT_DIRECTORY {settings.folder}: {error.strerror or error}; the report is in hotspot.reports"
            ) from None


def make(conn: psycopg.Connection[Any]) -> tuple[datetime, str]:
    """The moment and the text of a report, on an autocommit connection. Raises psycopg.Error."""
    logs, notes = report_logs.survey()
    facts = gather(conn, logs, notes)
    return facts.as_of, censored(render(facts), known_secrets())


def keep(conn: psycopg.Connection[Any], job_id: int, as_of: datetime, markdown: str, *, most: int) -> None:
    """Store the report of this job unless a later one of it is there; of all reports the newest `most` stay."""
    with conn.transaction():
        conn.execute(
            "INSERT INTO hotspot.reports AS r (job_id, as_of, markdown) VALUES (%s, %s, %s)"
            " ON CONFLICT (job_id) DO UPDATE SET as_of = excluded.as_of, markdown = excluded.markdown"
            " WHERE r.as_of < excluded.as_of",
            [job_id, as_of, markdown],
        )
        conn.execute(
            "DELETE FROM hotspot.reports WHERE id IN"
            " (SELECT id FROM hotspot.reports ORDER BY as_of DESC, id DESC OFFSET %s)",
            [most],
        )


def publish(conn: psycopg.Connection[Any], folder: Path) -> None:
    """Put the newest report into the folder, whole or not at all. Raises OSError."""
    with conn.transaction():
        # One at a time: between reading the newest and writing it, nobody may write an older one after it.
        conn.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        row = conn.execute("SELECT markdown FROM hotspot.reports ORDER BY as_of DESC, id DESC LIMIT 1").fetchone()
        if row is not None:
            _replace(folder / FILE, row[0])


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # What a killed run has left behind; nobody else is writing now.
    for stray in path.parent.glob(f".{path.name}.*"):
        stray.unlink(missing_ok=True)
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def main() -> int:
    """Read the DSN, print the report."""
    dsn = given_dsn("handlers.report")
    if not dsn:
        return 2
    try:
        with psycopg.connect(dsn, autocommit=True) as conn:
            print(make(conn)[1], end="")
    except psycopg.Error as error:
        print(f"The report was not made: {censored(str(error).strip(), known_secrets())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
