"""A project as lines that know what they say, so that a mistake in one of them knows its own place."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from qsup.check.findings import answered
from qsup.check.load import load
from qsup.check.problem import Problem
from qsup.check.scan import scan
from qsup.check.sites import Site

Place = tuple[str, int]
"""A file, and the line in it from 1."""


@dataclass(eq=False, slots=True)
class Line:
    """One line of a file."""

    text: str
    sent: list[Sent] = field(default_factory=list)
    """What begins to be dispatched on it."""

    def indented(self) -> Line:
        """The same line, one level deeper."""
        self.text = f"    {self.text}"
        return self


@dataclass(eq=False, slots=True)
class Sent:
    """One job that one call dispatches."""

    job: str
    queue: str | None = None
    named: Line | None = None
    """Where this module gets the class from; None when it is named at the call itself."""
    written: Line | None = None
    """Where the queue's name is written."""
    comment: Line | None = None
    """The silencer that says the job."""


@dataclass(slots=True)
class Tree:
    """Files by name."""

    files: dict[str, list[Line]] = field(default_factory=dict)

    def add(self, name: str, text: str) -> list[Line]:
        """A file of plain lines."""
        self.files[name] = [Line(one) for one in text.splitlines()]
        return self.files[name]

    def place(self, line: Line) -> Place:
        """Where a line is now."""
        for name, lines in self.files.items():
            for number, one in enumerate(lines, 1):
                if one is line:
                    return name, number
        raise LookupError(line.text)

    def sites(self) -> list[tuple[Line, Sent]]:
        """Everything that is dispatched, with the line of the call."""
        return [(line, sent) for lines in self.files.values() for line in lines for sent in line.sent]

    def python(self) -> list[Line]:
        """The lines of all Python files."""
        return [line for name, lines in self.files.items() if name.endswith(".py") for line in lines]

    def text(self, name: str) -> str:
        """A file as it is written."""
        return "".join(f"{line.text}\n" for line in self.files[name])

    def __str__(self) -> str:
        """All of it, for a failing test."""
        return "\n".join(f"----- {name}\n{self.text(name)}" for name in self.files)


@dataclass(frozen=True, slots=True)
class Answer:
    """What validate says about a tree."""

    problems: tuple[Problem, ...]
    sites: tuple[tuple[str, int, str, str | None], ...]
    """(file, line, job, queue), in order."""
    unclear: tuple[tuple[str, int, str], ...]
    """(file, line, why) of the sites that cannot be judged."""


def answer(tree: Tree, folder: Path) -> Answer:
    """Write the tree into the empty `folder` and check it as `qsup validate` does."""
    for name in tree.files:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(tree.text(name), encoding="utf-8")
    return checked(folder)


def checked(folder: Path) -> Answer:
    """What validate says about the project in `folder`, files named from there."""
    loaded = load(folder / "queues.yaml", {})
    if loaded.routing is None or loaded.parsed is None:
        return Answer(_named(loaded.problems, folder), (), ())
    found = scan(loaded.parsed, folder)
    sites = [(_near(site, folder), site.line, site.job, site.queue) for site in found.sites]
    unclear = [(_near(site, folder), site.line, site.why) for site in found.unverifiable()]
    own = answered(loaded.problems, {site.queue for site in found.sites})
    return Answer(_named((*own, *found.problems), folder), tuple(sites), tuple(unclear))


def _named(problems: Iterable[Problem], folder: Path) -> tuple[Problem, ...]:
    """With their files as seen from the folder."""
    return tuple(replace(one, path=os.path.relpath(one.path, folder)) if one.path else one for one in problems)


def _near(site: Site, folder: Path) -> str:
    return site.file.relative_to(folder).as_posix()
