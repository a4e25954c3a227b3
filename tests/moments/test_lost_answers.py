"""The server has executed a statement of the courier's and nobody hears of it: it counts once, and is not forgotten."""

from __future__ import annotations

import pytest

from tests.moments.conftest import Make
from tests.moments.host import Host
from tests.moments.proxy import Loss

CLAIM = "End what is finished and claim"


@pytest.fixture(scope="module")
def host(make_shared_host: Make) -> Host:
    """A host that runs; each test has jobs of its own."""
    host = make_shared_host()
    host.start()
    return host


def lost(host: Host, loss: Loss) -> None:
    """Wait until the answer is lost, and the connection is there again."""
    host.until(loss.happened.is_set, f"the answer to {loss.statement!r} is lost")


def test_the_answer_to_a_claim_is_lost_and_the_job_is_run_once_uncharged(host: Host) -> None:
    loss = host.proxy.lose(Loss(CLAIM, answer=b'"text"'))
    job = host.put("claimed")
    lost(host, loss)
    host.drained()
    assert host.tries("claimed") == ["1 0"]
    assert host.story(job) == ["released: its courier lost the database; no worker has it"]


def test_the_claim_never_reaches_the_server_and_the_job_is_run_once(host: Host) -> None:
    loss = host.proxy.lose(Loss(CLAIM, executed=False))
    job = host.put("unclaimed")
    lost(host, loss)
    host.drained()
    assert host.tries("unclaimed") == ["1 0"]
    assert host.story(job) == []


@pytest.mark.parametrize("executed", [True, False], ids=["stored", "not stored"])
@pytest.mark.parametrize(
    ("how", "statement", "tries", "story"),
    [
        ("done", CLAIM, ["1 0"], []),
        ("raise once", "Run these again", ["1 0", "2 0"], ["retry: once"]),
        ("raise", "INSERT INTO qsup.failed_jobs", ["1 0", "2 0"], ["retry: always", "tries: always"]),
    ],
    ids=["done", "retry", "failed"],
)
def test_the_answer_to_the_record_of_an_outcome_is_lost_and_it_counts_once(
    host: Host, how: str, statement: str, tries: list[str], story: list[str], executed: bool
) -> None:
    name = f"{how}-{executed}".replace(" ", "-")
    job = host.put(name, how=how, until=name)
    host.waits_for(f"begin {name}")
    loss = host.proxy.lose(Loss(statement, parameters=b"{%d}" % job, executed=executed))
    host.let_go(name)
    lost(host, loss)
    host.drained()
    assert host.tries(name) == tries
    assert host.story(job) == story
    failed = [(attempts, crashes) for number, attempts, crashes in host.failed() if number == job]
    assert failed == ([(2, 0)] if how == "raise" else [])


def test_the_answer_to_the_release_of_what_nobody_has_is_lost(host: Host) -> None:
    claim = host.proxy.lose(Loss(CLAIM, answer=b'"text"'))
    release = host.proxy.lose(Loss("no live worker named"))
    job = host.put("released")
    lost(host, claim)
    lost(host, release)
    host.drained()
    assert host.tries("released") == ["1 0"]
    assert host.story(job) == ["released: its courier lost the database; no worker has it"]


def test_the_courier_does_not_collect_connections_when_it_loses_them(host: Host) -> None:
    before = len(host.proxy.open)
    for number in range(3):
        loss = host.proxy.lose(Loss(CLAIM, answer=b'"text"'))
        host.put(str(number))
        lost(host, loss)
        host.proxy.cut()
        host.waits_for(f"end {number}")
    host.drained()
    host.until(lambda: len(host.proxy.open) == before, "as many connections as at first")
    counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'qsup:%'"
    host.until(lambda: host.rows(counted + " AND datname = current_database()") == [(before,)], "at the server too")
