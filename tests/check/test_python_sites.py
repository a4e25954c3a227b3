"""Every way in which Python code dispatches a job: each a readable snippet with the sites that it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.check.project import Project

QUEUES = """\
version: 1
queues: {payments: {workers: 2}, sms: {workers: 1}}
jobs:
  PayJob: {queue: payments, handler: "shop.jobs:run"}
  SmsJob: {queue: sms, handler: "shop.jobs:run"}
  CardJob: {queue: payments, handler: "shop.jobs:run"}
code: [app]
"""

JOBS = """\
import enum
import qsup

SMS = "sms"

class PayJob(qsup.Job):
    amount: int = 0

class SmsJob(qsup.Job):
    to: str = ""

class Base(qsup.Job):
    pass

class CardJob(Base):
    pass

class Q(enum.StrEnum):
    SMS = "sms"
    PAYMENTS = enum.auto()

class Plain(enum.Enum):
    SMS = "sms"

class Settings:
    queue = "sms"

def run(job, ctx): ...

def pay(amount) -> PayJob: ...

def text(to):
    return SmsJob(to=to)

def enqueue(job: PayJob | SmsJob):
    pass

send = qsup.dispatch
every = [PayJob(), SmsJob()]
"""

TABLE = (Path(__file__).parent / "python_sites.txt").read_text(encoding="utf-8")


def cases() -> Iterator[tuple[str, str, list[str]]]:
    """(name, code, sites) of each block: `### name`, the code; `#> PayJob sms` behind a line is a site of that line."""
    for block in re.split(r"^### ", TABLE, flags=re.MULTILINE)[1:]:
        name, _, code = block.partition("\n")
        expected = [
            f"{number}: {site.strip()}"
            for number, line in enumerate(code.splitlines(), 1)
            for site in line.partition("#>")[2].split("|")
            if site.strip()
        ]
        yield name, re.sub(r" *#>.*", "", code), expected


CASES = list(cases())


@pytest.fixture
def shop(project: Project) -> Project:
    """A project with jobs to dispatch."""
    project.write("queues.yaml", QUEUES)
    project.write("shop/jobs.py", JOBS)
    project.write("shop/__init__.py", "from .jobs import PayJob as Payment, send as put\nfrom .jobs import *\n")
    project.write("shop/more/__init__.py", "from .. import Payment\n")
    return project


@pytest.mark.parametrize(("code", "sites"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_sites_of_a_snippet(shop: Project, code: str, sites: list[str]) -> None:
    assert sorted(shop.seen(code)) == sorted(sites)


def test_the_table_has_sites_of_every_kind() -> None:
    assert len(CASES) == len({name for name, _, _ in CASES}) > 100
    assert {"?", "PayJob", "PayJob sms"} <= {site.partition(": ")[2] for _, _, sites in CASES for site in sites}
