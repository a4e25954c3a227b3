"""Any Python: names and nesting change nothing, text and remarks add nothing, and no file ends the scan."""

from __future__ import annotations

import keyword
import random
import secrets
import sysconfig
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qsup.check.python.classes import Classes
from qsup.check.python.evaluate import Evaluator
from qsup.check.sites import Site, sites
from qsup.check.source import Sources, python_files
from tests.check.project import Project

SOME = settings(
    max_examples=60, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
"""`print_blob`: a failing example prints what repeats it."""

RESERVED = {"qsup", "jobs", "self", "cls", "range", "dispatch", "dispatch_many", "list", "super", "print", "classes"}


def is_free(name: str) -> bool:
    """Whether a program may call anything so."""
    return not keyword.iskeyword(name) and not keyword.issoftkeyword(name) and name not in RESERVED


NAMES: st.SearchStrategy[str] = st.from_regex(r"[a-z_][a-z0-9_é]{0,8}", fullmatch=True).filter(is_free)

WAYS = [
    ("{a}({f}=1).dispatch()", {"PayJob"}),
    ("{b} = {a}({f}=1)\n{b}.dispatch(queue='sms')", {"PayJob sms"}),
    ("{q}.dispatch({a}({f}=1), queue={s})", {"PayJob sms"}),
    ("{q}.dispatch_many([{a}({f}={b}) for {b} in range(3)])", {"PayJob"}),
    ("{b} = []\n{b}.append({a}({f}=1))\n{b}.append({t}(to='x'))\n{q}.dispatch_many({b})", {"PayJob", "SmsJob"}),
    ("({a}({f}=1) if {s} else {t}(to='x')).dispatch()", {"PayJob", "SmsJob"}),
    ("def {b}({c}: {a}):\n    {c}.dispatch()", {"PayJob"}),
    ("def {b}({c}):\n    if isinstance({c}, {t}):\n        {c}.dispatch()", {"SmsJob"}),
    ("class {b}:\n    {c} = {t}\n    def {d}(self):\n        self.{c}(to='x').dispatch()", {"SmsJob"}),
    ("{b} = {{'x': {a}}}\nfor {c} in {b}.values():\n    {c}({f}=1).dispatch()", {"PayJob"}),
    ("{b} = {q}.dispatch\n{b}({a}({f}=1))", {"PayJob"}),
    ("def {b}({c}):\n    {c}.dispatch()", {"?"}),
]

FRAMES = [
    "{body}",
    "if True:\n{indented}",
    "def {name}():\n{indented}",
    "async def {name}():\n{indented}",
    "try:\n{indented}\nfinally:\n    pass",
    "for {name} in range(3):\n{indented}",
    "with open('x') as {name}:\n{indented}",
    "class {name}:\n    def {inner}(self):\n{twice}",
]

NOISE = st.sampled_from(
    [
        "# PayJob(amount=1).dispatch()",
        "# qsup dispatch PayJob",
        "'PayJob(amount=1).dispatch()'",
        '"""qsup.dispatch(SmsJob(to=1))\nSELECT qsup.dispatch(\'PayJob\', 1)\n"""',
        "_ = 'SELECT qsup.dispatch(''SmsJob'')'",
        "_ = f'qsup dispatch SmsJob {1}'",
        "_ = b'dispatch', 'dispatch_many', 'unheard'",
        "print('* * * qsup dispatch PayJob')",
        "if 0: 'dispatch'  # .dispatch()",
    ]
)


def indent(text: str, depth: int = 1) -> str:
    return "\n".join("    " * depth + line for line in text.split("\n"))


@st.composite
def programs(draw: st.DrawFn) -> tuple[str, set[str]]:
    """A module and the jobs, each with its queue, that it dispatches."""
    names = draw(st.lists(NAMES, min_size=10, max_size=10, unique=True))
    a, b, c, d, q, s, t, frame, inner, other = names
    way, expected = draw(st.sampled_from(WAYS))
    body = way.format(a=a, b=b, c=c, d=d, q=q, s=s, t=t, f="amount")
    for name in draw(st.lists(st.sampled_from([frame, other]), max_size=3)):
        form = draw(st.sampled_from(FRAMES))
        text = indent(body) if form.count("{") else body
        body = form.format(body=body, indented=text, twice=indent(body, 2), name=name, inner=inner)
    imports = [
        f"import qsup as {q}",
        draw(
            st.sampled_from(
                [f"from jobs.classes import PayJob as {a}", f"import jobs.classes\n{a} = jobs.classes.PayJob"]
            )
        ),
        draw(
            st.sampled_from(
                [f"from jobs.classes import SmsJob as {t}", f"from jobs import classes\n{t} = classes.SmsJob"]
            )
        ),
        f"{s} = 'sms'",
    ]
    return "\n".join([*imports, body, ""]), expected


def seen(project: Project, code: str) -> set[str]:
    return {line.partition(": ")[2] for line in project.seen(code)}


@SOME
@given(program=programs())
def test_names_and_nesting_do_not_change_what_is_dispatched(project: Project, program: tuple[str, set[str]]) -> None:
    code, expected = program
    assert seen(project, code) == expected, code


@SOME
@given(program=programs(), noise=st.lists(st.tuples(st.integers(0, 40), NOISE), max_size=8))
def test_text_and_remarks_add_no_site(
    project: Project, program: tuple[str, set[str]], noise: list[tuple[int, str]]
) -> None:
    code, expected = program
    lines = code.split("\n")
    tops = [at for at, line in enumerate(lines) if line and not line[0].isspace() and not line.startswith("finally")]
    for place, text in sorted(noise, key=lambda one: one[0] % len(tops), reverse=True):
        lines.insert(tops[place % len(tops)], text)
    assert seen(project, "\n".join(lines)) == expected, "\n".join(lines)


@SOME
@given(text=st.text(alphabet="()[]{}:=.,'\"\\#@*\n\t abdispatchqsupJob01", max_size=200))
def test_no_text_ends_the_scan(project: Project, text: str) -> None:
    project.write("app/site.py", "PayJob = 1\nPayJob.dispatch()\n" + text)
    project.scan()


def of_library(root: Path, files: list[Path], seconds: float) -> tuple[int, list[Site]]:
    """How many of the files were read within the time, and every site in them."""
    sources = Sources(root)
    ev = Evaluator(sources)
    begun, found = time.monotonic(), []
    for number, file in enumerate(files, 1):
        module = sources.read(file)
        found += list(sites([module], ev, Classes(ev, [module]), {"PayJob"}))
        if time.monotonic() - begun > seconds:
            return number, found
    return len(files), found


def test_python_s_own_library_has_no_job_and_ends_no_scan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = secrets.randbelow(10**6)
    library = Path(sysconfig.get_path("stdlib"))
    files = [file for file in python_files(library) if "site-packages" not in file.parts]
    random.Random(seed).shuffle(files)  # noqa: S311  a sample, no secret
    with_the_word = [file for file in files if b"dispatch" in file.read_bytes()]
    number, found = of_library(tmp_path, [*with_the_word, *files], 6)
    with capsys.disabled():
        print(f"\nseed {seed}: {number} files of {library}, {len(found)} sites that nobody can verify")
    assert [site for site in found if not site.why] == []
    assert len(found) < 60, "a scan that doubts everything says nothing"
