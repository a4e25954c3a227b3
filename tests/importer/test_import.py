"""`qsup import`: what supervisord runs and what the written queues.yaml says are the same."""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from qsup.check.load import load
from qsup.cli import cli
from qsup.routing import Queue, Routing
from tests.supervisord.conf import program
from tests.supervisord.real import Refused, by_supervisor
from tests.supervisord.test_validate import CODE, PHP_JOB, PHP_SITE, QUEUES, SHOP, qsup, write

LARAVEL = Path(__file__).parents[1] / "supervisord" / "laravel-queue.conf"


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["import", *words])


def imported(folder: Path, text: str) -> Routing:
    """What the queues.yaml of a file says."""
    (folder / "queue.conf").write_text(text, encoding="utf-8")
    done = run(str(folder / "queue.conf"), "-o", str(folder / "queues.yaml"), "--force")
    assert done.exit_code == 0, done.output
    found = load(folder / "queues.yaml", {})
    assert found.routing is not None, found.problems
    return found.routing


def notes(folder: Path) -> str:
    return "\n".join(line for line in (folder / "queues.yaml").read_text().splitlines() if line.startswith("  #"))


def said(text: str, folder: Path, *codes: str) -> list[str]:
    """What is told with one of these codes."""
    (folder / "queue.conf").write_text(text, encoding="utf-8")
    answer = json.loads(run(str(folder / "queue.conf"), "--json").stdout)
    return [problem["message"] for problem in answer["problems"] if problem["code"] in codes]


def work(words: str, name: str = "a", **keys: object) -> str:
    return program(f"php artisan queue:work {words}", name, keys)


def only(routing: Routing) -> Queue:
    (queue,) = routing.queues.values()
    return queue


def meaning(argv: list[str], priority: int, workers: int) -> dict[str, Any]:
    """What a command line that gives every option as --name=value means, worked out without the importer."""
    given = dict(word[2:].split("=", 1) for word in argv if word.startswith("--") and "=" in word)
    return {
        "workers": workers,
        "priority": priority,
        "sleep": float(given.get("sleep", 3)),
        "tries": int(given.get("tries", 1)),
        "timeout": float(given.get("timeout", 60)),
        "backoff": tuple(float(part) for part in given.get("backoff", "0").split(",")),
        "memory": int(given.get("memory", 128)) * 1024 * 1024,
        "max_time": float(given.get("max-time", 0)),
        "max_jobs": int(given.get("max-jobs", 0)),
        "jitter": 0.0,
        "workers_of": None,
    }


def theirs(file: Path) -> dict[str, dict[str, Any]]:
    """Queue → what supervisor itself would run for it."""
    told = by_supervisor(file, {})
    assert not isinstance(told, Refused), told
    found: dict[str, dict[str, Any]] = {}
    for process in told.values():
        argv = shlex.split(process["command"])
        queue = next(word for word in argv if word.startswith("--queue="))[len("--queue=") :]
        before = found.get(queue, {"workers": 0})
        found[queue] = meaning(argv, process["priority"], before["workers"] + 1)
    return found


def ours(routing: Routing, keys: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {key: getattr(queue, key) for key in keys} for name, queue in routing.queues.items()}


def test_the_incident_s_file_means_the_same_afterwards(tmp_path: Path) -> None:
    text = LARAVEL.read_text()
    routing = imported(tmp_path, text)
    main = tmp_path / "main.conf"
    main.write_text(f"[supervisord]\n{text}")
    expected = theirs(main)
    assert ours(routing, expected["payments"]) == expected
    assert (len(routing.queues), sum(queue.workers for queue in routing.queues.values())) == (10, 18)
    assert routing.queues["payments"].purpose == "Payment processing (M-Pesa)"


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "sleep": st.one_of(st.integers(1, 400), st.sampled_from(["0.5", "1.25"])),
        "tries": st.integers(1, 9999),
        "timeout": st.integers(1, 90_000),
        "backoff": st.lists(st.integers(0, 90_000), min_size=1, max_size=5).map(lambda them: ",".join(map(str, them))),
        "memory": st.integers(1, 5000),
        "max-time": st.integers(0, 90_000),
        "max-jobs": st.integers(0, 5000),
    },
)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)


