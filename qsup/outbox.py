"""What a worker remembers between courier and courier: outcomes that are not known to be stored."""

from __future__ import annotations

from dataclasses import asdict

from qsup.messages import Finished, Hello, Message, Recorded, Work


class Outbox:
    """Every outcome stays until a courier says that it is stored; each hello carries those that are left."""

    def __init__(self) -> None:
        self.unsent: list[Finished] = []

    def keep(self, finished: Finished) -> None:
        """A job has ended."""
        self.unsent.append(finished)

    def hello(self, slot: str, pid: int) -> Hello:
        """The first line on a new connection."""
        return Hello(slot, pid, unsent=[asdict(one) for one in self.unsent])

    def heard(self, message: Message) -> None:
        """Forget the outcomes of which the courier's message says that they are stored."""
        match message:
            case Work():
                stored = {(job, claim) for job, claim in message.recorded}
            case Recorded():
                stored = {(message.id, message.claim)}
            case _:
                return
        self.unsent = [one for one in self.unsent if (one.id, one.claim) not in stored]
