"""SendCredentialsSMSJob against the gateway over HTTP: every answer of the provider, and no answer."""

from __future__ import annotations

import logging

import pytest

from handlers import intake
from handlers.sandbox.sms import HANG, SmsGateway
from handlers.sms_answers import RECIPIENT_CODES, read_answer
from qsup.outcome import Report
from tests.handlers.hotspot import Hotspot

PHONE = "254712345678"


def dispatch(hotspot: Hotspot, subscription: int) -> None:
    hotspot.tell(subscription)


def outbox(hotspot: Hotspot) -> tuple[str, str | None, int]:
    row = hotspot.row("SELECT state, message_id, resends FROM hotspot.sms_outbox")
    return row["state"], row["message_id"], row["resends"]


def send(hotspot: Hotspot) -> list[Report]:
    return hotspot.run("hotspot-sms")


def kinds(reports: list[Report]) -> list[str]:
    return [report.kind for report in reports]


def test_the_customer_gets_one_message_with_his_password(
    waiting: Hotspot, gateway: SmsGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert kinds(send(waiting)) == ["done"]
    password = waiting.value("SELECT password FROM hotspot.users")
    assert [(sent.to, sent.text) for sent in gateway.sent] == [
        (f"+{PHONE}", f"Your WiFi: user {PHONE} password {password}")
    ]
    assert outbox(waiting) == ("sent", "ATXid_00000001", 0)
    assert password not in caplog.text
    assert "sandbox-key" not in caplog.text


def test_a_repeated_job_sends_nothing(waiting: Hotspot, gateway: SmsGateway) -> None:
    send(waiting)
    dispatch(waiting, waiting.value("SELECT subscription_id FROM hotspot.sms_outbox"))
    assert kinds(send(waiting)) == ["done"]
    assert gateway.requests == 1


MEANINGS = {
    "ok": ("done", "sent"),
    "queued": ("done", "sent"),
    "no_recipients": ("discard", "parked"),
    "bad_key": ("discard", "parked"),
    "busy": ("retry", "pending"),
    "down": ("retry", "pending"),
} | {
    f"recipient_{code}": {
        "permanent": ("discard", "failed"),
        "config": ("discard", "parked"),
        "account": ("discard", "parked"),
        "transient": ("retry", "pending"),
    }[meaning]
    for code, meaning in RECIPIENT_CODES.items()
    if meaning != "accepted"
}


@pytest.mark.parametrize("name", MEANINGS)
def test_every_answer_of_the_gateway_has_its_consequence(waiting: Hotspot, gateway: SmsGateway, name: str) -> None:
    kind, state = MEANINGS[name]
    gateway.order(name, *(["down"] * 2 if name == "busy" else [name] * 2))
    reports = send(waiting)
    assert kinds(reports) == ([kind] if kind != "retry" else ["retry"] * 3)
    assert outbox(waiting)[0] == state
    if state != "sent":
        assert gateway.sent == []
        assert outbox(waiting)[1] is None
    if name == "busy":
        assert reports[0].after == 2.0


def test_a_gateway_that_is_back_gets_the_message_once(waiting: Hotspot, gateway: SmsGateway) -> None:
    gateway.order("down", "busy")
    assert kinds(send(waiting)) == ["retry", "retry", "done"]
    assert len(gateway.sent) == 1


def test_a_gateway_that_cannot_be_reached_has_sent_nothing(
    waiting: Hotspot, gateway: SmsGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMS_URL", "http://127.0.0.1:1")
    assert kinds(send(waiting)) == ["retry"] * 3
    assert outbox(waiting) == ("pending", None, 0)
    assert gateway.requests == 0


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("SMS_URL", "ftp://x", "pending"),
        ("SMS_URL", "http://[", "pending"),
        ("SMS_URL", "http://x:port", "parked"),
        ("SMS_API_KEY", "ké\udc80", "parked"),
    ],
)
def test_a_setting_that_cannot_be_used_fails_the_job_and_keeps_the_message(
    waiting: Hotspot, gateway: SmsGateway, monkeypatch: pytest.MonkeyPatch, name: str, value: str, state: str
) -> None:
    monkeypatch.setenv(name, value)
    assert kinds(send(waiting)) == ["discard"]
    assert outbox(waiting)[0] == state
    assert gateway.requests == 0


