"""The cache and the other cores: they change how long it takes, never what is found. Nothing in a cache is believed."""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.estate import python_project
from qsup.check import cache as caches
from qsup.check import skim as skims
from qsup.check import skimmer
from qsup.check.cache import Cache, opened
from qsup.check.load import load
from qsup.check.python.kinship import Kinship
from qsup.check.scan import Scan, scan
from qsup.check.skim import Skim
from qsup.cli.validate import validate


class Estate:
    """A generated project of some 40 files, half of them with a dispatch, and its scans."""

    def __init__(self, folder: Path) -> None:
        self.seed = secrets.randbelow(10**6)
        self.root, self.environ = folder / "project", {"XDG_CACHE_HOME": str(folder / "cache")}
        python_project(self.root, 25, self.seed, dispatching=0.5)
        print(f"seed {self.seed}")

    def scan(self, skim: Skim | None = None) -> Scan:
        parsed = load(self.root / "queues.yaml", {}).parsed
        assert parsed is not None
        return scan(parsed, self.root, None, skim)

    def cache(self) -> Cache:
        return opened(self.root, self.environ)

    def kept(self) -> Scan:
        """A scan as the command makes it: from the cache, and into it."""
        cache = self.cache()
        found = self.scan(Skim(cache))
        cache.save()
        return found

    @property
    def file(self) -> Path:
        found = self.cache().file
        assert found is not None
        return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Estate, Scan]:
    estate = Estate(tmp_path_factory.mktemp("estate"))
    return estate, estate.scan()


@pytest.fixture
def estate(whole: tuple[Estate, Scan]) -> Iterator[Estate]:
    """A cache that is filled; the project itself stays as it is."""
    whole[0].kept()
    yield whole[0]
    for file in caches.place(whole[0].environ).glob("*"):  # type: ignore[union-attr]  # it has an absolute path
        file.unlink()


@pytest.fixture
def plain(whole: tuple[Estate, Scan]) -> Scan:
    return whole[1]


def test_the_summaries_leave_out_no_site(estate: Estate, plain: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kinship, "may_have_heirs", lambda *_: True)
    monkeypatch.setattr(skimmer, "_mentions", lambda _: True)
    monkeypatch.setattr(skimmer, "has_word", lambda _: True)
    assert estate.scan() == plain
    assert len(plain.sites) > 10


def test_a_second_run_reads_no_syntax_tree_of_what_dispatches(
    estate: Estate, plain: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: bytes) -> list[Any]:
        raise AssertionError("a file was summarised again")

    monkeypatch.setattr(skimmer, "summarised", refuse)
    monkeypatch.setattr("qsup.check.sites._of_module", refuse)
    assert estate.kept() == plain


def test_all_cores_find_what_one_does(estate: Estate, plain: Scan) -> None:
    cache = Cache()
    assert estate.scan(Skim(cache, cores=3, few=1)) == plain
    assert len(cache.new["files"]) > 30, "the other processes have answered"


