"""Importing the handlers in a process that is going to fork.

An error, a thread or a socket of the import is reported with its place. A forked worker inherits a thread's locks but
not the thread, and shares a socket with all its siblings: both break in ways that nobody finds later. So they are
refused here, by the line that made them.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from qsup import setsignal

ENDING_THREAD = 0.5
"""Seconds that a thread which has been joined may still be seen by the kernel."""


class NotSafe(Exception):
    """The code cannot be imported, or not be forked; the text says where and why."""


def import_all(modules: Sequence[str], root: Path) -> None:
    """Import the modules with `root` first on sys.path. Raises NotSafe."""
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    for module in modules:
        with _Witness(root) as witness:
            before = _sockets()
            try:
                importlib.import_module(module)
            except BaseException as error:
                raise NotSafe(f"{_place(error, root)}: {type(error).__name__}: {error}") from None
            _check(module, witness, _sockets() - before)


def take_signals() -> None:
    """In the child: signals end it again, also one that was sent since the fork."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        setsignal.signal(number, setsignal.SIG_DFL)
    setsignal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])


def _check(module: str, witness: _Witness, sockets: set[str]) -> None:
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others or _native_threads_stay():
        where = witness.places.get("thread", f"module {module}")
        raise NotSafe(
            f"{where}: importing {module} starts a thread ({', '.join(others) or 'not a Python one'}), which would be "
            f"missing in every forked worker; start it in the handler, or set `start: exec` for its queue"
        )
    if sockets:
        where = witness.places.get("socket", f"module {module}")
        raise NotSafe(
            f"{where}: importing {module} opens a socket that all forked workers would share; "
            f"open it in the handler, or set `start: exec` for its queue"
        )


class _Witness:
    """Remembers the line of the user's code that last started a thread or made a socket, while it is entered."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.places: dict[str, str] = {}

    def __enter__(self) -> _Witness:
        # Wrapped only while importing: an audit hook could not be removed, and all workers would pay for it.
        self.undo = [
            self._wrap(threading.Thread, "start", "thread"),
            self._wrap(socket.socket, "__init__", "socket"),
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for undo in self.undo:
            undo()

    def _wrap(self, owner: type, name: str, what: str) -> Callable[[], None]:
        original = getattr(owner, name)

        def noting(*args: Any, **kwargs: Any) -> Any:
            self._note(what, sys._getframe(1))
            return original(*args, **kwargs)

        setattr(owner, name, noting)
        return lambda: setattr(owner, name, original)

    def _note(self, what: str, frame: FrameType | None) -> None:
        while frame is not None and not _inside(frame.f_code.co_filename, self.root):
            frame = frame.f_back
        if frame is not None:
            self.places[what] = f"{os.path.relpath(frame.f_code.co_filename, self.root)}:{frame.f_lineno}"


def _place(error: BaseException, root: Path) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{os.path.relpath(error.filename, root)}:{error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if _inside(frame.filename, root) and frame.filename != __file__
    ]
    return f"{os.path.relpath(frames[-1].filename, root)}:{frames[-1].lineno}" if frames else str(root)


def _inside(filename: str, root: Path) -> bool:
    # A virtual environment often lies inside the project; its libraries are not the user's own lines.
    path = Path(filename)
    return path.is_absolute() and path.is_relative_to(root) and "site-packages" not in path.parts


def _native_threads_stay() -> bool:
    """Is there more than one thread for the kernel, and does that last? A joined thread takes a moment to be gone."""
    end = time.monotonic() + ENDING_THREAD
    while _threads() > 1:
        if time.monotonic() > end:
            return True
        time.sleep(0.005)
    return False


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _sockets() -> set[str]:
    found = set()
    try:
        for descriptor in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{descriptor}")
            except OSError:
                continue
            if target.startswith("socket:"):
                found.add(target)
    except OSError:
        pass
    return found
