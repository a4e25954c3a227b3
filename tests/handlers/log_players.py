"""Processes that write logs and rotate them, for the tests: `python -m tests.handlers.log_players write …`."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from handlers.log_plan import Step
from handlers.log_rotation import rotate_all
from handlers.logfile import LogFile
from handlers.operator_settings import RotationSettings


def settings(folder: Path, **changes: object) -> RotationSettings:
    """All `*.log` of a folder: from 1 kB on, 7 kept, compressed as soon as nobody writes."""
    values = {"folders": (folder,), "patterns": ("*.log",), "largest": 1000, "keep": 7, "rest": 0.0, "pidfile": None}
    return RotationSettings(**{**values, **changes})  # type: ignore[arg-type]  # the tests name fields of it


def write(path: str, name: str, count: str) -> None:
    """Numbered lines of 20 to 12,000 bytes, with a few pauses, and on until the file `enough` lies beside the log.

    The number of lines is printed at the end.
    """
    chance, log, number = random.Random(name), LogFile(path), 0  # noqa: S311  the same lines in every run
    while number < int(count) or not Path(path).with_name("enough").exists():
        log.write(f"{name} {number} {'x' * chance.choice([5, 50, 12_000])} end\n".encode())
        number += 1
        # Once it has said what it must, it leaves the processor to those who rotate.
        if number > int(count) or chance.random() < 0.02:
            time.sleep(0.01)
    print(number)


def write_plainly(name: str, count: str) -> None:
    """The same on stdout, as a program under supervisord does."""
    for number in range(int(count)):
        print(f"{name} {number} {'x' * 100} end", flush=True)
        time.sleep(0.0005)


def rotate(folder: str) -> None:
    """Again and again, until the file `stop` lies in the folder; nothing is dropped."""
    while not (Path(folder) / "stop").exists():
        rotate_all(settings(Path(folder), largest=20_000, keep=999), seconds=30)


def killed_after(steps: int) -> Callable[[Step], None]:
    """A listener to steps that kills its process with SIGKILL when that many are done."""
    done: list[Step] = []

    def told(step: Step) -> None:
        done.append(step)
        if len(done) == steps:
            os.kill(os.getpid(), signal.SIGKILL)

    return told


def kill_each(folder: str) -> None:
    """One rotation in each of the folders 1, 2, 3 …, killed after so many steps; those that were not are printed."""
    for place in sorted(Path(folder).iterdir(), key=lambda place: int(place.name)):
        child = os.fork()
        if not child:
            rotate_all(settings(place), seconds=30, told=killed_after(int(place.name)))
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            print(place.name)


def as_user(uid: str, folder: str) -> None:
    """One rotation by another user."""
    os.setgid(int(uid))
    os.setuid(int(uid))
    rotate_all(settings(Path(folder)), seconds=30)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
