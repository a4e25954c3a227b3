"""The frame of a failure: the innermost function of the project, whatever stands above it and whatever it called."""

from __future__ import annotations

import importlib
import itertools
import os
from pathlib import Path

import pytest

from qsup.frames import LONGEST, frame_of
from qsup.messages import Work
from qsup.outcome import Report
from qsup.perform import failure, perform

CODE = """
import asyncio, json

class Ledger:
    def book(self, text):
        return json.loads(text)

def charge():
    Ledger().book("{")

def refund():
    Ledger().book
    raise ValueError("no")

def both():
    try:
        charge()
    except ValueError as error:
        raise RuntimeError("twice") from error

def inner():
    def deep():
        raise ValueError("no")
    deep()

async def later():
    await asyncio.sleep(0)
    raise ValueError("no")

def waits():
    asyncio.run(later())

def by_string():
    exec("raise ValueError('no')")
"""
_numbers = itertools.count(1)


def the_frame(folder: Path, function: str, code: str = CODE, package: str = "") -> str:
    """Write the code as a new module, call its function, and ask for the frame of what it raised."""
    name = f"framed{next(_numbers)}"
    home = folder / package if package else folder
    home.mkdir(exist_ok=True)
    (home / f"{name}.py").write_text(code)
    handler = f"{package}.{name}" if package else name
    importlib.invalidate_caches()
    module = importlib.import_module(handler)
    try:
        getattr(module, function)()
    except Exception as error:
        return frame_of(error, f"{handler}:{function}").replace(name, "shop")
    return "nothing was raised"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose modules can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("function", "frame"),
    [
        ("charge", "shop.py:Ledger.book"),
        ("refund", "shop.py:refund"),
        ("both", "shop.py:both"),
        ("inner", "shop.py:inner.<locals>.deep"),
        ("waits", "shop.py:later"),
        ("by_string", "shop.py:by_string"),
    ],
)
def test_it_is_the_innermost_function_of_the_project(folder: Path, function: str, frame: str) -> None:
    assert the_frame(folder, function) == frame


def test_an_edit_above_changes_nothing(folder: Path) -> None:
    shifted = "# one\n# more\n" * 20 + CODE
    assert the_frame(folder, "charge") == the_frame(folder, "charge", shifted)


def test_a_package_is_part_of_the_name(folder: Path) -> None:
    assert the_frame(folder, "refund", package=f"pack{os.getpid()}") == f"pack{os.getpid()}/shop.py:refund"


def test_libraries_inside_the_project_are_not_its_own_code(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = folder / ".venv" / "lib" / "site-packages"
    library.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(library))
    (library / "bought.py").write_text("def fail():\n    raise ValueError('no')\n")
    assert the_frame(folder, "run", "import bought\ndef run():\n    bought.fail()\n") == "shop.py:run"


def test_a_project_that_is_installed_is_its_own_package_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "site-packages"
    (library).mkdir()
    monkeypatch.syspath_prepend(str(library))
    (library / "sold.py").write_text("def fail():\n    raise ValueError('no')\n")
    package = f"installed{os.getpid()}"
    code = "import sold\ndef run():\n    sold.fail()\n"
    assert the_frame(library, "run", code, package) == f"{package}/shop.py:run"


def test_qsup_itself_and_a_missing_handler_have_no_frame() -> None:
    work = Work(
        id=1, claim=1, type="Note", queue="a", handler="not_there:run", payload="{}", attempt=1, tries=1, crashes=0,
        timeout=1.0, grace=1.0, step="run",
    )  # fmt: skip
    report = perform(work, context=None, limit=None)  # type: ignore[arg-type]  # it does not come so far
    assert (report.kind, report.exception, report.frame) == ("error", "ModuleNotFoundError", "")


def test_a_working_directory_that_is_gone_does_not_hide_the_failure(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert the_frame(folder, "refund") == "shop.py:refund"


def test_a_frame_is_short_and_can_be_stored(folder: Path) -> None:
    name = "n" * 5000
    long = the_frame(folder, name, f"def {name}():\n    raise ValueError\n")
    assert len(long) <= LONGEST
    report = failure("error", ValueError("a\0b"), "nowhere:f")
    assert (report.reason, report.frame) == (r"a\0b", "")


def test_a_symptom_stands_only_where_no_exception_tells() -> None:
    assert Report(kind="error", exception="ValueError").symptom == ""
    assert Report(kind="discard", exception="qsup.Discard").symptom == ""
    assert Report(kind="error", reason="its outcome could not be stored").symptom == "error"
    assert Report(kind="timeout", exception="qsup.perform.TimeLimit").symptom == "timeout"
    assert Report(kind="memory").symptom == "memory"
    assert Report(kind="crash", reason="its worker exited with code 3").symptom == "its worker exited with code 3"
