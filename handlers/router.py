"""One conversation with a RouterOS router: connect, find, set what differs, else add, close.

What librouteros leaves to its caller (each tried): a command is only sent when its answer is consumed; the timeout is
per read and not per command, so a router that drips its answer holds a job for minutes; after a timeout the
connection answers the previous command; the plain login seems to succeed on routers that only know the older one.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from librouteros.api import Api
from librouteros.exceptions import FatalError, MultiTrapError, TrapError
from librouteros.login import plain, token

from handlers.router_errors import ROUTER_ERRORS, class_of
from handlers.router_line import Way
from handlers.router_values import differences
from handlers.settings import RouterSettings

Row = dict[str, object]


class Router:
    """A logged-in connection that is cut after `seconds`, whatever it is doing. Use it in a `with` statement.

    Entering and every call raise what handlers.router_errors.ROUTER_ERRORS names. After an error other than a trap the
    connection is closed: the answer to this command may still come, and would be taken for that of the next one.
    """

    def __init__(self, settings: RouterSettings, *, seconds: float) -> None:
        self._settings = settings
        self._way = Way(settings, seconds)
        self._api: Api | None = None

    def __enter__(self) -> Self:
        self._way.begin()
        try:
            self._api = self._log_in()
        except BaseException as error:
            self._way.end()
            self._blame_the_deadline(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._way.end()
        self._blame_the_deadline(error)

    def _blame_the_deadline(self, error: BaseException | None) -> None:
        refused = isinstance(error, TrapError | MultiTrapError)
        if self._way.late and isinstance(error, ROUTER_ERRORS) and not refused:
            raise TimeoutError("the router was too slow") from error

    def rows(self, menu: str, **match: str) -> list[Row]:
        """The rows of a menu whose columns equal `match`, without dynamic ones."""
        words = [f"?{name}={value}" for name, value in match.items()]
        return [row for row in self._command(f"{menu}/print", *words) if row.get("dynamic") is not True]

    def command(self, command: str, *words: str) -> list[Row]:
        """Send a command word with its attribute and query words; all replies, the one of `!done` last."""
        return self._command(command, *words)

    @property
    def own_address(self) -> str:
        """Our end of the connection, as this machine sees it."""
        return self._way.own_address

    @property
    def is_late(self) -> bool:
        """Whether the connection was cut because its time was over."""
        return self._way.late

    def change_row(self, menu: str, row: Row, wanted: dict[str, str]) -> bool:
        """Set what differs in a row that was just read; False when nothing did, or the row has gone meanwhile."""
        attributes = [f"={column}={value}" for column, value in differences(row, wanted).items()]
        return bool(attributes) and self._unless_gone(f"{menu}/set", f"=.id={row['.id']}", *attributes)

    def remove_row(self, menu: str, row: Row) -> bool:
        """Remove a row that was just read; False when it had gone already."""
        return self._unless_gone(f"{menu}/remove", f"=.id={row['.id']}")

    def ensure(self, menu: str, key: dict[str, str], wanted: dict[str, str]) -> str:
        """See that one row with these key values has the wanted ones; "unchanged", "changed" or "added".

        Found first, set where it differs, else added. When the router says that the row exists after all (the answer to
        an earlier add was lost, or somebody else was faster) or is gone, it is looked for once more.
        """
        try:
            return self._ensure_once(menu, key, wanted)
        except (TrapError, MultiTrapError) as error:
            if class_of(error) not in {"duplicate", "gone"}:
                raise
            return self._ensure_once(menu, key, wanted)

    def _ensure_once(self, menu: str, key: dict[str, str], wanted: dict[str, str]) -> str:
        name = key["name"]
        rows = [row for row in self.rows(menu, name=name) if not differences({"server": "all", **row}, key)]
        if not rows:
            self._command(f"{menu}/add", *[f"={column}={value}" for column, value in {**key, **wanted}.items()])
            return "added"
        changes = differences(rows[0], wanted)
        if not changes:
            return "unchanged"
        attributes = [f"={column}={value}" for column, value in changes.items()]
        self._command(f"{menu}/set", f"=.id={rows[0]['.id']}", *attributes)
        return "changed"

    def _unless_gone(self, command: str, *words: str) -> bool:
        try:
            self._command(command, *words)
        except (TrapError, MultiTrapError) as error:
            if class_of(error) != "gone":
                raise
            return False
        return True

    def _command(self, command: str, *words: str) -> list[Row]:
        if self._api is None:
            raise TypeError("a Router is used in a with statement")
        try:
            return [dict(row) for row in self._api.rawCmd(command, *words)]
        except (TrapError, MultiTrapError):
            raise
        except ROUTER_ERRORS:
            self._api.close()
            raise

    def _log_in(self) -> Api:
        if self._settings.login == "token":
            return self._way.dial(token)
        api = self._way.dial(plain)
        try:
            # A router older than 6.43 answers the plain login with a challenge, and the next command with !fatal.
            list(api.rawCmd("/system/identity/print"))
        except FatalError as error:
            api.close()
            if class_of(error) != "auth":
                raise
            return self._way.dial(token)
        except (TrapError, MultiTrapError):
            return api
        return api
