"""MPESA_CONFIRM: Daraja is asked before a success that an unsigned callback claims is applied.

No transaction is open meanwhile. Without the setting nothing is asked: an unguessable path and Safaricom's addresses at
the web server are then what keeps forged callbacks out.
"""

from __future__ import annotations

import qsup
from handlers import inbox, ledger
from handlers.daraja import Daraja
from handlers.jobs import ProcessPaymentJob
from handlers.mpesa import Malformed, Paid, read_callback
from handlers.settings import SettingMissing, confirms, daraja_settings


def doubt(job: ProcessPaymentJob, ctx: qsup.Context) -> str | None:
    """Why the success that a callback claims is not to be applied; None: apply it, or there is nothing to ask.

    Raises qsup.Retry while Daraja has no answer: what is not confirmed waits, and is never dropped.
    """
    if not confirms():
        return None
    checkout = _claimed(job, ctx)
    if checkout is None:
        return None
    try:
        settings = daraja_settings()
    except SettingMissing as error:
        raise qsup.Discard(str(error)) from None
    with Daraja(settings) as daraja:
        answer = daraja.query(checkout)
    if answer.meaning == "paid":
        return None
    if answer.meaning == "failed":
        return f"Daraja says {answer.detail} of request {checkout}: not applied"
    if answer.meaning == "refused":
        raise qsup.Discard(f"Daraja refuses our account ({answer.detail}): MPESA_CONSUMER_KEY, _SECRET, MPESA_PASSKEY")
    raise qsup.Retry(f"Daraja does not confirm request {checkout} yet ({answer.detail})", after=20.0)


def _claimed(job: ProcessPaymentJob, ctx: qsup.Context) -> str | None:
    """The request that the callback claims was paid, if it is ours and open."""
    with ctx.connect() as own, own.transaction():
        delivery = inbox.lock(own, job.callback_id)
        if delivery is None or delivery.kind != "stk" or delivery.outcome in inbox.FINAL:
            return None
        try:
            callback = read_callback(delivery.kind, delivery.body)
        except Malformed:
            return None
        if not isinstance(callback, Paid) or callback.checkout is None:
            return None
        request = ledger.lock_request(own, callback.checkout)
        return callback.checkout if request is not None and request.is_open else None
