"""`qsup graph` and `qsup validate` never disagree about who is unheard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsup.check.problem import Problem
from qsup.check.unheard import OF_NOBODY, nobody_hears
from qsup.cli.looking import Look
from qsup.graph.blame import Blame
from qsup.graph.model import Graph, Sent
from tests.graph.worlds import ALL_WRONG, PHP, PYTHON, ROUTES_WRONG, drawn, incident, write

ROOT = Path(__file__).parents[2]


def red(graph: Graph, kind: str) -> set[str]:
    return {node.name for node in graph.nodes if node.kind == kind and node.unheard}


def red_edges(graph: Graph) -> set[tuple[str, str]]:
    names = {node.id: node.name for node in graph.nodes}
    return {(names[edge.source], names[edge.target]) for edge in graph.edges if edge.unheard}


def agree(seen: Look, graph: Graph) -> None:
    """Every problem of an unheard job reddens something, nothing else does, and every dead end is red."""
    told = {str(problem) for problem in seen.problems if problem.code in OF_NOBODY and nobody_hears(problem)}
    reasons = [*(node.why for node in graph.nodes), *(edge.why for edge in graph.edges)]
    assert {text for why in reasons for text in why} == told
    assert {str(problem) for problem in graph.problems} == told
    heard = {edge.source for edge in graph.edges if edge.target.startswith("workers:") and not edge.unsure}
    used = {edge.target for edge in graph.edges if edge.source.startswith("job:")}
    declared = (
        {f"queue:{name}" for name in seen.loaded.parsed.routing.queues} if seen.loaded and seen.loaded.parsed else set()
    )
    dead = {node.id for node in graph.of("queue")} & (used | declared) - heard
    assert {node.id for node in graph.of("queue") if node.unheard} == dead
    for edge in graph.edges:
        assert edge.unheard or edge.target not in dead, "a red queue has red lines only"


@pytest.mark.parametrize("queues", ["provisioning", "router-provisioning", "provisioning,router-provisioning"])
def test_in_the_incident_the_same_queue_is_red_that_validate_names(tmp_path: Path, queues: str) -> None:
    seen, graph = drawn(incident(tmp_path, PYTHON, queues), "app", supervisor=True)
    agree(seen, graph)
    missing = {"provisioning", "router-provisioning"} - set(queues.split(","))
    assert red(graph, "queue") == missing
    jobs = {"router-provisioning": "RouterProvisioningJob", "provisioning": "ProvisionUserInMikroTikJob"}
    files = {"router-provisioning": "app/deploy.py", "provisioning": "app/users.py"}
    assert red(graph, "job") == {jobs[name] for name in missing}
    both = {(jobs[name], name) for name in missing} | {(files[name], jobs[name]) for name in missing}
    assert red_edges(graph) == both


def test_in_php_too(tmp_path: Path) -> None:
    seen, graph = drawn(incident(tmp_path, PHP), "app", supervisor=True)
    agree(seen, graph)
    assert red(graph, "job") == {"RouterProvisioningJob"}
    assert red_edges(graph) == {
        ("RouterProvisioningJob", "router-provisioning"),
        ("app/Http/Deploy.php", "RouterProvisioningJob"),
    }
    assert ("job:RouterProvisioningJob", "job:PayJob") in {(edge.source, edge.target) for edge in graph.edges}


def test_php_beside_a_queues_yaml_that_declares_the_queue(tmp_path: Path) -> None:
    write(
        tmp_path, {"queues.yaml": "version: 1\nqueues: {router-provisioning: {workers: 1}, payments: {workers: 1}}\n"}
    )
    seen, graph = drawn(write(tmp_path, PHP), "app")
    agree(seen, graph)
    assert red(graph, "queue") == set()
    write(tmp_path, {"queues.yaml": "version: 1\nqueues: {payments: {workers: 1}}\n"})
    seen, graph = drawn(tmp_path, "app")
    agree(seen, graph)
    assert red(graph, "queue") == {"router-provisioning"}


def test_everything_that_can_be_wrong_in_code_is_red(tmp_path: Path) -> None:
    seen, graph = drawn(write(tmp_path, ALL_WRONG))
    agree(seen, graph)
    assert red(graph, "queue") == {"idle", "payment"}
    assert red(graph, "job") == {"LostJob", "NoSuchJob"}
    assert red_edges(graph) == {
        ("PayJob", "idle"), ("TidyJob", "PayJob"), ("TidyJob", "payment"), ("PayJob", "TidyJob"), ("LostJob", "sms"),
        ("PayJob", "LostJob"), ("app/web.py", "LostJob"), ("app/web.py", "NoSuchJob"),
    }  # fmt: skip
    (mixed,) = [edge for edge in graph.edges if (edge.source, edge.target) == ("job:PayJob", "job:TidyJob")]
    assert (mixed.places, mixed.lost) == (("jobs/pay.py:7", "jobs/pay.py:8"), ("jobs/pay.py:8",))


def test_a_file_that_leaves_jobs_unheard_is_drawn_without_its_code(tmp_path: Path) -> None:
    seen, graph = drawn(write(tmp_path, ROUTES_WRONG))
    assert seen.sound is None
    agree(seen, graph)
    assert red(graph, "queue") == {"idle", "nobodys", "pya"}
    assert red(graph, "job") == {"IdleJob", "LostJob"}
    assert not graph.of("code")


@pytest.mark.parametrize(
    ("worker", "unheard"), [("qsup worker --queue sms", {"pay"}), ("php artisan queue:work", set())]
)
def test_workers_that_supervisord_starts_are_those_of_the_file(tmp_path: Path, worker: str, unheard: set[str]) -> None:
    """Beside Laravel's programs the file's own workers run too; beside qsup's there are no others."""
    queues = (
        "version: 1\nqueues: {pay: {workers: 1}, sms: {workers: 1}}\njobs: {PayJob: {queue: pay, handler: jobs:run}}\n"
    )
    write(
        tmp_path,
        {"queues.yaml": queues, "jobs.py": "import qsup\nclass PayJob(qsup.Job): ...\ndef run(job, ctx): ...\n"},
    )
    write(tmp_path, {"queue.conf": f"[program:a]\ncommand={worker}\n"})
    seen, graph = drawn(tmp_path, supervisor=True)
    agree(seen, graph)
    assert red(graph, "queue") == unheard
    assert red(graph, "job") == {"PayJob" for _ in unheard}


