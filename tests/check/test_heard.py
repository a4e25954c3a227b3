"""Which queues are heard, and where."""

from __future__ import annotations

from qsup.check.heard import Heard, by_file, by_places, by_routing
from qsup.config import parse

FILE = """\
version: 1
queues:
  payments: {workers: 2}
  low: {workers_of: payments}
  idle: {workers: 0}
  lost: {workers_of: idle}
"""


def test_a_queue_is_heard_when_it_or_the_one_that_serves_it_has_workers() -> None:
    parsed = parse(FILE, "queues.yaml", {})
    assert by_file(parsed).queues == {"payments": "queues.yaml:3:3", "low": "queues.yaml:4:3"}
    assert by_routing(parsed.routing, "q.yaml").queues == {"payments": "q.yaml", "low": "q.yaml"}


def test_the_first_place_of_a_queue_is_told_and_the_own_one_before_anothers() -> None:
    heard = by_places([("a", "x.conf:1"), ("b", "x.conf:1"), ("a", "x.conf:9")])
    assert heard.queues == {"a": "x.conf:1", "b": "x.conf:1"}
    assert heard.and_also(Heard({"a": "elsewhere", "c": "z"})).queues == {"a": "x.conf:1", "b": "x.conf:1", "c": "z"}


def test_the_nearest_heard_queue_is_the_hint() -> None:
    assert by_places([("provisioning", "x"), ("payments", "x")]).near("router-provisioning") == (
        "did you mean provisioning?"
    )
    assert by_places([("payments", "x")]).near("router-provisioning") == ""
