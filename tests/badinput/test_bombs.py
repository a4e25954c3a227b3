"""Files made to use up memory, time or the stack of whoever reads them, and files that are no files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qsup.check.load import load
from tests.badinput.mutations import SMALLEST

HEAD = "version: 1\nqueues: {a: {workers: 1}}\n"
LAUGHS = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 10))
MERGES = "".join(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}\n" for n in range(1, 10))

BOMBS = {
    "a billion laughs": ("l0: &l0 ha\n" + LAUGHS, "with its anchors written out"),
    "a billion merges": ("m0: &m0 {a: 1}\n" + MERGES, "with its anchors written out"),
    "lists 10,000 deep": ("[" * 10_000, "nested more than 12 deep"),
    "mappings 10,000 deep": (HEAD + "jobs: " + "{a: " * 10_000 + "}" * 10_000, "nested more than 12 deep"),
    "blocks 10,000 deep": ("- " * 10_000 + "a", "nested more than 12 deep"),
    "blocks by their indent": ("".join(" " * n + "a:\n" for n in range(900)), "nested more than 12 deep"),
    "an alias of itself": ("a: &a [*a]\n", "*a refers to nothing above it"),
    "100 kB of a name": (f"version: 1\nqueues:\n  ? {'a' * 100_000}\n  : {{workers: 1}}\n", "the name of a queue"),
    "100 kB of a key": (HEAD + f"? {'k' * 100_000}\n: 1\n", "has no key"),
    "100 kB before a colon": (HEAD + f"{'k' * 100_000}: 1\n", "could not find expected ':'"),
    "100 kB of a handler": (HEAD + f"jobs: {{J: {{queue: a, handler: '{'h' * 100_000}:f'}}}}\n", None),
    "100 kB of a purpose": (f"version: 1\nqueues: {{a: {{workers: 1, purpose: '{'p' * 100_000}'}}}}\n", None),
    "100 kB of a folder": (HEAD + f"code: ['{'c' * 100_000}']\n", None),
    "100 kB of a file": (HEAD + f"database_file: '{'d' * 100_000}'\n", "missing, unreadable or empty"),
    "100,000 digits": (HEAD + f"payload_limit: {'9' * 100_000}\n", "payload_limit"),
    "a number beyond all floats": (HEAD + "defaults: {timeout: 1e400}\n", "expected a duration"),
    "not a number": (HEAD + "defaults: {timeout: .nan, sleep: .inf}\n", "expected a duration"),
    "a date": ("version: 2026-01-02\nqueues: {a: {workers: 1}}\n", "expected 1"),
    "a variable of itself": (HEAD + "database: 'postgres://${LOOP}/${LOOP:-${LOOP}}'\n", "malformed variable"),
    "60,000 variables": (HEAD + "database: '" + "${LOOP}" * 60_000 + "'\n", None),
    "60,000 open braces": (HEAD + "database: '" + "${" * 60_000 + "'\n", "malformed variable"),
    "an object of Python's": (HEAD + "code: !!python/object/apply:os.system ['touch /tmp/pwned']\n", "has no meaning"),
    "NUL": (HEAD + "database: a\0b\n", "not allowed in YAML"),
    "500 kB of comments": ("#\n" * 250_000, "the file is empty"),
    "20,000 keys": ("".join(f"k{n}: 1\n" for n in range(20_000)), "has no"),
    "20,000 duplicates": (HEAD + "code: []\n" * 20_000, "given twice"),
    "too many keys": ("".join(f"k{n}: 1\n" for n in range(30_000)), "more than 50,000 values"),
    "100 MB": ("#" * 100_000_000, "too large"),
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """What one child with little memory said of each."""
    folder = tmp_path_factory.mktemp("bombs")
    files = []
    for number, (text, _) in enumerate(BOMBS.values()):
        files.append(folder / f"{number}.yaml")
        files[-1].write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "tests.badinput.limited", *map(str, files)], capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return dict(zip(BOMBS, [json.loads(line) for line in done.stdout.splitlines()], strict=True))


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_read_with_little_memory_and_soon(bomb: str, told: dict[str, dict[str, object]]) -> None:
    _, said = BOMBS[bomb]
    errors, seconds = told[bomb]["errors"], told[bomb]["seconds"]
    assert isinstance(seconds, float)
    assert seconds < 30, "the supervisor would have given up"
    if said is None:
        assert errors is None
        return
    assert isinstance(errors, list)
    assert any(said in error for error in errors), errors[:3]
    assert max(map(len, errors)) < 1000, "nobody reads so much"


def socket_at(path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.fspath(path))


def circle(path: Path) -> None:
    path.symlink_to(path)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (Path.mkdir, "cannot be read: is a directory"),
    "a pipe without a writer": (os.mkfifo, "the file is empty"),
    "a link to nowhere": (lambda path: path.symlink_to("nothing"), "cannot be read: no such file or directory"),
    "a link to itself": (circle, "cannot be read: too many levels of symbolic links"),
    "an endless device": (lambda path: path.symlink_to("/dev/zero"), "too large, expected at most 512 kB"),
    "an empty device": (lambda path: path.symlink_to("/dev/null"), "the file is empty"),
    "a socket": (socket_at, "cannot be read: no such device or address"),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_file_is_told(odd: str, tmp_path: Path) -> None:
    make, said = ODD[odd]
    make(tmp_path / "queues.yaml")
    [found] = load(tmp_path / "queues.yaml", {}).problems
    assert said in str(found)


def test_a_pipe_with_a_writer_is_read(tmp_path: Path) -> None:
    file = tmp_path / "queues.yaml"
    os.mkfifo(file)
    with subprocess.Popen(["sh", "-c", f"sleep 0.2; cat > {file}"], stdin=subprocess.PIPE) as writer:
        assert writer.stdin is not None
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        writer.stdin.write(SMALLEST)
        writer.stdin.close()
        writer.wait()
        os.close(descriptor)
    assert load(Path("/dev/null"), {}).routing is None


@pytest.mark.parametrize("make", [os.mkfifo, circle, lambda path: path.symlink_to("/dev/zero")])
def test_a_secret_s_file_that_is_none_is_told(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path / "secret")
    (tmp_path / "queues.yaml").write_text(HEAD + "database_file: secret\n")
    found = load(tmp_path / "queues.yaml", {})
    assert "`database_file` names a file that is missing" in str(found.problems[-1])


def test_python_files_that_are_none_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    os.mkfifo(tmp_path / "shop" / "pipe.py")
    circle(tmp_path / "shop" / "circle.py")
    (tmp_path / "queues.yaml").write_text(HEAD + "jobs: {J: {queue: a, handler: 'shop.x:f'}}\ncode: [shop]\n")
    done = subprocess.run(
        [sys.executable, "-m", "qsup", "validate"],
        cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="another account is needed whose files nobody else may read")
def test_what_may_not_be_read_is_told(tmp_path: Path) -> None:
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    file = tmp_path / "queues.yaml"
    file.write_bytes(SMALLEST)
    file.chmod(0)
    script = (
        f"from qsup.check.load import load; from pathlib import Path; print(load(Path({str(file)!r}), {{}}).problems)"
    )
    # The capabilities that let root read everything are dropped with the user.
    code = f"import os; import qsup.check.load; os.setuid(65534); {script}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "the file cannot be read: permission denied" in done.stdout, done.stderr
