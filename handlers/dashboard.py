"""UpdateDashboardStatsJob: all numbers of the dashboard, counted anew by one statement in one snapshot.

Nothing is added to what was there, so any number of runs come to the same. `as_of` is the start of the transaction,
which is before the snapshot: the row holds at least everything that was committed before `as_of`. It only goes
forward, so a run that began before the last one changes nothing.
"""

from __future__ import annotations

from typing import Any

import psycopg

import qsup
from handlers.jobs import UpdateDashboardStatsJob

# A month is added to local time: to an instant, PostgreSQL would add it in the time zone of the session, and a Nairobi
# March that begins on 28 February in UTC would end on the 28th.
RECOMPUTE = """
WITH local AS (
    SELECT date_trunc('day', now() AT TIME ZONE 'Africa/Nairobi') AS day,
           date_trunc('month', now() AT TIME ZONE 'Africa/Nairobi') AS month
), bounds AS (
    SELECT day AT TIME ZONE 'Africa/Nairobi' AS day, (day + interval '1 day') AT TIME ZONE 'Africa/Nairobi' AS day_end,
           month AT TIME ZONE 'Africa/Nairobi' AS month,
           (month + interval '1 month') AT TIME ZONE 'Africa/Nairobi' AS month_end
    FROM local
), revenue AS (
    SELECT coalesce(sum(p.amount) FILTER (WHERE p.paid_at >= b.day AND p.paid_at < b.day_end), 0) AS today,
           coalesce(sum(p.amount), 0) AS month
    FROM bounds AS b LEFT JOIN hotspot.payments AS p
    ON p.state = 'applied' AND p.paid_at >= b.month AND p.paid_at < b.month_end
), payments AS (
    SELECT coalesce(jsonb_object_agg(state, jsonb_build_object('count', number, 'amount', amount)), '{}') AS found
    FROM (SELECT state, count(*) AS number, sum(amount) AS amount FROM hotspot.payments GROUP BY state) AS s
), reach AS (
    SELECT coalesce(jsonb_object_agg(reach, number), '{}') AS found
    FROM (SELECT reach, count(*) AS number FROM hotspot.routers WHERE retired_at IS NULL GROUP BY reach) AS s
), deploy AS (
    SELECT coalesce(jsonb_object_agg(deploy, number), '{}') AS found
    FROM (SELECT deploy, count(*) AS number FROM hotspot.routers WHERE retired_at IS NULL GROUP BY deploy) AS s
), sms AS (
    SELECT coalesce(jsonb_object_agg(state, number), '{}') AS found
    FROM (SELECT state, count(*) AS number FROM hotspot.sms_outbox GROUP BY state) AS s
), sessions AS (
    SELECT count(*) FILTER (WHERE ended_at IS NULL) AS online, coalesce(sum(seconds), 0) AS seconds,
           coalesce(sum(bytes_in), 0) AS bytes_in, coalesce(sum(bytes_out), 0) AS bytes_out
    FROM hotspot.sessions
), jobs AS (
    SELECT coalesce(jsonb_object_agg(queue, states), '{}') AS found FROM (
        SELECT queue, jsonb_object_agg(state, number) AS states
        FROM (SELECT queue, state, count(*) AS number FROM qsup.jobs GROUP BY queue, state) AS s GROUP BY queue) AS q
)
INSERT INTO hotspot.dashboard_stats AS d (
    as_of, customers, active_subscriptions, revenue_today, revenue_month, payments_by_state, routers_by_reach,
    routers_by_deploy, sms_by_state, sessions_online, usage_seconds, usage_bytes_in, usage_bytes_out, jobs_by_queue)
SELECT now(), (SELECT count(*) FROM hotspot.users),
       (SELECT count(*) FROM hotspot.subscriptions
        WHERE state = 'active' AND starts_at <= now() AND ends_at > now()),
       revenue.today, revenue.month, payments.found, reach.found, deploy.found, sms.found,
       sessions.online, sessions.seconds, sessions.bytes_in, sessions.bytes_out, jobs.found
FROM revenue, payments, reach, deploy, sms, sessions, jobs
ON CONFLICT (only_row) DO UPDATE SET
    as_of = excluded.as_of, customers = excluded.customers, active_subscriptions = excluded.active_subscriptions,
    revenue_today = excluded.revenue_today, revenue_month = excluded.revenue_month,
    payments_by_state = excluded.payments_by_state, routers_by_reach = excluded.routers_by_reach,
    routers_by_deploy = excluded.routers_by_deploy, sms_by_state = excluded.sms_by_state,
    sessions_online = excluded.sessions_online, usage_seconds = excluded.usage_seconds,
    usage_bytes_in = excluded.usage_bytes_in, usage_bytes_out = excluded.usage_bytes_out,
    jobs_by_queue = excluded.jobs_by_queue
WHERE d.as_of < excluded.as_of
"""


def update_dashboard(job: UpdateDashboardStatsJob, ctx: qsup.Context) -> None:  # noqa: ARG001  every handler has both
    """Count and store; the job ends in the same COMMIT."""
    with ctx.transaction() as conn:
        recompute(conn)


def recompute(conn: psycopg.Connection[Any]) -> bool:
    """Write the row of dashboard_stats in the caller's transaction; False when a later one stands there."""
    return conn.execute(RECOMPUTE).rowcount == 1
