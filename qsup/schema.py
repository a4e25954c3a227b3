"""The JSON Schema of queues.yaml, made from the models in `keys`."""

from __future__ import annotations

from typing import Any

from qsup.keys import BUILT_IN, Document

URL = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12, for editors and other tools."""
    made = Document.model_json_schema()
    made["$schema"], made["title"] = URL, "queues.yaml of qsup"
    for name, section in [("Document", made), *made["$defs"].items()]:
        _without_nulls(section, BUILT_IN if name == "Defaults" else {})
    return made


def _without_nulls(section: dict[str, Any], built_in: dict[str, Any]) -> None:
    """None means "left out" in the models; the file itself has no null. `built_in` become the section's defaults."""
    for name, field in section.get("properties", {}).items():
        field.pop("title", None)
        choices = [choice for choice in field.get("anyOf", []) if choice != {"type": "null"}]
        if len(choices) == 1:
            field.pop("anyOf")
            field.update({key: value for key, value in choices[0].items() if key not in field})
        elif choices:
            field["anyOf"] = choices
        if field.get("default", 0) is None or isinstance(field.get("default"), dict | list):
            field.pop("default")
        if name in built_in:
            field["default"] = built_in[name]
