"""`qsup failed` and its groups: the same failure has the same fingerprint, another place or signal another one."""

from __future__ import annotations

import json
from typing import Any

from psycopg import Connection

from qsup import failed
from qsup.failed import Filter
from tests.cli.program import Qsup
from tests.failures.world import fails, told
from tests.schema.rows import one

WAYS: dict[str, dict[str, Any]] = {
    "an exception": {},
    "another exception": {"exception": "KeyError"},
    "the same in another function": {"frame": "s.py:g"},
    "a signal": {
        "kind": "crash",
        "exception": "",
        "frame": "",
        "reason": "its worker was killed by signal 9 (SIGKILL)",
    },
    "another signal": {"kind": "crash", "exception": "", "frame": "", "reason": "its worker exited with code 3"},
    "a soft time limit": {"kind": "timeout", "exception": "qsup.perform.TimeLimit"},
    "too much memory": {"kind": "memory", "exception": "", "frame": "", "reason": "it used too much"},
}


def fingerprint(db: Connection[Any], **how: Any) -> str:
    """Of a job that failed so."""
    [number] = fails(db, **how)
    return str(one(db, "SELECT fingerprint FROM qsup.failed_jobs WHERE id = %s", number))


def test_every_way_to_fail_has_a_fingerprint_of_its_own(world: Connection[Any]) -> None:
    found = {name: fingerprint(world, **how) for name, how in WAYS.items()}
    assert len(set(found.values())) == len(WAYS), found
    assert all(len(one) == 10 and int(one, 16) >= 0 for one in found.values())
    assert {name: fingerprint(world, **how) for name, how in WAYS.items()} == found


def test_neither_the_message_nor_the_place_of_a_time_limit_makes_another_failure(world: Connection[Any]) -> None:
    assert fingerprint(world, reason="no router 7") == fingerprint(world, reason="no router 8")
    soft = {"kind": "timeout", "exception": "qsup.perform.TimeLimit"}
    hard = {"kind": "timeout", "exception": "", "frame": ""}
    assert fingerprint(world, **soft, frame="s.py:f") == fingerprint(world, **soft, frame="s.py:g")
    assert fingerprint(world, **soft) == fingerprint(world, **hard)


def test_the_fingerprint_is_the_same_in_every_database(world: Connection[Any]) -> None:
    assert fingerprint(world) == "3ae9a84a68"


def test_the_list_is_newest_first_and_without_payloads(world: Connection[Any], qsup: Qsup) -> None:
    first, second = fails(world, unique="k", reason="[red]no\x1b[31m luck")[0], fails(world, queue="b")[0]
    listed = told(qsup, "failed")
    assert [each["id"] for each in listed["jobs"]] == [second, first]
    assert listed["more"] is False
    assert "secret" not in json.dumps(listed)
    answer = qsup("failed")
    assert answer.returncode == 0, answer.stderr
    head, *lines = answer.stdout.splitlines()
    assert head.split() == ["id", "failed", "queue", "class", "tries", "crashes", "fingerprint", "why"]
    assert [line.split()[0] for line in lines] == [str(second), str(first)]
    assert "\x1b" not in answer.stdout
    assert r"ValueError: [red]no\x1b[31m luck (s.py:f)" in lines[1]


def test_the_list_is_restricted_by_queue_class_time_and_fingerprint(world: Connection[Any], qsup: Qsup) -> None:
    old, [mine], [other] = fails(world)[0], fails(world, exception="KeyError"), fails(world, queue="b")
    world.execute("UPDATE qsup.failed_jobs SET failed_at = now() - interval '3 hours' WHERE id = %s", (old,))
    same = one(world, "SELECT fingerprint FROM qsup.failed_jobs WHERE id = %s", mine)

    def ids(*arguments: str) -> list[int]:
        return [each["id"] for each in told(qsup, "failed", *arguments)["jobs"]]

    assert ids("--queue", "b") == [other]
    assert ids("--since", "2h") == [other, mine]
    assert ids("--since", "2020-01-01T00:00") == [other, mine, old]
    assert ids("--fingerprint", same) == [mine]
    assert ids("--job", "Nobody") == []
    assert ids("--limit", "1") == [other]
    assert "there are more than these 1" in qsup("failed", "--limit", "1").stdout
    wrong = qsup("failed", "--since", "yesterday")
    assert (wrong.returncode, "expected a time that has passed" in wrong.stderr) == (2, True)


def test_ten_thousand_failed_jobs_make_a_line_for_each_kind(world: Connection[Any], qsup: Qsup) -> None:
    world.execute(
        "INSERT INTO qsup.failed_jobs (id, queue, type, payload, attempts, crashes, cause, exception, message, frame,"
        " created_at, failed_at) SELECT n, 'a', 'Note', '{}', 3, 0, 'tries', 'Error' || n %% 3, 'no ' || n, 's.py:f',"
        " now(), now() - make_interval(secs => n) FROM generate_series(1, %s) AS n",
        (10_000,),
    )
    groups = failed.groups(world, Filter())
    assert [(each.exception, each.jobs, each.example) for each in groups] == [
        ("Error1", 3334, 1),
        ("Error2", 3333, 2),
        ("Error0", 3333, 3),
    ]
    answer = qsup("failed", "--group")
    head, *lines = answer.stdout.splitlines()
    assert head.split() == ["fingerprint", "jobs", "first", "last", "example", "queue", "class", "why"]
    assert [line.split()[1] for line in lines] == ["3,334", "3,333", "3,333"]
    assert "Error1: no 1 (s.py:f)" in lines[0]
    told_ = told(qsup, "failed", "--group", "--since", "2m")["groups"]
    assert sum(each["jobs"] for each in told_) < 130


def test_the_newest_are_found_by_an_index(world: Connection[Any]) -> None:
    world.execute(
        "INSERT INTO qsup.failed_jobs (id, queue, type, payload, attempts, crashes, cause, created_at, failed_at)"
        " SELECT n, 'a', 'Note', '{}', 3, 0, 'tries', now(), now() - make_interval(secs => n)"
        " FROM generate_series(1, 20000) AS n"
    )
    world.execute("ANALYZE qsup.failed_jobs")
    with world.transaction():
        failed.newest(world, Filter(), 10)
        reads = "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE schemaname = 'qsup' AND relname = 'failed_jobs'"
        assert one(world, reads) == 0
