"""What the simulated router keeps: rows per menu, with RouterOS's checks and its own spelling of values."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from handlers.router_values import duration, seconds
from handlers.sandbox.menus import ANY_VALUE, DURATIONS, FIRST_ROWS, MENUS, SWITCHES, Menu
from handlers.sandbox.query import matches

Row = dict[str, str]


class Trap(Exception):
    """A command was refused: the texts of its !trap replies, each with a category or None."""

    def __init__(self, text: str, category: int | None = None, *more: str) -> None:
        super().__init__(text)
        self.replies: list[tuple[str, int | None]] = [(text, category), *((other, None) for other in more)]


@dataclass(frozen=True, slots=True)
class Refusal:
    """How this version of RouterOS says that a menu does not exist."""

    two_traps: bool = True

    def unknown_menu(self, path: str) -> Trap:
        """Version 7 sends two traps in one reply, version 6 one."""
        last = path.rpartition("/")[2]
        if self.two_traps:
            return Trap(f"no such command or directory ({last})", None, "no such command prefix")
        return Trap("no such command prefix", 0)


class Tables:
    """All menus of one router. Every method is safe to call from several sessions at once."""

    def __init__(self, refusal: Refusal | None = None) -> None:
        self._lock = threading.RLock()
        self._refusal = refusal or Refusal()
        self._last_id = 0
        self._rows: dict[str, dict[str, Row]] = {path: {} for path in MENUS}
        for path, menu in MENUS.items():
            if menu.single:
                self._rows[path][""] = dict(menu.defaults)
            for row in FIRST_ROWS.get(path, []):
                self._insert(path, row)

    def find(self, path: str, queries: Iterable[str] = ()) -> list[Row]:
        """The rows that pass the query words, as copies, `.id` first."""
        with self._lock:
            self._menu(path)
            words = list(queries)
            every = [{".id": number, **row} if number else dict(row) for number, row in self._rows[path].items()]
            return [row for row in every if matches(row, words)]

    def add(self, path: str, attributes: Row) -> str:
        """A new row; returns its id. Raises Trap."""
        with self._lock:
            menu = self._writable(path)
            if menu.single:
                raise Trap("no such command", 0)
            missing = [name for name in menu.required if not attributes.get(name)]
            if missing:
                raise Trap(f"missing value(s) of argument(s) {' '.join(missing)}")
            row = {**menu.defaults, **self._checked(menu, attributes)}
            self._refuse_duplicate(path, menu, row, None)
            return self._insert(path, row)

    def appear(self, path: str, row: Row) -> str:
        """A row that the router makes by itself, such as a customer who logs in; returns its id."""
        with self._lock:
            return self._insert(path, row)

    def set(self, path: str, ids: str, attributes: Row) -> None:
        """Change rows (ids or names, comma separated). Raises Trap."""
        with self._lock:
            menu = self._writable(path)
            changes = self._checked(menu, attributes)
            for number in [""] if menu.single else self._ids(path, ids):
                row = {**self._rows[path][number], **changes}
                self._refuse_duplicate(path, menu, row, number)
                self._rows[path][number] = {name: value for name, value in row.items() if value or name != "comment"}

    def remove(self, path: str, ids: str) -> None:
        """Remove rows (ids or names, comma separated). Raises Trap. Users of a removed row are not looked at."""
        with self._lock:
            self._menu(path)
            for number in self._ids(path, ids):
                del self._rows[path][number]

    def _menu(self, path: str) -> Menu:
        if path not in MENUS:
            raise self._refusal.unknown_menu(path)
        return MENUS[path]

    def _writable(self, path: str) -> Menu:
        menu = self._menu(path)
        if menu.read_only:
            raise Trap("no such command", 0)
        return menu

    def _insert(self, path: str, row: Row) -> str:
        self._last_id += 1
        number = f"*{self._last_id:X}"
        self._rows[path][number] = {name: value for name, value in row.items() if value or name != "comment"}
        if path == "/interface/bridge":
            self._insert("/interface", {"name": row["name"], "type": "bridge"})
        return number

    def _ids(self, path: str, ids: str) -> list[str]:
        if not ids:
            raise Trap("missing =.id=")
        by_name = {row.get("name"): number for number, row in self._rows[path].items()}
        found = [one if one in self._rows[path] else by_name.get(one) for one in ids.split(",")]
        if None in found:
            raise Trap("no such item", 0)
        return [number for number in found if number is not None]

    def _checked(self, menu: Menu, attributes: Row) -> Row:
        for name in attributes:
            if menu.columns is not None and name not in menu.columns:
                raise Trap(f"unknown parameter {name}")
        row = {name: _as_router_writes(name, value) for name, value in attributes.items()}
        for name, target in menu.references.items():
            if name in row and not self._exists(target, name, row[name]):
                raise Trap(f"input does not match any value of {name}", 1)
        return row

    def _exists(self, target: str, name: str, value: str) -> bool:
        return value in {ANY_VALUE.get(name), "none"} or any(row.get("name") == value for row in self.find(target))

    def _refuse_duplicate(self, path: str, menu: Menu, row: Row, own: str | None) -> None:
        key = [row.get(name) for name in menu.key]
        for number, other in self._rows[path].items():
            if menu.key and number != own and [other.get(name) for name in menu.key] == key:
                raise Trap(menu.duplicate)


def _as_router_writes(name: str, value: str) -> str:
    if name in SWITCHES:
        return {"yes": "true", "no": "false"}.get(value, value)
    if name == "html-directory" and not value.startswith("flash/"):
        return f"flash/{value}"
    if name not in DURATIONS or value in {"", "none"}:
        return value
    length = int(value) if value.isdigit() else seconds(value)
    if length is None:
        raise Trap(f"invalid value for argument {name}", 1)
    return duration(timedelta(seconds=length))
