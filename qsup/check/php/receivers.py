"""What a method is called on: a facade, a bus, a queue, a mailer, the scheduler; by name, type, or how it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qsup.check.php.classes import Class
from qsup.check.php.functions import class_of_type, parameter_type
from qsup.check.php.jobs import Jobs, scope_of
from qsup.check.php.own import NOTHING, Names, named
from qsup.check.php.syntax import CALLS, ON_AN_OBJECT, arguments, method, receiver, root, text

if TYPE_CHECKING:
    from tree_sitter import Node

FACADES = (
    "Bus",
    "Queue",
    "Schedule",
    "Mail",
    "Notification",
    "Artisan",
    "Event",
    "Broadcast",
)
EVENTS = ("EventDispatcher", "events", "EventDispatcherInterface")

NEVER = 99
PUSHED = {
    "push": (0, 2),
    "pushon": (1, 0),
    "later": (1, 3),
    "lateron": (2, 0),
    "bulk": (0, 2),
    "pushraw": (NEVER, 1),
}
"""Methods of a queue: which argument is the job, and which the queue's name."""
MAILED = {
    "queue": (0, 1),
    "later": (1, 2),
    "send": (0, NEVER),
    "queueon": (1, 0),
    "onqueue": (1, 0),
    "lateron": (2, 0),
}
"""Methods of a mailer: which argument is the mailable, and which the queue's name."""


class Receivers:
    """Answers for one file."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs

    def facade(self, call: Node) -> str | None:
        """The facade that a static call is made on; None for any class of the application's own."""
        scope = receiver(call)
        if scope is None or scope.type not in ("name", "qualified_name", "relative_name"):
            return None
        full = self.jobs.file.full(text(scope), scope)
        short = full.rpartition("\\")[2]
        own = self.jobs.app.classes.find(full)
        return short if short in FACADES and own is None else None

    def _type(self, node: Node) -> str:
        """The declared class, without its namespace, of a variable, a property or a service from the container."""
        if node.type == "variable_name":
            function = scope_of(node, text(node).lstrip("$"))
            return _last(text(parameter_type(function, text(node).lstrip("$"))))
        if node.type == "member_access_expression" and text(node.child_by_field_name("object")) == "$this":
            return self._of_property(node)
        if node.type in CALLS and method(node) in ("app", "resolve", "make") and arguments(node).placed:
            named_by = arguments(node).placed[0]
            value = next(iter(self.jobs.app.evaluate(named_by, self.jobs.spot(node))), None)
            return _last(value) if isinstance(value, str) else ""
        return ""

    def _of_property(self, node: Node) -> str:
        one = self.jobs.app.classes.around(self.jobs.file, node)
        name = text(node.child_by_field_name("name"))
        found = self.jobs.app.classes.property(one, name) if one is not None else None
        if found is None:
            return ""
        element = found[1]
        holder = element if element.type == "property_promotion_parameter" else element.parent
        declared = class_of_type(holder.child_by_field_name("type")) if holder is not None else None
        if declared is None:
            return ""
        full = found[0].file.full(text(declared), declared)
        return _last(full)

    def _namespace(self, node: Node) -> str:
        function = scope_of(node, text(node).lstrip("$")) if node.type == "variable_name" else None
        declared = parameter_type(function, text(node).lstrip("$"))
        return self.jobs.file.full(text(declared), declared) if declared is not None else ""

    def schedule(self, on: Node) -> bool:
        """True for Laravel's scheduler."""
        start = root(on)
        if start.type == "scoped_call_expression":
            return self.facade(start) == "Schedule"
        return text(start) == "$schedule" or self._type(start) == "Schedule"

    def queue(self, on: Node) -> bool:
        """True for a queue connection or the queue manager."""
        if on.type == "scoped_call_expression":
            return self.facade(on) == "Queue" and method(on) == "connection"
        if on.type in ON_AN_OBJECT and method(on) == "connection":
            inner = receiver(on)
            return inner is not None and self.queue(inner)
        return self._type(on) in ("Queue", "QueueManager", "queue", "QueueContract") or self._is_queue_factory(on)

    def _is_queue_factory(self, on: Node) -> bool:
        return "Illuminate\\Contracts\\Queue\\" in self._namespace(on)

    def connection(self, call: Node) -> Names:
        """The connection in `Queue::connection('x')->push(…)`."""
        on = receiver(call)
        if on is None or on.type not in CALLS or method(on) != "connection":
            return NOTHING
        value = arguments(on).get(0, "name")
        if value is None:
            return NOTHING
        return named(self.jobs.app.evaluate(value, self.jobs.spot(value)), value, self.jobs.file)

    def mail(self, on: Node) -> bool:
        """True for a mailer, or what `Mail::to()` begins."""
        start = root(on)
        if start.type == "scoped_call_expression":
            return self.facade(start) == "Mail"
        return self._type(start) in ("Mailer", "MailManager", "MailQueue", "mailer")

    def events(self, on: Node) -> bool:
        """True for what dispatches events: they are no jobs."""
        start = root(on)
        if start.type == "scoped_call_expression" and self.facade(start) == "Event":
            return True
        if text(start) in ("$events", "$this->events", "$this->eventDispatcher", "$eventDispatcher"):
            return True
        kind = self._type(start)
        return kind in EVENTS or "\\Events\\" in self._namespace(start)

    def pending(self, on: Node) -> bool:
        """True for a chain or a batch that is being built: `Bus::chain` itself is the site."""
        start = root(on)
        return start.type == "scoped_call_expression" and method(start) in ("chain", "batch", "withchain")

    def bus(self, on: Node, call: Node) -> bool:
        """Whether `->dispatch($something)` on it hands a job to a queue, as far as can be told without knowing what."""
        start = root(on)
        if text(start) == "$this":
            one = self.jobs.app.classes.around(self.jobs.file, call)
            return one is not None and self._dispatches(one)
        if self._type(start) in ("Dispatcher", "QueueingDispatcher", "BusDispatcher"):
            return True
        return start.type == "variable_name" or start.type == "member_access_expression"

    def _dispatches(self, one: Class) -> bool:
        """True when `$this->dispatch()` is the one of Laravel's trait."""
        classes = self.jobs.app.classes
        if classes.method(one, "dispatch") is not None:
            return False
        return any(_last(name) in ("DispatchesJobs", "Controller") for name in classes.names(one))


def _last(name: str) -> str:
    return name.rpartition("\\")[2]
