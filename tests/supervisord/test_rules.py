"""Findings about programs that supervisord accepts."""

from __future__ import annotations

from pathlib import Path

import pytest

from qsup.check.supervisord.listeners import Connections
from tests.supervisord.conf import program, told

WORK = "php artisan queue:work --queue=pay"
"""Where its command line stands in a program: line 2."""


def said(folder: Path, words: str = "", keys: dict[str, object] | None = None) -> list[str]:
    return told(folder, program(f"{WORK} {words}".strip(), keys=keys))


def test_a_program_in_order_has_nothing_to_be_said(tmp_path: Path) -> None:
    assert said(tmp_path) == []
    assert said(tmp_path, "--max-time=3600 --sleep=5 --timeout=60 --tries=3", {"startsecs": 5, "startretries": 3}) == []


@pytest.mark.parametrize(
    ("words", "keys", "expected"),
    [
        ("--timeout=120", {"stopwaitsecs": 110}, "4 warning Q620: [program:a] kills a running job 110 s after a stop "
         "(stopwaitsecs), but a job may run 120 s, stopwaitsecs=130"),
        ("--timeout=120", {"stopwaitsecs": 120}, ""),
        ("--timeout=0", {}, "2 error Q624: [program:a] a job may run for ever (timeout 0), but after "
         "3600 s (retry_after) another "
         "worker begins it too, a --timeout below 3600, or a longer retry_after in config/queue.php|4 "
         "warning Q620: [program:a] kills a running job 3600 s after a stop "
         "(stopwaitsecs), but a job may run for ever (timeout 0), give it a --timeout"),
        ("--max-time=60", {"autorestart": "unexpected"}, "3 error Q621: [program:a] stays dead after "
         "its first --max-time "
         "(autorestart=unexpected): nobody hears pay any more, autorestart=true"),
        ("--max-jobs=9 --once", {"autorestart": "false"}, "3 error Q621: [program:a] stays dead after "
         "its first --max-jobs or "
         "--once (autorestart=false): nobody hears pay any more, autorestart=true"),
        ("", {"autorestart": "unexpected"}, "3 warning Q621: [program:a] stays dead after `queue:restart` "
         "(autorestart=unexpected): nobody hears pay any more, autorestart=true"),
        ("--max-time=60", {"autorestart": "unexpected", "exitcodes": "2"}, ""),
        ("--sleep=30 --timeout=30", {}, "2 warning Q623: [program:a] kills itself when there is nothing "
         "to do: it sleeps 30 s, "
         "its timeout is 30 s, --sleep=3"),
        ("--sleep=30 --timeout=30", {"startsecs": 40}, "2 error Q623: [program:a] kills itself when "
         "there is nothing to do: it "
         "sleeps 30 s, its timeout is 30 s, --sleep=3"),
        ("--sleep=30 --timeout=31", {}, ""),
        ("--tries=0", {}, "2 warning Q625: [program:a] tries a failing job for ever (tries 0) and at "
         "once (backoff 0): one such "
         "job keeps a worker busy, --tries=3 --backoff=5,15,60"),
        ("--tries=0 --backoff=5", {}, ""),
        ("--stop-when-empty", {"startsecs": 2}, "6 error Q630: [program:a] ends at once on an empty "
         "queue: before startsecs=2 "
         "that is a failed start, then FATAL for good, leave --stop-when-empty out, or startsecs=0"),
        ("--stop-when-empty", {"startsecs": 0}, ""),
        ("--max-time=3", {"startsecs": 5}, "6 error Q630: [program:a] leaves after 3 s (--max-time), "
         "before startsecs=5: a failed "
         "start each time, then FATAL, startsecs=1"),
        ("--max-time=5", {"startsecs": 5}, ""),
        ("", {"startretries": 0}, "6 warning Q630: [program:a] is given up for good after one failed "
         "start (startretries=0), such "
         "as a database that is away, startretries=10"),
        ("", {"autostart": "false"}, "6 warning Q615: [program:a] is not started by supervisord "
         "(autostart=false): nobody hears "
         "pay until somebody starts it"),
        ("", {"numproc": 3}, "6 warning Q605: supervisord ignores `numproc` in [program:a]: there is no "
         "such key, did you mean "
         "numprocs?"),
        ("", {"stdout_logfile": "x.log", "stdout_logfile_backups": 0}, "6 warning Q628: [program:a] keeps no old log "
         "(stdout_logfile_backups=0): a full file is emptied, what was in it is lost, stdout_logfile_backups=7"),
        ("", {"stdout_logfile_backups": 0}, ""),
        ("", {"stdout_logfile": "x.log", "stdout_logfile_backups": 0, "stdout_logfile_maxbytes": 0}, ""),
        ("", {"stderr_logfile_backups": 0, "redirect_stderr": "true"}, ""),
        ("", {"process_name": "%(process_num)s", "numprocs": 2, "stdout_logfile": "x.log"}, "5 warning "
         "Q629: [program:a] its 2 "
         "processes write one log file: each rotates it under the others, put %(process_num)02d into stdout_logfile"),
        ("", {"process_name": "%(process_num)s", "numprocs": 2, "stdout_logfile": "x%(process_num)s.log"}, ""),
        ("", {"process_name": "%(process_num)s", "numprocs": 2, "stdout_logfile": "/dev/stdout",
              "stdout_logfile_maxbytes": 0}, ""),
    ],
)  # fmt: skip
def test_a_finding_is_told_with_its_line_and_what_to_do(
    words: str, keys: dict[str, object], expected: str, tmp_path: Path
) -> None:
    assert "|".join(said(tmp_path, words, keys)) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--timeout=90", "2 error Q624: [program:a] a job may run 90 s, but after 90 s (retry_after) "
         "another worker begins it too, "
         "a --timeout below 90, or a longer retry_after in config/queue.php"),
        ("--timeout=89", ""),
        ("redis --timeout=89", "2 error Q624: [program:a] a job may run 89 s, but after 30 s "
         "(retry_after) another worker begins "
         "it too, a --timeout below 30, or a longer retry_after in config/queue.php"),
        ("sqs --timeout=90", "2 info Q624: [program:a] lets a job run for 90 s or more: it runs twice "
         "at once unless retry_after "
         "is longer, which is not known here, a new project's config/queue.php says 90"),
        ("sqs --timeout=89", ""),
    ],
)  # fmt: skip
def test_a_timeout_is_held_against_the_connection_s_retry_after(words: str, expected: str, tmp_path: Path) -> None:
    connections = Connections(default="database", retry_after={"database": 90, "redis": 30})
    found = told(tmp_path, program(f"{WORK} {words}"), connections)
    assert found == ([expected] if expected else [])


