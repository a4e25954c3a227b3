"""`qsup validate --supervisor`: programs against code and queues.yaml, both directions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import forked
from tests.supervisord.conf import program

LARAVEL = Path(__file__).parent / "laravel-queue.conf"

CODE = """\
import qsup


class {job}(qsup.Job):
    router: int


{job}(router=1).dispatch(queue="{queue}")
"""

PHP_JOB = """\
<?php
namespace App\\Jobs;

class RouterProvisioningJob implements \\Illuminate\\Contracts\\Queue\\ShouldQueue
{
    use \\Illuminate\\Foundation\\Bus\\Dispatchable, \\Illuminate\\Bus\\Queueable;

    public function __construct(public int $router)
    {
        $this->onQueue('router-provisioning');
    }
}
"""
PHP_SITE = "<?php\nApp\\Jobs\\RouterProvisioningJob::dispatch(1);\n"

QUEUES = """\
version: 1
queues:
  pay: {workers: 2}
  low: {workers_of: pay}
jobs:
  PayJob: {queue: pay, handler: "shop:pay"}
  TidyJob: {queue: low, handler: "shop:tidy"}
"""
SHOP = """\
import qsup
class PayJob(qsup.Job): ...
class TidyJob(qsup.Job): ...
def pay(job: PayJob, ctx: qsup.Context) -> None: ...
def tidy(job: TidyJob, ctx: qsup.Context) -> None: ...
"""


def qsup(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if key != "QSUP_CONFIG"}
    return forked.run(*words, cwd=cwd, env=environ | {"NO_COLOR": "1"})


def write(folder: Path, **files: str) -> None:
    """Files by name; a double underline is a folder's slash, a single one a dot."""
    for name, text in files.items():
        file = folder / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def lines(done: subprocess.CompletedProcess[str], *codes: str) -> list[str]:
    """What was printed with one of these codes."""
    return [line for line in done.stdout.splitlines() if line.endswith(tuple(f"[{code}]" for code in codes))]


@pytest.fixture
def incident(tmp_path: Path) -> Path:
    """The file as it was when a job waited for ever, in the folder of a Laravel application."""
    write(tmp_path, artisan="<?php")
    shutil.copy(LARAVEL, tmp_path / "laravel-queue.conf")
    return tmp_path


def test_the_incident_is_found_without_any_queues_yaml(incident: Path) -> None:
    write(incident, app__deploy_py=CODE.format(job="RouterProvisioningJob", queue="router-provisioning"))
    done = qsup("validate", "--supervisor", "laravel-queue.conf", "app/", cwd=incident)
    assert done.returncode == 1
    assert lines(done, "Q611") == [
        "app/deploy.py:8:1: RouterProvisioningJob is dispatched to router-provisioning, which nobody listens to: "
        "it would wait for ever, did you mean provisioning? [Q611]"
    ]
    assert lines(done, "Q612")[-1] == (
        "laravel-queue.conf:178:1: warning: [program:laravel-queue-provisioning] listens to provisioning, "
        "but nothing in the code dispatches to it, did you mean router-provisioning? [Q612]"
    )
    assert done.stdout.splitlines()[-1].startswith(
        "laravel-queue.conf: 10 programs, 18 workers on 10 queues, 1 dispatch site (0 not verifiable): 1 error, "
    )


def test_the_fix_that_was_made_then_leaves_the_other_job_unheard(incident: Path) -> None:
    conf = incident / "laravel-queue.conf"
    conf.write_text(conf.read_text().replace("--queue=provisioning ", "--queue=router-provisioning "))
    write(
        incident,
        app__deploy_py=CODE.format(job="RouterProvisioningJob", queue="router-provisioning"),
        app__users_py=CODE.format(job="ProvisionUserInMikroTikJob", queue="provisioning"),
    )
    done = qsup("validate", "--supervisor", "laravel-queue.conf", "app/", cwd=incident)
    assert [line.split(",")[0] for line in lines(done, "Q611")] == [
        "app/users.py:8:1: ProvisionUserInMikroTikJob is dispatched to provisioning"
    ]


