"""Small projects in which somebody is unheard, and the drawing of what is in them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

from qsup.cli.looking import Look, beside_a_file, without_a_file
from qsup.cli.picture import picture
from qsup.graph.model import Graph

INCIDENT = Path(__file__).parents[1] / "supervisord" / "laravel-queue.conf"
"""The supervisord file of the day on which a job waited for ever."""

ALL_WRONG = {
    "queues.yaml": """\
        version: 1
        queues:
          payments: {workers: 2, purpose: Money}
          low: {workers_of: payments}
          sms: {workers: 1}
          idle: {workers: 0}
        jobs:
          PayJob: {queue: payments, handler: jobs.pay:run}
          TidyJob: {queue: low, handler: jobs.pay:tidy}
        code: [app, jobs]
        """,
    "jobs/pay.py": """\
        import qsup
        class PayJob(qsup.Job): ...
        class TidyJob(qsup.Job): ...
        class LostJob(qsup.Job): ...
        def run(job: PayJob, ctx): after()
        def after():
            TidyJob().dispatch()
            TidyJob().dispatch(queue="payment")
            LostJob().dispatch()
        def tidy(job: TidyJob, ctx):
            PayJob().dispatch(queue="idle")
        """,
    "app/web.py": """\
        from jobs.pay import *
        def f(x):
            PayJob().dispatch()
            LostJob().dispatch(queue="sms")
            x.dispatch()
            x.dispatch()  # qsup: dispatches NoSuchJob, PayJob
        """,
}
ROUTES_WRONG = {
    "queues.yaml": """\
        version: 1
        queues:
          pay: {workers: 2}
          idle: {workers: 0}
          nobodys: {workers: 0}
        jobs:
          PayJob: {queue: pay, handler: jobs:run}
          IdleJob: {queue: idle, handler: jobs:run}
          LostJob: {queue: pya, handler: jobs:run}
        code: [jobs.py]
        """,
    "jobs.py": """\
        import qsup
        class PayJob(qsup.Job): ...
        def run(job, ctx):
            Unknown().dispatch()
        """,
}
PYTHON = {
    "app/deploy.py": """\
        import qsup
        class RouterProvisioningJob(qsup.Job): ...
        RouterProvisioningJob().dispatch(queue="router-provisioning")
        """,
    "app/users.py": """\
        import qsup
        class ProvisionUserInMikroTikJob(qsup.Job): ...
        ProvisionUserInMikroTikJob().dispatch(queue="provisioning")
        """,
}
PHP = {
    "artisan": "<?php",
    "app/Jobs/RouterProvisioningJob.php": """\
        <?php
        namespace App\\Jobs;
        class RouterProvisioningJob implements \\Illuminate\\Contracts\\Queue\\ShouldQueue
        {
            use \\Illuminate\\Foundation\\Bus\\Dispatchable, \\Illuminate\\Bus\\Queueable;
            public function __construct(public int $router) { $this->onQueue('router-provisioning'); }
            public function handle() { PayJob::dispatch()->onQueue('payments'); }
        }
        """,
    "app/Jobs/PayJob.php": """\
        <?php
        namespace App\\Jobs;
        class PayJob implements \\Illuminate\\Contracts\\Queue\\ShouldQueue
        {
            use \\Illuminate\\Foundation\\Bus\\Dispatchable, \\Illuminate\\Bus\\Queueable;
        }
        """,
    "app/Http/Deploy.php": "<?php\nApp\\Jobs\\RouterProvisioningJob::dispatch(1);\n",
}


def write(root: Path, files: dict[str, str]) -> Path:
    """The files, below `root`."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
    return root


def incident(root: Path, files: dict[str, str], queues: str = "provisioning") -> Path:
    """The supervisord file, with a worker for `queues` in the place of the one that was for provisioning."""
    shutil.copy(INCIDENT, root / "queue.conf")
    conf = (root / "queue.conf").read_text(encoding="utf-8")
    (root / "queue.conf").write_text(conf.replace("--queue=provisioning ", f"--queue={queues} "), encoding="utf-8")
    return write(root, files)


@contextmanager
def inside(root: Path) -> Iterator[None]:
    """With this folder as the current one."""
    before = Path.cwd()
    os.chdir(root)
    try:
        yield
    finally:
        os.chdir(before)


def drawn(root: Path, *code: str, supervisor: bool = False) -> tuple[Look, Graph]:
    """What validate sees in the folder, and what graph draws of it."""
    with inside(root):
        confs = [Path("queue.conf")] if supervisor else []
        paths = [Path(name) for name in code]
        file = Path("queues.yaml")
        seen = beside_a_file(file, paths, confs) if file.exists() else without_a_file(confs, paths)
        return seen, picture(seen, str(file if file.exists() else confs[0]), Path())
