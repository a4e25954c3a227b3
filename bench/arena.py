"""Where the contestants meet: one server, one file of marks, one folder, and how much is asked of everybody."""

from __future__ import annotations

import copy
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.apps.mark import VARIABLE
from bench.marks import Marks
from bench.processes import Command, adopt_orphans
from bench.server import Server

NAME = "qsup-bench"
"""With the pid: the name of whatever the bench makes, and removes, outside of the project."""
ROOT = Path(__file__).resolve().parents[1]
PEERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    rounds: int
    seconds: float
    """The longest window of a drain."""
    workers: tuple[int, ...]
    many: int
    """Rows of a big table."""
    churned: int
    """Jobs that have come and gone before the drain."""
    samples: int
    """Of the pickup."""
    idle_seconds: float
    pace: float = 1.0
    """Times the usual number of jobs of a drain."""
    fleet: int = 18
    """Workers where the issue is how many."""
    thorough: bool = False
    """Whether the slow peers are asked everything."""
    minutes: float = math.inf
    """After which no other measure is begun."""
    sparse: bool = False
    """Whether one contestant of each kind is enough."""


FULL = Scale(5, 5.0, (1, 4, 18), 1_000_000, 300_000, 300, 30.0, thorough=True)
QUICK = Scale(1, 1.0, (1, 4, 18), 100_000, 30_000, 60, 6.0, pace=0.6, minutes=4.0)
SMOKE = Scale(1, 0.5, (1,), 200, 200, 3, 0.5, pace=0.005, fleet=2, sparse=True)


@dataclass
class Arena:
    """A context: the server runs inside, and nothing is left after it."""

    scale: Scale
    peers: frozenset[str] = frozenset()
    """The peers that are installed."""
    folder: Path = field(init=False)
    server: Server = field(init=False)
    marks: Marks = field(init=False)
    at_end: list[Callable[[], None]] = field(init=False, default_factory=list)
    """What else has to be ended with it."""
    remarks: list[str] = field(init=False, default_factory=list)
    """What has to be said on the page: peers that failed."""
    kept: dict[str, object] = field(init=False, default_factory=dict)
    """What else is started once."""
    _stocked: set[str] = field(init=False, default_factory=set)

    def __enter__(self) -> Self:
        adopt_orphans()
        # On a disk: /tmp is memory on many machines, and a flush to memory is none.
        disk = Path("/var/tmp")  # noqa: S108  the folder in it is made by mkdtemp
        self.folder = Path(tempfile.mkdtemp(prefix=f"{NAME}-{os.getpid()}-", dir=disk if disk.is_dir() else None))
        self.folder.chmod(0o755)
        self.marks = Marks(f"{NAME}-{os.getpid()}-")
        self.server = Server(self.folder / ".qsup")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for end in self.at_end:
            end()
        self.server.stop()
        self.marks.remove()
        shutil.rmtree(self.folder)

    def with_server(self, server: Server) -> Arena:
        """The same with another server, on which nothing is stocked yet."""
        other = copy.copy(self)
        other.server, other._stocked = server, set()
        return other

    def stock(self, name: str, make: Callable[[str], None], *, template: str = "template1") -> str:
        """The name of a database that is filled once by `make(dsn)` and copied for each run."""
        if name not in self._stocked:
            make(self.server.copy(name, template))
            self._stocked.add(name)
        return name

    def forget(self, name: str) -> None:
        """Drop what `stock` keeps."""
        self.server.drop(name)
        self._stocked.discard(name)

    def command(self, arguments: list[str], folder: Path, variables: Mapping[str, str] = {}) -> Command:
        """A program in a plain environment: nothing of the user's own databases, and where the marks go."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "QSUP_PG_BIN") if name in os.environ}
        ours = {VARIABLE: str(self.marks.path), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
        return Command(arguments, {**kept, **ours, **variables}, folder)

    def own(self, module: str, *arguments: str) -> Command:
        """A module of the bench's own in this interpreter."""
        return self.command([sys.executable, "-m", module, *arguments], self.folder)
