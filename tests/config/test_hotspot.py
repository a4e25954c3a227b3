"""The repository's own queues.yaml is the hotspot's: the table of its queues as it ran, plus router-provisioning."""

from __future__ import annotations

from pathlib import Path

from qsup import units
from qsup.check.load import load
from qsup.routing import Routing

ROOT = Path(__file__).parents[2]

# "Queue Configuration" of the hotspot's diagnostics report, 2025-10-09.
TABLE = """\
default             | 1 |  5 |  5s | 3 |  90s | General purpose jobs
payments            | 2 |  5 |  1s | 3 | 120s | Payment processing (M-Pesa)
provisioning        | 3 | 10 |  1s | 5 |  60s | User provisioning to MikroTik
router-checks       | 1 | 10 |  2s | 3 | 120s | Router health monitoring
router-data         | 4 | 20 |  1s | 3 |  60s | Router data synchronization
hotspot-sms         | 2 |  5 |  1s | 3 |  30s | SMS credential delivery
hotspot-sessions    | 2 | 10 |  2s | 3 |  60s | Session management
hotspot-accounting  | 1 | 15 |  5s | 2 | 120s | RADIUS accounting sync
dashboard           | 1 | 15 |  2s | 3 | 120s | Dashboard statistics
log-rotation        | 1 | 30 | 30s | 1 |  30s | Log file rotation
"""


def routing() -> Routing:
    loaded = load(ROOT / "queues.yaml", {})
    assert [str(problem) for problem in loaded.problems if problem.severity != "info"] == []
    assert loaded.routing is not None
    return loaded.routing


def test_the_ten_queues_stand_with_their_numbers_unchanged() -> None:
    queues = routing().queues
    for row in TABLE.splitlines():
        name, workers, priority, sleep, tries, timeout, purpose = (cell.strip() for cell in row.split("|"))
        queue = queues[name]
        assert (queue.workers, queue.priority, queue.tries) == (int(workers), int(priority), int(tries)), name
        assert (queue.sleep, queue.timeout) == (units.duration(sleep), units.duration(timeout)), name
        assert queue.purpose == purpose
    old = [name for name in queues if name != "router-provisioning"]
    assert len(old) == 10
    assert sum(queues[name].workers for name in old) == 18


def test_router_provisioning_has_the_numbers_of_the_fix() -> None:
    queue = routing().queues["router-provisioning"]
    assert (queue.sleep, queue.tries, queue.timeout, queue.max_time) == (2, 5, 600, 1800)
    assert (queue.memory, queue.backoff) == (256 * 1024 * 1024, (30, 60, 120, 300, 600))


def test_the_payment_flow_s_jobs_are_routed_and_the_other_queues_have_no_job_yet() -> None:
    routes = routing().routes
    assert {
        job: route.queue for job, route in routes.items() if route.queue in ("payments", "provisioning", "hotspot-sms")
    } == {
        "ProcessPaymentJob": "payments",
        "ReconcilePaymentsJob": "payments",
        "ProvisionUserInMikroTikJob": "provisioning",
        "SendCredentialsSMSJob": "hotspot-sms",
    }
    assert routing().rules("ProvisionUserInMikroTikJob", "provisioning").backoff == (5, 15, 30, 60, 120)
    waiting = {problem.queue for problem in load(ROOT / "queues.yaml", {}).problems if problem.code == "Q109"}
    assert waiting == set(routing().queues) - {route.queue for route in routes.values()}
