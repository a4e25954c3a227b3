"""RouterProvisioningJob from the first write to `active`, and again: drift, doubles, order, other variables."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest

from handlers.deployment.blueprint import wanted
from handlers.deployment.questions import questions
from handlers.deployment.state import request_deployment
from handlers.sandbox.faults import Kind
from handlers.sandbox.query import matches
from handlers.sandbox.routeros import RouterSimulator
from qsup.outcome import Report
from tests.handlers.deploying import FIRST, HERE, QUEUE, SECRET, NthWrite, Site, a_site, kinds
from tests.handlers.hotspot import Hotspot

FILTER = "/ip/firewall/filter"
PROFILES = "/ip/hotspot/user/profile"
IN_PLACE = ("/interface/bridge", "/interface/list/member", "/ip/address", "/ip/dhcp-server/network", "/ip/dns/static")


@pytest.fixture
def site(hotspot: Hotspot, router: RouterSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A router out of its box."""
    monkeypatch.setenv("RADIUS_SECRET", SECRET)
    with a_site(hotspot, router) as found:
        yield found


@pytest.fixture
def deployed(site: Site) -> Site:
    """A router that is active, and whose commands are counted from now on."""
    assert kinds(site.deploy()) == ["committed"]
    site.simulator.commands.clear()
    return site


def test_a_router_out_of_its_box_gets_68_rows_and_12_settings_and_is_active(site: Site) -> None:
    assert kinds(site.deploy()) == ["committed"]
    writes = site.writes()
    assert (len(writes), sum(one.endswith("/add") for one in writes)) == (FIRST, 68)
    row = site.row(
        "deploy", "verified_at IS NULL AS unverified", "wanted_hash = verified_hash AS same", "reach", "problem"
    )
    assert row == {"deploy": "active", "unverified": False, "same": True, "reach": "online", "problem": None}
    assert site.rows("/system/identity") == [{"name": "ggn-hsp-07"}], "its name is its identity"
    assert [row["invalid"] for row in site.rows("/ip/hotspot")] == ["false"]
    assert [row["secret"] for row in site.rows("/radius")] == [SECRET]
    assert site.comments(FILTER)[:2] == ["fw-in-est", "fw-in-mgmt"]


def test_what_could_lock_us_out_comes_last(site: Site) -> None:
    site.deploy()
    api = site.rows("/ip/service", "?name=api", "?-dynamic")
    assert (site.writes()[-1], api[0]["address"]) == ("/ip/service/set", "127.0.0.0/8")


def test_a_second_run_writes_nothing(deployed: Site) -> None:
    before, verified = deployed.tables(), deployed.row("verified_at")
    assert kinds(deployed.deploy()) == ["committed"]
    assert (deployed.writes(), deployed.tables()) == ([], before)
    assert deployed.row("deploy")["deploy"] == "active"
    assert deployed.row("verified_at")["verified_at"] > verified["verified_at"]


def test_a_deployment_is_one_connection_and_one_print_for_each_menu(deployed: Site) -> None:
    deployed.deploy()
    prints = [command for command in deployed.simulator.commands if command != "/system/resource/print"]
    # Each login asks for the identity once more.
    assert (len(prints), prints.count("/system/identity/print")) == (len(set(prints)) + 1, 2)


def test_of_a_long_list_only_our_rows_are_fetched() -> None:
    asked = questions(wanted(HERE, SECRET))
    assert [path for path, words in asked.items() if not words] == [
        command.path for command in wanted(HERE, SECRET).commands if not command.key and not command.item
    ]
    words = asked["/ip/firewall/address-list"]
    ours = [{"list": "qsup-private", "address": "10.0.0.0/8"}, {"list": "x", "address": "y", "comment": "qsup:hs:al"}]
    others = [{"list": "qsup-private", "address": "1.2.3.4"}, {"list": "blocked", "address": "10.0.0.0/8"}]
    assert [matches(row, words) for row in [*ours, *others]] == [True, True, False, False]


