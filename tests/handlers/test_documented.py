"""Every setting that the hotspot reads is on its page, and every job."""

from __future__ import annotations

import re

import pytest

from handlers import jobs
from tests.project.source import ROOT

PAGE = (ROOT / "docs" / "reference" / "hotspot-jobs.md").read_text()
NAME = re.compile(r"""["']((?:ROUTER|SMS|MPESA|RADIUS|LOG|REPORT|HOTSPOT)_[A-Z_]*[A-Z])["']""")
SOURCES = [path for path in sorted((ROOT / "handlers").rglob("*.py")) if "sandbox" not in path.parts]
SETTINGS = {found for path in SOURCES for found in NAME.findall(path.read_text())}
OWN = {"RADIUS_DATABASE_URL"}
"""Read once, by the program that writes FreeRADIUS's files; its how-to has it."""


@pytest.mark.parametrize("name", sorted(SETTINGS - OWN))
def test_every_setting_is_on_the_page(name: str) -> None:
    assert f"`{name.removesuffix('_FILE')}`" in PAGE


def test_settings_were_found() -> None:
    assert {"ROUTER_PASSWORD", "SMS_API_KEY", "MPESA_PASSKEY", "RADIUS_SECRET", "LOG_DIRECTORY"} <= SETTINGS


@pytest.mark.parametrize("name", [name for name in vars(jobs) if name.endswith("Job") or name == "RotateLogs"])
def test_every_job_has_a_section(name: str) -> None:
    assert f"## {name}\n" in PAGE
