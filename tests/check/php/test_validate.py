"""`qsup validate` with PHP code, as a person or a CI runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from qsup.check.load import load
from qsup.check.stranding import findings
from tests.check.php.project import TREE
from tests.check.test_commands import qsup

FILE = """\
version: 1
queues:
  provisioning: {workers: 3}
  payments: {workers: 2}
  default: {workers: 1}
  idle: {workers: 0}
jobs:
  ProcessPayment: {queue: default, handler: jobs:run}
code: [app]
"""
HANDLER = "import qsup\n\nclass ProcessPayment(qsup.Job): ...\n\ndef run(job: ProcessPayment, ctx: qsup.Context) -> None: ...\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(TREE, tmp_path / "laravel")
    root = tmp_path / "laravel"
    (root / "queues.yaml").write_text(FILE)
    (root / "jobs.py").write_text(HANDLER)
    return root


def test_the_incident_is_told_before_it_is_deployed(project: Path) -> None:
    done = qsup("validate", cwd=project)
    assert done.returncode == 1
    assert (
        "app/Jobs/RouterProvisioningJob.php:24:24: RouterProvisioningJob goes to queue router-provisioning, which nobody "
        "hears; dispatched at app/Http/Controllers/RouterController.php:22, did you mean provisioning (queues.yaml:3:3)? "
        "[Q401]"
    ) in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1].startswith("queues.yaml: 4 queues, 6 workers, 1 job, 63 dispatch sites (2 not")


def test_a_route_that_says_another_queue_is_told(project: Path) -> None:
    done = qsup("validate", cwd=project)
    assert "PHP sends ProcessPayment to queue payments, but `jobs:` routes it to default" in done.stdout
    assert "nothing in the code dispatches ProcessPayment" not in done.stdout


def test_json_counts_the_sites_of_both_languages(project: Path) -> None:
    (project / "app" / "more.py").write_text("from jobs import ProcessPayment\nProcessPayment().dispatch()\n")
    answer = json.loads(qsup("validate", "--json", cwd=project).stdout)
    assert answer["sites"] == 64
    assert [(one["path"], one["line"], one["job"], one["why"]) for one in answer["unverifiable"]] == [
        ("app/Http/Controllers/RouterController.php", 47, "ProcessPayment", "it is the variable $queue"),
        (
            "app/Http/Controllers/RouterController.php",
            48,
            "ProcessPayment",
            "sprintf() gives it when the program runs",
        ),
    ]


def test_a_php_file_may_be_a_path(project: Path) -> None:
    answer = json.loads(qsup("validate", "--json", "routes/console.php", cwd=project).stdout)
    assert answer["sites"] == 5
    assert {one["queue"] for one in answer["problems"] if one["code"] == "Q401"} == {
        "hotspot-accounting",
        "maintenance",
        "dashboard",
    }


def test_an_application_whose_queues_are_all_heard_is_clean(project: Path) -> None:
    queues = sorted(
        {site for site in (TREE.parent / "sites.txt").read_text().split("\n") if site}, key=lambda line: line.split()[2]
    )
    names = sorted({line.split()[2] for line in queues} - {"?"})
    listed = "\n".join(f"  {name}: {{workers: 1}}" for name in names)
    (project / "queues.yaml").write_text(f"version: 1\nqueues:\n{listed}\ncode: [app, routes, config]\n")
    done = qsup("validate", cwd=project)
    assert done.returncode == 0, done.stdout


def test_code_without_the_application_around_it_belongs_together(tmp_path: Path) -> None:
    jobs = tmp_path / "app" / "Jobs"
    jobs.mkdir(parents=True)
    (jobs / "Deploy.php").write_text(
        "<?php\nnamespace App\\Jobs;\nclass Deploy implements \\Illuminate\\Contracts\\Queue\\ShouldQueue\n{\n"
        "    use \\Illuminate\\Bus\\Queueable;\n    public function __construct() { $this->onQueue('rollout'); }\n}\n"
    )
    (tmp_path / "app" / "Press.php").write_text("<?php\nuse App\\Jobs\\Deploy;\nDeploy::dispatch();\n")
    (tmp_path / "queues.yaml").write_text("version: 1\nqueues: {roll-out: {workers: 1}}\n")
    told = json.loads(qsup("validate", "app", "--json", cwd=tmp_path).stdout)
    assert told["unverifiable"] == []
    [found] = [one for one in told["problems"] if one["code"] == "Q401"]
    assert (found["queue"], found["job"]) == ("rollout", "Deploy")
    assert "dispatched at app/Press.php:3" in found["message"]


def test_an_edit_that_leaves_php_code_unheard_is_found_before_it_is_applied(project: Path) -> None:
    before = FILE.replace("payments:", "router-provisioning: {workers: 1}\n  payments:")
    (project / "queues.yaml").write_text(before)
    assert "router-provisioning" not in stranded(project)
    (project / "queues.yaml").write_text(FILE)
    assert "router-provisioning" in stranded(project)


def stranded(project: Path) -> set[str | None]:
    return {problem.queue for problem in findings(load(project / "queues.yaml", {}), project, "")}
