"""What is wrong with programs that supervisord accepts: Q605 and Q615 to Q630. Pure.

Each rule is something that was seen to happen with supervisor 4.2 to 4.4 and Laravel 8 to 13.
"""

from __future__ import annotations

from collections.abc import Iterator

from qsup.check.problem import Problem, Severity, nearest
from qsup.check.supervisord.ini import Entry, Ini, Section
from qsup.check.supervisord.listeners import Connections, Listener, Sorted
from qsup.check.supervisord.programs import Group, Program, Read
from qsup.check.supervisord.settings import AUTO, KEYS, KINDS

MEMORY = 12
"""The exit code of a Laravel worker that left because of --memory."""
USUAL_RETRY_AFTER = 90
"""Seconds; config/queue.php of a new Laravel project."""


def check(read: Read, found: Sorted, connections: Connections) -> Iterator[Problem]:
    """Every finding about the files; `found` are the programs of `read`, sorted."""
    yield from _ignored(read.ini)
    yield from _groups(read.groups)
    for program in read.programs:
        yield from _logs(program)
    yield from _shared_logs(read.programs)
    for program in found.unreadable:
        yield at(program, "command", "Q627", "cannot be split into words: supervisord cannot start it", "error")
    for listener in found.listeners:
        yield from _listener(listener, connections)
    yield from _same_queue(found.listeners)
    yield from _perhaps_twice(found.listeners, connections)


def at(
    program: Program, key: str, code: str, message: str, severity: Severity = "warning", hint: str = "",
    queue: str | None = None,
) -> Problem:  # fmt: skip
    """A problem at a key of a program, or at its section when the key is not written."""
    return _problem(program.at(key), code, f"[{program.section.name}] {message}", severity, hint, queue)


def _problem(
    entry: Entry, code: str, message: str, severity: Severity, hint: str = "", queue: str | None = None
) -> Problem:
    return Problem(
        code=code,
        severity=severity,
        message=message,
        path=entry.file,
        line=entry.line,
        column=entry.column if entry.line else 0,
        hint=hint,
        queue=queue,
    )


def _ignored(ini: Ini) -> Iterator[Problem]:
    """Sections and keys that supervisord reads over without a word."""
    for section in ini.sections.values():
        kind = section.name.partition(":")[0]
        if kind not in KINDS:
            yield _unknown_section(section, kind)
        for entry in section.entries.values() if kind in KEYS else ():
            if entry.key not in KEYS[kind]:
                message = f"supervisord ignores `{entry.key}` in [{section.name}]: there is no such key"
                yield _problem(entry, "Q605", message, "warning", nearest(entry.key, KEYS[kind]))


def _unknown_section(section: Section, kind: str) -> Problem:
    entry = Entry(key="", value="", file=section.file, line=section.line, column=1)
    hint = nearest(kind, KINDS)
    # With a near name it is a program that nobody starts; else it may be another tool's section.
    message = f"supervisord ignores the section [{section.name}]: there is no such kind"
    return _problem(entry, "Q605", message, "error" if hint else "warning", hint)


def _groups(groups: tuple[Group, ...]) -> Iterator[Problem]:
    for group in groups:
        if len(group.programs) > 1:
            entry = Entry(key="", value="", file=group.section.file, line=group.section.line, column=1)
            number = len(group.programs)
            message = f"any change of one of its {number} programs restarts all of [{group.section.name}]"
            yield _problem(
                entry, "Q622", message, "warning", "leave the group out: programs can be named with wildcards"
            )


def _logs(program: Program) -> Iterator[Problem]:
    for stream in ("stdout", "stderr"):
        settings = program.processes[0].settings if program.processes else {}
        if stream == "stderr" and program.values["redirect_stderr"]:
            continue
        key = f"{stream}_logfile_backups"
        if settings.get(key) == 0 and settings[f"{stream}_logfile_maxbytes"] and settings[f"{stream}_logfile"]:
            message = f"keeps no old log ({key}=0): a full file is emptied, what was in it is lost"
            yield at(program, key, "Q628", message, hint=f"{key}=7")


