"""What goes wrong between a router and a client, to order: for one command, for the nth, or for every one."""

from __future__ import annotations

import fnmatch
import threading
from dataclasses import dataclass
from enum import Enum

from handlers.sandbox.wire import encode_sentence

CONNECT = "connect"
"""Stands for a new connection where a command word is asked for: before the first sentence (and before TLS)."""


class Kind(Enum):
    """What happens to the command."""

    DELAY = "it is done, the whole answer comes after `seconds`"
    DRIP = "it is done, the answer comes one byte every `seconds`"
    HANG_BEFORE = "nothing is done, no answer ever comes"
    HANG_AFTER = "it is done, no answer ever comes"
    CLOSE_BEFORE = "the connection ends, nothing was done"
    CLOSE_AFTER = "it is done, the connection ends before the answer"
    RESET = "it is done, the connection is reset"
    HALF = "it is done, half of the answer comes, then the connection ends"
    FATAL = "nothing is done, the router says !fatal with the text and closes"
    TRAP = "it is refused, with one !trap for each text"
    TRAP_AFTER = "it is done, and yet refused, with one !trap for each text"
    RAW = "it is done, the bytes `raw` come instead of the answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`command`: a command word such as `/ip/hotspot/user/add`, or a pattern: `*/add`, `*` (which hits /login too)."""

    command: str
    kind: Kind
    texts: tuple[str, ...] = ()
    seconds: float = 0.0
    raw: bytes = b""


@dataclass(slots=True)
class _Order:
    fault: Fault
    skip: int
    left: int | None


class Faults:
    """The faults still to come; several sessions take from it. `hits` names the commands that met one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: list[_Order] = []
        self.hits: list[tuple[str, Kind]] = []

    def order(
        self,
        command: str,
        kind: Kind,
        *texts: str,
        nth: int = 1,
        times: int | None = 1,
        seconds: float = 0.05,
        raw: bytes = b"",
    ) -> None:
        """Let `command` go wrong: the nth from now on, `times` in a row (None: all). Ordered twice, two of them do."""
        fault = Fault(command=command, kind=kind, texts=texts, seconds=seconds, raw=raw)
        with self._lock:
            self._orders.append(_Order(fault, nth - 1, times))

    def take(self, command: str) -> Fault | None:
        """The fault for this command, if its turn has come."""
        with self._lock:
            due = [one for one in self._orders if fnmatch.fnmatchcase(command, one.fault.command)]
            found = next((one for one in due if not one.skip), None)
            for one in due:
                one.skip = max(0, one.skip - 1)
            if found is None:
                return None
            if found.left is not None:
                found.left -= 1
                self._orders = [one for one in self._orders if one.left != 0]
            self.hits.append((command, found.fault.kind))
            return found.fault

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._orders.clear()


_DONE = encode_sentence(["!done"])

BROKEN: dict[str, bytes] = {
    "a word shorter than its length": b"\x7f!re",
    "a length of 268 million": b"\xef\xff\xff\xff!re",
    "a reserved control byte": b"\xf8" + _DONE,
    "a length of five bytes": b"\xf0\x00\x00\x00\x05!done\0",
    "a tag that nobody gave": encode_sentence(["!done", ".tag=7"]),
    "a word that is no attribute": encode_sentence(["!re", "nonsense"]) + _DONE,
    "a trap without a message": encode_sentence(["!trap"]) + _DONE,
    "a trap with a new attribute": encode_sentence(["!trap", "=message=no", "=colour=red"]) + _DONE,
    "a trap message of digits": encode_sentence(["!trap", "=message=42"]) + _DONE,
    "a fatal without a reason": encode_sentence(["!fatal"]),
    "an empty sentence": b"\0\0" + _DONE,
    "an unknown reply word": encode_sentence(["!wonder", "=a=b"]) + _DONE,
    "bytes that are no UTF-8": encode_sentence(["!re", "=.id=*1", "=comment=caf\udce9"]) + _DONE,
    "another protocol": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
}
"""Answers that no router should give, by what is wrong with them: `order(…, Kind.RAW, raw=BROKEN[name])`."""
