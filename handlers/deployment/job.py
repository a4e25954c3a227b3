"""RouterProvisioningJob: one router gets the whole hotspot, or stays as it was.

What must be there is compared with what is there; only the difference is written, each write with its journal first,
and `active` is said when everything has been read back. A run that dies is continued by the next one, which finds what
is done already. A refusal that will not go away takes back what the journal of all runs says; so does the failed hook,
for jobs whose last try was killed, late, or without a router that answers.
"""

from __future__ import annotations

import logging
from typing import Any

import psycopg

import qsup
from handlers.deployment import journal as journals
from handlers.deployment import state
from handlers.deployment.apply import Stale, apply, refuse_lock_out, remove_surplus
from handlers.deployment.blueprint import Command, Wanted, wanted
from handlers.deployment.journal import Journal
from handlers.deployment.link import Link, Refused, RouterAway, linked
from handlers.deployment.plan import Seen, plan
from handlers.deployment.questions import questions
from handlers.deployment.state import Target
from handlers.deployment.undo import undo
from handlers.deployment.variables import BadVariable
from handlers.deployment.verify import problems
from handlers.jobs import RouterProvisioningJob
from handlers.router_errors import FLAGGED
from handlers.settings import RouterSettings, SettingMissing, radius_secret_of, settings_of

log = logging.getLogger(__name__)

LOCK_SECONDS = 20.0
"""How long a second deployment of the same router waits for the first before it makes room on its slot."""
COME_BACK = 30.0
SECONDS_TO_RECORD = 10.0
"""Kept back from the job's time limit, for writing down how it ended."""
LOOKS = 3
"""How often a router may turn out to be other than it was a moment ago."""


def provision_router(job: RouterProvisioningJob, ctx: qsup.Context) -> None:
    """Deploy, verify, and only then call the router active. What it will always refuse is not retried."""
    with ctx.connect() as own:
        if not state.lock(own, job.router_id, min(LOCK_SECONDS, ctx.timeout / 4)):
            _come_back_later(job, ctx)
            return
        target = state.load(own, job.router_id)
        if target is None:
            raise qsup.Discard(f"there is no router {job.router_id} in use")
        state.take(own, target.id, ctx.job_id)
        try:
            fingerprint = _deploy(own, target, ctx)
        except Refused as refused:
            problem = FLAGGED.get(refused.kind, refused.kind)
            state.fail(own, target.id, problem, refused.text)
            raise qsup.Discard(f"router {target.called} is not deployed ({refused.kind}): {refused.text}") from None
        except RouterAway as away:
            state.explain(own, target.id, f"{away}; it is tried again")
            raise
        with ctx.transaction() as conn:
            journals.keep(conn, target.id)
            state.activate(conn, target.id, fingerprint)
    ctx.progress(100, "active")


def take_back(job: RouterProvisioningJob, ctx: qsup.Context) -> None:
    """The failed hook: leave the router as it was before, unless another deployment has begun since."""
    with ctx.connect() as own:
        if not state.lock(own, job.router_id, min(LOCK_SECONDS, ctx.timeout / 4)):
            return
        target = state.load(own, job.router_id)
        if target is None or target.deploy_job not in {None, ctx.job_id}:
            return
        journal = Journal(own, target.id, ctx.job_id)
        if not journal.open_entries():
            if target.deploy not in {"failed", "active"}:
                state.fail(own, target.id, "deployment", ctx.error)
            return
        text = f"{ctx.error}; not taken back yet, dispatch RouterProvisioningJob again or wait"
        state.fail(own, target.id, "deployment", text)
        try:
            settings = settings_of(target.name, target.address)
            with linked(settings, seconds=_seconds(ctx)) as link:
                detail = _taken_back(link, journal)
        except (SettingMissing, Refused) as error:
            state.fail(own, target.id, "deployment", f"{ctx.error}; not taken back: {error}")
            raise qsup.Discard(str(error)) from None
        state.fail(own, target.id, "deployment", f"{ctx.error}; {detail}")


def _come_back_later(job: RouterProvisioningJob, ctx: qsup.Context) -> None:
    """Another deployment is at this router. A later job takes this one's place, so that waiting costs no try."""
    with ctx.transaction() as conn:
        number = RouterProvisioningJob(router_id=job.router_id).dispatch(conn, delay=COME_BACK)
    ctx.progress(0, f"another deployment of this router is running; job {number} follows this one")


