"""The calls of a file that put jobs on queues, whatever form they have."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qsup.check.php.classes import FRAMEWORK, Class
from qsup.check.php.found import PhpSite, Resolver, Sent
from qsup.check.php.jobs import CLOSURE, UNKNOWN, Job, Jobs
from qsup.check.php.kinds import Kinds
from qsup.check.php.lists import Lists
from qsup.check.php.own import NOTHING, Named, Names, or_else
from qsup.check.php.pending import names_of, pending_of
from qsup.check.php.receivers import MAILED, Receivers
from qsup.check.php.source import File, within
from qsup.check.php.syntax import arguments, bare, method, place, receiver, text

if TYPE_CHECKING:
    from tree_sitter import Node

OF_THE_BATCH = (Named(why="it goes to the queue of a batch that is made elsewhere"),)
OF_THE_CHAIN = (Named(why="it goes to the queue of a chain that is made elsewhere, unless its class names one"),)


@dataclass(slots=True)
class Calls:
    """Finds the sites of one file."""

    file: File
    resolver: Resolver
    jobs: Jobs
    lists: Lists
    on: Receivers
    kinds: Kinds
    found: list[PhpSite] = field(default_factory=list)
    silent: list[tuple[Node, Job]] = field(default_factory=list)
    """Calls that name a queue for a job that runs at once."""
    ignored: list[tuple[PhpSite, str]] = field(default_factory=list)
    """Sites that do not ask the job's class, and the queue that the class names for itself."""

    def read(self) -> list[PhpSite]:
        """All sites, in the order of the file."""
        calls = [node for node in self.file.nodes.get("call", []) if not arguments(node).callable]
        for node in calls:
            for handler in (self._function, self._static, self._object):
                if handler(node):
                    break
        for node in calls:
            self._leftover(node)
        self._assignments()
        return sorted(dict.fromkeys(self.found), key=lambda site: (site.line, site.column))

    def _function(self, call: Node) -> bool:
        if call.type != "function_call_expression":
            return False
        written = text(call.child_by_field_name("function"))
        full = self.file.function(written, call)
        if within(self.file.scope(call).namespace, written).lower() in self.jobs.app.functions:
            return True
        if "\\" in full and not full.startswith(FRAMEWORK):
            return True
        name = full.rpartition("\\")[2].lower()
        if name == "dispatch":
            self._each(call, self.jobs.of(arguments(call).get(0, "job")), Sent())
        elif name == "queueable":
            self._each(call, [Job(CLOSURE)], Sent(kind="listener"))
        return True

    def _static(self, call: Node) -> bool:
        if call.type != "scoped_call_expression":
            return False
        name, facade = method(call), self.on.facade(call)
        if facade is not None:
            self._facade(call, facade, name)
        elif name in ("dispatch", "dispatchif", "dispatchunless", "withchain"):
            self._of_class(call, name)
        return True

    def _of_class(self, call: Node, name: str) -> None:
        """`X::dispatch()` and the like."""
        scope = receiver(call)
        one = self.jobs.app.evaluate.named(scope, self.jobs.spot(call)) if scope is not None else None
        if one is None or (isinstance(one, Class) and one.kind == "trait"):
            self._each(call, [UNKNOWN], Sent())
            return
        if self.kinds.is_framework(one):
            return
        if name != "withchain":
            self._each(call, [self.jobs.made(one, call if name == "dispatch" else None)], Sent())
            return
        pending, given = pending_of(self.jobs, call), arguments(call)
        behind = self.lists.members(given.get(0, "chain"))
        sent = Sent(queue=pending.chain, chain=pending.queue, connection=pending.connection)
        for node, job in [(call, self.jobs.made(one, None)), *((node, job) for node, job, _ in behind)]:
            self._emit(node, [job], sent)

    def _facade(self, call: Node, facade: str, name: str) -> None:
        given = arguments(call)
        match facade, name:
            case "Bus", "dispatch":
                self._each(call, self.jobs.of(given.get(0, "command")), Sent())
            case "Bus", "chain":
                self._chain(call)
            case "Bus", "batch":
                self._batch(call)
            case "Queue", _:
                self._pushed(call, name)
            case "Schedule", "job":
                self._scheduled(call)
            case "Mail", _:
                self._mailed(call, name)
            case "Notification", "send":
                self._notified(call, given.get(1, "notification"))
            case "Artisan", "queue":
                self._each(
                    call, [Job("Illuminate\\Foundation\\Console\\QueuedCommand")], Sent(kind="command", only=True)
                )

    def _object(self, call: Node) -> bool:
        name, on, given = method(call), receiver(call), arguments(call)
        if on is None:
            return True
        match name:
            case "dispatch":
                self._through_a_bus(call, on)
            case "job" if self.on.schedule(on):
                self._scheduled(call)
            case "notify":
                self._notified(call, given.get(0, "instance"))
            case "pushon" | "lateron":
                self._mailed(call, name) if self.on.mail(on) else self._pushed(call, name)
            case "push" | "later" | "bulk" | "pushraw" if self.on.queue(on):
                self._pushed(call, name)
            case "queue" | "later" | "send" | "queueon":
                self._mailed(call, name)
            case "add" if given.placed:
                self._added(call)
            case "appendtochain" | "prependtochain":
                self._each(call, self.jobs.of(given.get(0, "job")), Sent(chain=OF_THE_CHAIN))
        return True

    def _through_a_bus(self, call: Node, on: Node) -> None:
        """`$this->dispatch(new X)`, `$bus->dispatch(new X)`; not a browser's event, nor a chain's own `dispatch()`."""
        value = arguments(call).get(0, "command", "job")
        if value is None or self.on.events(on) or self.on.pending(on) or value.type in ("string", "encapsed_string"):
            return
        jobs = self.jobs.of(value)
        if all(job.why for job in jobs) and not self.on.bus(on, call):
            return
        self._each(call, [job for job in jobs if not job.one or not self.kinds.is_event(job.one)], Sent())

    def _scheduled(self, call: Node) -> None:
        given = arguments(call)
        queue, connection = names_of(self.jobs, given.get(1, "queue")), names_of(self.jobs, given.get(2, "connection"))
        jobs = self.jobs.of(given.get(0, "job"), names=True)
        self._emit(call, jobs, Sent(queue=queue, connection=connection, kind="schedule"))

    def _notified(self, call: Node, value: Node | None) -> None:
        for job in self.jobs.of(value):
            if job.one is not None:
                sent = replace(Sent(kind="notification"), queue=NOTHING)
                for names in self.kinds.channels(job):
                    self._emit(call, [replace(job, queue=names)], sent)
            else:
                self._emit(call, [job], Sent(kind="notification"))

    def _mailed(self, call: Node, name: str) -> None:
        if name not in MAILED:
            return
        given, (mail, queue) = arguments(call), MAILED[name]
        on = receiver(call)
        sure = on is not None and (call.type == "scoped_call_expression" or self.on.mail(on))
        value = given.get(mail, "view", "mailable")
        jobs = self.jobs.of(value) if value is not None else []
        jobs = [job for job in jobs if (job.one and self.kinds.is_mail(job.one)) or (sure and not job.one)]
        names = names_of(self.jobs, given.get(queue, "queue"))
        if name == "send" and value is not None and value.type in ("string", "encapsed_string"):
            return
        self._emit(call, jobs, Sent(queue=names, kind="mailable", always=name != "send"))

    def _pushed(self, call: Node, name: str) -> None:
        """`Queue::push` and its kin: the queue is the one given here, whatever the job's class says."""
        where = {
            "push": (0, 2),
            "pushon": (1, 0),
            "later": (1, 3),
            "lateron": (2, 0),
            "bulk": (0, 2),
            "pushraw": (9, 1),
        }
        if name not in where:
            return
        given, (job, queue) = arguments(call), where[name]
        names = names_of(self.jobs, given.get(queue, "queue"))
        sent = Sent(queue=names, connection=self.on.connection(call), kind="push", only=True, always=True)
        value = given.get(job, "job", "jobs")
        if name == "bulk":
            for node, one, _ in self.lists.members(value):
                self._emit(node, [one], sent)
        else:
            self._emit(call, self.jobs.of(value, names=True) if value is not None else [Job()], sent)

    def _chain(self, call: Node) -> None:
        """`Bus::chain`: the first job's own queue wins over the chain's, which the others take when they have none."""
        pending = pending_of(self.jobs, call)
        given = arguments(call)
        listed = [place for value in given.placed[:1] for place in self.lists.members(value)]
        listed += [place for value in given.placed[1:] for place in self.lists.members(value)]
        sent = Sent(queue=pending.chain, chain=pending.queue, connection=pending.connection)
        for node, job, _ in listed or [(call, UNKNOWN, False)]:
            self._emit(node, [job], sent)

    def _batch(self, call: Node) -> None:
        """`Bus::batch`: all go to the batch's queue; only what follows in a chain inside it keeps its own."""
        pending = pending_of(self.jobs, call)
        every = Sent(queue=pending.queue, connection=pending.connection, only=True, always=True)
        behind = Sent(chain=pending.queue, connection=pending.connection, always=True)
        value = arguments(call).get(0, "jobs")
        for node, job, later in list(self.lists.members(value, inner=True)) or [(call, UNKNOWN, False)]:
            if (value is not None and value.type != "array_creation_expression") or job.name:
                self._emit(node, [job], behind if later else every)
            else:
                self._emit(node, [job], every)

    def _added(self, call: Node) -> None:
        """`$batch->add(…)`: only when it is certainly jobs that are added."""
        members = list(self.lists.members(arguments(call).placed[0], inner=True))
        if members and all(job.one and self.kinds.is_job(job.one) for _, job, _ in members):
            for node, job, later in members:
                self._emit(node, [job], Sent(chain=OF_THE_BATCH) if later else Sent(queue=OF_THE_BATCH, only=True))

    def _each(self, call: Node, jobs: list[Job], sent: Sent) -> None:
        """The jobs of a call that returns a pending dispatch."""
        pending = pending_of(self.jobs, call)
        if pending.at_once:
            return
        for job in jobs:
            whole = replace(sent, queue=pending.queue, connection=pending.connection)
            before = len(self.found)
            self._emit(call, [job], whole)
            if len(self.found) == before and pending.queue != NOTHING and job.one is not None:
                self.silent.append((call, job))
            rest = Sent(chain=pending.chain if pending.chain != NOTHING else job.chain_queue)
            for value in (*job.chain, *pending.lists):
                for node, member, _ in self.lists.members(value):
                    self._emit(node, [member], rest if sent.chain == NOTHING else sent)

    def _emit(self, node: Node, jobs: list[Job], sent: Sent) -> None:
        for job in jobs:
            sites = list(self.resolver.sites(job, sent, self._at(node)))
            self.found += sites
            if sent.only and job.one is not None and sites:
                own = or_else(job.queue, self.resolver.own.explicit(job.one, "queue", job.given))
                lost = [name.name for name in own if name.name and name.name != sites[0].queue]
                self.ignored += [(sites[0], name) for name in lost[:1] if not sites[0].why]

    def _at(self, node: Node) -> tuple[Path, int, int]:
        """Where a person looks for it: the call's name when the call begins on an earlier line."""
        line, column = place(node)
        name = node.child_by_field_name("name")
        if name is not None and name.start_point[0] + 1 != line:
            line, column = place(name)
        return (self.file.path, line, column)

    def _leftover(self, call: Node) -> None:
        """An `onQueue` that belongs to nothing above: its queue is known, its job perhaps."""
        if method(call) not in ("onqueue", "allonqueue") or call.id in self.jobs.used or call.type[0] == "s":
            return
        value = arguments(call).get(0, "queue")
        if value is not None:
            self._alone(call, names_of(self.jobs, value))

    def _assignments(self) -> None:
        for node in self.file.nodes.get("set", []):
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            target = left.child_by_field_name("object") if left is not None else None
            name = text(left.child_by_field_name("name")) if left is not None else ""
            if name == "queue" and target is not None and right is not None and text(bare(target)) == "$this":
                self._alone(node, names_of(self.jobs, right))

    def _alone(self, node: Node, names: Names) -> None:
        one: Class | None = self.jobs.app.classes.around(self.file, node)
        inside = one is not None and self.kinds.names_its_queue(one)
        if node.type == "assignment_expression" and not inside:
            return
        if one is not None and inside and self.kinds.in_constructor(node):
            return
        on = receiver(node) if node.type != "assignment_expression" else None
        jobs = [Job(one.name, one)] if one is not None and inside else self.jobs.of(on) if on is not None else [UNKNOWN]
        kind = "class" if inside else "job"
        for name in names:
            if not name.open:
                self._emit(node, [replace(job, why="") for job in jobs], Sent(queue=(name,), kind=kind, always=True))
