"""One SMS account for all workers: how fast, parked or not; the second shape; reports in every state."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import psycopg
import pytest

from handlers import intake, sms_account
from handlers.sandbox.sms import HANG, LEOPARD, SmsGateway
from handlers.settings import SettingMissing, sms_settings
from handlers.sms_answers import LONGEST_WAIT, MESSAGES, RECIPIENT_CODES, read_answer
from tests.handlers.hotspot import Hotspot
from tests.handlers.test_sms import PHONE, dispatch, hang, kinds, outbox, send
from tests.handlers.test_two_reports import c2b


def buys(hotspot: Hotspot, number: int) -> None:
    """That many customers more are waiting for their message."""
    for one in range(number):
        hotspot.receive("c2b", c2b(BillRefNumber=PHONE, TransID=f"TJ95H3K{one:03}"))
    hotspot.run("payments")
    for row in hotspot.rows("SELECT subscription_id FROM hotspot.sms_outbox WHERE state = 'pending' ORDER BY id"):
        dispatch(hotspot, row["subscription_id"])


def states(hotspot: Hotspot) -> list[str]:
    return [row["state"] for row in hotspot.rows("SELECT state FROM hotspot.sms_outbox ORDER BY id")]


def test_no_more_go_out_in_a_second_than_the_setting_says_over_all_workers(
    hotspot: Hotspot, gateway: SmsGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMS_RATE", "5")
    buys(hotspot, 12)
    began = time.monotonic()
    hotspot.run_at_once("hotspot-sms", threads=12)
    assert time.monotonic() - began >= 7 / 5, "five at once, then one in 0.2 s"
    assert len(gateway.sent) == 12
    assert set(states(hotspot)) == {"sent"}


def test_a_place_that_is_too_far_away_is_not_taken_and_costs_no_try(waiting: Hotspot, gateway: SmsGateway) -> None:
    sms_account.close_for(waiting.db, 600)
    assert kinds(send(waiting)) == ["committed"]
    assert gateway.requests == 0
    assert outbox(waiting) == ("pending", None, 0)
    later = waiting.row("SELECT attempts, available_at - now() AS wait FROM qsup.jobs WHERE state = 'scheduled'")
    assert later["attempts"] == 0
    assert timedelta(minutes=9) < later["wait"] <= timedelta(minutes=10)
    waiting.db.execute("UPDATE qsup.jobs SET state = 'ready'")
    waiting.db.execute("UPDATE hotspot.sms_account SET next_at = now()")
    assert kinds(send(waiting)) == ["done"]
    assert outbox(waiting)[0] == "sent"


def test_the_bucket_refills_while_nobody_sends_but_never_over_a_second_s_worth(hotspot: Hotspot) -> None:
    with psycopg.connect(hotspot.dsn, autocommit=True) as conn:
        sms_account.reserve(conn, 4, longest=60)
        conn.execute("UPDATE hotspot.sms_account SET next_at = now() - interval '1 hour'")
        waits = [sms_account.reserve(conn, 4, longest=60) or 0.0 for _ in range(8)]
    assert waits[:4] == [0.0] * 4
    assert [round(wait, 1) for wait in waits[4:]] == pytest.approx([0.25, 0.5, 0.75, 1.0], abs=0.2)


def busy(gateway: SmsGateway, after: str) -> None:
    gateway.answer_with("busy", {"http": 429, "text": "Too Many Requests", "headers": {"Retry-After": after}})


@pytest.mark.parametrize("as_date", [True, False])
def test_a_retry_after_holds_up_everybody(waiting: Hotspot, gateway: SmsGateway, as_date: bool) -> None:
    buys(waiting, 1)
    busy(gateway, format_datetime(datetime.now(UTC) + timedelta(seconds=61), usegmt=True) if as_date else "60")
    reports = send(waiting)
    assert kinds(reports)[:2] == ["retry", "committed"]
    assert 50 < (reports[0].after or 0) <= 61
    assert gateway.requests == 1
    assert set(states(waiting)) == {"pending"}


NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("2", 2.0),
        (" 120 ", 120.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2026 15:00:30 +0300", 30.0),
        ("Sun, 22 Nov 2099 12:00:00 GMT", LONGEST_WAIT),
        ("9" * 400, LONGEST_WAIT),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("٣", None),
    ],
)
def test_a_retry_after_is_seconds_or_a_date(text: str, after: float | None) -> None:
    for status in (429, 503):
        answer = read_answer(status, {"Retry-After": text}, "", now=NOW)
        assert (answer.meaning, answer.after) == ("transient", after)


ERRORS = {
    500: ("unknown", "retry"),
    502: ("unknown", "retry"),
    503: ("pending", "retry"),
    504: ("unknown", "retry"),
    400: ("parked", "discard"),
    404: ("parked", "discard"),
}


@pytest.mark.parametrize("status", ERRORS)
def test_every_http_error_has_its_consequence(waiting: Hotspot, gateway: SmsGateway, status: int) -> None:
    state, kind = ERRORS[status]
    for number in range(3):
        gateway.answer_with(f"error {number}", {"http": status, "text": "no"})
    assert set(kinds(send(waiting))) == {kind}
    assert outbox(waiting)[0] == state
    assert not sms_account.is_parked(waiting.db), "one message's refusal is not the account's"


EMPTY = {**MESSAGES, "Something new": "config"}


@pytest.mark.parametrize("message", EMPTY)
def test_an_answer_without_recipients_has_its_reason_in_its_message(
    waiting: Hotspot, gateway: SmsGateway, message: str
) -> None:
    body = {"SMSMessageData": {"Message": message, "Recipients": []}}
    gateway.answer_with("empty", {"http": 201, "body": body})
    assert kinds(send(waiting)) == ["discard"]
    assert outbox(waiting)[0] == {"permanent": "failed"}.get(EMPTY[message], "parked")
    assert sms_account.is_parked(waiting.db) == (message in {"InvalidSenderId", "InsufficientBalance"})
    assert gateway.sent == []


@pytest.mark.parametrize("answer", ["recipient_405", "recipient_402", "bad_key"])
def test_an_account_that_cannot_send_parks_all_messages_says_so_once_and_asks_no_more(
    hotspot: Hotspot, gateway: SmsGateway, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    buys(hotspot, 6)
    gateway.order(answer)
    reports = send(hotspot)
    assert kinds(reports) == ["discard", *["done"] * 5]
    assert gateway.requests == 1
    assert set(states(hotspot)) == {"parked"}
    alarms = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(alarms) == 1
    assert "SELECT hotspot.unpark_sms()" in alarms[0]

    assert hotspot.value("SELECT hotspot.unpark_sms()") == 6
    assert set(kinds(send(hotspot))) == {"done"}
    assert set(states(hotspot)) == {"sent"}
    assert len(gateway.sent) == 6


def test_twenty_workers_that_meet_an_empty_account_alarm_once(
    hotspot: Hotspot, gateway: SmsGateway, caplog: pytest.LogCaptureFixture
) -> None:
    buys(hotspot, 20)
    gateway.order(*["recipient_405"] * 20)
    hotspot.run_at_once("hotspot-sms")
    assert set(states(hotspot)) == {"parked"}
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1


def test_the_job_of_one_parked_message_tries_the_account_and_the_others_follow(
    waiting: Hotspot, gateway: SmsGateway
) -> None:
    buys(waiting, 2)
    gateway.order("recipient_405")
    send(waiting)
    dispatch(waiting, waiting.value("SELECT min(subscription_id) FROM hotspot.sms_outbox"))
    assert set(kinds(send(waiting))) == {"done"}
    assert states(waiting) == ["sent"] * 3
    assert len(gateway.sent) == 3
    assert not sms_account.is_parked(waiting.db)


def test_twenty_jobs_of_one_message_at_once_send_it_once(waiting: Hotspot, gateway: SmsGateway) -> None:
    number = waiting.value("SELECT subscription_id FROM hotspot.sms_outbox")
    for _ in range(19):
        dispatch(waiting, number)
    waiting.run_at_once("hotspot-sms")
    assert len(gateway.sent) == gateway.requests == 1
    assert outbox(waiting) == ("sent", "ATXid_00000001", 0)


REPORTS = {
    "Success": "delivered",
    "Failed": "failed",
    "Rejected": "failed",
    "Sent": "sent",
    "Submitted": "sent",
    "Buffered": "sent",
}


def report(hotspot: Hotspot, status: str, number: str = "ATXid_00000001") -> bool:
    form = {"id": number, "status": status, "phoneNumber": f"+{PHONE}", "networkCode": "63902", "failureReason": "x\0"}
    return intake.receive_delivery_report(hotspot.db, form)


@pytest.mark.parametrize("status", REPORTS)
def test_every_state_of_a_delivery_report_of_a_sent_message(waiting: Hotspot, gateway: SmsGateway, status: str) -> None:
    send(waiting)
    assert report(waiting, status)
    assert outbox(waiting)[0] == REPORTS[status]
    assert gateway.requests == 1


@pytest.mark.parametrize("status", REPORTS)
def test_every_state_of_a_delivery_report_settles_an_unknown_outcome_and_nothing_is_sent_again(
    waiting: Hotspot, gateway: SmsGateway, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    hang(monkeypatch, gateway, HANG)
    send(waiting)
    assert report(waiting, status, "ATXid_77")
    assert outbox(waiting)[:2] == (REPORTS[status], "ATXid_77")
    waiting.db.execute("UPDATE hotspot.sms_outbox SET changed_at = now() - interval '1 hour'")
    dispatch(waiting, waiting.value("SELECT subscription_id FROM hotspot.sms_outbox"))
    send(waiting)
    assert gateway.requests == 1


@pytest.mark.parametrize("final", ["Success", "Failed"])
def test_what_is_final_stays(waiting: Hotspot, gateway: SmsGateway, final: str) -> None:
    send(waiting)
    report(waiting, final)
    for status in REPORTS:
        assert not report(waiting, status)
    assert outbox(waiting)[0] == REPORTS[final]
    assert gateway.requests == 1


def test_a_report_that_is_faster_than_the_answer_is_kept(
    waiting: Hotspot, gateway: SmsGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = gateway.take

    def report_first(to: str, text: str, usual: str) -> dict[str, object]:
        answer = taken(to, text, usual)
        with psycopg.connect(waiting.dsn, autocommit=True) as conn:
            form = {"id": "ATXid_00000001", "status": "Success", "phoneNumber": to}
            assert intake.receive_delivery_report(conn, form)
        return answer

    monkeypatch.setattr(gateway, "take", report_first)
    assert kinds(send(waiting)) == ["done"]
    assert outbox(waiting)[:2] == ("delivered", "ATXid_00000001")


def test_a_repeated_report_of_another_message_settles_nothing(
    waiting: Hotspot, gateway: SmsGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(waiting)
    assert report(waiting, "Success")
    buys(waiting, 1)
    hang(monkeypatch, gateway, HANG)
    send(waiting)
    assert states(waiting) == ["delivered", "unknown"]
    assert not report(waiting, "Success")
    assert states(waiting) == ["delivered", "unknown"]


@pytest.fixture
def leopard(gateway: SmsGateway, monkeypatch: pytest.MonkeyPatch) -> SmsGateway:
    """The gateway in its other shape."""
    monkeypatch.setenv("SMS_SHAPE", "smsleopard")
    return gateway


def test_the_second_shape_sends_too(waiting: Hotspot, leopard: SmsGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sms_settings().url.endswith(LEOPARD)
    assert kinds(send(waiting)) == ["done"]
    assert [sent.to for sent in leopard.sent] == [f"+{PHONE}"]
    assert outbox(waiting)[:2] == ("sent", "ATXid_00000001")
    monkeypatch.setenv("SMS_SHAPE", "pigeon")
    with pytest.raises(SettingMissing, match="SMS_SHAPE"):
        sms_settings()


@pytest.mark.parametrize(("answer", "state"), [("leopard_partly", "failed"), ("leopard_none", "parked")])
def test_the_second_shape_that_says_success_and_sent_nothing(
    waiting: Hotspot, leopard: SmsGateway, answer: str, state: str
) -> None:
    leopard.order(answer)
    assert kinds(send(waiting)) == ["discard"]
    assert outbox(waiting)[0] == state
    assert leopard.sent == []


def test_the_second_shape_with_a_bad_key_parks_the_account(
    waiting: Hotspot, leopard: SmsGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMS_API_KEY", "wrong")
    assert kinds(send(waiting)) == ["discard"]
    assert sms_account.is_parked(waiting.db)
    assert leopard.sent == []


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"recipients": [1]}', '{"recipients": [{"status": "odd"}]}', "[" * 9**5]
)
@pytest.mark.parametrize("shape", ["africastalking", "smsleopard"])
def test_an_answer_that_cannot_be_read_is_never_taken_for_sent(text: str, shape: str) -> None:
    assert read_answer(201, {}, text, shape=shape).meaning in {"unknown", "config"}


def test_all_codes_of_the_facts_are_known() -> None:
    assert sorted(RECIPIENT_CODES) == [100, 101, 102, 401, 402, 403, 404, 405, 406, 407, 409, 500, 501, 502]
