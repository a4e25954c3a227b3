"""Code that cannot be forked is refused with its line when it is pushed, and the old code goes on serving."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervise.rig import SHOP, Run


@pytest.fixture
def run(project: Path, dsn: str) -> Iterator[Run]:
    found = Run(project, dsn)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import threading\nthreading.Thread(target=threading.Event().wait).start()\n", "starts a thread"),
        ("import socket\nKEPT = socket.socket()\n", "opens a socket"),
        ("import sys\nsys.exit(0)\n", "SystemExit"),
        ("import os\nos._exit(0)\n", ""),
    ],
    ids=["thread", "socket", "sys.exit", "os._exit"],
)
def test_bad_code_is_refused_and_the_old_workers_go_on(run: Run, source: str, says: str) -> None:
    process = run.start()
    before = run.pids()
    shop = SHOP.replace("VERSION", "two")
    (run.project / "shop.py").write_text(f"{shop}\n{source}")
    process.send_signal(signal.SIGHUP)
    if says:
        line = len(shop.splitlines()) + 3
        run.until(lambda: f"shop.py:{line}: " in run.output() and says in run.output(), "it says where and why")
        assert says in run.refused()[0]["message"]
    else:
        run.says("the last one died")
    run.dispatch("old")
    assert run.waits_for("begin old")[5] == "one"
    run.waits_for("end old")
    assert run.pids() == before
    run.code("three")
    process.send_signal(signal.SIGHUP)
    run.until(lambda: len(run.pids()) == 3 and not set(before.values()) & set(run.pids().values()), "mended, all new")
