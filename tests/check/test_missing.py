"""Names that a dispatch needs and that are not there: told where they are used, and never where they may be there."""

from __future__ import annotations

import ast

import pytest

from qsup.check.python.evaluate import Evaluator
from qsup.check.python.missing import undefined
from qsup.check.source import Sources
from tests.check.project import Project

NAMES = """\
import enum

class Queue(enum.StrEnum):
    SMS = "sms"

QUEUE = "sms"
job = 5
"""
PAY = "from jobs.classes import PayJob\n"


SENDS = "from jobs import classes\nclasses.PayJob(amount=1).dispatch()\n"
"""Only a file that dispatches something is looked at closely."""


@pytest.fixture
def shop(project: Project) -> Project:
    """The project with names and packages of its own."""
    project.write("app/names.py", NAMES)
    project.write("app/__init__.py", "from jobs.classes import PaidJob as Paid, PayJob\n")
    return project


def told(shop: Project, code: str, code_of: str = "Q217") -> list[str]:
    shop.write("app/site.py", code)
    return [line.removesuffix(f" [{code_of}]") for line in shop.told() if line.endswith(f"[{code_of}]")]


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (
            "import qsup\nfrom jobs.classes import PaJob\n\nPaJob(amount=1).dispatch()\n",
            "app/site.py:2:1: there is no PaJob in jobs.classes: what needs it cannot be dispatched, "
            "did you mean PayJob?",
        ),
        (
            "import jobs.classes\nkind = jobs.classes.PaJob\n\nkind.model_validate({}).dispatch()\n",
            "app/site.py:2:8: there is no PaJob in jobs.classes: what needs it cannot be dispatched, "
            "did you mean PayJob?",
        ),
        (
            "from app.nams import PayJob\nPayJob(amount=1).dispatch()\n",
            "app/site.py:1:1: there is no module app.nams: what needs it cannot be dispatched, did you mean app.names?",
        ),
        (
            "from app import Paid\nPaid(amount=1).dispatch()\n",
            "app/__init__.py:1:1: there is no PaidJob in jobs.classes: what needs it cannot be dispatched, "
            "did you mean PayJob?",
        ),
        (
            PAY + "def f():\n    ü = PayJbo(amount=1).dispatch()\n",
            "app/site.py:3:9: nothing here is called PayJbo: what needs it cannot be dispatched, did you mean PayJob?",
        ),
        (
            "import jobs.classes\n\ndef f(job: 'jobs.classes.PaJob'):\n    job.dispatch()\n",
            "app/site.py:3:12: there is no PaJob in jobs.classes: what needs it cannot be dispatched, "
            "did you mean PayJob?",
        ),
        (
            "from jobs.classes import PaJob\n\ndef f(job):\n    assert isinstance(job, PaJob)\n    job.dispatch()\n",
            "app/site.py:1:1: there is no PaJob in jobs.classes: what needs it cannot be dispatched, "
            "did you mean PayJob?",
        ),
        (
            PAY + "dispatch(PayJob(amount=1))\n",
            "app/site.py:2:1: nothing here is called dispatch: what needs it cannot be dispatched",
        ),
        (
            PAY + "from app.names import Queue\nPayJob(amount=1).dispatch(queue=Queue.SMSS)\n",
            "app/site.py:3:33: there is no SMSS in Queue: what needs it cannot be dispatched, did you mean SMS?",
        ),
        (
            PAY + "from app.names import QUEU\nPayJob(amount=1).dispatch(queue=QUEU)\n",
            "app/site.py:2:1: there is no QUEU in app.names: what needs it cannot be dispatched, did you mean QUEUE?",
        ),
        (
            PAY + "import qsup\nqsup.dispatch_many([PayJob(amount=1)], queue=QUEUE)\n",
            "app/site.py:3:46: nothing here is called QUEUE: what needs it cannot be dispatched",
        ),
    ],
)
def test_a_name_that_is_not_there_is_told_where_it_is_used(shop: Project, code: str, line: str) -> None:
    assert told(shop, code) == [line]
    assert shop.scan().unverifiable() == (), "it is certainly wrong, not unclear"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (PAY + "PayJob(amount=1).dispach()\n", "2:1: there is no dispach in PayJob"),
        (PAY + "def f(job: PayJob):\n    job.dispatchs(queue='sms')\n", "3:5: there is no dispatchs in PayJob"),
        ("import qsup\nqsup.dispatchmany([])\n", "2:1: there is no dispatchmany in qsup"),
        ("from qsup import dispacth\ndispacth(5)\n", "2:1: there is no dispacth in qsup"),
    ],
)
def test_a_misspelt_dispatch_is_told(shop: Project, code: str, text: str) -> None:
    (line,) = told(shop, code + SENDS)
    assert line.startswith(f"app/site.py:{text}: what needs it cannot be dispatched, did you mean dispatch")


