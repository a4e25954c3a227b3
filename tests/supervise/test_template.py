"""Real templates, real forks, real deaths."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from qsup import messages, slots
from qsup.board import Board
from qsup.channel import Channel
from qsup.reaper import group_is_empty
from qsup.rundir import RunDirectory, run_directory

Kind = TypeVar("Kind", bound=messages.Message)
MEGABYTE = 1_000_000


def eventually(what: Callable[[], object], why: str, seconds: float = 15.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, why
        time.sleep(0.01)


class Supervisor:
    """The other end of a template's channel."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.run: RunDirectory = run_directory(project / "queues.yaml")
        self.board = Board.create(self.run.board, "a supervisor")
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.supervise.standin"],
            pass_fds=[theirs.fileno()],
            env={**os.environ, "QSUP_CHANNEL": str(theirs.fileno())},
        )
        theirs.close()
        self.channel = Channel(ours)
        self.unread: list[messages.Message] = []

    def load(self, *modules: str) -> None:
        self.channel.send(messages.Load(list(modules), str(self.project), str(self.run.path)))

    def fork(self, slot: str = "payments:0", index: int = 0, *, does: str = "work", memory: int = 0) -> int:
        """Order a worker; its pid when it serves."""
        (self.run.path / f"{slot}.does").write_text(does)
        self.channel.send(messages.Fork(slot, index, memory, 0.0, 0))
        return self.expect(messages.Forked).pid

    def expect(self, kind: type[Kind]) -> Kind:
        """The next message of this kind; others are kept."""
        end = time.monotonic() + 15
        while time.monotonic() < end:
            self.unread += self.channel.receive()
            for message in self.unread:
                if isinstance(message, kind):
                    self.unread.remove(message)
                    return message
            assert not self.channel.closed, f"the template ended; unread: {self.unread}"
            time.sleep(0.01)
        raise AssertionError(f"no {kind.__name__}; unread: {self.unread}")

    def close(self) -> None:
        self.channel.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def template(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path)
    yield supervisor
    supervisor.close()


def ready(template: Supervisor) -> Supervisor:
    template.load()
    template.expect(messages.Ready)
    return template


def test_a_forked_worker_serves_and_leaves_when_asked(template: Supervisor) -> None:
    pid = ready(template).fork()
    assert template.expect(messages.Serving) == messages.Serving("payments:0", pid)
    template.channel.send(messages.Signal("payments:0", pid, signal.SIGTERM))
    assert template.expect(messages.Died) == messages.Died("payments:0", pid, 0)


def test_a_worker_leads_a_group_of_its_own_and_dies_first_when_memory_is_short(template: Supervisor) -> None:
    pid = ready(template).fork()
    template.expect(messages.Serving)
    assert os.getpgid(pid) == pid
    assert Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "500"


def test_the_death_of_a_worker_names_the_signal_or_the_exit_code(template: Supervisor) -> None:
    pid = ready(template).fork()
    template.expect(messages.Serving)
    os.kill(pid, signal.SIGSEGV)
    assert template.expect(messages.Died) == messages.Died("payments:0", pid, -signal.SIGSEGV)
    pid = template.fork(does="exit 12")
    assert template.expect(messages.Died) == messages.Died("payments:0", pid, 12)


def test_a_worker_over_its_deadline_is_killed_with_its_whole_group(template: Supervisor) -> None:
    pid = ready(template).fork(does="grandchild deadline")
    assert template.expect(messages.Died) == messages.Died("payments:0", pid, -9, "timeout")
    grandchild = int((template.run.path / "payments:0.grandchild").read_text())
    assert group_is_empty(pid), "Died came before the group was empty"
    assert not Path(f"/proc/{grandchild}").exists()


def test_a_death_is_reported_only_when_its_grandchildren_are_gone_too(template: Supervisor) -> None:
    pid = ready(template).fork(does="grandchild")
    template.expect(messages.Serving)
    grandchild = int((template.run.path / "payments:0.grandchild").read_text())
    os.kill(pid, signal.SIGKILL)
    assert template.expect(messages.Died).status == -9
    assert not Path(f"/proc/{grandchild}").exists()


def test_a_worker_over_twice_its_memory_is_killed(template: Supervisor) -> None:
    pid = ready(template).fork(does="memory", memory=100 * MEGABYTE)
    assert template.expect(messages.Died) == messages.Died("payments:0", pid, -9, "memory")