def test_drift_is_found_and_set_right(deployed: Site) -> None:
    whole = deployed.tables()
    tables = deployed.simulator.tables
    tables.set(PROFILES, "pkg-1h-5m", {"rate-limit": "9M/9M"})
    tables.set("/system/identity", "", {"name": "stolen"})
    tables.set("/ip/hotspot", "hs-server1", {"disabled": "yes"})
    rule = deployed.rows(FILTER, "?comment=qsup:hs:fw-in-dns-u")[0]
    tables.unset(FILTER, rule[".id"], "dst-port")
    tables.set(FILTER, deployed.rows(FILTER)[0][".id"], {"disabled": "yes"})
    assert kinds(deployed.deploy()) == ["committed"]
    assert deployed.writes() == [
        "/system/identity/set", "/ip/hotspot/set", f"{PROFILES}/set", f"{FILTER}/set", f"{FILTER}/set",
    ]  # fmt: skip
    whole[FILTER][0]["disabled"] = "false"
    assert deployed.tables() == whole


def test_the_same_meaning_in_another_spelling_is_no_drift(deployed: Site) -> None:
    rows = deployed.simulator.tables._rows
    [dhcp] = rows["/ip/dhcp-server"].values()
    dhcp["lease-time"] = "01:00:00"
    [profile] = [row for row in rows["/ip/hotspot/profile"].values() if row["name"] == "hsprof1"]
    profile |= {"html-directory": "hotspot", "login-by": "mac-cookie,http-pap,cookie,http-chap"}
    rows["/ip/dns"][""]["cache-size"] = "4096KiB"
    [queue] = rows["/queue/simple"].values()
    queue["max-limit"] = "50M/100M"
    assert kinds(deployed.deploy()) == ["committed"]
    assert deployed.writes() == []


def test_a_doubled_radius_client_of_ours_is_mended_and_another_s_is_not_touched(deployed: Site) -> None:
    tables = deployed.simulator.tables
    own = deployed.rows("/radius")[0]
    copy = {name: value for name, value in own.items() if name != ".id"}
    tables.add("/radius", copy | {"address": "10.20.0.99"})
    tables.add("/radius", copy | {"comment": "the neighbour's"})
    assert kinds(deployed.deploy()) == ["committed"]
    assert deployed.writes() == ["/radius/remove"]
    assert [(row[".id"], row["comment"]) for row in deployed.rows("/radius")] == [
        (own[".id"], "qsup:hs:radius"), ("*3", "the neighbour's"),
    ]  # fmt: skip


