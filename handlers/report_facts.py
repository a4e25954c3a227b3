"""The facts of the report, read in one snapshot: qsup's documented views and tables, PostgreSQL's statistics, ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from handlers.report_logs import LogFacts

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Rows as they came, each list in the order of its statement; the names in them are the columns'."""

    as_of: datetime
    queues: list[Row]
    processes: list[Row]
    failures: list[Row]
    jobs: list[Row]
    database: Row
    tables: list[Row]
    deliveries: list[Row]
    payments: list[Row]
    provisioning: Row
    messages: list[Row]
    routers: list[Row]
    troubled: list[Row]
    dashboard: list[Row]
    logs: list[LogFacts] = field(default_factory=list)
    log_notes: list[str] = field(default_factory=list)


QUERIES = {
    "queues": "SELECT *, extract(epoch FROM now() - oldest_ready_at)::float8 AS waits_s FROM qsup.queue_overview"
    " ORDER BY priority NULLS LAST, queue",
    "processes": "SELECT *, extract(epoch FROM now() - beat_at)::float8 AS silent_s FROM qsup.process_overview"
    " ORDER BY host, started_at, id",
    "failures": "SELECT queue, fingerprint, type, cause, exception, frame, count(*) AS number,"
    " count(*) FILTER (WHERE failed_at > now() - interval '1 hour') AS last_hour, min(failed_at) AS first_at,"
    " max(failed_at) AS last_at, (array_agg(message ORDER BY failed_at DESC, id DESC))[1] AS message"
    " FROM qsup.failed_jobs WHERE discarded_at IS NULL"
    " GROUP BY queue, fingerprint, type, cause, exception, frame ORDER BY number DESC, queue, type, fingerprint, cause",
    "jobs": "SELECT name, queue FROM qsup.job_types WHERE retired_at IS NULL ORDER BY queue, name",
    "tables": "SELECT n.nspname || '.' || c.relname AS name, pg_total_relation_size(c.oid) AS bytes,"
    " coalesce(s.n_live_tup, 0) AS live, coalesce(s.n_dead_tup, 0) AS dead,"
    " greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed FROM pg_class AS c"
    " JOIN pg_namespace AS n ON n.oid = c.relnamespace LEFT JOIN pg_stat_user_tables AS s ON s.relid = c.oid"
    " WHERE n.nspname IN ('qsup', 'hotspot', 'radius') AND c.relkind = 'r' ORDER BY 2 DESC, 1 LIMIT 15",
    "deliveries": "SELECT coalesce(outcome, 'waiting') AS outcome, count(*) AS number,"
    " count(*) FILTER (WHERE received_at > now() - interval '1 hour') AS last_hour,"
    " extract(epoch FROM avg(processed_at - received_at))::float8 AS mean_s,"
    " extract(epoch FROM max(processed_at - received_at))::float8 AS longest_s"
    " FROM hotspot.mpesa_inbox WHERE received_at > now() - interval '24 hours' GROUP BY 1 ORDER BY 1",
    "payments": "SELECT state, count(*) AS number, sum(amount) AS amount FROM hotspot.payments GROUP BY 1 ORDER BY 1",
    "messages": "SELECT state, count(*) AS number FROM hotspot.sms_outbox GROUP BY 1 ORDER BY 1",
    "routers": "SELECT reach, deploy, count(*) AS number FROM hotspot.routers WHERE retired_at IS NULL"
    " GROUP BY 1, 2 ORDER BY 1, 2",
    "troubled": "SELECT coalesce(name, address) AS name, reach, reach_detail, misses, problem, problem_detail,"
    " problem_at FROM hotspot.routers"
    " WHERE retired_at IS NULL AND (reach = 'offline' OR problem IS NOT NULL) ORDER BY 1, id",
    "dashboard": "SELECT as_of, extract(epoch FROM now() - as_of)::float8 AS age_s FROM hotspot.dashboard_stats",
}
ONE_ROW = {
    "database": "SELECT current_setting('server_version') AS version, current_database() AS name,"
    " pg_database_size(current_database()) AS bytes, current_setting('max_connections')::int AS most,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,"
    " extract(epoch FROM now() - pg_postmaster_start_time())::float8 AS up_s, d.xact_commit AS commits,"
    " d.xact_rollback AS rollbacks, d.deadlocks, d.blks_hit, d.blks_read,"
    " (SELECT extract(epoch FROM max(now() - xact_start))::float8 FROM pg_stat_activity"
    "   WHERE datname = current_database() AND pid <> pg_backend_pid()) AS oldest_transaction_s"
    " FROM pg_stat_database AS d WHERE d.datname = current_database()",
    "provisioning": "SELECT count(*) AS running, count(*) FILTER (WHERE provisioned_at IS NULL) AS waiting"
    " FROM hotspot.subscriptions WHERE state = 'active' AND ends_at > now()",
}


def gather(conn: psycopg.Connection[Any], logs: list[LogFacts], log_notes: list[str]) -> Facts:
    """All facts as of one moment, on an autocommit connection. Raises psycopg.Error."""
    with conn.transaction(), conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        now = cursor.execute("SELECT now() AS now").fetchone()
        lists = {name: cursor.execute(query.encode()).fetchall() for name, query in QUERIES.items()}
        rows = {name: cursor.execute(query.encode()).fetchone() or {} for name, query in ONE_ROW.items()}
    found: dict[str, Any] = {**lists, **rows}
    return Facts(as_of=(now or {})["now"], logs=logs, log_notes=log_notes, **found)
