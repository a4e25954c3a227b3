"""YAML text → plain values, and the line and column that each came from.

A reader of its own over PyYAML's events, for four reasons: places; duplicate keys; YAML 1.1's surprises (`no`, `08:30`,
`010` are read as the text they look like, only `true`, `false`, `null`, `~` and plain decimal numbers are more); and
anchors, which are counted as if written out, so that a small file cannot become a huge one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import yaml

from qsup.check.problem import Problem, in_order

Path = tuple[str | int, ...]
"""Where in the file: ("queues", "payments", "timeout")."""

MOST_NODES = 50_000
DEEPEST = 12
STANDARD = "tag:yaml.org,2002:"
WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
DECIMAL = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+|(?:0|[1-9][0-9]*)(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?")
WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
SWITCHES = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column, from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a key and its value stand (for an item of a list both are the item's), and the value as written."""

    key: Place
    value: Place
    text: str | None
    """None for a mapping or a list."""
    shape: str
    """`text`, `a list` or `a mapping`."""


@dataclass(frozen=True, slots=True)
class Tree:
    """What a file says: values of dict, list, str, int, float, bool and None, and where each stands."""

    path: str
    value: Any
    spots: Mapping[Path, Spot]
    problems: tuple[Problem, ...]
    readable: bool
    """False: the text is not YAML, or refused as a whole; `value` says nothing."""

    def key(self, *path: str | int) -> Place:
        """Where the key of `path` stands; of the nearest parent that is in the file when it is not."""
        spot = self._spot(path)
        return spot.key if spot else Place(1, 1)

    def at(self, *path: str | int) -> Place:
        """Where the value of `path` stands; of the nearest parent that is in the file when it is not."""
        spot = self._spot(path)
        return spot.value if spot else Place(1, 1)

    def says(self, *path: str | int) -> bool:
        """True when the file has `path`, be it by an anchor."""
        return path in self.spots

    def _spot(self, path: Path) -> Spot | None:
        while path and path not in self.spots:
            path = path[:-1]
        return self.spots.get(path)


@dataclass(slots=True)
class _Node:
    place: Place
    value: Any
    """A scalar's value, a list of _Node, or a list of (_Node, _Node)."""
    text: str | None = None
    nodes: int = 1
    depth: int = 1
    pairs: bool = False

    @property
    def shape(self) -> str:
        return "text" if self.text is not None else "a mapping" if self.pairs else "a list"


