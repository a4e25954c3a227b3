"""The variables of a deployment: each has a kind, and some must fit each other. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    NetmaskValueError,
    summarize_address_range,
)
from typing import Any

from handlers.router_values import seconds

HOST = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE
)
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._<>:-]{0,62}")
ZONE = re.compile(r"[A-Z][A-Za-z]+(/[A-Za-z0-9_+-]+){0,2}")
SECRET = re.compile(r"[!-~]{8,64}")
UNSAFE = frozenset({"change-me", "password", "testing123"})
"""Secrets that stand in every manual."""


class BadVariable(Exception):
    """A variable is missing, unknown or malformed; the text says which, and what was expected."""


def _is_host(text: str) -> bool:
    return HOST.fullmatch(text) is not None


def _is_label(text: str) -> bool:
    return LABEL.fullmatch(text) is not None


def _is_address(text: str) -> bool:
    return _reads(IPv4Address, text)


def _is_network(text: str) -> bool:
    return "/" in text and _reads(IPv4Network, text)


def _is_interface(text: str) -> bool:
    return "/" in text and _reads(IPv4Interface, text)


def _is_pool(text: str) -> bool:
    first, dash, last = text.partition("-")
    return bool(dash) and _is_address(first) and _is_address(last) and IPv4Address(first) <= IPv4Address(last)


def _is_span(text: str) -> bool:
    return bool(seconds(text))


def _is_zone(text: str) -> bool:
    # Not looked up: many machines have no list of zones, and the router refuses what is not in its own.
    return ZONE.fullmatch(text) is not None


def _is_secret(text: str) -> bool:
    return SECRET.fullmatch(text) is not None and text not in UNSAFE


def _reads(kind: Callable[[str], object], text: str) -> bool:
    try:
        kind(text)
    except (AddressValueError, NetmaskValueError, ValueError):
        return False
    return True


Kind = tuple[Callable[[str], bool], str]
ADDRESS: Kind = (_is_address, "an IPv4 address such as 10.5.50.1")
NETWORK: Kind = (_is_network, "a network such as 10.5.50.0/24, without host bits")
NAME: Kind = (_is_label, "a name of letters, digits, dots and dashes")
HOST_NAME: Kind = (_is_host, "a host name such as login.hotspot.lan")
KINDS: dict[str, Kind] = {
    "identity": NAME,
    "wan": NAME,
    "bridge": NAME,
    "port1": NAME,
    "port2": NAME,
    "port3": NAME,
    "port4": NAME,
    "net": NETWORK,
    "gw": ADDRESS,
    "gw_cidr": (_is_interface, "an address with its network's length, such as 10.5.50.1/24"),
    "pool": (_is_pool, "a range such as 10.5.50.10-10.5.50.254"),
    "ap": ADDRESS,
    "backend": ADDRESS,
    "mgmt_net": NETWORK,
    "dns_name": HOST_NAME,
    "portal_host": HOST_NAME,
    "tz": (_is_zone, "a time zone such as Africa/Nairobi"),
    "interim": (_is_span, "a time such as 5m"),
    "radius_secret": (_is_secret, "8 to 64 printable characters without spaces, and not one out of a manual"),
}
NAMES = frozenset(KINDS)


def checked(values: Mapping[str, Any]) -> dict[str, str]:
    """The values, each of its kind and all fitting each other. Raises BadVariable."""
    unknown = sorted(values.keys() - NAMES)
    if unknown:
        raise BadVariable(
            f"there is no variable {unknown[0]!r}; known are {', '.join(sorted(NAMES - {'radius_secret'}))}"
        )
    found = {name: _one(name, values.get(name)) for name in KINDS}
    for sentence in _misfits(found):
        raise BadVariable(sentence)
    return found


def _one(name: str, value: object) -> str:
    fits, expected = KINDS[name]
    if isinstance(value, str) and fits(value):
        return value
    shown = "has no usable value" if name == "radius_secret" else f"is {value!r}" if value is not None else "is missing"
    raise BadVariable(f"the variable {name} {shown}: expected {expected}")


def _misfits(values: Mapping[str, str]) -> list[str]:
    """Sentences on variables that contradict each other."""
    net, gateway = IPv4Network(values["net"]), IPv4Address(values["gw"])
    first, _, last = values["pool"].partition("-")
    pool = list(summarize_address_range(IPv4Address(first), IPv4Address(last)))
    ports = [values[f"port{number}"] for number in range(1, 5)]
    found = []
    if IPv4Interface(values["gw_cidr"]).ip != gateway or IPv4Interface(values["gw_cidr"]).network != net:
        found.append(f"gw_cidr is {values['gw_cidr']}: expected gw with the length of net, {gateway}/{net.prefixlen}")
    if gateway not in net or IPv4Address(values["ap"]) not in net:
        found.append(f"gw {gateway} and ap {values['ap']} have to be in net {net}")
    if not all(part.subnet_of(net) for part in pool) or any(gateway in part for part in pool):
        found.append(f"pool {values['pool']} has to be in net {net}, without gw {gateway}")
    if len({*ports, values["wan"], values["bridge"]}) != len(ports) + 2:
        # A port that is in the bridge and is the way to the internet would cut the router off.
        found.append("wan, bridge and port1 to port4 have to be six different interfaces")
    return found
