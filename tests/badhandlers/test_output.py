"""Whatever a handler prints, and whoever reads it or not: it stops no job and fills no memory."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import psycopg
import pytest

from qsup.lines import LONGEST, LineWriter
from qsup.rundir import run_directory
from tests.badhandlers.ward import Ward


@pytest.mark.parametrize("how", ["prints one line", "prints many lines", "prints bits of a line"])
def test_100_mb_of_output_are_written_and_the_worker_stays(ward: Ward, how: str) -> None:
    ward.open(timeout=25.0, memory=1 << 30)
    pid = ward.look()["pid"]
    assert ward.ends(how) == ("", "", "")
    assert ward.template.log.stat().st_size > 100_000_000
    assert ward.look()["pid"] == pid


def test_rubbish_on_descriptor_1_harms_nobody(ward: Ward) -> None:
    ward.open()
    pid = ward.look()["pid"]
    assert ward.ends("writes rubbish") == ("", "", "")
    assert ward.look()["pid"] == pid


@pytest.mark.parametrize("how", ["prints one line", "prints many lines"])
def test_100_mb_that_nobody_reads_hold_up_no_job(tmp_path: Path, dsn: str, how: str) -> None:
    # The workers' stdout is a pipe whose reader has stopped reading, like a pager or a full `| ssh`.
    log = run_directory(tmp_path / "queues.yaml").path / "qsup.template.log"
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    ward = Ward(tmp_path, dsn).open(timeout=25.0, memory=1 << 30)
    try:
        pid = ward.look()["pid"]
        assert ward.ends(how) == ("", "", "")
        assert ward.look()["pid"] == pid
    finally:
        ward.stop()
        os.close(reader)


def test_a_line_in_a_thousand_pieces_is_one_line_and_costs_no_more_time_than_its_length() -> None:
    readable, writable = os.pipe()
    writer = LineWriter(writable, "q:0")
    for _ in range(1000):
        writer.write("x" * 10)
    writer.write("\nnext")
    writer.finish()
    assert os.read(readable, 100_000).decode() == f"[q:0] {'x' * 10_000}\n[q:0] next\n"


def test_a_line_beyond_all_measure_becomes_several_and_its_end_is_not_one_more() -> None:
    found = []
    readable, writable = os.pipe()

    def read() -> None:
        with os.fdopen(readable) as stream:
            found.append(stream.read())

    reading = threading.Thread(target=read)
    reading.start()
    writer = LineWriter(writable, "q:0")
    writer.write("x" * (2 * LONGEST) + "\n\nend\n")
    os.close(writable)
    os.close(writer._outlet._own)
    reading.join()
    assert found[0] == f"[q:0] {'x' * LONGEST}\n" * 2 + "[q:0] \n[q:0] end\n"


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_nobody_reads_is_dropped_after_one_wait_and_counted_when_somebody_reads_again(kind: str) -> None:
    if kind == "pipe":
        readable, writable = os.pipe()
    else:
        ours, theirs = socket.socketpair()
        readable, writable = ours.detach(), theirs.detach()
    writer = LineWriter(writable, "q:0")
    begin = time.monotonic()
    for _ in range(10_000):
        writer.write("x" * 1000 + "\n")
    assert time.monotonic() - begin < 8.0, "it waited for the reader more than once"
    os.set_blocking(readable, False)
    seen = drain(readable)
    writer.write("again\n")
    said = drain(readable).decode()
    assert seen.count(b"\n") < 10_000
    assert "lines were dropped: nobody read them)\n[q:0] again\n" in said
    if writer._outlet._socket is not None:
        writer._outlet._socket.close()
    for descriptor in (readable, writable):
        os.close(descriptor)


def drain(readable: int) -> bytes:
    found = b""
    while True:
        try:
            found += os.read(readable, 1 << 20)
        except BlockingIOError:
            return found


def test_an_output_whose_reader_is_gone_is_no_error() -> None:
    readable, writable = os.pipe()
    writer = LineWriter(writable, "q:0")
    os.close(readable)
    os.close(os.open(os.devnull, os.O_RDONLY))
    assert writer.write("x\n") == 2


def test_progress_at_every_step_is_thinned_out_and_the_last_step_is_kept(ward: Ward) -> None:
    ward.open(timeout=25.0)
    number = ward.bad("tells every step")
    ward.until(ward.over, "it is done", 40)
    ward.until(lambda: progress(ward, number)[-1:] == [100.0], "its last step is stored")
    assert 50 <= len(progress(ward, number)) < 1000
    ward.check_calm()


def progress(ward: Ward, number: int) -> list[float]:
    with psycopg.connect(ward.dsn) as conn:
        query = "SELECT value FROM qsup.job_events WHERE kind = 'progress' AND job_id = %s ORDER BY id"
        return [value for (value,) in conn.execute(query, (number,)).fetchall()]
