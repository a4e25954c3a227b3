"""What `qsup run` starts before it is the supervisor: it never stays behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.supervise.rig import Run

FILES = {
    "refused": "version: 1\nqueues: {payments: {workers: many}}\n",
    "not there": None,
}


def of(project: Path) -> list[str]:
    """The processes that work for this project, by what their environment says."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            said = environ.read_bytes()
        except OSError:
            continue
        if f"QSUP_RUN={project}/".encode() in said:
            found.append(environ.parent.name)
    return found


@pytest.mark.parametrize("content", FILES.values(), ids=list(FILES))
def test_a_start_that_fails_leaves_no_process_behind(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "queues.yaml"
    if content is not None:
        file.write_text(content)
    command = [sys.executable, "-m", "qsup", "run", "--config", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert ended.returncode == 78, ended.stderr
    assert of(tmp_path) == []


def test_neither_does_a_second_supervisor_of_a_project(run: Run) -> None:
    run.start()
    before = sorted(of(run.project))
    command = [sys.executable, "-m", "qsup", "run", "--config", str(run.project / "queues.yaml")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=run.project, timeout=60)
    assert "another `qsup run` works in this project" in ended.stderr
    assert before
    assert sorted(of(run.project)) == before


def test_the_template_that_was_started_early_is_the_one_that_forks(run: Run) -> None:
    run.start()
    templates = [pid for pid in of(run.project) if b"qsup.template" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    parents = {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1] for pid in templates}
    [template] = parents & set(templates)
    assert set(templates) - {template} == {str(pid) for pid in run.pids().values()}
