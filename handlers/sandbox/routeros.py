"""A RouterOS API on a TCP port, for tests and the demo: `python -m handlers.sandbox.routeros --port 0` prints its port.

Both logins, TLS, tags, the query stack, print, listen and writes with the router's own refusals; faults to order.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from types import TracebackType
from typing import Self

import click

from handlers.sandbox.endings import endings
from handlers.sandbox.faults import Faults
from handlers.sandbox.session import Server, Session
from handlers.sandbox.tables import Refusal, Tables


class RouterSimulator:
    """One router: `with RouterSimulator(…) as router:` listens on `router.address` until the end of the block.

    `login`: "both", "plain" (6.43 and newer) or "token" (older). `read_only`: the API user's group has the policies
    `api` and `read` only: writes are refused, passwords are hidden. `tls`: a server context; the port is
    api-ssl. More than `max_sessions` connections are closed at once. `commands`: what was done, in order.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        user: str = "admin",
        password: str = "",
        login: str = "both",
        read_only: bool = False,
        says_empty: bool = True,
        max_sessions: int = 20,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.user, self.password, self.login, self.tls = user, password, login, tls
        self.read_only, self.says_empty, self.max_sessions = read_only, says_empty, max_sessions
        self.shows_secrets = True
        self.tables = Tables(Refusal(two_traps=login != "token"), self._sessions)
        self.faults = Faults()
        self.commands: list[str] = []
        self.reboots = 0
        self.closing = threading.Event()
        self.sessions: set[socket.socket] = set()
        self._server = Server((host, port), Session)
        self._server.router = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def address(self) -> str:
        """HOST:PORT, as ROUTER wants it."""
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def _sessions(self) -> list[tuple[str, str]]:
        found = []
        for connection in list(self.sessions):
            with contextlib.suppress(OSError):
                found.append((self.user, str(connection.getpeername()[0])))
        return found

    def reboot(self) -> None:
        """Every connection ends; what is stored stays."""
        self.reboots += 1
        self._hang_up()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._hang_up()
        self._server.server_close()

    def _hang_up(self) -> None:
        for connection in list(self.sessions):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8728, show_default=True, help="0 takes a free one.")
@click.option("--user", default="admin", show_default=True)
@click.option("--login", type=click.Choice(["both", "plain", "token"]), default="both", show_default=True)
@click.option("--read-only", is_flag=True, help="The user's group may not write.")
@click.option("--tls", metavar="PEM", help="Speak TLS with the certificate and key of this file.")
def main(host: str, port: int, user: str, login: str, read_only: bool, tls: str | None) -> None:
    """Run the simulator until Ctrl-C; its port is the first line of the output. The password is ROUTER_PASSWORD."""
    password = os.environ.get("ROUTER_PASSWORD", "")
    router = RouterSimulator(
        host=host, port=port, user=user, password=password, login=login, read_only=read_only, tls=_context(tls)
    )
    with endings() as wait, router:
        click.echo(router.address.rpartition(":")[2])
        wait()


def _context(pem: str | None) -> ssl.SSLContext | None:
    if pem is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


if __name__ == "__main__":
    main()
