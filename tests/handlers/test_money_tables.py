"""What the tables themselves refuse, and the answer to Safaricom's question before a payment by hand."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import dict_row

from handlers.validation import ACCEPTED, answer_validation
from tests.handlers.hotspot import CALLBACKS, Hotspot
from tests.handlers.test_two_reports import CHECKOUT, PHONE, REFERENCE, c2b, with_reference

REFUSED = [
    "UPDATE hotspot.users SET username = '+' || username",
    "UPDATE hotspot.users SET phone = '0712345678'",
    "UPDATE hotspot.users SET password = '12345678'",
    "INSERT INTO hotspot.users (phone, username, password) SELECT phone, 'another', password FROM hotspot.users",
    "INSERT INTO hotspot.payments (receipt, state, amount, paid_at) SELECT receipt, 'unmatched', 1, now()"
    " FROM hotspot.payments",
    "INSERT INTO hotspot.payments (receipt, checkout_request_id, state, amount, paid_at)"
    " SELECT 'ANOTHER001', checkout_request_id, 'underpaid', 1, now() FROM hotspot.payments",
    "UPDATE hotspot.payments SET receipt = NULL, checkout_request_id = NULL",
    "UPDATE hotspot.payments SET user_id = NULL",
    "INSERT INTO hotspot.subscriptions (user_id, package_id, payment_id, starts_at, ends_at)"
    " SELECT user_id, package_id, payment_id, ends_at, ends_at + interval '1 hour' FROM hotspot.subscriptions",
    "INSERT INTO hotspot.sms_outbox (dedupe_key, subscription_id, phone) SELECT dedupe_key, subscription_id, phone"
    " FROM hotspot.sms_outbox",
    "UPDATE hotspot.sms_outbox SET state = 'sent'",
    "UPDATE hotspot.sms_outbox SET resends = 2",
    "INSERT INTO hotspot.routers (address, deploy) VALUES ('r', 'active')",
    "UPDATE hotspot.packages SET data_limit = 0",
    "UPDATE hotspot.packages SET authority = 'nobody'",
    "INSERT INTO hotspot.sms_account (only_one) VALUES (false)",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_what_must_not_be_cannot_be_written(hotspot: Hotspot, statement: str) -> None:
    hotspot.play("stk_success")
    with pytest.raises(psycopg.IntegrityError):
        hotspot.db.execute(statement.encode())


QUESTIONS = [
    ({"BillRefNumber": REFERENCE, "TransAmount": "50.00"}, "0"),
    # Enough for the smaller package, and not for the one that was asked for.
    ({"BillRefNumber": REFERENCE, "TransAmount": "20.00"}, "C2B00013"),
    ({"BillRefNumber": "0712 345 678"}, "0"),
    ({"BillRefNumber": PHONE, "TransAmount": "5.00"}, "C2B00013"),
    ({"BillRefNumber": "0799999999"}, "C2B00012"),
    ({"BillRefNumber": "jane wifi"}, "C2B00012"),
    ({"BillRefNumber": ""}, "C2B00012"),
    ({"TransAmount": "lots"}, "C2B00016"),
]


@pytest.mark.parametrize(("changes", "code"), QUESTIONS)
def test_a_payment_by_hand_that_could_not_be_matched_is_refused_before_it_is_made(
    hotspot: Hotspot, changes: dict[str, str], code: str
) -> None:
    with_reference(hotspot)
    hotspot.db.execute("UPDATE hotspot.stk_requests SET amount = 50 WHERE reference = %s", [REFERENCE])
    answer = answer_validation(hotspot.db, c2b(**changes))
    assert answer["ResultCode"] == code
    if code != "0":
        assert code in CALLBACKS["c2b_reject_codes"]
    number = hotspot.receive("c2b", c2b(**changes))
    hotspot.run("payments")
    assert (hotspot.delivery(number)["outcome"] == "paid") == (code == "0"), "validation and payment do not agree"


def test_validation_asks_on_any_connection_and_refuses_what_it_cannot_read(hotspot: Hotspot) -> None:
    with_reference(hotspot)
    with psycopg.connect(hotspot.dsn, row_factory=dict_row) as conn:
        assert answer_validation(conn, c2b(BillRefNumber=REFERENCE)) == ACCEPTED
        assert answer_validation(conn, b"\xff")["ResultCode"] == "C2B00016"
    assert hotspot.value("SELECT state FROM hotspot.stk_requests WHERE checkout_request_id = %s", CHECKOUT) == "pending"
