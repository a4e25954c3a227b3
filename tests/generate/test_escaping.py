"""Whatever a directory is called: supervisor reads back exactly what was meant, or the file is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsup.errors import QsupError
from qsup.generate.supervisord import Place, generate
from tests.generate.reader import Program, read_back
from tests.generate.routings import queue, routing

HOSTILE = [
    "with space", "100%", "%s", "%%", "%(here)s", "%(program_name)s", "%(ENV_HOME)s", "it's", "'quoted'", "semi;colon",
    "hash#tag", "a=b", "a:b", "a,b", "$HOME", "`id`", "a&b|c>d", "ünïcödé", "漢字", "[brackets]", "*?", "~", "-x", "=",
]  # fmt: skip

# The parser's own letters often, and any letter at all: what the examples above do not think of.
LETTERS = st.one_of(st.sampled_from(" %;#'\"\\=:,[]()$~\n\tés"), st.characters(exclude_characters="/\0"))
NAMES = st.text(LETTERS, min_size=1, max_size=12).filter(lambda name: name not in (".", ".."))
QUEUES = st.from_regex(r"[\w.-]{1,40}", fullmatch=True)


def read(home: str, folder: Path, name: str = "payments") -> list[Program]:
    """The processes of one queue with two workers, all of whose places are in `home`."""
    place = Place(
        program=(f"{home}/bin/qsup",),
        config_file=f"{home}/queues.yaml",
        directory=home,
        log_directory=home,
        environment={"HOME": home, "USER": "hotspot"},
    )
    made = generate(routing(queue(name, workers=2)), place, "qsup.conf", "qsup gen-supervisor")
    return read_back(made.content, folder)[f"qsup-{name}"]


def assert_exact(home: str, processes: list[Program], name: str = "payments") -> None:
    for number, process in enumerate(processes):
        assert process.argv == [f"{home}/bin/qsup", "worker", f"--queue={name}", f"--config={home}/queues.yaml"]
        assert process.directory == home
        assert process.environment == {"HOME": home, "USER": "hotspot"}
        assert process.log == f"{home}/qsup-{name}_{number:02d}.log"
    assert len(processes) == 2


@pytest.mark.parametrize("name", HOSTILE)
def test_a_directory_with_a_hostile_name_is_read_back_byte_by_byte(name: str, tmp_path: Path) -> None:
    home = tmp_path / f"{name}.d"
    home.mkdir()
    assert_exact(str(home), read(str(home), tmp_path))


@given(name=NAMES)
@settings(max_examples=400, deadline=None, print_blob=True)
def test_any_directory_is_read_back_exactly_or_refused(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, name)
        try:
            home.mkdir()
        except (OSError, UnicodeEncodeError):
            home = Path(folder)
        try:
            processes = read(str(home), Path(folder))
        except QsupError:
            return
        assert_exact(str(home), processes)


@given(name=QUEUES)
@settings(max_examples=200, deadline=None, print_blob=True)
def test_any_accepted_queue_name_comes_through(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            processes = read(folder, Path(folder), name)
        except QsupError:
            return
        assert_exact(folder, processes, name)