def test_after_repair_a_parked_message_goes_out(waiting: Hotspot, gateway: SmsGateway) -> None:
    gateway.order("recipient_405")
    assert kinds(send(waiting)) == ["discard"]
    dispatch(waiting, waiting.value("SELECT subscription_id FROM hotspot.sms_outbox"))
    assert kinds(send(waiting)) == ["done"]
    assert outbox(waiting)[0] == "sent"


def hang(monkeypatch: pytest.MonkeyPatch, gateway: SmsGateway, *answers: str) -> None:
    monkeypatch.setenv("SMS_TIMEOUT", "0.2")
    gateway.order(*answers)


def test_no_answer_means_unknown_and_waits_for_a_report_before_one_resend_with_the_same_text(
    waiting: Hotspot, gateway: SmsGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang(monkeypatch, gateway, HANG)
    reports = send(waiting)
    assert reports[0].after == 120.0
    assert kinds(reports) == ["retry"] * 3
    assert outbox(waiting) == ("unknown", None, 0)
    assert gateway.requests == 1, "nothing goes out again before the report's time is over"

    waiting.db.execute("UPDATE hotspot.users SET password = 'changed22'")
    waiting.db.execute("UPDATE hotspot.sms_outbox SET changed_at = now() - interval '1 hour'")
    dispatch(waiting, waiting.value("SELECT subscription_id FROM hotspot.sms_outbox"))
    assert kinds(send(waiting)) == ["done"]
    assert outbox(waiting)[0] == "sent"
    assert len(gateway.sent) == 2
    assert len({sent.text for sent in gateway.sent}) == 1


def test_unknown_twice_is_for_a_person(waiting: Hotspot, gateway: SmsGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    hang(monkeypatch, gateway, HANG, HANG)
    monkeypatch.setenv("SMS_REPORT_WAIT", "0")
    assert kinds(send(waiting)) == ["retry", "done"]
    assert outbox(waiting) == ("unknown", None, 1)
    dispatch(waiting, waiting.value("SELECT subscription_id FROM hotspot.sms_outbox"))
    assert kinds(send(waiting)) == ["done"]
    assert gateway.requests == 2


def test_a_delivery_report_settles_an_unknown_outcome(
    waiting: Hotspot, gateway: SmsGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang(monkeypatch, gateway, HANG)
    send(waiting)
    report = {"id": "ATXid_9", "status": "Success", "phoneNumber": f"+{PHONE}"}
    assert intake.receive_delivery_report(waiting.db, report)
    assert outbox(waiting)[:2] == ("delivered", "ATXid_9")
    assert not intake.receive_delivery_report(waiting.db, report | {"id": "ATXid_other"})
    assert not intake.receive_delivery_report(waiting.db, report | {"status": "?"})


def test_a_worker_that_was_killed_while_sending_leaves_unknown(waiting: Hotspot, gateway: SmsGateway) -> None:
    job = waiting.value("SELECT id FROM qsup.jobs")
    waiting.db.execute("UPDATE hotspot.sms_outbox SET state = 'sending', body = 'x', claimed_by = %s", [str(job)])
    assert kinds(send(waiting)) == ["retry"] * 3
    assert outbox(waiting)[0] == "unknown"
    assert gateway.requests == 0


def test_a_message_that_another_job_is_sending_is_left_alone(waiting: Hotspot, gateway: SmsGateway) -> None:
    waiting.db.execute("UPDATE hotspot.sms_outbox SET state = 'sending', body = 'x', claimed_by = 'another'")
    assert kinds(send(waiting)) == ["retry"] * 3
    assert outbox(waiting)[0] == "sending"
    assert gateway.requests == 0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"SMSMessageData": 1}', '{"SMSMessageData": {"Recipients": [1]}}'])
def test_an_answer_that_cannot_be_read_is_unknown(text: str) -> None:
    assert read_answer(201, {}, text).meaning == "unknown"


def test_accepted_without_a_message_id_is_unknown() -> None:
    text = '{"SMSMessageData": {"Recipients": [{"statusCode": 101, "status": "Success", "messageId": "None"}]}}'
    assert read_answer(201, {}, text).meaning == "unknown"
