"""A file that is not looked at closely dispatches nothing: by its summary alone, whatever way the word came into it."""

from __future__ import annotations

import pytest

from qsup.check.python.evaluate import Evaluator
from qsup.check.python.kinds import Klass
from qsup.check.python.kinship import Kinship
from qsup.check.recall import Recall
from qsup.check.skimmer import summarised
from qsup.check.source import Sources
from qsup.check.summary import from_list
from tests.check.project import Project

DOOR = """\
import qsup
from jobs.classes import PayJob

send = qsup.dispatch
NAME = "dispatch"
SQL = "SELECT QSUP.DISPATCH('PayJob', '{}')"
LINE = "qsup dispatch PayJob"

def maker(job: PayJob):
    return job.dispatch

class Door:
    push = staticmethod(qsup.dispatch)
"""

WITHOUT_THE_WORD = [
    ("from app.door import send\nfrom jobs.classes import PayJob\nsend(PayJob(amount=1))\n", "3: PayJob"),
    ("from app.door import send as go\nfrom jobs.classes import PayJob\ngo(PayJob(amount=1))\n", "3: PayJob"),
    ("import app.door\nfrom jobs.classes import PayJob\napp.door.send(PayJob(amount=1))\n", "3: PayJob"),
    ("from app import send\nfrom jobs.classes import PayJob\nsend(PayJob(amount=1))\n", "3: PayJob"),
    ("def f(job):\n    from app.door import maker\n    maker(job)()\n", "3: PayJob"),
    ("from app.door import NAME\nfrom jobs.classes import PayJob\ngetattr(PayJob(), NAME)()\n", "3: PayJob"),
    ("from app.door import SQL\n\ndef f(cursor):\n    cursor.execute(SQL)\n", "4: PayJob"),
    ("import subprocess\nfrom app.door import LINE\nsubprocess.run(LINE, shell=True)\n", "3: PayJob"),
    ("from jobs.classes import PayJob\ngetattr(PayJob(), 'dis\\x70atch')()\n", "2: PayJob"),
    ("from jobs.classes import PayJob\ngetattr(PayJob(), 'dis' 'patch')()\n", "2: PayJob"),
    ("from jobs.classes import PayJob\nPayJob(amount=1).\N{FULLWIDTH LATIN SMALL LETTER D}ispatch()\n", "2: PayJob"),
    ("try:\n    from app.door import send\nexcept ImportError:\n    send = None\nfrom jobs.classes import PayJob\n"
     "send(PayJob())\n", "6: PayJob"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "site"), WITHOUT_THE_WORD)
def test_a_file_without_the_word_is_read_where_it_dispatches(project: Project, text: str, site: str) -> None:
    project.write("app/door.py", DOOR)
    project.write("app/__init__.py", "from app.door import send\n")
    assert b"dispatch" not in text.encode()
    assert site in project.seen(text)


@pytest.mark.parametrize(
    "text",
    [
        "class View:\n    def dispatch(self): ...\n",
        '"""How we dispatch."""\n',
        "def f():\n    'PayJob().dispatch()'\n",
        "x = 1  # dispatch\n",
        "class A(Exception): ...\n",
        "dispatcher = 1\n",
    ],
)
def test_the_word_alone_is_no_reason_to_look(text: str) -> None:
    found = from_list(summarised(text.encode()))
    assert found is not None
    assert not found.sends


