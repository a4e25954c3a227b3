"""The template: imports the handlers once, single-threaded, and forks, watches, kills and buries workers.

`python -m qsup.template` is started by the supervisor, one per version of the code. It obeys its channel; when that
closes (the supervisor died) it tells all workers to leave, goes on enforcing the board's deadlines, and ends with the
last of them.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import cast

from qsup import aim, messages, reaper, slots
from qsup.board import Board, boottime
from qsup.channel import Channel, inherited
from qsup.forking import Child, called, exec_worker, fork_worker, settle
from qsup.forksafety import NotSafe, import_all, take_signals
from qsup.orders import Missed
from qsup.rundir import RunDirectory
from qsup.title import rename
from qsup.wake import WakePipe, wait

Work = Callable[[messages.Fork, int], int]
"""A worker's life in the forked child: its order, a descriptor for a byte when ready; the exit code."""
Prepare = Callable[[RunDirectory], Work]
"""What it needs is made once, in the template."""

LOOK, IDLE_LOOK, MEMORY_LOOK, GROUP_LOOK = 0.5, 1.0, 5.0, 0.02
"""Seconds between looks: at the board's deadlines, at a board that showed none, at the workers' memory, at the group of
one that has died."""
START_LIMIT = 60.0
"""Seconds in which a worker must reach its loop."""


@dataclass(kw_only=True)
class Worker:
    """One forked process."""

    fork: messages.Fork
    pid: int
    ready: int | None
    """Where its byte arrives; None after that."""
    born: float
    cause: str = ""
    status: int | None = None
    """Set when it is reaped; its group may still have members."""


