"""`qsup job ID --follow` and the channel qsup_progress: what is told, when it ends, what a lost database changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection, sql

from qsup import store
from qsup.embedded import Server
from qsup.follow import Follower
from qsup.outcome import Again
from qsup.rows import Claimed, Step
from qsup.story import story
from tests.cli.program import Qsup
from tests.conftest import wait_until
from tests.failures.world import fail_again
from tests.schema.rows import US, claim, one, put


class Following:
    """`qsup job ID --follow` in a process; `lines` is what it has said so far."""

    def __init__(self, folder: Path, dsn: str, number: int, *options: str) -> None:
        self.out = folder / f"out-{number}"
        with self.out.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "qsup", "job", str(number), "--follow", *options],
                cwd=folder, env={**os.environ, "QSUP_DATABASE_URL": dsn}, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def lines(self) -> list[str]:
        return self.out.read_text().splitlines()

    def says(self, what: str) -> None:
        """Wait until it has said this."""
        wait_until(lambda: what in self.out.read_text(), 20, what=f"it says {what!r}; so far {self.lines()}")

    def ends(self) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait(30)


Follow = Callable[..., Following]


@pytest.fixture
def follow(tmp_path: Path, dsn: str, qsup: Qsup) -> Iterator[Follow]:  # noqa: ARG001  writes the folder's file
    begun: list[Following] = []

    def begin(number: int, *options: str) -> Following:
        begun.append(Following(tmp_path, dsn, number, *options))
        return begun[-1]

    yield begin
    for one_of_them in begun:
        one_of_them.process.kill()
        one_of_them.process.wait()


def running(world: Connection[Any]) -> Claimed:
    """A job that a worker of ours has."""
    put(world)
    return claim(world)[0]


def done(world: Connection[Any], job: Claimed) -> None:
    store.claim_and_record(world, US, [job.key], [], {})


def test_it_tells_what_was_and_what_comes_and_ends_with_the_job(world: Connection[Any], follow: Follow) -> None:
    job = running(world)
    store.progress(world, [Step(job.key, 10.0, "before", "Note", "a")])
    watched = follow(job.id)
    watched.says("before (10 %)")
    watched.says(f"job {job.id}: running: running in a:0")
    store.progress(world, [Step(job.key, 40.0, "half way", "Note", "a")])
    watched.says("half way (40 %)")
    done(world, job)
    assert watched.ends() == 0
    assert watched.lines()[-1] == f"job {job.id}: done: its row is gone, and no failure is stored"


def test_the_last_step_may_be_stored_after_the_row_is_gone(world: Connection[Any]) -> None:
    job, follower = running(world), Follower()
    assert [one.kind for one in follower.news(story(world, job.id))] == ["state"]
    # A handler's own COMMIT removes the row; the courier stores what it was told before that a moment later.
    done(world, job)
    assert list(follower.news(story(world, job.id))) == []
    store.progress(world, [Step(job.key, 100.0, "all", "Note", "a")])
    assert [one.kind for one in follower.news(story(world, job.id))] == ["event", "end"]
    assert follower.over


def test_a_retry_is_told_and_a_job_that_fails_for_good_ends_it_with_1(world: Connection[Any], follow: Follow) -> None:
    job = running(world)
    watched = follow(job.id, "--json")
    watched.says('"running"')
    store.reschedule(world, [(job.key, Again(0.0, "retry", "ValueError: not yet"))])
    watched.says("not yet")
    watched.says('"ready"')
    fail_again(world, [job.id])
    assert watched.ends() == 1
    told = [json.loads(line) for line in watched.lines()]
    assert [(line["kind"], line.get("state")) for line in told] == [
        ("state", "running"), ("retry", None), ("state", "ready"), ("tries", None), ("end", "failed"),
    ]  # fmt: skip
    assert {line["job"] for line in told} == {job.id}
    assert told[-1]["detail"].endswith(": no luck")


def test_a_finished_job_is_told_at_once(world: Connection[Any], follow: Follow, qsup: Qsup) -> None:
    kept, gone, failed, forgotten = put(world, 4)
    first, second, third, last = claim(world, 4)
    store.archive(world, [first.key])
    store.progress(world, [Step(second.key, 100.0, "x", "Note", "a")])
    done(world, second)
    for job in (third, last):
        store.reschedule(world, [(job.key, Again(0.0, "retry", "x"))])
    fail_again(world, [failed, forgotten])
    assert qsup("forget", str(forgotten)).returncode == 0
    # All at once: most of their time is Python's start.
    following = {number: follow(number) for number in (kept, gone, failed, forgotten)}
    ends = {number: watched.ends() for number, watched in following.items()}
    assert ends == {kept: 0, gone: 0, failed: 1, forgotten: 1}
    # Deleted for good: only its events are left, and they say how it ended.
    world.execute("DELETE FROM qsup.failed_jobs")
    assert follow(failed).ends() == 1


def test_a_job_that_was_tried_again_and_is_done_was_done_and_an_unknown_one_is_unknown(
    world: Connection[Any], follow: Follow
) -> None:
    job = running(world)
    store.reschedule(world, [(job.key, Again(0.0, "retry", "x"))])
    done(world, claim(world)[0])
    good, watched = follow(job.id), follow(812)
    assert (good.ends(), watched.ends()) == (0, 1)
    assert watched.lines()[0] == "qsup: no job 812 is stored"


def test_a_payload_is_never_followed(world: Connection[Any], qsup: Qsup) -> None:
    [number] = put(world)
    assert qsup("job", str(number), "--follow", "--payload").returncode == 2


def test_ctrl_c_ends_it_with_130_and_the_job_goes_on(world: Connection[Any], follow: Follow) -> None:
    job = running(world)
    watched = follow(job.id)
    watched.says("running in a:0")
    watched.process.send_signal(signal.SIGINT)
    assert watched.ends() == 130
    assert one(world, "SELECT state FROM qsup.jobs") == "running"


def test_a_database_that_goes_away_is_said_and_what_happened_meanwhile_is_told(
    world: Connection[Any], follow: Follow, server: Server
) -> None:
    job = running(world)
    watched = follow(job.id)
    watched.says("running in a:0")
    name = sql.Identifier(one(world, "SELECT current_database()"))
    end_it = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'qsup:follow'"
    with Connection.connect(server.dsn("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(name))
        admin.execute(end_it)
        watched.says("PostgreSQL is away, the job goes on without being followed; trying again: ")
        store.progress(world, [Step(job.key, 40.0, "unseen", "Note", "a")])
        done(world, job)
        admin.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true").format(name))
    assert watched.ends() == 0
    assert "qsup: PostgreSQL is back" in watched.lines()
    assert "unseen (40 %)" in watched.lines()[-2]


def test_a_database_that_is_away_from_the_start_is_unavailable(follow: Follow) -> None:
    assert follow(1, "--database", "postgresql://nobody@127.0.0.1:1/nothing").ends() == 75


def heard(listener: Connection[Any]) -> list[dict[str, Any]]:
    """What has arrived on the channel."""
    return [json.loads(note.payload) for note in listener.notifies(timeout=0.2)]


def test_whoever_listens_is_told_class_queue_percent_and_note_and_nothing_else(
    world: Connection[Any], dsn: str
) -> None:
    number = one(world, "SELECT id FROM qsup.dispatch('Note', %s)", '{"secret": "254700000001"}')
    [job] = claim(world)

    def step(percent: float, note: str) -> Step:
        return Step(job.key, percent, note, "Note", "a")

    with Connection.connect(dsn, autocommit=True) as listener:
        listener.execute("LISTEN qsup_progress")
        store.progress(world, [step(10.0, "first"), step(40.5, 'an "odd" note\u00e9')])
        done(world, job)
        store.progress(world, [step(float("nan"), "x" * 9000)])
        told = heard(listener)
    common = {"job": number, "claim": job.claim, "type": "Note", "queue": "a"}
    assert told == [
        common | {"percent": 10, "note": "first"},
        common | {"percent": 40.5, "note": 'an "odd" note\u00e9'},
        common | {"percent": "NaN", "note": "x" * 500},
    ]


def test_a_note_of_the_worst_letters_fits_into_a_notification(world: Connection[Any], dsn: str) -> None:
    job = running(world)
    with Connection.connect(dsn, autocommit=True) as listener:
        listener.execute("LISTEN qsup_progress")
        for letter in ("\x01", '"', "\U0001f600", "\\"):
            store.progress(world, [Step(job.key, 1.0, letter * 600, "N" * 128, "q" * 63)])
        assert [len(step["note"]) for step in heard(listener)] == [500] * 4


def test_nobody_pays_for_progress_that_nobody_makes(world: Connection[Any], dsn: str) -> None:
    jobs = put(world, 3)
    with Connection.connect(dsn, autocommit=True) as listener:
        listener.execute("LISTEN qsup_progress")
        for job in claim(world, 3):
            done(world, job)
        assert heard(listener) == []
    assert len(jobs) == 3
    assert one(world, "SELECT count(*) FROM qsup.job_events") == 0


def test_somebody_else_s_words_on_the_channel_do_not_disturb(world: Connection[Any], follow: Follow) -> None:
    job = running(world)
    watched = follow(job.id)
    watched.says("running in a:0")
    for words in ("", "no json", "[]", '{"job": "812"}', f'{{"job": {job.id}}}'):
        world.execute("SELECT pg_notify('qsup_progress', %s)", (words,))
    done(world, job)
    assert watched.ends() == 0
    assert len(watched.lines()) == 2
