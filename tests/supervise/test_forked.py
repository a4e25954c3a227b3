"""The first courier and the first template are forked by the supervisor; later ones are started by exec."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from qsup.supervise.crew import Crew
from qsup.supervise.launcher import launch
from tests.supervise.rig import Run, end

HERE = str(Path.cwd())


def called(pid: int | str) -> list[str]:
    """The command line that `ps` shows, from the module on."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    assert words[:2] == [os.fsencode(sys.executable), b"-m"]
    return [word.decode() for word in words[2:]]


def was_forked(pid: int) -> bool:
    """Whether its environment, as the kernel shows it, is still that of its parent's program."""
    return b"QSUP_CHANNEL=" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_all_are_forked_and_each_is_shown_as_what_it_is(run: Run) -> None:
    run.start()
    [template] = [one["pid"] for one in run.state["template"].values()]
    assert called(template) == ["qsup.template"]
    assert called(run.state["courier"]["pid"]) == ["qsup.courier"]
    for slot, pid in run.pids().items():
        assert called(pid) == ["qsup.worker", slot]
    assert all(was_forked(pid) for pid in (template, run.state["courier"]["pid"], *run.pids().values()))


def test_after_its_death_a_courier_is_started_by_exec_and_serves(run: Run) -> None:
    run.start()
    before = run.state["courier"]["pid"]
    end(before)
    run.until(lambda: run.state["courier"]["pid"] not in (0, before), "another one is there")
    assert not was_forked(run.state["courier"]["pid"])
    run.dispatch("one")
    run.waits_for("end one")


def test_a_forked_courier_does_not_hold_what_is_its_supervisor_s(run: Run) -> None:
    run.start()
    held = {os.readlink(one) for one in Path(f"/proc/{run.state['courier']['pid']}/fd").iterdir()}
    assert str(run.run.run_lock) not in held
    assert str(run.run.courier_lock) in held


def test_where_the_courier_cannot_be_loaded_none_is_forked() -> None:
    broken = "import sys; sys.modules['psycopg'] = None; "
    code = "from qsup.supervise.forked import fork_first; print(fork_first({}, []))"
    done = subprocess.run([sys.executable, "-c", broken + code], capture_output=True, text=True, check=True, cwd=HERE)
    assert done.stdout == "{}\n"


def test_one_that_dies_before_it_is_wanted_is_not_taken() -> None:
    spare = launch("qsup.template", "qsup.template", {})
    crew = Crew({"qsup.template": spare})
    os.kill(spare.pid, signal.SIGKILL)
    os.waitpid(spare.pid, 0)
    spare.channel.close()
    assert crew.bury(spare.pid) is None
    started = crew.start("template 1", "qsup.template", {})
    try:
        assert started != spare.pid
    finally:
        os.kill(started, signal.SIGKILL)
        os.waitpid(started, 0)
        crew.bury(started)
