"""kill -9 of everything that belongs to the embedded server, and what the next command finds."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qsup import embedded
from qsup.embedded.account import process_options
from qsup.embedded.binaries import find_binaries
from qsup.embedded.place import Place, existing_place
from qsup.embedded.postmaster import postmaster_pid
from qsup.errors import QsupError

from .scene import User, remember, remembered, using

Begin = Callable[..., User]


def test_the_server_outlives_a_killed_user_and_is_found(home: Path, user: Begin) -> None:
    first = user(home)
    pid = first.answer()["pid"]
    first.kill()
    found = embedded.find(home)
    assert found is not None
    assert (found.pid, found.is_alive(), found.in_use()) == (pid, True, False)


def test_another_process_finds_it_and_the_last_one_stops_it(home: Path, user: Begin) -> None:
    first, second = user(home), user(home)
    answers = [first.answer(), second.answer()]
    assert sorted(answer["started"] for answer in answers) == [False, True]
    assert answers[0]["pid"] == answers[1]["pid"]
    assert (first.stop(), second.stop()) == (False, True)
    assert embedded.find(home) is None


def test_data_survive_when_user_and_postmaster_are_killed(home: Path, user: Begin) -> None:
    first = user(home)
    told = first.answer()
    remember(told["dsn"], "kept")
    os.kill(told["pid"], signal.SIGKILL)
    first.kill()
    with using(home) as server:
        assert server.started_here
        assert remembered(server.dsn()) == "kept"


def test_a_postmaster_that_is_a_zombie_is_replaced(home: Path, user: Begin) -> None:
    """Its parent lives and does not reap it: PostgreSQL alone would call its postmaster.pid taken."""
    first = user(home)
    told = first.answer()
    os.kill(told["pid"], signal.SIGKILL)
    server = embedded.ensure(home)
    assert server.started_here
    assert server.pid != told["pid"]
    os.kill(told["pid"], 0)
    assert not server.stop_if_unused()


def test_a_postmaster_pid_that_names_somebody_else_is_ignored(home: Path, user: Begin) -> None:
    first = user(home)
    os.kill(first.answer()["pid"], signal.SIGKILL)
    first.kill()
    place = _place(home)
    with subprocess.Popen(["sleep", "60"], **process_options(place.account)) as bystander:
        pid_file = place.data / "postmaster.pid"
        pid_file.write_text(pid_file.read_text().replace(pid_file.read_text().split()[0], str(bystander.pid), 1))
        with using(home) as server:
            assert server.started_here
        assert bystander.poll() is None
        bystander.kill()


def test_a_server_started_by_hand_on_the_data_is_left_alone(home: Path, eventually: Any) -> None:
    with using(home):
        place = _place(home)
    postgres, data = str(find_binaries(place.account, None).folder / "postgres"), str(place.data)
    command = [postgres, "-D", data, "-c", "listen_addresses=", "-c", f"unix_socket_directories={data}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, **process_options(place.account)) as by_hand:
        try:
            eventually(lambda: postmaster_pid(place) == by_hand.pid, what="the server started by hand is up")
            with pytest.raises(QsupError, match=rf"qsup did not start \(pid {by_hand.pid}\)"):
                embedded.ensure(home)
            assert by_hand.poll() is None
        finally:
            by_hand.send_signal(signal.SIGQUIT)


def test_an_initdb_killed_half_way_is_done_again(fresh_home: Path, user: Begin, eventually: Any) -> None:
    first = user(fresh_home)
    eventually(lambda: list(fresh_home.glob("pg/data.new-*/base")), what="initdb is at work")
    first.kill()
    assert not _place(fresh_home).data.exists()
    with using(fresh_home) as server:
        assert server.started_here
    assert not list(fresh_home.glob("pg/data.new-*"))


def test_six_at_once_start_one_server_and_stop_it_once(fresh_home: Path, user: Begin) -> None:
    users = [user(fresh_home) for _ in range(6)]
    answers = [one.answer() for one in users]
    assert [answer for answer in answers if "started" not in answer] == []
    assert sum(answer["started"] for answer in answers) == 1
    assert len({answer["pid"] for answer in answers}) == 1
    assert [one.stop() for one in users] == [False] * 5 + [True]


def test_a_stopped_process_is_not_taken_for_the_server(home: Path) -> None:
    with using(home) as server:
        pass
    assert (server.is_alive(), server.pid) == (False, 0)
    assert embedded.stop(home) is None


def _place(home: Path) -> Place:
    place = existing_place(home)
    assert place is not None
    return place