def test_unknown_retry_after_is_told_once_for_all_programs(tmp_path: Path) -> None:
    text = "".join(program(f"php artisan queue:work --queue={name} --timeout=90", name) for name in "abc")
    (found,) = told(tmp_path, text, Connections())
    assert found.startswith("2 info Q624: [program:a] lets a job run for 90 s or more (and so 2 more programs)")


def test_a_group_of_several_programs_restarts_as_one(tmp_path: Path) -> None:
    text = program(WORK) + program("nginx", "b")
    assert told(tmp_path, f"{text}[group:g]\nprograms=a,b\n") == [
        "11 warning Q622: any change of one of its 2 programs restarts all of [group:g], "
        "leave the group out: programs can be named with wildcards"
    ]
    assert told(tmp_path, f"{text}[group:g]\nprograms=a\n") == []


def test_one_queue_with_two_treatments_is_told_at_the_second(tmp_path: Path) -> None:
    first, second = program(WORK, "a"), program("php artisan queue:work --queue=other,pay --tries=3 --backoff=5", "b")
    assert told(tmp_path, first + second) == [
        "7 warning Q626: [program:b] works on pay as [program:a] does, but with tries 3 instead of 1, "
        "backoff 5 instead of 0, "
        "which of them gets a job is chance"
    ]
    assert told(tmp_path, first + program(f"{WORK} --sleep=9 --memory=64", "b")) == []
    assert told(tmp_path, first + program("php artisan queue:work redis --queue=pay --tries=3", "b")) == []


def test_two_programs_with_one_log_file_are_told_at_the_second(tmp_path: Path) -> None:
    text = program(WORK, "a", keys={"stdout_logfile": "x.log"}) + program(
        "nginx", "b", keys={"stdout_logfile": "x.log"}
    )
    assert told(tmp_path, text) == [
        "10 warning Q629: [program:b] writes the log file of [program:a] too: each rotates it under the other, "
        "give each program a file of its own"
    ]


def test_a_misspelt_section_is_an_error_another_tool_s_is_not(tmp_path: Path) -> None:
    assert told(tmp_path, "[progam:a]\ncommand=x\n[something:else]\nkey=1\n[rpcinterface:supervisor]\nany=thing\n") == [
        "1 error Q605: supervisord ignores the section [progam:a]: there is no such kind, did you mean program?",
        "3 warning Q605: supervisord ignores the section [something:else]: there is no such kind",
    ]


def test_a_qsup_worker_must_be_started_again(tmp_path: Path) -> None:
    assert told(tmp_path, program("qsup worker --queue=pay", keys={"autorestart": "unexpected"})) == [
        "3 warning Q621: [program:a] stays dead when it leaves as told, such as at its max_time, autorestart=true"
    ]
    assert told(tmp_path, program("qsup worker --queue=pay")) == []
