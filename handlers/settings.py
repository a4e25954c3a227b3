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

SMS_PATHS = {"africastalking": "/version1/messaging", "smsleopard": "/v1/sms/send"}
"""The shapes of SMS gateways that are spoken, with the path of each."""


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
    shape: str = "africastalking"
    rate: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DarajaSettings:
    """Safaricom's API: where it is, our shortcode and the three secrets that go with it. `timeout`: seconds."""

    url: str
    shortcode: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    passkey: str = field(repr=False)
    transaction_type: str
    party: str
    callback_url: str
    timeout: float
    confirm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RadiusSettings:
    """The secret that FreeRADIUS and a router share, how often routers report, how to ask one to disconnect.

    Times in seconds.
    """

    secret: str = field(repr=False)
    interim: float
    coa_port: int
    coa_timeout: float


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


def sms_settings(env: Mapping[str, str] = os.environ) -> SmsSettings:
    """SMS_URL, SMS_USERNAME, SMS_API_KEY(_FILE), SMS_SENDER … Raises SettingMissing."""
    shape = env.get("SMS_SHAPE", "africastalking").lower()
    if shape not in SMS_PATHS:
        raise SettingMissing(f"SMS_SHAPE is {shape!r}: expected {' or '.join(SMS_PATHS)}")
    return SmsSettings(
        url=_endpoint("SMS_URL", _needed(env, "SMS_URL"), SMS_PATHS[shape]),
        shape=shape,
        rate=_seconds(env, "SMS_RATE", 10, "messages per second, such as 5"),
        username=_needed(env, "SMS_USERNAME"),
        api_key=_secret(env, "SMS_API_KEY"),
        sender=env.get("SMS_SENDER", ""),
        timeout=_seconds(env, "SMS_TIMEOUT", 10),
        report_wait=_seconds(env, "SMS_REPORT_WAIT", 120),
    )


def radius_settings(name: str = "", env: Mapping[str, str] = os.environ) -> RadiusSettings:
    """The router's secret (radius_secret_of), RADIUS_INTERIM, RADIUS_COA_PORT, RADIUS_COA_TIMEOUT.

    Raises SettingMissing.
    """
    return RadiusSettings(
        secret=radius_secret_of(name, env),
        interim=interim(env),
        coa_port=int(_seconds(env, "RADIUS_COA_PORT", 3799)),
        coa_timeout=_seconds(env, "RADIUS_COA_TIMEOUT", 3),
    )


def radius_secret_of(name: str, env: Mapping[str, str] = os.environ) -> str:
    """What a router and the RADIUS server share: RADIUS_SECRET(_FILE), before it ROUTER_NAME_RADIUS_SECRET(_FILE).

    Raises SettingMissing.
    """
    own = f"ROUTER_{re.sub(r'[^A-Z0-9]', '_', name.upper())}_RADIUS_SECRET" if name else ""
    has_own = bool(own) and bool(env.get(own) or env.get(f"{own}_FILE"))
    return _secret(env, own if has_own else "RADIUS_SECRET")


def own_radius_secrets(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`ROUTER_NAME` → its secret, for all routers that have one of their own. Raises SettingMissing."""
    found = [re.fullmatch(r"(ROUTER_[A-Z0-9_]+)_RADIUS_SECRET(?:_FILE)?", name) for name, value in env.items() if value]
    return {match[1]: _secret(env, f"{match[1]}_RADIUS_SECRET") for match in found if match}


def interim(env: Mapping[str, str] = os.environ) -> float:
    """RADIUS_INTERIM: seconds between two reports of a session. Raises SettingMissing."""
    return _seconds(env, "RADIUS_INTERIM", 300)


def disconnect_way(env: Mapping[str, str] = os.environ) -> str:
    """HOTSPOT_DISCONNECT: `api`, `radius`, or `auto` (the API; RADIUS where that refuses us). Raises SettingMissing."""
    way = env.get("HOTSPOT_DISCONNECT", "auto")
    if way not in {"auto", "api", "radius"}:
        raise SettingMissing(f"HOTSPOT_DISCONNECT is {way!r}: expected auto, api or radius")
    return way


def secret_of(name: str, env: Mapping[str, str] = os.environ) -> str:
    """The value of NAME, or the contents of the file that NAME_FILE names. Raises SettingMissing."""
    return _secret(env, name)


def daraja_settings(env: Mapping[str, str] = os.environ) -> DarajaSettings:
    """MPESA_SHORTCODE, MPESA_CONSUMER_KEY and so on; the secrets also as *_FILE. Raises SettingMissing."""
    shortcode = _needed(env, "MPESA_SHORTCODE")
    kind = env.get("MPESA_TRANSACTION_TYPE", "CustomerPayBillOnline")
    if kind not in {"CustomerPayBillOnline", "CustomerBuyGoodsOnline"}:
        raise SettingMissing(f"MPESA_TRANSACTION_TYPE is {kind!r}: CustomerPayBillOnline or CustomerBuyGoodsOnline")
    return DarajaSettings(
        url=_endpoint("MPESA_URL", env.get("MPESA_URL", "") or "https://api.safaricom.co.ke", "").rstrip("/"),
        shortcode=shortcode,
        key=_secret(env, "MPESA_CONSUMER_KEY"),
        secret=_secret(env, "MPESA_CONSUMER_SECRET"),
        passkey=_secret(env, "MPESA_PASSKEY"),
        transaction_type=kind,
        party=env.get("MPESA_PARTY", "") or shortcode,
        callback_url=_callback_url(env.get("MPESA_CALLBACK_URL", "")),
        timeout=_seconds(env, "MPESA_TIMEOUT", 10),
        confirm=confirms(env),
    )


def confirms(env: Mapping[str, str] = os.environ) -> bool:
    """MPESA_CONFIRM: whether Daraja is asked before the success that a callback claims is applied."""
    return env.get("MPESA_CONFIRM", "").lower() in {"1", "yes", "true", "on"}


def _callback_url(text: str) -> str:
    """Daraja calls no address that names it, and only https."""
    if text and (not text.startswith("https://") or re.search("mpesa|m-pesa|safaricom", text, re.IGNORECASE)):
        raise SettingMissing("MPESA_CALLBACK_URL: expected https://… without the words mpesa and safaricom in it")
    return text


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


def _endpoint(name: str, text: str, path: str) -> str:
    """A web address; one without a path gets this path. The message hides what may be a password in it."""
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise SettingMissing(f"{name} is {text.rpartition('@')[2]!r}: expected http:// or https:// and a host")
    return text if parts.path.strip("/") else f"{text.rstrip('/')}{path}"


def _seconds(env: Mapping[str, str], name: str, default: float, expected: str = "seconds") -> float:
    text = env.get(name, "")
    try:
        return float(text) if text else default
    except ValueError:
        raise SettingMissing(f"{name} is {text!r}: expected {expected}") from None


def _address(text: str, default_port: int) -> tuple[str, int]:
    """HOST, HOST:PORT, [IPv6]:PORT."""
    bare = text.count(":") > 1 and not text.startswith("[")
    host, colon, port = (text, "", "") if bare or text.endswith("]") else text.rpartition(":")
    if not colon:
        host, port = text, str(default_port)
    if not port.isdigit() or not 0 < int(port) < 65536 or not host:
        raise SettingMissing(f"ROUTER is {text!r}: expected HOST or HOST:PORT")
    return host.strip("[]"), int(port)
