"""A deployment that goes wrong: at every write, for every reason; the router ends deployed, or exactly as it was."""

from __future__ import annotations

import json
import logging
import os
import random
import re
from collections.abc import Callable, Iterator

import pytest
from pydantic import ValidationError

from handlers.deployment.blueprint import COMMANDS, Blueprint, wanted
from handlers.deployment.job import SECONDS_TO_RECORD
from handlers.deployment.link import Link
from handlers.sandbox.faults import Kind
from handlers.sandbox.routeros import RouterSimulator
from handlers.sandbox.tables import Row, Tables
from handlers.settings import radius_secret_of
from tests.handlers.deploying import FIRST, SECRET, NthWrite, Site, a_site, kinds, words
from tests.handlers.hotspot import Hotspot

FILTER = "/ip/firewall/filter"


class Killed(BaseException):
    """The worker dies here, as far as the handler can see."""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIUS_SECRET", SECRET)
    monkeypatch.setenv("ROUTER_USER", "qsup")
    monkeypatch.setenv("ROUTER_PASSWORD", "s3cret")


@pytest.fixture
def site(hotspot: Hotspot, router: RouterSimulator) -> Iterator[Site]:
    """A router out of its box."""
    with a_site(hotspot, router) as found:
        yield found


def test_the_answer_lost_after_each_write_doubles_nothing(hotspot: Hotspot) -> None:
    for number in range(1, FIRST + 1):
        with RouterSimulator(user="qsup", password="s3cret") as router, a_site(hotspot, router) as site:
            router.faults = fault = NthWrite(number, Kind.CLOSE_AFTER)
            assert kinds(site.deploy()) == ["error", "committed"], f"write {number}, {fault.hit}"
            assert (len(site.writes()), site.row("deploy")) == (FIRST, {"deploy": "active"}), number


@pytest.mark.parametrize("kind", [Kind.CLOSE_BEFORE, Kind.RESET, Kind.HALF, Kind.FATAL])
def test_other_ways_to_lose_the_router_are_tried_again_too(site: Site, kind: Kind) -> None:
    site.simulator.faults = NthWrite(40, kind)
    assert kinds(site.deploy()) == ["error", "committed"]
    assert (len(site.tables()["/radius"]), site.row("deploy")) == (1, {"deploy": "active"})


def killed_after(monkeypatch: pytest.MonkeyPatch, number: int) -> Callable[[], None]:
    """The worker dies when the router has done so many writes; undone by the returned function."""
    plain, left = Link.write, [number]

    def write(link: Link, step: object) -> str | None:
        answer = plain(link, step)  # type: ignore[arg-type]  # passed on as it came
        left[0] -= 1
        if not left[0]:
            raise Killed
        return answer

    monkeypatch.setattr(Link, "write", write)
    return lambda: monkeypatch.setattr(Link, "write", plain)


def test_killed_after_each_write_and_continued_it_doubles_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, FIRST + 1):
        site.from_the_box()
        mended = killed_after(monkeypatch, number)
        assert kinds(site.deploy()) == ["error", "committed"], number
        mended()
        assert (len(site.writes()), site.row("deploy")) == (FIRST, {"deploy": "active"}), number


def test_refused_at_each_write_the_router_is_exactly_as_it_was(site: Site) -> None:
    before = site.tables()
    for number in range(1, FIRST + 1):
        site.simulator.faults = fault = NthWrite(number, Kind.TRAP, "failure: contents too long")
        [report] = site.deploy()
        assert (report.kind, site.row("deploy", "problem")) == ("discard", {"deploy": "failed", "problem": "bad-value"})
        assert fault.hit.rpartition("/")[0] in report.reason
        assert "the router is as it was before" in report.reason
        assert site.tables() == before, f"write {number}, {fault.hit}"
    done = [one.rpartition("/")[0] for one in site.writes()[-2 * (FIRST - 1) :]]
    assert done[FIRST - 1 :] == done[: FIRST - 1][::-1], "the last write is the first to be taken back"


