"""No descriptors, no processes, no memory: at the start a sentence, later only a pause, and on it goes by itself."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.supervise.rig import Run, alive, end


@contextmanager
def limited(kind: int, limit: int, *pids: int) -> Iterator[None]:
    """So much, and no more, for these living processes."""
    before = {pid: resource.prlimit(pid, kind) for pid in pids}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, kind, (limit, hard))
    yield
    for pid, old in before.items():
        if alive(pid):
            resource.prlimit(pid, kind, old)


def no_more(pid: int) -> int:
    """A limit under which this process can open nothing more, also after it has closed one or two of its latest.

    What is open stays open under any limit, but poll() refuses to watch more descriptors than the limit.
    """
    taken = {int(number) for number in os.listdir(f"/proc/{pid}/fd")}
    lowest_free = next(number for number in range(len(taken) + 1) if number not in taken)
    return min(lowest_free, len(taken) - 4)


@pytest.mark.parametrize("limit", [8, 14, 20])
def test_a_start_with_few_descriptors_works_or_says_what_is_missing(limit: int, run: Run) -> None:
    words = ["sh", "-c", f"ulimit -n {limit}; exec {sys.executable} -m qsup.supervise --config queues.yaml"]
    with (run.project / "out").open("ab") as out:
        process = subprocess.Popen(words, cwd=run.project, env=run.environment, stdout=out, stderr=out, process_group=0)
    run.processes.append(process)
    run.until(lambda: len(run.pids()) == 3 or "Too many open files" in run.output(), "it serves or says why not")
    assert process.poll() in (None, 1)


def test_a_supervisor_without_descriptors_goes_on_and_starts_workers_when_it_has_some(run: Run) -> None:
    first = run.start()
    before = run.pids()
    run.until(lambda: run.state["looked"], "it has looked at code and rows, and needs no descriptor for that any more")
    with limited(resource.RLIMIT_NOFILE, no_more(first.pid), first.pid):
        for pid in before.values():
            end(pid)
        run.says("died by signal 9")
        run.says("no worker can be started for sms:0: Too many open files")
        (run.project / "queues.yaml").write_text((run.project / "queues.yaml").read_text() + " ")
    run.settles()
    run.dispatch("pay")
    run.waits_for("end pay")
    assert not set(before.values()) & set(run.pids().values())
    assert first.poll() is None
    inside = len(os.listdir(f"/proc/{first.pid}/fd"))
    assert inside < 30, "it leaked descriptors"


def test_a_template_without_descriptors_keeps_its_workers_and_forks_later(run: Run) -> None:
    run.start()
    [template] = [one["pid"] for one in run.state["template"].values()]
    with limited(resource.RLIMIT_NOFILE, no_more(template), template):
        end(run.pids()["sms:0"])
        run.says("no worker can be started for sms:0: Too many open files")
        run.dispatch("meanwhile")
        run.waits_for("end meanwhile")
    run.settles()
    assert [one["pid"] for one in run.state["template"].values()] == [template]


NO_PROCESSES = """
import os
fork = os.fork
def fork_or_not():
    if os.path.exists("no-processes"):
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return fork()
os.fork = fork_or_not
"""
"""RLIMIT_NPROC does not bind root, so the system call is kept from the template."""


def test_a_template_without_processes_keeps_its_workers_and_forks_later(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run.project / "sitecustomize.py").write_text(NO_PROCESSES)
    monkeypatch.setenv("PYTHONPATH", str(run.project))
    run.start()
    [template] = [one["pid"] for one in run.state["template"].values()]
    run.let_go("no-processes")
    end(run.pids()["sms:0"])
    run.says("no worker can be started for sms:0: Resource temporarily unavailable")
    run.dispatch("meanwhile")
    run.waits_for("end meanwhile")
    (run.project / "no-processes").unlink()
    run.settles()
    assert [one["pid"] for one in run.state["template"].values()] == [template]


def test_a_courier_without_descriptors_keeps_working_and_connects_when_it_has_some(run: Run) -> None:
    run.start()
    run.dispatch("first")
    run.waits_for("end first")
    courier = run.state["courier"]["pid"]
    with limited(resource.RLIMIT_NOFILE, no_more(courier), courier):
        run.dispatch("long", until="go")
        run.waits_for("begin long")
        run.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'qsup:%'")
        run.says("database away")
        run.let_go("go")
        run.waits_for("end long")
    run.waits_for_jobs_to_end()
    # Promotion is the house's: its thread lives, too.
    assert run.command("dispatch", "Pay", '{"text": "delayed"}', "--delay", "1s").returncode == 0
    run.waits_for("end delayed")
    assert len(run.diary("begin long")) == 1
    assert f"courier (pid {courier}) exited" not in run.output(), "it died of it"


def test_a_courier_without_memory_is_replaced_and_no_outcome_is_lost(run: Run) -> None:
    run.start()
    courier = run.state["courier"]["pid"]
    run.dispatch("long", until="go")
    run.waits_for("begin long")
    with limited(resource.RLIMIT_DATA, 1 << 20, courier):
        for number in range(50):
            run.dispatch(f"{number} " + "x" * 200_000)
        run.let_go("go")
        run.waits_for_jobs_to_end()
    assert len(run.diary("end")) == 51
    assert len(run.diary("begin long")) == 1


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[None]:
    """A tmpfs of this size, mounted there."""
    path.mkdir(exist_ok=True, mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def fill(path: Path) -> Path:
    """Use up what is left."""
    filler = path / "filler"
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    return filler


@pytest.fixture
def on_small_disk(run: Run) -> Iterator[Run]:
    """The supervisor's own files are on a disk of their own."""
    with small_disk(run.project / ".qsup", "2m"):
        yield run
        run.close()


