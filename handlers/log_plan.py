"""What is to be done to one log and its old ones, as steps. Pure: what lies in the folder goes in, steps come out.

`x.log` is the log, `x.log.1` the newest old one, `x.log.2.gz` an older, compressed one. Every step is one operation of
the file system, and after each of them the folder is one from which the plan can be made anew: that is what a kill at
any moment costs. A number may be free; it is filled before anything is dropped, so a rotation that was cut short and
begins again drops no more than one that was not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

FRESH = ".new"
"""The end of the name under which the next log is made, before it takes the name of the log."""
HALF = ".gz.tmp"
"""The end of the name under which an old log is compressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file. `busy`: somebody may still write to it, or did so a moment ago."""

    size: int
    mode: int = 0o640
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a file away."""

    name: str


@dataclass(frozen=True, slots=True)
class Create:
    """Make an empty file with these mode bits."""

    name: str
    mode: int


@dataclass(frozen=True, slots=True)
class Rename:
    """Give a file another name; no file has it."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Publish:
    """Give a new file the name of the log, unless a writer has made the log meanwhile."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Compress:
    """Write an old log, compressed, to a file beside it, down to the disk."""

    old: str
    new: str


Step = Remove | Create | Rename | Publish | Compress


def strays(log: str, names: Mapping[str, Found]) -> list[Step]:
    """What an earlier run left when it was killed: half a file, a compressed one whose source is still there, and a new
    log that did not get its name."""
    half = [name for name in names if name.startswith(f"{log}.") and name.endswith(HALF)]
    doubled = [f"{log}.{number}.gz" for number in numbers(log, names) if f"{log}.{number}" in names]
    unnamed = log + FRESH in names
    if unnamed and log not in names:
        return [Publish(log + FRESH, log), *(Remove(name) for name in sorted([*half, *doubled]) if name in names)]
    return [Remove(name) for name in sorted([*half, *doubled, *([log + FRESH] if unnamed else [])]) if name in names]


def rotation(log: str, names: Mapping[str, Found], *, largest: int, keep: int) -> list[Step]:
    """The steps that put the log aside, when it is large enough; none when not, or when one that would have to be
    dropped may still be written to."""
    here = names.get(log)
    if here is None or here.size < largest:
        return []
    after = strays(log, names)
    left = {name: found for name, found in names.items() if Remove(name) not in after}
    last = next((number for number in range(1, keep + 1) if old(log, left, number) is None), keep + 1)
    top = old(log, left, keep) if last > keep else None
    if top is not None and left[top].busy:
        return []
    after.append(Create(log + FRESH, here.mode))
    if top is not None:
        after.append(Remove(top))
    for number in range(min(last, keep) - 1, 0, -1):
        name = old(log, left, number)
        if name is not None:
            after.append(Rename(name, _numbered(log, number + 1, compressed=name.endswith(".gz"))))
    return [*after, Rename(log, f"{log}.1"), Publish(log + FRESH, log)]


def beyond(log: str, names: Mapping[str, Found], *, keep: int) -> list[Step]:
    """Old ones with numbers over `keep`: fewer are to be kept than before."""
    high = [number for number in numbers(log, names) if number > keep]
    every = [name for number in high for name in (f"{log}.{number}", f"{log}.{number}.gz") if name in names]
    return [Remove(name) for name in every if not names[name].busy]


def compression(log: str, names: Mapping[str, Found], *, most: float) -> Iterator[list[Step]]:
    """For each old log that nobody writes to any more the steps that compress it, oldest first.

    One over `most` bytes stays as it is: it could not be compressed within the job's time, today or ever.
    """
    for number in sorted(numbers(log, names), reverse=True):
        plain = names.get(f"{log}.{number}")
        if plain is not None and not plain.busy and plain.size <= most:
            source, target = f"{log}.{number}", f"{log}.{number}.gz"
            double = [Remove(target)] if target in names else []
            yield [*double, Compress(source, source + HALF), Rename(source + HALF, target), Remove(source)]


def numbers(log: str, names: Mapping[str, Found]) -> list[int]:
    """The numbers of old ones that are there, in order."""
    pattern = re.compile(re.escape(log) + r"\.([1-9][0-9]{0,8})(\.gz)?")
    return sorted({int(match[1]) for name in names if (match := pattern.fullmatch(name))})


def old(log: str, names: Mapping[str, Found], number: int) -> str | None:
    """The name of the old one with this number; the plain one where both are there."""
    candidates = (_numbered(log, number, compressed=False), _numbered(log, number, compressed=True))
    return next((name for name in candidates if name in names), None)


def _numbered(log: str, number: int, *, compressed: bool) -> str:
    return f"{log}.{number}.gz" if compressed else f"{log}.{number}"
