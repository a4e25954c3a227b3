"""Who lets a customer in: the router's own table or RADIUS, never both; several routers; and the rows RADIUS reads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psycopg
import pytest

from handlers import admission
from handlers.sandbox.faults import Kind
from handlers.sandbox.routeros import RouterSimulator
from tests.conftest import Eventually
from tests.handlers.hotspot import Hotspot
from tests.handlers.test_provisioning import OURS, PHONE, PROFILES, USERS, kinds, provision, writes
from tests.handlers.test_two_reports import c2b

GIB = 2**30


def set_package(hotspot: Hotspot, code: str, column: str, value: object) -> None:
    hotspot.db.execute(f"UPDATE hotspot.packages SET {column} = %s WHERE code = %s".encode(), [value, code])  # noqa: S608  names of this file


def buys(hotspot: Hotspot, receipt: str, amount: str = "20.00") -> None:
    """The customer pays by hand."""
    hotspot.receive("c2b", c2b(BillRefNumber=PHONE, TransID=receipt, TransAmount=amount))
    hotspot.run("payments")


def again(hotspot: Hotspot) -> None:
    """The customer's latest subscription is to be provisioned once more."""
    number = hotspot.value("SELECT max(id) FROM hotspot.subscriptions")
    hotspot.db.execute("SELECT qsup.dispatch('ProvisionUserInMikroTikJob', %s)", [f'{{"subscription_id": {number}}}'])


def replies(hotspot: Hotspot, table: str = "radreply") -> dict[str, str]:
    return {row["attribute"]: row["value"] for row in hotspot.rows(f"SELECT attribute, value FROM radius.{table}")}  # noqa: S608  names of this file


@pytest.fixture
def by_radius(hotspot: Hotspot) -> Hotspot:
    """A hotspot whose one-hour package RADIUS decides."""
    set_package(hotspot, "wifi-1h", "authority", "radius")
    return hotspot


def test_radius_gets_a_profile_and_no_local_user(by_radius: Hotspot, router: RouterSimulator) -> None:
    by_radius.play("stk_success")
    assert kinds(provision(by_radius)) == ["committed"]
    assert router.tables.find(USERS) == []
    assert len(router.tables.find(PROFILES, ["?name=qsup-wifi-1h"])) == 1
    assert len(by_radius.jobs("hotspot-sms")) == 1
    router.commands.clear()
    again(by_radius)
    provision(by_radius)
    assert writes(router) == []


def test_our_own_local_user_is_removed_when_radius_decides_from_now_on(
    hotspot: Hotspot, router: RouterSimulator
) -> None:
    hotspot.play("stk_success")
    provision(hotspot)
    assert len(router.tables.find(USERS)) == 1
    set_package(hotspot, "wifi-1h", "authority", "radius")
    router.tables.add(USERS, {"name": "254700000000", "comment": "qsup:hs:user:99"})
    again(hotspot)
    assert kinds(provision(hotspot)) == ["committed"]
    assert [user["name"] for user in router.tables.find(USERS)] == ["254700000000"]


def test_a_local_user_that_goes_away_meanwhile_is_gone_all_the_same(
    by_radius: Hotspot, router: RouterSimulator
) -> None:
    by_radius.play("stk_success")
    router.tables.add(USERS, {"name": PHONE, "comment": OURS})
    router.faults.order(f"{USERS}/remove", Kind.TRAP, "no such item")
    assert kinds(provision(by_radius)) == ["committed"]


@pytest.mark.parametrize("authority", ["router", "radius"])
@pytest.mark.parametrize("comment", ["", "the manager's phone"])
def test_a_foreign_local_user_is_never_touched_but_told(
    hotspot: Hotspot, router: RouterSimulator, authority: str, comment: str
) -> None:
    set_package(hotspot, "wifi-1h", "authority", authority)
    router.tables.add(USERS, {"name": PHONE, "password": "theirs", "comment": comment})
    before = router.tables.find(USERS)
    hotspot.play("stk_success")
    reports = provision(hotspot)
    assert kinds(reports) == ["discard"]
    assert PHONE in reports[0].reason
    assert router.tables.find(USERS) == before
    told = hotspot.row("SELECT problem, provisioned_at FROM hotspot.subscriptions")
    assert "not ours" in told["problem"]
    assert told["provisioned_at"] is None
    assert hotspot.jobs("hotspot-sms") == [], "he would be told a password that does not work"
    router.tables.remove(USERS, before[0][".id"])
    again(hotspot)
    assert kinds(provision(hotspot)) == ["committed"]
    assert hotspot.value("SELECT problem FROM hotspot.subscriptions") is None


