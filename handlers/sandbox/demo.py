"""`make demo`: a day of the hotspot, through all its jobs, on real parts of this machine.

`qsup run` with the repository's own queues.yaml on an embedded PostgreSQL in a temporary folder; a RouterOS API and an
SMS gateway on ports of this process (or the ones that ROUTER and SMS_URL name), FreeRADIUS if it is installed. Exit 0:
every callback had the outcome that its case expects, every customer is on the router once and got one message for each
payment, and the rest of the day (day.py) went as it must. Nothing is deployed on a router that ROUTER names.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import psycopg
from rich.console import Console

from handlers import schema
from handlers.router import Router
from handlers.router_errors import ROUTER_ERRORS, text_of
from handlers.router_user import USERS
from handlers.sandbox import day, playing, radius, summary
from handlers.sandbox.day import Day, Told
from handlers.sandbox.playing import BadScript, Connection, Played, Script, TooSlow
from handlers.sandbox.project import Project, ProjectFailed
from handlers.sandbox.routeros import RouterSimulator
from handlers.sandbox.sms import SmsGateway
from handlers.settings import SettingMissing, router_settings, sms_settings

CALLBACKS = Path(__file__).parent / "data" / "mpesa_callbacks.json"
DATABASE_SECONDS = 40.0
CALLBACK_SECONDS = 15.0
SMS_SECONDS = 20.0


@dataclass(slots=True)
class Result:
    """What the demo saw. `differences`: those that belong to no single callback."""

    played: list[Played] = field(default_factory=list)
    acts: list[Told] = field(default_factory=list)
    report: str = ""
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether everything was as the file expects."""
        right = all(act.ok for act in self.acts) and not any(one.differences for one in self.played)
        return bool(self.played) and right and not self.differences


@dataclass(frozen=True, slots=True)
class Outside:
    """The other side: the environment that leads the handlers to it, and our own gateway if it is ours."""

    env: dict[str, str]
    router: RouterSimulator | None
    gateway: SmsGateway | None


