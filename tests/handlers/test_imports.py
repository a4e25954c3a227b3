"""What the hotspot's handlers load into every worker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from qsup.check.load import load

ROOT = Path(__file__).resolve().parents[2]
FOR_TERMINALS = {"click", "rich", "pygments"}


def test_no_handler_brings_a_command_line_into_the_workers() -> None:
    modules = load(ROOT / "queues.yaml", {}).modules
    assert "handlers.payments" in modules
    code = f"import sys, {', '.join(modules)}; print('\\n'.join(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "httpx" in ended.stdout.split()
    assert not FOR_TERMINALS & set(ended.stdout.split())
