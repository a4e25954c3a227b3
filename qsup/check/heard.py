"""Which queues somebody listens to, and where that is said. Pure: from queues.yaml or from supervisord programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qsup.check.problem import nearest
from qsup.config import Parsed
from qsup.routing import Routing


@dataclass(frozen=True, slots=True)
class Heard:
    """The answer, for the comparison with what code dispatches to."""

    queues: Mapping[str, str]
    """Queue name → where it is listened to, for people: `queues.yaml:7:3`, `queue.conf:12 [program:payments]`."""

    def near(self, queue: str) -> str:
        """The hint "did you mean …?" with the queue that is heard and most like `queue`; empty when none is."""
        return nearest(queue, self.queues)

    def and_also(self, other: Heard) -> Heard:
        """Both together; a queue that both hear keeps the place that this one names."""
        return Heard({**other.queues, **self.queues})


NOBODY = Heard({})


def by_routing(routing: Routing, path: str = "queues.yaml") -> Heard:
    """The queues that have workers, of their own or another's; `path` is what the file is called."""
    return Heard({name: path for name in routing.queues if routing.server(name) is not None})


def by_file(parsed: Parsed) -> Heard:
    """As `by_routing`, with the line and column at which each queue is declared."""
    heard = by_routing(parsed.routing, parsed.tree.path)
    return Heard({name: f"{path}:{_place(parsed, name)}" for name, path in heard.queues.items()})


def _place(parsed: Parsed, name: str) -> str:
    place = parsed.tree.key("queues", name)
    return f"{place.line}:{place.column}"


def by_places(places: Iterable[tuple[str, str]]) -> Heard:
    """Of (queue, place) pairs, as the programs of a supervisord file give them; the first place of a queue counts."""
    first: dict[str, str] = {}
    for queue, place in places:
        first.setdefault(queue, place)
    return Heard(first)
