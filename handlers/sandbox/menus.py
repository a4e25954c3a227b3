"""The menus that the simulator knows: keys, the exact texts of a duplicate, columns, defaults, references.

The texts are RouterOS's own, collected from public sources (tests/handlers/data/routeros_errors.json). They differ from
menu to menu, and some menus have no check at all: a second add makes a second row.
"""

from __future__ import annotations

from dataclasses import dataclass, field


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


EVERYWHERE = frozenset({"comment", "disabled"})

USER_COLUMNS = _names(
    "name password server profile limit-uptime limit-bytes-in limit-bytes-out limit-bytes-total mac-address address"
    " email routes"
)
PROFILE_COLUMNS = _names(
    "name rate-limit shared-users session-timeout idle-timeout keepalive-timeout status-autorefresh add-mac-cookie"
    " mac-cookie-timeout parent-queue address-list address-pool insert-queue-before queue-type transparent-proxy"
    " on-login on-logout open-status-page incoming-filter outgoing-filter advertise"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """One menu. `columns`: what add and set may name, None = anything. `single`: one row without an id."""

    key: tuple[str, ...] = ()
    duplicate: str = ""
    required: tuple[str, ...] = ()
    columns: frozenset[str] | None = None
    defaults: dict[str, str] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    single: bool = False
    read_only: bool = False


def _named(duplicate: str, **more: dict[str, str]) -> Menu:
    return Menu(key=("name",), duplicate=duplicate, required=("name",), **more)  # type: ignore[arg-type]  # the mappings


MENUS: dict[str, Menu] = {
    "/ip/hotspot/user": Menu(
        key=("server", "name"),
        duplicate="failure: already have user with this name for this server",
        required=("name",),
        columns=USER_COLUMNS | EVERYWHERE,
        defaults={"server": "all", "profile": "default", "disabled": "false"},
        references={"profile": "/ip/hotspot/user/profile", "server": "/ip/hotspot"},
    ),
    "/ip/hotspot/user/profile": Menu(
        key=("name",),
        # No stored source has the text of this menu; the style is that of the other profile menus.
        duplicate="failure: profile with the same name already exists",
        required=("name",),
        columns=PROFILE_COLUMNS,
        defaults={"shared-users": "1", "status-autorefresh": "1m", "add-mac-cookie": "true"},
        references={"address-pool": "/ip/pool"},
    ),
    "/ip/hotspot/profile": _named("failure: profile with the same name already exists"),
    "/ip/hotspot": _named("failure: already have such name", references={"profile": "/ip/hotspot/profile"}),
    "/ip/hotspot/active": Menu(read_only=True),
    "/ip/hotspot/cookie": Menu(read_only=True),
    "/ip/hotspot/host": Menu(read_only=True),
    "/ip/hotspot/walled-garden": Menu(),
    "/ip/hotspot/walled-garden/ip": Menu(),
    "/ip/hotspot/ip-binding": Menu(),
    "/ip/pool": _named("failure: pool with such name exists"),
    "/ip/address": Menu(
        key=("address", "interface"),
        duplicate="failure: already have such address",
        references={"interface": "/interface"},
    ),
    "/ip/dhcp-server": _named("failure: server with such name already exists", references={"address-pool": "/ip/pool"}),
    "/ip/dhcp-server/network": Menu(key=("address",), duplicate="failure: such network already exists"),
    "/ip/dns": Menu(single=True),
    "/ip/dns/static": Menu(key=("name", "address"), duplicate="failure: entry already exists"),
    "/ip/firewall/address-list": Menu(key=("list", "address"), duplicate="failure: already have such entry"),
    "/ip/firewall/filter": Menu(),
    "/ip/firewall/nat": Menu(),
    "/ip/firewall/mangle": Menu(),
    "/ip/firewall/raw": Menu(),
    "/interface": Menu(read_only=True),
    "/interface/bridge": _named("failure: already have interface with such name"),
    "/interface/bridge/port": Menu(key=("interface",), duplicate="failure: device already added as bridge port"),
    "/queue/simple": _named("failure: already have such name"),
    "/queue/type": _named("failure: already have such name"),
    "/radius": Menu(),
    "/radius/incoming": Menu(single=True),
    "/system/identity": Menu(single=True, defaults={"name": "MikroTik"}),
    "/system/resource": Menu(
        single=True,
        read_only=True,
        defaults={"uptime": "1d2h", "version": "7.18.2 (stable)", "cpu-load": "3", "free-memory": "201326592"},
    ),
    "/system/scheduler": _named("failure: item with such name already exists"),
    "/system/script": _named("failure: item with such name already exists"),
}

FIRST_ROWS: dict[str, list[dict[str, str]]] = {
    "/interface": [{"name": "ether1", "type": "ether"}, {"name": "ether2", "type": "ether"}],
    "/ip/hotspot/user/profile": [{"name": "default", "shared-users": "1", "default": "true"}],
    "/ip/hotspot/profile": [{"name": "default", "default": "true"}],
}

DURATIONS = _names(
    "limit-uptime keepalive-timeout idle-timeout session-timeout mac-cookie-timeout status-autorefresh lease-time"
    " http-cookie-lifetime radius-interim-update interval timeout"
)
SWITCHES = _names(
    "disabled add-mac-cookie use-radius radius-accounting accept enabled allow-remote-requests passthrough"
)
SENSITIVE = frozenset({"password", "secret"})
ANY_VALUE = {"server": "all", "interface": "all"}
"""A reference that need not exist."""
