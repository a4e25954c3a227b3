"""`python -m handlers.sandbox.demo`, as a newcomer starts it: in a process of its own, with a hostile environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from handlers.sandbox.day import AFTER, BEFORE
from handlers.sandbox.project import Project
from handlers.sandbox.routeros import RouterSimulator
from handlers.sandbox.sms import SmsGateway
from tests.conftest import Eventually
from tests.handlers.hotspot import CALLBACKS, CASES

ROOT = Path(__file__).parents[2]
HOSTILE = {
    "DATABASE_URL": "postgresql://nowhere:1/x",
    "QSUP_CONFIG": "/nowhere.yaml",
    "PGHOST": "nowhere",
    "PGPORT": "1",
}


@contextmanager
def demo(folder: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """The demo, with its temporary folders in `folder`; whatever it leaves there is a failure."""
    process = subprocess.Popen(
        [sys.executable, "-m", "handlers.sandbox.demo", *arguments],
        cwd=ROOT,
        env={**os.environ, **HOSTILE, "TMPDIR": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
    assert list(folder.iterdir()) == []


def answer(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    output, errors = process.communicate(timeout=90)
    assert output, errors.decode()
    return dict(json.loads(output))


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A temporary folder that the account of the database may enter."""
    path = tmp_path_factory.mktemp("demo")
    for place in (path, path.parent, path.parent.parent):
        place.chmod(0o755)
    return path


def test_all_callbacks_come_to_what_they_must_and_nothing_is_left(folder: Path) -> None:
    with demo(folder, "--json") as process:
        result = answer(process)
    assert (process.returncode, result["differences"]) == (0, [])
    assert [(one["name"], one["outcome"]) for one in result["callbacks"]] == [
        (name, case["expect"]["outcome"]) for name, case in CASES.items()
    ]
    assert {one["name"]: one["jobs"] for one in result["callbacks"] if len(one["jobs"]) > 1} == {
        name: ["payment", "router", "SMS"] for name, case in CASES.items() if case["expect"]["outcome"] == "paid"
    }
    assert [(act["name"], act["ok"]) for act in result["acts"]] == [(name, True) for name in {**BEFORE, **AFTER}]
    assert "# Queue" in result["report"]


def test_other_callbacks_router_and_gateway_are_played_too_and_a_wrong_expectation_is_told(folder: Path) -> None:
    cases = [CASES["stk_success"], CASES["stk_fail_1032"] | {"expect": {"outcome": "paid"}}]
    script = folder.parent / "other.json"
    script.write_text(json.dumps({"known_requests": CALLBACKS["known_requests"], "cases": cases}))
    with RouterSimulator(user="me", password="mine") as router, SmsGateway(api_key="theirs") as gateway:
        own = {"ROUTER_USER": "me", "ROUTER_PASSWORD": "mine", "SMS_USERNAME": "sandbox", "SMS_API_KEY": "theirs"}
        arguments = ["--json", "--callbacks", str(script), "--router", router.address, "--sms-url", gateway.url]
        with demo(folder, *arguments, **own) as process:
            result = answer(process)
        assert [sent.to for sent in gateway.sent] == ["+254712345678"]
        assert [user["name"] for user in router.tables.find("/ip/hotspot/user")] == ["254712345678"]
    assert process.returncode == 1
    assert [one["differences"] for one in result["callbacks"]] == [[], ["outcome: expected paid, seen failed"]]


def test_ctrl_c_stops_everything(folder: Path, eventually: Eventually) -> None:
    with demo(folder, "--json") as process:
        eventually(lambda: list(folder.glob("*/.qsup/run/state.json")), 30, what="qsup run has begun")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_a_file_that_is_no_file_of_callbacks_is_said_in_a_sentence(folder: Path) -> None:
    with demo(folder, "--json", "--callbacks", str(ROOT / "pyproject.toml")) as process:
        result = answer(process)
    assert process.returncode == 1
    assert "pyproject.toml is not a file of callbacks" in result["differences"][0]


def test_what_survives_the_end_is_named_and_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with Project({}) as project:
        project.wait_for_database(40)
        supervisor = read_status(project)["pid"]
        os.kill(supervisor, signal.SIGKILL)
    assert project.left_running, "nothing survived the kill of its supervisor"
    assert list(folder.iterdir()) == []
    assert [one for one in project.left_running if Path(f"/proc/{one.split()[0]}/exe").exists()] == []


def read_status(project: Project) -> dict[str, Any]:
    command = [sys.executable, "-m", "qsup", "status", "--json"]
    found = subprocess.run(command, cwd=project.folder, env=project.env, stdout=subprocess.PIPE, check=False)
    return dict(json.loads(found.stdout))