def _shared_logs(programs: tuple[Program, ...]) -> Iterator[Problem]:
    first: dict[str, Program] = {}
    told: set[tuple[str, int]] = set()
    for program, file in _rotated(programs):
        if file in first and (file, id(program)) not in told:
            told.add((file, id(program)))
            yield _shared(program, first[file])
        first.setdefault(file, program)


def _rotated(programs: tuple[Program, ...]) -> Iterator[tuple[Program, str]]:
    """The log file of each process, where supervisord rotates one that was named."""
    for program in programs:
        for process in program.processes:
            file = process.settings["stdout_logfile"]
            if file not in (None, AUTO) and process.settings["stdout_logfile_maxbytes"]:
                yield program, file


def _shared(program: Program, other: Program) -> Problem:
    if other is program:
        message = f"its {len(program.processes)} processes write one log file: each rotates it under the others"
        return at(program, "stdout_logfile", "Q629", message, hint="put %(process_num)02d into stdout_logfile")
    message = f"writes the log file of [{other.section.name}] too: each rotates it under the other"
    return at(program, "stdout_logfile", "Q629", message, hint="give each program a file of its own")


def _listener(one: Listener, connections: Connections) -> Iterator[Problem]:
    if one.why:
        yield at(one.program, "command", "Q616", f"listens to queues that this file does not tell: {one.why}", "info")
    if not one.starts:
        names = ", ".join(one.queues) or "its queues"
        message = f"is not started by supervisord (autostart=false): nobody hears {names} until somebody starts it"
        yield at(one.program, "autostart", "Q615", message, queue=one.queues[0] if one.queues else None)
    if one.kind == "qsup" and one.program.values["autorestart"] != "always":
        message = "stays dead when it leaves as told, such as at its max_time"
        yield at(one.program, "autorestart", "Q621", message, hint="autorestart=true", queue=one.queues[0])
    if one.kind == "laravel":
        rules = _Laravel(one, connections)
        yield from rules.refused()
        yield from rules.timeouts()
        yield from rules.dead()
        yield from rules.given_up()


