"""Comments in PHP that say what a site dispatches."""

from __future__ import annotations

import pytest

from tests.check.php.project import HEAD, JOBS, Laravel


def seen(laravel: Laravel, code: str) -> list[str]:
    return laravel.seen("function f($job, $name) {\n" + code + "\n}")


def told(laravel: Laravel, code: str, head: str = HEAD) -> list[str]:
    laravel.write("app/Http/site.php", head + "function f($job, $name) {\n" + code + "\n}\n")
    return laravel.told()


@pytest.mark.parametrize(
    "code",
    [
        "dispatch($job); // qsup: dispatches Mine, Plain",
        "dispatch($job); # qsup: dispatches Mine, Plain (both of them)",
        "dispatch($job); /* qsup: dispatches Mine, Plain */",
        "// qsup: dispatches Mine, Plain\ndispatch($job);",
        "// qsup: dispatches Mine, Plain\n// and a remark\n\ndispatch($job);",
        "/**\n * qsup: dispatches Mine, Plain\n */\ndispatch($job);",
        "dispatch($job)\n    ->delay(5); // qsup: dispatches Mine, Plain",
        "return dispatch(\n    $job, // qsup: dispatches Mine, Plain\n);",
        "dispatch($job); // qsup: dispatches \\App\\Jobs\\Mine, Plain on default",
    ],
)
def test_a_silenced_site_is_known_by_its_jobs_and_their_own_queues(laravel: Laravel, code: str) -> None:
    laravel.write("app/Jobs/jobs.php", JOBS)
    assert seen(laravel, code) == ["Mine mine", "Plain default"]
    assert laravel.told() == []


def test_without_the_comment_the_site_is_not_verifiable(laravel: Laravel) -> None:
    assert seen(laravel, "dispatch($job);") == ["? ?"]


def test_a_queue_that_is_said_counts_before_the_class_s_own(laravel: Laravel) -> None:
    assert seen(laravel, "dispatch($job); // qsup: dispatches Mine on fast, Plain") == ["Mine fast", "Plain default"]


def test_a_queue_that_the_site_gives_is_kept(laravel: Laravel) -> None:
    assert seen(laravel, "dispatch($job)->onQueue('fast'); // qsup: dispatches Mine") == ["Mine fast"]


def test_a_queue_that_nobody_has_said_stays_not_verifiable(laravel: Laravel) -> None:
    code = "Mine::dispatch()->onQueue($name); // qsup: dispatches Mine"
    assert seen(laravel, code) == ["Mine ?"]
    assert seen(laravel, code + " on fast") == ["Mine fast"]


@pytest.mark.parametrize(
    "code",
    [
        "Mine::dispatch(); // qsup: dispatches Mine",
        "$x = 1; // qsup: dispatches Mine",
        "// qsup: dispatches Mine\n$x = 1;\ndispatch($job); // qsup: dispatches Mine",
        "dispatch($job); // qsup: dispatches Mine\n// qsup: dispatches Mine",
    ],
)
def test_a_silencer_that_silences_nothing_is_a_problem(laravel: Laravel, code: str) -> None:
    (line,) = told(laravel, code)
    assert line.endswith(
        "this comment says what is dispatched here, but no site here needs it, remove it, or move it to the line of the "
        "site [Q412]"
    )


def test_a_class_that_is_not_there_is_a_problem_with_the_nearest_and_the_site_stays_open(laravel: Laravel) -> None:
    code = "dispatch($job); // qsup: dispatches Mines"
    assert told(laravel, code) == [
        "app/Http/site.php:6:17: this comment names Mines, which is no one class of this application, did you mean Mine? "
        "[Q413]"
    ]
    assert seen(laravel, code) == ["? ?"]


def test_a_class_of_any_namespace_is_known_when_it_is_the_only_one(laravel: Laravel) -> None:
    laravel.write("app/Any/Twin.php", JOBS.replace("App\\Jobs", "App\\Any"))
    (line,) = told(laravel, "dispatch($job); // qsup: dispatches Mine", head="<?php\n")
    assert "expected one of app\\any\\mine, app\\jobs\\mine, did you mean Mine? [Q413]" in line


@pytest.mark.parametrize(
    "said", ["dispatch Mine", "dispatches", "ignore", "dispatches Mine on", "dispatches Mine Plain"]
)
def test_a_comment_that_is_not_understood_is_a_problem(laravel: Laravel, said: str) -> None:
    (line,) = told(laravel, f"dispatch($job); // qsup: {said}")
    assert line.endswith(
        f'"qsup: {said}" is not understood, write `// qsup: dispatches JobName, OtherJob on queue-name` [Q414]'
    )


def test_a_silencer_in_a_text_is_text(laravel: Laravel) -> None:
    texts = (
        "$a = '// qsup: dispatches Mine'; $b = <<<X\n// qsup: dispatches Mine\nX;\n?>\n// qsup: dispatches Mine\n<?php"
    )
    assert told(laravel, texts) == []
