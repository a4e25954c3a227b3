"""QueueReportJob."""

from __future__ import annotations

import qsup
from handlers.jobs import QueueReportJob


def write_report(job: QueueReportJob, ctx: qsup.Context) -> None:
    """Write it."""
