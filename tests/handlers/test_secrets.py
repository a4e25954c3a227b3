"""Secrets stay where they belong: a dump of every table, all logs, errors and reprs are searched for each of them."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from handlers.requests import NotAsked, request_payment
from handlers.sandbox.daraja import DarajaSandbox
from handlers.sandbox.routeros import RouterSimulator
from handlers.sandbox.sms import SmsGateway
from handlers.settings import SettingMissing, daraja_settings, router_settings, settings_of, sms_settings
from tests.handlers.hotspot import CASES, Hotspot
from tests.handlers.test_reconciliation import ask, later

ALLOWED = {("hotspot.users", "password"), ("hotspot.sms_outbox", "body"), ("radius.radcheck", "value")}
"""Where a customer's password has to be: the user, the text of his SMS, RADIUS."""


@dataclass
class World:
    """A hotspot with its router, its gateway and Daraja, and the secrets of all of them."""

    hotspot: Hotspot
    gateway: SmsGateway
    daraja: DarajaSandbox
    secrets: dict[str, str]


@pytest.fixture
def world(
    hotspot: Hotspot, daraja: DarajaSandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[World]:
    """Everything that can be said aloud is said."""
    caplog.set_level(logging.DEBUG)
    password, key = (f"pw{secrets.token_hex(8)}" for _ in range(2))
    with RouterSimulator(user="qsup", password=password) as router, SmsGateway(api_key=key) as gateway:
        for name, value in {
            "ROUTER": router.address, "ROUTER_USER": "qsup", "ROUTER_PASSWORD": password,
            "SMS_URL": gateway.url, "SMS_USERNAME": "sandbox", "SMS_API_KEY": key,
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        own = {"consumer key": daraja.key, "consumer secret": daraja.secret, "passkey": daraja.passkey}
        yield World(hotspot, gateway, daraja, {"router": password, "SMS": key, **own})


def tables(hotspot: Hotspot) -> list[tuple[str, str, str]]:
    """(table, column, every value as text) of all schemas that are ours."""
    columns = hotspot.rows(
        "SELECT table_schema || '.' || table_name AS place, column_name AS name FROM information_schema.columns"
        " JOIN information_schema.tables USING (table_schema, table_name)"
        " WHERE table_schema IN ('hotspot', 'radius', 'qsup', 'public') AND table_type = 'BASE TABLE'"
    )
    found = []
    for one in columns:
        statement = f'SELECT array_agg("{one["name"]}"::text)::text FROM {one["place"]}'  # noqa: S608  the catalogue's names
        found.append((one["place"], one["name"], str(hotspot.value(statement))))
    return found


def live(world: World) -> str:
    """A whole day: payments, renewals, failures of every part; all reports of jobs and all errors as text."""
    said, hotspot = [], world.hotspot
    request_payment(hotspot.db, phone="0712345678", package="wifi-1h")
    world.daraja.refuses_pushes = True
    with pytest.raises(NotAsked) as refused:
        request_payment(hotspot.db, phone="0712345678", package="wifi-1h")
    said.append(repr(refused.value))
    for name in CASES:
        hotspot.play(name)
    later(hotspot, "3 minutes")
    said.append(repr(ask(hotspot)))
    said.append(repr(hotspot.run("provisioning")))
    world.gateway.order("recipient_405", "down", "recipient_403")
    said.append(repr(hotspot.run("hotspot-sms")))
    hotspot.db.execute("SELECT hotspot.unpark_sms()")
    return "\n".join([*said, repr(hotspot.run("hotspot-sms"))])


def misconfigured(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same with keys that nobody accepts, which are secrets too: the right one with one letter wrong."""
    hotspot, said = world.hotspot, []
    for name in ("ROUTER_PASSWORD", "SMS_API_KEY", "MPESA_CONSUMER_SECRET", "MPESA_PASSKEY"):
        world.secrets[f"wrong {name}"] = f"wr{secrets.token_hex(8)}"
        monkeypatch.setenv(name, world.secrets[f"wrong {name}"])
    for queue, job in [("provisioning", "ProvisionUserInMikroTikJob"), ("hotspot-sms", "SendCredentialsSMSJob")]:
        hotspot.db.execute("UPDATE hotspot.sms_outbox SET state = 'pending', message_id = NULL")
        hotspot.db.execute("SELECT qsup.dispatch(%s, '{\"subscription_id\": 1}')", [job])
        said.append(repr(hotspot.run(queue)))
    later(hotspot, "1 hour")
    said.append(repr(ask(hotspot)))
    with pytest.raises(NotAsked) as refused:
        request_payment(hotspot.db, phone="0712345678", package="wifi-1h")
    return "\n".join([*said, repr(refused.value)])


def test_no_secret_is_in_a_row_a_log_an_error_or_a_repr(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said = live(world)
    passwords = [row["password"] for row in world.hotspot.rows("SELECT password FROM hotspot.users")]
    assert passwords
    assert world.gateway.sent
    said += misconfigured(world, monkeypatch) + caplog.text
    said += "".join(repr(settings) for settings in (router_settings(), settings_of("x", "r:1"), sms_settings()))
    said += repr(daraja_settings()) + repr(world.gateway.sent) + repr(world.daraja.pushes)
    dump = tables(world.hotspot)
    for name, secret in world.secrets.items():
        assert secret not in said, f"{name} is said"
        assert [place for *place, text in dump if secret in text] == [], f"{name} is stored"
    for password in passwords:
        assert password not in said, "a customer's password is said"
        assert {tuple(place) for *place, text in dump if password in text} <= ALLOWED


@pytest.mark.parametrize("name", ["SMS_URL", "MPESA_URL"])
def test_an_address_with_a_password_in_it_is_not_shown(daraja: DarajaSandbox, name: str) -> None:
    environment = daraja.environment | {"SMS_USERNAME": "u", "SMS_API_KEY": "k", name: "ftp://me:s3cret-word@host/x"}
    with pytest.raises(SettingMissing, match=name) as refused:
        (sms_settings if name == "SMS_URL" else daraja_settings)(environment)
    assert "s3cret-word" not in str(refused.value)
