"""The job classes of the payment flow: what travels from one queue to the next is an id, never a secret."""

from __future__ import annotations

import qsup


class ProcessPaymentJob(qsup.Job):
    """One stored M-Pesa callback is to be understood and, if it is money, applied."""

    callback_id: int


class ProvisionUserInMikroTikJob(qsup.Job):
    """The customer of a subscription is to exist on the hotspot router."""

    subscription_id: int


class SendCredentialsSMSJob(qsup.Job):
    """The customer of a subscription is to be sent user name and password."""

    subscription_id: int
