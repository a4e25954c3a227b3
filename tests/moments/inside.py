"""Inside a process under test: patches what tests.moments.faults describes, when the module is imported."""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import json
import mmap
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.moments.faults import FOLDER, Fault

FORKS = "qsup.courier", "qsup.template"
"""What the supervisor forks, with all that they need loaded."""


def install() -> None:
    """Move the clocks, and patch modules as they are imported."""
    if FOLDER not in os.environ:
        return
    folder = Path(os.environ[FOLDER])
    move_clocks(folder / "clock")
    faults = [Fault(**one) for one in json.loads((folder / "faults.json").read_text())]
    forks = FORKS if started_as() == "qsup.supervise" else ()
    mine = [fault for fault in faults if fault.process in (started_as(), *forks)]
    if mine:
        sys.meta_path.insert(0, Patches(mine, folder))


def acting_as() -> str:
    """The same, of a forked process: what it is shown as. Workers count as their template."""
    words = Path("/proc/self/cmdline").read_bytes().split(b"\0")
    return words[2].decode().replace("qsup.worker", "qsup.template") if words[1:2] == [b"-m"] else ""


def started_as() -> str:
    """The module after `-m`."""
    words = sys.orig_argv
    return words[words.index("-m") + 1] if "-m" in words else ""


def move_clocks(path: Path) -> None:
    """CLOCK_BOOTTIME and monotonic time run ahead by the two numbers in the file."""
    with path.open("r+b") as file:
        ahead = memoryview(mmap.mmap(file.fileno(), 16)).cast("d")
    monotonic, gettime = time.monotonic, time.clock_gettime
    places = {time.CLOCK_BOOTTIME: 0, time.CLOCK_MONOTONIC: 1}
    time.monotonic = lambda: monotonic() + ahead[1]
    time.clock_gettime = lambda clock: gettime(clock) + (ahead[places[clock]] if clock in places else 0.0)


class Patches(importlib.abc.MetaPathFinder):
    """Finds modules as usual, and patches them once they are loaded."""

    def __init__(self, faults: Sequence[Fault], folder: Path) -> None:
        self.faults, self.folder = faults, folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec, with a loader that patches."""
        mine = [fault for fault in self.faults if fault.at.partition(":")[0] == fullname]
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target) if mine else None
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                for fault in mine:
                    patch(module, fault, self.folder)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # of this one loader only
        return spec


def patch(module: ModuleType, fault: Fault, folder: Path) -> None:
    """Replace the function (or constant) that the fault names."""
    *way, name = fault.at.partition(":")[2].split(".")
    owner: Any = functools.reduce(getattr, way, module)
    replacement = fault.value if fault.do == "set" else faulty(getattr(owner, name), fault, folder)
    setattr(owner, name, replacement)


def faulty(function: Callable[..., Any], fault: Fault, folder: Path) -> Callable[..., Any]:
    """The function, with the fault before or after its call."""
    calls = 0

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        said = f"{arguments}{named}" if fault.only or fault.do == "tell" else ""
        meant = fault.only in said and (folder / f"{fault.name}.armed").exists() and acting_as() == fault.process
        calls += meant
        now = meant and (calls == fault.call or fault.do == "tell")
        if now and not fault.after:
            happen(fault, folder, said)
        answer = function(*arguments, **named)
        if now and fault.after:
            happen(fault, folder, f"{said} -> {answer!r}" if fault.do == "tell" else said)
        return answer

    return call


def happen(fault: Fault, folder: Path, said: str) -> None:
    """Do it, if no process has done it before."""
    if fault.do == "tell":
        with (folder / fault.name).open("a") as file:
            file.write(f"{os.getpid()} {said}\n".replace("\n", " ").rstrip() + "\n")
        return
    try:
        descriptor = os.open(folder / fault.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    os.write(descriptor, str(os.getpid()).encode())
    os.close(descriptor)
    match fault.do:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case _:
            while not (folder / f"{fault.name}.go").exists():
                time.sleep(0.005)
