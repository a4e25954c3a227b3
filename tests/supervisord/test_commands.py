"""Command lines: which programs are queue workers, of which queues, with which options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qsup.check.supervisord.artisan import DEFAULTS
from qsup.check.supervisord.listeners import Connections
from tests.supervisord.conf import listeners, look, program

WORK = "php artisan queue:work --queue=a,b"

WRAPPED = [
    WORK,
    "/usr/local/bin/php8.2 -d memory_limit=1G /srv/app/artisan queue:work database --queue=a,b",
    "/usr/bin/php -n -d x=y -c /etc/php.ini artisan queue:work --queue a,b",
    "./artisan queue:work --queue=a,b",
    "php artisan --env=production queue:work --queue=a,b -v --no-interaction",
    "php artisan -vvv queue:listen redis --queue=a,b",
    "php artisan queue:work -- database --queue=a,b",
    "sh -c 'cd /srv/app && php artisan queue:work --queue=a,b'",
    "/bin/bash -lc 'source .env; exec php artisan queue:work --queue=a,b >> storage/log 2>&1'",
    "bash -c 'php artisan queue:work --queue=a,b | tee log'",
    "bash -c 'php artisan queue:work --queue=a,b & wait'",
    "sh -c 'while true; do php artisan queue:work --once --queue=a,b; done'",
    "sh -euxc 'A=b php artisan queue:work --queue=a,b'",
    "nice -n 10 php artisan queue:work --queue=a,b",
    "ionice -c2 -n7 nice -10 php artisan queue:work --queue=a,b",
    "sudo -u www-data -E php artisan queue:work --queue=a,b",
    "sudo -H -u www-data -- A=b php artisan queue:work --queue=a,b",
    "env A=b C='d e' php artisan queue:work --queue=a,b",
    "/usr/bin/env -i -u HOME A=b php artisan queue:work --queue=a,b",
    "docker exec -i -u www-data shop-app php artisan queue:work --queue=a,b",
    "docker compose -f prod.yml exec -T app php artisan queue:work --queue=a,b",
    "docker-compose exec -T app php artisan queue:work --queue=a,b",
    "su - www-data -s /bin/sh -c 'cd /srv && php artisan queue:work --queue=a,b'",
    "su www-data -c 'php artisan queue:work --queue=a,b'",
    "runuser -u www-data -c 'php artisan queue:work --queue=a,b'",
    "timeout -k 5 3600 php artisan queue:work --queue=a,b",
    "nohup gosu www-data tini -- php artisan queue:work --queue=a,b",
    "sudo -u www-data sh -c 'nice -n 5 env A=b php artisan queue:work --queue=a,b'",
]


@pytest.mark.parametrize("command", WRAPPED)
def test_a_worker_is_found_in_whatever_wraps_it(command: str, tmp_path: Path) -> None:
    if command == "php artisan queue:work -- database --queue=a,b":
        (found,) = listeners(tmp_path, command)
        assert found.queues == ("default",), "after -- nothing is an option"
        return
    (found,) = listeners(tmp_path, command)
    assert (found.kind, found.queues, found.why) == ("laravel", ("a", "b"), "")
    assert found.worked is not None
    assert found.worked.wrong == (), "a redirection is no argument"


@pytest.mark.parametrize(
    "command",
    ["nginx -g 'daemon off;'", "php artisan schedule:work", "php artisan", "php server.php "
     "--queue=a", "php -v", "php",
     "/usr/local/bin/start.sh", "sh run.sh", "artisan", "sudo -u www-data", "env A=b", "sh -c "
     "''", "docker ps", "node queue:work",
     "python worker.py queue:work", "qsup status", "qsup worker"],
)  # fmt: skip
def test_what_is_no_queue_worker_stays_one_of_the_others(command: str, tmp_path: Path) -> None:
    found = look(tmp_path, program(command)).found
    assert not found.listeners
    assert [one.name for one in found.others] == ["a"]


def test_two_workers_in_one_shell_are_both_heard(tmp_path: Path) -> None:
    command = "sh -c 'php artisan queue:work --queue=a & php artisan queue:work --queue=b; wait'"
    assert [one.queues for one in listeners(tmp_path, command)] == [("a",), ("b",)]


def test_a_command_that_cannot_be_split_is_told(tmp_path: Path) -> None:
    found = look(tmp_path, program("php artisan queue:work --queue='a"))
    assert [one.name for one in found.found.unreadable] == ["a"]
    assert [problem.code for problem in found.problems] == ["Q627"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", {}),
        ("--sleep=0.5 --tries=5 --timeout=90 --memory=256", {"sleep": 0.5, "tries": 5, "timeout": 90, "memory": 256}),
        ("--sleep 7 --max-time 60 --max-jobs 9 --rest 1.5", {"sleep": 7, "max-time": 60, "max-jobs": 9, "rest": 1.5}),
        ("--tries=2 --tries=4", {"tries": 4}),
        ("--backoff=5,15,60", {"backoff": (5, 15, 60)}),
        ("--backoff=5 --delay=7", {"backoff": (7,)}),
        ("--backoff=10 --delay=9", {"backoff": (10,)}),
        ("--delay=3", {"backoff": (3,)}),
    ],
)
def test_options_in_both_spellings_with_laravel_s_defaults(
    words: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    (found,) = listeners(tmp_path, f"php artisan queue:work {words}")
    assert found.worked is not None
    assert dict(found.worked.options) == {**DEFAULTS, **expected}
    assert not found.worked.wrong
    assert DEFAULTS == {
        "sleep": 3.0, "rest": 0.0, "timeout": 60, "tries": 1, "memory": 128,
        "max-jobs": 0, "max-time": 0, "backoff": (0,),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("--tris=3", "has the option --tris, which queue:work refuses, did you mean tries?"),
        ("--onc", "has the option --onc, which queue:work refuses, did you mean once?"),
        ("--once=1", "gives --once a value, which artisan refuses"),
        ("-x", "has the option -x, which queue:work refuses"),
        ("redis database", "has too many arguments (database), expected at most one connection"),
        ("--timeout=90s", "has --timeout=90s, expected a number"),
        ("--backoff=5;10", "has --backoff=5;10, expected seconds with commas between them"),
        ("--tries=" + "9" * 5000, "has --tries=" + "9" * 40 + ", expected a number"),
    ],
)
def test_what_artisan_refuses_is_an_error_with_the_nearest_name(words: str, wrong: str, tmp_path: Path) -> None:
    (found,) = look(tmp_path, program(f"php artisan queue:work {words}")).problems
    assert str(found).endswith(f"[program:a] {wrong}: the worker ends at once [Q627]")
    assert (found.severity, found.line) == ("error", 2)


def test_queue_listen_knows_fewer_options(tmp_path: Path) -> None:
    (found,) = look(tmp_path, program("php artisan queue:listen --max-time=60")).problems
    assert "--max-time, which queue:listen refuses" in found.message


def test_without_queue_it_is_the_connection_s_own(tmp_path: Path) -> None:
    connections = Connections(
        default="redis", queues={"redis": "main", "database": "stored"}, retry_after={"redis": 90}
    )
    for words, queue in [("", "main"), ("database", "stored"), ("--queue=", "main"), ("sqs", "default")]:
        found = look(tmp_path, program(f"php artisan queue:work {words}"), connections).found.listeners
        assert [one.queues for one in found] == [(queue,)], words


def test_an_empty_queue_option_takes_the_next_word_as_symfony_does(tmp_path: Path) -> None:
    (found,) = listeners(tmp_path, "php artisan queue:work --queue= payments")
    assert (found.queues, found.worked and found.worked.connection) == (("payments",), None)


def test_a_space_in_the_list_is_part_of_the_name(tmp_path: Path) -> None:
    (found,) = listeners(tmp_path, "php artisan queue:work '--queue=a, b'")
    assert found.queues == ("a", " b")


def test_processes_may_listen_to_different_queues(tmp_path: Path) -> None:
    command = "php artisan queue:work --queue=shard-%(process_num)d,all"
    text = f"[program:p]\ncommand={command}\nprocess_name=%(process_num)s\nnumprocs=3\n"
    found = look(tmp_path, text).found.listeners
    assert [(one.queues, one.processes) for one in found] == [((f"shard-{number}", "all"), 1) for number in range(3)]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("php artisan horizon", "Horizon takes its queues from config/horizon.php"),
        ("sh -c 'php artisan queue:work --queue=$QUEUES'", "--queue is filled in by a shell"),
        (
            "php artisan queue:work --queue=%(ENV_QUEUES)s",
            "--queue is the environment variable QUEUES, which is not set here",
        ),
        ("php artisan queue:work --queue=a%s", "a lone %s stands in --queue"),
    ],
)
def test_queues_that_a_file_does_not_tell_are_never_guessed(command: str, why: str, tmp_path: Path) -> None:
    found = look(tmp_path, program(command))
    assert [one.why for one in found.found.listeners] == [why]
    assert any(problem.code == "Q616" and why in problem.message for problem in found.problems)


def test_a_dollar_sign_without_a_shell_is_a_dollar_sign(tmp_path: Path) -> None:
    (found,) = listeners(tmp_path, "php artisan queue:work --queue=$Q")
    assert (found.queues, found.why) == (("$Q",), "")


@pytest.mark.parametrize(
    "command",
    ["/srv/venv/bin/qsup worker --queue=pay --config=/srv/queues.yaml", "/srv/venv/bin/python3.11 -m "
     "qsup worker --queue pay "
     "--config /srv/queues.yaml", "env A=b qsup worker -c /srv/queues.yaml --queue=pay"],
)  # fmt: skip
def test_qsup_s_own_workers_are_known(command: str, tmp_path: Path) -> None:
    (found,) = listeners(tmp_path, command)
    assert (found.kind, found.queues, found.config) == ("qsup", ("pay",), "/srv/queues.yaml")


def test_qsup_run_serves_its_whole_file(tmp_path: Path) -> None:
    (found,) = listeners(tmp_path, "qsup run --strict")
    assert (found.kind, found.queues) == ("qsup run", ())