@given(
    programs=st.dictionaries(NAMES, st.tuples(OPTIONS, st.integers(1, 9), st.integers(0, 999)), min_size=1, max_size=6),
    purpose=st.text(st.sampled_from(" abc:#{}[],&*!|>'\"%@`$-?\\é"), max_size=20),
)
@settings(max_examples=60, deadline=None, print_blob=True)
def test_any_workers_mean_the_same_afterwards(
    programs: dict[str, tuple[dict[str, Any], int, int]], purpose: str
) -> None:
    text = "[supervisord]\n"
    for number, (queue, (options, workers, priority)) in enumerate(programs.items()):
        words = " ".join(f"--{name}={value}" for name, value in options.items())
        text += f"; {purpose}\n[program:p{number}]\ncommand=php artisan queue:work --queue={queue} {words}\n"
        text += f"numprocs={workers}\nprocess_name=%(process_num)d\npriority={priority}\n\n"
    with tempfile.TemporaryDirectory() as folder:
        routing = imported(Path(folder), text)
        expected = theirs(Path(folder) / "queue.conf")
        assert ours(routing, next(iter(expected.values()))) == expected
        said = " ".join(purpose.split()) if any(letter.isalnum() for letter in purpose) else ""
        assert {queue.purpose for queue in routing.queues.values()} == {said}


def test_a_list_of_queues_is_one_pool_in_its_order(tmp_path: Path) -> None:
    routing = imported(
        tmp_path, work("--queue=high,middle,low --timeout=30 --tries=4 --backoff=7 --memory=64", numprocs=1)
    )
    assert routing.pool("high") == ("high", "middle", "low")
    for name in ("middle", "low"):
        queue = routing.queues[name]
        assert (queue.workers_of, queue.timeout, queue.tries, queue.backoff) == ("high", 30, 4, (7,))


def test_a_queue_keeps_its_own_workers_and_who_helped_is_told(tmp_path: Path) -> None:
    text = work("--queue=high,low", "a") + work("--queue=low,high", "b")
    routing = imported(tmp_path, text)
    assert {name: (queue.workers, queue.workers_of) for name, queue in routing.queues.items()} == {
        "high": (1, None),
        "low": (1, None),
    }
    assert "queue.conf:6 [program:b] helped with it, after low" in notes(tmp_path)
    assert said(text, tmp_path, "Q640") == [
        "[program:a] its workers no longer help with low: in queues.yaml a queue has the workers of one",
        "[program:b] its workers no longer help with high: in queues.yaml a queue has the workers of one",
    ]


def test_a_queue_behind_two_others_gets_the_workers_of_the_first(tmp_path: Path) -> None:
    text = work("--queue=a,low", "a") + work("--queue=b,low", "b")
    assert imported(tmp_path, text).queues["low"].workers_of == "a"
    assert len(said(text, tmp_path, "Q640")) == 1


def test_programs_of_one_queue_are_added_up_and_their_differences_told(tmp_path: Path) -> None:
    text = work("--queue=pay --tries=3", "a") + work("--queue=pay --tries=5 --sleep=9", "b")
    queue = only(imported(tmp_path, text))
    assert (queue.workers, queue.tries, queue.sleep) == (2, 3, 3)
    assert said(text, tmp_path, "Q640") == [
        "[program:b] its sleep, tries differ from those of [program:a], which are taken"
    ]
    assert said(work("--queue=pay", "a") + work("--queue=pay", "b"), tmp_path, "Q640") == []


def test_another_order_of_the_same_queues_is_told(tmp_path: Path) -> None:
    text = work("--queue=a,b,c", "a") + work("--queue=a,c,b", "b")
    assert imported(tmp_path, text).pool("a") == ("a", "b", "c")
    assert said(text, tmp_path, "Q640") == [
        "[program:b] looks at its queues in another order than [program:a], whose order is taken"
    ]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("shop:pay", "shop-pay"),
        ("'a b'", "a-b"),
        ("{default}", "default"),
        ("_x", "x"),
        ("é", "queue"),
        ("a" * 80, "a" * 58),
    ],
)
def test_a_name_that_cannot_be_is_changed_and_told(name: str, given: str, tmp_path: Path) -> None:
    text = work(f"--queue={name}")
    assert list(imported(tmp_path, text).queues) == [given]
    assert said(text, tmp_path, "Q641")[0].endswith(f"it is imported as {given}")


