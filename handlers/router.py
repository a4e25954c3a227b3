"""One conversation with a RouterOS router: connect, find, set what differs, else add, close.

What librouteros leaves to its caller (each tried): a command is only sent when its answer is consumed; the timeout is
per read and not per command, so a router that drips its answer holds a job for minutes; after a timeout the
connection answers the previous command; the plain login seems to succeed on routers that only know the older one.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from librouteros import connect
from librouteros.api import Api
from librouteros.exceptions import FatalError, LibRouterosError, MultiTrapError, TrapError
from librouteros.login import plain, token

from handlers.router_errors import class_of
from handlers.router_values import differences
from handlers.settings import RouterSettings

Row = dict[str, object]

# At DEBUG it writes every word that is sent into the log, passwords too.
logging.getLogger("librouteros").setLevel(logging.INFO)


class Router:
    """A logged-in connection that is cut after `seconds`, whatever it is doing. Use it in a `with` statement.

    Entering and every call raise what handlers.router_errors.ROUTER_ERRORS names. The connection is not used after an
    error other than a trap: the `with` block has been left by then.
    """

    def __init__(self, settings: RouterSettings, *, seconds: float) -> None:
        self._settings = settings
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._sockets: list[socket.socket] = []
        self._api: Api | None = None
        self._late = False

    def __enter__(self) -> Self:
        self._timer.start()
        try:
            self._api = self._log_in()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        if self._late and isinstance(error, LibRouterosError | OSError):
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
        return str(self._sockets[-1].getsockname()[0])

    @property
    def is_late(self) -> bool:
        """Whether the connection was cut because its time was over."""
        return self._late

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

    def _command(self, command: str, *words: str) -> list[Row]:
        if self._api is None:
            raise TypeError("a Router is used in a with statement")
        return [dict(row) for row in self._api.rawCmd(command, *words)]

    def _log_in(self) -> Api:
        if self._settings.login == "token":
            return self._connect(token)
        api = self._connect(plain)
        try:
            # A router older than 6.43 answers the plain login with a challenge, and the next command with !fatal.
            list(api.rawCmd("/system/identity/print"))
        except FatalError as error:
            api.close()
            if class_of(error) != "auth":
                raise
            return self._connect(token)
        except (TrapError, MultiTrapError):
            return api
        return api

    def _connect(self, login: Callable[[Api, str, str], None]) -> Api:
        settings = self._settings
        return connect(
            settings.host,
            settings.user,
            settings.password,
            port=settings.port,
            timeout=settings.timeout,
            encoding="utf-8",
            ssl_wrapper=self._keep,
            login_method=login,
        )

    def _keep(self, connection: socket.socket) -> socket.socket:
        """librouteros hands the fresh socket over for TLS; this is where the deadline gets hold of it."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._settings.tls:
            try:
                context = ssl.create_default_context(cafile=self._settings.tls_ca or None)
                connection = context.wrap_socket(connection, server_hostname=self._settings.host)
            except BaseException:
                connection.close()
                raise
        self._sockets.append(connection)
        if self._late:
            self._cut()
        return connection

    def _cut(self) -> None:
        self._late = True
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                # close() would leave a blocked recv waiting; shutdown wakes it.
                connection.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        self._timer.cancel()
        self._timer.join()
        for connection in self._sockets:
            connection.close()
