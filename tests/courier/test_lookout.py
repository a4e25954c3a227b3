"""The lookout: who is idle asks little, and what nobody notifies about is found all the same."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from qsup.courier.desk import Desk
from qsup.courier.ports import Clock
from qsup.courier.serve import Service
from qsup.messages import Configure
from tests.courier.rig import Rig, a_queue, a_routing
from tests.courier.test_jobs_run import put, ready

CONNECTIONS = """
SELECT split_part(application_name, ':', 2) AS role, query_start FROM pg_stat_activity
WHERE application_name ~ '^qsup:(courier|lookout|house):' ORDER BY role
"""


def connections(rig: Rig) -> dict[str, Any]:
    """When each of the courier's connections was last used, by what it is for."""
    return dict(rig.rows(CONNECTIONS))


def test_an_idle_courier_has_two_connections_and_asks_on_one_of_them(rig: Rig) -> None:
    ready(rig)
    put(rig, "raise")
    rig.until(rig.drained, "the house was needed to run it again")
    rig.until(lambda: connections(rig).keys() == {"courier", "lookout"}, "the house has closed its connection")
    claims, looks = None, set[Any]()

    def looks_without_a_poll() -> int:
        nonlocal claims
        now = connections(rig)
        if now["courier"] != claims:
            # Every five seconds it asks all the same.
            claims = now["courier"]
            looks.clear()
        looks.add(now["lookout"])
        return len(looks)

    rig.until(lambda: looks_without_a_poll() >= 4, "as long as somebody looks the claim loop does not poll")


@pytest.mark.parametrize("how", ["ready", "scheduled"])
def test_a_job_that_no_notification_tells_of_is_found_also_after_the_lookout_lost_its_connection(
    rig: Rig, how: str
) -> None:
    ready(rig)
    rig.until(lambda: "lookout" in connections(rig), "it looks")
    rig.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^qsup:lookout:'")
    insert = (
        "INSERT INTO qsup.jobs (queue, type, payload, state, available_at)"
        " VALUES ('q', 'Note', jsonb_build_object('path', %s::text), %s, now() + interval '0.5 s')"
    )
    with psycopg.connect(rig.dsn, autocommit=True) as conn:
        conn.execute(insert, (str(rig.notes), how))
    rig.until(rig.drained, "it was run")


@pytest.mark.parametrize(
    ("glanced", "seconds", "polls"), [(-60.0, 1.5, True), (99.4, 1.5, True), (99.6, 1.5, False), (105.0, 5.1, True)]
)
def test_the_claim_loop_polls_when_nobody_has_looked_for_two_intervals_and_rarely_in_any_case(
    glanced: float, seconds: float, polls: bool
) -> None:
    now = [100.0]
    desk = Desk(Clock(lambda: now[0], lambda: now[0]), lambda: 0.5)
    service = Service(desk, board=None, tell=lambda _: None, takes_back=False)  # type: ignore[arg-type]  # not asked
    desk.obey(Configure(1, a_routing(a_queue("q")).to_dict(), "", "us", "queues.yaml"))
    service.poll()
    desk.claims.lines["q"].empty, now[0] = True, 100.0 + seconds
    service.glanced_at = lambda: glanced
    service.poll()
    assert desk.claims.lines["q"].empty is not polls