@click.command()
@click.option("--callbacks", type=click.Path(path_type=Path), default=CALLBACKS, help="Another file of the same shape.")
@click.option(
    "--router", envvar="ROUTER", help="HOST:PORT of a router instead of the simulator; ROUTER_USER and so on."
)
@click.option("--sms-url", envvar="SMS_URL", help="A gateway instead of the sandbox's; SMS_USERNAME and so on.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def main(callbacks: Path, router: str | None, sms_url: str | None, as_json: bool) -> None:
    """Play a day of the hotspot: callbacks, customers, routers; compare what becomes of them with what must."""
    console = Console(stderr=True, quiet=as_json)
    # Its first callbacks come while the workers are still starting, and dispatch says so for each of them.
    logging.getLogger("qsup.dispatch").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = time.monotonic()
    result = Result()
    try:
        script = playing.read_script(callbacks)
        with outside(router, sms_url) as other_side:
            _run(script, other_side, console, result)
    except (BadScript, ProjectFailed, TooSlow, SettingMissing, psycopg.Error) as error:
        result.differences.append(str(error))
    except KeyboardInterrupt:
        console.print("stopped: nothing of the demo is left running")
        sys.exit(130)
    result.seconds = time.monotonic() - started
    if as_json:
        click.echo(summary.as_json(result, ok=result.ok))
    else:
        summary.show(Console(), result, ok=result.ok)
    sys.exit(0 if result.ok else 1)


def _run(script: Script, other_side: Outside, console: Console, result: Result) -> None:
    logs = Path(other_side.env["LOG_DIRECTORY"])
    project = Project({"HOTSPOT_UNMATCHED_WAITS": "1,1", **other_side.env})
    try:
        with project:
            console.print(f"qsup run in {project.folder}, on an embedded PostgreSQL of its own")
            dsn = project.wait_for_database(DATABASE_SECONDS)
            with psycopg.connect(dsn, autocommit=True) as conn:
                playing.wait_until_declared(conn, project.check, DATABASE_SECONDS)
                schema.migrate(conn)
                playing.furnish(conn, script)
                with _the_day(conn, dsn, other_side, logs, console, result):
                    _play(conn, script, project, console, result)
                    result.differences += _check(conn, other_side)
    finally:
        console.print("qsup run has ended")
        result.differences += [f"left running: {one}" for one in project.left_running]


def _play(conn: Connection, script: Script, project: Project, console: Console, result: Result) -> None:
    console.print(f"playing {len(script.cases)} callbacks")
    for played in playing.play(conn, script, CALLBACK_SECONDS):
        project.check()
        result.played.append(played)
        console.print(f"  {played.case.name}: {played.seen['outcome']}", highlight=False)
    console.print("waiting for the last messages")
    playing.wait_for_sms(conn, project.check, SMS_SECONDS)
    for played in result.played:
        playing.follow(conn, played)
    result.differences += playing.failures(conn)


@contextmanager
def _the_day(
    conn: Connection, dsn: str, other_side: Outside, logs: Path, console: Console, result: Result
) -> Iterator[None]:
    """What comes before the callbacks, then the block, then what comes after them."""
    if other_side.router is None:
        yield
        return
    with day.radius_if_installed(dsn) as server:
        today = Day(conn=conn, dsn=dsn, router=other_side.router, logs=logs, radius=server)
        _act(today, day.BEFORE, console, result)
        yield
        _act(today, day.AFTER, console, result)
        result.report = today.report


def _act(today: Day, acts: Mapping[str, Callable[[Day], str]], console: Console, result: Result) -> None:
    for told in day.play(today, acts):
        result.acts.append(told)
        console.print(f"  {told.name}: {told.seen}", highlight=False)


@contextmanager
def outside(router: str | None, sms_url: str | None) -> Iterator[Outside]:
    """The router and the gateway: those that were named, else the sandbox's, which end with the block."""
    env = {name: value for name, value in os.environ.items() if name.startswith(("ROUTER", "SMS_"))}
    env["RADIUS_SECRET"] = radius.SECRET
    simulator, gateway = None, None
    with contextlib.ExitStack() as stack:
        env["LOG_DIRECTORY"] = stack.enter_context(tempfile.TemporaryDirectory(prefix="qsup-demo-logs-"))
        env["LOG_LARGEST"] = str(day.LOG_BYTES)
        if router:
            env["ROUTER"] = router
        else:
            password = secrets.token_hex(8)
            simulator = stack.enter_context(RouterSimulator(user="qsup", password=password))
            env |= {"ROUTER": simulator.address, "ROUTER_USER": "qsup", "ROUTER_PASSWORD": password}
        if sms_url:
            env["SMS_URL"] = sms_url
        else:
            gateway = stack.enter_context(SmsGateway(api_key=secrets.token_hex(8)))
            env |= {"SMS_URL": gateway.url, "SMS_USERNAME": gateway.username, "SMS_API_KEY": gateway.api_key}
        router_settings(env)
        sms_settings(env)
        yield Outside(env, simulator, gateway)


def _check(conn: Connection, other_side: Outside) -> list[str]:
    """Each customer exactly once on the router, exactly one message for each subscription at the gateway."""
    bought, differences = playing.subscribers(conn), []
    try:
        with Router(router_settings(other_side.env), seconds=20) as router:
            for phone in bought:
                number = len(router.rows(USERS, name=phone))
                if number != 1:
                    differences.append(f"{phone} is {number} times on the router")
    except ROUTER_ERRORS as error:
        differences.append(f"the router could not be asked: {text_of(error)}")
    if other_side.gateway is not None:
        sent = Counter(one.to.removeprefix("+") for one in other_side.gateway.sent)
        if dict(sent) != bought:
            differences.append(f"messages at the gateway: {dict(sent)}, subscriptions: {bought}")
    return differences


if __name__ == "__main__":
    main()
