"""QueueReportJob: the first document's report from live data; what it counts is counted here too, another way."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from handlers.censor import censored, known_secrets
from handlers.reach import flag
from handlers.report import FILE, keep, make, publish
from handlers.report_logs import survey
from handlers.report_text import cell
from tests.handlers.hotspot import CASES, Hotspot
from tests.handlers.test_checks import add
from tests.handlers.test_log_rotation import NOBODY, fill

ROOT = Path(__file__).parents[2]
SECTIONS = [
    "Executive Summary", "Queue Configuration", "Current System State", "Issue Analysis", "Job Processing Flow",
    "Database Health", "Log Files", "Recommendations", "What This Report Cannot Know", "Appendix: Job Classes",
]  # fmt: skip


@pytest.fixture
def reporting(hotspot: Hotspot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hotspot]:
    """A hotspot with a log folder and a report folder, and a `qsup run` that listens to all queues but one."""
    (tmp_path / "logs").mkdir()
    monkeypatch.setenv("LOG_DIRECTORY", str(tmp_path / "logs"))
    monkeypatch.setenv("REPORT_DIRECTORY", str(tmp_path / "reports"))
    hotspot.db.execute("DELETE FROM qsup.supervisors")
    slots = {name: queue.workers for name, queue in hotspot.routing.queues.items() if name != "hotspot-sms"}
    hotspot.db.execute(
        "INSERT INTO qsup.supervisors (id, host, pid, code, config_file, generation, listens, declares)"
        " VALUES ('one', 'here', 4711, 'c', 'f', 1, %s, jsonb_build_object('slots', %s::jsonb))",
        [list(slots), str(slots).replace("'", '"')],
    )
    yield hotspot
    hotspot.db.execute("DELETE FROM qsup.supervisors")


def report(hotspot: Hotspot) -> str:
    """One run of the job; its text."""
    hotspot.db.execute("SELECT qsup.dispatch('QueueReportJob', '{}')")
    assert [one.kind for one in hotspot.run("default")] == ["done"]
    return str(hotspot.value("SELECT markdown FROM hotspot.reports ORDER BY id DESC LIMIT 1"))


def section(text: str, title: str) -> str:
    """What stands under a heading of any level, up to the next of its level."""
    match = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert match, f"no {title}"
    body = match[2]
    return body.partition("\n### ")[0] if match[1] == "###" else body


def rows(text: str, title: str) -> list[list[str]]:
    """The rows of the first table under a heading, without its head."""
    lines = [line for line in section(text, title).splitlines() if line.startswith("|")]
    return [[part.strip() for part in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def fail(hotspot: Hotspot, number: int, queue: str, job: str, message: str, hours: int = 0) -> None:
    hotspot.db.execute(
        "INSERT INTO qsup.failed_jobs (id, queue, type, payload, attempts, crashes, cause, exception, message, frame,"
        " created_at, failed_at) VALUES (%s, %s, %s, '{}', 3, 0, 'tries', 'builtins.OSError', %s, 'x.py:f', now(),"
        " now() - make_interval(hours => %s))",
        [number, queue, job, message, hours],
    )


def test_it_has_the_sections_of_the_first_document_in_their_order(reporting: Hotspot) -> None:
    text = report(reporting)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert text.startswith("# Queue System Diagnostics Report\n")
    assert "not known" not in section(text, "Executive Summary")


def test_the_queue_table_says_what_the_file_says(reporting: Hotspot) -> None:
    text = report(reporting)
    queues = reporting.routing.queues
    found = {row[0]: row for row in rows(text, "Queue Configuration")}
    assert found.keys() == queues.keys()
    for name, queue in queues.items():
        assert (found[name][1], found[name][2], found[name][4]) == (
            str(queue.workers), str(queue.priority), str(queue.tries),
        )  # fmt: skip
        assert found[name][6] == queue.purpose
    assert f"**Total workers:** {sum(queue.workers for queue in queues.values())}" in text
    assert {row[0]: row[1] for row in rows(text, "Appendix: Job Classes")} == {
        name: route.queue for name, route in reporting.routing.routes.items()
    }


def test_sizes_failures_and_the_flow_are_counted_from_the_rows(reporting: Hotspot) -> None:
    for name in CASES:
        reporting.play(name)
    for number in range(3):
        fail(reporting, number, "log-rotation", "RotateLogs", "Operation not permitted", hours=number)
    text = report(reporting)
    sizes = {row[0]: row for row in rows(text, "Queue Sizes")}
    counts = reporting.rows("SELECT queue, state, count(*) AS number FROM qsup.jobs GROUP BY 1, 2")
    assert counts
    for one in counts:
        assert sizes[one["queue"]][{"ready": 1, "running": 2, "scheduled": 3}[one["state"]]] == str(one["number"])
    assert [row[:3] for row in rows(text, "Failed Jobs Summary")] == [["log-rotation", "3", "1"]]
    outcomes = {row[0]: row[1] for row in rows(text, "Callbacks of the last 24 hours")}
    for one in reporting.rows("SELECT outcome, count(*)::text AS number FROM hotspot.mpesa_inbox GROUP BY 1"):
        assert outcomes.pop(one["outcome"]) == one["number"]
    assert outcomes == {}
    amounts = {row[0]: row[2] for row in rows(text, "Payments")}
    assert amounts == {
        one["state"]: f"KES {one['amount']:.2f}"
        for one in reporting.rows("SELECT state, sum(amount) AS amount FROM hotspot.payments GROUP BY 1")
    }


def test_what_is_wrong_is_an_issue_with_its_cause_and_what_to_do(reporting: Hotspot) -> None:
    reporting.play("stk_success")
    fail(reporting, 1, "payments", "ProcessPaymentJob", "the disk is full")
    reporting.db.execute(
        "UPDATE qsup.queues SET paused_at = now(), paused_by = 'jane@noc' WHERE name = 'log-rotation';"
        "UPDATE qsup.jobs SET available_at = now() - interval '10 minutes' WHERE queue = 'provisioning';"
        "SELECT qsup.dispatch('SendCredentialsSMSJob', '{\"subscription_id\": 1}')"
    )
    add(reporting, "a:1", "ggn-1", reach="offline", misses=7, reach_detail="network: timed out")
    text = report(reporting)
    reporting.db.execute("UPDATE qsup.queues SET paused_at = NULL, paused_by = NULL")
    titles = re.findall(r"^### Issue #\d+: (.*)$", text, re.MULTILINE)
    for title in ("Backlog in provisioning", "Nobody works on hotspot-sms", "log-rotation is paused"):
        assert title in titles
    assert "Router ggn-1 is offline" in titles
    failure = next(title for title in titles if title.startswith("ProcessPaymentJob failures"))
    found = section(text, f"Issue #{titles.index(failure) + 1}: {failure}")
    assert "**Severity:** HIGH" in found
    assert "builtins.OSError in x.py:f: the disk is full" in found
    assert "Do not flush them" in found
    worst = re.findall(r"^\*\*Severity:\*\* (.*)$", text, re.MULTILINE)
    assert worst == sorted(worst, key=["HIGH", "MEDIUM", "LOW"].index)
    assert len(set(worst)) == 3
    assert "0 of 3 slots are at work" in text
    assert "**Status:** IMPAIRED" in text
    assert len(titles) == len(re.findall(r"^\d+\. ", section(text, "Recommendations"), re.MULTILINE))


def test_a_healthy_system_is_called_so(reporting: Hotspot) -> None:
    reporting.db.execute(
        "UPDATE qsup.supervisors SET listens = listens || '{hotspot-sms}', declares = jsonb_set(declares,"
        " '{slots,hotspot-sms}', '2')"
    )
    text = report(reporting)
    assert "**Status:** OPERATIONAL" in text
    workers = sum(queue.workers for queue in reporting.routing.queues.values())
    assert f"**{workers} of {workers} declared workers**" in text
    assert "None of the rules of this report found anything." in section(text, "Issue Analysis")
    reporting.db.execute("UPDATE qsup.supervisors SET beat_at = now() - interval '1 minute'")
    after = report(reporting)
    assert f"**0 of {workers} declared workers**" in after
    assert "**Status:** DEGRADED" in after


def test_it_has_no_secret_and_no_whole_phone_number(reporting: Hotspot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_PASSWORD", "hunter-2")
    message = (
        "login of 254712345678 and +254112345678 and 0712345678 failed with hunter-2 at"
        " postgresql://u:topsecret@h/d (password=alsosecret)"
    )
    fail(reporting, 1, "payments", "ProcessPaymentJob", message)
    flag(reporting.db, add(reporting, "a:1", "r"), "credentials", "it said hunter-2")
    text = report(reporting)
    stored = str(reporting.rows("SELECT * FROM hotspot.reports"))
    for secret in ("hunter-2", "topsecret", "alsosecret", "254712345678", "254112345678", "0712345678"):
        assert secret not in text + stored
    assert "2547*****678" in text


def test_secrets_are_known_by_the_names_of_their_settings(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")
    env = {"SMS_API_KEY_FILE": str(tmp_path / "key"), "X_TOKEN": "abcd", "ROUTER_PASSWORD": "xy", "HOME": "/root/home",
           "OTHER_SECRET_FILE": "/nowhere"}  # fmt: skip
    assert known_secrets(env) == {"from-a-file", "abcd"}
    assert censored("from-a-file abcd 1254712345678", known_secrets(env)) == "*** *** 1254712345678"


def test_what_a_failed_job_says_cannot_break_the_report(reporting: Hotspot) -> None:
    assert cell("a|b\n# c `d` <e>") == "a\\|b # c 'd' &lt;e>"
    fail(reporting, 1, "payments", "ProcessPaymentJob", "x\n## Executive Summary\n| a | b |")
    assert re.findall(r"^## (.*)$", report(reporting), re.MULTILINE) == SECTIONS


def test_the_same_facts_are_told_in_the_same_order_whatever_the_order_of_the_rows(reporting: Hotspot) -> None:
    told = []
    for names in (["b", "c", "a"], ["c", "a", "b"]):
        reporting.db.execute("DELETE FROM hotspot.routers; DELETE FROM qsup.failed_jobs")
        for number, name in enumerate(names):
            add(reporting, f"{name}:1", name, reach="offline")
            fail(reporting, number, "router-data", f"Job{name}", "no")
        told.append(re.findall(r"^### Issue #\d+: (.*)$", report(reporting), re.MULTILINE))
    assert told[0] == told[1]
    assert [title for title in told[0] if "offline" in title] == [f"Router {name} is offline" for name in "abc"]


def test_log_files_are_told_with_why_one_is_not_rotated(
    reporting: Hotspot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LARGEST", "1000")
    fill(tmp_path / "logs" / "small.log", "word", 500)
    fill(tmp_path / "logs" / "big.log", "word", 5000)
    (tmp_path / "logs" / "big.log.1.gz").write_bytes(b"x" * 123)
    if os.geteuid() == 0:
        os.chown(tmp_path / "logs" / "big.log", NOBODY, -1)
    text = report(reporting)
    found = {Path(row[0]).name: row for row in rows(text, "Log Files")}
    assert found.keys() == {"big.log", "small.log"}
    assert found["big.log"][2:5] == ["1", "1", "0.1 kB"]
    assert "big.log grows and is not rotated" in text
    assert os.geteuid() != 0 or f"belongs to uid {NOBODY}" in text
    monkeypatch.setenv("LOG_LARGEST", "much")
    assert "LOG_LARGEST is 'much'" in survey()[1][0]
    monkeypatch.delenv("LOG_DIRECTORY")
    monkeypatch.delenv("LOG_LARGEST")
    assert survey() == (
        [],
        ["LOG_DIRECTORY is not set for the process that wrote this report: it cannot see any log file."],
    )


def test_the_file_is_the_newest_report_however_many_write_it(
    reporting: Hotspot, tmp_path: Path, in_threads: Callable[..., None]
) -> None:
    for _ in range(4):
        reporting.db.execute("SELECT qsup.dispatch('QueueReportJob', '{}')")
    in_threads(lambda: reporting.run("default"), 2)
    newest = reporting.row("SELECT * FROM hotspot.reports ORDER BY as_of DESC, id DESC LIMIT 1")
    assert reporting.value("SELECT count(*) FROM hotspot.reports") == 4
    assert (tmp_path / "reports" / FILE).read_text() == newest["markdown"]
    keep(reporting.db, 999_999, newest["as_of"] - timedelta(hours=1), "old", most=100)
    publish(reporting.db, tmp_path / "reports")
    assert (tmp_path / "reports" / FILE).read_text() == newest["markdown"]
    assert [path.name for path in (tmp_path / "reports").iterdir()] == [FILE]


def test_a_job_that_was_killed_and_runs_again_has_one_report(reporting: Hotspot, tmp_path: Path) -> None:
    with psycopg.connect(reporting.dsn, autocommit=True) as conn:
        as_of, markdown = make(conn)
        keep(conn, 7, as_of, markdown, most=100)
    # Killed here, and once more in the middle of the file.
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / f".{FILE}.half").write_text("ha")
    with psycopg.connect(reporting.dsn, autocommit=True) as conn:
        keep(conn, 7, as_of - timedelta(seconds=1), "late", most=100)
        assert reporting.value("SELECT markdown FROM hotspot.reports") == markdown
        later, again = make(conn)
        keep(conn, 7, later, again, most=100)
        publish(conn, tmp_path / "reports")
    assert reporting.rows("SELECT job_id, markdown FROM hotspot.reports") == [{"job_id": 7, "markdown": again}]
    assert [path.name for path in (tmp_path / "reports").iterdir()] == [FILE]


def test_only_the_newest_reports_are_kept(reporting: Hotspot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORT_KEEP", "2")
    texts = [report(reporting) for _ in range(3)]
    assert [one["markdown"] for one in reporting.rows("SELECT markdown FROM hotspot.reports ORDER BY id")] == texts[1:]


def test_a_folder_that_cannot_be_written_fails_the_job_and_says_where_the_report_is(
    reporting: Hotspot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("REPORT_DIRECTORY", str(tmp_path / "file"))
    reporting.db.execute("SELECT qsup.dispatch('QueueReportJob', '{}')")
    told = reporting.run("default")[0]
    assert (told.kind, "the report is in hotspot.reports" in told.reason) == ("discard", True)
    assert reporting.value("SELECT count(*) FROM hotspot.reports") == 1


def test_people_get_it_on_the_command_line(reporting: Hotspot) -> None:
    def run(**more: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "handlers.report"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **more)

    answer = run(input=f"{reporting.dsn}\n")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert re.findall(r"^## (.*)$", answer.stdout, re.MULTILINE) == SECTIONS
    assert reporting.value("SELECT count(*) FROM hotspot.reports") == 0
    refused = run(input="postgresql://u:topsecret@127.0.0.1:1/x\n")
    assert refused.returncode == 1
    assert "topsecret" not in refused.stderr
    assert run(input="").returncode == 2
