"""CheckRoutersJob: real sockets that answer, refuse, hang and drip; what one router does costs the others nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from handlers.asking import ask_all, pace
from handlers.operator_settings import CheckSettings, check_settings
from handlers.reach import Answer, Look, Reach, judge, record
from handlers.sandbox.faults import Kind
from handlers.sandbox.routeros import RouterSimulator
from handlers.settings import SettingMissing
from tests.conftest import Eventually
from tests.handlers.hotspot import Hotspot

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULES = CheckSettings(limit=1.0, misses=3, gap=20.0, threads=64)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_USER", "qsup")
    monkeypatch.setenv("ROUTER_PASSWORD", "s3cret")
    monkeypatch.setenv("ROUTER_CHECK_LIMIT", "0.5")
    monkeypatch.setenv("ROUTER_CHECK_GAP", "0")


@contextmanager
def blackhole() -> Iterator[str]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def dripping() -> Iterator[str]:
    """A port that answers a byte at a time, for ever: each read is in time, the answer never is."""
    ending = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(b"\xc0\x40\x00")  # a word of 16384 bytes, which never comes to its end
                while not ending.wait(0.05):
                    connection.sendall(b"x")
            except OSError:
                pass

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=drip, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        ending.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def add(hotspot: Hotspot, address: str, name: Any = None, **columns: Any) -> int:
    """A router in service; its id."""
    number = hotspot.value("INSERT INTO hotspot.routers (address, name) VALUES (%s, %s) RETURNING id", address, name)
    for column, value in columns.items():
        hotspot.db.execute(f"UPDATE hotspot.routers SET {column} = %s WHERE id = %s".encode(), [value, number])  # noqa: S608  the tests' own names
    return int(number)


def check(hotspot: Hotspot, **context: Any) -> None:
    """One run of the job; it must end well."""
    hotspot.db.execute("SELECT qsup.dispatch('CheckRoutersJob', '{}')")
    assert [report.kind for report in hotspot.run("router-checks", **context)] == ["done"]


def router_row(hotspot: Hotspot, number: int) -> dict[str, Any]:
    return hotspot.row("SELECT * FROM hotspot.routers WHERE id = %s", number)


def asking() -> list[str]:
    """The threads that are still at a router."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("asking-")]


def test_dead_hanging_and_dripping_routers_cost_the_others_nothing(
    hotspot: Hotspot, router: RouterSimulator, eventually: Eventually
) -> None:
    with ExitStack() as stack:
        silent = [closed_port(), *(stack.enter_context(blackhole()) for _ in range(8))]
        silent += [stack.enter_context(dripping()) for _ in range(4)]
        bad = [add(hotspot, address) for address in silent]
        good = add(hotspot, router.address)
        began = time.monotonic()
        check(hotspot)
        took = time.monotonic() - began
        eventually(lambda: not asking(), 3, what="every thread has left its router within the limit")
    assert took < 0.5 * len(silent), "they were waited for one after the other"
    assert router_row(hotspot, good)["reach"] == "online"
    assert {router_row(hotspot, number)["misses"] for number in bad} == {1}
    assert {router_row(hotspot, number)["reach"] for number in bad} == {"unknown"}
    details = {router_row(hotspot, number)["reach_detail"] for number in bad}
    assert all(detail.startswith("network: ") for detail in details), details


def test_a_router_is_offline_after_three_misses_and_online_at_once(hotspot: Hotspot, router: RouterSimulator) -> None:
    number = add(hotspot, router.address, reach="online")
    router.faults.order("/login", Kind.CLOSE_BEFORE)
    check(hotspot)
    check(hotspot)
    assert (router_row(hotspot, number)["reach"], router_row(hotspot, number)["misses"]) == ("online", 0)
    for misses, reach in [(1, "online"), (2, "online"), (3, "offline"), (4, "offline")]:
        router.faults.order("/login", Kind.CLOSE_BEFORE)
        check(hotspot)
        assert (router_row(hotspot, number)["misses"], router_row(hotspot, number)["reach"]) == (misses, reach)
    check(hotspot)
    after = router_row(hotspot, number)
    assert (after["reach"], after["misses"], after["reach_detail"]) == ("online", 0, None)