def test_of_one_line_only_what_is_unheard_is_red(tmp_path: Path) -> None:
    either = """\
        from jobs.pay import *
        def f(x):
            (PayJob() if x else LostJob()).dispatch()
            TidyJob().dispatch(queue="payments" if x else "payment")
        """
    seen, graph = drawn(write(tmp_path, ALL_WRONG | {"app/web.py": either}), "app")
    agree(seen, graph)
    assert red_edges(graph) == {("app/web.py", "LostJob"), ("app/web.py", "TidyJob"), ("TidyJob", "payment")}


def test_a_queue_is_red_for_who_is_refused_and_not_for_who_hears(tmp_path: Path) -> None:
    """qsup refuses a dispatch to a queue that only a Laravel worker hears."""
    write(tmp_path, ALL_WRONG | {"queue.conf": "[program:a]\ncommand=php artisan queue:work --queue=payment\n"})
    _, graph = drawn(tmp_path, supervisor=True)
    assert red(graph, "queue") == {"idle"}
    assert ("TidyJob", "payment") in red_edges(graph)


def test_a_program_that_nobody_starts_hears_nothing(tmp_path: Path) -> None:
    conf = incident(tmp_path, PYTHON) / "queue.conf"
    conf.write_text(
        "[program:a]\nautostart=false\ncommand=php artisan queue:work --queue=provisioning\n", encoding="utf-8"
    )
    seen, graph = drawn(tmp_path, "app", supervisor=True)
    agree(seen, graph)
    assert red(graph, "queue") == {"provisioning", "router-provisioning"}
    assert [(node.note, node.unsure) for node in graph.of("workers")] == [("1 worker, queue.conf:1, not started", True)]


def test_in_php_the_line_that_dispatches_is_red_wherever_the_queue_is_written(tmp_path: Path) -> None:
    names = "<?php\nnamespace App;\nclass Names { const FAR = 'far'; }\n"
    call = "App\\Jobs\\PayJob::dispatch()->onQueue({});\n"
    web = "<?php\n" + call.format("App\\Names::FAR") + call.format("'payments'")
    php = PHP | {"app/Names.php": names, "app/Http/Web.php": web}
    seen, graph = drawn(
        incident(tmp_path, php), "app/Names.php", "app/Http/Web.php", "app/Jobs/PayJob.php", supervisor=True
    )
    agree(seen, graph)
    assert red_edges(graph) == {("app/Http/Web.php", "PayJob"), ("PayJob", "far")}
    assert red(graph, "job") == set()


