"""Jobs that wait in a worker's socket: none is lost or run twice for it, and none waits behind a long one."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import time

import psycopg

from qsup.channel import Channel
from qsup.courier.pace import DEEPEST, ENOUGH, SHORT, Pace
from qsup.courier.peers import Peer, Peers
from qsup.rows import Claimed, Key
from tests.courier.rig import Rig
from tests.courier.test_jobs_run import put, ready


def ids(rig: Rig) -> list[int]:
    """The jobs in the order in which they began, without hooks."""
    return [int(line.split()[0]) for line in rig.lines() if " hook: " not in line]


def put_together(rig: Rig, *notes: dict[str, object]) -> list[int]:
    """Dispatch Notes in one transaction, so that one claim can take them all."""
    query = "SELECT id FROM qsup.dispatch('Note', %s)"
    with psycopg.connect(rig.dsn) as conn:
        rows = [conn.execute(query, (json.dumps({"path": str(rig.notes)} | note),)).fetchone() for note in notes]
    return [row[0] for row in rows if row is not None]


def held(rig: Rig) -> int:
    """Jobs that workers have."""
    return len(rig.rows("SELECT id FROM qsup.jobs WHERE state = 'running'"))


def test_a_worker_is_handed_as_many_as_the_file_says_and_runs_them_in_order(rig: Rig) -> None:
    ready(rig, workers=1, prefetch=3)
    numbers = [put(rig, seconds=0.2) for _ in range(8)]
    rig.until(lambda: held(rig) == 4, "one runs and three wait in the socket")
    rig.until(rig.drained, "all done")
    assert ids(rig) == numbers
    assert rig.rows("SELECT * FROM qsup.job_events") == []


def test_what_waits_behind_a_long_job_is_taken_back_uncharged_and_run_once(rig: Rig) -> None:
    ready(rig, workers=1, prefetch=3)
    long, *others = put_together(rig, {"seconds": 3.0}, {}, {}, {})
    rig.until(lambda: held(rig) == 4, "three wait behind the long one")
    rig.until(lambda: held(rig) == 1, "they are taken back")
    rig.until(rig.drained, "all done")
    assert sorted(ids(rig)) == [long, *others]
    assert {line.split()[1] for line in rig.lines()} == {"1"}
    taken = rig.rows("SELECT job_id, detail FROM qsup.job_events ORDER BY job_id")
    assert taken == [(number, "the job before it ran long") for number in others]


def test_when_a_worker_is_killed_only_the_job_that_it_ran_is_charged(rig: Rig) -> None:
    ready(rig, workers=1, prefetch=3, max_crashes=1)
    bad, *others = [put(rig, "die"), put(rig), put(rig), put(rig)]
    rig.until(rig.drained, "all ended")
    assert rig.rows("SELECT id, crashes FROM qsup.failed_jobs") == [(bad, 1)]
    assert sorted(ids(rig)) == [bad, *others]
    assert {tuple(line.split()[1:3]) for line in rig.lines() if " hook: " not in line} == {("1", "0")}


def test_kill_9_of_the_courier_with_jobs_in_every_socket_runs_each_exactly_once(rig: Rig) -> None:
    ready(rig, workers=4, prefetch=3)
    numbers = [put(rig, seconds=0.02) for _ in range(200)]
    for _ in range(3):
        rig.until(rig.progress_of(20), "work is going on")
        rig.new_courier()
    rig.until(rig.drained, "all done", 60)
    assert sorted(ids(rig)) == numbers


GHOST = """
INSERT INTO qsup.jobs (queue, type, payload, state, attempts, claim_number, reserved_at, reserved_by, lease_until)
VALUES ('q', 'Note', '{{}}', 'running', 1, 1, now(), '{supervisor}/q:9', now() + interval '1 hour') RETURNING id
"""
"""A row that no worker has: its release shows that a new courier has released all that it may."""


def test_what_waited_for_a_worker_that_outlived_its_courier_is_kept_until_that_worker_is_dead(rig: Rig) -> None:
    ready(rig, workers=1, prefetch=3)
    long, *others = put_together(rig, {"seconds": 20.0}, {}, {}, {})
    rig.until(lambda: held(rig) == 4 and rig.lines(), "three wait behind the long one")
    [(ghost,)] = rig.rows(GHOST.format(supervisor=rig.supervisor))
    rig.new_courier()
    released = "SELECT job_id FROM qsup.job_events WHERE kind = 'released' ORDER BY job_id"
    rig.until(lambda: rig.rows(released), "the new courier releases what nobody has")
    # The worker is in the middle of a job and has said nothing: it may bring outcomes that the board does not show.
    assert rig.rows(released) == [(ghost,)]
    os.kill(rig.workers["q:0"], signal.SIGKILL)
    rig.until(lambda: rig.rows(released) == [(number,) for number in (*others, ghost)], "the others are free")
    # The new courier never gave them to anybody, so only the question for this one slot can have freed them.
    assert rig.rows("SELECT DISTINCT detail FROM qsup.job_events WHERE kind = 'released'") == [
        ("its courier lost the database; no worker has it",)
    ]
    assert rig.rows("SELECT id, crashes FROM qsup.jobs WHERE crashes > 0") == [(long, 1)]


def test_what_waited_for_a_worker_that_dies_under_its_own_courier_is_released_as_never_begun(rig: Rig) -> None:
    ready(rig, workers=1, prefetch=3, tries=5, max_crashes=9)
    bad, *others = put_together(rig, {"how": "stay"}, {}, {}, {})
    rig.until(lambda: held(rig) == 4 and rig.lines(), "three wait behind the one that runs")
    os.kill(rig.workers["q:0"], signal.SIGKILL)
    rig.until(lambda: rig.deaths, "the worker is dead")
    rig.notes.with_name(rig.notes.name + ".go").touch()
    rig.until(lambda: len(ids(rig)) >= 4, "the others are run")
    assert rig.rows("SELECT DISTINCT job_id, detail FROM qsup.job_events WHERE kind = 'released' ORDER BY 1") == [
        (number, "its worker left or died before it began") for number in others
    ]
    assert rig.rows("SELECT DISTINCT job_id FROM qsup.job_events WHERE kind = 'crash'") == [(bad,)]


def test_jobs_of_every_length_around_the_limit_are_each_run_exactly_once(rig: Rig) -> None:
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311  a test's choice, not a secret
    ready(rig, workers=4, prefetch=3)
    numbers = [put(rig, seconds=chance.choice([0.0, 0.3, chance.uniform(0.7, 1.3)])) for _ in range(60)]
    rig.until(rig.drained, "all done", 60)
    assert sorted(ids(rig)) == numbers
    assert rig.rows("SELECT * FROM qsup.failed_jobs") == []


def jobs(count: int) -> dict[Key, Claimed]:
    """As many as a worker has."""
    return {
        (number, 1): Claimed(number, 1, "a", "Note", "{}", 1, 0, "run", None, number, "a:0") for number in range(count)
    }


def test_ends_are_gathered_only_while_every_worker_that_has_a_job_has_plenty() -> None:
    peers, (ours, theirs) = Peers(), socket.socketpair()
    one, two = Peer(Channel(ours), 1, "a:0"), Peer(Channel(theirs), 2, "a:1")
    peers.connected += [one, two]
    assert not peers.supplied(2), "nobody is at work: whoever begins to speak is heard at once"
    one.jobs = jobs(3)
    assert peers.supplied(2), "an idle one has nothing to say"
    two.jobs = jobs(2)
    assert not peers.supplied(2), "the second may run out during the next claim"
    two.jobs = jobs(4)
    assert peers.supplied(2)
    for peer in (one, two):
        peer.channel.close()


def test_auto_waits_for_enough_short_jobs_and_one_long_job_begins_anew() -> None:
    pace = Pace()
    assert pace.depth("q", None) == 1
    for _ in range(ENOUGH):
        pace.saw("q", 0.001)
    assert pace.depth("q", None) > 1
    assert pace.depth("other", None) == 1
    pace.forget("q")
    assert pace.depth("q", None) == 1


def test_auto_lets_so_many_wait_that_the_last_waits_no_longer_than_a_short_job_takes() -> None:
    for seconds in (0.0, 0.0001, 0.001, 0.004, 0.012, 0.019):
        pace = Pace()
        for _ in range(ENOUGH):
            pace.saw("q", seconds)
        depth = pace.depth("q", None)
        assert 2 <= depth <= DEEPEST
        assert (depth - 1) * seconds <= SHORT


def test_auto_never_lets_jobs_wait_behind_slow_ones_and_a_number_is_a_number() -> None:
    pace = Pace()
    for _ in range(10 * ENOUGH):
        pace.saw("q", 0.2)
    assert (pace.depth("q", None), pace.depth("q", 0), pace.depth("q", 5)) == (1, 1, 6)
