"""SyncRouterDataJob: what a router reports of itself becomes its row of hotspot.router_data."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

import qsup
from handlers import reach
from handlers.jobs import SyncRouterDataJob
from handlers.router_errors import FLAGGED, ROUTER_ERRORS, class_of, is_worth_another_try, text_of
from handlers.router_reading import RouterReader, span, switch, text, whole_number
from handlers.settings import RouterSettings, SettingMissing, settings_of

log = logging.getLogger(__name__)

RESOURCE = ("uptime", "version", "board-name", "architecture-name", "cpu-load", "free-memory", "total-memory")
INTERFACE = ("name", "type", "running", "disabled", "mac-address")
SECONDS_TO_RECORD = 5.0


class RouterSilent(Exception):
    """The router did not answer, or not sensibly; the job is tried again by its queue's backoff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One row of router_data, without its key; the names are the columns'."""

    identity: str | None
    version: str | None
    board: str | None
    architecture: str | None
    uptime_seconds: int | None
    cpu_load: int | None
    free_memory: int | None
    total_memory: int | None
    hotspot_active: int
    hotspot_hosts: int
    interfaces: str


def sync_router_data(job: SyncRouterDataJob, ctx: qsup.Context) -> None:
    """Of one router, store what it reports; without an id, dispatch a job for each: no failure stops the others."""
    if job.router_id is None:
        with ctx.transaction() as conn:
            for row in conn.execute("SELECT id FROM hotspot.routers WHERE retired_at IS NULL ORDER BY id").fetchall():
                SyncRouterDataJob(router_id=row[0]).dispatch(conn, unique=f"router:{row[0]}")
        return
    with ctx.connect() as conn:
        row = conn.execute(
            "SELECT coalesce(name, ''), address, retired_at, clock_timestamp() FROM hotspot.routers WHERE id = %s",
            [job.router_id],
        ).fetchone()
        if row is None:
            raise qsup.Discard(f"there is no router {job.router_id}")
        name, address, retired_at, now = row
        if retired_at is not None:
            log.info("router %d is retired: nothing to read", job.router_id)
            return
        facts = _ask(conn, job.router_id, name, address, seconds=max(1.0, ctx.timeout - SECONDS_TO_RECORD))
        if not store(conn, job.router_id, now, facts):
            log.info("router %d: something later is stored already", job.router_id)


def read_facts(settings: RouterSettings, *, seconds: float) -> Facts:
    """Ask the router, within `seconds` all together. Raises ROUTER_ERRORS."""
    with RouterReader(settings, seconds=seconds) as router:
        resource = router.first("/system/resource", *RESOURCE)
        identity = router.first("/system/identity", "name")
        return Facts(
            identity=text(identity.get("name")),
            version=text(resource.get("version")),
            board=text(resource.get("board-name")),
            architecture=text(resource.get("architecture-name")),
            uptime_seconds=span(resource.get("uptime")),
            cpu_load=whole_number(resource.get("cpu-load")),
            free_memory=whole_number(resource.get("free-memory")),
            total_memory=whole_number(resource.get("total-memory")),
            hotspot_active=router.count("/ip/hotspot/active"),
            hotspot_hosts=router.count("/ip/hotspot/host"),
            interfaces=json.dumps([_interface(row) for row in router.read("/interface", *INTERFACE)]),
        )


def store(conn: psycopg.Connection[Any], router_id: int, as_of: datetime, facts: Facts) -> bool:
    """Keep the facts; False when the row is as late as `as_of` already, and stays."""
    values = {name: getattr(facts, name) for name in Facts.__dataclass_fields__}
    done = conn.execute(
        "INSERT INTO hotspot.router_data AS d (router_id, as_of, identity, version, board, architecture,"
        "  uptime_seconds, cpu_load, free_memory, total_memory, hotspot_active, hotspot_hosts, interfaces)"
        " SELECT id, %(as_of)s, %(identity)s, %(version)s, %(board)s, %(architecture)s, %(uptime_seconds)s,"
        "  %(cpu_load)s, %(free_memory)s, %(total_memory)s, %(hotspot_active)s, %(hotspot_hosts)s,"
        "  %(interfaces)s::jsonb FROM hotspot.routers WHERE id = %(router)s"
        " ON CONFLICT (router_id) DO UPDATE SET as_of = excluded.as_of, identity = excluded.identity,"
        "  version = excluded.version, board = excluded.board, architecture = excluded.architecture,"
        "  uptime_seconds = excluded.uptime_seconds, cpu_load = excluded.cpu_load,"
        "  free_memory = excluded.free_memory, total_memory = excluded.total_memory,"
        "  hotspot_active = excluded.hotspot_active, hotspot_hosts = excluded.hotspot_hosts,"
        "  interfaces = excluded.interfaces WHERE d.as_of < excluded.as_of",
        {**values, "router": router_id, "as_of": as_of},
    )
    return done.rowcount == 1


def _interface(row: dict[str, object]) -> dict[str, str | bool | None]:
    words: dict[str, str | bool | None] = {name: text(row.get(name)) for name in ("name", "type", "mac-address")}
    return words | {name: switch(row.get(name)) for name in ("running", "disabled")}


def _ask(conn: psycopg.Connection[Any], router_id: int, name: str, address: str, *, seconds: float) -> Facts:
    """The facts; what the router will always refuse flags it and discards the job, what may pass is tried again."""
    try:
        settings = settings_of(name, address)
    except SettingMissing as error:
        reach.flag(conn, router_id, "settings", str(error))
        raise qsup.Discard(str(error)) from None
    try:
        return read_facts(settings, seconds=min(settings.deadline, seconds))
    except ROUTER_ERRORS as error:
        kind = class_of(error)
        if is_worth_another_try(error):
            raise RouterSilent(f"router {address}: {text_of(error)}") from None
        reach.flag(
            conn, router_id, "tls" if kind == "tls" else FLAGGED.get(kind, "refuses"), f"{kind}: {text_of(error)}"
        )
        raise qsup.Discard(f"router {address} refuses ({kind}): {text_of(error)}") from None