def disturb(site: Site) -> None:
    """Somebody has been at a deployed router, and its variables have changed: all kinds of writes are needed."""
    tables = site.simulator.tables
    tables.set("/system/identity", "", {"name": "stolen"})
    for number, row in list(enumerate(site.rows(FILTER)))[::3]:
        tables.set(FILTER, row[".id"], {"disabled": "yes"} if number % 2 else {"limit": "5"})
        tables.unset(FILTER, row[".id"], "protocol")
    tables.remove(FILTER, site.rows(FILTER)[4][".id"])
    rows = tables._rows[FILTER]
    first = next(iter(rows))
    rows[first] = rows.pop(first)
    tables.set("/interface/bridge/port", site.rows("/interface/bridge/port")[1][".id"], {"pvid": "7"})
    tables.add("/radius", {name: value for name, value in site.rows("/radius")[0].items() if name != ".id"})
    other = '{"mgmt_net": "127.0.0.0/9", "net": "10.6.0.0/24", "gw": "10.6.0.1", "gw_cidr": "10.6.0.1/24",'
    other += ' "pool": "10.6.0.10-10.6.0.200", "ap": "10.6.0.2", "interim": "7m"}'
    site.hotspot.db.execute("UPDATE hotspot.routers SET vars = %s", [other])


def test_refused_at_each_write_a_disturbed_router_is_exactly_as_it_was(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.deploy()
    disturb(site)
    monkeypatch.setenv("RADIUS_SECRET", "a-new-secret-123")
    before, number = site.tables(), 0
    while True:
        number += 1
        site.simulator.commands.clear()
        site.simulator.faults = fault = NthWrite(number, Kind.TRAP, "failure: contents too long")
        [report] = site.deploy()
        if report.kind == "committed" or "was verified before" in report.reason:
            break
        assert (report.kind, site.tables() == before) == ("discard", True), f"write {number}, {fault.hit}"
    # What is left are the old rows, which go when the new ones are verified.
    assert (number > 15, fault.hit.rpartition("/")[2]) == (True, "remove")
    assert site.row("deploy")["deploy"] == "failed"
    assert kinds(site.deploy()) == ["committed"]
    assert [row["secret"] for row in site.rows("/radius")] == ["a-new-secret-123"]


def test_an_error_does_not_prove_that_nothing_was_done(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before, plain = site.tables(), Tables.add

    def adds_and_complains(tables: Tables, path: str, row: dict[str, str]) -> str:
        number = plain(tables, path, row)
        if path == "/ip/firewall/nat":
            site.simulator.faults.order("/ip/firewall/nat/add", Kind.TRAP, "failure: contents too long")
            raise ConnectionError
        return number

    monkeypatch.setattr(Tables, "add", adds_and_complains)
    assert kinds(site.deploy()) == ["error", "discard"]
    assert site.tables() == before


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("/ip/dhcp-server", {"name": "theirs", "interface": "bridge-hotspot"}),
        ("/ip/hotspot", {"name": "theirs", "interface": "bridge-hotspot", "profile": "default"}),
        ("/interface/bridge/port", {"bridge": "bridge-hotspot", "interface": "ether2", "disabled": "yes"}),
        ("/ip/dns/static", {"name": "login.hotspot.lan", "address": "10.1.1.1"}),
        ("/ip/dhcp-server/network", {"address": "10.5.50.0/24", "gateway": "10.5.50.9"}),
    ],
)
def test_what_is_somebody_else_s_and_in_the_way_stops_it_before_the_first_write(
    site: Site, path: str, row: dict[str, str]
) -> None:
    site.simulator.tables.add("/interface/bridge", {"name": "bridge-hotspot"})
    site.simulator.tables.add(path, row)
    before = site.tables()
    [report] = site.deploy()
    assert (report.kind, site.row("deploy", "problem")) == ("discard", {"deploy": "failed", "problem": "conflict"})
    assert path in report.reason
    assert (site.writes(), site.tables()) == ([], before)


