"""`qsup forget`, `flush`, their undo, and `prune-failed`: shown first, marked, brought back, deleted only later."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from qsup import failed, store
from qsup.failed import Filter
from qsup.operating import begin
from tests.cli.program import Qsup
from tests.failures.world import commands, count, failed_ids, fails, told
from tests.schema.rows import events, one


def age(db: Connection[Any], hours: float, *ids: int) -> None:
    """These failed so long ago."""
    db.execute(
        "UPDATE qsup.failed_jobs SET failed_at = now() - make_interval(secs => %s) WHERE id = ANY (%s)",
        (hours * 3600, list(ids)),
    )


def test_flush_shows_what_would_go_and_changes_nothing_without_yes(world: Connection[Any], qsup: Qsup) -> None:
    fails(world, 3)
    fails(world, 2, queue="b", exception="KeyError")
    answer = qsup("flush")
    assert answer.returncode == 0, answer.stderr
    lines = [line.split() for line in answer.stdout.splitlines()]
    assert [(line[0], line[1], line[2], line[4]) for line in lines[:2]] == [
        ("3", "a", "Note", "ValueError"),
        ("2", "b", "Note", "KeyError"),
    ]
    assert answer.stdout.endswith("5 failed jobs would be discarded; nothing is changed: add --yes\n")
    shown = told(qsup, "flush", "--queue", "b")
    assert (shown["would"], shown["changed"], shown["groups"][0]["jobs"]) == (2, False, 2)
    assert len(failed_ids(world)) == 5
    assert commands(world) == []


def test_what_is_flushed_is_marked_and_comes_back_with_undo(world: Connection[Any], qsup: Qsup) -> None:
    mine = fails(world, 3)
    others = fails(world, queue="b")
    before = world.execute("SELECT to_jsonb(f) FROM qsup.failed_jobs AS f ORDER BY id").fetchall()
    answer = qsup("flush", "--queue", "a", "--yes")
    said = "discarded 3 failed jobs; for 24 hours `qsup flush --undo 1` brings them back\n"
    assert (answer.returncode, answer.stdout) == (0, said), answer.stderr
    assert failed_ids(world) == others
    assert count(world, "failed_jobs") == 4
    assert count(world, "laravel_failed_jobs") == 1
    assert store.counts(world).keys() == {"b"}
    answer = qsup("flush", "--undo")
    assert answer.stdout == "brought back 3 failed jobs that command 1 had discarded\n", answer.stderr
    assert world.execute("SELECT to_jsonb(f) FROM qsup.failed_jobs AS f ORDER BY id").fetchall() == before
    assert [(verb, result) for verb, _, result in commands(world)] == [
        ("flush", "discarded 3"),
        ("undo", "brought back 3"),
    ]
    assert [kind for kind, _ in events(world, mine[0])] == ["tries", "forgotten", "brought back"]


def test_undo_brings_back_what_its_command_discarded_and_nothing_else(world: Connection[Any], qsup: Qsup) -> None:
    first, second = fails(world)[0], fails(world)[0]
    told(qsup, "forget", str(first))
    told(qsup, "forget", str(second))
    assert told(qsup, "forget", "--undo", "1")["brought_back"] == [first]
    assert failed_ids(world) == [first]
    assert told(qsup, "flush", "--undo")["brought_back"] == [second]
    nothing = qsup("flush", "--undo")
    assert (nothing.returncode, nothing.stderr.splitlines()[0]) == (1, "qsup: nothing is discarded")
    other = qsup("flush", "--undo", "1")
    assert other.returncode == 1
    assert other.stderr.startswith("qsup: nothing that command 1 has discarded is there any more\n")


def test_one_job_is_forgotten_at_once_and_several_need_yes(world: Connection[Any], qsup: Qsup) -> None:
    first, second, third = fails(world, 3)
    assert qsup("forget", str(first)).stdout.startswith("discarded 1 failed job;")
    shown = qsup("forget", str(second), str(third))
    assert shown.stdout.endswith("2 failed jobs would be discarded; nothing is changed: add --yes\n")
    assert failed_ids(world) == [second, third]
    answer = qsup("forget", str(second), str(third), "999", "--yes")
    assert answer.returncode == 1
    assert answer.stderr == "not 999: no failed job has this id, or it is discarded already\n"
    assert failed_ids(world) == []
    assert commands(world)[-1] == ("forget", f"3 jobs: {second} {third} 999", "discarded 2")


def test_a_discarded_job_is_not_listed_not_retried_and_not_discarded_twice(world: Connection[Any], qsup: Qsup) -> None:
    [number] = fails(world)
    told(qsup, "forget", str(number))
    assert qsup("failed").stdout == "no failed jobs\n"
    assert [one["id"] for one in told(qsup, "failed", "--discarded")["jobs"]] == [number]
    refused = told(qsup, "retry", str(number), code=1)["refused"]
    assert refused[0]["reason"] == "it is discarded; bring it back with `qsup flush --undo` first"
    assert told(qsup, "retry", "all")["retried"] == []
    assert told(qsup, "flush", "--yes")["discarded"] == 0
    assert one(world, "SELECT discarded_by FROM qsup.failed_jobs") == 1


def test_hours_mean_failed_longer_ago(world: Connection[Any], qsup: Qsup) -> None:
    old, fresh = fails(world, 2)
    age(world, 25, old)
    assert told(qsup, "flush", "--hours", "24", "--yes")["discarded"] == 1
    assert failed_ids(world) == [fresh]


def test_a_large_flush_and_its_undo_work_in_batches(world: Connection[Any]) -> None:
    fails(world, 2500)
    command = begin(world, "flush", "all", {})
    assert failed.flush(world, command, Filter()) == 2500
    assert failed_ids(world) == []
    assert len(failed.bring_back(world, begin(world, "undo", "", {}), command.id)) == 2500
    assert len(failed_ids(world)) == 2500
    assert commands(world) == [("flush", "all", "discarded 2500"), ("undo", "", "brought back 2500")]


def test_housekeeping_deletes_for_good_what_was_discarded_a_day_ago(world: Connection[Any], qsup: Qsup) -> None:
    old, fresh, kept = fails(world, 3)
    told(qsup, "forget", str(old))
    told(qsup, "forget", str(fresh))
    world.execute("UPDATE qsup.failed_jobs SET failed_at = now() - interval '90 days'")
    for hours, left in ((23.9, [old, fresh, kept]), (24.1, [fresh, kept])):
        world.execute(
            "UPDATE qsup.failed_jobs SET discarded_at = now() - make_interval(secs => %s) WHERE id = %s",
            (hours * 3600, old),
        )
        assert store.prune(world) is False
        assert [row[0] for row in world.execute("SELECT id FROM qsup.failed_jobs ORDER BY id")] == left


def test_housekeeping_comes_back_while_there_may_be_more(world: Connection[Any]) -> None:
    fails(world, 1500)
    failed.flush(world, begin(world, "flush", "", {}), Filter())
    world.execute("UPDATE qsup.failed_jobs SET discarded_at = now() - interval '25 hours'")
    assert [store.prune(world), store.prune(world)] == [True, False]
    assert count(world, "failed_jobs") == 0


def test_prune_failed_deletes_old_ones_for_good_also_discarded_ones(world: Connection[Any], qsup: Qsup) -> None:
    old, discarded, fresh = fails(world, 3)
    told(qsup, "forget", str(discarded))
    age(world, 50, old, discarded)
    for shown in (
        told(qsup, "prune-failed", "--hours", "48"),
        told(qsup, "prune-failed", "--hours", "48", "--yes", "--dry-run"),
    ):
        assert (shown["would"], shown["changed"]) == (2, False)
    assert qsup("prune-failed", "--hours", "48").stdout.endswith(
        "2 failed jobs would be deleted for good; nothing is changed: add --yes\n"
    )
    assert count(world, "failed_jobs") == 3
    assert qsup("prune-failed", "--hours", "48", "--yes").stdout == "deleted 2 failed jobs for good\n"
    assert world.execute("SELECT id FROM qsup.failed_jobs").fetchall() == [(fresh,)]
    assert commands(world)[-1][2] == "deleted 2"


BAD = {
    "nothing to forget": (("forget",), "Give the ids of failed jobs"),
    "ids and an undo": (("forget", "7", "--undo"), "Give the ids of failed jobs"),
    "no number": (("flush", "--undo", "x"), "x is no job id"),
    "no hours": (("prune-failed", "--yes"), "--hours"),
    "hours before the world": (("flush", "--hours", "1e12", "--yes"), "expected hours within history"),
    "hours to come": (("prune-failed", "--hours", "-1", "--yes"), "--hours"),
}


def test_what_is_typed_wrong_is_said_in_a_sentence_and_changes_nothing(world: Connection[Any], qsup: Qsup) -> None:
    fails(world)
    for case, (arguments, message) in BAD.items():
        answer = qsup(*arguments)
        assert answer.returncode == 2, (case, answer.stderr)
        assert message in answer.stderr, (case, answer.stderr)
        assert "Traceback" not in answer.stderr, case
    assert commands(world) == []
    assert len(failed_ids(world)) == 1
