"""A whole application: its table of sites, the incident, the traps; and that nothing of it depends on chance."""

from __future__ import annotations

import shutil
from pathlib import Path

from qsup.check.php.compare import unheard
from qsup.check.php.scan import scan
from tests.check.php.project import TREE, row

TABLE = TREE.parent / "sites.txt"

LISTENED = (
    "default payments router-checks router-data hotspot-sms hotspot-sessions hotspot-accounting dashboard "
    "log-rotation provisioning"
)
HEARD = dict.fromkeys(LISTENED.split(), "laravel-queue.conf:9 [program:x]")


def test_every_site_is_found_and_nothing_else() -> None:
    assert [row(site, TREE) for site in scan([TREE]).sites] == TABLE.read_text(encoding="utf-8").splitlines()


def test_the_incident_is_told_where_the_name_is_written_with_who_dispatches_it_and_the_near_name() -> None:
    found = [problem for problem in unheard(scan([TREE]).sites, HEARD) if problem.queue == "router-provisioning"]
    (problem,) = found
    assert Path(problem.path).name == "RouterProvisioningJob.php"
    assert (problem.code, problem.line, problem.column, problem.job) == ("Q401", 24, 24, "RouterProvisioningJob")
    assert problem.message.startswith(
        "RouterProvisioningJob goes to queue router-provisioning, which nobody hears; dispatched at "
    )
    assert problem.message.endswith("RouterController.php:22")
    assert problem.hint == "did you mean provisioning (laravel-queue.conf:9 [program:x])?"


def test_the_other_way_round_the_incident_is_gone() -> None:
    heard = {**HEARD, "router-provisioning": "queues.yaml:3:3"}
    assert "router-provisioning" not in {problem.queue for problem in unheard(scan([TREE]).sites, heard)}


def test_exactly_the_queues_that_nobody_hears_are_told() -> None:
    told = {problem.queue for problem in unheard(scan([TREE]).sites, HEARD)}
    assert told == {
        "router-provisioning",
        "maintenance",
        "operator-mail",
        "broadcasts",
        "billing-chain",
        "payments-late",
        "payments-low",
        "realtime",
        "router-data-slow",
    }


def test_no_trap_is_a_site() -> None:
    assert not [site for site in scan([TREE]).sites if (site.queue or "").startswith(("from-", "provisioning"))]


def test_vendor_node_modules_and_tests_are_read_only_when_they_are_named() -> None:
    assert not [site for site in scan([TREE]).sites if "vendor" in site.file.parts]
    for folder in ("vendor", "node_modules", "tests"):
        assert [site.queue for site in scan([TREE / folder]).sites] == ["from-vendor"]


def test_two_readings_are_the_same_whatever_the_order_of_the_paths() -> None:
    forth, back = scan([TREE / "app", TREE / "routes"]), scan([TREE / "routes", TREE / "app"])
    assert forth == back
    assert forth == scan([TREE / "routes", TREE / "app", TREE / "app" / "Jobs"])


def test_a_part_of_the_application_knows_the_classes_of_the_rest() -> None:
    controllers = scan([TREE / "app" / "Http"]).sites
    assert controllers == tuple(site for site in scan([TREE]).sites if "Controllers" in site.file.parts)


def test_an_application_elsewhere_reads_the_same(tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(TREE, copy)
    assert [row(site, copy) for site in scan([copy]).sites] == [row(site, TREE) for site in scan([TREE]).sites]
