"""DisconnectHotspotUserJob: by the API of a simulated router, by RADIUS to a real FreeRADIUS that plays the router."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import psycopg
import pytest

from handlers import coa, disconnects
from handlers.jobs import DisconnectHotspotUserJob
from handlers.leaving import ACTIVE, COOKIES, USERS
from handlers.sandbox import radius as sandbox_radius
from handlers.sandbox.faults import Kind
from handlers.sandbox.radius import SECRET
from handlers.sandbox.routeros import RouterSimulator
from qsup.outcome import Report
from tests.handlers.coa_listener import Listener, listening
from tests.handlers.hotspot import Hotspot

PHONE = "254712345678"
OURS = "qsup:hs:user:1"


@pytest.fixture(scope="module")
def only_listener() -> Iterator[Listener]:
    """One router by RADIUS for all tests of this module."""
    if why := sandbox_radius.missing():
        pytest.skip(why)
    with listening() as listener:
        yield listener


@pytest.fixture
def listener(only_listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Listener:
    """A router that is asked by RADIUS, with the handlers' environment pointing at it."""
    monkeypatch.setenv("RADIUS_SECRET", SECRET)
    monkeypatch.setenv("RADIUS_COA_PORT", str(only_listener.port))
    monkeypatch.setenv("RADIUS_COA_TIMEOUT", "0.1")
    assert only_listener.requests is not None
    return only_listener


@pytest.fixture
def expired(hotspot: Hotspot) -> Hotspot:
    """A hotspot whose one customer is to be disconnected, because his time is over."""
    hotspot.play("stk_success")
    hotspot.db.execute(
        "UPDATE hotspot.subscriptions SET state = 'ended', starts_at = now() - interval '2 h',"
        " ends_at = now() - interval '1 h'"
    )
    hotspot.db.execute("DELETE FROM qsup.jobs")
    wish(hotspot, "expired:1")
    return hotspot


def wish(hotspot: Hotspot, key: str) -> None:
    disconnects.request(hotspot.db, key, 1, reason="a test")


def run(hotspot: Hotspot) -> list[Report]:
    return hotspot.run("hotspot-sessions")


def kinds(reports: list[Report]) -> list[str]:
    return [report.kind for report in reports]


def outcome(hotspot: Hotspot) -> tuple[str, str]:
    row = hotspot.row("SELECT state, detail, done_at FROM hotspot.disconnects ORDER BY id DESC LIMIT 1")
    return row["state"], row["detail"] or ""


def online(router: RouterSimulator, name: str = PHONE, mac: str = "AA:BB:CC:00:00:01") -> None:
    router.tables.appear(ACTIVE, {"user": name, "address": "10.5.50.7", "mac-address": mac})
    router.tables.appear(COOKIES, {"user": name, "mac-address": mac})


def session(hotspot: Hotspot, number: str, *, at: str = "127.0.0.1", mac: str = "AA:BB:CC:00:00:01") -> None:
    """An open session as RADIUS knows it."""
    hotspot.db.execute(
        "INSERT INTO radius.radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime,"
        " acctupdatetime, framedipaddress, callingstationid) VALUES (%s, %s, %s, %s, now(), now(), '10.5.50.7', %s)",
        [number, f"unique-{number}", PHONE, at, mac],
    )


def here(router: RouterSimulator) -> tuple[list[str], list[str], list[str]]:
    """Users of the active sessions, of the cookies, and of the users that are not disabled."""
    users = [row["name"] for row in router.tables.find(USERS) if row.get("disabled") != "true"]
    return (
        [row["user"] for row in router.tables.find(ACTIVE)],
        [row["user"] for row in router.tables.find(COOKIES)],
        users,
    )


def test_all_his_sessions_and_cookies_go_and_his_user_is_locked_and_nobody_elses(
    expired: Hotspot, router: RouterSimulator
) -> None:
    router.tables.add(USERS, {"name": PHONE, "password": "x1", "comment": OURS})
    router.tables.add(USERS, {"name": "other", "password": "x1", "comment": "qsup:hs:user:2"})
    for mac in ("AA:BB:CC:00:00:01", "AA:BB:CC:00:00:02"):
        online(router, mac=mac)
    online(router, "other")
    assert kinds(run(expired)) == ["committed"]
    assert here(router) == (["other"], ["other"], ["other"])
    state, detail = outcome(expired)
    assert (state, "2 sessions ended, 2 cookies forgotten, user locked" in detail) == ("done", True)
    assert [row["name"] for row in router.tables.find(USERS)] == [PHONE, "other"], "his uptime is counted there"


