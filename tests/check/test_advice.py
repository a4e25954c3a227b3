"""Numbers that are allowed and probably not meant."""

from __future__ import annotations

import pytest

from qsup.check.advice import advice, connections
from qsup.config import parse


def told(queues: str, *rest: str) -> list[str]:
    parsed = parse("\n".join(["version: 1", f"queues: {{{queues}}}", *rest]), "q.yaml", {})
    assert not parsed.problems
    return [f"{found.line}: {found.message} [{found.code}]" for found in advice(parsed)]


@pytest.mark.parametrize(
    ("queue", "message"),
    [
        ("tries: 5, backoff: [1, 2, 3, 4, 5]", "with 5 tries only the first 4 of 5 waits are ever used"),
        ("tries: 2, backoff: [1, 2, 3]", "with 2 tries only the first of 3 waits are ever used"),
        ("tries: 1, backoff: 5s", "with one try none of 1 wait is ever used"),
    ],
)
def test_a_wait_that_no_try_comes_to_is_told(queue: str, message: str) -> None:
    assert told(f"pay: {{workers: 1, {queue}}}") == [f"2: {message} [Q113]"]


def test_as_many_waits_as_can_be_used_are_in_order() -> None:
    assert told("pay: {workers: 1, tries: 5, backoff: [1, 2, 3, 4]}") == []
    assert told("pay: {workers: 1, tries: 3}") == [], "built in: nobody wrote it"


def test_a_job_with_more_tries_uses_what_its_queue_alone_would_not() -> None:
    job = "jobs: {PayJob: {queue: pay, handler: 'a:b', tries: 6}}"
    assert told("pay: {workers: 1, tries: 5, backoff: [1, 2, 3, 4, 5]}", job) == []
    own = "jobs: {PayJob: {queue: pay, handler: 'a:b', tries: 2, backoff: [7, 8]}}"
    assert told("pay: {workers: 1}", own) == ["3: with 2 tries only the first of 2 waits are ever used [Q113]"]
    inherited = "jobs: {PayJob: {queue: pay, handler: 'a:b', backoff: [7, 8, 9]}}"
    assert told("pay: {workers: 1, tries: 3}", inherited) == [
        "3: with 3 tries only the first 2 of 3 waits are ever used [Q113]"
    ]


def test_a_default_backoff_is_judged_by_whoever_uses_most_of_it() -> None:
    default = "defaults: {backoff: [1, 2, 3]}"
    assert told("a: {workers: 1, tries: 3}, b: {workers: 1, tries: 4}", default) == []
    assert told("a: {workers: 1, tries: 3}, b: {workers: 1, backoff: 1}", default) == [
        "3: with 3 tries only the first 2 of 3 waits are ever used [Q113]"
    ]


def test_the_memory_of_all_workers_is_told_when_it_is_much() -> None:
    assert told("a: {workers: 4, memory: 256MB}, b: {workers: 8, memory: 128MB}") == [
        "2: 12 workers at their `memory` limits come to 2GB [Q114]"
    ]
    assert told("a: {workers: 7, memory: 128MB}") == []


def test_workers_that_are_younger_than_their_jobs_are_told() -> None:
    message = "workers of a are replaced after one long job: `max_time` of 30m are less than its timeout of 1h"
    assert told("a: {workers: 1, timeout: 1h, max_time: 30m}") == [f"2: {message} [Q115]"]
    assert told("a: {workers: 1, timeout: 1h, max_time: 1h}") == []
    assert told("a: {workers: 1, timeout: 2h, max_time: 0}") == []


def test_less_memory_than_an_empty_worker_is_told() -> None:
    (line,) = told("a: {workers: 1, memory: 1MB}")
    assert line.endswith("[Q116]")
    assert told("a: {workers: 1, memory: 32MB}") == []


@pytest.mark.parametrize(("workers", "most", "codes"), [(94, 100, []), (95, 100, ["Q117"]), (10, 13, ["Q117"])])
def test_connections_are_counted_against_the_server(workers: int, most: int, codes: list[str]) -> None:
    parsed = parse(f"version: 1\nqueues: {{a: {{workers: {workers}}}}}", "q.yaml", {})
    found = connections(parsed, most)
    assert [problem.code for problem in found] == codes
    assert all(f"{workers} workers" in problem.message and problem.line == 2 for problem in found)