def test_a_foreign_dhcp_relay_is_only_seen_when_the_router_refuses_and_all_is_taken_back(site: Site) -> None:
    before = site.tables()
    for _ in range(5):
        site.simulator.faults.order(
            "/ip/dhcp-server/add", Kind.TRAP, "failure: server or relay with such interface already exists"
        )
    [report] = site.deploy()
    assert (report.kind, site.row("problem")) == ("discard", {"problem": "conflict"})
    assert site.tables() == before


def test_a_wrong_password_fails_at_once_and_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_PASSWORD", "wr0ng-pass")
    [report] = site.deploy()
    assert (report.kind, site.row("deploy", "problem")) == ("discard", {"deploy": "failed", "problem": "credentials"})
    assert "invalid user name or password" in report.reason
    assert "wr0ng-pass" not in words(report)


def test_a_read_only_account_fails_at_once_and_says_so(site: Site) -> None:
    site.simulator.read_only = True
    [report] = site.deploy()
    assert (report.kind, site.row("deploy", "problem")) == ("discard", {"deploy": "failed", "problem": "permission"})
    assert "not enough permissions" in report.reason


def test_an_account_that_cannot_read_secrets_cannot_verify_them(site: Site) -> None:
    before = site.tables()
    site.simulator.shows_secrets = False
    [report] = site.deploy()
    assert (report.kind, "`sensitive`" in report.reason, site.tables() == before) == ("discard", True, True)


def test_a_menu_that_is_missing_fails_at_once(site: Site) -> None:
    site.simulator.faults.order("/system/ntp/client/servers/print", Kind.TRAP, "no such command prefix")
    [report] = site.deploy()
    assert (report.kind, site.row("problem"), site.writes()) == ("discard", {"problem": "menu"}, [])


def test_a_management_network_without_us_is_refused_before_the_first_write(site: Site) -> None:
    site.hotspot.db.execute("UPDATE hotspot.routers SET vars = '{}'")
    [report] = site.deploy()
    assert (report.kind, site.writes()) == ("discard", [])
    assert "10.20.0.0/16, but the router sees us at 127.0.0.1" in report.reason


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ('{"net": "10.5.50.1/24"}', "net is '10.5.50.1/24': expected a network"),
        ('{"net": "10.6.0.0/24"}', "gw_cidr is 10.5.50.1/24: expected"),
        ('{"gw": 5}', "gw is 5: expected an IPv4 address"),
        ('{"pool": "10.5.50.254-10.5.50.10"}', "pool is '10.5.50.254-10.5.50.10': expected a range"),
        ('{"pool": "10.5.50.1-10.5.50.254"}', "pool 10.5.50.1-10.5.50.254 has to be in net"),
        ('{"port2": "ether1"}', "six different interfaces"),
        ('{"bridge": ""}', "bridge is '': expected a name"),
        ('{"tz": "East African Time"}', "tz is 'East African Time'"),
        ('{"bandwith": "1M"}', "there is no variable 'bandwith'"),
    ],
)
def test_a_malformed_variable_is_said_in_a_sentence_before_the_router_is_called(
    site: Site, values: str, sentence: str
) -> None:
    site.hotspot.db.execute("UPDATE hotspot.routers SET vars = %s", [values])
    [report] = site.deploy()
    assert (report.kind, site.simulator.commands) == ("discard", [])
    assert sentence in report.reason
    assert site.row("deploy", "problem") == {"deploy": "failed", "problem": "settings"}


