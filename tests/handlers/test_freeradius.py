"""FreeRADIUS 3.2 with the shipped configuration: who gets on, with what, and what becomes of accounting packets."""

from __future__ import annotations

import stat
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from handlers import admission, freeradius
from handlers.freeradius import Place
from handlers.sandbox.radius import Radius
from handlers.settings import SettingMissing, own_radius_secrets, radius_settings
from tests.conftest import Eventually
from tests.handlers.hotspot import Hotspot

PHONE = "254712345678"


@pytest.fixture
def password(hotspot: Hotspot, radius: Radius) -> str:  # noqa: ARG001  the router that asks
    """The password of a customer who has just paid for an hour."""
    hotspot.play("stk_success")
    return str(hotspot.value("SELECT password FROM hotspot.users"))


def rows(hotspot: Hotspot) -> list[dict[str, Any]]:
    return hotspot.rows(
        "SELECT acctsessiontime AS seconds, acctinputoctets AS received, acctoutputoctets AS sent,"
        " acctstoptime IS NULL AS open, acctterminatecause AS cause FROM radius.radacct ORDER BY radacctid"
    )


def expire(hotspot: Hotspot) -> None:
    hotspot.db.execute(
        "UPDATE hotspot.subscriptions SET starts_at = starts_at - interval '2 h', ends_at = ends_at - interval '2 h'"
    )
    admission.write_radius(hotspot.db, hotspot.value("SELECT id FROM hotspot.users"))


@pytest.mark.parametrize("chap", [False, True])
def test_a_paid_customer_gets_on_with_his_speed_for_the_time_that_he_paid(
    radius: Radius, password: str, chap: bool
) -> None:
    reply = radius.login(PHONE, password, chap=chap)
    assert reply.code == "Access-Accept"
    assert reply.attributes["Mikrotik-Rate-Limit"] == "2M/5M"
    assert reply.attributes["Acct-Interim-Interval"] == "300"
    left = timedelta(seconds=int(reply.attributes["Session-Timeout"]))
    assert timedelta(minutes=55) < left <= timedelta(hours=1), "UTC was read in the server's own time zone"


def test_wrong_passwords_strangers_and_who_did_not_pay_again_are_rejected_without_a_word(
    hotspot: Hotspot, radius: Radius, password: str
) -> None:
    assert radius.login(PHONE, "wr0ng-pass").code == "Access-Reject"
    assert radius.login("254700000000", password).code == "Access-Reject"
    assert radius.login(f"+{PHONE}", password).code == "Access-Reject"
    assert radius.login(PHONE, password).code == "Access-Accept"
    expire(hotspot)
    for chap in (False, True):
        reply = radius.login(PHONE, password, chap=chap)
        assert (reply.code, reply.attributes) == ("Access-Reject", {})


def test_no_password_is_written_down(hotspot: Hotspot, radius: Radius, password: str) -> None:
    radius.login(PHONE, password)
    radius.login(PHONE, "wr0ng-pass")
    said = hotspot.rows("SELECT username, reply, row_to_json(p)::text AS everything FROM radius.radpostauth p")
    assert {(row["username"], row["reply"]) for row in said} == {(PHONE, "Access-Accept"), (PHONE, "Access-Reject")}
    for place in [*(row["everything"] for row in said), radius.daemon.said()]:
        assert password not in place
        assert "wr0ng-pass" not in place


def test_a_second_device_waits_until_the_first_has_left_and_the_same_device_need_not(
    hotspot: Hotspot, radius: Radius, password: str
) -> None:
    hotspot.db.execute(
        "INSERT INTO radius.radgroupcheck (groupname, attribute, op, value)"
        " VALUES ('wifi-1h', 'Simultaneous-Use', ':=', '1') ON CONFLICT DO NOTHING"
    )
    radius.account("Start", PHONE, calling_station_id="AA:01")
    assert radius.login(PHONE, password, mac="AA:02").code == "Access-Reject"
    assert radius.login(PHONE, password, mac="AA:01").code == "Access-Accept"
    radius.account("Stop", PHONE, calling_station_id="AA:01")
    assert radius.login(PHONE, password, mac="AA:02").code == "Access-Accept"


