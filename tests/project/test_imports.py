"""Who may import whom: the table of rows.py, held against the syntax trees."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project import rows
from tests.project.source import Module, is_standard, modules, top

QSUP = modules("qsup")
HANDLERS = modules("handlers")
BY_NAME = {module.name: module for module in QSUP}


def test_every_module_has_a_row_and_imports_its_own_row_or_below() -> None:
    homeless = [
        f"{module.shown} has no row: add {module.name} to ROWS in tests/project/rows.py"
        for module in QSUP
        if rows.row(module.name) is None
    ]
    assert not homeless, "\n".join(homeless)
    climbing = [line for module in QSUP for line in climbs(module)]
    assert not climbing, "\n".join(climbing)


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {module.name: {one.module for one in module.imports if not one.lazy} & BY_NAME.keys() for module in QSUP}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail("a cycle of imports: " + " → ".join(reversed(error.args[1])))


def test_the_rows_of_decisions_know_no_clock_process_file_socket_random_or_database() -> None:
    pure = [module for module in QSUP if (rows.row(module.name) or 0) <= rows.PURE]
    impure = [
        f"{module.shown}:{one.line} (row {rows.row(module.name)}) imports {one.module}"
        for module in pure
        for one in module.imports
        if top(one.module) in rows.IMPURE.split() and (module.name, top(one.module)) not in rows.PURE_ENOUGH
    ]
    impure += [f"{module.shown}:{line} calls open()" for module in pure for line in _opens(module)]
    assert not impure, "\n".join(impure)


def test_only_those_who_work_with_the_database_import_its_driver() -> None:
    found = [
        f"{module.shown}:{one.line} imports {one.module}; only these may: {rows.DRIVER}"
        for module in QSUP
        for one in module.imports
        if top(one.module) in {"psycopg", "psycopg_pool"} and not rows.among(module.name, rows.DRIVER)
    ]
    assert not found, "\n".join(found)


def test_the_supervisor_and_the_template_are_far_from_the_database_by_every_way() -> None:
    found = [
        f"importing {module.name} loads {reached}: " + " → ".join(way)
        for module in QSUP
        if rows.among(module.name, rows.FAR_FROM_THE_DATABASE)
        for reached, way in _ways(module).items()
        if rows.among(reached, rows.DATABASE)
    ]
    assert not found, "\n".join(found)


def test_qsup_knows_neither_handlers_nor_their_libraries() -> None:
    found = [
        f"{module.shown}:{one.line} imports {one.module}"
        for module in QSUP
        for one in module.imports
        if top(one.module) in {"handlers", "librouteros", "tests"}
    ]
    assert not found, "\n".join(found)


def test_handlers_know_only_the_public_face() -> None:
    found = [
        f"{module.shown}:{one.line} imports {one.module}; handlers import `qsup` itself only"
        for module in HANDLERS
        for one in module.imports
        if one.module.startswith("qsup.") or top(one.module) == "tests"
    ]
    assert not found, "\n".join(found)


def test_no_module_has_a_name_that_says_nothing() -> None:
    found = [one.shown for one in (*QSUP, *HANDLERS) if set(one.name.split(".")) & rows.FORBIDDEN_NAMES]
    assert not found, "\n".join(found)


def test_the_reader_of_imports_sees_what_python_would_load(written: Callable[[str, str], Module]) -> None:
    def imported(text: str) -> list[str]:
        return [one.module for one in written("qsup.example", text).imports]

    assert imported("import os.path, time as t") == ["os.path", "time"]
    assert imported("from qsup import job") == ["qsup.job"]
    assert imported("from qsup import Job") == ["qsup"]
    assert imported("from . import job\nfrom .errors import QsupError") == ["qsup.job", "qsup.errors"]
    assert imported("def f():\n    if x:\n        import psycopg") == ["psycopg"]
    assert imported("if TYPE_CHECKING:\n    import psycopg\nelse:\n    import os") == ["os"]
    assert imported("try:\n    import psycopg\nexcept ImportError:\n    import os") == ["psycopg", "os"]


def test_a_module_that_climbs_is_named_with_both_rows(written: Callable[[str, str], Module]) -> None:
    up = written("qsup.routing", "import json\nfrom qsup.board import Board\nfrom qsup.outcome import Rules\n")
    assert climbs(up) == ["qsup/routing.py:2 (row 1) imports qsup.board (row 3)"]
    lazy = "def f():\n    from qsup.board import Board\n"
    assert climbs(written("qsup.routing", lazy)) == ["qsup/routing.py:2 (row 1) imports qsup.board (row 3)"]
    assert climbs(written("qsup.slots", lazy)) == []


def test_the_table_prefers_the_longest_name() -> None:
    assert rows.row("qsup.supervise.watch") == 3
    assert rows.row("qsup.supervise.plan") == 2
    assert rows.row("qsup.cli") == 5
    assert rows.row("qsup.nowhere") is None


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str], Module]:
    """A module of this name and text that is not the project's."""

    def write(name: str, text: str) -> Module:
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        return Module(name, path)

    return write


def climbs(module: Module) -> list[str]:
    """Its imports of modules in rows above its own, without those that `UPWARD` allows."""
    own = rows.row(module.name) or 0
    return [
        f"{module.shown}:{one.line} (row {own}) imports {one.module} (row {rows.row(one.module)})"
        for one in module.imports
        if one.module in BY_NAME
        and (rows.row(one.module) or 0) > own
        and not (one.lazy and (module.name, one.module) in rows.UPWARD)
    ]


def _loaded(module: Module) -> set[str]:
    """What importing the module loads at once, the packages around it included."""
    now = {one.module for one in module.imports if not one.lazy}
    return now | {package for name in now for package in _around(name)} - {module.name}


def _around(name: str) -> list[str]:
    parts = name.split(".")
    return [package for end in range(1, len(parts)) if (package := ".".join(parts[:end])) in BY_NAME]


def _ways(start: Module) -> dict[str, list[str]]:
    """Every module that importing `start` loads, with the way there; the standard library left out."""
    ways, waiting = {start.name: [start.name]}, [start.name]
    while waiting:
        name = waiting.pop()
        for loaded in _loaded(BY_NAME[name]):
            if loaded not in ways and not is_standard(loaded):
                ways[loaded] = [*ways[name], loaded]
                waiting += [loaded] if loaded in BY_NAME else []
    return ways


def _opens(module: Module) -> list[int]:
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "open"]


def test_qsup_s_own_statements_run_in_a_session_of_its_own() -> None:
    # In the others the user's settings hold: a handler's and a dispatcher's own connections, and `qsup db`.
    plain = {"qsup.connect", "qsup.transaction", "qsup.attempt", "qsup.dispatching", "qsup.cli.db"}
    callers = {
        module.name
        for module in QSUP
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and "open_connection" in (getattr(node.func, "attr", ""), getattr(node.func, "id", ""))
    }
    assert callers - {"qsup.job"} == plain, "use open_own: a hostile search_path or row security must not reach us"