@pytest.mark.parametrize("deploy", ["none", "pending", "failed", "active"])
def test_reach_and_deploy_are_two_facts(hotspot: Hotspot, router: RouterSimulator, deploy: str) -> None:
    columns: dict[str, Any] = {"verified_at": NOON, "deploy": deploy}
    up, down = add(hotspot, router.address, **columns), add(hotspot, closed_port(), **columns)
    for _ in range(3):
        check(hotspot)
    for number, reach in [(up, "online"), (down, "offline")]:
        row = router_row(hotspot, number)
        assert (row["reach"], row["deploy"], row["verified_at"]) == (reach, deploy, NOON)


def test_a_router_that_refuses_us_is_flagged_and_online(hotspot: Hotspot) -> None:
    with RouterSimulator(user="qsup", password="another") as router:
        number = add(hotspot, router.address)
        check(hotspot)
        row = router_row(hotspot, number)
        assert (row["reach"], row["problem"]) == ("online", "credentials")
        assert "invalid user name or password" in row["problem_detail"]
        assert "s3cret" not in str(row)
        since = row["problem_at"]
        check(hotspot)
        assert router_row(hotspot, number)["problem_at"] == since, "the same problem is as old as it was"
        router.password = "s3cret"
        check(hotspot)
        assert router_row(hotspot, number)["problem"] is None


def test_a_look_clears_no_problem_that_it_cannot_judge(hotspot: Hotspot, router: RouterSimulator) -> None:
    number = add(hotspot, router.address)
    hotspot.db.execute("UPDATE hotspot.routers SET problem = 'permission', problem_at = now()")
    check(hotspot)
    assert router_row(hotspot, number)["problem"] == "permission"


