"""Dispatch sites: which job and queue each one names, and both directions of the comparison."""

from __future__ import annotations

import pytest

from tests.check.project import Project

IMPORTS = """\
import qsup
from qsup import dispatch, dispatch_many
from jobs.classes import PayJob, SmsJob as Text
import jobs.classes
"""


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("PayJob(amount=1).dispatch()", ["PayJob"]),
        ("PayJob(amount=1).dispatch(conn, delay=5)", ["PayJob"]),
        ("jobs.classes.PayJob(amount=1).dispatch()", ["PayJob"]),
        ("Text(to='x').dispatch()", ["SmsJob"]),
        ("PayJob.model_validate({}).dispatch()", ["PayJob"]),
        ("qsup.dispatch(PayJob(amount=1), conn)", ["PayJob"]),
        ("dispatch(PayJob(amount=1))", ["PayJob"]),
        ("dispatch(job=PayJob(amount=1))", ["PayJob"]),
        ("qsup.dispatch_many([PayJob(amount=1), Text(to='x'), PayJob(amount=2)])", ["PayJob", "SmsJob"]),
        ("dispatch_many([PayJob(amount=n) for n in range(5)])", ["PayJob"]),
        ("dispatch_many(PayJob(amount=n) for n in range(5))", ["PayJob"]),
        ("dispatch_many((Text(to='x'),))", ["SmsJob"]),
        ("(PayJob(amount=1) if x else Text(to='x')).dispatch()", ["PayJob", "SmsJob"]),
        ("job = PayJob(amount=1)\njob.dispatch()", ["PayJob"]),
        ("batch = [Text(to='x')]\ndispatch_many(batch)", ["SmsJob"]),
        ("def f(job: PayJob):\n    job.dispatch()", ["PayJob"]),
        ("def f():\n    from jobs.classes import SmsJob\n    SmsJob(to='x').dispatch()", ["SmsJob"]),
        ("class Own(qsup.Job):\n    def again(self):\n        self.dispatch()", ["Own"]),
        ("async def f(conn):\n    await PayJob(amount=1).dispatch(conn)", ["PayJob"]),
        # no jobs
        ("class Bus: ...\nBus().dispatch()", []),
        ("class View:\n    def get(self):\n        self.dispatch()\n        super().dispatch()", []),
        ("jobs.dispatch()", []),
        ("'PayJob(amount=1).dispatch()'", []),
        # only running would tell
        ("make().dispatch()", ["?"]),
        ("def f(job):\n    job.dispatch()", ["?"]),
        ("dispatch(job)", ["?"]),
        ("dispatch_many(jobs_of(x))", ["?"]),
        ("dispatch_many([*many])", ["?"]),
        ("self.registry[name](x).dispatch()", ["?"]),
        ("def f(jobs):\n    jobs.dispatch()", ["?"]),
        ("def f():\n    job = PayJob(amount=1)\n    def g():\n        job.dispatch()", ["PayJob"]),
        ("for job in many:\n    job.dispatch()", ["?"]),
        ("batch = []\nbatch.append(PayJob(amount=1))\ndispatch_many(batch)", ["PayJob"]),
        ("Alias = PayJob\nAlias(amount=1).dispatch()", ["PayJob"]),
        ("dispatch_many()", ["?"]),
        ("def f(x):\n    job = PayJob(amount=1)\n    job = job if x else job\n    job.dispatch()", ["PayJob"]),
        ("def f(job):\n    job = job if job else PayJob(amount=1)\n    job.dispatch()", ["?", "PayJob"]),
        ("from elsewhere import Base\nclass Event(Base): ...\nEvent().dispatch()", ["?"]),
    ],
)
def test_a_site_names_its_job(project: Project, code: str, seen: list[str]) -> None:
    assert [line.partition(": ")[2] for line in project.seen(IMPORTS + code + "\n")] == seen


@pytest.mark.parametrize(
    ("code", "queue"),
    [
        ("PayJob(amount=1).dispatch(queue='sms')", " sms"),
        ("PayJob(amount=1).dispatch(queue=None)", ""),
        ("PayJob(amount=1).dispatch(**options)", ""),
        ("QUEUE = 'sms'\nPayJob(amount=1).dispatch(queue=QUEUE)", " sms"),
        ("qsup.dispatch(PayJob(amount=1), queue='sms')", " sms"),
    ],
)
def test_a_literal_queue_is_read(project: Project, code: str, queue: str) -> None:
    assert project.seen(IMPORTS + code + "\n")[0].partition(": ")[2] == f"PayJob{queue}"


