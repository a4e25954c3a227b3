"""How long a job itself may run against stops, and what Horizon's supervisors listen to and allow."""

from __future__ import annotations

from pathlib import Path

import pytest

from qsup.check.producers import connections, producers
from qsup.check.supervisord.survey import Survey, against_code, against_file, by_horizon
from qsup.config import parse
from tests.check.php.project import HEAD, Laravel
from tests.supervisord.conf import look, program

JOB = """\
<?php
namespace App\\Jobs;
use Illuminate\\Contracts\\Queue\\ShouldQueue;
use Illuminate\\Foundation\\Bus\\Dispatchable;

class Quick implements ShouldQueue {{ use Dispatchable; public $queue = 'pay'; }}
class Long implements ShouldQueue {{
    use Dispatchable;
    public $queue = 'pay';
    public int $timeout = {timeout};
}}
class Longer extends Long {{ public $queue = 'other'; public int $timeout = 900; }}
"""
SITES = "<?php\nApp\\Jobs\\Quick::dispatch(); App\\Jobs\\Long::dispatch(); App\\Jobs\\Longer::dispatch();\n"
WORK = "php artisan queue:work --queue=pay --timeout=60"


@pytest.fixture
def laravel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laravel:
    """An application with a few jobs, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return Laravel(tmp_path)


def jobs(laravel: Laravel, timeout: int = 600) -> None:
    laravel.write("app/Jobs/Lasting.php", JOB.format(timeout=timeout))
    laravel.write("app/Http/sites.php", SITES)


def told(found: Survey, root: Path, *codes: str, paths: tuple[str, ...] = ("app",)) -> list[str]:
    code = producers([root / path for path in paths], root)
    problems = [*found.problems, *against_code(found, code)]
    return [str(one) for one in problems if one.code in codes]


def under_supervisord(laravel: Laravel, command: str = WORK, **keys: object) -> Survey:
    return look(laravel.root, program(command, keys=keys), connections([laravel.root / "app"]))


def test_a_job_that_may_run_longer_than_a_stop_waits_is_told_by_its_own_timeout(laravel: Laravel) -> None:
    jobs(laravel)
    assert told(under_supervisord(laravel, stopwaitsecs=70), laravel.root, "Q620") == [
        "queue.conf:4:1: warning: [program:a] kills a running job 70 s after a stop (stopwaitsecs), but "
        "Long ($timeout at app/Jobs/Lasting.php:10) may run 600 s, stopwaitsecs=610 [Q620]"
    ]


@pytest.mark.parametrize(("timeout", "wait"), [(600, 600), (60, 70), (30, 70)])
def test_a_job_that_ends_before_the_stop_is_no_problem(laravel: Laravel, timeout: int, wait: int) -> None:
    jobs(laravel, timeout)
    assert told(under_supervisord(laravel, stopwaitsecs=wait), laravel.root, "Q620") == []


def test_a_job_that_its_worker_outlasts_is_not_told_beside_the_worker(laravel: Laravel) -> None:
    jobs(laravel, 30)
    (line,) = told(under_supervisord(laravel, stopwaitsecs=20), laravel.root, "Q620")
    assert "but a job may run 60 s, stopwaitsecs=70" in line


def test_a_job_without_end_is_longer_than_any_other(laravel: Laravel) -> None:
    jobs(laravel, 0)
    (line,) = told(under_supervisord(laravel, stopwaitsecs=3600), laravel.root, "Q620")
    assert "Long ($timeout at app/Jobs/Lasting.php:10) may run for ever (timeout 0), give it a timeout" in line


def test_beside_a_queues_yaml_the_jobs_own_timeouts_are_told_too(laravel: Laravel) -> None:
    jobs(laravel)
    found = under_supervisord(laravel, stopwaitsecs=70)
    code = producers([laravel.root / "app"], laravel.root)
    parsed = parse("version: 1\nqueues: {pay: {workers: 1}}\n", "queues.yaml", {})
    assert [one.queue for one in against_file(found, code.sites, parsed) if one.code == "Q620"] == ["pay"]


HORIZON = """\
<?php
return [
    'defaults' => ['supervisor-1' => ['connection' => 'redis', 'queue' => ['pay', 'low'], 'timeout' => 50]],
    'environments' => [
        'production' => ['supervisor-1' => ['nice' => 5], 'slow' => ['queue' => 'night,pay', 'timeout' => 600]],
        'stage-*' => ['supervisor-1' => ['queue' => ['stage']]],
    ],
];
"""


@pytest.fixture
def horizon(laravel: Laravel) -> Laravel:
    laravel.write("config/horizon.php", HORIZON)
    return laravel


def listened(found: Survey) -> list[str]:
    return [f"{one.pool.name if one.pool else '-'}: {' '.join(one.queues)}" for one in found.found.listeners]


def test_horizon_listens_to_what_its_file_says_for_the_environment(horizon: Laravel) -> None:
    everywhere = ["production.supervisor-1: pay low", "production.slow: night pay"]
    assert listened(under_supervisord(horizon, "php artisan horizon")) == everywhere
    assert listened(by_horizon(connections([horizon.root]))) == everywhere
    # PHP's array_replace_recursive replaces the items of a list one by one.
    staged = under_supervisord(horizon, "php artisan horizon --environment=stage-2")
    assert listened(staged) == ["stage-*.supervisor-1: stage low"]
    horizon.write(".env", "APP_ENV=stage-1\n")
    horizon.write("config/app.php", "<?php return ['env' => env('APP_ENV', 'production')];")
    assert listened(by_horizon(connections([horizon.root]))) == ["stage-*.supervisor-1: stage low"]


def test_horizon_without_supervisors_for_its_environment_hears_nothing(horizon: Laravel) -> None:
    found = under_supervisord(horizon, "php artisan horizon --environment=staging")
    (line,) = told(found, horizon.root, "Q631")
    assert "[program:a] starts no worker: config/horizon.php has no supervisors for its environment" in line
    horizon.write("app/Http/site.php", HEAD + "Mine::dispatch();")
    assert told(found, horizon.root, "Q401") != []


def test_a_job_for_a_queue_that_horizon_does_not_have_is_an_error_and_the_near_name_is_told(horizon: Laravel) -> None:
    horizon.write("app/Http/site.php", HEAD + "Mine::dispatch()->onQueue('pays'); Mine::dispatch()->onQueue('low');")
    found = by_horizon(connections([horizon.root]))
    assert told(found, horizon.root, "Q401", "Q611", "Q612", paths=("app/Http",)) == [
        "app/Http/site.php:5:27: Mine goes to queue pays, which nobody hears, did you mean pay "
        "(config/horizon.php [production.supervisor-1])? [Q401]",
        "config/horizon.php: warning: [production.supervisor-1] listens to pay, but nothing in the code dispatches to "
        "it, did you mean pays? [Q612]",
        "config/horizon.php: info: [production.slow] listens to night, but nothing in the code dispatches to it [Q612]",
        "config/horizon.php: warning: [production.slow] listens to pay, but nothing in the code dispatches to it, "
        "did you mean pays? [Q612]",
    ]


def test_what_a_file_does_not_tell_of_horizon_stays_unknown(horizon: Laravel) -> None:
    horizon.write("config/horizon.php", HORIZON.replace("'night,pay'", "strtoupper($x)"))
    found = under_supervisord(horizon, "php artisan horizon")
    assert [one.why != "" for one in found.found.listeners] == [False, True]
    horizon.write("app/Http/site.php", HEAD + "Mine::dispatch()->onQueue('pays');")
    assert "warning: Mine goes to queue pays" in told(found, horizon.root, "Q401")[0]


def test_the_timeouts_of_horizon_count_as_those_of_commands(horizon: Laravel) -> None:
    found = under_supervisord(horizon, "php artisan horizon", stopwaitsecs=60, autorestart="unexpected")
    lines = [line.partition("] ")[2] for line in told(found, horizon.root, "Q620", "Q621", "Q624")]
    assert lines == [
        "a job of production.slow may run 600 s, but after 60 s (retry_after of connection redis) another worker "
        "begins it too, a `timeout` below 60, or a longer retry_after in config/queue.php [Q624]",
        "stays dead after `horizon:terminate`, which every deployment gives: nobody hears its queues any more, "
        "autorestart=true [Q621]",
        "kills a running job 60 s after a stop (stopwaitsecs), but production.slow may run 600 s, stopwaitsecs=610 "
        "[Q620]",
    ]


def test_a_project_without_horizon_has_no_listeners_of_its_own(laravel: Laravel) -> None:
    assert by_horizon(connections([laravel.root])).found.listeners == ()
