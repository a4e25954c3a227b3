"""The database child of `qsup run`, over its channel."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from qsup import connect, embedded
from qsup.channel import Channel
from qsup.messages import Database, Message, Ping, Pong, Stop
from qsup.supervise.children import SILENCE

from .scene import User, using

PATIENCE = 20.0


class Child:
    """A database child, and the supervisor's end of its channel."""

    def __init__(self, home: Path) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            environment = os.environ | {"QSUP_CHANNEL": str(theirs.fileno()), "QSUP_RUN": str(home / "run")}
            self.process = subprocess.Popen(
                [sys.executable, "-m", "qsup.embedded"], env=environment, pass_fds=[theirs.fileno()]
            )
        self.channel = Channel(ours)
        self.heard: list[Message] = []
        self.slowest_answer = 0.0
        self._pinged = 0.0
        self._number = 0

    def news(self, state: str) -> Database:
        """Wait for the next Database message, which must be of this state; ping all the while."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.listen()
            for message in self.heard:
                if isinstance(message, Database):
                    self.heard.remove(message)
                    assert message.state == state, message
                    return message
            time.sleep(0.01)
        raise AssertionError(f"no news within {PATIENCE} s, expected {state}")

    def listen(self) -> list[Message]:
        """Read what is there and keep one ping on its way; everything heard."""
        self.heard += self.channel.receive()
        if any(isinstance(message, Pong) and message.number == self._number for message in self.heard):
            self.slowest_answer = max(self.slowest_answer, time.monotonic() - self._pinged)
            self._pinged = 0.0
        if not self._pinged and not self.channel.closed:
            self._number += 1
            self._pinged = time.monotonic()
            self.channel.send(Ping(number=self._number))
        return self.heard

    def stop(self) -> int:
        """Say Stop and wait for the end."""
        self.channel.send(Stop())
        return self.process.wait(PATIENCE)


@pytest.fixture
def child(home: Path) -> Iterator[Callable[[], Child]]:
    """`child()`: a new database child of the project."""
    children: list[Child] = []

    def begin() -> Child:
        children.append(Child(home))
        return children[-1]

    yield begin
    for one in children:
        one.channel.close()
        one.process.kill()
        one.process.wait()


def test_it_says_where_the_server_is_and_stops_it_at_the_end(home: Path, child: Callable[[], Child]) -> None:
    only = child()
    news = only.news("up")
    assert news.detail.startswith("PostgreSQL 1")
    assert str(home / "pg") in news.detail or "/var/lib/qsup" in news.detail
    with psycopg.connect(news.dsn) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert only.stop() == 0
    assert embedded.find(home) is None


def test_a_killed_server_is_started_again_while_pings_are_answered(home: Path, child: Callable[[], Child]) -> None:
    only = child()
    only.news("up")
    server = embedded.find(home)
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)
    assert "died" in only.news("away").detail
    with psycopg.connect(only.news("up").dsn):
        pass
    # The supervisor kills after five seconds without an answer; the initdb and both starts were within this.
    assert only.slowest_answer < SILENCE
    assert only.stop() == 0


def test_ctrl_c_and_term_do_not_take_the_database_from_draining_workers(child: Callable[[], Child]) -> None:
    only = child()
    dsn = only.news("up").dsn
    only.process.send_signal(signal.SIGINT)
    only.process.send_signal(signal.SIGTERM)
    only.channel.send(Ping(number=-1))
    _until(lambda: Pong(number=-1, note="watching") in only.listen())
    with psycopg.connect(dsn):
        pass
    assert only.stop() == 0


def test_it_leaves_the_server_to_another_user(
    home: Path, child: Callable[[], Child], user: Callable[..., User]
) -> None:
    only = child()
    only.news("up")
    other = user(home)
    assert not other.answer()["started"]
    assert only.stop() == 0
    assert embedded.find(home) is not None
    assert other.stop()


def test_without_its_supervisor_it_stays_until_the_last_courier_has_gone(
    home: Path, child: Callable[[], Child]
) -> None:
    only = child()
    dsn = only.news("up").dsn
    with connect.open_connection(dsn, role="courier") as courier:
        only.channel.close()
        server = embedded.find(home)
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
        _until(lambda: not server.is_alive())
        assert courier.pgconn.status == psycopg.pq.ConnStatus.OK
        _until(lambda: embedded.find(home) is not None)
        with connect.open_connection(dsn, role="courier"), pytest.raises(subprocess.TimeoutExpired):
            only.process.wait(2.5)
    assert only.process.wait(PATIENCE) == 0
    assert embedded.find(home) is None


def test_without_its_supervisor_it_leaves_when_the_next_one_has_its_own(home: Path, child: Callable[[], Child]) -> None:
    (home / "run").mkdir(parents=True)
    first = child()
    with connect.open_connection(first.news("up").dsn, role="courier") as courier:
        first.channel.close()
        second = child()
        second.news("up")
        assert first.process.wait(PATIENCE) == 0
        courier.execute("SELECT 1")
    assert second.stop() == 0
    assert embedded.find(home) is None


def test_a_new_child_adopts_the_server_of_a_killed_one(home: Path, child: Callable[[], Child]) -> None:
    first = child()
    first.news("up")
    server = embedded.find(home)
    assert server is not None
    first.process.kill()
    second = child()
    second.news("up")
    assert server.is_alive()
    assert second.stop() == 0
    assert not server.is_alive()


def test_why_it_cannot_start_is_said_and_tried_again(home: Path, child: Callable[[], Child]) -> None:
    with using(home) as server:
        version = server.data / "PG_VERSION"
    right = version.read_text()
    version.write_text("13\n")
    only = child()
    assert "made by PostgreSQL 13" in only.news("away").detail
    version.write_text(right)
    only.news("up")
    assert only.stop() == 0


def _until(predicate: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not predicate():
        assert time.monotonic() < deadline
        time.sleep(0.01)
