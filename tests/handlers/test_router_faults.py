"""A router that misbehaves in every way that was seen: each try ends in its time, and nothing is doubled afterwards."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from datetime import timedelta

import pytest
from librouteros.exceptions import TrapError

from handlers.provisioning import Order
from handlers.router import Router
from handlers.router_errors import ROUTER_ERRORS, class_of, is_worth_another_try, text_of
from handlers.router_user import put_on_router
from handlers.sandbox.faults import BROKEN, CONNECT, Kind
from handlers.sandbox.routeros import RouterSimulator
from handlers.settings import RouterSettings, router_settings
from tests.handlers.hotspot import Hotspot
from tests.handlers.test_router_errors import PHONE, PROFILES, USERS, settings

WRITES = [f"{PROFILES}/add", f"{USERS}/add"]
COMMANDS = [CONNECT, "/login", "/system/identity/print", f"{PROFILES}/print", f"{USERS}/print", *WRITES]
CUT = [Kind.CLOSE_BEFORE, Kind.CLOSE_AFTER, Kind.RESET, Kind.HALF, Kind.FATAL, Kind.HANG_BEFORE, Kind.HANG_AFTER]
"""After these there is no whole answer."""
HARMLESS = {"an empty sentence", "an unknown reply word", "bytes that are no UTF-8"}
"""Of BROKEN: what the protocol lets a client pass over."""
FINAL = {"a trap message of digits"}
"""Of BROKEN: a refusal, if a strange one."""
ORDER = Order(
    subscription_id=1, user_id=1, is_over=False, username=PHONE, password="pa55word", package="wifi-1h",
    authority="router", rate_limit="2M/5M", shared_users=1, idle_timeout=None, bought=timedelta(hours=1), bytes=None,
)  # fmt: skip


SILENT = {"HANG_BEFORE", "HANG_AFTER", "DELAY over the timeout"} | {
    "a word shorter than its length", "a length of 268 million", "another protocol",
}  # fmt: skip
"""Faults that only a timeout ends. For all others a client waits long: a busy machine must not look like a fault."""


def put(settings: RouterSettings, order: Order, *, seconds: float) -> str:
    """A whole conversation."""
    with Router(settings, seconds=seconds) as router:
        return put_on_router(router, settings.hotspot_server, order)


def timeout(name: str) -> str:
    """ROUTER_TIMEOUT for a client that meets this fault."""
    return "0.4" if name.removeprefix("RAW ") in SILENT else "10"


def tries(router: RouterSimulator, name: str, most: int = 5) -> list[str]:
    """The classes of the tries that failed, until one succeeds or nothing is to be hoped for."""
    failed: list[str] = []
    for _ in range(most):
        met = bool(router.faults.hits)
        configured = settings(router, ROUTER_TIMEOUT="10" if met else timeout(name))
        try:
            put(configured, ORDER, seconds=30)
        except ROUTER_ERRORS as error:
            failed.append(class_of(error))
            if not is_worth_another_try(error):
                break
        else:
            break
    return failed


def assert_nothing_is_doubled(router: RouterSimulator) -> None:
    assert len(router.tables.find(USERS, [f"?name={PHONE}"])) == 1
    assert len(router.tables.find(PROFILES, ["?name=qsup-wifi-1h"])) == 1


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", CUT)
def test_a_lost_answer_costs_one_try_and_doubles_nothing(router: RouterSimulator, command: str, kind: Kind) -> None:
    router.faults.order(command, kind)
    assert tries(router, kind.name) == ["network"]
    assert router.faults.hits == [(command, kind)]
    assert_nothing_is_doubled(router)


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("command", ["/login", f"{USERS}/print", f"{USERS}/add"])
def test_an_answer_that_no_router_should_give_costs_one_try_at_the_most(
    router: RouterSimulator, command: str, name: str
) -> None:
    router.faults.order(command, Kind.RAW, raw=BROKEN[name])
    failed = tries(router, name)
    assert router.faults.hits
    if name in FINAL:
        assert failed == ["unknown"]
        return
    assert (len(failed), set(failed) <= {"network", "protocol"}) == (0 if name in HARMLESS else 1, True)
    assert_nothing_is_doubled(router)


def test_a_slow_answer_is_waited_for_and_a_late_one_is_never_taken_for_the_next(router: RouterSimulator) -> None:
    router.faults.order(f"{USERS}/print", Kind.DELAY, seconds=0.05)
    assert tries(router, "DELAY") == []
    router.faults.order("/ip/pool/print", Kind.DELAY, seconds=0.8)
    with Router(settings(router, ROUTER_TIMEOUT="0.4"), seconds=30) as connection:
        with pytest.raises(TimeoutError):
            connection.rows("/ip/pool")
        with pytest.raises(ROUTER_ERRORS) as closed:
            connection.rows(USERS)
    assert class_of(closed.value) == "network"
    assert not isinstance(closed.value, TimeoutError), "it was asked again over a connection that is out of step"
    assert router.commands[-1] == "/ip/pool/print"


def test_a_router_that_takes_no_connection_is_given_up_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as waiting:
        for _ in range(2):
            # The kernel answers no further one while these wait to be accepted.
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        host, port = full.getsockname()
        configured = router_settings(
            {"ROUTER": f"{host}:{port}", "ROUTER_USER": "u", "ROUTER_PASSWORD": "p", "ROUTER_TIMEOUT": "60"}
        )
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            put(configured, ORDER, seconds=0.4)
        assert time.monotonic() - began < 30, "a timeout of 60 s was waited for, not the deadline of 0.4 s"


@pytest.mark.parametrize("command", [CONNECT, "/login", "*/print"])
def test_a_router_that_goes_on_for_ever_is_cut_at_the_deadline(router: RouterSimulator, command: str) -> None:
    kind = Kind.HANG_BEFORE if command == CONNECT else Kind.DRIP
    router.faults.order(command, kind, times=None, seconds=0.2)
    with pytest.raises(TimeoutError, match="the router was too slow"):
        put(settings(router, ROUTER_TIMEOUT="30"), ORDER, seconds=0.4)


def test_a_router_that_never_stops_talking_is_cut_before_the_memory_is_full(
    router: RouterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.router_line.MOST_BYTES", 1 << 20)
    for number in range(40):
        router.tables.add("/ip/firewall/filter", {"comment": f"{number}" + "x" * 65536})
    with Router(settings(router), seconds=30) as connection, pytest.raises(ROUTER_ERRORS, match="more than"):
        connection.rows("/ip/firewall/filter")


JOB_TABLE: dict[str, tuple[dict[str, object], list[str]]] = {
    **{kind.name: ({"kind": kind}, ["error", "committed"]) for kind in CUT},
    "DELAY": ({"kind": Kind.DELAY, "seconds": 0.05}, ["committed"]),
    "DELAY over the timeout": ({"kind": Kind.DELAY, "seconds": 5.0}, ["error", "committed"]),
    "DRIP": ({"kind": Kind.DRIP, "seconds": 0.2}, ["error", "committed"]),
    "TRAP transient": ({"kind": Kind.TRAP, "text": "std failure: timeout (13)"}, ["error", "committed"]),
    "TRAP permission": ({"kind": Kind.TRAP, "text": "not enough permissions (9)"}, ["discard"]),
    "TRAP_AFTER duplicate": ({"kind": Kind.TRAP_AFTER, "text": "failure: already have such name"}, ["committed"]),
    **{
        f"RAW {name}": (
            {"kind": Kind.RAW, "raw": raw},
            ["discard"] if name in FINAL else ["committed"] if name in HARMLESS else ["error", "committed"],
        )
        for name, raw in BROKEN.items()
    },
}
"""A fault at the write of the user, and how the runs of the job end."""


@pytest.mark.parametrize("name", JOB_TABLE)
def test_every_fault_ends_the_job_in_its_time_as_its_class_says(
    hotspot: Hotspot, router: RouterSimulator, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fault, expected = dict(JOB_TABLE[name][0]), JOB_TABLE[name][1]
    monkeypatch.setenv("ROUTER_TIMEOUT", timeout(name))
    monkeypatch.setenv("ROUTER_DEADLINE", "1" if name == "DRIP" else "20")
    texts = [str(fault.pop("text"))] if "text" in fault else []
    router.faults.order(f"{USERS}/add", fault.pop("kind"), *texts, **fault)  # type: ignore[arg-type]  # of the table
    hotspot.play("stk_success")
    reports = hotspot.run("provisioning")
    assert [one.kind for one in reports] == expected
    assert len(router.faults.hits) == 1
    if expected[-1] == "committed":
        assert_nothing_is_doubled(router)
        assert len(hotspot.jobs("hotspot-sms")) == 1
    else:
        assert len(router.tables.find(USERS)) <= 1
        assert hotspot.jobs("hotspot-sms") == []


@pytest.mark.parametrize(("command", "kind"), [(CONNECT, Kind.HANG_BEFORE), ("*", Kind.FATAL), ("*", Kind.DRIP)])
def test_a_router_that_never_recovers_uses_up_the_tries_and_no_more(
    hotspot: Hotspot, router: RouterSimulator, monkeypatch: pytest.MonkeyPatch, command: str, kind: Kind
) -> None:
    monkeypatch.setenv("ROUTER_TIMEOUT", "0.2")
    monkeypatch.setenv("ROUTER_DEADLINE", "0.3")
    router.faults.order(command, kind, times=None, seconds=0.1)
    hotspot.play("stk_success")
    reports = hotspot.run("provisioning")
    assert [one.kind for one in reports] == ["error"] * hotspot.routing.queues["provisioning"].tries
    assert {one.exception for one in reports} == {"handlers.mikrotik.RouterAway"}
    assert router.tables.find(USERS) == []


def test_text_stays_text_whatever_it_looks_like(router: RouterSimulator) -> None:
    with Router(settings(router), seconds=10) as connection:
        for name in ("yes", "true", "254712345678", "0042", "10m", "600s", "*1", "=a=b"):
            assert connection.ensure(USERS, {"name": name}, {"password": "10m", "comment": "no"}) == "added"
            assert connection.ensure(USERS, {"name": name}, {"password": "10m", "comment": "no"}) == "unchanged"
            assert connection.ensure(USERS, {"name": name}, {"password": "600s", "comment": "no"}) == "changed"
            [row] = connection.rows(USERS, name=name)
            assert (row["name"], row["password"], row["comment"]) == (name, "600s", "no")
            assert row["disabled"] is False
        router.faults.order("/ip/pool/print", Kind.TRAP, "42")
        with pytest.raises(TrapError) as refused:
            connection.rows("/ip/pool")
        assert (text_of(refused.value), class_of(refused.value)) == ("42", "unknown")


def test_a_password_is_neither_in_the_debug_log_nor_in_an_error(
    router: RouterSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    put(settings(router), ORDER, seconds=10)
    router.login = "token"
    with pytest.raises(ROUTER_ERRORS) as refused:
        put(settings(router, ROUTER_PASSWORD="s\u00e9cret", ROUTER_LOGIN="token"), ORDER, seconds=10)
    assert class_of(refused.value) == "bug", "the older login takes ASCII only, and that will not change"
    told = caplog.text + text_of(refused.value)
    assert not [secret for secret in ("s3cret", "pa55word", "\u00e9", "xe9") if secret in told]


def test_after_the_last_failed_login_there_is_one_answer_and_no_loop(router: RouterSimulator) -> None:
    for wrong in (
        {"ROUTER_PASSWORD": "no"},
        {"ROUTER_USER": "nobody"},
        {"ROUTER_LOGIN": "token", "ROUTER_PASSWORD": "no"},
    ):
        with pytest.raises(TrapError, match="invalid user name or password"):
            put(settings(router, **wrong), ORDER, seconds=10)
    assert router.commands == []
