"""A worker: one slot, one job at a time. It reads a job from the courier's socket, runs it, sends the outcome.

It knows no database (except through ctx.transaction()) and no rules: what follows from an outcome is decided by the
courier. An outcome is kept until the next job, or an explicit Recorded, proves that the courier has stored it.
"""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import NoReturn

from qsup import lease_end, reaper, setsignal, slots
from qsup.attempt import Attempts
from qsup.board import Board, Record, boottime
from qsup.channel import Channel
from qsup.errors import ExitCode
from qsup.lines import LineWriter
from qsup.messages import Awake, Finished, Fork, Leaving, Message, Stop, Work
from qsup.outbox import Outbox
from qsup.outcome import Report
from qsup.ownfiles import OwnFiles
from qsup.rundir import is_gone
from qsup.waiting import Waiting, drain

JITTER = 0.1
"""Workers of one age do not leave together: max_time and max_jobs vary by this share."""
SOON = 0.005
"""Seconds in which the next job mostly comes where there are many: its record on the board takes the place of the last
one's, without one in between that says idle (82 instead of 104 microseconds for a job that does nothing)."""
ALONE = 600.0
"""Seconds without a courier after which a worker that has no outcome to hand over ends."""


class Worker:
    """The loop and what it remembers."""

    def __init__(
        self, fork: Fork, board: Board, courier: Path | Channel, turns: int = -1, attempts: Attempts | None = None
    ) -> None:
        self.fork, self.board, self.courier, self.turns = fork, board, courier, turns
        self.channel: Channel | None = courier if isinstance(courier, Channel) else None
        self.waiting: Waiting | None = None
        self.own: OwnFiles | None = None
        self.shown = ""
        """What the board says that we do."""
        self.attempts = attempts or Attempts()
        self.outbox = Outbox()
        self.inbox: list[Message] = []
        self.leaving = False
        self.code = ExitCode.OK
        self.jobs = 0
        self.pid = os.getpid()
        self.born = boottime()
        self.alone_since: float | None = None
        vary = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  spreading restarts, not a secret
        self.max_age, self.max_jobs = fork.max_time * vary, fork.max_jobs and max(1, round(fork.max_jobs * vary))
        self.catch_signals()
        setsignal.signal(signal.SIGTERM, self._asked_to_leave)
        setsignal.signal(signal.SIGINT, setsignal.SIG_IGN)

    def catch_signals(self) -> None:
        """Let every signal wake the worker."""
        self.wakeup, self._wake = socket.socketpair()
        self.wakeup.setblocking(False)
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)

    def run(self) -> int:
        """Work until asked to leave, too old, or too big; returns the exit code."""
        self.attempts.begin(self.fork.slot, self.send_progress)
        self.note("idle")
        while not self.done():
            if self.channel is None or self.channel.closed:
                self.connect()
            elif self.inbox:
                self.handle(self.inbox.pop(0))
            else:
                self.wait()
        self.say_goodbye()
        return int(self.code)

    def done(self) -> bool:
        """Whether it is time to leave (between jobs only)."""
        old = bool(self.max_age) and boottime() - self.born > self.max_age
        self.leaving = self.leaving or old or (bool(self.max_jobs) and self.jobs >= self.max_jobs)
        return self.leaving

    def connect(self) -> None:
        """Find the courier and say hello. What it had sent before and we had not begun is its own to give again."""
        self.be_idle()
        self.waiting, self.own = None, None
        self.inbox.clear()
        if isinstance(self.courier, Channel):
            # The solo form: our one parent is gone, and so are we.
            self.leaving = True
            return
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(os.fspath(self.courier))
        except OSError:
            sock.close()
            self.pause(0.1)
            self.leaving = self.leaving or self.abandoned()
            return
        self.alone_since = None
        self.channel = Channel(sock)
        self.channel.send(self.outbox.hello(self.fork.slot, self.pid))

    def abandoned(self) -> bool:
        """Whether nobody will come: the run directory is gone, or there has been no courier for `ALONE` seconds.

        Only who was killed together with its supervisor and template comes to that. An outcome that is not stored keeps
        a worker, for the next `qsup run` to take over: only the loss of the directory ends that (see say_goodbye).
        """
        now = boottime()
        self.alone_since = self.alone_since or now
        return is_gone(self.board.path.parent) or (not self.outbox.unsent and now - self.alone_since > ALONE)

    def wait(self) -> None:
        """Sleep until the courier or a signal has something for us."""
        assert self.channel is not None  # noqa: S101  run() connects first
        if self.waiting is None:
            self.waiting = Waiting(self.channel, self.wakeup)
        if self.shown == "busy":
            self.inbox += self.waiting.messages(SOON)
            if not self.inbox:
                self.be_idle()
            return
        left = self.max_age - (boottime() - self.born) if self.max_age else 60.0
        self.inbox += self.waiting.messages(max(0.0, min(60.0, left)))
        if self.attempts.connections is not None:
            self.attempts.connections.close_idle()

    def pause(self, seconds: float) -> None:
        """Wait, but wake for a signal."""
        select.select([self.wakeup], [], [], seconds)
        drain(self.wakeup)

    def handle(self, message: Message) -> None:
        """One message from the courier."""
        self.outbox.heard(message)
        if isinstance(message, Work):
            self.work(message)
        elif isinstance(message, Stop):
            self.leaving = True

    def work(self, work: Work) -> None:
        """Run one job; the board says so before its first line and after its last."""
        if work.expires and boottime() + work.timeout + work.grace > work.expires:
            # We were stopped, or the host was suspended, between the claim and now: somebody may soon rescue it.
            self.report(work, Report(kind="released", reason="its lease was too short when its worker came to it"))
            return
        if not self.begin(work):
            assert self.channel is not None  # noqa: S101  the job came over it
            self.channel.send(Awake())
            return
        report = self.attempts.run(work, self.own_files())
        if self.attempts.disowned:
            self.disown()
        self.jobs += 1
        self.report(work, report)
        self.attempts.tidy()
        self.leave_if_spoiled()

    def begin(self, work: Work) -> bool:
        """Mark the job as begun on the board, unless the courier has taken it back while it waited in the socket."""
        if not work.number:
            self.note("busy", work)
            return True
        with slots.turn(self.turns, self.fork.index, wait=True):
            if work.number <= self.board.revoked(self.fork.index):
                return False
            self.note("busy", work)
            return True

    def report(self, work: Work, report: Report) -> None:
        """Keep the outcome, and send it. Only then is the slot idle on the board, or busy with the next job: who finds
        it so can read the outcome."""
        finished = Finished(
            work.id, work.claim, kind=report.kind, after=report.after, reason=report.reason,
            exception=report.exception, traceback=report.traceback, frame=report.frame,
        )  # fmt: skip
        self.outbox.keep(finished)
        self.deliver(finished, work)

    def send_progress(self, step: Message) -> None:
        """ctx.progress(): best effort; without a courier that reads it is dropped."""
        if self.channel is not None and not self.channel.closed and not self.channel.unsent:
            self.channel.send(step)

    def own_files(self) -> OwnFiles:
        """What a handler must not close."""
        if self.own is None:
            ours = [one.fileno() for one in (self.channel, self.wakeup, self._wake) if one is not None]
            self.own = OwnFiles([*ours, self.board.descriptor, *([self.turns] if self.turns >= 0 else [])])
        return self.own

    def disown(self) -> None:
        """The handler has closed our descriptors, and their numbers may be others' by now: they are not closed again.

        A worker of a courier comes back over a new connection with its outcome; one without such a way is a crash.
        """
        if isinstance(self.courier, Channel) or self.channel is None:
            os._exit(ExitCode.ERROR)
        for sock in (self.channel.socket, self.wakeup, self._wake):
            sock.detach()
        self.channel.closed, self.waiting = True, None
        self.board.reopen()
        self.catch_signals()
        sys.stdout, sys.stderr = LineWriter(1, self.fork.slot), LineWriter(2, self.fork.slot)

    def deliver(self, finished: Finished, work: Work) -> None:
        """Send an outcome; if the courier goes meanwhile, the next Hello carries it."""
        assert self.channel is not None  # noqa: S101  the job came over it
        self.channel.send(finished)
        if self.channel.unsent:
            # A courier that is slow to read must not cost a finished job its worker.
            self.note("busy", work, limited=False)
        while self.channel.unsent and not self.channel.closed:
            select.select([], [self.channel.socket], [], 1.0)
            self.channel.flush()

    def leave_if_spoiled(self) -> None:
        """After what cannot be mended, or with too much memory, a fresh worker follows."""
        self.leaving = self.leaving or bool(self.attempts.spoiled)
        limit = self.fork.memory
        # The cheap question first: what it has now is never more than its peak.
        if limit and reaper.peak() > limit and reaper.exceeds(self.pid, limit):
            self.leaving, self.code = True, ExitCode.WORKER_MEMORY

    def say_goodbye(self) -> None:
        """Tell the courier to send nothing more, and see that every outcome is stored before leaving."""
        self.note("leaving")
        self.forget_all()
        until = time.monotonic() + 600
        while self.outbox.unsent and time.monotonic() < until:
            if self.channel is None or self.channel.closed:
                if isinstance(self.courier, Channel):
                    return
                self.connect()
                continue
            self.channel.send(Leaving())
            select.select([self.channel.socket], [], [], 1.0)
            self.inbox += self.channel.receive()
            self.forget_all()
        if self.channel is not None:
            self.channel.send(Leaving())
            self.channel.close()
        if self.attempts.connections is not None:
            self.attempts.connections.close()

    def forget_all(self) -> None:
        """A job that crossed our farewell is not begun, but what it says of earlier outcomes counts."""
        for message in self.inbox:
            self.outbox.heard(message)
        self.inbox.clear()

    def be_idle(self) -> None:
        """Nothing is left of a job that has ended: also its time limit on the board."""
        if self.shown == "busy":
            self.note("idle")

    def note(self, state: str, work: Work | None = None, *, limited: bool = True) -> None:
        """Write the slot's record on the board. Without a job that is limited there is no end of a lease either."""
        now = boottime()
        record = Record(slot=self.fork.slot, state=state, pid=self.pid, born=self.born, started=now)
        if work is not None:
            record.job, record.claim, record.attempt = work.id, work.claim, work.attempt
        if work is not None and limited:
            record.deadline = now + work.timeout + work.grace
        elif self.shown == "busy":
            lease_end.of_process(self.pid).end()
        self.board.write(self.fork.index, record)
        self.shown = state

    def _asked_to_leave(self, _number: int, _frame: object) -> None:
        self.leaving = True


def main() -> NoReturn:
    """`python -m qsup.worker`, of a queue with `start: exec`."""
    from qsup.birth import started_by_exec

    code = started_by_exec()
    sys.stdout.flush()
    sys.stderr.flush()
    # As after a fork: a thread that a handler left behind must not keep a worker that is done.
    os._exit(code)


if __name__ == "__main__":
    main()
