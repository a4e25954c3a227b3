"""ProvisionUserInMikroTikJob: a real database, real librouteros, and a router on a TCP port that may misbehave."""

from __future__ import annotations

import time

import pytest

from handlers.sandbox.faults import Kind
from handlers.sandbox.routeros import RouterSimulator
from handlers.settings import SettingMissing, router_settings, settings_of, sms_settings
from qsup.outcome import Report
from tests.handlers.hotspot import CASES, Hotspot

USERS = "/ip/hotspot/user"
PROFILES = "/ip/hotspot/user/profile"
PHONE = "254712345678"
OURS = "qsup:hs:user:1"


@pytest.fixture
def paid(hotspot: Hotspot) -> Hotspot:
    """A hotspot where one customer has paid."""
    hotspot.play("stk_success")
    return hotspot


def provision(hotspot: Hotspot) -> list[Report]:
    return hotspot.run("provisioning")


def kinds(reports: list[Report]) -> list[str]:
    return [report.kind for report in reports]


def writes(router: RouterSimulator) -> list[str]:
    return [command for command in router.commands if not command.endswith("/print")]


def test_a_paid_customer_is_on_the_router_with_his_speed_and_the_sms_follows(
    paid: Hotspot, router: RouterSimulator
) -> None:
    assert kinds(provision(paid)) == ["committed"]
    user = router.tables.find(USERS)[0]
    assert user["name"] == PHONE
    assert (user["profile"], user["limit-uptime"], user["server"]) == ("qsup-wifi-1h", "1h", "all")
    assert user["password"] == paid.value("SELECT password FROM hotspot.users")
    profile = router.tables.find(PROFILES, ["?name=qsup-wifi-1h"])[0]
    assert (profile["rate-limit"], profile["shared-users"]) == ("2M/5M", "1")
    bought = paid.row("SELECT id, provisioned_at FROM hotspot.subscriptions")
    assert bought["provisioned_at"] is not None
    assert paid.jobs("hotspot-sms") == [{"subscription_id": bought["id"]}]
    assert paid.row("SELECT reach, deploy, problem FROM hotspot.routers") == {
        "reach": "online",
        "deploy": "none",
        "problem": None,
    }


def test_a_second_run_writes_nothing(paid: Hotspot, router: RouterSimulator) -> None:
    again = paid.jobs("provisioning")[0]
    provision(paid)
    router.commands.clear()
    paid.db.execute(
        "SELECT qsup.dispatch('ProvisionUserInMikroTikJob', %s)", [f'{{"subscription_id": {again["subscription_id"]}}}']
    )
    assert kinds(provision(paid)) == ["committed"]
    assert writes(router) == []
    assert len(paid.jobs("hotspot-sms")) == 1


def test_what_differs_on_the_router_is_set_right(paid: Hotspot, router: RouterSimulator) -> None:
    router.tables.add(PROFILES, {"name": "qsup-wifi-1h", "rate-limit": "1M/1M"})
    router.tables.add(USERS, {"name": PHONE, "password": "old", "disabled": "yes", "comment": OURS})
    router.tables.add(USERS, {"name": "254700000000", "password": "keep"})
    assert kinds(provision(paid)) == ["committed"]
    assert writes(router) == [f"{PROFILES}/set", f"{USERS}/set"]
    user = router.tables.find(USERS, [f"?name={PHONE}"])[0]
    assert (user["disabled"], user["profile"]) == ("false", "qsup-wifi-1h")
    assert router.tables.find(USERS, ["?name=254700000000"])[0]["password"] == "keep"


def test_a_renewal_gives_the_sum_of_what_was_bought(paid: Hotspot, router: RouterSimulator) -> None:
    provision(paid)
    paid.play("c2b_paybill")
    provision(paid)
    assert [user["limit-uptime"] for user in router.tables.find(USERS)] == ["2h"]
    assert len(paid.jobs("hotspot-sms")) == 2


