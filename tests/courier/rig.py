"""A real courier, a real template and its real workers, with the test in the supervisor's place.

The test reads and sends the supervisor's messages itself, so it can kill, stop and delay each of them.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from qsup.board import Board
from qsup.channel import Channel
from qsup.messages import Alive, Configure, Died, Fork, Forked, Load, Message, Roster, Serving, Signal, Stop
from qsup.outcome import Rules
from qsup.reaper import kill
from qsup.routing import Queue, Route, Routing
from qsup.rundir import RunDirectory, run_directory
from tests.forked import CHANNEL, Offspring
from tests.window import Window, pause

M = TypeVar("M", bound=Message)

JOBS = '''
import os, sys, time, signal
import qsup

KEPT = []
DONE = []

class Stopper:
    """Stops the worker when it compares its standard output with what it was: the job has ended, and no other begun."""
    def __eq__(self, _: object) -> bool:
        if not KEPT:
            KEPT.append("once")
            os.kill(os.getpid(), signal.SIGSTOP)
        return False

class Note(qsup.Job):
    """Writes a line into the file; `how` says how it then ends."""
    path: str
    text: str = ""
    how: str = "done"
    seconds: float = 0.0

def note(job: Note, ctx: qsup.Context) -> None:
    with open(job.path, "a") as file:
        file.write(f"{ctx.job_id} {ctx.attempt} {ctx.crashes} {os.getpid()} {job.text}\\n")
    until = time.monotonic() + job.seconds
    while time.monotonic() < until:
        time.sleep(0.02)
    match job.how:
        case "raise": raise ValueError("no " + job.text)
        case "raise once":
            if ctx.attempt == 1: raise ValueError("once")
        case "ignore the alarm":
            while True:
                try:
                    time.sleep(30)
                except BaseException:
                    pass
        case "keep memory": KEPT.append(b"x" * 120_000_000)
        case "die": os.kill(os.getpid(), signal.SIGKILL)
        case "exit": os._exit(3)
        case "stop behind it": sys.stdout = Stopper()
        case "die then raise":
            if ctx.crashes == 0: os.kill(os.getpid(), signal.SIGKILL)
            raise ValueError("and then")
        case "come back twice": os.fork()
        case "retry":
            if ctx.attempt == 1: raise qsup.Retry("later", after=0.05)
        case "discard": raise qsup.Discard("never " + job.text)
        case "nul": raise ValueError("a\\0b\\ud800")
        case "progress": ctx.progress(40, "half way")
        case "transaction":
            with ctx.transaction() as conn:
                conn.execute("INSERT INTO effects VALUES (%s)", (job.text,))
        case "die in transaction":
            with ctx.transaction() as conn:
                conn.execute("INSERT INTO effects VALUES (%s)", (job.text,))
                if ctx.crashes == 0: os.kill(os.getpid(), signal.SIGKILL)
        case "stay":
            while not os.path.exists(job.path + ".go"):
                time.sleep(0.02)
        case "stay in transaction":
            with ctx.transaction() as conn:
                conn.execute("INSERT INTO effects VALUES (%s)", (job.text,))
                while not os.path.exists(job.path + ".go"):
                    time.sleep(0.02)
        case "look":
            with ctx.connect() as conn:
                left = conn.execute("SELECT count(*) FROM qsup.jobs WHERE id = ANY (%s)", (DONE,)).fetchone()[0]
                claimed = conn.execute("SELECT count(*) FROM qsup.jobs WHERE state = 'running'").fetchone()[0]
            DONE.append(ctx.job_id)
            with open(job.path + ".look", "a") as file:
                file.write(f"{left} {claimed}\\n")
        case "keep and raise":
            with ctx.connect() as conn:
                conn.execute("INSERT INTO effects VALUES (%s)", (job.text,))
            raise ValueError("kept")
        case "raise after commit":
            with ctx.transaction() as conn:
                conn.execute("INSERT INTO effects VALUES (%s)", (job.text,))
            raise ValueError("too late")
        case "chain":
            with ctx.transaction() as conn:
                conn.execute("INSERT INTO effects VALUES (%s)", (job.text,))
                Note(path=job.path, text="next").dispatch(conn, unique="self")

async def anote(job: Note, ctx: qsup.Context) -> None:
    async with ctx.transaction() as conn:
        await conn.execute("INSERT INTO effects VALUES (%s)", (job.text,))
    note(job.model_copy(update={"how": "done"}), ctx)

def hook(job: Note, ctx: qsup.Context) -> None:
    with open(job.path, "a") as file:
        file.write(f"{ctx.job_id} hook: {ctx.error}\\n")
'''


def a_queue(name: str, **settings: Any) -> Queue:
    """A queue with quick settings."""
    values: dict[str, Any] = {
        "name": name, "workers": 1, "workers_of": None, "priority": 10, "sleep": 1.0, "tries": 3, "timeout": 30.0,
        "backoff": (0.0,), "jitter": 0.0, "memory": 512 << 20, "max_time": 0.0, "max_jobs": 0, "grace": 1.0,
        "max_crashes": 3, "prefetch": None, "keep": 0.0, "start": "fork", "purpose": "",
    }  # fmt: skip
    return Queue(**(values | settings))


def a_routing(*queues: Queue, routes: Mapping[str, Route] | None = None) -> Routing:
    """A routing in which the job Note goes to the first queue."""
    found = routes or {"Note": Route(job="Note", queue=queues[0].name, handler="rigjobs:note")}
    return Routing(
        queues={queue.name: queue for queue in queues}, routes=found, payload_limit=1_000_000, database=None, code=()
    )


class Process:
    """A child with a channel."""

    def __init__(self, module: str, run: RunDirectory) -> None:
        ours, theirs = socket.socketpair()
        environment = {**os.environ, "QSUP_CHANNEL": str(CHANNEL), "QSUP_RUN": str(run.path)}
        self.log = run.path / f"{module}.log"
        with theirs, self.log.open("ab") as log, Path(os.devnull).open() as nothing:
            streams = [nothing.fileno(), log.fileno(), log.fileno(), theirs.fileno()]
            self.popen = Offspring(module, [], Path.cwd(), environment, streams)
        self.channel = Channel(ours)
        self.inbox: list[Message] = []

    def read(self) -> list[Message]:
        """What has newly arrived."""
        found = self.channel.receive() if not self.channel.closed else []
        self.inbox += found
        return found

    def kill(self) -> None:
        """kill -9, and wait for it."""
        self.popen.kill()
        self.popen.wait()
        self.channel.close()


class Rig:
    """The processes and the supervisor's few duties."""

    def __init__(self, project: Path, dsn: str) -> None:
        self.dsn = dsn
        self.window = Window(lambda: self.dsn)
        self.project = project
        (project / "rigjobs.py").write_text(JOBS)
        self.run = run_directory(project / "queues.yaml")
        self.supervisor = "rig-" + os.urandom(6).hex()
        self.board = Board.create(self.run.board, self.supervisor)
        self.notes = project / "notes"
        self.generation = 0
        self.routing: Routing | None = None
        self.workers: dict[str, int] = {}
        self.indexes: dict[str, int] = {}
        self.deaths: list[Died] = []
        self.template = Process("qsup.template", self.run)
        self.template.channel.send(Load(["rigjobs"], str(project), str(self.run.path)))
        self.courier = Process("qsup.courier.__main__", self.run)

    def configure(self, routing: Routing, *, fill: bool = True) -> None:
        """Send a routing and start its workers."""
        self.generation += 1
        self.routing = routing
        self.introduce()
        if fill:
            for queue in routing.queues.values():
                for slot in queue.slots:
                    self.fork(slot)

    def introduce(self) -> None:
        """Tell a (new) courier what to serve and who is alive."""
        assert self.routing is not None
        send = self.courier.channel.send
        send(Configure(self.generation, self.routing.to_dict(), self.dsn, self.supervisor, "queues.yaml"))
        send(Roster([[slot, pid] for slot, pid in self.workers.items()]))

    def new_courier(self) -> None:
        """Kill the courier and start another."""
        self.courier.kill()
        self.courier = Process("qsup.courier.__main__", self.run)
        self.introduce()

    def fork(self, slot: str) -> None:
        """Ask for a worker."""
        assert self.routing is not None
        queue = self.routing.queues[slot.rpartition(":")[0]]
        index = self.indexes.setdefault(slot, len(self.indexes))
        self.template.channel.send(Fork(slot, index, queue.memory, queue.max_time, queue.max_jobs, queue.start))

    def turn(self) -> None:
        """One look at the messages: a little supervisor."""
        for message in self.template.read():
            match message:
                case Forked():
                    self.workers[message.slot] = message.pid
                    self.courier.channel.send(Alive(message.slot, message.pid))
                case Died():
                    self.bury(message)
        self.courier.read()

    def bury(self, died: Died) -> None:
        """Complete the message from the board, pass it on, fill the slot again."""
        record = self.board.read(self.indexes[died.slot])
        busy = record is not None and record.pid == died.pid and record.state == "busy"
        job, claim = (record.job, record.claim) if busy and record else (0, 0)
        full = Died(died.slot, died.pid, died.status, died.cause, job, claim)
        self.deaths.append(full)
        del self.workers[died.slot]
        self.courier.channel.send(full)
        self.fork(died.slot)

    def until(self, predicate: Callable[[], Any], what: str, timeout: float = 20.0) -> Any:
        """Be the supervisor until the predicate is true."""
        begin = time.monotonic()
        while not (value := predicate()):
            waited = time.monotonic() - begin
            assert waited < timeout, (
                f"after {timeout} s still not: {what}; courier: {self.courier.inbox}, {self.courier.log.read_text()}"
            )
            self.turn()
            self.listen(pause(waited))
        return value

    def listen(self, seconds: float) -> None:
        """Sleep until a message arrives, at most so long."""
        channels = [process.channel for process in (self.template, self.courier)]
        select.select([channel.socket for channel in channels if not channel.closed], [], [], seconds)

    def heard(self, kind: type[M]) -> list[M]:
        """Messages of one kind from the courier."""
        return [message for message in self.courier.inbox if isinstance(message, kind)]

    def serving(self) -> bool:
        """Whether every slot has a worker in its loop."""
        served = {message.pid for message in self.template.inbox if isinstance(message, Serving)}
        wanted = sum(queue.workers for queue in self.routing.queues.values()) if self.routing else 0
        return len(self.workers) == wanted and set(self.workers.values()) <= served

    def lines(self) -> list[str]:
        """What the handlers have written."""
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """A query's rows."""
        return self.window.rows(query)

    def drained(self) -> bool:
        """Whether no job is left."""
        return self.rows("SELECT id FROM qsup.jobs LIMIT 1") == []

    def progress_of(self, jobs: int) -> Callable[[], bool]:
        """True when the handlers have begun so many more jobs, or none is left."""
        wanted = len(self.lines()) + jobs
        return lambda: len(self.lines()) >= wanted or self.drained()

    def replaced_after(self, deaths: int) -> Callable[[], bool]:
        """True when so many workers have died and every slot has a worker again."""
        return lambda: len(self.deaths) == deaths and self.serving()

    def stop(self) -> None:
        """End everything, in order if it can be."""
        self.window.close()
        for slot, pid in self.workers.items():
            self.template.channel.send(Signal(slot, pid, signal.SIGTERM))
        for process in (self.template, self.courier):
            process.channel.send(Stop())
        for process in (self.template, self.courier):
            try:
                process.popen.wait(10)
            except subprocess.TimeoutExpired:
                process.popen.kill()
                process.popen.wait()
            process.channel.close()
        for pid in self.workers.values():
            # One that came back to a courier that is gone already waits for the next one.
            kill(pid, signal.SIGKILL)


__all__ = ["Process", "Rig", "Rules", "a_queue", "a_routing"]