def test_two_names_never_become_one(tmp_path: Path) -> None:
    text = work("--queue=a-b,a:b,a+b")
    assert imported(tmp_path, text).pool("a-b") == ("a-b", "a-b-2", "a-b-3")


@pytest.mark.parametrize("name", ["true", "null", "123", "1e3", "no", "010", "~x"])
def test_a_name_that_yaml_could_take_for_something_else_is_read_back(name: str, tmp_path: Path) -> None:
    routing = imported(tmp_path, f"; {name}\n" + work(f"--queue={name},low"))
    name = name.strip("~")
    assert routing.pool(name) == (name, "low")
    assert routing.queues[name].purpose.strip("~") == name


@pytest.mark.parametrize(
    ("words", "key", "value", "note"),
    [
        ("--sleep=0", "sleep", 1, "made from sleep 0"),
        ("--tries=0", "tries", 10_000, "made from tries 0"),
        ("--timeout=0", "timeout", 86_400, "made from timeout 0"),
        ("--memory=0", "memory", 1024**2, "made from memory 0"),
        ("--rest=2 --name=x --force --once", "sleep", 3, "dropped: --rest, --name, --force, --once"),
    ],
)
def test_what_queues_yaml_cannot_say_is_brought_near_and_told(
    words: str, key: str, value: object, note: str, tmp_path: Path
) -> None:
    assert getattr(only(imported(tmp_path, work(f"--queue=pay {words}"))), key) == value
    assert note in notes(tmp_path)


def test_a_program_that_is_not_started_has_no_workers(tmp_path: Path) -> None:
    assert only(imported(tmp_path, work("--queue=pay", autostart="false"))).workers == 0
    assert "autostart=false: 1 worker(s), only when somebody starts them" in notes(tmp_path)


def test_a_priority_outside_ours_is_brought_in(tmp_path: Path) -> None:
    assert only(imported(tmp_path, work("--queue=pay", priority=-1))).priority == 0
    assert only(imported(tmp_path, work("--queue=pay", priority=5000))).priority == 999


def test_what_is_not_imported_is_named(tmp_path: Path) -> None:
    imported(tmp_path, work("--queue=pay") + program("nginx -g secret", "web") + program("php artisan horizon", "hor"))
    text = (tmp_path / "queues.yaml").read_text()
    assert "# Not a queue worker: " in text
    assert "[program:web]" in text
    assert "[program:hor]: Horizon takes its queues from config/horizon.php" in text
    assert "secret" not in text


def test_no_value_of_an_environment_is_written(tmp_path: Path) -> None:
    text = work("--queue=pay", environment='DB_PASSWORD="s3cret"') + program("env KEY=s3cret node x", "n")
    imported(tmp_path, text)
    assert "DB_PASSWORD" in (tmp_path / "queues.yaml").read_text()
    assert "s3cret" not in (tmp_path / "queues.yaml").read_text() + run(str(tmp_path / "queue.conf")).output


def test_a_comment_cannot_become_more_than_a_comment(tmp_path: Path) -> None:
    text = "; a: {b} # c\u2028queues: x ${HOME} $${X}\n" + work("--queue=pay")
    assert only(imported(tmp_path, text)).purpose == "a: {b} # c queues: x ${HOME} $${X}"


