"""Comments `// qsup: dispatches A, B on QUEUE` in PHP: what a site dispatches that the source does not show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qsup.check.php.application import Application
from qsup.check.php.classes import Class
from qsup.check.php.found import PhpSite, Resolver, Sent
from qsup.check.php.kinds import Kinds
from qsup.check.php.source import File
from qsup.check.php.syntax import comments, place, statement_end, text
from qsup.check.problem import Problem, nearest

if TYPE_CHECKING:
    from tree_sitter import Node

COMMENT = re.compile(r"(?://|#|/\*+[\s*]*)\s*qsup\s*:\s*(.*?)[\s*]*(?:\*/)?", re.IGNORECASE | re.DOTALL)
NAME = r"\\?[A-Za-z_][\w\\]*(?:\s+on\s+[A-Za-z0-9][\w.:-]*)?"
DISPATCHES = re.compile(rf"dispatches\s+({NAME}(?:\s*,\s*{NAME})*)(?:\s*[(#;].*)?", re.DOTALL)
EXAMPLE = "write `// qsup: dispatches JobName, OtherJob on queue-name`"
NO_CODE = ("//", "#", "/*", "*")


@dataclass(frozen=True, slots=True)
class Silencer:
    """One comment. `jobs` are pairs of a class as it is written and the queue, or None; empty: not understood."""

    node: Node
    line: int
    until: int
    """The line that it stands for: its own, or the next one with code when it has the line for itself."""
    jobs: tuple[tuple[str, str | None], ...]
    text: str


@dataclass(slots=True)
class Silencers:
    """Applies the comments of one file to its sites."""

    file: File
    app: Application
    kinds: Kinds
    resolver: Resolver
    problems: list[Problem] = field(default_factory=list)
    """The comments that are wrong themselves."""

    def applied(self, found: Iterable[PhpSite]) -> list[PhpSite]:
        """The sites with what the comments say about them."""
        sites = list(found)
        for comment in silencers(self.file):
            if not comment.jobs:
                self._wrong("Q414", comment, f'"qsup: {comment.text[:60]}" is not understood', EXAMPLE)
                continue
            known = [(one, queue) for name, queue in comment.jobs if (one := self._class(comment, name)) is not None]
            meant = [site for site in sites if self._is_meant(comment, site)]
            if not meant:
                message = "this comment says what is dispatched here, but no site here needs it"
                self._wrong("Q412", comment, message, "remove it, or move it to the line of the site")
            if meant and known:
                said = [new for site in meant for one, queue in known for new in self._said(site, one, queue)]
                sites = [site for site in sites if site not in meant] + said
        return sorted(dict.fromkeys(sites), key=lambda site: (site.line, site.column))

    def _is_meant(self, comment: Silencer, site: PhpSite) -> bool:
        if (site.job and not site.why) or site.file != self.file.path:
            return False
        last = statement_end(self.file.root, site.line, site.column)
        return site.line <= comment.line <= last or site.line <= comment.until <= last

    def _said(self, site: PhpSite, one: Class, queue: str | None) -> Iterator[PhpSite]:
        """The site for one job: on the queue that is said, or that the site gives, or that the class gives itself."""
        if queue is not None or site.queue is not None or site.unclear_queue:
            why = "" if queue or site.queue else site.why
            short = one.name.rpartition("\\")[2]
            yield replace(site, job=short, full=one.name, queue=queue or site.queue, why=why, written=None, source="")
            return
        yield from self.resolver.sites(self.kinds.made(one), Sent(kind=site.kind), (site.file, site.line, site.column))

    def _class(self, comment: Silencer, name: str) -> Class | None:
        """The class as this file means it, else the only one of that name in the application."""
        found = self.app.classes.find(self.file.full(name, comment.node))
        if found is not None:
            return found
        named = [one for one in {*self.app.classes.known, *self.app.homes} if _short(one) == _short(name.lower())]
        if len(named) == 1:
            return self.app.classes.find(named[0])
        shorts = [one.short for one in self.app.classes.known.values()]
        several = f", expected one of {', '.join(sorted(named))}" if named else ""
        message = f"this comment names {name}, which is no one class of this application{several}"
        self._wrong("Q413", comment, message, nearest(_short(name), shorts) or "write its full name")
        return None

    def _wrong(self, code: str, comment: Silencer, message: str, hint: str) -> None:
        line, column = place(comment.node)
        path = str(self.file.path)
        self.problems.append(Problem(code=code, message=message, path=path, line=line, column=column, hint=hint))


def silencers(file: File) -> list[Silencer]:
    """The comments to qsup in a PHP file. Nothing in texts counts."""
    source = file.root.text or b""
    if b"qsup" not in source:
        return []
    lines = source.decode("utf-8", "replace").splitlines()
    return [found for node in comments(file.root) if (found := _silencer(node, lines)) is not None]


def _silencer(node: Node, lines: list[str]) -> Silencer | None:
    match = COMMENT.fullmatch(text(node).strip())
    if match is None:
        return None
    line, last = node.start_point[0] + 1, node.end_point[0] + 1
    before = lines[line - 1].encode()[: node.start_point[1]].strip()
    alone = before in (b"", b"<?php")
    until = next((at for at in range(last + 1, len(lines) + 1) if _is_code(lines[at - 1])), line) if alone else line
    parts = DISPATCHES.fullmatch(match[1])
    jobs = [part.split() for part in parts[1].split(",")] if parts else []
    said = tuple((part[0], part[2] if len(part) > 2 else None) for part in jobs)
    return Silencer(node, line, until, said, " ".join(match[1].split()))


def _is_code(line: str) -> bool:
    stripped = line.strip()
    return bool(stripped) and (stripped.startswith("#[") or not stripped.startswith(NO_CODE))


def _short(name: str) -> str:
    return name.rpartition("\\")[2]
