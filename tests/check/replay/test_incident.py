"""The incident of 10 October 2025 again: as it was, as it was mended then, and as it had to be mended.

RouterProvisioningJob went to router-provisioning, and three workers listened to provisioning. The mend gave them the
other name, and so ProvisionUserInMikroTikJob lost the only workers it had.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qsup.check.problem import Problem
from qsup.check.producers import connections, producers
from qsup.check.supervisord.survey import against_code, survey
from tests.check.replay.lines import checked

CONF = Path(__file__).parents[2] / "supervisord" / "laravel-queue.conf"
THEN = "--queue=provisioning --sleep=2 --tries=5 --timeout=90 --max-time=1800 --memory=128 --backoff=5,15,60"
MENDED = "--queue=router-provisioning --sleep=2 --tries=5 --timeout=600 --max-time=1800 --memory=256 "
MENDED += "--backoff=30,60,120,300,600"
PROGRAM = """

[program:laravel-queue-router-provisioning]
process_name=%(program_name)s_%(process_num)02d
command=%(here)s/bin/php artisan queue:work database --queue=router-provisioning --sleep=2 --tries=5 --timeout=80
numprocs=3
autorestart=true
stopwaitsecs=90
stdout_logfile_backups=7
redirect_stderr=true
"""
"""Another program beside those that there are."""

JOB = """\
<?php
namespace App\\Jobs;

use Illuminate\\Bus\\Queueable;
use Illuminate\\Contracts\\Queue\\ShouldQueue;
use Illuminate\\Foundation\\Bus\\Dispatchable;

class {job} implements ShouldQueue
{{
    use Dispatchable, Queueable;

    public function __construct(protected array $data)
    {{
        $this->onQueue('{queue}');
    }}
}}
"""
CONTROLLER = """\
<?php
namespace App\\Http\\Controllers;

use App\\Jobs\\{{{jobs}}};

class RouterController
{{
    public function deploy($request)
    {{
{calls}
    }}
}}
"""
QUEUES = (
    "default payments router-checks router-data hotspot-sms hotspot-sessions hotspot-accounting dashboard log-rotation"
)
JOBS = {"".join(map(str.capitalize, queue.split("-"))) + "Job": queue for queue in QUEUES.split()} | {
    "ProvisionUserInMikroTikJob": "provisioning",
    "RouterProvisioningJob": "router-provisioning",
}


@pytest.fixture
def laravel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Problem]]:
    """Validate an application whose jobs name their queues themselves, with some supervisord file."""
    monkeypatch.chdir(tmp_path)
    for folder in ("app/Jobs", "app/Http/Controllers"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "artisan").touch()
    for job, queue in JOBS.items():
        (tmp_path / f"app/Jobs/{job}.php").write_text(JOB.format(job=job, queue=queue))
    calls = "\n".join(f"        {job}::dispatch($request->all());" for job in JOBS)
    controller = CONTROLLER.format(jobs=", ".join(JOBS), calls=calls)
    (tmp_path / "app/Http/Controllers/RouterController.php").write_text(controller)

    def validate(conf: str) -> list[Problem]:
        """What is told of code and programs together."""
        file, app = Path("laravel-queue.conf"), Path("app")
        file.write_text(conf)
        return [*against_code(survey([file], {}, connections([app, file])), producers([app], tmp_path))]

    return validate


def test_as_it_was_the_job_is_named_with_its_line_the_queue_and_the_near_name(
    laravel: Callable[[str], list[Problem]],
) -> None:
    (unheard,) = laravel(CONF.read_text())
    assert str(unheard) == (
        "app/Jobs/RouterProvisioningJob.php:14:24: RouterProvisioningJob goes to queue router-provisioning, which "
        "nobody hears; dispatched at app/Http/Controllers/RouterController.php:20, did you mean provisioning "
        "(laravel-queue.conf:176 [program:laravel-queue-provisioning])? [Q401]"
    )


def test_the_mend_of_then_takes_the_last_listener_from_the_other_job(laravel: Callable[[str], list[Problem]]) -> None:
    text = CONF.read_text()
    assert THEN in text
    (unheard,) = laravel(text.replace(THEN, MENDED))
    assert str(unheard) == (
        "app/Jobs/ProvisionUserInMikroTikJob.php:14:24: ProvisionUserInMikroTikJob goes to queue provisioning, which "
        "nobody hears; dispatched at app/Http/Controllers/RouterController.php:19, did you mean router-provisioning "
        "(laravel-queue.conf:176 [program:laravel-queue-provisioning])? [Q401]"
    )


def test_with_workers_for_both_nothing_is_told(laravel: Callable[[str], list[Problem]]) -> None:
    text = CONF.read_text()
    assert laravel(f"{text}{PROGRAM}") == []
    assert laravel(text.replace("--queue=provisioning ", "--queue=provisioning,router-provisioning ")) == []


FILE = """\
version: 1
queues:
{queues}
jobs:
{jobs}
code: [app]
"""
HANDLERS = """\
import qsup