def test_he_is_locked_before_he_is_sent_away_so_that_he_cannot_come_back(
    expired: Hotspot, router: RouterSimulator
) -> None:
    router.tables.add(USERS, {"name": PHONE, "password": "x1", "comment": OURS})
    online(router)
    run(expired)
    writes = [command for command in router.commands if not command.endswith("/print")]
    assert writes == [f"{USERS}/set", f"{COOKIES}/remove", f"{ACTIVE}/remove"]


def test_a_user_of_that_name_that_is_not_ours_is_left_alone(expired: Hotspot, router: RouterSimulator) -> None:
    router.tables.add(USERS, {"name": PHONE, "password": "x1", "comment": "the owner's phone"})
    assert kinds(run(expired)) == ["committed"]
    assert here(router)[2] == [PHONE]


def test_gone_is_done_also_when_it_goes_at_this_moment(expired: Hotspot, router: RouterSimulator) -> None:
    online(router)
    router.faults.order(f"{ACTIVE}/remove", Kind.TRAP, "no such item")
    assert kinds(run(expired)) == ["committed"]
    assert outcome(expired)[0] == "done"


def test_twice_and_late_is_once(expired: Hotspot, router: RouterSimulator) -> None:
    run(expired)
    online(router)
    DisconnectHotspotUserJob(disconnect_id=1).dispatch(expired.db)
    wish(expired, "expired:1")
    assert kinds(run(expired)) == ["done"], "the row was done: whoever is online now came later"
    assert here(router)[0] == [PHONE]


@pytest.mark.parametrize("command", [f"{USERS}/set", f"{COOKIES}/remove", f"{ACTIVE}/remove"])
@pytest.mark.parametrize("kind", [Kind.CLOSE_AFTER, Kind.CLOSE_BEFORE, Kind.RESET])
def test_a_lost_answer_is_tried_again(expired: Hotspot, router: RouterSimulator, command: str, kind: Kind) -> None:
    router.tables.add(USERS, {"name": PHONE, "password": "x1", "comment": OURS})
    online(router)
    router.faults.order(command, kind)
    assert kinds(run(expired)) == ["error", "committed"]
    assert here(router) == ([], [], [])