def test_the_right_fix_is_clean(incident: Path) -> None:
    conf = incident / "laravel-queue.conf"
    conf.write_text(conf.read_text().replace("--queue=provisioning ", "--queue=provisioning,router-provisioning "))
    write(
        incident,
        app__deploy_py=CODE.format(job="RouterProvisioningJob", queue="router-provisioning"),
        app__users_py=CODE.format(job="ProvisionUserInMikroTikJob", queue="provisioning"),
    )
    done = qsup("validate", "--supervisor", "laravel-queue.conf", "app/", cwd=incident)
    assert (done.returncode, lines(done, "Q611")) == (0, [])


def test_the_incident_is_found_in_the_php_code_itself(incident: Path) -> None:
    write(incident, app__Jobs__RouterProvisioningJob_php=PHP_JOB, app__Http__Deploy_php=PHP_SITE)
    done = qsup("validate", "--supervisor", "laravel-queue.conf", "app/", cwd=incident)
    assert done.returncode == 1
    assert lines(done, "Q401") == [
        "app/Jobs/RouterProvisioningJob.php:10:24: RouterProvisioningJob goes to queue router-provisioning, "
        "which nobody hears; dispatched at app/Http/Deploy.php:2, did you mean provisioning "
        "(laravel-queue.conf:176 [program:laravel-queue-provisioning])? [Q401]"
    ]
    assert "did you mean router-provisioning?" in lines(done, "Q612")[-1]


