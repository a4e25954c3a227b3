"""From sections to the programs that supervisord would run, each with its processes. Pure.

The steps and their order are those of supervisor's `_processes_from_section`, but a wrong value does not end the
reading: all of them are told. Users, folders and executables are not looked for. fcgi-programs and event listeners are
passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from qsup.check.problem import Problem, Severity, nearest
from qsup.check.supervisord import settings
from qsup.check.supervisord.expand import Names, expand
from qsup.check.supervisord.ini import Entry, Ini, Section

MOST_PROCESSES = 1_000
"""Of one program that are written out."""
NUMBERED = "%(process_num)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process, every name expanded."""

    name: str
    command: str = field(repr=False)
    """It may hold a password."""
    environment: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, Any]
    """By the keys of `settings.PROCESS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One [program:x]."""

    name: str
    section: Section
    group: str | None
    """The [group:x] that it is in."""
    values: Mapping[str, Any]
    """By the keys of `settings.PROGRAM`."""
    processes: tuple[Process, ...]
    entries: Mapping[str, Entry] = field(repr=False)
    """The keys that are written, with their places."""

    def at(self, key: str) -> Entry:
        """The entry of `key`; the section's own line when it is not written."""
        default = Entry(key=key, value="", file=self.section.file, line=self.section.line, column=1)
        return self.entries.get(key, default)


@dataclass(frozen=True, slots=True)
class World:
    """What else decides how a file is read."""

    here: str = ""
    """The folder of the main file."""
    node: str = ""
    """The machine's name."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """supervisord's environment, as far as it is known here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One [group:x]."""

    name: str
    section: Section
    programs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """What a set of files says."""

    ini: Ini
    programs: tuple[Program, ...]
    groups: tuple[Group, ...]
    problems: tuple[Problem, ...]
    """Of the reading; what is wrong with what was read, `rules` says."""


def read(ini: Ini, world: World) -> Read:
    """The programs of `ini`: those of groups first, as supervisord goes."""
    reader = _Reader(ini, world)
    reader.daemon()
    programs, groups = reader.grouped()
    programs += [reader.program(section, None) for section in reader.alone(programs)]
    return Read(ini, tuple(programs), tuple(groups), (*ini.problems, *reader.problems))


class _Reader:
    def __init__(self, ini: Ini, world: World) -> None:
        self.ini, self.world = ini, world
        self.variables = {f"ENV_{name}": value for name, value in world.environ.items()}
        self.inherited: dict[str, str] = {}
        self.problems: list[Problem] = []

    def daemon(self) -> None:
        """[supervisord]: its environment is every program's, and names for their values."""
        section = self.ini.sections.get("supervisord")
        if section is None:
            return
        values = _Values(self, section, {"here": self.world.here})
        for key, (convert, default) in settings.DAEMON.items():
            values.converted(key, convert, default)
        values.names["host_node_name"] = self.world.node
        self.inherited = values.variables()
        self.variables.update({f"ENV_{name}": value for name, value in self.inherited.items()})

    def grouped(self) -> tuple[list[Program], list[Group]]:
        """The programs that stand in groups, and the groups."""
        programs: list[Program] = []
        groups: list[Group] = []
        for section in list(self.ini.sections.values()):
            if not section.name.startswith("group:"):
                continue
            values = _Values(self, section, {"here": self.world.here})
            name = values.name(section.name.partition(":")[2])
            members = values.converted("programs", settings.words, ())
            values.converted("priority", settings.whole, 999)
            groups.append(Group(name=name, section=section, programs=members))
            programs += [self.program(one, name) for one in self._members(values, members)]
        return programs, groups

    def _members(self, values: _Values, names: tuple[str, ...]) -> Iterator[Section]:
        for name in names:
            program = self.ini.sections.get(f"program:{name}")
            fast = self.ini.sections.get(f"fcgi-program:{name}")
            if program is None and fast is None:
                known = [one.partition(":")[2] for one in self.ini.sections if one.startswith("program:")]
                message = f"names {name or 'nothing after a comma'}, which is no program of these files"
                values.wrong("programs", message, hint=nearest(name, known))
            elif program is not None and fast is not None:
                values.wrong("programs", f"names {name}, which is a program and an fcgi-program")
            elif program is not None:
                yield program

    def alone(self, grouped: list[Program]) -> list[Section]:
        """The programs that are in no group."""
        inside = {id(program.section) for program in grouped}
        sections = self.ini.sections.values()
        return [one for one in sections if one.name.startswith("program:") and id(one) not in inside]

    def program(self, section: Section, group: str | None) -> Program:
        """One program; a value that cannot be read counts as not written."""
        values = _Values(self, section, {"here": self.world.here})
        name = values.name(section.name.partition(":")[2])
        values.names |= {"program_name": name, "host_node_name": self.world.node, "group_name": group or name}
        shared = {key: values.converted(key, *how) for key, how in settings.PROGRAM.items()}
        if shared["killasgroup"] is None:
            shared["killasgroup"] = shared["stopasgroup"]
        if shared["stopasgroup"] and not shared["killasgroup"]:
            values.wrong("killasgroup", "is false with stopasgroup=true: supervisord refuses the file", code="Q609")
        processes = tuple(self._processes(values, shared))
        return Program(
            name=name, section=section, group=group, values=shared, processes=processes, entries=values.entries
        )

    def _processes(self, values: _Values, shared: Mapping[str, Any]) -> Iterator[Process]:
        pattern = values.entries["process_name"].value if "process_name" in values.entries else "%(program_name)s"
        values.name(pattern, "process_name")
        count, first = shared["numprocs"], shared["numprocs_start"]
        if count > 1 and NUMBERED not in pattern:
            message = f"is {count}, but process_name has no %(process_num): supervisord refuses the file"
            values.wrong("numprocs", message, code="Q608", hint="write process_name=%(program_name)s_%(process_num)02d")
        if count > MOST_PROCESSES:
            values.wrong("numprocs", f"is {count:,}, expected at most {MOST_PROCESSES:,}")
        for number in range(first, first + min(count, MOST_PROCESSES)):
            # One dictionary for all of them, as in supervisor: a variable of one process is a name for the next.
            values.names |= {"process_num": number, "numprocs": count, **self.variables}
            yield self._process(values, pattern)

    def _process(self, values: _Values, pattern: str) -> Process:
        own = values.variables()
        values.names |= {f"ENV_{name}": value for name, value in own.items()}
        found = {key: values.converted(key, *how) for key, how in settings.PROCESS.items()}
        for stream in ("stdout", "stderr"):
            if found[f"{stream}_logfile"] == settings.SYSLOG:
                found[f"{stream}_logfile"], found[f"{stream}_syslog"] = None, True
        command = values.text("command")
        if command is None and "command" not in values.entries:
            values.wrong("command", "is missing: supervisord refuses the file")
        name = values.expanded("process_name", pattern) or pattern
        return Process(name=name, command=command or "", environment={**self.inherited, **own}, settings=found)