def test_a_queue_that_only_running_would_tell_is_not_verifiable(project: Project) -> None:
    project.seen(IMPORTS + "from elsewhere import pick\nPayJob(amount=1).dispatch(queue=pick())\n")
    site = project.scan().unverifiable()[0]
    assert (site.job, site.line, site.column) == ("PayJob", 6, 1)
    assert site.why == "which queue it is shows only when it runs"


def test_a_dispatched_job_without_a_route_is_an_error_with_the_nearest(project: Project) -> None:
    project.write("app/site.py", "import qsup\nclass PayJobs(qsup.Job): ...\n\nif True:\n    PayJobs().dispatch()\n")
    assert project.told() == [
        "app/site.py:5:5: PayJobs is dispatched here, but no queue is declared for it under `jobs:`, "
        "did you mean PayJob? [Q210]",
        "queues.yaml:7:3: info: nothing in the code dispatches PayJob [Q211]",
    ]


def test_the_founding_incident_is_found(project: Project) -> None:
    """A job sent to a queue that nobody listens to: found before it is deployed."""
    project.write("app/site.py", "from jobs.classes import PayJob\nPayJob(amount=1).dispatch(queue='payment')\n")
    assert project.told() == [
        "app/site.py:2:1: PayJob goes to queue payment, which is not declared: this dispatch would be refused, "
        "did you mean payments? [Q212]"
    ]


def test_a_queue_without_workers_is_told_at_the_site(project: Project) -> None:
    project.write("app/site.py", "from jobs.classes import PayJob\nPayJob(amount=1).dispatch(queue='idle')\n")
    assert project.told() == [
        "app/site.py:2:1: PayJob goes to queue idle, which has no workers: this dispatch would be refused [Q213]"
    ]


def test_a_route_that_nothing_dispatches_is_a_note_that_knows_of_the_unreadable_sites(project: Project) -> None:
    project.write("app/site.py", "def send(job):\n    job.dispatch()\n")
    assert project.told() == [
        "queues.yaml:7:3: info: nothing in the code dispatches PayJob, unless a site that cannot be read does [Q211]"
    ]


def test_paths_take_the_place_of_code(project: Project) -> None:
    other = project.write("scripts/other.py", "from jobs.classes import SmsJob\nSmsJob(to='x').dispatch()\n")
    assert [line[:23] for line in project.told(other)][:1] == ["queues.yaml:7:3: info: "]
    assert [site.job for site in project.scan(other.parent).sites] == ["SmsJob"]


def test_a_code_path_that_is_missing_is_told(project: Project) -> None:
    text = (project.root / "queues.yaml").read_text()
    project.write("queues.yaml", text.replace("[app]", "[app, ap]"))
    assert project.told() == ["queues.yaml:8:13: `code:` names ap, which does not exist [Q209]"]


def test_a_file_that_is_not_python_is_told_and_the_others_are_read(project: Project) -> None:
    project.write("app/broken.py", "x = 1\ndef (:\n")
    project.write("app/null.py", "x = '\0'\n")
    told = project.told()
    assert [line.partition(": this is not Python: ")[0] for line in told] == ["app/broken.py:2", "app/null.py"]
    assert [site.job for site in project.scan().sites] == ["PayJob"]


def test_hidden_folders_and_installed_packages_are_not_read(project: Project) -> None:
    for folder in (".venv", "venv", "node_modules", "site-packages", "__pycache__"):
        project.write(f"app/{folder}/x.py", "unknown().dispatch()\n")
    assert len(project.scan().sites) == 1


def test_a_file_that_is_nested_too_deeply_is_told(project: Project) -> None:
    project.write("app/site.py", f"PayJob(amount={'-' * 3000}1).dispatch()\n")
    # Which of the two depends on where this Python's own limit is.
    assert project.scan().unverifiable() or "[Q208]" in "".join(project.told())


def test_a_circle_of_imports_ends(project: Project) -> None:
    project.write("app/one.py", "from app.two import X\nX().dispatch()\n")
    project.write("app/two.py", "from app.one import X\n")
    assert [site.job for site in project.scan().unverifiable()] == [""]


def test_a_class_that_is_its_own_base_ends(project: Project) -> None:
    project.write("app/one.py", "class X(Y): ...\nclass Y(X): ...\nX().dispatch()\n")
    assert [site.job for site in project.scan().sites] == ["PayJob"]