def test_a_kill_that_was_ordered_comes_back_with_its_cause(template: Supervisor) -> None:
    pid = ready(template).fork(does="grandchild")
    template.expect(messages.Serving)
    template.channel.send(messages.Signal("payments:0", pid, signal.SIGKILL, group=True, cause="stopped"))
    assert template.expect(messages.Died) == messages.Died("payments:0", pid, -9, "stopped")


def test_a_signal_for_a_pid_that_is_not_its_worker_is_ignored(template: Supervisor) -> None:
    pid = ready(template).fork()
    template.expect(messages.Serving)
    template.channel.send(messages.Signal("payments:0", os.getpid(), signal.SIGKILL))
    template.channel.send(messages.Signal("other:0", pid, signal.SIGKILL))
    template.channel.send(messages.Ping(5))
    assert template.expect(messages.Pong).number == 5
    assert not group_is_empty(pid)


def test_without_its_supervisor_it_lets_workers_finish_and_ends_with_the_last(template: Supervisor) -> None:
    leaving = ready(template).fork("payments:0", 0)
    template.expect(messages.Serving)
    (template.run.path / "hanging.py").write_text("")
    busy = template.fork("router:0", 1, does="deadline grandchild")
    template.expect(messages.Serving)
    os.kill(busy, signal.SIGSTOP)  # deaf to TERM, so that only its deadline can end it
    template.channel.close()
    assert template.process.wait(15) == 0
    assert group_is_empty(leaving)
    assert group_is_empty(busy)


def test_the_slot_is_locked_by_the_worker_until_it_dies(template: Supervisor) -> None:
    pid = ready(template).fork(index=4, does="grandchild")
    template.expect(messages.Serving)
    assert slots.holder(template.run, 4) == pid
    assert slots.holder(template.run, 3) is None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: slots.holder(template.run, 4) is None, "the lock outlived the worker")


def test_a_template_that_learns_of_its_supervisor_s_end_while_it_speaks_ends_too() -> None:
    code = """
import socket, sys
from qsup.channel import Channel
from qsup.messages import Pong
from qsup.template import Template
ours, theirs = socket.socketpair()
theirs.close()
channel = Channel(ours)
channel.send(Pong(1))
assert channel.closed
sys.exit(Template(channel, lambda *_: 0).serve())
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_a_worker_does_not_hold_the_templates_channel_open(template: Supervisor) -> None:
    pid = ready(template).fork()
    template.expect(messages.Serving)
    os.kill(template.process.pid, signal.SIGKILL)
    eventually(lambda: template.channel.receive() == [] and template.channel.closed, "somebody else holds the channel")
    os.killpg(pid, signal.SIGKILL)


SLOW_CHILD = "import os, time\nos.register_at_fork(after_in_child=lambda: time.sleep(0.5))\n"


def test_a_worker_that_is_told_to_leave_in_its_first_moment_leaves(template: Supervisor) -> None:
    (template.project / "slow_child.py").write_text(SLOW_CHILD)
    template.load("slow_child")
    template.expect(messages.Ready)
    template.fork()
    template.channel.send(messages.Stop())
    assert template.process.wait(15) == 0, "it waits for a worker that has heard nothing"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import math\nimport no_such_library\n", "shop.py:2: ModuleNotFoundError: No module named 'no_such_library'"),
        ("def pay(:\n", "shop.py:1: SyntaxError"),
        ("raise SystemExit(3)\n", "shop.py:1: SystemExit: 3"),
        (
            "import threading\nimport time\nthreading.Thread(target=time.sleep, args=(60,), name='poller', "
            "daemon=True).start()\n",
            "shop.py:3: importing shop starts a thread (poller)",
        ),
        ("import socket\n\nGATEWAY = socket.socket()\n", "shop.py:3: importing shop opens a socket"),
    ],
    ids=["import error", "syntax error", "exit", "thread", "socket"],
)
def test_code_that_cannot_be_forked_is_refused_with_its_line(template: Supervisor, source: str, expected: str) -> None:
    (template.project / "shop.py").write_text(source)
    template.load("shop")
    assert template.expect(messages.Broken).error.startswith(expected)
    assert template.process.wait(10) == 1


def test_a_thread_or_socket_that_is_closed_again_does_no_harm(template: Supervisor) -> None:
    (template.project / "shop.py").write_text(
        "import socket, threading\nsocket.socket().close()\nt = threading.Thread(target=int)\nt.start()\nt.join()\n"
    )
    template.load("shop")
    template.expect(messages.Ready)