def test_a_router_without_settings_is_flagged_and_the_rest_are_asked(
    hotspot: Hotspot, router: RouterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTER_ODD_ONE_PASSWORD_FILE", "/nowhere")
    odd, wrong = add(hotspot, "127.0.0.1:1", "odd-one"), add(hotspot, "router:99999", "wrong")
    good, retired = add(hotspot, router.address, "good"), add(hotspot, closed_port(), "old", retired_at=NOON)
    check(hotspot)
    assert router_row(hotspot, good)["reach"] == "online"
    flagged = router_row(hotspot, odd)
    assert (flagged["reach"], flagged["misses"], flagged["problem"]) == ("unknown", 0, "settings")
    assert "ROUTER_PASSWORD_FILE: /nowhere cannot be read" in flagged["problem_detail"]
    assert router_row(hotspot, wrong)["problem"] == "settings"
    assert router_row(hotspot, retired)["reach_at"] is None, "a retired router is not asked"


def test_hundreds_of_silent_routers_are_bounded_by_the_job_s_time(
    hotspot: Hotspot, router: RouterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTER_CHECK_THREADS", "100")
    before = threading.active_count()
    most = 0
    with ExitStack() as stack:
        for _ in range(150):
            add(hotspot, stack.enter_context(blackhole()))
        # On a busy machine the last ones have no turn at all, which is what the time is for.
        good = add(hotspot, router.address)
        for _ in range(150):
            add(hotspot, stack.enter_context(blackhole()))
        began = time.monotonic()
        check(hotspot, timeout=11.0)
        most = threading.active_count() - before
        assert time.monotonic() - began < 11.0
    assert router_row(hotspot, good)["reach"] == "online"
    assert hotspot.value("SELECT count(*) FROM hotspot.routers WHERE misses = 1") > 150
    assert most < 100, f"{most} threads are left"


def test_the_same_silence_is_one_miss_however_often_it_is_looked_at(
    hotspot: Hotspot, monkeypatch: pytest.MonkeyPatch, in_threads: Callable[..., None]
) -> None:
    monkeypatch.setenv("ROUTER_CHECK_GAP", "60")
    number = add(hotspot, closed_port(), reach="online")
    for _ in range(6):
        hotspot.db.execute("SELECT qsup.dispatch('CheckRoutersJob', '{}')")
    in_threads(lambda: hotspot.run("router-checks"), 3)
    assert (router_row(hotspot, number)["misses"], router_row(hotspot, number)["reach"]) == (1, "online")


def test_a_check_that_was_killed_in_the_middle_and_runs_again_comes_to_the_same(
    hotspot: Hotspot, router: RouterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTER_CHECK_GAP", "60")
    number, good = add(hotspot, closed_port()), add(hotspot, router.address)
    # What the killed run had written: the first of two routers.
    record(hotspot.db, number, Look(answer=Answer(answered=False), at=datetime.now(UTC)), check_settings())
    check(hotspot)
    assert (router_row(hotspot, number)["misses"], router_row(hotspot, good)["reach"]) == (1, "online")


def test_a_look_that_comes_late_changes_nothing(hotspot: Hotspot, router: RouterSimulator) -> None:
    number = add(hotspot, router.address)
    check(hotspot)
    before = router_row(hotspot, number)
    old = Look(answer=Answer(answered=False, detail="long ago"), at=before["reach_at"] - timedelta(seconds=1))
    record(hotspot.db, number, old, RULES)
    record(hotspot.db, number + 1000, old, RULES)
    assert router_row(hotspot, number) == before


def test_one_look_is_judged_by_what_is_known() -> None:
    def after(before: Reach, answered: bool, seconds: float) -> Reach | None:
        return judge(before, Look(answer=Answer(answered=answered), at=NOON + timedelta(seconds=seconds)), RULES)

    known = Reach(reach="online", reach_at=NOON, misses=2, missed_at=NOON)
    assert after(known, False, 19) is None, "within the gap"
    assert after(known, False, -1) is None, "late"
    assert after(known, True, 1) == Reach(
        reach="online", reach_at=NOON + timedelta(seconds=1), misses=0, missed_at=None
    )
    third = after(known, False, 20)
    assert third is not None
    assert (third.reach, third.misses) == ("offline", 3)


def test_the_pace_lets_everybody_be_asked_in_time() -> None:
    assert pace(10, threads=64, limit=5.0, seconds=110).threads == 10
    assert pace(0, threads=64, limit=5.0, seconds=110).threads == 1
    for count in (1, 64, 65, 700, 5000):
        chosen = pace(count, threads=64, limit=5.0, seconds=110)
        assert -(-count // chosen.threads) * chosen.limit <= 110.001
        assert chosen.limit <= 5.0


def test_one_who_hangs_for_ever_or_breaks_is_told_and_waited_for_no_longer_than_his_limit() -> None:
    ending = threading.Event()

    def ask(question: str) -> str:
        if question == "hangs":
            ending.wait(60)
        if question == "breaks":
            raise RuntimeError("no more threads")
        return question.upper()

    began = time.monotonic()
    questions = ["hangs", "breaks", "a", "b"]
    replies = {reply.question: reply for reply in ask_all(questions, ask, threads=4, limit=0.1, seconds=30)}
    ending.set()
    assert time.monotonic() - began < 10
    assert {name: (reply.answer, reply.error) for name, reply in replies.items()} == {
        "hangs": (None, ""), "breaks": (None, "RuntimeError"), "a": ("A", ""), "b": ("B", ""),
    }  # fmt: skip


def test_settings_of_the_check_that_make_no_sense_fail_the_job_and_say_which(
    hotspot: Hotspot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTER_CHECK_LIMIT", "6")
    with pytest.raises(SettingMissing, match="ROUTER_CHECK_LIMIT is '6': expected"):
        check_settings()
    hotspot.db.execute("SELECT qsup.dispatch('CheckRoutersJob', '{}')")
    assert [report.kind for report in hotspot.run("router-checks")] == ["discard"]


def test_a_check_holds_no_lock_while_it_asks(hotspot: Hotspot, router: RouterSimulator) -> None:
    number = add(hotspot, router.address)
    router.faults.order("/login", Kind.DRIP)
    with psycopg.connect(hotspot.dsn, autocommit=True) as other:
        thread = threading.Thread(target=check, args=(hotspot,))
        thread.start()
        other.execute("SET lock_timeout = '2s'")
        other.execute("UPDATE hotspot.routers SET deploy = 'pending' WHERE id = %s", [number])
        thread.join()
    assert router_row(hotspot, number)["deploy"] == "pending"