def test_a_full_disk_under_a_running_supervisor_stops_nothing(on_small_disk: Run) -> None:
    run = on_small_disk
    run.start()
    filler = fill(run.project / ".qsup")
    for number in range(20):
        run.dispatch(f"pay {number}", how="die once" if number == 7 else "")
    run.waits_for_jobs_to_end()
    assert len(run.diary("end")) == 20
    (run.project / "queues.yaml").write_text("version: 1\nqueues: {payments: {workers: many}}\n")
    run.says("the edit is refused")
    assert run.state["rejected"] is None, "the disk is full"
    filler.unlink()
    run.refused()
    assert "Traceback" not in run.output()


def test_a_start_on_a_full_disk_says_so_and_leaves_nothing_half_done(on_small_disk: Run) -> None:
    run = on_small_disk
    (run.project / ".qsup" / "run").mkdir(mode=0o700)
    filler = fill(run.project / ".qsup")
    done = run.command("run")
    assert (done.returncode, "No space left on device" in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not list(run.run.path.glob("board*"))
    filler.unlink()
    run.start()


def test_a_start_on_a_disk_that_only_reads_says_so(on_small_disk: Run) -> None:
    run = on_small_disk
    subprocess.run(["mount", "-o", "remount,ro", str(run.project / ".qsup")], check=True)
    done = run.command("run")
    assert (done.returncode, "Read-only file system" in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


def test_an_embedded_database_without_space_loses_nothing_and_goes_on(
    run: Run, make_old: Callable[[Path], str]
) -> None:
    with small_disk(run.project / ".qsup", "160m"):
        run.runtime_dsn = "embedded"
        run.dsn = make_old(run.project)
        run.start()
        run.dispatch("long", until="go")
        run.waits_for("begin long")
        filler = fill(run.project / ".qsup")
        run.let_go("go")
        run.waits_for("end long")
        refused = [run.command("dispatch", "Pay", '{"text": "%s"}' % ("x" * 100_000)) for _ in range(3)]
        assert "Traceback" not in "".join(done.stderr for done in refused)
        filler.unlink()
        run.waits_for_jobs_to_end()
        run.dispatch("short")
        run.waits_for("end short")
        assert len(run.diary("begin long")) == 1
        run.close()


@pytest.fixture
def make_old() -> Callable[[Path], str]:
    """Make the project's database; its DSN."""
    from qsup import embedded, migrate

    def make(project: Path) -> str:
        server = embedded.ensure(project / ".qsup")
        migrate.migrate(server.dsn())
        server.release()
        return server.dsn()

    return make