def test_a_new_radius_secret_is_a_new_row_and_the_old_one_goes_last(
    deployed: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIUS_SECRET", "another-secret-77")
    assert kinds(deployed.deploy()) == ["committed"]
    assert deployed.writes() == ["/radius/add", "/radius/remove"]
    assert [row["secret"] for row in deployed.rows("/radius")] == ["another-secret-77"]


def test_one_router_may_have_a_radius_secret_of_its_own(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_GGN_HSP_07_RADIUS_SECRET", "only-for-ggn-01")
    site.deploy()
    assert [row["secret"] for row in site.rows("/radius")] == ["only-for-ggn-01"]


@pytest.mark.parametrize("missing", ["fw-in-mgmt", "fw-in-drop-wan", "fw-fwd-smtp", "fw-in-est"])
def test_a_missing_rule_comes_back_to_its_place(deployed: Site, missing: str) -> None:
    tables, order = deployed.simulator.tables, deployed.comments(FILTER)
    tables.remove(FILTER, deployed.rows(FILTER, f"?comment=qsup:hs:{missing}")[0][".id"])
    assert kinds(deployed.deploy()) == ["committed"]
    assert (deployed.comments(FILTER), deployed.writes()) == (order, [f"{FILTER}/add"])


def test_rules_in_the_wrong_order_are_put_right_around_those_of_others(deployed: Site) -> None:
    tables, order = deployed.simulator.tables, deployed.comments(FILTER)
    rows = tables._rows[FILTER]
    number = next(one for one, row in rows.items() if row["comment"].endswith("drop-wan"))
    rows[number] = rows.pop(number)
    tables.add(FILTER, {"chain": "input", "action": "accept", "comment": "theirs", "place-before": next(iter(rows))})
    for one in [one for one in rows if one != number]:
        rows[one] = rows.pop(one)
    assert deployed.comments(FILTER)[:2] == ["fw-in-drop-wan", "theirs"]
    assert kinds(deployed.deploy()) == ["committed"]
    assert deployed.comments(FILTER) == ["theirs", *order]
    assert deployed.writes() == [f"{FILTER}/add", f"{FILTER}/remove"]


def test_other_variables_change_rows_in_place_and_leave_nothing_of_the_old_ones(deployed: Site) -> None:
    counts = {path: len(rows) for path, rows in deployed.tables().items()}
    ids = {path: [row.get(".id") for row in deployed.rows(path)] for path in IN_PLACE}
    other = '{"mgmt_net": "127.0.0.0/9", "net": "10.6.0.0/24", "gw": "10.6.0.1", "gw_cidr": "10.6.0.1/24",'
    other += (
        ' "pool": "10.6.0.10-10.6.0.200", "ap": "10.6.0.2", "bridge": "bridge-guests", "dns_name": "in.example.net"}'
    )
    deployed.hotspot.db.execute("UPDATE hotspot.routers SET vars = %s", [other])
    assert kinds(deployed.deploy()) == ["committed"]
    assert {path: len(rows) for path, rows in deployed.tables().items()} == counts
    assert {path: [row.get(".id") for row in deployed.rows(path)] for path in IN_PLACE} == ids
    assert not re.search("10\\.5\\.50\\.|bridge-hotspot|127.0.0.0/8|login.hotspot.lan", str(deployed.tables()))


def test_rows_of_others_that_do_the_same_serve_and_are_left_alone(site: Site) -> None:
    tables = site.simulator.tables
    tables.add("/interface/list", {"name": "WAN", "comment": "defconf"})
    tables.add("/interface/list/member", {"list": "WAN", "interface": "ether1", "comment": "defconf"})
    before = site.tables()
    assert kinds(site.deploy()) == ["committed"]
    after = site.tables()
    assert after["/interface/list"][: len(before["/interface/list"])] == before["/interface/list"]
    assert [row["comment"] for row in after["/interface/list/member"]] == ["defconf", "qsup:hs:hs"]
    assert len(site.writes()) == FIRST - 2


def test_somebody_who_writes_at_the_same_time_costs_a_second_look(site: Site) -> None:
    site.simulator.faults = NthWrite(9, Kind.TRAP, "failure: already have such entry")
    assert kinds(site.deploy()) == ["committed"]
    assert site.row("deploy")["deploy"] == "active"
    states = site.hotspot.rows("SELECT state, count(*) AS n FROM hotspot.router_journal GROUP BY state ORDER BY state")
    assert states == [{"state": "kept", "n": FIRST}, {"state": "refused", "n": 1}]


def test_a_request_marks_the_router_pending_and_dispatches_in_one_transaction(site: Site) -> None:
    request_deployment(site.hotspot.db, site.id)
    assert site.row("deploy")["deploy"] == "pending"
    assert site.hotspot.jobs(QUEUE) == [{"router_id": site.id}]
    site.hotspot.db.execute("UPDATE hotspot.routers SET retired_at = now()")
    with pytest.raises(LookupError, match="no router"):
        request_deployment(site.hotspot.db, site.id)
    assert kinds(site.run()) == ["discard"]
    assert site.simulator.commands == []


def test_two_deployments_at_once_are_one_after_the_other(site: Site) -> None:
    site.dispatch()
    site.dispatch()
    reports: list[Report] = []
    threads = [threading.Thread(target=lambda: reports.extend(site.run())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kinds(reports) == ["committed", "committed"]
    assert len(site.writes()) == FIRST
    assert site.row("deploy")["deploy"] == "active"


def test_a_deployment_that_waits_too_long_makes_room_for_a_later_one_and_loses_no_try(site: Site) -> None:
    first = site.dispatch()
    with site.hotspot.db.transaction():
        site.hotspot.db.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('hotspot.routers.deploy', %s))", [site.id]
        )
        assert kinds(site.run(timeout=0.4)) == ["committed"]
    assert site.simulator.commands == []
    left = site.hotspot.rows("SELECT id, state, attempts, available_at > now() AS later FROM qsup.jobs")
    assert [(row["id"] > first, row["attempts"], row["later"]) for row in left] == [(True, 0, True)]


def test_what_is_told_names_each_command(site: Site) -> None:
    site.deploy()
    told = site.hotspot.told
    assert [percent for percent, note in told if not note.startswith("command")] == [10, 40, 85, 90, 100]
    commands = [note for _, note in told if note.startswith("command")]
    assert (commands[-1], len(commands)) == ("command 81 of 81: /ip/service", 40)
    assert "command 37 of 81: /ip/hotspot/user/profile" in commands
    assert sorted(percent for percent, _ in told) == [percent for percent, _ in told]
