"""What is told about PHP code: each code, at its place, and not where all is well."""

from __future__ import annotations

import builtins
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from qsup.check.php.compare import against_routes, unheard
from qsup.check.php.scan import scan
from qsup.check.php.syntax import language
from qsup.routing import Route
from tests.check.php.project import HEAD, Laravel
from tests.check.php.test_classes import START


def told_of_classes(laravel: Laravel, code: str) -> list[str]:
    laravel.write("app/Any/A.php", "<?php\n" + START + code)
    return laravel.told()


def test_a_queue_that_nobody_hears_is_one_problem_where_its_name_is_written(laravel: Laravel) -> None:
    for number in range(5):
        laravel.write(f"app/Http/c{number}.php", HEAD + "Mine::dispatch();\n")
    (problem,) = unheard(laravel.scan().sites, {"default": "queues.yaml:1:1", "mines": "queues.yaml:4:3"})
    assert str(problem).replace(f"{laravel.root}/", "") == (
        "app/Jobs/jobs.php:8:71: Mine goes to queue mine, which nobody hears; dispatched at app/Http/c0.php:5, "
        "app/Http/c1.php:5 and 3 more, did you mean mines (queues.yaml:4:3)? [Q401]"
    )
    assert (problem.queue, problem.job) == ("mine", "Mine")


def test_a_default_queue_that_nobody_hears_is_told_with_its_connection(laravel: Laravel) -> None:
    laravel.of("Plain::dispatch();")
    (problem, _) = sorted(unheard(laravel.scan().sites, {}), key=lambda one: one.message, reverse=True)
    assert problem.message == (
        "Plain goes to queue default (the default queue of connection database), which nobody hears"
    )
    assert problem.hint == "start a worker for it"


def test_a_site_whose_job_is_not_known_is_told_by_its_queue(laravel: Laravel) -> None:
    laravel.of("function f($job) { dispatch($job)->onQueue('x'); }")
    found = [one for one in unheard(laravel.scan().sites, {"mine": ""}) if one.queue == "x"]
    assert [one.message for one in found] == ["what is sent here goes to queue x, which nobody hears"]


def test_queues_that_are_heard_are_no_problem(laravel: Laravel) -> None:
    laravel.of("Mine::dispatch(); Plain::dispatch();")
    assert unheard(laravel.scan().sites, {"mine": "", "default": ""}) == []


def test_a_job_that_goes_elsewhere_than_its_route_is_told(laravel: Laravel) -> None:
    laravel.of("Mine::dispatch(); Mine::dispatch()->onQueue('x'); Plain::dispatch();")
    routes = {"Mine": route("Mine", "mine"), "Plain": route("Plain", "default")}
    assert [str(one).rpartition("/")[2] for one in against_routes(laravel.scan().sites, routes)] == [
        "site.php:5:45: PHP sends Mine to queue x, but `jobs:` routes it to mine, let both say the same [Q402]"
    ]


def route(job: str, queue: str) -> Route:
    fields: dict[str, Any] = dict.fromkeys(Route.__dataclass_fields__)
    return Route(**{**fields, "job": job, "queue": queue})


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_read(laravel: Laravel) -> None:
    file = laravel.write("app/Http/gone.php", "<?php\n")
    if os.geteuid() == 0:
        file.unlink()
        os.mkfifo(file)
        assert laravel.told() == [], "what is no file is not looked at, and never waited for"
        return
    file.chmod(0)
    assert laravel.told() == ["app/Http/gone.php: this file cannot be read: permission denied [Q403]"]


def test_a_file_that_is_too_large_is_told(laravel: Laravel) -> None:
    laravel.write("app/big.php", "<?php\n" + "// padding\n" * 200_000)
    assert laravel.told() == ["app/big.php: this file was not read: it is over 2 MB [Q403]"]


BROKEN = """\
class Half {
    public function a( {
        Mine::dispatch()->onQueue('half');
    }
}
"""