class Template:
    """The loop."""

    def __init__(self, channel: Channel, prepare: Prepare) -> None:
        self.channel, self.prepare = channel, prepare
        self.wake = WakePipe()
        self.workers: dict[int, Worker] = {}
        self.born: list[Child | OSError] = []
        """Forked this moment, and not among the workers yet."""
        self.household: list[int] = []
        """Processes that importing the code has started."""
        self.ending = False
        self.memory_look = boottime() + MEMORY_LOOK
        self.pause = LOOK
        self.run = RunDirectory(Path())
        self.root, self.turns = Path(), -1
        self.undecided: list[messages.Signal] = []
        """Orders to kill a worker in one job only, which could not be decided at once."""

    def serve(self) -> int:
        """Run until told to stop, or until the supervisor and the last worker are gone; the exit code."""
        # Who stops this process is the channel: a TERM to the whole container must not cut workers off their parent.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self.wake.catch(signal.SIGCHLD)
        reaper.become_subreaper()
        while self.workers or not self.ending:
            self._wait()
            self.wake.heard()
            if not self._hear():
                return 1
            if self.channel.closed and not self.ending:
                self._end()
            self._hear_ready()
            self._bury()
            self._enforce()
            self.undecided = [order for order in self.undecided if not self._kill_in_job(order)]
        return 0

    def _wait(self) -> None:
        readers = [self.wake.read, *(worker.ready for worker in self.workers.values() if worker.ready is not None)]
        writers: list[int] = []
        if not self.channel.closed:
            (writers if self.channel.unsent else readers).append(self.channel.fileno())
        dying = self.undecided or any(worker.status is not None for worker in self.workers.values())
        # That the channel is closed may have been learned while something was said: nothing would wake us for it again.
        look = self.pause if self.workers or self.channel.closed else None
        wait(readers, writers, GROUP_LOOK if dying else look)
        self.channel.flush()

    def _hear(self) -> bool:
        heard = self.channel.receive() if not self.channel.closed else []
        for are_forks, several in groupby(heard, lambda message: isinstance(message, messages.Fork)):
            if are_forks:
                self._fork(cast(list[messages.Fork], list(several)))
            elif not all(map(self._obey, several)):
                return False
        return True

    def _obey(self, message: messages.Message) -> bool:
        match message:
            case messages.Ping(number):
                self.channel.send(messages.Pong(number, f"{len(self.workers)} workers"))
            case messages.Load():
                return self._load(message)
            case messages.Signal():
                self._signal(message)
            case messages.Stop():
                self._end()
            case _:
                raise ValueError(f"not for a template: {message}")
        return True

    def _load(self, load: messages.Load) -> bool:
        self.run, self.root = RunDirectory(Path(load.run_directory)), Path(load.root)
        try:
            import_all(load.modules, self.root)
        except NotSafe as error:
            self.channel.send(messages.Broken(str(error)))
            return False
        self.work = self.prepare(self.run)
        # What is imported is never freed: keeping the collector off it keeps its pages shared with the workers.
        gc.collect()
        gc.freeze()
        self.board, self.turns = Board(self.run.board), slots.open_turns(self.run)
        self.household = reaper.children()
        self.channel.send(messages.Ready())
        return True

    def _fork(self, forks: Sequence[messages.Fork]) -> None:
        # All of them first: what is written between two forks is pages that the first child has for itself, 120 KiB of
        # each when it was the lines below (18 workers, measured).
        for fork in forks:
            self.born.append(fork_worker(fork, self._be_worker))
        for fork, child in zip(forks, self.born, strict=True):
            if isinstance(child, OSError):
                # The supervisor asks again, later and later.
                self.channel.send(messages.Say(f"no worker can be started for {fork.slot}: {child.strerror}"))
                self.channel.send(messages.Died(fork.slot, 0, 1))
                continue
            settle(child)
            self.workers[child.pid] = Worker(fork=fork, pid=child.pid, ready=child.ready, born=boottime())
            self.channel.send(messages.Forked(fork.slot, child.pid))
        self.born.clear()

    def _be_worker(self, fork: messages.Fork, ready: int) -> int:
        os.setpgid(0, 0)
        self._leave_behind()
        if fork.start == "exec":
            exec_worker(fork, ready, self.run, self.root)
        rename(called(fork))
        return self.work(fork, ready)

    def _leave_behind(self) -> None:
        """The template's descriptors and signal handlers: a worker that held its channel would keep it from closing."""
        self.wake.forget()
        self.channel.socket.close()
        if self.turns >= 0:
            # Before the worker takes its slot: closing it later would take the slot's lock away with it.
            os.close(self.turns)
        theirs = [worker.ready for worker in self.workers.values() if worker.ready is not None]
        for descriptor in (*theirs, *(one.ready for one in self.born if isinstance(one, Child))):
            os.close(descriptor)
        take_signals()

    def _signal(self, order: messages.Signal) -> None:
        worker = self.workers.get(order.pid)
        if worker is None or worker.fork.slot != order.slot:
            return
        if order.job:
            self.undecided.append(order)
        elif order.group:
            self._kill(worker, order.cause)
        elif worker.status is None:
            reaper.kill(worker.pid, order.number)

    def _kill_in_job(self, order: messages.Signal) -> bool:
        """Whether it is decided. Who is dead already is reported like any other death."""
        worker = self.workers.get(order.pid)
        if worker is None or worker.status is not None:
            return True
        target = aim.Target(worker.fork.index, worker.pid, order.job, order.claim)
        killed = aim.kill_in(self.turns, self.board, target)
        if killed:
            worker.cause = worker.cause or order.cause
        elif killed is False:
            self.channel.send(Missed(order.slot, order.pid, order.job, order.claim))
        return killed is not None

    def _kill(self, worker: Worker, cause: str) -> None:
        worker.cause = worker.cause or cause
        if worker.status is None:
            reaper.kill_group(worker.pid)
            # It may have left its group.
            reaper.kill(worker.pid, signal.SIGKILL)

    def _end(self) -> None:
        self.ending = True
        for worker in self.workers.values():
            if worker.status is None:
                reaper.kill(worker.pid, signal.SIGTERM)

    def _hear_ready(self) -> None:
        for worker in self.workers.values():
            if worker.ready is None:
                continue
            try:
                said = os.read(worker.ready, 1)
            except BlockingIOError:
                continue
            os.close(worker.ready)
            worker.ready = None
            if said:
                self.channel.send(messages.Serving(worker.fork.slot, worker.pid))

    def _bury(self) -> None:
        for pid, status in reaper.reap(lambda pid: pid in self.workers):
            if pid in self.workers:
                self.workers[pid].status = status
        for worker in list(self.workers.values()):
            if worker.status is None:
                continue
            if reaper.emptied(worker.pid, {*self.workers, *self.household}):
                self._report(worker, worker.status)

    def _report(self, worker: Worker, status: int) -> None:
        del self.workers[worker.pid]
        if worker.ready is not None:
            os.close(worker.ready)
        self.channel.send(messages.Died(worker.fork.slot, worker.pid, status, worker.cause))

    def _enforce(self) -> None:
        now = boottime()
        alive = {worker.fork.index: worker for worker in self.workers.values() if worker.status is None}
        records = [record for record in self.board.read_some(alive) if record is not None] if alive else []
        self.pause = LOOK if any(record.deadline for record in records) else IDLE_LOOK
        for record in reaper.overdue(records, now):
            if record.pid in self.workers:
                self._kill(self.workers[record.pid], "timeout")
        for worker in alive.values():
            if worker.ready is not None and now > worker.born + START_LIMIT:
                self._kill(worker, "")
        if now >= self.memory_look:
            self.memory_look = now + MEMORY_LOOK
            for worker in alive.values():
                if worker.fork.memory and reaper.exceeds(worker.pid, 2 * worker.fork.memory):
                    self._kill(worker, "memory")


def live(channel: Channel) -> int:
    """Be the template of the process at the other end; the exit code."""
    from qsup.birth import Outfit

    return Template(channel, lambda run: Outfit.of(run).live).serve()


def main() -> int:
    """`python -m qsup.template`."""
    from qsup.rehearsal import rehearse

    # Also to find the place once, for all workers.
    rename([sys.executable, "-m", "qsup.template"])
    with suppress(OSError):
        rehearse()
    return live(inherited())


if __name__ == "__main__":
    sys.exit(main())