@pytest.mark.parametrize("secret", ["", "short", "change-me", "with space 1", "umlaut-äöü-1"])
def test_a_missing_or_weak_radius_secret_is_refused_and_not_shown(
    site: Site, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("RADIUS_SECRET", secret)
    [report] = site.deploy()
    assert (report.kind, site.simulator.commands) == ("discard", [])
    assert not secret or secret not in words(report)


def test_a_file_may_hold_the_secret(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("secrets") / "radius"
    path.write_text("from-a-file-1\n")
    environment = {"RADIUS_SECRET": "common-one-1", "ROUTER_R1_RADIUS_SECRET_FILE": str(path)}
    assert [radius_secret_of(name, environment) for name in ("r1", "r2", "")] == [
        "from-a-file-1", "common-one-1", "common-one-1",
    ]  # fmt: skip


def test_what_does_not_work_though_it_was_accepted_is_no_success(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before, plain = site.tables(), site.simulator.tables._completed

    def not_on_this_hardware(path: str, rows: list[Row]) -> list[Row]:
        return [row | ({"invalid": "true"} if path == "/ip/hotspot" else {}) for row in plain(path, rows)]

    monkeypatch.setattr(site.simulator.tables, "_completed", not_on_this_hardware)
    [report] = site.deploy()
    assert (report.kind, site.row("deploy", "problem")) == ("discard", {"deploy": "failed", "problem": "verification"})
    assert "expected invalid=false, read invalid=True" in report.reason
    assert site.tables() == before


def test_a_hotspot_on_a_bridge_that_somebody_has_switched_off_is_no_success(site: Site) -> None:
    site.deploy()
    site.simulator.tables.set("/interface/bridge", "bridge-hotspot", {"comment": "mine now", "disabled": "yes"})
    [report] = site.deploy()
    assert (report.kind, "/interface/bridge has a row of somebody else" in report.reason) == ("discard", True)
    assert [row["invalid"] for row in site.rows("/ip/hotspot")] == ["true"]


def test_a_value_that_is_not_kept_is_no_success(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before, plain = site.tables(), site.simulator.tables.add

    def clamps(path: str, row: Row) -> str:
        return plain(path, row | ({"lease-time": "10m"} if path == "/ip/dhcp-server" else {}))

    monkeypatch.setattr(site.simulator.tables, "add", clamps)
    [report] = site.deploy()
    assert (report.kind, "lease-time=1h (was lease-time=10m)" in report.reason) == ("discard", True)
    assert site.tables() == before


def test_a_router_that_hangs_is_cut_off_before_the_job_s_time_is_over(site: Site) -> None:
    site.simulator.faults = NthWrite(20, Kind.HANG_AFTER)
    late, finished = site.deploy(timeout=SECONDS_TO_RECORD + 2)
    assert (late.kind, "it was too slow" in late.reason, finished.kind) == ("error", True, "committed")


def test_when_the_last_try_is_over_the_hook_takes_back_what_all_runs_did(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = random.randrange(10**6)  # noqa: S311  a test's choice, printed
    chance = random.Random(seed)  # noqa: S311  the same
    print(f"seed {seed}")
    before = site.tables()
    for _ in range(5):
        first, second = chance.randint(1, 40), chance.randint(1, 39)
        site.dispatch()
        for number in (first, second):
            mended = killed_after(monkeypatch, number)
            assert site.once().kind == "error"
            mended()
        assert len(site.open_entries()) == first + second
        site.give_up("over its tries")
        assert site.tables() == before, (seed, first, second)
        assert site.row("deploy", "deploy_detail") == {
            "deploy": "failed", "deploy_detail": "over its tries; the router is as it was before",
        }  # fmt: skip
        assert site.open_entries() == []
        site.give_up("again")
        site.drop_jobs()


def test_a_router_that_is_away_is_told_to_the_people_and_taken_back_when_it_returns(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = site.tables()
    site.simulator.faults = NthWrite(30, Kind.CLOSE_AFTER)
    site.dispatch()
    site.once()
    monkeypatch.setenv("ROUTER_PASSWORD", "wrong-for-now")
    with pytest.raises(Exception, match="invalid user name"):
        site.give_up("the router was away")
    assert "not taken back" in site.row("deploy_detail")["deploy_detail"]
    monkeypatch.setenv("ROUTER_PASSWORD", "s3cret")
    site.give_up("the router was away")
    assert site.tables() == before


def test_the_hook_leaves_a_deployment_alone_that_somebody_began_since(site: Site) -> None:
    number = site.dispatch()
    for writes in (30, 20):
        site.simulator.faults = NthWrite(writes, Kind.CLOSE_AFTER)
        site.once()
        site.drop_jobs()
        site.dispatch()
    site.simulator.commands.clear()
    site.give_up("late", job=number)
    assert (site.simulator.commands, len(site.open_entries())) == ([], 50)
    assert kinds(site.run()) == ["committed"]
    site.give_up("later", job=number)
    assert site.row("deploy") == {"deploy": "active"}


def test_ids_of_before_a_reset_are_nobody_s(site: Site) -> None:
    site.simulator.faults = NthWrite(60, Kind.CLOSE_AFTER)
    site.dispatch()
    site.once()
    site.simulator.tables = Tables(sessions=site.simulator._sessions)
    for path in ("/ip/pool", "/interface/bridge", "/ip/firewall/nat", "/radius", "/interface/list"):
        for number in range(3):
            site.simulator.tables.add(path, {"name": f"theirs-{number}", "address": "10.9.9.9", "chain": "srcnat"})
    before = site.tables()
    site.give_up("killed")
    assert site.tables() == before


def test_what_a_person_changed_meanwhile_is_not_put_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.simulator.faults = NthWrite(40, Kind.TRAP, "failure: contents too long")
    plain = site.simulator.tables.set

    def right_behind_us(path: str, ids: str, row: Row) -> None:
        plain(path, ids, {"name": "by-hand"} if row.get("name") == "ggn-hsp-07" else row)

    monkeypatch.setattr(site.simulator.tables, "set", right_behind_us)
    assert kinds(site.deploy()) == ["discard"]
    assert site.rows("/system/identity") == [{"name": "by-hand"}]


def test_the_secret_is_on_the_router_and_nowhere_else(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    reports = []
    for number, kind in enumerate((Kind.TRAP, Kind.CLOSE_AFTER, Kind.HALF)):
        site.simulator.faults = NthWrite(30 + number, kind, f"invalid value {SECRET} for argument secret")
        reports += site.deploy()
        monkeypatch.setenv("RADIUS_SECRET", SECRET + str(number))
    reports += site.deploy()
    assert "committed" in kinds(reports)
    assert any(SECRET in str(row) for row in site.rows("/radius"))
    texts = [caplog.text, *(words(report) for report in reports), *dump(site.hotspot)]
    assert [text for text in texts if SECRET in text] == []
    assert "s3cret" not in caplog.text


def dump(hotspot: Hotspot) -> list[str]:
    """Every row of every table of both schemas."""
    tables = hotspot.rows(
        "SELECT format('%%I.%%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = ANY (%s)",
        ["hotspot", "qsup", "radius"],
    )
    found = [str(hotspot.rows(f"SELECT * FROM {table['name']}")) for table in tables]  # noqa: S608  names of the catalog
    assert any("qsup:hs:radius" in text for text in found), "the journal is in the dump"
    return found


def test_a_file_of_commands_that_makes_no_sense_is_refused() -> None:
    good = json.loads(COMMANDS.read_text())
    assert len(Blueprint.model_validate(good).commands) == 81
    for place, change in (
        (0, {"n": 2}),
        (0, {"attrs": {"name": "{nobody}"}}),
        (0, {"path": "system identity"}),
        (0, {"key": ["name"]}),
        (3, {"key": ["name"]}),
        (12, {"attrs": {"name": "WAN", "comment": "mine"}}),
        (26, {"key": ["address"]}),
    ):
        commands = [dict(one) for one in good["commands"]]
        commands[place] |= change
        with pytest.raises(ValidationError):
            Blueprint.model_validate(good | {"commands": commands})


def test_nothing_of_the_secret_is_in_a_repr_or_in_the_fingerprint() -> None:
    one, other = wanted({}, SECRET), wanted({}, "something-else-1")
    assert SECRET not in repr(one)
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != wanted({"interim": "6m"}, SECRET).fingerprint
    assert re.fullmatch("[0-9a-f]{64}", one.fingerprint)
    assert os.environ["RADIUS_SECRET"] == SECRET