def test_start_interim_and_stop_are_one_row(hotspot: Hotspot, radius: Radius) -> None:
    about = {"framed_ip_address": "10.5.50.7", "calling_station_id": "AA:01", "called_station_id": "hotspot1"}
    assert radius.account("Start", PHONE, **about).code == "Accounting-Response"
    radius.account("Interim-Update", PHONE, acct_session_time=300, acct_input_octets=1000, acct_output_octets=4000)
    radius.account(
        "Stop", PHONE, acct_session_time=600, acct_input_octets=2000, acct_output_octets=9, acct_output_gigawords=1,
        acct_terminate_cause="User-Request",
    )  # fmt: skip
    assert rows(hotspot) == [
        {"seconds": 600, "received": 2000, "sent": 2**32 + 9, "open": False, "cause": "User-Request"}
    ]
    kept = hotspot.row("SELECT username, nasipaddress, framedipaddress, callingstationid FROM radius.radacct")
    assert [str(value) for value in kept.values()] == [PHONE, "127.0.0.1", "10.5.50.7", "AA:01"]


def test_repeated_and_disordered_packets_come_to_the_same(hotspot: Hotspot, radius: Radius) -> None:
    stop = {"acct_session_time": "600", "acct_input_octets": "2000", "acct_terminate_cause": "Idle-Timeout"}
    for _ in range(2):
        radius.account("Stop", PHONE, **stop)
        radius.account("Start", PHONE)
        radius.account("Interim-Update", PHONE, acct_session_time=300, acct_input_octets=1000)
    assert rows(hotspot) == [{"seconds": 600, "received": 2000, "sent": 0, "open": False, "cause": "Idle-Timeout"}]
    assert hotspot.value(
        "SELECT acctstoptime - acctstarttime BETWEEN interval '595 s' AND interval '605 s' FROM radius.radacct"
    )


def test_a_delayed_packet_is_of_the_time_when_it_was_meant_to_come(hotspot: Hotspot, radius: Radius) -> None:
    radius.account("Start", PHONE, acct_delay_time=600, event_timestamp="Jan  1 1970 03:00:10 EAT")
    assert hotspot.value(
        "SELECT now() - acctstarttime BETWEEN interval '595 s' AND interval '605 s' FROM radius.radacct"
    )


def test_a_router_that_counts_from_the_beginning_again_makes_new_sessions(
    hotspot: Hotspot, radius: Radius, password: str
) -> None:
    for seconds in ("100", "7"):
        given = radius.login(PHONE, password).attributes["Class"]
        stop = {"User-Name": PHONE, "Acct-Session-Id": "80a00001", "Acct-Status-Type": "Stop"}
        radius.ask(radius.acct_port, "acct", stop | {"Acct-Session-Time": seconds}, raw=f"Class={given}")
    assert [row["seconds"] for row in rows(hotspot)] == [100, 7]


def test_a_restarted_router_ends_its_sessions_and_is_answered_when_it_had_none(
    hotspot: Hotspot, radius: Radius
) -> None:
    assert radius.account("Accounting-On").code == "Accounting-Response"
    radius.account("Start", PHONE)
    radius.account("Interim-Update", PHONE, acct_session_time=120)
    assert radius.account("Accounting-On").code == "Accounting-Response"
    assert rows(hotspot) == [{"seconds": 120, "received": 0, "sent": 0, "open": False, "cause": "NAS-Reboot"}]


def test_without_the_database_nobody_is_answered_and_with_it_everybody_again(
    hotspot: Hotspot, radius: Radius, password: str, eventually: Eventually
) -> None:
    assert radius.login(PHONE, password).code == "Access-Accept"
    radius.cut()
    try:
        assert radius.login(PHONE, password).code != "Access-Accept"
        assert radius.account("Start", PHONE).code == ""
    finally:
        radius.join()
    eventually(lambda: radius.login(PHONE, password).code == "Access-Accept", what="it has found the database again")
    eventually(
        lambda: radius.account("Start", PHONE).code == "Accounting-Response", what="the packet that was repeated"
    )
    assert len(rows(hotspot)) == 1


