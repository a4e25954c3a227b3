"""The way to a router: a TCP connection, perhaps with TLS, a login, and a deadline that cuts all of it.

The timeout of a socket is per read, so a router that drips its answer would hold a job for minutes: a timer shuts the
socket down when the time of the whole conversation is over.
"""

from __future__ import annotations

import contextlib
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import cast

from librouteros import connect
from librouteros.api import Api
from librouteros.exceptions import ConnectionClosed, ProtocolError

from handlers.router_errors import TlsRefused
from handlers.router_replies import Replies
from handlers.settings import RouterSettings

CHUNK = 1 << 16
"""Bytes asked for at once. librouteros asks for as many as a word promises to have, and the kernel would believe it."""
MOST_BYTES = 64 << 20
"""Of one conversation. A router that never stops answering must not fill the worker's memory."""
TLS_ALERT = b"\x15\x03"
"""A TLS record of the type alert begins so; an API word of 21 bytes that begins with 0x03 does not exist."""


class Line:
    """A connected socket as librouteros uses it, in bounds."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = 0

    def sendall(self, data: bytes) -> None:
        """As a socket's. Raises ConnectionClosed when nothing was ever answered."""
        try:
            self._connection.sendall(data)
        except ConnectionError:
            self._refuse_if_silent()
            raise

    def recv(self, count: int) -> bytes:
        """As a socket's, at most CHUNK bytes at once. Raises ProtocolError, TlsRefused, ConnectionClosed."""
        try:
            data = self._connection.recv(min(count, CHUNK))
        except ConnectionError:
            self._refuse_if_silent()
            raise
        if not data:
            self._refuse_if_silent()
        if not self._received and data == TLS_ALERT[:1] and self._speaks_tls():
            raise TlsRefused("this port speaks TLS and ROUTER_TLS is off: set ROUTER_TLS=1, or name the port of api")
        self._received += len(data)
        if self._received > MOST_BYTES:
            raise ProtocolError(f"the router sent more than {MOST_BYTES >> 20} MB")
        return data

    def close(self) -> None:
        """As a socket's."""
        self._connection.close()

    def _refuse_if_silent(self) -> None:
        if self._received:
            return
        tls = "" if isinstance(self._connection, ssl.SSLSocket) else "speak TLS there (then set ROUTER_TLS=1), "
        raise ConnectionClosed(
            f"it closed the connection before any answer: does it {tls}have too many sessions, or not want our address?"
        ) from None

    def _speaks_tls(self) -> bool:
        # librouteros reads the first byte alone, as a length; the second one tells.
        plain = not isinstance(self._connection, ssl.SSLSocket)
        return plain and self._connection.recv(1, socket.MSG_PEEK) == TLS_ALERT[1:]


class Way:
    """All connections of one conversation, cut together after `seconds`."""

    def __init__(self, settings: RouterSettings, seconds: float) -> None:
        self._settings, self._seconds = settings, seconds
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._sockets: list[socket.socket] = []
        self._end = math.inf
        self._was_cut = False

    def begin(self) -> None:
        """The time runs from now on."""
        self._end = time.monotonic() + self._seconds
        self._timer.start()

    @property
    def late(self) -> bool:
        """Whether the time was over before the conversation. A read may time out in the moment before the timer's."""
        return self._was_cut or time.monotonic() >= self._end

    def dial(self, login: Callable[[Api, str, str], None]) -> Api:
        """A logged-in connection. Raises what handlers.router_errors.ROUTER_ERRORS names."""
        settings = self._settings
        return connect(
            settings.host,
            settings.user,
            settings.password,
            port=settings.port,
            timeout=min(settings.timeout, self._seconds),
            subclass=Replies,
            encoding="utf-8",
            ssl_wrapper=self._take,
            login_method=login,
        )

    @property
    def own_address(self) -> str:
        """Our end of the last connection, as this machine sees it."""
        return str(self._sockets[-1].getsockname()[0])

    def end(self) -> None:
        """Close everything; no answer that comes late can be taken for the next one."""
        self._timer.cancel()
        if self._timer.ident is not None:
            self._timer.join()
        for connection in self._sockets:
            connection.close()

    def _take(self, connection: socket.socket) -> socket.socket:
        """librouteros hands the fresh socket over for TLS; this is where the deadline gets hold of it."""
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._settings.tls:
                connection = _wrapped(connection, self._settings)
            self._sockets.append(connection)
            if self._was_cut:
                self._cut()
            if isinstance(connection, ssl.SSLSocket):
                _shake_hands(connection, self._settings)
        except BaseException:
            connection.close()
            raise
        # The three methods of a socket that librouteros uses.
        return cast(socket.socket, Line(connection))

    def _cut(self) -> None:
        self._was_cut = True
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                # close() would leave a blocked recv waiting; shutdown wakes it.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _wrapped(connection: socket.socket, settings: RouterSettings) -> ssl.SSLSocket:
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca or None)
    except OSError as error:
        reason = getattr(error, "reason", "") or error.strerror or error
        raise TlsRefused(f"ROUTER_TLS_CA: {settings.tls_ca} is no PEM file of certificates ({reason})") from None
    try:
        # Looked at last: wrapping a connection that was reset leaves a socket behind that nobody can close.
        connection.getpeername()
    except OSError:
        raise ConnectionClosed("it closed the connection before the TLS handshake") from None
    return context.wrap_socket(connection, server_hostname=settings.host, do_handshake_on_connect=False)


def _shake_hands(connection: ssl.SSLSocket, settings: RouterSettings) -> None:
    try:
        connection.do_handshake()
    except ssl.SSLCertVerificationError as error:
        raise TlsRefused(f"its certificate is refused: {error.verify_message}. {_advice(settings)}") from None
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError):
        raise ConnectionClosed(
            "it closed the connection during the TLS handshake: is its port that of api-ssl?"
        ) from None
    except ssl.SSLError as error:
        raise TlsRefused(
            f"the TLS handshake failed ({error.reason}): is its port that of api-ssl, with a certificate?"
        ) from None
    except TimeoutError:
        raise TimeoutError("it did not answer the TLS handshake: is its port that of api-ssl?") from None


def _advice(settings: RouterSettings) -> str:
    if settings.tls_ca:
        return f"It must be issued for {settings.host} by a certificate in ROUTER_TLS_CA ({settings.tls_ca})"
    return f"It must be issued for {settings.host}; name the file of its CA in ROUTER_TLS_CA"
