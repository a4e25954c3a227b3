"""Comments that say what a site dispatches, and scripts that dispatch."""

from __future__ import annotations

import pytest

from tests.check.project import Project


def told(project: Project, code: str) -> list[str]:
    project.write("app/site.py", code)
    return [line for line in project.told() if not line.startswith("queues.yaml")]


def test_a_silenced_site_is_known_and_counts_for_its_route(project: Project) -> None:
    assert told(project, "def f(job):\n    job.dispatch()  # qsup: dispatches PayJob\n") == []
    assert project.scan().unverifiable() == ()
    assert "Q211" not in str(project.told())


@pytest.mark.parametrize(
    "code",
    [
        "from jobs.classes import PayJob\nPayJob(amount=1).dispatch()  # qsup: dispatches PayJob\n",
        "x = 1\nx = 2  # qsup: dispatches PayJob\n",
        "def f(job):\n    # qsup: dispatches PayJob\n    x = 1\n    job.dispatch()\n",
        "def f(job):\n    job.dispatch()\n    # qsup: dispatches PayJob\n",
    ],
)
def test_a_silencer_that_silences_nothing_is_a_problem(project: Project, code: str) -> None:
    (line,) = [line for line in told(project, code) if "[Q214]" in line]
    number = next(at for at, text in enumerate(code.split("\n"), 1) if "# qsup" in text)
    column = code.split("\n")[number - 1].index("#") + 1
    assert line.startswith(f"app/site.py:{number}:{column}: ")


def test_a_silencer_that_names_an_unknown_job_is_a_problem_with_the_nearest(project: Project) -> None:
    assert told(project, "def f(job):\n    job.dispatch()  # qsup: dispatches PaysJob, PayJob\n") == [
        "app/site.py:2:21: this comment names PaysJob, which is not under `jobs:`, did you mean PayJob? [Q215]"
    ]


@pytest.mark.parametrize("said", ["dispatch PayJob", "dispatches", "ignore", "dispatches PayJob on"])
def test_a_comment_that_is_not_understood_is_a_problem(project: Project, said: str) -> None:
    (line,) = told(project, f"def f(job):\n    job.dispatch()  # qsup: {said}\n")
    assert line.endswith(f'"# qsup: {said}" is not understood, write `# qsup: dispatches JobName, OtherJob` [Q216]')


def test_a_silencer_in_a_text_is_text(project: Project) -> None:
    assert told(project, "x = '''\n# qsup: dispatches PayJob\n'''\n") == []


def test_a_queue_that_is_not_said_stays_not_verifiable(project: Project) -> None:
    told(project, "def f(job, q):\n    job.dispatch(queue=q)  # qsup: dispatches PayJob\n")
    assert [(site.job, site.why) for site in project.scan().unverifiable()] == [
        ("PayJob", "which queue it is shows only when it runs")
    ]
    lines = told(project, "def f(job, q):\n    job.dispatch(queue=q)  # qsup: dispatches PayJob on paymets\n")
    assert [line[-6:] for line in lines] == ["[Q212]"], "and one that is said is checked"


SCRIPT = """\
#!/bin/sh
# qsup dispatch Remark
set -e
qsup dispatch PayJob '{"amount": 1}'
cd /srv && /opt/venv/bin/qsup dispatch --queue sms PayJob {} || echo "qsup dispatch Echoed"
for n in 1 2; do qsup dispatch "$JOB" {}; done
python -m qsup dispatch \\
    SmsJob {}
cat <<END
qsup dispatch Heard
END
qsup dispatches PayJob
"""

CRONTAB = """\
# m h
*/5 * * * * root qsup dispatch PayJob {} --queue=idle
@daily qsup dispatch X {}
"""


def test_scripts_and_crontabs_among_the_paths_are_read(project: Project) -> None:
    project.write("app/nightly.sh", SCRIPT)
    project.write(
        "app/crontab", "# m h\n*/5 * * * * root qsup dispatch PayJob {} --queue=idle\n@daily qsup dispatch X {}\n"
    )
    sites = [site for site in project.scan().sites if site.file.suffix != ".py"]
    assert [(site.file.name, site.line, site.job or "?", site.queue) for site in sites] == [
        ("crontab", 2, "PayJob", "idle"),
        ("crontab", 3, "X", None),
        ("nightly.sh", 4, "PayJob", None),
        ("nightly.sh", 5, "PayJob", "sms"),
        ("nightly.sh", 6, "?", None),
        ("nightly.sh", 7, "SmsJob", None),
    ]
    codes = sorted(line[-5:-1] for line in project.told())
    assert codes == ["Q210", "Q210", "Q213"]


def test_a_place_counts_letters_and_not_bytes(project: Project) -> None:
    project.seen("from jobs.classes import SmsJob\nü = 'üü'; SmsJob(to=ü).dispatch()\n")
    assert [(site.line, site.column) for site in project.scan().sites] == [(2, 11)]
