"""Safaricom's Daraja on an HTTP port, for tests and the demo: `python -m handlers.sandbox.daraja --port 0`.

OAuth, STK push and STK query, with the checks of the real one: the key and secret, the token, the signed password. What
the customer does is ordered by his phone's number or by CheckoutRequestID; without an order he has not answered yet.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import click

from handlers.sandbox.endings import endings

PENDING = "pending"
HANG = "hang"
"""The request is taken, and its answer never comes."""

STILL_PROCESSED = {"errorCode": "500.001.1001", "errorMessage": "The transaction is being processed"}
BUSY = {"errorCode": "500.003.02", "errorMessage": "System is busy. Please try again in few minutes."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """An STK push that was taken."""

    checkout: str
    form: dict[str, Any] = field(repr=False)


class DarajaSandbox:
    """`with DarajaSandbox() as daraja:` listens on `daraja.url` until the end of the block."""

    shortcode = "174379"

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.key, self.secret, self.passkey = (secrets.token_hex(12) for _ in range(3))
        self.pushes: list[Push] = []
        self.queries: list[str] = []
        self.results: dict[str, str] = {}
        self.tokens: set[str] = set()
        self.refuses_pushes = False
        self.closing = threading.Event()
        self._server = _Server((host, port), _Request)
        self._server.daraja = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """What MPESA_URL is to be."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead the handlers here."""
        return {
            "MPESA_URL": self.url,
            "MPESA_SHORTCODE": self.shortcode,
            "MPESA_CONSUMER_KEY": self.key,
            "MPESA_CONSUMER_SECRET": self.secret,
            "MPESA_PASSKEY": self.passkey,
            "MPESA_CALLBACK_URL": "https://example.net/pay/4f1c9a",
        }

    def order(self, name: str, result: str) -> None:
        """What a query says of a CheckoutRequestID, or of the requests to a phone: a code, PENDING, "busy", HANG."""
        self.results[name] = result

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    daraja: DarajaSandbox


class _Request(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        daraja = self.server.daraja
        right = "Basic " + base64.b64encode(f"{daraja.key}:{daraja.secret}".encode()).decode()
        if urlsplit(self.path).path != "/oauth/v1/generate" or self.headers.get("Authorization") != right:
            self._answer(400, {"errorCode": "400.008.01", "errorMessage": "Invalid Authentication passed"})
            return
        token = secrets.token_urlsafe(20)
        daraja.tokens.add(token)
        self._answer(200, {"access_token": token, "expires_in": "3599"})

    def do_POST(self) -> None:
        daraja = self.server.daraja
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in daraja.tokens:
            self._answer(404, {"errorCode": "404.001.03", "errorMessage": "Invalid Access Token"})
        elif body.get("Password") != self._password(body):
            self._answer(400, {"errorCode": "400.002.02", "errorMessage": "Bad Request - Invalid Password"})
        elif self.path == "/mpesa/stkpush/v1/processrequest":
            self._push(body)
        else:
            self._query(str(body.get("CheckoutRequestID")))

    def _password(self, body: dict[str, Any]) -> str:
        daraja = self.server.daraja
        return base64.b64encode(f"{daraja.shortcode}{daraja.passkey}{body.get('Timestamp')}".encode()).decode()

    def _push(self, body: dict[str, Any]) -> None:
        daraja = self.server.daraja
        if daraja.refuses_pushes or not isinstance(body.get("Amount"), int):
            self._answer(400, {"errorCode": "400.002.02", "errorMessage": "Bad Request - Invalid Amount"})
            return
        checkout = f"ws_CO_{secrets.token_hex(8)}"
        daraja.pushes.append(Push(checkout=checkout, form=body))
        if daraja.results.get("push") == HANG:
            self._hang()
            return
        answer = {"MerchantRequestID": secrets.token_hex(6), "CheckoutRequestID": checkout, "ResponseCode": "0"}
        self._answer(200, answer | {"ResponseDescription": "Success. Request accepted for processing"})

    def _query(self, checkout: str) -> None:
        daraja = self.server.daraja
        daraja.queries.append(checkout)
        phones = [push.form["PhoneNumber"] for push in daraja.pushes if push.checkout == checkout]
        names = [checkout, *phones]
        result = next((daraja.results[name] for name in names if name in daraja.results), PENDING)
        if result == HANG:
            self._hang()
        elif result in {PENDING, "busy"}:
            self._answer(500, STILL_PROCESSED if result == PENDING else BUSY)
        else:
            answer = {"ResponseCode": "0", "CheckoutRequestID": checkout, "ResultCode": result}
            self._answer(200, answer | {"ResultDesc": "described"})

    def _hang(self) -> None:
        self.server.daraja.closing.wait()
        self.close_connection = True

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
        """Quiet: a test's output is the test's."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8081, show_default=True, help="0 takes a free one.")
def main(host: str, port: int) -> None:
    """Run it until Ctrl-C; its port is the first line of the output. Keys: MPESA_CONSUMER_KEY and so on."""
    with endings() as wait, DarajaSandbox(host=host, port=port) as daraja:
        daraja.key = os.environ.get("MPESA_CONSUMER_KEY", "sandbox-key")
        daraja.secret = os.environ.get("MPESA_CONSUMER_SECRET", "sandbox-secret")
        daraja.passkey = os.environ.get("MPESA_PASSKEY", "sandbox-passkey")
        click.echo(daraja.url.rpartition(":")[2])
        wait()


if __name__ == "__main__":
    main()