@pytest.mark.parametrize("program", ["import sys; sys.exit(3)", "print('[', end='')", "print('[1,2]\\nnull\\n7')"])
def test_a_process_that_dies_or_babbles_costs_time_only(
    estate: Estate, plain: Scan, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    def broken() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(skims, "_child", broken)
    assert estate.scan(Skim(cores=2, few=1)) == plain


def test_a_machine_without_room_for_another_process_reads_alone(
    estate: Estate, plain: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise BlockingIOError

    monkeypatch.setattr(skims, "_child", full)
    assert estate.scan(Skim(cores=2, few=1)) == plain


def test_ctrl_c_leaves_no_process(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    children = []

    def slow() -> subprocess.Popen[bytes]:
        children.append(subprocess.Popen(["sleep", "600"], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        if len(children) == 2:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
        return children[-1]

    monkeypatch.setattr(skims, "_child", slow)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            estate.scan(Skim(cores=2, few=1))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert [child.returncode for child in children] == [-signal.SIGKILL] * 2


def pieces(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place inside of a value, as its holder and the key in it."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from pieces(value[key])


@pytest.mark.parametrize("junk", [1.5, None, [], {}, "x", [["x", []]]])
def test_entries_of_any_other_shape_end_no_scan(estate: Estate, plain: Scan, junk: Any) -> None:
    chance = random.Random(estate.seed)  # noqa: S311  a test, no secret
    sections = json.loads(estate.file.read_bytes().partition(b"\n")[2])
    places = list(pieces(sections))
    for holder, key in chance.sample(places, len(places) // 50):
        holder[key] = junk
    estate.file.write_bytes(caches._packed(sections))
    found = estate.scan(Skim(estate.cache()))
    # No entry has a float anywhere: those are all seen. An empty list in place of a full one may be what was found.
    assert found == plain or junk != 1.5


@pytest.mark.parametrize("contents", [b"", b"\n", b"{}", b"x" * 1000, b"0" * 64 + b"\n{}", b"\xff\n\xff"])
def test_a_broken_file_is_no_cache(estate: Estate, plain: Scan, contents: bytes) -> None:
    estate.file.write_bytes(contents)
    assert estate.cache().old == {}
    assert estate.kept() == plain
    assert estate.cache().old


def test_one_flipped_bit_is_seen(estate: Estate) -> None:
    written = bytearray(estate.file.read_bytes())
    place = random.Random(estate.seed).randrange(len(written))  # noqa: S311  a test, no secret
    written[place] ^= 1
    estate.file.write_bytes(written)
    assert estate.cache().old == {}, place


def test_what_another_user_could_have_written_is_not_read(estate: Estate, tmp_path: Path) -> None:
    estate.file.chmod(0o666)
    assert estate.cache().old == {}
    estate.file.chmod(0o600)
    assert estate.cache().old
    estate.file.parent.chmod(0o777)
    assert estate.cache().old == {}
    estate.file.parent.chmod(0o700)
    estate.file.rename(tmp_path / "elsewhere")
    estate.file.symlink_to(tmp_path / "elsewhere")
    assert estate.cache().old == {}


@pytest.mark.parametrize("environ", [{}, {"HOME": "home", "XDG_CACHE_HOME": "cache"}, {"HOME": "/dev/null"}])
def test_without_a_place_there_is_no_cache_and_no_error(
    whole: tuple[Estate, Scan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cache = opened(whole[0].root, environ)
    assert whole[0].scan(Skim(cache)) == whole[1]
    cache.save()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_cache_and_no_half_a_file(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    before = estate.file.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    cache = estate.cache()
    cache.keep("files", "0" * 64, [])
    cache.save()
    assert [file.read_bytes() for file in estate.file.parent.iterdir()] == [before]


def test_what_is_gone_from_the_project_is_gone_from_the_cache(estate: Estate) -> None:
    more = estate.root / "app" / "more.py"
    more.write_text("WORDS = 1\n")
    estate.kept()
    digest = skimmer.digest(more.read_bytes())
    assert digest in estate.cache().old["files"]
    more.unlink()
    estate.kept()
    assert digest not in estate.cache().old["files"]


def test_a_look_at_one_file_leaves_what_is_known_of_the_others(estate: Estate) -> None:
    before = estate.cache().old["files"].keys()
    cache = estate.cache()
    cache.keep("files", "0" * 64, [])
    cache.save(whole=False)
    assert estate.cache().old["files"].keys() == {*before, "0" * 64}


def test_only_the_projects_that_were_used_last_are_kept(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "MOST_FILES", 2)
    for number, name in enumerate(("first", "second")):
        estate.file.with_name(name).write_text("")
        os.utime(estate.file.with_name(name), (number, number))
    estate.file.write_bytes(b"")
    estate.kept()
    assert {file.name for file in estate.file.parent.iterdir()} == {estate.file.name, "second"}


def test_too_large_a_cache_is_not_written(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    before = estate.file.read_bytes()
    monkeypatch.setattr(caches, "MOST_BYTES", 1000)
    cache = Cache(estate.file)
    cache.keep("files", "0" * 64, ["x" * 1000])
    cache.save()
    assert estate.file.read_bytes() == before


def test_another_version_of_qsup_or_python_does_not_use_it(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "reader", lambda: "another")
    assert estate.cache().old == {}


def test_several_at_once_do_not_hurt_each_other(estate: Estate, plain: Scan) -> None:
    estate.file.unlink()
    with ThreadPoolExecutor(4) as threads:
        assert [found.sites for found in threads.map(lambda _: estate.kept(), range(4))] == [plain.sites] * 4
    assert [file.name for file in estate.file.parent.iterdir()] == [estate.file.name]
    assert estate.cache().old


def test_validate_keeps_a_cache_unless_told_not_to(
    whole: tuple[Estate, Scan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = [str(whole[0].root / "queues.yaml")]
    without = CliRunner().invoke(validate, [*file, "--no-cache"])
    assert list(tmp_path.iterdir()) == []
    assert CliRunner().invoke(validate, file).output == without.output
    assert len(list((tmp_path / "qsup" / "validate").iterdir())) == 1
    assert CliRunner().invoke(validate, file).output == without.output
