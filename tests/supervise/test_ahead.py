"""What `qsup run` starts before it is the supervisor: it never stays behind."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.supervise.rig import Run

FILES = {
    "refused": "version: 1\nqueues: {payments: {workers: many}}\n",
    "not there": None,
}


def of(project: Path) -> list[str]:
    """The processes that are at work in this project's directory."""
    found = []
    for cwd in Path("/proc").glob("[0-9]*/cwd"):
        try:
            inside = cwd.readlink().is_relative_to(project)
        except OSError:
            continue
        if inside:
            found.append(cwd.parent.name)
    return found


def staff(project: Path) -> set[str]:
    """Of them the courier, the template and the workers: what reads the file comes and goes."""
    found = set()
    for pid in of(project):
        with suppress(OSError):
            shown = Path(f"/proc/{pid}/cmdline").read_bytes()
            found |= {pid} if re.search(rb"-m\0qsup\.(courier|template|worker)\0", shown) else set()
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
    before = staff(run.project)
    command = [sys.executable, "-m", "qsup", "run", "--config", str(run.project / "queues.yaml")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=run.project, timeout=60)
    assert "another `qsup run` works in this project" in ended.stderr
    assert len(before) == 5
    assert staff(run.project) == before
