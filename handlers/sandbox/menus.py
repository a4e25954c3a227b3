"""The menus that the simulator knows: keys, the exact texts of a duplicate, columns, defaults, references.

The texts are RouterOS's own, collected from public sources (tests/handlers/data/routeros_errors.json). They differ from
menu to menu, and some menus have no check at all: a second add makes a second row.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from handlers.router_values import SENSITIVE

__all__ = ["ANY_VALUE", "MENUS", "SENSITIVE", "Menu"]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


LIST = "/interface/list"
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
    """One menu. `columns`: what add and set may name, None = anything. `single`: one row without an id.

    `fixed`: rows cannot be added or removed. `ordered`: the order of the rows counts, add takes `place-before`.
    `alone`: a column that no two rows may share, and the text of the refusal. `works_on`: the column with the interface
    without which a row is `invalid`.
    """

    key: tuple[str, ...] = ()
    duplicate: str = ""
    required: tuple[str, ...] = ()
    columns: frozenset[str] | None = None
    defaults: dict[str, str] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    single: bool = False
    read_only: bool = False
    fixed: bool = False
    ordered: bool = False
    alone: tuple[str, str] | None = None
    works_on: str = ""


def _firewall() -> Menu:
    lists = {"in-interface-list": LIST, "out-interface-list": LIST}
    return Menu(
        ordered=True,
        references=lists | {"in-interface": "/interface", "out-interface": "/interface"},
    )


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
        references={"address-pool": "/ip/pool", "parent-queue": "/queue/simple"},
    ),
    "/ip/hotspot/profile": _named("failure: profile with the same name already exists"),
    "/ip/hotspot": Menu(
        key=("name",),
        duplicate="failure: already have such name",
        required=("name", "interface"),
        defaults={"disabled": "true"},
        references={"interface": "/interface", "address-pool": "/ip/pool", "profile": "/ip/hotspot/profile"},
        # The words are not known; that the second one is refused is.
        alone=("interface", "failure: hotspot server on such interface already exists"),
        works_on="interface",
    ),
    "/ip/hotspot/active": Menu(read_only=True),
    "/ip/hotspot/cookie": Menu(read_only=True),
    "/ip/hotspot/host": Menu(read_only=True),
    "/ip/hotspot/walled-garden": Menu(ordered=True, references={"server": "/ip/hotspot"}),
    "/ip/hotspot/walled-garden/ip": Menu(ordered=True, references={"server": "/ip/hotspot"}),
    "/ip/hotspot/ip-binding": Menu(ordered=True, references={"server": "/ip/hotspot"}),
    "/ip/pool": _named("failure: pool with such name exists"),
    "/ip/address": Menu(
        key=("address", "interface"),
        duplicate="failure: already have such address",
        references={"interface": "/interface"},
    ),
    "/ip/dhcp-server": Menu(
        key=("name",),
        duplicate="failure: server with such name already exists",
        required=("interface",),
        defaults={"disabled": "true"},
        references={"interface": "/interface", "address-pool": "/ip/pool"},
        alone=("interface", "failure: server or relay with such interface already exists"),
        works_on="interface",
    ),
    "/ip/dhcp-server/network": Menu(key=("address",), duplicate="failure: such network already exists"),
    "/ip/dns": Menu(single=True, defaults={"servers": "", "allow-remote-requests": "false", "cache-size": "2048"}),
    "/ip/dns/static": Menu(key=("name", "address"), duplicate="failure: entry already exists"),
    "/ip/firewall/address-list": Menu(key=("list", "address"), duplicate="failure: already have such entry"),
    "/ip/firewall/filter": _firewall(),
    "/ip/firewall/nat": _firewall(),
    "/ip/firewall/mangle": _firewall(),
    "/ip/firewall/raw": _firewall(),
    "/ip/neighbor/discovery-settings": Menu(
        single=True, defaults={"discover-interface-list": "static"}, references={"discover-interface-list": LIST}
    ),
    "/ip/service": Menu(
        fixed=True, columns=_names("name port address disabled certificate tls-version vrf max-sessions")
    ),
    "/interface": Menu(read_only=True),
    "/interface/bridge": _named("failure: already have interface with such name"),
    "/interface/bridge/port": Menu(
        key=("interface",),
        duplicate="failure: device already added as bridge port",
        required=("interface", "bridge"),
        references={"interface": "/interface", "bridge": "/interface/bridge"},
    ),
    "/interface/list": _named("failure: already have such name"),
    "/interface/list/member": Menu(
        key=("list", "interface"),
        duplicate="failure: already have such entry",
        required=("list", "interface"),
        references={"list": LIST, "interface": "/interface"},
    ),
    "/queue/simple": Menu(key=("name",), duplicate="failure: already have such name", required=("name",), ordered=True),
    "/queue/type": _named("failure: already have such name"),
    "/radius": Menu(ordered=True, defaults={"disabled": "false"}),
    "/radius/incoming": Menu(single=True, defaults={"accept": "false", "port": "3799"}),
    "/snmp": Menu(single=True, defaults={"enabled": "false"}),
    "/system/clock": Menu(single=True, defaults={"time-zone-autodetect": "true", "time-zone-name": "UTC"}),
    "/system/identity": Menu(single=True, defaults={"name": "MikroTik"}),
    "/system/logging": Menu(required=("topics",), references={"action": "/system/logging/action"}),
    "/system/logging/action": _named("failure: already have such name"),
    "/system/ntp/client": Menu(single=True, defaults={"enabled": "false", "mode": "unicast"}),
    "/system/ntp/client/servers": Menu(key=("address",), duplicate="failure: already have such entry"),
    "/system/resource": Menu(
        single=True,
        read_only=True,
        defaults={"uptime": "1d2h", "version": "7.18.2 (stable)", "cpu-load": "3", "free-memory": "201326592"},
    ),
    "/system/scheduler": _named("failure: item with such name already exists"),
    "/system/script": _named("failure: item with such name already exists"),
    "/tool/mac-server": Menu(
        single=True, defaults={"allowed-interface-list": "all"}, references={"allowed-interface-list": LIST}
    ),
    "/user/active": Menu(read_only=True),
}

ANY_VALUE = {"server": "all", "interface": "all"}
"""A reference that need not exist."""
