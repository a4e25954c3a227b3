"""From what must be on a router and what is there to what has to be written. Pure: rows in, a plan out.

Rows are ours by their comment, in menus without comments by their reserved name. A row of somebody else that does what
ours would do is left alone; one that is in the way is a refusal, before anything is written.

Ours is changed in place, except for two things: a secret (the old one could not be put back) and a place in the order
of rules. Then a new row is added, and the old one goes when all has been verified, with every other surplus row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from handlers.deployment.blueprint import Command, Wanted
from handlers.router_values import SENSITIVE, canonical, differences

Row = Mapping[str, object]
Seen = Mapping[str, Sequence[Row]]
"""The rows of each menu that was looked at."""

ORDERED = frozenset({f"/ip/firewall/{name}" for name in ("filter", "nat", "mangle", "raw")})


@dataclass(frozen=True, slots=True)
class Add:
    """A row that is missing. `before`: the id of the rule that it must stand above; `beside`: rows that are not it."""

    command: Command
    before: str | None = None
    beside: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = f" before {self.before}" if self.before else ""
        return f"{self.command.n} {self.command.path} add {shown(self.command.attrs)}{place}"


@dataclass(frozen=True, slots=True)
class Change:
    """A row that differs; `was` holds the old values, None for a column that was absent."""

    command: Command
    id: str | None
    changes: Mapping[str, str]
    was: Mapping[str, str | None]

    def __str__(self) -> str:
        return f"{self.command.n} {self.command.path} set {shown(self.changes)} (was {shown(self.was)})"


@dataclass(frozen=True, slots=True)
class Surplus:
    """A row of ours that is there twice, or that no command wants any more."""

    path: str
    id: str
    comment: str

    def __str__(self) -> str:
        return f"{self.path} remove {self.id} {self.comment}".rstrip()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing may be written; `kind` is a class of handlers.router_errors."""

    kind: str
    text: str


@dataclass(slots=True)
class Plan:
    """What to do, in this order. With a refusal, nothing."""

    writes: list[Add | Change] = field(default_factory=list)
    surplus: list[Surplus] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(str(step) for step in [*self.writes, *self.surplus])


def shown(values: Mapping[str, object]) -> str:
    """Attributes as a text, without secrets."""
    return " ".join(f"{name}={'…' if name in SENSITIVE else value}" for name, value in values.items())


def plan(wanted: Wanted, seen: Seen) -> Plan:
    """What to write. The writes are in the order of the commands."""
    found = Plan()
    for clash in wanted.clashes:
        for row in seen[clash.path]:
            if not differences(row, clash.where) and differences(row, clash.unless):
                text = f"{clash.path} has {row.get('name', row.get('.id'))} with {shown(clash.where)}: {clash.because}"
                found.refusals.append(Refusal("conflict", text))
    for path in dict.fromkeys(command.path for command in wanted.commands):
        _plan_menu([command for command in wanted.commands if command.path == path], seen[path], found)
    found.writes.sort(key=lambda write: write.command.n)
    found.surplus.reverse()
    return found


def _plan_menu(commands: Sequence[Command], rows: Sequence[Row], found: Plan) -> None:
    own = [row for row in rows if _is_ours(row, commands)]
    kept = _kept(commands, own)
    for command in commands:
        row = kept.get(command.n)
        if not command.key:
            _plan_set(command, rows, found)
        elif row is not None:
            _change(command, row, found)
        elif not _is_served(command, rows, own, found):
            beside = tuple(str(other[".id"]) for other in rows if not differences(other, _key(command)))
            found.writes.append(Add(command, _place(command, commands, kept), beside))
    if commands[0].key:
        keep = {id(row) for row in kept.values()}
        found.surplus += [
            Surplus(commands[0].path, str(row[".id"]), str(row.get("comment", "")))
            for row in own
            if id(row) not in keep
        ]
    found.refusals += [_unreadable(commands[0].path) for row in own if _hides_secret(row, commands)][:1]


def _is_ours(row: Row, commands: Iterable[Command]) -> bool:
    """By a comment of ours; a command without one has a reserved name."""
    comment = str(row.get("comment", ""))
    return any(
        comment == command.comment if command.comment else bool(command.key) and not differences(row, _key(command))
        for command in commands
    )


def _kept(commands: Sequence[Command], own: Sequence[Row]) -> dict[int, Row]:
    """By number of the command: the row of ours that stays, changed or not."""
    kept: dict[int, Row] = {}
    for group in _groups(commands):
        fitting = [(row, command) for row in own for command in group if _can_become(row, command, commands)]
        if group[0].path in ORDERED:
            kept |= _in_order(fitting)
            continue
        # A row with the right key comes before one that only has our comment: its key is to change.
        chosen = _best([(row, command) for row, command in fitting if not differences(row, _key(command))])
        kept |= chosen | _best([(row, command) for row, command in fitting if _is_free(row, command, chosen)])
    return kept


