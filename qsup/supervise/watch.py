"""Has queues.yaml been saved? A thread that is told by the kernel, and a look every two seconds that is the guarantee.

The *directory* is watched: editors and ConfigMaps replace the file or a link above it, which a watch of the file
itself would not see; and events do not cross every bind mount, hence the look. What counts is the content, so a save
without a change is none, and a change counts when it has stood still for a moment: half-written files are normal.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

from watchfiles import watch

from qsup.reading import fingerprint_of_kind, read

EVERY = 2.0
"""Seconds between looks."""
STEP = 400
"""Milliseconds between looks of the watching thread at what the kernel has told it; at 20 they were half of all that an
idle `qsup run` cost. From 250 to 400 a supervisor went from 0.112 to 0.093 % of a core (medians of four, in turns)."""
STILL = 0.15
"""Seconds for which a change must stand still."""


class ConfigWatch:
    """Compares the file with what was last read from it."""

    def __init__(self, file: Path, seen: str, now: float) -> None:
        self.file = file
        self.seen = seen
        """The hash of the content that was last acted upon."""
        self.due = now + EVERY
        self._unsure: str | None = None

    def look_soon(self, now: float) -> None:
        """Something happened in the directory."""
        if self._unsure is None:
            self.due = now

    def changed(self, now: float) -> bool:
        """Is there a new content that has stood still? Asked at `due`; says yes once per content."""
        if now < self.due:
            return False
        current = fingerprint(self.file)
        if current == self.seen:
            self._unsure, self.due = None, now + EVERY
            return False
        if current != self._unsure:
            self._unsure, self.due = current, now + STILL
            return False
        self.seen, self._unsure, self.due = current, None, now + EVERY
        return True


def fingerprint(file: Path) -> str:
    """The hash of the content, of so much as is ever read; empty when it cannot be read."""
    try:
        # Of a pipe or a device only what it is: the supervisor must not read what may never come, or never end.
        return fingerprint_of_kind(file) or hashlib.sha256(read(file)).hexdigest()
    except OSError:
        return ""


def start_watching(directory: Path, ring: Callable[[], None], stop: threading.Event) -> threading.Thread:
    """A daemon thread that rings at every change in the directory, until `stop` is set."""
    thread = threading.Thread(target=_watch, args=(directory, ring, stop), name="qsup-watch", daemon=True)
    thread.start()
    return thread


def _watch(directory: Path, ring: Callable[[], None], stop: threading.Event) -> None:
    try:
        for _ in watch(directory, watch_filter=None, debounce=STEP, step=STEP, recursive=False, stop_event=stop):
            ring()
    except (OSError, RuntimeError):
        # Out of inotify watches, or a file system without them: the look at the content finds every change too.
        return