@pytest.mark.parametrize("command", [f"{PROFILES}/add", f"{USERS}/add"])
@pytest.mark.parametrize("kind", [Kind.CLOSE_AFTER, Kind.RESET, Kind.HALF, Kind.CLOSE_BEFORE, Kind.FATAL])
def test_a_lost_answer_is_retried_and_nothing_is_doubled(
    paid: Hotspot, router: RouterSimulator, command: str, kind: Kind
) -> None:
    router.faults.order(command, kind)
    assert kinds(provision(paid)) == ["error", "committed"]
    assert len(router.tables.find(USERS)) == 1
    assert len(router.tables.find(PROFILES, ["?name=qsup-wifi-1h"])) == 1


def test_somebody_who_was_faster_is_found_again_in_the_same_run(paid: Hotspot, router: RouterSimulator) -> None:
    router.faults.order(f"{USERS}/add", Kind.TRAP, "failure: already have user with this name for this server")
    assert kinds(provision(paid)) == ["committed"]
    assert len(router.tables.find(USERS)) == 1


def test_a_row_that_goes_away_meanwhile_is_added_again(paid: Hotspot, router: RouterSimulator) -> None:
    number = router.tables.add(USERS, {"name": PHONE, "password": "old", "comment": OURS})
    router.faults.order(f"{USERS}/set", Kind.TRAP, "no such item")
    router.tables.remove(USERS, number)
    router.tables.add(USERS, {"name": PHONE, "password": "old", "comment": OURS})
    assert kinds(provision(paid)) == ["committed"]
    assert len(router.tables.find(USERS)) == 1


