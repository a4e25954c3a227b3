"""A RouterOS API on a TCP port, for tests and the demo: `python -m handlers.sandbox.routeros --port 0` prints its port.

Both logins, the query stack, print, add, set and remove with the router's own refusals; faults to order.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import socket
import socketserver
import struct
import threading
from types import TracebackType
from typing import Self

import click

from handlers.sandbox.endings import endings
from handlers.sandbox.faults import Fault, Faults, Kind
from handlers.sandbox.menus import SENSITIVE
from handlers.sandbox.tables import Refusal, Tables, Trap
from handlers.sandbox.wire import ReservedByte, encode_sentence, read_sentence

FAILED_LOGINS = 5


class RouterSimulator:
    """One router: `with RouterSimulator(…) as router:` listens on `router.address` until the end of the block.

    `login`: "both", "plain" (6.43 and newer) or "token" (older). `read_only`: the API user's group lacks `write`.
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
    ) -> None:
        self.user, self.password, self.login = user, password, login
        self.read_only, self.says_empty, self.max_sessions = read_only, says_empty, max_sessions
        self.shows_secrets = not read_only
        self.tables = Tables(Refusal(two_traps=login != "token"), self._sessions)
        self.faults = Faults()
        self.commands: list[str] = []
        self.closing = threading.Event()
        self.sessions: set[socket.socket] = set()
        self._server = _Server((host, port), _Session)
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

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        for connection in list(self.sessions):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False
    router: RouterSimulator


class _Over(Exception):
    """The session is to end now."""


