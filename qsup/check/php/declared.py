"""The sites that no call shows: queues that classes name for themselves, listeners, broadcast events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qsup.check.php.classes import Class
from qsup.check.php.found import PhpSite, Resolver, Sent
from qsup.check.php.kinds import Kind, Kinds
from qsup.check.php.own import Named, Names

BY_ITSELF = ("listener", "broadcast")
"""Laravel puts these on a queue whenever their event happens: they are sites without any call."""


def sites(one: Class, kinds: Kinds, resolver: Resolver) -> Iterator[PhpSite]:
    """The sites of one class; each at the place where its queue is written, else at the class's name."""
    kind = kinds.of(one)
    if not kind or one.abstract() or one.kind == "anonymous":
        return
    names = kinds.own_names(one, kind)
    if kind in BY_ITSELF:
        yield from _by_itself(one, kind, names, kinds, resolver)
        return
    if kind == "notification":
        names += kinds.returned(one, "viaQueues") or ()
    for name in dict.fromkeys(names):
        if name.name or (name.why and not _of_an_argument(name)):
            sent = Sent(queue=(name,), kind="class", always=True)
            yield from resolver.sites(kinds.made(one), sent, _at(one, name))


def _by_itself(one: Class, kind: Kind, names: Names, kinds: Kinds, resolver: Resolver) -> Iterator[PhpSite]:
    via = kinds.returned(one, "viaConnection") if kind == "listener" else None
    for name in names:
        # Nothing of what a constructor does counts for a listener: Laravel makes it without.
        sent = Sent(queue=(name,), kind=kind, always=True, constructed=kind != "listener")
        if via is not None:
            sent = Sent(queue=(name,), connection=via, kind=kind, always=True, constructed=False)
        yield from resolver.sites(kinds.made(one), sent, _at(one, name))


def _of_an_argument(name: Named) -> bool:
    """True for what is handed to the constructor: the sites that make the object know it."""
    return name.why.startswith(("it is the variable $", "it is handed"))


def _at(one: Class, name: Named) -> tuple[Path, int, int]:
    if name.file is not None and (name.name or name.why):
        return (name.file, name.line, name.column)
    return (one.file.path, *one.place())
