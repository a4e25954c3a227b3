"""1,000 damaged files: each is taken, and then means the same to everybody, or is refused with places and sentences."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from qsup.check import load as loading
from qsup.check.load import load, sound
from qsup.check.numbers import explain
from qsup.errors import ExitCode
from qsup.generate.supervisord import Place, generate
from qsup.routing import Routing
from qsup.supervise.edits import desired_of, is_refused, problems_of
from tests.badinput.mutations import mutated

PLACE = Place(program=("qsup",), config_file="/q", directory="/", log_directory="/", user=None, environment={})


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name)


def as_the_child_says(file: Path) -> tuple[int, dict[str, Any]]:
    """What the supervisor gets to read."""
    said = io.StringIO()
    with redirect_stdout(said):
        code = loading.main([str(file)])
    answer: dict[str, Any] = json.loads(said.getvalue())
    return code, answer


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=mutated())
def test_a_thousand_damaged_files(folder: Path, content: bytes) -> None:
    file = folder / "queues.yaml"
    file.write_bytes(content)
    loaded = load(file, {"HOME": "/root"})
    errors = [found for found in loaded.problems if found.severity == "error"]
    for found in loaded.problems:
        assert found.line >= 1
        assert found.column >= 1
        assert str(found).startswith(f"{file}:{found.line}:{found.column}: ")
        assert "\n" not in str(found)
        str(found).encode()
        assert len(str(found)) < 2000, "nobody reads so much"
    code, answer = as_the_child_says(file)
    if loaded.routing is None:
        assert errors
        assert (code, is_refused(answer)) == (ExitCode.BAD_CONFIG, True)
        assert [str(found) for found in problems_of(answer)]
        return
    assert not errors
    means_the_same(loaded.routing, answer)
    for queue in loaded.routing.queues:
        explain(sound(loaded), queue)
    generate(loaded.routing, PLACE, "qsup.conf", "")


def means_the_same(routing: Routing, answer: dict[str, Any]) -> None:
    assert Routing.from_dict(json.loads(json.dumps(routing.to_dict()))) == routing
    told = desired_of(answer, 1)
    assert set(told.routing.routes) == set(routing.routes)
    assert {slot for queue in routing.queues.values() for slot in queue.slots} == set(told.slots)
