"""What must be on a router: the commands of handlers/data/hotspot_commands.json, filled with one router's values.

The file is read and checked once. Nothing that is printed, stored or hashed here holds the RADIUS secret.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from handlers.deployment.variables import NAMES, checked
from handlers.router_values import SENSITIVE

COMMANDS = Path(__file__).parents[1] / "data" / "hotspot_commands.json"
OURS = "qsup:hs:"
"""How the comment of every row begins that is ours; a menu without comments has reserved names instead."""
VARIABLE = re.compile(r"\{([a-z0-9_]+)\}")

Menu = Annotated[str, Field(pattern=r"^(/[a-z0-9-]+)+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Strict):
    """One command. `key`: the columns that find its row again; `item`: a row that the router came with."""

    n: int
    phase: str
    path: Menu
    verb: Literal["add", "set"]
    key: tuple[str, ...] = ()
    item: dict[str, str] = {}
    attrs: dict[str, str]

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if (self.verb == "add") != bool(self.key) or not set(self.key) <= self.attrs.keys():
            raise ValueError(f"command {self.n}: an add has a key among its attributes, a set has none")
        comment = self.attrs.get("comment", OURS)
        if not comment.startswith(OURS):
            raise ValueError(f"command {self.n}: its comment does not begin with {OURS}")
        if SENSITIVE & self.attrs.keys() and self.key != ("comment",):
            # A changed secret is a second row until the deployment is verified: no menu with a unique name allows that.
            raise ValueError(f"command {self.n}: a row with a secret is found by its comment")
        return self


class Clash(_Strict):
    """Somebody else's row that leaves no place for ours."""

    path: Menu
    where: dict[str, str]
    unless: dict[str, str]
    because: str


class Check(_Strict):
    """What is read back at the end; `count`: how many rows there must be, None = at least one."""

    path: Menu
    where: dict[str, str]
    expect: dict[str, str]
    count: int | None = None


class Blueprint(_Strict):
    """The whole file."""

    about: str
    vars: dict[str, str]
    commands: tuple[Entry, ...]
    clashes: tuple[Clash, ...]
    verify: tuple[Check, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if [entry.n for entry in self.commands] != list(range(1, len(self.commands) + 1)):
            raise ValueError("the commands are not numbered 1, 2, 3 …")
        named = set(VARIABLE.findall(json.dumps([entry.attrs for entry in self.commands])))
        if named != NAMES or self.vars.keys() != NAMES - {"radius_secret"}:
            raise ValueError(f"these variables are not known everywhere: {sorted(named ^ NAMES)}")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An entry with this router's values. Its attributes are not in a repr: one of them may be the secret."""

    n: int
    path: str
    key: tuple[str, ...]
    item: Mapping[str, str]
    attrs: Mapping[str, str] = field(repr=False)

    @property
    def comment(self) -> str:
        """Our comment, or nothing in a menu where reserved names say that a row is ours."""
        return self.attrs.get("comment", "")

    @property
    def secrets(self) -> dict[str, str]:
        """The sensitive ones among the attributes."""
        return {name: value for name, value in self.attrs.items() if name in SENSITIVE}

    @property
    def meaning(self) -> dict[str, str]:
        """What the row does, whoever made it."""
        return {name: value for name, value in self.attrs.items() if name != "comment"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Everything that must be on one router. `secret` is only here to be kept out of texts."""

    commands: tuple[Command, ...]
    clashes: tuple[Clash, ...]
    checks: tuple[Check, ...]
    management: str
    fingerprint: str
    secret: str = field(repr=False)


@cache
def blueprint() -> Blueprint:
    """The file, checked. Raises pydantic.ValidationError: it is part of the program, not of its input."""
    return Blueprint.model_validate_json(COMMANDS.read_bytes())


def wanted(values: Mapping[str, Any], secret: str) -> Wanted:
    """The file with a router's values in place of its own. Raises variables.BadVariable."""
    plan = blueprint()
    found = checked({**plan.vars, **values, "radius_secret": secret})
    commands = tuple(
        Command(
            n=entry.n,
            path=entry.path,
            key=entry.key,
            item=_filled(entry.item, found),
            attrs=_filled(entry.attrs, found),
        )
        for entry in plan.commands
    )
    return Wanted(
        commands=commands,
        clashes=tuple(clash.model_copy(update={"where": _filled(clash.where, found)}) for clash in plan.clashes),
        checks=tuple(
            check.model_copy(update={"where": _filled(check.where, found), "expect": _filled(check.expect, found)})
            for check in plan.verify
        ),
        management=found["mgmt_net"],
        fingerprint=_fingerprint(commands),
        secret=secret,
    )


def _filled(values: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    # One pass: braces inside a value are the value's own.
    return {name: VARIABLE.sub(lambda match: found[match[1]], value) for name, value in values.items()}


def _fingerprint(commands: tuple[Command, ...]) -> str:
    """A digest of everything but secrets: of a short one, it would be a way to try all words at home."""
    public = [
        [
            command.path,
            dict(command.item),
            {name: "" if name in SENSITIVE else value for name, value in command.attrs.items()},
        ]
        for command in commands
    ]
    return hashlib.sha256(json.dumps(public, sort_keys=True).encode()).hexdigest()
