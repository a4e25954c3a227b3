"""`qsup gen-supervisor` as a person calls it."""

from __future__ import annotations

import getpass
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from tests import forked
from tests.generate.reader import read_back

QUEUES = """\
version: 1
queues:
  payments: {workers: 2, priority: 5, timeout: 120s}
  default: {workers: 1}
jobs:
  PayJob: {queue: payments, handler: "jobs:pay"}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "my shop"
    folder.mkdir()
    (folder / "queues.yaml").write_text(QUEUES)
    (folder / "jobs.py").write_text("")
    return folder


def gen(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return forked.run("gen-supervisor", *words, cwd=cwd)


def test_it_prints_a_file_whose_workers_find_the_project(project: Path) -> None:
    (project / "logs").mkdir()
    ran = gen(cwd=project)
    assert (ran.returncode, ran.stderr) == (0, "")
    process = read_back(ran.stdout, project)["qsup-payments"][0]
    assert process.argv[-3:] == ["worker", "--queue=payments", f"--config={project}/queues.yaml"]
    assert process.directory == str(project)
    assert process.log == f"{project}/logs/qsup-payments_00.log"


def test_the_command_that_it_writes_starts_this_qsup(project: Path) -> None:
    (project / "logs").mkdir()
    argv = read_back(gen(cwd=project).stdout, project)["qsup-payments"][0].argv
    ran = subprocess.run([*argv[: argv.index("worker")], "--version"], capture_output=True, text=True, check=True)
    here = subprocess.run([sys.executable, "-m", "qsup", "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout == here.stdout


def test_it_writes_the_same_to_a_file_and_says_what_to_do(project: Path) -> None:
    ran = gen("-o", "qsup.conf", cwd=project)
    assert ran.returncode == 0
    assert (project / "qsup.conf").read_text() == gen(cwd=project).stdout
    assert "supervisorctl reread" in ran.stderr
    assert f"mkdir -p '{project}/logs'" in ran.stderr


def test_check_is_content_with_a_current_file_and_with_a_copy_of_it(project: Path) -> None:
    gen("-o", "qsup.conf", cwd=project)
    (project / "copy.conf").write_bytes((project / "qsup.conf").read_bytes())
    for name in ("qsup.conf", "copy.conf"):
        ran = gen("-o", name, "--check", cwd=project)
        assert ran.returncode == 0, ran.stdout


def test_check_shows_what_an_edit_changed_and_writes_nothing(project: Path) -> None:
    gen("-o", "qsup.conf", cwd=project)
    before = (project / "qsup.conf").read_bytes()
    (project / "queues.yaml").write_text(QUEUES.replace("timeout: 120s", "timeout: 300s"))
    ran = gen("-o", "qsup.conf", "--check", cwd=project)
    assert ran.returncode == 1
    assert "-stopwaitsecs=140\n+stopwaitsecs=320\n" in ran.stdout
    assert (project / "qsup.conf").read_bytes() == before


def test_check_sees_an_edit_that_changes_no_program(project: Path) -> None:
    gen("-o", "qsup.conf", cwd=project)
    (project / "queues.yaml").write_text(QUEUES.replace("timeout: 120s", "timeout: 120s, sleep: 1s"))
    ran = gen("-o", "qsup.conf", "--check", cwd=project)
    assert ran.returncode == 1
    assert [line for line in ran.stdout.splitlines() if line.startswith(("+", "-")) and "config" in line]


def test_check_of_a_missing_file_says_how_to_make_it(project: Path) -> None:
    ran = gen("-o", "qsup.conf", "--check", cwd=project)
    assert ran.returncode == 1
    assert "qsup.conf does not exist" in ran.stderr
    assert not (project / "qsup.conf").exists()


def test_check_needs_a_file(project: Path) -> None:
    ran = gen("--check", cwd=project)
    assert ran.returncode == 2
    assert "-o FILE" in ran.stderr


def test_a_user_brings_its_own_home(project: Path) -> None:
    (project / "logs").mkdir()
    user = getpass.getuser()
    process = read_back(gen("--user", user, cwd=project).stdout, project)["qsup-default"][0]
    assert process.environment == {"HOME": pwd.getpwnam(user).pw_dir, "USER": user}
    assert process.settings["uid"] == pwd.getpwnam(user).pw_uid


def test_an_unknown_user_is_refused_before_supervisord_would(project: Path) -> None:
    ran = gen("--user", "nobody-of-that-name", cwd=project)
    assert ran.returncode == 1
    assert "no user nobody-of-that-name" in ran.stderr


def test_directories_can_be_named(project: Path, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    ran = gen("--directory", str(tmp_path), "--log-directory", "../logs/", cwd=project)
    process = read_back(ran.stdout, tmp_path)["qsup-default"][0]
    assert process.directory == str(tmp_path)
    assert Path(process.log).resolve() == tmp_path / "logs" / "qsup-default_00.log"


def test_a_link_to_the_current_release_stays_a_link(project: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(project)
    ran = gen("-c", str(tmp_path / "current" / "queues.yaml"), cwd=tmp_path)
    assert f"--config={tmp_path}/current/queues.yaml" in ran.stdout
    assert "my shop" not in ran.stdout


def test_a_broken_file_is_a_sentence_with_its_line_and_exit_78(project: Path) -> None:
    gen("-o", "qsup.conf", cwd=project)
    before = (project / "qsup.conf").read_bytes()
    (project / "queues.yaml").write_text(QUEUES.replace("workers: 2", "wrokers: 2"))
    ran = gen("-o", "qsup.conf", cwd=project)
    assert ran.returncode == 78
    assert "queues.yaml:3:" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert (project / "qsup.conf").read_bytes() == before


def test_a_place_that_cannot_be_written_is_a_sentence(project: Path) -> None:
    ran = gen("-o", "nowhere/qsup.conf", cwd=project)
    assert ran.returncode == 1
    assert ran.stderr.startswith("qsup: cannot write nowhere/qsup.conf: ")


def test_a_database_in_the_file_never_reaches_the_output(project: Path) -> None:
    (project / "queues.yaml").write_text(QUEUES + "database: postgresql://shop:s3cret@db.example/shop\n")
    ran = gen(cwd=project)
    assert ran.returncode == 0, ran.stderr
    assert "s3cret" not in ran.stdout + ran.stderr
    assert "db.example" not in ran.stdout


def test_a_pipe_or_a_link_is_written_through_and_never_replaced(project: Path) -> None:
    real = project / "real.conf"
    real.write_text("old")
    link = project / "link.conf"
    link.symlink_to(real)
    pipe = project / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        gen("-o", "link.conf", cwd=project)
        gen("-o", "pipe", cwd=project)
        assert link.is_symlink()
        assert "[program:qsup-" in real.read_text()
        assert pipe.is_fifo()
        assert b"[program:qsup-" in os.read(reader, 100_000)
    finally:
        os.close(reader)