def _deploy(own: psycopg.Connection[Any], target: Target, ctx: qsup.Context) -> str:
    """Bring the router to what it must be; the fingerprint of that. Raises Refused or RouterAway."""
    try:
        settings = settings_of(target.name, target.address)
        named = {"identity": target.name} if target.name else {}
        goal = wanted({**named, **target.values}, radius_secret_of(target.name))
    except (SettingMissing, BadVariable) as error:
        raise Refused("settings", str(error)) from None
    state.want(own, target.id, goal.fingerprint)
    journal = Journal(own, target.id, ctx.job_id)
    with linked(settings, seconds=_seconds(ctx), secret=goal.secret) as link:
        try:
            _bring(link, journal, goal, _Teller(own, target.id, ctx), settings)
        except Refused as refused:
            raise Refused(refused.kind, f"{refused.text}; {_try_to_take_back(link, journal)}") from None
    return goal.fingerprint


class _Teller:
    """Says how far the deployment is: in the router's row and in the job's story."""

    def __init__(self, own: psycopg.Connection[Any], router_id: int, ctx: qsup.Context) -> None:
        self._own, self._router, self._ctx = own, router_id, ctx
        self._told = 40

    def step(self, percent: float, note: str) -> None:
        """One of the five steps."""
        self._ctx.progress(percent, note)

    def enter(self, deploy: str) -> None:
        """The router's row says what is being done."""
        state.enter(self._own, self._router, deploy)

    def command(self, command: Command, total: int) -> None:
        """A command is about to be written. One note per percent, up to 80: a run may tell 50 in a burst."""
        percent = 40 + 40 * command.n // total
        if percent > self._told:
            self._told = percent
            self._ctx.progress(percent, f"command {command.n} of {total}: {command.path}")


def _bring(link: Link, journal: Journal, goal: Wanted, teller: _Teller, settings: RouterSettings) -> None:
    teller.step(10, f"the router answers: {_version(link)}")
    refuse_lock_out(link, goal, settings.user)
    seen = _write(link, journal, goal, teller)
    left = plan(goal, seen)
    _expect(problems(goal, seen, left))
    if left.surplus:
        # The point of no return: what is verified is not taken back because an old row resists.
        journal.keep()
        remove_surplus(link, journal, left)
        seen = link.see(questions(goal))
        left = plan(goal, seen)
        _expect([*problems(goal, seen, left), *(f"still there: {surplus}" for surplus in left.surplus)])
    teller.step(90, _live(link))


def _write(link: Link, journal: Journal, goal: Wanted, teller: _Teller) -> Seen:
    """Compare and write until nothing differs; what is read back then. A refusal may mean that somebody else writes."""
    asked, total = questions(goal), len(goal.commands)
    seen = link.see(asked)
    steps = plan(goal, seen)
    teller.step(40, f"{len(steps.writes)} of {total} commands differ from what is there")
    last = ""
    for _ in range(LOOKS):
        if not steps.writes and not steps.refusals:
            teller.step(85, "verified: everything was there already" if not last else "verifying")
            return seen
        teller.enter("deploying")
        try:
            apply(link, journal, steps, lambda command: teller.command(command, total))
        except Stale as stale:
            last = str(stale)
            log.info("the router has changed meanwhile: %s", last)
            seen = link.see(asked)
            steps = plan(goal, seen)
        else:
            teller.step(85, "verifying: everything is read back")
            teller.enter("verifying")
            return link.see(asked)
    raise Refused("conflict", f"{last}; looked {LOOKS} times, and what is in the way is not to be seen")


def _expect(found: list[str]) -> None:
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise Refused("verification", f"read back: {found[0]}{more}")


def _try_to_take_back(link: Link, journal: Journal) -> str:
    try:
        return _taken_back(link, journal)
    except RouterAway as away:
        return f"not taken back yet: {away}"


def _taken_back(link: Link, journal: Journal) -> str:
    if journal.is_kept:
        return "the new configuration stays, it was verified before"
    refusals = undo(link, journal)
    if refusals:
        return f"not all of it could be taken back: {refusals[0]}"
    return "the router is as it was before"


def _version(link: Link) -> str:
    rows = link.rows("/system/resource")
    return f"RouterOS {rows[0].get('version', 'of unknown version')}" if rows else "without its version"


def _live(link: Link) -> str:
    """What the hotspot is doing, for the job's story; SyncRouterDataJob stores such facts."""
    try:
        guests = len(link.rows("/ip/hotspot/active"))
        resource = link.rows("/system/resource")
    except Refused as refused:
        return f"live data was refused: {refused.text}"
    uptime = resource[0].get("uptime", "?") if resource else "?"
    return f"live: {guests} guests, up {uptime}"


def _seconds(ctx: qsup.Context) -> float:
    return max(1.0, ctx.timeout - SECONDS_TO_RECORD)
