"""`qsup worker --queue X`: one slot of one queue, for supervisord, systemd and Kubernetes.

A parent with one connection claims, records, enforces the limits and takes its turn at housekeeping; a forked child
runs the handlers, ignores TERM and dies with its parent. The desk, the service and the link are the courier's own.

Its identity (the supervisor id in `reserved_by`) belongs to the lowest free number of its queue in this project: a
worker that is started again after kill -9 takes over the number, and with it the job that its predecessor had claimed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

from qsup import reaper, solo_orders
from qsup.board import boottime
from qsup.courier.desk import Desk
from qsup.courier.duty import Duty
from qsup.courier.house import Housekeeper
from qsup.courier.link import Link
from qsup.courier.places import Places
from qsup.courier.ports import Clock
from qsup.courier.serve import Service
from qsup.courier.statements import Statements
from qsup.errors import ExitCode
from qsup.messages import Configure, Database, Died, Message, Refused, Roster, Say, Stop
from qsup.orders import Order
from qsup.routing import Routing
from qsup.solo_child import Child, Identity
from qsup.wake import WakePipe, wait

MEMORY_LOOK = 5.0
FORCED_WAIT = 5.0
"""Seconds that a forced stop spends on giving the job back before it leaves that to the next worker of this number."""
CHORES = 0x71737571
"""The advisory lock of the housekeeping turn among solo workers."""


class Solo:
    """The parent's loop."""

    def __init__(self, routing: Routing, dsn: str, config_file: Path, identity: Identity) -> None:
        self.routing, self.dsn, self.config_file, self.identity = routing, dsn, config_file, identity
        self.desk = Desk(Clock(time.monotonic, boottime), random.random)
        self.link = Link(self.say, self.notified)
        self.service = Service(self.desk, Places(identity.board), self.say, takes_back=False)
        self.child: Child | None = None
        self.house = Housekeeper(self.duty(), self.desk.claims.wake, self.link.close, self.service.give_back)
        self.look_at_house = 0.0
        self.look_at_memory = 0.0
        self.forced_at = 0.0
        self.born = boottime()
        self.again = False
        """To be started again as soon as everything is stored: a restart was asked for."""
        self.ending: Order | None = None
        """The operator's order by which the child was killed."""
        self.wake = WakePipe()
        self.wake.catch(
            signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD,
            signal.SIGUSR2, signal.SIGCONT, signal.SIGTSTP, signal.SIGHUP,
        )  # fmt: skip
        reaper.become_subreaper()
        # The embedded server may be one.
        self.household = reaper.children()
        self.configure()

    @property
    def queue(self) -> str:
        """The queue whose slot this is."""
        return self.identity.queue

    def configure(self) -> None:
        """Serve our one slot, by the rules of the whole file."""
        supervisor = self.identity.supervisor
        self.desk.obey(Configure(1, self.routing.to_dict(), self.dsn, supervisor, str(self.config_file)))
        self.desk.claims.configure(one_slot(self.routing, self.queue))
        self.desk.obey(Roster([]))
        self.link.use(self.dsn, supervisor)

    def duty(self) -> Duty:
        """What the house must know."""
        return Duty(
            self.identity.supervisor, self.routing, 1, str(self.config_file), self.desk.listens, lambda: True,
            lambda order: solo_orders.obey(self, order), solo=True,
        )  # fmt: skip

    def run(self) -> int:
        """Until asked to stop and every outcome is stored; returns the exit code."""
        while not self.over():
            self.turn()
        gone = not self.desk.pending and not self.again
        self.link.sign_off(self.identity.supervisor if gone else "")
        return int(ExitCode.OK if not self.desk.pending else ExitCode.UNAVAILABLE)

    def over(self) -> bool:
        """Whether nothing is left to do after a stop."""
        forced = self.forced_at and time.monotonic() - self.forced_at > FORCED_WAIT
        return self.desk.stopping and self.child is None and (not self.desk.pending or bool(forced))

    def turn(self) -> None:
        """Wait, hear, bury, then the database's part."""
        self.wait()
        for number in self.wake.heard():
            self.obey(number)
        self.hear_child()
        self.bury()
        self.keep_limits()
        if self.child is None and not self.desk.stopping:
            self.child = self.start_child()
        try:
            self.serve()
        except psycopg.Error as error:
            # Also a revoked grant or a standby: wait for hands or for the primary, with everything kept.
            self.service.lost()
            self.link.lost(error)

    def wait(self) -> None:
        """One poll over signals, child and database."""
        readers = [self.wake.read]
        if self.child is not None and not self.child.peer.channel.closed:
            readers.append(self.child.peer.channel.fileno())
        if self.link.up:
            readers.append(self.link.conn.fileno())
        wait(readers, [], self.patience())

    def patience(self) -> float:
        """Seconds until something must be looked at."""
        if not self.link.up:
            return min(0.5, max(0.01, self.link.patience()))
        if self.child is not None and self.child.status is not None:
            return 0.02
        if self.desk.pending:
            return 0.02
        if self.desk.claims.wants(self.desk.free(), time.monotonic()):
            return 0.0
        return min(0.5, self.service.poll_interval())

    def obey(self, number: int) -> None:
        """One signal."""
        match number:
            case signal.SIGTERM | signal.SIGINT if not self.desk.stopping or self.again:
                self.again = False
                self.finish()
            case signal.SIGTERM | signal.SIGINT | signal.SIGQUIT:
                self.desk.obey(Stop())
                self.again, self.forced_at = False, self.forced_at or time.monotonic()
                self.kill("stopped")
            case signal.SIGUSR2 | signal.SIGTSTP:
                self.desk.claims.paused = True
            case signal.SIGCONT:
                self.desk.claims.paused = self.desk.stopping
            case _:
                pass

    def finish(self) -> None:
        """Claim nothing more; the child leaves after its job."""
        self.desk.obey(Stop())
        if self.child is not None:
            self.child.peer.channel.send(Stop())

    def start_child(self) -> Child:
        """Fork the process that runs handlers; it must not touch our connection."""
        queue = self.routing.queues[self.queue]
        connection = self.link.conn.fileno() if self.link.up else -1
        child = self.identity.fork(queue, self.wake, connection)
        self.desk.peers.connected.append(child.peer)
        self.desk.peers.by_slot[child.peer.slot] = child.peer
        self.desk.peers.alive[child.peer.slot] = child.pid
        return child

    def hear_child(self) -> None:
        """Outcomes and progress."""
        if self.child is None or self.child.peer.channel.closed:
            return
        self.child.peer.channel.flush()
        for message in self.child.peer.channel.receive():
            self.desk.hear(self.child.peer, message)

    def bury(self) -> None:
        """A dead child's job is charged or given back when its process group is empty."""
        child = self.child
        for pid, status in reaper.reap(lambda pid: child is not None and pid == child.pid):
            if child is not None and pid == child.pid:
                child.status = status
        if child is None or child.status is None:
            return
        if not reaper.emptied(child.pid, self.household):
            return
        record = self.identity.board.read(0)
        busy = record is not None and record.pid == child.pid and record.state == "busy"
        job, claim = (record.job, record.claim) if busy and record is not None else (0, 0)
        self.child = None
        died = Died(child.peer.slot, child.pid, child.status, child.cause, job, claim)
        self.desk.obey(solo_orders.told(self, died))

    def keep_limits(self) -> None:
        """The hard end of a job, and twice its memory."""
        child, now = self.child, boottime()
        record = self.identity.board.read(0)
        if child is None or child.status is not None or record is None or record.pid != child.pid:
            return
        if reaper.overdue([record], now):
            self.kill("timeout")
        if now >= self.look_at_memory:
            self.look_at_memory = now + MEMORY_LOOK
            if reaper.pss(child.pid) > 2 * self.routing.queues[self.queue].memory:
                self.kill("memory")

    def kill(self, cause: str) -> None:
        """End the child's whole process group."""
        if self.child is not None and self.child.status is None:
            self.child.cause = self.child.cause or cause
            reaper.kill_group(self.child.pid)
            reaper.kill(self.child.pid, signal.SIGKILL)

    def serve(self) -> None:
        """The database's part of a turn."""
        if not self.link.up:
            if not self.link.connect():
                return
            self.link.conn.execute("LISTEN qsup_command")
            self.house.connected_at = time.monotonic()
            self.house.commands.forget()
            self.look_at_house = 0.0
            self.service.begin()
        if select.select([self.link.descriptor], [], [], 0)[0]:
            self.link.hear()
        self.service.turn(Statements(self.link.conn))
        self.link.proved()
        if time.monotonic() >= self.look_at_house:
            self.look_at_house = time.monotonic() + self.keep_house(self.link.conn)

    def notified(self, note: psycopg.Notify) -> None:
        """Something was dispatched, or an operator wants something."""
        self.desk.claims.wake(note.payload)
        if note.channel == "qsup_command":
            self.look_at_house = 0.0

    def keep_house(self, conn: psycopg.Connection[Any]) -> float:
        """Our heartbeat always; the chores if no other solo worker is at them in this moment."""
        with conn.transaction():
            row = conn.execute("SELECT pg_try_advisory_xact_lock(%s)", (CHORES,)).fetchone()
            if row is None or not row[0]:
                self.house.beat_if_due(conn)
                return self.house.obey_commands(conn)
            return self.house.turn(conn)

    def say(self, message: Message) -> None:
        """What the courier would tell its supervisor, for our log."""
        match message:
            case Refused():
                # Waiting, not leaving: supervisord would give up on a worker that comes before the migration.
                print(f"claims nothing: {message.reason}; it looks again every few seconds", file=sys.stderr)
            case Database():
                print(f"the database is {message.state}: {message.detail}", file=sys.stderr)
            case Say():
                print(message.text, file=sys.stderr)
            case _:
                pass


def one_slot(routing: Routing, queue: str) -> Routing:
    """The routing in which only `queue` has a worker, one: what this process claims for."""
    queues = {
        name: dataclasses.replace(one, workers=1 if name == queue else 0, prefetch=0)
        for name, one in routing.queues.items()
    }
    return dataclasses.replace(routing, queues=queues)


def serve(routing: Routing, dsn: str, config_file: Path, identity: Identity) -> tuple[int, bool]:
    """Be a solo worker until told to stop; the exit code, and whether to start again (a restart was asked for)."""
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, identity.lock)
        solo = Solo(routing, dsn, config_file, identity)
        return solo.run(), solo.again
