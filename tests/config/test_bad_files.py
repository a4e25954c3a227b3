"""Every kind of mistake in a queues.yaml, with the exact line that the person who made it sees."""

from pathlib import Path

import pytest

from tests.config.reading import lines

HEAD = "version: 1\n"
GOOD = HEAD + "queues:\n  pay: {workers: 1}\n"

TABLE = Path(__file__).with_name("bad_files.txt").read_text(encoding="utf-8")
BLOCKS = [block.partition("\n") for block in TABLE.split("\n>>> ")[1:]]
FILES = [(text and text + "\n", line) for line, _, text in BLOCKS]


@pytest.mark.parametrize(
    ("text", "line"), FILES, ids=[f"{line.split('[')[-1][:4]}-{n}" for n, (_, line) in enumerate(FILES)]
)
def test_a_mistake_is_told_with_its_place_and_what_was_expected(text: str, line: str) -> None:
    told = lines(text)
    assert f"queues.yaml:{line}" in told
    errors = [other for other in told if ": warning: " not in other]
    assert len(errors) <= 1, "one mistake, one error"


def test_a_circle_of_workers_of_is_told_at_each_of_its_queues() -> None:
    assert lines(GOOD + "  a: {workers_of: b}\n  b: {workers_of: a}\n") == [
        "queues.yaml:4:19: `workers_of` goes round in a circle: a → b → a [Q105]",
        "queues.yaml:5:19: `workers_of` goes round in a circle: b → a → b [Q105]",
    ]


def test_a_long_chain_of_workers_of_is_told_at_each_queue_and_soon() -> None:
    chain = "".join(f"  q{n}: {{workers_of: q{n + 1}}}\n" for n in range(3000))
    told = lines(f"{HEAD}queues:\n{chain}  q3000: {{workers: 1}}\n")
    assert len(told) == 2999
    assert told[0] == (
        "queues.yaml:3:20: `workers_of` names q1, which itself has `workers_of`, expected a queue with workers [Q105]"
    )


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    told = lines(
        """\
        version: 1
        defaults: {tries: 0}
        queues:
          pay: {worker: 2}
          sms: {workers: 2, timeout: soon}
        jobs:
          A: {queue: sms, handler: nothing}
          B: {queue: smss, handler: 'a:b'}
        logs: {}
        """
    )
    assert [line.split(" ")[0] + line[-6:] for line in told] == [
        "queues.yaml:2:19:[Q014]",
        "queues.yaml:4:9:[Q010]",
        "queues.yaml:5:30:[Q015]",
        "queues.yaml:7:28:[Q018]",
        "queues.yaml:8:14:[Q101]",
        "queues.yaml:9:1:[Q011]",
    ]


def test_a_small_file_that_anchors_would_make_huge_is_refused() -> None:
    layers = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 20)}]\n" for n in range(1, 8))
    assert lines(f"a0: &a0 [x, x, x]\n{layers}") == [
        "queues.yaml:5:5: this holds more than 50,000 values, with its anchors written out [Q006]"
    ]


def test_a_secret_is_in_no_message() -> None:
    told = lines(
        """\
        version: 1
        queues: {pay: {workers: 1, timeout: "${TIMEOUT}"}}
        database: {url: "postgres://u:s3cret@h/d", pw: s3cret}
        databse: postgres://u:s3cret@h/d
        """,
        {"TIMEOUT": "s3cret"},
    )
    assert len(told) == 3
    assert "s3cret" not in "".join(told)
    assert 'queues.pay.timeout is "${TIMEOUT}"' in told[0]


def test_a_control_character_is_told_where_it_is() -> None:
    assert lines(GOOD + "database: a\x07b\n") == [
        "queues.yaml:4:12: this character is not allowed in YAML, remove it or write it escaped [Q005]"
    ]
