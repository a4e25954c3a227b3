"""RotateLogs on real files: what it does, what it leaves alone, and what several writers and rotators come to."""

from __future__ import annotations

import gzip
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from handlers.log_rotation import rotate_all
from handlers.log_steps import held, refusal
from handlers.log_writers import is_written
from handlers.logfile import LogFile, LogFileHandler
from handlers.operator_settings import rotation_settings
from handlers.settings import SettingMissing
from tests.conftest import Eventually
from tests.handlers.hotspot import Hotspot
from tests.handlers.log_players import settings

ROOT = Path(__file__).parents[2]
NOBODY = 65534


def fill(path: Path, text: str, size: int = 2000) -> None:
    """A log of numbered lines with this word."""
    path.write_text("".join(f"{text} {number}\n" for number in range(size // (len(text) + 4))))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def lines(folder: Path, log: str = "x.log") -> list[str]:
    """Every line of a log and its old ones, oldest first. supervisord may end a line in the next file."""
    found = [path for path in folder.iterdir() if path.name == log or path.name.removeprefix(f"{log}.")[:1].isdigit()]
    found.sort(key=lambda path: -int("0" + path.name.removeprefix(log).strip(".gz")))
    return "".join(read(path) for path in found).splitlines()


def read(path: Path) -> str:
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()


def player(*words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.handlers.log_players", *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def test_a_log_that_has_grown_is_put_aside_and_compressed_in_the_next_run(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    for round_ in ("first", "second", "third"):
        fill(log, round_)
        before = log.stat()
        log.chmod(0o644)
        rotate_all(settings(tmp_path, rest=60.0), seconds=30)
        assert log.stat().st_size == 0
        assert (log.stat().st_mode & 0o777, log.stat().st_uid) == (0o644, before.st_uid)
    assert names(tmp_path) == ["x.log", "x.log.1", "x.log.2", "x.log.3"], "left alone for a moment: not compressed yet"
    rotate_all(settings(tmp_path), seconds=30)
    assert names(tmp_path) == ["x.log", "x.log.1.gz", "x.log.2.gz", "x.log.3.gz"]
    assert [line.split()[0] for line in dict.fromkeys(line.split()[0] for line in lines(tmp_path))] == [
        "first", "second", "third",
    ]  # fmt: skip


def test_a_small_log_is_left_as_it_is_and_a_second_run_finds_nothing_to_do(tmp_path: Path) -> None:
    fill(tmp_path / "x.log", "word", 900)
    fill(tmp_path / "big.log", "word")
    rotate_all(settings(tmp_path), seconds=30)
    first = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}
    rotate_all(settings(tmp_path), seconds=30)
    assert names(tmp_path) == ["big.log", "big.log.1.gz", "x.log"]
    assert {path.name: path.stat().st_ino for path in tmp_path.iterdir()} == first


def test_seven_are_kept_and_fewer_when_fewer_are_wanted(tmp_path: Path) -> None:
    for number in range(10):
        fill(tmp_path / "x.log", f"round-{number}")
        rotate_all(settings(tmp_path), seconds=30)
    assert names(tmp_path) == ["x.log", *(f"x.log.{number}.gz" for number in range(1, 8))]
    assert lines(tmp_path)[0].startswith("round-3"), "the oldest three are dropped, no other"
    assert lines(tmp_path)[-1].startswith("round-9")
    rotate_all(settings(tmp_path, keep=2), seconds=30)
    assert names(tmp_path) == ["x.log", "x.log.1.gz", "x.log.2.gz"]


def test_an_old_log_that_somebody_still_writes_to_is_neither_compressed_nor_dropped(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("a") as writer:
        for round_ in range(4):
            fill(log, f"round-{round_}")
            rotate_all(settings(tmp_path, keep=2), seconds=30)
        writer.write("late line\n")
        writer.flush()
        assert names(tmp_path) == ["x.log", "x.log.1.gz", "x.log.2"], "its writer holds number 2: the log waits"
        assert is_written(tmp_path / "x.log.2")
    rotate_all(settings(tmp_path, keep=3), seconds=30)
    assert "late line" in lines(tmp_path)
    assert names(tmp_path) == ["x.log", "x.log.1.gz", "x.log.2.gz", "x.log.3.gz"]


def test_half_files_of_a_killed_run_are_cleared_and_the_whole_source_wins(tmp_path: Path) -> None:
    fill(tmp_path / "x.log", "now", 100)
    fill(tmp_path / "x.log.1", "old")
    (tmp_path / "x.log.1.gz").write_bytes(gzip.compress(b"the same, but it may be half"))
    (tmp_path / "x.log.3.gz.tmp").write_bytes(b"half")
    (tmp_path / "x.log.new").touch()
    wanted = [*read(tmp_path / "x.log.1").splitlines(), *read(tmp_path / "x.log").splitlines()]
    rotate_all(settings(tmp_path), seconds=30)
    assert names(tmp_path) == ["x.log", "x.log.1.gz"]
    assert lines(tmp_path) == wanted


def test_a_kill_after_any_step_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    wanted: dict[str, list[str]] = {}
    for steps in range(1, 41):
        folder = tmp_path / str(steps)
        folder.mkdir()
        for number in (7, 5, 4, 3, 2, 1):
            text = "".join(f"old-{number} {line}\n" for line in range(100))
            (folder / f"x.log.{number}.gz").write_bytes(gzip.compress(text.encode()))
        fill(folder / "x.log.6", "plain")
        fill(folder / "x.log", "now")
        wanted[folder.name] = [line for line in lines(folder) if not line.startswith("old-7")]
    command = [sys.executable, "-m", "tests.handlers.log_players", "kill_each", str(tmp_path)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    whole = [int(name) for name in answer.stdout.split()]
    assert 12 < min(whole) < 40, "the kills have gone through the whole rotation"
    assert whole == list(range(min(whole), 41))
    for name, every in wanted.items():
        rotate_all(settings(tmp_path / name), seconds=30)
        assert lines(tmp_path / name) == every, f"killed after step {name}, with {names(tmp_path / name)}"
        assert names(tmp_path / name) == ["x.log", *(f"x.log.{number}.gz" for number in range(1, 8))]


def test_a_disk_without_room_leaves_everything_as_it_was(tmp_path: Path) -> None:
    fill(tmp_path / "x.log.1", "".join(os.urandom(20).hex()), 400_000)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    code = (
        "import resource, sys; from pathlib import Path; from tests.handlers.log_players import settings;"
        "from handlers.log_rotation import rotate_all;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY));"
        "rotate_all(settings(Path(sys.argv[1])), seconds=30)"
    )
    (tmp_path / "x.log").touch()
    answer = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, check=True)
    assert b"File too large" in answer.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix == ".1"} == before
    assert names(tmp_path) == ["x.log", "x.log.1"]


def test_several_writers_and_several_rotators_lose_no_line_and_tear_none(
    tmp_path: Path, eventually: Eventually
) -> None:
    rotators = [player("rotate", str(tmp_path)) for _ in range(3)]
    writers = [player("write", str(tmp_path / "x.log"), f"writer-{number}", "600") for number in range(4)]
    eventually(lambda: len(list(tmp_path.glob("x.log.*.gz"))) > 5, 120, what="it is rotated while they write")
    (tmp_path / "enough").touch()
    counts = [int(writer.communicate(timeout=120)[0]) for writer in writers]
    (tmp_path / "stop").touch()
    assert [rotator.communicate(timeout=60)[0] for rotator in rotators] == [b""] * 3
    assert [one.returncode for one in (*writers, *rotators)] == [0] * 7
    rotate_all(settings(tmp_path, keep=999), seconds=30)
    assert [line for line in lines(tmp_path) if not line.endswith(" end")] == []
    seen = [tuple(line.split()[:2]) for line in lines(tmp_path)]
    assert sorted(seen) == sorted((f"writer-{one}", str(number)) for one in range(4) for number in range(counts[one]))
    for one in range(4):
        own = [int(number) for name, number in seen if name == f"writer-{one}"]
        assert own == sorted(own), "a writer's lines are in order over all files"


def test_a_log_that_another_rotator_holds_is_left_to_it(tmp_path: Path) -> None:
    fill(tmp_path / "x.log", "word")
    with held(tmp_path / "x.log") as mine:
        assert mine
        rotate_all(settings(tmp_path), seconds=30)
        assert names(tmp_path) == ["x.log"]
    rotate_all(settings(tmp_path), seconds=30)
    assert names(tmp_path) == ["x.log", "x.log.1.gz"]


def test_a_log_of_somebody_else_is_left_alone_and_the_reason_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if os.geteuid() != 0:
        assert "belongs to uid 0" in refusal(Path("/etc/passwd"))
        return
    fill(tmp_path / "x.log", "word")
    os.chown(tmp_path / "x.log", NOBODY, -1)
    rotate_all(settings(tmp_path), seconds=30)
    assert names(tmp_path) == ["x.log"]
    assert f"belongs to uid {NOBODY} and RotateLogs runs as uid 0" in caplog.text


def test_the_first_document_s_failures_cannot_happen(project: Path) -> None:
    folder = project
    if os.geteuid() != 0:
        assert "belongs to uid 0" in refusal(Path("/etc/passwd"))
        return
    # The folder is the worker's own, one log was opened by root, as supervisord does it.
    for name in ("root.log", "own.log"):
        fill(folder / name, "word")
    os.chown(folder, NOBODY, NOBODY)
    os.chown(folder / "own.log", NOBODY, NOBODY)
    before = (folder / "root.log").stat()
    answer = subprocess.run(
        [sys.executable, "-m", "tests.handlers.log_players", "as_user", str(NOBODY), str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert f"root.log is not rotated: it belongs to uid 0 and RotateLogs runs as uid {NOBODY}" in answer.stderr
    assert names(folder) == ["own.log", "own.log.1.gz", "root.log"]
    after = (folder / "root.log").stat()
    assert (after.st_ino, after.st_uid, after.st_mode, after.st_size) == (
        before.st_ino, before.st_uid, before.st_mode, before.st_size,
    )  # fmt: skip


def test_what_is_no_plain_file_or_would_lose_its_group_is_left_alone(tmp_path: Path) -> None:
    fill(tmp_path / "real", "word")
    (tmp_path / "link.log").symlink_to(tmp_path / "real")
    (tmp_path / "folder.log").mkdir()
    os.mkfifo(tmp_path / "pipe.log")
    before = names(tmp_path)
    rotate_all(settings(tmp_path), seconds=30)
    assert names(tmp_path) == before
    assert "not a plain file" in refusal(tmp_path / "link.log")


@pytest.mark.skipif(os.geteuid() != 0 and len(os.getgroups()) < 2, reason="needs a second group")
def test_a_log_that_a_group_writes_to_keeps_its_group_or_stays(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    fill(log, "word")
    log.chmod(0o660)
    other = NOBODY if os.geteuid() == 0 else next(one for one in os.getgroups() if one != os.getegid())
    os.chown(log, -1, other)
    assert "chmod g+s" in refusal(log)
    os.chown(tmp_path, -1, other)
    tmp_path.chmod(0o2770)
    rotate_all(settings(tmp_path), seconds=30)
    assert (log.stat().st_size, log.stat().st_gid, log.stat().st_mode & 0o777) == (0, other, 0o660)


def test_the_job_rotates_once_however_often_it_runs(
    hotspot: Hotspot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_threads: Callable[..., None]
) -> None:
    monkeypatch.setenv("LOG_DIRECTORY", f"{tmp_path}:/nowhere")
    monkeypatch.setenv("LOG_LARGEST", "1000")
    monkeypatch.setenv("LOG_REST", "0")
    fill(tmp_path / "x.log", "word")
    wanted = lines(tmp_path)
    for _ in range(4):
        hotspot.db.execute("SELECT qsup.dispatch('RotateLogs', '{}')")
    in_threads(lambda: hotspot.run("log-rotation"), 3)
    assert hotspot.value("SELECT count(*) FROM qsup.jobs") == 0
    assert hotspot.value("SELECT count(*) FROM qsup.failed_jobs") == 0
    hotspot.db.execute("SELECT qsup.dispatch('RotateLogs', '{}')")
    assert [report.kind for report in hotspot.run("log-rotation")] == ["done"]
    assert names(tmp_path) == ["x.log", "x.log.1.gz"]
    assert lines(tmp_path) == wanted


def test_settings_that_make_no_sense_are_named() -> None:
    for name, value in {"LOG_LARGEST": "10MB", "LOG_KEEP": "0", "LOG_PATTERNS": "logs/*.log"}.items():
        with pytest.raises(SettingMissing, match=name):
            rotation_settings({name: value})
    assert rotation_settings({}).largest == 10 * 1024 * 1024


def test_python_s_logging_writes_through_a_rotation(tmp_path: Path) -> None:
    handler = LogFileHandler(tmp_path / "x.log")
    logger = logging.Logger("x")
    logger.addHandler(handler)
    logger.info("before %s", "x" * 1000)
    rotate_all(settings(tmp_path), seconds=30)
    logger.info("after")
    handler.close()
    assert [line[:6] for line in lines(tmp_path)] == ["before", "after"]
    assert (tmp_path / "x.log").read_text() == "after\n"


SUPERVISORD = """
[supervisord]
logfile={here}/supervisord.out
pidfile={here}/supervisord.pid
[program:chatter]
command={python} -m tests.handlers.log_players write_plainly chatter-%(process_num)d {count}
process_name=%(program_name)s_%(process_num)02d
numprocs=2
directory={root}
autorestart=false
startsecs=0
redirect_stderr=true
stdout_logfile={here}/logs/%(program_name)s_%(process_num)02d.log
stdout_logfile_maxbytes=0
"""


def test_supervisord_opens_its_logs_anew_and_every_line_is_kept(tmp_path: Path, eventually: Eventually) -> None:
    (tmp_path / "logs").mkdir()
    count = 4000
    text = SUPERVISORD.format(here=tmp_path, python=sys.executable, root=ROOT, count=count)
    (tmp_path / "supervisord.conf").write_text(text)
    argv = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(tmp_path / "supervisord.conf")]
    chosen = settings(tmp_path / "logs", largest=3000, keep=99, pidfile=tmp_path / "supervisord.pid")
    logs = [f"chatter_{number:02d}.log" for number in range(2)]

    def written() -> int:
        return sum(
            (tmp_path / "logs" / log).stat().st_size > 3000 for log in logs if (tmp_path / "logs" / log).exists()
        )

    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as supervisord:
        try:
            for _ in range(5):
                eventually(lambda: written() == 2, 60, what="both logs have grown again")
                rotate_all(chosen, seconds=30)
            eventually(
                lambda: all(f" {count - 1} " in "".join(lines(tmp_path / "logs", log)[-3:]) for log in logs),
                60,
                what="both have said everything",
            )
        finally:
            supervisord.terminate()
    rotate_all(chosen, seconds=30)
    for number, log in enumerate(logs):
        assert len(list((tmp_path / "logs").glob(f"{log}.*.gz"))) >= 5
        said = [line.split()[:2] for line in lines(tmp_path / "logs", log)]
        assert said == [[f"chatter-{number}", str(one)] for one in range(count)]


def test_a_pid_that_is_not_supervisord_s_gets_no_signal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fill(tmp_path / "x.log", "word")
    with subprocess.Popen(["sleep", "60"]) as innocent:
        try:
            (tmp_path / "pid").write_text(str(innocent.pid))
            rotate_all(settings(tmp_path, pidfile=tmp_path / "pid"), seconds=30)
            assert innocent.poll() is None
        finally:
            innocent.kill()
    assert f"pid {innocent.pid} of {tmp_path}/pid is not supervisord" in caplog.text


def test_a_writer_goes_on_in_its_file_when_the_name_cannot_be_opened(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "folder" / "x.log")
    (tmp_path / "folder").mkdir()
    log.write(b"one\n")
    (tmp_path / "folder").rename(tmp_path / "away")
    log.write(b"two\n")
    log.close()
    assert (tmp_path / "away" / "x.log").read_text() == "one\ntwo\n"
