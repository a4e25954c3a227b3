"""`qsup dispatch` with payloads that are none: a sentence, the documented exit code, nothing stored."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from tests.badinput.mutations import SMALL
from tests.cli.program import Qsup

DEEP = '{"a":' * 5000 + "1" + "}" * 5000
BAD: dict[str, tuple[list[str], str, int, str]] = {
    "nested 5,000 deep": (["Note", "-f", "-"], DEEP, 1, "the payload is not JSON: recursion limit exceeded"),
    "5,000 digits": (["Note", "-f", "-"], '{"a": 1' + "0" * 5000 + "}", 1, "not JSON: number out of range"),
    "no JSON": (["Note", "{id: 7}"], "", 1, "the payload is not JSON"),
    "nothing": (["Note", ""], "", 1, "the payload is not JSON"),
    "not an object": (["Note", "[1]"], "", 1, "the payload of Note is not a JSON object"),
    "NUL": (["Note", '{"a": "\\u0000"}'], "", 1, "PostgreSQL cannot store the payload"),
    "NaN": (["Note", '{"a": NaN}'], "", 1, "PostgreSQL cannot store the payload"),
    "a folder": (["Note", "-f", "."], "", 1, "cannot read .: "),
    "a name of 100 kB": (["J" * 100_000, "{}"], "", 1, "no queue is declared for the job class JJJ"),
    "a delay of ages": (["Note", "{}", "--delay", "9999999999999999h"], "", 2, "a duration such as"),
    "a delay that is none": (["Note", "{}", "--delay", "soon"], "", 2, "duration"),
    "a long key": (["Note", "{}", "--unique", "k" * 501], "", 1, "the unique key has 501 characters"),
}


@pytest.fixture(autouse=True)
def applied(qsup: Qsup) -> None:
    assert qsup("apply").returncode == 0


def test_each_is_refused_with_a_sentence_and_stores_nothing(qsup: Qsup, db: Connection[Any]) -> None:
    for case, (arguments, stdin, code, said) in BAD.items():
        done = qsup("dispatch", *arguments, stdin=stdin)
        assert (done.returncode, done.stdout) == (code, ""), (case, done.stderr)
        assert said in done.stderr, case
        assert "Traceback" not in done.stderr, case
        assert max(map(len, done.stderr.splitlines())) < 1000, case
    assert db.execute("SELECT * FROM qsup.jobs").fetchall() == []


def test_bytes_that_are_no_utf_8_are_refused_too(shop: Path, dsn: str, db: Connection[Any]) -> None:
    command: list[str | bytes] = [sys.executable, "-m", "qsup", "dispatch", "Note", b'{"a": "\xff"}', "--database", dsn]
    done = subprocess.run(command, cwd=shop, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"the payload is not JSON" in done.stderr
    assert b"Traceback" not in done.stderr
    assert db.execute("SELECT * FROM qsup.jobs").fetchall() == []


FILES = {
    "Latin-1": SMALL.decode().encode("latin-1"),
    "UTF-16": SMALL.decode().encode("utf-16"),
    "half": SMALL[:150],
    "tabs": SMALL.replace(b"    ", b"\t"),
    "an escape of the terminal's": b'version: 1\nqueues: {"\\e[31m\\ud800": {workers: 1}}\n',
}


@pytest.mark.parametrize("command", [["validate"], ["plan"], ["explain", "sms"], ["gen-supervisor"], ["status"]])
def test_every_command_tells_a_bad_file_with_places(command: list[str], qsup: Qsup, shop: Path) -> None:
    for case, content in list(FILES.items())[:: 1 if command == ["validate"] else 4]:
        (shop / "queues.yaml").write_bytes(content)
        done = qsup(*command)
        assert done.returncode == (3 if command == ["status"] else 78), (case, done.stderr)
        assert "Traceback" not in done.stderr, case
        if command != ["status"]:
            assert "queues.yaml:" in done.stdout + done.stderr, case
            assert "\x1b" not in done.stdout + done.stderr, case
