"""Every reason that `qsup why` gives, with its sentence, its proof and the next command."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import Connection

from qsup import declare, orderbook, store
from qsup.board import Record, boottime
from qsup.cli import cli
from qsup.embedded import Server
from qsup.outcome import Again, Failed, Report
from qsup.why import here as on_this_host
from qsup.why.ask import ask, found, reading
from qsup.why.codes import CODES, HARMLESS
from qsup.why.facts import Reason, Verdict
from qsup.why.here import Here, known_here
from qsup.why.judge import judge, unreachable
from qsup.why.show import lines
from tests.conftest import migrated_database
from tests.project.source import ROOT
from tests.schema.rows import US, a_file, claim, locked, one, put

FILE = a_file({"a": 2, "b": 1, "low": 0}, {"Note": "a", "Odd": "a"})


@pytest.fixture(scope="module")
def shared(server: Server, template: str) -> Iterator[tuple[str, Connection[Any]]]:
    """One declared world: its DSN, and a connection in autocommit."""
    with migrated_database(server, template) as dsn, Connection.connect(dsn, autocommit=True) as conn:
        declare.apply(conn, FILE, US)
        yield dsn, conn


@pytest.fixture
def world(shared: tuple[str, Connection[Any]]) -> Iterator[Connection[Any]]:
    """In a transaction that is undone."""
    with shared[1].transaction(force_rollback=True):
        yield shared[1]


@pytest.fixture
def kept(shared: tuple[str, Connection[Any]]) -> Iterator[tuple[str, Connection[Any]]]:
    """For what others must see; the jobs and supervisors are gone afterwards."""
    yield shared
    shared[1].execute("DELETE FROM qsup.jobs; DELETE FROM qsup.supervisors")


def hears(db: Connection[Any], *queues: str, file: Any = FILE, name: str = US, silent: float = 0.0) -> None:
    """A supervisor on the host h1 hears these."""
    store.beat(
        db, name, host="h1", pid=7, code="1", config_file="/srv/queues.yaml", generation=1, listens=list(queues),
        declares=declare.declares(file),
    )  # fmt: skip
    db.execute("UPDATE qsup.supervisors SET beat_at = clock_timestamp() - make_interval(secs => %s)", (silent,))


def why(db: Connection[Any], number: int) -> Verdict:
    return judge(found(db, number))


def heard_note(db: Connection[Any]) -> int:
    hears(db, "a", "b")
    return put(db)[0]


def claimed(db: Connection[Any], *, silent: float = 0.0) -> int:
    hears(db, "a", silent=silent)
    [number] = put(db)
    claim(db)
    return number


def failed(db: Connection[Any], cause: Any = "tries", **how: Any) -> int:
    [number] = put(db)
    report = Report(**({"kind": "error", "reason": "no luck", "exception": "ValueError"} | how))
    store.fail(db, [(claim(db)[0].key, Failed(cause, report.reason), report, False)])
    return number


# One function for each scene: it makes the state and asks.


def running(db: Connection[Any]) -> Verdict:
    return why(db, claimed(db))


def handed_behind(db: Connection[Any]) -> Verdict:
    claimed(db)
    [number] = put(db)
    claim(db)
    return why(db, number)


def handed_unbegun(db: Connection[Any]) -> Verdict:
    number = claimed(db)
    here = Here(US, {"slots": {}}, {"a:0": Record(slot="a:0", state="busy", job=number, claim=0)})
    return judge(known_here(found(db, number), here))


def begun(db: Connection[Any]) -> Verdict:
    number = claimed(db)
    here = Here(
        US,
        {"slots": {}},
        {"a:0": Record(slot="a:0", state="busy", job=number, claim=1)},
        routing=a_file({"a": 2}, {"Note": "a"}, tries=5),
    )
    return judge(known_here(found(db, number), here))


def lost_silent(db: Connection[Any]) -> Verdict:
    return why(db, claimed(db, silent=45.0))


def lost_gone(db: Connection[Any]) -> Verdict:
    number = claimed(db)
    db.execute("DELETE FROM qsup.supervisors")
    db.execute("UPDATE qsup.jobs SET lease_until = clock_timestamp() - interval '1 s'")
    return why(db, number)


def read_only(db: Connection[Any]) -> Verdict:
    number = heard_note(db)
    db.execute("SET LOCAL default_transaction_read_only = on")
    return why(db, number)


def standby(db: Connection[Any]) -> Verdict:
    facts = found(db, heard_note(db))
    return judge(replace(facts, server=replace(facts.server, standby=True)))


def away(_db: Connection[Any]) -> Verdict:
    return unreachable(812, "PostgreSQL does not\n\tanswer at db1", "Is it running?", None)


def away_and_running(_db: Connection[Any]) -> Verdict:
    record = Record(slot="a:1", state="busy", pid=71, job=812, claim=3, attempt=1, started=boottime() - 4)
    here = Here(US, {"slots": {"a:1": {"pid": 71}}}, {"a:1": record})
    return unreachable(812, "PostgreSQL does not answer at db1", "", on_this_host.running_here(812, here))


def incident(db: Connection[Any]) -> Verdict:
    """The queue of a waiting job leaves the file, and one of almost that name comes."""
    declare.apply(db, a_file({"router-provisioning": 1}, {"Note": "router-provisioning"}), US)
    [number] = put(db, queue="router-provisioning")
    declare.apply(db, a_file({"router-provisionings": 1}, {"Note": "router-provisionings"}), US)
    hears(db, "router-provisionings")
    return why(db, number)


def undeclared_and_not_applied(db: Connection[Any]) -> Verdict:
    [number] = put(db, queue="b")
    declare.apply(db, a_file({"a": 1}, {"Note": "a"}), US)
    return judge(known_here(found(db, number), Here(routing=FILE)))


def no_workers(db: Connection[Any]) -> Verdict:
    [number] = put(db)
    db.execute("UPDATE qsup.jobs SET queue = 'low'")
    return why(db, number)


def never_heard(db: Connection[Any]) -> Verdict:
    return why(db, put(db)[0])


def no_more_heard(db: Connection[Any]) -> Verdict:
    hears(db, "a", silent=250.0)
    return why(db, put(db)[0])


def workers_dead(db: Connection[Any]) -> Verdict:
    hears(db, "b")
    return why(db, put(db)[0])


def halted(db: Connection[Any]) -> Verdict:
    return judge(known_here(found(db, heard_note(db)), Here(US, {"pid": 5, "paused": True, "slots": {}})))


def stopping(db: Connection[Any]) -> Verdict:
    return judge(known_here(found(db, heard_note(db)), Here(US, {"pid": 5, "stopping": True, "slots": {}})))


def paused(db: Connection[Any]) -> Verdict:
    number = heard_note(db)
    orderbook.pause(db, "a", "ann@h1")
    return why(db, number)


def unrouted(db: Connection[Any]) -> Verdict:
    hears(db, "a", file=a_file({"a": 2}, {"Note": "a"}))
    return why(db, one(db, "SELECT id FROM qsup.dispatch('Odd', '{}')"))


def not_due(db: Connection[Any]) -> Verdict:
    hears(db, "a")
    return why(db, put(db, delay=7200.4)[0])


def backoff(db: Connection[Any]) -> Verdict:
    hears(db, "a")
    [number] = put(db)
    store.reschedule(db, [(claim(db)[0].key, Again(90.4, "retry", "ValueError: no luck"))])
    return judge(known_here(found(db, number), Here(routing=FILE)))


def due(db: Connection[Any]) -> Verdict:
    hears(db, "a")
    [number] = put(db, delay=60.0)
    db.execute("UPDATE qsup.jobs SET available_at = clock_timestamp() - interval '5 s'")
    return why(db, number)


def busy(db: Connection[Any]) -> Verdict:
    hears(db, "a")
    put(db, 2)
    claim(db, 2)
    return why(db, put(db)[0])


def behind(db: Connection[Any]) -> Verdict:
    hears(db, "a")
    return why(db, put(db, 4)[-1])


def free(db: Connection[Any]) -> Verdict:
    return why(db, heard_note(db))


def hook_waits(db: Connection[Any]) -> Verdict:
    [number] = put(db)
    report = Report(kind="error", reason="no luck", exception="ValueError")
    store.fail(db, [(claim(db)[0].key, Failed("tries", "no luck"), report, True)])
    return why(db, number)


def out_of_tries(db: Connection[Any]) -> Verdict:
    return why(db, failed(db))


def quarantined(db: Connection[Any]) -> Verdict:
    return why(db, failed(db, "quarantined", kind="crash", reason="signal 9", exception=""))


def cancelled(db: Connection[Any]) -> Verdict:
    return why(db, failed(db, "cancelled", reason="cancelled by ann", exception=""))


def discarded(db: Connection[Any]) -> Verdict:
    number = failed(db)
    db.execute("UPDATE qsup.failed_jobs SET discarded_at = now(), discarded_by = 17")
    return why(db, number)


def done(db: Connection[Any]) -> Verdict:
    number = claimed(db)
    store.archive(db, [(number, 1)])
    return why(db, number)


def gone_with_events(db: Connection[Any]) -> Verdict:
    number = claimed(db)
    store.release(db, [((number, 1), "its worker left")])
    db.execute("DELETE FROM qsup.jobs")
    return why(db, number)


def gone_without_a_trace(db: Connection[Any]) -> Verdict:
    number = put(db)[0]
    db.execute("DELETE FROM qsup.jobs")
    return why(db, number)


def never_given(db: Connection[Any]) -> Verdict:
    put(db)
    return why(db, 2**62)


@dataclass(frozen=True)
class Scene:
    """What is to be said: the code, the sentence (an expression), the beginning of the next step."""

    make: Callable[[Connection[Any]], Verdict]
    code: str
    sentence: str
    next: str = ""


AGO = r"since 2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d \(\d+s\)"
SCENES = [
    Scene(running, "running", rf"it is running in a:0 on h1 \(pid 7\) {AGO}, attempt 1 of 3", "qsup job "),
    Scene(begun, "running", rf"it is running in a:0 on h1 \(pid 7\) {AGO}, attempt 1 of 5", "qsup job "),
    Scene(handed_behind, "handed", rf"it was given to a:0 on h1 .* {AGO}, which is at job \d+ \(Note\) first", "wait"),
    Scene(handed_unbegun, "handed", rf"it was given to a:0 on h1 .* {AGO}, which has not begun it", "wait"),
    Scene(
        lost_silent,
        "lost",
        r"it was claimed by a:0 on h1 .*, whose supervisor has been silent for 45s; its lease ends at .*",
        "qsup release ",
    ),
    Scene(
        lost_gone,
        "lost",
        r"it was claimed by a:0, whose supervisor is not there any more; its lease is over .*",
        "qsup run",
    ),
    Scene(
        read_only,
        "read_only",
        r"this PostgreSQL only reads \(default_transaction_read_only is on .*",
        "name the primary",
    ),
    Scene(standby, "read_only", r"this PostgreSQL only reads \(it is a standby\): .*", "name the primary"),
    Scene(away, "unreachable", "PostgreSQL does not answer at db1: nobody can claim anything", "Is it running?"),
    Scene(away_and_running, "running", r"it is running in a:1 of this host \(pid 71\), for 4 s; .*"),
    Scene(
        incident,
        "undeclared",
        r"no applied queues.yaml declares the queue router-provisioning: nobody hears it "
        r"\(did you mean router-provisionings\?\)",
        "declare router-provisioning with workers",
    ),
    Scene(
        undeclared_and_not_applied,
        "undeclared",
        "no applied .* queue b: .*",
        "qsup apply (the queues.yaml here declares b with 1 worker",
    ),
    Scene(no_workers, "no_workers", "the queue low is declared without workers", "give it `workers:`"),
    Scene(
        never_heard,
        "unheard",
        "the queue a is declared with 2 workers, but .* and nobody who declares it .*",
        "qsup run",
    ),
    Scene(
        no_more_heard,
        "unheard",
        r".*: the last one, /srv/queues.yaml on h1 \(pid 7\), has been silent for 4m10s",
        "qsup run (on h1)",
    ),
    Scene(
        workers_dead,
        "unheard",
        r".* \(pid 7\) is alive and declares 2 workers, but none of them is there",
        "qsup status (on h1",
    ),
    Scene(halted, "halted", r".* on h1 \(pid 5\) hears its queue, but it was paused by a signal .*", "kill -CONT 5"),
    Scene(stopping, "halted", r".* on h1 \(pid 5\) hears its queue, but it is stopping", "qsup run"),
    Scene(paused, "paused", rf"the queue a is paused by ann@h1 {AGO}", "qsup resume a"),
    Scene(unrouted, "unrouted", "no file of those who hear a routes Odd: .*", "add Odd to `jobs:` in /srv/queues.yaml"),
    Scene(not_due, "not_due", r"it is not due until 2.* \(in 2h\)", "qsup release "),
    Scene(
        backoff,
        "backoff",
        r"attempt 2 of 3 is not due until 2.* \(in 1m30s\), after retry: ValueError: no luck",
        "qsup release ",
    ),
    Scene(due, "due", r"its time came 5s ago, at 2.*, and it has not been made ready yet", "qsup release "),
    Scene(busy, "busy", rf"all 2 workers of a are busy \(the oldest: job \d+, Note, in a:0 {AGO}\)", "qsup job "),
    Scene(behind, "behind", r"3 jobs come before it", "nothing to do but wait"),
    Scene(
        free,
        "next",
        r"nothing stops it: it is ready, and 2 of the workers of a can take it \(/srv/queues.yaml on h1 .*\)",
        "wait a second",
    ),
    Scene(
        out_of_tries,
        "failed",
        r"it failed for good \(tries\) at 2.*, after 1 tries: ValueError: no luck",
        "qsup retry ",
    ),
    Scene(hook_waits, "failed", r"it failed for good .*", "qsup retry "),
    Scene(
        quarantined,
        "quarantined",
        r"it was put aside \(quarantined\) at 2.*: 1 crashes of its worker: signal 9",
        "qsup retry ",
    ),
    Scene(cancelled, "cancelled", "it was cancelled at 2.*: cancelled by ann", "qsup retry "),
    Scene(
        discarded,
        "discarded",
        r"it failed at 2.*: ValueError: no luck; command 17 discarded it, .*",
        "qsup flush --undo 17",
    ),
    Scene(done, "done", r"it is done since 2.*"),
    Scene(gone_with_events, "gone", r"its row is gone: .*: released: its worker left, 2.*", "qsup job "),
    Scene(gone_without_a_trace, "gone", r"nothing of it is stored: it is done .*", "`keep: 7d`"),
    Scene(never_given, "unknown", r"no job has this id yet: the newest is \d+", "is it the right database?"),
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.make.__name__)
def test_the_first_reason_is_said_in_a_sentence_with_what_to_do(world: Connection[Any], scene: Scene) -> None:
    given = scene.make(world)
    first = given.reasons[0]
    assert first.code == scene.code
    assert re.fullmatch(scene.sentence, first.sentence), first.sentence
    assert first.next.startswith(scene.next), first.next
    assert bool(scene.next) == bool(first.next)
    assert given.claimable == (first.code in HARMLESS)


def test_there_is_a_scene_for_every_code() -> None:
    assert {scene.code for scene in SCENES} | {"held"} == set(CODES)


def test_every_code_is_in_the_reference_with_its_meaning() -> None:
    page = (ROOT / "docs" / "reference" / "why.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE)) == CODES


def test_a_reason_has_no_code_that_is_not_in_the_table() -> None:
    text = "".join(path.read_text() for path in (ROOT / "qsup" / "why").glob("*.py"))
    used = set(re.findall(r'code="(\w+)"', text)) | {"backoff", "not_due", "quarantined", "cancelled", "failed"}
    assert used == set(CODES)


def test_a_row_that_another_transaction_holds_names_who_holds_it_and_since_when(
    kept: tuple[str, Connection[Any]],
) -> None:
    dsn, db = kept
    number = heard_note(db)
    with locked(dsn, number):
        given = judge(ask(db, number))
        assert claim(db) == [], "the claim passes it over"
    [reason] = given.reasons
    pid = reason.proof["pid"]
    assert (reason.code, given.claimable) == ("held", False)
    assert re.fullmatch(
        rf"PostgreSQL's process {pid} \(qsup\) holds its row in a transaction {AGO}, so .*", reason.sentence
    )
    assert reason.next.endswith(f"SELECT pg_terminate_backend({pid})")
    assert judge(ask(db, number)).reasons[0].code == "next"


def test_everything_that_stops_it_is_said_first_what_time_does_not_end(world: Connection[Any]) -> None:
    number = put(world, delay=60.0)[0]
    orderbook.pause(world, "a", "ann@h1")
    assert [one.code for one in why(world, number).reasons] == ["unheard", "paused", "not_due"]
    hears(world, "a")
    assert [one.code for one in why(world, number).reasons] == ["paused", "not_due"]


def test_jobs_of_a_queue_that_the_same_workers_serve_first_are_counted_and_named(world: Connection[Any]) -> None:
    file = a_file({"a": 2, "b": 0}, {"Note": "a"})
    queues = dict(file.queues) | {"b": replace(file.queues["b"], workers_of="a")}
    file = replace(file, queues=queues)
    declare.apply(world, file, US)
    hears(world, "a", "b", file=file)
    number = put(world, 2, queue="b")[-1]
    put(world, 3)
    [reason] = why(world, number).reasons
    assert reason.sentence == "4 jobs come before it: 3 of them in a, which its workers serve first"
    assert reason.proof["queues"] == {"b": 1, "a": 3}
    assert reason.next.endswith("qsup scale a N")
    orderbook.pause(world, "a", "ann@h1")
    assert [one.code for one in why(world, number).reasons] == ["next"], "a paused queue keeps nobody"


def test_a_failed_hook_that_waits_is_told_beside_the_failure(world: Connection[Any]) -> None:
    given = hook_waits(world)
    assert [one.code for one in given.reasons] == ["failed", "unheard"]
    assert given.reasons[1].sentence.startswith("its failed hook: the queue a is declared with 2 workers")


def test_a_solo_worker_is_one_worker_whatever_its_file_says(world: Connection[Any]) -> None:
    store.beat(
        world, "solo", host="h1", pid=8, code="1", config_file="f", generation=1, listens=["a"],
        declares=declare.declares(FILE, solo=True),
    )  # fmt: skip
    put(world)
    claim(world, supervisor="solo")
    [reason] = why(world, put(world)[0]).reasons
    assert reason.sentence.startswith("the only worker of a is busy (job ")


def test_a_server_that_only_reads_is_asked_all_the_same(kept: tuple[str, Connection[Any]]) -> None:
    dsn, db = kept
    number = heard_note(db)
    only = psycopg.conninfo.make_conninfo(dsn, options="-c default_transaction_read_only=on")
    with reading(only) as conn:
        given = judge(ask(conn, number))
    assert [one.code for one in given.reasons] == ["read_only"]
    assert not given.claimable


def test_the_text_has_the_sentence_the_proof_what_else_stops_it_and_what_to_do() -> None:
    reasons = [
        Reason(
            code="paused",
            sentence="the queue a is paused",
            proof={"by": "ann\x1b[2J", "none": None},
            next="qsup resume a",
        ),
        Reason(code="behind", sentence="3 jobs come before it", proof={"queues": {"a": 3}, "files": ["x", "y"]}),
    ]
    given = Verdict(id=812, state="ready", queue="a", job="Note", claimable=False, reasons=reasons)
    assert list(lines(given)) == [
        "job 812 (Note, queue a): the queue a is paused",
        r"    proof: by ann\x1b[2J",
        "    next: qsup resume a",
        "  besides: 3 jobs come before it",
        "    proof: queues (a 3), files x, y",
    ]


def called(monkeypatch: pytest.MonkeyPatch, folder: Path, dsn: str, *words: str) -> Result:
    """`qsup why …` in a folder without a queues.yaml."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("QSUP_DATABASE_URL", dsn)
    return CliRunner().invoke(cli, ["why", *words], catch_exceptions=False)


