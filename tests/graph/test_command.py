"""`qsup graph` as it is called."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from qsup.cli import cli
from qsup.errors import ConfigUnreadable
from tests.graph.worlds import ALL_WRONG, PYTHON, ROUTES_WRONG, incident, inside, write

CLEAN = {
    "queues.yaml": """\
        version: 1
        queues: {pay: {workers: 2}}
        jobs: {PayJob: {queue: pay, handler: "jobs:run"}}
        code: [jobs.py]
        """,
    "jobs.py": """\
        import qsup
        class PayJob(qsup.Job): ...
        def run(job: PayJob, ctx): job.dispatch()
        """,
}


def run(folder: Path, *words: str) -> Result:
    with inside(folder):
        return CliRunner().invoke(cli, ["graph", *words], catch_exceptions=False)


def test_the_whole_program_draws_and_exits_0_whatever_it_has_drawn(tmp_path: Path) -> None:
    """The one process: also where the terminal cannot show every letter of a name."""
    write(tmp_path, ALL_WRONG | {"app/käse.py": "from jobs.pay import *\nPayJob().dispatch()\n"})
    environ = {key: value for key, value in os.environ.items() if key != "QSUP_CONFIG"}
    environ |= {"PYTHONIOENCODING": "ascii", "FORCE_COLOR": "1", "NO_COLOR": "1"}
    argv = [sys.executable, "-m", "qsup", "graph"]
    done = subprocess.run(argv, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "|-- from app/k\\xe4se.py:2" in done.stdout
    assert "payment: nobody listens, unheard" in done.stdout
    assert "\x1b[31m" not in done.stdout
    assert done.stderr == "6 unheard, drawn in red: `qsup validate` says where they are and what to do\n"


def test_nothing_is_said_beside_a_drawing_in_which_everybody_is_heard(tmp_path: Path) -> None:
    done = run(write(tmp_path, CLEAN))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "queues.yaml: 1 queue, 1 job, 1 dispatch site; nothing is unheard",
        "",
        "pay: 2 workers",
        "└── PayJob",
        "    └── from itself (jobs.py:3)",
    ]


def test_json_has_nodes_edges_and_the_problems(tmp_path: Path) -> None:
    done = run(write(tmp_path, ALL_WRONG), "--json")
    answer = json.loads(done.stdout)
    assert list(answer) == ["title", "nodes", "edges", "problems", "sites", "unsure"]
    assert list(answer["nodes"][0]) == ["id", "kind", "name", "note", "unheard", "unsure", "why"]
    assert list(answer["edges"][0]) == ["source", "target", "places", "lost", "unheard", "unsure", "why"]
    assert {edge[end] for edge in answer["edges"] for end in ("source", "target")} <= {
        one["id"] for one in answer["nodes"]
    }
    assert [one["code"] for one in answer["problems"]] == ["Q108", "Q210", "Q215", "Q212", "Q210", "Q213"]
    assert run(tmp_path, "--format", "json").stdout == done.stdout


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("a.svg", "<?xml"), ("a.html", "<!DOCTYPE"), ("a.dot", "digraph"), ("a.gv", "digraph"), ("a.mmd", "flowchart"),
        ("a.json", "{"), ("a.txt", "queues.yaml: 1 queue"), ("a", "queues.yaml: 1 queue"),
    ],
)  # fmt: skip
def test_the_name_of_the_output_says_its_format(tmp_path: Path, name: str, begins: str) -> None:
    write(tmp_path, CLEAN)
    assert run(tmp_path, "-o", name).stdout == ""
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(begins)
    run(tmp_path, "-o", name, "--format", "svg")
    assert ElementTree.parse(tmp_path / name).getroot().get("role") == "img"  # noqa: S314  our own text


def test_two_formats_exclude_each_other(tmp_path: Path) -> None:
    done = run(write(tmp_path, CLEAN), "--json", "--format", "svg")
    assert done.exit_code == 2
    assert "--json and --format svg exclude each other" in done.stderr


def test_a_laravel_project_is_drawn_without_any_queues_yaml(tmp_path: Path) -> None:
    done = run(incident(tmp_path, PYTHON), "--supervisor", "queue.conf", "app")
    assert done.exit_code == 0
    assert "provisioning: heard by laravel-queue-provisioning (3 workers, queue.conf:176)" in done.stdout
    assert "router-provisioning: nobody listens, unheard" in done.stdout
    assert done.stderr.startswith("1 unheard, drawn in red")


def test_a_file_with_unheard_jobs_is_drawn_and_another_wrong_one_is_not(tmp_path: Path) -> None:
    done = run(write(tmp_path, ROUTES_WRONG))
    assert done.exit_code == 0
    assert "pya: nobody listens, unheard" in done.stdout
    assert "queues.yaml has errors: its code was not read" in done.stderr
    write(tmp_path, {"queues.yaml": "version: 1\nqueues: {a: {worker: 1}}\n"})
    with pytest.raises(ConfigUnreadable, match="has no key `worker`"):
        run(tmp_path)
    with pytest.raises(ConfigUnreadable):
        run(tmp_path, "-c", "nowhere.yaml")
