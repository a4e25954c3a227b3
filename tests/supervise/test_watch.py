"""Saves as they happen: renames, links, halves of files; by the kernel's word and without it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qsup.supervise.edits import Edits, is_refused, problems_of, read_now
from qsup.supervise.watch import EVERY, STILL, ConfigWatch, fingerprint, start_watching
from qsup.wake import WakePipe, wait
from tests.conftest import wait_until

GOOD = "version: 1\nqueues:\n  payments: {workers: 2}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "queues.yaml"
    path.write_text("one")
    return path


@pytest.fixture
def pipe() -> Iterator[WakePipe]:
    found = WakePipe()
    yield found
    os.close(found.read)
    os.close(found.write)


def passes(watch: ConfigWatch, now: float, seconds: float) -> list[float]:
    """When, in this time, a change was seen; each look exactly when it is due."""
    seen, end = [], now + seconds
    while watch.due <= end:
        at = watch.due
        if watch.changed(at):
            seen.append(at)
    return seen


def test_a_change_is_found_within_two_seconds_without_any_notification(file: Path) -> None:
    watch = ConfigWatch(file, fingerprint(file), 0.0)
    file.write_text("two")
    [at] = passes(watch, 0.0, 5.0)
    assert at <= EVERY + STILL


def test_a_notification_brings_the_look_forward(file: Path) -> None:
    watch = ConfigWatch(file, fingerprint(file), 0.0)
    file.write_text("two")
    watch.look_soon(0.1)
    assert passes(watch, 0.1, 5.0) == [0.1 + STILL]


def test_a_save_without_a_change_is_none(file: Path) -> None:
    watch = ConfigWatch(file, fingerprint(file), 0.0)
    file.write_text("one")
    os.utime(file)
    watch.look_soon(0.1)
    assert passes(watch, 0.1, 5.0) == []


def test_a_change_of_the_same_size_and_time_is_seen(file: Path) -> None:
    watch = ConfigWatch(file, fingerprint(file), 0.0)
    before = file.stat()
    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert len(passes(watch, 0.0, 5.0)) == 1


def test_a_half_written_file_is_not_read_before_it_stands_still(file: Path) -> None:
    watch = ConfigWatch(file, fingerprint(file), 0.0)
    for part in range(4):
        file.write_text("x" * part)
        watch.look_soon(watch.due)
        assert not watch.changed(watch.due), f"read after part {part}"
    assert len(passes(watch, 0.0, 5.0)) == 1


def test_a_change_that_is_taken_back_at_once_is_none(file: Path) -> None:
    watch = ConfigWatch(file, fingerprint(file), 0.0)
    file.write_text("two")
    assert not watch.changed(watch.due)
    file.write_text("one")
    assert passes(watch, 0.0, 5.0) == []


def test_a_file_that_goes_and_comes_back_the_same_is_read_for_both(file: Path) -> None:
    watch = ConfigWatch(file, fingerprint(file), 0.0)
    file.unlink()
    assert len(passes(watch, 0.0, 3.0)) == 1
    file.write_text("one")
    assert len(passes(watch, 3.0, 9.0)) == 1


def rings(pipe: WakePipe) -> bool:
    """Did somebody ring within ten seconds?"""
    wait([pipe.read], [], 10.0)
    return bool(os.read(pipe.read, 100))


def test_the_kernel_tells_of_an_atomic_rename_and_of_a_swapped_link(tmp_path: Path, pipe: WakePipe) -> None:
    # As Kubernetes lays a ConfigMap out: queues.yaml → ..data/queues.yaml, and ..data is a link that is replaced.
    for version in ("v1", "v2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "queues.yaml").write_text(version)
    (tmp_path / "..data").symlink_to("v1")
    file = tmp_path / "queues.yaml"
    file.symlink_to("..data/queues.yaml")
    watch, stop = ConfigWatch(file, fingerprint(file), 0.0), threading.Event()
    thread = start_watching(tmp_path, pipe.ring, stop)

    def swap() -> bool:
        (tmp_path / "..tmp").unlink(missing_ok=True)
        (tmp_path / "..tmp").symlink_to("v2")
        (tmp_path / "..tmp").rename(tmp_path / "..data")
        wait([pipe.read], [], 0.5)
        return rings(pipe)

    wait_until(swap, what="the watcher is at work and rings")
    watch.look_soon(0.1)
    assert len(passes(watch, 0.1, 2.0)) == 1
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_directory_that_cannot_be_watched_leaves_the_look_at_the_content(tmp_path: Path, pipe: WakePipe) -> None:
    thread = start_watching(tmp_path / "missing", pipe.ring, threading.Event())
    thread.join(10)
    assert not thread.is_alive()


def test_a_saved_file_is_read_in_a_child_and_its_answer_arrives(tmp_path: Path, pipe: WakePipe) -> None:
    file = tmp_path / "queues.yaml"
    file.write_text(GOOD)
    first, _ = read_now(file, 0.0)
    edits = Edits(file, first["source_hash"], 0.0, pipe)
    try:
        fresh = tmp_path / "fresh"
        fresh.write_text(GOOD.replace("2", "3"))
        fresh.rename(file)
        clock = iter(range(1, 100_000))
        answer = wait_until(lambda: edits.look(next(clock) / 10), 20.0, what="the file is read")
    finally:
        edits.close()
        os.waitpid(-1, 0)
        os.waitpid(-1, 0)
    assert answer is not None
    assert not is_refused(first)
    assert [queue["workers"] for queue in answer["routing"]["queues"]] == [3]


@pytest.mark.parametrize("spoil", [lambda file: file.write_text(GOOD.replace("2", "many")), Path.unlink, Path.mkdir])
def test_what_was_read_because_somebody_asked_and_is_taken_back_is_a_change(
    tmp_path: Path, pipe: WakePipe, spoil: Callable[[Path], object]
) -> None:
    file = tmp_path / "queues.yaml"
    file.write_text(GOOD)
    first, _ = read_now(file, 0.0)
    edits = Edits(file, first["source_hash"], 0.0, pipe)
    clock = iter(range(1, 100_000))
    try:
        if spoil is Path.mkdir:
            file.unlink()
        spoil(file)
        # Asked for before the watch has seen it for the first time.
        edits.asked = True
        refused = wait_until(lambda: edits.look(0.0), 20.0, what="the bad file is read")
        if file.is_dir():
            file.rmdir()
        file.write_text(GOOD)
        again = wait_until(lambda: edits.look(next(clock) / 10), 20.0, what="the good file is read")
    finally:
        edits.close()
        for _ in range(3):
            os.waitpid(-1, 0)
    assert refused is not None
    assert is_refused(refused)
    assert again is not None
    assert not is_refused(again)


def test_a_file_that_comes_back_while_its_absence_is_read_is_read_again(tmp_path: Path, pipe: WakePipe) -> None:
    file = tmp_path / "queues.yaml"
    file.write_text(GOOD)
    first, _ = read_now(file, 0.0)
    edits = Edits(file, first["source_hash"], 0.0, pipe)
    try:
        file.unlink()
        edits.asked = True
        assert edits.look(0.0) is None, "the child has begun"
        reading = edits.descriptors()
        wait(reading, [], 20.0)
        file.write_text(GOOD)
        refused = wait_until(lambda: edits.look(0.0), 20.0, what="the absence is told")
        # The clock stands still: the watch has not looked.
        again = wait_until(lambda: edits.look(0.0), 20.0, what="the good file is read")
    finally:
        edits.close()
        for _ in range(3):
            os.waitpid(-1, 0)
    assert refused is not None
    assert is_refused(refused)
    assert again is not None
    assert not is_refused(again)


def test_a_reading_child_that_dies_is_an_answer_too(tmp_path: Path) -> None:
    answer, _ = read_now(tmp_path / "missing.yaml", 0.0)
    os.waitpid(-1, 0)
    assert is_refused(answer)
    assert "cannot be read" in problems_of(answer)[0].message
