"""RADIUS Disconnect-Request (RFC 5176) over UDP: one packet, sent again until it is answered.

The request is signed with the secret as a whole (its authenticator is a digest of it), so it carries no
Message-Authenticator: a router may refuse attributes of a request that it does not know. An answer is believed only
when it is signed with the same secret.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

DISCONNECT_REQUEST, DISCONNECT_ACK, DISCONNECT_NAK = 40, 41, 42
USER_NAME, FRAMED_IP_ADDRESS, ACCT_SESSION_ID, ERROR_CAUSE = 1, 8, 44, 101
HEAD = 20
SENDS = 3

GONE = 503
"""Session-Context-Not-Found: it has ended already."""
PASSING = frozenset({None, 505, 506, 507})
"""A proxy's error, no resources, still at it, or no cause given: it may go well later. RFC 5176, 3.6."""
CAUSES = {
    401: "unsupported attribute",
    402: "missing attribute",
    403: "NAS identification mismatch",
    404: "invalid request",
    405: "unsupported service",
    406: "unsupported extension",
    501: "administratively prohibited",
    502: "request not routable",
    503: "session context not found",
    504: "session context not removable",
    505: "other proxy processing error",
    506: "resources unavailable",
    507: "request initiated",
}


class NoAnswer(Exception):
    """The router is away, does not listen, or has another secret: it drops what it cannot verify without a word."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`cause`: the Error-Cause of a refusal, None when there is none."""

    acknowledged: bool
    cause: int | None

    @property
    def text(self) -> str:
        """The refusal in words."""
        return CAUSES.get(self.cause or 0, f"error cause {self.cause}" if self.cause else "no cause given")


def disconnect(
    router: tuple[str, int],
    secret: str,
    *,
    username: str,
    session_id: str,
    address: IPv4Address | IPv6Address | None,
    timeout: float,
) -> Answer:
    """Ask a router (address, port) to end one session; waits `timeout` seconds after each of three sends.

    Raises NoAnswer.
    """
    attributes = [(USER_NAME, username.encode()), (ACCT_SESSION_ID, session_id.encode())]
    if isinstance(address, IPv4Address):
        attributes.append((FRAMED_IP_ADDRESS, address.packed))
    packet = request(secrets.randbelow(256), secret.encode(), attributes)
    family = socket.AF_INET6 if ":" in router[0] else socket.AF_INET
    foreign = False
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        for data in _answers(client, router, packet, timeout):
            if is_answer(data, packet, secret.encode()):
                return Answer(data[0] == DISCONNECT_ACK, _cause(data))
            foreign = True
    hint = "it answers with another secret" if foreign else "away, not listening, or another secret"
    raise NoAnswer(f"{router[0]}:{router[1]} does not answer Disconnect-Request ({hint})")


def request(number: int, secret: bytes, attributes: list[tuple[int, bytes]]) -> bytes:
    """A signed Disconnect-Request. Raises ValueError for an attribute of more than 253 bytes."""
    body = b"".join(bytes([kind, 2 + len(value)]) + value for kind, value in attributes)
    head = struct.pack("!BBH", DISCONNECT_REQUEST, number, HEAD + len(body))
    # MD5 is the protocol's; it signs, it does not hide.
    return head + hashlib.md5(head + bytes(16) + body + secret, usedforsecurity=False).digest() + body


def is_answer(data: bytes, packet: bytes, secret: bytes) -> bool:
    """Whether `data` is the ACK or NAK of `packet`, signed with the secret."""
    if len(data) < HEAD or data[0] not in {DISCONNECT_ACK, DISCONNECT_NAK} or data[1] != packet[1]:
        return False
    length = int.from_bytes(data[2:4])
    if not HEAD <= length <= len(data):
        return False
    signed = data[:4] + packet[4:HEAD] + data[HEAD:length] + secret
    return hmac.compare_digest(hashlib.md5(signed, usedforsecurity=False).digest(), data[4:HEAD])


def _answers(client: socket.socket, router: tuple[str, int], packet: bytes, timeout: float) -> Iterator[bytes]:
    """Everything that comes from the router, while the same packet is sent again and again."""
    client.connect(router)
    for _ in range(SENDS):
        deadline = time.monotonic() + timeout
        try:
            client.send(packet)
            while (left := deadline - time.monotonic()) > 0:
                client.settimeout(left)
                yield client.recv(4096)
        except TimeoutError:
            continue
        except OSError:
            # Refused by the machine, or no way there: it may be starting.
            time.sleep(max(0.0, deadline - time.monotonic()))


def _cause(data: bytes) -> int | None:
    rest = data[HEAD : int.from_bytes(data[2:4])]
    while len(rest) >= 2 and 2 <= rest[1] <= len(rest):
        if rest[0] == ERROR_CAUSE and rest[1] == 6:
            return int.from_bytes(rest[2:6])
        rest = rest[rest[1] :]
    return None
