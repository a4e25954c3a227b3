"""What the handler writes through ctx.transaction() happens once, wherever the worker or the answer is lost."""

from __future__ import annotations

import os
import signal

import psycopg
import pytest

from tests.moments.conftest import Make
from tests.moments.faults import Fault
from tests.moments.host import Host
from tests.moments.proxy import Loss

BEGIN = "qsup.transaction:JobTransaction._begin_sync"
SLOW_COMMIT = """
CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF starts_with(new.text, 'slow') THEN PERFORM pg_sleep(1.5); END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON effects DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION take_long();
"""
"""A COMMIT that takes the server a second and a half, for texts that begin with `slow`."""


@pytest.fixture(scope="module")
def host(make_shared_host: Make) -> Host:
    """A host that runs, with faults to be armed; each test has jobs of its own."""
    host = make_shared_host()
    with psycopg.connect(host.dsn, autocommit=True) as conn:
        conn.execute(SLOW_COMMIT)
    host.faults.add(
        Fault(name="before the delete", process="qsup.template", at=BEGIN, do="kill", armed=False),
        Fault(name="after the delete", process="qsup.template", at=BEGIN, do="kill", after=True, armed=False),
    )
    host.start()
    return host


def effects(host: Host, text: str) -> int:
    """How often the job has written."""
    return host.rows("SELECT text FROM effects").count((text,))


@pytest.mark.parametrize("moment", ["before the delete", "after the delete"])
def test_a_worker_is_killed_when_it_opens_its_transaction(host: Host, moment: str) -> None:
    text = moment.split()[0]
    host.faults.arm(moment)
    job = host.put(text, how="transaction")
    host.drained()
    assert host.faults.happened(moment)
    assert host.tries(text) == ["1 0", "1 1"]
    assert effects(host, text) == 1
    assert host.story(job) == ["crash: its worker was killed by signal 9 (SIGKILL)"]


def test_a_worker_is_killed_after_it_has_written_and_before_its_commit(host: Host) -> None:
    job = host.put("written", how="transaction", inside="go written")
    os.kill(int(host.waits_for("inside written")[2]), signal.SIGKILL)
    host.until(lambda: host.tries("written") == ["1 0", "1 1"], "it is run again")
    host.let_go("go written")
    host.drained()
    assert effects(host, "written") == 1
    assert host.story(job) == ["crash: its worker was killed by signal 9 (SIGKILL)"]


def test_a_worker_is_killed_while_the_server_is_at_its_commit(host: Host) -> None:
    host.put("slow-death", how="transaction")
    worker = int(host.waits_for("inside slow-death")[2])
    committing = (
        "SELECT FROM pg_stat_activity WHERE query LIKE '%COMMIT' AND state = 'active' AND datname = current_database()"
    )
    host.until(lambda: len(host.rows(committing)) == 1, "the server commits")
    os.kill(worker, signal.SIGKILL)
    host.drained()
    assert effects(host, "slow-death") == 1


@pytest.mark.parametrize("executed", [True, False], ids=["committed", "not committed"])
@pytest.mark.parametrize("pace", ["quick", "slow"])
def test_the_answer_to_the_commit_is_lost(host: Host, pace: str, executed: bool) -> None:
    text = f"{pace}-{executed}"
    job = host.put(text, how="transaction", inside=text)
    host.waits_for(f"inside {text}")
    loss = host.proxy.lose(Loss("COMMIT", after="INSERT INTO effects", executed=executed))
    host.let_go(text)
    host.until(loss.happened.is_set, "the answer is lost")
    host.drained()
    assert effects(host, text) == 1
    assert len(host.tries(text)) == (1 if executed else 2)
    assert [line.split(":")[:2] for line in host.story(job)] == (
        [] if executed else [["retry", " the answer to its COMMIT was lost"]]
    )


def test_the_connection_is_cut_while_the_server_is_at_its_commit_and_nobody_decides_before_the_server_has(
    host: Host,
) -> None:
    host.put("slow-cut", how="transaction")
    host.waits_for("inside slow-cut")
    committing = (
        "SELECT FROM pg_stat_activity WHERE query LIKE '%COMMIT' AND state = 'active' AND datname = current_database()"
    )
    host.until(lambda: len(host.rows(committing)) == 1, "the server commits")
    host.proxy.cut()
    host.drained()
    assert effects(host, "slow-cut") == 1


def test_a_row_that_a_dying_transaction_still_holds_is_tried_again_and_never_waited_for(host: Host) -> None:
    job = host.put("held", how="transaction", inside="go held")
    worker = int(host.waits_for("inside held")[2])
    host.proxy.lingering = True
    os.kill(worker, signal.SIGKILL)
    host.until(lambda: host.pids().get("payments:0") not in (None, worker), "it is replaced")
    host.put("meanwhile")
    host.until(lambda: host.rows("SELECT id, state FROM qsup.jobs") == [(job, "running")], "another job is done")
    assert host.tries("held") == ["1 0"]
    host.proxy.lingering = False
    host.until(lambda: host.tries("held") == ["1 0", "1 1"], "the server has noticed, and it is run again")
    host.let_go("go held")
    host.drained()
    assert effects(host, "held") == 1
