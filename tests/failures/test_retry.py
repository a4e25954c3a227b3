"""`qsup retry`: back on the queue under the same id, above every old claim, or a reason why not."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from psycopg import Connection

from qsup import declare, store
from qsup.failed import Filter
from qsup.operating import begin
from qsup.outcome import Again
from qsup.retrying import Answer, retry, retry_all
from tests.cli.program import Qsup
from tests.failures.world import commands, count, declared, fail_again, failed_ids, fails, told
from tests.schema.rows import US, a_file, claim, events, job, one, put
from tests.schema.test_ends import ENDS, End


def again(db: Connection[Any], *ids: int, to: str | None = None) -> list[Answer]:
    """Retry these; the answers in the order of their ids."""
    return retry(db, begin(db, "retry", "", {}), ids, to)


def test_a_retried_job_is_ready_under_its_own_id_with_its_tries_counted_anew(
    world: Connection[Any], qsup: Qsup
) -> None:
    [number] = fails(world, unique="k")
    before = world.execute("SELECT created_at, payload FROM qsup.failed_jobs").fetchone()
    answer = qsup("retry", str(number))
    assert (answer.returncode, answer.stdout) == (0, "retried 1 job (command 1)\n"), answer.stderr
    row = job(world, number)
    assert row is not None
    assert (row["state"], row["step"], row["queue"]) == ("ready", "run", "a")
    assert (row["attempts"], row["crashes"], row["unique_key"]) == (0, 0, "k")
    assert world.execute("SELECT created_at, payload FROM qsup.jobs").fetchone() == before
    assert failed_ids(world) == []
    who = one(world, "SELECT who FROM qsup.commands")
    assert events(world, number)[-1] == ("retried", f"by {who} (command 1)")
    assert commands(world) == [("retry", f"job {number}", "retried 1")]


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_late_end_of_an_old_claim_changes_nothing_after_the_retry(world: Connection[Any], end: End) -> None:
    [number] = fails(world)
    failed_in = one(world, "SELECT max(claim) FROM qsup.job_events")
    again(world, number)
    old = [(number, earlier) for earlier in range(failed_in + 1)]
    waiting = job(world, number)
    for key in old:
        assert not end(world, key)
        assert job(world, number) == waiting
    current = claim(world)[0]
    running = job(world, number)
    for key in old:
        assert not end(world, key)
        assert job(world, number) == running
    assert end(world, current.key), "its own claim ends it"


def test_a_late_end_of_the_failed_hooks_claim_changes_nothing_after_the_retry(world: Connection[Any]) -> None:
    [number] = fails(world, hook=True)
    for _ in range(3):
        hook = claim(world)[0]
        store.reschedule(world, [(hook.key, Again(0.0, "retry", "no"))])
    hook = claim(world)[0]
    assert store.claim_and_record(world, US, [hook.key], [], {})[0] == {number}, "the hook is done, without an event"
    again(world, number)
    current = claim(world)[0]
    assert current.claim > hook.claim
    assert store.claim_and_record(world, US, [hook.key], [], {})[0] == set()
    assert job(world, number) is not None


def test_a_retried_job_that_fails_again_is_stored_again_with_its_new_reason(world: Connection[Any]) -> None:
    [number] = fails(world, unique="k")
    again(world, number)
    fail_again(world, [number], reason="another", exception="KeyError", frame="s.py:g")
    row = world.execute(
        "SELECT id, message, exception, frame, claim_number, unique_key FROM qsup.failed_jobs"
    ).fetchone()
    assert row == (number, "another", "KeyError", "s.py:g", 3, "k")
    assert count(world, "jobs") == 0


def test_a_failure_is_never_swallowed_by_an_older_row_of_the_same_id(world: Connection[Any]) -> None:
    [number] = fails(world)
    again(world, number)
    world.execute(
        "INSERT INTO qsup.failed_jobs (id, queue, type, payload, attempts, crashes, cause, message, created_at,"
        " discarded_at, discarded_by) VALUES (%s, 'a', 'Note', '{}', 1, 0, 'tries', 'old', now(), now(), 1)",
        (number,),
    )
    fail_again(world, [number], reason="new")
    row = world.execute("SELECT message, discarded_at, discarded_by FROM qsup.failed_jobs").fetchone()
    assert row == ("new", None, None)


def test_two_retries_at_once_bring_back_one_job(world: Connection[Any], dsn: str) -> None:
    ids = fails(world, 200)
    start = threading.Barrier(4)
    answers: list[list[Answer]] = []

    def go() -> None:
        with Connection.connect(dsn, autocommit=True) as conn:
            command = begin(conn, "retry", "", {})
            start.wait()
            answers.append([retry(conn, command, [number], None)[0] for number in ids])

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [answer for mine in answers for answer in mine]
    assert sorted(answer.id for answer in every if not answer.refused) == ids
    refused = {answer.refused for answer in every if answer.refused}
    assert refused <= {"held", "live"}
    assert (count(world, "jobs"), count(world, "failed_jobs")) == (200, 0)
    assert one(world, "SELECT count(*) FROM qsup.job_events WHERE kind = 'retried'") == 200


def test_a_job_whose_failed_hook_has_not_ended_is_refused(world: Connection[Any], qsup: Qsup) -> None:
    [number] = fails(world, hook=True)
    for _ in range(2):
        answer = qsup("retry", str(number))
        assert answer.returncode == 1
        assert answer.stderr == f"not {number}: its failed hook has not ended yet; retry it after that\n"
        assert failed_ids(world) == [number]
        hook = world.execute("SELECT step FROM qsup.jobs").fetchall()
        assert hook == [("failed",)]
        found = claim(world)
    assert found == [], "the second look was at a running hook"
    world.execute("DELETE FROM qsup.jobs")
    assert not again(world, number)[0].refused


def test_a_live_job_with_the_same_key_keeps_its_place(world: Connection[Any]) -> None:
    [first] = fails(world, unique="k")
    [second] = fails(world, unique="k")
    rival = one(world, "SELECT id FROM qsup.dispatch('Note', '{}', unique_key => 'k')")
    answers = again(world, first, second)
    reason = f"job {rival} of the same class and unique key is waiting or running"
    assert [(each.id, each.refused, each.reason) for each in answers] == [
        (first, "key", reason),
        (second, "key", reason),
    ]
    assert failed_ids(world) == [first, second]
    world.execute("DELETE FROM qsup.jobs")
    answers = again(world, first, second)
    assert [each.refused for each in answers] == ["", "key"]
    assert answers[1].reason == "another failed job of the same class and unique key was retried in its place"
    assert failed_ids(world) == [second]


def test_what_nobody_would_hear_is_refused_as_dispatch_would_and_the_others_are_moved(
    world: Connection[Any], qsup: Qsup
) -> None:
    good, bad = fails(world)[0], fails(world, queue="b")[0]
    declare.apply(world, a_file({"a": 1, "bb": 1}, {"Note": "a"}), US)
    answer = qsup("retry", str(good), str(bad), "999")
    assert answer.returncode == 1
    assert answer.stdout == "retried 1 job (command 1)\n"
    lines = answer.stderr.splitlines()
    assert lines[0].startswith(f"not {bad}: the queue b is not declared. Did you mean bb?"), answer.stderr
    assert lines[1] == "not 999: no failed job has this id"
    assert failed_ids(world) == [bad]
    assert commands(world) == [("retry", f"3 jobs: {good} {bad} 999", "retried 1, not 2")]
    assert not again(world, bad, to="a")[0].refused, "another queue takes it"


@pytest.mark.parametrize(
    ("queues", "jobs", "to", "reason"),
    [
        ({"a": 1, "b": 0}, {"Note": "a"}, "b", "the queue b is declared without workers: the job would never run"),
        ({"a": 1}, {"Note": "a"}, "aa", "the queue aa is not declared. Did you mean a?"),
        ({"a": 1}, {"Notes": "a"}, None, "no queue is declared for the job class Note. Did you mean Notes?"),
    ],
)
def test_the_reasons_are_those_of_dispatch(
    world: Connection[Any], queues: dict[str, int], jobs: dict[str, str], to: str | None, reason: str
) -> None:
    [number] = fails(world)
    declared(world, queues=queues, jobs=jobs)
    [answer] = again(world, number, to=to)
    assert answer.reason.startswith(reason), answer.reason
    assert failed_ids(world) == [number]


def test_a_retired_class_is_refused(world: Connection[Any]) -> None:
    [number] = fails(world)
    put(world)
    declared(world, queues={"a": 1}, jobs={"Other": "a"})
    [answer] = again(world, number)
    assert answer.reason.startswith("the job class Note is retired: no applied queues.yaml declares it any more")


def test_all_of_a_filter_are_moved_in_batches_in_the_order_in_which_they_failed(world: Connection[Any]) -> None:
    fails(world, 1200)
    others = fails(world, queue="b")
    answers = retry_all(world, begin(world, "retry", "", {}), Filter(queue="a"), None)
    assert len(answers) == 1200
    assert commands(world)[-1][2] == "retried 1200"
    assert failed_ids(world) == others
    assert [each.id for each in claim(world, 1200)] == [each.id for each in answers]


def test_all_with_words_says_what_was_meant(world: Connection[Any], qsup: Qsup) -> None:
    mine = fails(world)[0]
    fails(world, exception="KeyError")
    same = one(world, "SELECT fingerprint FROM qsup.failed_jobs WHERE id = %s", mine)
    assert told(qsup, "retry", "all", "--fingerprint", same, "--queue", "a", "--job", "Note")["retried"] == [mine]
    verb, subject, result = commands(world)[-1]
    assert (verb, result) == ("retry", "retried 1")
    assert subject.startswith(f"all failed jobs of queue a of class Note with fingerprint {same} that failed before 2")


def test_a_listener_that_waits_is_woken_and_nobody_else(world: Connection[Any], dsn: str) -> None:
    first, second = fails(world, 2)
    with Connection.connect(dsn, autocommit=True) as other:
        other.execute("LISTEN qsup")
        again(world, first)
        store.wait_for(world, US, ["a"])
        again(world, second)
        world.execute("NOTIFY qsup, 'end'")
        heard = []
        for note in other.notifies(timeout=10):
            heard.append(note.payload)
            if note.payload == "end":
                break
    assert heard == ["a", "end"]


BAD = {
    "no ids": ((), "Missing argument"),
    "no number": (("x7",), "x7 is no job id"),
    "too large": ((str(2**63),), "is no job id"),
    "a filter with ids": (("7", "--queue", "a"), "go with `all`, not with ids"),
}


def test_what_is_typed_wrong_is_said_in_a_sentence_and_changes_nothing(world: Connection[Any], qsup: Qsup) -> None:
    fails(world)
    for case, (arguments, message) in BAD.items():
        answer = qsup("retry", *arguments)
        assert answer.returncode == 2, (case, answer.stderr)
        assert message in answer.stderr, case
    assert commands(world) == []
    assert count(world, "failed_jobs") == 1
