"""`qsup why` against the claim, on random states: what the one says, the other does.

The states are made in a transaction of a real PostgreSQL, and rolled back. The seed is printed; WHY_SEED repeats it.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, seed, settings
from hypothesis import strategies as st
from psycopg import Connection

from qsup import orderbook, sql, store
from qsup.embedded import Server
from qsup.why.ask import found
from qsup.why.codes import HARMLESS
from qsup.why.facts import Facts, Reason, Verdict
from qsup.why.judge import judge
from tests.conftest import migrated_database
from tests.why.world import WORLDS, Host, Row, World, claimed, made, prepared, sign_on

SEED = int(os.environ.get("WHY_SEED") or random.SystemRandom().randrange(1_000_000))
TIMES = 60
FRESH = Host(solo=None, odd=True, c=True, alive=True, pools=frozenset("acdz"), everything=True)
FIRST_IS_PAUSED = World(
    hosts=[Host(solo=None, odd=True, c=True, alive=True, pools=frozenset("ac"))],
    rows=[Row("a", "Note", "ready", 0, False)] * 2 + [Row("b", "Note", "ready", 0, False)],
    paused=frozenset("a"),
    scaled=None,
)
PLUMBING = {"q.name = w.queue", "j.queue = w.queue", "j.seq > w.after"}
"""What the claim asks to find its way: which queue it was told to look at, and from where on."""


@pytest.fixture(scope="module")
def db(server: Server, template: str) -> Iterator[Connection[Any]]:
    """One database for all states."""
    print(f"seed {SEED}")
    with migrated_database(server, template) as dsn, Connection.connect(dsn, autocommit=True) as conn:
        prepared(conn)
        yield conn


def verdict(db: Connection[Any], number: int) -> tuple[Facts, Verdict]:
    facts = found(db, number)
    return facts, judge(facts)


def codes(given: Verdict) -> set[str]:
    return {reason.code for reason in given.reasons}


@seed(SEED)
@settings(max_examples=TIMES, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=WORLDS)
@example(world=FIRST_IS_PAUSED)
def test_it_says_that_a_job_can_be_taken_exactly_when_the_claim_takes_it(db: Connection[Any], world: World) -> None:
    with db.transaction(force_rollback=True):
        waiting = made(db, world)
        said = {number: verdict(db, number)[1] for number in waiting}
        taken = claimed(db, world)
    assert {number: (one.claimable, codes(one)) for number, one in said.items()} == {
        number: (number in taken, codes(one)) for number, one in said.items()
    }


@seed(SEED)
@settings(max_examples=TIMES, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=WORLDS, choice=st.integers(0, 8))
def test_a_reason_that_is_taken_away_makes_it_claimable_or_uncovers_the_next(
    db: Connection[Any], world: World, choice: int
) -> None:
    with db.transaction(force_rollback=True):
        waiting = made(db, world)
        if not waiting:
            return
        number = waiting[choice % len(waiting)]
        facts, before = verdict(db, number)
        for reason in before.reasons:
            if reason.code != "next":
                with db.transaction(force_rollback=True):
                    now = taken_away(db, world, facts, reason)
                    after = verdict(db, number)[1]
                    gone_on = number in claimed(db, now)
                assert reason.code not in codes(after), "it is still given"
                assert codes(before) - {reason.code} <= codes(after), "others went with it"
                assert after.claimable == gone_on
                assert after.claimable or codes(after) - HARMLESS, "nothing is given, and it is not claimed"


def taken_away(db: Connection[Any], world: World, facts: Facts, reason: Reason) -> World:
    """The world without this reason."""
    live = facts.live
    assert live is not None
    match reason.code:
        case "undeclared" | "no_workers" | "unheard":
            return heard(db, world)
        case "paused":
            orderbook.resume(db, live.queue)
        case "unrouted":
            return routed(db, world)
        case "not_due" | "backoff":
            db.execute("UPDATE qsup.jobs SET available_at = clock_timestamp() WHERE id = %s", (live.id,))
        case "due":
            store.promote(db, live.queue)
        case "busy":
            end_one(db, reason)
        case "behind":
            db.execute(
                "DELETE FROM qsup.jobs WHERE state = 'ready' AND (queue = ANY (%s) OR queue = %s AND seq < %s)",
                ([one for one in reason.proof["queues"] if one != live.queue], live.queue, live.seq),
            )
        case code:
            pytest.fail(f"nobody knows how to take {code} away")
    return world


def heard(db: Connection[Any], world: World) -> World:
    """Somebody comes with workers for all queues."""
    sign_on(db, f"h{len(world.hosts)}", FRESH)
    return replace(world, hosts=[*world.hosts, FRESH])


def routed(db: Connection[Any], world: World) -> World:
    """All files route all classes from now on."""
    hosts = [replace(host, odd=True) for host in world.hosts]
    for number, host in enumerate(hosts):
        sign_on(db, f"h{number}", host)
    return replace(world, hosts=hosts)


def end_one(db: Connection[Any], reason: Reason) -> None:
    """The slot with the oldest job has nothing more to do."""
    oldest = reason.proof["oldest"]["id"]
    db.execute("DELETE FROM qsup.jobs WHERE reserved_by = (SELECT reserved_by FROM qsup.jobs WHERE id = %s)", (oldest,))


def test_every_condition_of_the_claim_is_one_that_why_asks() -> None:
    text = re.sub(r"--.*", lambda note: note[0] if "condition:" in note[0] else "", sql.text(sql.CLAIM).decode())
    picked = text.partition("picked AS MATERIALIZED (")[2].partition("), claimed AS (")[0]
    clauses = re.findall(r"\b(?:ON|WHERE) ((?:(?!ORDER BY|CROSS JOIN).)+)", picked, re.DOTALL)
    asked = {part.strip() for clause in clauses for part in re.sub(r"--.*", "", clause).split(" AND ")}
    conditions = {name: text.decode() for name, text in sql.conditions().items()}
    assert asked == PLUMBING | set(conditions.values()), "a condition without its mark"
    why = (sql.FOLDER / "why_job.sql").read_text()
    assert set(re.findall(r"\{claim:(\w+)\}", why)) == set(conditions), "a condition that why does not ask"


def test_a_statement_that_asks_for_a_condition_which_the_claim_has_not_is_not_used(tmp_path: Any) -> None:
    (tmp_path / "x.sql").write_text("SELECT {claim:weather}")
    (tmp_path / f"{sql.CLAIM}.sql").write_bytes(sql.text(sql.CLAIM))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql, "FOLDER", tmp_path)
        with pytest.raises(KeyError, match="weather"):
            sql.text("x")