def test_a_foreign_user_of_another_hotspot_server_is_in_nobody_s_way(hotspot: Hotspot, router: RouterSimulator) -> None:
    router.tables.add("/ip/hotspot", {"name": "cafe", "interface": "ether2"})
    router.tables.add(USERS, {"name": PHONE, "server": "cafe"})
    hotspot.play("stk_success")
    assert kinds(provision(hotspot)) == ["committed"]
    assert len(router.tables.find(USERS)) == 2


def test_when_the_router_refuses_us_the_customer_is_told_because_radius_serves_him(
    hotspot: Hotspot, router: RouterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    hotspot.play("stk_success")
    monkeypatch.setenv("ROUTER_PASSWORD", "wr0ng-pass")
    assert kinds(provision(hotspot)) == ["discard"]
    assert len(hotspot.jobs("hotspot-sms")) == 1
    assert hotspot.value("SELECT problem FROM hotspot.subscriptions").startswith("router ")
    assert router.tables.find(USERS) == []


REFUSALS = {
    "not enough permissions (9)": "permission",
    "no such command prefix": "menu",
    "no such command or directory (user)": "menu",
    "unknown parameter rate-limit": None,
    "input does not match any value of server": None,
}


@pytest.mark.parametrize("text", REFUSALS)
def test_what_the_router_will_always_refuse_fails_at_once_and_flags_it(
    hotspot: Hotspot, router: RouterSimulator, text: str
) -> None:
    hotspot.play("stk_success")
    router.faults.order(f"{USERS}/add", Kind.TRAP, text)
    assert kinds(provision(hotspot)) == ["discard"]
    assert hotspot.row("SELECT reach, problem FROM hotspot.routers") == {"reach": "online", "problem": REFUSALS[text]}
    assert text in hotspot.value("SELECT problem FROM hotspot.subscriptions")
    again(hotspot)
    assert kinds(provision(hotspot)) == ["committed"]
    assert hotspot.value("SELECT problem FROM hotspot.routers") is None


def test_when_the_router_is_away_for_all_tries_the_customer_is_told_once(
    hotspot: Hotspot, router: RouterSimulator
) -> None:
    hotspot.play("stk_success")
    for _ in range(10):
        router.faults.order(f"{PROFILES}/print", Kind.CLOSE_BEFORE)
    reports = provision(hotspot)
    assert kinds(reports) == ["error"] * 5
    assert len(hotspot.jobs("hotspot-sms")) == 1


@pytest.fixture
def two_routers(hotspot: Hotspot, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, RouterSimulator]]:
    """Two routers with passwords of their own; a known request for each."""
    with ExitStack() as stack:
        routers = {}
        for name, phone in [("north", "254722000111"), ("south", "254110345678")]:
            simulator = stack.enter_context(RouterSimulator(user="qsup", password=f"pass-{name}"))
            number = hotspot.value(
                "INSERT INTO hotspot.routers (address, name) VALUES (%s, %s) RETURNING id", simulator.address, name
            )
            monkeypatch.setenv(f"ROUTER_{name.upper()}_PASSWORD", f"pass-{name}")
            hotspot.db.execute("UPDATE hotspot.stk_requests SET router_id = %s WHERE phone = %s", [number, phone])
            routers[name] = simulator
        monkeypatch.setenv("ROUTER_USER", "qsup")
        yield routers


def test_two_customers_are_each_on_the_router_where_they_bought(
    hotspot: Hotspot, two_routers: dict[str, RouterSimulator]
) -> None:
    hotspot.receive("c2b", c2b(BillRefNumber="254722000111"))
    hotspot.run("payments")
    hotspot.play("stk_success_01_number")
    reports = hotspot.run_at_once("provisioning", threads=2)
    assert kinds(reports) == ["committed"] * 2
    names = {name: [user["name"] for user in router.tables.find(USERS)] for name, router in two_routers.items()}
    assert names == {"north": ["254722000111"], "south": ["254110345678"]}
    assert hotspot.value("SELECT count(*) FROM hotspot.routers WHERE reach = 'online'") == 2
    assert hotspot.value("SELECT count(*) FROM hotspot.routers") == 2