def test_a_new_router_is_answered_at_once_and_a_retired_one_no_more(
    hotspot: Hotspot, radius: Radius, password: str, eventually: Eventually
) -> None:
    def reply() -> str:
        return radius.login(PHONE, password, packet_src_ip_address="127.0.0.7").code

    assert reply() == "", "a stranger was answered"
    hotspot.db.execute("INSERT INTO hotspot.routers (name, address) VALUES ('second', '127.0.0.7:8729')")
    assert reply() == "Access-Accept"
    hotspot.db.execute(
        "UPDATE hotspot.routers SET address = 'router.lan', radius_address = '127.0.0.7' WHERE name = 'second'"
    )
    eventually(lambda: reply() == "Access-Accept", what="its RADIUS address counts")
    hotspot.db.execute("UPDATE hotspot.routers SET retired_at = now() WHERE name = 'second'")
    eventually(lambda: reply() == "", what="it is forgotten after the lifetime")


def test_a_new_secret_counts_after_a_hangup(radius: Radius, password: str, eventually: Eventually) -> None:
    def reply(secret: str) -> str:
        attributes = {"User-Name": PHONE, "User-Password": password}
        return radius.ask(radius.auth_port, "auth", attributes, secret=secret).code

    assert reply(radius.place.secret) == "Access-Accept"
    try:
        freeradius.write(radius.daemon.folder, replace(radius.place, secret="another-secret"))
        radius.daemon.hang_up()
        eventually(lambda: reply("another-secret") == "Access-Accept", what="the new secret after the lifetime")
        assert reply(radius.place.secret) != "Access-Accept"
    finally:
        freeradius.write(radius.daemon.folder, radius.place)
        radius.daemon.stop()
        radius.daemon.start()
    assert reply(radius.place.secret) == "Access-Accept"


def test_a_router_may_have_a_secret_of_its_own(hotspot: Hotspot, radius: Radius, password: str) -> None:
    def reply(source: str, secret: str) -> str:
        attributes = {"User-Name": PHONE, "User-Password": password, "Packet-Src-IP-Address": source}
        return radius.ask(radius.auth_port, "auth", attributes, secret=secret).code

    hotspot.db.execute("INSERT INTO hotspot.routers (name, address) VALUES ('ggn-hsp.01', '127.0.0.8')")
    own = own_radius_secrets({"ROUTER_GGN_HSP_01_RADIUS_SECRET": "its-own-secret", "ROUTER_USER": "u"})
    try:
        freeradius.write(radius.daemon.folder, replace(radius.place, own_secrets=own))
        radius.daemon.stop()
        radius.daemon.start()
        assert reply("127.0.0.8", "its-own-secret") == "Access-Accept"
        assert reply("127.0.0.1", radius.place.secret) == "Access-Accept"
        assert reply("127.0.0.8", radius.place.secret) != "Access-Accept"
    finally:
        freeradius.write(radius.daemon.folder, radius.place)
        radius.daemon.stop()
        radius.daemon.start()
    assert radius_settings("ggn-hsp.01", {"ROUTER_GGN_HSP_01_RADIUS_SECRET": "its-own-secret"}).secret in own.values()


def test_the_command_writes_secrets_only_to_files_that_nobody_else_may_read(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("command") / "raddb"
    monkeypatch.setenv("RADIUS_SECRET", "the-shared-one")
    monkeypatch.setenv("RADIUS_DATABASE_URL", "postgresql://radius:pa%3Ass@db.lan/hotspot")
    command = [sys.executable, "-m", "handlers.freeradius", str(folder), "--network", "10.0.0.0/8"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert set(done.stdout.split()) == {str(path) for path in folder.iterdir()}
    for path in folder.iterdir():
        private = stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
        assert private or not any(secret in path.read_text() for secret in ("the-shared-one", "pa:ss", r"pa\:ss"))
    assert (folder / "pgpass").read_text() == "*:*:*:*:pa\\:ss\n"
    assert "pa" + ":ss" not in (folder / "local.conf").read_text()
    assert subprocess.run(command, capture_output=True, check=False, cwd=Path(__file__).parents[2]).returncode == 0
    monkeypatch.setenv("RADIUS_SECRET", "it's ${mine}")
    refused = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert (refused.returncode, "RADIUS_SECRET" in refused.stderr) == (1, True)
    assert "mine" not in refused.stderr + refused.stdout


def test_a_secret_is_never_shown() -> None:
    place = Place(secret="the-shared-one", database="postgresql://u:p4ss@h/d")
    assert "the-shared" not in repr(place)
    assert "p4ss" not in repr(place)
    with pytest.raises(SettingMissing, match="RADIUS_SECRET"):
        freeradius.write(Path("/nowhere"), replace(place, secret="short"))
