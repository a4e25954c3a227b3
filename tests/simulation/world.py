"""A seeded schedule of small steps: who moves next, what breaks, and what must be true all the time and in the end."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from typing import Any

from qsup.messages import Configure, Work
from qsup.routing import Queue, Route, Routing
from qsup.rows import Key
from tests.simulation.host import Courier, Host
from tests.simulation.model import Row, Tables
from tests.simulation.worker import Worker

STEPS = 45
ROUNDS = 100
"""Most of them are two seconds: long enough for a rescue after the loss of a machine."""
PLANS = ("done", "done", "done", "transaction", "transaction", "error", "crash", "hang")


class Broken(AssertionError):
    """An invariant does not hold."""


def a_queue(name: str, workers: int, *, served_by: str | None = None, prefetch: int | None = None) -> Queue:
    """A queue with short times."""
    return Queue(
        name=name, workers=workers, workers_of=served_by, priority=1, sleep=1.0, tries=50, timeout=4.0,
        backoff=(0.0, 0.5), jitter=0.0, memory=1, max_time=0.0, max_jobs=0, grace=1.0, max_crashes=1000,
        prefetch=prefetch, keep=0.0, start="fork", purpose="",
    )  # fmt: skip


def _routing(*queues: Queue) -> Routing:
    routes = {"Note": Route(job="Note", queue=queues[0].name, handler="x:y")}
    named = {queue.name: queue for queue in queues}
    return Routing(queues=named, routes=routes, payload_limit=1, database=None, code=())


ROUTINGS = tuple(
    (routing, routing.to_dict(), tuple(slot for queue in routing.queues.values() for slot in queue.slots))
    for routing in (
        _routing(a_queue("a", 1)),
        _routing(a_queue("a", 2, prefetch=2)),
        _routing(a_queue("a", 1, prefetch=3), a_queue("b", 0, served_by="a")),
        _routing(a_queue("a", 2), a_queue("b", 1, prefetch=1)),
        _routing(a_queue("a", 1, prefetch=0), a_queue("b", 1)),
        _routing(a_queue("a", 2, prefetch=0)),
    )
)


class Chance(random.Random):
    """Reproducible accidents. Nearly fair will do: the exact way of the library takes a twentieth of the time."""

    def choice(self, seq: Any) -> Any:
        """One of them."""
        return seq[int(self.random() * len(seq))]

    def one_of(self, count: int) -> int:
        """A number below this one."""
        return int(self.random() * count)


class World:
    """One schedule."""

    def __init__(self, seed: int) -> None:
        self.chance = Chance(seed)
        self.now = 1000.0
        self.away_until = 0.0
        self.era = 0
        """Rises when the database server ends: no connection outlives that."""
        self.accidents = True
        self.polls = self.chance.random() < 0.7
        """Without the poll every notification and every wake-up must do. Late commits need it, and jobs that another
        machine gives back: it notifies nobody."""
        self.danger = self.chance.choice((0.0, 0.04, 0.12, 0.12))
        """Of an accident at each step. Where little happens nothing hides that a wake-up is missing."""
        self.tables = Tables(lambda: self.now)
        self.plans: dict[int, str] = {}
        self.once: set[tuple[int, str]] = set()
        self.dying: list[Row] = []
        """Locked by transactions whose worker is dead: the server has not noticed yet."""
        self.begun: dict[Key, Worker] = {}
        self.last: dict[Worker, Key] = {}
        self.begins_of: Counter[int] = Counter()
        self.charged_of: Counter[int] = Counter()
        self.effects: Counter[int] = Counter()
        self.results: dict[int, dict[int, str]] = defaultdict(dict)
        self.finished: dict[int, tuple[Worker, Courier | None, float]] = {}
        """Job → who has done it, which courier was told, and the end of the lease."""
        self._pid = 100
        routing, body, slots = self.chance.choice(ROUTINGS)
        self.queues = list(routing.queues)
        self.prefetch = {queue.name: queue.prefetch for queue in routing.queues.values()}
        names = ("us", "them") if self.polls and self.chance.random() < 0.4 else ("us",)
        self.hosts = [Host(self, name, Configure(1, body, "", name, "queues.yaml"), slots) for name in names]

    def new_pid(self) -> int:
        """Never used twice."""
        self._pid += 1
        return self._pid

    def live(self) -> None:
        """Everything that can happen, in any order; then the accidents stop and everything must end."""
        for _ in range(STEPS):
            self._step()
        self._calm()
        for number in range(ROUNDS):
            if self._settled():
                break
            self._round(0.1 if number < 6 else 2.0)
        self.check_end()

    def _calm(self) -> None:
        self.accidents = False
        self.away_until = 0.0
        for row in self.tables.rows.values():
            row.visible = True
        for host in self.hosts:
            host.frozen_until = host.away_until = 0.0
            workers = [worker for worker in host.slots.values() if worker is not None]
            for worker in workers:
                worker.stopped_until = min(self.now, worker.stopped_until)
            # Somebody forgets a stopped worker; where its queue has another one, every job must end all the same.
            if len([worker for worker in workers if worker.slot.startswith("a:")]) > 1 and self.chance.random() < 0.3:
                workers[0].stopped_until = float("inf")

    def _step(self) -> None:
        self.now += self.chance.choice((0.0, 0.001, 0.01, 0.1, 0.4))
        happening = self.chance.random()
        if happening < self.danger:
            self._accident()
        elif happening < 0.25:
            self._dispatch()
        host = self.chance.choice(self.hosts)
        if host.lost or self.now < host.frozen_until:
            return
        match self.chance.one_of(9):
            case 0:
                host.supervise()
            case 1 | 2 | 3:
                host.turn()
            case 4 if host.courier is not None:
                host.courier.house.turn()
            case _:
                self._some_worker(host)

    def _some_worker(self, host: Host) -> None:
        worker = self.chance.choice(list(host.slots.values()))
        if worker is not None:
            worker.step()

    def meanwhile(self) -> None:
        """What others do while a courier's statement is on its way."""
        host = self.chance.choice(self.hosts)
        if self.chance.random() < 0.3:
            self._dispatch()
        elif not host.lost and self.now >= host.frozen_until:
            self._some_worker(host)

    def _round(self, seconds: float) -> None:
        self.now += seconds
        self._server_notices()
        for host in self.hosts:
            if host.lost:
                continue
            host.supervise()
            for worker in host.slots.values():
                if worker is not None:
                    worker.work()
            host.turn()
            if host.courier is not None:
                host.courier.house.turn()

    def _dispatch(self) -> None:
        number = len(self.plans) + 1
        if number > 6:
            return
        self.plans[number] = self.chance.choice(PLANS)
        queue = self.chance.choice(self.queues)
        row = self.tables.put(number, queue, visible=not self.polls or self.chance.random() < 0.8)
        for host in self.hosts:
            if row.visible and (queue, host.supervisor) in self.tables.waiting and host.courier is not None:
                host.courier.notes.append(queue)

    def _accident(self) -> None:
        host = self.chance.choice(self.hosts)
        workers = [worker for worker in host.slots.values() if worker is not None and worker.status is None]
        match self.chance.one_of(15):
            case 0 | 1 if workers:
                self.chance.choice(workers).kill()
            case 2 | 3:
                host.kill_courier()
            case 4 if workers:
                self.chance.choice(workers).stopped_until = self.now + self.chance.choice((0.5, 3.0, 20.0))
            case 5:
                self._server_ends(self.chance.choice((0.2, 2.0, 60.0)))
            case 14:
                self._server_ends(60.0)
                self._pass(16)
            case 6 if workers:
                self.chance.choice(workers).leaving = True
            case 7:
                self._server_notices()
            case 8 if self.tables.rows:
                self.chance.choice(list(self.tables.rows.values())).visible = True
            case 9:
                host.frozen_until = self.now + self.chance.choice((1.0, 10.0, 60.0, 60.0))
                host.excused = host.slept = True
                self._pass(self.chance.choice((0, 15)))
            case 11:
                host.away_until = self.now + self.chance.choice((1.0, 10.0, 60.0))
                host.excused = True
            case 12 if workers:
                self._cut(self.chance.choice(workers))
            case 13 if workers:
                self.chance.choice(workers).kill()
                host.kill_courier()
            case 10 if len(self.hosts) == 2 and self.chance.random() < 0.2:
                self._lose(self.hosts[1])
            case _:
                self._pass(self.chance.choice((1, 3, 8, 16)))

    def _pass(self, times: int) -> None:
        """Time goes by, in which heartbeats, rescues and deadlines go on and workers do a little."""
        for _ in range(times):
            self.now += 4.0
            for host in self.hosts:
                if not host.lost and self.now >= host.frozen_until:
                    self._quietly(host)

    def _quietly(self, host: Host) -> None:
        host.supervise()
        for worker in host.slots.values():
            if worker is not None:
                worker.step()
        if host.courier is not None:
            host.courier.house.turn()

    def _server_ends(self, seconds: float) -> None:
        """The database is away for so long; what is unlogged is gone, and every listener comes back in the end."""
        self.era += 1
        self.away_until = self.now + seconds
        self.tables.waiting.clear()
        for host in self.hosts:
            if host.courier is not None:
                host.courier.notes.append("")

    def _cut(self, worker: Worker) -> None:
        """The connection of a worker ends, and neither side has died."""
        if worker.wire is not None:
            worker.wire.other.close()

    def _lose(self, host: Host) -> None:
        """The machine is gone, with all its processes."""
        host.excused = True
        for worker in host.slots.values():
            if worker is not None and worker.status is None:
                worker.kill()
        host.kill_courier()
        host.lost = True

    def _server_notices(self) -> None:
        """The transactions of dead workers are rolled back."""
        for row in self.dying:
            row.locked = None
        self.dying.clear()

    def begins(self, worker: Worker, work: Work) -> None:
        """A worker begins a claim: nobody ever began it before, and nobody else may be at this job."""
        key = (work.id, work.claim)
        if key in self.begun:
            raise Broken(f"job {work.id} was begun twice under its claim {work.claim}")
        for other in self._live_workers():
            if other.job is not None and other.job.work.id == work.id and not other.host.slept:
                raise Broken(f"job {work.id} is begun by {worker.slot} while {other.slot} runs it")
        self._check_not_done(work)
        self._check_stored(worker)
        self.begun[key], self.last[worker] = worker, key
        self.begins_of[work.id] += 1
        if work.attempt > self.charged_of[work.id] + self._unreported(work) + 1:
            raise Broken(f"job {work.id}: try {work.attempt}, of which {self.charged_of[work.id]} were really run")

    def _check_stored(self, worker: Worker) -> None:
        """One at a time, ended by a commit, is what `prefetch: 0` says."""
        last = self.last.get(worker)
        row = last and self.tables.rows.get(last[0])
        if last and row and row.state == "running" and row.claim == last[1] and self.prefetch[worker.slot[0]] == 0:
            raise Broken(f"{worker.slot} begins a job, and the end of its job {row.id} is not stored")

    def _check_not_done(self, work: Work) -> None:
        """Nothing finished is run again while somebody remembers that it is."""
        if work.id not in self.finished:
            return
        worker, courier, expires = self.finished[work.id]
        if worker.host.excused or (worker.stopped_until and self.now > expires):
            return
        if worker.status is None or (courier is not None and worker.host.courier is courier):
            raise Broken(f"job {work.id} is begun again although it is done and somebody knows")

    def _unreported(self, work: Work) -> int:
        """Runs that began and whose end is not known: they are charged until they are accounted for."""
        return self.begins_of[work.id] - 1

    def reports(self, worker: Worker, work: Work, kind: str) -> None:
        """A run has ended."""
        if kind == "done":
            self.finished[work.id] = (worker, worker.told, work.expires)
        self.results[work.id][work.claim] = kind
        self.charged_of[work.id] += 1

    def commits(self, row: Row) -> None:
        """ctx.transaction() has committed."""
        self.effects[row.id] += 1
        self.tables.end(row, "committed")

    def _live_workers(self) -> list[Worker]:
        found = [worker for host in self.hosts for worker in host.slots.values()]
        return [worker for worker in found if worker is not None and worker.status is None]

    def _settled(self) -> bool:
        """No job is left, and nobody remembers one."""
        if self.tables.rows:
            return False
        if any(one.outbox.unsent and one.leaving and one.stopped_until <= self.now for one in self._live_workers()):
            return False
        couriers = [host.courier for host in self.hosts if host.courier is not None]
        return not any(one.desk.pending or one.desk.peers.connected_with() for one in couriers)

    def check_end(self) -> None:
        """Every job has ended, by a run of the claim that ended it; every transaction took effect once."""
        for row in self.tables.rows.values():
            raise Broken(f"job {row.id} ({self.plans[row.id]}) never ended: {row}")
        for host in self.hosts:
            if host.courier is not None and not host.lost:
                # What a stopped worker had over an earlier connection is remembered until it is dead.
                left = (host.courier.desk.pending, host.courier.desk.peers.connected_with())
                if left != ({}, set()):
                    raise Broken(f"the courier of {host.supervisor} still remembers {left}")
        for number, plan in self.plans.items():
            self._check_job(number, plan)

    def _check_job(self, number: int, plan: str) -> None:
        how, claim = self.tables.ended[number]
        if how not in ("done", "committed"):
            raise Broken(f"job {number} ended as {how}")
        result = self.results[number].get(claim)
        if how == "done" and result != "done":
            raise Broken(f"job {number} was ended as done by claim {claim}, whose run came to {result}")
        if plan == "transaction" and self.effects[number] != 1:
            raise Broken(f"job {number} took effect {self.effects[number]} times")
