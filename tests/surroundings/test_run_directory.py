"""The files of `.qsup/run`: left over, damaged, replaced, taken away, before the start and under a running one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from qsup.board import SIZE, Board
from qsup.rundir import run_directory
from tests.supervise.rig import QUEUES, Run, alive, end

GARBAGE = b"\xff\x00garbage\xfe" * 100


def left_over(run: Run) -> None:
    """What crashes, full disks and other versions may leave behind."""
    found = run_directory(run.project / "queues.yaml")
    (found.path / "board").write_bytes(GARBAGE)
    (found.path / "board.new-4242").write_bytes(bytes(SIZE))
    (found.path / "state.json").write_text('{"pid": 1, "slots": {}}')
    (found.path / "state.json.new").write_text("{")
    for name in ("run.lock", "slots.lock", "courier.lock", "courier.sock"):
        (found.path / name).write_bytes(GARBAGE)


def test_whatever_a_crash_has_left_it_starts_and_works(run: Run) -> None:
    left_over(run)
    assert run.command("status").returncode == 3
    run.start()
    run.dispatch("pay")
    run.waits_for("end pay")
    run.waits_for_jobs_to_end()
    assert not list(run.run.path.glob("*.new*"))
    assert run.command("status").returncode == 0


@pytest.mark.parametrize(
    "content", [b"", GARBAGE, bytes(SIZE), bytes(100)], ids=["empty", "garbage", "zeros", "cut off"]
)
def test_a_board_that_is_none_is_made_anew(content: bytes, run: Run) -> None:
    from qsup.supervise.adopt import take_over

    found = run_directory(run.project / "queues.yaml")
    found.board.write_bytes(content)
    board, occupied = take_over(found)
    assert occupied == []
    assert len(board.supervisor_id) == 32
    assert found.board.stat().st_size == SIZE


def test_a_board_of_another_boot_is_made_anew(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from qsup import board
    from qsup.supervise.adopt import take_over

    found = run_directory(run.project / "queues.yaml")
    with monkeypatch.context() as patch:
        patch.setattr(board, "boot_id", lambda: "another boot")
        Board.create(found.board, "former")
    assert take_over(found)[0].supervisor_id != "former"


def file_at(path: Path) -> None:
    path.write_text("")


def link_at(path: Path) -> None:
    elsewhere = path.parent / "elsewhere"
    elsewhere.mkdir()
    path.symlink_to(elsewhere)


IN_THE_WAY: list[tuple[str, Callable[[Path], object], str]] = [
    (".qsup", file_at, "cannot make {}: File exists"),
    (".qsup", link_at, "{} is not a directory of this user"),
    (".qsup/run", file_at, "cannot make"),
    (".qsup/run/run.lock", Path.mkdir, "cannot start: {}: Is a directory"),
    (".qsup/run/slots.lock", Path.mkdir, "cannot start: {}: Is a directory"),
    (".qsup/run/board", Path.mkdir, "Is a directory"),
]


@pytest.mark.parametrize(("name", "make", "said"), IN_THE_WAY, ids=[name for name, _, _ in IN_THE_WAY])
def test_what_is_in_the_way_is_named(name: str, make: Callable[[Path], object], said: str, run: Run) -> None:
    path = run.project / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    make(path)
    done = run.command("run")
    assert done.returncode == 1
    assert said.format(path) in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_in_the_place_of_the_courier_s_socket_is_named_and_waited_for(run: Run) -> None:
    found = run_directory(run.project / "queues.yaml")
    (found.courier_socket / "something").mkdir(parents=True)
    run.spawn()
    run.says("the courier cannot use")
    shutil.rmtree(found.courier_socket)
    run.settles()
    run.dispatch("pay")
    run.waits_for("end pay")
    assert "Traceback" not in run.output()


STATES = [b"", b"null", b"[]", b'"x"', b"{}", b'{"pid": "1"}', b'{"pid": 0, "slots": {}}', b'{"pid": 99999999999999}',
          b'{"pid": 1, "slots": []}', b'{"pid": 1, "slots": {"a:0": 1}, "database": {}}', b"[" * 100_000, GARBAGE,
          b'{"pid": 1, "slots": {}, "database": {}, "applied": 7}', b"9" * 5000]  # fmt: skip


def test_a_damaged_state_file_counts_as_none(run: Run) -> None:
    from qsup.supervise.statefile import read_state

    found = run_directory(run.project / "queues.yaml")
    for content in STATES:
        found.state.write_bytes(content)
        assert read_state(found) is None, content[:80]
    found.state.write_text(json.dumps({"pid": os.getpid(), "slots": {}, "database": {}, "applied": None}))
    assert read_state(found) is not None
    found.state.unlink()
    os.mkfifo(found.state)
    assert read_state(found) is None
    for command in ("status", "plan"):
        done = run.command(command)
        assert "Traceback" not in done.stderr, done.stderr


def test_a_board_that_is_damaged_under_everybody_is_mended(run: Run) -> None:
    run.write({**QUEUES, "payments": {**QUEUES["payments"], "timeout": "120s"}})
    run.start()
    before, template = run.pids(), [one["pid"] for one in run.state["template"].values()]
    run.dispatch("long", until="go")
    worker = int(run.waits_for("begin long")[4])
    for times, damage in enumerate((b"", GARBAGE * 500), 1):
        with run.run.board.open("r+b") as board:
            board.truncate(len(damage))
            board.write(damage)
        run.says("is mended", times=times)
        run.dispatch(f"short {times}")
        run.waits_for(f"end short {times}")
    [idle] = [pid for slot, pid in run.pids().items() if slot.startswith("payments") and pid != worker]
    assert alive(worker)
    end(idle)
    run.until(lambda: idle not in run.pids().values() and len(run.pids()) == 3, "a new worker finds the board in order")
    run.let_go("go")
    run.waits_for_jobs_to_end()
    assert len(run.diary("begin long")) == 1
    assert run.pids() == {**before, **run.pids()}
    assert [one["pid"] for one in run.state["template"].values()] == template, "somebody died of it"


def test_a_socket_that_is_removed_or_replaced_is_made_again(run: Run) -> None:
    run.start()
    socket, courier = run.run.courier_socket, run.state["courier"]["pid"]
    for replacement in ("", "no socket"):
        socket.unlink()
        if replacement:
            socket.write_text(replacement)
        run.until(socket.is_socket, "it is there again")
        for pid in run.pids().values():
            end(pid)
        run.dispatch("pay")
        run.waits_for("end pay")
        run.waits_for_jobs_to_end()
        (run.cwd / "diary").unlink()
        run.settles()
    assert f"courier (pid {courier}) exited" not in run.output(), "the courier died of it"


def test_when_its_directory_is_taken_away_it_begins_anew_and_running_jobs_finish(run: Run) -> None:
    first = run.start()
    before = set(run.pids().values())
    run.dispatch("long", until="go")
    worker = int(run.waits_for("begin long")[4])
    shutil.rmtree(run.run.path)
    run.says("it begins anew")
    run.until(lambda: not before & set(run.pids().values()), "the old ones are not told any more")
    run.settles()
    run.dispatch("short")
    run.waits_for("end short")
    assert not before & set(run.pids().values())
    assert first.poll() is None, "it is the same process for whoever started it"
    assert alive(worker)
    run.let_go("go")
    run.waits_for_jobs_to_end()
    run.until(lambda: not alive(worker), "the old worker has left")
    assert len(run.diary("begin long")) == 1
    assert run.command("status").returncode == 0


def test_a_lock_that_is_taken_away_lets_no_second_supervisor_in_for_long(run: Run) -> None:
    run.start()
    started = run.state["started"]
    run.run.run_lock.unlink()
    run.says("it begins anew")
    run.until(lambda: run.state.get("started", started) != started, "its state is that of the new beginning")
    run.settles()
    done = run.command("run")
    assert done.returncode == 1
    assert "another `qsup run` works in this project" in done.stderr
