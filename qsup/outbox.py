"""What a worker remembers between courier and courier: outcomes that are not known to be stored."""

from __future__ import annotations

from dataclasses import asdict

from qsup.messages import Finished, Hello, Message, Recorded, Work
from qsup.rows import Key


class Outbox:
    """Every outcome stays until a courier says that it is stored; each hello carries those that are left."""

    def __init__(self) -> None:
        self.unsent: dict[Key, Finished] = {}

    def keep(self, finished: Finished) -> None:
        """A job has ended."""
        self.unsent[finished.id, finished.claim] = finished

    def hello(self, slot: str, pid: int) -> Hello:
        """The first line on a new connection."""
        return Hello(slot, pid, unsent=[asdict(one) for one in self.unsent.values()])

    def heard(self, message: Message) -> None:
        """Forget the outcomes of which the courier's message says that they are stored."""
        match message:
            case Work():
                for job, claim in message.recorded:
                    self.unsent.pop((job, claim), None)
            case Recorded():
                self.unsent.pop((message.id, message.claim), None)
            case _:
                pass
