"""What goes wrong between a router and a client, to order: each fault hits one command once."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What happens to the command."""

    CLOSE_BEFORE = "the connection ends, nothing was done"
    CLOSE_AFTER = "it is done, the connection ends before the answer"
    RESET = "it is done, the connection is reset"
    HANG_AFTER = "it is done, no answer ever comes"
    HALF = "it is done, half of the answer comes, then the connection ends"
    DRIP = "the answer comes one byte at a time"
    FATAL = "the router says !fatal and closes"
    TRAP = "it is refused with the text of the fault"


@dataclass(frozen=True, slots=True)
class Fault:
    """`command`: the whole command word, such as `/ip/hotspot/user/add`."""

    command: str
    kind: Kind
    text: str = ""


class Faults:
    """The faults still to come; several sessions take from it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._coming: list[Fault] = []

    def order(self, command: str, kind: Kind, text: str = "") -> None:
        """Let the next `command` go wrong; ordered twice, two of them do."""
        with self._lock:
            self._coming.append(Fault(command, kind, text))

    def take(self, command: str) -> Fault | None:
        """The fault for this command, if one is waiting."""
        with self._lock:
            for fault in self._coming:
                if fault.command == command:
                    self._coming.remove(fault)
                    return fault
        return None
