"""What `qsup validate` prints for people and for programs, and how it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from click.testing import CliRunner, Result

from qsup.check.findings import Findings, Unclear
from qsup.check.problem import Problem
from qsup.cli import cli
from qsup.generate.github import workflow_lines
from qsup.generate.sarif import sarif
from tests.check.project import QUEUES, Project
from tests.check.sarif_shape import faults
from tests.check.test_pages import ROOT, blocks, lay_out

CLEAN = QUEUES.replace("  idle: {workers: 0}\n", "").replace("  sms: {workers: 1}\n", "")


@pytest.fixture
def here(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project, with its folder as the current one."""
    monkeypatch.chdir(project.root)
    return project


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def unheard(project: Project) -> None:
    """An error, a warning, a note, and a site that cannot be judged."""
    project.write("app/site.py", "from jobs.classes import SmsJob\nSmsJob(to='x').dispatch()\n")
    project.write("app/other.py", "def send(job):\n    job.dispatch()\n")


def test_json_has_the_keys_in_the_order_that_is_documented(here: Project) -> None:
    unheard(here)
    answer = json.loads(run("validate", "--json").stdout)
    assert list(answer) == ["problems", "unverifiable", "sites"]
    for found in answer["problems"]:
        assert list(found) == ["code", "severity", "path", "line", "column", "message", "hint", "queue", "job"]
    assert answer["unverifiable"] == [
        {"path": "app/other.py", "line": 2, "column": 5, "job": None, "queue": None}
        | {"why": answer["unverifiable"][0]["why"]}
    ]
    assert (answer["sites"], run("validate", "--format", "json").stdout) == (2, run("validate", "--json").stdout)


def test_the_documented_example_is_what_json_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "reference" / "problems.md").read_text(encoding="utf-8")
    lay_out(tmp_path, page)
    monkeypatch.chdir(tmp_path)
    ((_, example),) = blocks(page, "json")
    assert json.dumps(json.loads(run("validate", "till.py", "--json").stdout), indent=2) == example.rstrip("\n")


def test_check_is_validate(here: Project) -> None:
    unheard(here)
    for arguments in ([], ["--json"], ["--strict", "--format", "sarif"]):
        one, other = run("validate", *arguments), run("check", *arguments)
        assert (one.exit_code, one.stdout) == (other.exit_code, other.stdout)


def test_two_formats_exclude_each_other(here: Project) -> None:
    done = run("validate", "--json", "--format", "sarif")
    assert (done.exit_code, here.root.exists()) == (2, True)
    assert "--json and --format sarif exclude each other" in done.stderr


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
def test_the_exit_code_does_not_depend_on_the_format(here: Project, form: str) -> None:
    assert run("validate", "--format", form, "--strict").exit_code == 1
    here.write("queues.yaml", CLEAN)
    assert run("validate", "--format", form, "--strict").exit_code == 0
    unheard(here)
    assert run("validate", "--format", form).exit_code == 1
    here.write("queues.yaml", "version: 1\nqueues: {pay: {worker: 1}}\n")
    assert run("validate", "--format", form).exit_code == 78


def test_github_marks_the_lines_of_a_pull_request(here: Project) -> None:
    unheard(here)
    lines = run("validate", "--format", "github").stdout.splitlines()
    message = "SmsJob is dispatched here, but no queue is declared for it under `jobs:`, add it to queues.yaml"
    assert f"::error file=app/site.py,line=2,col=1,title=Q210::{message}" in lines
    assert [line.partition(" ")[0] for line in lines[:-1]] == [
        {"error": "::error", "warning": "::warning", "info": "::notice"}[found["severity"]]
        for found in json.loads(run("validate", "--json").stdout)["problems"]
    ] + ["::notice"]
    assert "file=app/other.py,line=2,col=5,title=not verifiable" in lines[-2]
    assert lines[-1].startswith("queues.yaml: 3 queues")


COMMAND = re.compile(r"::(\w+) ([^\n]*?)::([^\r\n]*)")


