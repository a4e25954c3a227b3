"""The page of each problem code: there is one, and its example really gives the problem."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from qsup import pages
from qsup.cli import cli
from tests.config.test_reference import codes_in_source

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)

ELSEWHERE = {
    "Q000": "tests/supervise/test_run.py",
    "Q117": "tests/check/test_advice.py",
    "Q308": "tests/check/test_rows.py",
    "Q310": "tests/supervise/test_run_unheard.py",
    "Q405": "tests/check/php/test_problems.py",
}
"""Codes that `qsup validate` in the folder of the page's example does not give, and the tests that see them given."""


def blocks(text: str, language: str = r"\w+") -> list[tuple[str, str]]:
    """(file name or "", text) of the fenced blocks in one language."""
    return [(name, body) for kind, name, body in BLOCK.findall(text) if re.fullmatch(language, kind)]


def lay_out(folder: Path, page: str) -> None:
    """The README's project, with the files of the page in it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, body in [*_of_the_readme(readme), *blocks(page)]:
        if name:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(body, encoding="utf-8")


def _of_the_readme(readme: str) -> list[tuple[str, str]]:
    found = [(body.partition("\n")[0].removeprefix("# "), body) for _, body in blocks(readme, "yaml|python")]
    assert [name for name, _ in found] == ["queues.yaml", "shop.py"]
    return found


def told(page: str) -> set[str]:
    """The codes that the page's commands print, run in the current folder; without any, those of plain validate."""
    lines = [line for _, body in blocks(page, "sh") for line in body.splitlines()]
    for line in lines:
        if not line.startswith("qsup "):
            subprocess.run(["bash", "-c", line], check=True)
    calls = [shlex.split(line)[1:] for line in lines if line.startswith("qsup ")]
    calls = calls or [["validate", "--db"] if blocks(page, "sql") else ["validate"]]
    return {code for call in calls for code in _codes([*call, "--json"])}


def _codes(call: list[str]) -> set[str]:
    done = CliRunner().invoke(cli, call, catch_exceptions=False)
    return {found["code"] for found in json.loads(done.stdout)["problems"]}


def test_every_code_that_the_source_gives_has_a_page_and_no_other() -> None:
    assert pages.codes() == sorted(codes_in_source())


@pytest.mark.parametrize("code", pages.codes())
def test_a_page_is_short_has_its_code_in_the_title_and_says_what_to_do(code: str) -> None:
    lines = pages.page(code).splitlines()
    assert re.fullmatch(rf"# {code}: \S.*\S", lines[0])
    assert 6 <= len(lines) <= 25, "what fits on a screen is read"
    assert "**What to do.**" in pages.page(code)
    assert all(len(line) <= 130 for line in lines)


@pytest.mark.parametrize("code", [code for code in pages.codes() if code not in ELSEWHERE])
def test_the_example_of_a_page_gives_the_problem(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    page = pages.page(code)
    if blocks(page, "sql") or "--db" in page or "--live" in page:
        dsn = request.getfixturevalue("dsn")
        monkeypatch.setenv("QSUP_DATABASE_URL", dsn)
        with psycopg.connect(dsn, autocommit=True) as connection:
            for _, body in blocks(page, "sql"):
                connection.execute(body.encode())
    lay_out(tmp_path, page)
    monkeypatch.chdir(tmp_path)
    assert code in told(page)


@pytest.mark.parametrize("code", ELSEWHERE)
def test_what_no_example_gives_is_tested_elsewhere(code: str) -> None:
    assert code in (ROOT / ELSEWHERE[code]).read_text(encoding="utf-8")


def test_explain_prints_the_page_as_it_is_into_a_pipe() -> None:
    done = CliRunner().invoke(cli, ["validate", "--explain", "q103"])
    assert (done.exit_code, done.stdout) == (0, pages.page("Q103"))


def test_explain_of_an_unknown_code_names_the_nearest_and_exits_2() -> None:
    done = CliRunner().invoke(cli, ["validate", "--explain", "Q1O3"])
    assert done.exit_code == 2
    assert "no problem has the code Q1O3, did you mean Q103?" in done.stderr
    assert pages.page("Q103") not in done.stdout


@pytest.mark.parametrize("no_color", ["", "1"])
def test_explain_on_a_terminal_is_laid_out_unless_colours_are_unwanted(no_color: str) -> None:
    parent, child = pty.openpty()
    env = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm-256color", "COLUMNS": "100"}
    command = [sys.executable, "-m", "qsup", "validate", "--explain", "Q103"]
    done = subprocess.run(command, stdout=child, env=env, check=False)
    os.close(child)
    text = os.read(parent, 100_000).decode()
    os.close(parent)
    assert done.returncode == 0
    assert ("\x1b[" in text) != bool(no_color)
    assert ("# Q103" in text) == bool(no_color)
