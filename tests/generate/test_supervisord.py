"""`gen-supervisor`'s text: the golden file, and what supervisor itself reads in it."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from qsup.errors import QsupError
from qsup.generate.supervisord import Place, fingerprint, generate, stop_wait
from qsup.routing import Route, Routing
from tests.generate.reader import ALWAYS, Program, read_back
from tests.generate.routings import hotspot, queue, routing

GOLDEN = Path(__file__).with_name("hotspot.conf")
PLACE = Place(
    program=("/srv/hotspot/.venv/bin/qsup",),
    config_file="/srv/hotspot/queues.yaml",
    directory="/srv/hotspot",
    log_directory="/var/log/qsup",
)


def made(of: Routing, place: Place = PLACE) -> str:
    return generate(of, place, "qsup.conf", "qsup gen-supervisor -o FILE").content


def here(folder: Path) -> Place:
    """A place whose log directory exists, as supervisord demands."""
    return replace(PLACE, log_directory=str(folder), directory=str(folder))


def only(programs: dict[str, list[Program]]) -> Program:
    ((program,),) = programs.values()
    return program


def test_the_hotspots_file_is_the_golden_one() -> None:
    content = made(hotspot())
    assert content == GOLDEN.read_text(encoding="utf-8"), (
        f"if the change is wanted, make {GOLDEN.name} this:\n{content}"
    )


def test_supervisor_reads_the_hotspots_queues_workers_and_order(tmp_path: Path) -> None:
    programs = read_back(made(hotspot(), here(tmp_path)), tmp_path)
    wanted = {f"qsup-{one.name}": one for one in hotspot().queues.values() if one.workers}
    assert {name: len(processes) for name, processes in programs.items()} == {
        name: one.workers for name, one in wanted.items()
    }
    for name, processes in programs.items():
        assert {process.settings["priority"] for process in processes} == {wanted[name].priority}


def test_each_process_is_a_worker_of_its_queue_with_a_log_of_its_own(tmp_path: Path) -> None:
    programs = read_back(made(hotspot(), here(tmp_path)), tmp_path)
    for process in programs["qsup-payments"]:
        assert process.argv == [
            "/srv/hotspot/.venv/bin/qsup", "worker", "--queue=payments", "--config=/srv/hotspot/queues.yaml",
        ]  # fmt: skip
    assert [process.name for process in programs["qsup-payments"]] == ["qsup-payments_00", "qsup-payments_01"]
    logs = [process.log for processes in programs.values() for process in processes]
    assert len(set(logs)) == len(logs) == 21
    assert programs["qsup-payments"][1].log == f"{tmp_path}/qsup-payments_01.log"


def test_supervisor_restarts_after_any_exit_and_stops_and_kills_as_a_group(tmp_path: Path) -> None:
    for process, *_ in read_back(made(hotspot(), here(tmp_path)), tmp_path).values():
        settings = process.settings
        assert settings["autorestart"] is ALWAYS
        assert settings["autostart"] is True
        assert settings["stopsignal"] == signal.SIGTERM
        assert (settings["stopasgroup"], settings["killasgroup"]) == (True, True)
        assert settings["redirect_stderr"] is True
        assert (settings["stdout_logfile_maxbytes"], settings["stdout_logfile_backups"]) == (10 * 1024**2, 7)


def test_supervisor_waits_longer_than_the_longest_job_of_the_slot(tmp_path: Path) -> None:
    of = routing(
        queue("default", timeout=90.0),
        queue("low", workers=0, workers_of="default", timeout=30.0, grace=25.0),
        queue("fast", timeout=10.5),
        routes=(Route(job="ReportJob", queue="low", handler="jobs:report", timeout=600.0),),
    )
    programs = read_back(made(of, here(tmp_path)), tmp_path)
    waits = {name: process.settings["stopwaitsecs"] for name, (process,) in programs.items()}
    assert waits == {"qsup-default": 600 + 25 + 10, "qsup-fast": 31}
    for name in ("default", "low"):
        assert stop_wait(of, "default") > of.rules("ReportJob", name).timeout + of.rules("ReportJob", name).grace


def test_a_queue_served_by_anothers_workers_has_no_program_but_is_named() -> None:
    content = made(hotspot())
    assert "[program:qsup-low]" not in content
    assert "; also serves: low\n[program:qsup-default]" in content


def test_workers_that_leave_early_by_order_never_count_as_failed_starts(tmp_path: Path) -> None:
    of = routing(queue("one-job", max_jobs=1), queue("young", max_time=4.0), queue("ordinary"))
    programs = read_back(made(of, here(tmp_path)), tmp_path)
    waits = {name: process.settings["startsecs"] for name, (process,) in programs.items()}
    assert waits == {"qsup-one-job": 0, "qsup-young": 0, "qsup-ordinary": 5}


def test_there_is_no_group_so_that_an_edit_restarts_one_program() -> None:
    assert "[group" not in made(hotspot())


def test_the_hash_changes_with_every_setting_and_never_depends_on_the_database() -> None:
    of = routing(queue("payments"))
    assert fingerprint(of) != fingerprint(routing(queue("payments", sleep=1.0)))
    assert fingerprint(of) == fingerprint(routing(queue("payments"), database="postgresql://u:secret@db/app"))
    assert f"; config {fingerprint(of)}\n" in made(of)


def test_a_database_password_is_nowhere_in_the_file() -> None:
    assert "secret" not in made(routing(queue("payments"), database="postgresql://u:secret@db/app"))


def test_a_purpose_of_several_lines_stays_a_comment(tmp_path: Path) -> None:
    content = made(routing(queue("payments", purpose="Money\n[program:evil]\r\ncommand=/bin/false")), here(tmp_path))
    assert list(read_back(content, tmp_path)) == ["qsup-payments"]


def test_a_user_gets_a_home_of_its_own(tmp_path: Path) -> None:
    place = replace(here(tmp_path), user="root", environment={"HOME": "/home/o'neil 50%", "USER": "root"})
    process = only(read_back(made(routing(queue("payments")), place), tmp_path))
    assert process.settings["uid"] == 0
    assert process.environment == {"HOME": "/home/o'neil 50%", "USER": "root"}


@pytest.mark.parametrize(
    ("directory", "reason"),
    [
        ('/srv/a"b', "a double quote or a backslash"),
        ("/srv/a\\b", "a double quote or a backslash"),
        ("/srv/a ;b", "begins a comment"),
        ("/srv/a #b", "begins a comment"),
        ("/srv/a\nb", "a line break"),
        ("/srv/a\x00b", "a line break or another character"),
        ("/srv/a\udcffb", "a line break or another character"),
        ("/srv/a ", "a space at its beginning or end"),
    ],
)
def test_a_directory_that_no_spelling_can_carry_is_refused(directory: str, reason: str) -> None:
    for place in (
        replace(PLACE, directory=directory),
        replace(PLACE, log_directory=directory),
        replace(PLACE, config_file=directory),
        replace(PLACE, program=(directory,)),
        replace(PLACE, environment={"HOME": directory}),
    ):
        with pytest.raises(QsupError, match=reason) as refused:
            made(routing(queue("payments")), place)
        assert repr(directory)[1:-1] in refused.value.message
        assert "--directory" in refused.value.hint


@pytest.mark.parametrize("home", ["'/home/x", "/home/x'"])
def test_an_environment_value_with_a_quote_at_an_end_is_refused(home: str) -> None:
    with pytest.raises(QsupError, match="HOME"):
        made(routing(queue("payments")), replace(PLACE, environment={"HOME": home}))


@pytest.mark.parametrize("name", ["pay ments", "pay:ments", "pay/ments", "pay%ments", "pay]ments", "pay\nments", ""])
def test_a_queue_name_that_supervisord_would_misread_is_refused(name: str) -> None:
    with pytest.raises(QsupError, match="cannot be the name"):
        made(routing(queue(name)))