def unescaped(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it."""
    match = COMMAND.fullmatch(line)
    assert match, line
    given = dict(pair.split("=", 1) for pair in match[2].split(","))
    return match[1], {name: unquote(value) for name, value in given.items()}, unquote(match[3])


@pytest.mark.parametrize(
    "text", ["100%", "%0A", "a\nb", "a\r\nb", "::error::c", "x,line=9", "a:b,c=d", "\n::stop-commands::x"]
)
def test_github_lines_carry_any_text_and_no_second_command(text: str) -> None:
    told = Problem(code="Q101", message=text, path=f"{text}.py", line=3, column=1)
    (line,) = workflow_lines(Findings(problems=(told,)))
    assert "\n" not in line
    level, place, message = unescaped(line)
    assert (level, message, place["file"], place["line"]) == ("error", text, f"{text}.py", "3")


def log(project: Project) -> dict[str, Any]:
    unheard(project)
    found: dict[str, Any] = json.loads(run("validate", "--format", "sarif").stdout)
    return found


def test_sarif_names_every_problem_with_its_rule_and_place(here: Project) -> None:
    (analysis,) = log(here)["runs"]
    answer = json.loads(run("validate", "--json").stdout)
    results = [result for result in analysis["results"] if "kind" not in result]
    assert [(result["ruleId"], result["level"].replace("note", "info")) for result in results] == [
        (found["code"], found["severity"]) for found in answer["problems"]
    ]
    places = [result["locations"][0]["physicalLocation"] for result in results]
    assert [(place["artifactLocation"]["uri"], place["region"]["startLine"]) for place in places] == [
        (found["path"], found["line"]) for found in answer["problems"]
    ]


def test_a_site_that_cannot_be_judged_is_an_open_result(here: Project) -> None:
    (analysis,) = log(here)["runs"]
    (result,) = [result for result in analysis["results"] if "kind" in result]
    assert (result["kind"], result["level"], result["ruleId"]) == ("open", "none", "not-verifiable")


def test_sarif_is_what_its_schema_allows(here: Project) -> None:
    assert list(faults(log(here))) == []


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda log: log.pop("version"), "$.version is missing"),
        (lambda log: log.update(version="2.0.0"), "$.version is '2.0.0'"),
        (lambda log: log["runs"][0]["tool"]["driver"].pop("name"), "$.runs[0].tool.driver.name is missing"),
        (lambda log: log["runs"][0]["results"][1].update(severity="x"), "$.runs[0].results[1].severity is not in"),
        (lambda log: log["runs"][0]["results"][0].update(level="info"), "$.runs[0].results[0].level is 'info'"),
        (lambda log: region(log).update(startLine=0), "startLine is 0, expected at least 1"),
        (lambda log: region(log).update(startColumn="1"), "startColumn is '1', expected at least 1"),
        (lambda log: log["runs"][0]["results"][0].pop("message"), "$.runs[0].results[0].message is missing"),
        (lambda log: log["runs"][0].update(results={}), "$.runs[0].results[0] is no object"),
    ],
)
def test_and_what_it_does_not_allow_is_seen(here: Project, break_it: Callable[[Any], None], said: str) -> None:
    broken = log(here)
    break_it(broken)
    assert said in "\n".join(faults(broken))


def region(log: Any) -> Any:
    return log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]


def test_sarif_names_each_rule_once_and_points_at_it(here: Project) -> None:
    """What the standard (sections 3.19.23, 3.27.6, 3.27.9) asks beyond the schema."""
    (analysis,) = log(here)["runs"]
    rules = analysis["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in analysis["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result.get("kind", "fail") == "fail" or result["level"] == "none"


def test_sarif_of_what_has_no_line_or_file_of_its_own(tmp_path: Path) -> None:
    rows = Problem(code="Q301", message="queue x holds 1 job", queue="x")
    whole = Problem(code="Q001", message="cannot be read", path=f"{tmp_path}/a b.yaml")
    site = Unclear(path="ü.py", line=1, column=2, job=None, queue=None, why="any value")
    found = sarif(Findings(problems=(rows, whole), unverifiable=(site,)), "queues.yaml", lambda code: f"# {code}: x\n")
    assert list(faults(found)) == []
    places = [result["locations"][0]["physicalLocation"] for result in found["runs"][0]["results"]]
    assert places[0] == {"artifactLocation": {"uri": "queues.yaml"}}
    assert places[1] == {"artifactLocation": {"uri": f"file://{tmp_path}/a%20b.yaml"}}
    assert places[2]["artifactLocation"] == {"uri": "%C3%BC.py"}
    assert found["runs"][0]["results"][0]["properties"] == {"queue": "x"}
