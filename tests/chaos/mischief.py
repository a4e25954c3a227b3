"""Carries out accidents, and undoes those that last: a stopped process goes on, a broken file is mended."""

from __future__ import annotations

import heapq
import itertools
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence

from tests.chaos import processes
from tests.chaos.accidents import Accident
from tests.chaos.database import Database
from tests.chaos.project import BAD_CODE, BROKEN, SHOP, Project

REFUSED = (
    {"workers": "many"},
    {"surprise": 1},
    {"workers": 0},
    {"timeout": "-3s"},
)
MODULES = {"courier": "qsup.courier", "template": "qsup.template", "database child": "qsup.embedded"}


class Mischief:
    """What is broken at the moment, and how to mend it."""

    def __init__(self, project: Project, database: Database, nap: Callable[[float], None]) -> None:
        self.project, self.database, self.nap = project, database, nap
        self.done: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        """Accidents that found nobody to happen to."""
        self._undo: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._stopped: Counter[int] = Counter()
        self._away = 0
        self._versions = itertools.count(1)

    def do(self, accident: Accident) -> None:
        """Let it happen."""
        happened = self._happens(accident, accident.what.removesuffix(" long"))
        (self.done if happened else self.missed)[accident.what] += 1

    def undo_due(self, now: float) -> None:
        """Mend what has lasted long enough."""
        while self._undo and self._undo[0][0] <= now:
            heapq.heappop(self._undo)[2]()

    def mend(self) -> None:
        """Mend everything: from here on nothing is broken any more."""
        while self._undo:
            heapq.heappop(self._undo)[2]()
        self._save(self.project.document())
        self._push(SHOP, wrong=False)

    def _happens(self, accident: Accident, what: str) -> bool:
        verb, _, rest = what.partition(" ")
        match verb:
            case "kill" | "end" | "ask":
                return self._kills(accident, rest)
            case "pause":
                return self._pauses(accident, rest)
            case "stop":
                return self._stops_postgres(accident, rest.removeprefix("postgres "))
            case "keep":
                return self._keeps_away(accident)
            case "suspend":
                return self._suspends(accident)
            case _:
                return self._edits(accident, what)

    def _kills(self, accident: Accident, what: str) -> bool:
        match what:
            case "supervisor":
                return self._kill_supervisor(accident, [])
            case "supervisor, template and courier":
                return self._kill_supervisor(accident, self._pids("template") + self._pids("courier"))
            case "all of qsup":
                postgres = set(self.database.processes())
                return self._kill_supervisor(accident, [pid for pid in self._all() if pid not in postgres])
            case "postmaster":
                return self._stops_postgres(accident, "kill")
            case "worker to leave":
                return self._strikes(accident, self._pids("worker"), signal.SIGTERM)
            case "backend":
                number = signal.SIGTERM if accident.what.startswith("end") else signal.SIGKILL
                return self._strikes(accident, self.database.backends(), number)
            case _:
                return self._strikes(accident, self._pids(what), signal.SIGKILL)

    def _strikes(self, accident: Accident, pids: Sequence[int], number: int) -> bool:
        victim = chosen(accident, pids)
        processes.send([victim] if victim else [], number)
        return bool(victim)

    def _kill_supervisor(self, accident: Accident, with_it: Sequence[int]) -> bool:
        # In the one instant in which nobody can start anything again.
        processes.send([pid for pid in with_it if pid != self.project.pid], signal.SIGKILL)
        self.project.kill()
        processes.send(with_it, signal.SIGKILL)
        self.nap(accident.seconds)
        self.project.keep_running()
        return True

    def _pauses(self, accident: Accident, what: str) -> bool:
        victim = chosen(accident, self._pids(what))
        if not victim:
            return False
        self._stop([victim])
        self._later(accident.seconds, lambda: self._go_on([victim]))
        return True

    def _suspends(self, accident: Accident) -> bool:
        everybody = [*self._all(), *self.database.processes()]
        self._stop(everybody)
        self.nap(accident.seconds)
        self._go_on(everybody)
        return True

    def _stop(self, pids: Sequence[int]) -> None:
        self._stopped.update(pids)
        processes.send(pids, signal.SIGSTOP)

    def _go_on(self, pids: Sequence[int]) -> None:
        self._stopped.subtract(pids)
        free = [pid for pid in pids if self._stopped[pid] <= 0 and processes.is_ours(pid, self.project.folder.parent)]
        processes.send(free, signal.SIGCONT)

    def _stops_postgres(self, accident: Accident, how: str) -> bool:
        if not self.database.postmaster():
            return False
        self.database.stop(how)
        self._away += 1
        # An embedded one is back when qsup brings it back.
        self._later(accident.seconds if self.database.ours else 0.0, self._postgres_back)
        return True

    def _keeps_away(self, accident: Accident) -> bool:
        self.database.keep_away()
        self._away += 1
        self.database.stop("fast")
        self._later(accident.seconds, self._postgres_back)
        return True

    def _postgres_back(self) -> None:
        self._away -= 1
        if self._away == 0:
            self.database.let_back()
            self.database.start()

    def _edits(self, accident: Accident, what: str) -> bool:
        rnd = random.Random(accident.pick)  # noqa: S311  a seeded run, not a secret
        match what:
            case "edit":
                self._save(self.project.edited(rnd))
            case "break the file":
                self._save(rnd.choice(BROKEN), mended_after=accident.seconds)
            case "refused edit":
                self._save(self.project.document(quick=rnd.choice(REFUSED)), mended_after=accident.seconds)
            case "bad code":
                self._push(rnd.choice(BAD_CODE), wrong=True)
                self._later(accident.seconds, lambda: self._push(SHOP, wrong=False))
            case "new code":
                self._push(f"{SHOP}\n# version {next(self._versions)}\n", wrong=False)
            case _:
                raise ValueError(f"no such accident: {what}")
        return True

    def _save(self, text: str, mended_after: float | None = None) -> None:
        self.project.set_wrong("file", mended_after is not None)
        self.project.write(text)
        if mended_after is not None:
            self._later(mended_after, lambda: self._save(self.project.document()))

    def _push(self, text: str, *, wrong: bool) -> None:
        self.project.set_wrong("code", wrong)
        self.project.write_code(text)
        self.project.reload()

    def _later(self, seconds: float, undo: Callable[[], None]) -> None:
        heapq.heappush(self._undo, (time.monotonic() + seconds, next(self._numbers), undo))

    def _pids(self, what: str) -> list[int]:
        """The living processes of one kind."""
        workers = self.project.workers()
        match what:
            case "supervisor":
                return [self.project.pid] if self.project.pid else []
            case "worker":
                return workers
            case _:
                # A forked worker has its template's command line.
                module = MODULES[what]
                running = processes.ours(self.project.folder)
                return sorted(pid for pid, title in running.items() if module in title and pid not in workers)

    def _all(self) -> list[int]:
        return list(processes.ours(self.project.folder))


def chosen(accident: Accident, pids: Sequence[int]) -> int:
    """The one that it happens to; 0 when there is none."""
    return pids[int(accident.pick * len(pids))] if pids else 0
