"""SyncRouterDataJob: what a router reports of itself, through librouteros and its casts, into one row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from handlers.router_facts import read_facts, store
from handlers.router_reading import span, switch, text, whole_number
from handlers.sandbox.faults import Kind
from handlers.sandbox.routeros import RouterSimulator
from handlers.settings import router_settings
from tests.handlers.hotspot import Hotspot
from tests.handlers.test_checks import add, closed_port


def sync(hotspot: Hotspot, router: int | None = None) -> list[str]:
    """One job, its tries and what it dispatches; how each run went."""
    payload = "{}" if router is None else f'{{"router_id": {router}}}'
    hotspot.db.execute("SELECT qsup.dispatch('SyncRouterDataJob', %s)", [payload])
    return [str(report.kind) for report in hotspot.run("router-data")]


def facts(hotspot: Hotspot, router: int) -> dict[str, Any]:
    return hotspot.row("SELECT * FROM hotspot.router_data WHERE router_id = %s", router)


def test_a_router_s_report_becomes_its_row(hotspot: Hotspot, router: RouterSimulator) -> None:
    router.tables._rows["/ip/hotspot/active"] = {f"*{one}": {"user": f"u{one}"} for one in range(3)}
    router.tables._rows["/ip/hotspot/host"] = {f"*{one}": {"address": f"10.0.0.{one}"} for one in range(5)}
    number = add(hotspot, router.address)
    assert sync(hotspot, number) == ["done"]
    row = facts(hotspot, number)
    resource = router.tables.find("/system/resource")[0]
    assert (row["identity"], row["version"]) == ("MikroTik", resource["version"])
    assert row["uptime_seconds"] == 26 * 3600
    assert (row["cpu_load"], row["free_memory"]) == (int(resource["cpu-load"]), int(resource["free-memory"]))
    assert (row["hotspot_active"], row["hotspot_hosts"]) == (3, 5)
    assert [one["name"] for one in row["interfaces"]] == [one["name"] for one in router.tables.find("/interface")]
    assert row["board"] is None, "what it did not say is not made up"


@pytest.mark.parametrize("name", ["0042", "123", "true", "site-7", "Nairobi café"])
def test_a_name_is_text_whatever_it_looks_like(hotspot: Hotspot, router: RouterSimulator, name: str) -> None:
    router.tables.set("/system/identity", "", {"name": name})
    number = add(hotspot, router.address)
    sync(hotspot, number)
    assert facts(hotspot, number)["identity"] == name


def test_casts_are_undone() -> None:
    assert [text(value) for value in (12, True, False, "x\0y", None)] == ["12", "true", "false", "xy", None]
    assert [whole_number(value) for value in (3, "3", "-3", "3%", True, None, "9" * 30)] == [
        3, 3, -3, None, None, None, None,
    ]  # fmt: skip
    assert [span(value) for value in ("1d2h", "1w00:00:01", 90, "soon", None)] == [93600, 604801, 90, None, None]
    assert [switch(value) for value in (True, "no", "yes", None, 1)] == [True, False, True, None, None]


def test_without_an_id_every_router_in_service_has_a_job_of_its_own_once(
    hotspot: Hotspot, router: RouterSimulator
) -> None:
    good, dead = add(hotspot, router.address), add(hotspot, closed_port())
    retired = add(hotspot, "127.0.0.1:3", retired_at="2026-11-21")
    for _ in range(2):
        hotspot.db.execute("SELECT qsup.dispatch('SyncRouterDataJob', '{}')")
    kinds = [report.kind for report in hotspot.run("router-data")]
    assert kinds.count("committed") == 2
    assert kinds.count("done") == 1, "the second one found a job waiting for each router"
    assert kinds.count("error") == 3, "the dead one was tried three times, by itself"
    assert [row["router_id"] for row in hotspot.rows("SELECT router_id FROM hotspot.router_data")] == [good]
    assert dead != retired


@pytest.mark.parametrize("kind", [Kind.CLOSE_BEFORE, Kind.RESET, Kind.HALF, Kind.FATAL, Kind.HANG_AFTER])
def test_a_router_that_is_away_for_a_moment_is_asked_again(
    hotspot: Hotspot, router: RouterSimulator, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTER_DEADLINE", "0.5")
    number = add(hotspot, router.address)
    router.faults.order("/interface/print", kind)
    assert sync(hotspot, number) == ["error", "done"]
    assert facts(hotspot, number)["identity"] == "MikroTik"
    assert hotspot.value("SELECT reach FROM hotspot.routers") == "unknown", "reach is CheckRoutersJob's to say"


def test_a_router_that_refuses_is_flagged_and_not_asked_again(hotspot: Hotspot) -> None:
    with RouterSimulator(user="qsup", password="another") as router, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROUTER_USER", "qsup")
        patch.setenv("ROUTER_PASSWORD", "s3cret")
        number = add(hotspot, router.address)
        assert sync(hotspot, number) == ["discard"]
        assert hotspot.value("SELECT problem FROM hotspot.routers WHERE id = %s", number) == "credentials"
        patch.delenv("ROUTER_PASSWORD")
        assert sync(hotspot, number) == ["discard"]
        assert hotspot.value("SELECT problem FROM hotspot.routers WHERE id = %s", number) == "settings"
    assert hotspot.rows("SELECT * FROM hotspot.router_data") == []


def test_an_unknown_router_fails_and_a_retired_one_is_done(hotspot: Hotspot, router: RouterSimulator) -> None:
    number = add(hotspot, router.address, retired_at="2026-11-21")
    assert sync(hotspot, number) == ["done"]
    assert sync(hotspot, number + 100) == ["discard"]
    assert router.commands == []


def test_a_report_is_only_replaced_by_a_later_one(
    hotspot: Hotspot, router: RouterSimulator, in_threads: Callable[..., None]
) -> None:
    number = add(hotspot, router.address)
    for _ in range(4):
        hotspot.db.execute("SELECT qsup.dispatch('SyncRouterDataJob', %s)", [f'{{"router_id": {number}}}'])
    in_threads(lambda: hotspot.run("router-data"), 4)
    row = facts(hotspot, number)
    router.tables.set("/system/identity", "", {"name": "late"})
    late = read_facts(router_settings(), seconds=10)
    assert not store(hotspot.db, number, row["as_of"], late)
    assert not store(hotspot.db, number, row["as_of"] - timedelta(seconds=1), late)
    assert facts(hotspot, number) == row
    assert store(hotspot.db, number, row["as_of"] + timedelta(seconds=1), late)
    assert facts(hotspot, number)["identity"] == "late"
