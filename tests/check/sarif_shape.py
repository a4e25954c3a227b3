"""What the JSON schema of SARIF 2.1.0 (OASIS, errata 01) demands of the objects that qsup writes, and of no other.

Every object of that schema is closed: a key that it does not name is an error, as is a missing one that it requires.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

URI = r"[A-Za-z][A-Za-z0-9+.-]*://\S+"
REFERENCE = r"[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]*"
SEMANTIC_VERSION = r"\d+\.\d+\.\d+.*"
ANY = r"(?s).*"
BAG: Mapping[str, Any] = {}
"""A property bag: an object with whatever keys."""

SHAPES: Mapping[str, Mapping[str, Any]] = {
    "log": {"version!": "2\\.1\\.0", "runs!": ["run"], "$schema": URI, "properties": BAG},
    "run": {
        "tool!": "<tool>", "results": ["result"], "columnKind": "utf16CodeUnits|unicodeCodePoints", "properties": BAG,
    },
    "tool": {"driver!": "<component>", "extensions": ["component"], "properties": BAG},
    "component": {
        "name!": ANY, "version": ANY, "semanticVersion": SEMANTIC_VERSION, "informationUri": URI, "rules": ["rule"],
        "downloadUri": URI, "fullName": ANY, "organization": ANY, "shortDescription": "<texts>", "properties": BAG,
    },
    "rule": {
        "id!": ANY, "name": ANY, "shortDescription": "<texts>", "fullDescription": "<texts>", "help": "<texts>",
        "helpUri": URI, "defaultConfiguration": BAG, "messageStrings": BAG, "properties": BAG,
    },
    "texts": {"text!": ANY, "markdown": ANY, "properties": BAG},
    "result": {
        "message!": "<message>", "ruleId": ANY, "ruleIndex": -1, "locations": ["location"], "guid": ANY,
        "kind": "notApplicable|pass|fail|review|open|informational", "level": "none|note|warning|error",
        "fingerprints": BAG, "partialFingerprints": BAG, "hostedViewerUri": URI, "properties": BAG,
    },
    "message": {"text!": ANY, "markdown": ANY, "arguments": [ANY], "properties": BAG},
    "location": {"id": -1, "physicalLocation": "<place>", "message": "<message>", "properties": BAG},
    "place": {"artifactLocation!": "<artifact>", "region": "<region>", "properties": BAG},
    "artifact": {"uri": REFERENCE, "uriBaseId": ANY, "index": -1, "properties": BAG},
    "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1, "properties": BAG},
}  # fmt: skip
"""By key: a pattern for a text, the least of a whole number, `<kind>` of an object, a list of one of these, a bag.

`!` marks what is required. Of `message` and `place` the schema would take another key instead, which qsup never writes.
"""


def faults(value: Any, kind: str = "log", at: str = "$") -> Iterator[str]:
    """What a validator would say about an object of this kind."""
    if not isinstance(value, dict):
        yield f"{at} is no object"
        return
    shape = {key.rstrip("!"): expected for key, expected in SHAPES[kind].items()}
    yield from (f"{at}.{key[:-1]} is missing" for key in SHAPES[kind] if key.endswith("!") and key[:-1] not in value)
    for key, found in value.items():
        if key in shape:
            yield from _fault(found, shape[key], f"{at}.{key}")
        else:
            yield f"{at}.{key} is not in the schema"


def _fault(value: Any, expected: Any, at: str) -> Iterator[str]:
    match expected:
        case [inner]:
            items = value if isinstance(value, list) else [None]
            named = inner in SHAPES
            for number, item in enumerate(items):
                yield from faults(item, inner, f"{at}[{number}]") if named else _fault(item, inner, f"{at}[{number}]")
        case str() if expected.startswith("<"):
            yield from faults(value, expected.strip("<>"), at)
        case str():
            if not isinstance(value, str) or not re.fullmatch(expected, value):
                yield f"{at} is {value!r}, expected {expected}"
        case int():
            if not isinstance(value, int) or isinstance(value, bool) or value < expected:
                yield f"{at} is {value!r}, expected at least {expected}"
        case _:
            if not isinstance(value, dict):
                yield f"{at} is no property bag"