HEIRS = [
    ("from jobs.classes import PayJob\nclass Heir(PayJob): ...\n", True),
    ("from jobs.classes import PayJob as P\nclass Heir(P): ...\n", True),
    ("import jobs.classes\nclass Heir(jobs.classes.PayJob): ...\n", True),
    ("import jobs.classes as c\nclass Other: ...\nclass Heir(Other, c.PayJob): ...\n", True),
    ("from app.middle import Between\nclass Heir(Between): ...\n", True),
    ("from app.middle import *\nclass Heir(Between): ...\n", True),
    ("from app.middle import make\nclass Heir(make()): ...\n", True),
    ("from app.middle import Alias\nclass Heir(Alias): ...\n", True),
    ("from app.middle import Holder\nclass Heir(Holder.Inner): ...\n", True),
    ("from jobs.classes import PayJob\nBase = PayJob\nclass Heir(Base): ...\n", True),
    ("from jobs.classes import PayJob\nif (Base := PayJob):\n    class Heir(Base): ...\n", True),
    ("from jobs.classes import PayJob\nfor Base in (PayJob,):\n    class Heir(Base): ...\n", True),
    ("def f():\n    from jobs.classes import PayJob\n    class Heir(PayJob): ...\n", True),
    ("from jobs import classes\ndef f(classes=classes.PayJob):\n    class Heir(classes): ...\n", True),
    ("from jobs.classes import PayJob\nclass Middle(PayJob): ...\nclass Heir(Middle): ...\n", True),
    ("class Plain(Exception): ...\nclass Heir(Plain): ...\n", False),
    ("import enum\nfrom django.db import models\nclass A(enum.Enum): ...\nclass B(models.Model): ...\n", False),
    ("from app.middle import Simple\nclass Heir(Simple): ...\n", False),
    ("from typing import Generic, TypeVar\nT = TypeVar('T')\nclass Heir(Generic[T]): ...\n", False),
]

MIDDLE = """\
from jobs.classes import PayJob

class Between(PayJob): ...
class Simple(ValueError): ...
class Holder:
    class Inner(PayJob): ...

Alias = PayJob

def make():
    return PayJob
"""


@pytest.mark.parametrize(("text", "may"), HEIRS)
def test_a_class_that_inherits_from_a_job_is_looked_at(
    project: Project, monkeypatch: pytest.MonkeyPatch, text: str, may: bool
) -> None:
    project.write("app/middle.py", MIDDLE)
    sources = Sources(project.root)
    module = sources.read(project.write("app/site.py", text))
    kinship = Kinship(Recall(sources), [module], {"PayJob"})
    assert kinship.may_have_heirs(module) == may
    base = sources.module("jobs.classes")
    assert base is not None
    pay = Evaluator(sources).in_module(base, "PayJob")[0]
    monkeypatch.setattr(Kinship, "may_have_heirs", lambda *_: True)
    assert isinstance(pay, Klass)
    assert may or "Heir" not in kinship.heirs(pay)


SITE = "from app.other import X\nfrom jobs.classes import PayJob, SmsJob\n{}\n"
ELSEWHERE = [
    ("PayJob().dispatch(queue=X)", "X = 'sms'\n", "X = 'payments'\n"),
    ("X().dispatch()", "from jobs.classes import PayJob as X\n", "from jobs.classes import SmsJob as X\n"),
    ("X().dispatch()", "from app.third import X\n", "class X: ...\n"),
    ("def f(job: PayJob):\n    job.dispatch()", "", "from jobs.classes import PayJob\nclass SmsJob(PayJob): ...\n"),
    ("def f(job: PayJob):\n    job.dispatch()", "import jobs.classes as c\nclass A(c.PayJob): ...\n", "A = 1\n"),
    ("X(PayJob())", "from qsup import dispatch as X\n", "X = print\n"),
    ("def f(job: X):\n    job.dispatch()", "X = int\n", "import qsup\nclass X(qsup.Job): ...\n"),
]


@pytest.mark.parametrize(("site", "before", "after"), ELSEWHERE)
def test_what_is_kept_of_a_file_ends_when_another_says_something_else(
    project: Project, site: str, before: str, after: str
) -> None:
    project.write("app/other.py", before)
    first = project.seen(SITE.format(site))
    project.write("app/other.py", after)
    # Each of these is also compared with a scan that has what the one before has left behind.
    assert project.seen(SITE.format(site)) != first


@pytest.mark.parametrize("name", ["extra.py", "extra/__init__.py"])
def test_a_module_that_appears_is_asked_again(project: Project, name: str) -> None:
    text = "from extra import X\nX().dispatch()\n"
    assert project.seen(text) == ["2: ?"]
    file = project.write(name, "from jobs.classes import PayJob as X\n")
    assert project.seen(text) == ["2: PayJob"]
    file.unlink()
    assert project.seen(text) == ["2: ?"]