def test_the_application_s_own_retry_after_and_queue_count(tmp_path: Path) -> None:
    config = "<?php return ['default' => 'database', 'connections' => ['database' => ['driver' => 'database', "
    config += "'queue' => 'main',"
    conf = program("php artisan queue:work --timeout=120")
    write(
        tmp_path,
        queue_conf=conf,
        artisan="",
        config__queue_php=f"{config} 'retry_after' => 120]]];",
        app__x_php="<?php",
    )
    done = qsup("validate", "--supervisor", "queue.conf", "app", cwd=tmp_path)
    assert "after 120 s (retry_after) another worker begins it too" in lines(done, "Q624")[0]
    write(tmp_path, config__queue_php=f"{config} 'retry_after' => 121]]];")
    done = qsup("validate", "--supervisor", "queue.conf", "app", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["problems"] == []
    write(tmp_path, job_php=PHP_JOB.replace("router-provisioning", "main"), site_php=PHP_SITE)
    done = qsup("validate", "--supervisor", "queue.conf", "app", "job.php", "site.php", cwd=tmp_path)
    assert lines(done, "Q401") == []


def test_php_beside_a_queues_yaml_is_heard_by_the_programs_and_by_the_file(incident: Path) -> None:
    write(incident, app__Jobs__RouterProvisioningJob_php=PHP_JOB, app__Http__Deploy_php=PHP_SITE)
    words = ("validate", "--supervisor", "laravel-queue.conf", "app/")
    write(incident, queues_yaml="version: 1\nqueues:\n  payments: {workers: 1}\n")
    assert "did you mean provisioning (laravel-queue.conf:176" in lines(qsup(*words, cwd=incident), "Q401")[0]
    write(incident, queues_yaml="version: 1\nqueues:\n  router-provisioning: {workers: 1}\n")
    assert lines(qsup(*words, cwd=incident), "Q401") == []
    write(incident, queues_yaml="version: 1\nqueues:\n  payments: {workers: 1}\n")
    conf = incident / "laravel-queue.conf"
    conf.write_text(conf.read_text().replace("--queue=provisioning ", "--queue=provisioning,router-provisioning "))
    assert lines(qsup(*words, cwd=incident), "Q401") == []
    conf.write_text(conf.read_text().replace("queue:work database --queue=provisioning,router-provisioning", "horizon"))
    assert "warning: RouterProvisioningJob goes to queue" in lines(qsup(*words, cwd=incident), "Q401")[0]


def test_strict_and_json_hold_here_too(tmp_path: Path) -> None:
    write(tmp_path, queue_conf=program("php artisan queue:work --queue=pay --timeout=60", keys={"stopwaitsecs": 5}))
    assert qsup("validate", "--supervisor", "queue.conf", cwd=tmp_path).returncode == 0
    assert qsup("validate", "--supervisor", "queue.conf", "--strict", cwd=tmp_path).returncode == 1
    answer = json.loads(qsup("validate", "--supervisor", "queue.conf", "--json", cwd=tmp_path).stdout)
    assert answer["sites"] == 0
    assert answer["problems"] == [
        {
            "code": "Q620",
            "message": "[program:a] kills a running job 5 s after a stop (stopwaitsecs), but a job may run 60 s",
            "severity": "warning",
            "path": "queue.conf",
            "line": 4,
            "column": 1,
            "hint": "stopwaitsecs=70",
            "queue": "pay",
            "job": None,
        }
    ]


def test_a_file_that_supervisord_refuses_exits_1(tmp_path: Path) -> None:
    write(tmp_path, queue_conf="[program:a]\nnumprocs=two\n")
    done = qsup("validate", "--supervisor", "queue.conf", cwd=tmp_path)
    assert done.returncode == 1
    assert [line.split(" [")[-1] for line in done.stdout.splitlines()[:-1]] == ["Q602]", "Q602]"]


def test_with_horizon_nobody_listens_is_a_warning(tmp_path: Path) -> None:
    write(tmp_path, queue_conf=program("php artisan horizon"), a_py=CODE.format(job="PayJob", queue="pay"))
    done = qsup("validate", "--supervisor", "queue.conf", "a.py", cwd=tmp_path)
    assert done.returncode == 0
    (line,) = lines(done, "Q611")
    assert line.startswith("a.py:8:1: warning: PayJob is dispatched to pay")
    assert "unless [program:a] does, whose queues are not known" in line


def test_a_worker_with_nothing_to_do_is_information_unless_an_unheard_queue_is_near(tmp_path: Path) -> None:
    both = program("php artisan queue:work --queue=payments", "a") + program(
        "php artisan queue:work --queue=payment", "b"
    )
    write(tmp_path, queue_conf=both, a_py=CODE.format(job="PayJob", queue="payments"))
    done = qsup("validate", "--supervisor", "queue.conf", "a.py", cwd=tmp_path)
    assert lines(done, "Q612") == [
        "queue.conf:7:1: info: [program:b] listens to payment, but nothing in the code dispatches to it [Q612]"
    ]


def test_a_program_that_nobody_starts_hears_nothing(tmp_path: Path) -> None:
    conf = program("php artisan queue:work --queue=pay", keys={"autostart": "false"})
    write(tmp_path, queue_conf=conf, a_py=CODE.format(job="PayJob", queue="pay"))
    done = qsup("validate", "--supervisor", "queue.conf", "a.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "[program:a] does, but is not started (autostart=false)" in lines(done, "Q611")[0]


def test_a_site_without_a_queue_is_not_verifiable_without_a_queues_yaml(tmp_path: Path) -> None:
    code = CODE.format(job="PayJob", queue="pay").replace('queue="pay"', "")
    write(tmp_path, queue_conf=program("php artisan queue:work --queue=pay"), a_py=code)
    done = qsup("validate", "--supervisor", "queue.conf", "a.py", cwd=tmp_path)
    assert (
        "a.py:8:1: not verifiable: the queue of PayJob is not named, and there is no queues.yaml to say it"
        in done.stdout
    )
    assert "unless a site that cannot be read does" in lines(done, "Q612")[0]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write(tmp_path, queues_yaml=QUEUES, shop_py=SHOP)
    return tmp_path


def test_what_gen_supervisor_writes_is_in_order(shop: Path) -> None:
    assert qsup("gen-supervisor", "-o", "qsup.conf", "--log-directory", ".", cwd=shop).returncode == 0
    done = qsup("validate", "--supervisor", "qsup.conf", cwd=shop)
    assert (done.returncode, [line for line in done.stdout.splitlines() if "[Q6" in line]) == (0, [])


def test_a_queue_without_a_program_of_its_own_is_an_error_under_supervisord(shop: Path) -> None:
    qsup("gen-supervisor", "-o", "qsup.conf", "--log-directory", ".", cwd=shop)
    write(shop, queues_yaml=QUEUES.replace("  low: {workers_of: pay}", "  low: {workers: 1}"))
    done = qsup("validate", "--supervisor", "qsup.conf", cwd=shop)
    assert done.returncode == 1
    assert lines(done, "Q613") == [
        "queues.yaml:4:3: queue low is declared with workers, but no program of the supervisord file listens "
        "to it [Q613]"
    ]


def test_a_worker_of_a_queue_that_is_gone_is_an_error(shop: Path) -> None:
    write(shop, qsup_conf=program("qsup worker --queue=pays"))
    done = qsup("validate", "--supervisor", "qsup.conf", cwd=shop)
    assert done.returncode == 1
    assert lines(done, "Q614") == [
        "qsup.conf:2:1: [program:a] listens to pays, which queues.yaml does not declare, did you mean pay? [Q614]"
    ]


def test_the_old_world_beside_the_file_is_a_warning_in_both_directions(shop: Path) -> None:
    write(shop, old_conf=program("php artisan queue:work --queue=pays"))
    done = qsup("validate", "--supervisor", "old.conf", cwd=shop)
    assert done.returncode == 0
    assert lines(done, "Q613", "Q614") == [
        "old.conf:2:1: warning: [program:a] listens to pays, which queues.yaml does not declare, "
        "did you mean pay? [Q614]",
        "queues.yaml:3:3: warning: queue pay is declared with workers, but no program of the supervisord file listens "
        "to it, did you mean pays? [Q613]",
        "queues.yaml:4:3: warning: queue low is declared with workers, but no program of the supervisord file listens "
        "to it [Q613]",
    ]


def test_a_stop_that_is_too_short_for_queues_yaml_is_told(shop: Path) -> None:
    write(shop, qsup_conf=program("qsup worker --queue=pay", keys={"stopwaitsecs": 79}))
    done = qsup("validate", "--supervisor", "qsup.conf", cwd=shop)
    assert lines(done, "Q620") == [
        "qsup.conf:4:1: warning: [program:a] kills a running job 79 s after a stop (stopwaitsecs), but it may need "
        "80 s, stopwaitsecs=80, as `qsup gen-supervisor` writes it [Q620]"
    ]
    write(shop, qsup_conf=program("qsup worker --queue=pay", keys={"stopwaitsecs": 80}))
    assert lines(qsup("validate", "--supervisor", "qsup.conf", cwd=shop), "Q620") == []


def test_qsup_run_under_supervisord_needs_the_time_of_its_slowest_job(shop: Path) -> None:
    slow = QUEUES.replace('"shop:tidy"', '"shop:tidy", timeout: 10m')
    write(shop, queues_yaml=slow, qsup_conf=program("qsup run", keys={"stopwaitsecs": 80}))
    assert lines(qsup("validate", "--supervisor", "qsup.conf", cwd=shop), "Q620") == [
        "qsup.conf:4:1: warning: [program:a] kills a running job 80 s after a stop (stopwaitsecs), but it may need "
        "620 s, stopwaitsecs=620, for queue pay [Q620]"
    ]


def test_qsup_run_under_supervisord_hears_everything(shop: Path) -> None:
    write(shop, qsup_conf=program("qsup run"))
    done = qsup("validate", "--supervisor", "qsup.conf", cwd=shop)
    assert (done.returncode, lines(done, "Q613", "Q614")) == (0, [])


def test_a_broken_queues_yaml_still_exits_78_and_tells_of_the_programs(shop: Path) -> None:
    write(shop, queues_yaml="version: 1\n", qsup_conf=program("nginx", keys={"numproc": 2}))
    done = qsup("validate", "--supervisor", "qsup.conf", cwd=shop)
    assert done.returncode == 78
    assert lines(done, "Q012", "Q605")


def test_a_file_that_was_named_and_is_not_there_is_not_done_without(tmp_path: Path) -> None:
    write(tmp_path, queue_conf=program("nginx"))
    done = qsup("validate", "-c", "nowhere.yaml", "--supervisor", "queue.conf", cwd=tmp_path)
    assert done.returncode == 78
    assert "[Q001]" in done.stdout
