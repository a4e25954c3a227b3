"""What a good queues.yaml comes to."""

from __future__ import annotations

import json

import pytest

from qsup.places import plain, read
from qsup.routing import Queue, Routing
from tests.config.reading import lines, parsed

MB = 1024 * 1024


def queue(text: str, name: str = "pay") -> Queue:
    return parsed(text).routing.queues[name]


def test_what_the_file_leaves_out_is_built_in() -> None:
    built_in = queue("version: 1\nqueues: {pay: {workers: 1}}\n")
    assert built_in == Queue(
        name="pay", workers=1, workers_of=None, priority=999, sleep=3, tries=3, timeout=60, backoff=(5, 15, 60),
        jitter=0.1, memory=128 * MB, max_time=3600, max_jobs=0, grace=10, max_crashes=3, prefetch=None, keep=0,
        start="fork", purpose="",
    )  # fmt: skip


def test_a_queue_s_own_value_comes_before_defaults_and_defaults_before_the_built_in_one() -> None:
    text = """\
        version: 1
        defaults: {tries: 7, sleep: 2s, prefetch: 4, jitter: 0, keep: 7d, start: exec, max_jobs: 500}
        queues: {pay: {workers: 2, tries: 9, prefetch: 0}}
        """
    pay = queue(text)
    assert (pay.tries, pay.sleep, pay.prefetch, pay.jitter) == (9, 2, 0, 0)
    assert (pay.keep, pay.start, pay.max_jobs, pay.timeout) == (604_800, "exec", 500, 60)


def test_a_job_has_its_own_tries_timeout_and_backoff_and_a_hook() -> None:
    text = """\
        version: 1
        queues: {pay: {workers: 1}}
        jobs:
          A: {queue: pay, handler: "pkg.mod:run", failed: "pkg.mod:sorry", tries: 2, timeout: 5m, backoff: "1,2"}
          B: {queue: pay, handler: "pkg.mod:run"}
        """
    routing = parsed(text).routing
    a, b = routing.rules("A", "pay"), routing.rules("B", "pay")
    assert (a.tries, a.timeout, a.backoff, a.failed) == (2, 300, (1, 2), "pkg.mod:sorry")
    assert (b.tries, b.timeout, b.backoff, b.failed) == (3, 60, (5, 15, 60), None)


def test_a_queue_may_be_served_by_another_s_workers() -> None:
    text = """\
        version: 1
        queues: {default: {workers: 1}, low: {workers_of: default}}
        jobs: {A: {queue: low, handler: "a:b"}}
        """
    routing = parsed(text).routing
    assert routing.server("low") == "default"
    assert routing.pool("default") == ("default", "low")


def test_anchors_and_merge_keys_save_writing() -> None:
    text = """\
        version: 1
        queues:
          one: &one {workers: 1, tries: 4, sleep: 2s}
          two: {<<: *one, tries: 5}
          both: {<<: [{sleep: 9s}, *one], workers: 3}
        """
    queues = parsed(text).routing.queues
    assert (queues["two"].workers, queues["two"].tries, queues["two"].sleep) == (1, 5, 2)
    assert (queues["both"].workers, queues["both"].tries, queues["both"].sleep) == (3, 4, 9)


def test_a_mistake_that_came_by_an_anchor_is_told_where_it_stands() -> None:
    text = "version: 1\nqueues:\n  a: &a {workers: 1, sleep: x}\n  b: {<<: *a}\n"
    expected = 'queues.yaml:3:29: queues.{}.sleep is "x", expected a duration such as 90, 90s, 10m or 1h30m [Q015]'
    assert lines(text) == [expected.format("a"), expected.format("b")]


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "off", "08:30", "010", "0x1F", "1_000", ".inf", "2026-11-21", "=", "1e999"]
)
def test_yaml_1_1_s_surprises_are_the_text_they_look_like(word: str) -> None:
    assert plain(word) == word
    assert read(f"purpose: {word}\n{word}: x", "f").value == {"purpose": word, word: "x"}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("0.5", 0.5),
        ("1e3", 1000.0),
    ],
)
def test_the_words_of_yaml_1_2_mean_what_they_mean(word: str, value: object) -> None:
    assert plain(word) == value


def test_a_queue_may_be_called_no() -> None:
    assert list(parsed("version: 1\nqueues: {no: {workers: 1}, 404: {workers: 1}}").routing.queues) == ["no", "404"]


def test_variables_are_filled_into_texts_only() -> None:
    text = """\
        version: 1
        database: ${DB:-postgresql://localhost/name}
        queues: {pay: {workers: 1, timeout: "${TIMEOUT:-90s}", purpose: "$${HOME} and ${WHO}"}}
        """
    found = parsed(text, {"WHO": "you", "DB": "dbname=x"})
    assert found.routing.database == "dbname=x"
    assert found.routing.queues["pay"].timeout == 90
    assert found.routing.queues["pay"].purpose == "${HOME} and you"


def test_a_variable_in_a_number_is_refused_because_it_is_text() -> None:
    told = lines('version: 1\nqueues: {pay: {workers: "${N}"}}', {"N": "2"})
    assert told == ['queues.yaml:2:25: queues.pay.workers is "${N}", expected a whole number from 0 to 1,000 [Q014]']


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter() -> None:
    assert queue("version: 1\r\nqueues:\r\n  pay:\r\n    workers: 4\r\n").workers == 4


def test_a_routing_survives_the_way_between_processes() -> None:
    text = """\
        version: 1
        database: dbname=x
        payload_limit: 64kB
        defaults: {prefetch: 0}
        queues: {pay: {workers: 2}, low: {workers_of: pay, prefetch: auto}}
        jobs: {A: {queue: low, handler: "a:b", backoff: 3}}
        code: [src/, app.py]
        """
    routing = parsed(text.replace(", prefetch: auto", "")).routing
    assert Routing.from_dict(json.loads(json.dumps(routing.to_dict()))) == routing
    assert routing.payload_limit == 64 * 1024
    assert routing.code == ("src/", "app.py")


def test_the_database_is_not_in_the_routing_s_repr() -> None:
    text = 'version: 1\ndatabase: "${DB}"\nqueues: {pay: {workers: 1}}'
    routing = parsed(text, {"DB": "postgres://u:s3cret@h/d"}).routing
    assert routing.database == "postgres://u:s3cret@h/d"
    assert "s3cret" not in repr(routing)
