"""The project of a run: queues.yaml, the handlers' code, and the supervisor that serves them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from qsup.board import Board
from qsup.rundir import RunDirectory
from tests.chaos.processes import MARK, is_ours

ROOT = Path(__file__).resolve().parents[2]
SHOP = Path(__file__).with_name("shop.py").read_text()
WORKERS = {"quick": 2, "common": 3, "slow": 2, "poison": 1}
"""8 workers, 4 queues."""
DEFAULTS: dict[str, Any] = {
    "tries": 500, "max_crashes": 1000, "backoff": ["0.05s", "0.3s"], "timeout": "6s", "grace": "2s", "sleep": "1s",
}  # fmt: skip
JOBS: dict[str, dict[str, Any]] = {
    "Quick": {"queue": "quick", "handler": "shop:quick"},
    "Common": {"queue": "common", "handler": "shop:common"},
    "Tight": {"queue": "common", "handler": "shop:tight", "timeout": "1s"},
    "Slow": {"queue": "slow", "handler": "shop:slow"},
    "Doomed": {"queue": "common", "handler": "shop:doomed", "failed": "shop:mourn", "tries": 2},
    "Poison": {"queue": "poison", "handler": "shop:poison"},
}
BROKEN = (
    "version: 1\nqueues:\n  quick: {workers: 3\n",
    "version: 1\n\tqueues: {}\n",
    "",
    "queues: [\x00]\n",
    "version: 1\nqueues: &a {a: *a}\n",
)
BAD_CODE = (
    SHOP.replace("def before(", "def before((", 1),
    SHOP + "\nimport a_module_that_is_nowhere\n",
    SHOP + "\nraise SystemExit(3)\n",
    SHOP + "\nos._exit(4)\n",
    SHOP + "\nimport threading\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n",
)


class Project:
    """The folder and its supervisor."""

    def __init__(self, folder: Path, dsn: str, start: str) -> None:
        self.folder, self.dsn = folder, dsn
        self.run = RunDirectory(folder / ".qsup" / "run")
        self.start_of_slow = start
        self.process: subprocess.Popen[bytes] | None = None
        self.killed = False
        """Whether the supervisor that runs now was killed by us."""
        self.faulty = False
        """Whether what is on the disk is wrong, or was since the supervisor was started."""
        self.wrong: set[str] = set()
        self.starts = 0
        self.ends: list[str] = []
        """Ends of a supervisor that nobody had asked for."""
        (folder / "forked").mkdir()
        (folder / "finished").mkdir()
        self.write_code(SHOP)
        self.write(self.document())

    def document(self, **changes: dict[str, Any]) -> str:
        """The text of queues.yaml; `changes` are keys of queues."""
        queues: dict[str, dict[str, Any]] = {name: {"workers": count} for name, count in WORKERS.items()}
        queues["poison"]["max_crashes"] = 3
        queues["slow"]["start"] = self.start_of_slow
        for name, keys in changes.items():
            queues[name] |= keys
        return json.dumps({"version": 1, "defaults": DEFAULTS, "queues": queues, "jobs": JOBS}, indent=1)

    def edited(self, rnd: random.Random) -> str:
        """A right queues.yaml with other numbers."""
        quick = {
            "workers": rnd.randint(1, 5), "tries": rnd.randint(300, 900), "timeout": f"{rnd.randint(4, 9)}s",
            "prefetch": rnd.choice(["auto", 0, 2, 8]), "sleep": rnd.choice(["0.2s", "1s", "3s"]),
        }  # fmt: skip
        common = {"workers": rnd.randint(1, 4), "max_jobs": rnd.choice([0, 0, 200])}
        return self.document(quick=quick, common=common, slow={"workers": rnd.randint(1, 3)})

    def write(self, text: str) -> None:
        """Save queues.yaml as an editor does."""
        fresh = self.folder / "queues.yaml.new"
        fresh.write_text(text)
        fresh.rename(self.folder / "queues.yaml")

    def write_code(self, text: str) -> None:
        """Save shop.py."""
        fresh = self.folder / "shop.py.new"
        fresh.write_text(text)
        fresh.rename(self.folder / "shop.py")

    def set_wrong(self, what: str, wrong: bool) -> None:
        """Note that the file or the code is wrong now, or right again."""
        (self.wrong.add if wrong else self.wrong.discard)(what)
        self.faulty = self.faulty or bool(self.wrong)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of qsup in the project."""
        return subprocess.run(
            [sys.executable, "-m", "qsup", *arguments],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the caller's own databases; a mark that all descendants inherit."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PG") and name != "DATABASE_URL" and (name[:5] != "QSUP_" or name == "QSUP_PG_BIN")
        }
        named = {"QSUP_DATABASE_URL": self.dsn} if self.dsn else {}
        return {**kept, **named, MARK: str(self.folder), "PYTHONPATH": str(ROOT)}

    def start(self) -> None:
        """`qsup run`."""
        with (self.folder / "out").open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "qsup", "run"],
                cwd=self.folder, env=self.environment, stdout=out, stderr=out, process_group=0,
            )  # fmt: skip
        self.starts += 1
        self.killed, self.faulty = False, bool(self.wrong)

    def keep_running(self) -> bool:
        """Start it again when it has ended; true then. What nobody had asked for is noted."""
        if self.process is None:
            return False
        code = self.process.poll()
        if code is None:
            return False
        if not self.killed and not self.faulty:
            self.ends.append(f"`qsup run` (pid {self.process.pid}) ended by itself with {code}")
        self.start()
        return True

    @property
    def pid(self) -> int:
        """The supervisor's pid; 0 while there is none."""
        return self.process.pid if self.process is not None and self.process.poll() is None else 0

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.killed = True
            self.process.kill()
            self.process.wait(20)

    def reload(self) -> None:
        """HUP: read file and code again. One that is just starting dies of it."""
        if self.state().get("pid") == self.pid != 0:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGHUP)

    def state(self) -> dict[str, Any]:
        """state.json, perhaps of a supervisor that is dead; empty while there is none."""
        try:
            found: dict[str, Any] = json.loads(self.run.state.read_text())
        except (OSError, ValueError):
            return {}
        return found

    def workers(self) -> list[int]:
        """The pids of the living workers, as the board names them."""
        try:
            records = Board(self.run.board).records()
        except (OSError, ValueError):
            return []
        return sorted(one.pid for one in records.values() if one.pid and is_ours(one.pid, self.folder))

    def serves(self, slots: int) -> bool:
        """Whether exactly so many slots serve, everything is declared, and nothing is wrong or on the move."""
        state = self.state()
        served = [slot["state"] for slot in state.get("slots", {}).values()]
        return (
            state.get("pid") == self.pid != 0
            and served == ["serving"] * slots
            and state["declared"] == state["generation"]
            and state["rejected"] is None
        )
