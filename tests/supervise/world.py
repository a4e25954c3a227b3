"""A routing to test with, and a tiny world that carries plans out: processes that start, work, crash and hang."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any

from qsup.routing import Queue, Route, Routing
from qsup.supervise import events, plan
from qsup.supervise.advance import advance
from qsup.supervise.desired import desire
from qsup.supervise.events import Event
from qsup.supervise.model import COURIER, DATABASE, TEMPLATE, Desired, Spec, State
from qsup.supervise.reconcile import reconcile


def queue(name: str, workers: int = 1, **settings: Any) -> Queue:
    """A queue with the defaults of queues.yaml."""
    values: dict[str, Any] = {
        "workers_of": None, "priority": 5, "sleep": 3.0, "tries": 3, "timeout": 60.0, "backoff": (5.0, 15.0, 60.0),
        "jitter": 0.1, "memory": 128 * 2**20, "max_time": 3600.0, "max_jobs": 0, "grace": 10.0, "max_crashes": 3,
        "prefetch": None, "keep": 0.0, "start": "fork", "purpose": "",
    }  # fmt: skip
    return Queue(name=name, workers=workers, **{**values, **settings})


def routing(*queues: Queue, **handlers: str) -> Routing:
    """These queues, each with one job handled in `handlers.<queue>`."""
    routes = {
        f"{one.name.title()}Job": Route(
            job=f"{one.name.title()}Job",
            queue=one.name,
            handler=handlers.get(one.name.replace("-", "_"), f"handlers.{one.name.replace('-', '_')}:work"),
        )
        for one in queues
    }
    return Routing(
        queues={one.name: one for one in queues}, routes=routes, payload_limit=1_000_000, database=None, code=()
    )


def wanted(*queues: Queue, generation: int = 1, code: str = "a" * 64) -> Desired:
    """What should run for these queues."""
    return desire(routing(*queues), generation=generation, source_hash=f"hash {generation}", code_version=code)


@dataclass
class Process:
    """A simulated worker or child."""

    name: str
    pid: int
    spec: Spec | None = None
    template: str = ""
    hangs: bool = False
    born: float = 0.0


@dataclass
class World:
    """What really runs, a queue of things to come, and the state that the supervisor has of it."""

    seed: int
    broken: set[str] = field(default_factory=set)
    """Code versions that cannot be imported."""
    state: State = field(default_factory=State)
    now: float = 1000.0
    accidents: bool = False
    workers: dict[str, Process] = field(default_factory=dict)
    children: dict[str, Process] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    """Template name → code version."""
    starts: list[float] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    exited: int | None = None
    cursed: set[str] = field(default_factory=set)
    """Slots whose workers die as soon as they serve."""
    restarted: dict[str, float] = field(default_factory=dict)
    """Queue → when a restart was last asked for."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311  reproducible accidents
        self.pids = count(100)
        self.order = count()
        self.coming: list[tuple[float, int, Callable[[], None]]] = []

    def later(self, longest: float, happen: Callable[[], None]) -> None:
        """Let something happen after a random time."""
        heapq.heappush(self.coming, (self.now + self.random.uniform(0.001, longest), next(self.order), happen))

    def tell(self, event: Event) -> None:
        """Something happened; act on it until nothing is to be done now."""
        self.state = advance(self.state, event, self.now)
        self.log.append(f"{self.now:.3f} {type(event).__name__}")
        for _ in range(50):
            todo = reconcile(self.state, self.now)
            if not todo.actions:
                return
            for action in todo.actions:
                self.log.append(f"{self.now:.3f}   {plan.lines([action])[0]}")
                pid = self.carry_out(action)
                self.state = advance(self.state, events.Taken(action, pid), self.now)
            if self.exited is not None:
                return
        raise AssertionError("a plan that was carried out asks for more, again and again")

    def edit(self, desired: Desired) -> None:
        """The file was saved."""
        self.code[desired.template] = desired.code_version
        self.tell(events.Loaded(desired))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end and self.exited is None:
            second = min(end, self.now + 1.0)
            while self.coming and self.coming[0][0] <= second and self.exited is None:
                self.now, _, happen = heapq.heappop(self.coming)
                happen()
            self.now = second
            if self.exited is None:
                self.answer_pings()
                self.tell(events.Tick())

    def run_until(self, what: Callable[[World], bool], seconds: float) -> None:
        """Let time pass until something is so, or the time is over."""
        end = self.now + seconds
        while self.now < end and self.exited is None and not what(self):
            self.run(1.0)

    def answer_pings(self) -> None:
        for child in list(self.children.values()):
            if not child.hangs and self.state.child(child.name).phase != "starting":
                self.state = advance(self.state, events.Heard(child.name), self.now)

    def carry_out(self, action: plan.Action) -> int:
        match action:
            case plan.StartChild(name=name):
                return self.start_child(name)
            case plan.StopChild(name=name):
                pid = self.children[name].pid
                if not self.children[name].hangs:
                    self.later(0.5, lambda: self.end_child(name, pid))
            case plan.KillChild(name=name, pid=pid):
                self.later(0.1, lambda: self.end_child(name, pid))
            case plan.StartWorker():
                self.start_worker(action)
            case plan.StopWorker(slot=slot, pid=pid):
                if not self.workers[slot].hangs:
                    self.later(8.0, lambda: self.end_worker(slot, pid, 0))
            case plan.KillWorker(slot=slot, pid=pid, cause=cause):
                self.later(0.1, lambda: self.end_worker(slot, pid, -9, cause))
            case plan.Exit(code=code):
                assert not self.workers, "exit with workers alive"
                assert not self.children, "exit with children alive"
                self.exited = code
            case plan.ConfigureCourier() | plan.PauseCourier():
                assert COURIER in self.children
        return 0

    def start_child(self, name: str) -> int:
        assert name not in self.children, f"{name} runs already"
        if self.state.stopping:
            assert not name.startswith(TEMPLATE), "no template may be started while stopping"
        process = self.children[name] = Process(name, next(self.pids))
        self.starts.append(self.now)
        if name.startswith(TEMPLATE):
            self.later(3.0, lambda: self.load(name, process.pid))
        elif name == DATABASE:
            self.later(3.0, lambda: self.tell(events.DatabaseAt()))
        return process.pid

    def load(self, name: str, pid: int) -> None:
        if name not in self.children or self.children[name].pid != pid or self.children[name].hangs:
            return
        if self.code[name] in self.broken:
            self.tell(events.CodeBroken(name, "ImportError", self.random.random()))
            self.later(0.2, lambda: self.end_child(name, pid))
        else:
            self.tell(events.Heard(name, ready=True))

    def start_worker(self, action: plan.StartWorker) -> None:
        assert not self.state.stopping, "nothing starts while stopping"
        assert action.slot not in self.workers, f"two workers in {action.slot}"
        assert self.code[action.template] not in self.broken, "a worker of broken code"
        assert action.template in self.children, "a worker from a template that does not run"
        indexes = [slot.index for slot in self.state.live]
        assert action.index not in indexes, "two live slots share a record of the board"
        if not action.why.endswith("a restart was asked for"):
            # Each such start has a command of its own; what is counted is what the supervisor does by itself.
            self.starts.append(self.now)
        process = Process(action.slot, next(self.pids), action.spec, action.template, born=self.now)

        template = self.children[action.template]

        def fork() -> None:
            if self.children.get(action.template) is template and not template.hangs:
                self.workers[action.slot] = process
                self.tell(events.Forked(action.slot, process.pid))
                self.later(0.3, serve)

        def serve() -> None:
            if self.workers.get(action.slot) is process:
                self.tell(events.Serving(action.slot, process.pid))
                if action.slot in self.cursed:
                    self.later(0.1, partial(self.end_worker, action.slot, process.pid, -11))

        self.later(0.1, fork)

    def end_worker(self, slot: str, pid: int, status: int, cause: str = "") -> None:
        if slot in self.workers and self.workers[slot].pid == pid:
            del self.workers[slot]
            self.tell(events.WorkerDied(slot, pid, status, cause, self.random.random()))

    def end_child(self, name: str, pid: int) -> None:
        if name in self.children and self.children[name].pid == pid:
            del self.children[name]
            for worker in self.workers.values():
                worker.template = "" if worker.template == name else worker.template
            self.tell(events.ChildDied(name, pid, self.random.random()))

    def accident(self) -> None:
        """Something bad, of a random kind, to a random process."""
        victims = [*self.workers.values(), *self.children.values()]
        if not victims:
            return
        victim = self.random.choice(victims)
        hangs, victim.hangs = victim.hangs, self.random.random() < 0.3
        if victim.hangs and not hangs:
            self.log.append(f"{self.now:.3f} accident: {victim.name} hangs")
        elif victim.name in self.workers:
            self.end_worker(victim.name, victim.pid, self.random.choice((-9, -11, 1, 12, 0)))
        else:
            self.end_child(victim.name, victim.pid)

    def heal(self) -> None:
        """Accidents stop. A worker that hangs in a job is killed at its deadline, by others."""
        self.cursed.clear()
        for worker in list(self.workers.values()):
            if worker.hangs:
                self.later(30.0, partial(self.end_worker, worker.name, worker.pid, -9, "timeout"))
        for child in self.children.values():
            child.hangs = child.hangs and self.state.child(child.name).phase != "starting"


