"""What the programs listen to: Laravel's workers, Horizon, `qsup worker`; everything else is no queue worker. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from qsup.check.supervisord import artisan, wrappers
from qsup.check.supervisord.artisan import Worked
from qsup.check.supervisord.expand import ENVIRONMENT
from qsup.check.supervisord.horizon import Horizon, Pool
from qsup.check.supervisord.ini import Section
from qsup.check.supervisord.programs import Process, Program
from qsup.check.supervisord.wrappers import Argv, Inner, program

PHP = re.compile(r"php(?:-cli)?[0-9.]*")
PYTHON = re.compile(r"(?:python|pypy)[0-9.]*")
UNSET = re.compile(r"%\(ENV_(\w+)\)s")
PHP_VALUES = ("-d", "-c", "-z")
Kind = Literal["laravel", "horizon", "qsup", "qsup run"]
OWN = ("qsup", "qsup run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One kind of worker that a program starts, and how often."""

    program: Program
    kind: Kind
    processes: int
    """Of the program's processes, those that listen so."""
    queues: tuple[str, ...] = ()
    """In the order in which it looks; of `qsup worker` the one that it is started for."""
    worked: Worked | None = None
    """The options of a Laravel worker."""
    pool: Pool | None = None
    """The supervisor of Horizon that it is."""
    config: str | None = None
    """The queues.yaml of a qsup worker, when its command names one."""
    why: str = ""
    """Not empty when its queues cannot be known from the file: why."""

    @property
    def place(self) -> str:
        """`queue.conf:12 [program:payments]`."""
        return self.pool.place if self.pool else self.program.section.place

    @property
    def starts(self) -> bool:
        """Whether supervisord starts it by itself."""
        return bool(self.program.values["autostart"])


@dataclass(frozen=True, slots=True)
class Sorted:
    """The programs, by what they are."""

    listeners: tuple[Listener, ...]
    others: tuple[Program, ...]
    """Those that are no queue workers, as far as their command says."""
    unreadable: tuple[Program, ...] = ()
    """Those whose command cannot be split into words."""


@dataclass(frozen=True, slots=True)
class Connections:
    """What config/queue.php says, as far as it is known."""

    default: str = ""
    """The connection of workers that name none."""
    queues: Mapping[str, str] = field(default_factory=dict)
    """The queue of workers without --queue, by connection."""
    retry_after: Mapping[str, float] = field(default_factory=dict)
    """Seconds after which a job that still runs is given to another worker, by connection."""
    horizon: Horizon | None = None
    """What config/horizon.php says."""

    def queue(self, connection: str | None) -> str:
        """The queue that a worker of `connection` looks at when it is told none."""
        return self.queues.get(connection or self.default, artisan.QUEUE)

    def gives_up_after(self, connection: str | None) -> float | None:
        """retry_after of `connection`; None when it is not known."""
        return self.retry_after.get(connection or self.default)


def sort(programs: Iterable[Program], connections: Connections) -> Sorted:
    """Which programs listen to queues, and to which."""
    listeners: list[Listener] = []
    others: list[Program] = []
    unreadable: list[Program] = []
    for one in programs:
        try:
            found = _of_program(one, connections)
        except ValueError:
            unreadable.append(one)
            continue
        listeners += found
        others += [] if found else [one]
    return Sorted(tuple(listeners), tuple(others), tuple(unreadable))


