"""The JSON Schema knows every key, and says of each what it is for."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from qsup import keys
from qsup.config import parse
from qsup.schema import schema

SECTIONS: list[tuple[type[BaseModel], dict[str, str], str]] = [
    (keys.Document, keys.LATER, ""),
    (keys.Defaults, keys.LATER_IN_QUEUE, "Defaults"),
    (keys.QueueEntry, keys.LATER_IN_QUEUE, "QueueEntry"),
    (keys.JobEntry, keys.LATER_IN_JOB, "JobEntry"),
]


def section(name: str) -> dict[str, Any]:
    made = schema()
    found = made["$defs"][name] if name else made
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(("model", "later", "name"), SECTIONS)
def test_every_key_is_in_it_with_a_description(model: type[BaseModel], later: dict[str, str], name: str) -> None:
    properties = section(name)["properties"]
    assert set(properties) == {*model.model_fields, *later}
    assert [key for key, field in properties.items() if not field.get("description")] == []
    assert section(name)["additionalProperties"] is False


@pytest.mark.parametrize(("model", "later", "name"), SECTIONS)
def test_keys_of_later_versions_are_known_and_not_allowed(
    model: type[BaseModel], later: dict[str, str], name: str
) -> None:
    assert not set(model.model_fields) & set(later)
    for key in later:
        field = section(name)["properties"][key]
        assert field["not"] == {}
        assert field["description"].startswith("Known, but not in this version yet: ")


def test_the_defaults_in_it_are_the_built_in_ones() -> None:
    fields = section("Defaults")["properties"]
    assert {key: field["default"] for key, field in fields.items() if "default" in field} == keys.BUILT_IN
    assert set(keys.BUILT_IN) == set(keys.Settings.model_fields)


def test_the_required_keys_are_required() -> None:
    assert section("")["required"] == ["version", "queues"]
    assert section("JobEntry")["required"] == ["queue", "handler"]


def test_the_examples_in_it_are_valid() -> None:
    for key, field in section("QueueEntry")["properties"].items():
        for example in field.get("examples", []):
            text = f"version: 1\nqueues: {{pay: {{workers: 1, {key}: {example}}}}}\n"
            assert parse(text, "queues.yaml", {}).problems == (), f"{key}: {example}"
