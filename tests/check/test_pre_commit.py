"""The hook for pre-commit: what .pre-commit-hooks.yaml says really runs, and on the files that matter."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.check.project import Project
from tests.check.test_pages import BLOCK

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to" / "check-in-ci.md"


@pytest.fixture(scope="module")
def hook() -> dict[str, Any]:
    """The only one."""
    (found,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def committed(hook: dict[str, Any], project: Project, name: str) -> int | None:
    """As pre-commit does it: the entry in the repository's folder if the name fits; None when the hook is passed by."""
    if not re.search(hook["files"], name):
        return None
    bin_folder = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    words = [*shlex.split(hook["entry"]), *hook.get("args", []), *([] if hook["pass_filenames"] is False else [name])]
    return subprocess.run(words, cwd=project.root, env=env, capture_output=True, check=False).returncode


def test_the_entry_of_the_hook_stops_a_commit_that_leaves_a_job_unheard(hook: dict[str, Any], project: Project) -> None:
    assert committed(hook, project, "app/site.py") == 0
    project.write("app/site.py", "from jobs.classes import SmsJob\nSmsJob(to='x').dispatch()\n")
    assert committed(hook, project, "queues.yaml") == 1
    assert committed(hook, project, "README.md") is None


@pytest.mark.parametrize(
    "name",
    ["queues.yaml", "deploy/queues.yml", "app/jobs.py", "app/Jobs/Pay.php", "bin/night.sh", "etc/crontab", ".env"],
)
def test_the_hook_looks_when_a_file_changes_that_it_reads(hook: dict[str, Any], name: str) -> None:
    assert re.search(hook["files"], name)


@pytest.mark.parametrize(
    "name", ["README.md", "my-queues.yaml.orig", "app/py", "logo.png", "crontab.txt", "x.environment"]
)
def test_the_hook_stays_out_of_the_way_otherwise(hook: dict[str, Any], name: str) -> None:
    assert not re.search(hook["files"], name)


def test_installed_as_python_the_entry_is_there(hook: dict[str, Any]) -> None:
    """`language: python` installs this repository into an environment of its own and looks for the entry there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert hook["language"] == "python"
    assert shlex.split(hook["entry"])[0] in project["scripts"]
    assert {"id", "name", "entry", "language"} <= set(hook) <= set(KEYS.split())
    php = [re.match(r"[\w-]+", one) for one in project["optional-dependencies"]["php"]]
    said = re.search(r"additional_dependencies: \[(.*)\]", HOW_TO.read_text(encoding="utf-8"))
    assert said
    assert said[1].split(", ") == [one[0] for one in php if one]


KEYS = """
    id name description entry args language files exclude types types_or exclude_types always_run fail_fast verbose
    pass_filenames require_serial language_version minimum_pre_commit_version stages additional_dependencies
"""
"""What a hook may say, by pre-commit's own table "Creating new hooks"."""


def test_the_how_to_is_yaml_and_names_the_hook(hook: dict[str, Any]) -> None:
    blocks = [
        yaml.safe_load(body) for kind, _, body in BLOCK.findall(HOW_TO.read_text(encoding="utf-8")) if kind == "yaml"
    ]
    ids = re.findall(r"- id: (\S+)", HOW_TO.read_text(encoding="utf-8"))
    assert len(blocks) >= 6
    assert set(ids) == {hook["id"]}
