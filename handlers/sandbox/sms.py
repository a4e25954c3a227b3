"""An SMS gateway like Africa's Talking's on an HTTP port, for tests and the demo. `python -m handlers.sandbox.sms`.

It answers 201 with a message id, or whatever answer of data/sms_answers.json was ordered. It checks what the real one
checks: the key, the form, a number with a plus sign.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

import click

from handlers.sandbox.endings import endings

SHAPES = json.loads((Path(__file__).parent / "data" / "sms_answers.json").read_text())
ANSWERS: dict[str, dict[str, Any]] = {
    **{answer["name"]: answer for answer in SHAPES["africastalking"]["answers"]},
    **{f"leopard_{answer['name']}": answer for answer in SHAPES["generic"]["answers"]},
}
HANG = "hang_after_accept"
LEOPARD = "/v1/sms/send"
"""The path of the other shape, SMSLeopard's; every other path is Africa's Talking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that the gateway took. The text is kept out of repr."""

    to: str
    text: str = field(repr=False)
    message_id: str


class SmsGateway:
    """One gateway: `with SmsGateway(…) as gateway:` listens on `gateway.url` until the end of the block."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, username: str = "sandbox", api_key: str = "sandbox-key"
    ) -> None:
        self.username, self.api_key = username, api_key
        self.sent: list[Sent] = []
        self.requests = 0
        self.closing = threading.Event()
        self._ordered: list[str] = []
        self._own: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._server = _Server((host, port), _Request)
        self._server.gateway = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """What SMS_URL is to be."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def order(self, *names: str) -> None:
        """Give these answers (names in data/sms_answers.json) to the next requests, in this order."""
        with self._lock:
            self._ordered.extend(names)

    def answer_with(self, name: str, answer: dict[str, Any]) -> None:
        """Order an answer of one's own: `http`, `text` or `body`, `headers`."""
        self._own[name] = answer
        self.order(name)

    def take(self, to: str, text: str, usual: str) -> dict[str, Any]:
        """One request: keep the message if the answer says that it was taken; returns the answer."""
        with self._lock:
            name = self._ordered.pop(0) if self._ordered else usual
            if name not in {"ok", "queued", "leopard_ok", HANG}:
                return self._own.get(name) or ANSWERS[name]
            message_id = f"ATXid_{len(self.sent) + 1:08x}"
            self.sent.append(Sent(to=to, text=text, message_id=message_id))
        if name == HANG:
            return ANSWERS[HANG]
        answer = json.loads(json.dumps(ANSWERS[name]))
        if name == "leopard_ok":
            answer["body"]["recipients"][0] |= {"number": to, "id": message_id}
            return dict(answer)
        answer["body"]["SMSMessageData"]["Recipients"][0] |= {"number": to, "messageId": message_id}
        return dict(answer)

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
    gateway: SmsGateway


class _Request(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        """The messages that were taken, without their texts."""
        listing = [{"to": sent.to, "messageId": sent.message_id} for sent in self.server.gateway.sent]
        self._answer(200, json.dumps(listing), {"Content-Type": "application/json"})

    def do_POST(self) -> None:
        gateway = self.server.gateway
        gateway.requests += 1
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        answer = self._leopard(body) if self.path == LEOPARD else self._africas_talking(body)
        if "http" not in answer:
            gateway.closing.wait()
            self.close_connection = True
            return
        text = json.dumps(answer["body"]) if "body" in answer else answer["text"]
        kind = "application/json" if "body" in answer else "text/plain"
        self._answer(answer["http"], text, {"Content-Type": kind, **answer.get("headers", {})})

    def _africas_talking(self, body: str) -> dict[str, Any]:
        gateway = self.server.gateway
        form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        if self.headers.get("apiKey") != gateway.api_key or form.get("username") != gateway.username:
            return ANSWERS["bad_key"]
        if not form.get("to", "").startswith("+") or not form.get("message"):
            return ANSWERS["recipient_403"]
        return gateway.take(form["to"], form["message"], "ok")

    def _leopard(self, body: str) -> dict[str, Any]:
        gateway, message = self.server.gateway, json.loads(body)
        account = base64.b64encode(f"{gateway.username}:{gateway.api_key}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {account}":
            return {"http": 401, "text": "Unauthorized"}
        return gateway.take(message["destination"][0]["number"], message["message"], "leopard_ok")

    def _answer(self, status: int, text: str, headers: dict[str, str]) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
        """Quiet: a test's output is the test's."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True, help="0 takes a free one.")
@click.option("--username", default="sandbox", show_default=True)
def main(host: str, port: int, username: str) -> None:
    """Run the gateway until Ctrl-C; its port is the first line of the output. The key is SMS_API_KEY or sandbox-key."""
    key = os.environ.get("SMS_API_KEY", "sandbox-key")
    with endings() as wait, SmsGateway(host=host, port=port, username=username, api_key=key) as gateway:
        click.echo(gateway.url.rpartition(":")[2])
        wait()


if __name__ == "__main__":
    main()
