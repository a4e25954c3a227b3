"""`qsup validate` for a Laravel project that has no queues.yaml: its programs, its Horizon, its tables."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from qsup.cli import cli
from qsup.errors import QsupError
from tests.check.php.project import HEAD, Laravel
from tests.check.test_laravel_rows import LARAVEL, put
from tests.supervisord.conf import program

NAMES_NO_DATABASE: dict[str, str | None] = dict.fromkeys(
    ("QSUP_DATABASE_URL", "DATABASE_URL", "PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE")
)
AWAY = "postgresql://nobody@127.0.0.1:1/x?connect_timeout=1"


@pytest.fixture
def laravel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laravel:
    """The application, with one worker under supervisord, in the current folder."""
    monkeypatch.chdir(tmp_path)
    found = Laravel(tmp_path)
    found.write("queue.conf", program("php artisan queue:work --queue=provisioning --timeout=60"))
    return found


def validate(*words: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli, ["validate", *words], env={**NAMES_NO_DATABASE, **(env or {})})


def codes(done: Result) -> list[str]:
    return [line[-5:-1] for line in done.stdout.splitlines() if line.endswith("]")]


def test_rows_that_wait_for_nobody_are_found_beside_the_programs(laravel: Laravel, db: psycopg.Connection) -> None:
    assert laravel
    db.execute(LARAVEL)
    put(db, "router-provisioning", r"App\Jobs\RouterProvisioningJob")
    put(db, "provisioning", r"App\Jobs\ProvisionUserInMikroTikJob")
    dsn = db.info.dsn
    by_option = validate("--supervisor", "queue.conf", "--database", dsn)
    assert by_option.exit_code == 1
    assert by_option.stdout.splitlines()[0] == (
        r"public.jobs: 1 waiting job of App\Jobs\RouterProvisioningJob in queue router-provisioning, and nobody hears "
        "it, did you mean provisioning? [Q311]"
    )
    by_variable = validate("--supervisor", "queue.conf", "--db", env={"DATABASE_URL": dsn})
    assert (by_variable.exit_code, by_variable.stdout) == (1, by_option.stdout)
    laravel.write("queue.conf", program("sh -c 'php artisan queue:work --queue=$NAMES'"))
    assert "warning: public.jobs: 1 waiting job" in validate("--supervisor", "queue.conf", "--database", dsn).stdout


def test_a_database_without_laravel_s_tables_is_not_taken_for_a_clean_one(laravel: Laravel, dsn: str) -> None:
    assert laravel
    done = validate("--supervisor", "queue.conf", "--database", dsn)
    assert (done.exit_code, codes(done)) == (0, ["Q314"])
    assert validate("--supervisor", "queue.conf", "--database", dsn, "--strict").exit_code == 1


def test_a_database_that_is_away_does_not_hide_the_rest(laravel: Laravel) -> None:
    laravel.write("app/Http/site.php", HEAD + "Plain::dispatch()->onQueue('mine');")
    done = validate("--supervisor", "queue.conf", "app/Http", "--database", AWAY)
    assert "Q401" in codes(done)
    assert isinstance(done.exception, QsupError)
    assert done.exception.exit_code == 75


@pytest.mark.parametrize(
    ("question", "answer"), [("--db", "--database, or DATABASE_URL"), ("--live", "the workers of a queues.yaml")]
)
def test_what_cannot_be_asked_without_a_file_is_a_wrong_command_line(
    laravel: Laravel, question: str, answer: str
) -> None:
    assert laravel
    done = validate("--supervisor", "queue.conf", question)
    assert done.exit_code == 2
    assert answer in done.stderr


HORIZON = (
    "<?php return ['environments' => ['production' => ['one' => ['queue' => ['mine', 'fast'], 'timeout' => 50]]]];"
)


def test_a_project_with_horizon_needs_no_supervisord_file(laravel: Laravel) -> None:
    laravel.write("config/horizon.php", HORIZON)
    laravel.write("app/Http/site.php", HEAD + "Plain::dispatch()->onQueue('mine'); Plain::dispatch()->onQueue('fats');")
    done = validate("app/Http")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "app/Http/site.php:5:64: Plain goes to queue fats, which nobody hears, did you mean fast "
        "(config/horizon.php [production.one])? [Q401]",
        "config/horizon.php: warning: [production.one] listens to fast, but nothing in the code dispatches to it, "
        "did you mean fats? [Q612]",
        "config/horizon.php: 1 supervisor of Horizon on 2 queues, 2 dispatch sites (0 not verifiable): "
        "1 error, 1 warning",
    ]
    answer = json.loads(validate("app/Http", "--json").stdout)
    assert (answer["sites"], [found["code"] for found in answer["problems"]]) == (2, ["Q401", "Q612"])


def test_a_project_without_horizon_needs_a_file(laravel: Laravel) -> None:
    assert laravel
    done = validate("app")
    assert isinstance(done.exception, QsupError)
    assert done.exception.exit_code == 78


def test_a_queues_yaml_is_never_done_without_because_horizon_is_there(laravel: Laravel) -> None:
    laravel.write("config/horizon.php", HORIZON)
    laravel.write("queues.yaml", "version: 1\nqueues: {pay: {workers: 1}}\n")
    laravel.write("app/Http/site.php", HEAD + "Plain::dispatch()->onQueue('mine');")
    assert "Q401" in codes(validate("app/Http")), "that Horizon runs is told by `--supervisor` alone"


def test_comments_in_python_code_are_held_to_their_word_here_too(laravel: Laravel) -> None:
    code = "def send(job):\n    job.dispatch()  # qsup: dispatches PayJob on provisionings\n"
    laravel.write("site.py", code)
    assert (
        "PayJob is dispatched to provisionings, which nobody listens to"
        in validate("--supervisor", "queue.conf", "site.py").stdout
    )
    laravel.write("site.py", code.replace(" on provisionings", ""))
    assert "site.py:2:5: not verifiable" in validate("--supervisor", "queue.conf", "site.py").stdout
    laravel.write("site.py", code.replace("job.dispatch()", "x = 1"))
    assert codes(validate("--supervisor", "queue.conf", "site.py", "--strict"))[0] == "Q214"