@dataclass(slots=True)
class _Values:
    """The keys of one section, and the names that their values may use."""

    reader: _Reader
    section: Section
    names: dict[str, object]
    entries: dict[str, Entry] = field(init=False)
    told: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.entries = self.reader.ini.merged(self.section)

    def text(self, key: str) -> str | None:
        """The value, its names expanded; None when it is not there or cannot be expanded."""
        entry = self.entries.get(key)
        if entry is None:
            return None
        found = self.expanded(key, entry.value)
        # supervisor expands the name of a log file twice.
        return self.expanded(key, found) if found is not None and key.endswith("_logfile") else found

    def expanded(self, key: str, text: str) -> str | None:
        names = Names({**self.reader.variables, **self.names})
        try:
            found = expand(text, names)
        except ValueError as error:
            self.wrong(key, str(error))
            return None
        for variable in names.unset:
            message = f"needs the environment variable {variable}, which is not set here"
            self.wrong(key, message, code="Q603", severity="warning", hint="run this where supervisord runs, or set it")
        if names.all_of_it:
            message = "has a lone %s: supervisord puts its whole environment there, passwords included"
            self.wrong(key, message, code="Q604", hint="write %% for a percent sign")
        return found

    def converted(self, key: str, convert: settings.Read, default: Any) -> Any:
        """The value as `convert` reads it; `default` when it is not there or is wrong."""
        text = self.text(key)
        if text is None:
            return default
        try:
            return convert(text)
        except ValueError as error:
            # As it is written: what a variable holds may be secret.
            self.wrong(key, f'is "{self.entries[key].value[:60]}", expected {error}')
            return default

    def variables(self) -> dict[str, str]:
        """`environment`; its values are in no problem."""
        text = self.text("environment")
        if text is None:
            return {}
        try:
            found, cut = settings.variables(text)
        except ValueError as error:
            self.wrong("environment", f"cannot be read, expected {error}")
            return {}
        for name in cut:
            message = f"holds more of {name} than supervisord takes: what follows a space is dropped silently"
            self.wrong("environment", message, code="Q607", severity="warning", hint='put the value in "…"')
        return found

    def name(self, text: str, key: str = "") -> str:
        """A name of a program, group or process."""
        try:
            return settings.name(text)
        except ValueError as error:
            self.wrong(key, f'is named "{text[:60]}", expected {error}' if not key else f"expected {error}")
            return text.strip()

    def wrong(
        self, key: str, message: str, *, code: str = "Q602", severity: Severity = "error", hint: str = ""
    ) -> None:
        """Tell it once, however many processes have it."""
        if (key, message) in self.told:
            return
        self.told.add((key, message))
        entry = self.entries.get(key)
        what = f"`{key}` " if key and entry is not None else f"[{self.section.name}]: {key} ".replace("  ", " ")
        self.reader.problems.append(
            Problem(
                code=code,
                severity=severity,
                message=f"{what}{message}",
                hint=hint,
                path=entry.file if entry else self.section.file,
                line=entry.line if entry else self.section.line,
                column=entry.column if entry else 1,
            )
        )