def _groups(commands: Sequence[Command]) -> list[list[Command]]:
    """The commands whose rows have an order among each other: those of a chain."""
    chains = dict.fromkeys(command.attrs.get("chain", "") for command in commands)
    return [[command for command in commands if command.attrs.get("chain", "") == chain] for chain in chains]


def _can_become(row: Row, command: Command, commands: Sequence[Command]) -> bool:
    if differences(row, command.secrets) or canonical(row.get("chain", "")) != command.attrs.get("chain", ""):
        return False
    if not differences(row, _key(command)):
        return True
    # Changed variables: the row is found by its comment, where no other row has the same.
    alone = sum(other.comment == command.comment for other in commands) == 1
    return bool(command.comment) and alone and row.get("comment") == command.comment


def _is_free(row: Row, command: Command, chosen: Mapping[int, Row]) -> bool:
    return command.n not in chosen and not any(row is other for other in chosen.values())


def _best(pairs: Sequence[tuple[Row, Command]]) -> dict[int, Row]:
    """Of several rows for one command, the one with the fewest differences, the first of equals."""
    found: dict[int, Row] = {}
    for row, command in sorted(pairs, key=lambda pair: len(_changes(pair[1], pair[0]))):
        if _is_free(row, command, found):
            found[command.n] = row
    return found


def _in_order(pairs: Sequence[tuple[Row, Command]]) -> dict[int, Row]:
    """The most rows that stand in the order of their commands already; among those, the ones with fewest differences.

    `pairs` are in the router's order. The rest is added anew where it belongs.
    """
    chains: list[tuple[int, int, list[int]]] = []
    for place, (row, command) in enumerate(pairs):
        before = [chain for chain in chains if pairs[chain[2][-1]][1].n < command.n]
        length, cost, places = max(before, key=lambda chain: chain[:2], default=(0, 0, []))
        chains.append((length + 1, cost - len(_changes(command, row)), [*places, place]))
    best = max(chains, key=lambda chain: chain[:2], default=(0, 0, []))
    return {pairs[place][1].n: pairs[place][0] for place in best[2]}


def _plan_set(command: Command, rows: Sequence[Row], found: Plan) -> None:
    matching = [row for row in rows if not differences(row, command.item)]
    if matching:
        _change(command, matching[0], found)
    else:
        found.refusals.append(Refusal("conflict", f"{command.path} has no {shown(command.item) or 'row'}"))


def _change(command: Command, row: Row, found: Plan) -> None:
    changes = _changes(command, row)
    if changes:
        was = {name: None if row.get(name) is None else _text(row[name]) for name in changes}
        found.writes.append(Change(command, str(row[".id"]) if ".id" in row else None, changes, was))


def _changes(command: Command, row: Row) -> dict[str, str]:
    # A row of ours that somebody switched off is switched on again; a column `disabled` is absent when it is not used.
    return differences(row, {"disabled": "no", **command.attrs} if command.key else command.attrs)


def _is_served(command: Command, rows: Sequence[Row], own: Sequence[Row], found: Plan) -> bool:
    """Whether somebody else's row has the key: it serves if it does the same, else it is in the way."""
    foreign = [row for row in rows if not differences(row, _key(command)) and not any(row is one for one in own)]
    for row in foreign:
        differing = differences(row, {"disabled": "no", **command.meaning})
        if differing:
            text = f"{command.path} has a row of somebody else with {shown(_key(command))}, without {shown(differing)}"
            found.refusals.append(Refusal("conflict", text))
    return bool(foreign)


def _place(command: Command, commands: Sequence[Command], kept: Mapping[int, Row]) -> str | None:
    if command.path not in ORDERED:
        return None
    chain = command.attrs.get("chain")
    later = [
        kept[other.n]
        for other in commands
        if other.n > command.n and other.n in kept and other.attrs.get("chain") == chain
    ]
    return str(later[0][".id"]) if later else None


def _key(command: Command) -> dict[str, str]:
    return {name: command.attrs[name] for name in command.key}


def _hides_secret(row: Row, commands: Sequence[Command]) -> bool:
    return any(command.secrets.keys() - row.keys() for command in commands if command.comment == row.get("comment"))


def _unreadable(path: str) -> Refusal:
    return Refusal(
        "permission", f"{path} does not show its secret: the router's group for this account lacks `sensitive`"
    )


def _text(value: object) -> str:
    return canonical(value) if isinstance(value, bool) else str(value)
