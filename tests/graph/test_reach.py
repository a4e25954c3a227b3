"""Which jobs come to a place when they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from qsup.check.load import load
from qsup.check.php.around import class_at, classes
from qsup.check.python.reach import reach
from tests.graph.worlds import write

FILE = """\
version: 1
queues: {q: {workers: 1}}
jobs:
  AJob: {queue: q, handler: "jobs.a:run", failed: "jobs.a:give_up"}
  BJob: {queue: q, handler: "jobs.b:run"}
"""
A = """\
import functools
import os.path
from jobs import b
from jobs.more import Shop, wrapped as other
from jobs.nowhere import nothing

def run(job, ctx):
    here()
    job.there()

def here():
    with os.path.join("x") as deeper:
        deeper()
    b.shared()

def give_up(job, ctx):
    functools.partial(other)

def there():
    return "only named like a method of the job"

def deeper():
    return "only named like a variable of here"

def by_app():
    here()  # as a user asked
"""
B = """\
from jobs.more import *
from jobs.a import Helper as nothing

def decorated(function):
    return function

def shared():
    shared()
    return Shop().open()

@decorated
def run(job, ctx):
    return None
"""
MORE = """\
def unused(): ...

class Shop:
    def open(self):
        return lambda: ping()

def ping(): ...
wrapped = ping
"""


@pytest.fixture
def jobs(tmp_path: Path) -> dict[str, tuple[str, ...]]:
    """By the first words of each line that something is said about: which jobs come there."""
    write(tmp_path, {"queues.yaml": FILE, "jobs/a.py": A, "jobs/b.py": B, "jobs/more.py": MORE})
    routing = load(tmp_path / "queues.yaml", {}).routing
    assert routing is not None
    found = reach(routing, tmp_path)
    return {
        f"{name} {text.strip()}": found.jobs(tmp_path / "jobs" / f"{name}.py", number)
        for name, whole in (("a", A), ("b", B), ("more", MORE))
        for number, text in enumerate(whole.splitlines(), 1)
    }


def test_a_handler_comes_to_what_it_names_and_what_that_names(jobs: dict[str, tuple[str, ...]]) -> None:
    assert jobs["a here()"] == ("AJob",)
    assert jobs["a b.shared()"] == ("AJob",), "through a function of its own module"
    assert jobs["b return Shop().open()"] == ("AJob",), "in another module"
    assert jobs["more return lambda: ping()"] == (), "Shop comes with a star, from which nobody knows"


def test_a_failed_hook_belongs_to_its_job(jobs: dict[str, tuple[str, ...]]) -> None:
    assert jobs["a functools.partial(other)"] == ("AJob",)
    assert jobs["more wrapped = ping"] == ("AJob",), "under another name"
    assert jobs["more def ping(): ..."] == ("AJob",), "and what stands behind that"


def test_a_decorated_handler_is_followed_too(jobs: dict[str, tuple[str, ...]]) -> None:
    assert jobs["b @decorated"] == ("BJob",)
    assert jobs["b return function"] == ("BJob",)


def test_names_that_mean_something_else_lead_nowhere(jobs: dict[str, tuple[str, ...]]) -> None:
    assert jobs['a return "only named like a method of the job"'] == ()
    assert jobs['a return "only named like a variable of here"'] == ()
    assert jobs["a def by_app():"] == ()
    assert jobs["more def unused(): ..."] == ()


PHP = """\
<?php
dispatch(new Outside);
class Outer
{
    public function handle()
    {
        $x = new class {
            public $anonymous;
        };
    }
}
class Second {}
"""


def test_a_place_of_php_is_in_the_class_around_it(tmp_path: Path) -> None:
    file = tmp_path / "jobs.php"
    file.write_text(PHP, encoding="utf-8")
    spans = classes(file)
    assert [class_at(spans, line) for line in (2, 5, 8, 11, 12)] == ["", "Outer", "Outer", "Outer", "Second"]
    assert classes(tmp_path / "gone.php") == []