def test_a_retired_router_is_not_talked_to_and_its_customers_have_radius(
    hotspot: Hotspot, two_routers: dict[str, RouterSimulator]
) -> None:
    hotspot.db.execute("UPDATE hotspot.routers SET retired_at = now()")
    hotspot.play("stk_success_01_number")
    assert kinds(provision(hotspot)) == ["discard"]
    assert two_routers["south"].commands == []
    assert len(hotspot.jobs("hotspot-sms")) == 1


def test_each_router_counts_what_was_bought_there(hotspot: Hotspot, two_routers: dict[str, RouterSimulator]) -> None:
    numbers = {row["name"]: row["id"] for row in hotspot.rows("SELECT id, name FROM hotspot.routers")}
    for receipt, name in [("TJ95H3K001", "north"), ("TJ95H3K002", "south"), ("TJ95H3K003", "north")]:
        hotspot.db.execute("UPDATE hotspot.stk_requests SET router_id = %s WHERE phone = %s", [numbers[name], PHONE])
        buys(hotspot, receipt)
        provision(hotspot)
    limits = {name: router.tables.find(USERS)[0]["limit-uptime"] for name, router in two_routers.items()}
    assert limits == {"north": "2h", "south": "1h"}


def test_what_was_bought_before_the_settings_router_had_a_row_counts_with_it(
    hotspot: Hotspot, router: RouterSimulator
) -> None:
    buys(hotspot, "TJ95H3K001")
    provision(hotspot)
    number = hotspot.value("SELECT id FROM hotspot.routers")
    hotspot.db.execute("UPDATE hotspot.routers SET name = 'first'")
    hotspot.db.execute("UPDATE hotspot.stk_requests SET router_id = %s WHERE phone = %s", [number, PHONE])
    buys(hotspot, "TJ95H3K002")
    provision(hotspot)
    assert router.tables.find(USERS)[0]["limit-uptime"] == "2h"


def test_renewals_by_several_workers_at_once_come_to_the_sum(hotspot: Hotspot, router: RouterSimulator) -> None:
    for number in range(5):
        buys(hotspot, f"TJ95H3K00{number}")
    hotspot.run_at_once("provisioning", threads=5)
    assert [user["limit-uptime"] for user in router.tables.find(USERS)] == ["5h"]
    assert len(hotspot.jobs("hotspot-sms")) == 5


def test_a_cancelled_subscription_no_longer_counts(hotspot: Hotspot, router: RouterSimulator) -> None:
    buys(hotspot, "TJ95H3K001")
    buys(hotspot, "TJ95H3K002")
    hotspot.db.execute("UPDATE hotspot.subscriptions SET state = 'cancelled' WHERE id = 1")
    provision(hotspot)
    assert [user["limit-uptime"] for user in router.tables.find(USERS)] == ["1h"]


def test_another_package_takes_over_on_router_and_radius_when_it_begins(
    hotspot: Hotspot, router: RouterSimulator
) -> None:
    set_package(hotspot, "wifi-1d", "shared_users", 3)
    buys(hotspot, "TJ95H3K001")
    buys(hotspot, "TJ95H3K002", "50.00")
    provision(hotspot)
    assert router.tables.find(USERS)[0]["profile"] == "qsup-wifi-1h"
    assert hotspot.value("SELECT groupname FROM radius.radusergroup") == "wifi-1h"
    hotspot.db.execute(
        "UPDATE hotspot.subscriptions SET starts_at = starts_at - interval '61 minutes',"
        " ends_at = ends_at - interval '61 minutes', state = CASE id WHEN 1 THEN 'ended' ELSE state END"
    )
    hotspot.db.execute("UPDATE qsup.jobs SET state = 'ready' WHERE state = 'scheduled'")
    assert kinds(provision(hotspot)) == ["committed"]
    user = router.tables.find(USERS)[0]
    assert (user["profile"], user["limit-uptime"]) == ("qsup-wifi-1d", "1d1h")
    assert hotspot.value("SELECT groupname FROM radius.radusergroup") == "wifi-1d"
    checks = hotspot.rows("SELECT groupname, value FROM radius.radgroupcheck ORDER BY groupname")
    assert checks == [{"groupname": "wifi-1d", "value": "3"}, {"groupname": "wifi-1h", "value": "1"}]


