"""The report as Markdown. Pure: the same facts make the same text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, timedelta, timezone

from handlers.report_facts import Facts, Row
from handlers.report_issues import Issue, find_issues, status

EAST_AFRICA = timezone(timedelta(hours=3), "EAT")
UNKNOWN = """- How many jobs succeeded: a clean success leaves no row, unless its queue has `keep`.
- Which worker processes idle, and their pids: the database knows the processes that listen, and what runs.
  `qsup status` on each host shows the rest.
- Load, disks and containers of the hosts, and whether a web server answers: nothing here has asked them.
- Who is to blame for a silent router: itself, its line or its power.
- What the log files say: their contents are not read, because they may quote anything."""


def render(facts: Facts) -> str:
    """The whole report, ending with a line break."""
    issues = find_issues(facts)
    sections = [
        _head(facts, issues), _summary(facts, issues), _configuration(facts), _state(facts), _issues(issues),
        _flow(facts), _database(facts), _logs(facts), _recommendations(issues),
        f"## What This Report Cannot Know\n\n{UNKNOWN}", _jobs(facts),
    ]  # fmt: skip
    return "\n\n".join(sections) + "\n"


def cell(value: object) -> str:
    """A value as it may stand in a table: one line, no bars, no markup of its own."""
    if value is None:
        return "not known"
    return " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|").replace("`", "'").replace("<", "&lt;")


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; a line that says so when there is no row."""
    lines = ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    if not lines:
        return "None."
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *lines])


def span(seconds: float | None) -> str:
    """Seconds for people."""
    if seconds is None:
        return "not known"
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def size(count: float) -> str:
    """Bytes for people."""
    return f"{count / 1e6:.2f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _head(facts: Facts, issues: list[Issue]) -> str:
    local = facts.as_of.astimezone(EAST_AFRICA)
    return (
        "# Queue System Diagnostics Report\n\n"
        f"**As of:** {local:%Y-%m-%d %H:%M:%S} EAT ({facts.as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)\n"
        "**System:** WiFi hotspot\n"
        "**Queue driver:** qsup on PostgreSQL\n"
        f"**Status:** {status(issues)}"
    )


def _summary(facts: Facts, issues: list[Issue]) -> str:
    declared = [row for row in facts.queues if row["declared"]]
    wanted, slots = sum(row["workers"] for row in declared), sum(row["slots"] for row in facts.queues)
    alive = sum(row["alive"] for row in facts.processes)
    failed = sum(row["failed"] for row in facts.queues)
    counts = ", ".join(
        f"{sum(issue.severity == name for issue in issues)} {name.lower()}" for name in ("HIGH", "MEDIUM", "LOW")
    )
    lines = [
        f"**{slots} of {wanted} declared workers** belong to living processes ({alive}).",
        f"**{len(declared)} queues** are declared; {_jobs_in(facts, 'ready')} jobs are ready,"
        f" {_jobs_in(facts, 'running')} running, {_jobs_in(facts, 'scheduled')} scheduled.",
        f"**{failed} failed jobs** are kept, {sum(row['failed_last_hour'] for row in facts.queues)} of them from the"
        " last hour.",
        f"**Findings:** {counts}.",
        *(f"{issue.severity}: {cell(issue.title)}." for issue in issues if issue.severity != "LOW"),
    ]
    return "## Executive Summary\n\n" + "\n".join(f"- {line}" for line in lines)


def _jobs_in(facts: Facts, state: str) -> int:
    return sum(int(row[state]) for row in facts.queues)


def _configuration(facts: Facts) -> str:
    heads = ("Queue", "Workers", "Priority", "Sleep", "Tries", "Timeout", "Purpose")
    declared = [row for row in facts.queues if row["declared"]]
    rows = [
        (row["queue"], _workers(row), row["priority"], span(row["sleep_s"]), row["tries"], span(row["timeout_s"]),
         row["purpose"])
        for row in declared
    ]  # fmt: skip
    total = sum(row["workers"] for row in declared)
    return f"## Queue Configuration\n\n{table(heads, rows)}\n\n**Total workers:** {total}"


def _workers(row: Row) -> str:
    return f"{row['workers']} (scaled to {row['scale']})" if row["scale"] else str(row["workers"])


def _state(facts: Facts) -> str:
    processes = [
        (row["id"], row["host"], row["pid"], "alive" if row["alive"] else "silent", span(row["silent_s"]), row["slots"],
         ", ".join(sorted(row["listens"])))
        for row in facts.processes
    ]  # fmt: skip
    heads = ("Process", "Host", "Pid", "State", "Last heard", "Slots", "Listens to")
    workers = [(row["queue"], row["workers"], row["slots"], row["running"], row["processes"]) for row in facts.queues]
    sizes = [
        (row["queue"], row["ready"], row["running"], row["scheduled"], row["overdue"],
         span(row["waits_s"]) if row["ready"] else "", "paused" if row["paused_at"] else "")
        for row in facts.queues
    ]  # fmt: skip
    failed = [
        (row["queue"], row["failed"], row["failed_last_hour"], f"{row['last_failed_at']:%Y-%m-%d %H:%M} UTC")
        for row in facts.queues
        if row["failed"]
    ]
    parts = [
        "## Current System State",
        f"### Processes\n\n{table(heads, processes)}",
        f"### Workers\n\n{table(('Queue', 'Declared', 'Slots of living processes', 'At work', 'Processes'), workers)}",
        "### Queue Sizes\n\n"
        + table(("Queue", "Ready", "Running", "Scheduled", "Lease over", "Oldest waits", ""), sizes),
        f"### Failed Jobs Summary\n\n{table(('Queue', 'Failed', 'In the last hour', 'Last'), failed)}",
    ]
    return "\n\n".join(parts)


