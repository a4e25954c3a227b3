"""What is wrong, and why as far as the facts tell. Pure: facts in, issues out, the worst first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from handlers.report_facts import Facts, Row

SEVERITIES = ("HIGH", "MEDIUM", "LOW")
CRITICAL = frozenset({"payments", "provisioning", "hotspot-sms"})
"""Queues whose failed jobs are customers who have paid: evidence, never to be thrown away with the rest."""
BACKLOG = 60.0
"""Seconds that a ready job may wait before it is a finding, or the time limit of a job, if that is longer."""
STALE = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One finding. `why` says what is not known, where that is so."""

    severity: str
    title: str
    what: str
    why: str
    todo: str


def find_issues(facts: Facts) -> list[Issue]:
    """All issues, by severity, then by title."""
    found = [*_queues(facts), *_processes(facts), *_failures(facts), *_routers(facts), *_money(facts)]
    found += [*_messages(facts), *_logs(facts), *_database(facts)]
    return sorted(found, key=lambda issue: (SEVERITIES.index(issue.severity), issue.title))


def status(issues: list[Issue]) -> str:
    """One word for everything."""
    worst = {issue.severity for issue in issues}
    return "IMPAIRED" if "HIGH" in worst else "DEGRADED" if "MEDIUM" in worst else "OPERATIONAL"


def _queues(facts: Facts) -> Iterator[Issue]:
    for row in facts.queues:
        name = row["queue"]
        waiting = row["ready"] + row["scheduled"]
        if not row["declared"] and waiting + row["running"]:
            yield Issue(
                severity="HIGH", title=f"Jobs in the undeclared queue {name}",
                what=f"{waiting} jobs wait in {name}, which no applied queues.yaml declares.",
                why="The queue was taken out of the file while jobs were in it.",
                todo=f"Declare {name} with workers again, or look at its jobs one by one.",
            )  # fmt: skip
        elif row["declared"] and not row["slots"] and row["workers"]:
            yield Issue(
                severity="HIGH" if row["ready"] else "MEDIUM", title=f"Nobody works on {name}",
                what=f"{row['ready']} jobs are ready in {name}; the file gives it {row['workers']} workers.",
                why="No process that listens to it has given a sign of life for 30 s; why, the database cannot tell.",
                todo="Start `qsup run` (or its workers); its output says why it ended.",
            )  # fmt: skip
        elif row["waits_s"] is not None and row["waits_s"] > max(BACKLOG, row["timeout_s"] or 0.0):
            yield _backlog(row)
        if row["paused_at"] is not None:
            yield Issue(
                severity="MEDIUM" if row["ready"] else "LOW", title=f"{name} is paused",
                what=f"By {row['paused_by']} since {row['paused_at']:%Y-%m-%d %H:%M} UTC; {row['ready']} jobs wait.",
                why="An operator paused it.", todo=f"`qsup resume {name}` when the reason is gone.",
            )  # fmt: skip
        if row["overdue"]:
            yield Issue(
                severity="MEDIUM", title=f"Leases are over in {name}",
                what=f"{row['overdue']} running jobs of {name} have outlived their lease.",
                why="Their worker and its supervisor are dead, or nobody keeps house at the moment.",
                todo="A living `qsup run` rescues them within a minute; `qsup release ID` does it by hand.",
            )  # fmt: skip


def _backlog(row: Row) -> Issue:
    busy = row["running"] >= row["slots"]
    return Issue(
        severity="HIGH" if row["queue"] in CRITICAL else "MEDIUM", title=f"Backlog in {row['queue']}",
        what=f"{row['ready']} jobs are ready; the oldest has waited {row['waits_s']:.0f} s.",
        why=f"All {row['slots']} slots are at work." if busy
        else f"{row['running']} of {row['slots']} slots are at work: the facts do not tell why the others take none.",
        todo=f"`qsup scale {row['queue']} N` for the hour, or more workers in queues.yaml." if busy
        else "`qsup status` on the host shows what its workers do.",
    )  # fmt: skip


def _processes(facts: Facts) -> Iterator[Issue]:
    for row in facts.processes:
        if not row["alive"]:
            yield Issue(
                severity="LOW", title=f"A process is silent: {row['id']}",
                what=f"pid {row['pid']} on {row['host']} was last heard of {row['silent_s']:.0f} s ago.",
                why="It did not sign off: it was killed, its host is gone, or it cannot reach the database.",
                todo="Nothing, if another has taken its place: its row goes by itself.",
            )  # fmt: skip