def test_an_edited_package_is_right_in_radius_and_on_the_router_after_the_next_run(
    hotspot: Hotspot, router: RouterSimulator
) -> None:
    buys(hotspot, "TJ95H3K001")
    provision(hotspot)
    for column, value in {"rate_limit": "1M/1M", "shared_users": 2, "idle_timeout": None}.items():
        set_package(hotspot, "wifi-1h", column, value)
    again(hotspot)
    provision(hotspot)
    assert replies(hotspot, "radgroupreply") == {"Mikrotik-Rate-Limit": "1M/1M"}
    assert replies(hotspot, "radgroupcheck") == {"Simultaneous-Use": "2"}
    profile = router.tables.find(PROFILES, ["?name=qsup-wifi-1h"])[0]
    assert (profile["rate-limit"], profile["shared-users"], profile["idle-timeout"]) == ("1M/1M", "2", "none")


@pytest.mark.parametrize(
    ("limit", "low", "high"),
    [
        (1, "1", None),
        (4 * GIB - 1, "4294967295", None),
        (4 * GIB, "0", "1"),
        (5 * GIB + 7, str(GIB + 7), "1"),
        (100 * GIB, "0", "25"),
    ],
)
def test_a_data_limit_above_4_gib_has_its_gigawords(
    hotspot: Hotspot, router: RouterSimulator, limit: int, low: str, high: str | None
) -> None:
    set_package(hotspot, "wifi-1h", "data_limit", limit)
    buys(hotspot, "TJ95H3K001")
    provision(hotspot)
    wanted = {"Mikrotik-Total-Limit": low} | ({"Mikrotik-Total-Limit-Gigawords": high} if high else {})
    assert replies(hotspot) == wanted
    assert router.tables.find(USERS)[0]["limit-bytes-total"] == str(limit)


def session(hotspot: Hotspot, number: str, up: int, down: int, ago: str = "0 s") -> None:
    hotspot.db.execute(
        "INSERT INTO radius.radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime,"
        " acctinputoctets, acctoutputoctets) VALUES (%s, %s, %s, '10.0.0.1', now() - %s::interval, %s, %s)",
        [number, number, PHONE, ago, up, down],
    )


def test_the_data_limit_is_the_sum_of_what_was_bought_less_what_was_used_since(
    hotspot: Hotspot, router: RouterSimulator
) -> None:
    set_package(hotspot, "wifi-1h", "data_limit", 3 * GIB)
    buys(hotspot, "TJ95H3K001")
    session(hotspot, "before", GIB, GIB, "1 day")
    session(hotspot, "a", GIB, GIB // 2)
    session(hotspot, "b", 0, GIB // 2)
    buys(hotspot, "TJ95H3K002")
    assert replies(hotspot) == {"Mikrotik-Total-Limit": "0", "Mikrotik-Total-Limit-Gigawords": "1"}
    session(hotspot, "c", 5 * GIB, 0)
    admission.write_data_limit(hotspot.db, hotspot.value("SELECT id FROM hotspot.users"))
    assert replies(hotspot) == {"Mikrotik-Total-Limit": "1"}, "0 would mean no limit"
    provision(hotspot)
    assert router.tables.find(USERS)[0]["limit-bytes-total"] == str(6 * GIB)
    set_package(hotspot, "wifi-1h", "data_limit", None)
    again(hotspot)
    provision(hotspot)
    assert replies(hotspot) == {}
    assert router.tables.find(USERS)[0]["limit-bytes-total"] == "0"


def test_an_expiration_is_never_set_back_by_a_job_that_read_before_a_payment(
    hotspot: Hotspot, eventually: Eventually
) -> None:
    buys(hotspot, "TJ95H3K001")
    user = hotspot.value("SELECT id FROM hotspot.users")
    with psycopg.connect(hotspot.dsn) as payment, psycopg.connect(hotspot.dsn) as other, ThreadPoolExecutor(1) as pool:
        payment.execute("SELECT FROM hotspot.users WHERE id = %s FOR UPDATE", [user])
        payment.execute("UPDATE hotspot.subscriptions SET ends_at = ends_at + interval '1 day'")
        admission.write_radius(payment, user)
        job = pool.submit(admission.write_radius, other, user)
        eventually(lambda: hotspot.waiting_backends() == 1, what="the job waits for the payment")
        payment.commit()
        job.result()
    expiration = hotspot.value("SELECT value FROM radius.radcheck WHERE attribute = 'Expiration'")
    assert expiration == admission.radius_time(hotspot.value("SELECT ends_at FROM hotspot.subscriptions"))