class _Session(socketserver.BaseRequestHandler):
    """One connection. A sentence is answered before the next is read."""

    server: _Server

    def setup(self) -> None:
        self.router = self.server.router
        self.logged_in = False
        self.failed_logins = 0
        self.challenge = b""
        self.router.sessions.add(self.request)

    def handle(self) -> None:
        if len(self.router.sessions) > self.router.max_sessions:
            return
        with contextlib.suppress(EOFError, OSError, ReservedByte, _Over):
            while True:
                self._answer(read_sentence(self._read))

    def finish(self) -> None:
        self.router.sessions.discard(self.request)

    def _read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            more = self.request.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return bytes(data)

    def _answer(self, words: list[str]) -> None:
        command, tag = words[0], [word for word in words if word.startswith(".tag=")]
        fault = self.router.faults.take(command)
        if fault is not None and fault.kind in {Kind.CLOSE_BEFORE, Kind.FATAL}:
            self._say(["!fatal", fault.text or "router is going down"] if fault.kind is Kind.FATAL else [])
            raise _Over
        try:
            if fault is not None and fault.kind is Kind.TRAP:
                raise Trap(fault.text)
            replies = self._do(command, words[1:])
        except Trap as trap:
            replies = [["!trap", *_attributes(category=number, message=text)] for text, number in trap.replies]
            replies.append(["!done"])
        self._send(b"".join(encode_sentence([*reply[:1], *tag, *reply[1:]]) for reply in replies), fault)

    def _send(self, data: bytes, fault: Fault | None) -> None:
        kind = fault.kind if fault else None
        if kind is Kind.HANG_AFTER:
            self.router.closing.wait()
        if kind is Kind.RESET:
            # A linger of 0 seconds makes close() send RST instead of FIN.
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.request.close()
        if kind in {Kind.HANG_AFTER, Kind.RESET, Kind.CLOSE_AFTER}:
            raise _Over
        if kind is Kind.DRIP:
            for number in range(len(data)):
                self.request.sendall(data[number : number + 1])
                self.router.closing.wait(0.05)
        else:
            self.request.sendall(data[: len(data) // 2] if kind is Kind.HALF else data)
        if kind is Kind.HALF:
            raise _Over

    def _say(self, words: list[str]) -> None:
        if words:
            self.request.sendall(encode_sentence(words))

    def _do(self, command: str, words: list[str]) -> list[list[str]]:
        if command == "/login":
            return self._log_in(_values(words))
        if not self.logged_in:
            self._say(["!fatal", "not logged in"])
            raise _Over
        if command == "/quit":
            self._say(["!fatal", "session terminated on request"])
            raise _Over
        self.router.commands.append(command)
        path, _, verb = command.rpartition("/")
        if verb in {"print", "getall"}:
            return self._print(path, words)
        return self._write(path, verb, _values(words))

    def _print(self, path: str, words: list[str]) -> list[list[str]]:
        rows = self.router.tables.find(path, [word for word in words if word.startswith("?")])
        options = _values(words)
        if "count-only" in options:
            return [["!done", f"=ret={len(rows)}"]]
        wanted = options[".proplist"].split(",") if options.get(".proplist") else None
        hidden = frozenset() if self.router.shows_secrets else SENSITIVE
        replies = []
        for row in rows:
            names = [name for name in row if name not in hidden and (wanted is None or name in wanted)]
            replies.append(["!re", *(f"={name}={row[name]}" for name in names)])
        if not replies and self.router.says_empty:
            replies.append(["!empty"])
        return [*replies, ["!done"]]

    def _write(self, path: str, verb: str, values: dict[str, str]) -> list[list[str]]:
        tables = self.router.tables
        if verb not in {"add", "set", "unset", "remove"}:
            tables.find(path)
            raise Trap("no such command", 0)
        if self.router.read_only:
            raise Trap("not enough permissions (9)")
        ids = values.pop(".id", "")
        if verb == "add":
            return [["!done", f"=ret={tables.add(path, values)}"]]
        if verb == "set":
            tables.set(path, ids, values)
        elif verb == "unset":
            tables.unset(path, ids, values.get("value-name", ""))
        else:
            tables.remove(path, ids)
        return [["!done"]]

    def _log_in(self, values: dict[str, str]) -> list[list[str]]:
        by_token = "response" in values
        if not by_token and (self.router.login == "token" or ("name" not in values and self.router.login == "both")):
            self.challenge = secrets.token_bytes(16)
            return [["!done", f"=ret={self.challenge.hex()}"]]
        right = self._is_right_response(values) if by_token else self._is_right_password(values)
        if right:
            self.logged_in = True
            return [["!done"]]
        self.failed_logins += 1
        if self.failed_logins >= FAILED_LOGINS:
            self._say(["!fatal", "too many commands before login"])
            raise _Over
        raise Trap("cannot log in" if self.router.login == "token" else "invalid user name or password (6)")

    def _is_right_password(self, values: dict[str, str]) -> bool:
        password = hmac.compare_digest(values.get("password", "").encode(), self.router.password.encode())
        return values.get("name") == self.router.user and password

    def _is_right_response(self, values: dict[str, str]) -> bool:
        digest = hashlib.md5(b"\0" + self.router.password.encode() + self.challenge, usedforsecurity=False).hexdigest()
        challenge, self.challenge = self.challenge, b""
        right = hmac.compare_digest(values["response"].encode(), f"00{digest}".encode())
        return bool(challenge) and self.router.login != "plain" and values.get("name") == self.router.user and right


def _values(words: list[str]) -> dict[str, str]:
    """The attribute words: =name=value; a value may be empty and may hold equals signs."""
    pairs = [word[1:].partition("=") for word in words if word.startswith("=")]
    return {name: value for name, _, value in pairs}


def _attributes(*, category: int | None, message: str) -> list[str]:
    return ([] if category is None else [f"=category={category}"]) + [f"=message={message}"]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8728, show_default=True, help="0 takes a free one.")
@click.option("--user", default="admin", show_default=True)
@click.option("--login", type=click.Choice(["both", "plain", "token"]), default="both", show_default=True)
def main(host: str, port: int, user: str, login: str) -> None:
    """Run the simulator until Ctrl-C; its port is the first line of the output. The password is ROUTER_PASSWORD."""
    password = os.environ.get("ROUTER_PASSWORD", "")
    with endings() as wait, RouterSimulator(host=host, port=port, user=user, password=password, login=login) as router:
        click.echo(router.address.rpartition(":")[2])
        wait()


if __name__ == "__main__":
    main()
