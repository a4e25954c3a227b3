"""Finding and reading queues.yaml on a disk, and the child process that does it for the supervisor."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qsup.check.load import code_version, load, load_or_raise
from qsup.errors import ConfigUnreadable, ExitCode
from qsup.locate import find
from qsup.reading import MOST_BYTES
from qsup.routing import Routing

GOOD = "version: 1\nqueues: {pay: {workers: 1}}\n"


def saved(folder: Path, text: str | bytes, name: str = "queues.yaml") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def told(file: Path) -> list[str]:
    return [str(problem).replace(str(file), "F") for problem in load(file, {}).problems if problem.severity != "info"]


def test_the_file_is_looked_for_in_order(tmp_path: Path) -> None:
    saved(tmp_path, GOOD, "config/queues.yaml")
    assert find(None, {}, tmp_path) == tmp_path / "config/queues.yaml"
    saved(tmp_path, GOOD)
    assert find(None, {}, tmp_path) == tmp_path / "queues.yaml"
    assert find(None, {"QSUP_CONFIG": "/other.yaml"}, tmp_path) == Path("/other.yaml")
    assert find("mine.yaml", {"QSUP_CONFIG": "/other.yaml"}, tmp_path) == Path("mine.yaml")


def test_without_a_file_all_places_looked_at_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigUnreadable) as caught:
        find(None, {}, tmp_path)
    for place in (tmp_path / "queues.yaml", tmp_path / "config/queues.yaml", "/etc/qsup/queues.yaml"):
        assert str(place) in caught.value.message
    assert "qsup init" in caught.value.hint


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    hint = "name another with --config FILE, or run `qsup init`"
    line = f"F: the file cannot be read: no such file or directory, {hint} [Q001]"
    assert told(tmp_path / "nothing.yaml") == [line]


def test_a_folder_is_told(tmp_path: Path) -> None:
    assert told(tmp_path) == ["F: the file cannot be read: is a directory [Q001]"]


def test_bytes_that_are_no_utf_8_are_told_with_their_place(tmp_path: Path) -> None:
    file = saved(tmp_path, b"version: 1\nqueues: {pay: {purpose: caf\xe9}}\n")
    assert told(file) == ["F:2:28: this is not UTF-8, save the file as UTF-8 [Q002]"]


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    assert told(saved(tmp_path, "#" * (MOST_BYTES + 1))) == ["F: the file is too large, expected at most 512 kB [Q004]"]


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    assert load(saved(tmp_path, b"\xef\xbb\xbf" + GOOD.encode()), {}).routing is not None


def test_the_database_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    saved(tmp_path, "postgres://u:s3cret@h/d\n", "secrets/db")
    loaded = load(saved(tmp_path, GOOD + "database_file: secrets/db\n"), {})
    assert loaded.routing is not None
    assert loaded.routing.database == "postgres://u:s3cret@h/d"
    assert "s3cret" not in repr(loaded)


@pytest.mark.parametrize("content", [None, b"", b"\xff"])
def test_a_secret_s_file_that_says_nothing_is_told(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        saved(tmp_path, content, "db")
    file = saved(tmp_path, GOOD + "database_file: db\n")
    assert told(file) == ["F:3:16: `database_file` names a file that is missing, unreadable or empty [Q022]"]


def test_load_or_raise_says_every_error_in_one_message(tmp_path: Path) -> None:
    file = saved(tmp_path, "version: 1\nqueues: {pay: {workers: x}, none: {}}\nzzz: 1\n")
    with pytest.raises(ConfigUnreadable) as caught:
        load_or_raise(file, {})
    assert caught.value.exit_code == ExitCode.BAD_CONFIG
    assert [line.partition(": ")[0] for line in caught.value.message.splitlines()] == [f"{file}:2:25", f"{file}:3:1"]


def test_the_code_version_changes_with_the_handlers_files_and_with_nothing_else(tmp_path: Path) -> None:
    saved(tmp_path, "def run(job, ctx): ...", "handlers/pay.py")
    saved(tmp_path, "x = 1", "handlers/deep/inner.py")
    saved(tmp_path, "x = 1", "other.py")
    first = code_version(tmp_path, ["handlers.pay"])
    saved(tmp_path, "x = 2", "other.py")
    saved(tmp_path, "notes", "handlers/notes.txt")
    assert code_version(tmp_path, ["handlers.pay"]) == first
    saved(tmp_path, "x = 2", "handlers/deep/inner.py")
    second = code_version(tmp_path, ["handlers.pay"])
    assert second != first
    (tmp_path / "handlers/deep/inner.py").rename(tmp_path / "handlers/deep/renamed.py")
    assert code_version(tmp_path, ["handlers.pay"]) not in (first, second)
    assert code_version(tmp_path, ["handlers.pay", "other"]) != code_version(tmp_path, ["handlers.pay"])


def child(file: Path) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "qsup.check.load", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "T": "9s"})
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return done.returncode, answer


def test_the_child_prints_the_routing_as_one_json_object(tmp_path: Path) -> None:
    text = GOOD.replace("workers: 1", 'workers: 1, sleep: "${T}"') + "jobs: {A: {queue: pay, handler: 'pkg.mod:run'}}\n"
    file = saved(tmp_path, text)
    code, answer = child(file)
    assert code == 0
    assert Routing.from_dict(answer["routing"]).queues["pay"].sleep == 9
    assert answer["source_hash"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert answer["modules"] == ["pkg.mod"]
    assert answer["problems"] == []


def test_the_child_prints_the_problems_and_exits_78(tmp_path: Path) -> None:
    code, answer = child(saved(tmp_path, GOOD + "zzz: 1\n"))
    assert (code, answer["routing"]) == (78, None)
    assert answer["problems"][-1] == {
        "code": "Q010", "severity": "error", "path": str(tmp_path / "queues.yaml"), "line": 3, "column": 1,
        "message": "the file has no key `zzz`", "hint": "", "queue": None, "job": None,
    }  # fmt: skip


def test_a_missing_file_is_an_answer_of_the_child_too(tmp_path: Path) -> None:
    code, answer = child(tmp_path / "nothing.yaml")
    assert (code, answer["routing"], answer["source_hash"]) == (78, None, "")
