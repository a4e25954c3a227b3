"""What pydantic found wrong with the file's values, as Problems that a person can act on."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from qsup import keys, units
from qsup.check.problem import Problem, nearest
from qsup.places import Path, Place, Tree

FOREIGN = {
    "processes": "the key is `workers`",
    "numprocs": "the key is `workers`",
    "max_tries": "the key is `tries`",
    "retries": "the key is `tries` (the first run counts)",
    "max_attempts": "the key is `tries`",
    "delay": "the key is `backoff`",
    "retry_delay": "the key is `backoff`",
    "retry_after": "it is derived from `timeout` and `grace`",
    "lease": "it is derived from `timeout` and `grace`",
    "visibility_timeout": "it is derived from `timeout` and `grace`",
    "stopwaitsecs": "it is derived from `timeout` and `grace`",
    "max_memory": "the key is `memory`",
    "description": "the key is `purpose`",
    "function": "the key is `handler`",
    "task": "the key is `handler`",
    "environments": "use ${VAR} in the values that differ",
    "include": "one file says everything",
}
"""Words of Laravel, supervisord, Celery and others, too unlike ours in letters for `nearest`."""

SECTIONS: dict[str, tuple[str, type[BaseModel]]] = {
    "": ("the file", keys.Document),
    "defaults": ("`defaults:`", keys.Defaults),
    "queues": ("a queue", keys.QueueEntry),
    "jobs": ("a job", keys.JobEntry),
}
LATER = {*keys.LATER, *keys.LATER_IN_QUEUE, *keys.LATER_IN_JOB}
"""Known wherever they stand: their home is their own version's matter."""

KINDS = {"model_type": "a mapping of keys", "dict_type": "a mapping of names"}
EMPTY: dict[str, Any] = {"version": 1, "queues": {}}


def decode(data: Any, tree: Tree) -> tuple[keys.Document, list[Problem], frozenset[Path]]:
    """The document, with what is wrong left out of it; the problems; and the paths that were left out.

    Left out piece by piece until the rest is valid, so that the rules that look at several places at once still run
    and every problem is told in one go.
    """
    rest, broken = deepcopy(data), set[Path]()
    problems: list[Problem] = []
    # Mending one level can uncover the next; the file is four levels deep.
    for _ in range(6):
        try:
            return keys.Document.model_validate(rest), _once(problems), frozenset(broken)
        except ValidationError as error:
            found = {tuple(details["loc"]): details for details in error.errors(include_url=False)}
            problems += [_problem(details, path, tree) for path, details in found.items() if path not in broken]
            broken |= set(found)
            for path, details in found.items():
                rest = _mended(rest, path, details["type"])
    return keys.Document.model_validate(EMPTY), _once(problems), frozenset(broken)


def _once(problems: list[Problem]) -> list[Problem]:
    """Without "has no `queues`" where a key is already asked whether it means queues: one mistake, one problem."""
    guessed = {(found.queue, found.job, found.hint) for found in problems if found.code == "Q010"}

    def told(found: Problem) -> bool:
        missing = found.message.rpartition("`")[0].rpartition("`")[2]
        return found.code == "Q012" and (found.queue, found.job, f"did you mean {missing}?") in guessed

    return [found for found in problems if not told(found)]


def _mended(data: Any, path: Path, kind: str) -> Any:
    """`data` with the value at `path` out of the way: gone, or a stand-in where something must be."""
    if not path or not isinstance(data, dict):
        return deepcopy(EMPTY)
    parent: Any = data
    for part in path[:-1]:
        parent = parent.get(part) if isinstance(parent, dict) else None
    if not isinstance(parent, dict):
        return data
    match path:
        case ("version" | "queues",):
            parent[path[0]] = EMPTY[str(path[0])]
        case ("queues", _) if kind != "extra_forbidden":
            parent[path[1]] = {}
        case ("jobs", job, "queue"):
            data["jobs"].pop(job)
        case ("jobs", _, "handler"):
            parent["handler"] = "missing:missing"
        case _:
            parent.pop(path[-1], None)
    return data


def _problem(details: ErrorDetails, path: Path, tree: Tree) -> Problem:
    kind = details["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path, tree)
    if kind == "missing":
        return problem("Q012", f"{dotted(path[:-1])} has no `{path[-1]}`", path, tree, tree.key(*path[:-1]))
    expected = KINDS.get(kind) or str(details.get("ctx", {}).get("expected") or details["msg"])
    code = kind if kind.startswith("Q0") else "Q013"
    at = _fault_in_list(path, details["input"]) if code == "Q017" else path
    message = f"{dotted(path)} is {shown(at, tree)}, expected {expected}"
    return problem(code, message, path, tree, tree.at(*at), _hint(path, details["input"], kind))


def _fault_in_list(path: Path, value: Any) -> Path:
    """The item of a backoff that is no duration; the list itself when it is its length that is wrong."""
    for index, item in enumerate(value if isinstance(value, list) else []):
        try:
            units.duration(item)
        except ValueError:
            return (*path, index)
    return path


def _hint(path: Path, value: Any, kind: str) -> str:
    name = path[-1] if path else ""
    if name == "tries" and value == 0:
        return "a job with 0 tries would never run"
    if name == "timeout" and value == 0:
        return "every job ends at some time; for long ones write 12h"
    if kind == "Q013" and isinstance(value, int | float | bool):
        return "put it in quotes"
    if kind in KINDS and value is None and path[:1] in (("defaults",), ("jobs",)) and len(path) == 1:
        return "leave the key out or write {}"
    return ""


def _unknown_key(path: Path, tree: Tree) -> Problem:
    where, model = SECTIONS[str(path[0]) if len(path) > 1 else ""]
    name = str(path[-1])
    if name in LATER:
        return problem("Q011", f"{dotted(path)} is known, but not in this version yet", path, tree, tree.key(*path))
    hint = FOREIGN.get(name) or nearest(name, model.model_fields) or _elsewhere(name)
    return problem("Q010", f"{where} has no key `{name[:80]}`", path, tree, tree.key(*path), hint)


def _elsewhere(name: str) -> str:
    homes = [home for home, model in SECTIONS.values() if name in model.model_fields]
    return f"it belongs into {' or '.join(homes)}" if homes else ""


def dotted(path: Path) -> str:
    """How a path is named in a message."""
    return ".".join(str(part)[:80] for part in path) or "the file"


def shown(path: Path, tree: Tree) -> str:
    """The value as the file has it: before `${…}` was filled in, and nothing of a value that may be secret."""
    spot = tree.spots.get(path)
    if path[:1] in (("database",), ("database_file",)):
        return "of another kind"
    if spot is None or spot.text is None:
        return spot.shape if spot else "missing"
    if spot.text in ("", "~", "null"):
        return "empty"
    return f'"{spot.text[:60]}"'


def problem(code: str, message: str, path: Path, tree: Tree, place: Place, hint: str = "") -> Problem:
    """A Problem at `place`, with the queue or job that `path` belongs to."""
    section, name = (path[0], str(path[1])) if len(path) > 1 else ("", "")
    return Problem(
        code=code,
        message=message,
        hint=hint,
        path=tree.path,
        line=place.line,
        column=place.column,
        queue=name if section == "queues" else None,
        job=name if section == "jobs" else None,
    )
