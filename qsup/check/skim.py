"""The summaries of files: from the cache where the contents are known there, else made here, or on all cores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qsup.check import skimmer
from qsup.check.cache import Cache
from qsup.check.summary import Summary, from_list

FEW = 300
"""Files that one core has read before another interpreter has started and been given its part (0.1 s)."""


@dataclass(frozen=True, slots=True)
class Known:
    """A file's summary and the digest of what it is of; an empty digest for what could not be read."""

    summary: Summary
    digest: str = ""


@dataclass(slots=True)
class Skim:
    """Reads files. `cores` is how many processes may do it at a time."""

    cache: Cache = field(default_factory=Cache)
    cores: int = 1
    few: int = FEW
    read: dict[Path, Known] = field(default_factory=dict)
    """By the path that they were asked for by."""

    def of_file(self, file: Path) -> Known:
        """The summary of one file; of what cannot be read, one with an error."""
        if file not in self.read:
            self.read[file] = self._kept(file) or self._made(file)
        return self.read[file]

    def prepare(self, files: Sequence[Path]) -> None:
        """Read many files, in more than one process when that is quicker."""
        missing = [file for file in files if file not in self.read and not self._from_cache(file)]
        if len(missing) < self.few or self.cores < 2:
            return
        for file, answer in _elsewhere(missing, self.cores):
            known = _known(answer)
            if known is not None:
                self.cache.keep("files", known.digest, answer[1])
                self.read[file] = known

    def _from_cache(self, file: Path) -> bool:
        known = self._kept(file)
        if known is not None:
            self.read[file] = known
        return known is not None

    def _kept(self, file: Path) -> Known | None:
        """From the cache. The contents are read and hashed each time: no clock and no file system vouches for them."""
        if not self.cache.filled:
            return None
        try:
            digest = skimmer.digest(file.read_bytes())
        except OSError:
            return None
        found = from_list(self.cache.look("files", digest))
        return Known(found, digest) if found is not None else None

    def _made(self, file: Path) -> Known:
        try:
            source = file.read_bytes()
            raw, digest = skimmer.summarised(source), skimmer.digest(source)
        except (OSError, RecursionError, MemoryError) as error:
            return Known(Summary(str(error) or type(error).__name__))
        self.cache.keep("files", digest, raw)
        return Known(from_list(raw) or Summary("not read"), digest)


def _known(answer: Any) -> Known | None:
    if not (isinstance(answer, list) and len(answer) == 2 and isinstance(answer[0], str)):
        return None
    found = from_list(answer[1])
    return Known(found, answer[0]) if found is not None else None


def _elsewhere(files: Sequence[Path], cores: int) -> Iterator[tuple[Path, Any]]:
    """What other processes answer. Those that fail answer nothing: then their files are read here, one by one."""
    with ThreadPoolExecutor(cores) as threads, _children(cores) as children:
        parts = [files[start :: len(children)] for start in range(len(children))]
        waiting = [threads.submit(_answers, child, part) for child, part in zip(children, parts, strict=True)]
        for part, answers in zip(parts, waiting, strict=True):
            yield from zip(part, answers.result(), strict=False)


@contextmanager
def _children(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that summarise, fewer when no more are to be had; none outlives this, be it left by Ctrl-C."""
    children: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(count):
            with suppress(OSError):
                children.append(_child())
        yield children
    finally:
        for child in children:
            child.kill()
            child.wait()


def _child() -> subprocess.Popen[bytes]:
    # Isolated and by path: neither the folder it is started in nor PYTHONPATH can put a module of its own in the way.
    command = [sys.executable, "-I", "-S", skimmer.__file__]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603  our own


def _answers(child: subprocess.Popen[bytes], files: Iterable[Path]) -> list[Any]:
    written = json.dumps([os.path.abspath(file) for file in files]).encode()
    lines = child.communicate(written)[0].splitlines()
    try:
        return [json.loads(line) for line in lines]
    except ValueError:
        # It was killed in the middle of a line.
        return [json.loads(line) for line in lines[:-1]]


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
