"""`qsup job ID`: where a job is, why it waits, what happened to it and who did what to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg import Connection

from qsup import store
from qsup.outcome import Again
from qsup.rows import Step
from tests.cli.program import Qsup
from tests.failures.world import declared, fail_again, fails, told
from tests.schema.rows import US, claim, one, put

SECRET = '{"secret": "254700000001"}'


def listens(db: Connection[Any], *queues: str) -> None:
    """A supervisor on the host h1 hears these."""
    store.beat(
        db, US, host="h1", pid=7, code="1", config_file="f", generation=1, listens=list(queues), declares={}
    )  # fmt: skip


def where(qsup: Qsup, number: int) -> tuple[str, str]:
    """State and sentence."""
    answer = told(qsup, "job", str(number))
    return answer["state"], answer["where"]


def test_a_ready_job_says_how_many_are_before_it_and_whether_anybody_listens(
    world: Connection[Any], qsup: Qsup
) -> None:
    first, *_, last = put(world, 3)
    state, sentence = where(qsup, last)
    assert state == "ready"
    assert sentence.endswith(": 2 jobs are before it; nobody listens to a at the moment")
    listens(world, "a")
    assert where(qsup, first)[1].endswith(": it is the next one")
    declared(world, queues={"b": 1}, jobs={})
    world.execute("DELETE FROM qsup.supervisors")
    assert where(qsup, first)[1].endswith("; nobody serves it: no applied queues.yaml declares the queue a any more")
    declared(world, queues={"a": 0}, jobs={})
    assert where(qsup, first)[1].endswith("; nobody serves it: the queue a has no workers")


def test_a_scheduled_job_says_until_when_and_why(world: Connection[Any], qsup: Qsup) -> None:
    listens(world, "a")
    [number] = put(world)
    store.reschedule(world, [(claim(world)[0].key, Again(3600.0, "retry", "ValueError: no"))])
    state, sentence = where(qsup, number)
    assert state == "scheduled"
    assert sentence.startswith("scheduled for 2")
    answer = qsup("job", str(number))
    assert "retry (claim 1): ValueError: no; again in 1h" in answer.stdout
    assert "  1 tries, 0 crashes, claim number 1\n" in answer.stdout


def test_a_running_job_says_who_runs_it_since_when_and_until_when(world: Connection[Any], qsup: Qsup) -> None:
    listens(world, "a")
    [number] = put(world)
    key = claim(world)[0].key
    store.progress(world, [Step(key, 40.0, "half way", "Note", "a")])
    state, sentence = where(qsup, number)
    assert state == "running"
    assert sentence.startswith("running in a:0 on h1 since 2")
    assert "which is over" not in sentence
    assert "progress (claim 1): half way (40 %)" in qsup("job", str(number)).stdout
    world.execute("UPDATE qsup.jobs SET lease_until = now() - interval '1 s'")
    assert "which is over: it is rescued" in where(qsup, number)[1]
    world.execute("DELETE FROM qsup.supervisors")
    assert where(qsup, number)[1].startswith("running in a:0 on a host that has signed off")


def test_a_failed_job_tells_its_errors_and_what_operators_did(world: Connection[Any], qsup: Qsup) -> None:
    [number] = fails(world, unique="k", traceback="Traceback\n  File s.py\x1b[2J\nValueError: no luck")
    told(qsup, "retry", str(number))
    store.reschedule(world, [(claim(world)[0].key, Again(0.0, "crash", "signal 9"))])
    store.release(world, [(claim(world)[0].key, "its worker left")])
    store.reschedule(world, [(claim(world)[0].key, Again(0.0, "retry", "no luck"))])
    text = qsup("job", str(number)).stdout
    who = one(world, "SELECT who FROM qsup.commands")
    expected = [
        "tries (claim 1): no luck",
        f"retried (claim 2): by {who} (command 1)",
        "crash (claim 3): signal 9",
        "released (claim 4): its worker left",
        "retry (claim 5): no luck; again in 0s",
        f"{who}: retry job {number}: retried 1",
        "unique key k",
    ]
    assert [line for line in expected if line not in text] == [], text


def test_a_failed_and_then_discarded_job_says_so(world: Connection[Any], qsup: Qsup) -> None:
    [number] = fails(world, unique="k", traceback="Traceback\n  File s.py\x1b[2J\nValueError: no luck", hook=True)
    text = qsup("job", str(number)).stdout
    assert f"job {number}: failed\n  failed for good (tries) at " in text
    assert "; its failed hook: ready since" in text
    assert "  ValueError: no luck\n  in s.py:f, fingerprint 3ae9a84a68\n    Traceback\n" in text
    assert "\x1b" not in text
    told(qsup, "flush", "--yes")
    state, sentence = where(qsup, number)
    assert state == "discarded"
    assert sentence.startswith("discarded by command 1, deleted for good after 2")
    assert "flush all failed jobs" in qsup("job", str(number)).stdout


def test_a_done_job_is_in_the_history_and_one_that_is_gone_has_its_events(world: Connection[Any], qsup: Qsup) -> None:
    kept, gone = put(world, 2)
    first, second = claim(world, 2)
    store.archive(world, [first.key])
    store.progress(world, [Step(second.key, 10.0, "x", "Note", "a")])
    store.claim_and_record(world, US, [second.key], [], {})
    assert where(qsup, kept)[0] == "done"
    assert where(qsup, gone) == ("gone", "not stored any more: done, cancelled or deleted; only its events are left")


@pytest.mark.parametrize("end", ["ready", "failed", "done"])
def test_the_payload_is_printed_only_when_it_is_asked_for(world: Connection[Any], qsup: Qsup, end: str) -> None:
    number = one(world, "SELECT id FROM qsup.dispatch('Note', %s)", SECRET)
    if end == "failed":
        fail_again(world, [number])
    if end == "done":
        store.archive(world, [claim(world)[0].key])
    for arguments in (("job", str(number)), ("job", str(number), "--json"), ("failed",), ("failed", "--json")):
        assert "254700000001" not in qsup(*arguments).stdout, arguments
    assert "254700000001" in qsup("job", str(number), "--payload").stdout
    assert "254700000001" in json.dumps(told(qsup, "job", str(number), "--payload"))


def test_an_unknown_job_is_said_to_be_unknown(qsup: Qsup) -> None:
    answer = qsup("job", "812")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("qsup: no job 812 is stored\n")
    assert qsup("job", "8x").returncode == 2
