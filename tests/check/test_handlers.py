"""Handlers, hooks and job classes of `jobs:` against the source."""

from __future__ import annotations

import sys

import pytest

from tests.check.project import CLASSES, HANDLER, Project


def test_a_project_in_order_has_no_problems(project: Project) -> None:
    assert project.told() == []


def test_nothing_is_imported(project: Project) -> None:
    project.write("jobs/pay.py", HANDLER + "raise SystemExit('imported')\n")
    assert project.told() == []
    assert "jobs.pay" not in sys.modules


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            "handler: jobs.pya:run",
            "7:38: there is no module jobs.pya for the handler of PayJob, did you mean jobs.pay? [Q201]",
        ),
        ("handler: nowhere:run", "7:38: there is no module nowhere for the handler of PayJob [Q201]"),
        (
            "handler: jobs.pay:rum",
            "7:38: module jobs.pay has no function rum (the handler of PayJob), did you mean run? [Q202]",
        ),
        (
            "handler: jobs.classes:PayJob",
            "7:38: jobs.classes:PayJob is a class, expected a function with the parameters (job, ctx) [Q202]",
        ),
        (
            "handler: jobs.pay:run, failed: jobs.pay:sorry",
            "7:60: module jobs.pay has no function sorry (the `failed` hook of PayJob) [Q202]",
        ),
    ],
)
def test_a_handler_that_is_not_there_is_told_at_its_value(project: Project, entry: str, line: str) -> None:
    project.job(f"{{queue: payments, {entry}}}")
    assert f"queues.yaml:{line}" in project.told()


FITTING = [
    "def run(job, ctx)",
    "async def run(job, ctx)",
    "def run(job: PayJob, ctx, extra=1)",
    "def run(*args)",
    "def run(job, *rest)",
    "def run(job: 'PayJob', ctx)",
    "def run(job: qsup.Job, ctx)",
    "def run(job: classes.PayJob, /, ctx)",
    "@wraps\ndef run(one)",
]
NOT_FITTING = ["run()", "run(job)", "run(a, b, c)", "run(job, *, ctx)", "run(job, ctx, *, x)"]


@pytest.mark.parametrize("signature", FITTING)
def test_a_handler_that_takes_job_and_ctx_fits(project: Project, signature: str) -> None:
    imports = "import qsup\nfrom jobs import classes\nfrom jobs.classes import PayJob\n"
    project.write("jobs/pay.py", f"{imports}{signature}: ...\n")
    assert project.told() == []


@pytest.mark.parametrize("signature", NOT_FITTING)
def test_a_handler_that_cannot_take_job_and_ctx_is_told(project: Project, signature: str) -> None:
    project.write("jobs/pay.py", f"from jobs.classes import PayJob\ndef {signature}: ...\n")
    assert project.told() == [
        "queues.yaml:7:38: run cannot be called with two arguments, expected the parameters (job, ctx) [Q203]"
    ]


def test_a_handler_for_another_job_is_told(project: Project) -> None:
    project.write("jobs/pay.py", HANDLER.replace("PayJob", "SmsJob"))
    assert project.told() == ["queues.yaml:7:38: run takes a SmsJob, but PayJob is routed to it [Q204]"]


def test_a_handler_may_come_from_another_module(project: Project) -> None:
    project.write("jobs/inner.py", HANDLER)
    project.write("jobs/pay.py", "from .inner import run\nfrom .classes import PayJob\n")
    assert project.told() == []
    project.write("jobs/pay.py", "from .inner import missing as run\n")
    assert project.told()[0].startswith("queues.yaml:7:38: module jobs.pay has no function run ")


def test_a_module_that_takes_everything_from_another_may_have_any_function(project: Project) -> None:
    project.write("jobs/inner.py", HANDLER)
    project.write("jobs/pay.py", "from .inner import *\n")
    assert project.told() == []


def test_folders_without_an_init_file_are_packages_too(project: Project) -> None:
    project.write("deep/er/pay.py", HANDLER)
    project.job("{queue: payments, handler: deep.er.pay:run}")
    assert project.told() == []


def test_a_package_s_own_module_counts(project: Project) -> None:
    project.write("jobs/__init__.py", "from .pay import run\nfrom .classes import PayJob\n")
    project.job("{queue: payments, handler: 'jobs:run'}")
    assert project.told() == []


def test_a_module_that_is_not_python_is_told_with_its_line(project: Project) -> None:
    project.write("jobs/pay.py", "import qsup\ndef run(job, ctx:\n")
    told = project.told()
    assert len(told) == 1
    assert told[0].startswith("queues.yaml:7:38: the handler of PayJob is in pay.py, which is not Python: ")
    assert told[0].endswith("look at line 2 [Q208]")


def test_a_job_class_that_is_nowhere_is_told_with_the_nearest(project: Project) -> None:
    project.write("jobs/classes.py", CLASSES.replace("PayJob", "PaysJob"))
    project.write("jobs/pay.py", "def run(job, ctx): ...\n")
    project.write("app/site.py", "")
    told = [line for line in project.told() if "info" not in line]
    assert told == ["queues.yaml:7:3: there is no job class PayJob in the code, did you mean PaysJob? [Q205]"]


@pytest.mark.parametrize("base", ["", "(object)", "(BaseModel)", "(Exception)", "(Plain)"])
def test_a_class_that_is_no_job_is_told(project: Project, base: str) -> None:
    project.write("jobs/classes.py", f"from pydantic import BaseModel\nclass Plain: ...\nclass PayJob{base}: ...\n")
    told = [line for line in project.told() if "info" not in line]
    message = "PayJob in jobs.classes is not a job class, expected class PayJob(qsup.Job) [Q206]"
    assert told == [f"queues.yaml:7:3: {message}"]


@pytest.mark.parametrize(
    "source",
    [
        "from qsup import Job\nclass PayJob(Job): ...",
        "import qsup as q\nclass PayJob(q.Job): ...",
        "from qsup.job import Job as J\nclass Money(J): ...\nclass PayJob(Money): ...",
        "import qsup\nclass Mixed: ...\nclass PayJob(Mixed, qsup.Job): ...",
        "from unreadable import Mystery\nclass PayJob(Mystery): ...",
    ],
)
def test_a_class_that_is_a_job_by_any_way_fits(project: Project, source: str) -> None:
    project.write("jobs/classes.py", source + "\n")
    assert project.told() == []
