"""What the simulated router keeps: rows per menu, with RouterOS's checks and its own spelling of values."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from handlers.sandbox.factory import FIRST_ROWS, BadValue, as_router_writes
from handlers.sandbox.menus import ANY_VALUE, MENUS, Menu
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

    def __init__(self, refusal: Refusal | None = None, sessions: Callable[[], list[tuple[str, str]]] = list) -> None:
        """`sessions`: user and address of each connection to the API, which some menus list."""
        self._lock = threading.RLock()
        self._refusal = refusal or Refusal()
        self._sessions = sessions
        self._next_id = dict.fromkeys(MENUS, 0)
        self._rows: dict[str, dict[str, Row]] = {path: {} for path in MENUS}
        for path, menu in MENUS.items():
            if menu.single:
                self._rows[path][""] = dict(menu.defaults)
            for row in FIRST_ROWS.get(path, []):
                self._insert(path, row)
            # Only what the router came with has the id *0.
            self._next_id[path] = max(1, self._next_id[path])

    def find(self, path: str, queries: Iterable[str] = ()) -> list[Row]:
        """The rows that pass the query words, as copies, `.id` first."""
        with self._lock:
            self._menu(path)
            words = list(queries)
            every = [{".id": number, **row} if number else dict(row) for number, row in self._rows[path].items()]
            return [row for row in self._completed(path, every) if matches(row, words)]

    def _completed(self, path: str, rows: list[Row]) -> list[Row]:
        """With what no client writes: rows that come and go by themselves, and whether a row can work."""
        match path:
            case "/interface":
                bridges = self._rows["/interface/bridge"].items()
                return rows + [{".id": f"*F{number[1:]}", **row, "type": "bridge"} for number, row in bridges]
            case "/ip/service":
                return [
                    {".id": f"*F{number}", "name": "api", "dynamic": "true", "remote": address}
                    for number, (_, address) in enumerate(self._sessions())
                ] + rows
            case "/user/active":
                return [
                    {".id": f"*{number}", "name": user, "address": address, "via": "api"}
                    for number, (user, address) in enumerate(self._sessions())
                ]
        column = MENUS[path].works_on
        working = {row["name"] for row in self.find("/interface") if row.get("disabled") != "true"} if column else set()
        return [row | {"invalid": str(row[column] not in working).lower()} for row in rows] if column else rows

    def add(self, path: str, attributes: Row) -> str:
        """A new row; returns its id. Raises Trap."""
        with self._lock:
            menu, before = self._writable(path), ""
            if menu.single or menu.fixed:
                raise Trap("no such command", 0)
            if menu.ordered and "place-before" in attributes:
                before = self._ids(path, attributes["place-before"])[0]
                attributes = {name: value for name, value in attributes.items() if name != "place-before"}
            missing = [name for name in menu.required if not attributes.get(name)]
            if missing:
                raise Trap(f"missing value(s) of argument(s) {' '.join(missing)}")
            row = {**menu.defaults, **self._checked(menu, attributes)}
            self._refuse_duplicate(path, menu, row, None)
            return self._insert(path, row, before)

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

    def unset(self, path: str, ids: str, column: str) -> None:
        """Make a column of rows absent. Raises Trap."""
        with self._lock:
            if self._writable(path).single:
                raise Trap("no such command", 0)
            for number in self._ids(path, ids):
                self._rows[path][number].pop(column, None)

    def remove(self, path: str, ids: str) -> None:
        """Remove rows (ids or names, comma separated). Raises Trap. Users of a removed row are not looked at."""
        with self._lock:
            if self._menu(path).fixed:
                raise Trap("no such command", 0)
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

    def _insert(self, path: str, row: Row, before: str = "") -> str:
        number = f"*{self._next_id[path]:X}"
        self._next_id[path] += 1
        rows = self._rows[path]
        rows[number] = {name: value for name, value in row.items() if value or name != "comment"}
        if before:
            later = list(rows)[list(rows).index(before) : -1]
            for other in later:
                rows[other] = rows.pop(other)
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
            if name == "place-before" or (menu.columns is not None and name not in menu.columns):
                raise Trap(f"unknown parameter {name}")
        try:
            row = {name: as_router_writes(name, value) for name, value in attributes.items()}
        except BadValue as error:
            raise Trap(str(error), 1) from None
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
            if menu.alone and number != own and other.get(menu.alone[0]) == row.get(menu.alone[0]):
                raise Trap(menu.alone[1])
