"""Every refusal that RouterOS is known to give: read from a socket, classified, and what a job makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from handlers.router import Router
from handlers.router_errors import ROUTER_ERRORS, class_of, is_worth_another_try, text_of
from handlers.sandbox.faults import Kind
from handlers.sandbox.menus import MENUS
from handlers.sandbox.routeros import RouterSimulator
from handlers.sandbox.wire import encode_sentence
from handlers.settings import RouterSettings, router_settings
from tests.handlers.hotspot import DATA, Hotspot

KNOWN = json.loads((DATA / "routeros_errors.json").read_text())
USERS = "/ip/hotspot/user"
PROFILES = "/ip/hotspot/user/profile"
PHONE = "254712345678"

AGAIN = {"closed", "cancelled", "transient"}
"""Classes that are tried again by the queue; `duplicate` and `gone` are looked at once more in the same run."""
FOUND_AGAIN = {"duplicate", "gone"}
FLAGS = {"auth": "credentials", "permission": "permission", "no-such-menu": "menu", "no-such-command": "menu"}


def settings(router: RouterSimulator, **more: str) -> RouterSettings:
    environment = {"ROUTER": router.address, "ROUTER_USER": "qsup", "ROUTER_PASSWORD": "s3cret", "ROUTER_TIMEOUT": "5"}
    return router_settings(environment | more)


def refuse(router: RouterSimulator, command: str, error: dict[str, Any], times: int | None) -> None:
    """Let the router answer so."""
    kind = Kind.FATAL if error["reply"] == "!fatal" else Kind.TRAP
    # Version 7 sends this one as two traps in one reply.
    twice = error["text"].endswith(", no such command prefix")
    router.faults.order(command, kind, *(error["text"].split(", ") if twice else [error["text"]]), times=times)


@pytest.mark.parametrize("error", KNOWN["errors"], ids=lambda error: error["text"])
def test_every_known_text_has_its_class_when_it_comes_over_a_socket(
    router: RouterSimulator, error: dict[str, Any]
) -> None:
    refuse(router, f"{USERS}/add", error, 1)
    with pytest.raises(ROUTER_ERRORS) as refused, Router(settings(router), seconds=10) as connection:
        connection._command(f"{USERS}/add", "=name=a")
    assert router.faults.hits, "the router did not say it"
    assert text_of(refused.value) == error["text"]
    assert class_of(refused.value) == error["class"]
    assert is_worth_another_try(refused.value) is (error["class"] in AGAIN)


@pytest.mark.parametrize("error", KNOWN["errors"], ids=lambda error: error["text"])
def test_a_job_retries_what_may_go_away_and_fails_at_once_on_what_will_not(
    hotspot: Hotspot, router: RouterSimulator, error: dict[str, Any]
) -> None:
    hotspot.play("stk_success")
    kind = error["class"]
    at = "/login" if kind == "auth" and error["text"] != "not logged in" else f"{USERS}/add"
    refuse(router, at, error, 1 if kind in AGAIN | FOUND_AGAIN else None)
    reports = hotspot.run("provisioning")
    if kind in AGAIN:
        assert [one.kind for one in reports] == ["error", "committed"]
    elif kind in FOUND_AGAIN:
        assert [one.kind for one in reports] == ["committed"]
    else:
        assert [one.kind for one in reports] == ["discard"]
        assert f"refuses ({kind}): {error['text']}" in reports[0].reason
        assert hotspot.value("SELECT problem FROM hotspot.routers") == FLAGS.get(kind)
    users = router.tables.find(USERS)
    assert [user["name"] for user in users] == ([PHONE] if kind in AGAIN | FOUND_AGAIN else [])


@pytest.mark.parametrize("kind", sorted(FOUND_AGAIN))
def test_what_is_refused_again_after_a_second_look_fails_at_once(
    hotspot: Hotspot, router: RouterSimulator, kind: str
) -> None:
    hotspot.play("stk_success")
    refuse(router, f"{USERS}/add", next(error for error in KNOWN["errors"] if error["class"] == kind), None)
    assert [one.kind for one in hotspot.run("provisioning")] == ["discard"]


def some_menus_take_a_row_twice(router: RouterSimulator, connection: Router) -> None:
    case = next(one for one in KNOWN["not_errors"] if one["case"].startswith("menus without"))
    known = [menu for menu in case["menus"] if menu in MENUS]
    assert len(known) >= 8
    for menu in known:
        words = ["=comment=qsup:test", *(f"={name}=x" for name in MENUS[menu].required)]
        connection._command(f"{menu}/add", *words)
        connection._command(f"{menu}/add", *words)
        assert len(router.tables.find(menu, ["?comment=qsup:test"])) == 2


def a_disabled_row_is_found_and_not_added_beside(router: RouterSimulator, connection: Router) -> None:
    router.tables.add(USERS, {"name": "a", "disabled": "yes"})
    assert connection.ensure(USERS, {"name": "a"}, {"disabled": "no"}) == "changed"
    assert len(router.tables.find(USERS, ["?name=a"])) == 1


def a_pool_in_use_may_be_removed(router: RouterSimulator, connection: Router) -> None:
    number = router.tables.add("/ip/pool", {"name": "p", "ranges": "10.0.0.2-10.0.0.9"})
    router.tables.add(PROFILES, {"name": "uses-it", "address-pool": "p"})
    connection._command("/ip/pool/remove", f"=.id={number}")
    assert connection.rows("/ip/pool") == []


def an_error_does_not_prove_that_nothing_happened(router: RouterSimulator, connection: Router) -> None:
    taken = "failure: already have user with this name for this server"
    router.faults.order(f"{USERS}/add", Kind.TRAP_AFTER, taken)
    assert connection.ensure(USERS, {"name": "b"}, {"password": "secret"}) == "unchanged"
    assert len(router.tables.find(USERS, ["?name=b"])) == 1


def dynamic_rows_of_the_same_name_are_left_out(router: RouterSimulator, connection: Router) -> None:
    rows = [["!re", "=.id=*1", "=name=api"], ["!re", "=.id=*2", "=name=api", "=dynamic=true"], ["!done"]]
    router.faults.order("/ip/pool/print", Kind.RAW, raw=b"".join(map(encode_sentence, rows)))
    assert [row[".id"] for row in connection.rows("/ip/pool", name="api")] == ["*1"]


def a_column_that_is_absent_has_its_default_and_id_0_is_an_id(router: RouterSimulator, connection: Router) -> None:
    rows = [["!re", "=.id=*0", "=name=c", "=server=all"], ["!done"]]
    for _ in range(2):
        router.faults.order(f"{USERS}/print", Kind.RAW, raw=b"".join(map(encode_sentence, rows)))
    assert connection.ensure(USERS, {"name": "c"}, {"comment": "", "disabled": "no"}) == "unchanged"
    router.faults.order(f"{USERS}/set", Kind.RAW, raw=encode_sentence(["!done"]))
    assert connection.ensure(USERS, {"name": "c"}, {"comment": "x"}) == "changed"
    assert router.faults.hits[-1] == (f"{USERS}/set", Kind.RAW)


def a_row_that_does_not_work_says_so_in_a_column(router: RouterSimulator, connection: Router) -> None:
    rows = [["!re", "=.id=*1", "=name=hs1", "=invalid=true", "=disabled=false"], ["!done"]]
    router.faults.order("/ip/hotspot/print", Kind.RAW, raw=b"".join(map(encode_sentence, rows)))
    assert connection.rows("/ip/hotspot") == [{".id": "*1", "name": "hs1", "invalid": True, "disabled": False}]


def empty_before_done_is_no_row(router: RouterSimulator, connection: Router) -> None:
    for router.says_empty in (True, False):
        assert connection.rows("/ip/pool") == []


def a_reboot_ends_the_connection_without_an_answer(router: RouterSimulator, connection: Router) -> None:
    with pytest.raises(ROUTER_ERRORS) as ended:
        connection._command("/system/reboot")
    assert (class_of(ended.value), router.reboots) == ("network", 1)


def a_full_router_closes_and_is_tried_again(router: RouterSimulator, connection: Router) -> None:
    router.max_sessions = 1
    with pytest.raises(ROUTER_ERRORS) as closed, Router(settings(router), seconds=10):
        pass
    assert is_worth_another_try(closed.value)
    assert "too many sessions" in text_of(closed.value)
    assert connection.rows(USERS) == [], "who was there before goes on"


def values_are_compared_by_meaning(_: RouterSimulator, connection: Router) -> None:
    wanted = {"idle-timeout": "600s", "add-mac-cookie": "yes", "session-timeout": "1d02:00:00"}
    assert connection.ensure(PROFILES, {"name": "p"}, wanted) == "added"
    assert connection.ensure(PROFILES, {"name": "p"}, wanted) == "unchanged"


def a_refused_write_is_never_taken_for_a_success(router: RouterSimulator, connection: Router) -> None:
    router.read_only = True
    with pytest.raises(ROUTER_ERRORS, match="not enough permissions"):
        connection.ensure(USERS, {"name": "d"}, {})


NOT_ERRORS: dict[str, Callable[[RouterSimulator, Router], None]] = {
    "menus without any duplicate check": some_menus_take_a_row_twice,
    "duplicates of DISABLED rows": a_disabled_row_is_found_and_not_added_beside,
    "references are checked at add, not at remove": a_pool_in_use_may_be_removed,
    "an error does not prove that nothing happened": an_error_does_not_prove_that_nothing_happened,
    "/ip/service has dynamic rows with the same name": dynamic_rows_of_the_same_name_are_left_out,
    "fields that are there or not": a_column_that_is_absent_has_its_default_and_id_0_is_an_id,
    "no !trap but the object does not work": a_row_that_does_not_work_says_so_in_a_column,
    "!empty before !done": empty_before_done_is_no_row,
    "reboot / shutdown": a_reboot_ends_the_connection_without_an_answer,
    "max-sessions of /ip/service api reached": a_full_router_closes_and_is_tried_again,
    "values are canonicalised": values_are_compared_by_meaning,
    "PHP client EvilFreelancer/routeros-api-php": a_refused_write_is_never_taken_for_a_success,
}


@pytest.mark.parametrize("case", [one["case"] for one in KNOWN["not_errors"]])
def test_what_is_no_error_is_none(router: RouterSimulator, case: str) -> None:
    [check] = [check for name, check in NOT_ERRORS.items() if case.startswith(name)]
    with Router(settings(router), seconds=10) as connection:
        check(router, connection)


def test_several_traps_of_one_reply_are_one_error_with_the_gravest_class(router: RouterSimulator) -> None:
    router.faults.order("/ip/pool/print", Kind.TRAP, "failure: already have such name", "not enough permissions (9)")
    with Router(settings(router), seconds=10) as connection:
        with pytest.raises(ROUTER_ERRORS) as refused:
            connection.rows("/ip/pool")
        assert text_of(refused.value) == "failure: already have such name, not enough permissions (9)"
        assert class_of(refused.value) == "permission"
        assert connection.rows("/ip/pool") == [], "the connection is in step after traps"
