"""CheckRoutersJob: every router is asked, all at the same time, each within its own short limit.

It never fails because a router is down. What it saw of each is written as it comes, so that a kill in the middle costs
only what was not seen yet.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg

import qsup
from handlers import reach
from handlers.asking import ask_all, pace
from handlers.jobs import CheckRoutersJob
from handlers.operator_settings import CheckSettings, check_settings
from handlers.reach import Answer, Asked, Look
from handlers.router_errors import FLAGGED, ROUTER_ERRORS, class_of, text_of
from handlers.router_reading import RouterReader
from handlers.settings import RouterSettings, SettingMissing, settings_of

log = logging.getLogger(__name__)

SECONDS_TO_RECORD = 10.0
"""Kept back from the job's time limit: who is asked last has his whole limit, and is written down."""
SILENT = {"network", "protocol"}
"""Classes of errors in which no router has spoken."""

Question = tuple[Asked, RouterSettings]


def check_routers(job: CheckRoutersJob, ctx: qsup.Context) -> None:  # noqa: ARG001  every handler has both
    """Ask every router in service and write down whether it answers. Only settings of its own can make it fail."""
    try:
        settings = check_settings()
    except SettingMissing as error:
        raise qsup.Discard(str(error)) from None
    with ctx.connect() as conn:
        routers, now = reach.load(conn)
        began = time.monotonic()
        seen = 0
        for router, answer, asked in _answers(conn, routers, settings, max(1.0, ctx.timeout - SECONDS_TO_RECORD)):
            reach.record(conn, router.id, Look(answer=answer, at=now + timedelta(seconds=asked - began)), settings)
            seen += 1
    if seen < len(routers):
        log.warning("%d of %d routers were not asked: flagged, or no time was left", len(routers) - seen, len(routers))


def greet(settings: RouterSettings, *, seconds: float) -> Answer:
    """Log in and read the name, within `seconds` all together. What a router or the network does is an answer."""
    brief = replace(settings, timeout=min(settings.timeout, seconds))
    try:
        with RouterReader(brief, seconds=seconds) as router:
            router.first("/system/identity", "name")
    except UnicodeError:
        # Nothing was sent, and the error's own text quotes what could not be: perhaps the password.
        return Answer(answered=False, detail="settings: user or password cannot be written in the login's encoding")
    except ROUTER_ERRORS as error:
        kind = class_of(error)
        problem = "tls" if kind == "tls" else FLAGGED.get(kind)
        return Answer(answered=kind not in SILENT, problem=problem, detail=f"{kind}: {text_of(error)}")
    return Answer(answered=True)


def _answers(
    conn: psycopg.Connection[Any], routers: list[Asked], settings: CheckSettings, seconds: float
) -> Iterator[tuple[Asked, Answer, float]]:
    questions = list(_questions(conn, routers))
    chosen = pace(len(questions), threads=settings.threads, limit=settings.limit, seconds=seconds)

    def ask(question: Question) -> Answer:
        return greet(question[1], seconds=chosen.limit)

    for reply in ask_all(questions, ask, threads=chosen.threads, limit=chosen.limit, seconds=seconds):
        if reply.error:
            # Our own trouble (no more threads, no descriptors) says nothing about the router.
            log.warning("router %s could not be asked: %s", reply.question[0].address, reply.error)
        else:
            late = Answer(answered=False, detail=f"network: no answer within {chosen.limit:g} s")
            yield reply.question[0], reply.answer or late, reply.asked


def _questions(conn: psycopg.Connection[Any], routers: list[Asked]) -> Iterator[Question]:
    """The routers with their settings; one whose settings are missing is flagged, its reach stays as it is."""
    for router in routers:
        try:
            yield router, settings_of(router.name, router.address)
        except SettingMissing as error:
            reach.flag(conn, router.id, "settings", str(error))
