"""Every setting of the handlers, read from the environment in one place.

A secret may be given as NAME or, better, as NAME_FILE (a path). Nothing here is printed: the secret fields are kept out
of `repr`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

_SHADOWED = frozenset({"ROUTER_PASSWORD", "ROUTER_PASSWORD_FILE"})
"""A router with a password of its own reads neither of the common ones: a file would win over a value."""


class SettingMissing(Exception):
    """A handler cannot work without this setting, or its value makes no sense; trying again will not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSettings:
    """How long an unknown CheckoutRequestID is waited for: the callback may overtake the commit of our own request."""

    unmatched_waits: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSettings:
    """Where the hotspot router is, and how to log in. Times in seconds."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    login: str
    tls: bool
    tls_ca: str
    hotspot_server: str
    timeout: float
    deadline: float

    @property
    def address(self) -> str:
        """HOST:PORT, the router's name in the table `routers`."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsSettings:
    """The gateway's address and account, and how long to wait for an answer and for a delivery report (seconds)."""

    url: str
    username: str
    api_key: str = field(repr=False)
    sender: str
    timeout: float
    report_wait: float


def payment_settings(env: Mapping[str, str] = os.environ) -> PaymentSettings:
    """HOTSPOT_UNMATCHED_WAITS: seconds between tries, such as `20,40`. Raises SettingMissing."""
    text = env.get("HOTSPOT_UNMATCHED_WAITS", "20,40")
    try:
        return PaymentSettings(unmatched_waits=tuple(float(part) for part in text.split(",") if part.strip()))
    except ValueError:
        raise SettingMissing(f"HOTSPOT_UNMATCHED_WAITS is {text!r}: expected seconds such as 20,40") from None


def router_settings(env: Mapping[str, str] = os.environ) -> RouterSettings:
    """ROUTER, ROUTER_USER and so on (docs/reference/hotspot-jobs.md). Raises SettingMissing."""
    tls = env.get("ROUTER_TLS", "").lower() in {"1", "yes", "true", "on"}
    host, port = _address(_needed(env, "ROUTER"), 8729 if tls else 8728)
    return RouterSettings(
        host=host,
        port=port,
        user=_needed(env, "ROUTER_USER"),
        password=_secret(env, "ROUTER_PASSWORD"),
        login=env.get("ROUTER_LOGIN", "plain"),
        tls=tls,
        tls_ca=env.get("ROUTER_TLS_CA", ""),
        hotspot_server=env.get("ROUTER_HOTSPOT_SERVER", "all"),
        timeout=_seconds(env, "ROUTER_TIMEOUT", 10),
        deadline=_seconds(env, "ROUTER_DEADLINE", 40),
    )


def settings_of(name: str, address: str, env: Mapping[str, str] = os.environ) -> RouterSettings:
    """The settings of one of several routers: credentials that carry its name, else the common ones.

    `ggn-hsp-01` reads ROUTER_GGN_HSP_01_USER and ROUTER_GGN_HSP_01_PASSWORD(_FILE) before ROUTER_USER and
    ROUTER_PASSWORD(_FILE). Raises SettingMissing.
    """
    prefix = "ROUTER_" + re.sub(r"[^A-Z0-9]", "_", name.upper()) + "_"
    own = {f"ROUTER_{key.removeprefix(prefix)}": value for key, value in env.items() if key.startswith(prefix)}
    common = {key: value for key, value in env.items() if key not in _SHADOWED or not own.keys() & _SHADOWED}
    return router_settings({**common, **own, "ROUTER": address})


def radius_secret_of(name: str, env: Mapping[str, str] = os.environ) -> str:
    """What a router and the RADIUS server share: RADIUS_SECRET(_FILE), before it ROUTER_NAME_RADIUS_SECRET(_FILE).

    Raises SettingMissing.
    """
    own = f"ROUTER_{re.sub(r'[^A-Z0-9]', '_', name.upper())}_RADIUS_SECRET" if name else ""
    has_own = bool(own) and bool(env.get(own) or env.get(f"{own}_FILE"))
    return _secret(env, own if has_own else "RADIUS_SECRET")


def sms_settings(env: Mapping[str, str] = os.environ) -> SmsSettings:
    """SMS_URL, SMS_USERNAME, SMS_API_KEY(_FILE), SMS_SENDER … Raises SettingMissing."""
    return SmsSettings(
        url=_endpoint(_needed(env, "SMS_URL")),
        username=_needed(env, "SMS_USERNAME"),
        api_key=_secret(env, "SMS_API_KEY"),
        sender=env.get("SMS_SENDER", ""),
        timeout=_seconds(env, "SMS_TIMEOUT", 10),
        report_wait=_seconds(env, "SMS_REPORT_WAIT", 120),
    )


def _needed(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise SettingMissing(f"{name} is not set in the environment of the workers")
    return value


def _secret(env: Mapping[str, str], name: str) -> str:
    path = env.get(f"{name}_FILE", "")
    if not path:
        return _needed(env, name)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise SettingMissing(f"{name}_FILE: {path} cannot be read ({type(error).__name__})") from None


def _endpoint(text: str) -> str:
    """The gateway's address; one without a path gets Africa's Talking's."""
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise SettingMissing(f"SMS_URL is {text!r}: expected http:// or https:// and a host")
    return text if parts.path.strip("/") else f"{text.rstrip('/')}/version1/messaging"


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name, "")
    try:
        return float(text) if text else default
    except ValueError:
        raise SettingMissing(f"{name} is {text!r}: expected seconds") from None


def _address(text: str, default_port: int) -> tuple[str, int]:
    """HOST, HOST:PORT, [IPv6]:PORT."""
    bare = text.count(":") > 1 and not text.startswith("[")
    host, colon, port = (text, "", "") if bare or text.endswith("]") else text.rpartition(":")
    if not colon:
        host, port = text, str(default_port)
    if not port.isdigit() or not 0 < int(port) < 65536 or not host:
        raise SettingMissing(f"ROUTER is {text!r}: expected HOST or HOST:PORT")
    return host.strip("[]"), int(port)
