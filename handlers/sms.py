"""SendCredentialsSMSJob: user name and password to the customer, through the outbox and Africa's Talking.

The gateway has no idempotency key. So the outbox says `sending` (committed) before the message goes out, and an answer
that never came leaves it `unknown`: then a delivery report is waited for, and at most one more is sent, with the same
text. The text is never logged.
"""

from __future__ import annotations

import logging
from typing import Any

import httpx
import psycopg

import qsup
from handlers import outbox
from handlers.database import beside
from handlers.jobs import SendCredentialsSMSJob
from handlers.outbox import Message
from handlers.phones import international, masked
from handlers.settings import SettingMissing, SmsSettings, sms_settings
from handlers.sms_answers import Answer, read_answer

log = logging.getLogger(__name__)

NOTHING_TO_DO = frozenset({"sent", "delivered", "failed"})
STATES = {"accepted": "sent", "permanent": "failed", "config": "parked", "account": "parked", "transient": "pending"}
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def send_credentials(job: SendCredentialsSMSJob, ctx: qsup.Context) -> None:
    """Send the message of a subscription, once. Retries only what was certainly not sent."""
    try:
        settings = sms_settings()
    except SettingMissing as error:
        raise qsup.Discard(str(error)) from None
    with ctx.transaction() as conn, beside(conn) as own:
        message = _claim(own, job.subscription_id, settings, ctx)
        if message is None:
            return
        answer = _send(settings, message.phone, message.body or "", timeout=min(settings.timeout, ctx.timeout / 2))
        _settle(own, message, answer, settings, ctx)


def render(username: str, password: str) -> str:
    """The text: ASCII, so that 160 characters are one message."""
    return f"Your WiFi: user {username} password {password}"


def _claim(
    own: psycopg.Connection[Any], subscription_id: int, settings: SmsSettings, ctx: qsup.Context
) -> Message | None:
    """The message, committed as `sending` by this job; None when there is nothing left to send."""
    with own.transaction():
        message = outbox.lock(own, subscription_id)
        if message is None:
            raise qsup.Discard(f"there is no SMS for subscription {subscription_id} in the outbox")
        if message.state in NOTHING_TO_DO:
            return None
        if message.state == "sending":
            wait: float | None = _left_behind(own, message, settings, ctx)
        else:
            wait = _wait_for_report(message, settings)
        if wait == 0.0:
            outbox.start_sending(own, message, _text(own, subscription_id), ctx.idempotency_key)
            return outbox.lock(own, subscription_id)
    if wait is None:
        return None
    raise qsup.Retry("waiting for a delivery report", after=wait)


def _left_behind(own: psycopg.Connection[Any], message: Message, settings: SmsSettings, ctx: qsup.Context) -> float:
    """`sending` at the start of a job: an earlier run of it was killed, or another job is at it right now."""
    if message.claimed_by != ctx.idempotency_key and message.waited < 2 * ctx.timeout:
        return ctx.timeout
    outbox.settle(own, message, "unknown", detail="the worker ended while the message was going out")
    return settings.report_wait


def _wait_for_report(message: Message, settings: SmsSettings) -> float | None:
    """Seconds until the message may go out: 0 = now, None = never again."""
    if message.state != "unknown":
        return 0.0
    if message.resends:
        log.warning("SMS %d to %s: outcome unknown twice, for a person", message.id, masked(message.phone))
        return None
    return max(0.0, settings.report_wait - message.waited)


def _text(own: psycopg.Connection[Any], subscription_id: int) -> str:
    row = own.execute(
        "SELECT u.username, u.password FROM hotspot.subscriptions s JOIN hotspot.users u ON u.id = s.user_id"
        " WHERE s.id = %s",
        [subscription_id],
    ).fetchone()
    if row is None:
        raise LookupError(f"subscription {subscription_id} is gone")
    return render(row[0], row[1])


def _send(settings: SmsSettings, phone: str, body: str, *, timeout: float) -> Answer:
    form = {
        "username": settings.username,
        "to": international(phone),
        "message": body,
        "bulkSMSMode": "1",
        "enqueue": "1",
        **({"from": settings.sender} if settings.sender else {}),
    }
    headers = {"apiKey": settings.api_key, "Accept": "application/json"}
    try:
        response = httpx.post(settings.url, data=form, headers=headers, timeout=timeout)
    except NEVER_SENT as error:
        return Answer(meaning="transient", detail=f"the gateway cannot be reached ({type(error).__name__})")
    except (httpx.InvalidURL, UnicodeError) as error:
        return Answer(meaning="config", detail=f"SMS_URL or SMS_API_KEY cannot be used ({type(error).__name__})")
    except httpx.HTTPError as error:
        return Answer(meaning="unknown", detail=f"no answer ({type(error).__name__})")
    return read_answer(response.status_code, response.headers, response.text)


def _settle(
    own: psycopg.Connection[Any], message: Message, answer: Answer, settings: SmsSettings, ctx: qsup.Context
) -> None:
    """Write the answer down (committed, whatever becomes of the job), then end, retry or fail the job."""
    state = STATES.get(answer.meaning, "unknown")
    outbox.settle(own, message, state, detail=answer.detail, message_id=answer.message_id)
    log.info("SMS %d to %s: %s (%s)", message.id, masked(message.phone), state, answer.detail)
    if answer.meaning == "accepted":
        return
    if answer.meaning == "transient":
        raise qsup.Retry(f"SMS gateway: {answer.detail}", after=answer.after or min(60.0, 5.0 * 2**ctx.attempt))
    if answer.meaning == "unknown":
        if message.resends:
            log.warning("SMS %d to %s: outcome unknown twice, for a person", message.id, masked(message.phone))
            return
        raise qsup.Retry(f"SMS outcome unknown: {answer.detail}", after=settings.report_wait)
    raise qsup.Discard(f"SMS not sent ({answer.meaning}): {answer.detail}")
