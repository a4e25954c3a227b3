"""The documentation says what the program does: every command, option and exit code, and every link leads somewhere."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

from qsup.cli import COMMANDS, cli
from qsup.config import parse
from qsup.errors import ExitCode
from tests.project.source import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
CALL = re.compile(r"^(?:\$ )?qsup ([a-z-]+)", re.MULTILINE)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield f"{path} {name}", found
        if isinstance(found, click.Group):
            yield from commands(found, f"{path} {name}")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_exists_and_says_what_it_does(name: str) -> None:
    module, function = COMMANDS[name].split(":")
    command = getattr(importlib.import_module(module), function)
    assert command.name == name
    assert command.help, f"qsup {name} --help says nothing"


def test_every_option_says_what_it_does() -> None:
    silent = [
        f"{path} {option.opts[-1]}"
        for path, command in commands(cli, "qsup")
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert not silent, "no help: " + ", ".join(silent)


def test_every_command_and_option_is_in_the_reference() -> None:
    text = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    sections = {section.partition("\n")[0]: section for section in text.split("\n## ")[1:]}
    wanted = dict(commands(cli, "qsup"))
    assert list(sections) == list(wanted)
    for path, command in wanted.items():
        for option in command.params:
            missing = [name for name in [*option.opts, *option.secondary_opts] if f"`{name}`" not in sections[path]]
            assert not isinstance(option, click.Option) or option.hidden or not missing, f"{path}: {missing}"


def test_the_reference_of_commands_is_current() -> None:
    text = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    assert text == generator().page(), "a command's help has changed: make docs"


def test_every_exit_code_is_in_the_reference() -> None:
    text = (DOCS / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    listed = {int(number): name for number, name in re.findall(r"^\| (\d+) \| `(\w+)` \|", text, re.MULTILINE)}
    assert listed == {code.value: code.name for code in ExitCode}


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for target in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, heading = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (heading and heading not in headings(file)):
            broken.append(target)
    assert not broken, f"{shown(page)}: {broken}"


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    called = set(CALL.findall(page.read_text(encoding="utf-8")))
    assert called <= COMMANDS.keys(), f"{shown(page)}: no such command: {called - COMMANDS.keys()}"


def test_every_page_is_reached_from_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in LINK.findall(index)}
    missing = [shown(page) for page in sorted(DOCS.rglob("*.md")) if page not in linked and page != DOCS / "README.md"]
    assert not missing, f"not in docs/README.md: {missing}"


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_whole_example_of_queues_yaml_keeps_its_rules(page: Path) -> None:
    for example in blocks(page, "yaml"):
        if re.search(r"^version: 1$", example, re.MULTILINE):
            problems = parse(example, shown(page), {}).problems
            assert not [problem for problem in problems if problem.severity == "error"]


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_example_in_python_can_be_read(page: Path) -> None:
    for example in blocks(page, "python"):
        compile(example, shown(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def blocks(page: Path, language: str) -> list[str]:
    """The fenced examples in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def headings(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