def settled(world: World) -> str:
    """Why the world is not what it should be; empty when it is."""
    desired = world.state.desired
    if desired is None:
        return "nothing is desired"
    if world.state.candidate is not None:
        return "an edit waits for its template"
    if hanging := [one.name for one in (*world.workers.values(), *world.children.values()) if one.hangs]:
        return f"{hanging} hang"
    if set(world.workers) != set(desired.slots):
        return f"workers {sorted(world.workers)} instead of {sorted(desired.slots)}"
    for name, worker in world.workers.items():
        slot = world.state.slots[name]
        if slot.phase != "serving" or slot.pid != worker.pid:
            return f"{slot} is not serving as {worker}"
        if worker.spec != desired.slots[name].spec:
            return f"{name} has the spec {worker.spec}"
        if worker.born < world.restarted.get(desired.slots[name].queue, 0.0):
            return f"{name} was started before the restart"
    for queue in desired.routing.queues:
        scale, said = world.state.scales.get(queue), desired.routing.queues[queue].workers
        count = scale.workers if scale is not None and said in scale.made_from else said
        if count != sum(worker.rpartition(":")[0] == queue for worker in world.workers):
            return f"{queue} should have {count} workers"
    missing = [name for name in (COURIER, desired.template) if name not in world.children]
    return f"{missing} not running" if missing else ""


def fresh(seed: int, *, embedded: bool = False) -> World:
    """A world before anything has started."""
    world = World(seed)
    world.state = replace(world.state, embedded=embedded, address=0 if embedded else 1)
    return world