def test_the_command_answers_in_text_and_in_json(
    kept: tuple[str, Connection[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn, db = kept
    number = heard_note(db)
    text = called(monkeypatch, tmp_path, dsn, str(number))
    assert text.exit_code == 0
    assert text.stdout.startswith(f"job {number} (Note, queue a): nothing stops it: ")
    told = json.loads(called(monkeypatch, tmp_path, dsn, str(number), "--json").stdout)
    assert {name: told[name] for name in ("id", "state", "queue", "job", "claimable", "code")} == {
        "id": number, "state": "ready", "queue": "a", "job": "Note", "claimable": True, "code": "next",
    }  # fmt: skip
    assert told["reasons"][0]["proof"] == told["proof"] == {"free": 2, "ready": True, "unpaused": True}
    orderbook.pause(db, "a", "ann@h1")
    told = json.loads(called(monkeypatch, tmp_path, dsn, str(number), "--json").stdout)
    orderbook.resume(db, "a")
    assert datetime.fromisoformat(told["proof"]["paused_at"]).tzinfo is not None
    unknown = called(monkeypatch, tmp_path, dsn, str(2**62))
    assert (unknown.exit_code, unknown.stdout.partition(":")[0]) == (1, f"job {2**62}")
    assert called(monkeypatch, tmp_path, dsn, "8x").exit_code == 2
    away = called(monkeypatch, tmp_path, "postgresql://u@/db?host=/nowhere", str(number), "--json")
    assert (away.exit_code, json.loads(away.stdout)["code"]) == (75, "unreachable")
