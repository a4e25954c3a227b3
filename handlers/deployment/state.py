"""A router's row, and the lock that lets one deployment at a time touch it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg

from handlers.jobs import RouterProvisioningJob

MOST_TEXT = 1000
"""Characters of an explanation that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One row of hotspot.routers, as a deployment needs it."""

    id: int
    name: str
    address: str
    values: dict[str, Any]
    deploy: str
    deploy_job: int | None = field(default=None)

    @property
    def called(self) -> str:
        """What people call it."""
        return self.name or self.address


def request_deployment(conn: psycopg.Connection[Any], router_id: int) -> int:
    """Dispatch the deployment of a router and mark it `pending`, in one transaction of `conn`; the job's id.

    Raises LookupError for a router that is not there or retired, and qsup.DispatchError; nothing is changed then.
    """
    with conn.transaction():
        changed = conn.execute(
            "UPDATE hotspot.routers SET deploy = 'pending', deploy_at = clock_timestamp(), deploy_detail = NULL"
            " WHERE id = %s AND retired_at IS NULL",
            [router_id],
        )
        if changed.rowcount != 1:
            raise LookupError(f"there is no router {router_id} in use")
        return RouterProvisioningJob(router_id=router_id).dispatch(conn)


def lock(own: psycopg.Connection[Any], router_id: int, seconds: float) -> bool:
    """Wait so long to be the only one who deploys to this router, until `own` is closed; False if it was in vain.

    The journal is written over the same connection: whoever loses it, and with it the lock, writes nothing more.
    """
    own.execute("SELECT set_config('lock_timeout', %s, false)", [f"{max(1, int(seconds * 1000))}ms"])
    try:
        own.execute("SELECT pg_advisory_lock(hashtextextended('hotspot.routers.deploy', %s))", [router_id])
    except psycopg.errors.LockNotAvailable:
        return False
    own.execute("SELECT set_config('lock_timeout', '0', false)")
    return True


def load(conn: psycopg.Connection[Any], router_id: int) -> Target | None:
    """The router; None when there is none, or it is retired."""
    row = conn.execute(
        "SELECT id, coalesce(name, ''), address, vars, deploy, deploy_job FROM hotspot.routers"
        " WHERE id = %s AND retired_at IS NULL",
        [router_id],
    ).fetchone()
    if row is None:
        return None
    return Target(id=row[0], name=row[1], address=row[2], values=row[3], deploy=row[4], deploy_job=row[5])


def take(own: psycopg.Connection[Any], router_id: int, job_id: int) -> None:
    """The router is this job's from now on: no other job's failed hook touches it."""
    own.execute("UPDATE hotspot.routers SET deploy_job = %s WHERE id = %s", [job_id, router_id])


def want(own: psycopg.Connection[Any], router_id: int, fingerprint: str) -> None:
    """What the router is to be is known; it has not been touched yet."""
    own.execute("UPDATE hotspot.routers SET wanted_hash = %s WHERE id = %s", [fingerprint, router_id])


def enter(own: psycopg.Connection[Any], router_id: int, deploy: str, detail: str | None = None) -> None:
    """The deployment is now `deploying` or `verifying`."""
    own.execute(
        "UPDATE hotspot.routers SET deploy = %s, deploy_detail = %s, deploy_at = clock_timestamp() WHERE id = %s",
        [deploy, detail, router_id],
    )


def explain(own: psycopg.Connection[Any], router_id: int, detail: str) -> None:
    """Why the deployment waits for another try."""
    own.execute("UPDATE hotspot.routers SET deploy_detail = %s WHERE id = %s", [detail[:MOST_TEXT], router_id])


def fail(own: psycopg.Connection[Any], router_id: int, problem: str, detail: str) -> None:
    """The deployment has failed, for a reason that a person must look at."""
    own.execute(
        "UPDATE hotspot.routers SET deploy = 'failed', deploy_detail = %(detail)s, deploy_at = clock_timestamp(),"
        " problem = %(problem)s, problem_detail = %(detail)s, problem_at = clock_timestamp()"
        " WHERE id = %(router)s",
        {"detail": detail[:MOST_TEXT], "problem": problem, "router": router_id},
    )


def activate(conn: psycopg.Connection[Any], router_id: int, fingerprint: str) -> None:
    """Everything was read back from the router."""
    conn.execute(
        "UPDATE hotspot.routers SET deploy = 'active', deploy_detail = NULL, deploy_at = clock_timestamp(),"
        " verified_at = clock_timestamp(), verified_hash = %s, reach = 'online', reach_at = clock_timestamp(),"
        " problem = NULL, problem_detail = NULL, problem_at = NULL WHERE id = %s",
        [fingerprint, router_id],
    )