def test_a_problem_of_one_queue_blames_nothing_that_the_same_line_sends_to_another() -> None:
    blame = Blame((Problem(code="Q401", path="a.php", line=1, column=2, queue="far", message="two jobs go there"),))
    assert blame.sent(Sent(path="a.php", line=1, column=2, job="A", queue="far"))
    assert not blame.sent(Sent(path="a.php", line=1, column=2, job="B", queue="near"))


def test_every_code_that_says_nobody_is_drawn() -> None:
    """A new code must say whether it is one of them; the others have their reason here."""
    not_drawn = {
        "Q103": "the file cannot be drawn: who serves the queue is not known",
        "Q211": "nobody dispatches it, but somebody would hear",
        "Q612": "nobody dispatches to it, but somebody hears",
        "Q614": "somebody listens, but to nothing",
    }
    text = (ROOT / "docs" / "reference" / "problems.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(Q[1246]\d\d)\]\S+ \| (.*?) \|", text, re.MULTILINE)
    says = {code for code, what in rows if re.search(r"nobody|othing|not declared|not have|has no program", what)}
    assert says - not_drawn.keys() - {"Q214", "Q403", "Q412", "Q207"} == set(OF_NOBODY)


class Place(NamedTuple):
    """A dispatch: of which job, to which queue if it names one, in which file."""

    job: str
    queue: str | None
    file: str


QUEUES, JOBS = ["alpha", "beta", "gamma", "delta"], ["FirstJob", "SecondJob", "ThirdJob", "FourthJob"]
PLACES = st.builds(
    Place,
    job=st.sampled_from(JOBS),
    queue=st.one_of(st.none(), st.none(), st.sampled_from(QUEUES)),
    file=st.sampled_from(["app/one.py", "app/two.py"]),
)


@given(
    workers=st.dictionaries(st.sampled_from(QUEUES), st.sampled_from([0, 1, 1, 2]), min_size=1),
    routes=st.dictionaries(st.sampled_from(JOBS), st.sampled_from(QUEUES)),
    places=st.lists(PLACES, max_size=8),
)
@settings(max_examples=40, deadline=None)
def test_any_small_project_is_red_where_nobody_hears(
    workers: dict[str, int], routes: dict[str, str], places: list[Place], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("world")
    _write(root, workers, routes, places)
    seen, graph = drawn(root)
    agree(seen, graph)
    heard = {name for name, count in workers.items() if count}
    code = places if set(routes.values()) <= heard else []
    used = {*routes.values(), *(place.queue for place in code if place.queue)}
    assert red(graph, "queue") == {*used, *workers} - heard
    lost = {place.job for place in code if place.job not in routes}
    assert red(graph, "job") == lost | {job for job, queue in routes.items() if queue not in heard}
    bad = {(place.file, place.job) for place in code if place.job in lost or place.queue not in {None, *heard}}
    assert {pair for pair in red_edges(graph) if pair[0].startswith("app/")} == bad


def _write(root: Path, workers: dict[str, int], routes: dict[str, str], places: list[Place]) -> None:
    queues = "".join(f"  {name}: {{workers: {count}}}\n" for name, count in workers.items())
    jobs = "".join(f'  {job}: {{queue: {queue}, handler: "jobs:run"}}\n' for job, queue in routes.items())
    (root / "app").mkdir()
    text = "version: 1\nqueues:\n" + queues + ("jobs:\n" + jobs if jobs else "") + "code: [app]\n"
    (root / "queues.yaml").write_text(text, encoding="utf-8")
    classes = "".join(f"class {job}(qsup.Job): ...\n" for job in JOBS)
    (root / "jobs.py").write_text(f"import qsup\n{classes}def run(job, ctx): ...\n", encoding="utf-8")
    for file in ("app/one.py", "app/two.py"):
        calls = [
            f"{one.job}().dispatch({f'queue={one.queue!r}' if one.queue else ''})\n"
            for one in places
            if one.file == file
        ]
        (root / file).write_text(f"from jobs import *\n{''.join(calls)}", encoding="utf-8")