def test_broken_php_is_told_and_what_parses_is_read(laravel: Laravel) -> None:
    laravel.write("app/Http/broken.php", HEAD + "Mine::dispatch()->onQueue('before');\n" + BROKEN)
    laravel.of("Mine::dispatch()->onQueue('other');")
    assert [line.partition(": this is not PHP")[0] for line in laravel.told()] == ["app/Http/broken.php:7:23"]
    assert "[Q404]" in laravel.told()[0]
    queues = {site.queue for site in laravel.scan().sites}
    assert {"before", "other"} <= queues


@pytest.mark.parametrize(
    "source",
    [b"", b"<?php", b"\xff\xfe\x00", b"<?php " + b"(" * 5000, b"<?php '", b"<?php <<<X\n", b"<?php class", b"<?php #["],
)
def test_whatever_a_file_holds_nothing_is_raised(laravel: Laravel, source: bytes) -> None:
    (laravel.root / "app/odd.php").write_bytes(source)
    assert {problem.code for problem in laravel.scan().problems} <= {"Q404"}


def test_without_the_extra_one_problem_says_how_to_install_it(
    laravel: Laravel, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("tree_sitter"):
            raise ImportError(name)
        return real(name, *rest, **named)

    language.cache_clear()
    monkeypatch.setattr(builtins, "__import__", missing)
    try:
        found = scan([laravel.root])
    finally:
        language.cache_clear()
    assert found.sites == ()
    assert [str(problem) for problem in found.problems] == [
        "2 PHP files were not read: PHP cannot be read without its parser, pip install 'qsup[php]' [Q405]"
    ]


def test_paths_without_php_need_no_parser_and_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("dispatch()")
    assert scan([tmp_path]).problems == ()


@pytest.mark.parametrize(
    ("code", "column"),
    [
        ("class A implements ShouldQueue { use Queueable; public $queue = 'x'; }", 56),
        ("class A implements ShouldQueue { use Queueable; public string $queue; }", 63),
        ("class A implements ShouldQueue { use Queueable; protected $queue; }", 59),
        ("class A implements ShouldQueue { use Dispatchable, Queueable; public $connection = 'redis'; }", 70),
        ("class A { use \\Illuminate\\Foundation\\Queue\\Queueable; public $queue = 'x'; }", 62),
    ],
)
def test_a_queue_property_beside_queueable_cannot_be_loaded(laravel: Laravel, code: str, column: int) -> None:
    (line,) = told_of_classes(laravel, code)
    name = "connection" if "connection" in code else "queue"
    assert line == (
        f"app/Any/A.php:13:{column}: ${name} stands beside `use Queueable`, which declares it differently: PHP cannot load A, "
        f"set it in the constructor: $this->on{name.title()}(…) [Q406]"
    )


@pytest.mark.parametrize(
    "code",
    [
        "class A implements ShouldQueue { use Queueable; public $queue; }",
        "class A implements ShouldQueue { use Queueable; public $queue = null; }",
        "class A implements ShouldQueue { use Dispatchable; public $queue = 'x'; }",
        "class P implements ShouldQueue { use Queueable; } class A extends P { public $queue = 'x'; }",
        "trait Own { public $other; } class A implements ShouldQueue { use Own; public $queue = 'x'; }",
    ],
)
def test_a_queue_property_elsewhere_is_fine(laravel: Laravel, code: str) -> None:
    assert told_of_classes(laravel, code) == []


IGNORED = [
    ("Bus::batch([new Mine])->onQueue('x')->dispatch();", "x"),
    ("Queue::push(new Mine);", "default"),
    ("Queue::push((new Plain)->onQueue('mine'));", "default"),
    ("Queue::pushOn('x', new Mine);", "x"),
]


@pytest.mark.parametrize(("code", "to"), IGNORED)
def test_a_call_that_does_not_ask_the_job_for_its_queue_is_told(laravel: Laravel, code: str, to: str) -> None:
    laravel.of(code)
    (line,) = laravel.told()
    assert f"names queue mine for itself, but this call sends it to {to}" in line
    assert line.endswith("[Q407]")


@pytest.mark.parametrize("code", ["Queue::push(new Mine, '', 'mine');", "Bus::batch([new Plain])->dispatch();"])
def test_the_same_queue_twice_is_fine(laravel: Laravel, code: str) -> None:
    laravel.of(code)
    assert laravel.told() == []


def test_a_listeners_constructor_that_names_a_queue_is_told(laravel: Laravel) -> None:
    code = "class L implements ShouldQueue { function __construct() { $this->onQueue('x'); } function handle(\\App\\Events\\E $e) {} }"
    assert told_of_classes(laravel, code) == [
        "app/Any/A.php:13:74: warning: queue x means nothing: listener L is made without its constructor, "
        "name it in `public $queue` or in viaQueue() [Q407]"
    ]


TIMEOUTS: list[tuple[str, Mapping[str, str] | None]] = [
    ("public $timeout = 90;", {"takes": "may run for 90 s", "connection": "database", "after": "90"}),
    ("public $timeout = 600;", {"takes": "may run for 600 s", "connection": "database", "after": "90"}),
    ("public $timeout = 0;", {"takes": "may run without end ($timeout = 0)", "connection": "database", "after": "90"}),
    (
        "public $timeout = 60; public $connection = 'redis';",
        {"takes": "may run for 60 s", "connection": "redis", "after": "60"},
    ),
    ("public $timeout = 89;", None),
    ("public $timeout = 59; public $connection = 'redis';", None),
    ("public $timeout = SECONDS;", None),
    ("public $timeout = 600; public function timeout() { return 5; }", None),
]


@pytest.mark.parametrize(("body", "told"), TIMEOUTS)
def test_a_job_that_may_outlast_retry_after_is_told(
    laravel: Laravel, body: str, told: Mapping[str, str] | None
) -> None:
    found = told_of_classes(laravel, "class A implements ShouldQueue { " + body + " }")
    if told is None:
        assert found == []
        return
    assert found == [
        f"app/Any/A.php:13:41: warning: A {told['takes']}, but connection {told['connection']} gives it to a second worker "
        f"after {told['after']} s, make $timeout less than retry_after ({told['after']}), or retry_after more [Q408]"
    ]


def test_no_tries_means_for_ever(laravel: Laravel) -> None:
    assert told_of_classes(laravel, "class A implements ShouldQueue { public $tries = 0; }") == [
        "app/Any/A.php:13:41: warning: A is tried for ever when it fails: $tries = 0, expected at least 1 [Q409]"
    ]
    until = "class A implements ShouldQueue { public $tries = 0; function retryUntil() { return now(); } }"
    assert told_of_classes(laravel, until) == []
    assert told_of_classes(laravel, "class A implements ShouldQueue { public $tries = 1; }") == []


def test_a_delay_that_tries_never_reach_is_told(laravel: Laravel) -> None:
    five = "class A implements ShouldQueue { public $tries = 5; public $backoff = [30, 60, 120, 300, 600]; }"
    assert told_of_classes(laravel, five) == [
        "app/Any/A.php:13:60: warning: the last delay of $backoff is never used: 5 tries have 4 waits between them [Q410]"
    ]
    assert told_of_classes(laravel, five.replace(", 600", "")) == []


def test_a_queue_for_what_runs_at_once_is_told(laravel: Laravel) -> None:
    laravel.of("AtOnce::dispatch()->onQueue('x');\nAtOnce::dispatch();")
    assert laravel.told() == [
        "app/Http/site.php:5:1: warning: AtOnce does not implement ShouldQueue: it runs here and now, and the queue "
        "named here means nothing, implement Illuminate\\Contracts\\Queue\\ShouldQueue, or take the queue away [Q411]"
    ]


def test_an_ordinary_application_has_no_problem(laravel: Laravel) -> None:
    laravel.of("Mine::dispatch(); Bus::chain([new Plain])->onQueue('x')->dispatch();")
    assert laravel.told() == []