def _issues(issues: list[Issue]) -> str:
    if not issues:
        return "## Issue Analysis\n\nNone of the rules of this report found anything."
    parts = [
        f"### Issue #{number}: {cell(issue.title)}\n\n**Severity:** {issue.severity}\n\n{cell(issue.what)}\n\n"
        f"**Why:** {cell(issue.why)}\n\n**Recommendation:** {_code(issue.todo)}"
        for number, issue in enumerate(issues, 1)
    ]
    return "\n\n".join(["## Issue Analysis", *parts])


def _code(text: str) -> str:
    """Our own sentences: their backticks stay."""
    return " ".join(text.split())


def _flow(facts: Facts) -> str:
    deliveries = [
        (row["outcome"], row["number"], row["last_hour"], span(row["mean_s"]), span(row["longest_s"]))
        for row in facts.deliveries
    ]
    payments = [(row["state"], row["number"], f"KES {row['amount']:.2f}") for row in facts.payments]
    messages = [(row["state"], row["number"]) for row in facts.messages]
    routers = [(row["reach"], row["deploy"], row["number"]) for row in facts.routers]
    running, waiting = facts.provisioning.get("running", 0), facts.provisioning.get("waiting", 0)
    return (
        "## Job Processing Flow\n\n"
        "callback → ProcessPaymentJob → ProvisionUserInMikroTikJob → SendCredentialsSMSJob\n\n"
        "### Callbacks of the last 24 hours\n\n"
        f"{table(('Outcome', 'Number', 'In the last hour', 'Mean time to it', 'Longest'), deliveries)}\n\n"
        f"### Payments\n\n{table(('State', 'Number', 'Amount'), payments)}\n\n"
        f"### Provisioning\n\n{running} subscriptions run or are to come; {waiting} of them are on no router yet.\n\n"
        f"### SMS\n\n{table(('State', 'Number'), messages)}\n\n"
        f"### Routers\n\n{table(('Reach', 'Deployment', 'Number'), routers)}"
    )


def _database(facts: Facts) -> str:
    row = facts.database
    hits = row["blks_hit"] + row["blks_read"]
    lines = [
        f"PostgreSQL {row['version']}, up for {span(row['up_s'])}; it answered the queries of this report.",
        f"Connections: {row['connections']} of {row['most']} ({row['connections'] / row['most']:.1%}).",
        f"Database {row['name']}: {size(row['bytes'])}.",
        f"Transactions: {row['commits']} committed, {row['rollbacks']} rolled back, {row['deadlocks']} deadlocks"
        " (since the statistics were reset).",
        f"Blocks from memory: {row['blks_hit'] / hits:.1%}." if hits else "Blocks from memory: not known.",
        f"Oldest open transaction of others: {span(row['oldest_transaction_s'])}."
        if row["oldest_transaction_s"] is not None
        else "No other transaction is open.",
    ]
    tables = [
        (one["name"], size(one["bytes"]), one["live"], one["dead"],
         f"{one['vacuumed']:%Y-%m-%d %H:%M} UTC" if one["vacuumed"] else "never, as far as is known")
        for one in facts.tables
    ]  # fmt: skip
    return (
        "## Database Health\n\n"
        + "\n".join(f"- {line}" for line in lines)
        + "\n\n### Largest tables\n\nRows are PostgreSQL's estimates.\n\n"
        + table(("Table", "Size", "Rows", "Dead rows", "Vacuumed"), tables)
    )


def _logs(facts: Facts) -> str:
    rows = [
        (log.path, size(log.size), log.old, log.compressed, size(log.old_size), log.refusal or "rotated by RotateLogs")
        for log in facts.logs
    ]
    heads = ("Log file", "Size", "Old ones", "Compressed", "Size of old ones", "Note")
    return "\n\n".join(["## Log Files", *facts.log_notes, table(heads, rows)])


def _recommendations(issues: list[Issue]) -> str:
    lines = [f"{number}. {issue.severity}: {_code(issue.todo)}" for number, issue in enumerate(issues, 1)]
    return "## Recommendations\n\n" + ("\n".join(lines) or "Nothing that the facts call for.")


def _jobs(facts: Facts) -> str:
    limits = {row["queue"]: row["timeout_s"] for row in facts.queues}
    rows = [(row["name"], row["queue"], span(limits.get(row["queue"]))) for row in facts.jobs]
    return f"## Appendix: Job Classes\n\n{table(('Job class', 'Queue', 'Timeout of the queue'), rows)}"
