"""What is on the simulated router when it comes out of its box, and how RouterOS spells what is written to it."""

from __future__ import annotations

from datetime import timedelta

from handlers.router_values import duration, rate, seconds, size


class BadValue(ValueError):
    """A value that the column does not take."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _rows(names: str, **more: str) -> list[dict[str, str]]:
    return [{"name": name, **more} for name in names.split()]


FIRST_ROWS: dict[str, list[dict[str, str]]] = {
    "/interface": [*_rows("ether1 ether2 ether3 ether4 ether5", type="ether"), *_rows("wlan1", type="wlan")],
    "/interface/list": _rows("all none dynamic static", builtin="true"),
    "/ip/hotspot/user/profile": [{"name": "default", "shared-users": "1", "default": "true"}],
    "/ip/hotspot/profile": [{"name": "default", "default": "true"}],
    "/ip/service": [
        {"name": name, "port": port, "address": "", "disabled": off}
        for name, port, off in (
            ("telnet", "23", "false"),
            ("ftp", "21", "false"),
            ("www", "80", "false"),
            ("ssh", "22", "false"),
            ("www-ssl", "443", "true"),
            ("api", "8728", "false"),
            ("winbox", "8291", "false"),
            ("api-ssl", "8729", "false"),
        )
    ],
    "/queue/type": _rows("default default-small", kind="pfifo", default="true"),
    "/system/logging/action": _rows("memory disk echo remote", default="true"),
    "/system/logging": [{"topics": topic, "action": "memory", "default": "true"} for topic in ("info", "error")],
}
"""By menu; the first row of a menu has the id *0."""

DURATIONS = _names(
    "limit-uptime keepalive-timeout idle-timeout session-timeout mac-cookie-timeout status-autorefresh lease-time"
    " http-cookie-lifetime radius-interim-update interval timeout"
)
SWITCHES = _names(
    "disabled add-mac-cookie use-radius radius-accounting accept enabled allow-remote-requests passthrough"
)
LOGIN_METHODS = ["cookie", "http-chap", "http-pap", "https", "mac", "mac-cookie", "trial"]


def as_router_writes(name: str, value: str) -> str:
    """The value of a column as a print shows it again. Raises BadValue."""
    if name in SWITCHES:
        return {"yes": "true", "no": "false"}.get(value, value)
    if name == "html-directory" and not value.startswith("flash/"):
        return f"flash/{value}"
    if name == "cache-size":
        return str((size(value) or 0) // 1024)
    if name == "max-limit":
        return rate(value)
    if name == "login-by":
        return ",".join(sorted(value.split(","), key=LOGIN_METHODS.index))
    return _as_duration(name, value) if name in DURATIONS else value


def _as_duration(name: str, value: str) -> str:
    if value in {"", "none"}:
        return value
    length = int(value) if value.isdigit() else seconds(value)
    if length is None:
        raise BadValue(f"invalid value for argument {name}")
    return duration(timedelta(seconds=length))
