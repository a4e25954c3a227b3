"""The database child of `qsup run`: keeps the embedded PostgreSQL up and says how it is.

One thread brings the server up, watches and stops it; the other answers the supervisor, whatever the first waits for.
A child whose supervisor was killed stays for the sake of its courier, until the child of the next supervisor has come.
"""

from __future__ import annotations

import os
import queue
import select
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from qsup.channel import Channel, inherited
from qsup.embedded import Server, ensure
from qsup.errors import AlreadyRunning, QsupError
from qsup.messages import Database, Message, Ping, Pong, Stop
from qsup.rundir import RunDirectory
from qsup.slots import byte_holder, hold_byte
from qsup.wake import wait

WATCH_SECONDS = 0.2
"""Where the system does not tell of the death of a process that is not our child."""
LOOK_SECONDS = 2.0
ORPHAN_WATCH_SECONDS = 1.0
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 30.0


class Post:
    """Who looks after the database: the child that a living supervisor has started holds a lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def take(self) -> None:
        """Hold it, as soon as the one before has noticed that its supervisor is gone."""
        if self._descriptor < 0:
            with suppress(AlreadyRunning, OSError):
                self._descriptor = hold_byte(self._path, 0)

    def leave(self) -> None:
        """Our supervisor is gone."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def is_taken(self) -> bool:
        """Whether another child has come; only to be asked by one that has left it."""
        return byte_holder(self._path, 0) is not None


class Keeper(threading.Thread):
    """Brings the server up, again and again, until told to leave; then stops it if nobody else uses it."""

    def __init__(self, run: RunDirectory) -> None:
        super().__init__(name="keeper")
        self.home = run.path.resolve().parent
        self.post = Post(run.database_lock)
        self.news: queue.SimpleQueue[Database] = queue.SimpleQueue()
        self.bell, self._ringer = os.pipe()
        self.doing = "starting"
        self.orphaned = False
        """The supervisor is gone without a Stop: its courier and workers may still have jobs to bring home."""
        self.finished = False
        self._leave = threading.Event()
        self._left, self._leaver = os.pipe()
        self._retry = FIRST_RETRY_SECONDS

    def leave(self) -> None:
        """End as soon as possible."""
        self._leave.set()
        os.write(self._leaver, b".")

    def attend(self, *, supervised: bool) -> None:
        """Hold the post while there is a supervisor."""
        if supervised:
            self.post.take()
        else:
            self.post.leave()
            self.orphaned = True

    def run(self) -> None:
        """The thread's life; closing its end of the pipe says that it is over."""
        try:
            server = self._bring_up()
            while not self._may_go(server):
                self._rest(0 if server is None else server.pid)
                if server is None or not server.is_alive():
                    self._lost(server)
                    server = self._bring_up()
            self._go(server)
            self.finished = True
        finally:
            os.close(self._ringer)

    def _rest(self, postmaster: int) -> None:
        # A descriptor of the process wakes us at its death; asking five times a second cost more than all pings.
        try:
            descriptor = os.pidfd_open(postmaster)
        except (AttributeError, OSError):
            self._leave.wait(WATCH_SECONDS)
            return
        try:
            wait([descriptor, self._left], [], ORPHAN_WATCH_SECONDS if self.orphaned else LOOK_SECONDS)
        finally:
            os.close(descriptor)

    def _bring_up(self) -> Server | None:
        self.doing = "starting"
        try:
            server = ensure(self.home)
        except (QsupError, OSError, psycopg.Error) as error:
            self._tell(Database(state="away", detail=str(error)))
            self._leave.wait(self._retry)
            self._retry = min(self._retry * 2, LONGEST_RETRY_SECONDS)
            return None
        self.doing = "watching"
        self._retry = FIRST_RETRY_SECONDS
        detail = f"PostgreSQL {server.version} from {server.origin} in {server.data.parent}"
        self._tell(Database(state="up", detail=detail, dsn=server.dsn()))
        return server

    def _lost(self, server: Server | None) -> None:
        if server is not None:
            server.release()
            self._tell(Database(state="away", detail="PostgreSQL died; starting it again"))

    def _may_go(self, server: Server | None) -> bool:
        if self._leave.is_set():
            return True
        return self.orphaned and (server is None or self.post.is_taken() or not _is_needed(server))

    def _go(self, server: Server | None) -> None:
        self.doing = "stopping"
        try:
            if server is not None and self.orphaned and self.post.is_taken():
                server.release()
            elif server is not None:
                server.stop_if_unused()
        except QsupError as error:
            self._tell(Database(state="away", detail=str(error)))

    def _tell(self, news: Database) -> None:
        self.news.put(news)
        os.write(self._ringer, b".")


def _is_needed(server: Server) -> bool:
    """Whether a process of qsup's is connected. Looked at for 3 s: a courier may be between two connections."""
    for _ in range(15):
        try:
            if server.clients():
                return True
        except psycopg.Error:
            return True
        time.sleep(WATCH_SECONDS)
    return False


def main() -> int:
    """Serve the channel of QSUP_CHANNEL until Stop or its end; the exit code."""
    # A terminal's Ctrl-C and a service manager's TERM reach the whole group: the workers that drain need the database.
    # Handlers, not SIG_IGN, which PostgreSQL's programs would inherit.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    channel = inherited()
    keeper = Keeper(RunDirectory(Path(os.environ["QSUP_RUN"])))
    keeper.start()
    serve(channel, keeper)
    keeper.join()
    channel.close()
    return 0 if keeper.finished else 1


def serve(channel: Channel, keeper: Keeper) -> None:
    """Pass the keeper's news on and answer, until the keeper has ended."""
    while True:
        watched: list[Any] = [keeper.bell] if channel.closed else [keeper.bell, channel]
        readable, _, _ = select.select(watched, [channel] if channel.unsent and not channel.closed else [], [], 1.0)
        if keeper.bell in readable and not os.read(keeper.bell, 1):
            break
        _pass_on(channel, keeper)
        channel.flush()
        for message in channel.receive():
            _answer(channel, keeper, message)
        keeper.attend(supervised=not channel.closed)
    _pass_on(channel, keeper)
    os.close(keeper.bell)


def _pass_on(channel: Channel, keeper: Keeper) -> None:
    while not keeper.news.empty():
        channel.send(keeper.news.get())


def _answer(channel: Channel, keeper: Keeper, message: Message) -> None:
    match message:
        case Ping(number=number):
            channel.send(Pong(number=number, note=keeper.doing))
        case Stop():
            keeper.leave()
        case _:
            pass