class ProvisionUserInMikroTikJob(qsup.Job):
    user: int


class RouterProvisioningJob(qsup.Job):
    router: int


def provision(job: ProvisionUserInMikroTikJob, ctx: qsup.Context) -> None: ...


def deploy(job: RouterProvisioningJob, ctx: qsup.Context) -> None: ...
"""
CALLS = """\
from app.queues import Queues
from handlers import ProvisionUserInMikroTikJob, RouterProvisioningJob


def deployed(conn, router, users):
    RouterProvisioningJob(router=router).dispatch(conn{deploy})
    for user in users:
        ProvisionUserInMikroTikJob(user=user).dispatch(conn{provision})
"""
NAMES = 'class Queues:\n    USERS = "provisioning"\n    ROUTERS = "router-provisioning"\n'


class OurProject:
    """The same two jobs as qsup has them: the queue in `jobs:`, or at the call."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "app").mkdir()
        (root / "handlers.py").write_text(HANDLERS)
        (root / "app/queues.py").write_text(NAMES)

    def told(self, *queues: str, by_call: bool) -> list[str]:
        """What validate says when `queues:` has these; `by_call`: the code names them, and not `jobs:`."""
        other = queues[0]
        routes = {"RouterProvisioningJob": "router-provisioning", "ProvisionUserInMikroTikJob": "provisioning"}
        lines = [
            f'  {job}: {{queue: {other if by_call else queue}, handler: "handlers:{handler}"}}'
            for (job, queue), handler in zip(routes.items(), ("deploy", "provision"), strict=True)
        ]
        listed = "\n".join(f"  {queue}: {{workers: 3}}" for queue in queues)
        (self.root / "queues.yaml").write_text(FILE.format(queues=listed, jobs="\n".join(lines)))
        words = {"deploy": ", queue=Queues.ROUTERS", "provision": ", queue=Queues.USERS"} if by_call else {}
        (self.root / "app/site.py").write_text(CALLS.format(**{"deploy": "", "provision": "", **words}))
        return [str(problem) for problem in checked(self.root).problems if problem.code != "Q109"]


@pytest.fixture
def ours(tmp_path: Path) -> OurProject:
    """A project with both jobs."""
    return OurProject(tmp_path)


def test_in_queues_yaml_the_route_is_named_with_its_line_and_the_near_name(ours: OurProject) -> None:
    assert ours.told("provisioning", by_call=False) == [
        "queues.yaml:5:34: job RouterProvisioningJob goes to queue router-provisioning, which is not declared, "
        "did you mean provisioning? [Q101]"
    ]
    assert ours.told("router-provisioning", by_call=False) == [
        "queues.yaml:6:39: job ProvisionUserInMikroTikJob goes to queue provisioning, which is not declared, "
        "did you mean router-provisioning? [Q101]"
    ]
    assert ours.told("provisioning", "router-provisioning", by_call=False) == []


def test_in_python_the_call_is_named_with_where_the_queue_is_written_and_the_near_name(
    ours: OurProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ours.root)
    assert ours.told("provisioning", by_call=True) == [
        "app/site.py:6:5: RouterProvisioningJob goes to queue router-provisioning (written at app/queues.py:3), which "
        "is not declared: this dispatch would be refused, did you mean provisioning? [Q212]"
    ]
    assert ours.told("router-provisioning", by_call=True) == [
        "app/site.py:8:9: ProvisionUserInMikroTikJob goes to queue provisioning (written at app/queues.py:2), which is "
        "not declared: this dispatch would be refused, did you mean router-provisioning? [Q212]"
    ]
    assert ours.told("provisioning", "router-provisioning", by_call=True) == []