def test_two_at_once_both_end_well(expired: Hotspot, router: RouterSimulator) -> None:
    online(router)
    DisconnectHotspotUserJob(disconnect_id=1).dispatch(expired.db)
    found: list[str] = []

    def turn() -> None:
        with psycopg.connect(expired.dsn, autocommit=True) as conn:
            report = expired.run_once(conn, "hotspot-sessions")
        found.append(report.kind if report else "nothing")

    threads = [threading.Thread(target=turn) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert set(found) <= {"committed", "done"}
    assert (here(router)[0], outcome(expired)[0]) == ([], "done")


def test_who_has_bought_more_meanwhile_stays_and_is_provisioned(expired: Hotspot, router: RouterSimulator) -> None:
    online(router)
    expired.play("c2b_paybill")
    expired.db.execute("DELETE FROM qsup.jobs WHERE queue = 'provisioning'")
    assert kinds(run(expired)) == ["committed"]
    assert here(router)[0] == [PHONE]
    assert router.commands == []
    assert outcome(expired) == ("done", "he has bought more")
    assert expired.jobs("provisioning") == [{"subscription_id": 2}]


def test_who_pays_while_he_is_being_locked_is_unlocked_again(expired: Hotspot, router: RouterSimulator) -> None:
    router.tables.add(USERS, {"name": PHONE, "password": "x1", "comment": OURS})
    router.faults.order(f"{USERS}/set", Kind.CLOSE_AFTER)
    with psycopg.connect(expired.dsn, autocommit=True) as conn:
        expired.run_once(conn, "hotspot-sessions")
    assert here(router)[2] == []
    expired.play("c2b_paybill")
    expired.run("provisioning")
    router.tables.set(USERS, PHONE, {"disabled": "yes"})
    run(expired)
    expired.run("provisioning")
    assert here(router)[2] == [PHONE]


def test_an_operators_wish_ends_sessions_of_who_may_come_back(hotspot: Hotspot, router: RouterSimulator) -> None:
    hotspot.play("stk_success")
    hotspot.run("provisioning")
    online(router)
    wish(hotspot, "operator:1")
    assert kinds(run(hotspot)) == ["committed"]
    assert here(router) == ([], [], [PHONE])


def test_the_wish_for_one_session_leaves_his_other_device(hotspot: Hotspot, router: RouterSimulator) -> None:
    hotspot.play("stk_success")
    hotspot.run("provisioning")
    hotspot.db.execute("UPDATE hotspot.routers SET radius_address = '127.0.0.1'")
    session(hotspot, "80a1", mac="aa:bb:cc:00:00:01")
    session(hotspot, "80a2", mac="AA:BB:CC:00:00:02")
    online(router, mac="AA:BB:CC:00:00:01")
    online(router, mac="AA:BB:CC:00:00:02")
    wish(hotspot, "session:unique-80a1")
    assert kinds(run(hotspot)) == ["committed"]
    assert [row["mac-address"] for row in router.tables.find(ACTIVE)] == ["AA:BB:CC:00:00:02"]


def test_he_is_looked_for_where_he_bought_and_where_radius_sees_him(
    expired: Hotspot, router: RouterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        RouterSimulator(user="qsup", password="s3cret") as bought,
        RouterSimulator(user="own", password="0ther") as seen,
    ):
        expired.db.execute(
            "INSERT INTO hotspot.routers (name, address, radius_address) VALUES"
            " ('bought', %s, NULL), ('seen', %s, '10.9.9.9')",
            [bought.address, seen.address],
        )
        expired.db.execute(
            "UPDATE hotspot.subscriptions SET router_id = (SELECT id FROM hotspot.routers WHERE name = 'bought')"
        )
        monkeypatch.setenv("ROUTER_SEEN_USER", "own")
        monkeypatch.setenv("ROUTER_SEEN_PASSWORD", "0ther")
        session(expired, "80a1", at="10.9.9.9")
        for one in (bought, seen, router):
            online(one)
        assert kinds(run(expired)) == ["committed"]
        assert [here(one)[0] for one in (bought, seen, router)] == [[], [], [PHONE]]


def test_a_router_that_is_away_is_tried_as_often_as_the_queue_says_and_then_it_is_said(
    expired: Hotspot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ROUTER": "127.0.0.1:1", "ROUTER_USER": "qsup", "ROUTER_PASSWORD": "s3cret"}.items():
        monkeypatch.setenv(name, value)
    reports = run(expired)
    assert kinds(reports) == ["error"] * expired.routing.queues["hotspot-sessions"].tries
    state, detail = outcome(expired)
    assert (state, "127.0.0.1:1" in detail) == ("failed", True)


def test_a_wrong_password_fails_at_once_and_is_not_shown(
    expired: Hotspot, router: RouterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    online(router)
    monkeypatch.setenv("ROUTER_PASSWORD", "wr0ng-pass")
    reports = run(expired)
    assert kinds(reports) == ["discard"]
    assert "wr0ng-pass" not in repr(reports) + repr(outcome(expired))
    assert (outcome(expired)[0], here(router)[0]) == ("failed", [PHONE])
    assert expired.value("SELECT problem FROM hotspot.routers") == "credentials"


def test_where_the_api_refuses_us_radius_does_it(
    expired: Hotspot, router: RouterSimulator, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTER_PASSWORD", "wr0ng-pass")
    expired.db.execute("INSERT INTO hotspot.routers (address) VALUES (%s)", [router.address])
    session(expired, "80a1")
    assert kinds(run(expired)) == ["committed"]
    assert listener.requests == [f"Disconnect-Request {PHONE} 80a1 10.5.50.7"]
    assert expired.value("SELECT problem FROM hotspot.routers") == "credentials"
    monkeypatch.setenv("HOTSPOT_DISCONNECT", "api")
    wish(expired, "expired:2")
    assert kinds(run(expired)) == ["discard"]


def test_without_any_credentials_of_a_router_radius_alone_does_it(expired: Hotspot, listener: Listener) -> None:
    session(expired, "80a1")
    session(expired, "gone1")
    assert kinds(run(expired)) == ["committed"]
    assert len(listener.requests) == 2
    assert outcome(expired) == ("done", "by RADIUS: 1 of 2 sessions ended, the others had gone")
    assert expired.value("SELECT count(*) FROM radius.radacct WHERE acctstoptime IS NULL") == 2, "only routers end them"


def test_the_setting_says_which_way(
    expired: Hotspot, router: RouterSimulator, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTSPOT_DISCONNECT", "radius")
    online(router)
    session(expired, "80a1")
    assert kinds(run(expired)) == ["committed"]
    assert (len(listener.requests), router.commands) == (1, [])
    monkeypatch.setenv("HOTSPOT_DISCONNECT", "pigeon")
    wish(expired, "expired:2")
    assert [(one.kind, one.reason) for one in run(expired)] == [
        ("discard", "HOTSPOT_DISCONNECT is 'pigeon': expected auto, api or radius")
    ]


@pytest.mark.parametrize(
    ("number", "tries", "said"),
    [
        ("fixed1", ["discard"], "session context not removable"),
        ("busy1", ["error"] * 3, "resources unavailable"),
        ("mute1", ["error"] * 3, "no cause given"),
    ],
)
def test_a_refusal_that_may_pass_is_tried_again_and_another_is_not(
    expired: Hotspot, listener: Listener, number: str, tries: list[str], said: str
) -> None:
    session(expired, number)
    session(expired, "80a1")
    assert kinds(run(expired)) == tries
    assert outcome(expired) == ("failed", f"127.0.0.1 refuses Disconnect-Request: {said}")
    assert len(listener.requests) == 2 * len(tries), "the other session was not asked for"


@pytest.mark.parametrize("how", ["nobody listens", "another secret"])
def test_no_answer_is_tried_again_and_then_it_is_said(
    expired: Hotspot, listener: Listener, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "nobody listens":
        monkeypatch.setenv("RADIUS_COA_PORT", "9")
    else:
        monkeypatch.setenv("RADIUS_SECRET", "wr0ng-secret")
    session(expired, "80a1")
    reports = run(expired)
    assert kinds(reports) == ["error"] * 3
    assert "does not answer Disconnect-Request (away, not listening, or another secret)" in outcome(expired)[1]
    assert "wr0ng-secret" not in repr(reports) + outcome(expired)[1]
    assert listener.requests == []


def test_a_router_that_comes_back_in_time_is_still_asked(expired: Hotspot, listener: Listener) -> None:
    session(expired, "80a1")
    with psycopg.connect(expired.dsn, autocommit=True) as conn, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADIUS_COA_PORT", "9")
        expired.run_once(conn, "hotspot-sessions")
    assert outcome(expired)[0] == "waiting"
    assert kinds(run(expired)) == ["committed"]
    assert len(listener.requests) == 1


def test_an_answer_that_somebody_else_signed_is_not_believed() -> None:
    with forging_router() as port, pytest.raises(coa.NoAnswer, match="answers with another secret"):
        coa.disconnect(
            ("127.0.0.1", port),
            "ours-alone",
            username=PHONE,
            session_id="1",
            address=ip_address("10.0.0.1"),
            timeout=0.2,
        )


@contextmanager
def forging_router() -> Iterator[int]:
    """Answers every request with an ACK that is signed with another secret; its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)

        def forge() -> None:
            packet, client = server.recvfrom(4096)
            head = bytes([coa.DISCONNECT_ACK, packet[1], 0, 20])
            server.sendto(head + md5(head + packet[4:20] + b"theirs"), client)

        thread = threading.Thread(target=forge)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


@pytest.mark.parametrize("length", [0, 19, 20, 21, 40])
def test_packets_that_are_cut_or_lie_about_their_length_are_no_answers(length: int) -> None:
    packet = coa.request(7, b"secret", [])
    head = bytes([coa.DISCONNECT_ACK, 7]) + (20).to_bytes(2)
    whole = head + md5(head + packet[4:20] + b"secret")
    assert coa.is_answer(whole, packet, b"secret")
    assert coa.is_answer(whole[:length], packet, b"secret") == (length >= 20)
    assert not coa.is_answer(whole[:2] + (length + 30).to_bytes(2) + whole[4:], packet, b"secret")


def test_an_unknown_row_fails_with_a_sentence(hotspot: Hotspot) -> None:
    DisconnectHotspotUserJob(disconnect_id=99).dispatch(hotspot.db)
    assert [(one.kind, one.reason) for one in run(hotspot)] == [
        ("discard", "there is no row 99 in hotspot.disconnects")
    ]