def heard_by(listeners: Iterable[Listener], served: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """(queue, place) of everything that is listened to without anybody's doing.

    `served` are the queues that a `qsup worker` of a queue serves, from its queues.yaml.
    """
    for one in listeners:
        if one.starts and not one.why:
            names = served if one.kind == "qsup run" else one.queues
            more = [other for name in names for other in (served.get(name, ()) if one.kind in OWN else ())]
            yield from ((queue, one.place) for queue in dict.fromkeys([*names, *more]))


def _of_program(one: Program, connections: Connections) -> list[Listener]:
    """Its listeners: one, unless its processes listen to different queues or a shell starts several commands."""
    found: list[Listener] = []
    for process in one.processes:
        for listener in _of_process(one, process, connections):
            same = next((index for index, known in enumerate(found) if _alike(known, listener)), None)
            if same is None:
                found.append(listener)
            else:
                found[same] = replace(found[same], processes=found[same].processes + 1)
    return found


def _alike(one: Listener, other: Listener) -> bool:
    return _what(one) == _what(other)


def _what(one: Listener) -> tuple[object, ...]:
    return one.kind, one.queues, one.worked, one.config, one.pool


def _of_process(one: Program, process: Process, connections: Connections) -> Iterator[Listener]:
    for command in wrappers.inner(process.command):
        words = command.argv
        console = _artisan(words)
        if console is not None:
            yield from _laravel(one, console, command, connections)
        elif (ours := _qsup(words)) is not None:
            yield from _own(one, ours)


def _artisan(words: Argv) -> Argv | None:
    """What follows `artisan`, of `php -d x=y /srv/artisan …`; None for another command."""
    if not words:
        return None
    if program(words[0]) == "artisan":
        return words[1:]
    if not PHP.fullmatch(program(words[0])):
        return None
    index = 1
    while index < len(words) and words[index].startswith("-"):
        index += 2 if words[index] in PHP_VALUES else 1
    return words[index + 1 :] if index < len(words) and program(words[index]) == "artisan" else None


def _qsup(words: Argv) -> Argv | None:
    """What follows `qsup`, of `qsup …` and `python -m qsup …`; None for another command."""
    if not words:
        return None
    if program(words[0]) == "qsup":
        return words[1:]
    if PYTHON.fullmatch(program(words[0])) and "-m" in words and "qsup" in words[words.index("-m") + 1 :][:1]:
        return words[words.index("-m") + 2 :]
    if PYTHON.fullmatch(program(words[0])) and len(words) > 1 and program(words[1]) == "qsup":
        return words[2:]
    return None


def _laravel(one: Program, words: Argv, command: Inner, connections: Connections) -> Iterator[Listener]:
    name = next((word for word in words if not word.startswith("-")), "")
    if name in artisan.FLAGS:
        at = words.index(name)
        worked = artisan.worked(name, (*words[:at], *words[at + 1 :]))
        names = (worked.queue or connections.queue(worked.connection)).split(",")
        why = _unknown(worked.queue or "", command)
        yield Listener(
            program=one, kind="laravel", processes=1, queues=tuple(dict.fromkeys(names)), worked=worked, why=why
        )
    elif name == "horizon":
        yield from _horizon(one, words, connections.horizon)


def _horizon(one: Program, words: Argv, horizon: Horizon | None) -> Iterator[Listener]:
    """A listener for each of its supervisors; one that listens to nothing when its environment has none."""
    if horizon is None:
        why = "Horizon takes its queues from config/horizon.php"
        yield Listener(program=one, kind="horizon", processes=1, why=why)
        return
    pools = horizon.pools(_options(words).get("environment"))
    for pool in pools:
        yield Listener(program=one, kind="horizon", processes=1, queues=pool.queues, pool=pool, why=pool.why)
    if not pools:
        yield Listener(program=one, kind="horizon", processes=1)


def by_itself(horizon: Horizon) -> tuple[Listener, ...]:
    """The listeners of an application with Horizon, whoever starts it: each as a program of its own."""
    pools = horizon.pools(None)
    if not pools:
        return tuple(_horizon(_nobodys(horizon, horizon.usual), (), horizon))
    return tuple(
        Listener(
            program=_nobodys(horizon, pool.name),
            kind="horizon",
            processes=1,
            queues=pool.queues,
            pool=pool,
            why=pool.why,
        )
        for pool in pools
    )


def _nobodys(horizon: Horizon, name: str) -> Program:
    """A program of which no supervisord file tells."""
    section = Section(name=name, file=horizon.file, line=0)
    return Program(name=name, section=section, group=None, values={"autostart": True}, processes=(), entries={})


def _unknown(queue: str, command: Inner) -> str:
    if ENVIRONMENT in queue:
        return "a lone %s stands in --queue"
    if unset := UNSET.search(queue):
        return f"--queue is the environment variable {unset[1]}, which is not set here"
    if command.by_shell and re.search(r"[$`]", queue):
        return "--queue is filled in by a shell"
    return ""


def _own(one: Program, words: Argv) -> Iterator[Listener]:
    options = _options(words[1:])
    config = options.get("config") or options.get("c")
    if words[:1] == ("worker",) and options.get("queue"):
        yield Listener(program=one, kind="qsup", processes=1, queues=(options["queue"],), config=config)
    elif words[:1] == ("run",):
        yield Listener(program=one, kind="qsup run", processes=1, config=config)


def _options(words: Argv) -> dict[str, str]:
    found: dict[str, str] = {}
    waiting = ""
    for word in words:
        if waiting:
            found[waiting], waiting = word, ""
        elif word.startswith("-"):
            name, equals, value = word.lstrip("-").partition("=")
            if equals:
                found[name] = value
            else:
                waiting = name
    return found