class _Refused(Exception):
    """The text as a whole cannot be used."""

    def __init__(self, code: str, message: str, place: Place, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.place, self.hint = code, message, place, hint


def read(text: str, path: str) -> Tree:
    """Read one YAML document. Never raises: what is wrong is in the Tree's problems."""
    builder = _Builder(path)
    try:
        root = _document(builder, text)
        spots: dict[Path, Spot] = {(): Spot(root.place, root.place, root.text, root.shape)}
        value = _Expansion(builder, spots).expand(root, ())
    except _Refused as refused:
        builder.note(refused.code, refused.message, refused.place, refused.hint)
        return Tree(path, None, {}, in_order(builder.problems), False)
    return Tree(path, value, spots, in_order(builder.problems), True)


def _document(builder: _Builder, text: str) -> _Node:
    """The one document of `text`, with PyYAML's own complaints turned into refusals."""
    try:
        return builder.build(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1)
        hint = "indent with spaces, not tabs" if "\\t" in str(error.problem) else ""
        raise _Refused("Q005", f"this is not YAML: {_wording(error)}", place, hint) from None
    except yaml.reader.ReaderError as error:
        place = _at_offset(text, error.position)
        raise _Refused(
            "Q005", "this character is not allowed in YAML", place, "remove it or write it escaped"
        ) from None
    except (ValueError, OverflowError, IndexError):
        # Escapes beyond Unicode and numbers beyond int() come out of PyYAML's scanner as they are.
        raise _Refused("Q005", "this is not YAML: an escape or a number in it has no meaning", Place(1, 1)) from None


def _wording(error: yaml.MarkedYAMLError) -> str:
    return " ".join(part for part in (error.context, error.problem) if part)


def _at_offset(text: str, offset: int) -> Place:
    before = text[:offset]
    return Place(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1)


def plain(text: str) -> str | int | float | bool | None:
    """What an unquoted scalar means: YAML 1.2's core, without octal, hexadecimal, .inf and .nan."""
    if text in WORDS:
        return WORDS[text]
    if text in SWITCHES:
        return SWITCHES[text]
    if WHOLE.fullmatch(text):
        return int(text)
    if DECIMAL.fullmatch(text) and isfinite(float(text)):
        return float(text)
    return text


@dataclass
class _Builder:
    """Events → nodes; aliases share their node, sizes are counted as if they did not."""

    path: str
    problems: list[Problem] = field(default_factory=list)
    anchors: dict[str, _Node] = field(default_factory=dict)

    def note(self, code: str, message: str, place: Place, hint: str = "") -> None:
        self.problems.append(
            Problem(code=code, message=message, hint=hint, path=self.path, line=place.line, column=place.column)
        )

    def build(self, events: Iterator[yaml.Event]) -> _Node:
        root = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _Refused("Q005", "a second document begins here, expected one", _place(event))
                root = self._node(next(events), events, 1)
        if root is None or (root.value is None and root.text == ""):
            raise _Refused("Q003", "the file is empty, expected `version: 1` and `queues:`", Place(1, 1))
        return root

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> _Node:
        if depth > DEEPEST:
            raise _Refused("Q006", f"this is nested more than {DEEPEST} deep", _place(event))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        node = self._fresh(event, events, depth)
        if node.nodes > MOST_NODES or node.depth > DEEPEST:
            what = f"holds more than {MOST_NODES:,} values" if node.nodes > MOST_NODES else f"is over {DEEPEST} deep"
            raise _Refused("Q006", f"this {what}, with its anchors written out", _place(event))
        if anchor := getattr(event, "anchor", None):
            # Registered when it is complete: an alias inside its own anchor finds nothing, so no cycle can be.
            self.anchors[anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent) -> _Node:
        if event.anchor not in self.anchors:
            raise _Refused(
                "Q006", f"*{event.anchor} refers to nothing above it, expected &{event.anchor}", _place(event)
            )
        return self.anchors[event.anchor]

    def _fresh(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> _Node:
        if isinstance(event, yaml.ScalarEvent):
            return _Node(_place(event), self._scalar(event), event.value)
        self._refuse_tag(event)
        pairs = isinstance(event, yaml.MappingStartEvent)
        children = list(self._children(events, depth))
        node = _Node(_place(event), children, pairs=pairs)
        node.nodes = 1 + sum(child.nodes for child in children)
        node.depth = 1 + max((child.depth for child in children), default=0)
        if pairs:
            node.value = list(zip(children[::2], children[1::2], strict=True))
        return node

    def _children(self, events: Iterator[yaml.Event], depth: int) -> Iterator[_Node]:
        for event in events:
            if isinstance(event, yaml.CollectionEndEvent):
                return
            yield self._node(event, events, depth + 1)

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        if event.tag is None:
            return plain(event.value) if event.style is None else event.value
        if event.tag not in ("!", STANDARD + "str"):
            self._refuse_tag(event)
        return event.value

    def _refuse_tag(self, event: yaml.Event) -> None:
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            name = str(tag).replace(STANDARD, "!!")
            self.note("Q007", f"the tag {name[:60]} has no meaning here", _place(event), "remove it")


@dataclass
class _Expansion:
    """Nodes → plain values, with merge keys resolved and every path's spot noted."""

    builder: _Builder
    spots: dict[Path, Spot]

    def expand(self, node: _Node, path: Path) -> Any:
        if node.pairs:
            return self._mapping(node, path)
        if isinstance(node.value, list):
            return [self._child(item.place, item, (*path, index)) for index, item in enumerate(node.value)]
        return node.value

    def _mapping(self, node: _Node, path: Path) -> dict[str, Any]:
        return {
            name: self._child(key.place, value, (*path, name)) for name, (key, value) in self._entries(node).items()
        }

    def _child(self, key: Place, node: _Node, path: Path) -> Any:
        self.spots[path] = Spot(key, node.place, node.text, node.shape)
        return self.expand(node, path)

    def _entries(self, node: _Node) -> dict[str, tuple[_Node, _Node]]:
        own: dict[str, tuple[_Node, _Node]] = {}
        merged: list[_Node] = []
        for key, value in node.value:
            if key.text is None:
                self.builder.note("Q013", "a key cannot be a list or a mapping, expected a name", key.place)
            elif key.text == "<<":
                merged += self._merged(value)
            elif key.text in own:
                first = own[key.text][0].place
                self.builder.note("Q008", f"{key.text} is given twice, first in line {first.line}", key.place)
            else:
                own[key.text] = (key, value)
        for source in merged:
            for name, entry in self._entries(source).items():
                own.setdefault(name, entry)
        return own

    def _merged(self, node: _Node) -> list[_Node]:
        """The mappings that `<<` names; of the same key in two, the first one's value holds."""
        sources = [node] if node.pairs or not isinstance(node.value, list) else node.value
        for source in sources:
            if not source.pairs:
                self.builder.note("Q009", "<< takes a mapping or a list of mappings", source.place)
        return [source for source in sources if source.pairs]