def test_what_gen_supervisor_wrote_is_imported_as_it_was(tmp_path: Path) -> None:
    file = QUEUES.replace("{workers: 2}", "{workers: 2, priority: 7, sleep: 1s, tries: 9, keep: 2d, purpose: Money}")
    write(tmp_path, queues_yaml=file, shop_py=SHOP)
    assert qsup("gen-supervisor", "-o", "qsup.conf", "--log-directory", ".", cwd=tmp_path).returncode == 0
    done = qsup("import", "qsup.conf", "-o", "again.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    before, after = (load(tmp_path / name, {}).routing for name in ("queues.yaml", "again.yaml"))
    assert before is not None
    assert after is not None
    assert after.queues == before.queues


def test_without_its_queues_yaml_a_qsup_worker_keeps_what_the_file_says(tmp_path: Path) -> None:
    queue = only(imported(tmp_path, program("qsup worker --queue=pay --config=/nowhere/q.yaml", keys={"priority": 4})))
    assert (queue.name, queue.workers, queue.priority) == ("pay", 1, 4)
    assert "its settings are in /nowhere/q.yaml, which could not be read" in notes(tmp_path)


def test_the_jobs_of_the_code_stand_there_to_be_filled_in_and_validate_finds_the_incident(tmp_path: Path) -> None:
    (tmp_path / "laravel-queue.conf").write_text(LARAVEL.read_text())
    write(tmp_path, app__deploy_py=CODE.format(job="RouterProvisioningJob", queue="router-provisioning"))
    done = qsup("import", "laravel-queue.conf", "--code", "app", "-o", "queues.yaml", cwd=tmp_path)
    assert done.returncode == 0
    assert "RouterProvisioningJob is dispatched to router-provisioning, which nobody listens to" in done.stderr
    text = (tmp_path / "queues.yaml").read_text()
    assert (
        '#   RouterProvisioningJob: {queue: router-provisioning, handler: "MODULE:FUNCTION"}  # app/deploy.py:8; '
        "nobody listens to router-provisioning"
    ) in text
    checked = qsup("validate", cwd=tmp_path)
    assert checked.returncode == 1
    assert (
        "app/deploy.py:8:1: RouterProvisioningJob goes to queue router-provisioning, which is not declared"
        in checked.stdout
    )
    assert "did you mean provisioning? [Q212]" in checked.stdout


def test_the_jobs_of_php_code_stand_there_too_and_validate_finds_the_incident(tmp_path: Path) -> None:
    (tmp_path / "laravel-queue.conf").write_text(LARAVEL.read_text())
    write(tmp_path, app__Jobs__RouterProvisioningJob_php=PHP_JOB, app__Http__Deploy_php=PHP_SITE)
    assert qsup("import", "laravel-queue.conf", "--code", "app", "-o", "queues.yaml", cwd=tmp_path).returncode == 0
    assert "#   RouterProvisioningJob: {queue: router-provisioning, " in (tmp_path / "queues.yaml").read_text()
    checked = qsup("validate", cwd=tmp_path)
    assert checked.returncode == 1
    assert "RouterProvisioningJob goes to queue router-provisioning, which nobody hears" in checked.stdout
    assert "did you mean provisioning (queues.yaml:" in checked.stdout


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    write(tmp_path, queue_conf=work("--queue=pay"), queues_yaml="mine")
    done = qsup("import", "queue.conf", "-o", "queues.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "queues.yaml is there already; nothing was written" in done.stderr
    assert (tmp_path / "queues.yaml").read_text() == "mine"
    assert qsup("import", "queue.conf", "-o", "queues.yaml", "--force", cwd=tmp_path).returncode == 0
    assert "pay: {workers: 1}" in (tmp_path / "queues.yaml").read_text()


def test_it_goes_to_the_standard_output_and_the_findings_beside_it(tmp_path: Path) -> None:
    write(tmp_path, queue_conf=work("--queue=pay", stopwaitsecs=1))
    done = qsup("import", "queue.conf", cwd=tmp_path)
    assert done.returncode == 0
    assert "  pay: {workers: 1}\n" in done.stdout
    assert "[Q620]" not in done.stdout
    assert "[Q620]" in done.stderr
    answer = json.loads(qsup("import", "queue.conf", "--json", cwd=tmp_path).stdout)
    assert answer["queues_yaml"] == done.stdout
    assert [made["name"] for made in answer["queues"]] == ["pay"]


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        ("nonsense", 78, "before the first section"),
        ("[program:a]\ncommand=nginx\n", 1, "no queue worker"),
        ("\0", 78, "before the"),
    ],
)
def test_what_cannot_be_imported_is_a_sentence(text: str, code: int, why: str, tmp_path: Path) -> None:
    write(tmp_path, queue_conf=text)
    done = qsup("import", "queue.conf", "-o", "queues.yaml", cwd=tmp_path)
    assert done.returncode == code
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "queues.yaml").exists()


def test_more_workers_than_one_supervisor_can_have_are_told(tmp_path: Path) -> None:
    text = "".join(work(f"--queue={name}", name, numprocs=900, process_name="%(process_num)s") for name in "ab")
    write(tmp_path, queue_conf=text)
    done = qsup("import", "queue.conf", cwd=tmp_path)
    assert done.returncode == 1
    assert "[Q112]" in done.stderr
