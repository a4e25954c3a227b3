"""What the hotspot does by the clock: `qsup db url | python -m handlers.regular minute`, from cron or a systemd timer.

Each job is dispatched with a key, so that a queue that stands still holds one of each and not one for every minute.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import psycopg

import qsup
from handlers.given import given_dsn
from handlers.jobs import (
    CheckExpiredSessionsJob,
    CheckRoutersJob,
    QueueReportJob,
    RotateLogs,
    SyncRadiusAccountingJob,
    SyncRouterDataJob,
    UpdateDashboardStatsJob,
)

KEY = "regular"
Connection = psycopg.Connection[Any]


def every_minute(conn: Connection) -> None:
    """Who is over, which router answers, what has grown, how much it all is."""
    CheckExpiredSessionsJob().dispatch(conn, unique=KEY)
    CheckRoutersJob().dispatch(conn, unique=KEY)
    RotateLogs().dispatch(conn, unique=KEY)
    UpdateDashboardStatsJob().dispatch(conn, unique=KEY)


def every_five_minutes(conn: Connection) -> None:
    """What RADIUS and the routers have to tell."""
    SyncRadiusAccountingJob().dispatch(conn, unique=KEY)
    SyncRouterDataJob().dispatch(conn, unique=KEY)


def every_week(conn: Connection) -> None:
    """The report."""
    QueueReportJob().dispatch(conn, unique=KEY)


EVERY: dict[str, Callable[[Connection], None]] = {
    "minute": every_minute,
    "five-minutes": every_five_minutes,
    "week": every_week,
}


def main(words: list[str]) -> int:
    """Dispatch what one of EVERY names, all of it or nothing. The DSN comes on stdin, else from DATABASE_URL."""
    if len(words) != 1 or words[0] not in EVERY:
        print(f"Which? qsup db url | python -m handlers.regular {'|'.join(EVERY)}", file=sys.stderr)
        return 2
    dsn = given_dsn(f"handlers.regular {words[0]}")
    if not dsn:
        return 2
    try:
        with psycopg.connect(dsn) as conn:
            EVERY[words[0]](conn)
    except (psycopg.Error, qsup.QsupError) as error:
        print(f"Nothing was dispatched: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