def _failures(facts: Facts) -> Iterator[Issue]:
    for row in facts.failures:
        critical = row["queue"] in CRITICAL
        said = (row["message"] or "").strip().partition("\n")[0][:300]
        yield Issue(
            severity="HIGH" if critical and row["last_hour"] else "MEDIUM" if critical or row["last_hour"] else "LOW",
            title=f"{row['type']} failures in {row['queue']} ({row['fingerprint']})",
            what=f"{row['number']} failed jobs, {row['last_hour']} of them in the last hour; first"
            f" {row['first_at']:%Y-%m-%d %H:%M}, last {row['last_at']:%Y-%m-%d %H:%M} UTC.",
            why=f"{row['exception'] or row['cause']}{' in ' + row['frame'] if row['frame'] else ''}"
            f"{': ' + said if said else ''}. The first cause may lie elsewhere: the report knows the last error only.",
            todo=f"`qsup failed --fingerprint {row['fingerprint']}`, mend the cause, then `qsup retry`."
            + (" Do not flush them: they are customers who have paid." if critical else ""),
        )


def _routers(facts: Facts) -> Iterator[Issue]:
    for row in facts.troubled:
        if row["reach"] == "offline":
            yield Issue(
                severity="MEDIUM", title=f"Router {row['name']} is offline",
                what=f"{row['misses']} looks in a row found no answer.",
                why=f"The last one: {row['reach_detail'] or 'nothing is noted'}. Whether router, line or power is at"
                " fault cannot be told from here.",
                todo="Look at its power and line.",
            )  # fmt: skip
        if row["problem"] is not None:
            yield Issue(
                severity="MEDIUM", title=f"Router {row['name']} refuses us: {row['problem']}",
                what=f"Since {row['problem_at']:%Y-%m-%d %H:%M} UTC.", why=row["problem_detail"] or "It said no more.",
                todo="Mend its API user, its settings or its certificate; the next check clears what it can judge.",
            )  # fmt: skip


def _money(facts: Facts) -> Iterator[Issue]:
    for row in facts.payments:
        if row["state"] in {"unmatched", "underpaid"}:
            yield Issue(
                severity="MEDIUM", title=f"Payments that are {row['state']}",
                what=f"{row['number']} payments, KES {row['amount']:.2f} together, wait for a person.",
                why="No request or customer belongs to them." if row["state"] == "unmatched"
                else "Less was paid than was asked for.",
                todo=f"Look at hotspot.payments, state {row['state']}: receipt, amount, reason.",
            )  # fmt: skip


def _messages(facts: Facts) -> Iterator[Issue]:
    for row in facts.messages:
        if row["state"] in {"failed", "parked", "unknown"}:
            yield Issue(
                severity="LOW" if row["state"] == "unknown" else "MEDIUM", title=f"SMS that are {row['state']}",
                what=f"{row['number']} messages with credentials are {row['state']}.",
                why={"failed": "The gateway refuses these numbers for good.", "parked": "Sender id, key or credit.",
                     "unknown": "The gateway gave no answer; whether they arrived is not known."}[row["state"]],
                todo=f"Look at hotspot.sms_outbox, state {row['state']}: id, detail.",
            )  # fmt: skip


def _logs(facts: Facts) -> Iterator[Issue]:
    for log in facts.logs:
        if log.size > 1.5 * log.largest:
            yield Issue(
                severity="LOW", title=f"{log.path} grows and is not rotated",
                what=f"It has {log.size / 1e6:.1f} MB, {log.largest / 1e6:.1f} MB are wanted.",
                why=f"RotateLogs leaves it alone: {log.refusal}." if log.refusal
                else "RotateLogs may not be dispatched, or an old one that it would drop is still written to.",
                todo="Dispatch RotateLogs each minute, as the owner of the logs; its output says what it leaves alone.",
            )  # fmt: skip


def _database(facts: Facts) -> Iterator[Issue]:
    row = facts.database
    if row and row["connections"] > 0.8 * row["most"]:
        yield Issue(
            severity="MEDIUM", title="Few connections are left",
            what=f"{row['connections']} of {row['most']} are in use.", why="Who has them: pg_stat_activity.",
            todo="Find who keeps connections, or raise max_connections.",
        )  # fmt: skip
    for one in facts.dashboard:
        if one["age_s"] > STALE:
            yield Issue(
                severity="LOW", title="The dashboard is old", what=f"It was counted {one['age_s']:.0f} s ago.",
                why="UpdateDashboardStatsJob is not dispatched, waits, or fails.", todo="See its queue above.",
            )  # fmt: skip
