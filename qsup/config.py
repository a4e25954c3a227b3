"""queues.yaml: from its text to a Routing and the problems in it.

Pure: `check.load` reads the files and adds the rules that look at several places at once, `locate` finds them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qsup import keys, units
from qsup.check.problem import Problem, in_order
from qsup.faults import decode, dotted, problem
from qsup.places import Path as Trail
from qsup.places import Tree, read
from qsup.routing import Queue, Route, Routing

VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a text says. `routing` leaves out what is wrong; apply it only when no problem is an error."""

    routing: Routing
    document: keys.Document
    tree: Tree
    broken: frozenset[Trail] = frozenset()
    """The paths of values that were left out of `routing`."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A file as read, checked and expanded: `routing` is None when a problem is an error."""

    routing: Routing | None
    problems: tuple[Problem, ...]
    source_hash: str
    """SHA-256 of the file's bytes, in hex; empty when it could not be read."""
    code_version: str
    """SHA-256 over the files of the handlers' packages."""
    modules: tuple[str, ...]
    """The handlers' modules, sorted."""
    parsed: Parsed | None = field(default=None, repr=False)


def parse(text: str, path: str, environ: Mapping[str, str]) -> Parsed:
    """Read the text of a queues.yaml; `path` is what problems call it. Never raises."""
    tree = read(text, path)
    if not tree.readable:
        empty = keys.Document.model_validate({"version": 1, "queues": {}})
        return Parsed(routing=expand(empty), document=empty, tree=tree, problems=tree.problems)
    filling = _Filling(tree, environ)
    document, faults, broken = decode(filling.fill(tree.value, ()), tree)
    return Parsed(
        routing=expand(document),
        document=document,
        tree=tree,
        broken=broken | frozenset(filling.unset),
        problems=in_order([*tree.problems, *filling.problems, *faults]),
    )


@dataclass(slots=True)
class _Filling:
    """`${VAR}` and `${VAR:-default}` in the file's strings; `$${` is a literal `${`."""

    tree: Tree
    environ: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    unset: list[Trail] = field(default_factory=list)

    def fill(self, value: Any, path: Trail) -> Any:
        if isinstance(value, dict):
            filled = {key: self.fill(item, (*path, key)) for key, item in value.items()}
            return {key: item for key, item in filled.items() if (*path, key) not in self.unset}
        if isinstance(value, list):
            return [self.fill(item, (*path, index)) for index, item in enumerate(value)]
        return self._text(value, path) if isinstance(value, str) and "${" in value else value

    def _text(self, text: str, path: Trail) -> str:
        return VARIABLE.sub(lambda match: self._variable(match, path), text)

    def _variable(self, match: re.Match[str], path: Trail) -> str:
        if match[0] == "$${":
            return "${"
        inside = NAME.fullmatch(match[1])
        # A variable inside a default would end at the first brace, and the rest would be taken as text.
        if inside is None or not match[2] or "${" in match[1]:
            self._note(
                "Q021", f"{dotted(path)} has a malformed variable, expected ${{NAME}} or ${{NAME:-default}}", path
            )
            return ""
        found = self.environ.get(inside[1]) or inside[2]
        if found is None:
            message = f"{dotted(path)} needs the environment variable {inside[1]}, which is not set"
            self._note("Q020", message, path, f"set it or write ${{{inside[1]}:-default}}")
        return found or ""

    def _note(self, code: str, message: str, path: Trail, hint: str = "") -> None:
        self.problems.append(problem(code, message, path, self.tree, self.tree.at(*path), hint))
        self.unset.append(path)


def expand(document: keys.Document) -> Routing:
    """Every default filled in: flat queues and routes."""
    built_in = keys.Defaults.model_validate(keys.BUILT_IN)
    inherited = built_in.model_copy(update=_given(document.defaults))
    return Routing(
        queues={name: _queue(name, entry, inherited) for name, entry in document.queues.items()},
        routes={name: _route(name, entry) for name, entry in document.jobs.items()},
        payload_limit=document.payload_limit or units.size(keys.PAYLOAD_LIMIT),
        database=document.database,
        code=document.code,
    )


def _given(entry: keys.Section) -> dict[str, Any]:
    return {name: value for name in entry.model_fields_set if (value := getattr(entry, name)) is not None}


def _queue(name: str, entry: keys.QueueEntry, inherited: keys.Defaults) -> Queue:
    settings = {key: getattr(inherited, key) for key in keys.Settings.model_fields}
    values = {**settings, **_given(entry)}
    values["prefetch"] = None if values["prefetch"] == "auto" else values["prefetch"]
    values["workers"] = entry.workers or 0
    values["workers_of"] = entry.workers_of
    values["priority"] = keys.PRIORITY if entry.priority is None else entry.priority
    values["purpose"] = entry.purpose or ""
    return Queue(name=name, **values)


def _route(name: str, entry: keys.JobEntry) -> Route:
    return Route(
        job=name,
        queue=entry.queue,
        handler=entry.handler,
        failed=entry.failed,
        tries=entry.tries,
        timeout=entry.timeout,
        backoff=entry.backoff,
    )
