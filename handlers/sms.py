"""SendCredentialsSMSJob: user name and password to the customer, through the outbox and an SMS gateway.

The gateway has no idempotency key. So the outbox says `sending` (committed) before the message goes out, and an answer
that never came leaves it `unknown`: then a delivery report is waited for, and at most one more is sent, with the same
text. The text is never logged.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import psycopg

import qsup
from handlers import outbox, sms_account, sms_gateway
from handlers.jobs import SendCredentialsSMSJob
from handlers.outbox import Message
from handlers.phones import masked
from handlers.settings import SettingMissing, SmsSettings, sms_settings
from handlers.sms_answers import Answer

log = logging.getLogger(__name__)

NOTHING_TO_DO = frozenset({"sent", "delivered", "failed"})
STATES = {"accepted": "sent", "permanent": "failed", "config": "parked", "account": "parked", "transient": "pending"}


def send_credentials(job: SendCredentialsSMSJob, ctx: qsup.Context) -> None:
    """Send the message of a subscription, once. Retries only what was certainly not sent."""
    try:
        settings = sms_settings()
    except SettingMissing as error:
        raise qsup.Discard(str(error)) from None
    with ctx.connect() as own:
        if not _may_go(own, job.subscription_id, settings):
            return
        wait = sms_account.reserve(own, settings.rate, longest=ctx.timeout / 3)
        if wait is None:
            _postpone(own, job, ctx)
            return
        time.sleep(wait)
        message = _claim(own, job.subscription_id, settings, ctx)
        if message is None:
            return
        answer = sms_gateway.send(settings, message.phone, message.body or "", timeout=_timeout(settings, ctx))
        _settle(own, message, answer, settings, ctx)


def render(username: str, password: str) -> str:
    """The text: ASCII, so that 160 characters are one message."""
    return f"Your WiFi: user {username} password {password}"


def _timeout(settings: SmsSettings, ctx: qsup.Context) -> float:
    """A third for the bucket, a half for the gateway, the rest for writing down what it said."""
    return min(settings.timeout, ctx.timeout / 2)


def _may_go(own: psycopg.Connection[Any], subscription_id: int, settings: SmsSettings) -> bool:
    """Whether there is something to send and an account to send it with.

    A message that is parked itself goes out all the same: somebody asked for this very job, after mending the account.
    """
    with own.transaction():
        message = outbox.lock(own, subscription_id)
        if message is None:
            raise qsup.Discard(f"there is no SMS for subscription {subscription_id} in the outbox")
        if message.state in NOTHING_TO_DO:
            return False
        if message.state == "pending" and sms_account.is_parked(own):
            outbox.park(own, message, "the account was parked before")
            log.info("SMS %d to %s: parked with the account", message.id, masked(message.phone))
            return False
        wait = _wait_for_report(message, settings)
    if wait:
        raise qsup.Retry("waiting for a delivery report", after=wait)
    return wait is not None


def _postpone(own: psycopg.Connection[Any], job: SendCredentialsSMSJob, ctx: qsup.Context) -> None:
    """The bucket is empty for long: another job later, because waiting is no failed try."""
    wait = sms_account.seconds_to_wait(own)
    with ctx.transaction() as conn:
        SendCredentialsSMSJob(subscription_id=job.subscription_id).dispatch(conn, delay=wait)
    log.info("SMS of subscription %d: later, the gateway wants %.0f s of rest", job.subscription_id, wait)


def _claim(
    own: psycopg.Connection[Any], subscription_id: int, settings: SmsSettings, ctx: qsup.Context
) -> Message | None:
    """The message, committed as `sending` by this job; None when there is nothing left to send."""
    with own.transaction():
        message = outbox.lock(own, subscription_id)
        if message is None or message.state in NOTHING_TO_DO:
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


def _settle(
    own: psycopg.Connection[Any], message: Message, answer: Answer, settings: SmsSettings, ctx: qsup.Context
) -> None:
    """Write the answer down (committed, whatever becomes of the job), then end, retry or fail the job."""
    state = STATES.get(answer.meaning, "unknown")
    with own.transaction():
        outbox.settle(own, message, state, detail=answer.detail, message_id=answer.message_id)
        _note_account(own, answer)
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


def _note_account(own: psycopg.Connection[Any], answer: Answer) -> None:
    """What one answer means for all messages."""
    if answer.after is not None:
        sms_account.close_for(own, answer.after)
    if answer.everybody and sms_account.park(own, answer.detail):
        log.error("SMS account: %s. No message goes out until it is mended: SELECT hotspot.unpark_sms()", answer.detail)
    if answer.meaning == "accepted" and sms_account.is_parked(own):
        log.warning("SMS account works again: %d parked messages follow", sms_account.unpark(own))
