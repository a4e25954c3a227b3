"""Whatever text is saved as queues.yaml: problems or a routing, never an exception."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from qsup.check.problem import in_order
from qsup.check.rules import check
from qsup.config import parse
from qsup.routing import Routing

HOTSPOT = (Path(__file__).parents[2] / "queues.yaml").read_text(encoding="utf-8")
SIGNS = """&a *a <<: - { } [ ] : , # ' " !!int !!set | > % ? ~ null true no 0 -1 1e9 ${X} ${ $${ \\U00110000 !< !! @ ` =
version é queues:
jobs: backoff --- ..."""
BREAKS = ["\n", "\n  ", "\t", ": ", "- ", "\x00", "\ud800", "\u2028", "\n---\n", "%YAML 1.1\n", "1" * 5000]
WORDS = st.sampled_from([*SIGNS.split(), "workers_of: low", *BREAKS])


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The hotspot's file with up to six pieces cut out, doubled or replaced."""
    text = HOTSPOT
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 30))
        text = (
            text[:start]
            + draw(st.one_of(WORDS, st.text(max_size=5), st.just(text[start : start + length] * 2)))
            + text[start + length :]
        )
    return text


def outcome(text: str) -> None:
    parsed = parse(text, "queues.yaml", {"X": "x"})
    problems = in_order([*parsed.problems, *check(parsed)])
    json.dumps([problem.to_dict() for problem in problems])
    for problem in problems:
        assert "\n" not in str(problem)
        assert problem.line >= 1
        assert problem.column >= 1
    if not any(problem.severity == "error" for problem in problems):
        routing = parsed.routing
        assert Routing.from_dict(json.loads(json.dumps(routing.to_dict()))) == routing
        for name in routing.queues:
            routing.server(name)
            routing.rules("", name)
        assert all(routing.server(route.queue) for route in routing.routes.values())


@settings(deadline=None)
@given(mutated())
@example(HOTSPOT)
def test_the_hotspot_s_file_after_any_accident_gives_problems_or_a_routing(text: str) -> None:
    outcome(text)


@settings(deadline=None)
@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("{}[]&*!:-?|>'\"% \n\t#,~")), max_size=80))
def test_any_text_gives_problems(text: str) -> None:
    outcome(text)


NAMES = """version queues jobs defaults code database database_file payload_limit pay A workers workers_of queue handler
backoff timeout tries schedules x"""
KEYS = NAMES.split()
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=20,
)


@settings(deadline=None)
@given(VALUES, VALUES, VALUES)
def test_any_shape_of_values_gives_problems(defaults: object, queues: object, jobs: object) -> None:
    outcome(json.dumps({"version": 1, "defaults": defaults, "queues": queues, "jobs": jobs}))
    outcome(json.dumps(queues))