@pytest.mark.parametrize(
    "code",
    [
        "import qsup\nclass LoudJob(qsup.Job):\n    def dispatched(self): ...\nLoudJob().dispatched()\n",
        "import qsup\nclass LoudJob(qsup.Job):\n    def __getattr__(self, name): ...\nLoudJob().dispach()\n",
        "import qsup\nfrom elsewhere import Base\nclass LoudJob(Base, qsup.Job): ...\nLoudJob().dispach()\n",
        "from elsewhere import bus\nbus.dispatcher()\nbus.dispatch_all()\n",
        "class Bus: ...\nBus().dispatcher()\n",
        "def dispatched(x): ...\ndispatched(5)\n",
    ],
)
def test_another_method_of_nearly_that_name_is_none_of_ours(shop: Project, code: str) -> None:
    assert told(shop, code + SENDS) == []


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    from app.local import job\nexcept ImportError:\n    from app.names import job\njob.dispatch()\n",
        "try:\n    from jobs.classes import Late\nexcept ImportError:\n    Late = None\nLate().dispatch()\n",
        "try:\n    job.dispatch()\nexcept NameError:\n    pass\n",
        "from elsewhere import *\njob.dispatch()\n",
        "from elsewhere.jobs import job\njob.dispatch()\n",
        "globals()['job'] = 5\njob.dispatch()\n",
        "def f():\n    global job\njob.dispatch()\n",
        "from app.compiled import job\njob.dispatch()\n",
        "from app.folder import job\njob.dispatch()\n",
        "from app.lazy import job\njob.dispatch()\n",
        "from app.names import QUEUE as job\ndef f(job):\n    job.dispatch()\n",
        "match 5:\n    case job:\n        job.dispatch()\n",
        "__job__.dispatch()\n",
    ],
)
def test_a_name_that_may_be_there_is_only_not_verifiable(shop: Project, code: str) -> None:
    shop.write("app/compiled.cpython-311-x86_64-linux-gnu.so", "")
    shop.write("app/folder/x.txt", "")
    shop.write("app/lazy.py", "def __getattr__(name): ...\n")
    assert told(shop, code) == []


@pytest.mark.parametrize(
    ("imported", "line"),
    [
        ("from jobs.clases import PayJob", "1:1: there is no module jobs.clases"),
        ("from jobs.classes import PaJob as PayJob", "1:1: there is no PaJob in jobs.classes"),
        ("from jobs.classes import SmsJob", "3:14: nothing here is called PayJob"),
    ],
)
def test_the_class_that_a_handler_takes_is_told_where_it_is_not_there(shop: Project, imported: str, line: str) -> None:
    shop.write("jobs/__init__.py", "")
    shop.write("jobs/pay.py", f"{imported}\n\ndef run(job: PayJob, ctx): ...\n")
    found = [text for text in shop.told() if text.endswith("[Q217]")]
    assert [text.partition(": run cannot take a PayJob")[0] for text in found] == [f"jobs/pay.py:{line}"]


class TypeVar(ast.AST):
    """What Python 3.12 makes of `T` in `def run[T](job: T)`."""

    name = "T"


def test_a_type_parameter_is_a_name(shop: Project) -> None:
    ev = Evaluator(Sources(shop.root))
    outline = ev.outline(ev.sources.read(shop.write("app/typed.py", "def run(job: T): ...\n")))
    node = outline.names["T"][0]
    assert undefined(ev, "T", node, outline.top)
    outline.homes[TypeVar()] = outline.top
    assert undefined(ev, "T", node, outline.top) == []


def test_a_silencer_answers_for_a_name_that_is_not_there(shop: Project) -> None:
    assert told(shop, "spark.job.dispatch()  # qsup: dispatches PayJob\n") == []
    assert told(shop, "spark.dispatch()  # qsup: dispatches PayJob\n") == []


def test_a_queue_from_elsewhere_is_told_with_the_place_where_it_is_written(shop: Project) -> None:
    shop.write("app/names.py", NAMES.replace('"sms"', '"smss"'))
    for name in ("names.QUEUE", "names.Queue.SMS", "names.Queue.SMS.value", 'f"{names.QUEUE}"'):
        code = f"{PAY}from app import names\n\nPayJob(amount=1).dispatch(queue={name})\n"
        line = 6 if "QUEUE" in name else 4
        assert told(shop, code, "Q212") == [
            f"app/site.py:4:1: PayJob goes to queue smss (written at app/names.py:{line}), which is not declared: "
            "this dispatch would be refused, did you mean sms?"
        ]
    code = f'{PAY}Q = "id" + "le"\nPayJob(amount=1).dispatch(queue=Q)\n'
    assert told(shop, code, "Q213")[0].startswith(
        "app/site.py:3:1: PayJob goes to queue idle (written at app/site.py:2), which has"
    )


def test_a_crontab_s_line_is_told_and_not_the_text_s_first(shop: Project) -> None:
    code = 'CRON = """\n# m h\n\n*/5 * * * * qsup dispatch PayJobs {}\n"""\n'
    assert [line[:19] for line in told(shop, code, "Q210")] == ["app/site.py:4:13: P"]
    assert [line[:18] for line in told(shop, code.replace("\n\n", "\\n\n"), "Q210")] == ["app/site.py:1:8: P"]
    code = f"# qsup: dispatches PayJob\n{code.replace('PayJobs', '$JOB')}"
    assert (told(shop, code, "Q214"), shop.scan().unverifiable()) == ([], ())
