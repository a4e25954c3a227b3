"""The repository's own file against its own handlers."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from qsup.check.load import load
from qsup.check.scan import Scan, scan

ROOT = Path(__file__).parents[2]


def scanned(root: Path) -> Scan:
    loaded = load(root / "queues.yaml", {})
    assert loaded.parsed is not None
    assert loaded.routing is not None, loaded.problems
    return scan(loaded.parsed, root)


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[str, str, str], list[str]]:
    """Replace `old` by `new` in a file of a copy of the hotspot, and say what the validator then tells."""
    shutil.copytree(ROOT / "handlers", tmp_path / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "queues.yaml", tmp_path)

    def edit(file: str, old: str, new: str) -> list[str]:
        text = (tmp_path / file).read_text(encoding="utf-8")
        assert old in text
        (tmp_path / file).write_text(text.replace(old, new), encoding="utf-8")
        problems = scanned(tmp_path).problems
        return [str(problem).replace(f"{tmp_path}/", "") for problem in problems if problem.severity == "error"]

    return edit


def test_the_hotspot_is_in_order() -> None:
    found = scanned(ROOT)
    assert [str(problem) for problem in found.problems if problem.severity != "info"] == []
    assert found.unverifiable() == ()
    routes = load(ROOT / "queues.yaml", {}).routing
    assert routes is not None
    assert {site.job for site in found.sites if "sandbox" not in site.file.parts} == set(routes.routes)
    # Counted in another way: the words, with whatever comes before them.
    written = [
        (path.name, number)
        for path in (ROOT / "handlers").rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"Job\(.*\)\.dispatch\(|RotateLogs\(\)\.dispatch\(|FROM qsup\.dispatch\('", line)
    ]
    assert sorted((site.file.name, site.line) for site in found.sites) == sorted(written)


def test_a_job_taken_out_of_the_file_is_found_at_every_site(edited: Callable[[str, str, str], list[str]]) -> None:
    told = edited("queues.yaml", "  SendCredentialsSMSJob:", "  # SendCredentialsSMSJob:")
    assert told
    assert all("SendCredentialsSMSJob is dispatched here" in line and line.startswith("handlers/") for line in told)


def test_a_renamed_handler_is_found(edited: Callable[[str, str, str], list[str]]) -> None:
    told = edited("queues.yaml", "handlers.sms:send_credentials", "handlers.sms:send_credential")
    assert len(told) == 1
    assert "module handlers.sms has no function send_credential " in told[0]
    assert "did you mean send_credentials?" in told[0]
