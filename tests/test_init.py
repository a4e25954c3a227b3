"""`qsup init`: what it writes runs at once, and it never writes over anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import forked


def qsup(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return forked.run(*words, cwd=cwd)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_it_writes_a_project_and_says_what_to_do_next(tmp_path: Path) -> None:
    ran = qsup("init", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert files(tmp_path) == ["jobs.py", "queues.yaml"]
    _, first, second = ran.stdout.splitlines()
    assert first.strip() == "qsup run"
    assert second.strip().startswith("""qsup dispatch GreetJob '{"name": "Ada"}'""")


def test_it_makes_the_folder_and_says_how_to_get_there(tmp_path: Path) -> None:
    ran = qsup("init", "my shop/queue", cwd=tmp_path)
    assert files(tmp_path / "my shop" / "queue") == ["jobs.py", "queues.yaml"]
    assert "cd 'my shop/queue' && qsup run" in ran.stdout


def test_what_it_wrote_keeps_the_rules_of_the_file(tmp_path: Path) -> None:
    qsup("init", cwd=tmp_path)
    ran = qsup("validate", "--strict", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_handler_can_be_imported_and_does_the_job(tmp_path: Path) -> None:
    qsup("init", cwd=tmp_path)
    script = """
import jobs, qsup
nothing = lambda *_: None
context = qsup.Context(
    job_id=7, claim_number=1, attempt=1, tries=3, crashes=0, queue="default", slot="default:0", timeout=60.0,
    open_transaction=nothing, open_connection=nothing, send_progress=nothing,
)
jobs.greet(jobs.GreetJob(name="Ada"), context)
try:
    jobs.greet(jobs.GreetJob(name=" "), context)
except qsup.Discard as refused:
    print(refused)
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines() == [
        "Hello, Ada! (job 7, try 1 of 3)",
        "there is nobody to greet: the name is empty",
    ], ran.stderr


@pytest.mark.parametrize("taken", [["queues.yaml"], ["jobs.py"], ["jobs.py", "queues.yaml"]])
def test_it_overwrites_nothing_and_names_what_is_in_the_way(taken: list[str], tmp_path: Path) -> None:
    for name in taken:
        (tmp_path / name).write_text("mine")
    ran = qsup("init", cwd=tmp_path)
    assert ran.returncode == 1
    assert files(tmp_path) == sorted(taken)
    for name in taken:
        assert (tmp_path / name).read_text() == "mine"
        assert name in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "jobs.py").symlink_to(tmp_path / "elsewhere.py")
    assert qsup("init", "project", cwd=tmp_path).returncode == 1
    assert not (tmp_path / "elsewhere.py").exists()


def test_a_file_in_place_of_the_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("")
    ran = qsup("init", "shop", cwd=tmp_path)
    assert ran.returncode == 1
    assert ran.stderr.startswith("qsup: cannot write into shop: ")