class _Laravel:
    """The rules about one `queue:work` or `queue:listen`."""

    def __init__(self, one: Listener, connections: Connections) -> None:
        assert one.worked is not None  # noqa: S101  a listener of the kind "laravel" has it
        self.one, self.worked, self.connections = one, one.worked, connections
        self.values = one.program.values
        self.options = one.worked.options
        self.timeout = int(self.options["timeout"])

    def _at(self, key: str, code: str, message: str, severity: Severity = "warning", hint: str = "") -> Problem:
        return at(self.one.program, key, code, message, severity, hint, self.one.queues[0])

    def refused(self) -> Iterator[Problem]:
        for wrong in self.worked.wrong:
            yield self._at("command", "Q627", f"{wrong}: the worker ends at once", "error")

    def timeouts(self) -> Iterator[Problem]:
        wait, sleep = self.values["stopwaitsecs"], self.options["sleep"]
        if self.timeout == 0 or wait < self.timeout:
            limit = f"may run {self.timeout} s" if self.timeout else "may run for ever (timeout 0)"
            message = f"kills a running job {wait} s after a stop (stopwaitsecs), but a job {limit}"
            hint = f"stopwaitsecs={self.timeout + 10}" if self.timeout else "give it a --timeout"
            yield self._at("stopwaitsecs", "Q620", message, hint=hint)
        if 0 < self.timeout <= sleep and self.worked.command == "queue:work":
            yield self._idle_kill(sleep)
        yield from self._twice()
        if self.options["tries"] == 0 and set(self.options["backoff"]) == {0}:
            message = "tries a failing job for ever (tries 0) and at once (backoff 0): one such job keeps a worker busy"
            yield self._at("command", "Q625", message, hint="--tries=3 --backoff=5,15,60")

    def _idle_kill(self, sleep: float) -> Problem:
        message = f"kills itself when there is nothing to do: it sleeps {sleep:g} s, its timeout is {self.timeout} s"
        early = self.timeout < self.values["startsecs"] or self.values["autorestart"] == "never"
        return self._at("command", "Q623", message, "error" if early else "warning", "--sleep=3")

    def _twice(self) -> Iterator[Problem]:
        limit = self.connections.gives_up_after(self.worked.connection)
        if limit is not None and not 0 < self.timeout < limit:
            lasts = f"may run {self.timeout} s" if self.timeout else "may run for ever (timeout 0)"
            message = f"a job {lasts}, but after {limit:g} s (retry_after) another worker begins it too"
            above = f"a --timeout below {limit:g}, or a longer retry_after in config/queue.php"
            yield self._at("command", "Q624", message, "error", above)

    def dead(self) -> Iterator[Problem]:
        """Workers that left as told and are not started again."""
        restart, codes = self.values["autorestart"], self.values["exitcodes"]
        if restart == "always" or (restart == "unexpected" and 0 not in codes):
            return
        leaves = [f"--{name}" for name in ("max-time", "max-jobs") if self.options[name]]
        leaves += [f"--{name}" for name in ("once", "stop-when-empty") if name in self.worked.flags]
        said = f"autorestart={'false' if restart == 'never' else 'unexpected'}"
        if leaves:
            message = (
                f"stays dead after its first {' or '.join(leaves)} ({said}): nobody hears {self._queues()} any more"
            )
            yield self._at("autorestart", "Q621", message, "error", "autorestart=true")
        else:
            message = f"stays dead after `queue:restart` ({said}): nobody hears {self._queues()} any more"
            yield self._at("autorestart", "Q621", message, "warning", "autorestart=true")

    def _queues(self) -> str:
        return ", ".join(self.one.queues)

    def given_up(self) -> Iterator[Problem]:
        """Ends that count as failed starts: BACKOFF, and after startretries FATAL for good."""
        needed, most = self.values["startsecs"], self.options["max-time"]
        if needed > 0 and "stop-when-empty" in self.worked.flags:
            message = (
                f"ends at once on an empty queue: before startsecs={needed} that is a failed start, then FATAL for good"
            )
            yield self._at("startsecs", "Q630", message, "error", "leave --stop-when-empty out, or startsecs=0")
        elif 0 < most < needed:
            message = (
                f"leaves after {most} s (--max-time), before startsecs={needed}: a failed start each time, then FATAL"
            )
            yield self._at("startsecs", "Q630", message, "error", "startsecs=1")
        if self.values["startretries"] == 0:
            message = "is given up for good after one failed start (startretries=0), such as a database that is away"
            yield self._at("startretries", "Q630", message, "warning", "startretries=10")


def _same_queue(listeners: tuple[Listener, ...]) -> Iterator[Problem]:
    """Q626: workers of one queue that treat its jobs differently; which one gets a job is chance."""
    first: dict[tuple[str | None, str], Listener] = {}
    for one in listeners:
        for queue in one.queues if one.worked and not one.why else ():
            other = first.setdefault((one.worked.connection if one.worked else None, queue), one)
            differences = _differences(one, other)
            if other is not one and differences:
                message = f"works on {queue} as [{other.program.section.name}] does, but with {differences}"
                yield at(
                    one.program, "command", "Q626", message, hint="which of them gets a job is chance", queue=queue
                )


def _differences(one: Listener, other: Listener) -> str:
    assert one.worked is not None  # noqa: S101  only Laravel's workers are compared
    assert other.worked is not None  # noqa: S101  the same
    mine, theirs = one.worked.options, other.worked.options
    return ", ".join(
        f"{name} {_shown(mine[name])} instead of {_shown(theirs[name])}"
        for name in ("tries", "timeout", "backoff")
        if mine[name] != theirs[name]
    )


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _perhaps_twice(listeners: tuple[Listener, ...], connections: Connections) -> Iterator[Problem]:
    """Q624 where retry_after is not known: told once for all of them."""
    long = [
        one
        for one in listeners
        if one.worked
        and connections.gives_up_after(one.worked.connection) is None
        and not 0 < one.worked.options["timeout"] < USUAL_RETRY_AFTER
    ]
    if long:
        others = f" (and so {len(long) - 1} more programs)" if long[1:] else ""
        message = f"lets a job run for {USUAL_RETRY_AFTER} s or more{others}: it runs twice at once unless retry_after"
        hint = f"a new project's config/queue.php says {USUAL_RETRY_AFTER}"
        yield at(long[0].program, "command", "Q624", f"{message} is longer, which is not known here", "info", hint)
