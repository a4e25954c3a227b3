"""What a class is to Laravel's queues: a job, a listener, a notification, a mailable, a broadcast event."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from qsup.check.php.application import Application, queued
from qsup.check.php.classes import Class
from qsup.check.php.found import EVENT
from qsup.check.php.functions import class_of_type
from qsup.check.php.jobs import Job
from qsup.check.php.own import NOTHING, Named, Names, Own, named, or_else
from qsup.check.php.source import File
from qsup.check.php.syntax import arguments, children, first, method, receiver, text, within
from qsup.check.php.terms import Listed, Values
from qsup.check.php.values import Spot, returns

if TYPE_CHECKING:
    from tree_sitter import Node

Kind = Literal["job", "listener", "notification", "mailable", "broadcast", ""]


@dataclass(slots=True)
class Kinds:
    """Answers for an application; `listeners` are the classes that it registers, by full name in lower case."""

    app: Application
    own: Own
    listeners: set[str] = field(default_factory=set)

    def of(self, one: Class) -> Kind:
        """What the class is; empty for what never is on a queue."""
        classes = self.app.classes
        if classes.is_a(one, "Notification") == "yes":
            return "notification" if queued(one, classes) == "yes" else ""
        if self.is_mail(one):
            return "mailable"
        if classes.is_a(one, "ShouldBroadcast") == "yes":
            return "broadcast"
        if classes.is_a(one, "ShouldBroadcastNow") == "yes" or queued(one, classes) != "yes":
            return ""
        return "listener" if self.is_listener(one) else "job"

    def is_mail(self, one: Class) -> bool:
        """True for a mailable."""
        return self.app.classes.is_a(one, "Mailable") == "yes"

    def is_job(self, one: Class) -> bool:
        """True for what `dispatch()` queues."""
        return self.of(one) == "job"

    def is_event(self, one: Class) -> bool:
        """True for what `dispatch()` hands to listeners."""
        return EVENT in self.app.classes.names(one) or self.of(one) == "broadcast"

    def is_framework(self, one: Class | str) -> bool:
        """True for a class of the framework, which is no job."""
        return isinstance(one, str) and (one.startswith("Illuminate\\") or one.rpartition("\\")[2] in ("Event", "Bus"))

    def is_listener(self, one: Class) -> bool:
        """Registered for an event, or in the folder of listeners, or with a `handle()` that takes an event."""
        if one.name.lower() in self.listeners or "\\Listeners\\" in one.name:
            return True
        declared = self.app.classes.method(one, "handle") or self.app.classes.method(one, "__invoke")
        parameter = first(declared[1].child_by_field_name("parameters")) if declared else None
        kind = class_of_type(parameter.child_by_field_name("type")) if parameter is not None else None
        if declared is None or kind is None:
            return False
        full = declared[0].file.full(text(kind), kind)
        event = self.app.classes.find(full)
        return "\\Events\\" in full or (event is not None and EVENT in self.app.classes.names(event))

    def names_its_queue(self, one: Class) -> bool:
        """Whether `$this->onQueue()` in it is about itself."""
        return bool(self.of(one)) or one.kind == "trait" or queued(one, self.app.classes) == "unknown"

    def in_constructor(self, node: Node) -> bool:
        """True for what a constructor does: the class's own queue, told once at the class."""
        function = within(node, "method_declaration")
        return function is not None and text(function.child_by_field_name("name")).lower() == "__construct"

    def returned(self, one: Class, name: str) -> Names | None:
        """What a method such as `viaQueue()` returns, each where it is written; None when the class has none."""
        declared = self.app.classes.method(one, name)
        if declared is None:
            return None
        holder, node = declared
        spot = Spot(holder.file, holder, one)
        values = [first(statement) for statement in returns(node)]
        return (
            tuple(name for value in values if value is not None for name in _leaves(self.app, value, spot)) or NOTHING
        )

    def channels(self, job: Job) -> list[Names]:
        """The queues that a notification names for single channels, and what the others take."""
        listed = self.returned(job.one, "viaQueues") if job.one is not None else None
        if job.one is None or listed is None or listed == NOTHING:
            return [job.queue]
        if self._all_channels(job.one):
            return [listed]
        return [listed, job.queue]

    def _all_channels(self, one: Class) -> bool:
        """True when `viaQueues()` names every channel of `via()`."""
        via, queues = self._listed(one, "via"), self._listed(one, "viaQueues")
        if via is None or queues is None:
            return False
        channels = {value for _, values in via.items for value in values}
        return not via.open and channels <= {key for key, _ in queues.items}

    def _listed(self, one: Class, name: str) -> Listed | None:
        declared = self.app.classes.method(one, name)
        if declared is None:
            return None
        values: Values = self.app.evaluate.returned(declared[0], declared[1], Spot(declared[0].file, declared[0], one))
        return values[0] if len(values) == 1 and isinstance(values[0], Listed) else None

    def register(self, file: File) -> None:
        """Note the listeners that a file registers: `$listen`, `$subscribe`, `Event::listen`."""
        for node in file.nodes.get("class", []):
            one = self.app.classes.at.get((id(file), node.start_byte))
            for name in ("listen", "subscribe") if one is not None else ():
                element = one.properties.get(name) if one is not None else None
                self.listeners |= set(_classes(element, file)) if element is not None else set()
        for call in file.nodes.get("call", []):
            on = receiver(call)
            if (
                method(call) == "listen"
                and on is not None
                and text(on).lower().rpartition("\\")[2]
                in (
                    "event",
                    "$events",
                )
            ):
                for value in arguments(call).placed[1:]:
                    self.listeners |= set(_classes(value, file))

    def own_names(self, one: Class, kind: Kind) -> Names:
        """The queues that a class names for itself, wherever; without those of its constructor's arguments."""
        if kind == "broadcast":
            named_by = self.returned(one, "broadcastQueue")
            names = named_by if named_by is not None else self._property(one, "broadcastQueue")
            return or_else(or_else(names, self.own.explicit(one, "queue", {})), self.own.fallback(one, "queue"))
        if kind == "listener":
            via = self.returned(one, "viaQueue")
            names = via if via is not None else self.own.explicit(one, "queue", {}, constructed=False)
            return or_else(names, self.own.fallback(one, "queue"))
        return or_else(self.own.explicit(one, "queue", {}), self.own.fallback(one, "queue"))

    def _property(self, one: Class, name: str) -> Names:
        found = self.app.classes.property(one, name)
        value = found[1].child_by_field_name("default_value") if found else None
        if found is None or value is None:
            return NOTHING
        return named(self.app.evaluate(value, Spot(found[0].file, found[0], one)), value, found[0].file)

    def made(self, one: Class) -> Job:
        """An object of the class of which nothing more is known."""
        return replace(Job(one.name, one), queue=NOTHING)


def _leaves(app: Application, value: Node, spot: Spot) -> Names:
    """The names in a returned expression; in an array, each item where it stands."""
    if value.type != "array_creation_expression":
        return named(app.evaluate(value, spot), value, spot.file)
    found: list[Named] = []
    for element in children(value, "array_element_initializer"):
        item = list(children(element))[-1]
        found += named(app.evaluate(item, spot), item, spot.file)
    return tuple(found)


def _classes(node: Node, file: File) -> list[str]:
    """The full names, in lower case, in all `X::class` below a node."""
    found: list[str] = []
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        waiting += inner.named_children
        if inner.type == "class_constant_access_expression" and text(inner).endswith("::class"):
            name = inner.named_children[0]
            found.append(file.full(text(name), name).lower())
    return found
