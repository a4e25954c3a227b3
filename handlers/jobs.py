"""The job classes of the hotspot: what travels from one queue to the next is an id, never a secret."""

from __future__ import annotations

import qsup


class ProcessPaymentJob(qsup.Job):
    """One stored M-Pesa callback is to be understood and, if it is money, applied."""

    callback_id: int


class ReconcilePaymentsJob(qsup.Job):
    """Requests that have had no answer for long enough are to be asked for at Daraja."""


class ProvisionUserInMikroTikJob(qsup.Job):
    """The customer of a subscription is to exist on the hotspot router."""

    subscription_id: int


class SendCredentialsSMSJob(qsup.Job):
    """The customer of a subscription is to be sent user name and password."""

    subscription_id: int


class RouterProvisioningJob(qsup.Job):
    """A router is to get the whole hotspot configuration."""

    router_id: int


class CheckRoutersJob(qsup.Job):
    """Every router is to be asked whether it answers."""


class SyncRouterDataJob(qsup.Job):
    """What a router reports of itself is to be stored; without an id, of every router."""

    router_id: int | None = None


class DisconnectHotspotUserJob(qsup.Job):
    """The sessions that a row of hotspot.disconnects names are to end."""

    disconnect_id: int


class CheckExpiredSessionsJob(qsup.Job):
    """Subscriptions whose time is over are to be ended, and their customers disconnected."""


class SyncRadiusAccountingJob(qsup.Job):
    """RADIUS's accounting is to become the customers' sessions and usage."""


class UpdateDashboardStatsJob(qsup.Job):
    """The numbers of the dashboard are to be counted anew."""


class RotateLogs(qsup.Job):
    """Log files that have grown are to be rotated."""


class QueueReportJob(qsup.Job):
    """The report on all queues is to be written."""