def test_a_wrong_password_fails_at_once_and_flags_the_router(
    paid: Hotspot, router: RouterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTER_PASSWORD", "wr0ng-pass")
    reports = provision(paid)
    assert kinds(reports) == ["discard"]
    assert "invalid user name or password" in reports[0].reason
    assert "wr0ng-pass" not in repr(reports)
    flagged = paid.row("SELECT reach, problem FROM hotspot.routers")
    assert flagged == {"reach": "online", "problem": "credentials"}
    assert paid.value("SELECT provisioned_at FROM hotspot.subscriptions") is None
    assert router.tables.find(USERS) == []


def test_a_read_only_account_fails_at_once_and_flags_the_router(paid: Hotspot, monkeypatch: pytest.MonkeyPatch) -> None:
    with RouterSimulator(user="qsup", password="s3cret", read_only=True) as router:
        point_at(router, monkeypatch)
        assert kinds(provision(paid)) == ["discard"]
    assert paid.value("SELECT problem FROM hotspot.routers") == "permission"


def test_an_old_router_is_reached_by_the_old_login(paid: Hotspot, monkeypatch: pytest.MonkeyPatch) -> None:
    with RouterSimulator(user="qsup", password="s3cret", login="token", says_empty=False) as router:
        point_at(router, monkeypatch)
        assert kinds(provision(paid)) == ["committed"]
        assert len(router.tables.find(USERS)) == 1


def test_a_router_that_is_away_is_tried_as_often_as_the_queue_says(
    paid: Hotspot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTER", "127.0.0.1:1")
    monkeypatch.setenv("ROUTER_USER", "qsup")
    monkeypatch.setenv("ROUTER_PASSWORD", "s3cret")
    reports = provision(paid)
    assert kinds(reports) == ["error"] * paid.routing.queues["provisioning"].tries
    assert reports[0].exception == "handlers.mikrotik.RouterAway"
    assert paid.value("SELECT reach FROM hotspot.routers") == "unknown", "silence is CheckRoutersJob's to judge"


@pytest.mark.parametrize("kind", [Kind.DRIP, Kind.HANG_AFTER])
def test_a_router_that_drips_or_hangs_is_cut_off_at_the_deadline(
    paid: Hotspot, router: RouterSimulator, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    for number in range(20):
        router.tables.add(PROFILES, {"name": f"filler-{number}"})
    monkeypatch.setenv("ROUTER_DEADLINE", "0.5")
    router.faults.order(f"{PROFILES}/add" if kind is Kind.HANG_AFTER else f"{USERS}/print", kind)
    if kind is Kind.DRIP:
        for number in range(40):
            row = {"name": PHONE, "password": "x" * 100, "comment": OURS}
            router.tables.add(USERS, row if not number else {"name": f"n{number}"})
    began = time.monotonic()
    reports = provision(paid)
    assert kinds(reports) == ["error", "committed"]
    assert time.monotonic() - began < 8, "a read timeout of 10 s was waited for, not the deadline of 0.5 s"
    assert len(router.tables.find(USERS, [f"?name={PHONE}"])) == 1


def test_a_subscription_that_is_over_or_unknown_needs_no_router(paid: Hotspot, router: RouterSimulator) -> None:
    paid.db.execute(
        "UPDATE hotspot.subscriptions SET starts_at = now() - interval '2 hours', ends_at = now() - interval '1 hour'"
    )
    assert kinds(provision(paid)) == ["done"]
    paid.db.execute("SELECT qsup.dispatch('ProvisionUserInMikroTikJob', '{\"subscription_id\": 99}')")
    assert kinds(provision(paid)) == ["discard"]
    assert router.commands == []


def test_a_missing_setting_says_which_one(paid: Hotspot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROUTER", raising=False)
    reports = provision(paid)
    assert kinds(reports) == ["discard"]
    assert "ROUTER is not set" in reports[0].reason


def test_settings_come_from_the_environment_and_secrets_from_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("secrets") / "password"
    secret.write_text("s3cret\n")
    environment = {"ROUTER": "[fe80::1]:9000", "ROUTER_USER": "u", "ROUTER_PASSWORD_FILE": str(secret)}
    settings = router_settings(environment)
    assert (settings.host, settings.port, settings.password) == ("fe80::1", 9000, "s3cret")
    assert "s3cret" not in repr(settings)
    assert router_settings(environment | {"ROUTER": "r1", "ROUTER_TLS": "1"}).address == "r1:8729"
    for wrong in ("r1:x", "r1:99999", ":8728"):
        with pytest.raises(SettingMissing, match="HOST"):
            router_settings(environment | {"ROUTER": wrong})
    with pytest.raises(SettingMissing, match="SMS_API_KEY_FILE"):
        sms_settings({"SMS_URL": "http://x", "SMS_USERNAME": "u", "SMS_API_KEY_FILE": "/nowhere"})


def point_at(router: RouterSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER", router.address)
    monkeypatch.setenv("ROUTER_USER", "qsup")
    monkeypatch.setenv("ROUTER_PASSWORD", "s3cret")


def test_the_whole_file_of_callbacks_leaves_each_customer_once_on_the_router(
    hotspot: Hotspot, router: RouterSimulator
) -> None:
    for name in CASES:
        hotspot.play(name)
        hotspot.run("provisioning")
    customers = [row["phone"] for row in hotspot.rows("SELECT phone FROM hotspot.users ORDER BY phone")]
    assert sorted(user["name"] for user in router.tables.find(USERS)) == customers


def test_one_of_several_routers_may_have_credentials_of_its_own() -> None:
    environment = {
        "ROUTER": "elsewhere",
        "ROUTER_USER": "qsup",
        "ROUTER_PASSWORD_FILE": "/nowhere",
        "ROUTER_GGN_HSP_01_PASSWORD": "its-own",
    }
    settings = settings_of("ggn-hsp-01", "10.0.0.1:8729", environment)
    assert (settings.address, settings.user, settings.password) == ("10.0.0.1:8729", "qsup", "its-own")
    with pytest.raises(SettingMissing, match="nowhere"):
        settings_of("ggn-hsp-02", "10.0.0.2", environment)
